//! Eviction of slow readers: the limit on what all connections together leave unread.
//!
//! Each worker counts its own and reads the others' counts, which may be a turn old.

use super::super::connection::Connection;
use super::Worker;
use super::slots::Slots;
use crate::server::net::WorkerContext;
use std::sync::atomic::Ordering;
use std::time::Instant;

impl Worker {
    /// If all connections together leave too much unread, the one that leaves the most goes first.
    pub(super) fn evict_slow_readers(&mut self, now: Instant, shared: &WorkerContext) {
        let unread_of = |slots: &Slots, slot: u32| slots.get(slot).map_or(0, Connection::unread);
        let (mut total, mut largest) = (0, 0);
        for &slot in &self.backlog {
            let unread = unread_of(&self.slots, slot);
            total += unread;
            largest = largest.max(unread);
        }
        let Some(mine) = shared.unread.get(self.index) else { return };
        mine.total.store(total, Ordering::Relaxed);
        mine.largest.store(largest, Ordering::Relaxed);
        if total == 0 {
            return;
        }
        let (mut all, mut most) = (0, 0);
        for unread in &shared.unread {
            all += unread.total.load(Ordering::Relaxed);
            most = most.max(unread.largest.load(Ordering::Relaxed));
        }
        if all <= shared.limits.unread_total {
            return;
        }
        // One turn may have added to every slow connection, so one eviction may not be enough. The
        // largest may belong to another worker, which may be asleep: this one keeps to its own
        // share then.
        let share = shared.limits.unread_total / shared.unread.len();
        let mut slots: Vec<(usize, u32)> =
            self.backlog.iter().map(|&slot| (unread_of(&self.slots, slot), slot)).collect();
        slots.sort_unstable_by(|a, b| b.cmp(a));
        for (before, slot) in slots {
            if all <= shared.limits.unread_total || (before < most && total <= share) {
                return;
            }
            self.turn(slot, now, shared, super::super::connection::Connection::too_slow);
            let freed = before.saturating_sub(unread_of(&self.slots, slot));
            (all, total) = (all.saturating_sub(freed), total.saturating_sub(freed));
        }
    }
}
