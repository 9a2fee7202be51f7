//! The command line of `chitchatd`: what was typed, and what to do about it.
//!
//! Owns the flags, the subcommands and the help. Knows no setting; [`Config`] checks them. Runs on
//! the main thread, before any other is started.

use crate::server::config::{Config, ConfigError, Environment, Flags};
use crate::server::operator::admin::{AdminRequest, Shape};
use crate::server::operator::console::InviteRequest;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub enum Invocation {
    /// `chitchatd`: start the server.
    Serve(Box<Config>),
    /// `chitchatd invite`: ask the running server for an invitation code.
    Invite {
        /// The settings of the server to ask. Only the data directory matters.
        config: Box<Config>,
        /// What kind of code.
        request: InviteRequest,
        /// Whether to answer in JSON.
        json: bool,
    },
    /// `chitchatd user list` and the like: ask the running server something else.
    Ask {
        /// The settings of the server to ask. Only the data directory matters.
        config: Box<Config>,
        /// What.
        request: AdminRequest,
        /// Whether to answer in JSON.
        json: bool,
    },
    /// `chitchatd config`: print the example file.
    PrintConfig,
}

/// Why there is nothing to do.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// `--help` or `--version`: the text that was asked for, not a mistake.
    #[error("{0}")]
    Help(String),
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl From<clap::Error> for CliError {
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        let text = text.trim_end();
        if error.use_stderr() {
            // Every error begins with the name of the program, and clap's are no exception.
            Self::Usage(text.strip_prefix("error: ").unwrap_or(text).to_owned())
        } else {
            Self::Help(text.to_owned())
        }
    }
}

const AFTER_HELP: &str = "\
Examples:
  chitchatd --data /srv/chat --tls 0.0.0.0:2428
  chitchatd --config /etc/chitchat.toml --set limits.flood=off
  chitchatd invite --uses 5        a code for five people, from the running server
  chitchatd config                 every setting, to begin a file with
  chitchatd user list --json       the accounts, for a script
  chitchatd user reset bob         a code for bob, who lost the password
  chitchatd user disable eve too loud
  chitchatd block 192.0.2.0/24 --for 7d scans
  chitchatd announce back in five minutes
  chitchatd admin /rooms           any command of the console

Exit status:
  0  did what was asked, or stopped when told to (SIGTERM, SIGINT)
  1  failed; the last line on standard error says why
  2  the command line or a setting is wrong; nothing was started
  3  the running server refused what it was asked
  4  no server runs on that data directory";

/// The ChitChat server. Without arguments it starts with the default settings.
#[derive(Debug, Parser)]
#[command(name = "chitchatd", version)]
#[command(after_help = AFTER_HELP)]
struct Arguments {
    #[command(flatten)]
    settings: SettingsArguments,
    /// Answer in JSON, for scripts; for the commands that ask a running server
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Verb>,
}

