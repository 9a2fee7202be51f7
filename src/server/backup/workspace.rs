//! Where a backup is made: a directory beside its destination, mode 0700, which goes when the backup is there or has
//! failed. One whose process was killed is removed by the next backup to the same place, or by the server's next start.
//!
//! Runs on the main thread.

use super::error::BackupError;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

/// What the directories' names begin with.
const PREFIX: &str = ".chitchat-backup-";

/// The directory, locked for as long as it is in use.
#[derive(Debug)]
pub(super) struct Workspace {
    directory: TempDir,
    _lock: File,
}

impl Workspace {
    /// Makes one, and removes those that nobody uses any more.
    pub(super) fn new_in(place: &Path) -> Result<Self, BackupError> {
        sweep(place);
        let unwritable = |source| BackupError::Unwritable { path: place.to_owned(), source };
        let private = Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(place);
        let directory = directory.map_err(unwritable)?;
        let lock = File::open(directory.path()).map_err(unwritable)?;
        lock.lock().map_err(unwritable)?;
        Ok(Self { directory, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes what backups left that were killed. What can't be removed is left for the next time.
pub(in crate::server) fn sweep(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let path = entry.path();
        if File::open(&path).is_ok_and(|directory| directory.try_lock().is_ok())
            && let Err(error) = fs::remove_dir_all(&path)
        {
            log::warn!("can't remove {}, which a backup left that was killed: {error}", path.display());
        }
    }
}
