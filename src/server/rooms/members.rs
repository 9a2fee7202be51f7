//! Rooms and who is in them: create, join, leave, switch, invite, who, topic, rooms.

use super::welcome::invitation;
use super::world::Room;
use super::{Asker, Effects, Outcome, ROOMS_MAX, Rooms, TELL_MEMBERS_MAX, event};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Body, Final, Line, Rows};
use crate::protocol::names::{AccountId, ConnId, ConversationId, MessageId, RoomName, Text, UserName};
use crate::server::traffic::{
    ConversationKind, ConversationRecord, Delivery, InvitedRecord, MemberRecord, Recipients, Role, Viewer, Write,
};

/// Longest topic, in bytes: a row of `/rooms` must hold it beside the room's name.
pub const TOPIC_MAX: usize = 1000;

impl Rooms {
    /// The room of that name, if the account may know that it exists.
    fn visible(&self, name: &RoomName, account: AccountId) -> Result<ConversationId, Refusal> {
        let found =
            self.world.find_room(name).filter(|&id| self.world.room(id).is_some_and(|room| may_see(room, account)));
        found.ok_or_else(|| {
            Refusal::new(Code::NoSuchRoom, format!("there is no room {name}. /rooms lists those that you may see."))
        })
    }

    /// The room of that name, if the account is in it.
    pub(super) fn joined(&self, name: &RoomName, account: AccountId) -> Result<ConversationId, Refusal> {
        let id = self.visible(name, account)?;
        if self.world.room(id).is_some_and(|room| room.members.contains_key(&account)) {
            return Ok(id);
        }
        Err(Refusal::new(Code::NotAMember, format!("you are not in {name}. /join {name} first.")))
    }

    /// The current room, or the one that was named.
    pub(super) fn joined_or_current(&self, asker: Asker, name: Option<&RoomName>) -> Result<ConversationId, Refusal> {
        match name {
            Some(name) => self.joined(name, asker.account),
            None => self.live.current(asker.conn).ok_or_else(no_room),
        }
    }

    pub(super) fn create(&mut self, asker: Asker, name: RoomName, private: bool, effects: &mut Effects) -> Outcome {
        if let Some(id) = self.world.find_room(&name) {
            let seen = self.world.room(id).is_some_and(|room| may_see(room, asker.account));
            return Err(if seen {
                Refusal::new(Code::NameTaken, format!("there is a room {name}. /join {name} enters it."))
            } else {
                hidden()
            });
        }
        self.check_rooms_limit(asker.account)?;
        self.make_room(asker, name, private, effects);
        let text = if private {
            format!(
                "{name} is made, and yours. Only the invited see it: /invite {name} NAME. /switch {name} talks there."
            )
        } else {
            format!("{name} is made, and yours. /switch {name} talks there.")
        };
        effects.done(asker.conn, text);
        Ok(())
    }

    fn make_room(&mut self, asker: Asker, name: RoomName, private: bool, effects: &mut Effects) -> ConversationId {
        let id = self.world.next_conversation();
        let kind = ConversationKind::Room { name, private, topic: String::new() };
        let record = ConversationRecord { id, kind, last: MessageId::ZERO };
        self.world.add_conversation(record.clone());
        effects.write(Write::Conversation(record));
        self.add_to_room(id, asker.account, Role::Owner, effects);
        self.tell_joined(id, asker.account, Some(asker.conn), effects);
        id
    }

    pub(super) fn join(&mut self, asker: Asker, name: RoomName, effects: &mut Effects) -> Outcome {
        let id = match self.find_or_make(asker, &name, effects) {
            Ok(id) => id,
            Err(refusal) => {
                self.live.talk_in(asker.conn, None);
                return Err(refusal);
            }
        };
        self.live.talk_in(asker.conn, Some(id));
        let last = Final::Done(self.where_one_talks(id));
        match asker.viewer {
            Viewer::Person { replay } => {
                // What was seen as it came is not shown again.
                self.mark_shown(asker.conn, asker.account, effects);
                self.welcome(asker, Some(id), replay, last, effects);
            }
            Viewer::Program => effects.answer(asker.conn, Rows::default(), last),
        }
        Ok(())
    }

    fn find_or_make(
        &mut self,
        asker: Asker,
        name: &RoomName,
        effects: &mut Effects,
    ) -> Result<ConversationId, Refusal> {
        let Some(id) = self.world.find_room(name) else {
            self.check_rooms_limit(asker.account)?;
            return Ok(self.make_room(asker, *name, false, effects));
        };
        let Some(room) = self.world.room(id) else { return Err(hidden()) };
        if room.members.contains_key(&asker.account) {
            return Ok(id);
        }
        if !may_see(room, asker.account) {
            return Err(hidden());
        }
        self.check_rooms_limit(asker.account)?;
        self.add_to_room(id, asker.account, Role::Member, effects);
        self.tell_joined(id, asker.account, Some(asker.conn), effects);
        Ok(id)
    }

