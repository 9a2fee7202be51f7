//! Rooms, their members, their invitations and topics.

use super::moderation::end;
use super::{
    Actor, FORMER_NAMES_MAX, Moderated, ModerationRefused, Outcome, ROOMS_MAX, Refused, Room, RoomAction, State,
    Storage, TOPIC_MAX,
};
use crate::protocol::names::{AccountId, ConversationId, MessageId, RoomName, Text, UserName};
use crate::protocol::roles::Role;
use crate::server::faults::{self, Fault};
use crate::server::traffic::{ConversationKind, ConversationRecord, MemberRecord, SanctionKind, Write};

impl State {
    /// Whether the account may know that the room exists.
    #[must_use]
    pub(crate) fn sees(&self, account: AccountId, room: &Room) -> bool {
        let admitted = || room.has_member(account) || self.invitation(room, account).is_some();
        !room.closed && (!room.private || admitted() || faults::is_planted(Fault::PrivateLeak))
    }

    /// The room of that name, if the account may know that it exists.
    ///
    /// # Errors
    /// [`Refused::NoSuchRoom`].
    pub(crate) fn visible_room(&self, name: &RoomName, account: AccountId) -> Result<ConversationId, Refused> {
        let visible = |&id: &ConversationId| self.room(id).is_some_and(|room| self.sees(account, room));
        if let Some(id) = self.find_room(name).filter(visible) {
            return Ok(id);
        }
        let renamed = self.find_former_room(name).filter(visible).and_then(|id| self.room(id));
        Err(renamed.map_or(Refused::NoSuchRoom(*name), |room| {
            Refused::Moderation(ModerationRefused::Renamed { before: *name, name: room.name })
        }))
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
    /// [`Refused::NoSuchUser`] or [`Refused::Unregistered`].
    pub(crate) fn user(&self, name: &UserName) -> Result<AccountId, Refused> {
        let account = self.anyone(name)?;
        if self.is_unregistered(account) { Err(Refused::Unregistered(*name)) } else { Ok(account) }
    }

    /// The account of that name, even if it has unregistered: what was said can be read.
    ///
    /// # Errors
    /// [`Refused::NoSuchUser`].
    pub(crate) fn anyone(&self, name: &UserName) -> Result<AccountId, Refused> {
        self.find_account(name).ok_or(Refused::NoSuchUser(*name))
    }
}

/// A room to create.
pub(super) struct NewRoom {
    pub(super) name: RoomName,
    /// Whether only members and invited people can see it.
    pub(super) private: bool,
    /// The most rooms that there may be of one maker.
    pub(super) most: Option<u32>,
}

pub(super) fn create(
    state: &mut State,
    by: AccountId,
    new: NewRoom,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    Ok(Outcome::RoomCreated(create_room(state, by, new, storage)?))
}

pub(super) fn join(
    state: &mut State,
    actor: Actor,
    name: RoomName,
    most: Option<u32>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let by = actor.by;
    let Some(id) = state.find_room(&name).filter(|&id| state.room(id).is_some_and(|room| !room.closed)) else {
        let room = create_room(state, by, NewRoom { name, private: false, most }, storage)?;
        return Ok(Outcome::RoomJoined { room, new: true });
    };
    let room = state.room(id).ok_or(Refused::RoomHidden)?;
    if room.has_member(by) {
        return Ok(Outcome::RoomJoined { room: id, new: false });
    }
    if !state.sees(by, room) {
        return Err(Refused::RoomHidden);
    }
    state.check_unbanned(id, by, actor.steady)?;
    check_rooms_limit(state, by)?;
    // One that has ended by itself.
    end(state, id, by, SanctionKind::Ban, storage);
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
    let room = state.room(id).ok_or(Refused::NotInConversation)?;
    if room.members.len() == 1 && leaves_no_trace(state, id, room) {
        forget(state, id, storage);
        return Ok(Outcome::RoomLeft { room: id, forgotten: true });
    }
    if room.is_last_owner(by) {
        return Err(Refused::Moderation(ModerationRefused::LastOwner(*name)));
    }
    state.remove_member(id, by);
    storage.write(Write::MemberGone(id, by));
    Ok(Outcome::RoomLeft { room: id, forgotten: false })
}

pub(super) fn set_topic(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    topic: Option<Text>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let topic = topic.map_or(String::new(), |text| text.as_str().to_owned());
    if topic.len() > TOPIC_MAX {
        return Err(Refused::TopicTooLong);
    }
    let id = state.permitted_room(RoomAction::SetTopic, name, actor.by)?;
    state.check_unmuted(id, actor.by, actor.steady)?;
    if let Some(room) = state.room_mut(id) {
        room.topic.clone_from(&topic);
    }
    storage.write(Write::Topic(id, topic));
    Ok(Outcome::TopicSet(id))
}

/// Ends a room: nobody is in it any more, nobody can read what was said there, and nobody gets its
/// name.
pub(super) fn close(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let room = state.permitted_room(RoomAction::Close, name, actor.by)?;
    check_not_lobby(name)?;
    // What an administrator closes from outside keeps its name, and its entry in the audit log.
    let stored = state.room(room).ok_or(Refused::NotInConversation)?;
    let forgotten = stored.has_member(actor.by) && leaves_no_trace(state, room, stored);
    let removed = state.close_room(room);
    storage.write(Write::Closed(room));
    if forgotten {
        forget(state, room, storage);
    } else {
        actor.note(state, room, "close", None, String::new(), storage);
    }
    Ok(Outcome::Moderated(Moderated { room, account: None, removed, changed: true }))
}

/// A room may take back a name that it had before.
pub(super) fn rename(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    new: RoomName,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let room = state.permitted_room(RoomAction::Rename, name, actor.by)?;
    check_not_lobby(name)?;
    let changed = *name != new;
    if changed {
        let back = state.find_former_room(&new) == Some(room);
        if !back {
            check_name(state, actor.by, new)?;
            if state.count_former_names(room) >= FORMER_NAMES_MAX {
                return Err(Refused::Moderation(ModerationRefused::TooManyNames(*name)));
            }
        }
        state.rename_room(room, new);
        storage.write(Write::Renamed(room, new));
        actor.note(state, room, "rename", None, new.to_string(), storage);
    }
    Ok(Outcome::Moderated(Moderated { room, account: None, removed: Vec::new(), changed }))
}

pub(super) fn set_private(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    private: bool,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let id = state.permitted_room(RoomAction::SetPrivate, name, actor.by)?;
    check_not_lobby(name)?;
    let room = state.room_mut(id).ok_or(Refused::NotInConversation)?;
    let changed = room.private != private;
    if changed {
        room.private = private;
        storage.write(Write::Private(id, private));
        let word = if private { "on" } else { "off" };
        actor.note(state, id, "private", None, word.to_owned(), storage);
    }
    Ok(Outcome::Moderated(Moderated { room: id, account: None, removed: Vec::new(), changed }))
}

/// Every new account begins in the lobby, so there has to be one that all can see.
fn check_not_lobby(name: &RoomName) -> Result<(), Refused> {
    if *name == RoomName::lobby() { Err(Refused::Moderation(ModerationRefused::Lobby)) } else { Ok(()) }
}

/// Whether a room may get that name: none has it, or ever had it. What is said of a room that the
/// account can't see is the same for all of them.
fn check_name(state: &State, by: AccountId, name: RoomName) -> Result<(), Refused> {
    let Some(id) = state.find_room(&name).or_else(|| state.find_former_room(&name)) else { return Ok(()) };
    let Some(room) = state.room(id) else { return Ok(()) };
    Err(match state.sees(by, room) {
        true if room.name == name => Refused::RoomExists(name),
        true => Refused::Moderation(ModerationRefused::RoomRenamed { before: name, name: room.name }),
        false if room.closed && !room.private => Refused::Moderation(ModerationRefused::RoomClosed(name)),
        false => Refused::RoomHidden,
    })
}

/// Whether nothing was ever said in a room, nobody is invited to it and it has no hook, so that it may be
/// forgotten when nobody is in it any more. The lobby stays.
pub(super) fn leaves_no_trace(state: &State, id: ConversationId, room: &Room) -> bool {
    let used = room.last != MessageId::ZERO || !room.invited.is_empty() || state.hooks_of(id).next().is_some();
    !used && room.name != RoomName::lobby()
}

/// Forgets a room as if it had never been made. Otherwise rooms that are made and left, or closed, would
/// fill the memory and the disk. Its id is not used again.
pub(super) fn forget(state: &mut State, room: ConversationId, storage: &mut dyn Storage) {
    state.forget_room(room);
    storage.write(Write::Forgotten(room));
}

fn create_room(
    state: &mut State,
    by: AccountId,
    new: NewRoom,
    storage: &mut dyn Storage,
) -> Result<ConversationId, Refused> {
    let NewRoom { name, private, most } = new;
    check_name(state, by, name)?;
    check_rooms_limit(state, by)?;
    check_rooms_made(state, by, most)?;
    let id = state.next_conversation();
    let kind = ConversationKind::room(name, private);
    let record = ConversationRecord { id, kind, last: MessageId::ZERO, changes: 0 };
    state.add_conversation(record.clone());
    storage.write(Write::Conversation(record));
    state.set_maker(id, by);
    storage.write(Write::Made(id, by));
    add_member(state, id, by, Role::Owner, storage);
    Ok(id)
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

/// Rooms that nobody is in stay, with what was said there, so the account that made them is bounded.
fn check_rooms_made(state: &State, by: AccountId, most: Option<u32>) -> Result<(), Refused> {
    let account = state.account(by).ok_or(Refused::NoAccount)?;
    match most {
        Some(most) if account.made >= most && !account.admin => Err(Refused::TooManyRoomsMade(most)),
        _ => Ok(()),
    }
}

fn check_rooms_limit(state: &State, account: AccountId) -> Result<(), Refused> {
    if state.account(account).is_some_and(|account| account.rooms.len() >= ROOMS_MAX) {
        return Err(Refused::TooManyRooms);
    }
    Ok(())
}
