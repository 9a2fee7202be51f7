//! The parts of the state: accounts and their tokens, rooms and their members, direct
//! conversations.

use crate::protocol::names::{AccountId, AddressGroup, ConversationId, MessageId, RoomName, UserName};
use crate::protocol::roles::Role;
use crate::protocol::secrets::Digest;
use crate::server::faults::{self, Fault};
use crate::server::traffic::{InvitedRecord, SanctionKind};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// Spelled as it was registered.
    pub name: UserName,
    /// `None` for the server's own account.
    pub hash: Option<Arc<str>>,
    /// Counts password changes.
    pub generation: u32,
    pub admin: bool,
    /// When it was created, in milliseconds of Unix time.
    pub at: u64,
    /// Why it can't log in, if it can't; may be empty.
    pub disabled: Option<String>,
    /// The code that sets a new password, if the old one was reset.
    pub recovery: Option<Recovery>,
    /// Whether it says that it is away.
    pub away: Option<Away>,
    /// What it says about itself; empty if nothing.
    pub about: Box<str>,
    /// Whom it ignores, and since when, in milliseconds of Unix time.
    pub ignores: BTreeMap<AccountId, u64>,
    pub rooms: BTreeSet<ConversationId>,
    /// Rooms that it made and that are not forgotten, closed ones included.
    pub made: u32,
    /// Rooms that it is invited to but not in; each lists it in `invited`.
    pub invitations: BTreeSet<ConversationId>,
    /// The other side of each direct conversation.
    pub pairs: BTreeMap<AccountId, ConversationId>,
    /// Oldest first.
    pub tokens: Vec<Token>,
    /// Addresses it has been used from: strangers can't delay logins from there.
    pub known: Vec<AddressGroup>,
}

/// That an account is away, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Away {
    /// In milliseconds of Unix time.
    pub since: u64,
    /// What it says about that.
    pub text: Box<str>,
}

/// A code that sets a new password once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recovery {
    /// SHA-256 of the code.
    pub digest: Digest,
    /// Valid until then, in milliseconds of Unix time.
    pub until: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// SHA-256 of the token.
    pub digest: Digest,
    /// Unique within the account.
    pub label: String,
    /// When it was created, in milliseconds of Unix time.
    pub at: u64,
}

/// A member, as its room knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Decides what it may do: see `permissions`.
    pub role: Role,
    /// The read marker.
    pub read: MessageId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Room {
    pub name: RoomName,
    /// Who made it; `None` for the lobby, and for what was made before this was noted.
    pub maker: Option<AccountId>,
    /// Whether only members and invited people can see it.
    pub private: bool,
    /// Empty if there is none.
    pub topic: String,
    /// The id of the last message.
    pub last: MessageId,
    /// The number of the last change to a message.
    pub changes: u64,
    pub members: FxHashMap<AccountId, Member>,
    /// Invited accounts.
    pub invited: BTreeMap<AccountId, InvitedRecord>,
    /// Accounts that can't come in.
    pub bans: BTreeMap<AccountId, Sanction>,
    /// Accounts that can't say anything.
    pub mutes: BTreeMap<AccountId, Sanction>,
    /// How long each member has to wait between two messages; `None` if not at all.
    pub slow: Option<Duration>,
    /// When accounts last said something, while members have to wait.
    pub said: FxHashMap<AccountId, u64>,
    /// Whether it has ended for good. It keeps its name, and nobody is in it.
    pub closed: bool,
}

/// A ban or a mute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sanction {
    /// Who imposed it.
    pub by: AccountId,
    /// When it ends, by the steady clock; `None` if somebody has to lift it.
    pub until: Option<u64>,
    /// Empty if none was given.
    pub reason: String,
}

/// The direct conversation of two accounts, or of one with itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The lower id first.
    pub sides: [AccountId; 2],
    /// The read marker of each side.
    pub read: [MessageId; 2],
    /// The id of the last message.
    pub last: MessageId,
    /// The number of the last change to a message.
    pub changes: u64,
}

/// A room or a direct conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Conversation {
    Room(Room),
    Pair(Pair),
}

