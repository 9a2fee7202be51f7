//! The only writer of `chitchat.db`; the dispatcher's thread runs it.
//!
//! One transaction holds everything that one turn of the dispatcher decided. Messages are appended
//! under a sequence number, and nothing else is written for them: the indexer records later where
//! each conversation's are. Ids are assigned here, counted in memory and taken back by a rollback, so that
//! they have no gaps. Each conversation's last id is saved from time to time, and a start reads only
//! the messages since. If messages are not kept, ids are reserved in ranges instead, and a crash
//! skips the rest of a range.
//!
//! The write-ahead log is checkpointed at quiet moments ([`Store::idle`]), and when there is none for
//! long, by a thread of its own beside the commits ([`super::Checkpointer`]): see [`log`].

mod administration;
mod ahead;
mod append;
mod batch;
mod change;
mod drop;
mod error;
pub(crate) mod failures;
mod find;
mod load;
mod log;
mod personal;
mod recent;
mod records;
mod statement;
mod surplus;
mod trial;
mod unregister;

use self::append::save_lasts;
use self::batch::Batch;
use self::change::{Leftovers, PATIENCE};
pub(crate) use self::error::CommitError;
use self::error::WriteError;
use self::find::Finder;
use self::log::Log;
use self::recent::Recent;
use self::surplus::PAGES_NEAR;
use super::db::error::StoreError;
use super::db::{DATABASE_FILE, DataDir, PAGE, StoreSettings, Sync, connect_writer, last_seq, schema, to_sql, upgrade};
use crate::protocol::names::{ConversationId, MessageId};
use crate::server::traffic::{Appended, Draft, Snapshot, Write};
use rusqlite::Connection;
use rustc_hash::FxHashMap;
use std::path::PathBuf;
use std::time::Duration;

/// Messages after which a commit saves the conversations' last ids. A start after a crash reads at
/// most this many, which takes some milliseconds.
const SAVE_LASTS_AFTER: i64 = 20_000;

/// Messages after which a quiet moment is used to save them.
const SAVE_LASTS_QUIET: i64 = 2_000;

/// Memory for pages of the database, in KiB. Messages are only appended and everything else is read
/// at start, so more would fill with pages that nobody reads again; the system's cache has them.
const CACHE_KIB: i64 = 512;

/// The only writer of the database, and the lock on its directory.
#[derive(Debug)]
pub(crate) struct Store {
    db: Connection,
    file: PathBuf,
    keep: bool,
    sync: Sync,
    last_ids: FxHashMap<ConversationId, LastId>,
    /// The sequence number of the next message.
    next_seq: i64,
    /// Messages of the transaction that are not in the database yet.
    batch: Batch,
    recent: Recent,
    /// The sequence number up to which last ids are saved.
    lasts_saved: i64,
    /// The next one at which a commit saves them.
    save_lasts_at: i64,
    pending: Pending,
    log: Log,
    finder: Finder,
    leftovers: Leftovers,
    /// All messages below this sequence number are dropped.
    kept_from: i64,
    /// Pages that a row with a text keeps from rows that are deleted.
    pages_near: i64,
    /// How long they may stay while there is no quiet moment.
    patience: Duration,
    _dir: DataDir,
}

/// A conversation's last id.
#[derive(Debug, Clone, Copy)]
struct LastId {
    last: MessageId,
    /// The id that the database has for it. No id up to this one is ever assigned again.
    saved: u64,
}

/// What the current transaction has changed in memory.
#[derive(Debug, Default)]
struct Pending {
    /// The values before, in the order of the changes.
    undo: Vec<(ConversationId, Option<LastId>)>,
    messages: usize,
    /// Messages were dropped.
    dropped: bool,
    /// A statement failed. SQLite may have ended the transaction: anything more would be
    /// written outside of it.
    failed: bool,
}

/// What a commit leaves to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Committed {
    /// Messages that it added: if there are any, the indexer has work to do.
    pub messages: usize,
    /// Whether it dropped some, which is work for the indexer, too.
    pub dropped: bool,
    /// The log has become long: [`super::Checkpointer`] has work to do.
    pub long_log: bool,
}

