//! Finds a stored message for the core, which has to know who said it. The dispatcher's thread runs
//! it, so it costs a plain message nothing: only verbs that name a message come here.
//!
//! The index says where the message is. Those that are not indexed yet are read one by one, newest
//! first. A missing or wrong index makes this slow and never changes the answer.

use super::{CommitError, Store, WriteError};
use crate::protocol::names::{AccountId, ConversationId, MessageId};
use crate::server::store::db::error::StoreError;
use crate::server::store::db::{INDEX_FILE, connect_reader, to_sql};
use crate::server::traffic::MessageRecord;
use rusqlite::{Connection, OptionalExtension as _};

/// Why the index can't be used; then all messages are read.
#[derive(Debug, thiserror::Error)]
enum FindError {
    #[error(transparent)]
    Open(StoreError),
    #[error(transparent)]
    Read(#[from] rusqlite::Error),
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

    fn try_find(&mut self, conversation: ConversationId, id: MessageId) -> Result<Option<MessageRecord>, WriteError> {
        if !self.keep {
            return Ok(None);
        }
        // Those that wait are looked for, too.
        self.batch.write(&self.db)?;
        let place = [conversation.value(), to_sql(id.value())];
        let (mark, seq) = match self.indexed(place) {
            Ok(found) => found,
            Err(error) => {
                ::log::warn!("a message is looked for without the index, which is slow: {error}");
                (0, None)
            }
        };
        if let Some(seq) = seq
            && let Some(found) = self.read_at(seq, place)?
        {
            return Ok(Some(found));
        }
        // An index that is wrong about a message says nothing about where it is.
        let mark = if seq.is_some() { 0 } else { mark };
        let sql = "SELECT seq FROM message WHERE seq > ?3 AND conversation = ?1 AND id = ?2 ORDER BY seq DESC LIMIT 1";
        let behind = self.db.prepare_cached(sql)?.query_row([place[0], place[1], mark], |row| row.get(0)).optional()?;
        Ok(behind.map(|seq| self.read_at(seq, place)).transpose()?.flatten())
    }

    /// The sequence number up to which messages are indexed, and the message's if it is indexed.
    fn indexed(&mut self, place: [i64; 2]) -> Result<(i64, Option<i64>), FindError> {
        let index = match &self.finder.0 {
            Some(index) => index,
            None => {
                let file = self.file.with_file_name(INDEX_FILE);
                self.finder.0.insert(connect_reader(&file).map_err(FindError::Open)?)
            }
        };
        let _state = index.unchecked_transaction()?;
        let mark = index.prepare_cached("SELECT indexed FROM state")?.query_row([], |row| row.get(0))?;
        let sql = "SELECT seq FROM position WHERE conversation = ? AND id = ?";
        Ok((mark, index.prepare_cached(sql)?.query_row(place, |row| row.get(0)).optional()?))
    }

    fn read_at(&self, seq: i64, place: [i64; 2]) -> rusqlite::Result<Option<MessageRecord>> {
        let sql = "SELECT author FROM message WHERE seq = ?3 AND conversation = ?1 AND id = ?2";
        let mut message = self.db.prepare_cached(sql)?;
        message
            .query_row([place[0], place[1], seq], |row| Ok(MessageRecord { author: AccountId::new(row.get(0)?) }))
            .optional()
    }
}
