//! What is kept, and every change to it: accounts, device tokens, invitations, rooms, members,
//! messages and read markers.
//!
//! [`State::apply`] takes an [`Operation`] and says what came of it. An operation names the account
//! that acts, never a connection; it carries its own time, and whatever was random or expensive to
//! make (a token's digest, bcrypt's hash). So the outcome depends on what is kept and on nothing
//! else: the same operations in the same order give the same state, the same ids and the same
//! outcomes on any machine. This module must not know connections, threads, clocks or SQLite. The
//! dispatcher's thread runs it.
//!
//! `state` is what is kept, as held in memory, and `entities` what it is made of; `accounts`,
//! `rooms` and `messages` decide the operations. Nothing outside of this folder can change the state
//! in any other way. Each change leaves as a [`Write`] too, and a message as a [`Draft`]: see
//! [`Storage`].

mod accounts;
mod entities;
mod messages;
mod refused;
mod rooms;
mod state;

pub(super) use entities::{Conversation, Room};
pub(super) use refused::Refused;
pub(super) use state::State;

use crate::protocol::names::{AccountId, AddressGroup, ConversationId, MessageId, RoomName, Target, Text, UserName};
use crate::protocol::secrets::Digest;
use crate::server::traffic::{Appended, Draft, Write};
use std::sync::Arc;
use std::time::Duration;

/// Device tokens that one account may have.
pub const TOKENS_MAX: usize = 64;
/// Rooms that one account may be in.
pub const ROOMS_MAX: usize = 1000;
/// Longest topic, in bytes: a row of `/rooms` must hold it beside the room's name.
pub const TOPIC_MAX: usize = 1000;

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registration {
    /// Anyone.
    Open,
    /// People with an invitation.
    Invite,
    /// Nobody, except with an administrator's invitation (or the server could be left without an
    /// administrator).
    Closed,
}

/// Something to do with what is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operation {
    /// When, in milliseconds of Unix time.
    pub at: u64,
    /// By whom, and what.
    pub kind: OperationKind,
}

/// See [`Operation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OperationKind {
    /// A new account.
    Register(NewAccount),
    /// An account does something.
    Account(AccountId, Action),
}

/// An account to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewAccount {
    /// Its name.
    pub name: UserName,
    /// bcrypt's hash of its password.
    pub hash: Arc<str>,
    /// The invitation's digest.
    pub invite: Option<Digest>,
    /// What the operator allows. A setting is no part of what is kept, so it comes along.
    pub registration: Registration,
}

/// What an account does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Changes its password, if it is still of this generation; all of its tokens are revoked.
    ChangePassword {
        /// The generation of the password that was proven.
        generation: u32,
        /// bcrypt's hash of the new one.
        hash: Arc<str>,
    },
    /// Makes a device token.
    NewToken {
        /// Unique among the account's tokens.
        label: String,
        /// Of the token.
        digest: Digest,
    },
    /// Revokes the device token of that label.
    RevokeToken(String),
    /// Makes an invitation to the server.
    NewInvite {
        /// Of its code.
        digest: Digest,
        /// How many people it lets in.
        uses: u32,
        /// How long it is valid.
        lasts: Duration,
        /// Whether they become administrators.
        admin: bool,
    },
    /// Was used from this address, which is remembered for it.
    UseAddress(AddressGroup),
    /// Makes a room and joins it.
    CreateRoom {
        /// Its name.
        room: RoomName,
        /// Whether only members and invited people see it.
        private: bool,
    },
    /// Joins a room; makes it if there is none.
    JoinRoom(RoomName),
    /// Leaves a room.
    LeaveRoom(RoomName),
    /// Invites somebody to a room.
    Invite {
        /// Where to.
        room: RoomName,
        /// Whom.
        name: UserName,
    },
    /// Sets a room's topic; `None` clears it.
    SetTopic {
        /// Which room's.
        room: RoomName,
        /// The topic.
        topic: Option<Text>,
    },
    /// Says something.
    Say {
        /// Where.
        target: Target,
        /// `/post`'s key: under it this is said once, ever.
        key: Option<Box<str>>,
        /// What.
        text: Text,
    },
    /// Says something in a room that is known by its number.
    SayIn {
        /// Where.
        room: ConversationId,
        /// What.
        text: Text,
    },
    /// Has read a conversation up to here. A marker never goes back.
    MarkRead {
        /// Which.
        conversation: ConversationId,
        /// Up to and with this message.
        id: MessageId,
    },
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The account was made, and joined the lobby if there is one.
    Registered {
        /// The new account.
        account: AccountId,
        /// The lobby.
        lobby: Option<ConversationId>,
    },
    /// The password was changed.
    PasswordChanged,
    /// The token was made.
    TokenMade,
    /// The token of this digest was revoked.
    TokenRevoked(Digest),
    /// The invitation to the server was made.
    InviteMade,
    /// The address is remembered.
    AddressKnown,
    /// The room was made, and its maker is in it.
    RoomCreated(ConversationId),
    /// The account is in the room.
    RoomJoined {
        /// Which.
        room: ConversationId,
        /// Whether it was not before.
        new: bool,
    },
    /// The account is not in the room any more.
    RoomLeft(ConversationId),
    /// The account may join the room.
    Invited {
        /// Which.
        room: ConversationId,
        /// Who.
        account: AccountId,
        /// What it was to the room before.
        before: Standing,
    },
    /// The topic was set or cleared.
    TopicSet(ConversationId),
    /// The message is kept.
    Said(Message),
    /// It was said before under the same key, and has this id.
    SaidBefore(MessageId),
    /// How far the conversation is read.
    Read {
        /// The marker as it is now.
        marker: MessageId,
        /// Whether it moved.
        moved: bool,
    },
}

