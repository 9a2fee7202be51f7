//! The command line of `chitchatd`: what was typed, and what is to be done.
//!
//! Owns the flags, the subcommands and the exit codes. Knows no setting but by handing it to
//! [`Config`]. Runs on the main thread, before any other is started.

use crate::server::config::{Config, ConfigError, Environment, Flags};
use crate::server::operator::console::InviteRequest;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code of a run that failed.
pub const FAILED: u8 = 1;
/// Exit code of a command line or settings that can't be understood; nothing was started.
pub const MISUSED: u8 = 2;

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub enum Invocation {
    /// `chitchatd`: start the server.
    Serve(Box<Config>),
    /// `chitchatd invite`: ask the running server for an invitation code.
    Invite {
        /// The settings of the server that is asked: its data directory, and where it is reached.
        config: Box<Config>,
        /// What kind of code.
        request: InviteRequest,
    },
    /// `chitchatd config`: print the example file.
    PrintConfig,
}

/// Why nothing is done.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Not understood; `--help` and `--version` come this way too.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The settings are wrong.
    #[error("chitchatd: {0}")]
    Config(#[from] ConfigError),
}

impl CliError {
    /// Tells it where it belongs, help on standard output and errors on standard error, and
    /// gives the code to exit with.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Usage(usage) => {
                // Nobody is left to tell if this can't be written.
                let _ = usage.print();
                if usage.use_stderr() { ExitCode::from(MISUSED) } else { ExitCode::SUCCESS }
            }
            Self::Config(_) => {
                // Nor here; eprintln! would panic.
                let _ = writeln!(std::io::stderr(), "{self}");
                ExitCode::from(MISUSED)
            }
        }
    }
}

/// ChitChat's server. Started with no arguments it makes all it needs and serves.
#[derive(Debug, Parser)]
#[command(name = "chitchatd", version)]
#[command(after_help = "Every setting: chitchatd config. An invitation for a friend: chitchatd invite.")]
struct Arguments {
    #[command(flatten)]
    settings: SettingsArguments,
    #[command(subcommand)]
    command: Option<Verb>,
}

#[derive(Debug, Args)]
struct SettingsArguments {
    /// Settings to read; chitchatd config prints them all, with what they do
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// One setting, such as limits.flood=off; wins over the file. May be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    sets: Vec<String>,
    /// Where everything is kept
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Address and port for encrypted connections, such as [::]:2428, or off. May be repeated
    #[arg(long, value_name = "ADDR")]
    tls: Vec<String>,
    /// Address and port for connections in the clear, such as 127.0.0.1:2427, or off. May be repeated
    #[arg(long, value_name = "ADDR")]
    plain: Vec<String>,
    /// Who may make an account: open, invite or closed
    #[arg(long, value_name = "WHO")]
    registration: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Ask the running server for an invitation code
    Invite {
        /// Whoever uses the code becomes an administrator
        #[arg(long)]
        admin: bool,
        /// How many people the code lets in, 1 to 1000; 1 if not given
        #[arg(long, value_name = "N")]
        uses: Option<String>,
        /// How long the code lives, such as 30m, 24h or 7d, at most 365d; 7d if not given
        #[arg(long = "for", value_name = "TIME")]
        lasts: Option<String>,
    },
    /// Print every setting with what it does and its default
    Config,
}

impl SettingsArguments {
    fn check(self, environment: &Environment) -> Result<Box<Config>, ConfigError> {
        let Self { config, sets, data, tls, plain, registration } = self;
        let flags = Flags { data, tls, plain, registration };
        Config::read(config.as_deref(), &sets, &flags, environment).map(Box::new)
    }
}

/// Reads the arguments, the program's name first, and the settings that they lead to.
///
/// # Errors
/// [`CliError`], for which [`CliError::report`] does the rest; also for `--help` and `--version`.
pub fn parse(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> Result<Invocation, CliError> {
    let Arguments { settings, command } = Arguments::try_parse_from(arguments)?;
    match command {
        None => Ok(Invocation::Serve(settings.check(environment)?)),
        Some(Verb::Config) => Ok(Invocation::PrintConfig),
        Some(Verb::Invite { admin, uses, lasts }) => {
            let request = InviteRequest::new(uses.as_deref(), lasts.as_deref(), admin).map_err(|refusal| {
                let message = format!("{}\n", refusal.text);
                clap::Error::raw(clap::error::ErrorKind::ValueValidation, message)
            })?;
            Ok(Invocation::Invite { config: settings.check(environment)?, request })
        }
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
    fn the_parser_is_sound() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn no_arguments_serve() {
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
        let wanted =
            format!("chitchatd: {}:2: wrokers = 3: there is no setting wrokers. Did you mean workers?", file.display());
        assert_eq!(fault(&line), wanted);
        std::fs::write(&file, "workers = 3\n").unwrap();
        assert_eq!(served(&line).workers, 3);
    }

    #[test]
    fn an_invitation_is_checked_before_anyone_is_asked() {
        for line in ["invite --data /d --admin --uses 3 --for 2h", "--data /d invite --for 2h --uses 3 --admin"] {
            let Invocation::Invite { config, request } = run(line).unwrap() else { panic!("{line}") };
            assert_eq!(config.data, Path::new("/d"));
            assert_eq!(request.line(), "/invitecode uses=3 for=2h admin");
        }
        for wrong in ["invite --uses 0", "invite --uses many", "invite --for 1y", "invite --for 366d", "invite now"] {
            let CliError::Usage(error) = run(wrong).unwrap_err() else { panic!("{wrong}") };
            assert!(error.use_stderr(), "{wrong}");
        }
        let message = fault("invite --for 1y");
        assert!(message.contains("1y is not a duration"), "{message}");
    }

    #[test]
    fn what_is_not_understood_is_said() {
        assert!(fault("--pain off").contains("--plain"));
        assert_eq!(
            fault("--registration all"),
            "chitchatd: --registration all: unknown value `all`, expected one of `open`, `invite`, `closed`"
        );
        assert!(matches!(run("config").unwrap(), Invocation::PrintConfig));
        for shown in ["--help", "--version", "help"] {
            let CliError::Usage(error) = run(shown).unwrap_err() else { panic!("{shown}") };
            assert!(!error.use_stderr(), "{shown}");
        }
    }
}
