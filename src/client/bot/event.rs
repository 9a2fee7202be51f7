//! What a bot is told: lines and rows of the server, parsed into values.
//!
//! Pure.

use crate::client::incoming;
use crate::client::item::ShownMessage;
use crate::protocol::line::{Body, Line, Tags};
use crate::protocol::names::{RoomName, Target, UserName};
use jiff::Timestamp;

/// Something that a bot is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Somebody said something.
    Message(Message),
    /// A message was changed after it was said.
    Change(Change),
    /// Something else happened in a room, or to an account.
    Happening(Happening),
    /// The server says something that nobody asked for.
    Notice {
        /// Its [code](crate::protocol::code::Code), if it has one.
        code: Option<String>,
        /// What it says.
        text: String,
    },
    /// The connection was lost and is back. The messages and changes of conversations that the bot
    /// [follows](super::Bot::follow) come nevertheless; what else happened meanwhile was missed.
    Reconnected {
        /// Whether ids mean what they meant before. If not, the server was restored from a backup, or crashed while it
        /// did not sync each message; the bot goes on after the last message that it has seen.
        same_history: bool,
    },
    /// A conversation that the bot follows can't be read any more: the room was closed, or this account is out of it.
    Ended {
        /// The conversation.
        target: Target,
        /// Why, as a word, such as `not-a-member` or `kick`.
        why: String,
    },
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The conversation: a room, or with whom.
    pub target: Target,
    /// Its number there.
    pub id: u64,
    /// When it was said.
    pub at: Option<Timestamp>,
    /// Who said it.
    pub author: String,
    /// Whether that is the bot's own account.
    pub own: bool,
    /// Words about it: `me`, `re ID AUTHOR`, `edited`, `removed`, reactions such as `2 👍`.
    pub marks: Vec<String>,
    /// Whom it mentions of those who can read it; known of live messages alone.
    pub mentions: Vec<String>,
    /// What was said; of a removed message, why it was removed.
    pub text: String,
}

impl Message {
    /// Whether its text was removed.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.has_mark("removed")
    }

    /// Whether it was edited.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.has_mark("edited")
    }

    /// Whether it says what its author does: `/me`.
    #[must_use]
    pub fn is_action(&self) -> bool {
        self.has_mark("me")
    }

    /// The message that it answers.
    #[must_use]
    pub fn reply_to(&self) -> Option<u64> {
        self.marks.iter().find_map(|mark| mark.strip_prefix("re ")?.split(' ').next()?.parse().ok())
    }

    fn has_mark(&self, word: &str) -> bool {
        self.marks.iter().any(|mark| mark == word)
    }

    /// Reads a row of `/history` and the like, `TARGET ID TIME AUTHOR[ (mark)]: TEXT`.
    pub(in crate::client) fn from_row(row: &str, me: &UserName) -> Option<Self> {
        Self::from_shown(incoming::parse_row(row, Some(me))?, None)
    }

    fn from_shown(shown: ShownMessage, mention: Option<&str>) -> Option<Self> {
        let marks = shown.mark.map(|marks| marks.split(", ").map(str::to_owned).collect());
        Some(Self {
            target: shown.target,
            id: shown.id?,
            at: shown.at.and_then(time),
            author: shown.author,
            own: shown.own,
            marks: marks.unwrap_or_default(),
            mentions: mention.map(|names| names.split(',').map(str::to_owned).collect()).unwrap_or_default(),
            text: shown.text,
        })
    }
}

/// A change of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The conversation.
    pub target: Target,
    /// The number of the change there.
    pub number: u64,
    /// The message.
    pub id: u64,
    /// When it was changed.
    pub at: Option<Timestamp>,
    /// By whom.
    pub who: String,
    /// Whether that is the bot's own account.
    pub own: bool,
    /// What was done: `edit`, `redact`, `react`, `unreact`, `pin`, `unpin`.
    pub what: String,
    /// The new text, the reason of a removal, or a reaction with its count.
    pub text: String,
}

impl Change {
    /// Reads a row of `/changes`, `TARGET CHANGE TIME WHO WORD ID[: TEXT]`.
    pub(super) fn from_row(row: &str, me: &UserName) -> Option<Self> {
        let (head, text) = row.split_once(": ").unwrap_or((row, ""));
        let mut words = head.split(' ');
        let target = Target::parse(words.next()?).ok()?;
        let number = words.next()?.parse().ok()?;
        let at = words.next()?.parse().ok();
        let who = words.next()?.to_owned();
        let what = words.next()?.to_owned();
        let id = words.next()?.parse().ok()?;
        let own = incoming::is_me(&who, Some(me));
        Some(Self { target, number, id, at, own, who, what, text: text.to_owned() })
    }

