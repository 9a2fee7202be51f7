//! How messages that a conversation no longer keeps leave the database, within the writer's transaction. The
//! dispatcher's thread runs it.
//!
//! A dropped message's row stays where it is, since no row may move (see
//! [`crate::server::store::db::stored_text`]), and with it its id, author and time, until `surplus` can
//! delete it; its texts are overwritten, and what belongs to it is deleted. The index forgets it later: `dropped` says what.
//!
//! The index says where the messages are. If it can't, all messages are read.

use super::ahead::Ages;
use super::statement::{any, one};
use super::{CommitError, Store, WriteError};
use crate::protocol::names::{ConversationId, MessageId};
use crate::server::store::db::stored_text::{StoredText, TextState, altered, gone, is_gone};
use crate::server::store::db::to_sql;
use crate::server::store::index::document::Document;
use crate::server::traffic::{Expiry, Oldest};
use rusqlite::{OptionalExtension as _, params};

impl Store {
    /// The last of a conversation's messages above an id that, from the first of them on, are all too old; and when the
    /// next one was said. Looks at no more than `most`, and only at what is indexed. Needs no transaction.
    ///
    /// # Errors
    /// [`CommitError::Refused`]; the whole transaction must be rolled back.
    pub(crate) fn oldest(
        &mut self,
        conversation: ConversationId,
        above: MessageId,
        expiry: Expiry,
        most: usize,
    ) -> Result<Oldest, CommitError> {
        self.step(|store| store.try_oldest(conversation.value(), to_sql(above.value()), expiry, most))
    }

    fn try_oldest(&mut self, conversation: i64, above: i64, expiry: Expiry, most: usize) -> Result<Oldest, WriteError> {
        let behind = self.index_mark().is_some_and(|mark| mark.seq < self.next_seq - 1);
        let mut oldest = Oldest { behind, ..Oldest::default() };
        let most = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        let places = match self.places(conversation, above, i64::MAX, most) {
            Ok(places) => places,
            Err(error) => {
                ::log::warn!("without the index it can't be found what a room no longer keeps: {error}");
                return Ok(oldest);
            }
        };
        let last = places.len().saturating_sub(1);
        let sql = "SELECT at FROM message WHERE seq = ? AND conversation = ? AND id = ?";
        let mut message = self.db.prepare_cached(sql)?;
        let mut ages = Ages::new(self, to_sql(expiry.now));
        for (n, (id, seq)) in places.into_iter().enumerate() {
            let at: Option<i64> = message.query_row([seq, conversation, id], |row| row.get(0)).optional()?;
            let Some(at) = at else { break };
            let said = ages.said(seq, at)?;
            let is_old = said.is_some_and(|said| said < to_sql(expiry.before));
            // One more than is asked for, to know when it is due.
            if !is_old || (n == last && n as i64 + 1 == most) {
                oldest.next_at = said.map(i64::unsigned_abs);
                break;
            }
            oldest.expired = MessageId::new(id.unsigned_abs());
        }
        Ok(oldest)
    }

    /// Drops the messages up to an id that were not dropped before.
    pub(super) fn drop_messages(&mut self, conversation: ConversationId, through: MessageId) -> Result<(), WriteError> {
        self.batch.write(&self.db)?;
        let (conversation, through) = (conversation.value(), to_sql(through.value()));
        let dropped = "SELECT dropped FROM retention WHERE conversation = ?";
        let dropped: i64 =
            self.db.prepare_cached(dropped)?.query_row([conversation], |row| row.get(0)).optional()?.unwrap_or(0);
        if !self.drop_indexed(conversation, dropped, through)? {
            self.drop_scanned(conversation, dropped, through)?;
        }
        let range = [conversation, dropped, through];
        for sql in [
            "DELETE FROM reaction WHERE conversation = ? AND id > ? AND id <= ?",
            "DELETE FROM pin WHERE conversation = ? AND id > ? AND id <= ?",
            "DELETE FROM post_key WHERE conversation = ? AND id > ? AND id <= ?",
            "UPDATE change SET data = '' WHERE conversation = ? AND id > ? AND id <= ? AND data <> ''",
        ] {
            any(&self.db, sql, range)?;
        }
        one(
            &self.db,
            "INSERT INTO retention(conversation, keep, dropped) VALUES(?1, 0, ?2)
             ON CONFLICT(conversation) DO UPDATE SET dropped = excluded.dropped",
            [conversation, through],
        )?;
        self.pending.dropped = true;
        self.has_leftovers();
        Ok(())
    }

    /// Drops those that the index has. False if it can't be relied on: it does not have the last one, so
    /// perhaps not all before it, or is wrong.
    fn drop_indexed(&mut self, conversation: i64, above: i64, through: i64) -> Result<bool, WriteError> {
        let Ok(places) = self.places(conversation, above, through, i64::MAX) else { return Ok(false) };
        if places.last().is_none_or(|&(id, _)| id != through) {
            return Ok(false);
        }
        for (id, seq) in places {
            let sql = "SELECT 1 FROM message WHERE seq = ? AND conversation = ? AND id = ?";
            if !self.db.prepare_cached(sql)?.exists([seq, conversation, id])? {
                return Ok(false);
            }
            self.drop_message(conversation, seq)?;
        }
        Ok(true)
    }

    fn drop_scanned(&mut self, conversation: i64, above: i64, through: i64) -> Result<(), WriteError> {
        let sql = "SELECT seq FROM message WHERE conversation = ? AND id > ? AND id <= ? ORDER BY seq";
        let seqs: Vec<i64> = self
            .db
            .prepare_cached(sql)?
            .query_map([conversation, above, through], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        seqs.into_iter().try_for_each(|seq| self.drop_message(conversation, seq))
    }

    fn drop_message(&mut self, conversation: i64, seq: i64) -> Result<(), WriteError> {
        let altered = altered(&self.db, seq)?;
        let text_seq = altered.unwrap_or(seq);
        let sql = "SELECT author, text FROM message WHERE seq = ?";
        let (author, stored): (i64, String) =
            self.db.prepare_cached(sql)?.query_row([text_seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if is_gone(&stored) {
            return Ok(());
        }
        // The same number of bytes, so that SQLite writes them over the old ones.
        let overwritten = params![text_seq, gone(stored.len())];
        one(&self.db, "UPDATE message SET text = ?2 WHERE seq = ?1", overwritten)?;
        if altered.is_some() {
            one(&self.db, "UPDATE message SET text = replace(text, char(1), char(2)) WHERE seq = ?", [seq])?;
            one(&self.db, "DELETE FROM altered WHERE seq = ?", [seq])?;
        }
        let stored = StoredText::parse(&stored);
        let mut document = Document::default();
        // What was removed has no words in the index.
        let document = if stored.state == TextState::Removed { "" } else { document.of(conversation, author, &stored) };
        one(
            &self.db,
            "INSERT INTO dropped(after, seq, text_seq, document) VALUES(?, ?, ?, ?)",
            params![self.next_seq - 1, seq, text_seq, document],
        )
        .map_err(WriteError::from)
    }
}

#[cfg(test)]
mod tests;
