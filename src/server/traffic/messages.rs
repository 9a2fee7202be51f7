//! Messages and what happens to them later, as they pass between the core and the store.

use crate::protocol::names::{AccountId, ConversationId, MessageId, Text};
use crate::protocol::reaction::ReactionWord;
use std::collections::BTreeMap;

/// A message to be stored. The store assigns its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    pub conversation: ConversationId,
    pub author: AccountId,
    /// In milliseconds of Unix time.
    pub at: u64,
    pub mark: Mark,
    /// Whom the text mentions, each once.
    pub mentions: Box<[Mentioned]>,
    pub text: Text,
    /// The key of a `/post`.
    pub key: Option<Box<str>>,
}

/// How a message was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// As it stands.
    None,
    /// It is what the author does.
    Me,
    /// It answers this message.
    Reply { id: MessageId, author: AccountId },
}

/// Whom a message mentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mentioned {
    /// Everyone in the room.
    Everyone,
    Account(AccountId),
}

/// What the store knows of a message that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageRecord {
    pub author: AccountId,
    /// In milliseconds of Unix time.
    pub at: u64,
}

/// What is too old, in milliseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// What was said before this.
    pub before: u64,
    /// Nothing was said later than this: a message whose time lies ahead of it was dated by a clock that was wrong.
    pub now: u64,
}

/// What the store knows of the oldest messages of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Oldest {
    /// The last of those that are older than was asked for; `None` if none is.
    pub expired: Option<MessageId>,
    /// When the next one was said, in milliseconds of Unix time; `None` if none is known.
    pub next_at: Option<u64>,
    /// Whether there may be more that are not indexed yet, of this room or another.
    pub behind: bool,
}

/// What is more than all conversations keep together, of their oldest messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Surplus {
    /// Up to which message of each conversation.
    pub through: BTreeMap<ConversationId, MessageId>,
    /// When the next one was said, in milliseconds of Unix time; `None` if none is known.
    pub next_at: Option<u64>,
    /// Whether there is more that was not looked at.
    pub more: bool,
    /// Whether there may be more that is not indexed yet.
    pub behind: bool,
}

/// Some of what an account said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SaidBy {
    /// Those that are not removed.
    pub messages: Vec<(ConversationId, MessageId)>,
    /// Where to go on.
    pub cursor: i64,
    /// What comes after that.
    pub rest: Rest,
}

/// What comes after some of what an account said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Rest {
    /// Perhaps more.
    More,
    /// Nothing.
    Nothing,
    /// What can't be found yet, since it is not indexed.
    #[default]
    Unknown,
}

/// Something that happened to a message after it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangeRecord {
    pub conversation: ConversationId,
    /// Its number in the conversation.
    pub number: u64,
    /// In milliseconds of Unix time.
    pub at: u64,
    /// Who did it.
    pub by: AccountId,
    /// The message.
    pub id: MessageId,
    pub kind: ChangeKind,
}

/// What happened to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// It says this now.
    Edit {
        text: Text,
        /// Whom the text mentions, each once.
        mentions: Box<[Mentioned]>,
    },
    /// Its text is gone; and why, if a reason was given.
    Redact(Option<Text>),
    /// Somebody said this word about it, which so many do now.
    React {
        word: ReactionWord,
        count: u32,
    },
    /// Somebody took the word back.
    Unreact {
        word: ReactionWord,
        count: u32,
    },
    Pin,
    Unpin,
}

impl ChangeKind {
    /// The word for it: on the wire the tag `ev`, and in the store.
    #[must_use]
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Edit { .. } => "edit",
            Self::Redact(_) => "redact",
            Self::React { .. } => "react",
            Self::Unreact { .. } => "unreact",
            Self::Pin => "pin",
            Self::Unpin => "unpin",
        }
    }

    /// What is stored with it; not its text, which the message has as long as there is one.
    #[must_use]
    pub(crate) fn data(&self) -> String {
        match self {
            Self::React { word, count } | Self::Unreact { word, count } => format!("{count} {word}"),
            Self::Edit { .. } | Self::Redact(_) | Self::Pin | Self::Unpin => String::new(),
        }
    }
}

/// A word that somebody says about a message, or takes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reaction {
    pub conversation: ConversationId,
    pub id: MessageId,
    pub by: AccountId,
    pub word: ReactionWord,
}

/// What the store knows of the reactions to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reactions {
    /// How many have said this word about it.
    pub count: u32,
    /// Whether this account is one of them.
    pub own: bool,
    /// How many different words were said about it.
    pub words: u32,
}

/// What the store knows of the pinned messages of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pins {
    /// How many there are.
    pub count: u32,
    /// Whether this message is one of them.
    pub pinned: bool,
}

/// The outcome of a [`Draft`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It was stored under this id.
    New(MessageId),
    /// The same text was already said under this key, with this id.
    Again(MessageId),
    /// A different text was already said under this key.
    Conflict,
}
