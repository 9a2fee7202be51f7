//! Turns a fresh connection into a logged-in one: greeting, tags, login, token, deflate.
//!
//! Owns the commands of that exchange. Every step sends one, waits for its final line with a
//! deadline, and keeps what arrives in between (messages, notices) for later. Asks no user and
//! touches no files. Runs on the main thread the first time, then on the network thread.
//!
//! The server's words go into errors only through [`clean`]: errors are printed, and the server
//! may be anyone's.

use super::connection::{Connection, ConnectionError};
use super::inbox::LINE_COST;
use super::poller::{Poller, WaitOutcome};
use super::screen::clean;
use crate::protocol::code::Code;
use crate::protocol::command::is_label;
use crate::protocol::deflate::DICTIONARY;
use crate::protocol::line::{Body, Line};
use crate::protocol::names::UserName;
use crate::protocol::secrets::{NoRandomness, Secret};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long the server may take to answer; a login may have to wait for other people's.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// What the lines that arrive before the login is done may cost, in bytes.
const EARLY_MAX: usize = 8 << 20;

/// A password that no server takes: who sends it is told whether everything else is good.
const TOO_SHORT: &str = "x";

/// Why the login failed.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The connection failed.
    #[error("{error}{}", notice.as_ref().map(|notice| format!(" (it said: {notice})")).unwrap_or_default())]
    Connection {
        /// How.
        error: ConnectionError,
        /// The server's last notice before that, which may say why.
        notice: Option<String>,
    },
    /// The server refused.
    #[error("the server refused: {text} ({code})")]
    Refused {
        /// The code; this version may not know it.
        code: String,
        /// The server's sentence.
        text: String,
    },
    /// The peer does not speak the protocol.
    #[error("that is not a ChitChat server, or not one that this version understands: it said {0:?}")]
    NotChitChat(String),
}

impl AuthError {
    /// Whether the server refused with this code.
    #[must_use]
    pub fn is(&self, wanted: Code) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted.as_str())
    }

    /// The server's sentence if it refused, for someone who is asked again.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Refused { text, .. } => text.clone(),
            other => other.to_string(),
        }
    }
}

/// The answer to a login.
#[derive(Debug)]
pub(super) struct Welcome {
    /// The account's name, as it was registered.
    pub me: UserName,
    /// The whole sentence: `welcome NAME - …`.
    pub text: String,
}

/// How to log in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Credentials<'a> {
    /// With a device token.
    Token(&'a Secret),
    /// With the account's password.
    Password(&'a UserName, &'a Secret),
    /// As a new account.
    Register {
        /// Its name.
        name: &'a UserName,
        /// The invitation, if there is one.
        invite: Option<&'a Secret>,
        /// Its password.
        password: &'a Secret,
    },
}

/// A connection that is being logged in.
pub(super) struct Authenticator<'p> {
    connection: Connection,
    poller: &'p mut Poller,
    /// Lines that do not belong to the login, in order.
    early: VecDeque<String>,
    early_bytes: usize,
    notice: Option<String>,
    /// Those of the command that was asked last.
    rows: Vec<String>,
    asked: u32,
}

enum Reply {
    Done(String),
    Prompt,
}

impl<'p> Authenticator<'p> {
    /// Starts on a fresh connection.
    pub(super) fn new(connection: Connection, poller: &'p mut Poller) -> Self {
        Self { connection, poller, early: VecDeque::new(), early_bytes: 0, notice: None, rows: Vec::new(), asked: 0 }
    }

