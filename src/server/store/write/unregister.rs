//! How an account ends in the database, and how what it said is found. The dispatcher's thread runs it.

use super::statement::{any, one};
use super::{CommitError, Store, WriteError};
use crate::protocol::names::{AccountId, ConversationId, MessageId};
use crate::server::store::db::stored_text::{StoredText, TextState, is_gone, present};
use crate::server::store::index::document::expression;
use crate::server::store::index::words::Query;
use crate::server::traffic::{Rest, SaidBy};
use rusqlite::{OptionalExtension as _, Row, params};

/// What an account leaves behind nowhere. In direct conversations it stays, for the other side.
const BELONGINGS: [&str; 11] = [
    "DELETE FROM token WHERE account = ?",
    "DELETE FROM known_address WHERE account = ?",
    "DELETE FROM recovery WHERE account = ?",
    "DELETE FROM disabled WHERE account = ?",
    "DELETE FROM profile WHERE account = ?",
    "DELETE FROM away WHERE account = ?",
    "DELETE FROM invited WHERE account = ?",
    "DELETE FROM sanction WHERE account = ?",
    "DELETE FROM said WHERE account = ?",
    "DELETE FROM ignored WHERE ? IN (account, other)",
    "DELETE FROM invite_made WHERE by = ?",
];

impl Store {
    /// Ends an account. With `all`, what it said up to now is to be removed.
    pub(super) fn unregister(&mut self, account: AccountId, all: bool) -> Result<(), WriteError> {
        let id = account.value();
        one(&self.db, "UPDATE account SET hash = NULL, admin = 0 WHERE id = ?", [id])?;
        for sql in BELONGINGS {
            any(&self.db, sql, [id])?;
        }
        let rooms = "DELETE FROM member
                     WHERE account = ? AND conversation IN (SELECT id FROM conversation WHERE room IS NOT NULL)";
        any(&self.db, rooms, [id])?;
        let erase = all.then_some(self.next_seq - 1);
        one(&self.db, "INSERT INTO unregistered(account, erase) VALUES(?, ?)", params![id, erase])?;
        Ok(())
    }

    /// Some of what an account said that has unregistered, oldest first, behind a cursor: at most `most`
    /// messages are looked at. Needs no transaction.
    ///
    /// # Errors
    /// [`CommitError::Refused`]; the whole transaction must be rolled back.
    pub(crate) fn said_by(&mut self, author: AccountId, cursor: i64, most: usize) -> Result<SaidBy, CommitError> {
        self.step(|store| store.try_said_by(author, cursor, most))
    }

    fn try_said_by(&mut self, author: AccountId, cursor: i64, most: usize) -> Result<SaidBy, WriteError> {
        let mut said = SaidBy { messages: Vec::new(), cursor, rest: Rest::Unknown };
        let sql = "SELECT erase FROM unregistered WHERE account = ?";
        let erase: Option<i64> = self.db.prepare_cached(sql)?.query_row([author.value()], |row| row.get(0))?;
        let end = erase.unwrap_or(0);
        // All of it must be indexed, or some would be passed over.
        if self.index_mark().is_none_or(|mark| mark.seq < end) {
            return Ok(said);
        }
        let seqs = match self.seqs_by(author, cursor..=end, most) {
            Ok(seqs) => seqs,
            Err(error) => {
                ::log::warn!("without the index it can't be found what an account said: {error}");
                return Ok(said);
            }
        };
        said.rest = if seqs.len() < most { Rest::Nothing } else { Rest::More };
        for seq in seqs {
            said.cursor = seq;
            said.messages.extend(self.message_of(author, seq)?);
        }
        Ok(said)
    }

    /// A message, if it is by that author and neither removed nor dropped.
    fn message_of(&self, author: AccountId, seq: i64) -> Result<Option<(ConversationId, MessageId)>, WriteError> {
        let sql = "SELECT conversation, id, text FROM message WHERE seq = ? AND author = ? AND conversation <> 0";
        let mut message = self.db.prepare_cached(sql)?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?));
        let found = message.query_row([seq, author.value()], read).optional()?;
        let Some((conversation, id, stored)) = found.filter(|(_, _, stored)| !is_gone(stored)) else { return Ok(None) };
        if StoredText::parse(&present(&self.db, seq, &stored)?).state == TextState::Removed {
            return Ok(None);
        }
        Ok(MessageId::new(id.unsigned_abs()).map(|id| (ConversationId::new(conversation), id)))
    }

    /// What the index has of an author behind one sequence number, up to another.
    fn seqs_by(
        &mut self,
        author: AccountId,
        range: std::ops::RangeInclusive<i64>,
        most: usize,
    ) -> Result<Vec<i64>, super::find::FindError> {
        let by = expression(&Query::default(), Some(author.value()), None, None::<std::iter::Empty<i64>>);
        let sql = "SELECT rowid FROM word WHERE word MATCH ? AND rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?";
        let mut found = self.index()?.prepare_cached(sql)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let seqs = found.query_map(params![by, range.start(), range.end(), most], |row| row.get(0))?;
        Ok(seqs.collect::<rusqlite::Result<_>>()?)
    }
}

#[cfg(test)]
mod tests;
