//! A backup as a file: an uncompressed tar archive, so that `tar xf` and `sha256sum -c SHA256SUMS` do by hand what
//! `chitchatd restore` does.
//!
//! ```text
//! MANIFEST         TOML: which version made it, when, and what it holds
//! chitchat.db      the database, which has no log
//! certificate.pem  the self-signed certificate and its key, if the server has them
//! key.pem
//! SHA256SUMS       of each of them; it comes last, so that a file without it is cut off
//! ```
//!
//! Owns the format. Knows no data directory. Runs on the main thread of `chitchatd backup` and `restore`.

use super::error::BackupError;
use crate::server::certificate::{CERTIFICATE_FILE, KEY_FILE};
use crate::server::store::{DATABASE_FILE, KNOWN_SCHEMA};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The first member of the archive.
const MANIFEST: &str = "MANIFEST";
/// The last one.
const CHECKSUMS: &str = "SHA256SUMS";
/// Changes when an earlier version could no longer restore a backup, however old its database.
const FORMAT: u32 = 1;
/// Bytes of a member's header.
const HEADER: u64 = 512;
/// The most bytes of a manifest or of checksums; both have some hundred.
const TEXT_MAX: u64 = 64 << 10;
/// Bytes that are read from a file at a time.
const CHUNK: usize = 128 << 10;

/// What each file of a backup is called there and in a data directory, and its permissions in both.
pub(super) const FILES: [(&str, u32); 3] = [(DATABASE_FILE, 0o600), (CERTIFICATE_FILE, 0o644), (KEY_FILE, 0o600)];

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The archive's own format.
    format: u32,
    /// The version of chitchatd that made it.
    pub version: String,
    /// The schema of its database.
    pub schema: i64,
    /// The history that it was taken from.
    pub epoch: String,
    /// When: RFC 3339.
    pub made: String,
    /// Accounts that somebody can log in to.
    pub accounts: u64,
    /// Rooms, closed ones included.
    pub rooms: u64,
    /// Messages that are kept.
    pub messages: u64,
}

impl Manifest {
    pub(super) fn new(found: crate::server::store::Inspected, made: jiff::Timestamp) -> Self {
        let crate::server::store::Inspected { schema, epoch, accounts, rooms, messages } = found;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, version, schema, epoch, made: made.to_string(), accounts, rooms, messages }
    }

    /// All of it, for the person who asked whether the backup is good.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { version, schema, epoch, made, .. } = self;
        format!("good: {self}, as of {made}, by chitchatd {version} (schema {schema}, epoch {epoch})")
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accounts, rooms, messages, .. } = self;
        write!(
            f,
            "{}, {} and {}",
            counted(*accounts, "account"),
            counted(*rooms, "room"),
            counted(*messages, "message")
        )
    }
}

/// So many of them.
pub(super) fn counted(n: u64, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

/// Writes an archive, one member after another.
pub(super) struct Writer<W: Write> {
    tar: tar::Builder<W>,
    sums: String,
    /// When, in seconds of Unix time.
    at: u64,
}

impl<W: Write> Writer<W> {
    /// Begins with the manifest.
    pub(super) fn new(to: W, manifest: &Manifest, at: jiff::Timestamp) -> io::Result<Self> {
        let at = u64::try_from(at.as_second()).unwrap_or(0);
        let mut writer = Self { tar: tar::Builder::new(to), sums: String::new(), at };
        let text = toml::to_string(manifest).map_err(io::Error::other)?;
        writer.add(MANIFEST, 0o600, text.len() as u64, text.as_bytes())?;
        Ok(writer)
    }

    /// Adds a file of so many bytes.
    pub(super) fn add(&mut self, name: &str, mode: u32, size: u64, from: impl Read) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_path(name)?;
        header.set_size(size);
        header.set_mode(mode);
        header.set_mtime(self.at);
        header.set_cksum();
        let mut from = Hashed::new(from.take(size));
        self.tar.append(&header, &mut from)?;
        let (read, sum) = from.end();
        if read != size {
            return Err(io::Error::other(format!("{name} became shorter while it was read")));
        }
        self.sums.push_str(&line_of(&sum, name));
        Ok(())
    }

    /// Adds the checksums, and ends the archive.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let sums = std::mem::take(&mut self.sums);
        self.add(CHECKSUMS, 0o600, sums.len() as u64, sums.as_bytes())?;
        let mut to = self.tar.into_inner()?;
        to.flush()?;
        Ok(to)
    }
}

