//! The writer's write-ahead log: when it is folded back into the database. The dispatcher's thread
//! runs it.

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};

/// Pages of 4 KiB that wait in the log before a quiet moment is spent on folding them back: 1 MiB.
pub(super) const LOG_QUIET: i32 = 256;

/// Pages that the log may grow to before a commit waits for folding: 64 MiB.
pub(super) const LOG_MOST: i32 = 16_384;

/// Pages by which the log must have grown before folding is forced again, where a reader kept it
/// from being begun anew: 16 MiB.
const LOG_AGAIN: i32 = 4_096;

/// The write-ahead log, in pages.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) pages: i32,
    pub(super) folded: i32,
    /// The size at which folding is forced.
    pub(super) force_at: i32,
}

impl Log {
    pub(super) fn new() -> Self {
        Self { pages: 0, folded: 0, force_at: LOG_MOST }
    }

    /// Looks at the log behind a commit.
    pub(super) fn watch(&mut self, db: &Connection) {
        // Asks for the sizes and does nothing.
        if let Ok((pages, folded)) = db.wal_checkpoint_v2(Some("main"), CheckpointMode::NOOP) {
            (self.pages, self.folded) = (pages, folded);
        }
        if self.pages > self.force_at {
            self.fold(db, CheckpointMode::RESTART);
            let grown = if self.pages > self.folded { self.pages + LOG_AGAIN } else { LOG_MOST };
            self.force_at = grown.max(LOG_MOST);
        }
    }

    /// At a quiet moment, if it is worth it.
    pub(super) fn idle(&mut self, db: &Connection) {
        if self.pages - self.folded > LOG_QUIET {
            self.fold(db, CheckpointMode::PASSIVE);
        }
    }

    /// Folds the log back. A fault here loses nothing, since the log stays as it is.
    pub(super) fn fold(&mut self, db: &Connection, mode: CheckpointMode) {
        match db.wal_checkpoint_v2(Some("main"), mode) {
            Ok((pages, folded)) => (self.pages, self.folded) = (pages, folded),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
            Err(error) => log::warn!("{}: folding its log back failed: {error}", db.path().unwrap_or_default()),
        }
    }
}
