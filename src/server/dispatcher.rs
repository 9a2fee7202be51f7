//! The central thread: drain, decide, commit, hand out.
//!
//! The short loop that joins `rooms`, which knows no database, with `store`, which knows no rooms;
//! nothing else holds both. All that waits is decided in order and kept as one transaction, and
//! only then is anything answered or shown: what anyone sees is on disk, and the order of this
//! loop is the order of everything.

use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::Rows;
use crate::protocol::names::ConnId;
use crate::server::rooms::{Effects, Keep, Now, Rooms};
use crate::server::store::{CommitError, Store, StoreError};
use crate::server::traffic::{AuthJob, Budget, Delivery, Mailbox, ReadJob, Request, RequestKind, Share};
use crossbeam_channel::{Sender, TrySendError};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// After so long without a request the store may do its housekeeping.
const QUIET: Duration = Duration::from_millis(200);

/// Requests of one turn. More of them share nothing more: a sync is dear, but not beside so many
/// lines. Less would wait for more syncs; more would wait for each other, and what a turn touches
/// would no longer fit into the processor's cache.
const TURN_MOST: usize = 1024;

/// Messages of a turn from which on the next one waits a moment for more.
const GATHER_MIN: usize = 16;

/// How long that is. A sync takes about as long by itself, and so many more lines then share the
/// sync, the wake-up of each worker, and the write to each connection.
const GATHER: Duration = Duration::from_micros(100);

/// Why the process must end without another word: nobody knows what was kept.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A commit may or may not have happened.
    #[error(
        "the disk did not say whether the last messages were kept ({0}); what was answered is there after the restart"
    )]
    Ambiguous(CommitError),
    /// After a commit that failed, what is kept could not be read again.
    #[error("{0}")]
    Reload(StoreError),
}

/// Where the dispatcher takes from and hands to.
#[derive(Debug)]
pub struct Channels {
    /// Its own mailbox.
    pub requests: Mailbox<Request>,
    /// To each worker.
    pub workers: Vec<Mailbox<Delivery>>,
    /// To the readers.
    pub readers: Sender<ReadJob>,
    /// To the bcrypt pool. Bounded; where it is full, the check is refused with `busy`.
    pub auth: Sender<AuthJob>,
    /// To the indexer, of one slot: there are new messages.
    pub index: Sender<()>,
    /// To the checkpointer, of one slot: the log has become long.
    pub checkpoint: Sender<()>,
}

/// See the module.
#[derive(Debug)]
pub struct Dispatcher {
    rooms: Rooms,
    store: Store,
    channels: Channels,
    budget: Arc<Budget>,
    effects: Effects,
    /// What is handed out after the commit, by worker.
    out: Vec<Vec<Delivery>>,
    /// Whether a transaction is open.
    open: bool,
    /// The turn before had many messages.
    crowded: bool,
    /// For what comes while a turn waits for more; empty between two turns.
    more: Vec<Request>,
    /// Who waits for an answer from this batch, should it fail.
    asked: Vec<ConnId>,
    stopped: usize,
    wall: u64,
}

impl Dispatcher {
    /// Joins the two.
    #[must_use]
    pub fn new(rooms: Rooms, store: Store, channels: Channels, budget: Arc<Budget>) -> Self {
        let out = channels.workers.iter().map(|_| Vec::new()).collect();
        Self {
            rooms,
            store,
            channels,
            budget,
            effects: Effects::default(),
            out,
            open: false,
            crowded: false,
            more: Vec::new(),
            asked: Vec::new(),
            stopped: 0,
            wall: 0,
        }
    }

    /// Runs until every worker has said [`RequestKind::Stopped`], then gives the store back to be closed.
    ///
    /// # Errors
    /// See [`Fault`]: the caller ends the process at once.
    pub fn run(mut self) -> Result<Store, Fault> {
        let mut batch = Vec::new();
        let mut busy = false;
        while self.stopped < self.channels.workers.len() {
            let quiet = busy.then(|| Instant::now() + QUIET);
            let until = [self.rooms.due(), quiet].into_iter().flatten().min();
            self.channels.requests.wait(until, &mut batch);
            if self.crowded {
                self.gather(&mut batch);
            }
            if batch.is_empty() && quiet.is_some_and(|quiet| Instant::now() >= quiet) {
                self.store.idle();
                busy = false;
            }
            busy |= !batch.is_empty();
            let mut requests = batch.drain(..);
            loop {
                self.turn(requests.by_ref().take(TURN_MOST))?;
                if requests.len() == 0 {
                    break;
                }
            }
        }
        Ok(self.store)
    }

    /// Lets more lines come, where the turn before had many and each sync is waited for.
    fn gather(&mut self, batch: &mut Vec<Request>) {
        if self.store.syncs() && !batch.is_empty() && batch.len() < TURN_MOST {
            std::thread::sleep(GATHER);
            self.channels.requests.take(&mut self.more);
            batch.append(&mut self.more);
        }
    }

