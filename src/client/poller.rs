//! Waiting for readiness, on one thread.
//!
//! Owns mio's poll: a thread blocks in it for one socket and for wake-ups from other threads.
//! Belongs to the thread that owns the connection.

use mio::event::Events;
use mio::unix::SourceFd;
use mio::{Interest, Poll, Token, Waker};
use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SOCKET: Token = Token(0);
const WOKEN: Token = Token(1);

#[derive(Debug)]
pub(super) struct Poller {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
}

/// Wakes the thread that waits in a [`Poller`].
#[derive(Debug, Clone)]
pub(super) struct WakeHandle(Arc<Waker>);

impl WakeHandle {
    pub(super) fn wake(&self) {
        if let Err(error) = self.0.wake() {
            // Then the thread is no longer waiting.
            log::warn!("can't wake the network thread: {error}");
        }
    }
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitOutcome {
    /// There are lines.
    Lines,
    /// Another thread woke this one.
    Woken,
    /// The deadline has passed.
    TimedOut,
}

impl Poller {
    /// A poller for one thread.
    ///
    /// # Errors
    /// If no file descriptors are left.
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WOKEN)?);
        Ok(Self { poll, events: Events::with_capacity(8), waker })
    }

    /// A handle with which other threads wake it.
    #[must_use]
    pub(super) fn wake_handle(&self) -> WakeHandle {
        WakeHandle(Arc::clone(&self.waker))
    }

    /// Watches a socket, until the socket is closed.
    pub(super) fn watch(&self, socket: &TcpStream) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), SOCKET, interest)
    }

    /// Waits for a wake-up, until the deadline.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn sleep(&mut self, until: Instant) -> io::Result<WaitOutcome> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(WaitOutcome::TimedOut);
            }
            let ready = self.poll(left)?;
            if ready.woken {
                return Ok(WaitOutcome::Woken);
            }
        }
    }

    /// Waits for the socket or a wake-up; returns with neither if a signal interrupts.
    pub(super) fn poll(&mut self, timeout: Duration) -> io::Result<Ready> {
        let mut ready = Ready::default();
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(ready),
            other => other?,
        }
        for event in &self.events {
            if event.token() == WOKEN {
                ready.woken = true;
            } else {
                ready.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
                ready.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
            }
        }
        Ok(ready)
    }
}

/// What a wait found.
#[derive(Default)]
pub(super) struct Ready {
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) woken: bool,
}