impl Account {
    /// What a password is checked against; `None` if no password lets anyone in: the account is the
    /// server's own, or its password was reset.
    #[must_use]
    pub(crate) fn password(&self) -> Option<&Arc<str>> {
        self.hash.as_ref().filter(|_| self.recovery.is_none())
    }

    /// Whether it has invitations to rooms, expired or not.
    #[must_use]
    pub(crate) fn is_invited(&self) -> bool {
        !self.invitations.is_empty()
    }

    /// The token with that label.
    #[must_use]
    pub(crate) fn token(&self, label: &str) -> Option<&Token> {
        self.tokens.iter().find(|token| token.label == label)
    }
}

impl Room {
    #[must_use]
    pub(crate) fn has_member(&self, account: AccountId) -> bool {
        self.members.contains_key(&account)
    }

    /// What the account is in it; `None` if it is not in it.
    #[must_use]
    pub(crate) fn role(&self, account: AccountId) -> Option<Role> {
        self.members.get(&account).map(|member| member.role)
    }

    /// Whether the account is its only owner.
    #[must_use]
    pub(crate) fn is_last_owner(&self, account: AccountId) -> bool {
        let owns = |(&other, member): (&AccountId, &Member)| other != account && member.role == Role::Owner;
        self.role(account) == Some(Role::Owner) && !self.members.iter().any(owns)
    }

    /// What keeps the account from coming in or from talking at that time, by the steady clock.
    #[must_use]
    pub(crate) fn sanction(&self, kind: SanctionKind, account: AccountId, steady: u64) -> Option<&Sanction> {
        self.sanctions(kind).get(&account).filter(|sanction| sanction.lasts(steady))
    }

    #[must_use]
    pub(crate) fn sanctions(&self, kind: SanctionKind) -> &BTreeMap<AccountId, Sanction> {
        match kind {
            SanctionKind::Ban => &self.bans,
            SanctionKind::Mute => &self.mutes,
        }
    }

    pub(super) fn sanctions_mut(&mut self, kind: SanctionKind) -> &mut BTreeMap<AccountId, Sanction> {
        match kind {
            SanctionKind::Ban => &mut self.bans,
            SanctionKind::Mute => &mut self.mutes,
        }
    }
}

/// How much too early the planted fault ends a ban, in milliseconds.
const EARLY: u64 = 10 * 60 * 1000;

impl Sanction {
    /// Whether it still holds at that time.
    #[must_use]
    pub(crate) fn lasts(&self, steady: u64) -> bool {
        let Some(until) = self.until else { return true };
        let early = if faults::is_planted(Fault::BanEndsEarly) { EARLY } else { 0 };
        until > steady.saturating_add(early)
    }

    /// How long it still holds; `None` if somebody has to lift it.
    #[must_use]
    pub(crate) fn remaining(&self, steady: u64) -> Option<Duration> {
        self.until.map(|until| Duration::from_millis(until.saturating_sub(steady)))
    }
}

impl Pair {
    /// The other side, as seen from `side`; the same if both are one account.
    #[must_use]
    pub(crate) fn other(&self, side: AccountId) -> AccountId {
        self.sides[usize::from(self.sides[0] == side)]
    }

    /// The read marker of one side.
    #[must_use]
    pub(crate) fn read_by(&self, account: AccountId) -> MessageId {
        self.read[usize::from(self.sides[0] != account)]
    }

    pub(super) fn mark(&mut self, account: AccountId, read: MessageId) {
        self.read[usize::from(self.sides[0] != account)] = read;
    }
}

impl Conversation {
    /// The id of the last message.
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

    /// The number of the last change to a message; 0 if there was none.
    #[must_use]
    pub(crate) fn changes(&self) -> u64 {
        match self {
            Conversation::Room(room) => room.changes,
            Conversation::Pair(pair) => pair.changes,
        }
    }

    /// Counts one more change, and returns its number.
    pub(super) fn count_change(&mut self) -> u64 {
        let changes = match self {
            Conversation::Room(room) => &mut room.changes,
            Conversation::Pair(pair) => &mut pair.changes,
        };
        *changes += 1;
        *changes
    }

    /// The account's read marker; `None` if it is not in the conversation.
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
