//! Puts a backup into an empty data directory: all of it or nothing, whatever interrupts it.
//!
//! What is read is written into a directory within the data directory, checked there, and moved into its place at
//! the end. As long as that directory exists no server starts on the data directory, and the next restore begins
//! anew. Runs on the main thread of `chitchatd restore`.

use super::archive::{self, FILES, Manifest, counted};
use super::erase::{ErasedAgain, erase};
use super::erasures;
use super::error::BackupError;
use crate::files;
use crate::server::faults::{self, Point};
use crate::server::store::{self, DATABASE_FILE, DataDir, INDEX_FILE, LOCK_FILE, Pace, RESTORING, StoreError};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

/// How many of the things that are in the way are named.
const NAMED: usize = 5;

/// A backup to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Input,
}

impl Source {
    /// What it is called in errors.
    fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Input => Path::new("standard input"),
        }
    }

    fn open(&self) -> Result<Box<dyn Read>, BackupError> {
        match self {
            Self::File(path) => match File::open(path) {
                Ok(file) => Ok(Box::new(file)),
                Err(source) => Err(BackupError::Unreadable { path: path.clone(), source }),
            },
            Self::Input => Ok(Box::new(io::stdin())),
        }
    }
}

/// Reads a whole backup and checks every byte of it against its checksums. Writes nothing. (That the database hangs
/// together was checked before it was packed; [`restore`] checks that again.)
///
/// # Errors
/// Any [`BackupError`] about the backup.
pub fn verify(from: &Source) -> Result<Manifest, BackupError> {
    archive::read(from.open()?, from.path(), None)
}

/// A backup that was restored.
#[derive(Debug)]
pub struct Restored {
    /// What it held.
    pub manifest: Manifest,
    /// What was removed from it again, by which list.
    pub erased: Option<(PathBuf, ErasedAgain)>,
}

impl Restored {
    /// All of it, for the person who asked for it.
    #[must_use]
    pub fn describe(&self, data: &Path) -> String {
        let Self { manifest, erased } = self;
        let restored = format!("restored {manifest}, as of {}, into {}\n", manifest.made, data.display());
        let Some((list, ErasedAgain { messages, accounts })) = erased else { return restored };
        let list = list.display();
        format!(
            "{restored}removed again, by {list}: {}, {}\n",
            counted(*messages, "message"),
            counted(*accounts, "account")
        )
    }
}

/// Restores a backup into a data directory that is empty or missing, and removes again what was removed for good
/// since: the list is this one, or else the one beside the backup. When this returns it is on the disk.
///
/// # Errors
/// Any [`BackupError`]; the directory is then empty or missing, as before.
pub fn restore(from: &Source, list: Option<&Path>, data: &Path) -> Result<Restored, BackupError> {
    let beside = match from {
        Source::File(path) => erasures::beside(path),
        Source::Input => None,
    };
    let list = list.map(Path::to_owned).or(beside);
    let erasures = list.as_deref().map(erasures::read).transpose()?;
    let backup = from.open()?;
    let target = Target::prepare(data)?;
    let restored = target.fill(|staging| {
        let manifest = archive::read(backup, from.path(), Some(staging))?;
        check(&staging.join(DATABASE_FILE), from.path())?;
        let erased = erasures.map(|erasures| erase(staging, &erasures)).transpose()?;
        Ok(Restored { manifest, erased: list.zip(erased) })
    });
    if restored.is_err() {
        target.give_up();
    }
    restored
}

/// Checks the database of a backup, whose faults are the backup's.
fn check(database: &Path, backup: &Path) -> Result<(), BackupError> {
    let path = backup.to_owned();
    match store::inspect(database, Pace::Fast) {
        Ok(_) => Ok(()),
        Err(StoreError::Newer { needs, .. }) => Err(BackupError::Newer { path, needs }),
        Err(StoreError::Broken { detail, .. }) => {
            Err(BackupError::Damaged { path, what: format!("its {DATABASE_FILE}: {detail}") })
        }
        Err(error) => Err(error.into()),
    }
}

