//! The stored state, as held in memory: accounts, rooms, direct conversations, tokens, invitations.
//!
//! It is read from the store at startup, and again after a failed commit. Every change has its
//! [`crate::server::traffic::Write`], so that reading it again loses nothing. Anyone may read it;
//! only the operations beside it change it.

use super::entities::{Account, Conversation, Member, Pair, Recovery, Room, Sanction, Token};
use crate::protocol::names::{AccountId, AddressGroup, ConversationId, MessageId, RoomName, UserName};
use crate::protocol::network::Network;
use crate::protocol::roles::Role;
use crate::protocol::secrets::Digest;
use crate::server::traffic::{
    AccountRecord, BlockRecord, ConversationKind, ConversationRecord, InviteRecord, InvitedRecord, KNOWN_MAX,
    MemberRecord, RecoveryRecord, SanctionRecord, Snapshot, TokenRecord,
};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

/// Everything that is stored, except messages and `/post` keys. Ids are dense from 1 and never
/// removed, so tables are indexed by them.
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
    tokens: HashMap<Digest, AccountId>,
    invites: HashMap<Digest, InviteRecord>,
    blocks: BTreeMap<Network, BlockRecord>,
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
        for token in snapshot.tokens {
            state.add_token(token);
        }
        for invite in snapshot.invites {
            state.add_invite(invite);
        }
        for conversation in snapshot.conversations {
            state.add_conversation(conversation);
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
        for (account, address) in snapshot.known {
            state.add_address(account, address);
        }
        state
    }

    #[must_use]
    pub(crate) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(index(id.value()))?.as_ref()
    }

    pub(super) fn account_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.accounts.get_mut(index(id.value()))?.as_mut()
    }

    /// The name of an account; `?` if there is no such account.
    #[must_use]
    pub(crate) fn name(&self, id: AccountId) -> &str {
        self.account(id).map_or("?", |account| account.name.as_str())
    }

    #[must_use]
    pub(crate) fn find_account(&self, name: &UserName) -> Option<AccountId> {
        self.names.get(name).copied()
    }

    /// The account that a device token logs in.
    #[must_use]
    pub(crate) fn find_token(&self, digest: &Digest) -> Option<AccountId> {
        self.tokens.get(digest).copied()
    }

    /// The id of the next account.
    #[must_use]
    pub(crate) fn next_account(&self) -> AccountId {
        AccountId::new(self.accounts.len().max(1) as i64)
    }

    /// The id of the next room or direct conversation.
    #[must_use]
    pub(crate) fn next_conversation(&self) -> ConversationId {
        ConversationId::new(self.conversations.len().max(1) as i64)
    }

    /// A room; `None` for a direct conversation.
    #[must_use]
    pub(crate) fn room(&self, id: ConversationId) -> Option<&Room> {
        match self.conversations.get(index(id.value()))?.as_ref()? {
            Conversation::Room(room) => Some(room),
            Conversation::Pair(_) => None,
        }
    }

    pub(super) fn room_mut(&mut self, id: ConversationId) -> Option<&mut Room> {
        match self.conversations.get_mut(index(id.value()))?.as_mut()? {
            Conversation::Room(room) => Some(room),
            Conversation::Pair(_) => None,
        }
    }

    #[must_use]
    pub(crate) fn conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.conversations.get(index(id.value()))?.as_ref()
    }

    pub(super) fn conversation_mut(&mut self, id: ConversationId) -> Option<&mut Conversation> {
        self.conversations.get_mut(index(id.value()))?.as_mut()
    }

    /// The room of that name, visible or not.
    #[must_use]
    pub(crate) fn find_room(&self, name: &RoomName) -> Option<ConversationId> {
        self.rooms.get(name).copied()
    }

    /// The room that had this name before.
    #[must_use]
    pub(crate) fn find_former_room(&self, name: &RoomName) -> Option<ConversationId> {
        self.former_names.get(name).copied()
    }

    /// How many names the room had before.
    pub(super) fn count_former_names(&self, room: ConversationId) -> usize {
        self.former_names.values().filter(|&&other| other == room).count()
    }

    /// All rooms whose names come after `after`, in the order of their names.
    pub(crate) fn rooms_after(&self, after: Option<&RoomName>) -> impl Iterator<Item = (ConversationId, &Room)> {
        let after = after.map(|&name| (name, ConversationId::new(i64::MAX)));
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.listed.range((from, Bound::Unbounded)).filter_map(|&(_, id)| self.room(id).map(|room| (id, room)))
    }

    /// The direct conversation of two accounts, if they have ever talked.
    #[must_use]
    pub(crate) fn pair(&self, one: AccountId, other: AccountId) -> Option<ConversationId> {
        self.account(one)?.pairs.get(&other).copied()
    }

    /// The invitation whose code has this digest.
    pub(super) fn invite(&self, digest: &Digest) -> Option<&InviteRecord> {
        self.invites.get(digest)
    }

    pub(super) fn expired_invites(&self, at: u64) -> Vec<Digest> {
        // In the order of their digests, since a hash table's order is not the same everywhere.
        let mut expired: Vec<Digest> =
            self.invites.values().filter(|invite| invite.until <= at).map(|invite| invite.digest).collect();
        expired.sort_unstable_by_key(|digest| *digest.as_bytes());
        expired
    }

    pub(super) fn add_invite(&mut self, record: InviteRecord) {
        self.invites.insert(record.digest, record);
    }

    /// Counts one use of an invitation; the last use removes it.
    pub(super) fn use_invite(&mut self, digest: &Digest) {
        let Some(invite) = self.invites.get_mut(digest) else { return };
        invite.uses = invite.uses.saturating_sub(1);
        if invite.uses == 0 {
            self.invites.remove(digest);
        }
    }

    pub(super) fn remove_invite(&mut self, digest: &Digest) {
        self.invites.remove(digest);
    }

    pub(super) fn add_account(&mut self, record: AccountRecord) {
        self.names.insert(record.name, record.id);
        let account = Account {
            name: record.name,
            hash: record.hash,
            generation: record.generation,
            admin: record.admin,
            at: record.at,
            disabled: None,
            recovery: None,
            rooms: BTreeSet::new(),
            invitations: BTreeSet::new(),
            pairs: BTreeMap::new(),
            tokens: Vec::new(),
            known: Vec::new(),
        };
        put(&mut self.accounts, index(record.id.value()), account);
    }

    pub(super) fn disable(&mut self, account: AccountId, reason: String) {
        if let Some(account) = self.account_mut(account) {
            account.disabled = Some(reason);
        }
    }

    pub(super) fn set_recovery(&mut self, record: RecoveryRecord) {
        if let Some(account) = self.account_mut(record.account) {
            account.recovery = Some(Recovery { digest: record.digest, until: record.until });
        }
    }

    /// Networks from which nobody may connect, in order. Some may have ended.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &BlockRecord> {
        self.blocks.values()
    }

    pub(super) fn block(&mut self, record: BlockRecord) {
        self.blocks.insert(record.network, record);
    }

    /// False if it was not blocked.
    pub(super) fn unblock(&mut self, network: &Network) -> bool {
        self.blocks.remove(network).is_some()
    }

    /// All accounts of people, in the order of their ids.
    pub(crate) fn people(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        let accounts = self.accounts.iter().enumerate();
        let accounts = accounts.filter_map(|(id, account)| Some((AccountId::new(id as i64), account.as_ref()?)));
        accounts.filter(|(_, account)| account.hash.is_some())
    }

    pub(super) fn add_token(&mut self, record: TokenRecord) {
        if let Some(account) = self.account_mut(record.account) {
            account.tokens.push(Token { digest: record.digest, label: record.label, at: record.at });
            self.tokens.insert(record.digest, record.account);
        }
    }

    pub(super) fn remove_token(&mut self, digest: &Digest) {
        if let Some(id) = self.tokens.remove(digest)
            && let Some(account) = self.account_mut(id)
        {
            account.tokens.retain(|token| token.digest != *digest);
        }
    }

    pub(super) fn add_conversation(&mut self, record: ConversationRecord) {
        let conversation = match record.kind {
            ConversationKind::Room { name, private, topic, slow, closed } => {
                self.rooms.insert(name, record.id);
                if !closed {
                    self.listed.insert((name, record.id));
                }
                Conversation::Room(Room {
                    name,
                    private,
                    topic,
                    last: record.last,
                    changes: record.changes,
                    members: FxHashMap::default(),
                    invited: BTreeMap::new(),
                    bans: BTreeMap::new(),
                    mutes: BTreeMap::new(),
                    slow,
                    said: FxHashMap::default(),
                    closed,
                })
            }
            ConversationKind::Pair(low, high) => {
                for (one, other) in [(low, high), (high, low)] {
                    if let Some(account) = self.account_mut(one) {
                        account.pairs.insert(other, record.id);
                    }
                }
                Conversation::Pair(Pair {
                    sides: [low, high],
                    read: [MessageId::ZERO; 2],
                    last: record.last,
                    changes: record.changes,
                })
            }
        };
        put(&mut self.conversations, index(record.id.value()), conversation);
    }

    pub(super) fn add_member(&mut self, record: MemberRecord) {
        match self.conversation_mut(record.conversation) {
            Some(Conversation::Room(room)) => {
                room.members.insert(record.account, Member { role: record.role, read: record.read });
                if let Some(account) = self.account_mut(record.account) {
                    account.rooms.insert(record.conversation);
                }
            }
            Some(Conversation::Pair(pair)) => pair.mark(record.account, record.read),
            None => {}
        }
    }

    pub(super) fn set_role(&mut self, conversation: ConversationId, account: AccountId, role: Role) {
        if let Some(member) = self.room_mut(conversation).and_then(|room| room.members.get_mut(&account)) {
            member.role = role;
        }
    }

    pub(super) fn remove_member(&mut self, conversation: ConversationId, account: AccountId) {
        if let Some(room) = self.room_mut(conversation) {
            room.members.remove(&account);
        }
        if let Some(account) = self.account_mut(account) {
            account.rooms.remove(&conversation);
        }
    }

    /// Bans or mutes an account, in place of an earlier ban or mute.
    pub(super) fn impose(&mut self, record: SanctionRecord) {
        let SanctionRecord { conversation, account, kind, by, until, reason } = record;
        if let Some(room) = self.room_mut(conversation) {
            room.sanctions_mut(kind).insert(account, Sanction { by, until, reason });
        }
    }

    /// Gives a room another name, and keeps the old one for it.
    pub(super) fn rename_room(&mut self, id: ConversationId, name: RoomName) {
        let Some(room) = self.room_mut(id) else { return };
        let before = std::mem::replace(&mut room.name, name);
        self.rooms.remove(&before);
        self.listed.remove(&(before, id));
        self.former_names.remove(&name);
        self.former_names.insert(before, id);
        self.rooms.insert(name, id);
        self.listed.insert((name, id));
    }

    /// Ends a room. Returns who was in it, in the order of their ids.
    pub(super) fn close_room(&mut self, id: ConversationId) -> Vec<AccountId> {
        let Some(room) = self.room_mut(id) else { return Vec::new() };
        let name = room.name;
        (room.closed, room.slow, room.topic) = (true, None, String::new());
        room.said.clear();
        room.bans.clear();
        room.mutes.clear();
        let mut members: Vec<AccountId> = std::mem::take(&mut room.members).into_keys().collect();
        let invited = std::mem::take(&mut room.invited);
        members.sort_unstable();
        for &account in &members {
            if let Some(account) = self.account_mut(account) {
                account.rooms.remove(&id);
            }
        }
        for account in invited.into_keys() {
            if let Some(account) = self.account_mut(account) {
                account.invitations.remove(&id);
            }
        }
        self.listed.remove(&(name, id));
        members
    }

    /// Invites an account to a room.
    pub(super) fn invite_to_room(&mut self, invitation: InvitedRecord) {
        let InvitedRecord { conversation, account, .. } = invitation;
        let Some(room) = self.room_mut(conversation) else { return };
        room.invited.insert(account, invitation);
        if let Some(account) = self.account_mut(account) {
            account.invitations.insert(conversation);
        }
    }

    /// Uses up a room invitation; false if there was none.
    pub(super) fn use_room_invitation(&mut self, conversation: ConversationId, account: AccountId) -> bool {
        if let Some(account) = self.account_mut(account) {
            account.invitations.remove(&conversation);
        }
        self.room_mut(conversation).is_some_and(|room| room.invited.remove(&account).is_some())
    }

    /// Remembers an address that an account was used from; false if it was already known.
    pub(super) fn add_address(&mut self, account: AccountId, address: AddressGroup) -> bool {
        let Some(account) = self.account_mut(account) else { return false };
        if account.known.contains(&address) {
            return false;
        }
        if account.known.len() == usize::from(KNOWN_MAX) {
            account.known.remove(0);
        }
        account.known.push(address);
        true
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
