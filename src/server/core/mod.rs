//! The stored state and every change to it: accounts, device tokens, invitations, rooms, members,
//! messages and read markers.
//!
//! [`State::apply`] takes an [`Operation`] and returns its outcome. An operation names the account
//! that acts, never a connection. It carries its own time, and whatever was random or expensive to
//! create (a token's digest, bcrypt's hash). So the outcome depends on the stored state and nothing
//! else: the same operations in the same order give the same state, the same ids and the same
//! outcomes on any machine. This module must not know connections, threads, clocks or SQLite. The
//! dispatcher's thread runs it.
//!
//! `state` is the stored state as held in memory, and `entities` has its parts; `permissions` says who
//! may do what in a room; `accounts`, `rooms`, `roles`, `moderation`, `messages` and `changes` decide
//! the operations, `administration` those of administrators. Nothing outside this folder can change the state in any
//! other way. Each change is also written out as a [`Write`], and each message as a [`Draft`]: see
//! [`Storage`].

mod accounts;
mod administration;
mod audit;
mod changes;
mod entities;
mod invitations;
mod messages;
mod moderation;
mod permissions;
mod refused;
mod roles;
mod rooms;
mod state;

pub(super) use administration::Administration;
pub(super) use entities::{Account, Conversation, Room};
pub(super) use moderation::Moderation;
pub use permissions::{PERMISSIONS, Permission, RoomAction};
pub(super) use refused::{AdministrationRefused, ModerationRefused, Refused};
pub(super) use state::State;

use crate::protocol::names::{AccountId, AddressGroup, ConversationId, MessageId, RoomName, Target, Text, UserName};
use crate::protocol::reaction::ReactionWord;
use crate::protocol::roles::Role;
use crate::protocol::secrets::Digest;
use crate::server::traffic::{Appended, ChangeRecord, Draft, MessageRecord, Pins, Reaction, Reactions, Write};
use std::sync::Arc;
use std::time::Duration;

/// Networks that may be blocked.
pub(super) const BLOCKS_MAX: usize = 1000;
/// Device tokens that one account may have.
pub const TOKENS_MAX: usize = 64;
/// Rooms that one account may be in.
pub const ROOMS_MAX: usize = 1000;
/// Open invitations to rooms that one account may have.
pub const INVITATIONS_MAX: usize = 50;
/// Of those, how many one person may have made.
pub const INVITATIONS_BY_ONE_MAX: usize = 10;
/// How long an invitation to a room is good.
const INVITATION_LASTS: Duration = Duration::from_hours(720);
/// Bans that one room may have, and mutes.
pub const SANCTIONS_MAX: usize = 1000;
/// Names that one room may have had before.
pub const FORMER_NAMES_MAX: usize = 16;
/// Different words that may be said about one message: a row of `/history` must hold them.
pub const REACTIONS_MAX: u32 = 20;
/// Pinned messages of one conversation.
pub const PINS_MAX: u32 = 25;
/// Longest topic, in bytes: a row of `/rooms` must hold it beside the room's name.
pub const TOPIC_MAX: usize = 1000;

/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registration {
    /// Anyone.
    Open,
    /// People with an invitation code.
    Invite,
    /// Nobody, except with an administrator's invitation code (otherwise the server could be left
    /// without an administrator).
    Closed,
}

/// A change to the stored state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operation {
    /// In milliseconds of Unix time.
    pub at: u64,
    /// The same by a clock that never jumps while the server runs, for what ends by itself.
    pub steady: u64,
    pub kind: OperationKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OperationKind {
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
}