    /// Waits for the greeting and turns tags on. Returns the epoch of the server's history.
    ///
    /// # Errors
    /// [`AuthError`].
    pub(super) fn greet(&mut self) -> Result<String, AuthError> {
        let greeting = self.next_line(Instant::now() + ANSWER_TIMEOUT)?;
        match Line::parse(&greeting).map(|line| line.body) {
            // A greeting with a code is a refusal: busy, shutting-down, throttled.
            Ok(Body::Notice(Some(code), text)) => {
                return Err(AuthError::Refused { code: code.to_string(), text: clean(text).into_owned() });
            }
            Ok(Body::Notice(None, _)) => {}
            _ => return Err(AuthError::NotChitChat(head(&greeting))),
        }
        let text = self.done("set tags on")?;
        let epoch = text.split(' ').find_map(|word| word.strip_prefix("epoch="));
        epoch.map(str::to_owned).ok_or_else(|| AuthError::NotChitChat(head(&text)))
    }

    /// Logs in.
    ///
    /// # Errors
    /// [`AuthError`]; it is [`AuthError::Refused`] if the server refuses.
    pub(super) fn log_in(&mut self, credentials: Credentials<'_>) -> Result<Welcome, AuthError> {
        let (command, answer) = match credentials {
            Credentials::Token(token) => (format!("resume {}", token.expose()), None),
            Credentials::Password(name, password) => (format!("login {name}"), Some(password)),
            Credentials::Register { name, invite, password } => (registration(name, invite), Some(password)),
        };
        let command = Zeroizing::new(command);
        // The password is sent only after the prompt: without a prompt it would be said in a room.
        let mut reply = self.ask(&command)?;
        if let (Reply::Prompt, Some(password)) = (&reply, answer) {
            self.connection.send(password.expose());
            reply = self.reply()?;
        }
        let Reply::Done(text) = reply else { return Err(AuthError::NotChitChat("a second prompt".to_owned())) };
        let name = text.strip_prefix("welcome ").and_then(|rest| rest.split(' ').next());
        match name.map(UserName::parse) {
            Some(Ok(me)) => Ok(Welcome { me, text }),
            _ => Err(AuthError::NotChitChat(head(&text))),
        }
    }

    /// Whether an account of that name may be registered, before anyone thinks of a password for it. Nothing is
    /// registered.
    ///
    /// # Errors
    /// As `log_in` with [`Credentials::Register`].
    pub(super) fn check_registration(&mut self, name: &UserName, invite: Option<&Secret>) -> Result<(), AuthError> {
        let command = Zeroizing::new(format!("{} {TOO_SHORT}", registration(name, invite)));
        match self.ask(&command) {
            Err(error) if error.is(Code::WeakPassword) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(AuthError::NotChitChat("yes to a password of one letter".to_owned())),
        }
    }

    /// Begins again on another connection.
    ///
    /// # Errors
    /// Those of `connect`.
    pub(super) fn restart<E>(&mut self, connect: impl FnOnce(&mut Poller) -> Result<Connection, E>) -> Result<(), E> {
        self.connection = connect(self.poller)?;
        self.early.clear();
        (self.early_bytes, self.notice) = (0, None);
        Ok(())
    }

    /// Requests a device token, with which this connection counts as logged in from then on.
    ///
    /// # Errors
    /// [`AuthError`]; the number of tokens of an account is limited.
    pub(super) fn new_token(&mut self, label: &str) -> Result<Secret, AuthError> {
        let text = Zeroizing::new(self.done(&format!("token new {label} here"))?);
        Ok(Secret::new(text.split(' ').next().unwrap_or_default()))
    }

    /// Revokes the token with which this connection logged in.
    ///
    /// # Errors
    /// [`AuthError`].
    pub(super) fn revoke_own_token(&mut self) -> Result<(), AuthError> {
        self.done("sessions")?;
        let own = self.rows.iter().find_map(|row| row.split_once(" (this one)")?.0.rsplit_once(" by token "));
        let label = own.map(|(_, label)| label).filter(|label| is_label(label));
        let Some(label) = label else { return Err(AuthError::NotChitChat("nothing of this connection".to_owned())) };
        let command = format!("token revoke {label}");
        self.done(&command).map(drop)
    }

