//! How long a room keeps what is said there, and that what is older is gone. Which messages are older is
//! found out by whoever knows the time: an operation names the last of them.

use super::{Actor, Moderated, Outcome, Refused, RoomAction, State, Storage};
use crate::protocol::names::{ConversationId, MessageId, RoomName};
use crate::protocol::spans;
use crate::server::traffic::Write;
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
    room: ConversationId,
    through: MessageId,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let last = state.room(room).ok_or(Refused::NotInConversation)?.last;
    if through <= state.dropped(room) || through > last {
        return Err(Refused::NoSuchMessage { last });
    }
    state.retention_mut(room).dropped = through;
    storage.write(Write::Dropped(room, through));
    Ok(Outcome::Dropped)
}
