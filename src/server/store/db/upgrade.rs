//! The database as it was before a migration: a copy beside it, for those who want to go back. Runs on the thread that
//! opens the store.
//!
//! Only the last one is kept, and the server never removes that: it holds what was removed for good since, so a start
//! says that it is there.

use super::copy::{Pace, copy, mark_as_copy};
use super::error::StoreError;
use super::schema::KNOWN_SCHEMA;
use super::{DATABASE_FILE, DataDir};
use crate::files;
use rusqlite::Connection;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Between the database's name and the schema that it was migrated to.
const BEFORE: &str = ".before-";

/// What a copy is called until it is whole.
const UNFINISHED: &str = "new";

/// Room that a copy must leave on the disk, in bytes: for the migration and its log.
const LEFT: u64 = 16 << 20;

/// Whether to keep a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpgradeCopy {
    /// Yes, or not to migrate.
    Keep,
    /// The operator has made a backup.
    None,
}

/// Keeps a copy of a database that has to be migrated, if it does not have the newest schema.
pub(crate) fn keep_copy(db: &Connection, dir: &DataDir, wanted: UpgradeCopy) -> Result<(), StoreError> {
    keep_copy_where(db, dir, wanted, free_bytes)
}

fn keep_copy_where(
    db: &Connection,
    dir: &DataDir,
    wanted: UpgradeCopy,
    free_bytes: impl Fn(&Path) -> io::Result<u64>,
) -> Result<(), StoreError> {
    let file = dir.file(DATABASE_FILE);
    let unfinished = named(dir, UNFINISHED);
    let refused = |source| StoreError::Directory { path: unfinished.clone(), source };
    // Of a start that was interrupted.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused(error)),
        _ => {}
    }
    let number = |pragma: &str| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let schema = number("user_version").map_err(|error| StoreError::of(&file, error))?;
    if wanted == UpgradeCopy::None || schema == 0 || schema >= KNOWN_SCHEMA {
        return Ok(());
    }
    let size = number("page_count").and_then(|pages| Ok(pages * number("page_size")?));
    let size = size.map_err(|error| StoreError::of(&file, error))?.unsigned_abs();
    let free = free_bytes(dir.path()).map_err(refused)?;
    if free < size.saturating_add(LEFT) {
        return Err(StoreError::NoRoomToCopy { file, needed: mebibytes(size.saturating_add(LEFT)), free: free >> 20 });
    }
    copy(db, &unfinished, Pace::Fast)?;
    // Whoever goes back to it goes back to an earlier history.
    mark_as_copy(&unfinished)?;
    let last = named(dir, &KNOWN_SCHEMA.to_string());
    let keep = || {
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, &last)?;
        files::sync(dir.path())?;
        for older in copies(dir.path()).into_iter().filter(|older| *older != last) {
            fs::remove_file(older)?;
        }
        Ok(())
    };
    keep().map_err(refused)?;
    log::info!("{} has to be migrated; {} is how it was before", file.display(), last.display());
    Ok(())
}

/// Copies from before a migration that are in this data directory.
pub(crate) fn copies(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data).into_iter().flatten().flatten();
    let is_copy = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        let schema = name.and_then(|name| name.strip_prefix(DATABASE_FILE)?.strip_prefix(BEFORE));
        schema.is_some_and(|schema| schema.parse::<u32>().is_ok())
    };
    entries.map(|entry| entry.path()).filter(is_copy).collect()
}

fn named(dir: &DataDir, end: &str) -> PathBuf {
    dir.file(&format!("{DATABASE_FILE}{BEFORE}{end}"))
}

fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

fn free_bytes(data: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(data)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::super::super::test_support::{Dir, open};
    use super::super::schema::create_released;
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// A directory with a database of an earlier schema.
    fn old(schema: usize) -> Dir {
        let dir = Dir::new();
        create_released(&Connection::open(dir.file(DATABASE_FILE)).unwrap(), schema).unwrap();
        dir
    }

    fn schema_of(file: &Path) -> i64 {
        Connection::open(file).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn the_last_copy_alone_is_kept_private_and_as_it_was() {
        let dir = old(3);
        for other in ["chitchat.db.before-2", "chitchat.db.before-new", "chitchat.db.before-the-move"] {
            fs::write(dir.file(other), "other").unwrap();
        }
        let (store, _) = open(&dir.settings());
        let last = dir.file(&format!("chitchat.db.before-{KNOWN_SCHEMA}"));
        assert_eq!(copies(&dir.settings().data), std::slice::from_ref(&last));
        assert_eq!(fs::metadata(&last).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(schema_of(&last), 3);
        assert!(dir.file("chitchat.db.before-the-move").exists() && !dir.file("chitchat.db.before-new").exists());
        store.close().unwrap();
        // What needs no migration is not copied.
        fs::remove_file(&last).unwrap();
        open(&dir.settings()).0.close().unwrap();
        assert!(copies(&dir.settings().data).is_empty());
    }

    #[test]
    fn without_room_for_a_copy_nothing_is_migrated_unless_the_operator_does_without() {
        let dir = old(3);
        let data = DataDir::lock(&dir.settings().data).unwrap();
        let db = Connection::open(dir.file(DATABASE_FILE)).unwrap();
        let size = fs::metadata(dir.file(DATABASE_FILE)).unwrap().len();
        let keep = |wanted, free| keep_copy_where(&db, &data, wanted, |_| Ok(free));
        let needed = size + 16 * 1024 * 1024;
        let error = keep(UpgradeCopy::Keep, needed - 1).unwrap_err().to_string();
        assert!(error.contains("chitchat.db") && error.contains("--set history.upgrade_copy=off"), "{error}");
        keep(UpgradeCopy::None, 0).unwrap();
        assert!(copies(&dir.settings().data).is_empty());
        keep(UpgradeCopy::Keep, needed).unwrap();
        assert_eq!(copies(&dir.settings().data).len(), 1);
    }
}
