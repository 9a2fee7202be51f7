//! What the readers are asked.

use crate::protocol::line::Final;
use crate::protocol::names::{AccountId, ConnId, ConversationId, MessageId, Text};

/// A read that the hub allowed. It leaves the dispatcher after everything before it was committed,
/// and the reader that takes it answers the worker.
#[derive(Debug)]
pub(crate) struct ReadJob {
    /// Who asked.
    pub conn: ConnId,
    /// What.
    pub read: Read,
}

/// See [`ReadJob`].
#[derive(Debug)]
pub(crate) enum Read {
    /// `/history`: with `after` the first `limit` lines, else the last; both bounds exclusive.
    History {
        /// Where, with the name that its rows carry.
        conversation: ConversationRef,
        /// Ids below; never above what was committed when it was asked.
        before: MessageId,
        /// Ids above.
        after: Option<MessageId>,
        /// At most so many.
        limit: u32,
    },
    /// `/search`.
    Search {
        /// All that the account may read, or just the one that it asked for.
        conversations: Vec<ConversationRef>,
        /// Only by this account.
        from: Option<AccountId>,
        /// At most so many.
        limit: u32,
        /// The cursor of the answer before.
        more: Option<u64>,
        /// All of these words.
        words: Text,
    },
    /// `/conversations`.
    Conversations {
        /// Who asks: one's own lines are not unread.
        account: AccountId,
        /// Where, up to which id, read up to where.
        conversations: Vec<Unread>,
    },
    /// What a person is shown at login and `/join`: unread lines of the room, then a row for each
    /// other conversation with news, then the final line.
    Welcome {
        /// Who: one's own lines are not unread.
        account: AccountId,
        /// The current room.
        room: Option<Unread>,
        /// At most so many lines of it.
        replay: u32,
        /// The other conversations; only those with news are shown.
        others: Vec<Unread>,
        /// The final line.
        last: Final,
    },
}

/// A conversation, and the TARGET that the asker knows it by.
#[derive(Debug, Clone)]
pub(crate) struct ConversationRef {
    /// Which.
    pub id: ConversationId,
    /// `ROOM` or `@NAME`.
    pub target: Box<str>,
}

/// A conversation and how far it is read.
#[derive(Debug, Clone)]
pub(crate) struct Unread {
    /// Which.
    pub conversation: ConversationRef,
    /// The last id when it was asked.
    pub last: MessageId,
    /// Read up to here.
    pub read: MessageId,
}