impl Store {
    /// Opens the data directory for this process alone, creates what is missing, and loads
    /// everything but messages. A new database has the account `server` (number 1, an administrator
    /// without a password) and the public room `lobby` (number 1, without members).
    ///
    /// # Errors
    /// See [`StoreError`]; each is one line for the operator.
    pub(crate) fn open(settings: &StoreSettings) -> Result<(Self, Snapshot), StoreError> {
        let dir = DataDir::lock(&settings.data)?;
        dir.check_restored()?;
        let file = dir.file(DATABASE_FILE);
        let mut db = connect_writer(&file, PAGE)?;
        let of = |error| StoreError::of(&file, error);
        db.pragma_update(None, "synchronous", "full").map_err(of)?;
        let log = Log::follow(&mut db).map_err(of)?;
        db.pragma_update(None, "cache_size", -CACHE_KIB).map_err(of)?;
        db.pragma_update(None, "secure_delete", true).map_err(of)?;
        db.set_prepared_statement_cache_capacity(48);
        upgrade::keep_copy(&db, &dir, settings.upgrade_copy)?;
        schema::prepare(&mut db, &file)?;
        schema::begin_run(&mut db, &file, settings.sync)?;
        if settings.sync == Sync::Normal {
            db.pragma_update(None, "synchronous", "normal").map_err(of)?;
        }
        let mut world = load::snapshot(&db).map_err(of)?;
        let (lasts_saved, unsaved) = (schema::lasts_saved(&db).map_err(of)?, load::unsaved_lasts(&db).map_err(of)?);
        let mut last_ids = FxHashMap::default();
        for conversation in &mut world.conversations {
            let saved = conversation.last;
            let last = unsaved.get(&conversation.id).map_or(saved, |&id| id.max(saved));
            conversation.last = last;
            last_ids.insert(conversation.id, LastId { last, saved: saved.value() });
        }
        let next_seq = last_seq(&db).map_err(of)?.max(lasts_saved) + 1;
        let store = Self {
            keep: settings.keep,
            sync: settings.sync,
            last_ids,
            next_seq,
            batch: Batch::default(),
            recent: Recent::from(next_seq),
            lasts_saved,
            save_lasts_at: lasts_saved + SAVE_LASTS_AFTER,
            pending: Pending::default(),
            log,
            finder: Finder::default(),
            leftovers: Leftovers::unknown(),
            kept_from: 0,
            pages_near: PAGES_NEAR,
            patience: PATIENCE,
            db,
            file,
            _dir: dir,
        };
        Ok((store, world))
    }

