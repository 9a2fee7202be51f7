//! The command line: what was typed and what it means.
//!
//! Owns the options. Reads no files and opens no sockets. Runs on the main thread before anything else.
//!
//! In `--help` the examples come first, and the exit codes last; `-h` has neither. The man pages and completions are
//! made from these definitions (`examples/package`).

use crate::protocol::names::UserName;
use std::path::PathBuf;
use std::time::Duration;

mod address;
mod commands;
mod destination;

pub(super) use address::unhex;
pub use address::{Address, ArgumentError, Fingerprint, HostPort, Transport};
pub use commands::{
    Command, ForgetArgs, MessageArgs, MsgArgs, PipeArgs, RoomsArgs, SayArgs, SearchArgs, TailArgs, WhoArgs,
};
pub use destination::Destination;

/// How `--help` is laid out.
const TEMPLATE: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}{after-help}";

/// The seconds of `--timeout` if it is not given.
const TIMEOUT: Duration = Duration::from_secs(30);

/// `chitchat [HOST[:PORT]]`: chat on a ChitChat server. With a subcommand: do one thing there, for scripts.
#[derive(Debug, clap::Parser)]
#[command(
    name = "chitchat",
    version,
    about = "Chat on a ChitChat server.",
    help_template = TEMPLATE,
    subcommand_help_heading = "Commands for scripts",
    before_long_help = "Examples:
  chitchat chat.example.org                           log in, or log in again without a password
  chitchat localhost --invite 9F3D-XM2T-7TPA-B2ZW     register with an invitation
  chitchat                                            go back to where you were last
  chitchat chat.example.org --name bot                log in with another account
  chitchat say ops 'the backup is done'               say something from a script
  chitchat tail ops -f                                follow a room",
    after_long_help = "Without a command, this is the chat. If there is no terminal, it says the lines of its standard input and \
prints what others say, as on the wire, until its input ends: scripts do better with the commands above. A host that is \
called like a command is given with its port: chitchat say:2428

Environment:
  CHITCHAT_SERVER        the server, if neither HOST nor --server names one; without it, the one used last
  CHITCHAT_TOKEN         a device token, made with /token new LABEL: commands log in with it, and then need no files
  CHITCHAT_FINGERPRINT   as --fingerprint, for commands

Exit codes:
  0  success
  1  something else failed, for example a line was refused
  2  the command line is wrong
  3  the server can't be reached
  4  the login was refused
  5  the server's certificate is not trusted
  6  there is no such room or person, or you may not do that"
)]
pub struct CommandLine {
    /// What to do, if not to chat.
    #[command(subcommand)]
    pub command: Option<Command>,
    // Not a documentation comment, which would take the address for a link.
    #[arg(
        value_name = "HOST[:PORT]",
        help = "Server to chat on, or an invitation's link; without it, the server where you were last. The port is 2428 \
unless given (2427 with --plain), and 443 in a link. IPv6: [::1]:2428"
    )]
    host: Option<Destination>,
    #[arg(
        long,
        global = true,
        value_name = "HOST[:PORT]",
        env = "CHITCHAT_SERVER",
        hide_env = true,
        help = "Server for the commands for scripts; by default CHITCHAT_SERVER, or the one where you were last"
    )]
    server: Option<HostPort>,
    /// Account name to log in with or register
    #[arg(long, global = true, value_parser = UserName::parse)]
    pub name: Option<UserName>,
    /// Register a new account with this invitation
    #[arg(long, value_name = "CODE")]
    invite: Option<String>,
    /// Register a new account on a server that is open to everyone
    #[arg(long)]
    pub register: bool,
    /// Trust the server if its certificate has this fingerprint, and refuse it if it does not
    #[arg(
        long,
        global = true,
        value_name = "SHA256",
        conflicts_with = "plain",
        env = "CHITCHAT_FINGERPRINT",
        hide_env = true
    )]
    pub fingerprint: Option<Fingerprint>,
    /// Read the password from the first line of a file, if there is no token
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Read the password from the first line that a shell command prints, such as "pass show chat"
    #[arg(long, global = true, value_name = "COMMAND", conflicts_with = "password_file")]
    pub password_command: Option<String>,
    /// Ask nothing, even at a terminal
    #[arg(long, global = true)]
    pub no_input: bool,
    /// How long commands go on trying while the server can't be reached: 30s unless given, 0 to try once
    #[arg(long, global = true, value_name = "TIME", value_parser = timeout)]
    pub timeout: Option<Duration>,
    /// Use plain text instead of TLS; only to a server on this machine
    #[arg(long, global = true)]
    plain: bool,
    /// When to use colours; auto, the default, looks at the terminal, NO_COLOR and TERM
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub color: Option<Colors>,
}

