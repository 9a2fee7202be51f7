//! Why there is no backup, or why one can't be restored.

use crate::server::store::{CommitError, StoreError};
use std::io;
use std::path::PathBuf;

/// Why a backup was not made or not restored. Nothing has changed then. The operator can fix each of these; the
/// message says how.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no database in the data directory.
    #[error("there is no {file}, so there is nothing to back up; name the server's data directory with --data DIR")]
    NoDatabase {
        /// Where it would be.
        file: PathBuf,
    },
    /// The data can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of that name exists.
    #[error("{path} exists already; choose another name, or replace it with --force")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file or directory can't be written.
    #[error("can't write {path}: {source}")]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or directory can't be read.
    #[error("can't read {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is something in the directory.
    #[error(
        "{data} is not empty: it holds {found}. Restore into another directory, or stop the server and move what is there elsewhere"
    )]
    NotEmpty {
        /// The data directory.
        data: PathBuf,
        /// What is in it.
        found: String,
    },
    /// The file is something else.
    #[error("{path} is not a backup that chitchatd made: {what}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it seems to be, and what to do with it.
        what: String,
    },
    /// The file ends too early.
    #[error("{path} is only the beginning of a backup; copy it here again, or use another one")]
    Cut {
        /// The file.
        path: PathBuf,
    },
    /// The file is not as it was written.
    #[error("{path} is damaged: {what}; copy it here again, or use another one")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        what: String,
    },
    /// The list of what was erased can't be used.
    #[error(
        "{path} can't be used: {what}. Move it away to do without it: then what was removed for good since the backup comes back"
    )]
    Erasures {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// What was erased could not be removed again.
    #[error("can't remove again what was removed for good: {0}")]
    Erasing(CommitError),
    /// A later version made it.
    #[error("{path} was made by a newer chitchatd; install chitchatd {needs} or newer to restore it")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version that made it.
        needs: String,
    },
}
