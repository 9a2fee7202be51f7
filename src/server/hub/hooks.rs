//! Hooks: made, listed and revoked by moderators, and what programs post at their addresses.

use super::log_entry::Tried;
use super::login::throttled;
use super::pace::Paced;
use super::refusals::refusal;
use super::{Answered, Context, Guest, count, unexpected};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::HookCommand;
use crate::protocol::line::{Final, Rows};
use crate::protocol::names::{AddressGroup, RoomName, Target, Text, UserName};
use crate::protocol::secrets::{Digest, Secret};
use crate::protocol::stamp::rfc3339;
use crate::server::core::{AccountAction, Manner, NewHook, Outcome, RoomAction};
use crate::server::traffic::{Ack, SanctionKind};

pub(super) fn act(cx: &mut Context<'_>, command: HookCommand) -> Answered {
    match command {
        HookCommand::List(room) => list(cx, &room),
        HookCommand::Revoke { room, label } => revoke(cx, room, label),
        // The worker makes the token first.
        HookCommand::New { .. } => Err(unexpected(&command)),
    }
}

pub(super) fn new(cx: &mut Context<'_>, room: RoomName, label: UserName, token: &Secret) -> Answered {
    let digest = Digest::of(token.expose());
    let outcome = cx.apply(AccountAction::NewHook(Box::new(NewHook { room, label, digest })))?;
    let Outcome::HookMade { room: id, account, joined } = outcome else { return Err(unexpected(&outcome)) };
    let label = cx.hub.state.name(account).to_owned();
    if joined {
        cx.guest().logged_in(account).tell_joined(id, &room);
    }
    let address = format!("/hook/{}", token.expose());
    cx.done(format!(
        "{address} is shown only this once: what is posted to https://THIS-SERVER{address}, {label} says in {room}."
    ))
}

/// `LABEL MADE BY on|off`.
fn list(cx: &mut Context<'_>, room: &RoomName) -> Answered {
    let state = &cx.hub.state;
    let id = state.permitted_room(RoomAction::Hook, room, cx.account).map_err(refusal)?;
    let mut hooks: Vec<(String, String)> = state
        .hooks_of(id)
        .map(|hook| {
            let (label, by) = (state.name(hook.account), state.name(hook.by));
            let on = if hook.digest.is_some() { "on" } else { "off" };
            (label.to_ascii_lowercase(), format!("{label} {} {by} {on}", rfc3339(hook.at)))
        })
        .collect();
    hooks.sort_unstable();
    let mut rows = Rows::default();
    hooks.iter().for_each(|(_, row)| rows.push(row));
    cx.effects.answer(cx.conn, rows, Final::Done(count(hooks.len(), "hook")));
    Ok(())
}

fn revoke(cx: &mut Context<'_>, room: RoomName, label: UserName) -> Answered {
    let outcome = cx.apply(AccountAction::RevokeHook { room, label })?;
    let Outcome::HookRevoked(account) = outcome else { return Err(unexpected(&outcome)) };
    let label = cx.hub.state.name(account);
    let text = format!("{label} has no address any more; what it said stays. /hook new {room} {label} makes another.");
    cx.done(text)
}

/// What a program posts, whoever it is: the address is all that it has to show.
pub(super) fn post(
    guest: &mut Guest<'_>,
    token: &Digest,
    key: Option<Box<str>>,
    text: Text,
    from: AddressGroup,
) -> Answered {
    let Some(hook) = guest.hub.state.find_hook(token).copied() else {
        let guessed = guest.hub.throttle.hook(from, guest.now.instant);
        guessed.map_err(|wait| throttled("posts to hooks that do not exist", wait))?;
        guest.log_failure(Tried::Hook, None, from);
        let text = "this hook's address is wrong, or was revoked. A moderator of the room can make another.";
        return Err(Refusal::new(Code::BadCredentials, text));
    };
    let mut cx = guest.logged_in(hook.account);
    cx.check_pace(Paced::Hook)?;
    // One that was refused counts, too: nobody reads why.
    cx.count_pace(Paced::Hook);
    let Some(room) = cx.hub.state.room(hook.conversation) else { return Err(unexpected(&hook)) };
    let name = room.name;
    if !room.has_member(hook.account) {
        let steady = cx.hub.clock.at(cx.now);
        return Err(match room.sanction(SanctionKind::Ban, hook.account, steady) {
            Some(_) => Refusal::new(Code::Banned, format!("this hook is banned from {name}.")),
            None => {
                let text = "was removed from the room. A moderator can revoke its address and make another.";
                Refusal::new(Code::NotAMember, format!("this hook {text}"))
            }
        });
    }
    let action = AccountAction::Say { target: Target::Room(name), manner: Manner::Plainly, key, text };
    let id = match cx.apply(action)? {
        Outcome::Said(message) => {
            cx.hub.stats.count_message(cx.now.instant);
            cx.hub.deliver(&message, cx.conn, Ack::None, cx.effects);
            message.id
        }
        Outcome::SaidBefore(id) => id,
        outcome => return Err(unexpected(&outcome)),
    };
    cx.effects.answer(cx.conn, Rows::default(), Final::MessageId(id.value()));
    Ok(())
}