/// An account to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewAccount {
    pub name: UserName,
    /// bcrypt's hash of the password.
    pub hash: Arc<str>,
    /// The digest of the invitation code.
    pub invite: Option<Digest>,
    /// What the operator allows. A setting is not part of the stored state, so it is passed along.
    pub registration: Registration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AccountAction {
    /// Changes the password, if it is still of this generation; revokes all tokens.
    ChangePassword {
        /// The generation of the password that was proven.
        generation: u32,
        /// bcrypt's hash of the new password.
        hash: Arc<str>,
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
        /// How many people it lets in.
        uses: u32,
        /// How long it is valid.
        lasts: Duration,
        /// Whether they become administrators.
        admin: bool,
    },
    /// Does what only administrators may.
    Administer(Administration),
    /// Lets the account in, and remembers that it was used from this address.
    UseAddress(AddressGroup),
    /// Creates a room and joins it.
    CreateRoom {
        room: RoomName,
        /// Whether only members and invited people can see it.
        private: bool,
    },
    /// Joins a room, or creates it if it does not exist.
    JoinRoom(RoomName),
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
        moderation: Moderation,
    },
    /// Ends a room for good.
    CloseRoom(RoomName),
    /// Gives a room another name, which no room has or had.
    RenameRoom {
        room: RoomName,
        name: RoomName,
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

/// How something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Plainly,
    /// As what the author does.
    Me,
    /// As an answer to this message.
    Reply(MessageId),
}

/// The outcome of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The account was created, and joined the lobby if there is one.
    Registered {
        account: AccountId,
        lobby: Option<ConversationId>,
    },
    PasswordChanged,
    /// The account has a new password.
    Recovered(AccountId),
    /// It was done to the account.
    Administered {
        account: AccountId,
        /// False if all was as it was wanted already.
        changed: bool,
    },
    /// All who are connected are told.
    Announced,
    /// The network is blocked, or not any more.
    Blocked {
        /// False if all was as it was wanted already.
        changed: bool,
    },
    TokenMade,
    /// The token with this digest was revoked.
    TokenRevoked(Digest),
    InviteMade,
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
    RoomLeft(ConversationId),
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
pub(super) struct Moderated {
    pub room: ConversationId,
    /// To whom, if it was not the room itself.
    pub account: Option<AccountId>,
    /// Who is no longer in the room.
    pub removed: Vec<AccountId>,
    /// False if all was as it was wanted already.
    pub changed: bool,
}

/// Who acts, and when.
#[derive(Debug, Clone, Copy)]
struct Actor {
    by: AccountId,
    at: u64,
    steady: u64,
}

/// An account's relation to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// One of its members.
    Member,
    /// Invited, but not a member yet.
    Invited,
    /// Neither.
    Stranger,
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub id: MessageId,
    pub draft: Draft,
}

/// Where changes go, in order, to be stored together or not at all. The stored messages and `/post`
/// keys are part of the state, too: an id, and whether a key was used, depend on the earlier
/// operations and on nothing else.
pub(super) trait Storage {
    /// Stores a change. A failure shows at the commit: then nothing of the transaction is stored,
    /// and the state is read again.
    fn write(&mut self, write: Write);

    /// Stores a message and gives it its id, or finds that its key was used.
    ///
    /// # Errors
    /// [`NotStored`] if the transaction has failed.
    fn append(&mut self, draft: &Draft) -> Result<Appended, NotStored>;

    /// What [`Storage::append`] would find under the draft's key; `None` if it was not used yet.
    ///
    /// # Errors
    /// [`NotStored`] if it could not be read. The transaction has then failed.
    fn find_post(&mut self, draft: &Draft) -> Result<Option<Appended>, NotStored>;

    /// The message that the account said under a key, kept or not; `None` if it was not used yet.
    ///
    /// # Errors
    /// [`NotStored`] if it could not be read. The transaction has then failed.
    fn posted(
        &mut self,
        by: AccountId,
        conversation: ConversationId,
        key: &str,
    ) -> Result<Option<MessageId>, NotStored>;

    /// A message that was stored before, earlier in this transaction included; `None` if it is not
    /// kept, or gone.
    ///
    /// # Errors
    /// [`NotStored`] if it could not be read. The transaction has then failed.
    fn find(&mut self, conversation: ConversationId, id: MessageId) -> Result<Option<MessageRecord>, NotStored>;

    /// What was said about a message before, this word by this account in particular.
    ///
    /// # Errors
    /// As [`Storage::find`].
    fn reactions(&mut self, reaction: &Reaction) -> Result<Reactions, NotStored>;

