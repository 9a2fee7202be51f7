//! Connects to one server and logs in.
//!
//! Owns which server that is and where things about it are saved. The main thread uses it for the
//! first connection and asks the user what is missing; the network thread reconnects with only the
//! saved token.

use super::args::{Address, Fingerprint, Transport};
use super::authenticate::{AuthError, Authenticator, Credentials, Welcome, token_label};
use super::connection::{ConnectError, Connection};
use super::known_hosts::{self, KnownHostsError, Record};
use super::password::PasswordError;
use super::poller::Poller;
use super::state::{KnownLogin, SavedLogin, StateDir, StateError};
use super::trust::{Trust, TrustError, TrustOutcome};
use crate::protocol::code::Code;
use crate::protocol::names::UserName;
use std::collections::VecDeque;

/// Why there is no logged-in connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// `known_hosts` can't be used.
    #[error(transparent)]
    KnownHosts(#[from] KnownHostsError),
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The login failed.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The saved logins can't be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no saved login, and nobody to ask.
    #[error("not logged in to {0}. Run chitchat in a terminal once to log in.")]
    NoSavedLogin(Address),
    /// There is no saved login of this account, and nobody to ask.
    #[error(transparent)]
    NoLoginOf(Box<NoLogin>),
    /// The saved login has expired or was revoked: with `/token revoke`, or by a new password.
    #[error(transparent)]
    LoginEnded(Box<LoginEnded>),
    /// There is a password, and no name for it.
    #[error("whose password is that? Give the account with --name.")]
    NoName,
    /// The password can't be read.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// An account without a saved login, and those that have one.
#[derive(Debug, thiserror::Error)]
#[error(
    "no login of {name} on {server}{}. Run chitchat {server} --name {name} in a terminal once to log in.",
    there_is(others)
)]
pub struct NoLogin {
    name: UserName,
    server: Address,
    others: Vec<UserName>,
}

/// A login that the server does not take any more.
#[derive(Debug, thiserror::Error)]
#[error(
    "the saved login of {name} has expired or was revoked. Run chitchat {server} --name {name} in a terminal to log in \
     again{}.",
    or_take(others)
)]
pub struct LoginEnded {
    name: UserName,
    server: Address,
    others: Vec<UserName>,
}

fn or_take(names: &[UserName]) -> String {
    let names: Vec<&str> = names.iter().map(UserName::as_str).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(", or take another account with --name: {}", names.join(", "))
    }
}

fn there_is(names: &[UserName]) -> String {
    let names: Vec<&str> = names.iter().map(UserName::as_str).collect();
    if names.is_empty() { String::new() } else { format!("; there is {}", names.join(", ")) }
}

impl ConnectorError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Connect(error) => {
                matches!(error, ConnectError::NoAddress(..) | ConnectError::Unreachable(..) | ConnectError::Lost(_))
                    || matches!(error, ConnectError::Tls(_) | ConnectError::NoTls(_))
            }
            Self::Auth(AuthError::Connection { .. }) => true,
            Self::Auth(error) => {
                [Code::Busy, Code::Throttled, Code::ShuttingDown, Code::Storage, Code::Internal, Code::Limit]
                    .iter()
                    .any(|&code| error.is(code))
            }
            _ => false,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Connector {
    pub server: Address,
    /// Where logins and known servers are saved.
    pub state: StateDir,
    /// The fingerprint from the command line.
    pub fingerprint: Option<Fingerprint>,
}

/// A logged-in connection.
pub(super) struct LoggedInConnection {
    pub connection: Connection,
    /// Identifies the server's history: while it stays the same, message ids are comparable.
    pub epoch: String,
    pub me: UserName,
    pub welcome: String,
    /// Lines that arrived during the login.
    pub early: VecDeque<String>,
}

impl Connector {
    /// Connects to the server if it is trusted, and remembers why it is.
    ///
    /// # Errors
    /// [`ConnectorError`]; an unknown server is [`TrustError::Unknown`].
    pub(super) fn connect(&self, poller: &mut Poller) -> Result<Connection, ConnectorError> {
        let known = match self.server.transport {
            Transport::Plain => None,
            Transport::Tls => known_hosts::look_up(&self.state, &self.server)?,
        };
        let before = known.as_ref().map(|known| known.record);
        let trust = Trust::new(self.fingerprint, known);
        let connection = Connection::open(&self.server, &trust, poller)?;
        if let Some(TrustOutcome::Trusted(record)) = trust.outcome()
            && before != Some(record)
        {
            known_hosts::remember(&self.state, &self.server, record)?;
        }
        Ok(connection)
    }

