//! Every verb of the table of permissions, for every rank and in every state of the room: each does
//! what the table says.

use super::chat::Chat;
use crate::protocol::code::Code;
use crate::protocol::roles::Role;
use crate::server::core::{PERMISSIONS, Permission, RoomAction};

/// Whoever acts, by what they are in the room; `None` is outside.
const ACTORS: [(&str, Option<Role>, bool); 6] = [
    ("out", None, false),
    ("mel", Some(Role::Member), false),
    ("mod", Some(Role::Moderator), false),
    ("own", Some(Role::Owner), false),
    ("adm", None, true),
    ("ada", Some(Role::Member), true),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RoomState {
    Public,
    Private,
}

const STATES: [RoomState; 2] = [RoomState::Public, RoomState::Private];

/// The room ops with all of them, and sam, a member on whom they act.
fn room(state: RoomState) -> Chat {
    let mut chat = Chat::of(&["out", "mel", "mod", "own", "sam"]);
    chat.administrator("adm");
    chat.administrator("ada");
    let private = if state == RoomState::Private { " private" } else { "" };
    chat.does("own", &format!("/create ops{private}"));
    let roles = ACTORS.iter().filter_map(|&(name, role, _)| Some((name, role?))).chain([("sam", Role::Member)]);
    for (name, role) in roles.filter(|&(name, _)| name != "own") {
        chat.does("own", &format!("/invite ops {name}"));
        chat.does(name, "/join ops");
        if role != Role::Member {
            chat.does("own", &format!("/role ops {name} {role}"));
        }
    }
    chat.does("sam", "/say ops hello");
    chat
}

/// A line that does it. With `#`, nobody can take the room for a name.
fn line(action: RoomAction, verb: &str) -> &'static str {
    match (action, verb) {
        (RoomAction::Talk, "say") => "/say #ops hi",
        (RoomAction::Talk, "act") => "/act #ops waves",
        (RoomAction::Talk, "reply") => "/reply #ops 1 hi",
        (RoomAction::Talk, "post") => "/post #ops key hi",
        (RoomAction::Read, "history") => "/history #ops",
        (RoomAction::Read, "search") => "/search in=#ops hello",
        (RoomAction::Read, "read") => "/read #ops 1",
        (RoomAction::Read, "switch") => "/switch #ops",
        (RoomAction::Look, "who") => "/who #ops",
        (RoomAction::Look, "topic") => "/topic #ops",
        (RoomAction::Look, "role") => "/role #ops sam",
        (RoomAction::SetTopic, "topic") => "/topic #ops all about it",
        (RoomAction::Invite, "invite") => "/invite #ops sam",
        (RoomAction::Redact, "redact") => "/redact #ops 1",
        (RoomAction::SetRole, "role") => "/role #ops sam moderator",
        (action, verb) => panic!("how does /{verb} do {action:?}?"),
    }
}

/// What the table says: the code of the refusal, or `None` if it is done.
fn expected(permission: &Permission, role: Option<Role>, admin: bool, state: RoomState) -> Option<Code> {
    match role {
        None if admin && permission.from_outside => None,
        None if state == RoomState::Private => Some(Code::NoSuchRoom),
        None => Some(Code::NotAMember),
        Some(role) if role < permission.least && !admin => Some(Code::NotAllowed),
        Some(_) => None,
    }
}

#[test]
fn every_verb_obeys_the_table_for_every_rank_in_every_state() {
    for state in STATES {
        for permission in PERMISSIONS {
            for verb in permission.verbs {
                for (name, role, admin) in ACTORS {
                    let mut chat = room(state);
                    let line = line(permission.action, verb);
                    let refused = chat.refusal(name, line);
                    let expected = expected(permission, role, admin, state);
                    assert_eq!(refused, expected, "{name} in a {state:?} room: {line}\n{}", chat.log);
                }
            }
        }
    }
}

/// Acting on somebody: only from above.
#[test]
fn nobody_acts_on_someone_of_their_own_or_a_higher_rank() {
    let rank = |role: Option<Role>, admin: bool| if admin { 4 } else { role.map_or(0, |role| role as u8 + 1) };
    for permission in PERMISSIONS {
        for verb in permission.verbs {
            let line = line(permission.action, verb);
            if !line.contains(" sam") || permission.least == Role::Member {
                continue;
            }
            for (name, role, admin) in ACTORS {
                for (whom, their_role, their_admin) in ACTORS {
                    if expected(permission, role, admin, RoomState::Public).is_some() || name == whom {
                        continue;
                    }
                    let mut chat = room(RoomState::Public);
                    let line = line.replace(" sam", &format!(" {whom}"));
                    let refused = chat.refusal(name, &line);
                    let wanted = match (rank(role, admin) > rank(their_role, their_admin), their_role) {
                        (_, None) if permission.action == RoomAction::SetRole => Some(Code::NotAMember),
                        (true, _) => None,
                        (false, _) => Some(Code::NotAllowed),
                    };
                    assert_eq!(refused, wanted, "{name}: {line}\n{}", chat.log);
                }
            }
        }
    }
}
