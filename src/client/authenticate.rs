//! From a fresh connection to a logged-in one: greeting, tags, login, token, deflate.
//!
//! Owns the words of that exchange. Every step sends one command, waits for its final line with a
//! deadline, and hands what came in between (live lines, notices) on to be read later. Asks no
//! user and keeps no file. Runs on the main thread the first time, on the network thread afterwards.
//!
//! Nobody is logged in yet, so the server may be anyone's: what it says goes into an error only
//! through [`clean`], or it could draw on the terminal that the error is shown on.

use super::connection::{Connection, ConnectionError, Poller, WaitOutcome};
use super::screen::clean;
use crate::protocol::code::Code;
use crate::protocol::deflate::DICTIONARY;
use crate::protocol::line::{Body, Line};
use crate::protocol::names::UserName;
use crate::protocol::secrets::{NoRandomness, Secret};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long the server may take for each answer; a login waits for other people's password checks.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of lines that may come between a command and its answer.
const EARLY_MAX: usize = 8 << 20;

/// Why there is no login.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The connection failed; what the server said last, if it said why.
    #[error("{error}{}", notice.as_ref().map(|notice| format!(" (it said: {notice})")).unwrap_or_default())]
    Connection {
        /// How it failed.
        error: ConnectionError,
        /// The last notice before that.
        notice: Option<String>,
    },
    /// The server refused.
    #[error("the server refused: {text} ({code})")]
    Refused {
        /// The code word; one that this version does not know stays a word.
        code: String,
        /// The server's sentence.
        text: String,
    },
    /// What answers does not talk as a ChitChat server does.
    #[error("what answers there is no ChitChat server that this version understands: it said {0:?}")]
    NotChitChat(String),
}

impl AuthError {
    /// Whether it was refused with this code.
    #[must_use]
    pub fn is(&self, wanted: Code) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted.as_str())
    }
}

/// What a login was answered with.
#[derive(Debug)]
pub struct Welcome {
    /// The account's name as it was registered.
    pub me: UserName,
    /// The whole sentence: `welcome NAME - …`.
    pub text: String,
}

/// How to log in.
#[derive(Debug, Clone, Copy)]
pub enum Credentials<'a> {
    /// With a device token.
    Token(&'a Secret),
    /// With the account's password.
    Password(&'a UserName, &'a Secret),
    /// As a new account.
    Register {
        /// Its name.
        name: &'a UserName,
        /// The invitation, where the server wants one.
        invite: Option<&'a Secret>,
        /// Its password from now on.
        password: &'a Secret,
    },
}

/// A connection that is being logged in.
pub struct Authenticator<'p> {
    connection: Connection,
    poller: &'p mut Poller,
    /// Lines that were not asked for, in order.
    early: VecDeque<String>,
    early_bytes: usize,
    notice: Option<String>,
    asked: u32,
}

enum Reply {
    Done(String),
    Prompt,
}

impl<'p> Authenticator<'p> {
    /// Begins, on a fresh connection.
    pub fn new(connection: Connection, poller: &'p mut Poller) -> Self {
        Self { connection, poller, early: VecDeque::new(), early_bytes: 0, notice: None, asked: 0 }
    }

    /// Waits for the greeting and switches tags on; gives the epoch of the server's history.
    ///
    /// # Errors
    /// [`AuthError`].
    pub fn greet(&mut self) -> Result<String, AuthError> {
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
    /// [`AuthError`]; what the server refuses is [`AuthError::Refused`].
    pub fn log_in(&mut self, credentials: Credentials<'_>) -> Result<Welcome, AuthError> {
        let (command, answer) = match credentials {
            Credentials::Token(token) => (format!("resume {}", token.expose()), None),
            Credentials::Password(name, password) => (format!("login {name}"), Some(password)),
            Credentials::Register { name, invite: None, password } => (format!("register {name}"), Some(password)),
            Credentials::Register { name, invite: Some(code), password } => {
                (format!("register {name} invite={}", code.expose()), Some(password))
            }
        };
        let command = Zeroizing::new(command);
        // The password waits for the prompt: pipelined, it would be said if there were none.
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

    /// Asks for a device token, which this connection counts as logged in with from then on.
    ///
    /// # Errors
    /// [`AuthError`]; an account may have as many as it is allowed.
    pub fn new_token(&mut self, label: &str) -> Result<Secret, AuthError> {
        let text = Zeroizing::new(self.done(&format!("token new {label} here"))?);
        Ok(Secret::new(text.split(' ').next().unwrap_or_default()))
    }

    /// Asks for deflate frames; a server that has none is as good without.
    ///
    /// # Errors
    /// [`AuthError::Connection`] alone.
    pub fn deflate(&mut self) -> Result<(), AuthError> {
        // Frames may come in the same bytes as the answer. No other line begins as they do.
        self.connection.expect_frames();
        match self.done(&format!("set deflate {DICTIONARY}")) {
            Ok(_) | Err(AuthError::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends the login: the connection, and the lines that came in between.
    #[must_use]
    pub fn into_parts(self) -> (Connection, VecDeque<String>) {
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
            // Until tags are on, an answer has no label; there is one command at a time.
            let Ok(line) = Line::parse(&text) else { continue };
            let ours = line.tags.re.is_none_or(|re| re == label);
            match line.body {
                Body::Done(text) if ours => return Ok(Reply::Done(text.to_owned())),
                Body::Refused(code, text) if ours => {
                    let (code, text) = (clean(code).into_owned(), clean(text).into_owned());
                    return Err(AuthError::Refused { code, text });
                }
                Body::Prompt(_) if ours => return Ok(Reply::Prompt),
                Body::Row(_) if ours => {}
                body => {
                    if let Body::Notice(_, notice) = body {
                        self.notice = Some(clean(notice).into_owned());
                    }
                    self.early_bytes += text.len();
                    if self.early_bytes > EARLY_MAX {
                        return Err(self.failed(ConnectionError::Flood));
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
                // A caller waits until the login is over: its lines are in the channel.
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

/// A label for a new token: one that tells its owner which machine it is, and is no other's.
///
/// # Errors
/// [`NoRandomness`] if the system has none.
pub fn token_label() -> Result<String, NoRandomness> {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host: String = host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(14).collect();
    let host = if host.is_empty() { "device".to_owned() } else { host };
    // An epoch is sixteen random digits; eight keep the label within its 32 bytes.
    Ok(format!("chitchat-{host}-{}", &crate::protocol::secrets::new_epoch()?[..8]))
}

/// The beginning of something unexpected, short enough to be shown.
fn head(text: &str) -> String {
    clean(text).chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::is_label;

    #[test]
    fn a_token_has_a_label_of_its_own() {
        let label = token_label().unwrap();
        assert!(is_label(&label), "{label}");
        assert_ne!(label, token_label().unwrap());
    }
}
