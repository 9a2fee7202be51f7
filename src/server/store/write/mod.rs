//! The only writer of `chitchat.db`; the dispatcher's thread runs it.
//!
//! One transaction holds all that one turn of the dispatcher decided. Messages are appended, in the
//! order of saying, and nothing else is touched for them: where they stand in their conversations
//! is noted behind, by the indexer. Ids are given here, counted in memory and taken back with a
//! rollback, so that they have no gaps. Each conversation's last id is saved from time to time,
//! and a start reads only the messages since. Where messages are not kept, ids are reserved a
//! block at a time instead, and a crash skips the rest of the block.
//!
//! The write-ahead log is checkpointed into the database at quiet moments ([`Store::idle`]), and where
//! there is none for long, by a thread of its own beside the commits ([`super::checkpoint`]).

mod batch;
mod load;
mod log;
mod records;

use self::batch::Batch;
use self::log::Log;
use super::db::error::StoreError;
use super::db::{DATABASE_FILE, DataDir, Settings, Sync, connect_writer, last_seq, schema, to_sql};
use crate::protocol::names::{ConversationId, MessageId};
use crate::protocol::secrets::Digest;
use crate::server::traffic::{Appended, Draft, Snapshot, Write};
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, Error, ErrorCode, OptionalExtension as _, params};
use rustc_hash::FxHashMap;
use std::path::PathBuf;

/// Ids reserved at once in a conversation whose messages are not kept.
const RESERVE: u64 = 1000;

/// Messages after which the conversations' last ids are saved by a commit: a start after a crash
/// reads at most so many, which takes some milliseconds.
const COUNT_MOST: i64 = 20_000;

/// Messages after which a quiet moment is spent on saving them.
const COUNT_QUIET: i64 = 2_000;

/// Memory for pages of the database, in KiB. Messages are only appended and everything else is read
/// at start, so more would fill with pages that nobody looks at again; the system's cache has them.
const CACHE_KIB: i64 = 512;

/// The only writer of the database, and the lock on its directory.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    file: PathBuf,
    keep: bool,
    sync: Sync,
    tallies: FxHashMap<ConversationId, Tally>,
    /// Place of the next message in the order of saying.
    next_seq: i64,
    /// Messages of the transaction that are not in the database yet.
    batch: Batch,
    /// The place in the order of saying up to which last ids are saved.
    counted: i64,
    /// The next one at which a commit saves them.
    count_at: i64,
    change: Change,
    log: Log,
    _dir: DataDir,
}

/// How far a conversation's ids are.
#[derive(Debug, Clone, Copy)]
struct Tally {
    last: MessageId,
    /// What the database has for its last: it promises not to give any up to here again.
    saved: u64,
}

/// What the transaction under way has done to memory.
#[derive(Debug, Default)]
struct Change {
    /// What stood before, in the order of doing.
    undo: Vec<(ConversationId, Option<Tally>)>,
    kept: usize,
    /// A statement failed. SQLite may have ended the transaction by itself: anything more would
    /// be written for itself, outside of it.
    failed: bool,
}

/// What a commit brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// Messages that are kept now and were not before: if there are any, the indexer has work.
    pub messages: usize,
    /// The log has become long, and [`super::Checkpointer`] has work.
    pub long_log: bool,
}

