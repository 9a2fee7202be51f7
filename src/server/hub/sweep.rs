//! The sweep: drops what rooms no longer keep. It is done a little at a time, in turns of its own after
//! what people asked for, so that nobody waits for it long.
//!
//! Here is only when each room is looked at next. Nothing of that is stored: at a start every room is
//! looked at, and what is old is found by its time. The steady clock decides what is old. The
//! dispatcher's thread runs it.

use super::{Hub, Now};
use crate::protocol::names::{ConversationId, MessageId};
use crate::server::core::{NotStored, OperationKind, State, Storage};
use crate::server::traffic::Oldest;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long `/retain` can be taken back before anything goes.
pub(super) const GRACE: Duration = Duration::from_mins(10);

/// Between two looks at a room. So a message is gone at most so long after its time is over, and
/// those of one such span go together.
const CALM: Duration = Duration::from_mins(1);

/// The most messages that one sweep drops: a few milliseconds' work.
pub(crate) const SWEEP_MOST: usize = 256;

/// Between two sweeps, while there is more to drop: about 5,000 messages a second go then.
const PAUSE: Duration = Duration::from_millis(50);

/// The most rooms that one sweep looks at.
const ROOMS_MOST: usize = 16;

/// Before a room of which no message is known is looked at again.
const UNKNOWN: Duration = Duration::from_mins(10);

/// The same while messages wait to be indexed, as they may after a start.
const UNINDEXED: Duration = Duration::from_secs(5);

/// What a sweep asks the store for.
pub(crate) trait Backlog {
    /// The oldest messages of a room above an id: the last of those, from the first one on, that were
    /// all said before that time, and when the next one was said. At most [`SWEEP_MOST`] are looked at.
    ///
    /// # Errors
    /// [`NotStored`] if it could not be read. The transaction has then failed.
    fn oldest(&mut self, room: ConversationId, above: MessageId, before: u64) -> Result<Oldest, NotStored>;
}

/// When each room is looked at next.
#[derive(Debug)]
pub(super) struct Sweeper {
    queue: BTreeSet<(Instant, ConversationId)>,
    /// The same, by room.
    due: FxHashMap<ConversationId, Instant>,
    /// After this time all rooms are to be looked at: the stored state was read anew.
    restart: Option<Duration>,
}

impl Default for Sweeper {
    fn default() -> Self {
        Self { queue: BTreeSet::new(), due: FxHashMap::default(), restart: Some(Duration::ZERO) }
    }
}

impl Sweeper {
    /// A room keeps what is said for so long from now on.
    pub(super) fn set_retention(&mut self, now: Instant, room: ConversationId, keep: Option<Duration>) {
        self.forget(room);
        if keep.is_some() {
            self.put(room, now + GRACE);
        }
    }

    /// A batch was rolled back. Nothing is done again at once, or a full disk would be tried all the time.
    pub(super) fn roll_back(&mut self) {
        self.restart = Some(CALM);
    }

    fn put(&mut self, room: ConversationId, due: Instant) {
        self.forget(room);
        self.due.insert(room, due);
        self.queue.insert((due, room));
    }

    fn forget(&mut self, room: ConversationId) {
        if let Some(due) = self.due.remove(&room) {
            self.queue.remove(&(due, room));
        }
    }

    fn first(&self, now: Instant) -> Option<ConversationId> {
        self.queue.first().filter(|(due, _)| *due <= now).map(|&(_, room)| room)
    }

    fn start(&mut self, after: Duration, now: Instant, state: &State) {
        for room in state.rooms_with_retention() {
            // What is due later may be a `/retain` that can still be taken back.
            let due = self.due.get(&room).map_or(now, |&due| due).max(now + after);
            self.put(room, due);
        }
    }
}

impl Hub {
    /// When the next room is to be looked at, as far as it is known.
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
            self.sweeper.start(after, now.instant, &self.state);
        }
        for _ in 0..ROOMS_MOST {
            let Some(room) = self.sweeper.first(now.instant) else { break };
            match self.sweep_room(now, room, storage) {
                Ok(Swept { next, dropped }) => {
                    match next {
                        Some(wait) => self.sweeper.put(room, now.instant + wait),
                        None => self.sweeper.forget(room),
                    }
                    if dropped {
                        break;
                    }
                }
                // The batch is rolled back, and with it the schedule.
                Err(NotStored) => break,
            }
        }
    }

    fn sweep_room(
        &mut self,
        now: Now,
        room: ConversationId,
        storage: &mut (impl Storage + Backlog),
    ) -> Result<Swept, NotStored> {
        let Some(keep) = self.state.keeps_for(room) else { return Ok(Swept { next: None, dropped: false }) };
        let dropped = self.state.dropped(room);
        let steady = self.clock.at(now);
        let lasts = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        let Oldest { expired, next_at, behind } = storage.oldest(room, dropped, steady.saturating_sub(lasts))?;
        if let Some(through) = expired
            && let Err(refusal) = self.apply(now, OperationKind::Drop { room, through }, storage)
        {
            log::error!("what room {room:?} no longer keeps could not be dropped: {}", refusal.text);
            return Ok(Swept { next: Some(UNKNOWN), dropped: false });
        }
        let wait = match next_at.map(|at| Duration::from_millis(at.saturating_add(lasts).saturating_sub(steady))) {
            Some(wait) if wait.is_zero() && expired.is_some() => PAUSE,
            Some(wait) => wait.max(CALM),
            None if behind => UNINDEXED,
            None => UNKNOWN,
        };
        Ok(Swept { next: Some(wait), dropped: expired.is_some() })
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
        let _ = self.apply(now, OperationKind::Drop { room, through }, storage);
    }
}

/// What came of looking at a room.
struct Swept {
    /// When to look again; `None` if the room keeps everything.
    next: Option<Duration>,
    /// Whether anything was dropped.
    dropped: bool,
}
