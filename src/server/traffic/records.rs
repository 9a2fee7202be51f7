//! The stored state, messages apart, as it passes between the core and the store.

use super::messages::ChangeRecord;
use super::personal::{AwayRecord, IgnoredRecord, PersonalWrite};
use crate::protocol::names::{AccountId, AddressGroup, ConversationId, MessageId, RoomName, UserName};
use crate::protocol::network::Network;
use crate::protocol::roles::Role;
use crate::protocol::secrets::Digest;
use std::sync::Arc;
use std::time::Duration;

/// How many addresses are remembered for an account; after that, a new one takes the place of the
/// oldest. The core and the store both count, and must forget the same one.
pub(crate) const KNOWN_MAX: u8 = 16;

/// A change to the stored state, other than a message.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    Account(AccountRecord),
    /// A new password; the account's generation goes up by one.
    Password {
        account: AccountId,
        generation: u32,
        hash: Arc<str>,
    },
    /// An account has ended. What it said stays, unless all of it is to go.
    Unregistered {
        account: AccountId,
        all: bool,
    },
    /// All that an account said is removed that wanted it to go.
    Erased(AccountId),
    Token(TokenRecord),
    /// What accounts say about themselves, and whom they ignore.
    Personal(PersonalWrite),
    /// What administrators did.
    Administration(AdministrationWrite),
    /// A token was revoked.
    TokenGone(Digest),
    /// A new invitation code.
    Invite(InviteRecord),
    /// One use of an invitation; the last one ends it.
    InviteUsed(Digest),
    /// An invitation has expired, or ended before its time.
    InviteGone(Digest),
    /// A member made an invitation code.
    InviteMade(InviteMadeRecord),
    /// Those that members made up to then, in milliseconds of Unix time, are not counted any more.
    InvitesMadeGone {
        through: u64,
    },
    /// A new room or pair.
    Conversation(ConversationRecord),
    /// A room's topic; empty if there is none now.
    Topic(ConversationId, String),
    /// A new member.
    Member(MemberRecord),
    /// An account is banned or muted in a room from now on, in place of what it was before.
    Sanction(SanctionRecord),
    /// A ban or a mute has ended.
    SanctionGone(ConversationId, AccountId, SanctionKind),
    /// How long each member of a room has to wait between two messages; `None` if not at all.
    Slow(ConversationId, Option<Duration>),
    /// When an account last said something in a room where members have to wait.
    Said(ConversationId, AccountId, u64),
    /// Whether only members and invited people can see a room.
    Private(ConversationId, bool),
    /// How long a room keeps what is said there; `None` if for ever.
    Retain(ConversationId, Option<Duration>),
    /// The messages of a conversation up to this id are gone, and all that belongs to them.
    Dropped(ConversationId, MessageId),
    /// A room's new name. Its old one stays its own.
    Renamed(ConversationId, RoomName),
    /// A room has ended: nobody is in it any more, invited or banned.
    Closed(ConversationId),
    /// An account made a room.
    Made(ConversationId, AccountId),
    /// A room in which nothing was ever said is gone, and with it all that was stored about it.
    Forgotten(ConversationId),
    /// A hook that is new, or has a new address.
    Hook(HookRecord),
    /// A hook has no address any more.
    HookRevoked(AccountId),
    /// Something for the audit log.
    Audit(AuditRecord),
    /// A member's new role.
    Role(ConversationId, AccountId, Role),
    /// A member has left.
    MemberGone(ConversationId, AccountId),
    /// A read marker.
    Read(ConversationId, AccountId, MessageId),
    /// An invitation to a private room.
    Invited(InvitedRecord),
    /// An invitation to a room is used up.
    InvitedGone(ConversationId, AccountId),
    /// An address that the account was used from, so that strangers can't block it.
    Known(AccountId, AddressGroup),
    /// Something that happened to a message.
    Change(ChangeRecord),
}

/// A change that administrators make, or that follows from it.
#[derive(Debug, Clone)]
pub(crate) enum AdministrationWrite {
    /// An account can't log in from now on.
    Disabled(AccountId, String),
    /// An account may log in again.
    Enabled(AccountId),
    /// The account's password is worth nothing any more, in place of an earlier recovery.
    Recovery(RecoveryRecord),
    /// The recovery has been used.
    RecoveryGone(AccountId),
    /// Whether an account is an administrator.
    Admin(AccountId, bool),
    /// A network is blocked from now on, in place of how it was blocked before.
    Blocked(BlockRecord),
    /// A network is not blocked any more.
    Unblocked(Network),
}

/// An account as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountRecord {
    /// Assigned by the core.
    pub id: AccountId,
    /// Spelled as it was registered.
    pub name: UserName,
    /// bcrypt's hash; `None` if nobody can log in to it: the server's own account, and hooks.
    pub hash: Option<Arc<str>>,
    /// Counts password changes: proof of an older password is worth nothing.
    pub generation: u32,
    pub admin: bool,
    /// When it was created, in milliseconds of Unix time.
    pub at: u64,
}

/// A code that sets a new password, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecoveryRecord {
    pub account: AccountId,
    /// SHA-256 of the code.
    pub digest: Digest,
    /// Valid until then, in milliseconds of Unix time.
    pub until: u64,
}

/// A network from which nobody may connect, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockRecord {
    pub network: Network,
    /// When it ends, by the steady clock; `None` if somebody has to lift it.
    pub until: Option<u64>,
    /// The account that blocked it.
    pub by: AccountId,
    /// Empty if none was given.
    pub reason: String,
}

/// A device token as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenRecord {
    /// SHA-256 of the token.
    pub digest: Digest,
    pub account: AccountId,
    /// Unique within the account.
    pub label: String,
    /// When it was created, in milliseconds of Unix time.
    pub at: u64,
}

