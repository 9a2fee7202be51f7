//! Saying, reading, searching: what is said, by whom it is heard, and who may read it later.

use super::members::no_room;
use super::world::Conversation;
use super::{Append, Asker, Effects, Keep, Now, Outcome, Outgoing, Rooms};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Body, Final, Line, Rows, Tags};
use crate::protocol::names::{AccountId, ConnId, ConversationId, MessageId, Target, Text, UserName};
use crate::server::traffic::{
    Ack, Appended, ConversationKind, ConversationRecord, ConversationRef, Delivery, Draft, MemberRecord, Read,
    Recipients, Role, RoomMessage, Unread, Viewer, Write,
};

/// The part of a conversation that `/history` asks for.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) before: Option<MessageId>,
    pub(super) after: Option<MessageId>,
    pub(super) limit: u32,
}

/// What `/search` asks for.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) within: Option<Target>,
    pub(super) from: Option<UserName>,
    pub(super) limit: u32,
    pub(super) more: Option<u64>,
    pub(super) words: Text,
}

impl Rooms {
    pub(super) fn say_here(&mut self, now: Now, asker: Asker, text: Text, effects: &mut Effects) -> Outcome {
        let conversation = self.live.current(asker.conn).ok_or_else(no_room)?;
        let draft = Draft { conversation, author: asker.account, at: now.wall, text, key: None };
        effects.keep.push(Keep::Append(Append { draft, conn: asker.conn, silent: true }));
        Ok(())
    }

    pub(super) fn say(
        &mut self,
        now: Now,
        asker: Asker,
        target: Target,
        key: Option<Box<str>>,
        text: Text,
        effects: &mut Effects,
    ) -> Outcome {
        let conversation = match target {
            Target::Room(room) => self.joined(&room, asker.account)?,
            Target::Direct(name) => {
                let other = self.find_user(&name)?;
                match self.pair(asker.account, other) {
                    Some(pair) => pair,
                    None => self.make_pair(asker.account, other, effects),
                }
            }
        };
        let draft = Draft { conversation, author: asker.account, at: now.wall, text, key };
        effects.keep.push(Keep::Append(Append { draft, conn: asker.conn, silent: false }));
        Ok(())
    }

    fn pair(&self, one: AccountId, other: AccountId) -> Option<ConversationId> {
        self.world.account(one)?.pairs.get(&other).copied()
    }

    fn make_pair(&mut self, one: AccountId, other: AccountId, effects: &mut Effects) -> ConversationId {
        let id = self.world.next_conversation();
        let (low, high) = (one.min(other), one.max(other));
        let record = ConversationRecord { id, kind: ConversationKind::Pair(low, high), last: MessageId::ZERO };
        self.world.add_conversation(record.clone());
        effects.write(Write::Conversation(record));
        let sides = [low, high];
        for &account in &sides[..if low == high { 1 } else { 2 }] {
            let side = MemberRecord { conversation: id, account, role: Role::Member, read: MessageId::ZERO };
            effects.write(Write::Member(side));
        }
        id
    }

    pub(super) fn show_appended(&mut self, append: Append, outcome: Appended, out: &mut Outgoing) {
        let Append { draft, conn, silent } = append;
        let id = match outcome {
            Appended::New(id) => id,
            Appended::Again(id) => {
                out.answer(conn, Rows::default(), Final::MessageId(id.value()));
                return;
            }
            Appended::Conflict => {
                let text = "that key was used here with another text. Use a new key for a new text.";
                out.answer(conn, Rows::default(), Refusal::new(Code::Conflict, text));
                return;
            }
        };
        let ack = if silent { Ack::Silent } else { Ack::Id(id) };
        let Some(conversation) = self.world.conversation_mut(draft.conversation) else { return };
        conversation.set_last(id);
        let tags = Tags { id: Some(id.value()), at: Some(draft.at), ..Tags::default() };
        let answered = match self.world.conversation(draft.conversation) {
            Some(Conversation::Room(room)) => {
                let author = self.world.name(draft.author);
                let body =
                    Body::RoomMessage { room: room.name.as_str(), author, mark: None, text: draft.text.as_str() };
                let line = out.encode(&Line { tags, body });
                self.deliver_room_message(RoomMessage { room: draft.conversation, from: conn, ack, line }, out)
            }
            Some(Conversation::Pair(pair)) => {
                let other = pair.sides[usize::from(pair.sides[0] == draft.author)];
                self.deliver_direct_message(&draft, other, conn, ack, tags, out)
            }
            None => true,
        };
        if !answered && let Some(last) = ack.answer() {
            // The author left the room, or the connection, behind this line in the same batch.
            out.answer(conn, Rows::default(), last);
        }
    }

