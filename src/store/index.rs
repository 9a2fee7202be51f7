//! The full-text index, behind the commits.

use super::{Settings, StoreError};
use crossbeam_channel::Receiver;

/// Why indexing can't go on.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// What SQLite says.
    #[error("{0}")]
    Database(#[from] rusqlite::Error),
}

/// The only writer of `index.db`.
#[derive(Debug)]
pub struct Indexer {}

impl Indexer {
    /// Opens after [`super::Store::open`]; calls `progress` with rows done and rows in all.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(_settings: &Settings, _progress: &mut dyn FnMut(u64, u64)) -> Result<Self, StoreError> {
        todo!()
    }
    /// Messages that are not indexed yet.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn behind(&self) -> Result<u64, IndexError> {
        todo!()
    }
    /// Indexes up to so many messages; says how many.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn step(&mut self, _most: usize) -> Result<usize, IndexError> {
        todo!()
    }
    /// Follows the store until all senders of nudges are gone.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn run(self, _nudges: &Receiver<()>) -> Result<(), IndexError> {
        todo!()
    }
}
