//! What FTS5 indexes of a message, and how it is queried. Pure; in one place, so that both agree.
//!
//! A message becomes a document: for each of its words, as [`super::words`] has them, a term of 8
//! letters and digits, and in front a word for the conversation, one for the author and one for each
//! account that it mentions. Those hold a `_`, which no term does, so nobody can write a message that is
//! found in a conversation other than its own. FTS5's own tokenizer only has to split at the spaces.
//!
//! Not the words themselves, because FTS5 and SQLite leave copies of what they delete in the unused parts of
//! pages: so no word of a removed message is left in the file, as none was ever in it. Two words in a
//! million millions have the same one, and anybody could look for such a pair, so what the index finds
//! is compared with the text itself.

use super::words::{self, Query};
use crate::server::store::db::stored_text::{StoredText, mentioned_number};
use crate::server::traffic::Mentioned;
use std::fmt::Write as _;

/// How FTS5 splits documents and queries: at ASCII characters other than letters, digits and `_`.
pub(super) const TOKENIZER: &str = "ascii tokenchars '_'";

/// Writes documents. Its memory is reused for each.
#[derive(Debug, Default)]
pub(in crate::server::store) struct Document {
    text: String,
    normalised: String,
}

impl Document {
    /// The document of a message. To remove a message from the index, pass the same one to FTS5's
    /// `'delete'`.
    pub(in crate::server::store) fn of(&mut self, conversation: i64, author: i64, stored: &StoredText<'_>) -> &str {
        let mut number = itoa::Buffer::new();
        self.text.clear();
        self.text.push_str("c_");
        self.text.push_str(number.format(conversation));
        self.text.push_str(" a_");
        self.text.push_str(number.format(author));
        for &mentioned in stored.mentions.iter() {
            self.text.push_str(" m_");
            self.text.push_str(number.format(mentioned_number(mentioned)));
        }
        words::normalise(stored.text, &mut self.normalised);
        for word in self.normalised.split_ascii_whitespace() {
            self.text.push(' ');
            push_term(word, &mut self.text);
        }
        &self.text
    }
}

/// What terms are made of.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Appends the term that stands for a word. It is FNV-1a, finished as in `MurmurHash3`, whose low bits are
/// good; five of them make a digit.
fn push_term(word: &str, out: &mut String) {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in word.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^= hash >> 33;
    for digit in 0..8 {
        out.push(char::from(DIGITS[usize::from((hash >> (5 * digit)) as u8 & 31)]));
    }
}

/// An FTS5 query: all words of the query, and the author, the account that is mentioned and one of the
/// conversations if they are given. A word of several parts is a phrase. Without any of these it is empty, which FTS5 refuses.
pub(in crate::server::store) fn expression(
    query: &Query,
    author: Option<i64>,
    mentioned: Option<i64>,
    conversations: Option<impl Iterator<Item = i64>>,
) -> String {
    let mut out = String::new();
    // In quotes, since a phrase is several words.
    for phrase in query.phrases() {
        out.push_str(and(&out));
        out.push('"');
        for (n, word) in phrase.split(' ').enumerate() {
            if n > 0 {
                out.push(' ');
            }
            push_term(word, &mut out);
        }
        out.push('"');
    }
    if let Some(author) = author {
        let _ = write!(out, "{}\"a_{author}\"", and(&out));
    }
    if let Some(mentioned) = mentioned {
        let everyone = mentioned_number(Mentioned::Everyone);
        let _ = write!(out, "{}(\"m_{mentioned}\" OR \"m_{everyone}\")", and(&out));
    }
    if let Some(conversations) = conversations {
        out.push_str(and(&out));
        out.push('(');
        for (n, conversation) in conversations.enumerate() {
            let or = if n == 0 { "" } else { " OR " };
            let _ = write!(out, "{or}\"c_{conversation}\"");
        }
        out.push(')');
    }
    out
}

/// What joins a further condition to the query so far.
fn and(so_far: &str) -> &'static str {
    if so_far.is_empty() { "" } else { " AND " }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::names::AccountId;
    use crate::server::traffic::Mark;

    fn terms(words: &str) -> String {
        let mut out = String::new();
        for (n, word) in words.split(' ').enumerate() {
            out.push_str(if n == 0 { "" } else { " " });
            push_term(word, &mut out);
        }
        out
    }

    #[test]
    fn a_document_is_the_conversation_the_author_and_the_words() {
        let mut document = Document::default();
        let words = terms("don t c 12 ubung");
        let said = |mentions, text| StoredText::said(Mark::None, mentions, text);
        assert_eq!(document.of(12, 3, &said(&[], "Don't c_12, Übung!")), format!("c_12 a_3 {words}"));
        assert_eq!(document.of(1, 2, &said(&[], "?!")), "c_1 a_2");
        let mentions = [Mentioned::Account(AccountId::new(7)), Mentioned::Everyone];
        assert_eq!(document.of(1, 2, &said(&mentions, "m_8")), format!("c_1 a_2 m_7 m_0 {}", terms("m 8")));
    }

    #[test]
    fn a_query_quotes_each_word() {
        let query = Query::parse("don't OR \"x\"").unwrap();
        let [dont, or, x] = ["don t", "or", "x"].map(terms);
        let words = format!("\"{dont}\" AND \"{or}\" AND \"{x}\"");
        assert_eq!(expression(&query, None, None, None::<std::iter::Empty<i64>>), words);
        let expected = format!("{words} AND \"a_7\" AND (\"c_1\" OR \"c_2\")");
        assert_eq!(expression(&query, Some(7), None, Some([1, 2].into_iter())), expected);
        let no_words = |author, conversations: Option<[i64; 1]>| {
            expression(&Query::default(), author, None, conversations.map(IntoIterator::into_iter))
        };
        let mentioned = expression(&Query::default(), None, Some(7), Some([1].into_iter()));
        assert_eq!(mentioned, r#"("m_7" OR "m_0") AND ("c_1")"#);
        assert_eq!(no_words(Some(7), Some([1])), r#""a_7" AND ("c_1")"#);
        assert_eq!(no_words(None, Some([1])), r#"("c_1")"#);
        assert_eq!(no_words(None, None), "");
    }

    #[test]
    fn a_term_never_changes_and_words_have_their_own() {
        // Another one would make every index wrong: change its version with it.
        assert_eq!(terms("hello a"), "esme36dy 3st53ucl");
        let words = 50_000;
        let found: std::collections::HashSet<String> = (0..words).map(|n| terms(&n.to_string())).collect();
        assert_eq!(found.len(), words);
        assert!(found.iter().all(|one| one.len() == 8 && one.bytes().all(|b| DIGITS.contains(&b))));
    }
}
