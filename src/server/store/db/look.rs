//! A look at a database that changes nothing, for `chitchatd check`: is it sound, and can this version use it? A server
//! may use it meanwhile. Runs on the main thread of a process of its own.

use super::error::StoreError;
use super::{check_files, check_no_link, connect_reader, schema};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// How many of SQLite's steps pass between two looks at the clock.
const STEPS_PER_CHECK: i32 = 10_000;

/// The most eras that are looked at, the newest first.
const ERAS_MOST: i64 = 1_000;

/// What a database says about itself.
#[derive(Debug)]
pub(crate) struct Look {
    /// How many migrations it has had.
    pub schema: i64,
    /// Its size.
    pub bytes: u64,
    /// When the newest message was said, in milliseconds of Unix time.
    pub newest: Option<u64>,
    /// How much of it was read.
    pub looked: Looked,
}

/// How much of a database was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looked {
    All,
    /// It takes longer than it may.
    InPart,
}

/// Looks at the main database for so long at most.
///
/// # Errors
/// [`StoreError::Broken`] if it is damaged, or no database of ours; [`StoreError::Newer`] if this version does not know
/// its schema; [`StoreError::Link`].
pub(crate) fn look(file: &Path, within: Duration) -> Result<Look, StoreError> {
    check_no_link(file)?;
    quietly(file, |mut db| look_with(&mut db, file, within))
}

fn look_with(db: &mut Connection, file: &Path, within: Duration) -> Result<Look, StoreError> {
    let of = |error| StoreError::of(file, error);
    let schema = number(db, "user_version").map_err(of)?;
    schema::check_known(db, file, schema)?;
    let looked = look_through(db, file, within)?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(of)?;
    if schema == 0 && tables > 0 {
        let detail = "it has tables of another program".to_owned();
        return Err(StoreError::Broken { file: file.to_owned(), detail });
    }
    let bytes =
        number(db, "page_count").and_then(|pages| Ok(pages * number(db, "page_size")?)).map_err(of)?.unsigned_abs();
    let newest = if schema == 0 { None } else { newest(db).map_err(of)? };
    Ok(Look { schema, bytes, newest, looked })
}

/// The same for the index, which is made anew if it has another version.
///
/// # Errors
/// [`StoreError::Broken`] if it is damaged.
pub(crate) fn look_at_index(file: &Path, within: Duration) -> Result<Looked, StoreError> {
    quietly(file, |mut db| look_through(&mut db, file, within))
}

/// The latest time of any message, in milliseconds of Unix time, by the index: the last one of each era has the latest
/// of that era. `None` if nobody knows.
///
/// # Errors
/// See [`StoreError`].
pub(crate) fn latest(file: &Path, index: &Path) -> Result<Option<u64>, StoreError> {
    let eras = quietly(index, |db| {
        let eras = || -> rusqlite::Result<Vec<i64>> {
            let mut eras = db.prepare("SELECT seq FROM era ORDER BY seq DESC LIMIT ?")?;
            eras.query_map([ERAS_MOST], |row| row.get(0))?.collect()
        };
        eras().map_err(|error| StoreError::of(index, error))
    })?;
    quietly(file, |db| {
        let latest = || -> rusqlite::Result<Option<i64>> {
            let sql = "SELECT at FROM message WHERE seq < ? AND conversation <> 0 ORDER BY seq DESC LIMIT 1";
            let mut last = db.prepare(sql)?;
            let ends = eras.iter().copied().chain([i64::MAX]);
            let times: Vec<Option<i64>> =
                ends.map(|end| last.query_row([end], |row| row.get(0)).optional()).collect::<rusqlite::Result<_>>()?;
            Ok(times.into_iter().flatten().max())
        };
        latest().map(|at| at.map(i64::unsigned_abs)).map_err(|error| StoreError::of(file, error))
    })
}

/// Looks at a file and leaves nothing beside it. SQLite makes a log for whoever opens a database that has none, unless
/// it is told that nobody writes meanwhile; if somebody has begun to, it is looked at again.
fn quietly<T>(file: &Path, look: impl Fn(Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let log = Path::new(&log);
    if !log.exists() {
        let looked = look(connect_alone(file)?);
        if !log.exists() {
            return looked;
        }
    }
    look(connect_reader(file)?)
}

/// A connection to a file that nobody writes to.
fn connect_alone(file: &Path) -> Result<Connection, StoreError> {
    check_files(file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let bytes = file.as_os_str().as_encoded_bytes().iter();
    let path = bytes.fold(String::from("file:"), |path, byte| path + &format!("%{byte:02x}"));
    Connection::open_with_flags(path + "?immutable=1", flags).map_err(|error| StoreError::of(file, error))
}

fn number(db: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, pragma, |row| row.get(0))
}

fn newest(db: &Connection) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT max(at) FROM (SELECT at FROM message ORDER BY seq DESC LIMIT 1)";
    db.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map(|at| at.map(i64::unsigned_abs))
}

fn look_through(db: &mut Connection, file: &Path, within: Duration) -> Result<Looked, StoreError> {
    let of = |error| StoreError::of(file, error);
    let until = Instant::now() + within;
    db.progress_handler(STEPS_PER_CHECK, Some(move || Instant::now() >= until)).map_err(of)?;
    let found = db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    db.progress_handler(0, None::<fn() -> bool>).map_err(of)?;
    match found {
        Ok(sound) if sound == "ok" => Ok(Looked::All),
        Ok(detail) => Err(StoreError::Broken { file: file.to_owned(), detail: detail.replace('\n', " ") }),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Ok(Looked::InPart),
        Err(error) => Err(of(error)),
    }
}

/// SQLite's version.
///
/// # Errors
/// [`StoreError::OldSqlite`] if it has a known fault.
pub(crate) fn sqlite_version() -> Result<&'static str, StoreError> {
    if rusqlite::version_number() < super::OLDEST_SQLITE {
        return Err(StoreError::OldSqlite { found: rusqlite::version() });
    }
    Ok(rusqlite::version())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::store::db::{DATABASE_FILE, INDEX_FILE};
    use crate::server::store::test_support::{ALICE, Dir, LOBBY, OPS, peopled, readers, say_all_at};

    #[test]
    fn the_latest_message_need_not_be_the_newest() {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        let (file, index) = (dir.file(DATABASE_FILE), dir.file(INDEX_FILE));
        let (mut indexer, _) = readers(&dir.settings());
        let mut after = |place, times: &[u64]| {
            say_all_at(&mut store, place, ALICE, times, "x");
            while indexer.step(99).unwrap() > 0 {}
            let newest = look(&file, Duration::from_mins(1)).unwrap().newest;
            (newest, latest(&file, &index).unwrap())
        };
        assert_eq!(after(LOBBY, &[]), (None, None));
        assert_eq!(after(LOBBY, &[10, 20]), (Some(20), Some(20)));
        assert_eq!(after(OPS, &[9_000]), (Some(9_000), Some(9_000)));
        assert_eq!(after(LOBBY, &[21, 40]), (Some(40), Some(9_000)));
        assert_eq!(after(LOBBY, &[30]), (Some(30), Some(9_000)));
    }
}