impl CommandLine {
    /// The server that the command line or the environment names.
    #[must_use]
    pub fn named_server(&self) -> Option<Address> {
        let host = self.host.as_ref().map(|host| &host.server);
        host.or(self.server.as_ref()).map(|server| server.over(self.transport()))
    }

    /// The invitation that the command line has, or the link.
    #[must_use]
    pub fn invitation(&self) -> Option<&str> {
        self.invite.as_deref().or(self.host.as_ref()?.invite.as_deref())
    }

    /// Whether the connection is to be in plain text.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// The server to connect to if none was named and none was used before: the one on this machine.
    #[must_use]
    pub fn local_server(&self) -> Address {
        HostPort::localhost().over(self.transport())
    }

    /// How long a command goes on trying while the server can't be reached.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.timeout.unwrap_or(TIMEOUT)
    }

    fn transport(&self) -> Transport {
        if self.plain { Transport::Plain } else { Transport::Tls }
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

/// Reads `30s`, `2m`, `1h` or a number of seconds.
fn timeout(typed: &str) -> Result<Duration, ArgumentError> {
    let (number, unit) = match typed.char_indices().last() {
        Some((at, unit @ ('s' | 'm' | 'h'))) => (&typed[..at], unit),
        _ => (typed, 's'),
    };
    let number: u32 = number.parse().map_err(|_| ArgumentError::Timeout)?;
    let seconds = match unit {
        'h' => 3600,
        'm' => 60,
        _ => 1,
    };
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser as _};

    fn parse(args: &[&str]) -> Result<CommandLine, clap::Error> {
        CommandLine::try_parse_from(std::iter::once("chitchat").chain(args.iter().copied()))
    }

    fn address(args: &[&str]) -> String {
        parse(args).map_or_else(
            |error| error.kind().to_string(),
            |args| args.named_server().unwrap_or_else(|| args.local_server()).to_string(),
        )
    }

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }

    /// clap leaves a global option out of a subcommand that has an argument of that id, and takes one for the other.
    #[test]
    fn no_command_has_an_argument_of_a_global_options_id() {
        let whole = CommandLine::command();
        let globals: Vec<&clap::Id> =
            whole.get_arguments().filter(|arg| arg.is_global_set()).map(clap::Arg::get_id).collect();
        assert!(globals.iter().any(|id| *id == "name") && globals.iter().any(|id| *id == "server"));
        for command in whole.get_subcommands() {
            for arg in command.get_arguments() {
                assert!(!globals.contains(&arg.get_id()), "{} of {}", arg.get_id(), command.get_name());
            }
        }
        let msg = parse(&["msg", "bob", "hi", "--name", "alice"]).unwrap();
        assert_eq!(msg.name, UserName::parse("alice").ok());
        assert_eq!(parse(&["msg", "bob", "hi"]).unwrap().name, None);
    }

    #[test]
    fn addresses_are_read_as_people_type_them() {
        assert_eq!(address(&[]), "localhost:2428");
        assert_eq!(address(&["--plain"]), "localhost:2427");
        assert_eq!(address(&["Chat.Example.org"]), "chat.example.org:2428");
        assert_eq!(address(&["chat.example.org:7000"]), "chat.example.org:7000");
        assert_eq!(address(&["[::1]:7000"]), "[::1]:7000");
        assert_eq!(address(&["::1"]), "[::1]:2428");
        let user = parse(&["bob@localhost:7000"]).unwrap_err().to_string();
        assert!(user.contains("chitchat localhost:7000 --name bob"), "{user}");
    }

    #[test]
    fn a_host_may_be_called_like_a_command() {
        assert_eq!(address(&["say:2428"]), "say:2428");
        assert!(matches!(parse(&["rooms"]).unwrap().command, Some(Command::Rooms(_))));
        assert!(parse(&["help.example.org"]).unwrap().command.is_none());
    }

    #[test]
    fn commands_take_the_options_of_the_server_before_and_after_them() {
        for args in [&["--server", "a:1", "say", "ops", "hi"][..], &["say", "ops", "hi", "--server", "a:1"]] {
            assert_eq!(address(args), "a:1");
        }
    }

    #[test]
    fn times_are_seconds_or_have_a_unit() {
        for (typed, seconds) in [("0", 0), ("30", 30), ("30s", 30), ("2m", 120), ("1h", 3600)] {
            assert_eq!(timeout(typed), Ok(Duration::from_secs(seconds)), "{typed}");
        }
        for wrong in ["", "s", "-1", "1d", "1.5", "x"] {
            assert_eq!(timeout(wrong), Err(ArgumentError::Timeout), "{wrong}");
        }
    }
}
