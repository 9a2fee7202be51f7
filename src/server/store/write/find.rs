//! Finds a stored message for the core, which has to know who said it. The dispatcher's thread runs
//! it, so it costs a plain message nothing: only verbs that name a message come here.
//!
//! The index says where the message is, and `recent` where those are that are not indexed yet. A missing or
//! wrong index makes this slow and never changes the answer.

use super::recent::Known;
use super::{CommitError, Store, WriteError};
use crate::protocol::names::{AccountId, ConversationId, MessageId};
use crate::server::store::db::error::StoreError;
use crate::server::store::db::stored_text::{StoredText, TextState, is_gone, present};
use crate::server::store::db::{INDEX_FILE, connect_reader, to_sql};
use crate::server::traffic::{Appended, Draft, MessageRecord, Pins, Reaction, Reactions};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// Why the index can't be used; then all messages are read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FindError {
    #[error(transparent)]
    Open(StoreError),
    #[error(transparent)]
    Read(#[from] rusqlite::Error),
}

/// How far the index is.
#[derive(Debug, Clone, Copy)]
pub(super) struct IndexMark {
    /// The sequence number up to which messages are indexed.
    pub(super) seq: i64,
    /// The `n` up to which it has forgotten what is in `dropped`.
    pub(super) dropped: i64,
}

/// The index, as the writer reads it. It is opened when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Finder(Option<Connection>);

impl Store {
    /// Finds a message that was appended before, earlier in this transaction included. Needs no
    /// transaction.
    ///
    /// # Errors
    /// [`CommitError::Refused`]; the whole transaction must be rolled back.
    pub(crate) fn find(
        &mut self,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<Option<MessageRecord>, CommitError> {
        self.step(|store| store.try_find(conversation, id))
    }

    /// What appending a draft would find under its key; `None` if that is still free. Needs no
    /// transaction.
    ///
    /// # Errors
    /// [`CommitError::Refused`]; the whole transaction must be rolled back.
    pub(crate) fn find_post(&mut self, draft: &Draft) -> Result<Option<Appended>, CommitError> {
        self.step(|store| match &draft.key {
            Some(key) => store.posted_under(draft, key),
            None => Ok(None),
        })
    }

    /// The message that the account said under a key.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub(crate) fn posted(
        &mut self,
        by: AccountId,
        conversation: ConversationId,
        key: &str,
    ) -> Result<Option<MessageId>, CommitError> {
        let sql = "SELECT id FROM post_key WHERE account = ? AND conversation = ? AND key = ?";
        self.step(|store| {
            let mut posted = store.db.prepare_cached(sql)?;
            let asked = params![by.value(), conversation.value(), key.as_bytes()];
            let id: Option<i64> = posted.query_row(asked, |row| row.get(0)).optional()?;
            Ok(id.and_then(|id| MessageId::new(id.unsigned_abs())))
        })
    }

