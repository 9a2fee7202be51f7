//! Backups: made of a data directory beside a running server, checked, and put into an empty one.
//!
//! `archive` is the file's format; `make` writes one, in a `workspace`, and `restore` reads one. `erasures` is the list
//! of what was removed for good, and `erase` removes it again from an older copy. `last` notes in the data directory
//! when a backup was made. Knows the store and the names of the
//! certificate's files, no rooms and no sockets. Each runs on the main thread of a process of its own, `chitchatd
//! backup`, and never in the server: what a backup costs is then visible, and may be limited, from outside.

mod archive;
mod erase;
mod erasures;
mod error;
mod last;
mod make;
mod restore;
mod workspace;

pub use archive::Manifest;
pub use erase::ErasedAgain;
pub use erasures::ERASURES_FILE;
pub use error::BackupError;
pub use last::{LAST_BACKUP_FILE, last_backup, note_last};
pub use make::{Destination, Made, back_up, note_erasures};
pub use restore::{Restored, Source, restore, verify};
pub(super) use workspace::sweep;
