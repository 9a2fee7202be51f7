//! Which thread runs the dispatcher's turns: one at a time, in the order of the queue.
//!
//! A worker that has requests and finds the dispatcher free runs the turn itself, and delivers
//! without having slept: on a quiet server a line then costs no switch of threads at all. The
//! dispatcher's own thread runs what is left: what others send during a turn or while no worker is
//! awake, what is due without a request, and all of it while lines come in crowds and each turn waits
//! for the disk, so that the workers can read and write meanwhile.

use super::{Dispatcher, DispatcherFault, TURN_MOST};
use crate::server::store::Store;
use crate::server::traffic::{Request, Submit, TurnQueue};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// How long the dispatcher's thread waits for more lines, after a crowded turn. A sync takes about as
/// long, and all the lines that arrive share the sync, the wake-up of each worker, and the write to
/// each connection.
const GATHER: Duration = Duration::from_micros(100);

/// The dispatcher, for its own thread and the workers.
#[derive(Debug)]
pub(in crate::server) struct SharedDispatcher {
    queue: TurnQueue<Request>,
    /// Locked only by whoever has the queue's turn, so never waited for.
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    /// `None` when it has ended.
    dispatcher: Option<Dispatcher>,
    /// Why a worker could not finish a turn.
    fault: Option<DispatcherFault>,
    /// What came while the owner waited for more. Empty between two turns; here so that its memory is
    /// reused.
    gathered: Vec<Request>,
}

impl SharedDispatcher {
    #[must_use]
    pub(in crate::server) fn new(queue: TurnQueue<Request>, dispatcher: Dispatcher) -> Self {
        // Something may be due before anybody sends anything.
        queue.end_turn(dispatcher.due(), false);
        Self { queue, held: Mutex::new(Held { dispatcher: Some(dispatcher), fault: None, gathered: Vec::new() }) }
    }

    /// Runs on the dispatcher's thread until every worker has stopped, then returns the store to be
    /// closed.
    ///
    /// # Errors
    /// See [`DispatcherFault`]: the caller ends the process immediately.
    pub(in crate::server) fn run(&self) -> Result<Store, DispatcherFault> {
        let mut batch = Vec::new();
        loop {
            self.queue.wait(&mut batch).map_err(|_| self.take_fault())?;
            if let Some(store) = self.owners_turn(&mut batch, || std::thread::sleep(GATHER))? {
                return Ok(store);
            }
        }
    }

    /// The turn that the owner has; `gather` waits for more lines. Returns the store at the end.
    fn owners_turn(&self, batch: &mut Vec<Request>, gather: impl FnOnce()) -> Result<Option<Store>, DispatcherFault> {
        let mut held = self.held.lock();
        let Held { dispatcher, fault, gathered } = &mut *held;
        let Some(running) = dispatcher.as_mut() else { return Err(fault.take().unwrap_or(DispatcherFault::Panicked)) };
        if running.is_crowded() && !batch.is_empty() && batch.len() < TURN_MOST {
            gather();
            self.queue.take(gathered);
            batch.append(gathered);
        }
        running.work(batch)?;
        if running.is_done() {
            return Ok(dispatcher.take().map(Dispatcher::into_store));
        }
        self.end_turn(running);
        Ok(None)
    }

    /// Why there is no further turn.
    fn take_fault(&self) -> DispatcherFault {
        self.held.lock().fault.take().unwrap_or(DispatcherFault::Panicked)
    }

    fn end_turn(&self, dispatcher: &Dispatcher) {
        self.queue.end_turn(dispatcher.due(), dispatcher.is_crowded());
    }
}

/// Without its thread: the simulation says when the owner's turn comes, and how long it takes.
#[cfg(feature = "faults")]
impl SharedDispatcher {
    /// The owner takes the turn if it is free and there is something to do; it has it until
    /// [`SharedDispatcher::finish_turn`].
    ///
    /// # Errors
    /// See [`DispatcherFault`].
    pub(in crate::server) fn begin_turn(&self, batch: &mut Vec<Request>) -> Result<bool, DispatcherFault> {
        self.queue.begin_wait(batch).map_err(|_| self.take_fault())
    }

    /// Works on the batch and gives the turn back.
    ///
    /// # Errors
    /// See [`DispatcherFault`].
    pub(in crate::server) fn finish_turn(&self, batch: &mut Vec<Request>) -> Result<Option<Store>, DispatcherFault> {
        self.owners_turn(batch, || {})
    }

    /// Does something with the store, between two turns.
    pub(in crate::server) fn with_store(&self, act: impl FnOnce(&Store)) {
        if let Some(dispatcher) = &self.held.lock().dispatcher {
            act(&dispatcher.transaction.store);
        }
    }
}

impl Submit for SharedDispatcher {
    fn submit(&self, requests: &mut Vec<Request>) -> bool {
        if !self.queue.send_or_take_turn(requests) {
            return false;
        }
        let mut held = self.held.lock();
        let Held { dispatcher: Some(dispatcher), fault, .. } = &mut *held else { return false };
        let worked = catch_unwind(AssertUnwindSafe(|| dispatcher.work(requests)));
        match worked.unwrap_or(Err(DispatcherFault::Panicked)) {
            Ok(()) => self.end_turn(dispatcher),
            Err(error) => {
                // The dispatcher's own thread reports it, and ends the server.
                *fault = Some(error);
                requests.clear();
                self.queue.fail();
            }
        }
        true
    }
}
