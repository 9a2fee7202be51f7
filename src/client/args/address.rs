//! Servers' addresses and fingerprints, as people type them.
//!
//! Owns their syntax. Pure.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// The default port for TLS: CHAT on a keypad.
const TLS_PORT: u16 = 2428;
/// The default port for plain text, which servers accept from their own machine.
const PLAIN_PORT: u16 = 2427;

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

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => f.write_str(&self.host),
            Some(port) if self.host.contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
        }
    }
}

/// A host, and a port if one was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    host: String,
    port: Option<u16>,
}

impl HostPort {
    /// This machine, where a server may run.
    pub(super) fn localhost() -> Self {
        Self { host: "localhost".to_owned(), port: None }
    }

    /// The same with this port unless one was typed, if there is this one.
    pub(super) fn or_port(mut self, port: Option<u16>) -> Self {
        self.port = self.port.or(port);
        self
    }

    /// Whether an address is of this host, and at this port if one was typed.
    #[must_use]
    pub fn is_of(&self, address: &Address) -> bool {
        self.host == address.host && self.port.is_none_or(|port| port == address.port)
    }

    /// The address, at the transport's usual port unless one was typed.
    pub(super) fn over(&self, transport: Transport) -> Address {
        let usual = match transport {
            Transport::Tls => TLS_PORT,
            Transport::Plain => PLAIN_PORT,
        };
        Address { host: self.host.clone(), port: self.port.unwrap_or(usual), transport }
    }
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
    /// A link that is none of ours.
    #[error("an invitation's link looks like https://HOST:PORT/#invite=CODE")]
    Link,
    /// Not a TCP port.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// Not 64 hexadecimal digits.
    #[error("a fingerprint is SHA256: and 64 hexadecimal digits, as the server prints when it starts")]
    Fingerprint,
    /// A time that is no time.
    #[error("expected seconds, or a number and s, m or h: 30s, 2m")]
    Timeout,
    /// A key for `/post` with spaces in it.
    #[error("a key is one word")]
    Key,
    /// A time with spaces in it.
    #[error("expected a time such as 2026-11-30T12:30:00Z, a date, or a duration such as 7d")]
    Time,
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
        Ok(typed.parse::<HostPort>()?.over(Transport::Tls))
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
pub(in crate::client) fn unhex(digits: &str) -> Option<[u8; 32]> {
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in ["", "a b", "host:0", "host:99999", "[::1", "[::1]7", "[nonsense]:1", ":2428"] {
            let parsed = wrong.parse::<HostPort>();
            assert!(parsed.is_err(), "{wrong:?} was taken as {parsed:?}");
        }
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
