//! How a change to a message reaches the database, within the writer's transaction. The dispatcher's
//! thread runs it.
//!
//! A text that is edited or removed is overwritten where it stands, and the new one is appended: see
//! [`crate::server::store::db::stored_text`]. The log still has the pages as they were, until it is
//! emptied at the next quiet moment.

use super::find::IndexMark;
use super::statement::{any, one};
use super::surplus::{GivenBack, Left};
use super::{Store, WriteError};
use crate::server::clock;
use crate::server::store::db::stored_text::{StoredText, TextState, altered, blank};
use crate::server::store::db::to_sql;
use crate::server::store::index::document::Document;
use crate::server::traffic::{ChangeKind, ChangeRecord, Mark};
use rusqlite::{Connection, params};
use std::time::{Duration, Instant};

impl Store {
    pub(super) fn change(&mut self, change: &ChangeRecord) -> Result<(), WriteError> {
        let place = [change.conversation.value(), to_sql(change.id.value())];
        match &change.kind {
            ChangeKind::Edit { text, mentions } => {
                let text = StoredText::said(Mark::None, mentions, text.as_str());
                self.alter(change, StoredText { state: TextState::Edited, ..text })?;
            }
            ChangeKind::Redact(reason) => {
                let reason = reason.as_ref().map_or("", |reason| reason.as_str());
                let text = StoredText::said(Mark::None, &[], reason);
                self.alter(change, StoredText { state: TextState::Removed, ..text })?;
                any(&self.db, "DELETE FROM reaction WHERE conversation = ? AND id = ?", place)?;
                any(&self.db, "DELETE FROM pin WHERE conversation = ? AND id = ?", place)?;
            }
            ChangeKind::React { word, .. } => {
                let sql = "INSERT INTO reaction(conversation, id, word, account) VALUES(?, ?, ?, ?)";
                one(&self.db, sql, params![place[0], place[1], word.as_str(), change.by.value()])?;
            }
            ChangeKind::Unreact { word, .. } => {
                let sql = "DELETE FROM reaction WHERE conversation = ? AND id = ? AND word = ? AND account = ?";
                one(&self.db, sql, params![place[0], place[1], word.as_str(), change.by.value()])?;
            }
            ChangeKind::Pin => one(&self.db, "INSERT INTO pin(conversation, id) VALUES(?, ?)", place)?,
            ChangeKind::Unpin => one(&self.db, "DELETE FROM pin WHERE conversation = ? AND id = ?", place)?,
        }
        let (kind, data) = (change.kind.as_str(), change.kind.data());
        one(
            &self.db,
            "INSERT INTO change(conversation, change, at, by, id, kind, data) VALUES(?, ?, ?, ?, ?, ?, ?)",
            params![
                change.conversation.value(),
                to_sql(change.number),
                to_sql(change.at),
                change.by.value(),
                to_sql(change.id.value()),
                kind,
                data
            ],
        )?;
        Ok(())
    }

