//! Writes a file atomically: whoever reads it, or whatever ends the process in the middle, it is never
//! half written. Reads a small one, and nothing that only looks like a file.
//!
//! Owns no name and no directory. Called from any thread.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::NamedTempFile;

/// The most bytes of a file that is read whole: a certificate with its chain has some thousand.
#[cfg(feature = "server")]
pub(crate) const SMALL: u64 = 1 << 20;

/// Reads a small file whole. Root runs commands on data that belongs to another user, who may have put anything in a
/// file's place: a pipe that nobody writes to, or a device that never ends.
///
/// # Errors
/// The system's; or that it is no regular file, or larger than [`SMALL`].
#[cfg(feature = "server")]
pub(crate) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    use rustix::fs::OFlags;
    use std::io::Read as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    // Opening a pipe waits for whoever writes to it, unless it is told not to.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    check_regular(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(SMALL + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SMALL {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {} MiB", SMALL >> 20)));
    }
    Ok(bytes)
}

/// Refuses what is no regular file, and says what it is.
///
/// # Errors
/// Says what it is.
#[cfg(feature = "server")]
pub(crate) fn check_regular(found: &std::fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = found.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () if kind.is_symlink() => "a symbolic link",
        () => "a device",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a file")))
}

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
pub(crate) fn replace_as(path: &Path, mode: u32, owner: (u32, u32), bytes: &[u8]) -> io::Result<()> {
    let (file, directory) = prepare(path, mode, bytes)?;
    give(file.as_file(), owner)?;
    file.persist(path)?;
    sync(directory)
}

/// Makes a file belong to this user and this group.
///
/// # Errors
/// The system's; none if it does already.
#[cfg(feature = "server")]
pub(crate) fn give(file: &File, (user, group): (u32, u32)) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let is = file.metadata()?;
    if (is.uid(), is.gid()) == (user, group) {
        return Ok(());
    }
    std::os::unix::fs::fchown(file, Some(user), Some(group))
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
#[cfg(feature = "server")]
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

    #[cfg(feature = "server")]
    #[test]
    fn only_a_small_regular_file_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("good"), vec![b'x'; 1 << 20]).unwrap();
        assert_eq!(read_small(&path("good")).unwrap().len(), 1 << 20);
        fs::write(path("large"), vec![b'x'; (1 << 20) + 1]).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RUSR).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path("zero")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        fs::create_dir(path("directory")).unwrap();
        // One that waits would wait for ever.
        let (done, answer) = std::sync::mpsc::channel();
        let names = ["large", "pipe", "zero", "directory"];
        let paths = names.map(path);
        std::thread::spawn(move || paths.map(|path| done.send(read_small(&path).unwrap_err().to_string())));
        let said = names.map(|_| answer.recv_timeout(std::time::Duration::from_secs(10)).unwrap());
        let not = ["larger than 1 MiB", "a pipe, not a file", "a device, not a file", "a directory, not a file"];
        assert_eq!(said, not.map(|what| format!("it is {what}")));
        assert!(read_small(&path("socket")).is_err());
        assert_eq!(read_small(&path("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

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