    /// Requests deflate frames. If the server refuses, the connection works without.
    ///
    /// # Errors
    /// Only [`AuthError::Connection`].
    pub(super) fn deflate(&mut self) -> Result<(), AuthError> {
        // The first frame may arrive together with the answer. No other line begins like a frame.
        self.connection.expect_frames();
        match self.done(&format!("set deflate {DICTIONARY}")) {
            Ok(_) | Err(AuthError::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns the connection, and the lines that arrived during the login.
    #[must_use]
    pub(super) fn into_parts(self) -> (Connection, VecDeque<String>) {
        (self.connection, self.early)
    }

    fn done(&mut self, command: &str) -> Result<String, AuthError> {
        match self.ask(command)? {
            Reply::Done(text) => Ok(text),
            Reply::Prompt => Err(AuthError::NotChitChat(format!("a prompt after {command}"))),
        }
    }

    fn ask(&mut self, command: &str) -> Result<Reply, AuthError> {
        self.asked += 1;
        self.rows.clear();
        let line = Zeroizing::new(format!("/@{} {command}", self.label()));
        self.connection.send(&line);
        self.reply()
    }

    fn label(&self) -> String {
        format!("hello{}", self.asked)
    }

    fn reply(&mut self) -> Result<Reply, AuthError> {
        let until = Instant::now() + ANSWER_TIMEOUT;
        let label = self.label();
        loop {
            let text = self.next_line(until)?;
            // Whatever they are: a server that sends without end is not waited for.
            self.early_bytes += text.len() + LINE_COST;
            if self.early_bytes > EARLY_MAX {
                return Err(self.failed(ConnectionError::Flood));
            }
            // Before tags are on, answers carry no label; but only one command is sent at a time.
            let Ok(line) = Line::parse(&text) else { continue };
            let ours = line.tags.re.is_none_or(|re| re == label);
            match line.body {
                Body::Done(text) if ours => return Ok(Reply::Done(text.to_owned())),
                Body::Refused(code, text) if ours => {
                    let (code, text) = (clean(code).into_owned(), clean(text).into_owned());
                    return Err(AuthError::Refused { code, text });
                }
                Body::Prompt(_) if ours => return Ok(Reply::Prompt),
                Body::Row(row) if ours => self.rows.push(row.to_owned()),
                body => {
                    if let Body::Notice(_, notice) = body {
                        self.notice = Some(clean(notice).into_owned());
                    }
                    self.early.push_back(text);
                }
            }
        }
    }

    fn next_line(&mut self, until: Instant) -> Result<String, AuthError> {
        loop {
            match self.connection.next_line() {
                Ok(Some(line)) => return Ok(line),
                Ok(None) => {}
                Err(error) => return Err(self.failed(error)),
            }
            match self.connection.wait(self.poller, until) {
                // The user's lines stay in the channel until the login is done.
                Ok(WaitOutcome::Lines | WaitOutcome::Woken) => {}
                Ok(WaitOutcome::TimedOut) => return Err(self.failed(ConnectionError::Silent)),
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    fn failed(&mut self, error: ConnectionError) -> AuthError {
        AuthError::Connection { error, notice: self.notice.take() }
    }
}

fn registration(name: &UserName, invite: Option<&Secret>) -> String {
    match invite {
        None => format!("register {name}"),
        Some(code) => format!("register {name} invite={}", code.expose()),
    }
}

/// A label for a new token: it contains this machine's name, and is unique.
///
/// # Errors
/// [`NoRandomness`] if the system has none.
pub(super) fn token_label() -> Result<String, NoRandomness> {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host: String = host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(14).collect();
    let host = if host.is_empty() { "device".to_owned() } else { host };
    // Eight of an epoch's sixteen random digits keep the label within 32 bytes.
    Ok(format!("chitchat-{host}-{}", &crate::protocol::secrets::new_epoch()?[..8]))
}

/// The beginning of an unexpected text, short enough to show.
fn head(text: &str) -> String {
    clean(text).chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_labels_are_valid_and_unique() {
        let label = token_label().unwrap();
        assert!(is_label(&label), "{label}");
        assert_ne!(label, token_label().unwrap());
    }
}
