//! Who may do what in a room: [`PERMISSIONS`], the one table of it. `docs/PROTOCOL.md` prints it, and
//! every operation of a room asks it.
//!
//! A member may do what its role allows. Administrators may do in every room what its owners may,
//! and need not be in it, except to talk and to read. Nobody acts on someone whose rank is the same
//! or higher. Must not know what an action changes.

use super::{ModerationRefused, Refused, State};
use crate::protocol::names::{AccountId, ConversationId, RoomName};
use crate::protocol::roles::Role;
use crate::server::traffic::SanctionKind;

/// Something that is done in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomAction {
    /// Say something.
    Talk,
    /// Read what was said.
    Read,
    /// See who is in it, their roles and the topic.
    Look,
    /// Change the topic.
    SetTopic,
    /// Invite somebody.
    Invite,
    /// Remove what somebody else said.
    Redact,
    /// Pin a message, or take its pin out.
    Pin,
    /// Mention everyone in it.
    MentionAll,
    /// Remove a member.
    Kick,
    /// Keep somebody out, or let them in again.
    Ban,
    /// See who is kept out.
    SeeBans,
    /// Silence somebody, or let them talk again.
    Mute,
    /// Make all members wait between two messages.
    Slow,
    /// Let programs post, see which do, or end that.
    Hook,
    /// See what was done with all this.
    Audit,
    /// Say what a member is from now on.
    SetRole,
    /// Say who can see the room.
    SetPrivate,
    /// Say how long the room keeps what is said there.
    Retain,
    /// Give the room another name.
    Rename,
    /// End the room.
    Close,
}

/// Who may do something in a room.
#[derive(Debug)]
pub struct Permission {
    /// What it is about.
    pub action: RoomAction,
    /// The same in words.
    pub what: &'static str,
    /// The verbs that do it; none, if it is done with what is said.
    pub verbs: &'static [&'static str],
    /// The lowest role that may.
    pub least: Role,
    /// Whether administrators may without being in the room.
    pub from_outside: bool,
    /// Whether those who are muted may not.
    pub voice: bool,
}

macro_rules! permission {
    ($action:ident, $least:ident, $from_outside:literal, $voice:literal, [$($verb:literal),*], $what:literal) => {
        Permission {
            action: RoomAction::$action,
            what: $what,
            verbs: &[$($verb),*],
            least: Role::$least,
            from_outside: $from_outside,
            voice: $voice,
        }
    };
}

/// Every permission, in the order of [`RoomAction`]. After the lowest role: whether administrators may
/// from outside, and whether it is a way to be heard.
pub const PERMISSIONS: &[Permission] = &[
    permission!(Talk, Member, false, true, ["say", "act", "reply", "post", "edit", "update", "react"], "say something"),
    permission!(
        Read,
        Member,
        false,
        false,
        ["history", "search", "read", "switch", "changes", "pins"],
        "read what was said"
    ),
    permission!(Look, Member, true, false, ["who", "topic", "role"], "see the members, their roles and the topic"),
    permission!(SetTopic, Member, true, true, ["topic"], "set or clear the topic"),
    permission!(Invite, Member, true, false, ["invite"], "invite somebody"),
    permission!(Redact, Moderator, true, false, ["redact"], "remove what somebody else said"),
    permission!(Pin, Moderator, true, true, ["pin", "unpin"], "pin a message, or take its pin out"),
    permission!(MentionAll, Moderator, false, true, [], "mention everyone in the room: `@room`"),
    permission!(Kick, Moderator, true, false, ["kick"], "remove a member"),
    permission!(Ban, Moderator, true, false, ["ban", "unban"], "keep somebody out, or let them in again"),
    permission!(SeeBans, Moderator, true, false, ["bans"], "see who is kept out"),
    permission!(Mute, Moderator, true, false, ["mute", "unmute"], "silence somebody, or let them talk again"),
    permission!(Slow, Moderator, true, false, ["slow"], "make members wait between two messages"),
    permission!(Hook, Moderator, true, false, ["hook"], "let programs post, see which may, or end that"),
    permission!(Audit, Moderator, true, false, ["audit"], "see what was done with all this"),
    permission!(SetRole, Owner, true, false, ["role"], "change a member's role"),
    permission!(SetPrivate, Owner, true, false, ["private"], "say who can see the room"),
    permission!(Retain, Owner, true, false, ["retain"], "say how long the room keeps what is said"),
    permission!(Rename, Owner, true, false, ["rename"], "give the room another name"),
    permission!(Close, Owner, true, false, ["close"], "end the room"),
];

/// Where an account stands in a room, the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Not in it.
    Outsider,
    /// In it, with this role.
    Member(Role),
    /// An administrator, in it or not.
    Administrator,
}

