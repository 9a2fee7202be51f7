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
    /// Whoever acts is muted.
    Muted,
    /// Whoever acts was in the room and is banned from it.
    Banned,
    /// The same in a private room.
    PrivateBanned,
    Closed,
    PrivateClosed,
}

use RoomState::{Banned, Closed, Muted, Private, PrivateBanned, PrivateClosed, Public};

const STATES: [RoomState; 7] = [Public, Private, Muted, Banned, PrivateBanned, Closed, PrivateClosed];

impl RoomState {
    fn is_private(self) -> bool {
        matches!(self, Private | PrivateBanned | PrivateClosed)
    }

    fn is_closed(self) -> bool {
        matches!(self, Closed | PrivateClosed)
    }
}

/// The room ops with all of them, and sam, a member on whom they act.
fn room(state: RoomState) -> Chat {
    let mut chat = Chat::of(&["out", "mel", "mod", "own", "sam"]);
    chat.administrator("adm");
    chat.administrator("ada");
    let private = if state.is_private() { " private" } else { "" };
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
    for (name, _, admin) in ACTORS {
        match state {
            Muted if !admin => chat.does("adm", &format!("/mute #ops {name}")),
            Banned | PrivateBanned if !admin => chat.does("adm", &format!("/ban #ops {name} for=1h")),
            _ => {}
        }
    }
    if state.is_closed() {
        chat.does("own", "/close #ops");
    }
    chat
}

/// What has to be done before, so that there is something to do.
fn before(verb: &str, state: RoomState) -> Option<&'static str> {
    match verb {
        "unban" if !state.is_closed() => Some("/ban #ops sam"),
        "unmute" if !state.is_closed() => Some("/mute #ops sam"),
        _ => None,
    }
}

/// A line that does it. With `#`, nobody can take the room for a name.
fn line(action: RoomAction, verb: &str) -> &'static str {
    match (action, verb) {
        (RoomAction::Talk, "say") => "/say #ops hi",
        (RoomAction::Talk, "act") => "/act #ops waves",
        (RoomAction::Talk, "reply") => "/reply #ops 1 hi",
        (RoomAction::Talk, "edit") => "/edit #ops 1 hi",
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
        (RoomAction::Talk, "update") => "/update #ops key hi",
        (RoomAction::Talk, "react") => "/react #ops 1 +1",
        (RoomAction::Read, "changes") => "/changes #ops",
        (RoomAction::Read, "pins") => "/pins #ops",
        (RoomAction::Pin, "pin") => "/pin #ops 1",
        (RoomAction::Pin, "unpin") => "/unpin #ops 1",
        (RoomAction::Redact, "redact") => "/redact #ops 1",
        (RoomAction::SetRole, "role") => "/role #ops sam moderator",
        (RoomAction::Kick, "kick") => "/kick #ops sam",
        (RoomAction::Ban, "ban") => "/ban #ops sam for=1h rude",
        (RoomAction::Ban, "unban") => "/unban #ops sam",
        (RoomAction::SeeBans, "bans") => "/bans #ops",
        (RoomAction::Mute, "mute") => "/mute #ops sam",
        (RoomAction::Mute, "unmute") => "/unmute #ops sam",
        (RoomAction::Slow, "slow") => "/slow #ops 30s",
        (RoomAction::Hook, "hook") => "/hook new #ops ci",
        (RoomAction::Audit, "audit") => "/audit #ops",
        (RoomAction::SetPrivate, "private") => "/private #ops on",
        (RoomAction::Rename, "rename") => "/rename #ops dev",
        (RoomAction::Retain, "retain") => "/retain #ops 7d",
        (RoomAction::Close, "close") => "/close #ops",
        (action, verb) => panic!("how does /{verb} do {action:?}?"),
    }
}

