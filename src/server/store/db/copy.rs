//! A copy of the main database while others write to it, and a look at a copy before it is relied on.
//! Runs on the thread that asks: of `chitchatd backup` and `restore`, or of a start that is about to migrate.
//!
//! SQLite's backup API copies pages as they are, within one read transaction. For as long as that lasts the
//! log can't be restarted, so it is kept short: nothing else is done in it, and a copy is a file on this
//! machine, however slowly it is passed on later. `VACUUM INTO`, which builds every table anew, reads for
//! twice as long: see docs/PERFORMANCE.md.

use super::error::{StoreError, is_damage};
use super::schema;
use super::stored_text::is_kept;
use super::{connect_reader, create_private};
use crate::server::considerate::{PIECE, REST_MOST, Rests};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// Pages that are copied at a time where nobody else needs the disk.
const STEP: i32 = 4_096;

/// How long all rests of a copy together may take. Meanwhile the server's log can't be restarted.
const RESTS: Duration = Duration::from_secs(5);

/// After so many of SQLite's steps it is seen whether it is time to rest: some tens of microseconds.
const STEPS_PER_REST: i32 = 1_000;

/// How long to wait for a server that just starts, and holds its database while it repairs it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Memory for pages of a copy, in KiB.
const CACHE_KIB: i64 = 2_048;

/// The most bytes of a copy that are mapped into memory, rather than read page by page. With pages of 1 KiB, looking at
/// all of 376 MB takes 1.6 s of CPU so, and 2.8 by reading. Nobody else has the file, so it can't become shorter.
const MAPPED: i64 = 1 << 31;

/// What a database says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inspected {
    /// How many migrations it has had.
    pub schema: i64,
    /// Names the history that it holds.
    pub epoch: String,
    /// Accounts that somebody can log in to.
    pub accounts: u64,
    /// Rooms, those that are closed included.
    pub rooms: u64,
    /// Messages that are kept.
    pub messages: u64,
}

/// Opens a database, of a running server or not, to copy it.
pub(crate) fn open(file: &Path) -> Result<Connection, StoreError> {
    let db = connect_reader(file)?;
    let found = db.busy_timeout(PATIENCE).and_then(|()| schema_of(&db));
    let found = found.map_err(|error| StoreError::of(file, error))?;
    schema::check_known(&db, file, found)?;
    Ok(db)
}

/// How fast a file is written or looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As fast as it goes: nobody waits for the disk or a core meanwhile.
    Fast,
    /// A piece at a time, with rests for others.
    Considerate,
}

/// Copies what the connection sees at one instant into a new file, mode 0600, which has no log. It need not be on the
/// disk then.
pub(crate) fn copy(from: &Connection, to: &Path, pace: Pace) -> Result<(), StoreError> {
    create_private(to).map_err(|source| StoreError::Directory { path: to.to_owned(), source })?;
    let considerate = match pace {
        Pace::Fast => None,
        Pace::Considerate => {
            Some(File::open(to).map_err(|source| StoreError::Directory { path: to.to_owned(), source })?)
        }
    };
    copy_pages(from, to, considerate.as_ref()).map_err(|error| match from.path() {
        Some(source) if is_damage(&error) => StoreError::of(Path::new(source), error),
        _ => StoreError::of(to, error),
    })
}

/// Syncs the copy from time to time if it is given.
fn copy_pages(from: &Connection, to: &Path, sync: Option<&File>) -> rusqlite::Result<()> {
    let mut copy = connect_alone(to)?;
    {
        let instant = from.unchecked_transaction()?;
        // The transaction sees what there is at its first read.
        schema_of(&instant)?;
        let sizes = |name| instant.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
        let piece = u32::try_from(PIECE).unwrap_or(u32::MAX) / sizes("page_size")?.max(1);
        let pieces = sizes("page_count")? / piece + 1;
        let mut rests = Rests::new(RESTS / pieces);
        let step = if sync.is_some() { i32::try_from(piece).unwrap_or(STEP) } else { STEP };
        let pages = Backup::new(&instant, &mut copy)?;
        while pages.step(step)? != StepResult::Done {
            if let Some(file) = sync {
                // A failure shows when the archive is synced, if it matters.
                let _ = file.sync_data();
                rests.rest();
            }
        }
    }
    copy.close().map_err(|(_, error)| error)?;
    // The pages say that there is a log.
    let copy = connect_alone(to)?;
    copy.pragma_update(None, "journal_mode", "delete")?;
    copy.close().map_err(|(_, error)| error)
}

/// Marks a copy, so that the start that takes it up begins another history.
pub(crate) fn mark_as_copy(file: &Path) -> Result<(), StoreError> {
    let mark = || -> rusqlite::Result<()> {
        let copy = connect_alone(file)?;
        schema::mark_unclean(&copy)?;
        copy.close().map_err(|(_, error)| error)
    };
    mark().map_err(|error| StoreError::of(file, error))
}

/// A connection to a file that is nobody's until it is whole: if this is interrupted, nothing is repaired.
fn connect_alone(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(file, flags)?;
    db.pragma_update(None, "synchronous", "off")?;
    db.pragma_update(None, "journal_mode", "off")?;
    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(db)
}

/// Reads a copy from its first page to its last, and checks that all of it hangs together.
///
/// # Errors
/// [`StoreError::Broken`] if it does not; [`StoreError::Newer`] if this version does not know its schema.
pub(crate) fn inspect(file: &Path, pace: Pace) -> Result<Inspected, StoreError> {
    let mut db = connect_reader(file)?;
    let of = |error| StoreError::of(file, error);
    db.pragma_update(None, "cache_size", -CACHE_KIB).map_err(of)?;
    db.pragma_update(None, "mmap_size", MAPPED).map_err(of)?;
    if pace == Pace::Considerate {
        let mut rests = Rests::new(REST_MOST);
        let rest = move || {
            rests.rest_in_time();
            false
        };
        db.progress_handler(STEPS_PER_REST, Some(rest)).map_err(of)?;
    }
    let sound: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(of)?;
    if sound != "ok" {
        return Err(StoreError::Broken { file: file.to_owned(), detail: sound });
    }
    let schema = schema_of(&db).map_err(of)?;
    schema::check_known(&db, file, schema)?;
    if schema == 0 {
        let detail = "it has no tables of chitchatd".to_owned();
        return Err(StoreError::Broken { file: file.to_owned(), detail });
    }
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
    let read = || -> rusqlite::Result<Inspected> {
        let kept = concat!("SELECT count(*) FROM message WHERE conversation <> 0 AND ", is_kept!("text"));
        Ok(Inspected {
            schema,
            epoch: schema::meta(&db, "epoch")?.ok_or(rusqlite::Error::QueryReturnedNoRows)?,
            accounts: count("SELECT count(*) FROM account WHERE hash IS NOT NULL")?,
            rooms: count("SELECT count(*) FROM conversation WHERE room IS NOT NULL")?,
            messages: count(kept)?,
        })
    };
    read().map_err(of)
}

fn schema_of(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}
