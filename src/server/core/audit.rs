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
        let entry = AuditRecord { conversation: room.into(), at: self.at, by: self.by, verb, whom, reason };
        storage.write(Write::Audit(entry));
    }
}
