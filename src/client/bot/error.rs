//! Why a bot fails, and which refusals pass by themselves. Pure.

use crate::client::connection::ConnectionError;
use crate::client::connector::ConnectorError;
use crate::protocol::code::Code;
use crate::protocol::names::NameError;
use crate::protocol::secrets::NoRandomness;
use std::io;
use std::time::Duration;

/// How long to wait after a refusal that does not say for how long.
const RETRY: Duration = Duration::from_secs(1);

/// Why a bot can't go on, or one of its commands failed.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// There is no connection, or no login on it.
    #[error(transparent)]
    Connect(#[from] ConnectorError),
    /// The connection was lost before the answer: the command may or may not have been done. The next method connects
    /// again.
    #[error(transparent)]
    Lost(#[from] ConnectionError),
    /// The server refused a command; the connection goes on.
    #[error("{text} ({code})")]
    Refused {
        /// The code word, such as `no-such-room`.
        code: String,
        /// The server's sentence.
        text: String,
        /// Seconds after which trying again makes sense.
        retry: Option<u64>,
        /// What the room is called now.
        renamed: Option<String>,
    },
    /// The caller's fault: a command is one line that begins with `/`. Nothing was sent.
    #[error("a command is one line that begins with a slash")]
    NotACommand,
    /// The caller's fault: a message is one line, and a key one word. Nothing was sent.
    #[error("a message is one line, and a key is one word")]
    NotOneLine,
    /// The caller's fault: that can't be a room or a person.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The caller's fault: the server asked a question, as it does after `/passwd`.
    #[error("the server asked a question, which a bot can't answer")]
    Prompted,
    /// The server's fault: it answered something else than was asked for.
    #[error("the server's answer makes no sense: {0:?}")]
    Senseless(String),
    /// The system gave no descriptors.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl BotError {
    /// Whether the server refused with this code.
    #[must_use]
    pub fn is(&self, wanted: Code) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted.as_str())
    }

    /// After how long a refused command may be repeated; `None` if that would not help.
    pub(super) fn retry(&self) -> Option<Duration> {
        let Self::Refused { retry, .. } = self else { return None };
        let passes = [Code::Busy, Code::SlowDown, Code::Storage, Code::ShuttingDown, Code::Internal]
            .iter()
            .any(|&code| self.is(code));
        passes.then(|| retry.map_or(RETRY, Duration::from_secs))
    }
}
