//! What happens to messages after they were said: edits and removals. Each is numbered in its
//! conversation.

use super::messages::find;
use super::{Actor, Conversation, Outcome, Refused, RoomAction, State, Storage};
use crate::protocol::names::{AccountId, ConversationId, MessageId, Target, Text, UserName};
use crate::server::traffic::{ChangeKind, ChangeRecord, Write};
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
    Ok(change(state, changing, conversation, ChangeKind::Edit(text), storage))
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

/// The direct conversation with that account, in which a message is meant.
fn direct(state: &State, by: AccountId, name: &UserName, id: MessageId) -> Result<ConversationId, Refused> {
    let other = state.user(name)?;
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
    let number = state.conversation_mut(conversation).map_or(0, Conversation::count_change);
    let record = ChangeRecord { conversation, number, at, by, id, kind };
    storage.write(Write::Change(record.clone()));
    Outcome::Changed(record)
}
