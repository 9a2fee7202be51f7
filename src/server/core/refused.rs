//! Why an operation was refused: the account's fault, unless a variant says otherwise. The
//! sentences that people read are the hub's.

use crate::protocol::names::{MessageId, RoomName, UserName};
use crate::protocol::roles::Role;
use crate::server::traffic::SanctionKind;
use std::time::Duration;

/// What administrators do was refused, or something because of what they did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AdministrationRefused {
    /// The server would have no administrator any more.
    #[error("the last administrator")]
    LastAdministrator,
    /// The account can't log in; the reason may be empty.
    #[error("the account is disabled: {0}")]
    Disabled(String),
    /// [`super::BLOCKS_MAX`] networks are blocked.
    #[error("too many blocks")]
    TooManyBlocks,
    /// [`super::INVITES_MAX`] invitation codes are good.
    #[error("too many invitation codes")]
    TooManyInvites,
    /// The account, a member's, made so many invitation codes within a week.
    #[error("it has made {weekly} invitation codes within a week")]
    TooManyInvitesMade {
        weekly: u32,
        /// How long until it may make another.
        wait: Duration,
    },
    /// Only administrators make codes for several people, for administrators, or for another time.
    #[error("not a code that members make")]
    NotPlain,
    /// No invitation code of that number is good, or none that the account may see.
    #[error("there is no invitation code {0}")]
    NoSuchInvite(u64),
    /// There is no such code for that account, or it was used or has expired.
    #[error("the code is not valid")]
    BadRecovery,
}

