//! Hooks: accounts as which programs post in one room, by HTTP. A hook has no password and reads nothing;
//! whoever has its address may say something as it, and that is all. It belongs to the room and not to whoever
//! made it, and keeps its name for good, as every account does.

use super::moderation::end;
use super::rooms::add_member;
use super::{Actor, HOOKS_MAX, HookRefused, ModerationRefused, NewHook, Outcome, Refused, RoomAction, State, Storage};
use crate::protocol::names::{AccountId, RoomName, UserName};
use crate::protocol::roles::Role;
use crate::server::traffic::{AccountRecord, HookRecord, SanctionKind, Write};

impl State {
    /// Refuses what is for somebody who reads or logs in.
    ///
    /// # Errors
    /// [`HookRefused::IsHook`].
    pub(crate) fn check_no_hook(&self, account: AccountId) -> Result<(), Refused> {
        match self.account(account) {
            Some(stored) if self.hook(account).is_some() => Err(Refused::Hook(HookRefused::IsHook(stored.name))),
            _ => Ok(()),
        }
    }
}

/// A hook of the room that has no address now gets another one, and comes in again if it was removed.
pub(super) fn make(
    state: &mut State,
    actor: Actor,
    new: NewHook,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let NewHook { room: name, label, digest } = new;
    let room = state.permitted_room(RoomAction::Hook, &name, actor.by)?;
    let account = match state.find_account(&label) {
        Some(account) => {
            let hook = state.hook(account).filter(|hook| hook.conversation == room);
            if hook.ok_or(Refused::NameTaken(label))?.digest.is_some() {
                return Err(Refused::Hook(HookRefused::HasAddress { room: name, label }));
            }
            if state.check_unbanned(room, account, actor.steady).is_err() {
                return Err(Refused::Moderation(ModerationRefused::InviteBanned { room: name, name: label }));
            }
            account
        }
        None if state.hooks_of(room).count() >= HOOKS_MAX => return Err(Refused::Hook(HookRefused::TooMany(name))),
        None => {
            let account = state.next_account();
            let record =
                AccountRecord { id: account, name: label, hash: None, generation: 0, admin: false, at: actor.at };
            state.add_account(record.clone());
            storage.write(Write::Account(record));
            account
        }
    };
    let hook = HookRecord { account, conversation: room, digest: Some(digest), by: actor.by, at: actor.at };
    state.add_hook(hook);
    storage.write(Write::Hook(hook));
    let joined = !state.room(room).is_some_and(|room| room.has_member(account));
    if joined {
        // A ban that has ended by itself.
        end(state, room, account, SanctionKind::Ban, storage);
        add_member(state, room, account, Role::Member, storage);
    }
    actor.note(state, room, "hook", Some(account), "new".to_owned(), storage);
    Ok(Outcome::HookMade { room, account, joined })
}

pub(super) fn revoke(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    label: &UserName,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let room = state.permitted_room(RoomAction::Hook, name, actor.by)?;
    let hook = state.find_account(label).and_then(|account| state.hook(account));
    let hook = hook.filter(|hook| hook.conversation == room && hook.digest.is_some());
    let account = hook.ok_or(Refused::Hook(HookRefused::NoAddress { room: *name, label: *label }))?.account;
    state.revoke_hook(account);
    storage.write(Write::HookRevoked(account));
    actor.note(state, room, "hook", Some(account), "revoke".to_owned(), storage);
    Ok(Outcome::HookRevoked(account))
}
