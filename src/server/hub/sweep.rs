//! The sweep: drops what rooms, or all conversations, no longer keep, and removes what accounts said that want all of it to go.
//! It is done a little at a time, in turns of its own after what people asked for, so that nobody waits
//! for it long.
//!
//! Here is only what is looked at when. Nothing of that is stored: at a start all of it is looked at, and
//! what is old is found by its time. The steady clock decides what is old. The dispatcher's thread runs
//! it.

use super::{Hub, Now};
use crate::protocol::names::{AccountId, ConversationId, MessageId};
use crate::server::core::{NotStored, OperationKind, State, Storage};
use crate::server::faults::{self, Fault};
use crate::server::traffic::{Expiry, KeepLimits, Oldest, Rest, SaidBy, Surplus};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long `/retain`, or a reload that keeps less, can be taken back before anything goes.
pub(in crate::server) const GRACE: Duration = Duration::from_mins(10);

/// Between two looks at a room. So a message is gone at most so long after its time is over, and
/// those of one such span go together.
const CALM: Duration = Duration::from_mins(1);

/// The most messages that one sweep drops: a few milliseconds' work.
pub(crate) const SWEEP_MOST: usize = 256;

/// Between two sweeps, while there is more to drop: about 5,000 messages a second go then.
const PAUSE: Duration = Duration::from_millis(50);

/// The most messages that one sweep removes. Each becomes a change of its own, which takes longer.
pub(crate) const ERASE_MOST: usize = 100;

/// The most rooms that one sweep looks at.
const LOOKS_MOST: usize = 16;

/// Before a room of which no message is known is looked at again.
const UNKNOWN: Duration = Duration::from_mins(10);

/// The same while messages wait to be indexed, as they may after a start.
const UNINDEXED: Duration = Duration::from_secs(5);

/// What a sweep asks the store for.
pub(crate) trait Backlog {
    /// The oldest messages of a room above an id: the last of those, from the first one on, that are all too old, and
    /// when the next one was said. At most [`SWEEP_MOST`] are looked at.
    ///
    /// # Errors
    /// [`NotStored`] if it could not be read. The transaction has then failed.
    fn oldest(&mut self, room: ConversationId, above: MessageId, expiry: Expiry) -> Result<Oldest, NotStored>;

    /// The oldest messages of all conversations that are too old, or that have to go so that no more than so many
    /// bytes of the database are in use: at most [`SWEEP_MOST`].
    ///
    /// # Errors
    /// As [`Backlog::oldest`].
    fn surplus(&mut self, expiry: Option<Expiry>, bytes: Option<u64>) -> Result<Surplus, NotStored>;

    /// Some of what an account said that has unregistered, at most [`ERASE_MOST`] messages, behind a
    /// cursor; 0 is the beginning.
    ///
    /// # Errors
    /// As [`Backlog::oldest`].
    fn said_by(&mut self, author: AccountId, cursor: i64) -> Result<SaidBy, NotStored>;
}

/// Something that the sweep looks at from time to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Task {
    /// All conversations, since none keeps everything.
    All,
    /// A room that does not keep everything.
    Room(ConversationId),
    /// An account whose messages are being removed.
    Account(AccountId),
}

/// What is looked at when.
#[derive(Debug)]
pub(super) struct Sweeper {
    queue: BTreeSet<(Instant, Task)>,
    /// The same, by task.
    due: FxHashMap<Task, Instant>,
    /// Until when what keeps less can be taken back: nothing goes before.
    graces: FxHashMap<Task, Instant>,
    /// How far each account's messages are removed.
    cursors: FxHashMap<AccountId, i64>,
    /// After this time everything is to be looked at: the stored state was read anew.
    restart: Option<Duration>,
}

impl Default for Sweeper {
    fn default() -> Self {
        let (queue, due, graces) = (BTreeSet::new(), FxHashMap::default(), FxHashMap::default());
        Self { queue, due, graces, cursors: FxHashMap::default(), restart: Some(Duration::ZERO) }
    }
}

impl Sweeper {
    /// A room keeps what is said for so long from now on.
    pub(super) fn set_retention(&mut self, now: Instant, room: ConversationId, keep: Option<Duration>) {
        self.change(now, Task::Room(room), keep.is_some());
    }

