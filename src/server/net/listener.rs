//! The `accept` thread: accepts connections, takes a permit for each, and hands them to the workers
//! in turn.
//!
//! An error of `accept` never ends it. When no descriptors are left, it closes one that it keeps in
//! reserve, accepts a connection, tells it why, closes it, and waits a moment.

use super::listening::{ListenError, ListeningSocket};
use super::permit::{ConnectionLimits, FULL, NoPermit, Permit, Permits};
use super::seldom::Seldom;
use super::{BLOCKED, Proxies};
use crate::protocol::code::Code;
use crate::protocol::names::AddressGroup;
use crate::server::clock;
use crate::server::traffic::{Accepted, Blocklist, Delivery, ListenerKind, Mailbox, Socket, Tally};
use crate::server::web;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long accepting pauses when there are no descriptors left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);
/// How long accepting pauses while the workers end connections to make room, and how often in a row.
const CROWD_WAIT: Duration = Duration::from_millis(2);
const CROWD_WAITS: u32 = 100;
/// Connections accepted from one listener before the others get their turn.
const ACCEPTS_MAX: usize = 256;
const WAKER: Token = Token(usize::MAX);

#[derive(Debug)]
pub(crate) struct Listener {
    poll: Poll,
    sockets: Vec<ListeningSocket>,
    stop: Arc<StopHandle>,
    permits: Arc<Permits>,
    blocklist: Arc<Blocklist>,
    tally: Arc<Tally>,
    proxies: Arc<Proxies>,
    /// Closed when no other descriptor is left.
    spare: Option<File>,
    /// That there are none.
    out_of_descriptors: Seldom,
}

/// Stops a thread that accepts connections from another one.
#[derive(Debug)]
pub(crate) struct StopHandle {
    stopped: AtomicBool,
    waker: Waker,
}

impl StopHandle {
    pub(super) fn new(waker: Waker) -> Self {
        Self { stopped: AtomicBool::new(false), waker }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// No more connections are accepted from here on.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        if let Err(error) = self.waker.wake() {
            log::error!("can't wake the listener: {error}");
        }
    }
}

impl Listener {
    /// Prepares to accept from these sockets.
    ///
    /// # Errors
    /// [`ListenError::Poll`] if the system can't set up polling.
    pub(crate) fn new(
        sockets: Vec<ListeningSocket>,
        limits: ConnectionLimits,
        blocklist: Arc<Blocklist>,
        tally: Arc<Tally>,
        proxies: Arc<Proxies>,
    ) -> Result<Self, ListenError> {
        let prepare = || -> io::Result<(Poll, Waker)> {
            let poll = Poll::new()?;
            for (index, socket) in sockets.iter().enumerate() {
                poll.registry().register(&mut SourceFd(&socket.raw_fd()), Token(index), Interest::READABLE)?;
            }
            let waker = Waker::new(poll.registry(), WAKER)?;
            Ok((poll, waker))
        };
        let (poll, waker) = prepare().map_err(ListenError::Poll)?;
        let stop = Arc::new(StopHandle::new(waker));
        let permits = Permits::new(limits);
        Ok(Self {
            poll,
            sockets,
            stop,
            permits,
            blocklist,
            tally,
            proxies,
            spare: spare(),
            out_of_descriptors: Seldom::default(),
        })
    }

    /// How many connections there may be, which can be changed.
    #[must_use]
    pub(crate) fn permits(&self) -> Arc<Permits> {
        Arc::clone(&self.permits)
    }

    /// The handle that stops it.
    #[must_use]
    pub(crate) fn stopper(&self) -> Arc<StopHandle> {
        Arc::clone(&self.stop)
    }