#[derive(Debug, Args)]
struct SettingsArguments {
    /// Where everything is kept: accounts, history, certificate
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Address and port for encrypted connections, such as 0.0.0.0:2428, or off; can be repeated
    #[arg(long, value_name = "ADDR")]
    tls: Vec<String>,
    /// Address and port for unencrypted connections, such as 127.0.0.1:2427, or off; can be repeated
    #[arg(long, value_name = "ADDR")]
    plain: Vec<String>,
    /// Who may register an account: open (anyone), invite (with a code) or closed (nobody)
    #[arg(long, value_name = "WHO")]
    registration: Option<String>,
    /// A settings file; chitchatd config prints an example
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// One setting, such as limits.flood=off, which wins over the file; can be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    sets: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Ask the running server for an invitation code
    Invite {
        /// Make the people who use the code administrators
        #[arg(long)]
        admin: bool,
        /// How many people the code lets in, 1 to 1000 [default: 1]
        #[arg(long, value_name = "N")]
        uses: Option<String>,
        /// How long the code is valid, such as 30m, 24h or 7d, at most 365d [default: 7d]
        #[arg(long = "for", value_name = "TIME")]
        lasts: Option<String>,
    },
    /// List, disable, enable and help the accounts of the running server
    User {
        #[command(subcommand)]
        verb: UserVerb,
    },
    /// List and close the rooms of the running server
    Room {
        #[command(subcommand)]
        verb: RoomVerb,
    },
    /// Tell everyone who is connected to the running server
    Announce {
        /// What to tell them
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// Keep an address or a network from connecting to the running server
    Block {
        /// Such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/48
        address: String,
        /// How long, such as 30m, 24h or 7d [default: until it is lifted]
        #[arg(long = "for", value_name = "TIME")]
        lasts: Option<String>,
        /// Why, for other administrators
        reason: Vec<String>,
    },
    /// Let an address or a network connect again
    Unblock {
        /// As it was blocked
        address: String,
    },
    /// List what is blocked
    Blocks,
    /// Show what administrators did, or what was done in a room; newest first
    Audit {
        /// The room
        room: Option<String>,
        /// The most entries, 1 to 1000 [default: 50]
        #[arg(long, value_name = "N")]
        limit: Option<String>,
    },
    /// Ask the running server any command of the console, such as /rooms
    Admin {
        /// The command, as it is typed in the chat; in quotes if a word of it begins with a hyphen
        #[arg(required = true)]
        line: Vec<String>,
    },
    /// Print every setting, with what it does and its default
    Config,
}

#[derive(Debug, Subcommand)]
enum UserVerb {
    /// List all accounts: name, admin or member, here, away or disabled, when it was made, why it is disabled
    List,
    /// Log an account out everywhere, and let it log in no more
    Disable {
        /// The account
        name: String,
        /// Why; its owner is told
        reason: Vec<String>,
    },
    /// Let a disabled account log in again
    Enable {
        /// The account
        name: String,
    },
    /// Make a code with which somebody sets a new password; ends the old one, and all connections
    Reset {
        /// The account
        name: String,
    },
    /// Make somebody an administrator, or a member again
    Grant {
        /// The account
        name: String,
        /// admin or none
        what: String,
    },
}

#[derive(Debug, Subcommand)]
enum RoomVerb {
    /// List the rooms: name, members, topic
    List,
    /// End a room for good
    Close {
        /// The room
        room: String,
    },
}

impl Verb {
    /// What it asks the running server; `None` for those that are no plain question.
    fn question(&self) -> Option<(String, Shape)> {
        let any = |line: String| Some((line, Shape::Any));
        match self {
            Self::User { verb: UserVerb::List } => Some(("/accounts".to_owned(), Shape::Accounts)),
            Self::User { verb: UserVerb::Disable { name, reason } } => {
                any(format!("/disable {name} {}", reason.join(" ")))
            }
            Self::User { verb: UserVerb::Enable { name } } => any(format!("/enable {name}")),
            Self::User { verb: UserVerb::Reset { name } } => Some((format!("/resetpw {name}"), Shape::Code)),
            Self::User { verb: UserVerb::Grant { name, what } } => any(format!("/grant {name} {what}")),
            Self::Room { verb: RoomVerb::List } => Some(("/rooms".to_owned(), Shape::Rooms)),
            Self::Room { verb: RoomVerb::Close { room } } => any(format!("/close #{}", room.trim_start_matches('#'))),
            Self::Announce { text } => any(format!("/announce {}", text.join(" "))),
            Self::Block { address, lasts, reason } => {
                let lasts = lasts.as_ref().map_or(String::new(), |lasts| format!("for={lasts} "));
                any(format!("/block {address} {lasts}{}", reason.join(" ")))
            }
            Self::Unblock { address } => any(format!("/unblock {address}")),
            Self::Blocks => Some(("/blocks".to_owned(), Shape::Blocks)),
            Self::Audit { room, limit } => {
                let room = room.as_ref().map_or(String::new(), |room| format!(" {room}"));
                let limit = limit.as_ref().map_or(String::new(), |limit| format!(" limit={limit}"));
                Some((format!("/audit{room}{limit}"), Shape::Audit))
            }
            Self::Admin { line } => any(line.join(" ")),
            Self::Invite { .. } | Self::Config => None,
        }
    }
}

impl SettingsArguments {
    fn is_empty(&self) -> bool {
        let Self { data, tls, plain, registration, config, sets } = self;
        let named = data.is_some() || registration.is_some() || config.is_some();
        !named && tls.is_empty() && plain.is_empty() && sets.is_empty()
    }

