//! What the state is made of: accounts and their tokens, rooms and their members, pairs of people.

use crate::protocol::names::{AccountId, AddressGroup, ConversationId, MessageId, RoomName, UserName};
use crate::protocol::secrets::Digest;
use crate::server::traffic::Role;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// As it was registered.
    pub name: UserName,
    /// `None` for the server's own account.
    pub hash: Option<Arc<str>>,
    /// Counts password changes.
    pub generation: u32,
    /// Whether it may administer the server.
    pub admin: bool,
    /// Rooms that it is in.
    pub rooms: BTreeSet<ConversationId>,
    /// Rooms that it was invited to and is not in; each has it among its invited.
    pub invitations: BTreeSet<ConversationId>,
    /// The other side of each direct conversation.
    pub pairs: BTreeMap<AccountId, ConversationId>,
    /// Its device tokens, oldest first.
    pub tokens: Vec<Token>,
    /// Addresses that it was used from: strangers can't have it delayed there.
    pub known: Vec<AddressGroup>,
}

/// A device token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// SHA-256 of the token.
    pub digest: Digest,
    /// Unique within the account.
    pub label: String,
    /// When it was made, in milliseconds of Unix time.
    pub at: u64,
}

/// What a room knows of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// What it may do. No verb asks for it yet.
    pub role: Role,
    /// Read up to here.
    pub read: MessageId,
}

/// A room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Room {
    /// Its name.
    pub name: RoomName,
    /// Whether only members and invited people see it.
    pub private: bool,
    /// What it is about; empty is nothing.
    pub topic: String,
    /// The id of its last message.
    pub last: MessageId,
    /// Who is in it.
    pub members: FxHashMap<AccountId, Member>,
    /// Who was invited, and by whom.
    pub invited: BTreeMap<AccountId, AccountId>,
}

/// The direct conversation of two people, or of one with itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The two, the lower one first.
    pub sides: [AccountId; 2],
    /// How far each has read.
    pub read: [MessageId; 2],
    /// The id of the last message.
    pub last: MessageId,
}

/// Where messages are said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Conversation {
    /// In a room.
    Room(Room),
    /// Between two people.
    Pair(Pair),
}

impl Account {
    /// Its token of that label.
    #[must_use]
    pub(crate) fn token(&self, label: &str) -> Option<&Token> {
        self.tokens.iter().find(|token| token.label == label)
    }
}

impl Room {
    /// Whether the account is in it.
    #[must_use]
    pub(crate) fn has_member(&self, account: AccountId) -> bool {
        self.members.contains_key(&account)
    }

    /// Whether the account may know that it exists.
    #[must_use]
    pub(crate) fn is_visible_to(&self, account: AccountId) -> bool {
        !self.private || self.has_member(account) || self.invited.contains_key(&account)
    }
}

impl Pair {
    /// The other side, seen from one; from both if they are one.
    #[must_use]
    pub(crate) fn other(&self, side: AccountId) -> AccountId {
        self.sides[usize::from(self.sides[0] == side)]
    }

    /// How far one side has read.
    #[must_use]
    pub(crate) fn read_by(&self, account: AccountId) -> MessageId {
        self.read[usize::from(self.sides[0] != account)]
    }

    pub(super) fn mark(&mut self, account: AccountId, read: MessageId) {
        self.read[usize::from(self.sides[0] != account)] = read;
    }
}

impl Conversation {
    /// The id of its last message.
    #[must_use]
    pub(crate) fn last(&self) -> MessageId {
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

    /// How far an account has read; `None` if it is not in the conversation.
    #[must_use]
    pub(crate) fn read_by(&self, account: AccountId) -> Option<MessageId> {
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
