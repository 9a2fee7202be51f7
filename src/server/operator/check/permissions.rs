//! Who may read and write the files. The server's user is the one that the data directory belongs to: an operator looks
//! as root as well, whom nothing stops, so the modes are read rather than tried.

use super::{Area, Report};
use crate::server::OpenWarning;
use crate::server::backup::LAST_BACKUP_FILE;
use crate::server::certificate::{CERTIFICATE_FILE, IMPORTED_FILE, KEY_FILE};
use crate::server::config::{CertificateFiles, Config, Sources};
use crate::server::running::{RUNNING_FILE, SOCKET_FILE};
use crate::server::store::{DATABASE_FILE, INDEX_FILE, LOCK_FILE, RESTORING};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::geteuid;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// What others may do with a file or a directory.
const OTHERS_READ: u32 = 0o004;
const OTHERS_SEARCH: u32 = 0o001;
const GROUP_OR_OTHERS: u32 = 0o077;
const GROUP_OR_OTHERS_WRITE: u32 = 0o022;

/// Why this user can't look at a data directory that is there, if so.
pub(super) fn closed(data: &Path) -> Option<String> {
    let (we, shown) = (geteuid(), data.display());
    let name = user(we.as_raw());
    match fs::metadata(data) {
        Ok(found) if !we.is_root() && found.uid() != we.as_raw() => {
            let owner = user(found.uid());
            Some(format!(
                "the data in {shown} belongs to {owner}, and this is {name}. If the server runs as {owner}, run this command so, too (sudo -u {owner}); if it runs as {name}, give it the data: chown -R {name}: {shown}"
            ))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Some(format!("{name} may not look into {shown}. Run this command as the server's own user (sudo -u USER)."))
        }
        _ => None,
    }
}

