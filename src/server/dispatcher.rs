//! The center: drain, decide, commit, deliver, one turn after another.
//!
//! The short loop that joins `hub`, which knows no database, with `store`, which knows no rooms;
//! nothing else holds both. All waiting requests are decided in order and committed as one
//! transaction, and only then is anything answered or shown: what anyone sees is on disk, and the
//! order of these turns is the order of everything. It must not know what a request means.
//!
//! `shared` says which thread runs a turn: the dispatcher's own, or a worker that finds it free;
//! `transaction` is what a turn stores; `aside` is what is stored by itself, once everyone is answered.

mod aside;
mod journal;
mod refused_batches;
mod shared;
mod transaction;

#[cfg(feature = "faults")]
pub(super) use self::journal::take as take_journal;
pub(super) use self::shared::SharedDispatcher;
pub(super) use self::transaction::Transaction;

use self::aside::TRIAL_EVERY;
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::Rows;
use crate::protocol::names::ConnId;
use crate::server::clock;
use crate::server::faults::{self, Fault, Point};
use crate::server::hub::{Effects, Hub, Now, not_saved};
use crate::server::store::{CommitError, Committed, Store, StoreError};
use crate::server::traffic::{
    Asker, Budget, Delivery, Figures, FiguresJob, Mailbox, Maintenance, PasswordQueueSender, ReadJob, ReloadJob,
    Request, RequestKind, Share,
};
use crossbeam_channel::Sender;
use refused_batches::RefusedBatches;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// After this long without a request, the store does its housekeeping.
const QUIET: Duration = Duration::from_millis(200);

/// The most requests in one turn. More would gain nothing: a sync is expensive, but not compared
/// with this many lines. With fewer there would be more syncs to wait for; with more, requests
/// would wait for each other, and what a turn touches would no longer fit into the processor's
/// cache.
const TURN_MOST: usize = 1024;

/// A turn with at least this many messages is crowded.
const CROWDED: usize = 16;

/// Why the process must end without another word: nobody knows what was saved.
#[derive(Debug, thiserror::Error)]
pub enum DispatcherFault {
    /// A commit may or may not have happened.
    #[error(
        "it is unknown whether the last messages were saved ({0}); everything that was answered will be there after the restart"
    )]
    Ambiguous(CommitError),
    /// After a failed commit, the stored state could not be read again.
    #[error("{0}")]
    Reload(StoreError),
    /// It panicked in a worker's hands; the panic's message is in the log.
    #[error("the dispatcher panicked; everything that was answered is on disk")]
    Panicked,
}

/// The queues that the dispatcher sends to.
#[derive(Debug)]
pub(super) struct Channels {
    pub workers: Vec<Mailbox<Delivery>>,
    pub readers: Sender<ReadJob>,
    /// To the bcrypt pool. Bounded: when it is full, one check is refused with `busy`.
    pub auth: PasswordQueueSender,
    /// To the indexer, with one slot: there are new messages.
    pub index: Sender<()>,
    /// To the checkpointer, with one slot: the write-ahead log has become long.
    pub checkpoint: Sender<()>,
    /// To the thread that reads the settings again.
    pub reload: Sender<ReloadJob>,
    /// To the thread that adds to the hub's figures what others know.
    pub figures: Sender<FiguresJob>,
}

#[derive(Debug)]
pub(super) struct Dispatcher {
    hub: Hub,
    transaction: Transaction,
    failures: RefusedBatches,
    channels: Channels,
    budget: Arc<Budget>,
    effects: Effects,
    /// What `reload` and `watchdog` have said in this turn, and the connection that is answered.
    maintenance: Vec<(ConnId, Box<Maintenance>)>,
    /// Those who asked for the metrics in this turn.
    figures_asked: Vec<Sender<Figures>>,
    /// Deliveries to send after the commit, by worker.
    out: Vec<Vec<Delivery>>,
    /// The previous turn had many messages.
    crowded: bool,
    /// When the store does its housekeeping, if there is no request until then.
    quiet: Option<Instant>,
    /// When it is tried again whether anything can be stored; `None` if that did not fail.
    trial: Option<Instant>,
    /// The connections to refuse if this batch fails.
    asked: Vec<ConnId>,
    stopped: usize,
    wall: u64,
}

impl Dispatcher {
    #[must_use]
    pub(super) fn new(hub: Hub, store: Store, channels: Channels, budget: Arc<Budget>) -> Self {
        let out = channels.workers.iter().map(|_| Vec::new()).collect();
        Self {
            hub,
            transaction: Transaction::new(store),
            failures: RefusedBatches::default(),
            channels,
            budget,
            effects: Effects::default(),
            maintenance: Vec::new(),
            figures_asked: Vec::new(),
            out,
            crowded: false,
            // A crash may have left the store something to do.
            quiet: Some(clock::now() + QUIET),
            trial: None,
            asked: Vec::new(),
            stopped: 0,
            wall: 0,
        }
    }

