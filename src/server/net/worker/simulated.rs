//! A worker without its thread and its poll: the simulation says which sockets are ready and when its next
//! turn comes.

use super::{Outcome, Readiness, Worker, WorkerError};
use crate::server::net::{Live, WorkerContext};
use crate::server::traffic::{Delivery, Mailbox, Wake};
use mio::Poll;
use std::time::Duration;

impl Worker {
    /// A worker that is woken by `wake`.
    ///
    /// # Errors
    /// The system's, if it can't set up polling.
    pub(crate) fn simulated(
        index: usize,
        live: Live,
        wake: Box<dyn Wake>,
    ) -> Result<(Self, Mailbox<Delivery>), WorkerError> {
        let mailbox = Mailbox::new(wake);
        Ok((Self::with(index, live, Poll::new()?, mailbox.clone()), mailbox))
    }

    /// It is about to wait, for so long at most.
    pub(crate) fn begin_wait(&mut self) -> Option<Duration> {
        self.timeout()
    }

    /// The wait has found a socket ready: readable, at its end or broken, writable.
    pub(crate) fn found_ready(&mut self, slot: u32, [readable, read_closed, writable]: [bool; 3]) {
        self.note(Readiness { slot, readable, read_closed, writable });
    }

    /// Its turn after the wait. False if it has ended.
    pub(crate) fn run_once(&mut self, shared: &WorkerContext) -> bool {
        self.go_on(shared) == Outcome::GoesOn
    }
}
