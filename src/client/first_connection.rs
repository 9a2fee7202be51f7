//! The first connection of a run: asks the user, if there is one, whether to trust the server, and
//! for a name and password.
//!
//! Owns the prompts that come before the chat; [`login`] has those for the account. Runs on the main thread.

mod login;
mod prompts;

use super::authenticate::{AuthError, Authenticator, Credentials, Welcome};
use super::connection::{ConnectError, Connection};
use super::connector::{Connector, ConnectorError, LoggedInConnection};
use super::poller::Poller;
use super::state::{KnownLogin, SavedLogin};
use super::trust::TrustError;
use crate::protocol::code::Code;
use crate::protocol::names::UserName;
use crate::protocol::secrets::Secret;
use login::Login;
use prompts::Prompts;
pub(super) use prompts::TerminalPrompts;
use std::io;

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

/// Who comes, as far as the command line says.
#[derive(Debug, Clone, Default)]
pub(super) struct Visitor {
    pub name: Option<UserName>,
    pub invite: Option<Secret>,
    /// Whether to register an account rather than to log in.
    pub is_new: bool,
}

/// Connects and logs in, with the saved token or by asking.
///
/// # Errors
/// [`FirstConnectionError`].
pub(super) fn connect(
    visitor: &Visitor,
    connector: &Connector,
    poller: &mut Poller,
    prompts: &mut impl Prompts,
) -> Result<LoggedInConnection, FirstConnectionError> {
    let connection = open(connector, poller, prompts)?;
    let mut auth = Authenticator::new(connection, poller);
    let mut epoch = auth.greet()?;
    let mut resumed = None;
    let mut visitor = visitor.clone();
    if !visitor.is_new {
        let login = connector.state.login(&connector.server, visitor.name.as_ref()).map_err(ConnectorError::from)?;
        match &login {
            Some(KnownLogin::Saved(saved)) => resumed = resume(&mut auth, connector, saved, prompts)?,
            Some(KnownLogin::Ended(name)) => prompts.tell(&ended(name)),
            None => {}
        }
        visitor.name = login.map(|login| *login.name()).or(visitor.name);
    }
    let Welcome { me, text } = match resumed {
        Some(welcome) => welcome,
        None if !prompts.can_answer() => {
            return Err(connector.no_login(visitor.name.as_ref()).into());
        }
        None => {
            let welcome = Login { connector, visitor: &visitor, auth: &mut auth, epoch: &mut epoch, prompts }.run()?;
            if connector.save_login(&mut auth, &welcome.me)? {
                prompts.tell("You stay logged in on this machine: next time, chitchat alone is enough.");
            }
            welcome
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
                "This server is not trusted yet: {reason}.\nIts fingerprint is\n  {fingerprint}\n\
                 Compare it with what its operator sees, which chitchatd tls show prints on the server: \
                 if they are the same, nobody is in between."
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

/// Logs in with the saved token; `None` if it is no longer valid, and the password has to be asked for.
fn resume(
    auth: &mut Authenticator<'_>,
    connector: &Connector,
    saved: &SavedLogin,
    prompts: &mut impl Prompts,
) -> Result<Option<Welcome>, FirstConnectionError> {
    match auth.log_in(Credentials::Token(&saved.token)) {
        Ok(welcome) => Ok(Some(welcome)),
        Err(error) if error.is(Code::BadCredentials) => {
            connector.state.end_login(&connector.server, &saved.name).map_err(ConnectorError::from)?;
            prompts.tell(&ended(&saved.name));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn ended(name: &UserName) -> String {
    format!("The saved login of {name} has expired or was revoked. (--name takes another account.)")
}

#[cfg(test)]
mod tests;
