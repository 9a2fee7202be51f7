//! The terminal client, `chitchat`, and [`bot`], a connection for programs. Uses `protocol`, and
//! nothing of the server.
//!
//! ```text
//!            UserAction              lines
//!   main ──────────────> network <──────────> server
//!   (prompts,      <──── (connection, session,
//!    line editor)  Report screen)
//!     ^                     │ text
//!     └──── [`printer`] <───┘
//! ```
//!
//! Two threads. **main** parses the command line, connects for the first time ([`first_connection`]), and then
//! waits in the [`line_editor`] for keys and for the network thread alike ([`terminal`]), or sends what standard input
//! holds ([`script`]). **network** owns the connection and the [`session`], makes what happens into text
//! ([`display`]), and reconnects with the [`connector`] when the connection drops. It never waits for the main thread,
//! which takes that text from the [`printer`] and prints it above the line being typed. Without a terminal, the network
//! thread writes to standard output itself, and a slow reader slows it down, as it should in a pipe.
//!
//! Two more where they are needed, which nobody joins: `notifier` runs the user's own command ([`notify`]), and
//! `stdin` reads standard input where it is no terminal. A subcommand ([`scripts`]) has no network thread: its bot runs
//! on main.
//!
//! A connection is made in three steps: [`connection`] opens it if [`trust`] allows,
//! [`authenticate`] logs in on it, and then it belongs to the session.

mod answer_timer;
mod answers;
pub mod args;
mod attention;
mod authenticate;
mod backoff;
pub mod bot;
mod catch_up;
mod connection;
mod connector;
mod conversations;
mod display;
mod first_connection;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod ignored;
mod inbox;
mod incoming;
mod interpret;
mod item;
mod known_hosts;
mod known_names;
mod line_editor;
mod network;
mod notify;
mod own_verbs;
mod password;
mod place;
mod poller;
mod printer;
mod prompt;
mod questions;
mod recent;
mod references;
mod requests;
mod screen;
mod script;
mod scripts;
mod servers;
mod session;
pub mod settings;
mod sleep_watch;
mod state;
mod terminal;
mod trust;
mod unanswered;
mod visits;

use crate::protocol::names::Target;
use args::{Address, Command, CommandLine, HostPort};
use authenticate::AuthError;
use bot::BotError;
use connection::ConnectError;
use connector::{Connector, ConnectorError};
use display::{Display, terminal_columns};
use first_connection::{FirstConnectionError, TerminalPrompts};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use known_names::KnownNames;
use line_editor::LineEditor;
use network::Patience;
use notify::{Multiplexer, Notifier};
use password::PasswordSource;
use poller::Poller;
pub use screen::clean_lines;
use screen::timeline::Timeline;
use screen::{OutputKind, Paint};
use servers::{Destination, Forgotten};
use session::{Reader, Session};
use settings::{Settings, SettingsError};
use state::{StateDir, StateError};
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

/// How long a script tries to reconnect before it gives up.
const SCRIPT_PATIENCE: Duration = Duration::from_mins(2);

/// Why the client failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It could not connect or log in.
    #[error(transparent)]
    FirstConnection(#[from] FirstConnectionError),
    /// What is remembered of servers can't be read or written.
    #[error(transparent)]
    Remembered(#[from] ConnectorError),
    /// No server was named, none is remembered, and this machine has none.
    #[error("which server? None is remembered, and none answers at {0}. Name it: chitchat chat.example.org")]
    NoServer(Address),
    /// `chitchat forget` of a server of which nothing is known.
    #[error("nothing is remembered of {0}. chitchat list shows the servers that are.")]
    NotRemembered(HostPort),
    /// It lost the connection and could not reconnect.
    #[error("can't reconnect: {error}{}", not_sent(unsent))]
    Lost {
        /// Why.
        error: ConnectorError,
        /// The lines that the server had not answered.
        unsent: Vec<String>,
    },
    /// Standard output can't be written any more.
    #[error("can't write to standard output: {0}")]
    Unseen(io::Error),
    /// Its own files can't be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The settings can't be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The line editor failed.
    #[error("this terminal isn't supported: {0}")]
    Terminal(io::Error),
    /// No thread or file descriptor could be created, or standard input failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] crate::protocol::secrets::NoRandomness),
    /// A script's line was refused, and the reason was printed then; or the connection dropped
    /// before the line was answered.
    #[error("at least one line was refused or not answered")]
    Refused,
    /// A subcommand failed.
    #[error(transparent)]
    Bot(BotError),
    /// What was followed can't be read any more.
    #[error("{target} can't be followed any more: {why}")]
    Ended {
        /// The conversation.
        target: Target,
        /// Why, as a word.
        why: String,
    },
    /// A message that is empty.
    #[error("there is nothing to say: the text is empty")]
    NothingToSay,
}

fn not_sent(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + "\nnot sent: " + line)
}

impl ClientError {
    /// The exit code of the process, one of those that `--help` lists. clap itself uses 2.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::FirstConnection(FirstConnectionError::Connector(error)) | Self::Lost { error, .. } => {
                connector_code(error)
            }
            Self::Remembered(error) => connector_code(error),
            Self::NoServer(_) => 3,
            Self::Settings(_) => 2,
            Self::Bot(error) => scripts::exit_code(error),
            Self::Ended { .. } => 6,
            Self::NothingToSay => 2,
            _ => 1,
        }
    }
}

