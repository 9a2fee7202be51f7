//! The readiness wait: what the system says of the connections' sockets, and what wakes a worker that waits.

use super::{Worker, WorkerError};
use crate::protocol::names::ConnId;
use crate::server::traffic::{Socket, Wake};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io;
use std::os::fd::AsRawFd as _;
use std::time::Duration;

/// Events taken from the system in one poll. The next poll returns the rest immediately: what this
/// many connections send stays in the processor's cache until it is delivered.
const EVENTS: usize = 128;
/// The waker's token; a connection's token is its slot.
const WAKER: Token = Token(usize::MAX);

/// Room for what one poll returns.
pub(super) fn events() -> Events {
    Events::with_capacity(EVENTS)
}

/// Wakes a worker that is polling.
pub(super) struct PollWaker(Waker);

impl PollWaker {
    /// # Errors
    /// The system's, if it can't set up polling.
    pub(super) fn new(poll: &Poll) -> io::Result<Self> {
        Ok(Self(Waker::new(poll.registry(), WAKER)?))
    }
}

impl Wake for PollWaker {
    fn wake(&self) {
        if let Err(error) = self.0.wake() {
            log::error!("can't wake a worker: {error}");
        }
    }
}

/// What the wait says of a socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readiness {
    pub slot: u32,
    pub readable: bool,
    /// The peer sends no more, or the connection is broken.
    pub read_closed: bool,
    pub writable: bool,
}

impl Readiness {
    /// `None` if a worker was only woken.
    pub(super) fn of(event: &mio::event::Event) -> Option<Self> {
        // The waker's is larger than any slot.
        let slot = u32::try_from(event.token().0).ok()?;
        let read_closed = event.is_read_closed() || event.is_error();
        Some(Self { slot, readable: event.is_readable(), read_closed, writable: event.is_writable() })
    }
}

impl Worker {
    pub(super) fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> Result<(), WorkerError> {
        match self.poll.poll(events, timeout) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn register(&self, socket: &Socket, slot: u32, id: ConnId) -> io::Result<()> {
        #[cfg(feature = "faults")]
        if let Socket::Simulated(pipe) = socket {
            pipe.register(slot, id);
            return Ok(());
        }
        let _ = id;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), Token(slot as usize), interest)
    }
}
