//! The worker: one thread, the connections that it owns outright, and the loop that serves them.
//!
//! It blocks in one place, the readiness wait. In each turn it takes what was delivered, reads all
//! that is readable, sends what came of it to the dispatcher as one batch, and then writes to
//! whoever has something to be sent: one write, whatever waits.

use super::Shared;
use super::connection::{Buffers, Connection, Stage, Turn};
use super::subscriptions::Subscriptions;
use crate::protocol::code::{Code, Refusal};
use crate::protocol::names::ConnId;
use crate::server::traffic::{Accepted, Delivery, LineRef, Mailbox, Request, RoomMessage, Wake};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsRawFd as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Events taken from the system in one wait. Those that are left come with the next one at once:
/// what so many connections send stays in the processor's cache until it is handed out.
const EVENTS: usize = 128;
/// The waker's token; connections' are their slots.
const WAKER: Token = Token(usize::MAX);
/// How soon a worker that found too much under way looks again.
const STARVED: Duration = Duration::from_millis(2);
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
    #[error("can't set up polling: {0}")]
    Poll(#[from] io::Error),
}

mod deliver;
mod evict;
mod slots;

use self::slots::Slots;

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
    slots: Slots,
    subscriptions: Subscriptions,
    /// Slots that want a turn although no event is to come for them.
    again: Vec<u32>,
    /// Slots with something to be sent.
    to_flush: Vec<u32>,
    /// Slots whose sockets took not all that they were sent.
    backlog: BTreeSet<u32>,
    due: BTreeSet<(Instant, u32)>,
    requests: Vec<Request>,
    /// Messages of one room that are handed out together, and where their lines stand: empty
    /// between two handings.
    batch: Vec<RoomMessage>,
    line_refs: Vec<LineRef>,
    buffers: Buffers,
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
        write!(f, "Worker({}, {} connections)", self.index, self.slots.len())
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
            slots: Slots::new(index),
            subscriptions: Subscriptions::default(),
            again: Vec::new(),
            to_flush: Vec::new(),
            backlog: BTreeSet::new(),
            due: BTreeSet::new(),
            requests: Vec::new(),
            batch: Vec::new(),
            line_refs: Vec::new(),
            buffers: Buffers::new(),
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
                ready.extend(self.slots.occupied());
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
            connection.set_readable(event.is_read_closed() || event.is_error());
            ready.push(slot);
        }
        if event.is_writable() && self.backlog.contains(&slot) {
            self.schedule_flush(slot);
        }
    }

    fn connection(&mut self, slot: u32) -> Option<&mut Connection> {
        self.slots.get_mut(slot)
    }

    /// The slot of a connection that is not being closed.
    fn live_slot_of(&self, conn: ConnId) -> Option<u32> {
        self.slots.slot_of(conn).filter(|&slot| self.slots.get(slot).is_some_and(Connection::is_live))
    }

    fn schedule_flush(&mut self, slot: u32) {
        if let Some(connection) = self.slots.get_mut(slot)
            && !connection.needs_flush()
        {
            connection.set_needs_flush();
            self.to_flush.push(slot);
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
        let connection = self.slots.get_mut(slot)?;
        let was_scheduled = connection.needs_flush();
        let before = connection.due();
        let mut turn = Turn {
            now,
            number: self.turn,
            shared,
            buffers: &mut self.buffers,
            requests: &mut self.requests,
            stopping: self.stopping,
            starved: false,
        };
        let result = catch_unwind(AssertUnwindSafe(|| act(connection, &mut turn)));
        self.starved |= turn.starved;
        if result.is_err() {
            connection.panicked();
            self.buffers.restore();
        }
        if connection.needs_flush() && !was_scheduled {
            self.to_flush.push(slot);
        }
        let after = connection.due();
        let stage = connection.stage();
        if before != after {
            if let Some(at) = before {
                self.due.remove(&(at, slot));
            }
            if let Some(at) = after {
                self.due.insert((at, slot));
            }
        }
        if stage >= Stage::Closing {
            self.detach(slot);
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
    fn detach(&mut self, slot: u32) {
        let Some(connection) = self.slots.get_mut(slot) else { return };
        if connection.take_needs_detach() {
            self.requests.push(Request::detach(connection.id()));
        }
        if let Some((account, rooms)) = connection.take_subscriptions() {
            self.subscriptions.detach(slot, account, &rooms);
        }
    }

    fn drop_connection(&mut self, slot: u32) {
        let Some(connection) = self.slots.vacate(slot) else { return };
        if let Some(at) = connection.due() {
            self.due.remove(&(at, slot));
        }
        self.backlog.remove(&slot);
        // Closing the socket takes it out of the readiness wait.
        drop(connection);
    }

    fn send_requests(&mut self, shared: &Shared) {
        shared.dispatcher.send_all(&mut self.requests);
    }

    fn accept(&mut self, accepted: Accepted, now: Instant, shared: &Shared) {
        let (slot, id) = self.slots.reserve();
        let (fd, interest) = (accepted.socket.as_raw_fd(), Interest::READABLE | Interest::WRITABLE);
        if let Err(error) = self.poll.registry().register(&mut SourceFd(&fd), Token(slot as usize), interest) {
            log::error!("can't wait for a connection's bytes, so it is closed: {error}");
            self.slots.vacate(slot);
            return;
        }
        let mut turn = Turn {
            now,
            number: self.turn,
            shared,
            buffers: &mut self.buffers,
            requests: &mut self.requests,
            stopping: self.stopping,
            starved: false,
        };
        let connection = Box::new(Connection::new(id, accepted, &mut turn));
        if let Some(at) = connection.due() {
            self.due.insert((at, slot));
        }
        if connection.needs_flush() {
            self.to_flush.push(slot);
        }
        self.slots.fill(slot, connection);
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
        let unread_max = shared.limits.unread_to_pause();
        let mut to_flush = std::mem::take(&mut self.to_flush);
        for slot in to_flush.drain(..) {
            self.turn(slot, now, shared, |connection, turn| connection.flush(turn));
            let Some(connection) = self.slots.get_mut(slot) else { continue };
            let (resumes, unread) = (connection.resumes_after_flush(unread_max), connection.unread());
            if resumes {
                self.again.push(slot);
            }
            if unread > 0 {
                self.backlog.insert(slot);
            } else {
                self.backlog.remove(&slot);
            }
        }
        if self.to_flush.is_empty() {
            self.to_flush = to_flush;
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
            self.schedule_flush(slot);
        }
    }

    /// A stopping worker is done when all is flushed, or its time is up.
    fn is_done(&self, now: Instant) -> bool {
        let Some(end) = self.end else { return false };
        // Whoever has all that was left for it, and only has not closed, is not waited for long.
        let sent = || self.slots.connections().all(|connection| connection.stage() == Stage::Lingering);
        now >= end || (now + FLUSH_AT_END >= end + LINGER_AT_END && sent())
    }
}

/// What everyone is told when the server stops.
fn stopped() -> Refusal {
    Refusal::new(Code::ShuttingDown, "the server is shutting down. Come back in a moment; nothing is lost.")
}
