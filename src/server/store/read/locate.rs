//! Finds the messages of a conversation by their ids: the index says where the indexed ones are, and
//! the others are read one by one. A reader's thread runs it.
//!
//! The snapshot of the index is taken first and that of the messages after it, so the messages include
//! all that are indexed: each is either indexed or behind the index's mark, never both or neither. Both
//! snapshots are held for one answer, whose deadline bounds how long.

mod mentions;

use super::page::{MessageRows, Page, ReadError};
use super::times;
use crate::protocol::names::{AccountId, MessageId};
use crate::server::store::db::error::is_damage;
use crate::server::store::db::stored_text::{is_kept, present};
use crate::server::store::db::to_sql;
use crate::server::store::index::report_damage;
use crate::server::traffic::{ConversationRef, ReadPosition, TimeRange};
use rusqlite::{Connection, OptionalExtension as _, Row};
use rustc_hash::FxHashMap;
use std::borrow::Cow;

/// One snapshot of the messages and of the index.
pub(super) struct Locator<'a> {
    messages: &'a Connection,
    /// `None` if it can't be used: all messages are then behind its mark.
    index: Option<&'a Connection>,
    /// The sequence number of the last message that is indexed.
    mark: i64,
}

/// Messages of a conversation: those with an id between the two, neither of them included, of some times.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdRange {
    conversation: i64,
    above: i64,
    below: i64,
    times: TimeRange,
}

impl IdRange {
    /// The messages below `before` and, if it is given, above `after`, that were not dropped.
    pub(super) fn between(conversation: &ConversationRef, after: Option<MessageId>, before: MessageId) -> Self {
        let above = to_sql(after.unwrap_or(MessageId::ZERO).max(conversation.dropped).value());
        let (conversation, below) = (conversation.id.value(), to_sql(before.value()));
        Self { conversation, above, below, times: TimeRange::ALL }
    }

    /// Those of them that were said at these times.
    pub(super) fn at(self, times: TimeRange) -> Self {
        Self { times, ..self }
    }

    /// The unread messages, the account's own included.
    pub(super) fn unread(unread: &ReadPosition) -> Self {
        let read = if unread.unheard { unread.last } else { unread.read };
        let above = to_sql(read.max(unread.conversation.dropped).value());
        let below = to_sql(unread.last.value()).saturating_add(1);
        Self { conversation: unread.conversation.id.value(), above, below, times: TimeRange::ALL }
    }

    /// None of them.
    pub(super) fn emptied(self) -> Self {
        Self { below: self.above, ..self }
    }

    /// Whether the message of that id in its conversation is one of them, of any time.
    fn contains(&self, id: i64) -> bool {
        self.above < id && id < self.below
    }

    fn is_empty(&self) -> bool {
        self.below.saturating_sub(1) <= self.above
    }
}

/// Takes a snapshot of both files and reads from it. A damaged index is not used: then all messages
/// are read, however long that takes, up to the deadline.
pub(super) fn with_locator<T>(
    messages: &Connection,
    index: &Connection,
    mut read: impl FnMut(&Locator<'_>) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let mut indexed = || {
        let _state = index.unchecked_transaction()?;
        let mark = index_mark(index)?;
        let _later = messages.unchecked_transaction()?;
        read(&Locator { messages, index: Some(index), mark })
    };
    match indexed() {
        Err(ReadError::Database(error)) if is_damage(&error) => {
            report_damage(index, &error);
            let _state = messages.unchecked_transaction()?;
            read(&Locator { messages, index: None, mark: 0 })
        }
        done => done,
    }
}

/// The sequence number of the last message that is indexed.
pub(super) fn index_mark(index: &Connection) -> rusqlite::Result<i64> {
    index.prepare_cached("SELECT indexed FROM state")?.query_row([], |row| row.get(0))
}

