//! The roles of a room's members.

use super::{Actor, ModerationRefused, Outcome, Refused, RoomAction, State, Storage};
use crate::protocol::names::{AccountId, ConversationId, RoomName, UserName};
use crate::protocol::roles::Role;
use crate::server::traffic::Write;

impl State {
    /// A member's role, for anyone who may look at the room.
    ///
    /// # Errors
    /// Why it can't be shown.
    pub(crate) fn role_of(
        &self,
        by: AccountId,
        room: &RoomName,
        name: &UserName,
    ) -> Result<(AccountId, Role), Refused> {
        let id = self.room_for(RoomAction::Look, room, by)?;
        let account = self.user(name)?;
        self.check_permission(RoomAction::Look, id, by)?;
        self.member_role(id, account).map(|role| (account, role))
    }

    /// A member's role, for whoever may know it.
    ///
    /// # Errors
    /// [`ModerationRefused::NotThere`].
    pub(super) fn member_role(&self, id: ConversationId, account: AccountId) -> Result<Role, Refused> {
        let room = self.room(id).ok_or(Refused::NotInConversation)?;
        let name = self.account(account).ok_or(Refused::NoAccount)?.name;
        room.role(account).ok_or(Refused::Moderation(ModerationRefused::NotThere { room: room.name, name }))
    }
}

/// Whoever may set roles may also give up their own.
pub(super) fn set_role(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    whom: &UserName,
    role: Role,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let by = actor.by;
    let id = state.room_for(RoomAction::SetRole, name, by)?;
    let account = state.user(whom)?;
    state.check_permission(RoomAction::SetRole, id, by)?;
    if role != Role::Member {
        state.check_no_hook(account)?;
    }
    if account != by {
        state.check_rank(id, by, account)?;
    }
    let before = state.member_role(id, account)?;
    if account == by && role < before && state.room(id).is_some_and(|room| room.is_last_owner(by)) {
        return Err(Refused::Moderation(ModerationRefused::LastOwner(*name)));
    }
    if role != before {
        state.set_role(id, account, role);
        storage.write(Write::Role(id, account, role));
        actor.note(state, id, "role", Some(account), role.to_string(), storage);
    }
    Ok(Outcome::RoleSet { room: id, account, before })
}
