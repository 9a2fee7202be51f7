//! How long a room keeps what is said there, and that what no conversation keeps is gone. Which messages
//! those are is found out by whoever knows the time and the size: an operation names the last of them.

use super::{Actor, Moderated, Outcome, Refused, RoomAction, State, Storage};
use crate::protocol::names::{ConversationId, MessageId, RoomName};
use crate::protocol::spans;
use crate::server::traffic::Write;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) fn retain(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    keep: Option<Duration>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let room = state.permitted_room(RoomAction::Retain, name, actor.by)?;
    let changed = state.keeps_for(room) != keep;
    if changed {
        state.retention_mut(room).keep = keep;
        storage.write(Write::Retain(room, keep));
        let keep = keep.map_or_else(|| "off".to_owned(), spans::word);
        actor.note(state, room, "retain", None, keep, storage);
    }
    Ok(Outcome::Moderated(Moderated { room, account: None, removed: Vec::new(), changed }))
}

/// Ids and changes go on counting from where they are.
pub(super) fn drop_messages(
    state: &mut State,
    through: &BTreeMap<ConversationId, MessageId>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    for (&conversation, &id) in through {
        let last = state.conversation(conversation).ok_or(Refused::NotInConversation)?.last();
        if id <= state.dropped(conversation) || id > last {
            return Err(Refused::NoSuchMessage { last });
        }
    }
    for (&conversation, &id) in through {
        state.retention_mut(conversation).dropped = id;
        storage.write(Write::Dropped(conversation, id));
    }
    Ok(Outcome::Dropped)
}