    /// Puts another text in the place of the present one, whose mark it takes over.
    fn alter(&mut self, change: &ChangeRecord, text: StoredText<'_>) -> Result<(), WriteError> {
        let seq = self.locate(change.conversation, change.id)?.ok_or(WriteError::NoMessage(change.id))?;
        let before_seq = altered(&self.db, seq)?.unwrap_or(seq);
        let sql = "SELECT author, text FROM message WHERE seq = ?";
        let (author, before): (i64, String) =
            self.db.prepare_cached(sql)?.query_row([before_seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let stored_before = StoredText::parse(&before);
        let removed = text.state == TextState::Removed;
        // What was removed is no longer an answer to anything.
        let mark = if removed { Mark::None } else { stored_before.mark };
        let mut stored = String::new();
        StoredText { mark, ..text }.push_to(&mut stored);

        let text_seq = self.next_seq;
        // It is no message.
        self.count_seq([0, 0]);
        let appended = params![text_seq, seq, author, to_sql(change.at), stored];
        one(&self.db, "INSERT INTO message VALUES(?1, 0, ?2, ?3, ?4, ?5)", appended)?;
        // The same number of bytes, so that SQLite writes them over the old ones.
        let overwritten = params![before_seq, blank(before.len())];
        one(&self.db, "UPDATE message SET text = ?2 WHERE seq = ?1", overwritten)?;
        one(
            &self.db,
            "INSERT INTO altered(seq, text_seq) VALUES(?, ?) ON CONFLICT(seq) DO UPDATE SET text_seq = excluded.text_seq",
            [seq, text_seq],
        )?;
        let mut document = Document::default();
        let document = document.of(change.conversation.value(), author, &stored_before);
        let forgotten = params![text_seq, before_seq, document];
        one(&self.db, "INSERT INTO forget(seq, text_seq, document) VALUES(?, ?, ?)", forgotten)?;
        if removed {
            // Its digest says what it was to anyone who guesses. The key stays used.
            let sql = "UPDATE post_key SET digest = zeroblob(32) WHERE conversation = ? AND id = ?";
            any(&self.db, sql, [change.conversation.value(), to_sql(change.id.value())])?;
        }
        self.has_leftovers();
        Ok(())
    }

    /// The log has texts that are gone, and the index something to forget.
    pub(super) fn has_leftovers(&mut self) {
        self.leftovers.in_log.get_or_insert_with(clock::now);
        self.leftovers.in_forget = true;
        self.leftovers.in_rows = true;
    }

    /// To be called after a commit: if there was no quiet moment for long, the log is emptied now. Returns
    /// whether the other thread should checkpoint it first, since then little is left to do here.
    pub(super) fn clean_up_in_time(&mut self) -> bool {
        // Nearly always there is nothing to empty.
        let Some(since) = self.leftovers.in_log else { return false };
        let now = clock::now();
        if now < self.leftovers.retry.max(since + self.patience) {
            return false;
        }
        let asked = std::mem::replace(&mut self.leftovers.asked, true);
        if asked && self.log.empty(&self.db, EMPTY_WAIT) {
            (self.leftovers.in_log, self.leftovers.asked) = (None, false);
            return false;
        }
        self.leftovers.retry = now + EMPTY_AGAIN;
        true
    }

    /// Empties the log if it may hold texts that are gone, and drops what the index has forgotten. Returns
    /// whether it has to be tried again: a read, or the other thread's checkpoint, can keep the log from
    /// being emptied, and there may be more to drop than is dropped at a time.
    pub(super) fn clean_up(&mut self) -> bool {
        let mut more = false;
        if self.leftovers.in_forget {
            match self.drop_documents() {
                Ok(Documents { dropped, left }) => {
                    self.leftovers.in_forget = left;
                    more = left && dropped > 0;
                }
                Err(error) => ::log::warn!("{}: can't drop old documents: {error}", self.file.display()),
            }
        }
        if self.leftovers.in_rows {
            match self.give_back() {
                Ok(GivenBack { rows, left }) => {
                    // There may be more behind those that were looked at.
                    self.leftovers.in_rows = rows > 0 || left != Left::Nothing;
                    more |= rows > 0;
                    if left == Left::Unsaved {
                        let before = self.lasts_saved;
                        self.save_lasts();
                        more |= self.lasts_saved > before;
                    }
                }
                Err(error) => ::log::warn!("{}: can't delete what was dropped: {error}", self.file.display()),
            }
        }
        if self.leftovers.in_log.is_some() && self.log.empty(&self.db, Duration::ZERO) {
            (self.leftovers.in_log, self.leftovers.asked) = (None, false);
        }
        more || self.leftovers.in_log.is_some()
    }

    /// Drops some of the documents that the index has forgotten. They have no words, so it does not matter
    /// if that is later.
    pub(super) fn drop_documents(&mut self) -> rusqlite::Result<Documents> {
        let waiting = "SELECT EXISTS(SELECT 1 FROM forget) OR EXISTS(SELECT 1 FROM dropped)";
        let waits = |db: &Connection| db.prepare_cached(waiting)?.query_row([], |row| row.get::<_, bool>(0));
        if !waits(&self.db)? {
            return Ok(Documents { dropped: 0, left: false });
        }
        // Without an index there is nothing to be forgotten: it is rebuilt.
        let mark = self.index_mark().unwrap_or(IndexMark { seq: i64::MAX, dropped: i64::MAX });
        let mut dropped = 0;
        for (sql, mark) in [
            ("DELETE FROM forget WHERE seq IN (SELECT seq FROM forget WHERE seq <= ? ORDER BY seq LIMIT ?)", mark.seq),
            ("DELETE FROM dropped WHERE n IN (SELECT n FROM dropped WHERE n <= ? ORDER BY n LIMIT ?)", mark.dropped),
        ] {
            dropped += self.db.prepare_cached(sql)?.execute([mark, DOCUMENTS_MOST])?;
        }
        Ok(Documents { dropped, left: waits(&self.db)? })
    }
}

/// The most documents that are dropped at a time, of either kind: twice as many as a sweep leaves.
const DOCUMENTS_MOST: i64 = 512;

/// What became of documents that the index was to forget.
pub(super) struct Documents {
    /// How many were dropped.
    dropped: usize,
    /// Whether there are any left.
    left: bool,
}

/// How long texts that are gone may stay in the log while there is no quiet moment.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// How long a commit then waits for reads that began before it, so that the log can be emptied.
const EMPTY_WAIT: Duration = Duration::from_millis(20);

/// How often that is tried.
const EMPTY_AGAIN: Duration = Duration::from_secs(1);

/// What edits, removals and drops leave until a quiet moment.
#[derive(Debug)]
pub(super) struct Leftovers {
    /// Since when the log may hold texts; `None` if it holds none.
    in_log: Option<Instant>,
    /// `forget` and `dropped` may hold documents.
    in_forget: bool,
    /// There may be rows of dropped messages that can be deleted.
    pub(super) in_rows: bool,
    /// Whether the other thread was asked to checkpoint the log, so that it can be emptied.
    asked: bool,
    /// Not before that is it tried again.
    retry: Instant,
}

impl Leftovers {
    /// Nobody knows what an earlier run left.
    pub(super) fn unknown() -> Self {
        let now = clock::now();
        Self { in_log: Some(now), in_forget: true, in_rows: true, asked: false, retry: now }
    }
}