    /// Works on all of these requests, in one turn or several, and leaves the vector empty. Without
    /// any, it does what is due.
    ///
    /// # Errors
    /// See [`DispatcherFault`]: the caller ends the process immediately.
    fn work(&mut self, requests: &mut Vec<Request>) -> Result<(), DispatcherFault> {
        if requests.is_empty() && self.quiet.is_some_and(|quiet| clock::now() >= quiet) {
            self.quiet = self.transaction.store.idle().then(|| clock::now() + QUIET);
        }
        let mut requests = requests.drain(..);
        loop {
            self.turn(requests.by_ref().take(TURN_MOST))?;
            if requests.len() == 0 {
                return Ok(());
            }
        }
    }

    /// When it has work although there is no request. Its own thread notices when it is done.
    fn due(&self) -> Option<Instant> {
        let done = self.is_done().then(clock::now);
        [self.hub.due(), self.hub.sweep_due(), self.quiet, self.trial, done].into_iter().flatten().min()
    }

    /// Whether many messages come at once and each turn waits for the disk.
    fn is_crowded(&self) -> bool {
        self.crowded && self.transaction.store.syncs()
    }

    /// Whether every worker has said [`RequestKind::Stopped`].
    fn is_done(&self) -> bool {
        self.stopped >= self.channels.workers.len()
    }

    fn into_store(self) -> Store {
        self.transaction.store
    }

    fn turn(&mut self, requests: impl ExactSizeIterator<Item = Request>) -> Result<(), DispatcherFault> {
        let now = self.now(clock::now(), clock::unix_ms());
        if requests.len() > 0 {
            self.quiet = Some(now.instant + QUIET);
        }
        self.asked.clear();
        self.crowded = false;
        let mut bytes = 0;
        let count = requests.len();
        for request in requests {
            bytes += request.bytes;
            journal::request(&request);
            if matches!(request.kind, RequestKind::Stopped) {
                self.stopped += 1;
                continue;
            }
            // It is no part of the batch, and must not be lost with it.
            if let RequestKind::Maintenance(mut maintenance) = request.kind {
                // What comes after it is decided by it, in the same turn as well.
                if let Some(settings) = maintenance.settings.take() {
                    self.hub.reconfigure(now, settings);
                }
                self.maintenance.push((request.conn, maintenance));
                continue;
            }
            if let RequestKind::Figures(to) = request.kind {
                self.figures_asked.push(to);
                continue;
            }
            self.transaction.asking = request.conn;
            if request.kind.is_answered() {
                self.asked.push(request.conn);
            }
            // Once something could not be stored, only connections that are gone are still noted, and those
            // that are refused another current room, which have none then.
            if self.transaction.failed.is_none() || matches!(request.kind, RequestKind::Detach) {
                self.hub.handle(now, request, &mut self.transaction, &mut self.effects);
            } else if request.kind.asks_for_room() {
                self.hub.refuse_room(request.conn);
            }
        }
        if faults::is_planted(Fault::AnswerBeforeCommit) {
            self.hub.commit(&mut self.effects);
            self.deliver(Share::default());
        }
        match self.commit(count) {
            Ok(committed) => {
                journal::committed();
                self.committed(committed);
            }
            Err(CommitError::Refused(why)) => {
                journal::refused();
                self.roll_back(now, &why)?;
            }
            Err(error @ CommitError::Ambiguous(_)) => return Err(DispatcherFault::Ambiguous(error)),
        }
        // After the commit: what is due is done only once, so it must not be lost with a batch.
        if self.hub.due().is_some_and(|due| due <= now.instant) {
            self.hub.tick(now, &mut self.effects);
        }
        for (conn, mut maintenance) in std::mem::take(&mut self.maintenance) {
            if let Some(alive) = maintenance.alive.take() {
                // Who asks has one question at a time, or has ended.
                let _ = alive.try_send(());
            }
            self.hub.maintain(now, conn, *maintenance, &mut self.effects);
        }
        for to in std::mem::take(&mut self.figures_asked) {
            let hub = self.hub.figures(now);
            let used = self.transaction.store.used();
            gather(&self.channels, FiguresJob { to: Asker::Metrics(to), hub, used });
        }
        self.deliver(self.budget.share(bytes));
        faults::point(Point::AfterDelivery);
        self.try_out(now)?;
        self.sweep(now)
    }

