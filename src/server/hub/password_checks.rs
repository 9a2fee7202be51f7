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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::names::{AccountId, AddressGroup};
    use crate::protocol::secrets::Secret;
    use crate::server::traffic::{Applicant, AuthWork, Standing, Viewer};
    use std::time::Duration;

    fn job(conn: ConnId) -> AuthJob {
        let (name, of) =
            (crate::protocol::names::UserName::parse("bob").unwrap(), Applicant::Account(AccountId::new(2)));
        let (password, from) = (Secret::new("x"), AddressGroup::Console);
        let work = AuthWork::Verify { account: None, name, hash: None, password, from };
        AuthJob { conn, viewer: Viewer::Program, standing: Standing { rank: 0, of }, work }
    }

    #[test]
    fn a_delayed_check_is_handed_over_in_time_unless_its_connection_is_gone() {
        let (mut checks, start) = (PasswordChecks::default(), Instant::now());
        let [early, late, gone, at_once] = [1, 2, 3, 4].map(|serial| ConnId::new(0, serial));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(checks.due(), None);
        for conn in [early, late, gone, at_once] {
            checks.begin(conn);
        }
        checks.delay(&mut vec![(at(2), job(late)), (at(1), job(early)), (at(3), job(gone))]);
        assert_eq!(checks.due(), Some(at(1)));
        // Only what was handed over has to be taken back from the pool.
        assert_eq!([gone, at_once, at_once].map(|conn| checks.forget(conn)), [false, true, false]);
        let mut due = |seconds| {
            let mut jobs = Vec::new();
            checks.take_due(at(seconds), &mut jobs);
            (jobs.iter().map(|job| job.conn).collect::<Vec<_>>(), checks.due())
        };
        assert_eq!(due(0), (vec![], Some(at(1))));
        assert_eq!(due(1), (vec![early], Some(at(2))));
        assert_eq!(due(9), (vec![late], None));
        // A delayed one that was handed over counts as such, too.
        assert_eq!([checks.forget(early), checks.end(late), checks.end(gone)], [true, true, false]);
    }
}
