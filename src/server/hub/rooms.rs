//! Rooms and who is in them: create, join, leave, switch, invite, who, topic, rooms.

use super::effects::RoomEvent;
use super::pace::Paced;
use super::refusals::{no_room, refusal};
use super::{Answered, Context, TELL_MEMBERS_MAX, event, page, unexpected};
use crate::protocol::command::NamePage;
use crate::protocol::line::{Final, Line, Rows};
use crate::protocol::names::{ConversationId, RoomName, Text, UserName};
use crate::protocol::roles::Role;
use crate::server::core::{AccountAction, Outcome, RoomAction};
use crate::server::traffic::{Delivery, Recipients, SanctionKind, Viewer};

pub(super) fn create(cx: &mut Context<'_>, name: RoomName, private: bool) -> Answered {
    cx.check_pace(Paced::Room)?;
    let outcome = cx.apply(AccountAction::CreateRoom { room: name, private, most: cx.hub.settings.rooms_made })?;
    let Outcome::RoomCreated(room) = outcome else { return Err(unexpected(&outcome)) };
    cx.count_pace(Paced::Room);
    cx.entered_room(room);
    cx.tell_joined(room, &name);
    let who = if private { format!(" Only people you invite can see it: /invite {name} NAME.") } else { String::new() };
    cx.done(format!("{name} created; you own it.{who} /switch {name} to talk there."))
}

pub(super) fn join(cx: &mut Context<'_>, name: RoomName) -> Answered {
    let what = if cx.hub.state.find_room(&name).is_some() { Paced::Join } else { Paced::Room };
    let outcome = check_join(cx, &name, what)
        .and_then(|()| cx.apply(AccountAction::JoinRoom { room: name, most: cx.hub.settings.rooms_made }));
    let outcome = outcome.map_err(|refusal| cx.leave_current_room(refusal))?;
    let Outcome::RoomJoined { room, new } = outcome else { return Err(unexpected(&outcome)) };
    if new {
        cx.count_pace(what);
        cx.entered_room(room);
        cx.tell_joined(room, &name);
    }
    cx.hub.connections.set_current_room(cx.conn, Some(room));
    let last = Final::Done(cx.describe_room(room));
    match cx.viewer {
        Viewer::Person { replay } => {
            // What was seen live is not shown again.
            cx.mark_seen_as_read()?;
            cx.show_unread(Some(room), replay, last)
        }
        Viewer::Program => {
            cx.effects.answer(cx.conn, Rows::default(), last);
            Ok(())
        }
    }
}

/// Joining a room that one is in costs nothing.
fn check_join(cx: &mut Context<'_>, name: &RoomName, what: Paced) -> Answered {
    if cx.hub.state.joined_room(name, cx.account).is_ok() { Ok(()) } else { cx.check_pace(what) }
}

pub(super) fn leave(cx: &mut Context<'_>, name: RoomName) -> Answered {
    let outcome = cx.apply(AccountAction::LeaveRoom(name))?;
    cx.count_pace(Paced::Join);
    let Outcome::RoomLeft { room, forgotten } = outcome else { return Err(unexpected(&outcome)) };
    cx.take_out(cx.account, room);
    cx.tell_membership(room, &name, "leave", "left");
    let gone = if forgotten { " Nothing was said there, so it is gone." } else { "" };
    cx.done(format!("{name} - you left.{gone}"))
}

pub(super) fn switch(cx: &mut Context<'_>, name: &RoomName) -> Answered {
    let room = cx.hub.state.permitted_room(RoomAction::Read, name, cx.account);
    let room = room.map_err(|refused| cx.leave_current_room(refusal(refused)))?;
    cx.hub.connections.set_current_room(cx.conn, Some(room));
    cx.done(cx.describe_room(room))
}

/// All members, those who are here first; a part of them by name alone, so that whoever comes or goes
/// between two parts is in one of them.
pub(super) fn who(cx: &mut Context<'_>, name: Option<&RoomName>, part: Option<&NamePage>) -> Answered {
    let state = &cx.hub.state;
    let id = match name {
        Some(name) => state.permitted_room(RoomAction::Look, name, cx.account).map_err(refusal)?,
        None => cx.hub.connections.current(cx.conn).ok_or_else(no_room)?,
    };
    let room = state.room(id).ok_or_else(no_room)?;
    let steady = cx.hub.clock.at(cx.now);
    let after = part.and_then(|part| part.after.as_ref()).map(UserName::case_folded);
    let mut members: Vec<(bool, String, String)> = room
        .members
        .iter()
        .map(|(&account, member)| (state.name(account).to_ascii_lowercase(), account, member))
        .filter(|(name, ..)| after.as_ref().is_none_or(|after| **name > **after))
        .map(|(sorted, account, member)| {
            let (name, here) = (state.name(account), cx.hub.connections.is_here(account));
            let presence = if here { "here" } else { "away" };
            let role = if member.role == Role::Member { String::new() } else { format!(" {}", member.role) };
            let hook = if state.hook(account).is_some() { " hook" } else { "" };
            let muted = room.sanction(SanctionKind::Mute, account, steady).map_or("", |_| " muted");
            let away = state.account(account).and_then(|account| account.away.as_ref());
            let why = away.map_or(String::new(), |away| format!(" - {}", away.text));
            (part.is_none() && !here, sorted, format!("{name} {presence}{role}{hook}{muted}{why}"))
        })
        .collect();
    members.sort_unstable();
    let limit = part.map_or(u32::MAX, |part| part.limit);
    let rows = members.into_iter().map(|(.., row)| row);
    let (rows, last) = page(rows, limit, cx.hub.settings.answer_bytes, "member");
    cx.effects.answer(cx.conn, rows, last);
    Ok(())
}

