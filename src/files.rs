//! Writing a file so that it is whole or not there: whoever reads it, or whatever ends the process
//! in the middle, there is never half of one.
//!
//! Owns no name and no directory. Called from whichever thread has the file.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::NamedTempFile;

/// Writes a file with these permissions, and replaces one of that name.
///
/// # Errors
/// The system's; the old file is as it was then.
pub(crate) fn replace(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let (file, directory) = prepare(path, mode, bytes)?;
    file.persist(path)?;
    sync(directory)
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// `AlreadyExists`, and the file that is there is as it was; or what else the system says.
#[cfg(any(feature = "server", test))]
pub(crate) fn create(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let (file, directory) = prepare(path, mode, bytes)?;
    file.persist_noclobber(path)?;
    sync(directory)
}

/// Writes it all under another name in the same directory, down to the disk.
fn prepare<'a>(path: &'a Path, mode: u32, bytes: &[u8]) -> io::Result<(NamedTempFile, &'a Path)> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made with mode 0600, so nobody else reads it before it has the permissions that it should.
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    Ok((file, directory))
}

/// The name is on the disk too: without this a power cut could take the file with it.
fn sync(directory: &Path) -> io::Result<()> {
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
    fn a_file_that_is_there_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        create(&path, 0o600, b"precious").unwrap();
        assert_eq!(create(&path, 0o600, b"other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
