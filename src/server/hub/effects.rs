//! What a turn of the dispatcher sends out once it is committed: to workers, to readers, to the
//! bcrypt pool. The dispatcher's thread runs it.

use super::connections::Connections;
use super::log_entry::LogEntry;
use crate::protocol::code::Refusal;
use crate::protocol::line::{Final, Line, Rows};
use crate::protocol::names::{AccountId, ConnId, ConversationId};
use crate::server::traffic::{
    Answer, AuthJob, Delivery, HubFigures, LineRef, Lines, Read, Recipients, Share, UnheardBy,
};
use std::sync::Arc;
use std::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Each with its worker's index.
    pub deliveries: Vec<(usize, Delivery)>,
    /// Each with the connection that is answered.
    pub read_jobs: Vec<(ConnId, Read)>,
    /// Each with the connection that asked.
    pub figures: Vec<(ConnId, HubFigures)>,
    /// Connections that asked for a reload.
    pub reloads: Vec<ConnId>,
    pub auth_jobs: Vec<AuthJob>,
    /// Connections that are gone while the bcrypt pool may have something of theirs.
    pub gone: Vec<ConnId>,
    /// For the server's log.
    pub log: Vec<LogEntry>,
    /// For the bcrypt pool, but not before their time: [`Hub::commit`](super::Hub::commit) takes
    /// them.
    pub(super) delayed: Vec<(Instant, AuthJob)>,
    lines: Lines,
    /// Bytes of the previous turn's lines: this turn is likely to need as many.
    room: usize,
}

/// An event in a room, without its line.
#[derive(Debug, Clone)]
pub(super) struct RoomEvent {
    pub(super) room: ConversationId,
    /// The account that did it: its own connections are told separately.
    pub(super) by: AccountId,
    /// Whether `/set presence off` hides it.
    pub(super) presence: bool,
    /// People of these accounts are not told.
    pub(super) unheard_by: UnheardBy,
}

/// The most capacity that is reserved in advance for a turn's lines.
const ROOM_MAX: usize = 64 * 1024;

impl Effects {
    pub(super) fn read_job(&mut self, conn: ConnId, read: Read) {
        self.read_jobs.push((conn, read));
    }

    pub(super) fn done(&mut self, conn: ConnId, text: impl Into<String>) {
        self.answer(conn, Rows::default(), Final::Done(text.into()));
    }

    pub(super) fn refuse(&mut self, conn: ConnId, refusal: Refusal) {
        self.answer(conn, Rows::default(), refusal);
    }

    /// Hands something to a worker.
    pub(super) fn deliver(&mut self, worker: usize, delivery: Delivery) {
        self.deliveries.push((worker, delivery));
    }

    /// Answers a connection's oldest request.
    pub(crate) fn answer(&mut self, conn: ConnId, rows: Rows, last: impl Into<Final>) {
        self.deliver(conn.worker(), Delivery::Answer(Answer { conn, rows, last: last.into() }));
    }

    /// Encodes a line that is delivered in this turn.
    pub(super) fn encode(&mut self, line: &Line<'_>) -> LineRef {
        if self.lines.is_empty() && self.room > 0 {
            self.lines = Lines::with_capacity(self.room);
        }
        self.lines.push(line)
    }

    /// The turn's lines, which each worker needs before its deliveries; `None` if there are none.
    /// They carry the turn's share of the budget.
    pub(crate) fn take_lines(&mut self, share: Share) -> Option<Arc<Lines>> {
        if self.lines.is_empty() {
            return None;
        }
        let mut lines = std::mem::take(&mut self.lines);
        self.room = lines.len().min(ROOM_MAX);
        lines.hold(share);
        Some(Arc::new(lines))
    }

    /// Tells an account's connections something.
    pub(super) fn notify(
        &mut self,
        connections: &Connections,
        account: AccountId,
        recipients: Recipients,
        line: &Line<'_>,
    ) {
        let line = self.encode(line);
        for worker in connections.workers_of_account(account) {
            self.deliver(worker, Delivery::Notice { account, recipients, line });
        }
    }

    /// Tells one connection of an account something.
    pub(super) fn tell(&mut self, account: AccountId, conn: ConnId, line: &Line<'_>) {
        let line = self.encode(line);
        self.deliver(conn.worker(), Delivery::Notice { account, recipients: Recipients::Only(conn), line });
    }

    /// Tells a room's connections, except those of the account that did it, what happened there.
    pub(super) fn tell_room(&mut self, connections: &Connections, event: RoomEvent, line: &Line<'_>) {
        let RoomEvent { room, by, presence, unheard_by } = event;
        let line = self.encode(line);
        for worker in connections.workers_of_room(room) {
            let unheard_by = unheard_by.clone();
            self.deliver(worker, Delivery::Event { room, by, presence, unheard_by, line });
        }
    }

    /// Tells accounts of somebody's presence.
    pub(super) fn tell_accounts(&mut self, connections: &Connections, accounts: &[AccountId], line: &Line<'_>) {
        if accounts.is_empty() {
            return;
        }
        let line = self.encode(line);
        for &account in accounts {
            for worker in connections.workers_of_account(account) {
                self.deliver(worker, Delivery::Notice { account, recipients: Recipients::WantPresence, line });
            }
        }
    }

    /// Discards everything: the turn could not be committed.
    pub(crate) fn clear(&mut self) {
        self.deliveries.clear();
        self.read_jobs.clear();
        self.figures.clear();
        self.reloads.clear();
        self.auth_jobs.clear();
        self.gone.clear();
        self.log.clear();
        self.delayed.clear();
        self.lines = Lines::default();
    }
}