    /// All conversations keep no more than this from now on.
    pub(super) fn set_limits(&mut self, now: Instant, keep: KeepLimits) {
        self.change(now, Task::All, keep.is_some());
    }

    /// What is kept has changed, and there may be something to drop or not.
    fn change(&mut self, now: Instant, task: Task, drops: bool) {
        self.forget(task);
        self.graces.retain(|_, until| *until > now);
        if drops {
            self.graces.insert(task, now + GRACE);
            self.put(task, now + GRACE);
        }
    }

    /// What an account said is to be removed.
    pub(super) fn erase(&mut self, now: Instant, account: AccountId) {
        self.put(Task::Account(account), now + PAUSE);
    }

    /// A batch was rolled back, which may have dropped something: so everything is to be looked at, whenever it was due.
    /// Nothing is done again at once, or a full disk would be tried all the time.
    pub(super) fn roll_back(&mut self) {
        self.cursors.clear();
        self.restart = Some(CALM);
    }

    fn put(&mut self, task: Task, due: Instant) {
        self.forget(task);
        self.due.insert(task, due);
        self.queue.insert((due, task));
    }

    fn forget(&mut self, task: Task) {
        if let Some(due) = self.due.remove(&task) {
            self.queue.remove(&(due, task));
        }
    }

    fn first(&self, now: Instant) -> Option<Task> {
        self.queue.first().filter(|(due, _)| *due <= now).map(|&(_, task)| task)
    }

    fn start(&mut self, after: Duration, now: Instant, state: &State, keep: KeepLimits) {
        let all = keep.is_some().then_some(Task::All).into_iter();
        let rooms = state.rooms_with_retention().map(Task::Room);
        for task in all.chain(rooms).chain(state.erasing().map(Task::Account)) {
            let due = self.graces.get(&task).map_or(now, |&until| until).max(now + after);
            self.put(task, due);
        }
    }
}

impl Hub {
    /// When something is to be looked at next, as far as it is known.
    #[must_use]
    pub(in crate::server) fn sweep_due(&self) -> Option<Instant> {
        self.sweeper.queue.first().map(|&(due, _)| due)
    }

    /// Whether [`Hub::sweep`] has something to do.
    #[must_use]
    pub(in crate::server) fn is_sweep_due(&self, now: Instant) -> bool {
        self.sweeper.restart.is_some() || self.sweep_due().is_some_and(|due| due <= now)
    }

    /// Drops some of what is due, in a transaction of its own.
    pub(in crate::server) fn sweep(&mut self, now: Now, storage: &mut (impl Storage + Backlog)) {
        if let Some(after) = self.sweeper.restart.take() {
            self.sweeper.start(after, now.instant, &self.state, self.settings.keep);
        }
        for _ in 0..LOOKS_MOST {
            let Some(task) = self.sweeper.first(now.instant) else { break };
            let swept = match task {
                Task::All => self.sweep_all(now, storage),
                Task::Room(room) => self.sweep_room(now, room, storage),
                Task::Account(account) => self.sweep_account(now, account, storage),
            };
            match swept {
                Ok(Swept { next, changed }) => {
                    match next {
                        Some(wait) if !faults::is_planted(Fault::SweepForgotten) => {
                            self.sweeper.put(task, now.instant + wait);
                        }
                        _ => self.sweeper.forget(task),
                    }
                    if changed {
                        break;
                    }
                }
                // The batch is rolled back, and with it the schedule.
                Err(NotStored) => break,
            }
        }
    }

