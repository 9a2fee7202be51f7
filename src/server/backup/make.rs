//! Makes a backup: copies the database in one short read, looks at the copy at leisure, and packs it.
//!
//! The server, if one runs, is not asked: this is another reader of its database. Runs on the main thread of
//! `chitchatd backup`.

use super::archive::{FILES, Manifest, Writer};
use super::erasures::{self, ERASURES_FILE};
use super::error::BackupError;
use super::workspace::Workspace;
use crate::files;
use crate::server::considerate::{Considerate, PIECE};
use crate::server::running::RUNNING_FILE;
use crate::server::{clock, priority, store};
use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use store::{DATABASE_FILE, Pace};

/// What backups in a directory are called, before and after the time.
const NAME: (&str, &str) = ("chitchat-", ".tar");

/// The time in a backup's name, in UTC.
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// Where a backup goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A file.
    File {
        /// Its name.
        path: PathBuf,
        /// Whether it may replace a file of that name.
        force: bool,
    },
    /// A directory of backups, each of which is named by its time.
    Directory {
        /// Its name. It is created if it is missing.
        path: PathBuf,
        /// How many of the backups in it are kept; `None` is all.
        keep: Option<u32>,
    },
    /// Standard output.
    Output,
}

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// The file; `None` if it went to standard output.
    pub path: Option<PathBuf>,
    /// What it holds.
    pub manifest: Manifest,
    /// The list beside it of what was removed for good, and how many entries it has.
    pub erasures: Option<(PathBuf, usize)>,
    /// Older backups that were removed.
    pub removed: Vec<PathBuf>,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_deref().unwrap_or(Path::new("standard output"));
        writeln!(f, "backup of {} at {}", self.manifest, path.display())?;
        if let Some((list, entries)) = &self.erasures {
            let entries = if *entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") };
            writeln!(f, "{} has {entries}", list.display())?;
        }
        self.removed.iter().try_for_each(|old| writeln!(f, "removed {}", old.display()))
    }
}

/// Makes a backup of a data directory, whether a server runs on it or not; if one does, slowly. It needs room for two copies of the
/// database beside the destination, one of which goes again; for one in the data directory if the destination is
/// standard output.
///
/// # Errors
/// Any [`BackupError`] that is about writing, or that the database is damaged.
pub fn back_up(data: &Path, to: &Destination) -> Result<Made, BackupError> {
    let database = data.join(DATABASE_FILE);
    if !database.exists() {
        return Err(BackupError::NoDatabase { file: database });
    }
    let now = jiff::Timestamp::now();
    let path = match to {
        Destination::File { path, force } if *force || !path.exists() => Some(path.clone()),
        Destination::File { path, .. } => return Err(BackupError::Exists { path: path.clone() }),
        Destination::Directory { path, .. } => Some(path.join(format!("{}{}{}", NAME.0, now.strftime(TIME), NAME.1))),
        Destination::Output => None,
    };
    if let Destination::Directory { path, .. } = to {
        let created = DirBuilder::new().recursive(true).mode(0o700).create(path);
        created.map_err(|source| BackupError::Unwritable { path: path.clone(), source })?;
    }
    let pace = pace_in(data);
    if pace == Pace::Considerate {
        priority::give_way();
    }
    let workspace = Workspace::new_in(path.as_deref().map_or(data, files::directory))?;
    let copy = workspace.path().join(DATABASE_FILE);
    store::copy(&store::open_to_copy(&database)?, &copy, pace)?;
    store::mark_as_copy(&copy)?;
    let manifest = Manifest::new(store::inspect(&copy, pace)?, now);
    let sources =
        FILES.map(|(name, mode)| (name, mode, if name == DATABASE_FILE { copy.clone() } else { data.join(name) }));
    let sources = sources.into_iter().filter(|(.., source)| source.exists());
    match &path {
        None => {
            let output = Path::new("standard output");
            pack(io::stdout().lock(), output, &manifest, now, sources)?;
        }
        Some(path) => {
            let unwritable = |source| BackupError::Unwritable { path: path.clone(), source };
            let file = tempfile::NamedTempFile::new_in(workspace.path()).map_err(unwritable)?;
            let out: Box<dyn Write> = match pace {
                Pace::Fast => Box::new(file.as_file()),
                Pace::Considerate => Box::new(Considerate::new(file.as_file())),
            };
            pack(BufWriter::with_capacity(PIECE, out), path, &manifest, now, sources)?;
            file.as_file().sync_all().map_err(unwritable)?;
            let force = matches!(to, Destination::File { force: true, .. });
            let persisted = if force { file.persist(path) } else { file.persist_noclobber(path) };
            persisted.map_err(|error| match error.error.kind() {
                io::ErrorKind::AlreadyExists => BackupError::Exists { path: path.clone() },
                _ => unwritable(error.error),
            })?;
            files::sync(files::directory(path)).map_err(unwritable)?;
        }
    }
    let erasures = match to {
        Destination::Directory { path, .. } => {
            let list = path.join(ERASURES_FILE);
            let entries = erasures::update(&list, store::erased_of(&copy, clock::unix_ms())?)?;
            Some((list, entries))
        }
        Destination::File { .. } | Destination::Output => None,
    };
    let removed = match to {
        Destination::Directory { path, keep: Some(keep) } => remove_old(path, *keep)?,
        _ => Vec::new(),
    };
    Ok(Made { path, manifest, erasures, removed })
}

