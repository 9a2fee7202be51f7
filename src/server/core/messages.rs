//! Messages and read markers.

use super::{Actor, Conversation, Manner, Message, Outcome, Refused, RoomAction, State, Storage};
use crate::protocol::names::{AccountId, ConversationId, MessageId, Target, Text};
use crate::protocol::roles::Role;
use crate::server::faults::{self, Fault};
use crate::server::traffic::{
    Appended, ConversationKind, ConversationRecord, Draft, Mark, MemberRecord, MessageRecord, Write,
};

/// What is said, by whom, when and how.
pub(super) struct Saying {
    pub(super) actor: Actor,
    pub(super) manner: Manner,
    pub(super) text: Text,
    /// The key of a `/post`.
    pub(super) key: Option<Box<str>>,
}

pub(super) fn say_in(
    state: &mut State,
    room: ConversationId,
    saying: Saying,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    if !state.room(room).is_some_and(|room| room.has_member(saying.actor.by)) {
        return Err(Refused::NotInConversation);
    }
    state.check_voice(room, saying.actor.by, saying.actor.steady)?;
    append(state, room, saying, storage)
}

pub(super) fn say(
    state: &mut State,
    target: &Target,
    saying: Saying,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let by = saying.actor.by;
    let conversation = match target {
        Target::Room(room) => state.permitted_room(RoomAction::Talk, room, by)?,
        Target::Direct(name) => {
            let other = state.user(name)?;
            match (state.pair(by, other), saying.manner) {
                (Some(pair), _) => pair,
                (None, manner) => {
                    state.check_no_hook(other)?;
                    if let Manner::Reply(id) = manner {
                        // A refused operation changes nothing, so no conversation is created for it.
                        return Err(Refused::MessageGone { id, last: MessageId::ZERO });
                    }
                    create_pair(state, by, other, storage)
                }
            }
        }
    };
    if let Err(refused) = state.check_voice(conversation, by, saying.actor.steady) {
        // What was said before is answered again, whatever has happened to its author since.
        let Saying { actor, manner: _, text, key } = saying;
        let draft =
            Draft { conversation, author: by, at: actor.at, mark: Mark::None, mentions: Box::default(), text, key };
        return match storage.find_post(&draft)? {
            Some(Appended::Again(id)) => Ok(Outcome::SaidBefore(id)),
            _ => Err(refused),
        };
    }
    append(state, conversation, saying, storage)
}

fn append(
    state: &mut State,
    conversation: ConversationId,
    saying: Saying,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let Saying { actor, manner, text, key } = saying;
    let author = actor.by;
    let mark = match manner {
        Manner::Plainly => Mark::None,
        Manner::Me => Mark::Me,
        Manner::Reply(id) => Mark::Reply { id, author: find(state, conversation, id, storage)?.author },
    };
    let mentions = state.mentioned(conversation, author, &text);
    let draft = Draft { conversation, author, at: actor.at, mark, mentions, text, key };
    let id = match storage.append(&draft)? {
        Appended::New(id) => id,
        Appended::Again(id) => return Ok(Outcome::SaidBefore(id)),
        Appended::Conflict => return Err(Refused::KeyConflict),
    };
    if let Some(stored) = state.conversation_mut(conversation) {
        stored.set_last(id);
    }
    state.note_said(conversation, author, actor.steady, storage);
    Ok(Outcome::Said(Message { id, draft }))
}

/// A message of a conversation that the account is in.
pub(super) fn find(
    state: &State,
    conversation: ConversationId,
    id: MessageId,
    storage: &mut dyn Storage,
) -> Result<MessageRecord, Refused> {
    let last = state.conversation(conversation).map_or(MessageId::ZERO, Conversation::last);
    let gone = Refused::MessageGone { id, last };
    if id <= state.dropped(conversation) || id > last {
        return Err(gone);
    }
    storage.find(conversation, id)?.ok_or(gone)
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
    if id <= marker && !faults::is_planted(Fault::MarkerBack) {
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
    let record = ConversationRecord { id, kind: ConversationKind::Pair(low, high), last: MessageId::ZERO, changes: 0 };
    state.add_conversation(record.clone());
    storage.write(Write::Conversation(record));
    let sides = [low, high];
    for &account in &sides[..if low == high { 1 } else { 2 }] {
        let side = MemberRecord { conversation: id, account, role: Role::Member, read: MessageId::ZERO };
        storage.write(Write::Member(side));
    }
    id
}
