//! The stored state, as held in memory: accounts, rooms, direct conversations, tokens, invitations.
//!
//! It is read from the store at startup, and again after a failed commit. Every change has its
//! [`crate::server::traffic::Write`], so that reading it again loses nothing. Anyone may read it;
//! only the operations beside it change it, by the methods in `accounts`, `hooks`, `invites`, `personal`
//! and `conversations`.

mod accounts;
mod conversations;
mod hooks;
mod invites;
mod personal;

use super::entities::{Account, Conversation};
use crate::protocol::names::{AccountId, ConversationId, RoomName, UserName};
use crate::protocol::network::Network;
use crate::protocol::secrets::Digest;
use crate::server::traffic::{BlockRecord, HookRecord, InviteRecord, RetentionRecord, Snapshot};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Everything that is stored, except messages and `/post` keys. Ids are dense from 1 and never given
/// twice, so tables are indexed by them; a room that is forgotten leaves a hole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    accounts: Vec<Option<Account>>,
    names: HashMap<UserName, AccountId>,
    conversations: Vec<Option<Conversation>>,
    /// By name, closed ones included.
    rooms: HashMap<RoomName, ConversationId>,
    /// Those that are not closed, in the order of their names.
    listed: BTreeSet<(RoomName, ConversationId)>,
    /// The names that rooms had before: no other room gets them.
    former_names: HashMap<RoomName, ConversationId>,
    /// Of the rooms that drop messages, or have.
    retentions: BTreeMap<ConversationId, RetentionRecord>,
    /// Accounts that have ended, and whether what they said is still being removed.
    unregistered: BTreeMap<AccountId, bool>,
    tokens: HashMap<Digest, AccountId>,
    hooks: BTreeMap<AccountId, HookRecord>,
    /// By the token in its address, if it has one.
    hook_tokens: HashMap<Digest, AccountId>,
    invites: HashMap<Digest, InviteRecord>,
    /// The highest number that an invitation code ever had.
    invites_ever: u64,
    /// When members made invitation codes, good or not any more, in the week before the last of them.
    invites_made: BTreeMap<AccountId, Vec<u64>>,
    blocks: BTreeMap<Network, BlockRecord>,
    /// Who ignores an account, for accounts that anyone ignores.
    ignorers: FxHashMap<AccountId, BTreeSet<AccountId>>,
}

impl State {
    /// Builds the state from a snapshot of the store.
    #[must_use]
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        let mut state = Self::default();
        for account in snapshot.accounts {
            state.add_account(account);
        }
        for (account, reason) in snapshot.disabled {
            state.disable(account, reason);
        }
        for block in snapshot.blocks {
            state.block(block);
        }
        for record in snapshot.recoveries {
            state.set_recovery(record);
        }
        for away in snapshot.away {
            state.set_away(away);
        }
        for (account, text) in snapshot.profiles {
            state.set_about(account, &text);
        }
        for ignored in snapshot.ignored {
            state.ignore(ignored);
        }
        for token in snapshot.tokens {
            state.add_token(token);
        }
        for invite in snapshot.invites {
            state.add_invite(invite);
        }
        state.invites_ever = snapshot.invites_ever;
        for made in snapshot.invites_made {
            state.add_invite_made(made);
        }
        for conversation in snapshot.conversations {
            state.add_conversation(conversation);
        }
        let ever = usize::try_from(snapshot.conversations_ever).unwrap_or(0);
        if state.conversations.len() <= ever {
            state.conversations.resize_with(ever + 1, || None);
        }
        for hook in snapshot.hooks {
            state.add_hook(hook);
        }
        for (room, maker) in snapshot.makers {
            state.set_maker(room, maker);
        }
        for member in snapshot.members {
            state.add_member(member);
        }
        for invited in snapshot.invited {
            state.invite_to_room(invited);
        }
        for sanction in snapshot.sanctions {
            state.impose(sanction);
        }
        for (conversation, account, at) in snapshot.said {
            if let Some(room) = state.room_mut(conversation) {
                room.said.insert(account, at);
            }
        }
        state.former_names.extend(snapshot.former_names);
        state.unregistered.extend(snapshot.unregistered);
        state.retentions.extend(snapshot.retentions.into_iter().map(|one| (one.conversation, one)));
        for (account, address) in snapshot.known {
            state.add_address(account, address);
        }
        state
    }
}

/// Ids begin at 1; an id that can't be an index finds nothing.
fn index(id: i64) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

fn put<T>(table: &mut Vec<Option<T>>, index: usize, value: T) {
    if table.len() <= index {
        table.resize_with(index + 1, || None);
    }
    table[index] = Some(value);
}
