//! `/search` and `/mentions`, newest first, in what is indexed and in what is not yet. A reader's thread runs it.
//!
//! The index only proposes: each message that it finds is looked up, and must be of a conversation that
//! the asker may read, and say what is searched for. So neither an edit that is not indexed yet nor two
//! words with one term show in an answer.

use super::locate::index_mark;
use super::page::{MessageRows, Page, ReadError, number_of};
use super::times;
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::Rows;
use crate::protocol::names::{AccountId, MessageId};
use crate::server::store::db::error::is_damage;
use crate::server::store::db::stored_text::{StoredText, TextState, is_kept, present};
use crate::server::store::db::to_sql;
use crate::server::store::index::document::expression;
use crate::server::store::index::report_damage;
use crate::server::store::index::words::{self, Query};
use crate::server::traffic::{ConversationRef, Hearer, TimeRange};
use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;
use std::ops::{Range, RangeInclusive};

/// How many messages of other conversations a search passes over, for each conversation that it is
/// about, before it queries the index for only those. Querying for a conversation costs about as much
/// as looking up this many messages. So neither many messages that the asker may not read nor many
/// conversations make a search expensive.
const PASSED_OVER_MAX: usize = 16;

/// What is searched for, and where.
#[derive(Debug)]
pub(super) struct Search<'a> {
    /// What each is called, and the ids that may be found in it.
    conversations: FxHashMap<i64, (&'a str, RangeInclusive<i64>)>,
    from: Option<AccountId>,
    /// Whom the messages must mention; one by whom it ignores does not count.
    mentioned: Option<&'a Hearer>,
    times: TimeRange,
    /// The sequence number of the last message of the page before: only older ones are wanted.
    below: i64,
    /// Empty, if any message will do.
    query: Query,
}

impl<'a> Search<'a> {
    /// # Errors
    /// Refused if there are words that contain nothing to search for.
    pub(super) fn new(
        conversations: &'a [(ConversationRef, MessageId)],
        from: Option<AccountId>,
        mentioned: Option<&'a Hearer>,
        times: TimeRange,
        more: Option<u64>,
        words: Option<&str>,
    ) -> Result<Self, ReadError> {
        let query = words.map_or(Some(Query::default()), Query::parse).ok_or_else(|| {
            let text = "there is nothing to search for; a word has letters or digits, or is an emoji";
            ReadError::Refused(Refusal::new(Code::BadArgument, text))
        })?;
        let conversations = conversations.iter().map(|(one, last)| {
            let ids = to_sql(one.dropped.value()) + 1..=to_sql(last.value());
            (one.id.value(), (&*one.target, ids))
        });
        let conversations = conversations.collect();
        Ok(Self { conversations, from, mentioned, times, below: more.map_or(i64::MAX, to_sql), query })
    }