pub(super) fn check(config: &Config, sources: &Sources, report: &mut Report) {
    let data = &config.data;
    let owner = match fs::metadata(data) {
        Ok(found) if found.is_dir() => found,
        Ok(_) => {
            report.error(Area::Permissions, format!("{} is not a directory. Set another one (data)", data.display()));
            return;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return not_there_yet(data, report),
        Err(_) => return,
    };
    directory(data, &owner, report);
    let entries = fs::read_dir(data).into_iter().flatten().flatten();
    let mut ours: Vec<_> = entries.filter(|entry| is_ours(&entry.file_name().to_string_lossy())).collect();
    ours.sort_by_key(fs::DirEntry::file_name);
    for entry in ours {
        // Of a link, those of what it leads to.
        if let Ok(found) = fs::metadata(entry.path()) {
            file(&entry.path(), &found, &owner, report);
        }
    }
    // These are the operator's, wherever they lie.
    let named = config.certificate.iter().flat_map(|CertificateFiles { certificate, key }| [certificate, key]);
    for path in named.chain(&sources.file) {
        readable(path, &owner, report);
    }
    if !report.has_fault(Area::Permissions) {
        report.good(
            Area::Permissions,
            format!("{} and what is in it belong to {} alone", data.display(), user(owner.uid())),
        );
    }
}

fn not_there_yet(data: &Path, report: &mut Report) {
    let above = data.ancestors().skip(1).find(|path| path.is_dir()).unwrap_or(Path::new("."));
    if can_write(above) {
        report.good(Area::Permissions, format!("{} does not exist; the first start makes it", data.display()));
    } else {
        report.error(
            Area::Permissions,
            format!(
                "{} does not exist, and {} may not make it in {}. Make it, for the server's user: install -d -m 700 -o USER {}",
                data.display(),
                user(geteuid().as_raw()),
                above.display(),
                data.display()
            ),
        );
    }
}

/// The data directory itself.
fn directory(data: &Path, owner: &Metadata, report: &mut Report) {
    let (shown, mode) = (data.display(), owner.permissions().mode());
    if mode & GROUP_OR_OTHERS_WRITE != 0 {
        report.warning(Area::Permissions, OpenWarning::DataDirectoryWritable { data: data.to_owned() });
    } else if mode & GROUP_OR_OTHERS != 0 {
        report.warning(
            Area::Permissions,
            format!("other users of this machine may look into the data directory {shown}. Run: chmod 700 {shown}"),
        );
    }
    if !can_write(data) {
        report.error(
            Area::Permissions,
            format!(
                "{shown} can't be written to. Run: chmod 700 {shown}, and see that the disk is not mounted read-only"
            ),
        );
    }
    if data.join(RESTORING).exists() {
        report.error(
            Area::Database,
            format!(
                "a backup was being restored into {shown}, and that was interrupted. Run chitchatd restore again; or, to begin without it, remove {}",
                data.join(RESTORING).display()
            ),
        );
    }
}

/// A file of ours in it.
fn file(path: &Path, found: &Metadata, directory: &Metadata, report: &mut Report) {
    let shown = path.display();
    if found.uid() != directory.uid() {
        let (owner, server) = (user(found.uid()), user(directory.uid()));
        let cure = match path.parent() {
            // More likely root has touched the directory than the server runs as root.
            Some(data) if directory.uid() == 0 => {
                format!(
                    "If the server runs as {owner}, run: chown {owner}: {}; if as root: chown root {shown}",
                    data.display()
                )
            }
            _ => format!("The server runs as {server}. Run: chown {server} {shown}"),
        };
        let text = format!("{shown} belongs to {owner}, and the data directory to {server}. {cure}");
        report.error(Area::Permissions, text);
        return;
    }
    let name = path.file_name().unwrap_or_default();
    // A certificate is public, and of keys the certificate's own check speaks.
    let is_secret = ![CERTIFICATE_FILE, KEY_FILE, IMPORTED_FILE].iter().any(|known| name == *known);
    if is_secret && found.permissions().mode() & GROUP_OR_OTHERS != 0 {
        report
            .warning(Area::Permissions, format!("other users of this machine may use {shown}. Run: chmod 600 {shown}"));
    }
    if found.is_file() && geteuid().as_raw() == directory.uid() && !can_write(path) {
        report.error(Area::Permissions, format!("{shown} can't be written to. Run: chmod 600 {shown}"));
    }
}

/// Whether the server's user may read a file that lies anywhere. Which groups it is in is not known: a group's
/// permission counts as its own.
fn readable(path: &Path, server: &Metadata, report: &mut Report) {
    let Ok(real) = path.canonicalize() else { return };
    let may = |found: &Metadata, bit: u32| {
        let mode = found.permissions().mode();
        let mode = if found.uid() == server.uid() { mode >> 6 } else { mode | mode >> 3 };
        server.uid() == 0 || mode & bit != 0
    };
    let read = |path: &Path, bit| fs::metadata(path).is_ok_and(|found| !may(&found, bit));
    let in_the_way = if read(&real, OTHERS_READ) {
        Some(real.as_path())
    } else {
        real.ancestors().skip(1).find(|path| read(path, OTHERS_SEARCH))
    };
    if let Some(in_the_way) = in_the_way {
        let (server, shown) = (user(server.uid()), path.display());
        report.error(
            Area::Permissions,
            format!(
                "{server}, to whom the data belongs, may not read {shown}: {} is closed to it. Let that user read it; or, for a certificate, let chitchatd tls import keep a copy",
                in_the_way.display()
            ),
        );
    }
}

/// Whether a file in the data directory is one that the server makes.
fn is_ours(name: &str) -> bool {
    let known = [LOCK_FILE, SOCKET_FILE, RUNNING_FILE, CERTIFICATE_FILE, KEY_FILE, IMPORTED_FILE, LAST_BACKUP_FILE];
    // With their logs, and copies from before an upgrade.
    known.contains(&name) || name.starts_with(DATABASE_FILE) || name.starts_with(INDEX_FILE)
}

/// Whether this process may write there.
fn can_write(path: &Path) -> bool {
    accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

/// A user's name, or its number.
fn user(uid: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("user {uid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_makes_is_judged() {
        for ours in
            ["chitchat.db", "chitchat.db-wal", "chitchat.db.before-17", "index.db-shm", "lock", "key.pem", "admin.sock"]
        {
            assert!(is_ours(ours), "{ours}");
        }
        for other in ["notes.txt", "chitchat.toml", "lost+found"] {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn users_have_names() {
        assert_eq!((user(0), user(4_000_000_001)), ("root".to_owned(), "user 4000000001".to_owned()));
    }
}