    /// Commits what so many requests have changed, and counts how long that took. `None` if there was nothing to store.
    fn commit(&mut self, requests: usize) -> Result<Option<Committed>, CommitError> {
        let began = self.transaction.is_used().then(clock::now);
        let committed = self.transaction.commit()?;
        if let (Some(began), Some(_)) = (began, &committed) {
            let now = clock::now();
            self.hub.count_commit(now, now.saturating_duration_since(began), requests);
        }
        Ok(committed)
    }

    fn committed(&mut self, committed: Option<Committed>) {
        self.hub.commit(&mut self.effects);
        let Some(committed) = committed else { return };
        self.stored();
        self.crowded = committed.messages >= CROWDED;
        self.nudge(committed);
    }

    /// Something was stored: if nothing could be before, that is over.
    fn stored(&mut self) {
        self.trial = None;
        self.hub.saved();
        if let Some(refused) = self.failures.end() {
            log::info!("the disk can be written again; batches refused in the meantime: {refused}");
        }
    }

    /// Leaves to others what is theirs to do. If a nudge is already waiting, it is enough.
    fn nudge(&self, committed: Committed) {
        if committed.messages > 0 || committed.dropped {
            let _ = self.channels.index.try_send(());
        }
        if committed.long_log {
            let _ = self.channels.checkpoint.try_send(());
        }
    }

    /// The batch could not be stored: it is rolled back, and everyone who asked for something in it
    /// is refused.
    fn roll_back(&mut self, now: Now, why: &dyn std::fmt::Display) -> Result<(), DispatcherFault> {
        if let Some(refused) = self.failures.count(now.instant) {
            log::error!("nothing could be written to disk: {why}; batches of requests refused: {refused}");
        }
        self.trial.get_or_insert(now.instant + TRIAL_EVERY);
        self.effects.clear();
        let snapshot = self.transaction.roll_back()?;
        self.hub.roll_back(snapshot);
        for conn in self.asked.drain(..) {
            self.effects.answer(conn, Rows::default(), not_saved());
        }
        Ok(())
    }

    fn deliver(&mut self, share: Share) {
        for (conn, record) in self.transaction.audit.drain(..) {
            log::info!("{}", self.hub.log_entry(conn, record));
        }
        let effects = &mut self.effects;
        for entry in effects.log.drain(..) {
            log::info!("{entry}");
        }
        for job in std::mem::take(&mut effects.auth_jobs) {
            if let Some(displaced) = self.channels.auth.send(job) {
                effects.answer(displaced.conn, Rows::default(), too_many_logins());
            }
        }
        for conn in effects.gone.drain(..) {
            self.channels.auth.forget(conn);
        }
        let lines = effects.take_lines(share);
        for (worker, delivery) in effects.deliveries.drain(..) {
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
        for (conn, read) in effects.read_jobs.drain(..) {
            let read_job = ReadJob { conn, answer_bytes: self.hub.answer_bytes(), read };
            if let Err(error) = self.channels.readers.send(read_job) {
                // This happens only while stopping; the connection is about to be closed then.
                log::debug!("the readers have ended before a read: {error}");
            }
        }
        for (conn, hub) in effects.figures.drain(..) {
            let used = self.transaction.store.used();
            gather(&self.channels, FiguresJob { to: Asker::Connection(conn), hub, used });
        }
        for conn in effects.reloads.drain(..) {
            if let Err(error) = self.channels.reload.send(ReloadJob::Asked(conn)) {
                // As above.
                log::debug!("nobody reads the settings any more: {error}");
            }
        }
    }

    /// The time by which a turn is decided. That of messages never goes back, even if the system's clock does,
    /// and is never behind the steady clock: by that a room drops what it no longer keeps, and would drop what
    /// was said since the clock was set back too early.
    fn now(&mut self, instant: Instant, unix_ms: u64) -> Now {
        let steady = self.hub.steady(Now { instant, wall: unix_ms });
        self.wall = self.wall.max(unix_ms).max(steady);
        Now { instant, wall: self.wall }
    }
}

/// Leaves it to the thread `figures` to answer.
fn gather(channels: &Channels, job: FiguresJob) {
    if let Err(error) = channels.figures.send(job) {
        // This happens only while stopping, as with the readers.
        log::debug!("nobody gathers figures any more: {error}");
    }
}

/// The bcrypt pool has more to do than it may have waiting.
fn too_many_logins() -> Refusal {
    Refusal::new(Code::Busy, "too many people are logging in just now. Try again in 5 s.").retry_after(5)
}

#[cfg(test)]
mod tests;
