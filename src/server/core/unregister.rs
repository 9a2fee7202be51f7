//! The end of an account: nobody can log in to it any more, and nobody gets its name. What it said stays,
//! or goes: then the messages are named by whoever looks for them, some at a time, and removed here.

use super::administration::check_not_last_administrator;
use super::invites;
use super::rooms::{forget, leaves_no_trace};
use super::{Actor, Outcome, Refused, State, Storage};
use crate::protocol::names::{AccountId, ConversationId, MessageId};
use crate::protocol::roles::Role;
use crate::server::core::changes;
use crate::server::traffic::Write;
use std::cmp::Reverse;

/// The server's own account.
const SERVER: AccountId = AccountId::new(1);

/// The account's own doing, whose password was proven to be of this generation.
pub(super) fn unregister(
    state: &mut State,
    actor: Actor,
    generation: u32,
    all: bool,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let by = actor.by;
    let account = state.account(by).ok_or(Refused::NoAccount)?;
    if account.generation != generation || account.password().is_none() {
        return Err(Refused::PasswordChanged);
    }
    check_not_last_administrator(state, by)?;
    end(state, actor, all, storage)
}

/// What an account did that is in a state from before it. That there may be no administrator then is for the operator
/// to mend.
pub(super) fn again(state: &mut State, actor: Actor, all: bool, storage: &mut dyn Storage) -> Result<Outcome, Refused> {
    if state.is_unregistered(actor.by) {
        return Err(Refused::NoAccount);
    }
    end(state, actor, all, storage)
}

fn end(state: &mut State, actor: Actor, all: bool, storage: &mut dyn Storage) -> Result<Outcome, Refused> {
    let by = actor.by;
    let rooms: Vec<ConversationId> = state.account(by).ok_or(Refused::NoAccount)?.rooms.iter().copied().collect();
    let mut heirs = Vec::new();
    for &room in &rooms {
        if let Some(heir) = heir(state, room, by) {
            state.set_role(room, heir, Role::Owner);
            storage.write(Write::Role(room, heir, Role::Owner));
            actor.note(state, room, "role", Some(heir), Role::Owner.to_string(), storage);
            heirs.push((room, heir));
        }
    }
    actor.note(state, None, "unregister", None, if all { "all".to_owned() } else { String::new() }, storage);
    invites::end_all_by(state, by, storage);
    state.unregister(by, all);
    storage.write(Write::Unregistered { account: by, all });
    for &room in &rooms {
        if state.room(room).is_some_and(|stored| stored.members.is_empty() && leaves_no_trace(state, room, stored)) {
            forget(state, room, storage);
        }
    }
    Ok(Outcome::Unregistered { rooms, heirs })
}

/// Who owns a room next, if the account alone does: of those with the highest role the one whose account
/// is the oldest, and rather one who can log in; never a hook.
fn heir(state: &State, id: ConversationId, account: AccountId) -> Option<AccountId> {
    let room = state.room(id).filter(|room| room.is_last_owner(account))?;
    let others = room.members.iter().filter(|(other, _)| **other != account && state.hook(**other).is_none());
    let rank = |(&other, member): (&AccountId, &super::entities::Member)| {
        let disabled = state.account(other).is_none_or(|other| other.disabled.is_some());
        (disabled, Reverse(member.role), other)
    };
    others.map(rank).min().map(|(_, _, heir)| heir)
}

/// Removes some of what an account said that wants all of it to go; with `last`, there is no more.
pub(super) fn erase(
    state: &mut State,
    at: u64,
    author: AccountId,
    messages: Vec<(ConversationId, MessageId)>,
    last: bool,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    if !state.is_erasing(author) {
        return Err(Refused::NoAccount);
    }
    for (conversation, id) in messages {
        if id > state.dropped(conversation)
            && storage.find(conversation, id)?.is_some_and(|message| message.author == author)
        {
            changes::remove(state, at, author, conversation, id, storage);
        }
    }
    if last {
        state.end_erasing(author);
        storage.write(Write::Erased(author));
    }
    Ok(Outcome::Erased)
}

/// Removes messages that were removed already in a later state than this one. Who did it is not known any more, and so
/// it is the server.
pub(super) fn remove_again(
    state: &mut State,
    at: u64,
    messages: Vec<(ConversationId, MessageId)>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    for (conversation, id) in messages {
        if id > state.dropped(conversation) && storage.find(conversation, id)?.is_some() {
            changes::remove(state, at, SERVER, conversation, id, storage);
        }
    }
    Ok(Outcome::Erased)
}