pub(super) fn show_topic(cx: &mut Context<'_>, name: &RoomName) -> Answered {
    let id = cx.hub.state.permitted_room(RoomAction::Look, name, cx.account).map_err(refusal)?;
    let topic = cx.hub.state.room(id).map_or("", |room| &room.topic);
    let text = if topic.is_empty() { format!("{name} has no topic.") } else { format!("{name} - {topic}") };
    cx.done(text)
}

pub(super) fn set_topic(cx: &mut Context<'_>, name: RoomName, topic: Option<Text>) -> Answered {
    let outcome = cx.apply(AccountAction::SetTopic { room: name, topic: topic.clone() })?;
    let Outcome::TopicSet(room) = outcome else { return Err(unexpected(&outcome)) };
    let who = cx.hub.state.name(cx.account).to_owned();
    let (text, answer) = match &topic {
        None => (format!("{who} cleared the topic"), format!("{name} has no topic now.")),
        Some(topic) => {
            let topic = topic.as_str();
            (format!("{who} set the topic: {topic}"), format!("{name} - {topic}"))
        }
    };
    cx.tell_room(room, &event(name.as_str(), &text, "topic", &who));
    cx.done(answer)
}

pub(super) fn list(cx: &mut Context<'_>, after: Option<&RoomName>, limit: u32) -> Answered {
    let rooms = cx.hub.state.rooms_after(after).filter(|(_, room)| cx.hub.state.sees(cx.account, room));
    let rows = rooms.map(|(_, room)| {
        let topic = if room.topic.is_empty() { String::new() } else { format!(" {}", room.topic) };
        format!("{} {} -{topic}", room.name, room.members.len())
    });
    let (rows, last) = page(rows, limit, cx.hub.settings.answer_bytes, "room");
    cx.effects.answer(cx.conn, rows, last);
    Ok(())
}

impl Context<'_> {
    /// From now on the account's connections are sent what is said in this room.
    pub(super) fn entered_room(&mut self, room: ConversationId) {
        self.hub.connections.enter(self.account, room);
        for worker in self.hub.connections.workers_of_account(self.account) {
            self.effects.deliver(worker, Delivery::Enter(self.account, room));
        }
    }

    /// Announces that the account joined: to its other connections always, to the room if it is
    /// small.
    pub(super) fn tell_joined(&mut self, room: ConversationId, name: &RoomName) {
        self.tell_membership(room, name, "join", "joined");
    }

    /// Tells the room, and the account's other connections if it is in the room, what it did there.
    pub(super) fn tell_room(&mut self, id: ConversationId, line: &Line<'_>) {
        if self.hub.state.room(id).is_some_and(|room| room.has_member(self.account)) {
            self.tell_own(line);
        }
        self.tell_others(id, line);
    }

    /// Tells the account's other connections.
    pub(super) fn tell_own(&mut self, line: &Line<'_>) {
        let connections = &self.hub.connections;
        if connections.has_other(self.account, self.conn) {
            self.effects.notify(connections, self.account, Recipients::AllBut(self.conn), line);
        }
    }

    /// Tells everybody else in a room.
    pub(super) fn tell_others(&mut self, room: ConversationId, line: &Line<'_>) {
        let event = RoomEvent { room, by: self.account, presence: false, unheard_by: None };
        self.effects.tell_room(&self.hub.connections, event, line);
    }

    fn tell_membership(&mut self, id: ConversationId, name: &RoomName, ev: &str, happened: &str) {
        let (state, connections) = (&self.hub.state, &self.hub.connections);
        let who = state.name(self.account);
        let text = format!("{who} {happened}");
        let line = event(name.as_str(), &text, ev, who);
        if connections.has_other(self.account, self.conn) {
            self.effects.notify(connections, self.account, Recipients::AllBut(self.conn), &line);
        }
        if state.room(id).is_some_and(|room| room.members.len() <= TELL_MEMBERS_MAX) {
            let event = RoomEvent { room: id, by: self.account, presence: true, unheard_by: None };
            self.effects.tell_room(connections, event, &line);
        }
    }

    /// `ROOM - TOPIC` or `ROOM - 3 members, 2 here. Type to talk.`
    fn describe_room(&self, id: ConversationId) -> String {
        let Some(room) = self.hub.state.room(id) else { return String::new() };
        let members = match room.members.len() {
            1 => "you're the only member".to_owned(),
            n => format!("{n} members, {} here", self.hub.connections.here(id)),
        };
        if room.topic.is_empty() {
            format!("{} - {members}. Type to talk.", room.name)
        } else {
            format!("{} - {members}. Topic: {}", room.name, room.topic)
        }
    }
}
