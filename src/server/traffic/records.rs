//! What is kept, as it passes between the core and the store.

use crate::protocol::names::{AccountId, AddressGroup, ConversationId, MessageId, RoomName, Text, UserName};
use crate::protocol::secrets::Digest;
use std::sync::Arc;

/// A change to what is kept, besides messages.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// A new account.
    Account(AccountRecord),
    /// A new password; the account's generation goes up by one.
    Password {
        /// Whose.
        account: AccountId,
        /// The new generation.
        generation: u32,
        /// The hash.
        hash: Arc<str>,
    },
    /// A new device token.
    Token(TokenRecord),
    /// A token is gone.
    TokenGone(Digest),
    /// A new invitation to the server.
    Invite(InviteRecord),
    /// One use of an invitation; the last one ends it.
    InviteUsed(Digest),
    /// An invitation has expired.
    InviteGone(Digest),
    /// A new room or pair.
    Conversation(ConversationRecord),
    /// A room's topic; empty is none.
    Topic(ConversationId, String),
    /// A new member.
    Member(MemberRecord),
    /// A member is gone.
    MemberGone(ConversationId, AccountId),
    /// A read marker.
    Read(ConversationId, AccountId, MessageId),
    /// An invitation to a private room.
    Invited(InvitedRecord),
    /// An invitation to a room is used up.
    InvitedGone(ConversationId, AccountId),
    /// The account was used from there, so strangers can't keep that address out.
    Known(AccountId, AddressGroup),
}

/// An account as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountRecord {
    /// Its number, given by the core.
    pub id: AccountId,
    /// Its name as it was registered.
    pub name: UserName,
    /// bcrypt's hash; `None` for the server's own account, which nobody can log in to.
    pub hash: Option<Arc<str>>,
    /// Counts password changes: what was proven of an older one is worth nothing.
    pub generation: u32,
    /// Whether it may administer the server.
    pub admin: bool,
    /// When it was made, in milliseconds of Unix time.
    pub at: u64,
}

/// A device token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenRecord {
    /// SHA-256 of the token.
    pub digest: Digest,
    /// Whose.
    pub account: AccountId,
    /// Its label, unique within the account.
    pub label: String,
    /// When it was made, in milliseconds of Unix time.
    pub at: u64,
}

/// An invitation to the server as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InviteRecord {
    /// SHA-256 of the code.
    pub digest: Digest,
    /// How many it still lets in.
    pub uses: u32,
    /// Whether they become administrators.
    pub admin: bool,
    /// Until when, in milliseconds of Unix time.
    pub until: u64,
}

/// Which conversation it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConversationKind {
    /// A room.
    Room {
        /// Its name.
        name: RoomName,
        /// Whether only members and invited people see it.
        private: bool,
        /// What it is about; empty is nothing.
        topic: String,
    },
    /// Two people, the lower account first; or one, with itself.
    Pair(AccountId, AccountId),
}

/// A room or a pair as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConversationRecord {
    /// Its number, given by the core.
    pub id: ConversationId,
    /// Which it is.
    pub kind: ConversationKind,
    /// The id of the last message said in it.
    pub last: MessageId,
}

/// What a member may do in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Talk.
    Member,
    /// Everything.
    Owner,
}

/// A member of a room, or one side of a pair, as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemberRecord {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub account: AccountId,
    /// What it may do.
    pub role: Role,
    /// Read up to here.
    pub read: MessageId,
}

/// An invitation to a room as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvitedRecord {
    /// Where to.
    pub conversation: ConversationId,
    /// Who.
    pub account: AccountId,
    /// By whom.
    pub by: AccountId,
}

/// All that the core keeps in memory: read at the start, and again after a failed commit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// Names this database's history.
    pub epoch: String,
    /// Every account, ascending by id.
    pub accounts: Vec<AccountRecord>,
    /// Every device token.
    pub tokens: Vec<TokenRecord>,
    /// Every invitation to the server.
    pub invites: Vec<InviteRecord>,
    /// Every room and pair, ascending by id.
    pub conversations: Vec<ConversationRecord>,
    /// Every member of every room and pair.
    pub members: Vec<MemberRecord>,
    /// Every invitation to a room.
    pub invited: Vec<InvitedRecord>,
    /// Addresses that each account was used from.
    pub known: Vec<(AccountId, AddressGroup)>,
}

/// A message to be kept. The store gives it its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    /// Where it is said.
    pub conversation: ConversationId,
    /// By whom.
    pub author: AccountId,
    /// When, in milliseconds of Unix time.
    pub at: u64,
    /// What.
    pub text: Text,
    /// `/post`'s key.
    pub key: Option<Box<str>>,
}

/// What became of a [`Draft`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It has this id.
    New(MessageId),
    /// The same text was said under this key before, with this id.
    Again(MessageId),
    /// Another text was said under this key before.
    Conflict,
}
