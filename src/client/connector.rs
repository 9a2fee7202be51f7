//! The way into a server: a trusted connection, greeted and logged in.
//!
//! Owns which server it is and what is saved about it. The main thread goes through it the first
//! time, asking the user; the network thread comes back through it with the token alone.

use super::args::{Address, Fingerprint, Transport};
use super::authenticate::{AuthError, Authenticator, Credentials, Welcome, token_label};
use super::connection::{ConnectError, Connection, Poller};
use super::known_hosts::{self, KnownHostsError, Record};
use super::state::{SavedLogin, StateDir, StateError};
use super::trust::{Trust, TrustError, TrustOutcome};
use crate::protocol::code::Code;
use crate::protocol::names::UserName;
use std::collections::VecDeque;

/// Why one is not in.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// What is known of the server can't be used.
    #[error(transparent)]
    KnownHosts(#[from] KnownHostsError),
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// There is no login.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// What is saved can't be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no saved login, and nobody to ask.
    #[error("no login for {0} is saved. Run chitchat in a terminal once, to log in there.")]
    NoSavedLogin(Address),
}

impl ConnectorError {
    /// Whether a later try may go well without anyone's doing.
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

/// A server and what is saved about it.
#[derive(Debug, Clone)]
pub struct Connector {
    /// The server.
    pub server: Address,
    /// What is saved.
    pub state: StateDir,
    /// The fingerprint given by hand.
    pub fingerprint: Option<Fingerprint>,
}

/// A logged-in connection.
pub struct LoggedIn {
    /// The connection.
    pub connection: Connection,
    /// Which history the server has.
    pub epoch: String,
    /// Who one is.
    pub me: UserName,
    /// The sentence that the server welcomed one with.
    pub welcome: String,
    /// Lines that came meanwhile.
    pub early: VecDeque<String>,
}

impl Connector {
    /// Connects to the server if it is trusted, and remembers how it is known.
    ///
    /// # Errors
    /// [`ConnectorError`]; an unknown server is [`TrustError::Unknown`].
    pub fn connect(&self, poller: &mut Poller) -> Result<Connection, ConnectorError> {
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

    /// Takes the key of a server that nobody vouches for, because the user says so.
    ///
    /// # Errors
    /// [`ConnectorError::KnownHosts`] if it can't be written.
    pub fn trust_key(&self, untrusted: &TrustError) -> Result<(), ConnectorError> {
        if let TrustError::Unknown { pin, .. } = untrusted {
            known_hosts::remember(&self.state, &self.server, Record::Pin(*pin))?;
        }
        Ok(())
    }

    /// Comes back with the saved token.
    ///
    /// # Errors
    /// [`ConnectorError`]; [`ConnectorError::is_temporary`] says whether to try again.
    pub fn reconnect(&self, me: &UserName, poller: &mut Poller) -> Result<LoggedIn, ConnectorError> {
        let saved = self.state.saved_login(&self.server, Some(me))?;
        let Some(saved) = saved else { return Err(ConnectorError::NoSavedLogin(self.server.clone())) };
        let connection = self.connect(poller)?;
        let mut auth = Authenticator::new(connection, poller);
        let epoch = auth.greet()?;
        let Welcome { me, text } = match auth.log_in(Credentials::Token(&saved.token)) {
            Ok(welcome) => welcome,
            Err(error) => {
                if error.is(Code::BadCredentials) {
                    self.state.forget_login(&self.server, &saved.name)?;
                }
                return Err(error.into());
            }
        };
        auth.deflate()?;
        let (connection, early) = auth.into_parts();
        Ok(LoggedIn { connection, epoch, me, welcome: text, early })
    }

    /// Asks for a token and keeps it; without one the next login asks for the password again.
    ///
    /// # Errors
    /// [`AuthError::Connection`] if the connection failed; all else is logged, and goes without.
    pub fn save_login(&self, auth: &mut Authenticator<'_>, me: &UserName) -> Result<(), AuthError> {
        let label = match token_label() {
            Ok(label) => label,
            Err(error) => {
                log::warn!("{error}");
                return Ok(());
            }
        };
        match auth.new_token(&label) {
            Ok(token) => {
                let saved = SavedLogin { name: *me, token };
                if let Err(error) = self.state.save_login(&self.server, &saved) {
                    log::warn!("the login can't be saved: {error}");
                }
                Ok(())
            }
            Err(error @ AuthError::Connection { .. }) => Err(error),
            Err(error) => {
                log::warn!("the server gave no token: {error}");
                Ok(())
            }
        }
    }
}
