//! What is more than all conversations keep together: which of the oldest messages those are, and how the
//! rows of those that were dropped leave the database. The dispatcher's thread runs it.
//!
//! The table of messages is in the order of arrival, so the oldest stand at its beginning, whatever their
//! conversation. A row that is deleted makes SQLite move its neighbours, and it leaves copies of those
//! behind. So rows are deleted from the beginning of the table only, and only while nothing but rows
//! without a text is near: what moves then has nothing left to say. The pages become free, are overwritten
//! (`secure_delete`), and take up what is said next.

use super::ahead::Ages;
use super::{CommitError, Store, WriteError};
use crate::protocol::names::{ConversationId, MessageId};
use crate::server::store::db::stored_text::{is_blank, is_gone};
use crate::server::store::db::{to_sql, used_bytes};
use crate::server::traffic::{Expiry, Surplus};

/// The most rows that are looked at for one answer: those of dropped messages are passed over.
const LOOKS_MOST: usize = 1_024;

/// The most rows that are deleted at a time: twice as many as a sweep drops.
const GIVE_BACK_MOST: usize = 512;

/// While more documents than this wait to be forgotten, it is not looked which rows they need.
const WAITING_MOST: i64 = 4_096;

/// From how many places of the table its rows are judged, and how many rows from each.
const SAMPLES: i64 = 16;
const SAMPLE: i64 = 64;

/// What a row has beside its text, in bytes: a million messages of 62 bytes take 93 MB.
const ROW_BESIDE_TEXT: i64 = 31;

/// The fewest bytes of a row in a page, with its pointer.
const ROW_LEAST: i64 = 16;

/// Pages beside that of a deleted row in which SQLite may move rows; it takes at most two.
pub(super) const PAGES_NEAR: i64 = 4;

impl Store {
    /// The oldest messages of all conversations that are too old, or that are more than so many bytes of the database
    /// hold; at most `most`. Looks only at what is indexed. Needs no transaction.
    ///
    /// # Errors
    /// [`CommitError::Refused`]; the whole transaction must be rolled back.
    pub(crate) fn surplus(
        &mut self,
        expiry: Option<Expiry>,
        bytes: Option<u64>,
        most: usize,
    ) -> Result<Surplus, CommitError> {
        self.step(|store| store.try_surplus(expiry, bytes, most))
    }

    /// Bytes of the database that are in use, as `history.keep_bytes` counts them; `None` if it can't be read.
    pub(crate) fn used(&self) -> Option<u64> {
        used_bytes(&self.db).ok()
    }

    fn try_surplus(&mut self, expiry: Option<Expiry>, bytes: Option<u64>, most: usize) -> Result<Surplus, WriteError> {
        let Some(mark) = self.index_mark() else { return Ok(Surplus { behind: true, ..Surplus::default() }) };
        let mut surplus = Surplus { behind: mark.seq < self.next_seq - 1, ..Surplus::default() };
        self.pass_dropped(mark.seq)?;
        let over = bytes.map_or(Ok(0), |bytes| self.messages_over(bytes))?;
        let sql = "SELECT conversation, id, at, text, seq FROM message WHERE seq >= ? AND seq <= ? ORDER BY seq";
        let mut oldest = self.db.prepare_cached(sql)?;
        let mut rows = oldest.query([self.kept_from, mark.seq])?;
        let (mut looks, mut found) = (0, 0);
        let before = expiry.map(|expiry| to_sql(expiry.before));
        let mut ages = Ages::new(self, expiry.map_or(i64::MAX, |expiry| to_sql(expiry.now)));
        while let Some(row) = rows.next()? {
            looks += 1;
            if looks > LOOKS_MOST {
                surplus.more = true;
                break;
            }
            let (conversation, id, at): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if conversation == 0 || is_gone(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?) {
                continue;
            }
            let said = ages.said(row.get(4)?, at)?;
            let goes = found < over || said.zip(before).is_some_and(|(said, before)| said < before);
            if !goes || found as usize == most {
                surplus.next_at = said.map(i64::unsigned_abs);
                surplus.more = goes;
                break;
            }
            found += 1;
            if let Some(id) = MessageId::new(id.unsigned_abs()) {
                surplus.through.insert(ConversationId::new(conversation), id);
            }
        }
        Ok(surplus)
    }

    /// Finds out where the rows begin that still have a text, as far as that is indexed and some rows on.
    fn pass_dropped(&mut self, indexed: i64) -> rusqlite::Result<()> {
        let sql = "SELECT seq, conversation, text FROM message WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT ?";
        let mut oldest = self.db.prepare_cached(sql)?;
        let mut rows = oldest.query([self.kept_from, indexed, LOOKS_MOST as i64])?;
        while let Some(row) = rows.next()? {
            // A text that took the place of another stands behind its message, and goes with it.
            if row.get::<_, i64>(1)? != 0 && !is_gone(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?) {
                break;
            }
            self.kept_from = row.get::<_, i64>(0)? + 1;
        }
        Ok(())
    }