/// Why a transaction did not become lasting.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing of it is kept, for certain. After [`Store::rollback`] the store goes on.
    #[error("nothing was written: {0}")]
    Refused(#[source] Fault),
    /// Nobody knows whether it is kept: the process must end without another word, and what is
    /// on disk is learned at the next start.
    #[error("it is not known what was written: {0}")]
    Ambiguous(#[source] Fault),
}

/// What went wrong in a transaction.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// What SQLite says: the operator's to mend (a full disk), or the disk's.
    #[error(transparent)]
    Database(#[from] Error),
    /// An earlier step of the same transaction failed, and it was not rolled back since.
    #[error("an earlier step of the same transaction failed")]
    Earlier,
    /// Ours: a message for a conversation that was never written.
    #[error("there is no conversation {0:?}")]
    NoConversation(ConversationId),
    /// The conversation has had as many messages as can be counted.
    #[error("conversation {0:?} has no ids left")]
    NoIdLeft(ConversationId),
}

impl Store {
    /// Opens the data directory for this process alone, makes what is missing, and reads what is
    /// kept. A new database has the account `server` (number 1, an administrator without a
    /// password) and the public room `lobby` (number 1, without members).
    ///
    /// # Errors
    /// See [`StoreError`]; each is one line for the operator.
    pub fn open(settings: &Settings) -> Result<(Self, Snapshot), StoreError> {
        let dir = DataDir::lock(&settings.data)?;
        let file = dir.file(DATABASE_FILE);
        let mut db = connect_writer(&file)?;
        let of = |error| StoreError::of(&file, error);
        db.pragma_update(None, "synchronous", "full").map_err(of)?;
        db.pragma_update(None, "wal_autocheckpoint", 0).map_err(of)?;
        db.pragma_update(None, "cache_size", -CACHE_KIB).map_err(of)?;
        db.set_prepared_statement_cache_capacity(48);
        schema::prepare(&mut db, &file)?;
        schema::begin_run(&mut db, &file, settings.sync)?;
        if settings.sync == Sync::Normal {
            db.pragma_update(None, "synchronous", "normal").map_err(of)?;
        }
        let mut world = load::world(&db).map_err(of)?;
        let (counted, uncounted) = (schema::counted(&db).map_err(of)?, load::uncounted(&db).map_err(of)?);
        let mut tallies = FxHashMap::default();
        for conversation in &mut world.conversations {
            let saved = conversation.last;
            let last = uncounted.get(&conversation.id).map_or(saved, |&id| id.max(saved));
            conversation.last = last;
            tallies.insert(conversation.id, Tally { last, saved: saved.value() });
        }
        let store = Self {
            keep: settings.keep,
            sync: settings.sync,
            tallies,
            next_seq: last_seq(&db).map_err(of)?.max(counted) + 1,
            batch: Batch::default(),
            counted,
            count_at: counted + COUNT_MOST,
            change: Change::default(),
            log: Log::new(),
            db,
            file,
            _dir: dir,
        };
        Ok((store, world))
    }

    /// Whether each commit of messages waits for the disk.
    #[must_use]
    pub fn syncs(&self) -> bool {
        self.keep && self.sync == Sync::Full
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`CommitError::Refused`] if the disk is full or another program holds the database.
    pub fn begin(&mut self) -> Result<(), CommitError> {
        self.step(|store| Ok(store.db.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)?))
    }

    /// Keeps a message and gives it its id, within a transaction. A `/post` key is looked up in
    /// the same transaction, so that it is said once even when repeated within it.
    ///
    /// # Errors
    /// [`CommitError::Refused`]; the whole transaction must be rolled back.
    pub fn append(&mut self, draft: &Draft) -> Result<Appended, CommitError> {
        self.step(|store| store.try_append(draft))
    }

    /// Keeps any other change, within a transaction.
    ///
    /// # Errors
    /// [`CommitError::Refused`]; the whole transaction must be rolled back.
    pub fn write(&mut self, write: &Write) -> Result<(), CommitError> {
        self.step(|store| {
            records::write(&store.db, write)?;
            if let Write::Conversation(record) = write {
                store.tally(record.id, Tally { last: record.last, saved: record.last.value() });
            }
            Ok(())
        })
    }

    /// Makes all since [`Store::begin`] lasting. With [`Sync::Full`] it is on disk when this
    /// returns.
    ///
    /// # Errors
    /// On [`CommitError::Refused`] it is rolled back already.
    pub fn commit(&mut self) -> Result<Committed, CommitError> {
        if let Err(error) = self.step(|store| Ok(store.batch.write(&store.db)?)) {
            self.rollback()?;
            return Err(error);
        }
        let committed = self.step(|store| Ok(store.db.prepare_cached("COMMIT")?.execute([]).map(drop)?));
        match committed {
            Ok(()) => {
                let change = std::mem::take(&mut self.change);
                if self.next_seq > self.count_at {
                    self.count();
                }
                let long_log = self.log.watch(&self.db);
                Ok(Committed { messages: change.kept, long_log })
            }
            // Neither wrote a whole commit record: a full disk fails before the record's end, and
            // what breaks a rule is found before anything is written.
            Err(CommitError::Refused(fault)) if is_certain(&fault) => {
                self.rollback()?;
                Err(CommitError::Refused(fault))
            }
            Err(CommitError::Refused(fault) | CommitError::Ambiguous(fault)) => Err(CommitError::Ambiguous(fault)),
        }
    }

    /// Takes back all since [`Store::begin`], ids too. Does no harm where nothing is under way.
    ///
    /// # Errors
    /// Only [`CommitError::Ambiguous`].
    pub fn rollback(&mut self) -> Result<(), CommitError> {
        let change = std::mem::take(&mut self.change);
        self.batch.clear();
        for (conversation, before) in change.undo.into_iter().rev() {
            match before {
                Some(tally) => self.tallies.insert(conversation, tally),
                None => self.tallies.remove(&conversation),
            };
        }
        self.next_seq -= i64::try_from(change.kept).unwrap_or(0);
        if self.db.is_autocommit() {
            return Ok(());
        }
        self.db.execute_batch("ROLLBACK").map_err(|error| CommitError::Ambiguous(error.into()))
    }

    /// Reads the world anew: after a rollback the dispatcher's state is made from it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn load(&self) -> Result<Snapshot, StoreError> {
        let mut world = load::world(&self.db).map_err(|error| StoreError::of(&self.file, error))?;
        for conversation in &mut world.conversations {
            // The database knows only what was saved or reserved.
            if let Some(tally) = self.tallies.get(&conversation.id) {
                conversation.last = tally.last;
            }
        }
        Ok(world)
    }

    /// To be called when there is nothing else to do: saves last ids and checkpoints the log if it
    /// is worth it. Takes some milliseconds then, and else nothing.
    pub fn idle(&mut self) {
        if !self.db.is_autocommit() {
            return;
        }
        if self.next_seq > self.counted + COUNT_QUIET {
            self.count();
        }
        self.log.idle(&self.db);
    }

    /// The clean end: what is under way is rolled back, the log checkpointed, the ids that were
    /// reserved and not given are free again.
    ///
    /// # Errors
    /// See [`StoreError`]. What was committed is kept all the same, as after a crash.
    pub fn close(mut self) -> Result<(), StoreError> {
        // A failed rollback leaves a transaction that ends with the connection.
        let _ = self.rollback();
        let file = std::mem::take(&mut self.file);
        self.end().map_err(|error| StoreError::of(&file, error))?;
        self.db.close().map_err(|(_, error)| StoreError::of(&file, error))
    }

    fn end(&mut self) -> rusqlite::Result<()> {
        // The note of the clean end must not be on disk before what it vouches for.
        self.db.pragma_update(None, "synchronous", "full")?;
        let change = self.db.transaction()?;
        let inexact = self.tallies.iter().filter(|(_, tally)| tally.saved != tally.last.value());
        save_lasts(&change, inexact, self.next_seq - 1)?;
        schema::end_run(&change)?;
        change.commit()?;
        self.log.checkpoint(&self.db, CheckpointMode::TRUNCATE);
        Ok(())
    }

    /// Saves each conversation's last id, in a transaction of its own. A fault here loses nothing:
    /// the next start reads more messages.
    fn count(&mut self) {
        let counted = self.next_seq - 1;
        self.count_at = counted + COUNT_MOST;
        let saved = self.db.transaction().and_then(|change| {
            // What is reserved is not taken back here: nobody might know whether it was.
            let behind = self.tallies.iter().filter(|(_, tally)| tally.saved < tally.last.value());
            save_lasts(&change, behind, counted)?;
            change.commit()
        });
        match saved {
            Ok(()) => {
                self.counted = counted;
                self.tallies.values_mut().for_each(|tally| tally.saved = tally.saved.max(tally.last.value()));
            }
            Err(error) => ::log::warn!("{}: the last ids could not be saved: {error}", self.file.display()),
        }
    }

    fn step<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, CommitError> {
        if self.change.failed {
            return Err(CommitError::Refused(Fault::Earlier));
        }
        step(self).map_err(|fault| {
            self.change.failed = true;
            CommitError::Refused(fault)
        })
    }

    fn try_append(&mut self, draft: &Draft) -> Result<Appended, Fault> {
        let conversation = draft.conversation;
        let &tally = self.tallies.get(&conversation).ok_or(Fault::NoConversation(conversation))?;
        if let Some(key) = &draft.key
            && let Some(before) = self.said_under(draft, key)?
        {
            return Ok(before);
        }
        let id = tally.last.next().ok_or(Fault::NoIdLeft(conversation))?;
        let mut saved = tally.saved;
        if self.keep {
            self.batch.push(&self.db, self.next_seq, id, draft)?;
            self.next_seq += 1;
            self.change.kept += 1;
        } else if id.value() > saved {
            saved = (tally.last.value() + RESERVE).min(MessageId::MAX.value());
            records::one(&self.db, SAVE_LAST, [conversation.value(), to_sql(saved)])?;
        }
        if let Some(key) = &draft.key {
            self.db.prepare_cached("INSERT INTO post_key VALUES(?, ?, ?, ?, ?)")?.execute(params![
                draft.author.value(),
                conversation.value(),
                key.as_bytes(),
                to_sql(id.value()),
                Digest::of(draft.text.as_str()).as_bytes()
            ])?;
        }
        self.tally(conversation, Tally { last: id, saved });
        Ok(Appended::New(id))
    }

    /// What was said under a key before. The text is known by its digest alone, so that the
    /// answer is the same when the message itself is gone.
    fn said_under(&self, draft: &Draft, key: &str) -> Result<Option<Appended>, Fault> {
        let sql = "SELECT id, digest FROM post_key WHERE account = ? AND conversation = ? AND key = ?";
        let before = self
            .db
            .prepare_cached(sql)?
            .query_row(params![draft.author.value(), draft.conversation.value(), key.as_bytes()], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 32]>(1)?))
            })
            .optional()?;
        Ok(before.map(|(id, digest)| {
            let same = digest == *Digest::of(draft.text.as_str()).as_bytes();
            // An id was within bounds when it was given.
            let id = u64::try_from(id).ok().and_then(MessageId::new).filter(|_| same);
            id.map_or(Appended::Conflict, Appended::Again)
        }))
    }

    fn tally(&mut self, conversation: ConversationId, tally: Tally) {
        let before = self.tallies.insert(conversation, tally);
        self.change.undo.push((conversation, before));
    }
}

