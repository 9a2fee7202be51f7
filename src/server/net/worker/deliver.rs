//! Delivers what the dispatcher sends to a worker to the worker's connections.
//!
//! The loop over a room's connections is the hottest of the server: each line passes through it
//! once for each connection, at the cost of no allocation and one copy.

use super::super::connection::{Connection, Stage, Turn};
use super::super::line_batch::LineBatch;
use super::super::subscriptions::Subscribers;
use super::Worker;
use super::stop::StopPhase;
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::Rows;
use crate::protocol::names::ConnId;
use crate::protocol::network::Network;
use crate::server::faults::{self, Fault};
use crate::server::net::{BLOCKED, WorkerContext};
use crate::server::traffic::{Ack, Delivery, Limits, LineRef, Lines, Recipients, Request, RoomMessage, Tap, UnheardBy};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// Lines of one room are delivered together up to this many bytes: one TLS record's worth.
const BATCH_BYTES: usize = 16 * 1024;

impl Worker {
    /// Delivers everything in the order of arrival. Consecutive lines of one room go to each
    /// connection as one piece.
    pub(super) fn deliver_all(&mut self, now: Instant, shared: &WorkerContext) {
        let mut lines = Arc::default();
        let mut batch = std::mem::take(&mut self.batch);
        let mut inbox = std::mem::take(&mut self.inbox);
        let mut deliveries = inbox.drain(..).peekable();
        while self.phase != StopPhase::Aborted
            && let Some(delivery) = deliveries.next()
        {
            match delivery {
                Delivery::Lines(of_these) => lines = of_these,
                Delivery::RoomMessage(first) => {
                    let (room, mut bytes) = (first.room, first.line.size());
                    batch.push(first);
                    let fits = |delivery: &Delivery, bytes: usize| {
                        matches!(delivery, Delivery::RoomMessage(next)
                            if next.room == room && bytes + next.line.size() <= BATCH_BYTES)
                    };
                    while let Some(Delivery::RoomMessage(next)) = deliveries.next_if(|next| fits(next, bytes)) {
                        bytes += next.line.size();
                        batch.push(next);
                    }
                    self.room_messages(&batch, &lines, now, shared);
                    batch.clear();
                }
                delivery => self.deliver(delivery, &lines, now, shared),
            }
        }
        drop(deliveries);
        self.batch = batch;
        // Requests that were sent on the way may have brought more; the next turn delivers it.
        if self.inbox.is_empty() {
            self.inbox = inbox;
        }
    }

    /// Delivers messages of one room.
    fn room_messages(&mut self, messages: &[RoomMessage], lines: &Lines, now: Instant, shared: &WorkerContext) {
        let Some(room) = messages.first().map(|message| message.room) else { return };
        // The authors of some of them are answered line by line: a program goes on from the last id
        // that it saw, whether in an answer or before a line. So are people who are not shown all.
        let mut apart = Vec::new();
        for message in messages.iter().filter(|message| message.ack != Ack::None) {
            if let Some(slot) = self.slots.slot_of(message.from)
                && let Some(connection) = self.connection(slot)
                && !connection.set_apart(true)
            {
                apart.push(slot);
            }
        }
        for message in messages {
            self.set_ignorers_apart(&message.unheard_by, &mut apart);
        }
        for &slot in &apart {
            self.answer(slot, now, shared, |connection, turn| {
                let receives = connection.is_in(room);
                for message in messages {
                    let own = message.from == connection.id();
                    if own && let Some(last) = message.ack.answer() {
                        connection.answered(Rows::default(), last, turn);
                    }
                    if receives && (!own || connection.options().echo) && !connection.is_person_of(&message.unheard_by)
                    {
                        connection.push_live(&LineBatch::new(lines, &[message.line]), turn);
                    }
                }
            });
        }
        let mut line_refs = std::mem::take(&mut self.line_refs);
        line_refs.extend(messages.iter().map(|message| message.line));
        let batch = LineBatch::new(lines, &line_refs);
        self.fan_out(Subscribers::Room(room), now, shared, |connection, turn| {
            let receives = if connection.is_apart() {
                faults::is_planted(Fault::DeliveryDoubled)
            } else {
                !faults::is_planted(Fault::DeliverySkipped)
            };
            if receives {
                connection.push_live(&batch, turn);
            }
        });
        line_refs.clear();
        self.line_refs = line_refs;
        for slot in apart {
            if let Some(connection) = self.connection(slot) {
                connection.set_apart(false);
            }
        }
    }