/// As `sha256sum` writes it.
fn line_of(sum: &str, name: &str) -> String {
    format!("{sum}  {name}\n")
}

/// Reads an archive to its end and checks it. Its files are written into a directory, with their permissions, or
/// nowhere.
pub(super) fn read(from: impl Read, path: &Path, into: Option<&Path>) -> Result<Manifest, BackupError> {
    let mut from = BufReader::with_capacity(CHUNK, from);
    let mut begin = Vec::new();
    let read = from.by_ref().take(HEADER).read_to_end(&mut begin);
    read.map_err(|source| BackupError::Unreadable { path: path.to_owned(), source })?;
    if let Some(what) = something_else(&begin) {
        return Err(foreign(path, what));
    }
    let mut archive = tar::Archive::new(begin.as_slice().chain(from));
    let mut manifest = None;
    let mut sums = String::new();
    let mut whole = false;
    let entries = archive.entries().map_err(|error| fault(path, error, false))?;
    for entry in entries {
        let mut entry = entry.map_err(|error| fault(path, error, manifest.is_some()))?;
        let name = entry.path().ok().and_then(|name| name.to_str().map(str::to_owned)).unwrap_or_default();
        match (&manifest, name.as_str()) {
            (None, MANIFEST) => manifest = Some(read_manifest(&mut entry, path, &mut sums)?),
            (None, _) => return Err(foreign(path, "it is a tar archive that does not begin with a MANIFEST")),
            (Some(_), CHECKSUMS) => {
                let (text, _) = read_text(&mut entry, path)?;
                compare(&text, &sums, path)?;
                whole = true;
                break;
            }
            (Some(_), name) => {
                let Some(&(name, mode)) = FILES.iter().find(|(known, _)| *known == name) else {
                    return Err(damaged(path, format!("it holds a file named {name}")));
                };
                let sum = unpack(&mut entry, name, mode, path, into)?;
                sums.push_str(&line_of(&sum, name));
            }
        }
    }
    let manifest = manifest.ok_or_else(|| foreign(path, "there is nothing in it"))?;
    if !whole {
        return Err(BackupError::Cut { path: path.to_owned() });
    }
    if !sums.lines().any(|line| line.ends_with(&format!("  {DATABASE_FILE}"))) {
        return Err(damaged(path, format!("it holds no {DATABASE_FILE}")));
    }
    // Whoever writes into a pipe is not told that the rest is of no interest.
    let _ = io::copy(&mut archive.into_inner(), &mut io::sink());
    Ok(manifest)
}

/// What a file that does not begin like an archive of ours seems to be.
fn something_else(begin: &[u8]) -> Option<&'static str> {
    let compressed = "it is compressed. Unpack it on the way, such as: gzip -dc FILE | chitchatd restore - --data DIR";
    match begin {
        [] => Some("it is empty"),
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [0xfd, b'7', b'z', ..] => Some(compressed),
        _ if begin.starts_with(b"SQLite format 3\0") => Some(
            "it is a database. If it is a copy of chitchat.db, put it into an empty data directory under that name, as docs/OPERATING.md says",
        ),
        _ if begin.get(257..262) != Some(b"ustar") => Some("it is not a tar archive"),
        _ => None,
    }
}

fn foreign(path: &Path, what: &str) -> BackupError {
    BackupError::Foreign { path: path.to_owned(), what: what.to_owned() }
}

fn damaged(path: &Path, what: String) -> BackupError {
    BackupError::Damaged { path: path.to_owned(), what }
}