    /// Accepts until it is stopped, then closes the listening sockets.
    pub(crate) fn run(mut self, workers: &[Mailbox<Delivery>]) {
        let mut events = Events::with_capacity(64);
        // Sockets that may have more; polling is edge-triggered.
        let mut ready = vec![true; self.sockets.len()];
        let mut next = 0;
        loop {
            let timeout = ready.contains(&true).then_some(Duration::ZERO);
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    log::error!("waiting for connections failed: {error}");
                    std::thread::sleep(OUT_OF_DESCRIPTORS);
                }
                _ => {}
            }
            if self.stop.is_stopped() {
                return;
            }
            for event in &events {
                if let Some(ready) = ready.get_mut(event.token().0) {
                    *ready = true;
                }
            }
            for (index, ready) in ready.iter_mut().enumerate() {
                if *ready {
                    *ready = self.accept(index, workers, &mut next);
                }
            }
        }
    }

    /// Accepts from one socket; true if there may be more.
    fn accept(&mut self, index: usize, workers: &[Mailbox<Delivery>], next: &mut usize) -> bool {
        for _ in 0..ACCEPTS_MAX {
            let listening = &self.sockets[index];
            match listening.accept() {
                Ok((socket, address)) => {
                    let kind = listening.kind();
                    let from = address.map_or(AddressGroup::Console, AddressGroup::of);
                    // Whose it is the worker learns, which then asks the same.
                    let proxied = address.is_some_and(|address| self.proxies.has(kind, address));
                    if !proxied && self.blocklist.blocks(from, clock::now()) {
                        self.turn_away(socket, kind, Code::Blocked, BLOCKED);
                        continue;
                    }
                    match self.permit((!proxied).then_some(from), kind) {
                        Ok(permit) => {
                            let (crowded, permit) = (permit.is_crowded(), Box::new(permit));
                            let worker = &workers[*next % workers.len()];
                            *next = next.wrapping_add(1);
                            worker.send(Delivery::Accepted(Accepted { socket, kind, from, proxied, permit, crowded }));
                        }
                        Err(why) => self.turn_away(socket, kind, Code::Busy, why.sentence()),
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return false,
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    _ => {
                        self.out_of_descriptors(index, &error);
                        return true;
                    }
                },
            }
        }
        true
    }

    /// Takes a permit. While too many wait for others to make room, so do those who come.
    fn permit(&self, from: Option<AddressGroup>, kind: ListenerKind) -> Result<Permit, NoPermit> {
        for _ in 0..CROWD_WAITS {
            match self.permits.take(from, kind) {
                Err(NoPermit::Crowd) => std::thread::sleep(CROWD_WAIT),
                taken => return taken,
            }
        }
        Err(NoPermit::Crowd)
    }

    fn out_of_descriptors(&mut self, index: usize, error: &io::Error) {
        if self.out_of_descriptors.is_due(clock::now()) {
            log::warn!("can't accept connections: {error}. Those who come are told that the server is full.");
        }
        self.spare = None;
        let listening = &self.sockets[index];
        if let Ok((socket, _)) = listening.accept() {
            self.turn_away(socket, listening.kind(), Code::Busy, FULL);
        }
        self.spare = spare();
        std::thread::sleep(OUT_OF_DESCRIPTORS);
    }

    /// Says one line and closes. A TLS client can't read it, but its user sees it in `nc` or in
    /// `openssl`'s debug output; a handshake for everyone who is turned away would be a gift to a flood.
    fn turn_away(&self, mut socket: Socket, kind: ListenerKind, code: Code, why: &str) {
        self.tally.count_turned_away(code);
        let mut said = Vec::new();
        match kind {
            ListenerKind::Web => {
                web::turned_away(Some(code), why).encode(false, false, jiff::Timestamp::now(), &mut said);
            }
            ListenerKind::Tls | ListenerKind::Plain | ListenerKind::Console => {
                said.extend_from_slice(format!("* {code}: {why}\n").as_bytes());
            }
        }
        if let Err(error) = socket.write(&said) {
            log::debug!("a peer was turned away and could not be told: {error}");
        }
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}
