//! Saying something, who is sent it, and read markers.

use super::effects::Effects;
use super::mentions::mention_tag;
use super::pace::{Paced, Saying};
use super::reading::{readable, target_of};
use super::refusals::no_room;
use super::{Answered, Context, Hub, unexpected};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Body, Final, Line, MARK_ME, Rows, Tags, reply_mark};
use crate::protocol::names::{AccountId, ConnId, ConversationId, MessageId, Target, Text};
use crate::server::core::{AccountAction, Conversation, Manner, Message, Outcome, Room};
use crate::server::traffic::{Ack, Delivery, Draft, Mark, Recipients, RoomMessage, UnheardBy};
use std::borrow::Cow;

/// Bare text; success is answered with silence.
pub(super) fn say_here(cx: &mut Context<'_>, text: Text) -> Answered {
    let message = say_in_current_room(cx, Manner::Plainly, text)?;
    cx.hub.deliver(&message, cx.conn, Ack::Silent, cx.effects);
    Ok(())
}

/// `/me`.
pub(super) fn act_here(cx: &mut Context<'_>, text: Text) -> Answered {
    let message = say_in_current_room(cx, Manner::Me, text)?;
    cx.hub.deliver(&message, cx.conn, Ack::Id(message.id), cx.effects);
    Ok(())
}

fn say_in_current_room(cx: &mut Context<'_>, manner: Manner, text: Text) -> Result<Message, Refusal> {
    let room = cx.hub.connections.current(cx.conn).ok_or_else(no_room)?;
    let said = cx.check_repeat(&text, |_| Some(room))?;
    match cx.apply(AccountAction::SayIn { room, manner, text })? {
        Outcome::Said(message) => {
            cx.hub.stats.count_message(cx.now.instant);
            cx.count_repeat(said, room);
            Ok(message)
        }
        outcome => Err(unexpected(&outcome)),
    }
}

/// `/say`, `/msg` and `/post`.
pub(super) fn say(cx: &mut Context<'_>, target: Target, key: Option<Box<str>>, text: Text) -> Answered {
    let saying = check_saying(cx, &target, &text)?;
    say_action(cx, saying, AccountAction::Say { target, manner: Manner::Plainly, key, text })
}

/// `/act` and `/reply`.
pub(super) fn say_as(cx: &mut Context<'_>, target: Target, manner: Manner, text: Text) -> Answered {
    let saying = check_saying(cx, &target, &text)?;
    say_action(cx, saying, AccountAction::Say { target, manner, key: None, text })
}

/// `/update`.
pub(super) fn update(cx: &mut Context<'_>, target: Target, key: Box<str>, text: Text) -> Answered {
    let saying = check_saying(cx, &target, &text)?;
    say_action(cx, saying, AccountAction::Update { target, key, text })
}

/// Whether the account may say that there now: not as the same text in many places, nor to one of
/// many people that it writes to for the first time. Also returns whether it is the first time.
fn check_saying(cx: &mut Context<'_>, target: &Target, text: &Text) -> Result<(Saying, bool), Refusal> {
    let first = match target {
        Target::Room(_) => false,
        Target::Direct(name) => {
            let other = cx.hub.state.find_account(name).filter(|&other| other != cx.account);
            other.is_some_and(|other| cx.hub.state.pair(cx.account, other).is_none())
        }
    };
    let saying = cx.check_repeat(text, |cx| cx.find_conversation(target))?;
    if first {
        cx.check_pace(Paced::FirstMessage)?;
    }
    Ok((saying, first))
}

fn say_action(cx: &mut Context<'_>, (saying, first): (Saying, bool), action: AccountAction) -> Answered {
    match cx.apply(action)? {
        Outcome::Said(message) => {
            cx.hub.stats.count_message(cx.now.instant);
            cx.count_repeat(saying, message.draft.conversation);
            if first {
                cx.count_pace(Paced::FirstMessage);
            }
            if let Some(other) = cx.hub.deliver(&message, cx.conn, Ack::Id(message.id), cx.effects) {
                cx.tell_of_absence(other);
            }
        }
        Outcome::Changed(change) => return cx.changed(&change),
        Outcome::SaidBefore(id) => cx.effects.answer(cx.conn, Rows::default(), Final::MessageId(id.value())),
        outcome => return Err(unexpected(&outcome)),
    }
    Ok(())
}

