//! A full server: connections on which nobody is logged in make room for the next. Otherwise ten thousand silent
//! sockets would keep everyone out.

use super::super::connection::Connection;
use super::Worker;
use crate::protocol::names::ConnId;
use crate::server::net::WorkerContext;
use std::time::Instant;

/// Of so many of the oldest one is chosen.
const CONSIDERED: usize = 16;

impl Worker {
    /// Nobody has logged in on a new connection yet.
    pub(super) fn note_guest(&mut self, conn: ConnId) {
        self.guests.push_back(conn);
        if self.guests.len() > 2 * self.slots.len() + 64 {
            let slots = &self.slots;
            self.guests.retain(|&conn| slots.slot_of(conn).is_some_and(|slot| is_guest(slots.get(slot))));
        }
    }

    /// Ends a connection on which nobody is logged in: of the oldest ones one whose address has the most such, so
    /// that a flood makes room for itself.
    pub(super) fn make_room(&mut self, now: Instant, shared: &WorkerContext) {
        let mut oldest = Vec::with_capacity(CONSIDERED);
        while oldest.len() < CONSIDERED
            && let Some(conn) = self.guests.pop_front()
        {
            let connection = self.slots.slot_of(conn).and_then(|slot| self.slots.get(slot));
            if let Some(connection) = connection.filter(|connection| is_guest(Some(connection))) {
                oldest.push((conn, connection.guests_beside()));
            }
        }
        // Of equals the last is taken, so they are turned around.
        let ends = oldest.iter().rev().max_by_key(|(_, beside)| *beside).map(|&(conn, _)| conn);
        for &(conn, _) in oldest.iter().rev().filter(|(conn, _)| Some(*conn) != ends) {
            self.guests.push_front(conn);
        }
        if let Some(slot) = ends.and_then(|conn| self.slots.slot_of(conn)) {
            self.turn(slot, now, shared, Connection::make_room);
        }
    }
}

fn is_guest(connection: Option<&Connection>) -> bool {
    connection.is_some_and(|connection| connection.account().is_none())
}
