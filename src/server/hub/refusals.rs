//! The codes and sentences for what the core refuses, and those that several verbs share.

use super::count;
use crate::protocol::code::{Code, Refusal};
use crate::protocol::names::MessageId;
use crate::protocol::spans;
use crate::server::core::{
    AdministrationRefused, BLOCKS_MAX, HOOKS_MAX, HookRefused, IGNORED_MAX, INVITATIONS_BY_ONE_MAX, INVITATIONS_MAX,
    INVITES_MAX, PINS_MAX, REACTIONS_MAX, ROOMS_MAX, Refused, TOKENS_MAX, TOPIC_MAX,
};
use std::time::Duration;

mod moderation;

use moderation::moderation;

/// The refusal that the person who asked is shown.
pub(super) fn refusal(refused: Refused) -> Refusal {
    let (code, text) = match refused {
        Refused::NoSuchRoom(room) => {
            (Code::NoSuchRoom, format!("there is no room {room}. /rooms lists the rooms you can see."))
        }
        Refused::NotAMember(room) => (Code::NotAMember, format!("you're not in {room}. /join {room} first.")),
        Refused::Moderation(refused) => return moderation(refused),
        Refused::NotInConversation => return no_room(),
        Refused::RoomExists(room) => {
            (Code::NameTaken, format!("there is already a room {room}. /join {room} enters it."))
        }
        Refused::RoomHidden => (Code::NotAllowed, "that name isn't available. Choose another.".to_owned()),
        Refused::TooManyRooms => {
            (Code::Limit, format!("you are in {ROOMS_MAX} rooms, which is the limit. /leave ROOM first."))
        }
        Refused::TooManyRoomsMade(most) => {
            let text = "rooms, which is the limit. /close one in which nothing was said, or join one that is there.";
            (Code::Limit, format!("you have made {most} {text}"))
        }
        Refused::TopicTooLong => (Code::BadArgument, format!("A topic can have at most {TOPIC_MAX} bytes.")),
        Refused::NotInvited(room) => {
            (Code::BadArgument, format!("you have no invitation to {room}. /invitations lists yours."))
        }
        Refused::TooManyInvitations(name) => (
            Code::Limit,
            format!(
                "{name} has {INVITATIONS_MAX} open invitations, which is the limit. Ask {name} to /join or /decline some."
            ),
        ),
        Refused::TooManyInvitationsByYou(name) => (
            Code::Limit,
            format!(
                "{name} has {INVITATIONS_BY_ONE_MAX} open invitations from you, which is the limit. Wait for an answer."
            ),
        ),
        Refused::NoSuchUser(name) => {
            (Code::NoSuchUser, format!("there is nobody called {name}. /who shows who is in a room."))
        }
        Refused::IgnoresItself => (Code::BadArgument, "you can't ignore yourself.".to_owned()),
        Refused::TooManyIgnored => {
            (Code::Limit, format!("you ignore {IGNORED_MAX} people, which is the limit. /unignore some first."))
        }
        Refused::Unregistered(name) => {
            (Code::NoSuchUser, format!("{name} has unregistered. /history @{name} shows what was said."))
        }
        Refused::NoAccount => (Code::Internal, "your account is missing.".to_owned()),
        Refused::NameTaken(name) => (Code::NameTaken, format!("{name} is taken. Choose another name.")),
        Refused::InviteNeeded => (
            Code::BadInvite,
            "you need an invitation: /register NAME invite=CODE. Ask an administrator for one.".to_owned(),
        ),
        Refused::BadInvite => (
            Code::BadInvite,
            "that invitation is unknown, already used or expired. Ask an administrator for a new one.".to_owned(),
        ),
        Refused::RegistrationClosed => {
            (Code::RegistrationClosed, "this server doesn't accept new accounts.".to_owned())
        }
        Refused::PasswordChanged => return wrong_password(),
        Refused::Console => (Code::NotAllowed, "the console needs no token.".to_owned()),
        Refused::LabelTaken(label) => (
            Code::NameTaken,
            format!("you already have a token {label}. Choose another label, or /token revoke {label} first."),
        ),
        Refused::NoSuchToken(label) => {
            (Code::BadArgument, format!("you have no token {label}. /token list shows yours."))
        }
        Refused::TooManyTokens => {
            (Code::Limit, format!("you have {TOKENS_MAX} tokens, which is the limit. /token revoke LABEL ends one."))
        }
        Refused::Hook(refused) => return hook(refused),
        Refused::NotAdministrator => (Code::NotAllowed, "only an administrator of this server can do that.".to_owned()),
        Refused::Administration(refused) => return administration(refused),
        Refused::KeyConflict => {
            (Code::Conflict, "that key was used here with another text. Use a new key for a new text.".to_owned())
        }
        Refused::NoSuchMessage { last } => {
            (Code::BadArgument, format!("the last ID there is {last}. Use an ID up to that one."))
        }
        Refused::MessageGone { id, last } if id > last || id == MessageId::ZERO => {
            (Code::NoSuchMessage, format!("there is no message {id} there; the last ID is {last}."))
        }
        Refused::MessageGone { id, .. } => (Code::NoSuchMessage, format!("message {id} is gone.")),
        Refused::NotYourMessage => {
            (Code::NotAllowed, "somebody else said that; only its author can do this.".to_owned())
        }
        Refused::TooManyReactions => {
            let text = "different reactions, which is the limit. Use one that is there.";
            (Code::Limit, format!("that message has {REACTIONS_MAX} {text}"))
        }
        Refused::TooManyPins => {
            (Code::Limit, format!("{PINS_MAX} messages are pinned there, which is the limit. /unpin one first."))
        }
        Refused::TooLateToEdit(within) => (
            Code::NotAllowed,
            format!("that was said too long ago: a message can be edited for {}. /redact removes it.", shown(within)),
        ),
        Refused::NotStored => return not_saved(),
    };
    Refusal::new(code, text)
}