    /// How many messages are more than so many bytes of the database hold. Those that are dropped and not deleted
    /// yet do not count any more. What else there is, such as accounts and changes, takes up half of it at most:
    /// whoever makes much of that must not make everybody's messages go.
    fn messages_over(&self, bytes: u64) -> rusqlite::Result<u64> {
        let first: Option<i64> =
            self.db.prepare_cached("SELECT min(seq) FROM message")?.query_row([], |row| row.get(0))?;
        let (Some(first), used) = (first, used_bytes(&self.db)?) else { return Ok(0) };
        if used <= bytes {
            return Ok(0);
        }
        let each = self.bytes_of_a_row(first)?;
        let count = |from: i64, to: i64| to.saturating_sub(from).max(0).unsigned_abs();
        let dropped = count(first, self.kept_from) * each;
        let messages = count(first.max(self.kept_from), self.next_seq) * each;
        let others = used.saturating_sub(dropped + messages);
        let most = bytes.saturating_sub(others).max(bytes / 2);
        Ok(messages.saturating_sub(most).div_ceil(each))
    }

    /// How many bytes a row of the messages has on average, by samples from all of the table; at least 1.
    fn bytes_of_a_row(&self, first: i64) -> rusqlite::Result<u64> {
        let sql = "SELECT count(*), coalesce(sum(length(CAST(text AS BLOB))), 0)
                   FROM (SELECT text FROM message WHERE seq >= ? ORDER BY seq LIMIT ?)";
        let mut sample = self.db.prepare_cached(sql)?;
        let step = (self.next_seq - first) / SAMPLES + 1;
        let (mut rows, mut bytes) = (0, 0);
        for number in 0..SAMPLES {
            let taken = sample.query_row([first + number * step, SAMPLE.min(step)], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })?;
            (rows, bytes) = (rows + taken.0, bytes + taken.1);
        }
        Ok((bytes / rows.max(1) + ROW_BESIDE_TEXT).unsigned_abs())
    }

    /// Deletes rows at the beginning of the table that have no text any more, and that neither the index nor
    /// a start needs. The newest rows always stay, so no sequence number is used twice.
    pub(super) fn give_back(&mut self) -> rusqlite::Result<GivenBack> {
        let page: i64 = self.db.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let near = usize::try_from(self.pages_near * page / ROW_LEAST).unwrap_or(usize::MAX);
        let mut empty = Vec::new();
        {
            let sql = "SELECT seq, conversation, text FROM message ORDER BY seq LIMIT ?";
            let mut oldest = self.db.prepare_cached(sql)?;
            let mut rows = oldest.query([i64::try_from(near + GIVE_BACK_MOST).unwrap_or(i64::MAX)])?;
            while let Some(row) = rows.next()? {
                let text = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
                let is_replaced = row.get::<_, i64>(1)? == 0 && is_blank(text);
                if !is_gone(text) && !is_replaced {
                    break;
                }
                empty.push(row.get::<_, i64>(0)?);
            }
        }
        empty.truncate(empty.len().saturating_sub(near));
        if empty.is_empty() {
            // Where nothing is dropped, nobody asks how far the index is.
            return Ok(GivenBack { rows: 0, left: Left::Nothing });
        }
        let wait = GivenBack { rows: 0, left: Left::Some };
        let Some(mark) = self.index_mark() else { return Ok(wait) };
        let sql = "SELECT count(*), min(seq) FROM (SELECT seq FROM dropped LIMIT ?)";
        let mut waiting = self.db.prepare_cached(sql)?;
        let (waiting, needed): (i64, Option<i64>) =
            waiting.query_row([WAITING_MOST + 1], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if waiting > WAITING_MOST {
            return Ok(wait);
        }
        let forgotten = mark.seq.min(needed.map_or(i64::MAX, |needed| needed - 1));
        let end = empty.partition_point(|&seq| seq <= forgotten.min(self.lasts_saved));
        let left = match empty.get(end) {
            None => Left::Nothing,
            Some(&seq) if seq > self.lasts_saved && seq <= forgotten => Left::Unsaved,
            Some(_) => Left::Some,
        };
        let rows = match empty[..end].last() {
            Some(through) => self.db.prepare_cached("DELETE FROM message WHERE seq <= ?")?.execute([through])?,
            None => 0,
        };
        Ok(GivenBack { rows, left })
    }
}

/// What became of rows without a text.
pub(super) struct GivenBack {
    /// How many were deleted.
    pub(super) rows: usize,
    pub(super) left: Left,
}

/// What is left of them, as far as it was looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    /// Some that the index has to forget first.
    Some,
    /// Some from which a start would have to count the last ids.
    Unsaved,
}

#[cfg(test)]
mod tests;
