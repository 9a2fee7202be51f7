//! The stored state and every change to it: accounts, device tokens, invitations, rooms, members,
//! messages and read markers.
//!
//! [`State::apply`] takes an [`Operation`] and returns its outcome. An operation names the account
//! that acts, never a connection. It carries its own time, and whatever was random or expensive to
//! create (a token's digest, bcrypt's hash). So the outcome depends on the stored state and nothing
//! else: the same operations in the same order give the same state, the same ids and the same
//! outcomes on any machine. This module must not know connections, threads, clocks or SQLite. The
//! dispatcher's thread runs it.
//!
//! `operation` has all that can be asked, `outcome` what may come of it. `state` is the stored state as
//! held in memory, and `entities` has its parts; `permissions` says who may do what in a room;
//! `accounts`, `invites`, `rooms`, `roles`, `invitations`, `moderation`, `messages`, `mentions`, `changes`, `retention`
//! `hooks` and `unregister` decide the operations, `personal` what accounts say about themselves and whom they ignore,
//! `administration` what administrators do. Nothing outside this folder can change the state in any other way. What changed is
//! also written out: see [`Storage`].

mod accounts;
mod administration;
mod audit;
mod changes;
mod entities;
mod hooks;
mod invitations;
mod invites;
mod mentions;
mod messages;
mod moderation;
mod operation;
mod outcome;
mod permissions;
mod personal;
mod refused;
mod retention;
mod roles;
mod rooms;
mod state;
mod storage;
mod unregister;

pub(super) use administration::Administration;
pub(super) use entities::{Account, Conversation, Room};
pub(super) use moderation::Moderation;
pub(super) use operation::{AccountAction, Again, Manner, NewAccount, NewHook, Operation, OperationKind};
pub(super) use outcome::{Message, Moderated, Outcome, Standing};
pub use permissions::{PERMISSIONS, Permission, RoomAction};
pub(super) use personal::Personal;
pub(super) use refused::{AdministrationRefused, HookRefused, ModerationRefused, Refused};
pub(super) use state::State;
pub(super) use storage::{NotStored, Storage};

use crate::protocol::names::AccountId;
use std::time::Duration;

/// Accounts that one account may ignore.
pub const IGNORED_MAX: usize = 500;
/// Invitation codes to this server that may be good at once.
pub const INVITES_MAX: usize = 1000;
/// Networks that may be blocked.
pub(super) const BLOCKS_MAX: usize = 1000;
/// Device tokens that one account may have.
pub const TOKENS_MAX: usize = 64;
/// Rooms that one account may be in.
pub const ROOMS_MAX: usize = 1000;
/// Open invitations to rooms that one account may have.
pub const INVITATIONS_MAX: usize = 50;
/// Of those, how many one person may have made.
pub const INVITATIONS_BY_ONE_MAX: usize = 10;
/// How long an invitation to a room is good.
const INVITATION_LASTS: Duration = Duration::from_hours(720);
/// Bans that one room may have, and mutes.
pub const SANCTIONS_MAX: usize = 1000;
/// Hooks that one room may have, those without an address included: each keeps its name.
pub const HOOKS_MAX: usize = 32;
/// Names that one room may have had before.
pub const FORMER_NAMES_MAX: usize = 16;
/// Different words that may be said about one message: a row of `/history` must hold them.
pub const REACTIONS_MAX: u32 = 20;
/// Pinned messages of one conversation.
pub const PINS_MAX: u32 = 25;
/// Accounts that one message can mention.
pub const MENTIONS_MAX: usize = 20;
/// Longest topic, in bytes: a row of `/rooms` must hold it beside the room's name.
pub const TOPIC_MAX: usize = 1000;

/// Who acts, and when.
#[derive(Debug, Clone, Copy)]
struct Actor {
    by: AccountId,
    at: u64,
    steady: u64,
}

