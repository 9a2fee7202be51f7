//! Why an operation was refused. The account's fault, unless a variant says otherwise; the words
//! that people read are the hub's.

use crate::protocol::names::{MessageId, RoomName, UserName};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// No room of that name that the account may see.
    #[error("there is no room {0}")]
    NoSuchRoom(RoomName),
    /// The account is not in the room.
    #[error("not in {0}")]
    NotAMember(RoomName),
    /// The account is not in the conversation, which it knows only by its number.
    #[error("not in that conversation")]
    NotInConversation,
    /// There is a room of that name already.
    #[error("there is a room {0}")]
    RoomExists(RoomName),
    /// There is a room of that name, which the account may not see.
    #[error("there is a hidden room of that name")]
    RoomHidden,
    /// The account is in [`super::ROOMS_MAX`] rooms.
    #[error("in too many rooms")]
    TooManyRooms,
    /// The topic is longer than [`super::TOPIC_MAX`].
    #[error("the topic is too long")]
    TopicTooLong,
    /// No account of that name.
    #[error("there is no account {0}")]
    NoSuchUser(UserName),
    /// The account itself is gone, or was never made.
    #[error("the account is gone")]
    NoAccount,
    /// The name is another account's.
    #[error("{0} is taken")]
    NameTaken(UserName),
    /// An account is made by invitation only, and none was given.
    #[error("an invitation is needed")]
    InviteNeeded,
    /// The invitation is unknown, used up or expired.
    #[error("the invitation is not valid")]
    BadInvite,
    /// No new accounts are made.
    #[error("registration is closed")]
    RegistrationClosed,
    /// The password has changed since it was proven.
    #[error("the password has changed meanwhile")]
    PasswordChanged,
    /// The server's own account has neither password nor tokens.
    #[error("the console has no tokens")]
    Console,
    /// The account has a token of that label.
    #[error("there is a token {0}")]
    LabelTaken(String),
    /// The account has no token of that label.
    #[error("there is no token {0}")]
    NoSuchToken(String),
    /// The account has [`super::TOKENS_MAX`] tokens.
    #[error("too many tokens")]
    TooManyTokens,
    /// Only an administrator may do that.
    #[error("not an administrator")]
    NotAdministrator,
    /// The key was used there with another text.
    #[error("the key was used with another text")]
    KeyConflict,
    /// The conversation ends before that id.
    #[error("the last id is {last}")]
    NoSuchMessage {
        /// The conversation's last id.
        last: MessageId,
    },
    /// Nobody's: it could not be written to disk. The whole transaction is refused.
    #[error("it could not be written to disk")]
    NotKept,
}

impl From<super::NotKept> for Refused {
    fn from(_: super::NotKept) -> Self {
        Self::NotKept
    }
}