/// Why an operation was refused because of hooks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HookRefused {
    /// The account is a hook: nobody reads what is written to it, and nobody logs in to it.
    #[error("{0} is a hook")]
    IsHook(UserName),
    /// The hook has an address already.
    #[error("hook {label} of {room} has an address")]
    HasAddress { room: RoomName, label: UserName },
    /// The room has no hook of that label that has an address.
    #[error("{room} has no hook {label} with an address")]
    NoAddress { room: RoomName, label: UserName },
    /// The room has [`super::HOOKS_MAX`] hooks.
    #[error("too many hooks in {0}")]
    TooMany(RoomName),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// There is no room of that name that the account may see.
    #[error("there is no room {0}")]
    NoSuchRoom(RoomName),
    /// The account is not in the room.
    #[error("not in {0}")]
    NotAMember(RoomName),
    /// Roles and moderation stand against it.
    #[error(transparent)]
    Moderation(#[from] ModerationRefused),
    /// The account is not in the conversation, which it knows only by its number.
    #[error("not in that conversation")]
    NotInConversation,
    /// A room of that name already exists.
    #[error("room {0} already exists")]
    RoomExists(RoomName),
    /// A room of that name exists, but the account may not see it.
    #[error("a hidden room has that name")]
    RoomHidden,
    /// The account is in [`super::ROOMS_MAX`] rooms.
    #[error("in too many rooms")]
    TooManyRooms,
    /// There are this many rooms that the account made.
    #[error("it has made {0} rooms")]
    TooManyRoomsMade(u32),
    /// The topic is longer than [`super::TOPIC_MAX`].
    #[error("the topic is too long")]
    TopicTooLong,
    /// The account is not invited to the room.
    #[error("not invited to {0}")]
    NotInvited(RoomName),
    /// That account has [`super::INVITATIONS_MAX`] open invitations.
    #[error("{0} has too many invitations")]
    TooManyInvitations(UserName),
    /// That account has [`super::INVITATIONS_BY_ONE_MAX`] open invitations from this one.
    #[error("{0} has too many invitations by this account")]
    TooManyInvitationsByYou(UserName),
    /// An account hears itself.
    #[error("it would ignore itself")]
    IgnoresItself,
    /// The account ignores [`super::IGNORED_MAX`] others.
    #[error("it ignores too many")]
    TooManyIgnored,
    /// There is no account of that name.
    #[error("there is no account {0}")]
    NoSuchUser(UserName),
    /// The account of that name has unregistered.
    #[error("{0} has unregistered")]
    Unregistered(UserName),
    /// The account itself does not exist.
    #[error("the account is gone")]
    NoAccount,
    /// The name belongs to another account.
    #[error("{0} is taken")]
    NameTaken(UserName),
    /// Registration is by invitation only, and no code was given.
    #[error("an invitation is needed")]
    InviteNeeded,
    /// The invitation is unknown, used up or expired.
    #[error("the invitation is not valid")]
    BadInvite,
    /// Nobody can register.
    #[error("registration is closed")]
    RegistrationClosed,
    /// The password has changed since it was proven.
    #[error("the password has changed meanwhile")]
    PasswordChanged,
    /// The server's own account has neither password nor tokens.
    #[error("the console has no tokens")]
    Console,
    /// The account already has a token with that label.
    #[error("token {0} already exists")]
    LabelTaken(String),
    /// The account has no token with that label.
    #[error("there is no token {0}")]
    NoSuchToken(String),
    /// The account has [`super::TOKENS_MAX`] tokens.
    #[error("too many tokens")]
    TooManyTokens,
    /// Hooks are in the way, or are not there.
    #[error(transparent)]
    Hook(#[from] HookRefused),
    /// Only an administrator may do that.
    #[error("not an administrator")]
    NotAdministrator,
    /// What administrators do, or did, is in the way.
    #[error(transparent)]
    Administration(#[from] AdministrationRefused),
    /// The key was used there with a different text.
    #[error("the key was used with a different text")]
    KeyConflict,
    /// The conversation ends before that id.
    #[error("the last id is {last}")]
    NoSuchMessage { last: MessageId },
    /// There is no message with that id in the conversation, or it is gone.
    #[error("there is no message {id}; the last id is {last}")]
    MessageGone { id: MessageId, last: MessageId },
    /// The message is somebody else's.
    #[error("it is somebody else's message")]
    NotYourMessage,
    /// The message was said longer ago than messages can be edited.
    #[error("it was said more than {0:?} ago")]
    TooLateToEdit(Duration),
    /// [`super::REACTIONS_MAX`] different words were said about the message.
    #[error("too many different reactions")]
    TooManyReactions,
    /// [`super::PINS_MAX`] messages are pinned there.
    #[error("too many pins")]
    TooManyPins,
    /// Nobody's fault: it could not be written to disk. The whole transaction is refused.
    #[error("it could not be written to disk")]
    NotStored,
}

/// Why an operation was refused because of roles and moderation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModerationRefused {
    /// Only members of at least this role may do that.
    #[error("not for members of {room} below {least}")]
    RoleTooLow { room: RoomName, least: Role },
    /// The other account has the same role, or a higher one.
    #[error("{name} can't be acted on in {room}")]
    Outranked { room: RoomName, name: UserName },
    /// The other account is not in the room.
    #[error("{name} is not in {room}")]
    NotThere { room: RoomName, name: UserName },
    /// The room would have no owner any more.
    #[error("the last owner of {0}")]
    LastOwner(RoomName),
    /// The account is banned from the room.
    #[error("banned from {room}")]
    Banned {
        room: RoomName,
        /// How much longer; `None` if somebody has to lift it.
        wait: Option<Duration>,
        /// Empty if none was given.
        reason: String,
    },
    /// The account may read there, and not talk.
    #[error("muted in {room}")]
    Muted {
        room: RoomName,
        /// How much longer; `None` if somebody has to lift it.
        wait: Option<Duration>,
        /// Empty if none was given.
        reason: String,
    },
    /// Each member has to wait between two messages there.
    #[error("too soon in {room}")]
    TooSoon {
        room: RoomName,
        /// How long, from one message to the next.
        slow: Duration,
        /// How much longer.
        wait: Duration,
    },
    /// The account to be invited is banned from the room.
    #[error("{name} is banned from {room}")]
    InviteBanned { room: RoomName, name: UserName },
    /// The room has [`super::SANCTIONS_MAX`] bans or mutes.
    #[error("too many in {room}")]
    TooManySanctions { room: RoomName, kind: SanctionKind },
    /// The room has had [`super::FORMER_NAMES_MAX`] names before.
    #[error("{0} has had too many names")]
    TooManyNames(RoomName),
    /// The room has another name now.
    #[error("{before} is {name} now")]
    Renamed { before: RoomName, name: RoomName },
    /// The name belongs to a room that has another one now.
    #[error("{before} is {name} now")]
    RoomRenamed { before: RoomName, name: RoomName },
    /// The name belonged to a room that was closed.
    #[error("{0} was closed")]
    RoomClosed(RoomName),
    /// The lobby stays as it is.
    #[error("not the lobby")]
    Lobby,
}

impl From<super::NotStored> for Refused {
    fn from(_: super::NotStored) -> Self {
        Self::NotStored
    }
}
