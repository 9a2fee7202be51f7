//! A full server: connections on which nobody is logged in make room for the next. Otherwise ten thousand silent
//! sockets would keep everyone out.

use super::super::connection::{Connection, Stage};
use super::Worker;
use crate::protocol::names::ConnId;
use crate::server::net::WorkerContext;
use std::time::Instant;

/// Of so many of the oldest one is chosen.
const CONSIDERED: usize = 16;

impl Worker {
    /// A proxy has not said yet whose this new connection is.
    pub(super) fn note_headerless(&mut self, conn: ConnId) {
        // What is left is a few seconds' worth: none waits longer for its header.
        self.oldest_headerless();
        self.headerless.push_back(conn);
    }

    /// Nobody has logged in on a new connection yet.
    pub(super) fn note_guest(&mut self, conn: ConnId) {
        self.guests.push_back(conn);
        if self.guests.len() > 2 * self.slots.len() + 64 {
            let slots = &self.slots;
            self.guests.retain(|&conn| slots.slot_of(conn).is_some_and(|slot| is_guest(slots.get(slot))));
        }
    }

    /// Ends a connection on which nobody is logged in, for a new one. The first to go is one of which a proxy has not
    /// said whose it is: all of those may be one peer's, so one of them can't make a guest go. If there is no other,
    /// room is made when its header has come and shows that it may stay.
    pub(super) fn make_room(&mut self, for_headerless: bool, now: Instant, shared: &WorkerContext) {
        let mut ends = self.oldest_headerless();
        if ends.is_none() && !for_headerless {
            ends = self.take_guest();
        }
        if let Some(slot) = ends.and_then(|conn| self.slots.slot_of(conn)) {
            self.turn(slot, now, shared, Connection::make_room);
        }
    }

    /// Forgets those before it: they have their headers by now, or have ended.
    fn oldest_headerless(&mut self) -> Option<ConnId> {
        while let Some(&conn) = self.headerless.front() {
            let slot = self.slots.slot_of(conn);
            if slot.and_then(|slot| self.slots.get(slot)).is_some_and(Connection::awaits_header) {
                return Some(conn);
            }
            self.headerless.pop_front();
        }
        None
    }

    /// Of the oldest guests one that has been sent everything and only has to close, or else one whose address has the
    /// most, so that a flood makes room for itself.
    fn take_guest(&mut self) -> Option<ConnId> {
        let mut oldest = Vec::with_capacity(CONSIDERED);
        while oldest.len() < CONSIDERED
            && let Some(conn) = self.guests.pop_front()
        {
            let connection = self.slots.slot_of(conn).and_then(|slot| self.slots.get(slot));
            if let Some(connection) = connection.filter(|connection| is_guest(Some(connection))) {
                let is_done = connection.stage() == Stage::Lingering;
                oldest.push((conn, (is_done, connection.guests_beside())));
            }
        }
        // Of equals the last is taken, so they are turned around.
        let ends = oldest.iter().rev().max_by_key(|(_, rank)| *rank).map(|&(conn, _)| conn);
        for &(conn, _) in oldest.iter().rev().filter(|(conn, _)| Some(*conn) != ends) {
            self.guests.push_front(conn);
        }
        ends
    }
}

fn is_guest(connection: Option<&Connection>) -> bool {
    connection.is_some_and(|connection| connection.account().is_none())
}
