//! The command line: what was typed and what it means.
//!
//! Owns the options and the syntax of addresses and fingerprints. Reads no files and opens no
//! sockets. Runs on the main thread before anything else.

use crate::protocol::names::UserName;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// The default port for TLS: CHAT on a keypad.
const TLS_PORT: u16 = 2428;
/// The default port for plain text, which servers accept from their own machine.
const PLAIN_PORT: u16 = 2427;

/// `chitchat [HOST[:PORT]]`: chat on a ChitChat server.
#[derive(Debug, clap::Parser)]
#[command(
    name = "chitchat",
    version,
    about = "Chat on a ChitChat server.",
    after_help = "Examples:
  chitchat chat.example.org                           log in, or log in again without a password
  chitchat localhost --invite 9F3D-XM2T-7TPA-B2ZW     register with an invitation
  chitchat chat.example.org --name bot                log in with another account
  echo 'backup is done' | chitchat chat.example.org   say something from a script

Without a terminal, lines are read from standard input and there are no prompts: log in once in a terminal first.

Exit codes:
  0  success
  1  something else failed, for example a script's line was refused
  2  the command line is wrong
  3  the server can't be reached
  4  the login was refused
  5  the server's certificate is not trusted"
)]
pub struct CommandLine {
    // Not a documentation comment, which would take the address for a link.
    #[arg(
        value_name = "HOST[:PORT]",
        default_value = "localhost",
        help = "Server to connect to; the port is 2428 unless given (2427 with --plain). IPv6: [::1]:2428"
    )]
    server: HostPort,
    /// Account name to log in with or register
    #[arg(long, value_parser = UserName::parse)]
    pub name: Option<UserName>,
    /// Register a new account with this invitation
    #[arg(long, value_name = "CODE")]
    pub invite: Option<String>,
    /// Register a new account on a server that is open to everyone
    #[arg(long)]
    pub register: bool,
    /// Trust the server if its certificate has this fingerprint, and refuse it if it does not
    #[arg(long, value_name = "SHA256", conflicts_with = "plain")]
    pub fingerprint: Option<Fingerprint>,
    /// Use plain text instead of TLS; only to a server on this machine
    #[arg(long)]
    plain: bool,
    /// When to use colours; auto, the default, looks at the terminal, NO_COLOR and TERM
    #[arg(long, value_enum, value_name = "WHEN")]
    pub color: Option<Colors>,
}

impl CommandLine {
    /// Whether `chitchat help` was typed, which means `--help` and not a host of that name
    /// (`help:2428` is one).
    #[must_use]
    pub fn asks_for_help(&self) -> bool {
        self.server.host == "help" && self.server.port.is_none()
    }

    /// The server to connect to.
    #[must_use]
    pub fn address(&self) -> Address {
        let (default, transport) = if self.plain { (PLAIN_PORT, Transport::Plain) } else { (TLS_PORT, Transport::Tls) };
        Address { host: self.server.host.clone(), port: self.server.port.unwrap_or(default), transport }
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Colors {
    /// On a terminal that supports them.
    Auto,
    /// Even without a terminal.
    Always,
    /// Not at all.
    Never,
}

/// What carries the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TLS from the first byte on.
    Tls,
    /// Plain text, which is only for a server on this machine.
    Plain,
}

/// A server's address, under which everything about it is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// TLS or plain.
    pub transport: Transport,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct HostPort {
    host: String,
    port: Option<u16>,
}

/// An argument that is not valid. The user's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// No host, or one with spaces or stray brackets.
    #[error("expected HOST, HOST:PORT or [IPV6]:PORT")]
    Host,
    /// `NAME@HOST`, as ssh takes it.
    #[error("the name goes into --name: chitchat {host} --name {name}")]
    NameBeforeHost {
        /// The part before the `@`.
        name: String,
        /// The part after it.
        host: String,
    },
    /// Not a TCP port.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// Not 64 hexadecimal digits.
    #[error("a fingerprint is SHA256: and 64 hexadecimal digits, as the server prints when it starts")]
    Fingerprint,
}

impl FromStr for HostPort {
    type Err = ArgumentError;