    /// What the conversation of a message is called; `None` if the search is not about it, or the
    /// message was said later, or dropped.
    fn target(&self, conversation: i64, id: i64) -> Option<&'a str> {
        self.conversations.get(&conversation).filter(|(_, ids)| ids.contains(&id)).map(|(target, _)| *target)
    }

    /// Whether the index has to be asked, rather than each message taken.
    fn is_selective(&self) -> bool {
        !self.query.is_empty() || self.from.is_some() || self.mentioned.is_some()
    }

    /// Whether a message is by that author, mentions whom it must, and says what is searched for.
    /// `normalised` is memory to work in.
    fn matches(
        &self,
        db: &Connection,
        seq: i64,
        author: i64,
        stored: &str,
        normalised: &mut String,
    ) -> rusqlite::Result<bool> {
        if self.from.is_some_and(|from| from.value() != author) {
            return Ok(false);
        }
        let stored = present(db, seq, stored)?;
        let stored = StoredText::parse(&stored);
        let mentions = |hearer: &Hearer| {
            author != hearer.account.value() && !hearer.ignores(author) && stored.mentions(hearer.account)
        };
        if self.mentioned.is_some_and(|hearer| !mentions(hearer)) {
            return Ok(false);
        }
        words::normalise(stored.text, normalised);
        Ok(stored.state != TextState::Removed && self.query.is_in(normalised))
    }

    /// The FTS5 query; with `narrow`, only in the asker's conversations.
    fn expression(&self, narrow: bool) -> String {
        let conversations = narrow.then(|| self.conversations.keys().copied());
        expression(
            &self.query,
            self.from.map(AccountId::value),
            self.mentioned.map(|hearer| hearer.account.value()),
            conversations,
        )
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
                let _state = db.unchecked_transaction()?;
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
/// main database's is taken later, so it contains all that are indexed.
fn both(
    db: &Connection,
    index: &Connection,
    page: &mut Page,
    search: &Search<'_>,
    last: &mut i64,
) -> Result<(), ReadError> {
    let state = index.unchecked_transaction()?;
    let mark = index_mark(&state)?;
    let _later = db.unchecked_transaction()?;
    let altered = unindexed(db, page, search, mark, last)?;
    if page.has_more() {
        return Ok(());
    }
    for seqs in times::sequences(db, &state, mark, search.times)?.into_iter().rev() {
        let seqs = seqs.start..seqs.end.min(search.below);
        let altered = altered.iter().copied().filter(|seq| seqs.contains(seq)).collect();
        indexed(db, &state, page, search, seqs, altered, last)?;
        if page.has_more() {
            break;
        }
    }
    Ok(())
}

/// Reads what is behind the index's mark, and matches it by the rules of the index. Returns the
/// indexed messages whose text is behind the mark, newest first: what the index has of them is not
/// what they say.
fn unindexed(
    db: &Connection,
    page: &mut Page,
    search: &Search<'_>,
    mark: i64,
    last: &mut i64,
) -> Result<Vec<i64>, ReadError> {
    let sql = concat!(
        "SELECT seq, conversation, id, author, text FROM message
         WHERE seq > ? AND (conversation = 0 OR (seq < ? AND at >= ? AND at <= ? AND ",
        is_kept!("text"),
        ")) ORDER BY seq DESC"
    );
    let mut statement = db.prepare_cached(sql)?;
    let mut message = db.prepare_cached(MESSAGE)?;
    let rows = MessageRows::new(db);
    let (since, until) = (to_sql(search.times.since), to_sql(search.times.until));
    let mut found = statement.query([mark, *last, since, until])?;
    let mut normalised = String::new();
    let mut altered = Vec::new();
    while let Some(row) = found.next()? {
        let (seq, conversation) = (row.get(0)?, row.get(1)?);
        if conversation == 0 {
            let of: i64 = row.get(2)?;
            if of <= mark {
                altered.push(of);
            }
            continue;
        }
        let Some(target) = search.target(conversation, row.get(2)?) else { continue };
        let stored = row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?;
        if !search.matches(db, seq, row.get(3)?, stored, &mut normalised)? {
            continue;
        }
        if !page.put(message.query_row([seq], |row| rows.row(target, row))?) {
            break;
        }
        *last = seq;
    }
    altered.sort_unstable_by(|one, other| other.cmp(one));
    altered.dedup();
    Ok(altered)
}

/// Queries the index for messages with these sequence numbers, and looks up what it finds until the page
/// is full. Those of them that are in `altered` are looked up as well, each in its place.
fn indexed(
    db: &Connection,
    index: &Connection,
    page: &mut Page,
    search: &Search<'_>,
    seqs: Range<i64>,
    altered: Vec<i64>,
    last: &mut i64,
) -> Result<(), ReadError> {
    let sql = "SELECT rowid FROM word WHERE word MATCH ?3 AND rowid < ?1 AND rowid >= ?2 ORDER BY rowid DESC";
    let mut matching = index.prepare_cached(sql)?;
    let mut all = db.prepare_cached("SELECT seq FROM message WHERE seq < ?1 AND seq >= ?2 ORDER BY seq DESC")?;
    let mut message = db.prepare_cached(MESSAGE)?;
    let most = search.conversations.len().saturating_mul(PASSED_OVER_MAX);
    let mut altered = altered.into_iter().peekable();
    let mut normalised = String::new();
    let rows = MessageRows::new(db);
    let mut put = |seq: i64, page: &mut Page| -> Result<Looked, ReadError> {
        let mut found = message.query([seq])?;
        // A deleted message may still be in the index.
        let Some(row) = found.next()? else { return Ok(Looked::Nothing) };
        let Some(target) = search.target(row.get(5)?, row.get(0)?) else { return Ok(Looked::Elsewhere) };
        let stored = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
        if !search.matches(db, seq, row.get(6)?, stored, &mut normalised)? {
            return Ok(Looked::Nothing);
        }
        if !page.put(rows.row(target, row)?) {
            return Ok(Looked::Full);
        }
        *last = seq;
        Ok(Looked::Shown)
    };
    let (mut below, mut narrow) = (seqs.end, false);
    'ask: loop {
        let mut found = if narrow || search.is_selective() {
            matching.query(params![below, seqs.start, search.expression(narrow)])?
        } else {
            all.query([below, seqs.start])?
        };
        let mut passed_over = 0;
        while let Some(row) = found.next()? {
            let seq: i64 = row.get(0)?;
            below = seq;
            while let Some(newer) = altered.next_if(|&newer| newer > seq) {
                if matches!(put(newer, page)?, Looked::Full) {
                    return Ok(());
                }
            }
            altered.next_if_eq(&seq);
            match put(seq, page)? {
                Looked::Full => return Ok(()),
                Looked::Elsewhere => passed_over += 1,
                Looked::Shown | Looked::Nothing => {}
            }
            if !narrow && passed_over > most {
                narrow = true;
                continue 'ask;
            }
        }
        break;
    }
    for seq in altered {
        if matches!(put(seq, page)?, Looked::Full) {
            break;
        }
    }
    Ok(())
}

/// What became of a message that was looked up.
enum Looked {
    /// It is a row of the page.
    Shown,
    /// It does not match, or is gone.
    Nothing,
    /// It is of a conversation that the search is not about.
    Elsewhere,
    /// The page has no room for it.
    Full,
}

/// A message that was found, with its conversation and author.
const MESSAGE: &str = concat!(
    "SELECT m.id, m.at, a.name, m.text, m.seq, m.conversation, m.author
     FROM message m CROSS JOIN account a ON a.id = m.author WHERE m.seq = ? AND ",
    is_kept!("m.text")
);

#[cfg(test)]
mod tests;
