//! The command line of `chitchatd`: what was typed, and what to do about it.
//!
//! `arguments` has the flags, the subcommands and the help. Knows no setting; [`Config`] checks them.
//! Runs on the main thread, before any other is started.

mod arguments;
mod backups;

use crate::protocol::names::RoomName;
use crate::server::backup::{Destination, Source};
use crate::server::config::{Config, ConfigError, Environment, Setting, Sources};
use crate::server::operator::admin::AdminRequest;
use crate::server::operator::console::InviteRequest;
use crate::server::transfer::{Form, What};
use arguments::{Arguments, ConfigVerb, TlsVerb, Verb};
use clap::{CommandFactory as _, Parser as _};
use std::ffi::OsString;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub enum Invocation {
    /// `chitchatd`: start the server.
    Serve {
        /// Its settings.
        config: Box<Config>,
        /// What they were read from, and are when it is asked to reload.
        sources: Box<Sources>,
    },
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
    /// `chitchatd status`: show how the running server is.
    Status {
        /// The settings of the server to ask. Only the data directory matters.
        config: Box<Config>,
        /// Whether to answer in JSON.
        json: bool,
    },
    /// `chitchatd health`: say by the exit code whether the running server is well.
    Health {
        /// The settings of the server to ask. Only the data directory matters.
        config: Box<Config>,
        /// Whether to answer in JSON.
        json: bool,
    },
    /// `chitchatd check`: look at everything that a server stands on.
    Check {
        /// What the settings are read from; they may be wrong.
        sources: Box<Sources>,
        /// Whether to answer in JSON.
        json: bool,
    },
    /// `chitchatd backup`: copy the data, whether a server runs on it or not.
    Backup {
        /// The settings of the server. Only the data directory matters.
        config: Box<Config>,
        /// Where the backup goes.
        to: Destination,
    },
    /// `chitchatd restore`: put a backup into an empty data directory.
    Restore {
        /// The settings of the server. Only the data directory matters.
        config: Box<Config>,
        /// The backup.
        from: Source,
        /// The list of what to remove from it, if it is not beside it.
        erasures: Option<PathBuf>,
    },
    /// `chitchatd erasures`: list what was removed for good.
    Erasures {
        /// The settings of the server. Only the data directory matters.
        config: Box<Config>,
        /// The file; `None` is standard output.
        to: Option<PathBuf>,
    },
    /// `chitchatd export`: write what is stored of a room, a direct conversation or an account.
    Export {
        /// The settings of the server. Only the data directory matters.
        config: Box<Config>,
        /// Of what.
        what: What,
        /// How.
        form: Form,
        /// The file; `None` is standard output.
        to: Option<PathBuf>,
    },
    /// `chitchatd import`: put the export of a room into a server that is stopped.
    Import {
        /// The settings of the server. Only the data directory matters.
        config: Box<Config>,
        /// The file; `None` is standard input.
        from: Option<PathBuf>,
        /// What the room is to be called, if not as in the file.
        room: Option<RoomName>,
    },
    /// `chitchatd restore --verify`: check a backup.
    Verify(Source),
    /// `chitchatd tls show`: print what the certificate says.
    ShowTls {
        /// The settings that name it.
        config: Box<Config>,
        /// Whether to answer in JSON.
        json: bool,
    },
    /// `chitchatd tls import`: bring another certificate.
    ImportTls {
        /// The settings; only the data directory and the name matter.
        config: Box<Config>,
        /// Where it is.
        directory: PathBuf,
        /// Whether to answer in JSON.
        json: bool,
    },
    /// `chitchatd config default`: print the example file.
    PrintConfig,
    /// `chitchatd config check`: say that the settings are good, which they are.
    CheckConfig {
        /// The settings.
        config: Box<Config>,
        /// The file that they are from, if any.
        file: Option<PathBuf>,
        /// Whether to answer in JSON.
        json: bool,
    },
    /// `chitchatd config show`: print the settings in effect.
    ShowConfig {
        /// The settings, in the order of the example file.
        settings: Vec<Setting>,
        /// Whether to answer in JSON.
        json: bool,
    },
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

/// The definition of the command line, for what is made from it: man pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Reads the arguments, the program's name first, and the settings that they lead to.
///
/// # Errors
/// [`CliError`]; also for `--help` and `--version`.
pub fn parse(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> Result<Invocation, CliError> {
    let Arguments { settings, json, command } = Arguments::try_parse_from(arguments)?;
    let given = !settings.is_empty();
    let sources = settings.sources(environment);
    let config = || sources.read().map(Box::new);
    if let Some((line, shape)) = command.as_ref().and_then(Verb::question) {
        let request = AdminRequest::new(line, shape).map_err(|refusal| CliError::Usage(refusal.text))?;
        return Ok(Invocation::Ask { config: config()?, request, json });
    }
    match command {
        None | Some(Verb::Backup(_) | Verb::Restore(_) | Verb::Erasures(_) | Verb::Import(_)) if json => Err(no_json()),
        None => Ok(Invocation::Serve { config: config()?, sources: Box::new(sources) }),
        Some(Verb::Status) => Ok(Invocation::Status { config: config()?, json }),
        Some(Verb::Health) => Ok(Invocation::Health { config: config()?, json }),
        Some(Verb::Tls { verb: TlsVerb::Show }) => Ok(Invocation::ShowTls { config: config()?, json }),
        Some(Verb::Tls { verb: TlsVerb::Import { directory } }) => {
            Ok(Invocation::ImportTls { config: config()?, directory, json })
        }
        Some(Verb::Config { verb: None | Some(ConfigVerb::Default) }) if json => Err(no_json()),
        Some(Verb::Config { verb: None | Some(ConfigVerb::Default) }) if given => Err(CliError::Usage(
            "chitchatd config prints the defaults and takes no settings; chitchatd config show takes them.".to_owned(),
        )),
        Some(Verb::Config { verb: None | Some(ConfigVerb::Default) }) => Ok(Invocation::PrintConfig),
        Some(Verb::Config { verb: Some(ConfigVerb::Check) }) => {
            Ok(Invocation::CheckConfig { config: config()?, file: sources.file, json })
        }
        Some(Verb::Config { verb: Some(ConfigVerb::Show) }) => {
            Ok(Invocation::ShowConfig { settings: sources.explain()?.1, json })
        }
        Some(Verb::Invite { verb: _, admin, uses, lasts, note }) => {
            let request = InviteRequest::new(uses.as_deref(), lasts.as_deref(), admin, note.as_deref())
                .map_err(|refusal| CliError::Usage(refusal.text.clone()))?;
            Ok(Invocation::Invite { config: config()?, request, json })
        }
        Some(Verb::Check) => Ok(Invocation::Check { sources: Box::new(sources), json }),
        Some(Verb::Backup(arguments)) => {
            let to = arguments.destination()?;
            Ok(Invocation::Backup { config: config()?, to })
        }
        Some(Verb::Restore(arguments)) if arguments.verify => Ok(Invocation::Verify(arguments.source())),
        Some(Verb::Restore(arguments)) => {
            let from = arguments.source();
            Ok(Invocation::Restore { config: config()?, from, erasures: arguments.erasures })
        }
        Some(Verb::Erasures(arguments)) => {
            let to = arguments.output.filter(|path| path.as_os_str() != "-");
            Ok(Invocation::Erasures { config: config()?, to })
        }
        Some(Verb::Export(arguments)) => {
            let (what, form) = (arguments.what()?, if json { Form::Json } else { Form::Text });
            let to = arguments.output.filter(|path| path.as_os_str() != "-");
            Ok(Invocation::Export { config: config()?, what, form, to })
        }
        Some(Verb::Import(arguments)) => {
            let (from, room) = arguments.what()?;
            Ok(Invocation::Import { config: config()?, from, room })
        }
        Some(_) => Err(CliError::Usage("there is no such command".to_owned())),
    }
}

fn no_json() -> CliError {
    CliError::Usage(
        "--json is for the commands that ask a running server, and for check, config check, config show, tls and export."
            .to_owned(),
    )
}

#[cfg(test)]
mod tests;
