//! Answers reads, each on a thread of its own.

use super::{Settings, StoreError};
use crate::traffic::{Answer, Ticket};
use std::time::Duration;

/// How long one read may take before it is given up with `busy`.
pub const READ_DEADLINE: Duration = Duration::from_secs(5);

/// A reader with its own connections.
#[derive(Debug)]
pub struct Reader {}

impl Reader {
    /// Opens after [`super::Store::open`] and [`super::Indexer::open`]. An answer holds at most
    /// `answer_bytes` bytes, or one row.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(_settings: &Settings, _answer_bytes: usize) -> Result<Self, StoreError> {
        todo!()
    }
    /// Answers one ticket; what goes wrong is a refusal.
    pub fn answer(&mut self, _ticket: Ticket) -> Answer {
        todo!()
    }
}