    fn check(self, environment: &Environment) -> Result<Box<Config>, ConfigError> {
        let Self { data, tls, plain, registration, config, sets } = self;
        let flags = Flags { data, tls, plain, registration };
        Config::read(config.as_deref(), &sets, &flags, environment).map(Box::new)
    }
}

/// Reads the arguments, the program's name first, and the settings that they lead to.
///
/// # Errors
/// [`CliError`]; also for `--help` and `--version`.
pub fn parse(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> Result<Invocation, CliError> {
    let Arguments { settings, json, command } = Arguments::try_parse_from(arguments)?;
    if let Some((line, shape)) = command.as_ref().and_then(Verb::question) {
        let request = AdminRequest::new(line, shape).map_err(|refusal| CliError::Usage(refusal.text))?;
        return Ok(Invocation::Ask { config: settings.check(environment)?, request, json });
    }
    match command {
        None | Some(Verb::Config) if json => {
            Err(CliError::Usage("--json is for the commands that ask a running server.".to_owned()))
        }
        None => Ok(Invocation::Serve(settings.check(environment)?)),
        Some(Verb::Config) if settings.is_empty() => Ok(Invocation::PrintConfig),
        Some(Verb::Config) => {
            Err(CliError::Usage("chitchatd config prints the defaults and takes no settings.".to_owned()))
        }
        Some(Verb::Invite { admin, uses, lasts }) => {
            let request = InviteRequest::new(uses.as_deref(), lasts.as_deref(), admin)
                .map_err(|refusal| CliError::Usage(refusal.text.clone()))?;
            Ok(Invocation::Invite { config: settings.check(environment)?, request, json })
        }
        Some(_) => Err(CliError::Usage("there is no such command".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::Registration;
    use std::path::Path;

    fn run(line: &str) -> Result<Invocation, CliError> {
        let environment = Environment { data_home: Some("/home/ann".into()), cores: 2, ..Environment::default() };
        let words = std::iter::once("chitchatd").chain(line.split_whitespace());
        parse(words.map(OsString::from), &environment)
    }

    fn served(line: &str) -> Config {
        match run(line).unwrap() {
            Invocation::Serve(config) => *config,
            other => panic!("{other:?}"),
        }
    }

    fn fault(line: &str) -> String {
        run(line).unwrap_err().to_string()
    }

    #[test]
    fn the_definition_of_the_flags_is_valid() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn without_arguments_the_server_starts() {
        let config = served("");
        assert_eq!(config.data, Path::new("/home/ann/chitchat"));
        assert_eq!(config.tls.len(), 2);
    }

    #[test]
    fn flags_reach_the_settings() {
        let config = served(
            "--data /d --tls 127.0.0.1:1 --tls [::1]:1 --plain off --registration open --set workers=1 --set history.keep=off",
        );
        assert_eq!((config.data.as_path(), config.tls.len(), config.plain.len()), (Path::new("/d"), 2, 0));
        assert_eq!((config.registration, config.workers, config.history.keep), (Registration::Open, 1, false));
    }

    #[test]
    fn a_file_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("chitchat.toml");
        std::fs::write(&file, "workers = 3\nwrokers = 3\n").unwrap();
        let line = format!("--config {}", file.display());
        let expected = format!("{}:2: wrokers = 3: there is no setting wrokers. Did you mean workers?", file.display());
        assert_eq!(fault(&line), expected);
        std::fs::write(&file, "workers = 3\n").unwrap();
        assert_eq!(served(&line).workers, 3);
    }

    #[test]
    fn an_invitation_is_checked_before_the_server_is_asked() {
        for line in ["invite --data /d --admin --uses 3 --for 2h", "--data /d invite --for 2h --uses 3 --admin"] {
            let Invocation::Invite { config, request, json: false } = run(line).unwrap() else { panic!("{line}") };
            assert_eq!(config.data, Path::new("/d"));
            assert_eq!(request.line(), "/invitecode uses=3 for=2h admin");
        }
        for wrong in ["invite --uses 0", "invite --uses many", "invite --for 1y", "invite --for 366d", "invite now"] {
            assert!(matches!(run(wrong), Err(CliError::Usage(_))), "{wrong}");
        }
        let message = fault("invite --for 1y");
        assert!(message.contains("1y is not a duration"), "{message}");
    }

    #[test]
    fn the_running_server_is_asked_in_its_own_words() {
        for (typed, line) in [
            ("user list", "/accounts"),
            ("user disable bob too loud", "/disable bob too loud"),
            ("user enable bob --data /d", "/enable bob"),
            ("user reset bob", "/resetpw bob"),
            ("user grant bob admin", "/grant bob admin"),
            ("room list --json", "/rooms"),
            ("room close ops", "/close #ops"),
            ("announce back at noon", "/announce back at noon"),
            ("block 192.0.2.0/24 --for 7d scans", "/block 192.0.2.0/24 for=7d scans"),
            ("unblock 192.0.2.0/24", "/unblock 192.0.2.0/24"),
            ("blocks", "/blocks"),
            ("audit", "/audit"),
            ("audit ops --limit 5", "/audit ops limit=5"),
            ("admin /role ops bob moderator --data /d", "/role ops bob moderator"),
            ("admin /topic ops -", "/topic ops -"),
        ] {
            let Invocation::Ask { request, json, .. } = run(typed).unwrap() else { panic!("{typed}") };
            assert_eq!(request.line().trim_end(), line);
            assert_eq!(json, typed.contains("--json"));
        }
        for wrong in ["user", "user disable b!b", "admin hello", "block here", "announce", "--json", "config --json"] {
            assert!(matches!(run(wrong), Err(CliError::Usage(_))), "{wrong}");
        }
        assert!(fault("block 127.0.0.1").contains("this machine itself"));
    }

    #[test]
    fn unknown_arguments_are_reported() {
        assert!(fault("--pain off").contains("--plain"));
        assert_eq!(
            fault("--registration all"),
            "--registration all: unknown value `all`, expected one of `open`, `invite`, `closed`"
        );
        assert!(matches!(run("config").unwrap(), Invocation::PrintConfig));
        for ignored in ["config --config bad.toml", "config --set workers=1", "--tls off config", "config --data /d"] {
            assert!(fault(ignored).contains("takes no settings"), "{ignored}");
        }
        for shown in ["--help", "--version", "help"] {
            assert!(matches!(run(shown), Err(CliError::Help(_))), "{shown}");
        }
    }
}