impl State {
    /// Decides an operation and carries it out.
    ///
    /// # Errors
    /// Why it was refused; nothing was changed then.
    pub(super) fn apply(&mut self, operation: Operation, storage: &mut dyn Storage) -> Result<Outcome, Refused> {
        let (at, steady) = (operation.at, operation.steady);
        let (by, action) = match operation.kind {
            OperationKind::Register(new) => return accounts::register(self, at, new, storage),
            OperationKind::Recover { name, code, hash } => {
                return administration::recover(self, at, &name, &code, hash, storage);
            }
            OperationKind::Drop(through) => return retention::drop_messages(self, &through, storage),
            OperationKind::Erase { author, messages, last } => {
                return unregister::erase(self, at, author, messages, last, storage);
            }
            OperationKind::Again(Again::Unregister { account, all }) => {
                return unregister::again(self, Actor { by: account, at, steady }, all, storage);
            }
            OperationKind::Again(Again::Remove(messages)) => {
                return unregister::remove_again(self, at, messages, storage);
            }
            OperationKind::Account(by, action) => (by, action),
        };
        let actor = Actor { by, at, steady };
        match action {
            AccountAction::SayIn { room, manner, text } => {
                messages::say_in(self, room, messages::Saying { actor, manner, text, key: None }, storage)
            }
            AccountAction::Say { target, manner, key, text } => {
                messages::say(self, &target, messages::Saying { actor, manner, text, key }, storage)
            }
            AccountAction::Edit { target, id, text, within } => {
                changes::edit(self, &changes::Changing { actor, target: &target, id }, text, within, storage)
            }
            AccountAction::Update { target, key, text } => changes::update(self, actor, &target, key, text, storage),
            AccountAction::Redact { target, id, reason } => {
                changes::redact(self, &changes::Changing { actor, target: &target, id }, reason, storage)
            }
            AccountAction::React { target, id, word } => {
                changes::react(self, &changes::Changing { actor, target: &target, id }, word, storage)
            }
            AccountAction::Pin { target, id, pinned } => {
                changes::pin(self, &changes::Changing { actor, target: &target, id }, pinned, storage)
            }
            AccountAction::MarkRead { conversation, id } => messages::mark_read(self, by, conversation, id, storage),
            AccountAction::ChangePassword { generation, hash } => {
                accounts::change_password(self, by, generation, hash, storage)
            }
            AccountAction::Unregister { generation, all } => {
                unregister::unregister(self, actor, generation, all, storage)
            }
            AccountAction::NewToken { label, digest } => accounts::new_token(self, at, by, label, digest, storage),
            AccountAction::RevokeToken(label) => accounts::revoke_token(self, by, label, storage),
            AccountAction::NewInvite { digest, terms, weekly } => {
                invites::make(self, actor, invites::NewInvite { digest, terms, weekly }, storage)
            }
            AccountAction::RevokeInvite { number, weekly } => invites::revoke(self, actor, number, weekly, storage),
            AccountAction::Personal(action) => personal::act(self, actor, action, storage),
            AccountAction::Administer(action) => administration::administer(self, actor, action, storage),
            AccountAction::UseAddress(address) => accounts::use_address(self, by, address, storage),
            AccountAction::CreateRoom { room, private, most } => {
                rooms::create(self, by, rooms::NewRoom { name: room, private, most }, storage)
            }
            AccountAction::JoinRoom { room, most } => rooms::join(self, actor, room, most, storage),
            AccountAction::LeaveRoom(room) => rooms::leave(self, by, &room, storage),
            AccountAction::Invite { room, name } => invitations::invite(self, actor, &room, &name, storage),
            AccountAction::Decline(what) => invitations::decline(self, actor, &what, storage),
            AccountAction::ForgetExpiredInvitations => {
                invitations::expire(self, by, steady, storage);
                Ok(Outcome::ExpiredForgotten)
            }
            AccountAction::SetTopic { room, topic } => rooms::set_topic(self, actor, &room, topic, storage),
            AccountAction::SetRole { room, name, role } => roles::set_role(self, actor, &room, &name, role, storage),
            AccountAction::Moderate { room, moderation } => {
                moderation::moderate(self, actor, &room, *moderation, storage)
            }
            AccountAction::NewHook(new) => hooks::make(self, actor, *new, storage),
            AccountAction::RevokeHook { room, label } => hooks::revoke(self, actor, &room, &label, storage),
            AccountAction::CloseRoom(room) => rooms::close(self, actor, &room, storage),
            AccountAction::RenameRoom { room, name } => rooms::rename(self, actor, &room, name, storage),
            AccountAction::Retain { room, keep } => retention::retain(self, actor, &room, keep, storage),
            AccountAction::SetPrivate { room, private } => rooms::set_private(self, actor, &room, private, storage),
        }
    }
}
