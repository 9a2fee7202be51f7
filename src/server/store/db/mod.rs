//! The database files: where they are, how a connection to one is opened, the schema, the errors,
//! and checkpointing. It knows nothing of what is written, read or indexed; the three folders beside
//! it build on it. Each function runs on the thread that calls it.

pub(crate) mod checkpoint;
pub(crate) mod copy;
pub(crate) mod disk;
pub(crate) mod erased;
pub(crate) mod error;
pub(crate) mod look;
pub(crate) mod schema;
pub(crate) mod stored_text;
pub(crate) mod upgrade;

use self::error::StoreError;
use self::upgrade::UpgradeCopy;
use crate::files;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::OFlags;
use rustix::process::geteuid;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The main database's file within the data directory.
pub(crate) const DATABASE_FILE: &str = "chitchat.db";
/// The index's file within the data directory.
pub(crate) const INDEX_FILE: &str = "index.db";
/// The file within the data directory that a running server keeps locked.
pub(crate) const LOCK_FILE: &str = "lock";

/// The directory within a data directory in which a backup is being restored. Until it is gone, what is beside it is
/// not whole.
pub(crate) const RESTORING: &str = "restoring";

/// How long one connection waits for another's lock: only at start.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

/// Earlier versions of SQLite have a fault that can damage a database when its log is restarted.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Bytes of a page of a new main database. A commit of one line appends a whole page to the log, so small ones keep
/// the log short: see docs/PERFORMANCE.md. An existing database keeps its own size.
pub(crate) const PAGE: u32 = 1_024;

/// Bytes of a page of a new index, which writes many messages at a time.
pub(crate) const INDEX_PAGE: u32 = 4_096;

/// Statements that a reading connection keeps prepared.
const READER_STATEMENTS: usize = 32;

/// What the store keeps, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreSettings {
    /// The data directory; created if it is missing.
    pub data: PathBuf,
    /// What a commit waits for.
    pub sync: Sync,
    /// Whether messages are kept. If not, only their ids are counted. Keys of `/post` are kept
    /// either way, since each may be used only once, ever.
    pub keep: bool,
    /// Whether a copy is kept of a database that has to be migrated.
    pub upgrade_copy: UpgradeCopy,
}

/// What a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// For the disk: what was committed survives a power cut.
    Full,
    /// For the operating system: what was committed survives a crash of the process. After an
    /// unclean end the epoch changes, since ids may have been lost together with their messages.
    Normal,
}

/// The data directory, held by this process alone until it is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if it is missing, and locks it.
    pub(crate) fn lock(dir: &Path) -> Result<Self, StoreError> {
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Directory { path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(refused(dir))?;
        let path = dir.join(LOCK_FILE);
        let lock = lock_file(dir, &path).map_err(refused(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: dir.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(refused(&path)(source)),
        }
    }

    /// Refuses a directory into which a backup was restored in part.
    pub(crate) fn check_restored(&self) -> Result<(), StoreError> {
        let rest = self.file(RESTORING);
        if rest.exists() { Err(StoreError::Restoring { dir: self.path.clone(), rest }) } else { Ok(()) }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Opens the file that is locked, and no other that a link leads to. If it is missing, it is created readable by its
/// owner alone: the directory's, also if root creates it.
fn lock_file(dir: &Path, path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    match options.clone().create_new(true).open(path) {
        Ok(new) => {
            if geteuid().is_root() {
                let owner = std::fs::metadata(dir)?;
                files::give(&new, (owner.uid(), owner.gid()))?;
            }
            Ok(new)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            files::check_regular(&std::fs::symlink_metadata(path)?)?;
            let lock = options.open(path)?;
            files::check_regular(&lock.metadata()?)?;
            Ok(lock)
        }
        Err(error) => Err(error),
    }
}

/// Creates a file readable by its owner alone, unless it exists. An existing file is not even opened:
/// closing any descriptor of a file gives up all POSIX locks that the process holds on it, those of
/// SQLite's connections included. Another process that then closes the database deletes its log.
fn create_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Refuses what is no regular file in the place of a database, or of what SQLite keeps beside it: it would wait for ever
/// for whoever writes to a pipe. One that is missing is no fault here. Nothing is opened, as in [`create_private`].
fn check_files(file: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        let path = PathBuf::from(path);
        if let Ok(found) = std::fs::metadata(&path) {
            files::check_regular(&found).map_err(|source| StoreError::NotAFile { path, source })?;
        }
    }
    Ok(())
}

/// Refuses a link in the place of the main database. SQLite would follow it, past the lock of the data directory.
fn check_no_link(file: &Path) -> Result<(), StoreError> {
    match std::fs::read_link(file) {
        Ok(to) => Err(StoreError::Link { file: file.to_owned(), to }),
        // It is missing, or no link.
        Err(_) => Ok(()),
    }
}

/// Opens a connection that writes. The file is created first, since SQLite would make it readable
/// by others; its log takes over the file's permissions. `page` is the size of its pages, if it is new.
pub(crate) fn connect_writer(file: &Path, page: u32) -> Result<Connection, StoreError> {
    look::sqlite_version()?;
    check_no_link(file)?;
    check_files(file)?;
    create_private(file).map_err(|source| StoreError::Directory { path: file.to_owned(), source })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || -> rusqlite::Result<Connection> {
        let db = Connection::open_with_flags(file, flags)?;
        db.busy_timeout(BUSY_TIMEOUT)?;
        // Before the log: with one, not even an empty database's pages change.
        db.pragma_update(None, "page_size", page)?;
        db.pragma_update(None, "journal_mode", "wal")?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.pragma_update(None, "temp_store", "memory")?;
        Ok(db)
    };
    connect().map_err(|error| StoreError::of(file, error))
}

/// Opens a connection that only reads; a writer has created the file before.
pub(crate) fn connect_reader(file: &Path) -> Result<Connection, StoreError> {
    check_files(file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || -> rusqlite::Result<Connection> {
        let db = Connection::open_with_flags(file, flags)?;
        db.busy_timeout(BUSY_TIMEOUT)?;
        db.pragma_update(None, "temp_store", "memory")?;
        db.set_prepared_statement_cache_capacity(READER_STATEMENTS);
        Ok(db)
    };
    connect().map_err(|error| StoreError::of(file, error))
}

/// A number as SQLite stores it. Numbers from the wire are at most 2^63-1 already.
pub(crate) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The highest sequence number that a message has.
pub(crate) fn last_seq(db: &Connection) -> rusqlite::Result<i64> {
    db.prepare_cached("SELECT coalesce(max(seq), 0) FROM message")?.query_row([], |row| row.get(0))
}

/// Bytes of the database that are in use; pages that are free are not.
pub(crate) fn used_bytes(db: &Connection) -> rusqlite::Result<u64> {
    let ask = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let pages = ask("page_count")? - ask("freelist_count")?;
    Ok(pages.max(0).unsigned_abs() * ask("page_size")?.unsigned_abs())
}
