//! Where the messages of a conversation are: up to the index's mark the index of places says it,
//! and behind the mark the messages themselves are read. A reader's thread runs it.
//!
//! The index's state is looked at first and the messages after, so they hold all that the index
//! does: a message is in the index or behind its mark, never both or neither. Both states are held
//! for one answer, whose deadline bounds how long.

use super::page::{Page, ReadError, message_row};
use crate::protocol::names::{AccountId, MessageId};
use crate::server::store::db::error::is_damage;
use crate::server::store::db::to_sql;
use crate::server::store::index::chunk::{self, Entry};
use crate::server::store::index::{corrupt, report_damage};
use crate::server::traffic::{ConversationRef, Unread};
use rusqlite::{Connection, OptionalExtension as _, Row};
use rustc_hash::FxHashMap;

/// One state of what is kept.
pub(super) struct Places<'a> {
    messages: &'a Connection,
    /// `None` if it can't be used: then all messages are behind its mark.
    index: Option<&'a Connection>,
    mark: i64,
}

/// Some messages of a conversation: those with an id between the two, neither of them included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    conversation: i64,
    above: i64,
    below: i64,
}

impl Span {
    /// The messages above `after`, or all, that are below `before`.
    pub(super) fn between(place: &ConversationRef, after: Option<MessageId>, before: MessageId) -> Self {
        let above = to_sql(after.unwrap_or(MessageId::ZERO).value());
        Self { conversation: place.id.value(), above, below: to_sql(before.value()) }
    }

    /// What is unread, one's own lines too.
    pub(super) fn unread(unread: &Unread) -> Self {
        let above = to_sql(unread.read.value());
        let below = to_sql(unread.last.value()).saturating_add(1);
        Self { conversation: unread.conversation.id.value(), above, below }
    }

    fn is_empty(&self) -> bool {
        self.below.saturating_sub(1) <= self.above
    }
}

/// Looks at one state of both files. An index that is broken is left aside: all messages are then
/// read, and that takes as long as it takes, up to the deadline.
pub(super) fn look<T>(
    messages: &Connection,
    index: &Connection,
    mut read: impl FnMut(&Places<'_>) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let mut indexed = || {
        let _state = index.unchecked_transaction()?;
        let mark = index.prepare_cached("SELECT places FROM state")?.query_row([], |row| row.get(0))?;
        let _later = messages.unchecked_transaction()?;
        read(&Places { messages, index: Some(index), mark })
    };
    match indexed() {
        Err(ReadError::Database(error)) if is_damage(&error) => {
            report_damage(index, &error);
            let _state = messages.unchecked_transaction()?;
            read(&Places { messages, index: None, mark: 0 })
        }
        done => done,
    }
}

