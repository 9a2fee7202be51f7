//! Everything that outlives the process: accounts, rooms, messages, and the index of the messages.
//! The only place that knows SQLite. It knows no rooms, sockets or other threads; what it
//! exchanges with them is defined in [`crate::server::traffic`].
//!
//! The data directory holds
//!
//! ```text
//! lock          locked for as long as a server runs on this directory
//! chitchat.db   everything (and its -wal and -shm)
//! index.db      where each message is, and which words it holds; rebuilt when it is missing
//! ```
//!
//! | folder   | type             | on which thread | what it does                                    |
//! |----------|------------------|-----------------|-------------------------------------------------|
//! | `db/`    | [`Checkpointer`] | `checkpoint`    | copies a busy store's log into `chitchat.db`     |
//! | `write/` | [`Store`]        | the dispatcher  | the only writer of `chitchat.db`; assigns ids    |
//! | `index/` | [`Indexer`]      | `index`         | the only writer of `index.db`, behind the store  |
//! | `read/`  | [`Reader`]       | each reader     | answers history, search and what is unread       |
//!
//! `write/` and `index/` build on `db/`, and `read/` on `db/` and `index/`; `write/` also uses what a
//! document is, from `index/`. They share no lock:
//! SQLite's write-ahead log lets each reader see what was committed when it began. No read lasts
//! longer than [`read::READ_DEADLINE`], so that the log can be checkpointed.

mod db;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod index;
mod read;
mod write;

#[cfg(test)]
mod altered_tests;
#[cfg(test)]
mod first_schema_tests;
#[cfg(test)]
mod test_support;

pub(super) use db::checkpoint::Checkpointer;
pub(super) use db::copy::{Inspected, Pace, copy, inspect, mark_as_copy, open as open_to_copy};
pub(super) use db::disk::disk;
pub(super) use db::erased::erased_of;
pub(super) use db::error::StoreError;
pub(super) use db::look::{Look, Looked, latest, look, look_at_index, sqlite_version};
pub(super) use db::schema::KNOWN_SCHEMA;
#[cfg(feature = "faults")]
pub(super) use db::schema::{SCHEMAS, create_released};
pub(super) use db::upgrade::{UpgradeCopy, copies as upgrade_copies};
pub(super) use db::{DATABASE_FILE, DataDir, INDEX_FILE, LOCK_FILE, RESTORING, StoreSettings, Sync};
pub(super) use index::Indexer;
pub(super) use read::{Reader, Whole, WholeOf};
#[cfg(feature = "faults")]
pub(super) use write::failures;
pub(super) use write::{CommitError, Committed, Store};
