//! The worker: one thread, the connections that it owns outright, and the loop that serves them.
//!
//! It blocks in one place only, polling. In each turn it reads from the connections that are
//! readable, sends the resulting requests to the dispatcher as one batch, delivers what the
//! dispatcher has sent, and then writes to each connection that has output: one write, however much
//! is waiting. `deliver` handles what the dispatcher sends, `evict` the limit on everything unread,
//! `slots` where the connections are, `wait` what the system says of them, `stop` the end.

use super::connection::{Buffers, Connection, Stage, Turn};
use super::subscriptions::Subscriptions;
use super::{Live, WorkerContext};
use crate::protocol::names::ConnId;
use crate::server::clock;
use crate::server::traffic::{Accepted, Delivery, LineRef, ListenerKind, Mailbox, Request, RoomMessage};
use mio::Poll;
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// How soon a worker that found too much under way checks again.
const BUDGET_RETRY: Duration = Duration::from_millis(2);

/// Why a worker could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The system refused to wait for our sockets.
    #[error("can't set up polling: {0}")]
    Poll(#[from] io::Error),
}

mod crowd;
mod deliver;
mod evict;
#[cfg(feature = "faults")]
mod simulated;
mod slots;
mod stop;
mod wait;

#[cfg(test)]
pub(crate) use self::stop::FLUSH_AT_END;

use self::slots::Slots;
use self::stop::StopPhase;
use self::wait::{PollWaker, Readiness};

/// Whether a worker's loop goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    GoesOn,
    Ended,
}

pub(crate) struct Worker {
    index: usize,
    live: Live,
    poll: Poll,
    mailbox: Mailbox<Delivery>,
    /// What was taken out of the mailbox and is not delivered yet.
    inbox: Vec<Delivery>,
    /// Slots that the wait has found readable.
    ready: Vec<u32>,
    slots: Slots,
    /// Connections on which nobody has logged in, the oldest first, and some that have ended or logged in since.
    guests: VecDeque<ConnId>,
    /// Proxies' connections that wait for a header, the oldest first, and behind that one some that don't any more.
    headerless: VecDeque<ConnId>,
    subscriptions: Subscriptions,
    /// Slots that want a turn although no event will announce it.
    to_serve: Vec<u32>,
    /// Slots with output to send.
    to_flush: Vec<u32>,
    /// Slots whose sockets did not take all of their output.
    backlog: BTreeSet<u32>,
    /// When connections next have something due.
    due: BTreeSet<(Instant, u32)>,
    requests: Vec<Request>,
    /// Messages of one room that are delivered together, and where their lines are. Empty between
    /// two batches; here so that their memory is reused.
    batch: Vec<RoomMessage>,
    line_refs: Vec<LineRef>,
    buffers: Buffers,
    /// Some connections had to wait because too much is under way.
    out_of_budget: bool,
    /// Counts the turns of the loop, from 1.
    turn: u64,
    phase: StopPhase,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Worker({}, {} connections)", self.index, self.slots.len())
    }
}

impl Worker {
    /// Creates the worker and its mailbox; [`Worker::run`] is for its thread.
    ///
    /// # Errors
    /// The system's, if it can't set up polling.
    pub(crate) fn new(index: usize, live: Live) -> Result<(Self, Mailbox<Delivery>), WorkerError> {
        let poll = Poll::new()?;
        let mailbox = Mailbox::new(Box::new(PollWaker::new(&poll)?));
        Ok((Self::with(index, live, poll, mailbox.clone()), mailbox))
    }

    fn with(index: usize, live: Live, poll: Poll, mailbox: Mailbox<Delivery>) -> Self {
        Self {
            index,
            live,
            poll,
            mailbox,
            inbox: Vec::new(),
            ready: Vec::new(),
            slots: Slots::new(index),
            guests: VecDeque::new(),
            headerless: VecDeque::new(),
            subscriptions: Subscriptions::default(),
            to_serve: Vec::new(),
            to_flush: Vec::new(),
            backlog: BTreeSet::new(),
            due: BTreeSet::new(),
            requests: Vec::new(),
            batch: Vec::new(),
            line_refs: Vec::new(),
            buffers: Buffers::new(),
            out_of_budget: false,
            turn: 0,
            phase: StopPhase::Running,
        }
    }

    /// Runs until the server stops.
    ///
    /// # Errors
    /// The system's, if polling fails.
    pub(crate) fn run(mut self, shared: &WorkerContext) -> Result<(), WorkerError> {
        let mut events = wait::events();
        loop {
            let timeout = self.timeout();
            self.wait(&mut events, timeout)?;
            for readiness in events.iter().filter_map(Readiness::of) {
                self.note(readiness);
            }
            if self.go_on(shared) == Outcome::Ended {
                return Ok(());
            }
        }
    }

