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
}

impl SharedDispatcher {
    #[must_use]
    pub(in crate::server) fn new(queue: TurnQueue<Request>, dispatcher: Dispatcher) -> Self {
        // Something may be due before anybody sends anything.
        queue.end_turn(dispatcher.due(), false);
        Self { queue, held: Mutex::new(Held { dispatcher: Some(dispatcher), fault: None }) }
    }

    /// Runs on the dispatcher's thread until every worker has stopped, then returns the store to be
    /// closed.
    ///
    /// # Errors
    /// See [`DispatcherFault`]: the caller ends the process immediately.
    pub(in crate::server) fn run(&self) -> Result<Store, DispatcherFault> {
        let (mut batch, mut more) = (Vec::new(), Vec::new());
        loop {
            let failed = self.queue.wait(&mut batch).is_err();
            let mut held = self.held.lock();
            let Held { dispatcher, fault } = &mut *held;
            let Some(running) = dispatcher.as_mut().filter(|_| !failed) else {
                return Err(fault.take().unwrap_or(DispatcherFault::Panicked));
            };
            if running.is_crowded() && !batch.is_empty() && batch.len() < TURN_MOST {
                std::thread::sleep(GATHER);
                self.queue.take(&mut more);
                batch.append(&mut more);
            }
            running.work(&mut batch)?;
            if !running.is_done() {
                self.end_turn(running);
                continue;
            }
            if let Some(ended) = dispatcher.take() {
                return Ok(ended.into_store());
            }
        }
    }

    fn end_turn(&self, dispatcher: &Dispatcher) {
        self.queue.end_turn(dispatcher.due(), dispatcher.is_crowded());
    }
}

impl Submit for SharedDispatcher {
    fn submit(&self, requests: &mut Vec<Request>) -> bool {
        if !self.queue.send_or_take_turn(requests) {
            return false;
        }
        let mut held = self.held.lock();
        let Held { dispatcher: Some(dispatcher), fault } = &mut *held else { return false };
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