    /// Sets the people apart who are not shown a message since they ignore its author.
    fn set_ignorers_apart(&mut self, unheard_by: &UnheardBy, apart: &mut Vec<u32>) {
        for &account in unheard_by.iter().flat_map(|accounts| accounts.iter()) {
            for slot in self.subscriptions.of_account(account).to_vec() {
                if let Some(connection) = self.connection(slot)
                    && connection.is_person_of(unheard_by)
                    && !connection.set_apart(true)
                {
                    apart.push(slot);
                }
            }
        }
    }

    fn deliver(&mut self, delivery: Delivery, lines: &Lines, now: Instant, shared: &WorkerContext) {
        match delivery {
            Delivery::Lines(_) | Delivery::RoomMessage(_) => log::error!("a line arrived without its batch"),
            // It was accepted while its address was being blocked.
            Delivery::Accepted(accepted) if !accepted.proxied && shared.blocklist.blocks(accepted.from, now) => {}
            Delivery::Accepted(accepted) => {
                if self.phase == StopPhase::Running {
                    self.accept(accepted, now, shared);
                }
            }
            Delivery::Answer(answer) => {
                if let Some(slot) = self.slots.slot_of(answer.conn) {
                    self.answer(slot, now, shared, |connection, turn| {
                        connection.answered(answer.rows, answer.last, turn);
                    });
                }
            }
            Delivery::Attached { conn, account, rooms, tap } => match self.live_slot_of(conn) {
                Some(slot) => {
                    self.subscriptions.attach(slot, account, &rooms);
                    self.turn(slot, now, shared, |connection, _| connection.log_in(account, rooms, tap));
                }
                // It went away during its login: a Detach has followed it, or follows now.
                None => self.requests.push(Request::detach(conn)),
            },
            Delivery::Enter(account, room) => {
                for slot in self.subscriptions.enter(account, room) {
                    if let Some(connection) = self.connection(slot) {
                        connection.enter(room);
                    }
                }
            }
            Delivery::Leave(account, room) => {
                for slot in self.subscriptions.leave(account, room) {
                    if let Some(connection) = self.connection(slot) {
                        connection.leave(room);
                    }
                }
            }
            Delivery::DirectMessage { account, from, ack, line } => {
                if let Some(last) = ack.answer()
                    && let Some(slot) = self.slots.slot_of(from)
                {
                    self.answer(slot, now, shared, |connection, turn| {
                        connection.answered(Rows::default(), last, turn);
                    });
                }
                let batch = LineBatch::new(lines, std::slice::from_ref(&line));
                self.fan_out(Subscribers::Account(account), now, shared, |connection, turn| {
                    if connection.id() != from || connection.options().echo {
                        connection.push_live(&batch, turn);
                    }
                });
            }
            Delivery::Event { room, by, presence, unheard_by, line } => {
                let batch = LineBatch::new(lines, std::slice::from_ref(&line));
                self.fan_out(Subscribers::Room(room), now, shared, |connection, turn| {
                    let wanted = (connection.options().presence || !presence) && !connection.is_person_of(&unheard_by);
                    if connection.account() != Some(by) && wanted {
                        connection.push_live(&batch, turn);
                    }
                });
            }
            Delivery::Notice { account, recipients, line } => {
                let batch = LineBatch::new(lines, std::slice::from_ref(&line));
                self.fan_out(Subscribers::Account(account), now, shared, |connection, turn| {
                    let receives = match recipients {
                        Recipients::All => true,
                        Recipients::AllBut(conn) => connection.id() != conn,
                        Recipients::Only(conn) => connection.id() == conn,
                        Recipients::WantPresence => connection.options().presence,
                    };
                    if receives {
                        connection.push_live(&batch, turn);
                    }
                });
            }
            Delivery::Tap { conn, tap } => self.replace_tap(conn, tap),
            Delivery::Limits(limits) => self.replace_limits(limits, now),
            Delivery::Tls { config, vouched_for } => {
                (self.live.tls, self.live.vouched_for) = (config, vouched_for);
            }
            Delivery::Announcement(line) => self.announce(line, lines, now, shared),
            Delivery::EndFrom(network) => self.end_from(network, now, shared),
            Delivery::End(conn, refusal) => {
                if let Some(slot) = self.slots.slot_of(conn) {
                    self.turn(slot, now, shared, |connection, turn| connection.end(&refusal, turn));
                }
            }
            Delivery::Abort => self.phase = StopPhase::Aborted,
            Delivery::Stop => {
                self.phase = StopPhase::Draining;
                self.send_requests(shared);
                let conn = ConnId::new(self.index as u8, 0);
                self.requests.push(Request::stopped(conn));
            }
            Delivery::Bye => self.say_goodbye(now, shared),
        }
    }

