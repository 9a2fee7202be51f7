//! When the last backup of a data directory was made, for those who look after its server: a line in a file of that
//! directory, which no backup holds. Written by `chitchatd backup`; read by the server for its figures, and by
//! `chitchatd check`.

use super::{Destination, Made};
use crate::files;
use rustix::process::geteuid;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The file within the data directory, mode 0600.
pub const LAST_BACKUP_FILE: &str = "last-backup";

/// Notes that this one was made. Nobody keeps what goes to `/dev/null`, as when a backup is made to look at the whole
/// database.
///
/// # Errors
/// The system's; the backup is good all the same.
pub fn note_last(data: &Path, to: &Destination, made: &Made) -> io::Result<()> {
    if *to == Destination::Output && is_discarded()? {
        return Ok(());
    }
    let (path, line) = (data.join(LAST_BACKUP_FILE), format!("{}\n", made.manifest.made));
    if geteuid().is_root() {
        // The server's user reads it, and replaces it another time.
        let owner = fs::metadata(data)?;
        files::replace_as(&path, 0o600, (owner.uid(), owner.gid()), line.as_bytes())
    } else {
        files::replace(&path, 0o600, line.as_bytes())
    }
}

/// When the last backup was made; `None` if none was since the data is in this directory.
#[must_use]
pub fn last_backup(data: &Path) -> Option<jiff::Timestamp> {
    let line = files::read_small(&data.join(LAST_BACKUP_FILE)).ok()?;
    std::str::from_utf8(&line).ok()?.trim_end().parse().ok()
}

/// Whether standard output is `/dev/null`.
fn is_discarded() -> io::Result<bool> {
    let output = rustix::fs::fstat(io::stdout())?;
    Ok(fs::metadata("/dev/null").is_ok_and(|null| null.rdev() != 0 && null.rdev() == output.st_rdev))
}