impl Locator<'_> {
    /// Fills the page from the oldest message on.
    pub(super) fn oldest_first(&self, range: IdRange, target: &str, page: &mut Page) -> Result<(), ReadError> {
        for part in self.parts(range)? {
            self.indexed(OLDEST_FIRST, part, target, page)?;
        }
        if !page.has_more() && self.goes_behind(range)? {
            self.behind(BEHIND_OLDEST_FIRST, range, target, page)?;
        }
        Ok(())
    }

    /// Fills the page from the newest message on.
    pub(super) fn newest_first(&self, range: IdRange, target: &str, page: &mut Page) -> Result<(), ReadError> {
        if self.goes_behind(range)? {
            self.behind(BEHIND_NEWEST_FIRST, range, target, page)?;
        }
        for part in self.parts(range)?.into_iter().rev() {
            self.indexed(NEWEST_FIRST, part, target, page)?;
        }
        Ok(())
    }

    /// What the index has of the range, as ranges of ids alone, oldest first.
    fn parts(&self, range: IdRange) -> Result<Vec<IdRange>, ReadError> {
        let Some(index) = self.index.filter(|_| !range.times.is_all()) else { return Ok(vec![range]) };
        let mut position = index.prepare_cached(POSITION_FROM)?;
        let conversation = range.conversation;
        let mut probe = |id| position.query_row([conversation, id], |row| Ok((row.get(0)?, row.get(1)?))).optional();
        let mut parts = Vec::new();
        for seqs in times::sequences(self.messages, index, self.mark, range.times)? {
            let from = times::first_with(range.above + 1..range.below, seqs.start, &mut probe)?;
            let to = times::first_with(from..range.below, seqs.end, &mut probe)?;
            parts.push(IdRange { above: from - 1, below: to, ..range });
        }
        Ok(parts)
    }

    /// How many messages each range contains, of all times, not counting those by `except`. No two ranges may
    /// be of the same conversation.
    pub(super) fn count(&self, ranges: &[IdRange], except: Option<AccountId>) -> Result<Vec<u64>, ReadError> {
        // No account has the number 0.
        let except = except.map_or(0, AccountId::value);
        let mut counts = Vec::with_capacity(ranges.len());
        let mut behind = FxHashMap::default();
        for (n, range) in ranges.iter().enumerate() {
            counts.push(self.count_indexed(range, except)?);
            if self.goes_behind(*range)? {
                behind.insert(range.conversation, (n, range));
            }
        }
        if !behind.is_empty() {
            // One pass for all ranges.
            let sql = "SELECT conversation, id, author FROM message WHERE seq > ?";
            let mut statement = self.messages.prepare_cached(sql)?;
            let mut found = statement.query([self.mark])?;
            while let Some(row) = found.next()? {
                let Some(&(n, range)) = behind.get(&row.get(0)?) else { continue };
                let (id, author): (i64, i64) = (row.get(1)?, row.get(2)?);
                counts[n] += u64::from(range.contains(id) && author != except);
            }
        }
        Ok(counts)
    }

    /// The messages' snapshot.
    pub(super) fn messages(&self) -> &Connection {
        self.messages
    }

    /// The present text of a message as it is stored; `None` if there is no such message.
    pub(super) fn text(&self, conversation: i64, id: i64) -> Result<Option<String>, ReadError> {
        let Some(seq) = self.seq(conversation, id)? else { return Ok(None) };
        let mut message =
            self.messages.prepare_cached(concat!("SELECT text FROM message WHERE seq = ? AND ", is_kept!("text")))?;
        let read = |row: &Row<'_>| present(self.messages, seq, row.get_ref(0)?.as_str()?).map(Cow::into_owned);
        Ok(message.query_row([seq], read).optional()?)
    }

    /// The row of a message; `None` if there is no such message.
    pub(super) fn row(&self, conversation: &ConversationRef, id: i64) -> Result<Option<String>, ReadError> {
        let Some(seq) = self.seq(conversation.id.value(), id)? else { return Ok(None) };
        let mut message = self.messages.prepare_cached(MESSAGE)?;
        let read = |row: &Row<'_>| MessageRows::new(self.messages).row(&conversation.target, row);
        Ok(message.query_row([seq, conversation.id.value()], read).optional()?)
    }

    /// The sequence number of a message.
    fn seq(&self, conversation: i64, id: i64) -> Result<Option<i64>, ReadError> {
        let sql = "SELECT seq FROM position WHERE conversation = ? AND id = ?";
        if let Some(index) = self.index
            && let Some(seq) = index.prepare_cached(sql)?.query_row([conversation, id], |row| row.get(0)).optional()?
        {
            return Ok(Some(seq));
        }
        let sql = "SELECT seq FROM message WHERE seq > ?3 AND conversation = ?1 AND id = ?2 ORDER BY seq DESC LIMIT 1";
        let mut behind = self.messages.prepare_cached(sql)?;
        Ok(behind.query_row([conversation, id, self.mark], |row| row.get(0)).optional()?)
    }

    fn count_indexed(&self, range: &IdRange, except: i64) -> Result<u64, ReadError> {
        let Some(index) = self.index.filter(|_| !range.is_empty()) else { return Ok(0) };
        let mut count = index.prepare_cached(COUNT)?;
        let count: i64 = count.query_row([range.conversation, range.above, range.below, except], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Whether the range may hold messages that are not indexed: their ids are above all that the
    /// index has of their conversation.
    fn goes_behind(&self, range: IdRange) -> Result<bool, ReadError> {
        if range.is_empty() {
            return Ok(false);
        }
        let Some(index) = self.index else { return Ok(true) };
        let last = index.prepare_cached(LAST)?.query_row([range.conversation], |row| row.get::<_, i64>(0));
        Ok(range.below.saturating_sub(1) > last.optional()?.unwrap_or(0))
    }

    /// The index never decides who may read: the message itself must be of the conversation, and a
    /// deleted one is not shown.
    fn indexed(&self, sql: &str, range: IdRange, target: &str, page: &mut Page) -> Result<(), ReadError> {
        let Some(index) = self.index.filter(|_| !range.is_empty() && !page.has_more()) else { return Ok(()) };
        let rows = MessageRows::new(self.messages);
        let mut message = self.messages.prepare_cached(MESSAGE)?;
        let mut statement = index.prepare_cached(sql)?;
        let mut positions = statement.query([range.conversation, range.above, range.below])?;
        while let Some(position) = positions.next()? {
            let seq: i64 = position.get(0)?;
            let mut found = message.query([seq, range.conversation])?;
            if let Some(row) = found.next()?
                && !page.put_by(row.get(6)?, || rows.row(target, row))?
            {
                break;
            }
        }
        Ok(())
    }

    fn behind(&self, sql: &str, range: IdRange, target: &str, page: &mut Page) -> Result<(), ReadError> {
        let rows = MessageRows::new(self.messages);
        let mut statement = self.messages.prepare_cached(sql)?;
        let (since, until) = (to_sql(range.times.since), to_sql(range.times.until));
        let mut found = statement.query([self.mark, range.conversation, range.above, range.below, since, until])?;
        while let Some(row) = found.next()? {
            if !page.put_by(row.get(6)?, || rows.row(target, row))? {
                break;
            }
        }
        Ok(())
    }
}

/// A message that is in its place.
const MESSAGE: &str = concat!(
    "SELECT m.id, m.at, a.name, m.text, m.seq, m.conversation, m.author
     FROM message m CROSS JOIN account a ON a.id = m.author WHERE m.seq = ? AND m.conversation = ? AND ",
    is_kept!("m.text")
);

const LAST: &str = "SELECT id FROM position WHERE conversation = ? ORDER BY id DESC LIMIT 1";

/// Visible to the tests, which check its plan; so are the next two.
pub(super) const COUNT: &str =
    "SELECT count(*) FROM position WHERE conversation = ?1 AND id > ?2 AND id < ?3 AND author <> ?4";

macro_rules! behind {
    ($order:literal) => {
        concat!(
            "SELECT m.id, m.at, a.name, m.text, m.seq, m.conversation, m.author
             FROM message m CROSS JOIN account a ON a.id = m.author
             WHERE m.seq > ? AND m.conversation = ? AND m.id > ? AND m.id < ? AND m.at >= ? AND m.at <= ? AND ",
            is_kept!("m.text"),
            " ORDER BY m.seq",
            $order
        )
    };
}

const BEHIND_OLDEST_FIRST: &str = behind!("");
const BEHIND_NEWEST_FIRST: &str = behind!(" DESC");

macro_rules! positions {
    ($order:literal) => {
        concat!("SELECT seq FROM position WHERE conversation = ?1 AND id > ?2 AND id < ?3 ORDER BY id", $order)
    };
}

/// The first message from an id on.
const POSITION_FROM: &str = "SELECT id, seq FROM position WHERE conversation = ?1 AND id >= ?2 ORDER BY id LIMIT 1";

pub(super) const OLDEST_FIRST: &str = positions!("");
pub(super) const NEWEST_FIRST: &str = positions!(" DESC");
