//! Appending messages: the ids that they get, the keys of `/post`, and where each conversation's ids go
//! on after a start.

use super::error::WriteError;
use super::{LastId, SAVE_LASTS_AFTER, Store, schema, statement, to_sql};
use crate::protocol::names::{ConversationId, MessageId};
use crate::protocol::secrets::Digest;
use crate::server::faults::{self, Fault};
use crate::server::traffic::{Appended, Draft};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Ids reserved at a time in a conversation whose messages are not kept.
const RESERVE: u64 = 1000;

impl Store {
    pub(super) fn try_append(&mut self, draft: &Draft) -> Result<Appended, WriteError> {
        let conversation = draft.conversation;
        let &last_id = self.last_ids.get(&conversation).ok_or(WriteError::NoConversation(conversation))?;
        if let Some(key) = &draft.key
            && let Some(before) = self.posted_under(draft, key)?
        {
            return Ok(before);
        }
        let mut id = last_id.last.next().ok_or(WriteError::NoIdLeft(conversation))?;
        if last_id.last > MessageId::ZERO && faults::is_planted(Fault::IdTwice) {
            id = last_id.last;
        }
        let mut saved = last_id.saved;
        if self.keep {
            self.batch.push(&self.db, self.next_seq, id, draft)?;
            self.count_seq([conversation.value(), to_sql(id.value())]);
        } else if id.value() > saved {
            saved = (last_id.last.value() + RESERVE).min(MessageId::MAX.value());
            statement::one(&self.db, SAVE_LAST, [conversation.value(), to_sql(saved)])?;
        }
        if let Some(key) = &draft.key
            && !faults::is_planted(Fault::KeyForgotten)
        {
            self.db.prepare_cached("INSERT INTO post_key VALUES(?, ?, ?, ?, ?)")?.execute(params![
                draft.author.value(),
                conversation.value(),
                key.as_bytes(),
                to_sql(id.value()),
                Digest::of(draft.text.as_str()).as_bytes()
            ])?;
        }
        self.set_last(conversation, LastId { last: id, saved });
        Ok(Appended::New(id))
    }

    /// What was posted under a key before. Only the digest of its text is kept, so that the answer
    /// is the same when the message itself is gone.
    pub(super) fn posted_under(&self, draft: &Draft, key: &str) -> Result<Option<Appended>, WriteError> {
        let sql = "SELECT id, digest FROM post_key WHERE account = ? AND conversation = ? AND key = ?";
        let before = self
            .db
            .prepare_cached(sql)?
            .query_row(params![draft.author.value(), draft.conversation.value(), key.as_bytes()], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 32]>(1)?))
            })
            .optional()?;
        Ok(before.map(|(id, digest)| {
            // Of a message that was removed no digest is kept.
            let same = digest == [0; 32] || digest == *Digest::of(draft.text.as_str()).as_bytes();
            // An id was within bounds when it was assigned.
            let id = u64::try_from(id).ok().and_then(MessageId::new).filter(|_| same);
            id.map_or(Appended::Conflict, Appended::Again)
        }))
    }

    /// Uses a sequence number, for the message of that conversation and id.
    pub(super) fn count_seq(&mut self, place: [i64; 2]) {
        self.recent.push(place);
        self.next_seq += 1;
        self.pending.messages += 1;
    }

    pub(super) fn set_last(&mut self, conversation: ConversationId, last_id: LastId) {
        let before = self.last_ids.insert(conversation, last_id);
        self.pending.undo.push((conversation, before));
    }

    /// Saves each conversation's last id, in a transaction of its own. A failure loses nothing: the
    /// next start reads more messages.
    pub(super) fn save_lasts(&mut self) {
        let counted = self.next_seq - 1;
        self.save_lasts_at = counted + SAVE_LASTS_AFTER;
        let saved = self.db.transaction().and_then(|change| {
            // Reserved ids are not released here: if this failed, nobody would know whether they were.
            let behind = self.last_ids.iter().filter(|(_, last_id)| last_id.saved < last_id.last.value());
            save_lasts(&change, behind, counted)?;
            change.commit()
        });
        match saved {
            Ok(()) => {
                self.lasts_saved = counted;
                self.last_ids.values_mut().for_each(|last_id| last_id.saved = last_id.saved.max(last_id.last.value()));
            }
            Err(error) => ::log::warn!("{}: can't save the last ids: {error}", self.file.display()),
        }
    }
}

const SAVE_LAST: &str = "UPDATE conversation SET last = ?2 WHERE id = ?1";

/// Saves these last ids, and the sequence number up to which they hold.
pub(super) fn save_lasts<'a>(
    db: &Connection,
    last_ids: impl Iterator<Item = (&'a ConversationId, &'a LastId)>,
    counted: i64,
) -> rusqlite::Result<()> {
    let mut save = db.prepare_cached(SAVE_LAST)?;
    for (conversation, last_id) in last_ids {
        save.execute([conversation.value(), to_sql(last_id.last.value())])?;
    }
    schema::set_lasts_saved(db, counted)
}
