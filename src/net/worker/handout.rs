//! What is delivered to a worker, handed to its connections.

use super::super::connection::{Connection, Stage, Turn};
use super::super::roster::Listeners;
use super::{FLUSH_AT_END, Worker};
use crate::names::ConnId;
use crate::net::Shared;
use crate::protocol::code::{Code, Refusal};
use crate::traffic::{Ask, Delivery, Hears, Request, Share, Verdict};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

impl Worker {
    pub(super) fn deliver(&mut self, delivery: Delivery, now: Instant, shared: &Shared) {
        match delivery {
            Delivery::Accepted(accepted) => {
                if !self.stopping {
                    self.accept(accepted, now, shared);
                }
            }
            Delivery::Judged(conn, verdict) => {
                // Where the connection is gone, a wrong password counts all the same. Nobody else's
                // verdict goes on: the dispatcher was told already that the connection is gone.
                let slot = self.live_slot_of(conn);
                if slot.is_some() || matches!(verdict, Verdict::Wrong { .. }) {
                    let connection = slot.and_then(|slot| self.connection(slot));
                    let replay = connection.and_then(|connection| connection.session.options().person());
                    let ask = Ask::Judged(verdict);
                    self.requests.push(Request { conn, replay, ask, share: Share::default() });
                }
            }
            Delivery::Check { conn, work, delay } => {
                if let Some(slot) = self.slot_of(conn) {
                    self.turn(slot, now, shared, |connection, turn| connection.check(work, delay, turn));
                    self.again.push(slot);
                }
            }
            Delivery::Answer(answer) => self.answer(answer.conn, now, shared, |connection, turn| {
                connection.answered(answer.rows, answer.last, turn);
            }),
            Delivery::Attached { conn, account, name, rooms } => match self.live_slot_of(conn) {
                Some(slot) => {
                    self.roster.attach(slot, account, &rooms);
                    self.turn(slot, now, shared, |connection, _| {
                        log::info!("connection {:?} from {} is {name}", connection.id, connection.from);
                        connection.let_in(account, rooms);
                    });
                }
                // It went away while it was let in: Detach followed it, or follows now.
                None => self.requests.push(Request { conn, replay: None, ask: Ask::Detach, share: Share::default() }),
            },
            Delivery::Enter(account, room) => {
                for slot in self.roster.enter(account, room) {
                    if let Some(connection) = self.connection(slot) {
                        connection.rooms.push(room);
                    }
                }
            }
            Delivery::Leave(account, room) => {
                for slot in self.roster.leave(account, room) {
                    if let Some(connection) = self.connection(slot) {
                        connection.rooms.retain(|&other| other != room);
                    }
                }
            }
            Delivery::Said { room, from, answer, line } => {
                self.answer(from, now, shared, |connection, turn| {
                    connection.answered(Default::default(), answer, turn)
                });
                self.fan_out(Listeners::Room(room), now, shared, |connection, turn| {
                    if connection.id != from || connection.shown.echo {
                        connection.push_live(&line, turn);
                    }
                });
            }
            Delivery::Direct { account, from, answer, line } => {
                if let Some(answer) = answer {
                    self.answer(from, now, shared, |connection, turn| {
                        connection.answered(Default::default(), answer, turn);
                    });
                }
                self.fan_out(Listeners::Account(account), now, shared, |connection, turn| {
                    if connection.id != from || connection.shown.echo {
                        connection.push_live(&line, turn);
                    }
                });
            }
            Delivery::Event { room, by, presence, line } => {
                self.fan_out(Listeners::Room(room), now, shared, |connection, turn| {
                    if connection.account != Some(by) && (connection.shown.presence || !presence) {
                        connection.push_live(&line, turn);
                    }
                });
            }
            Delivery::Notice { account, hears, line } => {
                self.fan_out(Listeners::Account(account), now, shared, |connection, turn| {
                    let hears = match hears {
                        Hears::All => true,
                        Hears::AllBut(conn) => connection.id != conn,
                        Hears::Only(conn) => connection.id == conn,
                    };
                    if hears {
                        connection.push_live(&line, turn);
                    }
                });
            }
            Delivery::End(conn, refusal) => {
                if let Some(slot) = self.slot_of(conn) {
                    self.turn(slot, now, shared, |connection, turn| connection.end(&refusal, turn));
                }
            }
            Delivery::Stop => {
                self.stopping = true;
                self.send_requests(shared);
                let conn = ConnId::new(self.index as u8, 0);
                self.requests.push(Request { conn, replay: None, ask: Ask::Stopped, share: Share::default() });
            }
            Delivery::Bye => {
                self.end = Some(now + FLUSH_AT_END);
                for slot in self.occupied() {
                    self.turn(slot, now, shared, |connection, turn| {
                        let text = "the server is going down. Come back in a moment; nothing is lost.";
                        connection.end(&Refusal::new(Code::ShuttingDown, text), turn);
                    });
                }
            }
        }
    }

    /// Hands an answer to a connection, which may go on with its lines then.
    fn answer(
        &mut self,
        conn: ConnId,
        now: Instant,
        shared: &Shared,
        act: impl FnOnce(&mut Connection, &mut Turn<'_>),
    ) {
        if conn.worker() != self.index {
            return;
        }
        if let Some(slot) = self.slot_of(conn) {
            self.turn(slot, now, shared, act);
            let waits = self.connection(slot).is_some_and(|c| c.framer.buffered() > 0 || c.readable || c.ended);
            if waits {
                self.again.push(slot);
            }
            if self.connection(slot).is_some_and(|c| c.stage == Stage::Finishing) {
                self.mark_dirty(slot);
            }
        }
    }

    /// Does something for each connection of a room or an account.
    fn fan_out(
        &mut self,
        listeners: Listeners,
        now: Instant,
        shared: &Shared,
        mut act: impl FnMut(&mut Connection, &mut Turn<'_>),
    ) {
        let Some(slots) = self.roster.lend(listeners) else { return };
        // One turn for all of them: their timers stay, and who is closed by it is dealt with after.
        let mut closed = Vec::new();
        let mut turn = Turn {
            now,
            shared,
            scratch: &mut self.scratch,
            requests: &mut self.requests,
            stopping: self.stopping,
            starved: false,
        };
        for &slot in &slots {
            let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { continue };
            let was_dirty = connection.dirty;
            if catch_unwind(AssertUnwindSafe(|| act(connection, &mut turn))).is_err() {
                connection.panicked();
            }
            if connection.dirty && !was_dirty {
                self.dirty.push(slot);
            }
            if !connection.is_live() {
                closed.push(slot);
            }
        }
        self.roster.give_back(listeners, slots);
        for slot in closed {
            self.retime(slot);
            self.unlist(slot);
            if self.connection(slot).is_some_and(|connection| connection.stage == Stage::Gone) {
                self.drop_connection(slot);
            }
        }
    }
}
