//! How much the data takes on the disk, and what is left there. Runs on the thread that calls it.

use super::{DATABASE_FILE, INDEX_FILE};
use crate::server::traffic::Disk;
use std::path::Path;

/// What is in a data directory. What can't be found out counts as nothing.
#[must_use]
pub(crate) fn disk(data: &Path) -> Disk {
    let size = |name: &str| std::fs::metadata(data.join(name)).map_or(0, |file| file.len());
    Disk {
        database: size(DATABASE_FILE),
        log: size(&format!("{DATABASE_FILE}-wal")),
        index: size(INDEX_FILE) + size(&format!("{INDEX_FILE}-wal")),
        free: rustix::fs::statvfs(data).ok().map(|system| system.f_bavail.saturating_mul(system.f_frsize)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_counts_where_it_belongs() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in [("chitchat.db", 1), ("chitchat.db-wal", 20), ("index.db", 300), ("index.db-wal", 4000)] {
            std::fs::write(dir.path().join(name), vec![0; bytes]).unwrap();
        }
        let Disk { database, log, index, free } = disk(dir.path());
        assert_eq!((database, log, index), (1, 20, 4300));
        assert!(free.is_some_and(|free| free > 0));
        assert_eq!(disk(Path::new("/nowhere")), Disk::default());
    }
}
