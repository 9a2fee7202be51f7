//! What follows from a request: what has to be kept first, and what goes out once it is.

use crate::protocol::code::Refusal;
use crate::protocol::line::{Final, Line, Rows};
use crate::protocol::names::ConnId;
use crate::server::traffic::{Answer, AuthJob, Delivery, Draft, LineRef, Lines, Read, ReadJob, Share, Write};
use std::sync::Arc;
use std::time::Instant;

/// What has to be kept before anything goes out, in order.
#[derive(Debug)]
pub enum Keep {
    /// Keep this.
    Write(Write),
    /// Keep this message, then call [`Rooms::appended`](super::Rooms::appended).
    Append(Append),
}

/// A message on its way into the store.
#[derive(Debug)]
pub struct Append {
    /// What is kept.
    pub draft: Draft,
    pub(super) conn: ConnId,
    /// Bare text is answered by silence, a command by its id.
    pub(super) silent: bool,
}

/// What follows from the requests of a turn.
#[derive(Debug, Default)]
pub struct Effects {
    /// What has to be kept.
    pub keep: Vec<Keep>,
    /// What goes out behind it.
    pub out: Outgoing,
}

/// What goes out once all of the turn is kept.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// For the workers, by their numbers.
    pub deliveries: Vec<(usize, Delivery)>,
    /// For the readers.
    pub read_jobs: Vec<ReadJob>,
    /// For the bcrypt pool.
    pub auth_jobs: Vec<AuthJob>,
    /// For the bcrypt pool, but not before their time: taken over by [`Rooms::kept`](super::Rooms::kept).
    pub(super) delayed: Vec<(Instant, AuthJob)>,
    lines: Lines,
    /// Bytes of the lines of the turn before: this one is likely to have as many.
    room: usize,
}

/// The most room that is made for the lines of a turn before there are any.
const ROOM_MAX: usize = 64 * 1024;

impl Effects {
    pub(super) fn write(&mut self, write: Write) {
        self.keep.push(Keep::Write(write));
    }

    pub(super) fn deliver(&mut self, worker: usize, delivery: Delivery) {
        self.out.deliver(worker, delivery);
    }

    pub(super) fn read_job(&mut self, conn: ConnId, read: Read) {
        self.out.read_jobs.push(ReadJob { conn, read });
    }

    pub(super) fn answer(&mut self, conn: ConnId, rows: Rows, last: impl Into<Final>) {
        self.out.answer(conn, rows, last);
    }

    pub(super) fn done(&mut self, conn: ConnId, text: impl Into<String>) {
        self.answer(conn, Rows::default(), Final::Done(text.into()));
    }

    pub(super) fn refuse(&mut self, conn: ConnId, refusal: Refusal) {
        self.answer(conn, Rows::default(), refusal);
    }
}

impl Outgoing {
    /// Hands something to a worker.
    pub(super) fn deliver(&mut self, worker: usize, delivery: Delivery) {
        self.deliveries.push((worker, delivery));
    }

    /// Answers a connection's oldest request.
    pub fn answer(&mut self, conn: ConnId, rows: Rows, last: impl Into<Final>) {
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
    /// They take with them what the turn's requests hold of the budget.
    pub fn take_lines(&mut self, share: Share) -> Option<Arc<Lines>> {
        if self.lines.is_empty() {
            return None;
        }
        let mut lines = std::mem::take(&mut self.lines);
        self.room = lines.len().min(ROOM_MAX);
        lines.hold(share);
        Some(Arc::new(lines))
    }

    /// Forgets it all: the turn could not be kept.
    pub fn clear(&mut self) {
        self.deliveries.clear();
        self.read_jobs.clear();
        self.auth_jobs.clear();
        self.delayed.clear();
        self.lines = Lines::default();
    }
}
