//! What the client shows: the values that pass from the session to the screen.
//!
//! Owns no rule about how anything looks: `screen` renders them. Pure values; nothing here knows the
//! terminal, the connection or the clock.

use crate::protocol::line::Tags;
use crate::protocol::names::Target;

/// Something to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// Somebody said something.
    Message(ShownMessage),
    /// Something happened in a room, to a message, or to the account.
    Event(ShownEvent),
    /// This conversation is the current one from here on.
    Here {
        target: Target,
        /// The room's topic, if it has one that is known.
        topic: Option<String>,
        /// How many members the room has, if that is known.
        members: Option<u32>,
    },
    /// The first unread line of the current conversation comes next.
    LeftOff {
        /// How many unread lines there are.
        count: u64,
        /// When the first of them was said, in milliseconds of Unix time.
        since: Option<u64>,
    },
    /// One of the user's commands is answered.
    Answer(AnswerItem),
    /// A row that answers nothing that was asked.
    Row(String),
    /// Something else was done.
    Done(String),
    /// A line was refused.
    Refused {
        /// The code word.
        code: String,
        /// The server's sentence.
        text: String,
    },
    /// A notice from the server.
    Notice(String),
    /// A notice from the client itself.
    Local(String),
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShownMessage {
    /// The conversation.
    pub target: Target,
    /// Its id there; `None` only from a server that sends none.
    pub id: Option<u64>,
    /// Who said it.
    pub author: String,
    /// To whom it was written directly, as the server spells the name; `None` in a room.
    pub to: Option<String>,
    /// `me`, `re ID AUTHOR`, `edited`, …
    pub mark: Option<String>,
    pub text: String,
    /// When, in milliseconds of Unix time.
    pub at: Option<u64>,
    /// Whether this account said it, here or on another device.
    pub own: bool,
    /// Whether it mentions this account. Known of live lines alone.
    pub mentions_me: bool,
    /// What it answers, if that was shown here not long ago.
    pub quote: Option<Quote>,
}

/// The beginning of a message that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quote {
    /// Who said it.
    pub author: String,
    /// How it begins.
    pub text: String,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShownEvent {
    /// The conversation; `None` if it is about the account or a person.
    pub target: Option<Target>,
    pub kind: EventKind,
    /// Who did it, or to whom it happened.
    pub who: Option<String>,
    /// Whether that is this account.
    pub own: bool,
    /// The server's sentence, which says all of it.
    pub text: String,
    /// When, in milliseconds of Unix time, if the server says.
    pub at: Option<u64>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EventKind {
    /// Somebody became a member of the room.
    Join,
    /// Somebody left it for good.
    Leave,
    /// Somebody's first connection came.
    Online,
    /// Somebody's last connection went.
    Offline,
    /// Somebody said that they are away.
    Away,
    /// Somebody is back.
    Back,
    /// A message was changed after it was said.
    Change(ShownChange),
    /// Something else, such as a new topic or a ban; the word of its tag, if it has one.
    Other(Option<String>),
}

/// What happened to a message after it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShownChange {
    pub kind: ChangeKind,
    /// The message.
    pub about: u64,
    /// The new text, the reason, or the count and the word of a reaction; empty if there is none.
    pub text: String,
    /// Whether it mentions this account from now on.
    pub mentions_me: bool,
    /// The message as it was, if it was shown here not long ago.
    pub original: Option<Quote>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeKind {
    Edited,
    Removed,
    Reacted,
    ReactionTakenBack,
    Pinned,
    Unpinned,
}

impl ChangeKind {
    /// What the word of a tag or of a row of `/changes` means.
    #[must_use]
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "edit" => Self::Edited,
            "redact" => Self::Removed,
            "react" => Self::Reacted,
            "unreact" => Self::ReactionTakenBack,
            "pin" => Self::Pinned,
            "unpin" => Self::Unpinned,
            _ => return None,
        })
    }
}

impl EventKind {
    /// What the tags of an event mean; `text` is its sentence.
    #[must_use]
    pub(super) fn from_tags(tags: &Tags<'_>, text: &str) -> Self {
        let word = tags.ev.unwrap_or_default();
        if let (Some(kind), Some(about)) = (ChangeKind::parse(word), tags.about) {
            // As on the page of the protocol: what follows the first ": " is the text.
            let text = text.split_once(": ").map_or("", |(_, text)| text).to_owned();
            return Self::Change(ShownChange { kind, about, text, mentions_me: false, original: None });
        }
        match word {
            "join" => Self::Join,
            "leave" => Self::Leave,
            "online" => Self::Online,
            "offline" => Self::Offline,
            "away" => Self::Away,
            "back" => Self::Back,
            _ => Self::Other(tags.ev.map(str::to_owned)),
        }
    }
}

/// A command and its whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnswerItem {
    /// What was asked, without slash and label.
    pub command: String,
    pub rows: Vec<String>,
    pub end: AnswerEnd,
}

/// How an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AnswerEnd {
    /// `+ TEXT`.
    Done(String),
    /// `- CODE: TEXT`.
    Refused {
        /// The code word.
        code: String,
        /// The server's sentence.
        text: String,
    },
    /// Not yet: the answer is so long that it comes in pieces, or the connection dropped.
    Open,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::line::{Body, Line};

    fn kind(line: &str) -> EventKind {
        let line = Line::parse(line).unwrap();
        let (Body::Event { text, .. } | Body::Notice(_, text)) = line.body else { panic!("{line:?}") };
        EventKind::from_tags(&line.tags, text)
    }

    #[test]
    fn events_are_known_by_their_tags() {
        let edited = ShownChange {
            kind: ChangeKind::Edited,
            about: 7,
            text: "a: b".to_owned(),
            mentions_me: false,
            original: None,
        };
        assert_eq!(
            kind("@ev=edit;who=bob;about=7;change=3 [lobby] * bob edited 7: a: b"),
            EventKind::Change(edited.clone())
        );
        let removed = ShownChange { kind: ChangeKind::Removed, text: String::new(), ..edited };
        assert_eq!(
            kind("@to=@bob;ev=redact;who=bob;about=7;change=4 * bob removed 7 in @bob"),
            EventKind::Change(removed)
        );
        assert_eq!(kind("@ev=join;who=bob [lobby] * bob joined"), EventKind::Join);
        assert_eq!(kind("@ev=edit;who=bob [lobby] * bob edited"), EventKind::Other(Some("edit".to_owned())));
        assert_eq!(kind("[lobby] * bob danced: well"), EventKind::Other(None));
    }
}
