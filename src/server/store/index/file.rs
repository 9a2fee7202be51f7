//! The index's file: opened if it fits the messages, else made anew.

use crate::server::store::db::error::StoreError;
use crate::server::store::db::{connect_writer, last_seq, schema};
use rusqlite::{Connection, Transaction};
use std::io;
use std::path::Path;

/// Changes with what is in the index or with what a word is; an index of another version is made
/// anew.
pub(super) const VERSION: i64 = 2;

/// Memory for pages of the index, in KiB. A step only appends, but for the pages that hold the last
/// chunks of conversations; the system's cache has what is not here.
const CACHE_KIB: i64 = 512;

/// Pages of 4 KiB that the index's log may grow to before it is checkpointed: 16 MiB. A page that
/// was written in step after step is then checkpointed once.
const LOG_MOST: i64 = 4_096;

/// How far the index is: all messages up to there, in the order of saying, are in it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    /// Never higher than the words'.
    pub(super) places: i64,
    pub(super) words: i64,
}

/// What an index must fit.
pub(super) struct Wanted {
    pub(super) epoch: String,
    last: i64,
}

pub(super) fn read_wanted(messages: &Connection) -> rusqlite::Result<Wanted> {
    let epoch = schema::meta(messages, "epoch")?.unwrap_or_default();
    Ok(Wanted { epoch, last: last_seq(messages)? })
}

/// Opens an index with its marks; `None` if there is none that fits.
pub(super) fn open(file: &Path, wanted: &Wanted) -> Result<Option<(Connection, Marks)>, StoreError> {
    let index = connect(file)?;
    let of = |error| StoreError::of(file, error);
    let version: i64 = index.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(of)?;
    if version != VERSION {
        return Ok(None);
    }
    let read = index.query_row("SELECT places, words, epoch, (SELECT max(last) FROM block) FROM state", [], |row| {
        let marks = Marks { places: row.get(0)?, words: row.get(1)? };
        Ok((marks, row.get::<_, String>(2)?, row.get::<_, Option<i64>>(3)?))
    });
    let (marks, epoch, last) = read.map_err(of)?;
    let possible = (0..=wanted.last).contains(&marks.words) && (0..=marks.words).contains(&marks.places);
    let fits = epoch == wanted.epoch && possible && last.unwrap_or(0) == marks.words;
    Ok(fits.then_some((index, marks)))
}

/// Makes an empty index.
pub(super) fn make(file: &Path, epoch: &str) -> Result<Connection, StoreError> {
    let mut index = connect(file)?;
    let mut make = || -> rusqlite::Result<()> {
        let change = index.transaction()?;
        // A page holds the chunks of one conversation, or the leaves of one block, side by side:
        // a look-up reads one, and a block is written from its first page to its last.
        change.execute_batch(
            "CREATE TABLE state(places INTEGER NOT NULL, words INTEGER NOT NULL, epoch TEXT NOT NULL) STRICT;
             CREATE TABLE place(
                 conversation INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
                 messages BLOB NOT NULL, PRIMARY KEY(conversation, first)) STRICT, WITHOUT ROWID;
             CREATE TABLE block(first INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT;
             CREATE TABLE leaf(
                 block INTEGER NOT NULL, token TEXT NOT NULL, entries BLOB NOT NULL,
                 PRIMARY KEY(block, token)) STRICT, WITHOUT ROWID;",
        )?;
        change.execute("INSERT INTO state(places, words, epoch) VALUES(0, 0, ?)", [epoch])?;
        change.pragma_update(None, "user_version", VERSION)?;
        change.commit()
    };
    make().map_err(|error| StoreError::of(file, error))?;
    Ok(index)
}

/// Notes the marks, in the transaction that earns them.
pub(super) fn set_marks(change: &Transaction<'_>, marks: Marks) -> rusqlite::Result<()> {
    let sql = "UPDATE state SET places = ?, words = ?";
    change.prepare_cached(sql)?.execute([marks.places, marks.words]).map(drop)
}

fn connect(file: &Path) -> Result<Connection, StoreError> {
    let index = connect_writer(file)?;
    let set = || -> rusqlite::Result<()> {
        // A power cut may take the last transactions along, and they are made again. Without any
        // sync it could leave a file that is wrong and does not look it.
        index.pragma_update(None, "synchronous", "normal")?;
        index.pragma_update(None, "cache_size", -CACHE_KIB)?;
        index.pragma_update(None, "wal_autocheckpoint", LOG_MOST)
    };
    set().map_err(|error| StoreError::of(file, error))?;
    Ok(index)
}

/// Makes the next start make it anew.
pub(super) fn spoil(index: &Connection) -> rusqlite::Result<()> {
    index.pragma_update(None, "user_version", 0)
}

/// Removes the index with its log.
pub(super) fn remove(file: &Path) -> io::Result<()> {
    for ending in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(ending);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
