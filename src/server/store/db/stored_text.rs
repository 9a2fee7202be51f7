//! The `text` of a stored message: what was said and, in front of it, how. A plain message, which
//! nearly all are, is stored as its text and nothing else.
//!
//! ```text
//! stored = text / MARK notes MARK text / 1*MARK / 1*GONE
//! notes  = *( "m" / "e" / "x" ) [ "@" account *( "," account ) ] [ "r" id "." author ]
//! ```
//!
//! MARK is U+0001, which no text can contain, so a text is never taken for anything else. The notes
//! say that it is what the author does; that it was edited; that it was removed, and the text is why;
//! whom it mentions, 0 for everyone in the room; and that it answers a message of that account.
//!
//! Nothing but GONEs (U+0002) is a message that was dropped, overwritten in the same way; it has no
//! present text. Nothing but MARKs is a blank: the text was edited or removed, and what was there is overwritten
//! where it stood, byte for byte. The present text is appended like a message, in a row whose
//! conversation is 0 and whose id is the sequence number of the message, and `altered` says where.
//! So no row of `message` ever moves, which matters: SQLite wipes what is deleted (`secure_delete`),
//! but when it moves rows between pages it leaves copies in their unused parts.

use super::to_sql;
use crate::protocol::names::{AccountId, MessageId};
use crate::server::traffic::{Mark, Mentioned};
use rusqlite::{Connection, OptionalExtension as _};
use std::borrow::Cow;
use std::fmt::Write as _;

const MARK: char = '\u{1}';
const GONE: char = '\u{2}';

/// In SQL: whether a `text` is of a message that was not dropped.
macro_rules! is_kept {
    ($text:literal) => {
        concat!("unicode(", $text, ") <> 2")
    };
}
pub(crate) use is_kept;

/// A stored text, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredText<'a> {
    pub(crate) mark: Mark,
    pub(crate) state: TextState,
    /// Whom it mentions, each once.
    pub(crate) mentions: Cow<'a, [Mentioned]>,
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
    pub(crate) fn said(mark: Mark, mentions: &'a [Mentioned], text: &'a str) -> Self {
        Self { mark, state: TextState::Said, mentions: Cow::Borrowed(mentions), text }
    }

    /// Whether it mentions the account, by name or with everyone else. Whoever said it is never
    /// mentioned, and that is for the caller to know.
    pub(crate) fn mentions(&self, account: AccountId) -> bool {
        self.mentions.iter().any(|&one| one == Mentioned::Everyone || one == Mentioned::Account(account))
    }

    /// Takes apart what [`StoredText::push_to`] wrote.
    pub(crate) fn parse(stored: &'a str) -> Self {
        let plain = Self::said(Mark::None, &[], stored);
        let Some(marked) = stored.strip_prefix(MARK) else { return plain };
        let Some((notes, text)) = marked.split_once(MARK) else { return plain };
        let mut parsed = Self { text, ..plain };
        for (at, note) in notes.char_indices() {
            match note {
                'm' => parsed.mark = Mark::Me,
                'e' => parsed.state = TextState::Edited,
                'x' => parsed.state = TextState::Removed,
                '@' => parsed.mentions = Cow::Owned(parse_mentions(&notes[at + 1..])),
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
        if (self.mark, self.state) != (Mark::None, TextState::Said) || !self.mentions.is_empty() {
            out.push(MARK);
            match self.state {
                TextState::Said => {}
                TextState::Edited => out.push('e'),
                TextState::Removed => out.push('x'),
            }
            if self.mark == Mark::Me {
                out.push('m');
            }
            for (n, mentioned) in self.mentions.iter().enumerate() {
                // Writing to a String can't fail.
                let _ = write!(out, "{}{}", if n == 0 { '@' } else { ',' }, mentioned_number(*mentioned));
            }
            match self.mark {
                Mark::None | Mark::Me => {}
                Mark::Reply { id, author } => {
                    let _ = write!(out, "r{}.{}", to_sql(id.value()), author.value());
                }
            }
            out.push(MARK);
        }
        out.push_str(self.text);
    }
}

/// Who is mentioned, as it is stored and indexed: no account has the number 0.
pub(crate) fn mentioned_number(mentioned: Mentioned) -> i64 {
    match mentioned {
        Mentioned::Everyone => 0,
        Mentioned::Account(account) => account.value(),
    }
}

/// The numbers at the beginning.
fn parse_mentions(notes: &str) -> Vec<Mentioned> {
    let end = notes.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(notes.len());
    let numbers = notes[..end].split(',').filter_map(|number| number.parse().ok());
    numbers
        .map(|number| if number == 0 { Mentioned::Everyone } else { Mentioned::Account(AccountId::new(number)) })
        .collect()
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

/// What overwrites a text of that many bytes when its message is dropped.
pub(crate) fn gone(bytes: usize) -> String {
    GONE.to_string().repeat(bytes)
}

/// Whether the message was dropped.
pub(crate) fn is_gone(stored: &str) -> bool {
    stored.starts_with(GONE)
}

/// The present text of a message that was not dropped, given the one in its own row.
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
        let plain = StoredText::said(Mark::None, &[], "hello");
        assert_eq!((stored(plain.clone()).as_str(), StoredText::parse("hello")), ("hello", plain));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let reply = |id, author| Mark::Reply { id: MessageId::new(id).unwrap(), author: AccountId::new(author) };
        let marks = [Mark::None, Mark::Me, reply(12, 3), reply(MessageId::MAX.value(), i64::MAX)];
        let states = [TextState::Said, TextState::Edited, TextState::Removed];
        let [alice, bob] = [1, i64::MAX].map(|id| Mentioned::Account(AccountId::new(id)));
        let mentions = [&[][..], &[alice], &[Mentioned::Everyone], &[bob, Mentioned::Everyone, alice]];
        let all = marks.iter().flat_map(|&mark| states.iter().map(move |&state| (mark, state)));
        for ((mark, state), mentions) in all.flat_map(|one| mentions.iter().map(move |mentions| (one, *mentions))) {
            for text in ["waves", "m", "r1.2", "@1", ""] {
                let said = StoredText { mark, state, mentions: Cow::Borrowed(mentions), text };
                let written = stored(said.clone());
                assert_eq!(StoredText::parse(&written), said, "{written:?}");
                assert!(!is_blank(&written));
            }
        }
    }

    #[test]
    fn what_overwrites_a_text_has_its_length() {
        for bytes in [1, 2, 3, 4000] {
            let (blank, gone) = (blank(bytes), gone(bytes));
            assert!(blank.len() == bytes && is_blank(&blank) && !is_gone(&blank));
            assert!(gone.len() == bytes && is_gone(&gone) && !is_blank(&gone));
        }
    }
}
