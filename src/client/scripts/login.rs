//! How a subcommand logs in: with the token in `CHITCHAT_TOKEN`, the saved one, or a password from a file or a command.

use crate::client::ClientError;
use crate::client::args::{Address, CommandLine, Fingerprint};
use crate::client::authenticate::{Authenticator, Credentials, Welcome};
use crate::client::bot::{Dial, log_in};
use crate::client::connection::Connection;
use crate::client::connector::{Connector, ConnectorError, LoggedInConnection};
use crate::client::known_hosts;
use crate::client::password::PasswordSource;
use crate::client::poller::Poller;
use crate::client::servers::{self, Destination};
use crate::client::state::StateDir;
use crate::client::trust::Trust;
use crate::protocol::code::Code;
use crate::protocol::names::UserName;
use crate::protocol::secrets::Secret;

/// Where the token may be.
const TOKEN: &str = "CHITCHAT_TOKEN";

pub(super) enum ScriptDial {
    /// With a token from outside. Nothing is written; who the server is may be known from before.
    Token { server: Address, fingerprint: Option<Fingerprint>, token: Secret, state: Option<StateDir> },
    /// With what this user has saved, or a password, which is then exchanged for a token that is saved.
    Saved { connector: Connector, name: Option<UserName>, password: Option<PasswordSource> },
}

impl ScriptDial {
    /// What the command line and the environment say.
    pub(super) fn new(args: &CommandLine) -> Result<Self, ClientError> {
        let fingerprint = args.fingerprint;
        if let Some(token) = std::env::var(TOKEN).ok().filter(|token| !token.is_empty()) {
            let token = Secret::new(&token);
            if let (Some(server), Some(_)) = (args.named_server(), fingerprint) {
                // All is said, so no file is needed and none is looked for.
                return Ok(Self::Token { server, fingerprint, token, state: None });
            }
            let state = StateDir::open().ok();
            let chosen = state.as_ref().map(|state| servers::choose(args, state)).transpose()?;
            let server = chosen.map(|chosen| chosen.server).or_else(|| args.named_server());
            let server = server.unwrap_or_else(|| args.local_server());
            return Ok(Self::Token { server, fingerprint, token, state });
        }
        let state = StateDir::open()?;
        let Destination { server, visitor, .. } = servers::choose(args, &state)?;
        let connector = Connector { server, state, fingerprint };
        Ok(Self::Saved { connector, name: visitor.name, password: PasswordSource::of(args) })
    }
}

/// Logs in without asking anyone, for a chat that is told to ask nothing or where the password is.
pub(in crate::client) fn log_in_unasked(
    connector: &Connector,
    name: Option<UserName>,
    password: Option<PasswordSource>,
    poller: &mut Poller,
) -> Result<LoggedInConnection, ConnectorError> {
    ScriptDial::Saved { connector: connector.clone(), name, password }.dial(poller)
}

impl Dial for ScriptDial {
    fn dial(&mut self, poller: &mut Poller) -> Result<LoggedInConnection, ConnectorError> {
        match self {
            Self::Token { server, fingerprint, token, state } => {
                let known = match state {
                    Some(state) => known_hosts::look_up(state, server)?,
                    None => None,
                };
                let connection = Connection::open(server, &Trust::new(*fingerprint, known), poller)?;
                log_in(connection, token, poller)
            }
            Self::Saved { connector, name, password } => {
                if let Some(login) = connector.state.login(&connector.server, name.as_ref())? {
                    match (connector.reconnect(login.name(), poller), &password) {
                        // The password gives another token.
                        (Err(ConnectorError::LoginEnded(_)), Some(_)) => {}
                        (other, _) => return other,
                    }
                }
                let Some(source) = password else {
                    return Err(connector.no_login(name.as_ref()));
                };
                let Some(name) = name else { return Err(ConnectorError::NoName) };
                with_password(connector, name, &source.read()?, poller)
            }
        }
    }
}

fn with_password(
    connector: &Connector,
    name: &UserName,
    password: &Secret,
    poller: &mut Poller,
) -> Result<LoggedInConnection, ConnectorError> {
    let connection = connector.connect(poller)?;
    let mut auth = Authenticator::new(connection, poller);
    let epoch = auth.greet()?;
    let Welcome { me, text: welcome } = match auth.log_in(Credentials::Password(name, password)) {
        Err(error) if error.is(Code::BadCredentials) => return Err(error.into()),
        other => other?,
    };
    connector.save_login(&mut auth, &me)?;
    auth.deflate()?;
    let (connection, early) = auth.into_parts();
    Ok(LoggedInConnection { connection, epoch, me, welcome, early })
}
