//! Where a line may leave ROOM out, since its sender stands in a room: the one rule for all verbs
//! whose usage begins with `[ROOM]`.
//!
//! What a line means is decided in two steps. How many words it has mostly says it, to anyone:
//! [`Verb::room_word`]. Where it does not, the rooms that there are must, and only the server and a
//! client know those. Either way the verb's arguments are then read with a ROOM in front:
//! [`Verb::with_room`].

use super::Verb;
use crate::protocol::args::words;

/// What follows a ROOM that may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRoom {
    /// Nothing but options.
    Nothing,
    /// One word, always.
    Word,
    /// A text, or nothing.
    Text,
    /// A word, always, and perhaps more.
    WordAndMore,
}

/// Whether a line names its ROOM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomWord<'a> {
    /// The first word is the ROOM.
    Named,
    /// There is no ROOM: the current room is meant.
    LeftOut,
    /// The first word is a ROOM, if there is one of that name.
    Unclear {
        /// The first word.
        word: &'a str,
        /// Whether it is the only one.
        alone: bool,
    },
}

impl Verb {
    /// Whether a line with these arguments names its ROOM, as far as its words tell. A word with `#`
    /// is always a room, and one with `@` is always a person.
    #[must_use]
    pub fn room_word<'a>(&self, rest: &'a str) -> RoomWord<'a> {
        let Some(after) = self.after_room else { return RoomWord::Named };
        let mut words = words(rest).filter(|word| !self.is_option(word));
        let Some(word) = words.next() else { return RoomWord::LeftOut };
        if word.starts_with('#') {
            return RoomWord::Named;
        }
        let alone = words.next().is_none();
        match after {
            AfterRoom::Nothing => RoomWord::Named,
            AfterRoom::Word | AfterRoom::WordAndMore if alone || word.starts_with('@') => RoomWord::LeftOut,
            AfterRoom::Word => RoomWord::Named,
            AfterRoom::Text | AfterRoom::WordAndMore => RoomWord::Unclear { word, alone },
        }
    }

    /// The arguments with that room in front. Whatever follows stays as it was typed.
    #[must_use]
    pub fn with_room(room: &str, rest: &str) -> String {
        format!(" #{room}{rest}")
    }
}

/// Room names of at least this many characters are recognised with one slip in them.
const MISTYPED_MIN: usize = 4;

/// Whether somebody who typed one thing may have meant this room: it differs by one slip.
#[must_use]
pub fn is_mistyped(typed: &str, room: &str) -> bool {
    room.len() >= MISTYPED_MIN && strsim::damerau_levenshtein(&typed.to_ascii_lowercase(), room) == 1
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    fn reading<'a>(verb: &str, rest: &'a str) -> RoomWord<'a> {
        find(verb).unwrap().room_word(rest)
    }

    #[test]
    fn the_words_tell_whether_a_room_is_named() {
        assert_eq!(reading("leave", ""), RoomWord::LeftOut);
        assert_eq!(reading("leave", "  "), RoomWord::LeftOut);
        assert_eq!(reading("leave", " ops"), RoomWord::Named);
        assert_eq!(reading("invite", " bob"), RoomWord::LeftOut);
        assert_eq!(reading("invite", " ops bob"), RoomWord::Named);
        assert_eq!(reading("invite", " @bob ops"), RoomWord::LeftOut);
        assert_eq!(reading("invite", " #ops"), RoomWord::Named);
        assert_eq!(reading("topic", ""), RoomWord::LeftOut);
        assert_eq!(reading("topic", " ops"), RoomWord::Unclear { word: "ops", alone: true });
        assert_eq!(reading("topic", "  the house rules"), RoomWord::Unclear { word: "the", alone: false });
        assert_eq!(reading("topic", " #ops x"), RoomWord::Named);
        assert_eq!(reading("join", ""), RoomWord::Named);
        // An option may stand before, between and after them.
        assert_eq!(reading("ban", " for=1h bob"), RoomWord::LeftOut);
        assert_eq!(reading("ban", " bob for=1h"), RoomWord::LeftOut);
        assert_eq!(reading("ban", " of=1h bob"), RoomWord::Unclear { word: "of=1h", alone: false });
    }

    #[test]
    fn one_slip_in_a_name_that_is_not_short_is_recognised() {
        assert!(is_mistyped("Loby", "lobby"));
        assert!(!is_mistyped("lobby", "lobby"));
        assert!(!is_mistyped("the", "she"));
    }

    #[test]
    fn what_follows_the_room_stays_as_it_was_typed() {
        assert_eq!(Verb::with_room("ops", " two  spaces "), " #ops two  spaces ");
        assert_eq!(Verb::with_room("ops", ""), " #ops");
    }
}
