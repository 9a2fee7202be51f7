//! What is kept, as the dispatcher holds it in memory: accounts, rooms, pairs, tokens, invitations.
//!
//! Read whole from the store at start, and again after a failed commit. Every change here has its
//! [`crate::server::traffic::Write`]; nothing else is lost by reading it anew.

use crate::protocol::names::{AccountId, AddressGroup, ConversationId, MessageId, RoomName, UserName};
use crate::protocol::secrets::Digest;
use crate::server::traffic::{
    AccountRecord, ConversationKind, ConversationRecord, InviteRecord, MemberRecord, Role, Snapshot, TokenRecord,
};
use rustc_hash::FxHashMap;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

/// Addresses that an account was used from and that are remembered for it.
const KNOWN_MAX: usize = 16;

#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: UserName,
    /// `None` for the server's own account.
    pub(super) hash: Option<Arc<str>>,
    pub(super) generation: u32,
    pub(super) admin: bool,
    pub(super) rooms: Vec<ConversationId>,
    /// Rooms that it was invited to and is not in; each has it among its invited.
    pub(super) invitations: BTreeSet<ConversationId>,
    /// The other side of each direct conversation.
    pub(super) pairs: BTreeMap<AccountId, ConversationId>,
    pub(super) tokens: Vec<Token>,
    pub(super) known: Vec<AddressGroup>,
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) digest: Digest,
    pub(super) label: String,
    pub(super) at: u64,
}

#[derive(Debug)]
pub(super) struct Member {
    /// What it may do; nothing asks yet but the moderators' verbs, which come later.
    #[expect(dead_code, reason = "kept and loaded for the moderators' verbs")]
    pub(super) role: Role,
    pub(super) read: MessageId,
}

#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: RoomName,
    pub(super) private: bool,
    pub(super) topic: String,
    pub(super) last: MessageId,
    pub(super) members: FxHashMap<AccountId, Member>,
    /// Who was invited, and by whom.
    pub(super) invited: BTreeMap<AccountId, AccountId>,
}

#[derive(Debug)]
pub(super) struct Pair {
    pub(super) sides: [AccountId; 2],
    pub(super) read: [MessageId; 2],
    pub(super) last: MessageId,
}

#[derive(Debug)]
pub(super) enum Conversation {
    Room(Room),
    Pair(Pair),
}

/// Ids are given densely from 1 and never removed, so tables are indexed by them.
#[derive(Debug, Default)]
pub(super) struct World {
    accounts: Vec<Option<Account>>,
    names: HashMap<UserName, AccountId>,
    conversations: Vec<Option<Conversation>>,
    /// By name, to be found and to be listed.
    rooms: HashMap<RoomName, ConversationId>,
    listed: BTreeSet<(RoomName, ConversationId)>,
    tokens: HashMap<Digest, AccountId>,
    pub(super) invites: HashMap<Digest, InviteRecord>,
}

impl World {
    pub(super) fn new(kept: Snapshot) -> Self {
        let mut world = Self::default();
        for account in kept.accounts {
            world.add_account(account);
        }
        for token in kept.tokens {
            world.add_token(token);
        }
        for invite in kept.invites {
            world.invites.insert(invite.digest, invite);
        }
        for conversation in kept.conversations {
            world.add_conversation(conversation);
        }
        for member in kept.members {
            world.add_member(member);
        }
        for invited in kept.invited {
            world.invite(invited.conversation, invited.account, invited.by);
        }
        for (account, address) in kept.known {
            world.know(account, address);
        }
        world
    }

    pub(super) fn administrators(&self) -> usize {
        self.accounts.iter().flatten().filter(|account| account.admin && account.hash.is_some()).count()
    }