    /// Which messages of a conversation are pinned, this one in particular.
    ///
    /// # Errors
    /// As [`Storage::find`].
    fn pins(&mut self, conversation: ConversationId, id: MessageId) -> Result<Pins, NotStored>;
}

/// The transaction has failed, and nothing of it will be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the transaction has failed")]
pub(super) struct NotStored;

impl State {
    /// Decides an operation and carries it out.
    ///
    /// # Errors
    /// Why it was refused; nothing was changed then.
    pub(super) fn apply(&mut self, operation: Operation, storage: &mut dyn Storage) -> Result<Outcome, Refused> {
        let (at, steady) = (operation.at, operation.steady);
        let (by, action) = match operation.kind {
            OperationKind::Register(new) => return accounts::register(self, at, new, storage),
            OperationKind::Recover { name, code, hash } => {
                return administration::recover(self, at, &name, &code, hash, storage);
            }
            OperationKind::Account(by, action) => (by, action),
        };
        let actor = Actor { by, at, steady };
        match action {
            AccountAction::SayIn { room, manner, text } => {
                messages::say_in(self, room, messages::Saying { actor, manner, text, key: None }, storage)
            }
            AccountAction::Say { target, manner, key, text } => {
                messages::say(self, &target, messages::Saying { actor, manner, text, key }, storage)
            }
            AccountAction::Edit { target, id, text, within } => {
                changes::edit(self, &changes::Changing { actor, target: &target, id }, text, within, storage)
            }
            AccountAction::Update { target, key, text } => changes::update(self, actor, &target, key, text, storage),
            AccountAction::Redact { target, id, reason } => {
                changes::redact(self, &changes::Changing { actor, target: &target, id }, reason, storage)
            }
            AccountAction::React { target, id, word } => {
                changes::react(self, &changes::Changing { actor, target: &target, id }, word, storage)
            }
            AccountAction::Pin { target, id, pinned } => {
                changes::pin(self, &changes::Changing { actor, target: &target, id }, pinned, storage)
            }
            AccountAction::MarkRead { conversation, id } => messages::mark_read(self, by, conversation, id, storage),
            AccountAction::ChangePassword { generation, hash } => {
                accounts::change_password(self, by, generation, hash, storage)
            }
            AccountAction::NewToken { label, digest } => accounts::new_token(self, at, by, label, digest, storage),
            AccountAction::RevokeToken(label) => accounts::revoke_token(self, by, label, storage),
            AccountAction::NewInvite { digest, uses, lasts, admin } => {
                accounts::new_invite(self, at, by, accounts::NewInvite { digest, uses, lasts, admin }, storage)
            }
            AccountAction::Administer(action) => administration::administer(self, actor, action, storage),
            AccountAction::UseAddress(address) => accounts::use_address(self, by, address, storage),
            AccountAction::CreateRoom { room, private } => rooms::create(self, by, room, private, storage),
            AccountAction::JoinRoom(room) => rooms::join(self, actor, room, storage),
            AccountAction::LeaveRoom(room) => rooms::leave(self, by, &room, storage),
            AccountAction::Invite { room, name } => invitations::invite(self, actor, &room, &name, storage),
            AccountAction::Decline(what) => invitations::decline(self, actor, &what, storage),
            AccountAction::ForgetExpiredInvitations => {
                invitations::expire(self, by, steady, storage);
                Ok(Outcome::ExpiredForgotten)
            }
            AccountAction::SetTopic { room, topic } => rooms::set_topic(self, actor, &room, topic, storage),
            AccountAction::SetRole { room, name, role } => roles::set_role(self, actor, &room, &name, role, storage),
            AccountAction::Moderate { room, moderation } => {
                moderation::moderate(self, actor, &room, moderation, storage)
            }
            AccountAction::CloseRoom(room) => rooms::close(self, actor, &room, storage),
            AccountAction::RenameRoom { room, name } => rooms::rename(self, actor, &room, name, storage),
            AccountAction::SetPrivate { room, private } => rooms::set_private(self, actor, &room, private, storage),
        }
    }
}
