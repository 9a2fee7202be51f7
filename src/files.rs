//! Writes a file atomically: whoever reads it, or whatever ends the process in the middle, it is never
//! half written.
//!
//! Owns no name and no directory. Called from any thread.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::NamedTempFile;

/// Writes a file with these permissions, replacing any file of that name.
///
/// # Errors
/// The system's; the old file is then unchanged.
pub(crate) fn replace(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let (file, directory) = prepare(path, mode, bytes)?;
    file.persist(path)?;
    sync(directory)
}

/// The same for a file that belongs to this user and this group, as far as that may be said by who writes it.
///
/// # Errors
/// As [`replace`].
#[cfg(feature = "server")]
pub(crate) fn replace_as(path: &Path, mode: u32, (user, group): (u32, u32), bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let (file, directory) = prepare(path, mode, bytes)?;
    let is = file.as_file().metadata()?;
    if (is.uid(), is.gid()) != (user, group) {
        std::os::unix::fs::fchown(file.as_file(), Some(user), Some(group))?;
    }
    file.persist(path)?;
    sync(directory)
}

/// Writes a file that must not exist yet.
///
/// # Errors
/// `AlreadyExists`, and the existing file is unchanged; or any other error of the system.
#[cfg(any(feature = "server", test))]
pub(crate) fn create(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let (file, directory) = prepare(path, mode, bytes)?;
    file.persist_noclobber(path)?;
    sync(directory)
}

/// Gives a file of the same directory this name, which no file has.
///
/// # Errors
/// The system's.
#[cfg(any(feature = "server", test))]
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync(directory(to))
}

/// Writes the bytes under another name in the same directory, and syncs them to the disk.
fn prepare<'a>(path: &'a Path, mode: u32, bytes: &[u8]) -> io::Result<(NamedTempFile, &'a Path)> {
    let directory = directory(path);
    // Created with mode 0600, so that nobody else can read it before it has its final permissions.
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    Ok((file, directory))
}

/// The directory that a file is in.
pub(crate) fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Syncs the names in a directory to the disk: without this a power cut could lose a file.
pub(crate) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_replaced_whole_and_has_its_permissions() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        replace(&path, 0o644, b"one").unwrap();
        replace(&path, 0o600, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_existing_file_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        create(&path, 0o600, b"precious").unwrap();
        assert_eq!(create(&path, 0o600, b"other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
