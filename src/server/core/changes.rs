//! What happens to messages after they were said: edits, removals, reactions and pins. Each is
//! numbered in its conversation.

use super::messages::{Saying, find, say};
use super::{Actor, Conversation, Manner, Outcome, PINS_MAX, REACTIONS_MAX, Refused, RoomAction, State, Storage};
use crate::protocol::names::{AccountId, ConversationId, MessageId, Target, Text, UserName};
use crate::protocol::reaction::ReactionWord;
use crate::server::traffic::{ChangeKind, ChangeRecord, Reaction, Write};
use std::time::Duration;

/// Who changes which message, and when.
pub(super) struct Changing<'a> {
    pub(super) actor: Actor,
    pub(super) target: &'a Target,
    pub(super) id: MessageId,
}

pub(super) fn edit(
    state: &mut State,
    changing: &Changing<'_>,
    text: Text,
    within: Option<Duration>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let Changing { actor, target, id } = *changing;
    let (at, by) = (actor.at, actor.by);
    let conversation = match target {
        Target::Room(room) => state.permitted_room(RoomAction::Talk, room, by)?,
        Target::Direct(name) => direct(state, by, name, id)?,
    };
    state.check_unmuted(conversation, by, actor.steady)?;
    let message = find(state, conversation, id, storage)?;
    if message.author != by {
        return Err(Refused::NotYourMessage);
    }
    if let Some(within) = within
        && u128::from(at.saturating_sub(message.at)) > within.as_millis()
    {
        return Err(Refused::TooLateToEdit(within));
    }
    let mentions = state.mentioned(conversation, by, &text);
    Ok(change(state, changing, conversation, ChangeKind::Edit { text, mentions }, storage))
}

/// An edit of what was said under the key, without a limit of time; or else it is said.
pub(super) fn update(
    state: &mut State,
    actor: Actor,
    target: &Target,
    key: Box<str>,
    text: Text,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let by = actor.by;
    let conversation = match target {
        Target::Room(room) => Some(state.permitted_room(RoomAction::Talk, room, by)?),
        Target::Direct(name) => state.pair(by, state.user(name)?),
    };
    let posted = match conversation {
        Some(conversation) => storage.posted(by, conversation, &key)?.map(|id| (conversation, id)),
        None => None,
    };
    let Some((conversation, id)) = posted else {
        return say(state, target, Saying { actor, manner: Manner::Plainly, text, key: Some(key) }, storage);
    };
    state.check_unmuted(conversation, by, actor.steady)?;
    find(state, conversation, id, storage)?;
    let mentions = state.mentioned(conversation, by, &text);
    Ok(change(state, &Changing { actor, target, id }, conversation, ChangeKind::Edit { text, mentions }, storage))
}

pub(super) fn redact(
    state: &mut State,
    changing: &Changing<'_>,
    reason: Option<Text>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let Changing { actor, target, id } = *changing;
    let by = actor.by;
    let conversation = match target {
        Target::Room(room) => {
            let room = state.room_for(RoomAction::Redact, room, by)?;
            // Whoever is in it may take back their own.
            state
                .check_permission(RoomAction::Read, room, by)
                .or_else(|_| state.check_permission(RoomAction::Redact, room, by))?;
            room
        }
        Target::Direct(name) => direct(state, by, name, id)?,
    };
    let message = find(state, conversation, id, storage)?;
    if message.author != by {
        if state.room(conversation).is_none() {
            return Err(Refused::NotYourMessage);
        }
        state.check_permission(RoomAction::Redact, conversation, by)?;
        state.check_rank(conversation, by, message.author)?;
        let why = reason.as_ref().map_or(String::new(), |reason| format!(" {}", reason.as_str()));
        actor.note(state, conversation, "redact", Some(message.author), format!("{id}{why}"), storage);
    }
    Ok(change(state, changing, conversation, ChangeKind::Redact(reason), storage))
}

pub(super) fn react(
    state: &mut State,
    changing: &Changing<'_>,
    word: ReactionWord,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let Changing { actor, target, id } = *changing;
    let by = actor.by;
    let conversation = match target {
        Target::Room(room) => state.permitted_room(RoomAction::Talk, room, by)?,
        Target::Direct(name) => direct(state, by, name, id)?,
    };
    state.check_unmuted(conversation, by, actor.steady)?;
    find(state, conversation, id, storage)?;
    let reaction = Reaction { conversation, id, by, word };
    let before = storage.reactions(&reaction)?;
    let word = reaction.word;
    if before.own {
        let kind = ChangeKind::Unreact { word, count: before.count.saturating_sub(1) };
        return Ok(change(state, changing, conversation, kind, storage));
    }
    if before.count == 0 && before.words >= REACTIONS_MAX {
        return Err(Refused::TooManyReactions);
    }
    let kind = ChangeKind::React { word, count: before.count.saturating_add(1) };
    Ok(change(state, changing, conversation, kind, storage))
}

pub(super) fn pin(
    state: &mut State,
    changing: &Changing<'_>,
    pinned: bool,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let Changing { actor, target, id } = *changing;
    let by = actor.by;
    let conversation = match target {
        Target::Room(room) => state.permitted_room(RoomAction::Pin, room, by)?,
        Target::Direct(name) => direct(state, by, name, id)?,
    };
    state.check_unmuted(conversation, by, actor.steady)?;
    let message = find(state, conversation, id, storage)?;
    let before = storage.pins(conversation, id)?;
    if before.pinned == pinned {
        return Ok(Outcome::Unchanged(state.conversation(conversation).map_or(0, Conversation::changes)));
    }
    if pinned && before.count >= PINS_MAX {
        return Err(Refused::TooManyPins);
    }
    let kind = if pinned { ChangeKind::Pin } else { ChangeKind::Unpin };
    if state.room(conversation).is_some() {
        actor.note(state, conversation, kind.as_str(), Some(message.author), id.to_string(), storage);
    }
    Ok(change(state, changing, conversation, kind, storage))
}

/// The direct conversation with that account, in which a message is meant.
fn direct(state: &State, by: AccountId, name: &UserName, id: MessageId) -> Result<ConversationId, Refused> {
    let other = state.anyone(name)?;
    // Two people who have never talked have no messages.
    state.pair(by, other).ok_or(Refused::MessageGone { id, last: MessageId::ZERO })
}

/// Gives a change its number, and stores it.
fn change(
    state: &mut State,
    changing: &Changing<'_>,
    conversation: ConversationId,
    kind: ChangeKind,
    storage: &mut dyn Storage,
) -> Outcome {
    let Changing { actor: Actor { at, by, .. }, id, .. } = *changing;
    let record = ChangeRecord { conversation, number: 0, at, by, id, kind };
    Outcome::Changed(count(state, record, storage))
}

/// Removes a message that nobody has to be allowed to remove, such as one of an account that has unregistered.
pub(super) fn remove(
    state: &mut State,
    at: u64,
    by: AccountId,
    conversation: ConversationId,
    id: MessageId,
    storage: &mut dyn Storage,
) {
    let kind = ChangeKind::Redact(None);
    count(state, ChangeRecord { conversation, number: 0, at, by, id, kind }, storage);
}

fn count(state: &mut State, record: ChangeRecord, storage: &mut dyn Storage) -> ChangeRecord {
    let number = state.conversation_mut(record.conversation).map_or(0, Conversation::count_change);
    let record = ChangeRecord { number, ..record };
    storage.write(Write::Change(record.clone()));
    record
}
