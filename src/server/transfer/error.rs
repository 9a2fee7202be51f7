//! Why something was not exported or imported.

use crate::protocol::names::RoomName;
use crate::server::store::{CommitError, StoreError};
use std::io;
use std::path::PathBuf;

/// Why something was not exported or imported; then nothing has changed. The message names the file and what can be
/// done.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// There is no server's data.
    #[error("there is no {file}; name the server's data directory with --data DIR")]
    NoDatabase {
        /// What should be there.
        file: PathBuf,
    },
    /// There is none to import into. It is not made: names without an account end with an import, and on a new server
    /// these would be all of them.
    #[error(
        "there is no {file}: name the server's data directory with --data DIR. For a new server, start chitchatd on it and let people register first, since a name in the import that has no account can't be registered afterwards"
    )]
    NothingToImportInto {
        /// What should be there.
        file: PathBuf,
    },
    /// The database can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing of that name is stored.
    #[error("there is no {what} in {file}")]
    NotThere {
        /// What was asked for.
        what: String,
        /// The database.
        file: PathBuf,
    },
    /// The file can't be read.
    #[error("can't read {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of it can't be imported.
    #[error("{path}:{line}: {what}; nothing was imported")]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// There is or was a room of that name.
    #[error("there is a room {room} already, or there was one; give it another name with --as NAME")]
    RoomTaken {
        /// Its name.
        room: RoomName,
    },
    /// It could not be stored.
    #[error("nothing was imported: {0}")]
    Writing(CommitError),
    /// There is a file of that name.
    #[error("{path} exists; choose another name")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It can't be written.
    #[error("can't write {path}: {source}")]
    Unwritable {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