/// An invitation code as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InviteRecord {
    /// Assigned by the core, and never given twice.
    pub number: u64,
    /// SHA-256 of the code.
    pub digest: Digest,
    /// How many people it still lets in.
    pub uses: u32,
    /// Whether they become administrators.
    pub admin: bool,
    /// Valid until then, in milliseconds of Unix time.
    pub until: u64,
    /// The account that made it.
    pub by: AccountId,
    /// Empty if there is none.
    pub note: String,
}

/// That a member made an invitation code, good or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InviteMadeRecord {
    /// The code's.
    pub number: u64,
    pub by: AccountId,
    /// In milliseconds of Unix time.
    pub at: u64,
}

/// A room or a direct conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConversationKind {
    Room {
        name: RoomName,
        /// Whether only members and invited people can see it.
        private: bool,
        /// Empty if there is none.
        topic: String,
        /// How long each member has to wait between two messages; `None` if not at all.
        slow: Option<Duration>,
        /// Whether it has ended for good.
        closed: bool,
    },
    /// Two accounts, the lower id first; or one, with itself.
    Pair(AccountId, AccountId),
}

impl ConversationKind {
    /// A new room.
    #[must_use]
    pub(crate) fn room(name: RoomName, private: bool) -> Self {
        Self::Room { name, private, topic: String::new(), slow: None, closed: false }
    }
}

/// A room or a direct conversation as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConversationRecord {
    /// Assigned by the core.
    pub id: ConversationId,
    pub kind: ConversationKind,
    /// The id of the last message said in it.
    pub last: MessageId,
    /// How many changes there were to its messages: the number of the last one.
    pub changes: u64,
}

/// How long a room keeps what is said there, and what a conversation has dropped, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetentionRecord {
    pub conversation: ConversationId,
    /// `None` if for ever.
    pub keep: Option<Duration>,
    /// The messages up to this id were dropped.
    pub dropped: MessageId,
}

/// A member of a room, or one side of a direct conversation, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemberRecord {
    pub conversation: ConversationId,
    pub account: AccountId,
    pub role: Role,
    /// The read marker.
    pub read: MessageId,
}

/// A room invitation as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvitedRecord {
    pub conversation: ConversationId,
    /// The invited account.
    pub account: AccountId,
    /// The account that invited it.
    pub by: AccountId,
    /// When it expires, by the steady clock.
    pub until: u64,
}

/// An account as which programs post in one room, by HTTP, as stored. It has no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HookRecord {
    pub account: AccountId,
    pub conversation: ConversationId,
    /// SHA-256 of the token in its address; `None` if it has none now.
    pub digest: Option<Digest>,
    /// The account that made it, or its latest address.
    pub by: AccountId,
    /// When that was, in milliseconds of Unix time.
    pub at: u64,
}

/// What keeps an account from something in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SanctionKind {
    /// It can't come in.
    Ban,
    /// It can't say anything.
    Mute,
}

/// A ban or a mute as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SanctionRecord {
    pub conversation: ConversationId,
    pub account: AccountId,
    pub kind: SanctionKind,
    /// The account that imposed it.
    pub by: AccountId,
    /// When it ends, by the steady clock; `None` if somebody has to lift it.
    pub until: Option<u64>,
    /// Empty if none was given.
    pub reason: String,
}

/// An entry of the audit log. It is only ever read by the readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuditRecord {
    /// The room; `None` if it concerns the whole server.
    pub conversation: Option<ConversationId>,
    /// In milliseconds of Unix time.
    pub at: u64,
    pub by: AccountId,
    pub verb: &'static str,
    /// The name of what it was done to; empty if it was the room or the server itself.
    pub whom: String,
    /// The options and the reason, as one would type them; may be empty.
    pub reason: String,
}

/// Everything that the core holds in memory: read at startup, and again after a failed commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Names this database's history.
    pub epoch: String,
    /// Ascending by id.
    pub accounts: Vec<AccountRecord>,
    /// Accounts that can't log in, and why.
    pub disabled: Vec<(AccountId, String)>,
    pub recoveries: Vec<RecoveryRecord>,
    pub away: Vec<AwayRecord>,
    /// What accounts say about themselves.
    pub profiles: Vec<(AccountId, String)>,
    pub ignored: Vec<IgnoredRecord>,
    pub blocks: Vec<BlockRecord>,
    pub tokens: Vec<TokenRecord>,
    pub invites: Vec<InviteRecord>,
    /// The highest number that an invitation code ever had.
    pub invites_ever: u64,
    /// Ascending by number.
    pub invites_made: Vec<InviteMadeRecord>,
    /// Ascending by id.
    pub conversations: Vec<ConversationRecord>,
    /// The highest id that a conversation had when one was forgotten; 0 if none was.
    pub conversations_ever: i64,
    /// Ascending by account.
    pub hooks: Vec<HookRecord>,
    /// Who made which room.
    pub makers: Vec<(ConversationId, AccountId)>,
    pub members: Vec<MemberRecord>,
    pub invited: Vec<InvitedRecord>,
    /// Accounts that have ended, and whether what they said is still being removed.
    pub unregistered: Vec<(AccountId, bool)>,
    /// Of the rooms that drop messages, or have.
    pub retentions: Vec<RetentionRecord>,
    pub sanctions: Vec<SanctionRecord>,
    /// When accounts last said something in rooms where members have to wait.
    pub said: Vec<(ConversationId, AccountId, u64)>,
    /// The names that rooms had before.
    pub former_names: Vec<(RoomName, ConversationId)>,
    /// Addresses that each account has been used from.
    pub known: Vec<(AccountId, AddressGroup)>,
}
