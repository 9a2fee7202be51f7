//! Checkpoints the write-ahead log into the database while commits go on: that keeps the disk busy
//! for tens of milliseconds, and no commit waits for it. The thread `checkpoint` runs it. (SQLite's own checkpoints,
//! within a commit, made the 99th percentile of 10,000 lines a second in 1,000 rooms of two 45 ms; like
//! this it was 2.7. See docs/PERFORMANCE.md.)
//!
//! A pass covers what is in the log when it begins. What is committed meanwhile stays in the log, and
//! the writer checkpoints those few pages itself, between two commits: the log can only be restarted
//! when nothing is left in it.

use super::error::StoreError;
use super::{DATABASE_FILE, PAGE, StoreSettings, connect_writer};
use crate::server::faults::{self, Point};
use crossbeam_channel::Receiver;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};
use std::path::PathBuf;

/// Passes over the log, each as long as what was committed during the one before.
const PASSES_MAX: usize = 4;

/// Pages that may be left for the writer.
pub(crate) const REST_MAX: i32 = 128;

/// A connection that checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    db: Connection,
    file: PathBuf,
}

impl Checkpointer {
    /// To be called after the store is opened, which creates the database.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(crate) fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let file = settings.data.join(DATABASE_FILE);
        let db = connect_writer(&file, PAGE)?;
        // This connection writes nothing else, so only its checkpoints sync.
        db.pragma_update(None, "wal_autocheckpoint", 0).map_err(|error| StoreError::of(&file, error))?;
        Ok(Self { db, file })
    }

    /// Checkpoints at each nudge, until all senders are gone.
    pub(crate) fn run(self, nudges: &Receiver<()>) {
        for () in nudges {
            self.checkpoint();
        }
    }

    /// Makes passes until little of the log is left, or until a pass no longer reduces it.
    pub(crate) fn checkpoint(&self) {
        let mut before = i32::MAX;
        for _ in 0..PASSES_MAX {
            faults::point(Point::BeforeCheckpoint);
            let result = self.db.wal_checkpoint_v2(Some("main"), CheckpointMode::PASSIVE);
            faults::point(Point::AfterCheckpoint);
            let left = match result {
                Ok((pages, checkpointed)) => pages - checkpointed,
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => return,
                Err(error) => {
                    log::warn!("{}: can't checkpoint its log: {error}", self.file.display());
                    return;
                }
            };
            if left <= REST_MAX || left >= before {
                return;
            }
            before = left;
        }
    }
}
