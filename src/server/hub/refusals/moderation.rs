//! The codes and sentences for what roles and moderation stand against.

use crate::protocol::code::{Code, Refusal};
use crate::protocol::roles::Role;
use crate::protocol::spans;
use crate::server::core::{FORMER_NAMES_MAX, ModerationRefused, SANCTIONS_MAX};
use crate::server::traffic::SanctionKind;
use std::time::Duration;

pub(super) fn moderation(refused: ModerationRefused) -> Refusal {
    let retry = match &refused {
        ModerationRefused::Banned { wait, .. } | ModerationRefused::Muted { wait, .. } => *wait,
        ModerationRefused::TooSoon { wait, .. } => Some(*wait),
        _ => None,
    };
    let renamed = match &refused {
        ModerationRefused::Renamed { name, .. } | ModerationRefused::RoomRenamed { name, .. } => Some(Box::new(*name)),
        _ => None,
    };
    let (code, text) = match refused {
        ModerationRefused::RoleTooLow { room, least } => (Code::NotAllowed, {
            let who = if least == Role::Owner { "an owner" } else { "a moderator or an owner" };
            format!("only {who} of {room} can do that. /who {room} shows who is one.")
        }),
        ModerationRefused::Banned { room, wait, reason } => {
            let terms = terms(wait, &reason);
            (Code::Banned, format!("you are banned from {room}{terms}. Its moderators can lift the ban."))
        }
        ModerationRefused::Muted { room, wait, reason } => {
            (Code::Muted, format!("you are muted in {room}{}. You can still read.", terms(wait, &reason)))
        }
        ModerationRefused::TooSoon { room, slow, wait } => {
            let (slow, wait) = (spans::every(slow), spans::roughly(wait));
            let text = format!("{room} takes one message from each member {slow}. Try again in {wait}.");
            (Code::SlowDown, text)
        }
        ModerationRefused::InviteBanned { room, name } => {
            (Code::Banned, format!("{name} is banned from {room}. /unban {room} {name} first, if you may."))
        }
        ModerationRefused::TooManySanctions { room, kind } => {
            let (things, lift) = match kind {
                SanctionKind::Ban => ("bans", "unban"),
                SanctionKind::Mute => ("mutes", "unmute"),
            };
            (Code::Limit, format!("{room} has {SANCTIONS_MAX} {things}, which is the limit. /{lift} ends one."))
        }
        ModerationRefused::TooManyNames(room) => {
            (Code::Limit, format!("{room} has had {FORMER_NAMES_MAX} other names, which is the limit."))
        }
        ModerationRefused::Renamed { before, name } => (Code::NoSuchRoom, format!("{before} is called {name} now.")),
        ModerationRefused::RoomRenamed { before, name } => {
            (Code::NameTaken, format!("{before} is what {name} was called before. /join {name} enters it."))
        }
        ModerationRefused::RoomClosed(room) => {
            (Code::NameTaken, format!("{room} was closed, and nobody gets its name again. Choose another."))
        }
        ModerationRefused::Lobby => {
            let text = "every new account begins in the lobby, so it stays open to all under its name.";
            (Code::NotAllowed, text.to_owned())
        }
        ModerationRefused::Outranked { room, name } => {
            (Code::NotAllowed, format!("{name}'s role in {room} is not below yours, so that is not yours to do."))
        }
        ModerationRefused::NotThere { room, name } => {
            (Code::NotAMember, format!("{name} is not in {room}. /who {room} shows who is."))
        }
        ModerationRefused::LastOwner(room) => {
            (Code::NotAllowed, format!("you are the last owner of {room}. Name another first: /role {room} NAME owner"))
        }
    };
    Refusal { retry: retry.map(spans::seconds_up), renamed, ..Refusal::new(code, text) }
}

/// How much longer a ban or a mute holds, and why, as far as there is anything to say.
fn terms(wait: Option<Duration>, reason: &str) -> String {
    let time = wait.map_or(String::new(), |wait| format!(" for another {}", spans::roughly(wait)));
    if reason.is_empty() { time } else { format!("{time} ({reason})") }
}
