//! The `text` of a stored message: what was said and, in front of it, how. A plain message, which
//! nearly all are, is stored as its text and nothing else. Pure.
//!
//! ```text
//! stored = text / MARK notes MARK text
//! notes  = *( "m" / "r" id "." author )      ; `/me`; answers this message of that account
//! ```
//!
//! MARK is U+0001, which no text can contain, so a text is never taken for anything else.

use super::to_sql;
use crate::protocol::names::{AccountId, MessageId};
use crate::server::traffic::Mark;
use std::fmt::Write as _;

const MARK: char = '\u{1}';

/// A stored text, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredText<'a> {
    pub(crate) mark: Mark,
    pub(crate) text: &'a str,
}

impl<'a> StoredText<'a> {
    /// Takes apart what [`StoredText::push_to`] wrote.
    pub(crate) fn parse(stored: &'a str) -> Self {
        let plain = Self { mark: Mark::None, text: stored };
        let Some(marked) = stored.strip_prefix(MARK) else { return plain };
        let Some((notes, text)) = marked.split_once(MARK) else { return plain };
        let mark = match notes.split_at_checked(1) {
            Some(("m", _)) => Mark::Me,
            Some(("r", reply)) => parse_reply(reply).unwrap_or(Mark::None),
            _ => Mark::None,
        };
        Self { mark, text }
    }

    /// Appends it as it is stored.
    pub(crate) fn push_to(self, out: &mut String) {
        match self.mark {
            Mark::None => {}
            Mark::Me => out.push_str("\u{1}m\u{1}"),
            Mark::Reply { id, author } => {
                // Writing to a String can't fail.
                let _ = write!(out, "{MARK}r{}.{}{MARK}", to_sql(id.value()), author.value());
            }
        }
        out.push_str(self.text);
    }
}

fn parse_reply(reply: &str) -> Option<Mark> {
    let (id, author) = reply.split_once('.')?;
    let author = AccountId::new(author.parse().ok()?);
    Some(Mark::Reply { id: MessageId::new(id.parse().ok()?)?, author })
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
        let plain = StoredText { mark: Mark::None, text: "hello" };
        assert_eq!((stored(plain).as_str(), StoredText::parse("hello")), ("hello", plain));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let reply = |id, author| Mark::Reply { id: MessageId::new(id).unwrap(), author: AccountId::new(author) };
        for (mark, bytes) in [(Mark::Me, 3), (reply(12, 3), 7), (reply(MessageId::MAX.value(), i64::MAX), 42)] {
            for text in ["waves", "m", "r1.2"] {
                let said = StoredText { mark, text };
                assert_eq!(StoredText::parse(&stored(said)), said);
                assert_eq!(stored(said).len(), bytes + text.len());
            }
        }
    }
}
