//! What the readers are asked.

use crate::protocol::line::Final;
use crate::protocol::names::{AccountId, ConnId, ConversationId, MessageId, Text};

/// A read that the hub has allowed. It leaves the dispatcher after everything before it was
/// committed, and the reader that takes it answers the worker.
#[derive(Debug)]
pub(crate) struct ReadJob {
    pub conn: ConnId,
    /// The most bytes of the answer's rows, unless one row is larger.
    pub answer_bytes: usize,
    pub read: Read,
}

#[derive(Debug)]
pub(crate) enum Read {
    /// `/history`: with `after`, or times that begin somewhere, the first `limit` lines, else the last;
    /// both ids are exclusive.
    History {
        /// The conversation, and the name that its rows carry.
        conversation: ConversationRef,
        /// Only ids below this; never above what was committed when it was asked for.
        before: MessageId,
        /// Only ids above this.
        after: Option<MessageId>,
        times: TimeRange,
        limit: u32,
    },
    /// `/history around=ID`: that message and those next to it.
    Around {
        /// The conversation, and the name that its rows carry.
        conversation: ConversationRef,
        id: MessageId,
        /// Only ids below this.
        before: MessageId,
        limit: u32,
    },
    /// `/changes`: the first `limit` of those between the two numbers.
    Changes {
        /// The conversation, and the name that its rows carry.
        conversation: ConversationRef,
        /// Exclusive.
        after: u64,
        /// Inclusive: the last one when it was asked.
        last: u64,
        limit: u32,
    },
    /// `/pins`.
    Pins(ConversationRef),
    /// `/search` and `/mentions`.
    Search {
        /// All that the account may read, or only the one that it asked for; each with its last id
        /// when it was asked. The account may have been taken out of a room since.
        conversations: Vec<(ConversationRef, MessageId)>,
        /// Only by this account.
        from: Option<AccountId>,
        /// Only messages that mention this account, neither its own nor by whom it ignores.
        mentioned: Option<Hearer>,
        times: TimeRange,
        limit: u32,
        /// The cursor from the previous answer.
        more: Option<u64>,
        /// All of these words.
        words: Option<Text>,
    },
    /// `/export`: what an account said, oldest first.
    Export {
        author: AccountId,
        /// Those that it is in; what it said elsewhere names no place.
        conversations: Vec<ConversationRef>,
        /// The cursor from the previous answer; 0 is the beginning.
        after: u64,
        limit: u32,
    },
    /// `/conversations`.
    Conversations {
        /// The account that asks: its own lines are not unread.
        hearer: Hearer,
        /// Each conversation, with its last id and read marker.
        conversations: Vec<ReadPosition>,
    },
    /// `/audit`: the newest entries first.
    Audit {
        /// The room; `None` for what concerns the whole server.
        conversation: Option<ConversationId>,
        limit: u32,
        /// The cursor from the previous answer.
        more: Option<u64>,
    },
    /// What a person is shown at login and `/join`: unread lines of the room, then a row for each
    /// other conversation with unread lines, then the final line.
    Welcome {
        /// The account: its own lines are not unread, and lines by whom it ignores are not shown.
        hearer: Hearer,
        /// The current room.
        room: Option<ReadPosition>,
        /// At most this many of its lines.
        replay: u32,
        /// The other conversations; only those with unread lines are shown.
        others: Vec<ReadPosition>,
        last: Final,
    },
}

/// An account that asks, and whom it ignores.
#[derive(Debug, Clone)]
pub(crate) struct Hearer {
    pub account: AccountId,
    pub ignores: Box<[AccountId]>,
}

impl Hearer {
    /// Whether it ignores the account of that number.
    #[must_use]
    pub(crate) fn ignores(&self, author: i64) -> bool {
        self.ignores.iter().any(|ignored| ignored.value() == author)
    }
}

/// Which times are asked for, in milliseconds of Unix time, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeRange {
    pub since: u64,
    pub until: u64,
}

impl TimeRange {
    pub(crate) const ALL: Self = Self { since: 0, until: u64::MAX };

    /// Whether every time is within it.
    #[must_use]
    pub(crate) fn is_all(self) -> bool {
        self == Self::ALL
    }
}

/// A conversation, and the TARGET by which the account that asks knows it.
#[derive(Debug, Clone)]
pub(crate) struct ConversationRef {
    pub id: ConversationId,
    /// `ROOM` or `@NAME`.
    pub target: Box<str>,
    /// The messages up to this id were dropped before it was asked.
    pub dropped: MessageId,
}

/// A conversation and how far it is read.
#[derive(Debug, Clone)]
pub(crate) struct ReadPosition {
    pub conversation: ConversationRef,
    /// The last id when it was asked.
    pub last: MessageId,
    /// The read marker.
    pub read: MessageId,
    /// The number of the last change when it was asked.
    pub changes: u64,
    /// Whether it is a direct conversation with somebody whom the account ignores: nothing in it is
    /// unread.
    pub unheard: bool,
}

impl ReadPosition {
    /// Whether there may be something unread.
    #[must_use]
    pub(crate) fn has_news(&self) -> bool {
        !self.unheard && self.last > self.read
    }
}
