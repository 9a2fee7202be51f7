//! The first connection of a run: asks the user, if there is one, whether to trust the server, and
//! for a name and password.
//!
//! Owns the prompts that come before the chat. Runs on the main thread.

use super::args::CommandLine;
use super::authenticate::{AuthError, Authenticator, Credentials, Welcome};
use super::connection::{ConnectError, Connection};
use super::connector::{Connector, ConnectorError, LoggedInConnection};
use super::line_editor::ask_hidden;
use super::poller::Poller;
use super::screen::clean_lines;
use super::state::SavedLogin;
use super::trust::TrustError;
use crate::protocol::code::Code;
use crate::protocol::names::UserName;
use crate::protocol::secrets::Secret;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

/// How many times the user is asked for a name and password.
const TRIES: u32 = 5;

/// Asks the user.
pub(super) trait Prompts {
    /// Whether there is anyone to answer.
    fn can_answer(&self) -> bool;
    /// Asks for a line; `None` at the end of input.
    ///
    /// # Errors
    /// If the terminal fails.
    fn line(&mut self, question: &str) -> io::Result<Option<String>>;
    /// Asks for a line without showing what is typed.
    ///
    /// # Errors
    /// If the terminal fails, or the input ends.
    fn hidden(&mut self, question: &str) -> io::Result<Secret>;
    /// Shows a text.
    fn tell(&mut self, text: &str);
}

/// Asks on the terminal, if standard input is one.
#[derive(Debug, Default)]
pub(super) struct TerminalPrompts;

impl Prompts for TerminalPrompts {
    fn can_answer(&self) -> bool {
        io::stdin().is_terminal()
    }

    fn line(&mut self, question: &str) -> io::Result<Option<String>> {
        let mut err = io::stderr();
        write!(err, "{question}")?;
        err.flush()?;
        let mut line = String::new();
        let taken = io::stdin().lock().read_line(&mut line)?;
        Ok((taken > 0).then(|| line.trim().to_owned()))
    }

    fn hidden(&mut self, question: &str) -> io::Result<Secret> {
        let typed = ask_hidden(question)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Secret::new(&typed))
    }

    fn tell(&mut self, text: &str) {
        if let Err(error) = writeln!(io::stderr(), "{}", clean_lines(text)) {
            log::debug!("can't write to standard error: {error}");
        }
    }
}