    /// One turn of the loop, after the wait.
    fn go_on(&mut self, shared: &WorkerContext) -> Outcome {
        self.mailbox.take(&mut self.inbox);
        let now = clock::now();
        self.turn += 1;
        let out_of_budget = std::mem::take(&mut self.out_of_budget);
        let mut ready = std::mem::take(&mut self.ready);
        ready.append(&mut self.to_serve);
        if out_of_budget {
            ready.extend(self.slots.occupied());
        }
        for slot in ready.drain(..) {
            self.serve(slot, now, shared);
        }
        self.ready = ready;
        self.send_requests(shared);
        self.deliver_all(now, shared);
        if self.phase == StopPhase::Aborted {
            return Outcome::Ended;
        }
        self.tick(now, shared);
        self.end_greeted(now, shared);
        self.say_last_words(now, shared);
        self.flush(now, shared);
        self.evict_slow_readers(now, shared);
        // Answers may have allowed more lines to be cut; their requests go out in this turn, too.
        self.send_requests(shared);
        shared.tally.add(&mut self.buffers.counts);
        if self.is_done(now) { Outcome::Ended } else { Outcome::GoesOn }
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.to_serve.is_empty() || !self.inbox.is_empty() || !self.mailbox.may_sleep() {
            return Some(Duration::ZERO);
        }
        let now = clock::now();
        let due = self.due.first().map(|&(at, _)| at.saturating_duration_since(now));
        let budget = self.out_of_budget.then_some(BUDGET_RETRY);
        // Rounded up: a wait that ends a little early would be followed by one of zero.
        [due, self.phase.timeout(now), budget].into_iter().flatten().min().map(|wait| wait + Duration::from_millis(1))
    }

    fn note(&mut self, event: Readiness) {
        let slot = event.slot;
        let Some(connection) = self.connection(slot) else { return };
        if event.readable || event.read_closed {
            connection.set_readable(event.read_closed);
            self.ready.push(slot);
        }
        if event.writable && self.backlog.contains(&slot) {
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
        shared: &WorkerContext,
        act: impl FnOnce(&mut Connection, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let connection = self.slots.get_mut(slot)?;
        let was_scheduled = connection.needs_flush();
        let before = connection.due();
        let mut turn = Turn {
            now,
            number: self.turn,
            shared,
            live: &self.live,
            buffers: &mut self.buffers,
            requests: &mut self.requests,
            stopping: self.phase != StopPhase::Running,
            out_of_budget: false,
        };
        let result = catch_unwind(AssertUnwindSafe(|| act(connection, &mut turn)));
        self.out_of_budget |= turn.out_of_budget;
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

    fn serve(&mut self, slot: u32, now: Instant, shared: &WorkerContext) {
        if self.turn(slot, now, shared, Connection::serve) == Some(true) {
            self.to_serve.push(slot);
        }
        if self.connection(slot).is_some_and(Connection::take_needs_room) {
            self.make_room(false, now, shared);
        }
    }

    /// Removes a connection's subscriptions, and tells the dispatcher.
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
        // Closing the socket also ends its registration for polling.
        drop(connection);
    }

    /// Sends the requests to the dispatcher. If it was free and this thread ran its turn, the
    /// deliveries are here already.
    fn send_requests(&mut self, shared: &WorkerContext) {
        if !self.requests.is_empty() && shared.dispatcher.submit(&mut self.requests) {
            self.mailbox.take(&mut self.inbox);
        }
    }

    fn accept(&mut self, accepted: Accepted, now: Instant, shared: &WorkerContext) {
        let (slot, id) = self.slots.reserve();
        if let Err(error) = self.register(&accepted.socket, slot, id) {
            log::error!("can't poll a connection, so it is closed: {error}");
            self.slots.vacate(slot);
            return;
        }
        let (crowded, kind, proxied) = (accepted.crowded, accepted.kind, accepted.proxied);
        let mut turn = Turn {
            now,
            number: self.turn,
            shared,
            live: &self.live,
            buffers: &mut self.buffers,
            requests: &mut self.requests,
            stopping: self.phase != StopPhase::Running,
            out_of_budget: false,
        };
        let connection = Box::new(Connection::new(id, accepted, &mut turn));
        if let Some(at) = connection.due() {
            self.due.insert((at, slot));
        }
        if connection.needs_flush() {
            self.to_flush.push(slot);
        }
        self.slots.fill(slot, connection);
        if kind != ListenerKind::Console {
            self.note_guest(id);
        }
        if crowded {
            self.make_room(proxied, now, shared);
        }
        if proxied {
            self.note_headerless(id);
        }
    }

    /// Updates a connection's timers after they changed outside a turn.
    fn retime(&mut self, slot: u32) {
        self.due.retain(|&(_, other)| other != slot);
        if let Some(at) = self.connection(slot).and_then(|connection| connection.due()) {
            self.due.insert((at, slot));
        }
    }

    fn tick(&mut self, now: Instant, shared: &WorkerContext) {
        while let Some(&(at, slot)) = self.due.first() {
            if at > now {
                return;
            }
            self.turn(slot, now, shared, super::connection::Connection::tick);
            // Its remaining timers are later than now; a slot that is gone leaves nothing.
            self.due.remove(&(at, slot));
            self.to_serve.push(slot);
        }
    }

    fn flush(&mut self, now: Instant, shared: &WorkerContext) {
        let unread_max = self.live.limits.unread_to_pause();
        let mut to_flush = std::mem::take(&mut self.to_flush);
        for slot in to_flush.drain(..) {
            self.turn(slot, now, shared, super::connection::Connection::flush);
            let Some(connection) = self.slots.get_mut(slot) else { continue };
            let (resumes, unread) = (connection.resumes_after_flush(unread_max), connection.unread());
            if resumes {
                self.to_serve.push(slot);
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
}