    fn from_str(typed: &str) -> Result<Self, ArgumentError> {
        let number = |port: &str| match port.parse::<u16>() {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => Err(ArgumentError::Port),
        };
        if let Some((name, host)) = typed.split_once('@') {
            return Err(ArgumentError::NameBeforeHost { name: name.to_owned(), host: host.to_owned() });
        }
        let (host, port) = if let Some(rest) = typed.strip_prefix('[') {
            let (host, after) = rest.split_once(']').ok_or(ArgumentError::Host)?;
            host.parse::<Ipv6Addr>().map_err(|_| ArgumentError::Host)?;
            match after.strip_prefix(':') {
                Some(port) => (host, number(port)?),
                None if after.is_empty() => (host, None),
                None => return Err(ArgumentError::Host),
            }
        } else if typed.parse::<Ipv6Addr>().is_ok() {
            (typed, None)
        } else {
            match typed.split_once(':') {
                Some((host, port)) => (host, number(port)?),
                None => (typed, None),
            }
        };
        let plausible = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || !host.chars().all(plausible) {
            return Err(ArgumentError::Host);
        }
        // Host names ignore case; the user should not be asked to trust one server twice.
        Ok(Self { host: host.to_lowercase(), port })
    }
}

impl FromStr for Address {
    type Err = ArgumentError;

    /// `HOST`, `HOST:PORT` or `[IPV6]:PORT` of a server that is reached over TLS.
    fn from_str(typed: &str) -> Result<Self, ArgumentError> {
        let HostPort { host, port } = typed.parse()?;
        Ok(Self { host, port: port.unwrap_or(TLS_PORT), transport: Transport::Tls })
    }
}

/// The SHA-256 of a certificate in DER. Shown as `SHA256:` and lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", HEXLOWER.encode_display(&self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = ArgumentError;

    /// Also accepts bare digits and the colons that `openssl x509 -fingerprint` puts between them.
    fn from_str(typed: &str) -> Result<Self, ArgumentError> {
        let digits = match typed.split_at_checked(7) {
            Some((prefix, digits)) if prefix.eq_ignore_ascii_case("sha256:") => digits,
            _ => typed,
        };
        let digits: String = digits.chars().filter(|&c| c != ':').collect();
        unhex(&digits).map(Self).ok_or(ArgumentError::Fingerprint)
    }
}

/// Reads 64 hexadecimal digits.
pub(super) fn unhex(digits: &str) -> Option<[u8; 32]> {
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser as _};

    fn address(args: &[&str]) -> String {
        let line = std::iter::once("chitchat").chain(args.iter().copied());
        CommandLine::try_parse_from(line).map_or_else(|e| e.kind().to_string(), |args| args.address().to_string())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn addresses_are_read_as_people_type_them() {
        assert_eq!(address(&[]), "localhost:2428");
        assert_eq!(address(&["--plain"]), "localhost:2427");
        assert_eq!(address(&["Chat.Example.org"]), "chat.example.org:2428");
        assert_eq!(address(&["chat.example.org:7000"]), "chat.example.org:7000");
        assert_eq!(address(&["[::1]:7000"]), "[::1]:7000");
        assert_eq!(address(&["::1"]), "[::1]:2428");
        let user = CommandLine::try_parse_from(["chitchat", "bob@localhost:7000"]).unwrap_err().to_string();
        assert!(user.contains("chitchat localhost:7000 --name bob"), "{user}");
        for wrong in ["", "a b", "host:0", "host:99999", "[::1", "[::1]7", "[nonsense]:1", ":2428"] {
            let parsed = wrong.parse::<HostPort>();
            assert!(parsed.is_err(), "{wrong:?} was taken as {parsed:?}");
        }
    }

    #[test]
    fn help_is_not_a_host() {
        let asks = |args: &[&str]| {
            CommandLine::try_parse_from(std::iter::once("chitchat").chain(args.iter().copied()))
                .unwrap()
                .asks_for_help()
        };
        assert!(asks(&["help"]));
        assert!(!asks(&["help:2428"]) && !asks(&[]) && !asks(&["help.example.org"]));
    }

    #[test]
    fn fingerprints_are_accepted_in_every_usual_form() {
        let shown = format!("SHA256:{}", "0a".repeat(32));
        let fingerprint: Fingerprint = shown.parse().unwrap();
        assert_eq!(fingerprint.to_string(), shown);
        assert_eq!("0A".repeat(32).parse(), Ok(fingerprint));
        assert_eq!(vec!["0A"; 32].join(":").parse(), Ok(fingerprint));
        for wrong in ["", "SHA256:", "SHA256:zz", "ab", "é".repeat(32).as_str()] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(ArgumentError::Fingerprint), "{wrong}");
        }
    }
}
