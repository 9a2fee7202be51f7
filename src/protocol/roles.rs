//! What a member is in a room. Knows no room and no account.

use std::fmt;

/// A member's role in a room, the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads, talks and invites.
    Member,
    /// Keeps the order: may remove, ban and silence members.
    Moderator,
    /// Decides about the room itself, and who its moderators and owners are.
    Owner,
}

impl Role {
    /// Every role, the lowest first.
    pub const ALL: [Role; 3] = [Role::Member, Role::Moderator, Role::Owner];

    /// The word for it on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Member => "member",
            Role::Moderator => "moderator",
            Role::Owner => "owner",
        }
    }

    /// The role that a word names, if any.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
