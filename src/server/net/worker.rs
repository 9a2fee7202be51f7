//! The worker: one thread, the connections that it owns outright, and the loop that serves them.
//!
//! It blocks in one place, the readiness wait. In each turn it takes what was delivered, reads all
//! that is readable, sends what came of it to the dispatcher as one batch, and then writes to
//! whoever has something to be sent: one write, whatever waits.

use super::Shared;
use super::connection::{Connection, Scratch, Stage, Turn};
use super::input::READ_BUFFER;
use super::outbox::BufferPool;
use super::subscriptions::Subscriptions;
use crate::protocol::code::{Code, Refusal};
use crate::protocol::deflate::{Packer, Unpacker};
use crate::protocol::names::ConnId;
use crate::server::traffic::{Accepted, Delivery, LineRef, Mailbox, Request, RoomMessage, Socket, Wake};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Events taken from the system in one wait. Those that are left come with the next one at once:
/// what so many connections send stays in the processor's cache until it is handed out.
const EVENTS: usize = 128;
/// The waker's token; connections' are their slots.
const WAKER: Token = Token(usize::MAX);
/// How soon a worker that found too much under way looks again.
const STARVED: Duration = Duration::from_millis(2);
/// The low bits of a connection's serial name its slot, the high ones how often that was used.
const SLOT_BITS: u32 = 24;
/// How long a stopping worker waits for its connections to take what is left.
pub(crate) const FLUSH_AT_END: Duration = Duration::from_secs(5);
/// So long before that end it gives up on what a slow reader has not taken: the line that is on its
/// way is finished, and the reason for the end follows.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long it waits, at least, for those who took it all to close as well.
const LINGER_AT_END: Duration = Duration::from_millis(200);

/// A worker could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The system refused the readiness wait.
    #[error("the readiness wait can't be had: {0}")]
    Poll(#[from] io::Error),
}

mod deliver;
mod evict;

/// Wakes a worker out of its readiness wait.
struct PollWaker(Waker);

impl Wake for PollWaker {
    fn wake(&self) {
        if let Err(error) = self.0.wake() {
            log::error!("a worker could not be woken: {error}");
        }
    }
}

/// See the module.
pub struct Worker {
    index: usize,
    poll: Poll,
    mailbox: Mailbox<Delivery>,
    connections: Vec<Option<Box<Connection>>>,
    /// How often each slot was used.
    uses: Vec<u32>,
    free: Vec<u32>,
    count: usize,
    subscriptions: Subscriptions,
    /// Slots that want a turn although no event is to come for them.
    again: Vec<u32>,
    /// Slots with something to be sent.
    dirty: Vec<u32>,
    /// Slots whose sockets took not all that they were sent.
    backlog: BTreeSet<u32>,
    due: BTreeSet<(Instant, u32)>,
    requests: Vec<Request>,
    /// Messages of one room that are handed out together, and where their lines stand: empty
    /// between two handings.
    batch: Vec<RoomMessage>,
    line_refs: Vec<LineRef>,
    scratch: Scratch,
    starved: bool,
    /// The turn of the loop, from 1.
    turn: u64,
    stopping: bool,
    /// When a stopping worker ends at the latest.
    end: Option<Instant>,
    /// [`Delivery::Abort`] came: nothing more is sent.
    aborted: bool,
    last_words_said: bool,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Worker({}, {} connections)", self.index, self.count)
    }
}