    /// `ROOM - TOPIC` or `ROOM - 3 members. Type to talk.`
    fn where_one_talks(&self, id: ConversationId) -> String {
        let Some(room) = self.world.room(id) else { return String::new() };
        let members = match room.members.len() {
            1 => "you are the first here".to_owned(),
            n => format!("{n} members, {} here", self.live.here(id)),
        };
        if room.topic.is_empty() {
            format!("{} - {members}. Type to talk.", room.name)
        } else {
            format!("{} - {members}. Topic: {}", room.name, room.topic)
        }
    }

    /// Tells that an account joined: its other connections always, the room if it is small.
    pub(super) fn tell_joined(
        &self,
        id: ConversationId,
        account: AccountId,
        but: Option<ConnId>,
        effects: &mut Effects,
    ) {
        self.tell_membership(id, account, but, ("join", "joined"), effects);
    }

    fn tell_membership(
        &self,
        id: ConversationId,
        account: AccountId,
        but: Option<ConnId>,
        (ev, happened): (&str, &str),
        effects: &mut Effects,
    ) {
        let Some(room) = self.world.room(id) else { return };
        let who = self.world.name(account);
        let text = format!("{who} {happened}");
        let line = event(room.name.as_str(), &text, ev, who);
        let own = self.live.conns(account);
        if own.len() > usize::from(but.is_some()) {
            self.notify(account, but.map_or(Recipients::All, Recipients::AllBut), line, effects);
        }
        if room.members.len() <= TELL_MEMBERS_MAX {
            self.tell_room(id, account, true, line, effects);
        }
    }

    pub(super) fn leave(&mut self, asker: Asker, name: RoomName, effects: &mut Effects) -> Outcome {
        let id = self.joined(&name, asker.account)?;
        self.world.remove_member(id, asker.account);
        effects.write(Write::MemberGone(id, asker.account));
        self.live.leave(asker.account, id);
        for worker in self.live.workers_of_account(asker.account) {
            effects.deliver(worker, Delivery::Leave(asker.account, id));
        }
        self.tell_membership(id, asker.account, Some(asker.conn), ("leave", "left"), effects);
        effects.done(asker.conn, format!("{name} is left."));
        Ok(())
    }

    pub(super) fn switch(&mut self, asker: Asker, name: RoomName, effects: &mut Effects) -> Outcome {
        match self.joined(&name, asker.account) {
            Ok(id) => {
                self.live.talk_in(asker.conn, Some(id));
                effects.done(asker.conn, self.where_one_talks(id));
                Ok(())
            }
            Err(refusal) => {
                self.live.talk_in(asker.conn, None);
                Err(refusal)
            }
        }
    }

    pub(super) fn invite(&mut self, asker: Asker, name: RoomName, whom: UserName, effects: &mut Effects) -> Outcome {
        // The room's existence is asked before the person's, and membership after both.
        let id = self.visible(&name, asker.account)?;
        let account = self.find_user(&whom)?;
        self.joined(&name, asker.account)?;
        let whom = self.world.name(account).to_owned();
        let Some(room) = self.world.room(id) else { return Ok(()) };
        if room.members.contains_key(&account) {
            effects.done(asker.conn, format!("{whom} is in {name} already."));
            return Ok(());
        }
        if self.world.invite(id, account, asker.account) {
            effects.write(Write::Invited(InvitedRecord { conversation: id, account, by: asker.account }));
            let text = invitation(name.as_str(), self.world.name(asker.account));
            self.notify(account, Recipients::All, Line::plain(Body::Notice(Some(Code::Invited), &text)), effects);
        }
        let when = if self.live.is_here(account) { "and was told" } else { "and is told at the next login" };
        effects.done(asker.conn, format!("{whom} is invited to {name} {when}."));
        Ok(())
    }

    pub(super) fn who(&self, asker: Asker, name: Option<RoomName>, effects: &mut Effects) -> Outcome {
        let id = self.joined_or_current(asker, name.as_ref())?;
        let Some(room) = self.world.room(id) else { return Err(no_room()) };
        let mut members: Vec<(bool, &str)> =
            room.members.keys().map(|&member| (!self.live.is_here(member), self.world.name(member))).collect();
        members.sort_unstable();
        let mut rows = Rows::default();
        let mut shown = 0;
        for (away, member) in &members {
            if rows.len() >= self.settings.answer_bytes {
                break;
            }
            rows.push(&format!("{member} {}", if *away { "away" } else { "here" }));
            shown += 1;
        }
        let more = if shown < members.len() { ", more" } else { "" };
        effects.answer(asker.conn, rows, Final::Done(format!("{shown} members{more}")));
        Ok(())
    }