/// The data directory, locked, with nothing in it.
#[derive(Debug)]
struct Target {
    data: PathBuf,
    /// Whether it was made for this.
    new: bool,
    _lock: DataDir,
}

impl Target {
    fn prepare(data: &Path) -> Result<Self, BackupError> {
        let new = !data.exists();
        if !new {
            refuse_data(data)?;
        }
        let lock = DataDir::lock(data)?;
        // Again, now that nobody else can fill it.
        refuse_data(data)?;
        let target = Self { data: data.to_owned(), new, _lock: lock };
        // Those of an earlier restore that was interrupted: until now nothing else could get here.
        if target.staging().exists() {
            target.clear().map_err(|source| target.unwritable(source))?;
        }
        Ok(target)
    }

    fn staging(&self) -> PathBuf {
        self.data.join(RESTORING)
    }

    fn unwritable(&self, source: io::Error) -> BackupError {
        BackupError::Unwritable { path: self.data.clone(), source }
    }

    /// Fills it with what `make` leaves in a directory.
    fn fill<T>(&self, make: impl FnOnce(&Path) -> Result<T, BackupError>) -> Result<T, BackupError> {
        let staging = self.staging();
        let begin = || {
            fs::set_permissions(&self.data, Permissions::from_mode(0o700))?;
            DirBuilder::new().mode(0o700).create(&staging)?;
            files::sync(&self.data)
        };
        begin().map_err(|source| self.unwritable(source))?;
        let made = make(&staging)?;
        self.put_in_place(&staging).map_err(|source| self.unwritable(source))?;
        Ok(made)
    }

    /// Moves all files to where they belong. The last step is the one after which a server starts.
    fn put_in_place(&self, staging: &Path) -> io::Result<()> {
        let owner = fs::metadata(&self.data)?;
        let names: Vec<&str> = own_names().filter(|name| staging.join(name).exists()).collect();
        let foreign = rustix::process::geteuid().is_root() && owner.uid() != 0;
        for name in &names {
            let file = staging.join(name);
            // Root restores for the user that runs the server, whose directory this is.
            if foreign {
                chown(&file, Some(owner.uid()), Some(owner.gid()))?;
            }
            File::open(&file)?.sync_all()?;
        }
        files::sync(staging)?;
        for name in &names {
            faults::point(Point::RestoreStep);
            fs::rename(staging.join(name), self.data.join(name))?;
        }
        files::sync(&self.data)?;
        faults::point(Point::RestoreStep);
        fs::remove_dir_all(staging)?;
        files::sync(&self.data)
    }

    /// Leaves the directory as it was found.
    fn give_up(&self) {
        let cleared = self.clear().and_then(|()| fs::remove_file(self.data.join(LOCK_FILE)));
        let cleared = if self.new { cleared.and_then(|()| fs::remove_dir(&self.data)) } else { cleared };
        if let Err(error) = cleared {
            log::warn!("can't remove what was restored so far from {}: {error}", self.data.display());
        }
    }

    /// Removes what a restore puts there. What says that the directory is of no use goes last.
    fn clear(&self) -> io::Result<()> {
        for name in own_names() {
            match fs::remove_file(self.data.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        match fs::remove_dir_all(self.staging()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => files::sync(&self.data),
        }
    }
}

/// What a restore puts into a data directory.
fn own_names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name).chain([INDEX_FILE])
}

/// Refuses a directory in which there is anything but what an interrupted restore left.
fn refuse_data(data: &Path) -> Result<(), BackupError> {
    let entries = fs::read_dir(data).map_err(|source| BackupError::Unreadable { path: data.to_owned(), source })?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != LOCK_FILE);
    if names.iter().any(|name| name == RESTORING) {
        names.retain(|name| name != RESTORING && !own_names().any(|own| own == name));
    }
    if names.is_empty() {
        return Ok(());
    }
    names.sort_unstable();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(BackupError::NotEmpty { data: data.to_owned(), found: names.join(", ") + &more })
}