    /// What was said about a message before.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub(crate) fn reactions(&mut self, reaction: &Reaction) -> Result<Reactions, CommitError> {
        let sql =
            "SELECT coalesce(sum(word = ?3), 0), coalesce(sum(word = ?3 AND account = ?4), 0), count(DISTINCT word)
                   FROM reaction WHERE conversation = ?1 AND id = ?2";
        let Reaction { conversation, id, by, word } = reaction;
        self.step(|store| {
            let mut reactions = store.db.prepare_cached(sql)?;
            let asked = params![conversation.value(), to_sql(id.value()), word.as_str(), by.value()];
            let read = |row: &Row<'_>| Ok(Reactions { count: row.get(0)?, own: row.get(1)?, words: row.get(2)? });
            Ok(reactions.query_row(asked, read)?)
        })
    }

    /// Which messages of a conversation are pinned.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub(crate) fn pins(&mut self, conversation: ConversationId, id: MessageId) -> Result<Pins, CommitError> {
        let sql = "SELECT count(*), coalesce(sum(id = ?2), 0) FROM pin WHERE conversation = ?1";
        self.step(|store| {
            let mut pins = store.db.prepare_cached(sql)?;
            let read = |row: &Row<'_>| Ok(Pins { count: row.get(0)?, pinned: row.get(1)? });
            Ok(pins.query_row([conversation.value(), to_sql(id.value())], read)?)
        })
    }

    fn try_find(&mut self, conversation: ConversationId, id: MessageId) -> Result<Option<MessageRecord>, WriteError> {
        let Some(seq) = self.locate(conversation, id)? else { return Ok(None) };
        let sql = "SELECT author, at, text FROM message WHERE seq = ?";
        let mut message = self.db.prepare_cached(sql)?;
        let mut rows = message.query([seq])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let stored = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        if is_gone(stored) || StoredText::parse(&present(&self.db, seq, stored)?).state == TextState::Removed {
            return Ok(None);
        }
        let at: i64 = row.get(1)?;
        Ok(Some(MessageRecord { author: AccountId::new(row.get(0)?), at: at.unsigned_abs() }))
    }

    /// The sequence number of a message that is kept. Messages that wait are written first.
    pub(super) fn locate(&mut self, conversation: ConversationId, id: MessageId) -> Result<Option<i64>, WriteError> {
        if !self.keep {
            return Ok(None);
        }
        self.batch.write(&self.db)?;
        let place = [conversation.value(), to_sql(id.value())];
        let (mark, seq) = match self.indexed(place) {
            Ok(found) => found,
            Err(error) => {
                ::log::warn!("a message is looked for without the index, which is slow: {error}");
                (0, None)
            }
        };
        let Some(seq) = seq else { return Ok(self.behind(place, mark)?) };
        let sql = "SELECT 1 FROM message WHERE seq = ?3 AND conversation = ?1 AND id = ?2";
        if self.db.prepare_cached(sql)?.exists([place[0], place[1], seq])? {
            return Ok(Some(seq));
        }
        // An index that is wrong about a message says nothing about where it is.
        Ok(self.behind(place, 0)?)
    }

    /// A message that is not indexed. The newest are known; the others are read one by one, which happens
    /// only if the index fails, or soon after a start.
    fn behind(&self, place: [i64; 2], mark: i64) -> rusqlite::Result<Option<i64>> {
        let below = match self.recent.find(place, mark) {
            Known::At(seq) => return Ok(Some(seq)),
            Known::Nowhere => return Ok(None),
            Known::Below(below) => below,
        };
        let sql = "SELECT seq FROM message WHERE seq > ?3 AND seq < ?4 AND conversation = ?1 AND id = ?2
                   ORDER BY seq DESC LIMIT 1";
        let mut found = self.db.prepare_cached(sql)?;
        found.query_row([place[0], place[1], mark, below], |row| row.get(0)).optional()
    }

    /// How far the index is; `None` if there is no index to ask.
    pub(super) fn index_mark(&mut self) -> Option<IndexMark> {
        let mark = self.index().and_then(|index| {
            let mut mark = index.prepare_cached("SELECT indexed, dropped FROM state")?;
            Ok(mark.query_row([], |row| Ok(IndexMark { seq: row.get(0)?, dropped: row.get(1)? }))?)
        });
        mark.ok()
    }

    /// The id and the sequence number of each message of a conversation that is indexed, in order, above
    /// one id and up to another; at most so many.
    pub(super) fn places(
        &mut self,
        conversation: i64,
        above: i64,
        through: i64,
        most: i64,
    ) -> Result<Vec<(i64, i64)>, FindError> {
        let sql = "SELECT id, seq FROM position WHERE conversation = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?";
        let mut places = self.index()?.prepare_cached(sql)?;
        let found = places.query_map([conversation, above, through, most], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    /// The sequence number up to which messages are indexed, and the message's if it is indexed.
    fn indexed(&mut self, place: [i64; 2]) -> Result<(i64, Option<i64>), FindError> {
        let index = self.index()?;
        let _state = index.unchecked_transaction()?;
        let mark = index.prepare_cached("SELECT indexed FROM state")?.query_row([], |row| row.get(0))?;
        let sql = "SELECT seq FROM position WHERE conversation = ? AND id = ?";
        Ok((mark, index.prepare_cached(sql)?.query_row(place, |row| row.get(0)).optional()?))
    }

    /// The index, if it was needed before.
    pub(super) fn opened_index(&self) -> Option<&Connection> {
        self.finder.0.as_ref()
    }

    pub(super) fn index(&mut self) -> Result<&Connection, FindError> {
        match &mut self.finder.0 {
            Some(index) => Ok(index),
            none => {
                let file = self.file.with_file_name(INDEX_FILE);
                Ok(none.insert(connect_reader(&file).map_err(FindError::Open)?))
            }
        }
    }
}
