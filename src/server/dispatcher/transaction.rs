//! The store with the transaction of the current turn, as the core and the hub see it. The first failure
//! is remembered: nothing of the transaction is stored then, and the turn is refused.

use super::{DispatcherFault, journal};
use crate::protocol::names::{AccountId, ConnId, ConversationId, MessageId};
use crate::server::core::{NotStored, Storage};
use crate::server::faults::{self, Point};
use crate::server::hub::{Backlog, ERASE_MOST, SWEEP_MOST};
use crate::server::store::{CommitError, Committed, Store};
use crate::server::traffic::{
    Appended, AuditRecord, Draft, Expiry, MessageRecord, Oldest, Pins, Reaction, Reactions, SaidBy, Snapshot, Surplus,
    Write,
};

/// The store, and the transaction of the current turn.
#[derive(Debug)]
pub(in crate::server) struct Transaction {
    pub(super) store: Store,
    /// Begun only when there is something to store.
    open: bool,
    /// Why nothing of it will be stored.
    pub(super) failed: Option<CommitError>,
    /// Whose request it is about at present.
    pub(super) asking: ConnId,
    /// What it adds to the audit log, and who asked for that.
    pub(super) audit: Vec<(ConnId, AuditRecord)>,
}

impl Transaction {
    #[must_use]
    pub(in crate::server) fn new(store: Store) -> Self {
        Self { store, open: false, failed: None, asking: ConnId::new(0, 0), audit: Vec::new() }
    }

    fn step<T>(&mut self, step: impl FnOnce(&mut Store) -> Result<T, CommitError>) -> Result<T, NotStored> {
        if self.failed.is_some() {
            return Err(NotStored);
        }
        let begun = if self.open { Ok(()) } else { self.store.begin() };
        self.open |= begun.is_ok();
        begun.and_then(|()| step(&mut self.store)).map_err(|error| self.fail(error))
    }

    /// Like `step`, for what only reads: that needs no transaction.
    fn look<T>(&mut self, look: impl FnOnce(&mut Store) -> Result<T, CommitError>) -> Result<T, NotStored> {
        if self.failed.is_some() {
            return Err(NotStored);
        }
        look(&mut self.store).map_err(|error| self.fail(error))
    }

    /// Whether there is something to store, or something failed.
    pub(super) fn is_used(&self) -> bool {
        self.open || self.failed.is_some()
    }

    fn fail(&mut self, error: CommitError) -> NotStored {
        self.failed = Some(error);
        NotStored
    }

    /// `None` if there was nothing to store.
    pub(in crate::server) fn commit(&mut self) -> Result<Option<Committed>, CommitError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if !std::mem::take(&mut self.open) {
            return Ok(None);
        }
        faults::point(Point::BeforeCommit);
        let committed = self.store.commit().map(Some);
        faults::point(Point::AfterCommit);
        committed
    }

    /// The store, once all is committed.
    pub(in crate::server) fn into_store(self) -> Store {
        self.store
    }

    /// Rolls it back, and reads the stored state.
    pub(super) fn roll_back(&mut self) -> Result<Snapshot, DispatcherFault> {
        self.open = false;
        self.audit.clear();
        self.store.rollback().map_err(DispatcherFault::Ambiguous)?;
        self.store.load().map_err(DispatcherFault::Reload)
    }
}

impl Backlog for Transaction {
    fn oldest(&mut self, room: ConversationId, above: MessageId, expiry: Expiry) -> Result<Oldest, NotStored> {
        self.look(|store| store.oldest(room, above, expiry, SWEEP_MOST))
    }

    fn surplus(&mut self, expiry: Option<Expiry>, bytes: Option<u64>) -> Result<Surplus, NotStored> {
        self.look(|store| store.surplus(expiry, bytes, SWEEP_MOST))
    }

    fn said_by(&mut self, author: AccountId, cursor: i64) -> Result<SaidBy, NotStored> {
        self.look(|store| store.said_by(author, cursor, ERASE_MOST))
    }
}

impl Storage for Transaction {
    fn write(&mut self, write: Write) {
        if let Write::Audit(record) = &write {
            self.audit.push((self.asking, record.clone()));
        }
        journal::write(&write);
        // A failure is remembered and reported at the commit.
        let _ = self.step(|store| store.write(&write));
    }

    fn append(&mut self, draft: &Draft) -> Result<Appended, NotStored> {
        self.step(|store| store.append(draft))
    }

    fn find_post(&mut self, draft: &Draft) -> Result<Option<Appended>, NotStored> {
        self.look(|store| store.find_post(draft))
    }

    fn find(&mut self, conversation: ConversationId, id: MessageId) -> Result<Option<MessageRecord>, NotStored> {
        self.look(|store| store.find(conversation, id))
    }

    fn posted(
        &mut self,
        by: AccountId,
        conversation: ConversationId,
        key: &str,
    ) -> Result<Option<MessageId>, NotStored> {
        self.look(|store| store.posted(by, conversation, key))
    }

    fn reactions(&mut self, reaction: &Reaction) -> Result<Reactions, NotStored> {
        self.look(|store| store.reactions(reaction))
    }

    fn pins(&mut self, conversation: ConversationId, id: MessageId) -> Result<Pins, NotStored> {
        self.look(|store| store.pins(conversation, id))
    }
}