/// A span in its largest whole unit: `1 day`, `90 minutes`.
fn shown(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let (unit, name) = units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit)).unwrap_or((1, "second"));
    count(usize::try_from(seconds / unit).unwrap_or(usize::MAX), name)
}

fn hook(refused: HookRefused) -> Refusal {
    let (code, text) = match refused {
        HookRefused::IsHook(name) => (
            Code::NotAllowed,
            format!("{name} is a hook: a program posts as it. It reads nothing, and nobody can log in as it."),
        ),
        HookRefused::HasAddress { room, label } => (
            Code::NameTaken,
            format!("{label} has an address already. /hook revoke {room} {label} ends it; then make another."),
        ),
        HookRefused::NoAddress { room, label } => {
            (Code::BadArgument, format!("{room} has no hook {label} with an address. /hook list {room} shows them."))
        }
        HookRefused::TooMany(room) => (
            Code::Limit,
            format!("{room} has had {HOOKS_MAX} hooks, which is the limit. Use one of their labels again."),
        ),
    };
    Refusal::new(code, text)
}

fn administration(refused: AdministrationRefused) -> Refusal {
    let (code, text) = match refused {
        AdministrationRefused::LastAdministrator => (
            Code::NotAllowed,
            "that is the last administrator of this server. Make somebody else one first: /grant NAME admin".to_owned(),
        ),
        AdministrationRefused::Disabled(reason) => {
            let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            (Code::Disabled, format!("an administrator has disabled this account{why}"))
        }
        AdministrationRefused::TooManyBlocks => {
            (Code::Limit, format!("{BLOCKS_MAX} networks are blocked, which is the limit. /unblock some first."))
        }
        AdministrationRefused::TooManyInvites => {
            (Code::Limit, format!("{INVITES_MAX} invitation codes are good, which is the limit. /invites revoke N first."))
        }
        AdministrationRefused::TooManyInvitesMade { weekly, wait } => {
            let codes = count(usize::try_from(weekly).unwrap_or(usize::MAX), "invitation code");
            let text = format!(
                "you have made {codes} within 7 days, which is the limit. You can make another in {}.",
                spans::roughly(wait)
            );
            return Refusal::new(Code::Limit, text).retry_after(spans::seconds_up(wait));
        }
        AdministrationRefused::NotPlain => (
            Code::NotAllowed,
            "only an administrator of this server can do that. You can make a code for one person, valid for 7 days: /invitecode, or /invitecode note=NOTE".to_owned(),
        ),
        AdministrationRefused::NoSuchInvite(number) => {
            (Code::BadArgument, format!("no invitation code {number} is good. /invites lists those that are."))
        }
        AdministrationRefused::BadRecovery => (
            Code::BadCredentials,
            "that name and code don't fit, or the code was used or is older than a day. Ask an administrator for a new one.".to_owned(),
        ),
    };
    Refusal::new(code, text)
}

/// For everyone who asked for something in a batch that could not be stored.
#[must_use]
pub(crate) fn not_saved() -> Refusal {
    Refusal::new(Code::Storage, "that could not be saved: the server's disk is full or failing. Try again later.")
}

pub(super) fn no_room() -> Refusal {
    Refusal::new(Code::NoRoom, "you're not in a room. /rooms lists them, /join ROOM enters one.")
}

pub(super) fn wrong_password() -> Refusal {
    Refusal::new(Code::BadCredentials, "wrong name or password. /login NAME to try again.")
}
