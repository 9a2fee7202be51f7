//! Whether anything can be stored, found out by storing something. The dispatcher's thread runs it.

use super::statement::one;
use super::{CommitError, Committed, Store};
use rusqlite::Connection;

/// Bytes that are stored: as many as the longest message has, and a page more.
const BYTES: usize = 8 << 10;

impl Store {
    /// Stores something of no meaning and removes it again, in a transaction of its own. What is left is free pages,
    /// which hold what is said next.
    ///
    /// # Errors
    /// As of [`Store::commit`].
    pub(crate) fn try_out(&mut self) -> Result<Committed, CommitError> {
        let stored = self.begin().and_then(|()| self.step(|store| Ok(write_and_remove(&store.db)?)));
        if let Err(error) = stored {
            self.rollback()?;
            return Err(error);
        }
        self.commit()
    }
}

fn write_and_remove(db: &Connection) -> rusqlite::Result<()> {
    one(db, "INSERT INTO meta(key, value) VALUES('trial', ?)", ["x".repeat(BYTES)])?;
    one(db, "DELETE FROM meta WHERE key = 'trial'", [])
}

#[cfg(test)]
mod tests {
    use super::super::super::test_support::{ALICE, Dir, LOBBY, open, peopled, say};
    use super::*;

    #[test]
    fn a_trial_fails_on_a_full_disk_and_leaves_nothing_on_another() {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        let pages =
            |store: &Store| store.db.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0)).unwrap();
        store.fill_the_disk();
        let before = pages(&store);
        for _ in 0..3 {
            assert!(matches!(store.try_out(), Err(CommitError::Refused(_))));
            assert_eq!(pages(&store), before);
        }
        store.make_room();
        store.try_out().unwrap();
        let after = pages(&store);
        assert!(after > before);
        // The same pages serve again and again, and then what is said.
        for _ in 0..100 {
            store.try_out().unwrap();
        }
        assert_eq!(pages(&store), after);
        assert_eq!(say(&mut store, LOBBY, ALICE, &["on"]), 1);
        assert_eq!(pages(&store), after);
        drop(store);
        let (store, _) = open(&dir.settings());
        let rows: i64 =
            store.db.query_row("SELECT count(*) FROM meta WHERE key = 'trial'", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0);
        let sound: String = store.db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }
}
