//! The flags, the subcommands and the help, as they are typed.

use super::backups::{BackupArguments, ErasuresArguments, ExportArguments, ImportArguments, RestoreArguments};
use crate::server::config::{Environment, Flags, Sources};
use crate::server::operator::admin::Shape;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Examples:
  chitchatd --data /srv/chat --tls 0.0.0.0:2428
  chitchatd --config /etc/chitchat.toml --set limits.flood=off
  chitchatd invite --uses 5        a code for five people, from the running server
  chitchatd invite list            the codes that are good, by number
  chitchatd config                 every setting, to begin a file with
  chitchatd config check --config /etc/chitchat.toml
  chitchatd config show            each setting in effect, and where it came from
  chitchatd tls show               names, issuer, days left, fingerprint
  chitchatd tls import /etc/letsencrypt/live/chat.example.org
  chitchatd status                 how the running server is, on one screen
  chitchatd health                 exits with 0 if it is well, with 1 if not
  chitchatd reload                 has the running server read its settings again
  chitchatd user list --json       the accounts, for a script
  chitchatd user reset bob         a code for bob, who lost the password
  chitchatd user disable eve too loud
  chitchatd block 192.0.2.0/24 --for 7d scans
  chitchatd announce back in five minutes
  chitchatd admin /rooms           any command of the console
  chitchatd check                  looks at everything the server stands on, and says what to do
  chitchatd backup -o monday.tar   all of it in one file, while the server runs
  chitchatd restore monday.tar --data /srv/chat
  chitchatd export ops --json      what was said in a room, a JSON object a line

Exit status:
  0  did what was asked, or stopped when told to (SIGTERM, SIGINT)
  1  failed; the last line on standard error says why. Of check: there is an error
  2  the command line or a setting is wrong; nothing was started
  3  the running server refused what it was asked
  4  no server runs on that data directory
  5  check found warnings, and no error";

/// The ChitChat server. Without arguments it starts with the default settings.
#[derive(Debug, Parser)]
#[command(name = "chitchatd", version)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) settings: SettingsArguments,
    /// Answer in JSON, for scripts; for the commands that ask a running server, and export
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Option<Verb>,
}

#[derive(Debug, Args)]
pub(super) struct SettingsArguments {
    /// Where everything is kept: accounts, history, certificate
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Address and port for encrypted connections, such as 0.0.0.0:2428, or off; can be repeated
    #[arg(long, value_name = "ADDR", global = true)]
    tls: Vec<String>,
    /// Address and port for unencrypted connections, such as 127.0.0.1:2427, or off; can be repeated
    #[arg(long, value_name = "ADDR", global = true)]
    plain: Vec<String>,
    /// Who may register an account: open (anyone), invite (with a code) or closed (nobody)
    #[arg(long, value_name = "WHO", global = true)]
    registration: Option<String>,
    /// A settings file; chitchatd config prints an example
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// One setting, such as limits.flood=off, which wins over the file; can be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    sets: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Ask the running server for an invitation code; list the codes that are good, or revoke one
    #[command(args_conflicts_with_subcommands = true)]
    Invite {
        #[command(subcommand)]
        verb: Option<InviteVerb>,
        /// Make the people who use the code administrators
        #[arg(long)]
        admin: bool,
        /// How many people the code lets in, 1 to 1000 [default: 1]
        #[arg(long, value_name = "N")]
        uses: Option<String>,
        /// How long the code is valid, such as 30m, 24h or 7d, at most 365d [default: 7d]
        #[arg(long = "for", value_name = "TIME")]
        lasts: Option<String>,
        /// What it is for, for those who list the codes
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Show how the running server is, on one screen: people, messages, commits, disk, certificate, warnings
    Status,
    /// Exit with 0 if the running server is well, and with 1 if it is not, does not answer or does not run
    Health,
    /// Show figures of the running server: people, rooms, messages, disk, and who was held back
    Stats,
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
    /// Look at everything that the server stands on (settings, ports, certificate, disk, database and more), and say
    /// what is wrong and what to do; nothing is changed, and the server may run or not
    Check,
    /// Copy the data into one file, while the server runs or not; chitchatd restore puts it back
    Backup(BackupArguments),
    /// Put a backup into a data directory that is empty or missing; or check it
    Restore(RestoreArguments),
    /// List what was removed for good, as numbers without a word of it; a restore removes it again
    Erasures(ErasuresArguments),
    /// Write what was said in a room or between two people, or all of one account, for people or, with --json, programs
    Export(ExportArguments),
    /// Put the export of a room into a server that is stopped, as a new room
    Import(ImportArguments),
    /// Show the certificate, or bring another one
    Tls {
        #[command(subcommand)]
        verb: TlsVerb,
    },
    /// Have the running server read its settings and its certificate again, without dropping anyone
    Reload,
    /// Print every setting, with what it does and its default; check settings, or show those in effect
    Config {
        #[command(subcommand)]
        verb: Option<ConfigVerb>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TlsVerb {
    /// Show the certificate that the settings lead to: names, issuer, days left, fingerprint, whether the key fits
    Show,
    /// Copy a certificate and its key from a directory of certbot, lego or acme.sh, and have the running server use it
    Import {
        /// The directory, such as /etc/letsencrypt/live/chat.example.org
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// Print every setting, with what it does and its default
    Default,
    /// Read the settings as a start would, and say whether they are good
    Check,
    /// Show each setting in effect, and where it came from; the output is a settings file
    Show,
}

#[derive(Debug, Subcommand)]
pub(super) enum InviteVerb {
    /// List the codes that are good: number, for a member or an admin, uses left, until, by whom, note
    List,
    /// End a code before its time
    Revoke {
        /// Its number
        number: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum UserVerb {
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
pub(super) enum RoomVerb {
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
    pub(super) fn question(&self) -> Option<(String, Shape)> {
        let any = |line: String| Some((line, Shape::Any));
        match self {
            Self::Stats => Some(("/stats".to_owned(), Shape::Stats)),
            Self::Reload => Some(("/reload".to_owned(), Shape::Reload)),
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
            Self::Invite { verb: Some(InviteVerb::List), .. } => Some(("/invites".to_owned(), Shape::Invites)),
            Self::Invite { verb: Some(InviteVerb::Revoke { number }), .. } => any(format!("/invites revoke {number}")),
            Self::Invite { verb: None, .. }
            | Self::Status
            | Self::Health
            | Self::Check
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Erasures(_)
            | Self::Export(_)
            | Self::Import(_)
            | Self::Tls { .. }
            | Self::Config { .. } => None,
        }
    }
}

impl SettingsArguments {
    /// Whether none was given.
    pub(super) fn is_empty(&self) -> bool {
        let Self { data, tls, plain, registration, config, sets } = self;
        let named = data.is_some() || registration.is_some() || config.is_some();
        !named && tls.is_empty() && plain.is_empty() && sets.is_empty()
    }

    /// What the settings are to be read from.
    pub(super) fn sources(self, environment: &Environment) -> Sources {
        let Self { data, tls, plain, registration, config, sets } = self;
        let flags = Flags { data, tls, plain, registration };
        Sources { file: config, sets, flags, environment: environment.clone() }
    }
}
