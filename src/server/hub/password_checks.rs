//! Pending password checks: which connections wait for `auth`, and which jobs the throttle delays.
//! A connection that goes away is forgotten, so that a late result does not log it in. The
//! dispatcher's thread runs it.

use crate::protocol::names::ConnId;
use crate::server::traffic::AuthJob;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::time::Instant;

#[derive(Debug, Default)]
pub(super) struct PasswordChecks {
    /// Connections that wait for a result, and until when their job is delayed, if it is.
    awaited: FxHashMap<ConnId, Option<Instant>>,
    /// At most one for each connection, since a connection waits for its answer.
    delayed: BTreeMap<(Instant, ConnId), AuthJob>,
}

impl PasswordChecks {
    /// A check was requested, and its result is awaited.
    pub(super) fn begin(&mut self, conn: ConnId) {
        self.awaited.insert(conn, None);
    }

    /// A result arrived; false if nobody waits for it any more.
    pub(super) fn end(&mut self, conn: ConnId) -> bool {
        self.awaited.remove(&conn).is_some()
    }

    /// The connection is gone. True if its check was handed over and is not answered yet.
    pub(super) fn forget(&mut self, conn: ConnId) -> bool {
        let awaited = self.awaited.remove(&conn);
        let delayed = awaited.flatten().and_then(|due| self.delayed.remove(&(due, conn)));
        awaited.is_some() && delayed.is_none()
    }

    /// Holds these jobs until they are due, unless their connections are already gone.
    pub(super) fn delay(&mut self, jobs: &mut Vec<(Instant, AuthJob)>) {
        for (due, job) in jobs.drain(..) {
            if let Some(delayed) = self.awaited.get_mut(&job.conn) {
                *delayed = Some(due);
                self.delayed.insert((due, job.conn), job);
            }
        }
    }

    /// When the next delayed job is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|(&(due, _), _)| due)
    }

    /// Hands over the jobs that are due.
    pub(super) fn take_due(&mut self, now: Instant, jobs: &mut Vec<AuthJob>) {
        while let Some(first) = self.delayed.first_entry()
            && first.key().0 <= now
        {
            jobs.push(first.remove());
        }
    }
}