    fn from_tags(target: Target, tags: &Tags<'_>, sentence: &str, me: &UserName) -> Option<Self> {
        let who = tags.who?.to_owned();
        Some(Self {
            target,
            number: tags.change?,
            id: tags.about?,
            at: tags.at.and_then(time),
            own: incoming::is_me(&who, Some(me)),
            who,
            what: tags.ev?.to_owned(),
            text: sentence.split_once(": ").map_or("", |(_, text)| text).to_owned(),
        })
    }
}

/// Something that happened in a room or to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Happening {
    /// The room, if it happened in one.
    pub room: Option<RoomName>,
    /// What: `join`, `leave`, `online`, `offline`, `topic`, `kick` and so on; more may come.
    pub what: String,
    /// Who did it, or to whom it happened.
    pub who: Option<String>,
    /// Whether that is the bot's own account.
    pub own: bool,
    /// Who did it, if it was done to somebody.
    pub by: Option<String>,
    /// What it is from now on: a role, a name, a time.
    pub set: Option<String>,
    /// The server's sentence, which says all of it.
    pub text: String,
}

impl Event {
    /// Reads a line; `None` if it is of a kind that this version does not know, or answers something.
    pub(super) fn parse(line: &Line<'_>, me: &UserName) -> Option<Self> {
        let Line { tags, body } = line;
        let (room, text) = match *body {
            Body::RoomMessage { .. } | Body::DirectMessage { .. } => {
                return Message::from_shown(incoming::parse_line(line, Some(me))?, tags.mention).map(Self::Message);
            }
            Body::Event { room, text } => (RoomName::parse_existing(room).ok(), text),
            Body::Notice(code, text) if tags.ev.is_none() => {
                return Some(Self::Notice { code: code.map(|code| code.to_string()), text: text.to_owned() });
            }
            Body::Notice(_, text) => (None, text),
            _ => return None,
        };
        let target = room.map(Target::Room).or_else(|| Target::parse(tags.to?).ok());
        if tags.change.is_some() {
            return Change::from_tags(target?, tags, text, me).map(Self::Change);
        }
        let who = tags.who.map(str::to_owned);
        let own = who.as_deref().is_some_and(|who| incoming::is_me(who, Some(me)));
        let what = tags.ev.unwrap_or_default().to_owned();
        let (by, set) = (tags.by.map(str::to_owned), tags.set.map(str::to_owned));
        Some(Self::Happening(Happening { room, what, who, own, by, set, text: text.to_owned() }))
    }
}

/// A time of the wire, in milliseconds of Unix time.
fn time(at: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(at).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> UserName {
        UserName::parse("bot").unwrap()
    }

    fn parse(line: &str) -> Option<Event> {
        Event::parse(&Line::parse(line).unwrap(), &me())
    }

    #[test]
    fn a_live_message_and_its_row_are_the_same() {
        let live = parse("@id=8;at=1795338600000 [ops] bob (re 7 ann, 2 👍): a: b");
        let row = Message::from_row("ops 8 2026-11-22T09:10:00.000Z bob (re 7 ann, 2 👍): a: b", &me()).unwrap();
        assert_eq!((row.reply_to(), row.is_edited(), row.own), (Some(7), false, false));
        assert_eq!(live, Some(Event::Message(row)));
    }

    #[test]
    fn a_live_change_and_its_row_are_the_same() {
        let live = parse("@at=1795338600000;ev=edit;who=bob;about=1;change=3 [ops] * bob edited 1: see: you");
        let row = Change::from_row("ops 3 2026-11-22T09:10:00.000Z bob edit 1: see: you", &me()).unwrap();
        assert_eq!(live, Some(Event::Change(row)));
        let direct = parse("@at=1;to=@bob;ev=pin;who=bot;about=1;change=1 * bot pinned 1 in @bob");
        let Some(Event::Change(change)) = direct else { panic!("{direct:?}") };
        assert_eq!((change.target.to_string().as_str(), change.own, change.text.as_str()), ("@bob", true, ""));
    }

    #[test]
    fn other_lines_are_happenings_or_notices_or_nothing() {
        let Some(Event::Happening(join)) = parse("@ev=join;who=bot [ops] * bot joined") else { panic!("no happening") };
        assert_eq!(
            (join.what.as_str(), join.own, join.room.map(|room| room.to_string())),
            ("join", true, Some("ops".to_owned()))
        );
        let notice = parse("* shutting-down: back in a moment").unwrap();
        assert_eq!(
            notice,
            Event::Notice { code: Some("shutting-down".to_owned()), text: "back in a moment".to_owned() }
        );
        assert_eq!(parse("+ 7"), None);
    }
}
