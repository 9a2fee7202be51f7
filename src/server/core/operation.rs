//! Everything that can change the stored state. An operation names the account that acts, and carries
//! its own time and whatever was random or expensive to create.

use super::{Administration, Moderation, Personal};
use crate::protocol::command::InviteTerms;
use crate::protocol::names::{AccountId, AddressGroup, ConversationId, MessageId, RoomName, Target, Text, UserName};
use crate::protocol::reaction::ReactionWord;
use crate::protocol::roles::Role;
use crate::protocol::secrets::Digest;
use crate::server::traffic::Registration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A change to the stored state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// In milliseconds of Unix time.
    pub at: u64,
    /// The same by a clock that never jumps while the server runs, for what ends by itself.
    pub steady: u64,
    pub kind: OperationKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OperationKind {
    Register(NewAccount),
    /// Sets the password of an account whose old one was reset.
    Recover {
        name: UserName,
        /// The digest of the code.
        code: Digest,
        /// bcrypt's hash of the new password.
        hash: Arc<str>,
    },
    Account(AccountId, AccountAction),
    /// Drops the messages of each of these conversations up to an id, inclusive: they were found to be more
    /// than is kept.
    Drop(BTreeMap<ConversationId, MessageId>),
    /// Removes messages of an account that has unregistered and wants all that it said to go.
    Erase {
        author: AccountId,
        messages: Vec<(ConversationId, MessageId)>,
        /// Whether there are no more.
        last: bool,
    },
    /// Does again what was done after a backup that was restored.
    Again(Again),
}

/// Something that was erased before. Nobody's right to it is asked a second time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Again {
    /// The account has ended, if it was the last administrator as well.
    Unregister {
        account: AccountId,
        /// Whether what it said goes, too.
        all: bool,
    },
    /// These messages are removed.
    Remove(Vec<(ConversationId, MessageId)>),
}

/// An account to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewAccount {
    pub name: UserName,
    /// bcrypt's hash of the password.
    pub hash: Arc<str>,
    /// The digest of the invitation code.
    pub invite: Option<Digest>,
    /// What the operator allows. A setting is not part of the stored state, so it is passed along.
    pub registration: Registration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AccountAction {
    /// Changes the password, if it is still of this generation; revokes all tokens.
    ChangePassword {
        /// The generation of the password that was proven.
        generation: u32,
        /// bcrypt's hash of the new password.
        hash: Arc<str>,
    },
    /// Ends the account, if its password is still of this generation.
    Unregister {
        /// The generation of the password that was proven.
        generation: u32,
        /// Whether what it said goes, too.
        all: bool,
    },
    /// Creates a device token.
    NewToken {
        /// Unique among the account's tokens.
        label: String,
        digest: Digest,
    },
    /// Revokes the device token with that label.
    RevokeToken(String),
    /// Creates an invitation code.
    NewInvite {
        digest: Digest,
        terms: InviteTerms,
        /// How many a member may make in a week, if any; a setting, and so not a part of the stored state.
        weekly: Option<u32>,
    },
    /// The invitation code with this number is worth nothing from now on.
    RevokeInvite {
        number: u64,
        /// As for `NewInvite`.
        weekly: Option<u32>,
    },
    /// Does something about itself.
    Personal(Personal),
    /// Does what only administrators may.
    Administer(Administration),
    /// Lets the account in, and remembers that it was used from this address.
    UseAddress(AddressGroup),
    /// Creates a room and joins it.
    CreateRoom {
        room: RoomName,
        /// Whether only members and invited people can see it.
        private: bool,
        /// The most rooms that there may be of one maker; a setting, and so not a part of the stored state.
        most: Option<u32>,
    },
    /// Joins a room, or creates it if it does not exist.
    JoinRoom {
        room: RoomName,
        /// As for `CreateRoom`.
        most: Option<u32>,
    },
    LeaveRoom(RoomName),
    Invite {
        room: RoomName,
        name: UserName,
    },
    /// Declines the invitation to a room, or all by one person.
    Decline(Target),
    ForgetExpiredInvitations,
    /// Sets a room's topic; `None` clears it.
    SetTopic {
        room: RoomName,
        topic: Option<Text>,
    },
    /// Says what a member is in a room from now on.
    SetRole {
        room: RoomName,
        name: UserName,
        role: Role,
    },
    /// Does in a room what moderators do.
    Moderate {
        room: RoomName,
        /// Large, and rare: a message is moved about in an operation, too.
        moderation: Box<Moderation>,
    },
    /// Gives a hook of a room an address, and makes the hook if there is none of that label.
    NewHook(Box<NewHook>),
    /// The address of a hook is worth nothing from now on.
    RevokeHook {
        room: RoomName,
        label: UserName,
    },
    /// Ends a room for good.
    CloseRoom(RoomName),
    /// Gives a room another name, which no room has or had.
    RenameRoom {
        room: RoomName,
        name: RoomName,
    },
    /// Says how long a room keeps what is said there; `None` is for ever.
    Retain {
        room: RoomName,
        keep: Option<Duration>,
    },
    /// Says whether only members and invited people can see a room.
    SetPrivate {
        room: RoomName,
        private: bool,
    },
    Say {
        target: Target,
        manner: Manner,
        /// The key of a `/post`: only one message is ever said under it.
        key: Option<Box<str>>,
        text: Text,
    },
    /// Says something in a room that is known by its id.
    SayIn {
        room: ConversationId,
        manner: Manner,
        text: Text,
    },
    /// Edits a message.
    Edit {
        target: Target,
        id: MessageId,
        text: Text,
        /// For how long after it was said; a setting, and so not a part of the stored state.
        within: Option<Duration>,
    },
    /// Edits what the account said under a key, or says it.
    Update {
        target: Target,
        key: Box<str>,
        text: Text,
    },
    /// Removes a message's text.
    Redact {
        target: Target,
        id: MessageId,
        reason: Option<Text>,
    },
    /// Says a word about a message, or takes it back.
    React {
        target: Target,
        id: MessageId,
        word: ReactionWord,
    },
    /// Pins a message, or takes its pin out.
    Pin {
        target: Target,
        id: MessageId,
        pinned: bool,
    },
    /// Moves a read marker up to this id. It never moves back.
    MarkRead {
        conversation: ConversationId,
        /// Inclusive.
        id: MessageId,
    },
}

/// An address that somebody wants to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewHook {
    pub room: RoomName,
    pub label: UserName,
    /// Of the token in the address.
    pub digest: Digest,
}

/// How something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Plainly,
    /// As what the author does.
    Me,
    /// As an answer to this message.
    Reply(MessageId),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every message is moved about in one. More than 128 bytes are copied by a call, so what is larger
    /// and rare stands in a box.
    #[test]
    fn an_operation_is_small() {
        let sizes = [size_of::<Operation>(), size_of::<AccountAction>(), size_of::<OperationKind>()];
        assert!(sizes[0] <= 128, "{sizes:?}");
        let request = [size_of::<crate::server::traffic::Request>(), size_of::<crate::protocol::command::Command>()];
        assert!(request[0] <= 136, "{request:?}");
    }
}
