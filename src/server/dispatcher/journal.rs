//! The order in which requests were taken, and which turns were stored, for the simulation: it knows by
//! this what everybody must see. Without the feature `faults` nothing is noted.

#[cfg(feature = "faults")]
pub(in crate::server) use noted::take;
#[cfg(feature = "faults")]
pub(super) use noted::{committed, refused, request};
#[cfg(not(feature = "faults"))]
pub(super) use nothing::{committed, refused, request};

#[cfg(not(feature = "faults"))]
mod nothing {
    use crate::server::traffic::Request;

    #[inline]
    pub(in crate::server::dispatcher) const fn request(_: &Request) {}

    #[inline]
    pub(in crate::server::dispatcher) const fn committed() {}

    #[inline]
    pub(in crate::server::dispatcher) const fn refused() {}
}

#[cfg(feature = "faults")]
mod noted {
    use crate::server::simulation::Entry;
    use crate::server::traffic::{AuthOutcome, Request, RequestKind};
    use std::cell::RefCell;

    thread_local! {
        static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    }

    fn note(entry: Entry) {
        ENTRIES.with_borrow_mut(|entries| entries.push(entry));
    }

    pub(in crate::server::dispatcher) fn request(request: &Request) {
        let conn = request.conn;
        note(match &request.kind {
            RequestKind::Console => Entry::Console(conn),
            RequestKind::Resume { .. } => Entry::Resume(conn),
            RequestKind::Login { .. } | RequestKind::Register { .. } | RequestKind::Recover { .. } => {
                Entry::Password(conn)
            }
            RequestKind::AuthDone(outcome) => {
                let right = matches!(outcome, AuthOutcome::Right { .. } | AuthOutcome::Hashed { .. });
                Entry::PasswordChecked(conn, right)
            }
            RequestKind::Quit { answer } => Entry::Quit(conn, *answer),
            RequestKind::Detach => Entry::Detach(conn),
            RequestKind::Stopped | RequestKind::Maintenance(_) | RequestKind::Figures(_) => return,
            _ => Entry::Line(conn),
        });
    }

    pub(in crate::server::dispatcher) fn committed() {
        note(Entry::Committed);
    }

    pub(in crate::server::dispatcher) fn refused() {
        note(Entry::Refused);
    }

    /// What this thread's dispatcher did since this was last asked.
    pub(in crate::server) fn take() -> Vec<Entry> {
        ENTRIES.take()
    }
}