impl RoomAction {
    /// Imposing a sanction, or lifting it.
    #[must_use]
    pub(crate) fn of(kind: SanctionKind) -> Self {
        match kind {
            SanctionKind::Ban => Self::Ban,
            SanctionKind::Mute => Self::Mute,
        }
    }

    /// Who may do it.
    #[must_use]
    pub fn permission(self) -> &'static Permission {
        &PERMISSIONS[self as usize]
    }
}

impl State {
    /// The room of that name, if the account may know that it exists; for what administrators may do
    /// from outside, they know every room.
    ///
    /// # Errors
    /// [`Refused::NoSuchRoom`].
    pub(crate) fn room_for(
        &self,
        action: RoomAction,
        name: &RoomName,
        by: AccountId,
    ) -> Result<ConversationId, Refused> {
        if action.permission().from_outside && self.is_administrator(by) {
            let open = self.find_room(name).filter(|&id| self.room(id).is_some_and(|room| !room.closed));
            return open.map_or_else(|| self.visible_room(name, by), Ok);
        }
        self.visible_room(name, by)
    }

    /// Whether the account may do that in the room: it must be in it, and its role must allow it.
    ///
    /// # Errors
    /// [`Refused::NotAMember`] or [`ModerationRefused::RoleTooLow`].
    pub(crate) fn check_permission(
        &self,
        action: RoomAction,
        room: ConversationId,
        by: AccountId,
    ) -> Result<(), Refused> {
        let permission = action.permission();
        let room = self.room(room).ok_or(Refused::NotInConversation)?;
        let Some(role) = room.role(by) else {
            let enough = permission.from_outside && self.is_administrator(by);
            return if enough { Ok(()) } else { Err(Refused::NotAMember(room.name)) };
        };
        if role >= permission.least || self.is_administrator(by) {
            return Ok(());
        }
        Err(Refused::Moderation(ModerationRefused::RoleTooLow { room: room.name, least: permission.least }))
    }

    /// The room of that name, if the account may do that in it.
    ///
    /// # Errors
    /// Those of [`State::room_for`] and [`State::check_permission`].
    pub(crate) fn permitted_room(
        &self,
        action: RoomAction,
        name: &RoomName,
        by: AccountId,
    ) -> Result<ConversationId, Refused> {
        let room = self.room_for(action, name, by)?;
        self.check_permission(action, room, by).map(|()| room)
    }

    /// Whether the account may act on another one in the room: it must stand higher.
    ///
    /// # Errors
    /// [`ModerationRefused::Outranked`].
    pub(crate) fn check_rank(&self, room: ConversationId, by: AccountId, whom: AccountId) -> Result<(), Refused> {
        if self.rank(room, by) > self.rank(room, whom) {
            return Ok(());
        }
        let stored = self.room(room).ok_or(Refused::NotInConversation)?;
        let name = self.account(whom).ok_or(Refused::NoAccount)?.name;
        Err(Refused::Moderation(ModerationRefused::Outranked { room: stored.name, name }))
    }

    /// Where the account stands in the room.
    #[must_use]
    pub(crate) fn rank(&self, room: ConversationId, account: AccountId) -> Rank {
        if self.is_administrator(account) {
            return Rank::Administrator;
        }
        self.room(room).and_then(|room| room.role(account)).map_or(Rank::Outsider, Rank::Member)
    }

    pub(super) fn is_administrator(&self, account: AccountId) -> bool {
        self.account(account).is_some_and(|account| account.admin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::{TABLE, Who, find};

    #[test]
    fn every_action_has_its_permission() {
        for (nth, permission) in PERMISSIONS.iter().enumerate() {
            assert_eq!(permission.action as usize, nth, "{permission:?}");
        }
    }

    /// A verb of the table is for the lowest role that can do anything with it.
    #[test]
    fn the_table_of_verbs_agrees() {
        for permission in PERMISSIONS {
            for verb in permission.verbs {
                assert!(find(verb).is_some(), "{permission:?}");
            }
        }
        for verb in TABLE {
            let least = PERMISSIONS.iter().filter(|p| p.verbs.contains(&verb.name)).map(|p| p.least).min();
            match verb.who {
                Who::Moderator => assert_eq!(least, Some(Role::Moderator), "{}", verb.name),
                // Its author may, too, and in a direct conversation there are no moderators.
                Who::Member if ["redact", "pin", "unpin"].contains(&verb.name) => {
                    assert_eq!(least, Some(Role::Moderator));
                }
                Who::Owner => assert_eq!(least, Some(Role::Owner), "{}", verb.name),
                _ => assert!(least.is_none_or(|least| least == Role::Member), "{}", verb.name),
            }
        }
    }
}