    /// Trusts the key of an unknown server from now on, as the user decided.
    ///
    /// # Errors
    /// [`ConnectorError::KnownHosts`] if that can't be written.
    pub(super) fn trust_key(&self, untrusted: &TrustError) -> Result<(), ConnectorError> {
        if let TrustError::Unknown { pin, .. } = untrusted {
            known_hosts::remember(&self.state, &self.server, Record::Pin(*pin))?;
        }
        Ok(())
    }

    /// That there is no saved login: of this account, if one was named.
    pub(super) fn no_login(&self, name: Option<&UserName>) -> ConnectorError {
        let server = self.server.clone();
        let Some(&name) = name else { return ConnectorError::NoSavedLogin(server) };
        match self.others(&name) {
            Ok(others) => ConnectorError::NoLoginOf(Box::new(NoLogin { name, server, others })),
            Err(error) => error.into(),
        }
    }

    /// That an account's login has ended.
    fn login_ended(&self, name: UserName) -> ConnectorError {
        match self.others(&name) {
            Ok(others) => {
                ConnectorError::LoginEnded(Box::new(LoginEnded { name, server: self.server.clone(), others }))
            }
            Err(error) => error.into(),
        }
    }

    /// The other accounts that have a saved login on the server.
    fn others(&self, name: &UserName) -> Result<Vec<UserName>, StateError> {
        let here = self.server.to_string();
        let saved = self.state.logins()?.into_iter().filter(|(at, login)| *at == here && login.name() != name);
        Ok(saved.filter(|(_, login)| matches!(login, KnownLogin::Saved(_))).map(|(_, login)| *login.name()).collect())
    }

    /// Connects and logs in with the saved token.
    ///
    /// # Errors
    /// [`ConnectorError`]; [`ConnectorError::is_temporary`] says whether to try again.
    pub(super) fn reconnect(&self, me: &UserName, poller: &mut Poller) -> Result<LoggedInConnection, ConnectorError> {
        let saved = match self.state.login(&self.server, Some(me))? {
            Some(KnownLogin::Saved(saved)) => saved,
            Some(KnownLogin::Ended(name)) => return Err(self.login_ended(name)),
            None => return Err(self.no_login(Some(me))),
        };
        let connection = self.connect(poller)?;
        let mut auth = Authenticator::new(connection, poller);
        let epoch = auth.greet()?;
        let Welcome { me, text } = match auth.log_in(Credentials::Token(&saved.token)) {
            Ok(welcome) => welcome,
            Err(error) if error.is(Code::BadCredentials) => {
                self.state.end_login(&self.server, &saved.name)?;
                return Err(self.login_ended(saved.name));
            }
            Err(error) => return Err(error.into()),
        };
        auth.deflate()?;
        let (connection, early) = auth.into_parts();
        Ok(LoggedInConnection { connection, epoch, me, welcome: text, early })
    }

    /// Requests a token and saves it. If that fails, the next login asks for the password again. Says whether it
    /// is saved.
    ///
    /// # Errors
    /// [`AuthError::Connection`] if the connection failed. Anything else is only logged.
    pub(super) fn save_login(&self, auth: &mut Authenticator<'_>, me: &UserName) -> Result<bool, AuthError> {
        let label = match token_label() {
            Ok(label) => label,
            Err(error) => {
                log::warn!("{error}");
                return Ok(false);
            }
        };
        match auth.new_token(&label) {
            Ok(token) => {
                let saved = SavedLogin { name: *me, token };
                let written = self.state.save_login(&self.server, &saved);
                if let Err(error) = &written {
                    log::warn!("the login can't be saved: {error}");
                }
                Ok(written.is_ok())
            }
            Err(error @ AuthError::Connection { .. }) => Err(error),
            Err(error) => {
                log::warn!("the server gave no token: {error}");
                Ok(false)
            }
        }
    }
}
