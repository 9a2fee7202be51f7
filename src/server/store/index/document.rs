//! What FTS5 indexes of a message, and how it is queried. Pure; in one place, so that both agree.
//!
//! A message becomes a document of words with spaces between them. They are the words of
//! [`super::words`] and, in front, one for the conversation and one for the author. Those two hold a
//! `_`, which no word of a text can, so nobody can write a message that is found in a conversation
//! other than its own. FTS5's own tokenizer only has to split at the spaces.

use super::words::{self, Query};
use std::fmt::Write as _;

/// How FTS5 splits documents and queries: at ASCII characters other than letters, digits and `_`.
pub(super) const TOKENIZER: &str = "ascii tokenchars '_'";

/// Writes documents. Its memory is reused for each.
#[derive(Debug, Default)]
pub(super) struct Document {
    text: String,
    normalised: String,
}

impl Document {
    /// The document of a message. To remove a message from the index, pass the same one to FTS5's
    /// `'delete'`.
    pub(super) fn of(&mut self, conversation: i64, author: i64, text: &str) -> &str {
        let mut number = itoa::Buffer::new();
        self.text.clear();
        self.text.push_str("c_");
        self.text.push_str(number.format(conversation));
        self.text.push_str(" a_");
        self.text.push_str(number.format(author));
        words::normalise(text, &mut self.normalised);
        self.text.push_str(&self.normalised);
        &self.text
    }
}

/// An FTS5 query: all words of the query, and the author and one of the conversations if they
/// are given. A word of several parts is a phrase.
pub(in crate::server::store) fn expression(
    query: &Query,
    author: Option<i64>,
    conversations: Option<impl Iterator<Item = i64>>,
) -> String {
    let mut out = String::new();
    // Quoted, so that no word is one of FTS5's operators. A quote can't be in a word.
    for phrase in query.phrases() {
        let and = if out.is_empty() { "" } else { " AND " };
        let _ = write!(out, "{and}\"{phrase}\"");
    }
    if let Some(author) = author {
        let _ = write!(out, " AND \"a_{author}\"");
    }
    if let Some(conversations) = conversations {
        out.push_str(" AND (");
        for (n, conversation) in conversations.enumerate() {
            let or = if n == 0 { "" } else { " OR " };
            let _ = write!(out, "{or}\"c_{conversation}\"");
        }
        out.push(')');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_the_conversation_the_author_and_the_words() {
        let mut document = Document::default();
        assert_eq!(document.of(12, 3, "Don't c_12, Übung!"), "c_12 a_3 don t c 12 ubung ");
        assert_eq!(document.of(1, 2, "?!"), "c_1 a_2 ");
    }

    #[test]
    fn a_query_quotes_each_word() {
        let query = Query::parse("don't OR \"x\"").unwrap();
        assert_eq!(expression(&query, None, None::<std::iter::Empty<i64>>), r#""don t" AND "or" AND "x""#);
        let expected = r#""don t" AND "or" AND "x" AND "a_7" AND ("c_1" OR "c_2")"#;
        assert_eq!(expression(&query, Some(7), Some([1, 2].into_iter())), expected);
    }
}
