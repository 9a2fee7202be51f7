//! The only writer of `chitchat.db`, on the dispatcher's thread.

use super::{Settings, StoreError};
use crate::traffic::{Appended, Draft, World, Write};

/// The only writer.
#[derive(Debug)]
pub struct Store {}

/// What a commit brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// Messages that are kept now and were not before.
    pub messages: usize,
}

/// Why a transaction did not become lasting.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing of it is kept, for certain. After [`Store::rollback`] the store goes on.
    #[error("nothing was written: {0}")]
    Refused(rusqlite::Error),
    /// Nobody knows whether it is kept: the process must end without another word.
    #[error("it is not known what was written: {0}")]
    Ambiguous(rusqlite::Error),
}

impl Store {
    /// Opens the data directory.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(_settings: &Settings) -> Result<(Self, World), StoreError> {
        todo!()
    }
    /// Begins a transaction.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub fn begin(&mut self) -> Result<(), CommitError> {
        todo!()
    }
    /// Keeps a message, within a transaction.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub fn append(&mut self, _draft: &Draft) -> Result<Appended, CommitError> {
        todo!()
    }
    /// Keeps a change, within a transaction.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub fn write(&mut self, _write: &Write) -> Result<(), CommitError> {
        todo!()
    }
    /// Makes all since [`Store::begin`] lasting.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub fn commit(&mut self) -> Result<Committed, CommitError> {
        todo!()
    }
    /// Takes back all since [`Store::begin`], ids too.
    ///
    /// # Errors
    /// Only [`CommitError::Ambiguous`].
    pub fn rollback(&mut self) -> Result<(), CommitError> {
        todo!()
    }
    /// Reads the world anew, after a rollback.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn load(&self) -> Result<World, StoreError> {
        todo!()
    }
    /// To be called when there is nothing else to do.
    pub fn idle(&mut self) {
        todo!()
    }
    /// The clean end.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn close(self) -> Result<(), StoreError> {
        todo!()
    }
}
