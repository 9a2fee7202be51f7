//! Why a transaction failed, and whether any of it was written. These occur on the dispatcher's
//! thread.

use crate::protocol::names::{ConversationId, MessageId};
use rusqlite::{Error, ErrorCode};

/// Why a transaction is not known to be on disk.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Certainly none of it was written. After [`super::Store::rollback`] the store can be used again.
    #[error("nothing was written: {0}")]
    Refused(#[source] WriteError),
    /// It may have been written. The process must end without telling anybody anything more; the next
    /// start loads what is on disk.
    #[error("it may or may not have been written: {0}")]
    Ambiguous(#[source] WriteError),
}

/// What went wrong in a transaction.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// SQLite's error: a full disk, which the operator can fix, or a failing one.
    #[error(transparent)]
    Database(#[from] Error),
    /// An earlier step of the same transaction failed, and it has not been rolled back yet.
    #[error("an earlier step of the same transaction failed")]
    Earlier,
    /// Our own mistake: a message for a conversation that was never written.
    #[error("there is no conversation {0:?}")]
    NoConversation(ConversationId),
    /// Our own mistake: a change to a message that is not there.
    #[error("there is no message {0}")]
    NoMessage(MessageId),
    /// The conversation has used up all ids.
    #[error("conversation {0:?} has no ids left")]
    NoIdLeft(ConversationId),
}

impl WriteError {
    /// Whether nothing was written, for certain. A full disk fails before the end of a commit record,
    /// and a violated constraint is found before anything is written.
    pub(super) fn is_certain(&self) -> bool {
        match self {
            Self::Database(error) => {
                matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::ConstraintViolation))
            }
            Self::Earlier | Self::NoConversation(_) | Self::NoMessage(_) | Self::NoIdLeft(_) => true,
        }
    }
}
