//! How a bot connects and logs in, the first time and again.

use crate::client::args::{Address, Fingerprint};
use crate::client::authenticate::{Authenticator, Credentials, Welcome};
use crate::client::connection::Connection;
use crate::client::connector::{ConnectorError, LoggedInConnection};
use crate::client::poller::Poller;
use crate::client::trust::Trust;
use crate::protocol::secrets::Secret;

/// Makes one logged-in connection.
pub(in crate::client) trait Dial: Send {
    /// Connects and logs in, once.
    ///
    /// # Errors
    /// [`ConnectorError::is_temporary`] says whether to try again.
    fn dial(&mut self, poller: &mut Poller) -> Result<LoggedInConnection, ConnectorError>;
}

/// With a device token, and without any file.
pub(super) struct TokenDial {
    pub server: Address,
    /// Without one, a public authority must trust the server.
    pub fingerprint: Option<Fingerprint>,
    pub token: Secret,
}

impl Dial for TokenDial {
    fn dial(&mut self, poller: &mut Poller) -> Result<LoggedInConnection, ConnectorError> {
        let connection = Connection::open(&self.server, &Trust::new(self.fingerprint, None), poller)?;
        log_in(connection, &self.token, poller)
    }
}

/// Logs in with a token.
pub(in crate::client) fn log_in(
    connection: Connection,
    token: &Secret,
    poller: &mut Poller,
) -> Result<LoggedInConnection, ConnectorError> {
    let mut auth = Authenticator::new(connection, poller);
    let epoch = auth.greet()?;
    let Welcome { me, text: welcome } = auth.log_in(Credentials::Token(token))?;
    let (connection, early) = auth.into_parts();
    Ok(LoggedInConnection { connection, epoch, me, welcome, early })
}
