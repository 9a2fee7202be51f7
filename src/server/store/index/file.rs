//! The index's file: opened if it fits the messages, and created again if it does not. The thread that
//! starts the server runs it, and the thread `index` records how far it is.

use super::document::TOKENIZER;
use crate::server::store::db::error::StoreError;
use crate::server::store::db::{INDEX_PAGE, connect_writer, last_seq, schema};
use rusqlite::{Connection, Transaction, params};
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;

/// Changes with what is in the index or with what a word is. An index of another version is rebuilt.
pub(super) const VERSION: i64 = 6;

/// Memory for pages of the index, in KiB. A transaction mostly appends; the system caches the rest.
const CACHE_KIB: i64 = 512;

/// Memory in bytes for the words of a transaction before FTS5 writes them as a segment of their own.
/// [`super::BATCH`] messages rarely need it all.
const HASH_SIZE: i64 = 4 << 20;

/// Segments of about the same size before FTS5 merges them. With its own default of 4 indexing took 8 %
/// longer; more would make each search read more of them.
const AUTOMERGE: i64 = 8;

/// Pages of 4 KiB that the index's log may grow to before it is checkpointed: 16 MiB. A page that
/// several transactions write is then checkpointed once.
const LOG_MAX: i64 = 4_096;

/// What an index must fit.
pub(super) struct Expected {
    epoch: String,
    last: i64,
    /// The first and the last `n` of `dropped`; an empty one begins after its end.
    dropped: RangeInclusive<i64>,
}

/// How far an index is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// The sequence number of the last message that is indexed.
    pub(super) indexed: i64,
    /// The last `n` of `dropped` that is forgotten.
    pub(super) dropped: i64,
}

/// Reads from the main database what an index must fit.
pub(super) fn expected(messages: &Connection) -> rusqlite::Result<Expected> {
    let epoch = schema::meta(messages, "epoch")?.unwrap_or_default();
    let last: i64 =
        messages.query_row("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'dropped'", [], |row| {
            row.get(0)
        })?;
    let first: Option<i64> = messages.query_row("SELECT min(n) FROM dropped", [], |row| row.get(0))?;
    Ok(Expected { epoch, last: last_seq(messages)?, dropped: first.unwrap_or(last + 1)..=last })
}

/// Opens an index, and returns how far it is; `None` if it does not fit. It may have forgotten less than
/// it once had, since a power cut can undo that, and what it was to forget is not known any more.
pub(super) fn open(file: &Path, expected: &Expected) -> Result<Option<(Connection, Mark)>, StoreError> {
    let index = connect(file)?;
    let of = |error| StoreError::of(file, error);
    let version: i64 = index.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(of)?;
    if version != VERSION {
        return Ok(None);
    }
    let read = index.query_row("SELECT indexed, dropped, epoch FROM state", [], |row| {
        Ok((Mark { indexed: row.get(0)?, dropped: row.get(1)? }, row.get(2)?))
    });
    let (mark, epoch): (Mark, String) = read.map_err(of)?;
    let forgets = expected.dropped.start() - 1..=*expected.dropped.end();
    let fits =
        epoch == expected.epoch && (0..=expected.last).contains(&mark.indexed) && forgets.contains(&mark.dropped);
    Ok(fits.then_some((index, mark)))
}

/// Creates an empty index.
pub(super) fn create(file: &Path, expected: &Expected) -> Result<(Connection, Mark), StoreError> {
    let mark = Mark { indexed: 0, dropped: expected.dropped.start() - 1 };
    let mut index = connect(file)?;
    let mut create = || -> rusqlite::Result<()> {
        let change = index.transaction()?;
        // No text is stored here (content=''), and no lengths (columnsize=0), since nothing is ranked.
        // Positions within a text are stored (detail=full): they find phrases, and every word of a
        // script without spaces is a phrase. They cost a tenth more time and 20 bytes a message;
        // without them the text of each candidate would have to be read.
        //
        // A deletion names the old document. With `secure-delete` its words are removed from the file's
        // segments immediately, not when they are next merged; `contentless_delete=1` would need no old
        // document, but would leave them there, and needs the sizes.
        change.execute_batch(&format!(
            "CREATE TABLE state(
                 indexed INTEGER NOT NULL, dropped INTEGER NOT NULL, worn INTEGER NOT NULL,
                 epoch TEXT NOT NULL) STRICT;
             CREATE TABLE position(
                 conversation INTEGER NOT NULL, id INTEGER NOT NULL, seq INTEGER NOT NULL,
                 author INTEGER NOT NULL, PRIMARY KEY(conversation, id)) STRICT, WITHOUT ROWID;
             CREATE TABLE held(seq INTEGER PRIMARY KEY, text_seq INTEGER NOT NULL) STRICT;
             CREATE TABLE era(seq INTEGER PRIMARY KEY) STRICT;
             CREATE VIRTUAL TABLE word USING fts5(
                 document, content='', columnsize=0, detail=full, tokenize=\"{TOKENIZER}\");
             INSERT INTO word(word, rank) VALUES('hashsize', {HASH_SIZE});
             INSERT INTO word(word, rank) VALUES('automerge', {AUTOMERGE});
             INSERT INTO word(word, rank) VALUES('secure-delete', 1);"
        ))?;
        let state = params![mark.indexed, mark.dropped, expected.epoch];
        change.execute("INSERT INTO state(indexed, dropped, worn, epoch) VALUES(?, ?, 0, ?)", state)?;
        change.pragma_update(None, "user_version", VERSION)?;
        change.commit()
    };
    create().map_err(|error| StoreError::of(file, error))?;
    Ok((index, mark))
}

/// Records how far the index is, in the transaction that makes it so.
pub(super) fn set_mark(change: &Transaction<'_>, mark: Mark) -> rusqlite::Result<()> {
    let mut set = change.prepare_cached("UPDATE state SET indexed = ?, dropped = ?")?;
    set.execute([mark.indexed, mark.dropped]).map(drop)
}

/// Records that words were only marked as removed: see [`super::dropped`].
pub(super) fn wear(change: &Transaction<'_>) -> rusqlite::Result<()> {
    change.prepare_cached("UPDATE state SET worn = 1")?.execute([]).map(drop)
}

/// Whether there are such words.
pub(super) fn is_worn(index: &Connection) -> rusqlite::Result<bool> {
    index.prepare_cached("SELECT worn FROM state")?.query_row([], |row| row.get(0))
}

/// Records that there are none any more.
pub(super) fn mend(index: &Connection) -> rusqlite::Result<()> {
    index.prepare_cached("UPDATE state SET worn = 0")?.execute([]).map(drop)
}

fn connect(file: &Path) -> Result<Connection, StoreError> {
    let index = connect_writer(file, INDEX_PAGE)?;
    let set = || -> rusqlite::Result<()> {
        // A power cut may lose the last transactions, which are then repeated. Without any sync it
        // could leave a file that is wrong and doesn't look wrong.
        index.pragma_update(None, "synchronous", "normal")?;
        index.pragma_update(None, "cache_size", -CACHE_KIB)?;
        index.pragma_update(None, "wal_autocheckpoint", LOG_MAX)
    };
    set().map_err(|error| StoreError::of(file, error))?;
    Ok(index)
}

/// Marks an index as unusable, so that the next start rebuilds it.
pub(super) fn condemn(index: &Connection) -> rusqlite::Result<()> {
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