/// What the table says: the code of the refusal, or `None` if it is done.
fn expected(permission: &Permission, role: Option<Role>, admin: bool, state: RoomState) -> Option<Code> {
    // The audit log is all that is left of a closed room.
    if state.is_closed() {
        return if admin && permission.action == RoomAction::Audit { None } else { Some(Code::NoSuchRoom) };
    }
    match role.filter(|_| admin || !matches!(state, Banned | PrivateBanned)) {
        None if admin && permission.from_outside => None,
        None if state.is_private() => Some(Code::NoSuchRoom),
        None => Some(Code::NotAMember),
        Some(_) if admin => None,
        Some(role) if role < permission.least => Some(Code::NotAllowed),
        Some(_) if permission.voice && state == Muted => Some(Code::Muted),
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
                    if let Some(before) = before(verb, state) {
                        chat.does("adm", before);
                    }
                    let line = line(permission.action, verb);
                    let refused = chat.refusal(name, line);
                    let expected = expected(permission, role, admin, state);
                    // What sam said is not theirs to edit, even where they may talk.
                    let expected = expected.or((*verb == "edit").then_some(Code::NotAllowed));
                    assert_eq!(refused, expected, "{name} in a room that is {state:?}: {line}\n{}", chat.log);
                }
            }
        }
    }
}

/// `@room` is a mention where the table says so, and otherwise just text.
#[test]
fn everyone_is_mentioned_by_whom_the_table_lets() {
    let table = |action: RoomAction, role, admin, state| expected(action.permission(), role, admin, state);
    for state in STATES.into_iter().filter(|state| !state.is_closed()) {
        for (name, role, admin) in ACTORS {
            let mut chat = room(state);
            chat.does("sam", "/set tags on");
            let refused = chat.refusal(name, "/say #ops @room");
            assert_eq!(refused, table(RoomAction::Talk, role, admin, state), "{name} in a room that is {state:?}");
            let mentioned = chat.log.contains(";mention=room [ops] ");
            let allowed = table(RoomAction::MentionAll, role, admin, state).is_none();
            assert_eq!(mentioned, allowed, "{name} in a room that is {state:?}\n{}", chat.log);
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
                    if expected(permission, role, admin, Public).is_some() || name == whom {
                        continue;
                    }
                    let mut chat = room(Public);
                    let line = line.replace(" sam", &format!(" {whom}"));
                    let refused = chat.refusal(name, &line);
                    let wanted = match *verb {
                        _ if rank(role, admin) <= rank(their_role, their_admin) => Some(Code::NotAllowed),
                        "kick" | "role" if their_role.is_none() => Some(Code::NotAMember),
                        _ => None,
                    };
                    assert_eq!(refused, wanted, "{name}: {line}\n{}", chat.log);
                }
            }
        }
    }
}

/// Coming in, going out, and what is said of the room's name.
#[test]
fn a_room_is_entered_left_and_named_as_its_state_allows() {
    for state in STATES {
        for (name, role, admin) in ACTORS {
            let banned = matches!(state, Banned | PrivateBanned) && !admin;
            let inside = role.is_some() && !banned && !state.is_closed();
            let join = match state {
                _ if inside => None,
                Closed => Some(Code::NameTaken),
                Private | PrivateBanned | PrivateClosed => Some(Code::NotAllowed),
                Banned if banned => Some(Code::Banned),
                Public | Muted | Banned => None,
            };
            let create = match state {
                PrivateClosed => Some(Code::NotAllowed),
                Private | PrivateBanned if !inside => Some(Code::NotAllowed),
                _ => Some(Code::NameTaken),
            };
            let leave = match state {
                _ if inside => (name == "own").then_some(Code::NotAllowed),
                Public | Muted | Banned => Some(Code::NotAMember),
                Private | PrivateBanned | Closed | PrivateClosed => Some(Code::NoSuchRoom),
            };
            for (line, expected) in [("/join #ops", join), ("/create #ops", create), ("/leave #ops", leave)] {
                let mut chat = room(state);
                let refused = chat.refusal(name, line);
                assert_eq!(refused, expected, "{name} in a room that is {state:?}: {line}\n{}", chat.log);
            }
        }
    }
}
