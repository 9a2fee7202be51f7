//! What catching up asks for and is told: the steps that it takes, and the parts, pages and rows they are about.
//! Values alone.

use crate::client::item::ShownMessage;
use crate::protocol::names::Target;

/// What to do next, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::client) enum CatchUpStep {
    /// Show this message of a conversation.
    Show(Target, u64, Box<ShownMessage>),
    /// Count this message of a conversation that is not shown.
    Count(Target, u64, Box<ShownMessage>),
    /// The message that is shown next is the first unread one of the current conversation.
    LeftOff {
        /// How many unread ones there are.
        unread: u64,
        /// When it was said.
        since: Option<u64>,
    },
    /// Fetch this part of a conversation; pass on the rows with [`super::CatchUp::fetched`], then call
    /// [`super::CatchUp::page_end`].
    Fetch(Target, Part),
    /// A conversation has unread messages that are not shown.
    Unread {
        target: Target,
        /// How many there are.
        unread: u64,
        /// The last id that was read.
        read: u64,
    },
    /// There are more unread messages before those that follow.
    Earlier {
        target: Target,
        /// The last id that was read.
        read: u64,
        /// The first id that is shown.
        before: u64,
    },
}

/// A part of a conversation's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Part {
    /// The first [`super::PAGE`] messages after this id.
    After(u64),
    /// The last [`super::UNREAD_SHOWN`] messages.
    Latest,
}

/// A row of `/conversations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::client) struct Listed {
    pub target: Target,
    /// Its last id.
    pub last: u64,
    /// The last id that was read.
    pub read: u64,
    /// Other people's messages since then.
    pub unread: u64,
    /// How many of those mention the account.
    pub mentions: u64,
    /// The number of the last change there.
    pub change: u64,
}

impl Listed {
    /// Reads `TARGET LAST READ UNREAD MENTIONS CHANGE`, and ignores what follows.
    #[must_use]
    pub(in crate::client) fn parse(row: &str) -> Option<Self> {
        let mut words = row.split(' ');
        let target = Target::parse(words.next()?).ok()?;
        let mut number = || words.next()?.parse().ok();
        let (last, read, unread) = (number()?, number()?, number()?);
        // Older servers end here.
        let (mentions, change) = (number().unwrap_or_default(), number().unwrap_or_default());
        Some(Self { target, last, read, unread, mentions, change })
    }
}

/// Whether a new connection has the history of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Continuity {
    Same,
    /// No: the server was restored from a backup.
    Broken,
}

/// Whether there is another page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Page {
    More,
    Last,
}
