//! `/role`: what somebody is in a room.

use super::refusals::refusal;
use super::{Answered, Context, unexpected};
use crate::protocol::line::{Body, Line, Tags};
use crate::protocol::names::{RoomName, UserName};
use crate::protocol::roles::Role;
use crate::server::core::{AccountAction, Outcome};

pub(super) fn show(cx: &mut Context<'_>, room: &RoomName, name: &UserName) -> Answered {
    let (account, role) = cx.hub.state.role_of(cx.account, room, name).map_err(refusal)?;
    let text = format!("{} {role}", cx.hub.state.name(account));
    cx.done(text)
}

pub(super) fn set(cx: &mut Context<'_>, room: RoomName, name: UserName, role: Role) -> Answered {
    let outcome = cx.apply(AccountAction::SetRole { room, name, role })?;
    let Outcome::RoleSet { room: id, account, before } = outcome else { return Err(unexpected(&outcome)) };
    let (by, who) = (cx.hub.state.name(cx.account).to_owned(), cx.hub.state.name(account).to_owned());
    if role != before {
        let text = match role {
            _ if by == who => format!("{by} is {} now", a(role)),
            Role::Member => format!("{by} made {who} a member again"),
            role => format!("{by} made {who} {}", a(role)),
        };
        let tags =
            Tags { ev: Some("role"), who: Some(&who), by: Some(&by), set: Some(role.as_str()), ..Tags::default() };
        cx.tell_room(id, &Line { tags, body: Body::Event { room: room.as_str(), text: &text } });
    }
    cx.done(format!("{who} {role}"))
}

fn a(role: Role) -> &'static str {
    match role {
        Role::Member => "a member",
        Role::Moderator => "a moderator",
        Role::Owner => "an owner",
    }
}
