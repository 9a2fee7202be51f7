//! How a worker stops: it cuts no more lines, then says goodbye and flushes, then ends.

use super::Worker;
use crate::protocol::code::{Code, Refusal};
use crate::server::net::WorkerContext;
use crate::server::net::connection::{Connection, Stage};
use std::time::{Duration, Instant};

/// How long a stopping worker waits for its connections to take what is left.
pub(crate) const FLUSH_AT_END: Duration = Duration::from_secs(5);
/// This long before that deadline it gives up on what a slow reader has not taken: the line that is
/// partly sent is finished, and the reason for the end follows.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long it waits for TLS handshakes, so that whoever came at the last moment is greeted and told as well.
const HANDSHAKES_AT_END: Duration = Duration::from_secs(1);
/// How long it waits, at least, for peers that have taken everything to close as well.
const LINGER_AT_END: Duration = Duration::from_millis(200);

/// How far a worker's shutdown has come. It only ever moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopPhase {
    Running,
    /// No more lines are cut and no connections accepted; what was cut before is being answered.
    Draining,
    /// Everyone has been told; what is left is being sent, until this time at the latest.
    Flushing {
        until: Instant,
        /// Slow readers have been given up on.
        last_words_said: bool,
    },
    /// The server can't go on: nothing more is sent.
    Aborted,
}

impl StopPhase {
    /// How long the worker may sleep: a stopping one checks often whether it is done.
    pub(super) fn timeout(self, now: Instant) -> Option<Duration> {
        match self {
            StopPhase::Flushing { until, .. } => Some(until.saturating_duration_since(now).min(LINGER_AT_END / 4)),
            StopPhase::Running | StopPhase::Draining | StopPhase::Aborted => None,
        }
    }
}

/// What everyone is told.
fn reason() -> Refusal {
    Refusal::new(Code::ShuttingDown, "the server is stopping or restarting. Come back in a moment; nothing is lost.")
}

impl Worker {
    pub(super) fn say_goodbye(&mut self, now: Instant, shared: &WorkerContext) {
        self.phase = StopPhase::Flushing { until: now + FLUSH_AT_END, last_words_said: false };
        self.end_greeted(now, shared);
    }

    /// Ends the connections that are not in a handshake; after a while, all of them.
    pub(super) fn end_greeted(&mut self, now: Instant, shared: &WorkerContext) {
        let StopPhase::Flushing { until, .. } = self.phase else { return };
        let waits = now + FLUSH_AT_END < until + HANDSHAKES_AT_END;
        for slot in self.slots.occupied() {
            let ends = |connection: &Connection| connection.is_live() && !(waits && connection.is_in_handshake());
            if self.slots.get(slot).is_some_and(ends) {
                self.turn(slot, now, shared, |connection, turn| connection.end(&reason(), turn));
            }
        }
    }

    /// Near the deadline, a connection that has not taken what is left is sent the reason instead.
    pub(super) fn say_last_words(&mut self, now: Instant, shared: &WorkerContext) {
        let StopPhase::Flushing { until, last_words_said } = self.phase else { return };
        if now + LAST_WORDS < until {
            return;
        }
        self.phase = StopPhase::Flushing { until, last_words_said: true };
        let backlog: Vec<u32> = self.backlog.iter().copied().collect();
        for slot in backlog {
            if !last_words_said {
                self.turn(slot, now, shared, |connection, turn| connection.cut_short(&reason(), turn));
            }
            // The system calls a socket writable when a good part of its buffer is free, which may
            // be too late now. Every turn tries.
            self.schedule_flush(slot);
        }
    }

    /// A stopping worker is done when everything is flushed, or its time is up.
    pub(super) fn is_done(&self, now: Instant) -> bool {
        let StopPhase::Flushing { until, .. } = self.phase else { return self.phase == StopPhase::Aborted };
        // A peer that has been sent everything, and only has not closed yet, is not waited for
        // long.
        let sent = || self.slots.connections().all(|connection| connection.stage() == Stage::Lingering);
        now >= until || (now + FLUSH_AT_END >= until + LINGER_AT_END && sent())
    }
}