    fn sweep_all(&mut self, now: Now, storage: &mut (impl Storage + Backlog)) -> Result<Swept, NotStored> {
        let KeepLimits { lasts, bytes } = self.settings.keep;
        let shortened = if faults::is_planted(Fault::DroppedEarly) { 2 } else { 1 };
        let lasts = lasts.map(|lasts| u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX) / shortened);
        let steady = self.clock.at(now);
        let expiry = lasts.map(|lasts| Expiry { before: steady.saturating_sub(lasts), now: now.wall });
        let Surplus { through, next_at, more, behind } = storage.surplus(expiry, bytes)?;
        let changed = !through.is_empty();
        if changed && let Err(refusal) = self.apply(now, OperationKind::Drop(through), storage) {
            log::error!("what is more than all conversations keep could not be dropped: {}", refusal.text);
            return Ok(Swept { next: Some(UNKNOWN), changed: false });
        }
        let due = |at: u64, lasts: u64| Duration::from_millis(at.saturating_add(lasts).saturating_sub(steady));
        let wait = match next_at.zip(lasts) {
            _ if more => PAUSE,
            // What is not indexed yet may be due as well.
            _ if behind => UNINDEXED,
            // Nobody knows when the database is too large again.
            _ if bytes.is_some() => CALM,
            Some((at, lasts)) => due(at, lasts).max(CALM),
            None => UNKNOWN,
        };
        Ok(Swept { next: Some(wait), changed })
    }

    fn sweep_room(
        &mut self,
        now: Now,
        room: ConversationId,
        storage: &mut (impl Storage + Backlog),
    ) -> Result<Swept, NotStored> {
        let Some(keep) = self.state.keeps_for(room) else { return Ok(Swept { next: None, changed: false }) };
        let dropped = self.state.dropped(room);
        let steady = self.clock.at(now);
        let lasts = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        let expiry = Expiry { before: steady.saturating_sub(lasts), now: now.wall };
        let Oldest { expired, next_at, behind } = storage.oldest(room, dropped, expiry)?;
        if let Some(through) = expired
            && let Err(refusal) = self.apply(now, OperationKind::Drop(BTreeMap::from([(room, through)])), storage)
        {
            log::error!("what room {room:?} no longer keeps could not be dropped: {}", refusal.text);
            return Ok(Swept { next: Some(UNKNOWN), changed: false });
        }
        let wait = match next_at.map(|at| Duration::from_millis(at.saturating_add(lasts).saturating_sub(steady))) {
            Some(wait) if wait.is_zero() && expired.is_some() => PAUSE,
            Some(wait) => wait.max(CALM),
            None if behind => UNINDEXED,
            None => UNKNOWN,
        };
        Ok(Swept { next: Some(wait), changed: expired.is_some() })
    }
}

impl Hub {
    fn sweep_account(
        &mut self,
        now: Now,
        author: AccountId,
        storage: &mut (impl Storage + Backlog),
    ) -> Result<Swept, NotStored> {
        let nothing = Swept { next: None, changed: false };
        if !self.state.is_erasing(author) {
            return Ok(nothing);
        }
        let cursor = self.sweeper.cursors.get(&author).copied().unwrap_or(0);
        let SaidBy { messages, cursor, rest } = storage.said_by(author, cursor)?;
        self.sweeper.cursors.insert(author, cursor);
        let (changed, last) = (!messages.is_empty(), rest == Rest::Nothing);
        if (changed || last)
            && let Err(refusal) = self.apply(now, OperationKind::Erase { author, messages, last }, storage)
        {
            log::error!("what account {author:?} said could not be removed: {}", refusal.text);
            return Ok(Swept { next: Some(UNKNOWN), changed: false });
        }
        Ok(match rest {
            Rest::More => Swept { next: Some(PAUSE), changed },
            Rest::Unknown => Swept { next: Some(UNINDEXED), changed },
            Rest::Nothing => {
                self.sweeper.cursors.remove(&author);
                nothing
            }
        })
    }
}

#[cfg(test)]
impl Hub {
    /// Drops the messages of a room up to an id, however new they are, if there are any.
    pub(in crate::server) fn drop_messages(
        &mut self,
        room: ConversationId,
        through: MessageId,
        storage: &mut dyn Storage,
    ) {
        let now = Now { instant: Instant::now(), wall: 1 };
        let _ = self.apply(now, OperationKind::Drop(BTreeMap::from([(room, through)])), storage);
    }
}

/// What came of a look.
struct Swept {
    /// When to look again; `None` if there is nothing to do any more.
    next: Option<Duration>,
    /// Whether anything was dropped or removed.
    changed: bool,
}