    /// Delivers a message to whom hears the room; whether who said it is answered by that.
    fn deliver_room_message(&self, message: RoomMessage, out: &mut Outgoing) -> bool {
        let mut answered = false;
        for worker in self.live.workers_of_room(message.room) {
            let own = worker == message.from.worker();
            answered |= own;
            let ack = if own { message.ack } else { Ack::None };
            out.deliver(worker, Delivery::RoomMessage(RoomMessage { ack, ..message }));
        }
        answered
    }

    /// The same for a direct message.
    fn deliver_direct_message(
        &self,
        draft: &Draft,
        other: AccountId,
        from: ConnId,
        ack: Ack,
        tags: Tags<'_>,
        out: &mut Outgoing,
    ) -> bool {
        let (author_name, other_name) = (self.world.name(draft.author), self.world.name(other));
        let body = Body::DirectMessage { from: author_name, to: other_name, mark: None, text: draft.text.as_str() };
        let mut answered = false;
        let sides = [(draft.author, other_name), (other, author_name)];
        for &(account, other_side) in &sides[..if draft.author == other { 1 } else { 2 }] {
            let to = format!("@{other_side}");
            let line = out.encode(&Line { tags: Tags { to: Some(&to), ..tags }, body });
            for worker in self.live.workers_of_account(account) {
                let own = !answered && worker == from.worker() && account == draft.author;
                answered |= own;
                let ack = if own { ack } else { Ack::None };
                out.deliver(worker, Delivery::DirectMessage { account, from, ack, line });
            }
        }
        answered
    }

    /// A TARGET as a conversation that the asker takes part in; `None` for a pair that has never
    /// talked.
    fn readable(&self, asker: Asker, target: &Target) -> Result<Option<ConversationId>, Refusal> {
        match target {
            Target::Room(room) => self.joined(room, asker.account).map(Some),
            Target::Direct(name) => self.find_user(name).map(|other| self.pair(asker.account, other)),
        }
    }

    /// How the asker calls a conversation.
    fn target_of(&self, account: AccountId, conversation: ConversationId) -> Box<str> {
        match self.world.conversation(conversation) {
            Some(Conversation::Room(room)) => room.name.as_str().into(),
            Some(Conversation::Pair(pair)) => {
                let other = pair.sides[usize::from(pair.sides[0] == account)];
                format!("@{}", self.world.name(other)).into_boxed_str()
            }
            None => "?".into(),
        }
    }

    /// Every room that the account is in, by name, then every direct conversation.
    pub(super) fn places(&self, account: AccountId) -> Vec<Unread> {
        let Some(kept) = self.world.account(account) else { return Vec::new() };
        let rooms = kept.rooms.iter().copied();
        let mut places: Vec<Unread> = rooms
            .chain(kept.pairs.values().copied())
            .filter_map(|conversation| {
                let kept = self.world.conversation(conversation)?;
                let place = ConversationRef { id: conversation, target: self.target_of(account, conversation) };
                Some(Unread { conversation: place, last: kept.last(), read: kept.read_by(account)? })
            })
            .collect();
        places.sort_by(|a, b| {
            (a.conversation.target.starts_with('@'), &a.conversation.target)
                .cmp(&(b.conversation.target.starts_with('@'), &b.conversation.target))
        });
        places
    }

