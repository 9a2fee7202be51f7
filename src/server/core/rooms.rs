//! Rooms, their members, their invitations and topics.

use super::{Outcome, ROOMS_MAX, Refused, RoomAction, Standing, State, Storage, TOPIC_MAX};
use crate::protocol::names::{AccountId, ConversationId, MessageId, RoomName, Text, UserName};
use crate::protocol::roles::Role;
use crate::server::traffic::{ConversationKind, ConversationRecord, InvitedRecord, MemberRecord, Write};

impl State {
    /// The room of that name, if the account may know that it exists.
    ///
    /// # Errors
    /// [`Refused::NoSuchRoom`].
    pub(crate) fn visible_room(&self, name: &RoomName, account: AccountId) -> Result<ConversationId, Refused> {
        let found = self.find_room(name).filter(|&id| self.room(id).is_some_and(|room| room.is_visible_to(account)));
        found.ok_or(Refused::NoSuchRoom(*name))
    }

    /// The room of that name, if the account is in it.
    ///
    /// # Errors
    /// [`Refused::NoSuchRoom`] or [`Refused::NotAMember`].
    pub(crate) fn joined_room(&self, name: &RoomName, account: AccountId) -> Result<ConversationId, Refused> {
        let id = self.visible_room(name, account)?;
        if self.room(id).is_some_and(|room| room.has_member(account)) {
            return Ok(id);
        }
        Err(Refused::NotAMember(*name))
    }

    /// The account of that name.
    ///
    /// # Errors
    /// [`Refused::NoSuchUser`].
    pub(crate) fn user(&self, name: &UserName) -> Result<AccountId, Refused> {
        self.find_account(name).ok_or(Refused::NoSuchUser(*name))
    }
}

pub(super) fn create(
    state: &mut State,
    by: AccountId,
    name: RoomName,
    private: bool,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    if let Some(id) = state.find_room(&name) {
        let visible = state.room(id).is_some_and(|room| room.is_visible_to(by));
        return Err(if visible { Refused::RoomExists(name) } else { Refused::RoomHidden });
    }
    check_rooms_limit(state, by)?;
    Ok(Outcome::RoomCreated(create_room(state, by, name, private, storage)))
}

pub(super) fn join(
    state: &mut State,
    by: AccountId,
    name: RoomName,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let Some(id) = state.find_room(&name) else {
        check_rooms_limit(state, by)?;
        return Ok(Outcome::RoomJoined { room: create_room(state, by, name, false, storage), new: true });
    };
    let room = state.room(id).ok_or(Refused::RoomHidden)?;
    if room.has_member(by) {
        return Ok(Outcome::RoomJoined { room: id, new: false });
    }
    if !room.is_visible_to(by) {
        return Err(Refused::RoomHidden);
    }
    check_rooms_limit(state, by)?;
    add_member(state, id, by, Role::Member, storage);
    Ok(Outcome::RoomJoined { room: id, new: true })
}

pub(super) fn leave(
    state: &mut State,
    by: AccountId,
    name: &RoomName,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let id = state.joined_room(name, by)?;
    if state.room(id).is_some_and(|room| room.is_last_owner(by)) {
        return Err(Refused::LastOwner(*name));
    }
    state.remove_member(id, by);
    storage.write(Write::MemberGone(id, by));
    Ok(Outcome::RoomLeft(id))
}

pub(super) fn invite(
    state: &mut State,
    by: AccountId,
    name: &RoomName,
    whom: &UserName,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    // The room is checked before the invited account, and membership after both.
    let room = state.room_for(RoomAction::Invite, name, by)?;
    let account = state.user(whom)?;
    state.check_permission(RoomAction::Invite, room, by)?;
    let before = if state.room(room).is_some_and(|room| room.has_member(account)) {
        Standing::Member
    } else if state.invite_to_room(room, account, by) {
        Standing::Stranger
    } else {
        Standing::Invited
    };
    if before == Standing::Stranger {
        storage.write(Write::Invited(InvitedRecord { conversation: room, account, by }));
    }
    Ok(Outcome::Invited { room, account, before })
}

pub(super) fn set_topic(
    state: &mut State,
    by: AccountId,
    name: &RoomName,
    topic: Option<Text>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let topic = topic.map_or(String::new(), |text| text.as_str().to_owned());
    if topic.len() > TOPIC_MAX {
        return Err(Refused::TopicTooLong);
    }
    let id = state.permitted_room(RoomAction::SetTopic, name, by)?;
    if let Some(room) = state.room_mut(id) {
        room.topic.clone_from(&topic);
    }
    storage.write(Write::Topic(id, topic));
    Ok(Outcome::TopicSet(id))
}

fn create_room(
    state: &mut State,
    by: AccountId,
    name: RoomName,
    private: bool,
    storage: &mut dyn Storage,
) -> ConversationId {
    let id = state.next_conversation();
    let kind = ConversationKind::Room { name, private, topic: String::new() };
    let record = ConversationRecord { id, kind, last: MessageId::ZERO, changes: 0 };
    state.add_conversation(record.clone());
    storage.write(Write::Conversation(record));
    add_member(state, id, by, Role::Owner, storage);
    id
}

/// Makes an account a member of a room. Joining uses up the invitation.
pub(super) fn add_member(
    state: &mut State,
    room: ConversationId,
    account: AccountId,
    role: Role,
    storage: &mut dyn Storage,
) {
    let read = state.room(room).map_or(MessageId::ZERO, |room| room.last);
    let record = MemberRecord { conversation: room, account, role, read };
    state.add_member(record);
    storage.write(Write::Member(record));
    if state.use_room_invitation(room, account) {
        storage.write(Write::InvitedGone(room, account));
    }
}

fn check_rooms_limit(state: &State, account: AccountId) -> Result<(), Refused> {
    if state.account(account).is_some_and(|account| account.rooms.len() >= ROOMS_MAX) {
        return Err(Refused::TooManyRooms);
    }
    Ok(())
}