/// A direct message on its way.
struct Direct<'a> {
    draft: &'a Draft,
    mark: Option<&'a str>,
    /// The other side, as seen from the author.
    other: AccountId,
    tags: Tags<'a>,
}

impl Hub {
    /// Sends a message to everyone online who may see it, and acknowledges it to the connection
    /// that said it. Returns the other side of a direct message.
    pub(super) fn deliver(
        &self,
        message: &Message,
        from: ConnId,
        ack: Ack,
        effects: &mut Effects,
    ) -> Option<AccountId> {
        let Message { id, draft } = message;
        let mut tags = Tags { id: Some(id.value()), at: Some(draft.at), ..Tags::default() };
        let mark = match draft.mark {
            Mark::None => None,
            Mark::Me => Some(Cow::Borrowed(MARK_ME)),
            Mark::Reply { id, author } => {
                tags.reply = Some(id.value());
                Some(Cow::Owned(reply_mark(id, self.state.name(author))))
            }
        };
        let mark = mark.as_deref();
        let mentions = mention_tag(&self.state, draft.conversation, &draft.mentions);
        tags.mention = mentions.as_deref();
        let mut to = None;
        let acknowledged = match self.state.conversation(draft.conversation) {
            Some(Conversation::Room(stored)) => {
                let (room, author) = (stored.name.as_str(), self.state.name(draft.author));
                let body = Body::RoomMessage { room, author, mark, text: draft.text.as_str() };
                let line = effects.encode(&Line { tags, body });
                let unheard_by = self.unheard_by(draft.author, stored);
                self.deliver_in_room(&RoomMessage { room: draft.conversation, from, ack, unheard_by, line }, effects)
            }
            Some(Conversation::Pair(pair)) => {
                let other = pair.other(draft.author);
                to = Some(other);
                let direct = Direct { draft, mark, other, tags };
                self.deliver_direct(&direct, from, ack, effects)
            }
            None => false,
        };
        if !acknowledged && let Some(last) = ack.answer() {
            effects.answer(from, Rows::default(), last);
        }
        to
    }

    /// Who in the room ignores the account, and is connected.
    pub(super) fn unheard_by(&self, account: AccountId, room: &Room) -> UnheardBy {
        let ignorers = self.state.ignorers(account)?;
        let mut there: Vec<AccountId> = if ignorers.len() < room.members.len() {
            ignorers.iter().copied().filter(|&ignorer| room.has_member(ignorer)).collect()
        } else {
            room.members.keys().copied().filter(|member| ignorers.contains(member)).collect()
        };
        there.retain(|&ignorer| self.connections.is_here(ignorer));
        there.sort_unstable();
        if there.is_empty() { None } else { Some(there.into()) }
    }

    /// Returns whether this also acknowledges it.
    fn deliver_in_room(&self, message: &RoomMessage, effects: &mut Effects) -> bool {
        let mut acknowledged = false;
        for worker in self.connections.workers_of_room(message.room) {
            let own = worker == message.from.worker();
            acknowledged |= own;
            let ack = if own { message.ack } else { Ack::None };
            effects.deliver(worker, Delivery::RoomMessage(RoomMessage { ack, ..message.clone() }));
        }
        acknowledged
    }

