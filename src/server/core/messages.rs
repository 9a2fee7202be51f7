//! Messages and read markers.

use super::{Message, Outcome, Refused, State, Storage};
use crate::protocol::names::{AccountId, ConversationId, MessageId, Target, Text};
use crate::server::traffic::{Appended, ConversationKind, ConversationRecord, Draft, MemberRecord, Role, Write};

pub(super) fn say_in(
    state: &mut State,
    at: u64,
    by: AccountId,
    room: ConversationId,
    text: Text,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    if !state.room(room).is_some_and(|room| room.has_member(by)) {
        return Err(Refused::NotInConversation);
    }
    append(state, Draft { conversation: room, author: by, at, text, key: None }, storage)
}

pub(super) fn say(
    state: &mut State,
    at: u64,
    by: AccountId,
    target: &Target,
    key: Option<Box<str>>,
    text: Text,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let conversation = match target {
        Target::Room(room) => state.joined_room(room, by)?,
        Target::Direct(name) => {
            let other = state.user(name)?;
            match state.pair(by, other) {
                Some(pair) => pair,
                None => create_pair(state, by, other, storage),
            }
        }
    };
    append(state, Draft { conversation, author: by, at, text, key }, storage)
}

fn append(state: &mut State, draft: Draft, storage: &mut dyn Storage) -> Result<Outcome, Refused> {
    let id = match storage.append(&draft)? {
        Appended::New(id) => id,
        Appended::Again(id) => return Ok(Outcome::SaidBefore(id)),
        Appended::Conflict => return Err(Refused::KeyConflict),
    };
    if let Some(conversation) = state.conversation_mut(draft.conversation) {
        conversation.set_last(id);
    }
    Ok(Outcome::Said(Message { id, draft }))
}

pub(super) fn mark_read(
    state: &mut State,
    by: AccountId,
    conversation: ConversationId,
    id: MessageId,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let stored = state.conversation_mut(conversation).ok_or(Refused::NotInConversation)?;
    let marker = stored.read_by(by).ok_or(Refused::NotInConversation)?;
    if id > stored.last() {
        return Err(Refused::NoSuchMessage { last: stored.last() });
    }
    if id <= marker {
        return Ok(Outcome::Read { marker, moved: false });
    }
    stored.mark(by, id);
    storage.write(Write::Read(conversation, by, id));
    Ok(Outcome::Read { marker: id, moved: true })
}

/// Creates the direct conversation of two accounts, or of one with itself.
fn create_pair(state: &mut State, one: AccountId, other: AccountId, storage: &mut dyn Storage) -> ConversationId {
    let id = state.next_conversation();
    let (low, high) = (one.min(other), one.max(other));
    let record = ConversationRecord { id, kind: ConversationKind::Pair(low, high), last: MessageId::ZERO };
    state.add_conversation(record.clone());
    storage.write(Write::Conversation(record));
    let sides = [low, high];
    for &account in &sides[..if low == high { 1 } else { 2 }] {
        let side = MemberRecord { conversation: id, account, role: Role::Member, read: MessageId::ZERO };
        storage.write(Write::Member(side));
    }
    id
}
