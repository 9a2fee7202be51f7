//! Why the data directory can't be used, and what kind of failure an SQLite error is.

use crate::protocol::secrets::NoRandomness;
use rusqlite::ErrorCode;
use std::io;
use std::path::{Path, PathBuf};

/// Why the data directory can't be used. The operator can fix each of these; the message says how.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory, or a file in it, can't be created or written.
    #[error("can't create or write {path}: {source}; {}, or choose another data directory", cure(source))]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something else is in the place of a file.
    #[error("can't use {path}: {source}. Remove it, and restore a backup if nothing else is left")]
    NotAFile {
        /// The file that it should be.
        path: PathBuf,
        /// What it is.
        source: io::Error,
    },
    /// A link is in the place of the database.
    #[error(
        "{file} is a symbolic link to {to}, and the lock that keeps two servers from one database is beside the link. Move that database here, with its -wal if there is one; to have it elsewhere, move the whole data directory, which may be a link"
    )]
    Link {
        /// The file that it should be.
        file: PathBuf,
        /// Where it leads.
        to: PathBuf,
    },
    /// Another server uses the directory.
    #[error("another chitchatd is running on the data directory {dir}; stop it, or choose another data directory")]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// A backup was restored into the directory in part.
    #[error(
        "a backup was being restored into {dir}, and that was interrupted; run chitchatd restore again, or, to begin without it, remove {rest}"
    )]
    Restoring {
        /// The directory.
        dir: PathBuf,
        /// What shows it.
        rest: PathBuf,
    },
    /// The database was written by a later version.
    #[error(
        "{file} was last used by a newer chitchatd (its schema is {found}, this one knows {known}); install chitchatd {needs} or newer"
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
        /// The version that wrote it.
        needs: String,
    },
    /// The database is of an earlier version, and nobody is to migrate it just to read it.
    #[error("{file} was last used by an older chitchatd; start this one on it once, which migrates it")]
    Older {
        /// The database.
        file: PathBuf,
    },
    /// There is no room for the copy of a database that has to be migrated.
    #[error(
        "{file} has to be migrated for this version of chitchatd, and there is no room for the copy that is kept of it before: that takes {needed} MiB, and {free} MiB are free. Make room; or make a backup elsewhere with chitchatd backup, and start with --set history.upgrade_copy=off"
    )]
    NoRoomToCopy {
        /// The database.
        file: PathBuf,
        /// In MiB.
        needed: u64,
        /// In MiB.
        free: u64,
    },
    /// The file is damaged, or is not a database of ours.
    #[error("{file} is damaged or is not a chitchatd database ({detail}); replace it with a backup")]
    Broken {
        /// The database.
        file: PathBuf,
        /// What SQLite says, or what was found.
        detail: String,
    },
    /// The disk is full.
    #[error("can't write {file}: the disk is full; free some space and start again")]
    Full {
        /// The database.
        file: PathBuf,
    },
    /// Anything else that SQLite reports.
    #[error("can't use {file}: {source}")]
    Database {
        /// The database.
        file: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Built with an SQLite that has a known fault.
    #[error("this chitchatd was built with SQLite {found}, which can lose data; build it with 3.51.3 or newer")]
    OldSqlite {
        /// Its version.
        found: &'static str,
    },
    /// No random bytes for the epoch.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// What to do about a directory or file that can't be written.
fn cure(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem => "mount its file system for writing",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk",
        _ => "make it owned by the user running chitchatd",
    }
}

impl StoreError {
    /// Sorts an SQLite error about `file` into the variants above.
    pub(crate) fn of(file: &Path, source: rusqlite::Error) -> Self {
        let file = file.to_owned();
        match source.sqlite_error_code() {
            _ if is_damage(&source) || is_unexpected_content(&source) => {
                Self::Broken { file, detail: source.to_string() }
            }
            Some(ErrorCode::DiskFull) => Self::Full { file },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::Directory { path: file, source: io::Error::other(source.to_string()) }
            }
            _ => Self::Database { file, source },
        }
    }
}

/// Whether SQLite found a file damaged, rather than inaccessible.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Whether a file holds values that this program never writes.
fn is_unexpected_content(error: &rusqlite::Error) -> bool {
    use rusqlite::Error;
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::QueryReturnedNoRows
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::{Error, ffi, types::Type};

    #[test]
    fn what_can_not_be_written_is_told_with_its_own_cure() {
        let told = |kind: io::ErrorKind| {
            StoreError::Directory { path: PathBuf::from("/data"), source: io::Error::from(kind) }.to_string()
        };
        for (kind, cure) in [
            (io::ErrorKind::ReadOnlyFilesystem, "; mount its file system for writing, or"),
            (io::ErrorKind::StorageFull, "; make room on the disk, or"),
            (io::ErrorKind::PermissionDenied, "; make it owned by the user running chitchatd, or"),
        ] {
            assert!(told(kind).contains(cure), "{}", told(kind));
        }
    }

    #[test]
    fn what_the_operator_is_told_fits_what_happened() {
        let told = |error| StoreError::of(Path::new("/data/chitchat.db"), error).to_string();
        let sqlite = |code| told(Error::SqliteFailure(ffi::Error::new(code), None));
        assert!(sqlite(ffi::SQLITE_FULL).ends_with("the disk is full; free some space and start again"));
        for code in [ffi::SQLITE_CANTOPEN, ffi::SQLITE_READONLY, ffi::SQLITE_PERM] {
            assert!(sqlite(code).starts_with("can't create or write /data/chitchat.db: "));
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
            assert!(sqlite(code).contains("is damaged or is not a chitchatd database"));
        }
        for error in [Error::QueryReturnedNoRows, Error::InvalidColumnType(0, "at".to_owned(), Type::Text)] {
            assert!(told(error).contains("is damaged or is not a chitchatd database"));
        }
        for code in [ffi::SQLITE_IOERR, ffi::SQLITE_BUSY] {
            assert!(sqlite(code).starts_with("can't use /data/chitchat.db: "));
        }
    }
}
