//! What came of an operation that was not refused.

use crate::protocol::names::{AccountId, ConversationId, MessageId};
use crate::protocol::roles::Role;
use crate::protocol::secrets::Digest;
use crate::server::traffic::{ChangeRecord, Draft};

/// The outcome of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The account was created, and joined the lobby if there is one.
    Registered {
        account: AccountId,
        lobby: Option<ConversationId>,
    },
    PasswordChanged,
    /// The account has a new password.
    Recovered(AccountId),
    /// It was done to the account itself.
    Personal {
        /// False if all was as it was wanted already.
        changed: bool,
    },
    /// It was done to the account.
    Administered {
        account: AccountId,
        /// False if all was as it was wanted already.
        changed: bool,
    },
    /// It changes nothing that is stored but the audit log.
    Noted,
    /// The network is blocked, or not any more.
    Blocked {
        /// False if all was as it was wanted already.
        changed: bool,
    },
    TokenMade,
    /// The token with this digest was revoked.
    TokenRevoked(Digest),
    InviteMade,
    /// The invitation code is worth nothing any more.
    InviteRevoked,
    AddressKnown,
    /// The room was created, and its creator is a member.
    RoomCreated(ConversationId),
    /// The account is a member of the room.
    RoomJoined {
        room: ConversationId,
        /// False if it already was.
        new: bool,
    },
    /// The account is no longer in the room.
    RoomLeft {
        room: ConversationId,
        /// Whether the room is forgotten, since nothing was ever said in it and nobody is left.
        forgotten: bool,
    },
    /// The account may join the room.
    Invited {
        room: ConversationId,
        account: AccountId,
        /// Its standing in the room before.
        before: Standing,
    },
    /// So many invitations are gone.
    Declined(usize),
    /// None of the account's invitations has expired.
    ExpiredForgotten,
    /// The topic was set or cleared.
    TopicSet(ConversationId),
    /// The member has the role that was asked for.
    RoleSet {
        room: ConversationId,
        account: AccountId,
        /// Its role before.
        before: Role,
    },
    /// It was done in the room.
    Moderated(Moderated),
    /// The hook has an address.
    HookMade {
        room: ConversationId,
        /// The hook's.
        account: AccountId,
        /// Whether it was not in the room before.
        joined: bool,
    },
    /// The hook has no address any more.
    HookRevoked(AccountId),
    /// The account has ended.
    Unregistered {
        /// The rooms that it was in.
        rooms: Vec<ConversationId>,
        /// Those of them that it alone owned, and who does now.
        heirs: Vec<(ConversationId, AccountId)>,
    },
    /// The messages are gone.
    Dropped,
    /// The messages are removed.
    Erased,
    /// The message was stored.
    Said(Message),
    /// It was already said under the same key, and has this id.
    SaidBefore(MessageId),
    /// The change was stored.
    Changed(ChangeRecord),
    /// It is so already. This is the number of the last change there.
    Unchanged(u64),
    /// The read marker of the conversation.
    Read {
        /// The marker as it is now.
        marker: MessageId,
        /// Whether it moved.
        moved: bool,
    },
}

/// What was done in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moderated {
    pub room: ConversationId,
    /// To whom, if it was not the room itself.
    pub account: Option<AccountId>,
    /// Who is no longer in the room.
    pub removed: Vec<AccountId>,
    /// False if all was as it was wanted already.
    pub changed: bool,
}

/// An account's relation to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// One of its members.
    Member,
    /// Invited, but not a member yet.
    Invited,
    /// Neither.
    Stranger,
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub id: MessageId,
    pub draft: Draft,
}
