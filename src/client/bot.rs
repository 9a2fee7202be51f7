//! A connection for a program: it logs in with a device token, sends commands and reads lines.
//!
//! Owns one connection and the lines that arrived before a command's answer. Writes no files, asks no user and starts no thread: every method runs on the caller's thread and blocks
//! it. Does not reconnect: when the connection is lost every method fails, and the program decides
//! what it does then ("Coming back" in `docs/PROTOCOL.md` says how to miss nothing).
//!
//! ```no_run
//! use chitchat::client::bot::Bot;
//! use chitchat::protocol::line::{Body, Line};
//! use chitchat::protocol::secrets::Secret;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let token = Secret::new(&std::env::var("CHITCHAT_TOKEN")?);
//! let mut bot = Bot::connect(&"chat.example.org".parse()?, None, &token)?;
//! bot.ask("/join ops")?;
//! loop {
//!     let received = bot.next_line()?;
//!     let Ok(line) = Line::parse(&received) else { continue };
//!     if let Body::RoomMessage { author, text, .. } = line.body {
//!         println!("{author} said {text}");
//!     }
//! }
//! # }
//! ```

use super::args::{Address, Fingerprint};
use super::authenticate::{ANSWER_TIMEOUT, AuthError, Authenticator, Credentials, Welcome};
use super::connection::{ConnectError, Connection, ConnectionError};
use super::inbox::LINE_COST;
use super::poller::{Poller, WaitOutcome};
use super::screen::clean;
use super::trust::Trust;
use crate::protocol::line::{Body, Line};
use crate::protocol::names::UserName;
use crate::protocol::secrets::Secret;
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

/// What a command's answer and the lines that arrive before its end may cost, in bytes, and what those that were
/// not read yet may; if it is more, the server is at fault.
const WAITING_MAX: usize = 8 << 20;
/// How long one wait for a line lasts before the next begins.
const IDLE: Duration = Duration::from_hours(1);

