//! The audit log: what was done with a role or by an administrator, for those who may do it too. It
//! is written here and read by the readers; nothing is decided by it.

use super::{Actor, State, Storage};
use crate::protocol::names::{AccountId, ConversationId};
use crate::server::traffic::{AuditRecord, Write};

impl Actor {
    /// Notes what was done in a room, or in no room: to somebody, or to the room or the server itself. `reason` is what was typed:
    /// options and the reason.
    pub(super) fn note(
        self,
        state: &State,
        room: impl Into<Option<ConversationId>>,
        verb: &'static str,
        whom: Option<AccountId>,
        reason: String,
        storage: &mut dyn Storage,
    ) {
        let whom = whom.map_or(String::new(), |whom| state.name(whom).to_owned());
        self.write(room.into(), verb, whom, reason, storage);
    }

    /// Notes what was done in no room, to something that is no account.
    pub(super) fn note_about(self, verb: &'static str, what: String, reason: String, storage: &mut dyn Storage) {
        self.write(None, verb, what, reason, storage);
    }

    fn write(
        self,
        conversation: Option<ConversationId>,
        verb: &'static str,
        whom: String,
        reason: String,
        storage: &mut dyn Storage,
    ) {
        storage.write(Write::Audit(AuditRecord { conversation, at: self.at, by: self.by, verb, whom, reason }));
    }
}