    pub(super) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(index(id.value()))?.as_ref()
    }

    pub(super) fn account_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.accounts.get_mut(index(id.value()))?.as_mut()
    }

    /// The name of an account that is known to be there; a gone one shows as nobody's name.
    pub(super) fn name(&self, id: AccountId) -> &str {
        self.account(id).map_or("?", |account| account.name.as_str())
    }

    pub(super) fn find_account(&self, name: &UserName) -> Option<AccountId> {
        self.names.get(name).copied()
    }

    pub(super) fn find_token(&self, digest: &Digest) -> Option<AccountId> {
        self.tokens.get(digest).copied()
    }

    pub(super) fn next_account(&self) -> AccountId {
        AccountId::new(self.accounts.len().max(1) as i64)
    }

    pub(super) fn next_conversation(&self) -> ConversationId {
        ConversationId::new(self.conversations.len().max(1) as i64)
    }

    pub(super) fn room(&self, id: ConversationId) -> Option<&Room> {
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

    pub(super) fn conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.conversations.get(index(id.value()))?.as_ref()
    }

    pub(super) fn conversation_mut(&mut self, id: ConversationId) -> Option<&mut Conversation> {
        self.conversations.get_mut(index(id.value()))?.as_mut()
    }

    pub(super) fn find_room(&self, name: &RoomName) -> Option<ConversationId> {
        self.rooms.get(name).copied()
    }

    /// All rooms whose names come after `after`, in the order of their names.
    pub(super) fn rooms_after(&self, after: Option<&RoomName>) -> impl Iterator<Item = (ConversationId, &Room)> {
        let after = after.map(|&name| (name, ConversationId::new(i64::MAX)));
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.listed.range((from, Bound::Unbounded)).filter_map(|&(_, id)| self.room(id).map(|room| (id, room)))
    }

    pub(super) fn add_account(&mut self, record: AccountRecord) {
        self.names.insert(record.name, record.id);
        let account = Account {
            name: record.name,
            hash: record.hash,
            generation: record.generation,
            admin: record.admin,
            rooms: Vec::new(),
            invitations: BTreeSet::new(),
            pairs: BTreeMap::new(),
            tokens: Vec::new(),
            known: Vec::new(),
        };
        put(&mut self.accounts, index(record.id.value()), account);
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
            ConversationKind::Room { name, private, topic } => {
                self.rooms.insert(name, record.id);
                self.listed.insert((name, record.id));
                let (members, invited) = (FxHashMap::default(), BTreeMap::new());
                Conversation::Room(Room { name, private, topic, last: record.last, members, invited })
            }
            ConversationKind::Pair(low, high) => {
                for (one, other) in [(low, high), (high, low)] {
                    if let Some(account) = self.account_mut(one) {
                        account.pairs.insert(other, record.id);
                    }
                }
                Conversation::Pair(Pair { sides: [low, high], read: [MessageId::ZERO; 2], last: record.last })
            }
        };
        put(&mut self.conversations, index(record.id.value()), conversation);
    }

    pub(super) fn add_member(&mut self, record: MemberRecord) {
        match self.conversation_mut(record.conversation) {
            Some(Conversation::Room(room)) => {
                room.members.insert(record.account, Member { role: record.role, read: record.read });
                if let Some(account) = self.account_mut(record.account)
                    && !account.rooms.contains(&record.conversation)
                {
                    account.rooms.push(record.conversation);
                }
            }
            Some(Conversation::Pair(pair)) => pair.mark(record.account, record.read),
            None => {}
        }
    }

    pub(super) fn remove_member(&mut self, conversation: ConversationId, account: AccountId) {
        if let Some(room) = self.room_mut(conversation) {
            room.members.remove(&account);
        }
        if let Some(account) = self.account_mut(account) {
            account.rooms.retain(|&room| room != conversation);
        }
    }

    /// Invites an account to a room; false if it was, and whoever invited first stays the one who
    /// did.
    pub(super) fn invite(&mut self, conversation: ConversationId, account: AccountId, by: AccountId) -> bool {
        let Some(room) = self.room_mut(conversation) else { return false };
        let Entry::Vacant(entry) = room.invited.entry(account) else { return false };
        entry.insert(by);
        if let Some(account) = self.account_mut(account) {
            account.invitations.insert(conversation);
        }
        true
    }

    /// Uses an invitation to a room up; false if there was none.
    pub(super) fn uninvite(&mut self, conversation: ConversationId, account: AccountId) -> bool {
        if let Some(account) = self.account_mut(account) {
            account.invitations.remove(&conversation);
        }
        self.room_mut(conversation).is_some_and(|room| room.invited.remove(&account).is_some())
    }

    /// Remembers that an account was used from an address; false if that was known.
    pub(super) fn know(&mut self, account: AccountId, address: AddressGroup) -> bool {
        let Some(account) = self.account_mut(account) else { return false };
        if account.known.contains(&address) {
            return false;
        }
        if account.known.len() == KNOWN_MAX {
            account.known.remove(0);
        }
        account.known.push(address);
        true
    }
}

impl Pair {
    /// How far one side has read.
    pub(super) fn read_by(&self, account: AccountId) -> MessageId {
        self.read[usize::from(self.sides[0] != account)]
    }

    pub(super) fn mark(&mut self, account: AccountId, read: MessageId) {
        self.read[usize::from(self.sides[0] != account)] = read;
    }
}

impl Conversation {
    pub(super) fn last(&self) -> MessageId {
        match self {
            Conversation::Room(room) => room.last,
            Conversation::Pair(pair) => pair.last,
        }
    }

    pub(super) fn set_last(&mut self, id: MessageId) {
        match self {
            Conversation::Room(room) => room.last = id,
            Conversation::Pair(pair) => pair.last = id,
        }
    }

    /// How far an account has read; `None` if it has no part in the conversation.
    pub(super) fn read_by(&self, account: AccountId) -> Option<MessageId> {
        match self {
            Conversation::Room(room) => room.members.get(&account).map(|member| member.read),
            Conversation::Pair(pair) => pair.sides.contains(&account).then(|| pair.read_by(account)),
        }
    }

    pub(super) fn mark(&mut self, account: AccountId, read: MessageId) {
        match self {
            Conversation::Room(room) => {
                if let Some(member) = room.members.get_mut(&account) {
                    member.read = read;
                }
            }
            Conversation::Pair(pair) => pair.mark(account, read),
        }
    }
}

/// Ids begin at 1; one that can't be an index finds nothing.
fn index(id: i64) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

fn put<T>(table: &mut Vec<Option<T>>, index: usize, value: T) {
    if table.len() <= index {
        table.resize_with(index + 1, || None);
    }
    table[index] = Some(value);
}