/// Whose fault it is that an archive can't be read on.
fn fault(path: &Path, source: io::Error, begun: bool) -> BackupError {
    match source.kind() {
        _ if source.raw_os_error().is_some() => BackupError::Unreadable { path: path.to_owned(), source },
        io::ErrorKind::UnexpectedEof => BackupError::Cut { path: path.to_owned() },
        _ if begun => damaged(path, source.to_string()),
        _ => foreign(path, &source.to_string()),
    }
}

fn read_manifest(entry: &mut impl SizedRead, path: &Path, sums: &mut String) -> Result<Manifest, BackupError> {
    let (text, sum) = read_text(entry, path)?;
    sums.push_str(&line_of(&sum, MANIFEST));
    let manifest: Manifest =
        toml::from_str(&text).map_err(|error| damaged(path, format!("its MANIFEST: {}", error.message())))?;
    if manifest.format > FORMAT || manifest.schema > KNOWN_SCHEMA {
        return Err(BackupError::Newer { path: path.to_owned(), needs: manifest.version });
    }
    Ok(manifest)
}

/// A member of an archive, which has a size.
trait SizedRead: Read {
    fn length(&self) -> u64;
}

impl<R: Read> SizedRead for tar::Entry<'_, R> {
    fn length(&self) -> u64 {
        self.size()
    }
}

/// A short member and its checksum.
fn read_text(entry: &mut impl SizedRead, path: &Path) -> Result<(String, String), BackupError> {
    let size = entry.length();
    if size > TEXT_MAX {
        return Err(damaged(path, format!("a list in it has {size} bytes")));
    }
    let mut text = Vec::new();
    let sum = copy_hashed(entry, path, |bytes| {
        text.extend_from_slice(bytes);
        Ok(())
    })?;
    let text = String::from_utf8(text).map_err(|_| damaged(path, "a list in it is not text".to_owned()))?;
    Ok((text, sum))
}

/// Writes a member into the directory, and returns its checksum.
fn unpack(
    entry: &mut impl SizedRead,
    name: &str,
    mode: u32,
    path: &Path,
    into: Option<&Path>,
) -> Result<String, BackupError> {
    let Some(into) = into else { return copy_hashed(entry, path, |_| Ok(())) };
    let target = into.join(name);
    let unwritable = |source| BackupError::Unwritable { path: target.clone(), source };
    let created = OpenOptions::new().write(true).create_new(true).mode(mode).open(&target);
    let mut file = match created {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(damaged(path, format!("it holds {name} twice")));
        }
        other => other.map_err(unwritable)?,
    };
    let sum = copy_hashed(entry, path, |bytes| file.write_all(bytes).map_err(unwritable))?;
    file.sync_all().map_err(unwritable)?;
    Ok(sum)
}

/// Reads a member to its end, and returns its checksum.
fn copy_hashed(
    entry: &mut impl SizedRead,
    path: &Path,
    mut to: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<String, BackupError> {
    let size = entry.length();
    let mut from = Hashed::new(entry);
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => to(chunk.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(fault(path, error, true)),
        }
    }
    match from.end() {
        (read, sum) if read == size => Ok(sum),
        _ => Err(BackupError::Cut { path: path.to_owned() }),
    }
}

fn compare(stated: &str, found: &str, path: &Path) -> Result<(), BackupError> {
    if stated == found {
        return Ok(());
    }
    let differs = found.lines().find(|&line| !stated.lines().any(|other| other == line));
    let name = differs.and_then(|line| line.rsplit(' ').next());
    Err(damaged(
        path,
        match name {
            Some(name) => format!("the checksum of {name} in it is wrong"),
            None => "a file is missing in it".to_owned(),
        },
    ))
}

/// Counts and digests what is read through it.
struct Hashed<R> {
    from: R,
    digest: Sha256,
    bytes: u64,
}

impl<R: Read> Hashed<R> {
    fn new(from: R) -> Self {
        Self { from, digest: Sha256::new(), bytes: 0 }
    }

    /// How many bytes there were, and their checksum.
    fn end(self) -> (u64, String) {
        (self.bytes, HEXLOWER.encode(&self.digest.finalize()))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(to)?;
        self.digest.update(to.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count)
    }
}
