//! The bound over what all connections together leave unread.

use super::super::connection::Connection;
use super::Worker;
use crate::net::Shared;
use std::sync::atomic::Ordering;
use std::time::Instant;

impl Worker {
    /// Where all connections together leave too much unread, the largest goes first.
    pub(super) fn relieve(&mut self, now: Instant, shared: &Shared) {
        let owed = |connections: &[Option<Box<Connection>>], slot: u32| {
            connections.get(slot as usize).and_then(Option::as_deref).map_or(0, Connection::owed)
        };
        let mut total = 0;
        let mut largest = (0, None);
        for &slot in &self.backlog {
            let owed = owed(&self.connections, slot);
            total += owed;
            largest = largest.max((owed, Some(slot)));
        }
        let Some(mine) = shared.unread.get(self.index) else { return };
        mine.total.store(total, Ordering::Relaxed);
        mine.largest.store(largest.0, Ordering::Relaxed);
        if total == 0 {
            return;
        }
        let (mut all, mut most) = (0, 0);
        for unread in &shared.unread {
            all += unread.total.load(Ordering::Relaxed);
            most = most.max(unread.largest.load(Ordering::Relaxed));
        }
        if all > shared.limits.unread_total
            && largest.0 >= most
            && let Some(slot) = largest.1
        {
            self.turn(slot, now, shared, |connection, turn| connection.too_slow(turn));
        }
    }
}
