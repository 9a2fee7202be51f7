//! Passwords that are being checked for connections: those that the throttle delays, and for whom
//! an answer of `auth` is awaited. A connection that went away is forgotten, so that no answer that
//! comes late lets it in. The dispatcher's thread runs it.

use crate::protocol::names::ConnId;
use crate::server::traffic::AuthJob;
use rustc_hash::FxHashSet;
use std::time::Instant;

#[derive(Debug, Default)]
pub(super) struct PasswordChecks {
    awaited: FxHashSet<ConnId>,
    /// Few at a time: each is a try on an account that is being guessed at, or a connection's one
    /// prompt, and the throttle by address bounds how many are begun.
    delayed: Vec<(Instant, AuthJob)>,
}

impl PasswordChecks {
    /// A check was asked for, and its answer is awaited.
    pub(super) fn begin(&mut self, conn: ConnId) {
        self.awaited.insert(conn);
    }

    /// An answer came; false if nobody waits for it any more.
    pub(super) fn end(&mut self, conn: ConnId) -> bool {
        self.awaited.remove(&conn)
    }

    /// The connection is gone.
    pub(super) fn forget(&mut self, conn: ConnId) {
        if self.awaited.remove(&conn) {
            self.delayed.retain(|(_, job)| job.conn != conn);
        }
    }

    /// Keeps these jobs until their time has come, unless their connections are gone already.
    pub(super) fn delay(&mut self, jobs: &mut Vec<(Instant, AuthJob)>) {
        self.delayed.extend(jobs.drain(..).filter(|(_, job)| self.awaited.contains(&job.conn)));
    }

    /// When the next delayed job is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.delayed.iter().map(|&(due, _)| due).min()
    }

    /// Hands over the jobs whose time has come.
    pub(super) fn take_due(&mut self, now: Instant, jobs: &mut Vec<AuthJob>) {
        jobs.extend(self.delayed.extract_if(.., |(due, _)| *due <= now).map(|(_, job)| job));
    }
}