fn connector_code(error: &ConnectorError) -> u8 {
    match error {
        ConnectorError::KnownHosts(_) | ConnectorError::Connect(ConnectError::Untrusted(_)) => 5,
        ConnectorError::Connect(ConnectError::PlainBeyondLoopback(_)) | ConnectorError::NoName => 2,
        ConnectorError::Connect(_) | ConnectorError::Auth(AuthError::Connection { .. } | AuthError::NotChitChat(_)) => {
            3
        }
        ConnectorError::Auth(AuthError::Refused { .. })
        | ConnectorError::NoSavedLogin(_)
        | ConnectorError::NoLoginOf(_)
        | ConnectorError::LoginEnded(_) => 4,
        ConnectorError::State(_) | ConnectorError::Password(_) => 1,
    }
}

/// Runs the client until the user leaves.
///
/// # Errors
/// [`ClientError`]; the process ends with [`ClientError::exit_code`].
pub fn run(args: &CommandLine) -> Result<(), ClientError> {
    if let Some(command) = &args.command {
        return match command {
            Command::Config => print(Settings::example()),
            Command::List => {
                let list = servers::list(&StateDir::open()?, output_kind(), &TimeZone::system());
                print(&list.map_err(ConnectorError::from)?)
            }
            Command::Forget(which) => forget(&which.host),
            command => scripts::run(args, command),
        };
    }
    let mut settings = Settings::read()?;
    settings.color = args.color.unwrap_or(settings.color);
    let state = StateDir::open()?;
    let Destination { server, is_guess, visitor } = servers::choose(args, &state)?;
    let connector = Connector { server, state, fingerprint: args.fingerprint };
    let mut poller = Poller::new()?;
    let password = PasswordSource::of(args);
    let connected = if args.no_input || password.is_some() && !visitor.is_new {
        scripts::log_in_unasked(&connector, visitor.name, password, &mut poller).map_err(Into::into)
    } else {
        first_connection::connect(&visitor, &connector, &mut poller, &mut TerminalPrompts)
    };
    let logged_in =
        connected.map_err(|error| if is_guess { nobody_here(error, &connector.server) } else { error.into() })?;
    let names = KnownNames::default();
    let output = output_kind();
    let paint = Paint::choose(settings.color, output, |name| std::env::var(name).ok());
    let key_prefix = crate::protocol::secrets::new_epoch()?;
    let host = connector.server.host.clone();
    if io::stdin().is_terminal() && output == OutputKind::Terminal {
        let mut session = Session::new(key_prefix, names.clone(), Reader::Person(settings.elsewhere));
        match visits::begin(&connector.state, &connector.server, &logged_in.me, Timestamp::now()) {
            Ok(place) => session.begin_in(place),
            Err(error) => log::warn!("where you were can't be remembered: {error}"),
        }
        let timeline = Timeline::new(logged_in.me, TimeZone::system(), &settings);
        say(&format!("+ {}", screen::clean(&logged_in.welcome)));
        let mut editor = LineEditor::new(connector.state.history(), names).map_err(ClientError::Terminal)?;
        let tab = if editor.has_prompt() { "Tab completes, " } else { "" };
        editor.say(&format!("Enter sends, {tab}/help lists the commands, Ctrl-D leaves."));
        let multiplexer = Multiplexer::find(|name| std::env::var(name).ok());
        let notifier = Notifier::new(&settings, multiplexer, editor.attention());
        let display = Display::new(timeline, notifier, paint, terminal_columns);
        let screen = editor.printer().screen(display);
        let network = network::start(connector, poller, session, screen, logged_in, Patience::Endless)?;
        let outcome = terminal::run(&network, &mut editor, &host);
        network.join();
        let finished = editor.finish().map_err(ClientError::Terminal);
        outcome.and(finished)
    } else {
        let session = Session::new(key_prefix, names, Reader::Program);
        let screen = script::ScriptOutput { paint };
        let network =
            network::start(connector, poller, session, screen, logged_in, Patience::Limited(SCRIPT_PATIENCE))?;
        let outcome = script::run(&network);
        network.join();
        outcome
    }
}

/// `chitchat forget`.
fn forget(host: &HostPort) -> Result<(), ClientError> {
    match servers::forget(&StateDir::open()?, host, &mut |text| say(&screen::clean(text)))? {
        Forgotten::Something => Ok(()),
        Forgotten::Nothing => Err(ClientError::NotRemembered(host.clone())),
    }
}

fn output_kind() -> OutputKind {
    if io::stdout().is_terminal() { OutputKind::Terminal } else { OutputKind::Pipe }
}

/// Prints what a command is for.
fn print(text: &str) -> Result<(), ClientError> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(ClientError::Unseen(error)),
        _ => Ok(()),
    }
}

/// Where the server was only guessed to be on this machine: that none was named is what matters.
fn nobody_here(error: FirstConnectionError, server: &Address) -> ClientError {
    use ConnectError::{NoAddress, Unreachable};
    match error {
        FirstConnectionError::Connector(ConnectorError::Connect(NoAddress(..) | Unreachable(..))) => {
            ClientError::NoServer(server.clone())
        }
        other => other.into(),
    }
}

/// Prints one of the client's own lines while no line is being typed.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = writeln!(out, "{text}") {
        log::debug!("can't write to the terminal: {error}");
    }
}