/// How fast to work: a server that runs is to notice nothing. After one that crashed, that is slower than it need be.
fn pace_in(data: &Path) -> Pace {
    if data.join(RUNNING_FILE).exists() { Pace::Considerate } else { Pace::Fast }
}

/// Adds to a list what was removed for good from a data directory, whether a server runs on it or not. Returns how many
/// entries the list has; without a file, it is written to standard output.
///
/// # Errors
/// Any [`BackupError`] that is about writing, or about the file that is there.
pub fn note_erasures(data: &Path, to: Option<&Path>) -> Result<usize, BackupError> {
    let database = data.join(DATABASE_FILE);
    if !database.exists() {
        return Err(BackupError::NoDatabase { file: database });
    }
    let found = store::erased_of(&database, clock::unix_ms())?;
    match to {
        Some(path) => erasures::update(path, found),
        None => {
            let mut out = io::stdout().lock();
            let written = out.write_all(erasures::write(&found).as_bytes()).and_then(|()| out.flush());
            written.map_err(|source| BackupError::Unwritable { path: PathBuf::from("standard output"), source })?;
            Ok(found.len())
        }
    }
}

/// Writes the archive.
fn pack(
    to: impl Write,
    path: &Path,
    manifest: &Manifest,
    now: jiff::Timestamp,
    sources: impl Iterator<Item = (&'static str, u32, PathBuf)>,
) -> Result<(), BackupError> {
    let unwritable = |source| BackupError::Unwritable { path: path.to_owned(), source };
    let mut writer = Writer::new(to, manifest, now).map_err(unwritable)?;
    for (name, mode, source) in sources {
        let opened = File::open(&source).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (size, file) = opened.map_err(|error| BackupError::Unreadable { path: source, source: error })?;
        writer.add(name, mode, size, file).map_err(unwritable)?;
    }
    writer.finish().map_err(unwritable).map(drop)
}

/// Removes the oldest backups of a directory, but for so many. Files with other names are not touched.
fn remove_old(directory: &Path, keep: u32) -> Result<Vec<PathBuf>, BackupError> {
    let unreadable = |source| BackupError::Unreadable { path: directory.to_owned(), source };
    let mut backups = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.file_name().and_then(|name| name.to_str()).is_some_and(is_named_by_time) {
            backups.push(path);
        }
    }
    // By name is by time.
    backups.sort_unstable();
    let surplus = backups.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
    backups.truncate(surplus);
    for path in &backups {
        fs::remove_file(path).map_err(|source| BackupError::Unwritable { path: path.clone(), source })?;
    }
    Ok(backups)
}

fn is_named_by_time(name: &str) -> bool {
    let time = name.strip_prefix(NAME.0).and_then(|name| name.strip_suffix(NAME.1));
    time.is_some_and(|time| jiff::civil::DateTime::strptime(TIME, time).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_a_server_runs_does_a_backup_take_its_time() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(pace_in(data.path()), Pace::Fast);
        fs::write(data.path().join(RUNNING_FILE), "").unwrap();
        assert_eq!(pace_in(data.path()), Pace::Considerate);
    }

    #[test]
    fn only_backups_that_were_named_by_time_are_removed_and_the_oldest_first() {
        let directory = tempfile::tempdir().unwrap();
        let backups = ["20261129T220000Z", "20261130T220000Z", "20251130T220000Z"];
        let names = backups.map(|time| format!("chitchat-{time}.tar"));
        let others = ["chitchat-before-the-move.tar", "chitchat-20261129T220000Z.tar.gz", "notes"].map(str::to_owned);
        for name in names.iter().chain(&others) {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let removed = remove_old(directory.path(), 1).unwrap();
        assert_eq!(removed, [&names[2], &names[0]].map(|name| directory.path().join(name)));
        for (name, there) in names.iter().zip([false, true, false]).chain(others.iter().map(|name| (name, true))) {
            assert_eq!(directory.path().join(name).exists(), there, "{name}");
        }
        assert!(remove_old(directory.path(), 1).unwrap().is_empty());
    }
}