const SAVE_LAST: &str = "UPDATE conversation SET last = ?2 WHERE id = ?1";

/// Saves these last ids, and up to which place in the order of saying all of them hold.
fn save_lasts<'a>(
    db: &Connection,
    tallies: impl Iterator<Item = (&'a ConversationId, &'a Tally)>,
    counted: i64,
) -> rusqlite::Result<()> {
    let mut save = db.prepare_cached(SAVE_LAST)?;
    for (conversation, tally) in tallies {
        save.execute([conversation.value(), to_sql(tally.last.value())])?;
    }
    schema::set_counted(db, counted)
}

fn is_certain(fault: &Fault) -> bool {
    match fault {
        Fault::Database(error) => {
            matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::ConstraintViolation))
        }
        Fault::Earlier | Fault::NoConversation(_) | Fault::NoIdLeft(_) => true,
    }
}

#[cfg(test)]
impl Store {
    /// The disk takes no page more than it has.
    pub(crate) fn fill_the_disk(&self) {
        let pages: i64 = self.db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        self.limit_pages(pages);
    }

    /// There is room again.
    pub(crate) fn make_room(&self) {
        self.limit_pages(100_000);
    }

    fn limit_pages(&self, pages: i64) {
        self.db.execute_batch(&format!("PRAGMA max_page_count = {pages}")).unwrap();
    }
}

#[cfg(test)]
mod tests;