/// Why the first connection failed.
#[derive(Debug, thiserror::Error)]
pub enum FirstConnectionError {
    /// There is no connection, or no login on it.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// The user gave up.
    #[error("cancelled")]
    Cancelled,
    /// The terminal failed.
    #[error("can't read from the terminal: {0}")]
    Terminal(#[from] io::Error),
}

impl From<AuthError> for FirstConnectionError {
    fn from(error: AuthError) -> Self {
        Self::Connector(error.into())
    }
}

/// Connects and logs in, with the saved token or by asking.
///
/// # Errors
/// [`FirstConnectionError`].
pub(super) fn connect(
    args: &CommandLine,
    connector: &Connector,
    poller: &mut Poller,
    prompts: &mut impl Prompts,
) -> Result<LoggedInConnection, FirstConnectionError> {
    let connection = open(connector, poller, prompts)?;
    let mut auth = Authenticator::new(connection, poller);
    let mut epoch = auth.greet()?;
    let registers = args.register || args.invite.is_some();
    let mut welcome = None;
    if !registers
        && let Some(saved) =
            connector.state.saved_login(&connector.server, args.name.as_ref()).map_err(ConnectorError::from)?
    {
        welcome = resume(&mut auth, connector, &saved, prompts)?;
    }
    if welcome.is_none() && !prompts.can_answer() {
        return Err(ConnectorError::NoSavedLogin(connector.server.clone()).into());
    }
    let mut tries = 0;
    let Welcome { me, text } = loop {
        if let Some(welcome) = welcome {
            break welcome;
        }
        tries += 1;
        let answers = Answers::from(args, registers, prompts)?;
        let mut result = auth.log_in(answers.credentials());
        if matches!(result, Err(AuthError::Connection { .. })) {
            // People may take longer to type than the server waits for a login.
            drop(auth);
            auth = Authenticator::new(open(connector, poller, prompts)?, poller);
            epoch = auth.greet()?;
            result = auth.log_in(answers.credentials());
        }
        welcome = match result {
            Ok(welcome) => Some(welcome),
            Err(error) if tries < TRIES && may_try_again(&error, args) => {
                prompts.tell(&error.to_string());
                None
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(welcome) = &welcome {
            connector.save_login(&mut auth, &welcome.me)?;
        }
    };
    auth.deflate()?;
    let (connection, early) = auth.into_parts();
    Ok(LoggedInConnection { connection, epoch, me, welcome: text, early })
}

fn open(
    connector: &Connector,
    poller: &mut Poller,
    prompts: &mut impl Prompts,
) -> Result<Connection, FirstConnectionError> {
    match connector.connect(poller) {
        Err(ConnectorError::Connect(ConnectError::Untrusted(untrusted @ TrustError::Unknown { .. })))
            if prompts.can_answer() =>
        {
            let TrustError::Unknown { fingerprint, reason, .. } = &untrusted else {
                return Err(FirstConnectionError::Cancelled);
            };
            prompts.tell(&format!(
                "This server is not trusted yet: {reason}. Its fingerprint is\n  {fingerprint}\n\
                 Ask its operator whether that is right; the server prints it when it starts."
            ));
            let answer = prompts.line("Trust this server from now on? [y/N] ")?.unwrap_or_default();
            if !matches!(answer.to_lowercase().as_str(), "y" | "yes") {
                return Err(ConnectorError::Connect(ConnectError::Untrusted(untrusted)).into());
            }
            connector.trust_key(&untrusted)?;
            Ok(connector.connect(poller)?)
        }
        other => Ok(other?),
    }
}

/// Logs in with the saved token. One that is no longer valid is forgotten, and `None` says to ask
/// for the password.
fn resume(
    auth: &mut Authenticator<'_>,
    connector: &Connector,
    saved: &SavedLogin,
    prompts: &mut impl Prompts,
) -> Result<Option<Welcome>, FirstConnectionError> {
    match auth.log_in(Credentials::Token(&saved.token)) {
        Ok(welcome) => Ok(Some(welcome)),
        Err(error) if error.is(Code::BadCredentials) => {
            connector.state.forget_login(&connector.server, &saved.name).map_err(ConnectorError::from)?;
            prompts.tell(&format!("The saved login of {} has expired.", saved.name));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

struct Answers {
    name: UserName,
    password: Secret,
    registers: bool,
    invite: Option<Secret>,
}

impl Answers {
    fn from(args: &CommandLine, registers: bool, prompts: &mut impl Prompts) -> Result<Self, FirstConnectionError> {
        let name = match &args.name {
            Some(name) => *name,
            None => loop {
                let typed = prompts.line("Name: ")?.ok_or(FirstConnectionError::Cancelled)?;
                match UserName::parse(&typed) {
                    Ok(name) => break name,
                    Err(error) => prompts.tell(&format!("That is not a valid name: {error}.")),
                }
            },
        };
        let password = loop {
            let password = prompts.hidden("Password: ")?;
            if password.expose().is_empty() {
                return Err(FirstConnectionError::Cancelled);
            }
            if !registers || prompts.hidden("Password again: ")?.expose() == password.expose() {
                break password;
            }
            prompts.tell("The passwords don't match.");
        };
        let invite = args.invite.as_deref().map(Secret::new);
        Ok(Self { name, password, registers, invite })
    }

    fn credentials(&self) -> Credentials<'_> {
        if self.registers {
            Credentials::Register { name: &self.name, invite: self.invite.as_ref(), password: &self.password }
        } else {
            Credentials::Password(&self.name, &self.password)
        }
    }
}

/// Whether another name or password may succeed.
fn may_try_again(error: &AuthError, args: &CommandLine) -> bool {
    let name_may_change = args.name.is_none();
    [Code::BadCredentials, Code::WeakPassword, Code::Cancelled, Code::BadText].iter().any(|&code| error.is(code))
        || name_may_change && [Code::BadName, Code::NameTaken].iter().any(|&code| error.is(code))
}
