//! Eviction of slow readers: the limit on what all connections together leave unread.
//!
//! Counted is the memory that it takes. Each worker counts its own at the end of each turn, and reads the
//! others' counts, which may be a turn old. During a turn it only has its pool count what is added, and whoever
//! gets more then and holds more than others goes at once: a turn may add to every slow connection.

use super::super::connection::Connection;
use super::Worker;
use super::slots::Slots;
use crate::server::net::WorkerContext;
use std::sync::atomic::Ordering;
use std::time::Instant;

impl Worker {
    /// If all connections together leave too much unread, the one that leaves the most goes first.
    pub(super) fn evict_slow_readers(&mut self, now: Instant, shared: &WorkerContext) {
        let held_by = |slots: &Slots, slot: u32| slots.get(slot).map_or(0, Connection::held);
        let (mut total, mut largest) = (0, 0);
        for &slot in &self.backlog {
            let held = held_by(&self.slots, slot);
            total += held;
            largest = largest.max(held);
        }
        let Some(mine) = shared.unread.get(self.index) else { return };
        mine.total.store(total, Ordering::Relaxed);
        mine.largest.store(largest, Ordering::Relaxed);
        if total == 0 {
            self.count_held(0, 0);
            return;
        }
        let (mut all, mut most) = (0, 0);
        for unread in shared.unread.iter() {
            all += unread.total();
            most = most.max(unread.largest.load(Ordering::Relaxed));
        }
        self.count_held(total, all);
        if all <= self.live.limits.unread_total {
            return;
        }
        // One turn may have added to every slow connection, so one eviction may not be enough. The
        // largest may belong to another worker, which may be asleep: this one keeps to its own
        // share then.
        let share = self.live.limits.unread_total / shared.unread.len();
        let mut slots: Vec<(usize, u32)> =
            self.backlog.iter().map(|&slot| (held_by(&self.slots, slot), slot)).collect();
        slots.sort_unstable_by(|a, b| b.cmp(a));
        for (before, slot) in slots {
            if all <= self.live.limits.unread_total || (before < most && total <= share) {
                return;
            }
            self.turn(slot, now, shared, super::super::connection::Connection::too_slow);
            let freed = before.saturating_sub(held_by(&self.slots, slot));
            self.buffers.pool.freed(freed);
            (all, total) = (all.saturating_sub(freed), total.saturating_sub(freed));
        }
    }

    /// Tells the pool what this worker's slow readers hold, of what all of them hold.
    fn count_held(&mut self, mine: usize, all: usize) {
        let most = self.live.limits.unread_total.saturating_sub(all - mine);
        let share = most / self.backlog.len().max(1);
        self.buffers.pool.count_held(mine, most, share);
    }
}