    pub(super) fn conversations(&self, asker: Asker, effects: &mut Effects) -> Outcome {
        let places = self.places(asker.account);
        effects.read_job(asker.conn, Read::Conversations { account: asker.account, conversations: places });
        Ok(())
    }

    pub(super) fn history(
        &mut self,
        asker: Asker,
        target: Option<Target>,
        span: Span,
        effects: &mut Effects,
    ) -> Outcome {
        let conversation = match &target {
            Some(target) => self.readable(asker, target)?,
            None => Some(self.live.current(asker.conn).ok_or_else(no_room)?),
        };
        let Some(conversation) = conversation else {
            effects.done(asker.conn, "0 messages");
            return Ok(());
        };
        let Some(kept) = self.world.conversation(conversation) else { return Err(no_room()) };
        let (last, read) = (kept.last(), kept.read_by(asker.account).unwrap_or_default());
        let end = last.next().unwrap_or(MessageId::MAX);
        let before = span.before.map_or(end, |before| before.min(end));
        if asker.viewer != Viewer::Program && span.before.is_none() {
            // A person who looks at what is new has read it.
            match span.after {
                None => self.seen(asker, conversation, last, effects),
                Some(after) if after <= read => {
                    let shown = MessageId::new(after.value().saturating_add(u64::from(span.limit)));
                    self.seen(asker, conversation, shown.unwrap_or(last).min(last), effects);
                }
                Some(_) => {}
            }
        }
        let place = ConversationRef { id: conversation, target: self.target_of(asker.account, conversation) };
        effects
            .read_job(asker.conn, Read::History { conversation: place, before, after: span.after, limit: span.limit });
        Ok(())
    }

    pub(super) fn search(&self, asker: Asker, search: Search, effects: &mut Effects) -> Outcome {
        let Search { within, from, limit, more, words } = search;
        let places = match &within {
            Some(target) => {
                let place = |conversation| ConversationRef {
                    id: conversation,
                    target: self.target_of(asker.account, conversation),
                };
                self.readable(asker, target)?.map(place).into_iter().collect()
            }
            None => self
                .places(asker.account)
                .into_iter()
                .map(|unread| unread.conversation)
                .collect::<Vec<ConversationRef>>(),
        };
        let from = from.map(|name| self.find_user(&name)).transpose()?;
        let read = Read::Search { conversations: places, within: within.is_some(), from, limit, more, words };
        effects.read_job(asker.conn, read);
        Ok(())
    }

    pub(super) fn read(&mut self, asker: Asker, target: Target, id: MessageId, effects: &mut Effects) -> Outcome {
        let conversation = self.readable(asker, &target)?;
        let kept = conversation.and_then(|conversation| self.world.conversation(conversation));
        let last = kept.map_or(MessageId::ZERO, Conversation::last);
        let stands = kept.and_then(|kept| kept.read_by(asker.account)).unwrap_or_default();
        if id > last {
            let text = format!("the last ID there is {last}. An ID up to that can be read.");
            return Err(Refusal::new(Code::BadArgument, text));
        }
        if let Some(conversation) = conversation.filter(|_| id == last) {
            self.live.caught_up(asker.conn, conversation);
        }
        let Some(conversation) = conversation.filter(|_| id > stands) else {
            effects.done(asker.conn, stands.to_string());
            return Ok(());
        };
        if let Some(kept) = self.world.conversation_mut(conversation) {
            kept.mark(asker.account, id);
        }
        effects.write(Write::Read(conversation, asker.account, id));
        if self.live.conns(asker.account).len() > 1 {
            let text = format!("{} {id}", self.target_of(asker.account, conversation));
            let tags = Tags { ev: Some("read"), ..Tags::default() };
            let line = Line { tags, body: Body::Notice(Some(Code::Read), &text) };
            self.notify(asker.account, Recipients::AllBut(asker.conn), line, effects);
        }
        effects.done(asker.conn, id.to_string());
        Ok(())
    }
}