impl Worker {
    /// Makes the worker and its mailbox; [`Worker::run`] is for its thread.
    ///
    /// # Errors
    /// The system's, if it has no readiness wait for us.
    pub fn new(index: usize) -> Result<(Self, Mailbox<Delivery>), WorkerError> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let mailbox = Mailbox::waking(Box::new(PollWaker(waker)));
        let worker = Self {
            index,
            poll,
            mailbox: mailbox.clone(),
            connections: Vec::new(),
            uses: Vec::new(),
            free: Vec::new(),
            count: 0,
            subscriptions: Subscriptions::default(),
            again: Vec::new(),
            dirty: Vec::new(),
            backlog: BTreeSet::new(),
            due: BTreeSet::new(),
            requests: Vec::new(),
            batch: Vec::new(),
            line_refs: Vec::new(),
            scratch: Scratch {
                read: vec![0; READ_BUFFER],
                plain: Vec::new(),
                filtered: Vec::new(),
                record: Vec::new(),
                line: Vec::new(),
                pool: BufferPool::default(),
                packer: Packer::new(),
                unpacker: Unpacker::new(),
            },
            starved: false,
            turn: 0,
            stopping: false,
            end: None,
            aborted: false,
            last_words_said: false,
        };
        Ok((worker, mailbox))
    }

    /// Runs until the server stops.
    ///
    /// # Errors
    /// The system's, if the readiness wait fails.
    pub fn run(mut self, shared: &Shared) -> Result<(), WorkerError> {
        let mut events = Events::with_capacity(EVENTS);
        let mut inbox = Vec::new();
        let mut ready = Vec::new();
        loop {
            let timeout = self.timeout();
            self.wait(&mut events, timeout)?;
            self.mailbox.take(&mut inbox);
            let now = Instant::now();
            self.turn += 1;
            let starved = std::mem::take(&mut self.starved);
            for event in &events {
                if event.token() != WAKER {
                    self.note(event, &mut ready);
                }
            }
            ready.append(&mut self.again);
            if starved {
                ready.extend(self.occupied());
            }
            for slot in ready.drain(..) {
                self.serve(slot, now, shared);
            }
            self.send_requests(shared);
            self.deliver_all(&mut inbox, now, shared);
            if self.aborted {
                return Ok(());
            }
            self.tick(now, shared);
            self.say_last_words(now, shared);
            self.flush(now, shared);
            self.evict_slow_readers(now, shared);
            // What answers made possible to be cut goes out in this turn as well.
            self.send_requests(shared);
            if self.is_done(now) {
                return Ok(());
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.again.is_empty() || !self.mailbox.may_sleep() {
            return Some(Duration::ZERO);
        }
        let now = Instant::now();
        let due = self.due.first().map(|&(at, _)| at.saturating_duration_since(now));
        // A stopping worker looks often whether it is done.
        let end = self.end.map(|end| end.saturating_duration_since(now).min(LINGER_AT_END / 4));
        let starved = self.starved.then_some(STARVED);
        // Rounded up: a wait that ends a little early would be followed by one of zero.
        [due, end, starved].into_iter().flatten().min().map(|wait| wait + Duration::from_millis(1))
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> Result<(), WorkerError> {
        match self.poll.poll(events, timeout) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn note(&mut self, event: &mio::event::Event, ready: &mut Vec<u32>) {
        let Some(slot) = u32::try_from(event.token().0).ok() else { return };
        let Some(connection) = self.connection(slot) else { return };
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            connection.readable = true;
            connection.hung_up |= event.is_read_closed() || event.is_error();
            ready.push(slot);
        }
        if event.is_writable() && self.backlog.contains(&slot) {
            self.mark_dirty(slot);
        }
    }

    fn connection(&mut self, slot: u32) -> Option<&mut Connection> {
        self.connections.get_mut(slot as usize)?.as_deref_mut()
    }

    fn occupied(&self) -> Vec<u32> {
        (0u32..).zip(&self.connections).filter(|(_, place)| place.is_some()).map(|(slot, _)| slot).collect()
    }

    /// The slot of a connection that is still there.
    fn slot_of(&self, conn: ConnId) -> Option<u32> {
        let slot = (conn.serial() & ((1 << SLOT_BITS) - 1)) as u32;
        let connection = self.connections.get(slot as usize)?.as_deref()?;
        (connection.id == conn).then_some(slot)
    }

    /// The slot of a connection that is not being closed.
    fn live_slot_of(&mut self, conn: ConnId) -> Option<u32> {
        self.slot_of(conn).filter(|&slot| self.connection(slot).is_some_and(|connection| connection.is_live()))
    }

    fn mark_dirty(&mut self, slot: u32) {
        if let Some(connection) = self.connection(slot) {
            connection.dirty = true;
            self.dirty.push(slot);
        }
    }

    /// Gives a connection a turn. A panic in it costs that connection alone.
    fn turn<T>(
        &mut self,
        slot: u32,
        now: Instant,
        shared: &Shared,
        act: impl FnOnce(&mut Connection, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let connection = self.connections.get_mut(slot as usize)?.as_deref_mut()?;
        let was_dirty = connection.dirty;
        let before = connection.due();
        let mut turn = Turn {
            now,
            number: self.turn,
            shared,
            scratch: &mut self.scratch,
            requests: &mut self.requests,
            stopping: self.stopping,
            starved: false,
        };
        let result = catch_unwind(AssertUnwindSafe(|| act(connection, &mut turn)));
        self.starved |= turn.starved;
        if result.is_err() {
            connection.panicked();
            if self.scratch.read.len() < READ_BUFFER {
                self.scratch.read = vec![0; READ_BUFFER];
            }
        }
        if connection.dirty && !was_dirty {
            self.dirty.push(slot);
        }
        let after = connection.due();
        let stage = connection.stage;
        if before != after {
            if let Some(at) = before {
                self.due.remove(&(at, slot));
            }
            if let Some(at) = after {
                self.due.insert((at, slot));
            }
        }
        if !matches!(stage, Stage::Open | Stage::Finishing) {
            self.unlist(slot);
            if stage == Stage::Gone {
                self.drop_connection(slot);
            }
        }
        result.ok()
    }

    fn serve(&mut self, slot: u32, now: Instant, shared: &Shared) {
        if self.turn(slot, now, shared, Connection::serve) == Some(true) {
            self.again.push(slot);
        }
    }

    /// Takes a connection off the lists of who hears what, and tells the dispatcher.
    fn unlist(&mut self, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot as usize).and_then(|place| place.as_deref_mut()) else {
            return;
        };
        if std::mem::take(&mut connection.met) {
            self.requests.push(Request::detach(connection.id));
        }
        let rooms = std::mem::take(&mut connection.rooms);
        if let Some(account) = connection.account.take() {
            self.subscriptions.detach(slot, account, &rooms);
        }
    }

    fn drop_connection(&mut self, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot as usize).and_then(Option::take) else { return };
        if let Some(at) = connection.due() {
            self.due.remove(&(at, slot));
        }
        self.backlog.remove(&slot);
        self.free.push(slot);
        self.count -= 1;
        // Closing the socket takes it out of the readiness wait.
        drop(connection);
    }

    fn send_requests(&mut self, shared: &Shared) {
        shared.dispatcher.send_all(&mut self.requests);
    }

    fn accept(&mut self, accepted: Accepted, now: Instant, shared: &Shared) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.uses.push(0);
            (self.connections.len() - 1) as u32
        });
        let place = slot as usize;
        self.uses[place] = self.uses[place].wrapping_add(1);
        let id = ConnId::new(self.index as u8, (u64::from(self.uses[place]) << SLOT_BITS) | u64::from(slot));
        let fd = raw_fd(&accepted.socket);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut SourceFd(&fd), Token(place), interest) {
            log::error!("a connection can't be waited for and is closed: {error}");
            self.free.push(slot);
            return;
        }
        let mut turn = Turn {
            now,
            number: self.turn,
            shared,
            scratch: &mut self.scratch,
            requests: &mut self.requests,
            stopping: self.stopping,
            starved: false,
        };
        let connection = Box::new(Connection::new(id, accepted, &mut turn));
        if let Some(at) = connection.due() {
            self.due.insert((at, slot));
        }
        if connection.dirty {
            self.dirty.push(slot);
        }
        self.connections[place] = Some(connection);
        self.count += 1;
    }

    /// Puts a connection's timers in order after they changed outside of a turn.
    fn retime(&mut self, slot: u32) {
        self.due.retain(|&(_, other)| other != slot);
        if let Some(at) = self.connection(slot).and_then(|connection| connection.due()) {
            self.due.insert((at, slot));
        }
    }

    fn tick(&mut self, now: Instant, shared: &Shared) {
        while let Some(&(at, slot)) = self.due.first() {
            if at > now {
                return;
            }
            self.turn(slot, now, shared, |connection, turn| connection.tick(turn));
            // Whatever is left of it is later than now; a slot that is gone leaves nothing.
            self.due.remove(&(at, slot));
            self.again.push(slot);
        }
    }

    fn flush(&mut self, now: Instant, shared: &Shared) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for slot in dirty.drain(..) {
            self.turn(slot, now, shared, |connection, turn| {
                connection.dirty = false;
                connection.flush(turn);
            });
            let Some(connection) = self.connection(slot) else { continue };
            let (goes_on, owes) = (connection.goes_on(shared), connection.owed() > 0);
            if goes_on {
                self.again.push(slot);
            }
            if owes {
                self.backlog.insert(slot);
            } else {
                self.backlog.remove(&slot);
            }
        }
        if self.dirty.is_empty() {
            self.dirty = dirty;
        }
    }

    /// Near the end of a stop, whoever has not taken what is left is sent the reason in its place.
    fn say_last_words(&mut self, now: Instant, shared: &Shared) {
        if self.end.is_none_or(|end| now + LAST_WORDS < end) {
            return;
        }
        let backlog: Vec<u32> = self.backlog.iter().copied().collect();
        let first = !std::mem::replace(&mut self.last_words_said, true);
        for &slot in backlog.iter().filter(|_| first) {
            self.turn(slot, now, shared, |connection, turn| connection.cut_short(&stopped(), turn));
        }
        // The system calls a socket writable when a good part of its buffer is free, which may be
        // too late now. Every turn tries.
        for slot in backlog {
            self.mark_dirty(slot);
        }
    }

    /// A stopping worker is done when all is flushed, or its time is up.
    fn is_done(&self, now: Instant) -> bool {
        let Some(end) = self.end else { return false };
        // Whoever has all that was left for it, and only has not closed, is not waited for long.
        let sent = || self.connections.iter().flatten().all(|connection| connection.stage == Stage::Lingering);
        now >= end || (now + FLUSH_AT_END >= end + LINGER_AT_END && sent())
    }
}

/// What everyone is told when the server stops.
fn stopped() -> Refusal {
    Refusal::new(Code::ShuttingDown, "the server is shutting down. Come back in a moment; nothing is lost.")
}

fn raw_fd(socket: &Socket) -> RawFd {
    match socket {
        Socket::Tcp(stream) => stream.as_raw_fd(),
        Socket::Unix(stream) => stream.as_raw_fd(),
    }
}
