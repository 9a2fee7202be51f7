//! The writer's write-ahead log: when it is checkpointed into the database, and how long it may get.
//! The dispatcher's thread runs it.
//!
//! While the log is short a commit costs nothing here. When it is long, [`super::super::Checkpointer`]
//! copies it beside the commits, and the writer takes what little is left: then the next commit
//! restarts the log from its beginning, unless somebody still reads from it.

use crate::server::faults::{self, Point};
use crate::server::store::db::BUSY_TIMEOUT;
use crate::server::store::db::checkpoint::REST_MAX;
use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// Sizes of the log, in pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    /// Above this it is checkpointed at a quiet moment.
    pub(super) quiet: i32,
    /// Above this it is checkpointed beside the commits.
    pub(super) long: i32,
    /// By how much it grows until the next attempt, if readers kept it from being restarted.
    pub(super) again: i32,
    /// Above this a commit waits: for the whole checkpoint, and a moment for the readers.
    pub(super) force: i32,
    /// Above this a commit waits as long as a read may take.
    pub(super) most: i32,
}

/// With pages of 1 KiB ¼, 2, 1, 12 and 80 MiB; four times as much in a database with pages of 4 KiB.
///
/// A commit of one line adds a page: 10,000 a second are 10 (41) MB a second. One commit adds at most
/// some MiB, so without long reads the log stays below 20 (64) MB. A read of 5 s keeps it from being
/// restarted while 52 (206) MB are added, which is less than `most`.
pub(super) const MARKS: Marks = Marks { quiet: 256, long: 2_048, again: 1_024, force: 12_288, most: 81_920 };

/// How long a commit that finds the log too long waits for reads that began before it.
const WAIT: Duration = Duration::from_millis(20);

/// How long it waits for the other thread, if that is checkpointing just now.
const WAIT_OTHER: Duration = Duration::from_millis(250);

/// How long it waits for both when the log is far too long: longer than
/// [`crate::server::store::read::READ_DEADLINE`]. Nothing else makes a turn of the dispatcher wait so long,
/// but for the disk.
const WAIT_MOST: Duration = Duration::from_millis(5_500);

/// By how many times `again` the log grows between two attempts for which a commit waits.
const FORCE_AGAIN: i32 = 4;

/// How often a commit that waits tries to get the checkpoint's lock.
const RETRY: Duration = Duration::from_millis(1);

/// The write-ahead log.
#[derive(Debug)]
pub(super) struct Log {
    /// Its pages after the last commit. SQLite reports them to a hook: to ask for them costs system calls.
    pages: Arc<AtomicI32>,
    /// The same when it was last looked at.
    before: i32,
    /// Pages of it that are known to be in the database.
    checkpointed: i32,
    pub(super) marks: Marks,
    /// The size at which the writer looks whether it can take the rest.
    rest_at: i32,
    /// The size at which the other thread is asked.
    ask_at: i32,
    /// The size at which a commit waits.
    force_at: i32,
}

/// What became of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checkpointed {
    /// What its mode is for: what nobody reads from the log any more is in the database, or all of it is.
    Done,
    /// The log stays as it is.
    Failed,
    /// Somebody else is checkpointing, or reads from the log for longer than may be waited for.
    Busy,
}

