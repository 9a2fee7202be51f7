//! What is kept: accounts, rooms, messages and their index. The only place that knows
//! SQLite; it knows no rooms, sockets or threads of others, and meets them in [`crate::server::traffic`].
//!
//! The data directory holds
//!
//! ```text
//! lock          held for as long as a server runs on this directory
//! chitchat.db   everything (and its -wal and -shm)
//! index.db      where messages are and which words they hold; deleted at will, it is made anew
//! ```
//!
//! | who        | on which thread | does                                                         |
//! |------------|-----------------|--------------------------------------------------------------|
//! | [`Store`]  | the dispatcher  | the only writer of `chitchat.db`; gives messages their ids    |
//! | [`Reader`] | each reader     | answers history, search, conversations and welcomes           |
//! | [`Indexer`]| `index`         | the only writer of `index.db`, some moments behind the store  |
//! | [`Checkpointer`] | `checkpoint`          | moves the log of a busy store into `chitchat.db`              |
//!
//! They share no lock: SQLite's write-ahead log lets each reader see what was committed when it
//! began. No read lasts longer than [`READ_DEADLINE`], so that the log can be checkpointed.

mod checkpoint;
mod chunk;
mod history;
mod index;
mod load;
mod page;
mod places;
mod postings;
mod reader;
mod records;
mod schema;
mod search;
mod varint;
mod welcome;
mod words;
mod writer;

#[cfg(test)]
mod testing;

pub use checkpoint::Checkpointer;
pub use index::{IndexError, Indexer};
pub use page::READ_DEADLINE;
pub use reader::Reader;
pub use writer::{CommitError, Committed, Fault, Store};

use crate::protocol::secrets::NoRandomness;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The main database's file within the data directory.
pub const DATABASE_FILE: &str = "chitchat.db";
/// The index's file within the data directory.
pub const INDEX_FILE: &str = "index.db";
/// The file within the data directory that a running server holds locked.
pub const LOCK_FILE: &str = "lock";

/// How long one connection waits for another's lock: only at start and at a forced checkpoint.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

/// The first SQLite without the fault that could break a database when its log was begun anew.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Where and how to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The data directory; made if it is missing.
    pub data: PathBuf,
    /// What a commit waits for.
    pub sync: Sync,
    /// Whether messages are kept. If not, only their ids are counted; keys of `/post` are kept all
    /// the same, since each is said once, ever.
    pub keep: bool,
}

/// What a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// For the disk: what was committed outlives a power cut.
    Full,
    /// For the operating system: it outlives a crash of the process. After an unclean end the
    /// epoch changes, since ids may have been lost with their messages.
    Normal,
}

/// Why the data can't be used. Each is the operator's to mend and says how.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or a file in it can't be made or written.
    #[error(
        "{path} can't be made or written: {source}; let the user that runs chitchatd own it, or name another data directory"
    )]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another server uses the directory.
    #[error("another chitchatd is running on the data directory {dir}; end that one, or name another data directory")]
    Locked {
        /// The directory.
        dir: PathBuf,
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
    /// The file is no database, or is damaged.
    #[error("{file} is damaged or is no database of chitchatd ({detail}); put a backup of it in its place")]
    Broken {
        /// The database.
        file: PathBuf,
        /// What SQLite says, or what was found.
        detail: String,
    },
    /// The disk has no room.
    #[error("{file} can't be written: the disk is full; make room, then start again")]
    Full {
        /// The database.
        file: PathBuf,
    },
    /// Anything else that SQLite says.
    #[error("{file} can't be used: {source}")]
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

impl StoreError {
    fn of(file: &Path, source: rusqlite::Error) -> Self {
        let file = file.to_owned();
        match source.sqlite_error_code() {
            _ if is_damage(&source) || is_misfit(&source) => Self::Broken { file, detail: source.to_string() },
            Some(ErrorCode::DiskFull) => Self::Full { file },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::Directory { path: file, source: io::Error::other(source.to_string()) }
            }
            _ => Self::Database { file, source },
        }
    }
}

/// The data directory, held by this process alone until it is dropped.
#[derive(Debug)]
struct DataDir {
    dir: PathBuf,
    _lock: File,
}

impl DataDir {
    fn lock(dir: &Path) -> Result<Self, StoreError> {
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Directory { path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(refused(dir))?;
        let path = dir.join(LOCK_FILE);
        let lock = private_file(&path).map_err(refused(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir: dir.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(refused(&path)(source)),
        }
    }
}

/// Opens a file for writing, made for its owner's eyes alone if it is missing.
fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// A connection that writes. The file is made first, since SQLite would let others read it; its
/// log takes the same permissions.
fn connect_writer(file: &Path) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::OldSqlite { found: rusqlite::version() });
    }
    private_file(file).map_err(|source| StoreError::Directory { path: file.to_owned(), source })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || -> rusqlite::Result<Connection> {
        let db = Connection::open_with_flags(file, flags)?;
        db.busy_timeout(BUSY_TIMEOUT)?;
        db.pragma_update(None, "journal_mode", "wal")?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.pragma_update(None, "temp_store", "memory")?;
        Ok(db)
    };
    connect().map_err(|error| StoreError::of(file, error))
}

/// A connection that only reads; the writer has made the file before.
fn connect_reader(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || -> rusqlite::Result<Connection> {
        let db = Connection::open_with_flags(file, flags)?;
        db.busy_timeout(BUSY_TIMEOUT)?;
        db.pragma_update(None, "temp_store", "memory")?;
        db.set_prepared_statement_cache_capacity(32);
        Ok(db)
    };
    connect().map_err(|error| StoreError::of(file, error))
}

/// Whether a file is broken rather than out of reach.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// As if SQLite had said it of what stands inside a row.
fn corrupt() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some("a list in the index is damaged".to_owned()))
}

/// Whether a file holds what this program never wrote.
fn is_misfit(error: &rusqlite::Error) -> bool {
    use rusqlite::Error;
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::QueryReturnedNoRows
    )
}

/// As SQLite keeps numbers. What comes from the wire is at most 2^63-1 already.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
