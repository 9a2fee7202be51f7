//! What is asked about a room's hooks, as it was typed.

use super::Command;
use crate::protocol::args::{Args, bad, new_name, quoted};
use crate::protocol::code::Refusal;
use crate::protocol::names::{RoomName, UserName};

/// A verb about the hooks of a room: addresses at which programs post by HTTP.
#[derive(Debug, Clone)]
pub enum HookCommand {
    /// `/hook new ROOM LABEL`
    New {
        /// Where what is posted is said.
        room: RoomName,
        /// As whom.
        label: UserName,
    },
    /// `/hook list ROOM`
    List(RoomName),
    /// `/hook revoke ROOM LABEL`
    Revoke {
        /// The hook's room.
        room: RoomName,
        /// Whose address is worth nothing from now on.
        label: UserName,
    },
}

pub(super) fn hook(a: &mut Args<'_>) -> Result<Command, Refusal> {
    let command = match a.word("new, list or revoke")? {
        "new" => HookCommand::New { room: a.room("ROOM")?, label: a.word("LABEL").and_then(new_name)? },
        "list" => HookCommand::List(a.room("ROOM")?),
        "revoke" => HookCommand::Revoke { room: a.room("ROOM")?, label: a.name("LABEL")? },
        other => return Err(bad(format!("Expected new, list or revoke, not {}.", quoted(other)))),
    };
    Ok(Command::Hook(command))
}
