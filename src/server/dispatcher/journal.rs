//! The order in which requests were taken, and which turns were stored, for the simulation: it knows by
//! this what everybody must see. Without the feature `faults` nothing is noted.

#[cfg(feature = "faults")]
pub(in crate::server) use noted::take;
#[cfg(feature = "faults")]
pub(super) use noted::{committed, refused, request, swept, write};
#[cfg(not(feature = "faults"))]
pub(super) use nothing::{committed, refused, request, swept, write};

#[cfg(not(feature = "faults"))]
mod nothing {
    use crate::server::hub::Hub;
    use crate::server::traffic::{Request, Write};

    #[inline]
    pub(in crate::server::dispatcher) const fn request(_: &Request) {}

    #[inline]
    pub(in crate::server::dispatcher) const fn write(_: &Write) {}

    #[inline]
    pub(in crate::server::dispatcher) const fn swept(_: &Hub) {}

    #[inline]
    pub(in crate::server::dispatcher) const fn committed() {}

    #[inline]
    pub(in crate::server::dispatcher) const fn refused() {}
}

#[cfg(feature = "faults")]
mod noted {
    use crate::protocol::names::{ConversationId, MessageId};
    use crate::server::hub::Hub;
    use crate::server::simulation::{Dropped, Entry};
    use crate::server::traffic::{AuthOutcome, Request, RequestKind, Write};
    use std::cell::RefCell;

    thread_local! {
        static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
        /// What the sweep at hand dropped.
        static DROPPED: RefCell<Vec<(ConversationId, MessageId)>> = const { RefCell::new(Vec::new()) };
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

    pub(in crate::server::dispatcher) fn write(write: &Write) {
        if let Write::Dropped(conversation, through) = write {
            DROPPED.with_borrow_mut(|dropped| dropped.push((*conversation, *through)));
        }
    }

    /// A sweep is over, and about to be stored.
    pub(in crate::server::dispatcher) fn swept(hub: &Hub) {
        let dropped = DROPPED.take().into_iter();
        let named = |(conversation, through)| Dropped { names: hub.names_of(conversation), through };
        let dropped: Vec<Dropped> = dropped.map(named).collect();
        if !dropped.is_empty() {
            note(Entry::Dropped(dropped));
        }
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
