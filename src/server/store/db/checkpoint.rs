//! Folds the write-ahead log back into the database beside the commits, which never wait for it:
//! that takes tens of milliseconds of the disk's time. The thread `checkpoint` runs it.
//!
//! It checkpoints what is in the log when it begins. What is committed meanwhile stays in the log, and the
//! writer checkpoints those few pages itself, between two commits: the log can only begin anew at a moment
//! at which nothing is left in it.

use super::error::StoreError;
use super::{DATABASE_FILE, Settings, connect_writer};
use crossbeam_channel::Receiver;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};
use std::path::PathBuf;

/// Passes over the log, each as long as what was committed during the one before.
const PASSES_MAX: usize = 4;

/// Pages of 4 KiB that the writer may be left with.
pub(crate) const REST_MOST: i32 = 128;

/// A connection that checkpoints.
#[derive(Debug)]
pub struct Checkpointer {
    db: Connection,
    file: PathBuf,
}

impl Checkpointer {
    /// Opens behind [`super::Store::open`], which makes the database.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(settings: &Settings) -> Result<Self, StoreError> {
        let file = settings.data.join(DATABASE_FILE);
        let db = connect_writer(&file)?;
        // It begins no transaction of its own, so that only checkpointing syncs.
        db.pragma_update(None, "wal_autocheckpoint", 0).map_err(|error| StoreError::of(&file, error))?;
        Ok(Self { db, file })
    }

    /// Folds at each nudge, until all senders are gone.
    pub fn run(self, nudges: &Receiver<()>) {
        for () in nudges {
            self.checkpoint();
        }
    }

    /// Passes over the log until what is left of it is little, or does not become less.
    pub(crate) fn checkpoint(&self) {
        let mut before = i32::MAX;
        for _ in 0..PASSES_MAX {
            let left = match self.db.wal_checkpoint_v2(Some("main"), CheckpointMode::PASSIVE) {
                Ok((pages, checkpointed)) => pages - checkpointed,
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => return,
                Err(error) => {
                    log::warn!("{}: checkpointing its log failed: {error}", self.file.display());
                    return;
                }
            };
            if left <= REST_MOST || left >= before {
                return;
            }
            before = left;
        }
    }
}