    pub(super) fn show_topic(&self, asker: Asker, name: RoomName, effects: &mut Effects) -> Outcome {
        let id = self.joined(&name, asker.account)?;
        let topic = self.world.room(id).map_or("", |room| &room.topic);
        let text = if topic.is_empty() { format!("{name} has no topic.") } else { format!("{name} - {topic}") };
        effects.done(asker.conn, text);
        Ok(())
    }

    pub(super) fn set_topic(
        &mut self,
        asker: Asker,
        name: RoomName,
        topic: Option<Text>,
        effects: &mut Effects,
    ) -> Outcome {
        let topic = topic.map_or(String::new(), |text| text.as_str().to_owned());
        if topic.len() > TOPIC_MAX {
            return Err(Refusal::new(Code::BadArgument, format!("A topic has at most {TOPIC_MAX} bytes.")));
        }
        let id = self.joined(&name, asker.account)?;
        let Some(room) = self.world.room_mut(id) else { return Ok(()) };
        room.topic.clone_from(&topic);
        let who = self.world.name(asker.account);
        let (text, answer) = if topic.is_empty() {
            (format!("{who} cleared the topic"), format!("{name} has no topic now."))
        } else {
            (format!("{who} set the topic: {topic}"), format!("{name} - {topic}"))
        };
        let line = event(name.as_str(), &text, "topic", who);
        self.notify(asker.account, Recipients::AllBut(asker.conn), line, effects);
        self.tell_room(id, asker.account, false, line, effects);
        effects.write(Write::Topic(id, topic));
        effects.done(asker.conn, answer);
        Ok(())
    }

    pub(super) fn list_rooms(
        &self,
        asker: Asker,
        after: Option<RoomName>,
        limit: u32,
        effects: &mut Effects,
    ) -> Outcome {
        let mut rows = Rows::default();
        let (mut shown, mut more) = (0u32, "");
        for (_, room) in self.world.rooms_after(after.as_ref()).filter(|(_, room)| may_see(room, asker.account)) {
            if shown == limit || rows.len() >= self.settings.answer_bytes {
                more = ", more";
                break;
            }
            let topic = if room.topic.is_empty() { String::new() } else { format!(" {}", room.topic) };
            rows.push(&format!("{} {} -{topic}", room.name, room.members.len()));
            shown += 1;
        }
        effects.answer(asker.conn, rows, Final::Done(format!("{shown} rooms{more}")));
        Ok(())
    }

    /// Makes an account a member of a room, which its connections hear from now on.
    pub(super) fn add_to_room(&mut self, room: ConversationId, account: AccountId, role: Role, effects: &mut Effects) {
        let read = self.world.room(room).map_or(MessageId::ZERO, |room| room.last);
        let record = MemberRecord { conversation: room, account, role, read };
        self.world.add_member(record);
        effects.write(Write::Member(record));
        if self.world.uninvite(room, account) {
            effects.write(Write::InvitedGone(room, account));
        }
        self.live.enter(account, room);
        for worker in self.live.workers_of_account(account) {
            effects.deliver(worker, Delivery::Enter(account, room));
        }
    }

    /// Whether an account is in as many rooms as it may be.
    pub(super) fn check_rooms_limit(&self, account: AccountId) -> Outcome {
        if self.world.account(account).is_some_and(|account| account.rooms.len() >= ROOMS_MAX) {
            let text = format!("you are in {ROOMS_MAX} rooms, and more can't be had. /leave ROOM first.");
            return Err(Refusal::new(Code::Limit, text));
        }
        Ok(())
    }

    pub(super) fn find_user(&self, name: &UserName) -> Result<AccountId, Refusal> {
        self.world.find_account(name).ok_or_else(|| {
            Refusal::new(Code::NoSuchUser, format!("there is nobody called {name}. /who shows who is in a room."))
        })
    }
}

fn may_see(room: &Room, account: AccountId) -> bool {
    !room.private || room.members.contains_key(&account) || room.invited.contains_key(&account)
}

fn hidden() -> Refusal {
    Refusal::new(Code::NotAllowed, "that name is not free. Choose another.")
}

pub(super) fn no_room() -> Refusal {
    Refusal::new(Code::NoRoom, "you talk in no room just now. /rooms lists them, /join ROOM enters one.")
}