    /// Whether each commit of messages waits for the disk.
    #[must_use]
    pub(crate) fn syncs(&self) -> bool {
        self.keep && self.sync == Sync::Full
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`CommitError::Refused`] if the disk is full or another program holds the database.
    pub(crate) fn begin(&mut self) -> Result<(), CommitError> {
        self.step(|store| Ok(store.db.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)?))
    }

    /// Adds a message to the transaction and assigns its id. A `/post` key is looked up in the same
    /// transaction, so that a message is posted once even when it is repeated within it.
    ///
    /// # Errors
    /// [`CommitError::Refused`]; the whole transaction must be rolled back.
    pub(crate) fn append(&mut self, draft: &Draft) -> Result<Appended, CommitError> {
        self.step(|store| store.try_append(draft))
    }

    /// Adds any other change to the transaction.
    ///
    /// # Errors
    /// [`CommitError::Refused`]; the whole transaction must be rolled back.
    pub(crate) fn write(&mut self, write: &Write) -> Result<(), CommitError> {
        self.step(|store| {
            match write {
                Write::Change(change) => return store.change(change),
                Write::Unregistered { account, all } => return store.unregister(*account, *all),
                Write::Dropped(conversation, through) => return store.drop_messages(*conversation, *through),
                _ => {}
            }
            records::write(&store.db, write)?;
            match write {
                Write::Conversation(record) => {
                    store.set_last(record.id, LastId { last: record.last, saved: record.last.value() });
                }
                Write::Forgotten(conversation) => {
                    let before = store.last_ids.remove(conversation);
                    store.pending.undo.push((*conversation, before));
                }
                _ => {}
            }
            Ok(())
        })
    }

    /// Commits everything since [`Store::begin`]. With [`Sync::Full`] it is on disk when this returns.
    ///
    /// # Errors
    /// On [`CommitError::Refused`] it has been rolled back already.
    pub(crate) fn commit(&mut self) -> Result<Committed, CommitError> {
        if let Err(error) = self.step(|store| {
            failures::at_insert()?;
            store.batch.write(&store.db)?;
            if store.pending.dropped {
                store.drop_documents()?;
                store.give_back()?;
            }
            Ok(())
        }) {
            self.rollback()?;
            return Err(error);
        }
        let committed = self.step(|store| {
            failures::at_commit()?;
            Ok(store.db.prepare_cached("COMMIT")?.execute([]).map(drop)?)
        });
        match committed.and_then(|()| failures::after_commit()) {
            Ok(()) => {
                let pending = std::mem::take(&mut self.pending);
                if self.next_seq > self.save_lasts_at {
                    self.save_lasts();
                }
                let long_log = self.log.watch(&self.db) | self.clean_up_in_time();
                Ok(Committed { messages: pending.messages, dropped: pending.dropped, long_log })
            }
            Err(CommitError::Refused(fault)) if fault.is_certain() => {
                self.rollback()?;
                Err(CommitError::Refused(fault))
            }
            Err(CommitError::Refused(fault) | CommitError::Ambiguous(fault)) => Err(CommitError::Ambiguous(fault)),
        }
    }

    /// Undoes everything since [`Store::begin`], ids too. Harmless if no transaction is open.
    ///
    /// # Errors
    /// Only [`CommitError::Ambiguous`].
    pub(crate) fn rollback(&mut self) -> Result<(), CommitError> {
        let pending = std::mem::take(&mut self.pending);
        self.batch.clear();
        for (conversation, before) in pending.undo.into_iter().rev() {
            match before {
                Some(last_id) => self.last_ids.insert(conversation, last_id),
                None => self.last_ids.remove(&conversation),
            };
        }
        self.next_seq -= i64::try_from(pending.messages).unwrap_or(0);
        self.recent.roll_back(self.next_seq);
        if self.db.is_autocommit() {
            return Ok(());
        }
        self.db.execute_batch("ROLLBACK").map_err(|error| CommitError::Ambiguous(error.into()))
    }

    /// Loads everything but messages again: after a rollback the dispatcher rebuilds its state from it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(crate) fn load(&self) -> Result<Snapshot, StoreError> {
        let mut world = load::snapshot(&self.db).map_err(|error| StoreError::of(&self.file, error))?;
        for conversation in &mut world.conversations {
            // The database knows only what was saved or reserved.
            if let Some(last_id) = self.last_ids.get(&conversation.id) {
                conversation.last = last_id.last;
            }
        }
        Ok(world)
    }

    /// To be called when there is nothing else to do. Saves last ids and checkpoints the log if that is
    /// worth it, which takes some milliseconds. Returns whether it is to be called again soon, even if
    /// nothing happens until then.
    pub(crate) fn idle(&mut self) -> bool {
        if !self.db.is_autocommit() {
            return false;
        }
        if self.next_seq > self.lasts_saved + SAVE_LASTS_QUIET {
            self.save_lasts();
        }
        self.log.idle(&self.db);
        self.clean_up()
    }

    /// Ends cleanly: an open transaction is rolled back, the log is checkpointed, and ids that were
    /// reserved and not assigned are free again.
    ///
    /// # Errors
    /// See [`StoreError`]. What was committed is kept even then, as after a crash.
    pub(crate) fn close(mut self) -> Result<(), StoreError> {
        // If that fails, the transaction ends with the connection.
        let _ = self.rollback();
        let file = std::mem::take(&mut self.file);
        self.end().map_err(|error| StoreError::of(&file, error))?;
        self.db.close().map_err(|(_, error)| StoreError::of(&file, error))
    }

    fn end(&mut self) -> rusqlite::Result<()> {
        // The record of the clean end must not reach the disk before what it confirms.
        self.db.pragma_update(None, "synchronous", "full")?;
        let change = self.db.transaction()?;
        let inexact = self.last_ids.iter().filter(|(_, last_id)| last_id.saved != last_id.last.value());
        save_lasts(&change, inexact, self.next_seq - 1)?;
        schema::end_run(&change)?;
        change.commit()?;
        self.log.end(&self.db);
        Ok(())
    }

    fn step<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, WriteError>) -> Result<T, CommitError> {
        if self.pending.failed {
            return Err(CommitError::Refused(WriteError::Earlier));
        }
        step(self).map_err(|fault| {
            self.pending.failed = true;
            CommitError::Refused(fault)
        })
    }
}

#[cfg(any(test, feature = "faults"))]
impl Store {
    /// Limits the database to the pages that it has.
    pub(crate) fn fill_the_disk(&self) {
        let pages = self.db.pragma_query_value(None, "page_count", |row| row.get(0));
        self.limit_pages(pages.unwrap_or(1));
    }

    /// Removes that limit.
    pub(crate) fn make_room(&self) {
        self.limit_pages(100_000);
    }

    fn limit_pages(&self, pages: i64) {
        let limited = self.db.execute_batch(&format!("PRAGMA max_page_count = {pages}"));
        debug_assert!(limited.is_ok(), "{limited:?}");
    }
}

#[cfg(test)]
mod tests;