/// What an account is to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// One of its members.
    Member,
    /// Invited, and not in it yet.
    Invited,
    /// Neither.
    Stranger,
}

/// A message that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Its number in the conversation.
    pub id: MessageId,
    /// What was said, where, when and by whom.
    pub draft: Draft,
}

/// Where changes go, in their order, to be kept together or not at all. What it keeps of messages
/// and of the keys that they were posted under is part of what is kept: an id and whether a key was
/// used depend on the operations before, and on nothing else.
pub(super) trait Storage {
    /// Keeps a change. A failure shows in the end: then nothing of the transaction is kept, and
    /// the state is read anew.
    fn write(&mut self, write: Write);

    /// Keeps a message and gives it its id, or finds that its key was used.
    ///
    /// # Errors
    /// [`NotKept`] where the transaction has failed.
    fn append(&mut self, draft: &Draft) -> Result<Appended, NotKept>;
}

/// The transaction has failed, and nothing of it will be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the transaction has failed")]
pub(super) struct NotKept;

impl State {
    /// Decides an operation and carries it out.
    ///
    /// # Errors
    /// Why it was refused; then nothing was changed.
    pub(super) fn apply(&mut self, operation: Operation, storage: &mut dyn Storage) -> Result<Outcome, Refused> {
        let at = operation.at;
        let (by, action) = match operation.kind {
            OperationKind::Register(new) => return accounts::register(self, at, new, storage),
            OperationKind::Account(by, action) => (by, action),
        };
        match action {
            Action::SayIn { room, text } => messages::say_in(self, at, by, room, text, storage),
            Action::Say { target, key, text } => messages::say(self, at, by, &target, key, text, storage),
            Action::MarkRead { conversation, id } => messages::mark_read(self, by, conversation, id, storage),
            Action::ChangePassword { generation, hash } => {
                accounts::change_password(self, by, generation, hash, storage)
            }
            Action::NewToken { label, digest } => accounts::new_token(self, at, by, label, digest, storage),
            Action::RevokeToken(label) => accounts::revoke_token(self, by, label, storage),
            Action::NewInvite { digest, uses, lasts, admin } => {
                accounts::new_invite(self, at, by, accounts::NewInvite { digest, uses, lasts, admin }, storage)
            }
            Action::UseAddress(address) => accounts::use_address(self, by, address, storage),
            Action::CreateRoom { room, private } => rooms::create(self, by, room, private, storage),
            Action::JoinRoom(room) => rooms::join(self, by, room, storage),
            Action::LeaveRoom(room) => rooms::leave(self, by, &room, storage),
            Action::Invite { room, name } => rooms::invite(self, by, &room, &name, storage),
            Action::SetTopic { room, topic } => rooms::set_topic(self, by, &room, topic, storage),
        }
    }
}