    /// From now on these are the limits, also for those who are connected.
    fn replace_limits(&mut self, limits: Limits, now: Instant) {
        self.live.limits = limits;
        for slot in self.slots.occupied() {
            if let Some(connection) = self.connection(slot) {
                connection.set_flood(limits.flood, now);
                // It may have waited for the old ones.
                self.to_serve.push(slot);
            }
        }
    }

    /// From now on a connection's lines are drawn from this.
    fn replace_tap(&mut self, conn: ConnId, tap: Option<Arc<Tap>>) {
        if let Some(slot) = self.live_slot_of(conn)
            && let Some(connection) = self.connection(slot)
        {
            connection.draw_from(tap);
            // It may have waited for the old one.
            self.to_serve.push(slot);
        }
    }

    /// Sends a line to every connection that is logged in.
    fn announce(&mut self, line: LineRef, lines: &Lines, now: Instant, shared: &WorkerContext) {
        let batch = LineBatch::new(lines, std::slice::from_ref(&line));
        for slot in self.slots.occupied() {
            if self.slots.get(slot).is_some_and(|connection| connection.account().is_some()) {
                self.turn(slot, now, shared, |connection, turn| connection.push_live(&batch, turn));
            }
        }
    }

    /// Ends all connections from these addresses, logged in or not.
    fn end_from(&mut self, network: Network, now: Instant, shared: &WorkerContext) {
        let refusal = Refusal::new(Code::Blocked, BLOCKED);
        for slot in self.slots.occupied() {
            if self.slots.get(slot).is_some_and(|connection| connection.is_from(network)) {
                self.turn(slot, now, shared, |connection, turn| connection.end(&refusal, turn));
            }
        }
    }

    /// Gives a connection an answer; it may go on with its lines after that.
    fn answer(
        &mut self,
        slot: u32,
        now: Instant,
        shared: &WorkerContext,
        act: impl FnOnce(&mut Connection, &mut Turn<'_>),
    ) {
        self.turn(slot, now, shared, act);
        let Some(connection) = self.connection(slot) else { return };
        let (has_work, finishing) = (connection.has_work(), connection.stage() == Stage::Finishing);
        if has_work {
            self.to_serve.push(slot);
        }
        if finishing {
            self.schedule_flush(slot);
        }
    }

    /// Does something for each connection that receives a room or belongs to an account.
    fn fan_out(
        &mut self,
        subscribers: Subscribers,
        now: Instant,
        shared: &WorkerContext,
        mut act: impl FnMut(&mut Connection, &mut Turn<'_>),
    ) {
        let Some(slots) = self.subscriptions.lend(subscribers) else { return };
        // One turn for all of them: their timers stay as they are, and those that it closes are
        // handled afterwards.
        let mut closed = Vec::new();
        let mut turn = Turn {
            now,
            number: self.turn,
            shared,
            live: &self.live,
            buffers: &mut self.buffers,
            requests: &mut self.requests,
            stopping: self.phase != StopPhase::Running,
            out_of_budget: false,
        };
        for &slot in &slots {
            let Some(connection) = self.slots.get_mut(slot) else { continue };
            let was_scheduled = connection.needs_flush();
            if catch_unwind(AssertUnwindSafe(|| act(connection, &mut turn))).is_err() {
                connection.panicked();
            }
            if connection.needs_flush() && !was_scheduled {
                self.to_flush.push(slot);
            }
            if !connection.is_live() {
                closed.push(slot);
            }
        }
        self.subscriptions.give_back(subscribers, slots);
        for slot in closed {
            self.retime(slot);
            self.detach(slot);
            if self.connection(slot).is_some_and(|connection| connection.stage() == Stage::Gone) {
                self.drop_connection(slot);
            }
        }
    }
}
