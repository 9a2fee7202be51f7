//! `/search`, newest first, in what is indexed and in what is not yet. A reader's thread runs it.
//!
//! The index never decides who may read: each message that it finds is looked up, and must be of a
//! conversation that the asker may read.

use super::locate::index_mark;
use super::page::{Page, ReadError, message_row, number_of};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::Rows;
use crate::protocol::names::AccountId;
use crate::server::store::db::error::is_damage;
use crate::server::store::db::stored_text::StoredText;
use crate::server::store::db::to_sql;
use crate::server::store::index::document::expression;
use crate::server::store::index::report_damage;
use crate::server::store::index::words::{self, Query};
use crate::server::traffic::ConversationRef;
use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;

/// How many messages of other conversations a search passes over, for each conversation that it is
/// about, before it queries the index for only those. Querying for a conversation costs about as much
/// as looking up this many messages. So neither many messages that the asker may not read nor many
/// conversations make a search expensive.
const PASSED_OVER_MAX: usize = 16;

/// What is searched for, and where.
#[derive(Debug)]
pub(super) struct Search<'a> {
    conversations: FxHashMap<i64, &'a str>,
    from: Option<AccountId>,
    /// The sequence number of the last message of the page before: only older ones are wanted.
    below: i64,
    query: Query,
}

impl<'a> Search<'a> {
    /// # Errors
    /// Refused if the words contain nothing to search for.
    pub(super) fn new(
        conversations: &'a [ConversationRef],
        from: Option<AccountId>,
        more: Option<u64>,
        words: &str,
    ) -> Result<Self, ReadError> {
        let query = Query::parse(words).ok_or_else(|| {
            let text = "there is nothing to search for; a word has letters or digits, or is an emoji";
            ReadError::Refused(Refusal::new(Code::BadArgument, text))
        })?;
        let conversations = conversations.iter().map(|one| (one.id.value(), &*one.target)).collect();
        Ok(Self { conversations, from, below: more.map_or(i64::MAX, to_sql), query })
    }

    /// The FTS5 query; with `narrow`, only in the asker's conversations.
    fn expression(&self, narrow: bool) -> String {
        let conversations = narrow.then(|| self.conversations.keys().copied());
        expression(&self.query, self.from.map(AccountId::value), conversations)
    }
}

/// Fills the page. A damaged index is not used: then all messages are read, however long that takes,
/// up to the deadline.
pub(super) fn search(
    db: &Connection,
    index: &Connection,
    mut page: Page,
    search: &Search<'_>,
) -> Result<(Rows, String), ReadError> {
    let mut last = search.below;
    if !search.conversations.is_empty() {
        match both(db, index, &mut page, search, &mut last) {
            Ok(()) => {}
            Err(ReadError::Database(error)) if is_damage(&error) => {
                report_damage(index, &error);
                unindexed(db, &mut page, search, 0, &mut last)?;
            }
            Err(error) => return Err(error),
        }
    }
    let cursor = if page.has_more() { format!(", more={last}") } else { String::new() };
    let text = number_of(page.len(), "message") + &cursor;
    Ok((page.forwards(), text))
}

/// The messages that are not indexed yet and then those that are, from one snapshot of the index. The
/// main database is read later, so it contains all that are indexed.
fn both(
    db: &Connection,
    index: &Connection,
    page: &mut Page,
    search: &Search<'_>,
    last: &mut i64,
) -> Result<(), ReadError> {
    let state = index.unchecked_transaction()?;
    unindexed(db, page, search, index_mark(&state)?, last)?;
    if !page.has_more() {
        indexed(db, &state, page, search, last)?;
    }
    Ok(())
}

/// Reads the messages behind the index's mark and matches them by the rules of the index.
fn unindexed(
    db: &Connection,
    page: &mut Page,
    search: &Search<'_>,
    mark: i64,
    last: &mut i64,
) -> Result<(), ReadError> {
    let sql = "SELECT seq, conversation, author, text FROM message WHERE seq > ? AND seq < ? ORDER BY seq DESC";
    let mut statement = db.prepare_cached(sql)?;
    let mut message = db.prepare_cached(MESSAGE)?;
    let mut found = statement.query([mark, *last])?;
    let mut normalised = String::new();
    while let Some(row) = found.next()? {
        let (conversation, author): (i64, i64) = (row.get(1)?, row.get(2)?);
        let Some(target) = search.conversations.get(&conversation) else { continue };
        if search.from.is_some_and(|from| from.value() != author) {
            continue;
        }
        let stored = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
        words::normalise(StoredText::parse(stored).text, &mut normalised);
        if !search.query.is_in(&normalised) {
            continue;
        }
        let seq = row.get(0)?;
        if !page.put(message.query_row([seq], |row| message_row(db, target, row))?) {
            break;
        }
        *last = seq;
    }
    Ok(())
}

/// Queries the index, and looks up what it finds until the page is full.
fn indexed(
    db: &Connection,
    index: &Connection,
    page: &mut Page,
    search: &Search<'_>,
    last: &mut i64,
) -> Result<(), ReadError> {
    let sql = "SELECT rowid FROM word WHERE word MATCH ? AND rowid < ? ORDER BY rowid DESC";
    let mut matching = index.prepare_cached(sql)?;
    let mut message = db.prepare_cached(MESSAGE)?;
    let most = search.conversations.len().saturating_mul(PASSED_OVER_MAX);
    let (mut below, mut narrow) = (*last, false);
    'ask: loop {
        let mut found = matching.query(params![search.expression(narrow), below])?;
        let mut passed_over = 0;
        while let Some(row) = found.next()? {
            let seq: i64 = row.get(0)?;
            below = seq;
            let mut rows = message.query([seq])?;
            // A deleted message may still be in the index.
            let Some(row) = rows.next()? else { continue };
            let Some(target) = search.conversations.get(&row.get(4)?) else {
                passed_over += 1;
                if !narrow && passed_over > most {
                    narrow = true;
                    continue 'ask;
                }
                continue;
            };
            if !page.put(message_row(db, target, row)?) {
                return Ok(());
            }
            *last = seq;
        }
        return Ok(());
    }
}

/// A message that was found, with its conversation.
const MESSAGE: &str = "SELECT m.id, m.at, a.name, m.text, m.conversation
    FROM message m CROSS JOIN account a ON a.id = m.author WHERE m.seq = ?";

#[cfg(test)]
mod tests;
