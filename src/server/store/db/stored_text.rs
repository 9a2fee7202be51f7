//! The `text` of a stored message: what was said and, in front of it, how. A plain message, which
//! nearly all are, is stored as its text and nothing else.
//!
//! ```text
//! stored = text / MARK notes MARK text / 1*MARK
//! notes  = *( "m" / "e" / "x" / "r" id "." author )
//! ```
//!
//! MARK is U+0001, which no text can contain, so a text is never taken for anything else. The notes
//! say that it is what the author does; that it was edited; that it was removed, and the text is why;
//! and that it answers a message of that account.
//!
//! Nothing but MARKs is a blank: the text was edited or removed, and what was there is overwritten
//! where it stood, byte for byte. The present text is appended like a message, in a row whose
//! conversation is 0 and whose id is the sequence number of the message, and `altered` says where.
//! So no row of `message` ever moves, which matters: SQLite wipes what is deleted (`secure_delete`),
//! but when it moves rows between pages it leaves copies in their unused parts.

use super::to_sql;
use crate::protocol::names::{AccountId, MessageId};
use crate::server::traffic::Mark;
use rusqlite::{Connection, OptionalExtension as _};
use std::borrow::Cow;
use std::fmt::Write as _;

const MARK: char = '\u{1}';

/// A stored text, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredText<'a> {
    pub(crate) mark: Mark,
    pub(crate) state: TextState,
    pub(crate) text: &'a str,
}

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextState {
    /// It is what was said.
    Said,
    /// It was edited.
    Edited,
    /// It was removed, and this is why; empty if no reason was given.
    Removed,
}

impl<'a> StoredText<'a> {
    /// What is said.
    pub(crate) fn said(mark: Mark, text: &'a str) -> Self {
        Self { mark, state: TextState::Said, text }
    }

    /// Takes apart what [`StoredText::push_to`] wrote.
    pub(crate) fn parse(stored: &'a str) -> Self {
        let plain = Self::said(Mark::None, stored);
        let Some(marked) = stored.strip_prefix(MARK) else { return plain };
        let Some((notes, text)) = marked.split_once(MARK) else { return plain };
        let mut parsed = Self { text, ..plain };
        for (at, note) in notes.char_indices() {
            match note {
                'm' => parsed.mark = Mark::Me,
                'e' => parsed.state = TextState::Edited,
                'x' => parsed.state = TextState::Removed,
                'r' => {
                    // It is the last one.
                    parsed.mark = parse_reply(&notes[at + 1..]).unwrap_or(Mark::None);
                    break;
                }
                _ => {}
            }
        }
        parsed
    }

    /// Appends it as it is stored.
    pub(crate) fn push_to(self, out: &mut String) {
        if (self.mark, self.state) != (Mark::None, TextState::Said) {
            out.push(MARK);
            match self.state {
                TextState::Said => {}
                TextState::Edited => out.push('e'),
                TextState::Removed => out.push('x'),
            }
            match self.mark {
                Mark::None => {}
                Mark::Me => out.push('m'),
                Mark::Reply { id, author } => {
                    // Writing to a String can't fail.
                    let _ = write!(out, "r{}.{}", to_sql(id.value()), author.value());
                }
            }
            out.push(MARK);
        }
        out.push_str(self.text);
    }
}

fn parse_reply(reply: &str) -> Option<Mark> {
    let (id, author) = reply.split_once('.')?;
    let author = AccountId::new(author.parse().ok()?);
    Some(Mark::Reply { id: MessageId::new(id.parse().ok()?)?, author })
}

/// What overwrites a text of that many bytes.
pub(crate) fn blank(bytes: usize) -> String {
    MARK.to_string().repeat(bytes)
}

/// Whether this is a blank: no text begins with a MARK, and no notes are empty.
pub(crate) fn is_blank(stored: &str) -> bool {
    let mut characters = stored.chars();
    characters.next() == Some(MARK) && characters.next().is_none_or(|second| second == MARK)
}

/// The present text of a message, given the one in its own row.
pub(crate) fn present<'a>(messages: &Connection, seq: i64, stored: &'a str) -> rusqlite::Result<Cow<'a, str>> {
    if !is_blank(stored) {
        return Ok(Cow::Borrowed(stored));
    }
    let sql = "SELECT m.text FROM altered a CROSS JOIN message m ON m.seq = a.text_seq WHERE a.seq = ?";
    messages.prepare_cached(sql)?.query_row([seq], |row| row.get(0)).map(Cow::Owned)
}

/// Where the present text of a message is, if it was edited or removed.
pub(crate) fn altered(messages: &Connection, seq: i64) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT text_seq FROM altered WHERE seq = ?";
    messages.prepare_cached(sql)?.query_row([seq], |row| row.get(0)).optional()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(text: StoredText<'_>) -> String {
        let mut out = "before".to_owned();
        text.push_to(&mut out);
        out.split_off("before".len())
    }

    #[test]
    fn a_plain_text_is_stored_as_it_is() {
        let plain = StoredText::said(Mark::None, "hello");
        assert_eq!((stored(plain).as_str(), StoredText::parse("hello")), ("hello", plain));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let reply = |id, author| Mark::Reply { id: MessageId::new(id).unwrap(), author: AccountId::new(author) };
        let marks = [Mark::None, Mark::Me, reply(12, 3), reply(MessageId::MAX.value(), i64::MAX)];
        for mark in marks {
            for state in [TextState::Said, TextState::Edited, TextState::Removed] {
                for text in ["waves", "m", "r1.2", ""] {
                    let said = StoredText { mark, state, text };
                    assert_eq!(StoredText::parse(&stored(said)), said);
                    assert!(!is_blank(&stored(said)));
                }
            }
        }
    }

    #[test]
    fn a_blank_has_the_length_of_what_it_overwrites() {
        for bytes in [1, 2, 3, 4000] {
            assert!(blank(bytes).len() == bytes && is_blank(&blank(bytes)));
        }
    }
}