impl Places<'_> {
    /// Puts rows on the page, the oldest message first, until one finds no place.
    pub(super) fn oldest_first(&self, span: Span, target: &str, page: &mut Page) -> Result<(), ReadError> {
        self.placed(CHUNKS_OLDEST_FIRST, span, target, page)?;
        if !page.has_more() && self.goes_behind(span)? {
            let behind = "SELECT m.id, m.at, a.name, m.text FROM message m CROSS JOIN account a ON a.id = m.author
                 WHERE m.seq > ? AND m.conversation = ? AND m.id > ? AND m.id < ? ORDER BY m.seq";
            self.behind(behind, span, target, page)?;
        }
        Ok(())
    }

    /// Puts rows on the page, the newest message first, until one finds no place.
    pub(super) fn newest_first(&self, span: Span, target: &str, page: &mut Page) -> Result<(), ReadError> {
        if self.goes_behind(span)? {
            let behind = "SELECT m.id, m.at, a.name, m.text FROM message m CROSS JOIN account a ON a.id = m.author
                 WHERE m.seq > ? AND m.conversation = ? AND m.id > ? AND m.id < ? ORDER BY m.seq DESC";
            self.behind(behind, span, target, page)?;
        }
        if !page.has_more() {
            self.placed(CHUNKS_NEWEST_FIRST, span, target, page)?;
        }
        Ok(())
    }

    /// How many messages each span holds, but for one author's. No two spans may be of the same
    /// conversation.
    pub(super) fn count(&self, spans: &[Span], but: Option<AccountId>) -> Result<Vec<u64>, ReadError> {
        // No account has that number.
        let but = but.map_or(0, AccountId::value);
        let mut counts = Vec::with_capacity(spans.len());
        let mut behind = FxHashMap::default();
        for (n, span) in spans.iter().enumerate() {
            counts.push(self.count_placed(span, but)?);
            if self.goes_behind(*span)? {
                behind.insert(span.conversation, (n, span));
            }
        }
        if !behind.is_empty() {
            // Once for all spans.
            let sql = "SELECT conversation, id, author FROM message WHERE seq > ?";
            let mut statement = self.messages.prepare_cached(sql)?;
            let mut found = statement.query([self.mark])?;
            while let Some(row) = found.next()? {
                let Some(&(n, span)) = behind.get(&row.get(0)?) else { continue };
                let (id, author): (i64, i64) = (row.get(1)?, row.get(2)?);
                counts[n] += u64::from(id > span.above && id < span.below && author != but);
            }
        }
        Ok(counts)
    }

    fn count_placed(&self, span: &Span, but: i64) -> Result<u64, ReadError> {
        let Some(index) = self.index.filter(|_| !span.is_empty()) else { return Ok(0) };
        let mut count = 0;
        let mut statement = index.prepare_cached(CHUNKS_OLDEST_FIRST)?;
        let mut chunks = statement.query([span.conversation, span.above, span.below])?;
        while let Some(chunk) = chunks.next()? {
            let within = |entry: &&Entry| entry.id > span.above && entry.id < span.below && entry.author != but;
            count += entries(chunk)?.iter().filter(within).count() as u64;
        }
        Ok(count)
    }

    /// Whether the span may hold messages behind the mark: those have ids above all that the index
    /// has of their conversation.
    fn goes_behind(&self, span: Span) -> Result<bool, ReadError> {
        if span.is_empty() {
            return Ok(false);
        }
        let Some(index) = self.index else { return Ok(true) };
        let sql = "SELECT last FROM place WHERE conversation = ? ORDER BY first DESC LIMIT 1";
        let placed = index.prepare_cached(sql)?.query_row([span.conversation], |row| row.get::<_, i64>(0));
        Ok(span.below.saturating_sub(1) > placed.optional()?.unwrap_or(0))
    }

    /// What the index says is never trusted for who may read: the message itself must be of the
    /// conversation. One that is gone is shown to nobody.
    fn placed(&self, sql: &str, span: Span, target: &str, page: &mut Page) -> Result<(), ReadError> {
        let Some(index) = self.index else { return Ok(()) };
        let mut message = self.messages.prepare_cached(
            "SELECT m.id, m.at, a.name, m.text FROM message m CROSS JOIN account a ON a.id = m.author
             WHERE m.seq = ? AND m.conversation = ?",
        )?;
        let mut statement = index.prepare_cached(sql)?;
        let mut chunks = statement.query([span.conversation, span.above, span.below])?;
        while let Some(chunk) = chunks.next()? {
            let mut entries = entries(chunk)?;
            entries.retain(|entry| entry.id > span.above && entry.id < span.below);
            if sql == CHUNKS_NEWEST_FIRST {
                entries.reverse();
            }
            for entry in entries {
                let mut rows = message.query([entry.seq, span.conversation])?;
                if let Some(row) = rows.next()?
                    && !page.put(message_row(target, row)?)
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn behind(&self, sql: &str, span: Span, target: &str, page: &mut Page) -> Result<(), ReadError> {
        let mut statement = self.messages.prepare_cached(sql)?;
        let mut found = statement.query([self.mark, span.conversation, span.above, span.below])?;
        while let Some(row) = found.next()? {
            if !page.put(message_row(target, row)?) {
                break;
            }
        }
        Ok(())
    }
}

fn entries(chunk: &Row<'_>) -> Result<Vec<Entry>, ReadError> {
    let bytes = chunk.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
    Ok(chunk::entries(chunk.get(0)?, chunk.get(1)?, bytes).ok_or_else(corrupt)?)
}

/// The chunks of a conversation from that one on which holds the first id above the second
/// parameter, or the next where that is missing, up to ids below the third. It need not be looked
/// for further down, since chunks do not overlap.
macro_rules! chunks {
    ($order:literal) => {
        concat!(
            "SELECT first, last, messages FROM place
             WHERE conversation = ?1 AND first < ?3 AND first >= coalesce(
                 (SELECT first FROM place WHERE conversation = ?1 AND first <= ?2 + 1 ORDER BY first DESC LIMIT 1), 0)
             ORDER BY first",
            $order
        )
    };
}

/// Public to the tests, which look at its plan.
pub(super) const CHUNKS_OLDEST_FIRST: &str = chunks!("");
/// The same.
pub(super) const CHUNKS_NEWEST_FIRST: &str = chunks!(" DESC");
