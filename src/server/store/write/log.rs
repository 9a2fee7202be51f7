//! The writer's write-ahead log: when it is checkpointed into the database. The dispatcher's thread
//! runs it.

use crate::server::store::db::checkpoint::REST_MAX;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};

/// Pages of 4 KiB in the log before they are checkpointed at a quiet moment: 1 MiB.
pub(super) const LOG_QUIET: i32 = 256;

/// Pages beyond which the log is checkpointed beside the commits: 32 MiB.
pub(super) const LOG_LONG: i32 = 8_192;

/// Pages that the log may grow to before a commit waits for a checkpoint: 256 MiB.
pub(super) const LOG_MAX: i32 = 65_536;

/// Pages by which the log must have grown before it is tried again, if a reader kept it from being
/// restarted: 16 MiB.
const LOG_AGAIN: i32 = 4_096;

/// The write-ahead log, in pages.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) pages: i32,
    pub(super) checkpointed: i32,
    /// The size at which it is checkpointed beside the commits.
    pub(super) long_at: i32,
    /// The size at which a commit checkpoints it, however long that takes.
    pub(super) force_at: i32,
}

impl Log {
    pub(super) fn new() -> Self {
        Self { pages: 0, checkpointed: 0, long_at: LOG_LONG, force_at: LOG_MAX }
    }

    /// Checks the log after a commit; true if another thread should checkpoint it.
    pub(super) fn watch(&mut self, db: &Connection) -> bool {
        let before = self.pages;
        // This only queries the sizes.
        if let Ok((pages, checkpointed)) = db.wal_checkpoint_v2(Some("main"), CheckpointMode::NOOP) {
            (self.pages, self.checkpointed) = (pages, checkpointed);
        }
        if self.pages < before {
            // It was restarted.
            (self.long_at, self.force_at) = (LOG_LONG, LOG_MAX);
        }
        if self.pages <= self.long_at {
            return false;
        }
        if self.pages - self.checkpointed <= REST_MAX {
            // The rest, so that the next commit restarts the log. If a reader prevents that, it is
            // tried again when the log is longer.
            self.checkpoint(db, CheckpointMode::PASSIVE);
            self.long_at = self.pages + LOG_AGAIN;
            return false;
        }
        if self.pages > self.force_at {
            self.checkpoint(db, CheckpointMode::PASSIVE);
            self.force_at = self.pages.max(LOG_MAX) + LOG_AGAIN;
            return false;
        }
        true
    }

    /// Checkpoints at a quiet moment, if that is worth it.
    pub(super) fn idle(&mut self, db: &Connection) {
        if self.pages - self.checkpointed > LOG_QUIET {
            self.checkpoint(db, CheckpointMode::PASSIVE);
        }
    }

    /// Checkpoints the log. A failure loses nothing, since the log stays as it is.
    pub(super) fn checkpoint(&mut self, db: &Connection, mode: CheckpointMode) {
        match db.wal_checkpoint_v2(Some("main"), mode) {
            Ok((pages, checkpointed)) => (self.pages, self.checkpointed) = (pages, checkpointed),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
            Err(error) => ::log::warn!("{}: can't checkpoint its log: {error}", db.path().unwrap_or_default()),
        }
    }
}
