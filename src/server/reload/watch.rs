//! Whether files have changed, by a look at them from time to time.
//!
//! A look is two system calls every few seconds, and sees what a notification of the system would miss: a
//! file behind a symbolic link that is put elsewhere, as certbot does, one on a network's disk, and one that
//! appears in a directory that appears.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What changes with a file that is written, replaced, or made readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of the file that the path leads to; `None` if there is none.
    fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

/// Files, and what they were like at the last look.
#[derive(Debug)]
pub(super) struct Watch(Vec<(PathBuf, Option<Stamp>)>);

impl Watch {
    /// Takes a first look.
    pub(super) fn new(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let look = |path: PathBuf| {
            let stamp = Stamp::of(&path);
            (path, stamp)
        };
        Self(files.into_iter().map(look).collect())
    }

    /// Whether any of them is another than at the last look.
    pub(super) fn has_changed(&mut self) -> bool {
        let mut has_changed = false;
        for (path, seen) in &mut self.0 {
            let stamp = Stamp::of(path);
            has_changed |= std::mem::replace(seen, stamp) != stamp;
        }
        has_changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn every_way_of_renewing_is_noticed_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let mut watch = Watch::new([path("pem"), path("absent")]);
        let mut notices = |what: &str, act: &dyn Fn()| {
            assert!(!watch.has_changed(), "before {what}");
            act();
            assert!(watch.has_changed(), "{what}");
        };
        notices("created", &|| fs::write(path("pem"), "one").unwrap());
        notices("written", &|| fs::write(path("pem"), "three").unwrap());
        notices("renamed to", &|| {
            fs::write(path("new"), "three").unwrap();
            fs::rename(path("new"), path("pem")).unwrap();
        });
        notices("removed", &|| fs::remove_file(path("pem")).unwrap());
        fs::write(path("a"), "same").unwrap();
        fs::write(path("b"), "same").unwrap();
        notices("a link", &|| symlink(path("a"), path("pem")).unwrap());
        notices("the link elsewhere", &|| {
            symlink(path("b"), path("new")).unwrap();
            fs::rename(path("new"), path("pem")).unwrap();
        });
        notices("behind the link", &|| fs::write(path("b"), "other").unwrap());
        notices("in place of nothing", &|| fs::write(path("absent"), "").unwrap());
    }
}