/// Why a bot can't go on, or one of its commands failed.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The login failed.
    #[error(transparent)]
    Login(#[from] AuthError),
    /// The connection was lost.
    #[error(transparent)]
    Lost(#[from] ConnectionError),
    /// The server refused a command; the connection goes on.
    #[error("{text} ({code})")]
    Refused {
        /// The code word, such as `no-room`.
        code: String,
        /// The server's sentence.
        text: String,
    },
    /// The caller's fault: a command is one line that begins with `/`. Nothing was sent.
    #[error("a command is one line that begins with a slash")]
    NotACommand,
    /// The caller's fault: the server asked a question, as it does after `/passwd`.
    #[error("the server asked a question, which a bot can't answer")]
    Prompted,
    /// The system gave no descriptors.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a command was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The final line, without its `+`.
    pub text: String,
    /// The rows before it, without their `|`.
    pub rows: Vec<String>,
}

/// See the module.
pub struct Bot {
    connection: Connection,
    poller: Poller,
    name: UserName,
    epoch: String,
    /// Lines that arrived before an answer, and were not read yet.
    waiting: VecDeque<String>,
    waiting_bytes: usize,
    asked: u64,
}

impl Bot {
    /// Connects, switches tags on and logs in. The server is trusted if its certificate has this
    /// fingerprint or, without one, if a public authority trusts it.
    ///
    /// # Errors
    /// [`BotError::Connect`] and [`BotError::Login`].
    pub fn connect(server: &Address, fingerprint: Option<Fingerprint>, token: &Secret) -> Result<Self, BotError> {
        let mut poller = Poller::new()?;
        let connection = Connection::open(server, &Trust::new(fingerprint, None), &mut poller)?;
        let mut auth = Authenticator::new(connection, &mut poller);
        let epoch = auth.greet()?;
        let Welcome { me: name, .. } = auth.log_in(Credentials::Token(token))?;
        let (connection, waiting) = auth.into_parts();
        let waiting_bytes = waiting.iter().map(|line| line.len() + LINE_COST).sum();
        Ok(Self { connection, poller, name, epoch, waiting, waiting_bytes, asked: 0 })
    }

    /// The bot's own name.
    #[must_use]
    pub fn name(&self) -> &UserName {
        &self.name
    }

    /// Identifies the server's history: as long as it stays the same, an id means the same message.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Sends a command, such as `/say lobby hello`, without waiting for its answer, which arrives
    /// as a line like any other.
    ///
    /// # Errors
    /// [`BotError::NotACommand`] if it is not one line that begins with a slash: what others
    /// wrote can't become a second command. [`BotError::Lost`] if the connection is lost.
    pub fn send(&mut self, command: &str) -> Result<(), BotError> {
        command_words(command)?;
        self.connection.send(command);
        // Sends as much as the socket accepts now; later calls send the rest.
        self.connection.wait(&mut self.poller, Instant::now())?;
        Ok(())
    }

    /// Sends a command and waits for its answer. Lines that arrive meanwhile are kept for [`Bot::next_line`].
    ///
    /// # Errors
    /// [`BotError::Refused`] if the server refuses; else as [`Bot::send`] and [`Bot::next_line`].
    pub fn ask(&mut self, command: &str) -> Result<Answer, BotError> {
        let words = command_words(command)?;
        self.asked += 1;
        let label = format!("ask{}", self.asked);
        self.connection.send(&format!("/@{label} {words}"));
        let until = Instant::now() + ANSWER_TIMEOUT;
        let (mut rows, mut received) = (Vec::new(), 0);
        loop {
            let text = self.receive(until)?.ok_or(ConnectionError::Silent)?;
            received += text.len() + LINE_COST;
            if received > WAITING_MAX {
                return Err(ConnectionError::Flood.into());
            }
            match Line::parse(&text) {
                Ok(Line { tags, body }) if tags.re == Some(&label) => match body {
                    Body::Row(row) => rows.push(row.to_owned()),
                    Body::Done(text) => return Ok(Answer { text: text.to_owned(), rows }),
                    Body::Refused(code, text) => {
                        // An error may be printed, and the server may be anyone's.
                        let (code, text) = (clean(code).into_owned(), clean(text).into_owned());
                        return Err(BotError::Refused { code, text });
                    }
                    Body::Prompt(_) => {
                        // An empty answer cancels.
                        self.connection.send("");
                        return Err(BotError::Prompted);
                    }
                    _ => {}
                },
                _ => {
                    self.waiting_bytes += text.len() + LINE_COST;
                    if self.waiting_bytes > WAITING_MAX {
                        return Err(ConnectionError::Flood.into());
                    }
                    self.waiting.push_back(text);
                }
            }
        }
    }

    /// Waits for the next line, however long that takes; [`Line::parse`] reads it. Ignore a line that
    /// it does not know: that is how the protocol grows.
    ///
    /// # Errors
    /// [`BotError::Lost`] once the connection is lost and all lines that arrived before were read.
    pub fn next_line(&mut self) -> Result<String, BotError> {
        if let Some(text) = self.waiting.pop_front() {
            self.waiting_bytes -= text.len() + LINE_COST;
            return Ok(text);
        }
        loop {
            if let Some(text) = self.receive(Instant::now() + IDLE)? {
                return Ok(text);
            }
        }
    }

    /// Says goodbye. Everything that was sent is answered first.
    ///
    /// # Errors
    /// As [`Bot::ask`].
    pub fn quit(mut self) -> Result<(), BotError> {
        self.ask("/quit")?;
        self.connection.close();
        Ok(())
    }

    /// The next line that the server sends; `None` if there is none in time.
    fn receive(&mut self, until: Instant) -> Result<Option<String>, BotError> {
        loop {
            if let Some(line) = self.connection.next_line()? {
                return Ok(Some(line));
            }
            if self.connection.wait(&mut self.poller, until)? == WaitOutcome::TimedOut {
                return Ok(None);
            }
        }
    }
}

/// A command without its slash.
fn command_words(command: &str) -> Result<&str, BotError> {
    let words = command.strip_prefix('/').filter(|words| !words.starts_with(['/', '@']));
    words.filter(|words| !words.contains(['\n', '\r'])).ok_or(BotError::NotACommand)
}