    fn turn(&mut self, requests: impl Iterator<Item = Request>) -> Result<(), Fault> {
        let now = self.now();
        self.asked.clear();
        self.crowded = false;
        let (mut failed, mut bytes) = (None, 0);
        for request in requests {
            bytes += request.bytes;
            if matches!(request.kind, RequestKind::Stopped) {
                self.stopped += 1;
                continue;
            }
            if request.kind.is_answered() {
                self.asked.push(request.conn);
            }
            // Once something could not be kept, only who went away is still noted.
            if failed.is_none() || matches!(request.kind, RequestKind::Detach) {
                let decided = self.decide(now, request);
                failed = failed.or(decided.err());
            }
        }
        if failed.is_none() && self.open {
            match self.store.commit() {
                Ok(committed) => {
                    self.open = false;
                    self.crowded = committed.messages >= GATHER_MIN;
                    // A nudge that waits already is enough.
                    if committed.messages > 0 {
                        let _ = self.channels.index.try_send(());
                    }
                    if committed.long_log {
                        let _ = self.channels.checkpoint.try_send(());
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            None => self.rooms.kept(&mut self.effects.out),
            Some(error) => self.take_back(error)?,
        }
        // Behind the commit: who came and went is told once, so it must not be lost with a batch.
        if self.rooms.due().is_some_and(|due| due <= now.instant) {
            self.rooms.tick(now, &mut self.effects);
        }
        self.hand_out(self.budget.share(bytes));
        Ok(())
    }

    fn decide(&mut self, now: Now, request: Request) -> Result<(), CommitError> {
        self.rooms.handle(now, request, &mut self.effects);
        self.carry_out()
    }

    /// Keeps what has to be kept.
    fn carry_out(&mut self) -> Result<(), CommitError> {
        let Effects { keep, out } = &mut self.effects;
        for keep in keep.drain(..) {
            if !self.open {
                self.store.begin()?;
                self.open = true;
            }
            match keep {
                Keep::Write(write) => self.store.write(&write)?,
                Keep::Append(append) => {
                    let outcome = self.store.append(&append.draft)?;
                    self.rooms.appended(append, outcome, out);
                }
            }
        }
        Ok(())
    }

    /// The batch could not be kept: it is rolled back, and who asked is refused.
    fn take_back(&mut self, error: CommitError) -> Result<(), Fault> {
        let CommitError::Refused(why) = error else { return Err(Fault::Ambiguous(error)) };
        log::error!("the disk took nothing: {why}; what came in with it was refused");
        // What the failed loop left undone.
        self.effects.keep.clear();
        self.effects.out.clear();
        self.open = false;
        self.store.rollback().map_err(Fault::Ambiguous)?;
        let kept = self.store.load().map_err(Fault::Reload)?;
        self.rooms.reload(kept);
        for conn in self.asked.drain(..) {
            let refusal =
                Refusal::new(Code::Storage, "the server's disk took it not; nothing was changed. Try again later.");
            self.effects.out.answer(conn, Rows::default(), refusal);
        }
        Ok(())
    }

    fn hand_out(&mut self, share: Share) {
        let out = &mut self.effects.out;
        for job in std::mem::take(&mut out.auth_jobs) {
            if let Err((conn, refusal)) = check(&self.channels.auth, job) {
                out.answer(conn, Rows::default(), refusal);
            }
        }
        let lines = out.take_lines(share);
        for (worker, delivery) in out.deliveries.drain(..) {
            let Some(out) = self.out.get_mut(worker) else { continue };
            if out.is_empty()
                && let Some(lines) = &lines
            {
                out.push(Delivery::Lines(Arc::clone(lines)));
            }
            out.push(delivery);
        }
        for (worker, out) in self.channels.workers.iter().zip(&mut self.out) {
            worker.send_all(out);
        }
        for read_job in out.read_jobs.drain(..) {
            if let Err(error) = self.channels.readers.send(read_job) {
                // Only while stopping: whoever asked is told by the end of the connection.
                log::debug!("a read came after the readers had ended: {error}");
            }
        }
    }

    fn now(&mut self) -> Now {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        // The time of a room's messages never falls, whatever is done to the clock.
        self.wall = self.wall.max(wall);
        Now { instant: Instant::now(), wall: self.wall }
    }
}

/// Hands a password to the bcrypt pool, or says why not.
fn check(auth: &Sender<AuthJob>, job: AuthJob) -> Result<(), (ConnId, Refusal)> {
    auth.try_send(job).map_err(|error| match error {
        TrySendError::Full(job) => {
            let text = "too many people are logging in just now. Try again in 5 s.";
            (job.conn, Refusal::new(Code::Busy, text).retry_after(5))
        }
        TrySendError::Disconnected(job) => {
            let text = "the server is going down. Come back in a moment.";
            (job.conn, Refusal::new(Code::ShuttingDown, text).retry_after(5))
        }
    })
}

#[cfg(test)]
mod tests;