impl Log {
    /// Follows the log of this connection, whose automatic checkpoints it replaces.
    pub(super) fn follow(db: &mut Connection) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicI32::new(0));
        let hooked = Arc::clone(&pages);
        db.wal_hook(Some(move |_: &mut Wal, pages| {
            hooked.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        let mut log = Self { pages, before: 0, checkpointed: 0, marks: MARKS, rest_at: 0, ask_at: 0, force_at: 0 };
        log.restarted();
        Ok(log)
    }

    /// Its pages after the last commit.
    pub(super) fn pages(&self) -> i32 {
        self.pages.load(Ordering::Relaxed)
    }

    /// Checks the log after a commit; true if another thread should checkpoint it.
    pub(super) fn watch(&mut self, db: &Connection) -> bool {
        let pages = self.pages();
        if pages < self.before {
            self.restarted();
        }
        self.before = pages;
        if pages <= self.rest_at {
            return false;
        }
        if pages > self.force_at {
            self.force(db);
            return false;
        }
        if pages - self.query(db) <= REST_MAX {
            // While the other thread is still at it the marks stay, and the next commit tries again.
            if self.checkpoint(db, CheckpointMode::PASSIVE) != Checkpointed::Busy {
                self.rest_at = pages + self.marks.again;
                self.ask_at = self.rest_at;
            }
            return false;
        }
        let ask = pages > self.ask_at;
        if ask {
            self.ask_at = pages + self.marks.again;
        }
        ask
    }

    /// Checkpoints at a quiet moment, if that is worth it.
    pub(super) fn idle(&mut self, db: &Connection) {
        let (pages, quiet) = (self.pages(), self.marks.quiet);
        if pages - self.checkpointed > quiet && pages - self.query(db) > quiet {
            self.checkpoint(db, CheckpointMode::PASSIVE);
        }
    }

    /// Checkpoints the log and makes it empty, unless somebody reads from it for longer than it may wait,
    /// or checkpoints it just now. Returns whether it is empty.
    pub(super) fn empty(&mut self, db: &Connection, wait: Duration) -> bool {
        let patience = db.busy_timeout(wait);
        let emptied = patience.is_ok() && self.checkpoint(db, CheckpointMode::TRUNCATE) == Checkpointed::Done;
        if let Err(error) = patience.and_then(|()| db.busy_timeout(BUSY_TIMEOUT)) {
            ::log::debug!("can't set how long SQLite waits: {error}");
        }
        if emptied {
            self.pages.store(0, Ordering::Relaxed);
        }
        emptied
    }

    /// Checkpoints the log and makes it empty, at the end.
    pub(super) fn end(&mut self, db: &Connection) {
        self.checkpoint(db, CheckpointMode::TRUNCATE);
    }

    fn restarted(&mut self) {
        self.checkpointed = 0;
        (self.rest_at, self.ask_at, self.force_at) = (self.marks.long, self.marks.long, self.marks.force);
    }

    /// Checkpoints all of it now, however long that takes, and waits for those who read from it: reads
    /// that begin meanwhile need only the database.
    fn force(&mut self, db: &Connection) {
        let pages = self.pages();
        let far = pages > self.marks.most;
        // The other thread may be at it: that ends.
        let end = Instant::now() + if far { WAIT_MOST } else { WAIT_OTHER };
        while self.checkpoint(db, CheckpointMode::PASSIVE) == Checkpointed::Busy && Instant::now() < end {
            std::thread::sleep(RETRY);
        }
        let wait = if far { end.saturating_duration_since(Instant::now()).max(WAIT) } else { WAIT };
        if !self.wait_for_readers(db, wait) {
            // In vain: somebody reads for long, and if it is far too long, it is another program.
            self.force_at = pages.saturating_add(if far { pages } else { FORCE_AGAIN * self.marks.again });
        }
    }

    /// Returns whether nobody reads from the log any more.
    fn wait_for_readers(&mut self, db: &Connection, wait: Duration) -> bool {
        let end = Instant::now() + wait;
        let patience = db.busy_timeout(wait);
        let free = loop {
            match self.checkpoint(db, CheckpointMode::RESTART) {
                Checkpointed::Done => break true,
                // At once, if the other thread has just begun again.
                Checkpointed::Busy if patience.is_ok() && Instant::now() < end => std::thread::sleep(RETRY),
                Checkpointed::Busy | Checkpointed::Failed => break false,
            }
        };
        if let Err(error) = patience.and_then(|()| db.busy_timeout(BUSY_TIMEOUT)) {
            ::log::debug!("can't set how long SQLite waits: {error}");
        }
        free
    }

    /// How many pages of the log are in the database.
    fn query(&mut self, db: &Connection) -> i32 {
        if let Ok((_, checkpointed)) = db.wal_checkpoint_v2(Some("main"), CheckpointMode::NOOP) {
            self.checkpointed = checkpointed;
        }
        self.checkpointed
    }

    /// Checkpoints the log. A failure loses nothing, since the log stays as it is.
    fn checkpoint(&mut self, db: &Connection, mode: CheckpointMode) -> Checkpointed {
        faults::point(Point::BeforeCheckpoint);
        let result = db.wal_checkpoint_v2(Some("main"), mode);
        faults::point(Point::AfterCheckpoint);
        match result {
            Ok((_, checkpointed)) => {
                self.checkpointed = checkpointed;
                Checkpointed::Done
            }
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Checkpointed::Busy,
            Err(error) => {
                ::log::warn!("{}: can't checkpoint its log: {error}", db.path().unwrap_or_default());
                Checkpointed::Failed
            }
        }
    }
}

#[cfg(test)]
mod tests;