    /// The same for a direct message.
    fn deliver_direct(&self, direct: &Direct<'_>, from: ConnId, ack: Ack, effects: &mut Effects) -> bool {
        let &Direct { draft, mark, other, tags } = direct;
        let (author_name, other_name) = (self.state.name(draft.author), self.state.name(other));
        let body = Body::DirectMessage { from: author_name, to: other_name, mark, text: draft.text.as_str() };
        let mut acknowledged = false;
        let sides = [(draft.author, other_name), (other, author_name)];
        for &(account, other_side) in &sides[..if draft.author == other { 1 } else { 2 }] {
            if self.state.ignores(account, draft.author) {
                continue;
            }
            let to = format!("@{other_side}");
            let line = effects.encode(&Line { tags: Tags { to: Some(&to), ..tags }, body });
            for worker in self.connections.workers_of_account(account) {
                let own = !acknowledged && worker == from.worker() && account == draft.author;
                acknowledged |= own;
                let ack = if own { ack } else { Ack::None };
                effects.deliver(worker, Delivery::DirectMessage { account, from, ack, line });
            }
        }
        acknowledged
    }
}

/// `/read`.
pub(super) fn read(cx: &mut Context<'_>, target: &Target, id: MessageId) -> Answered {
    let Some(conversation) = readable(&cx.hub.state, cx.account, target)? else {
        // Two people who have never talked.
        return match id {
            MessageId::ZERO => cx.done(id.to_string()),
            _ => Err(super::refusals::refusal(crate::server::core::Refused::NoSuchMessage { last: MessageId::ZERO })),
        };
    };
    let marker = cx.mark_read(conversation, id)?;
    cx.viewed(conversation, id);
    cx.done(marker.to_string())
}

impl Context<'_> {
    /// The conversation that a target names, if there is one.
    fn find_conversation(&self, target: &Target) -> Option<ConversationId> {
        match target {
            Target::Room(room) => self.hub.state.find_room(room),
            Target::Direct(name) => self.hub.state.pair(self.account, self.hub.state.find_account(name)?),
        }
    }

    /// Moves the account's marker, unless it is already there, and tells the account's other
    /// connections. Returns the marker.
    fn mark_read(&mut self, conversation: ConversationId, id: MessageId) -> Result<MessageId, Refusal> {
        let outcome = self.apply(AccountAction::MarkRead { conversation, id })?;
        let Outcome::Read { marker, moved } = outcome else { return Err(unexpected(&outcome)) };
        let connections = &self.hub.connections;
        if moved && connections.has_other(self.account, self.conn) {
            let text = format!("{} {marker}", target_of(&self.hub.state, self.account, conversation));
            let tags = Tags { ev: Some("read"), ..Tags::default() };
            let line = Line { tags, body: Body::Notice(Some(Code::Read), &text) };
            self.effects.notify(connections, self.account, Recipients::AllBut(self.conn), &line);
        }
        Ok(marker)
    }

    /// Once a conversation was viewed up to its end, live lines in it count as seen.
    fn viewed(&mut self, conversation: ConversationId, id: MessageId) {
        if self.hub.state.conversation(conversation).is_some_and(|stored| id >= stored.last()) {
            self.hub.connections.mark_seen(self.conn, conversation);
        }
    }

    /// A person was shown the conversation up to this id, so it is read. While nothing can be stored the
    /// marker stays, so that people can read all the same.
    pub(super) fn shown(&mut self, conversation: ConversationId, id: MessageId) -> Answered {
        if self.hub.unsaved {
            return Ok(());
        }
        self.mark_read(conversation, id)?;
        self.viewed(conversation, id);
        Ok(())
    }

    /// Marks what a person received live as read, except where there are earlier lines that the
    /// person has not viewed, and unless nothing can be stored.
    pub(super) fn mark_seen_as_read(&mut self) -> Answered {
        if self.hub.unsaved {
            return Ok(());
        }
        let unseen = self.hub.connections.session(self.conn).map_or(&[][..], |session| &session.unseen);
        let seen: Vec<(ConversationId, MessageId)> = super::reading::read_positions(&self.hub.state, self.account)
            .into_iter()
            .filter(|unread| unread.has_news() && !unseen.contains(&unread.conversation.id))
            .map(|unread| (unread.conversation.id, unread.last))
            .collect();
        for (conversation, last) in seen {
            self.mark_read(conversation, last)?;
        }
        Ok(())
    }
}
