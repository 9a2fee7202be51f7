//! Invitations to rooms: made, declined, expired. Joining uses one up: see `rooms`.

use super::{
    Actor, INVITATION_LASTS, INVITATIONS_BY_ONE_MAX, INVITATIONS_MAX, ModerationRefused, Outcome, Refused, Room,
    RoomAction, Standing, State, Storage,
};
use crate::protocol::names::{AccountId, ConversationId, RoomName, Target, UserName};
use crate::server::traffic::{InvitedRecord, Write};

impl State {
    /// The rooms that the account's invitations to have expired, by the steady clock.
    fn expired_invitations(&self, account: AccountId, steady: u64) -> Vec<ConversationId> {
        self.invitations(account, |invitation| invitation.until <= steady)
    }

    /// The rooms of those of the account's invitations that this is true of.
    fn invitations(&self, account: AccountId, wanted: impl Fn(&InvitedRecord) -> bool) -> Vec<ConversationId> {
        let rooms = self.account(account).into_iter().flat_map(|account| account.invitations.iter().copied());
        rooms.filter(|&room| self.any_invitation(room, account).is_some_and(&wanted)).collect()
    }

    /// Whether the account has invitations that have expired by then.
    #[must_use]
    pub(crate) fn has_expired_invitations(&self, account: AccountId, steady: u64) -> bool {
        let mut rooms = self.account(account).into_iter().flat_map(|account| &account.invitations);
        rooms.any(|&room| self.any_invitation(room, account).is_some_and(|invitation| invitation.until <= steady))
    }

    /// The account's relation to a room, as somebody knows it who invites it.
    #[must_use]
    pub(crate) fn standing(&self, room: ConversationId, account: AccountId, by: AccountId, steady: u64) -> Standing {
        if self.room(room).is_some_and(|room| room.has_member(account)) {
            return Standing::Member;
        }
        let invitation = self.any_invitation(room, account).filter(|one| self.counts(one, by, steady));
        if invitation.is_some() { Standing::Invited } else { Standing::Stranger }
    }

    /// Whether there is an invitation for somebody who makes another: it has not expired, and if the
    /// invited account ignores who made it, it counts only for those whom it ignores, too.
    fn counts(&self, invitation: &InvitedRecord, by: AccountId, steady: u64) -> bool {
        let account = invitation.account;
        invitation.until > steady && (!self.ignores(account, invitation.by) || self.ignores(account, by))
    }

    /// The account's invitation to a room. One by somebody whom the account ignores is none.
    #[must_use]
    pub(crate) fn invitation<'a>(&self, room: &'a Room, account: AccountId) -> Option<&'a InvitedRecord> {
        room.invited.get(&account).filter(|invitation| !self.ignores(account, invitation.by))
    }

    /// The same, whoever made it: whoever is ignored is answered as anyone is.
    fn any_invitation(&self, room: ConversationId, account: AccountId) -> Option<&InvitedRecord> {
        self.room(room)?.invited.get(&account)
    }
}

pub(super) fn invite(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    whom: &UserName,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let by = actor.by;
    // The room is checked before the invited account, and membership after both.
    let room = state.room_for(RoomAction::Invite, name, by)?;
    let account = state.user(whom)?;
    state.check_permission(RoomAction::Invite, room, by)?;
    state.check_no_hook(account)?;
    if let Err(Refused::Moderation(ModerationRefused::Banned { room, .. })) =
        state.check_unbanned(room, account, actor.steady)
    {
        return Err(Refused::Moderation(ModerationRefused::InviteBanned { room, name: *whom }));
    }
    let before = state.standing(room, account, by, actor.steady);
    if before == Standing::Stranger {
        check_limits(state, by, account, actor.steady)?;
        expire(state, account, actor.steady, storage);
        let until = actor.steady.saturating_add(u64::try_from(INVITATION_LASTS.as_millis()).unwrap_or(u64::MAX));
        let invitation = InvitedRecord { conversation: room, account, by, until };
        state.invite_to_room(invitation);
        storage.write(Write::Invited(invitation));
        if !state.room(room).is_some_and(|room| room.has_member(by)) {
            // An administrator's doing; what members do is no secret to one another.
            actor.note(state, room, "invite", Some(account), String::new(), storage);
        }
    }
    Ok(Outcome::Invited { room, account, before })
}

/// One person's invitations must not keep out all others', nor may there be any number of them.
fn check_limits(state: &State, by: AccountId, account: AccountId, steady: u64) -> Result<(), Refused> {
    let open = state.invitations(account, |invitation| state.counts(invitation, by, steady)).len();
    let own = |invitation: &InvitedRecord| invitation.by == by && state.counts(invitation, by, steady);
    let own = state.invitations(account, own).len();
    let name = state.account(account).ok_or(Refused::NoAccount)?.name;
    if own >= INVITATIONS_BY_ONE_MAX {
        return Err(Refused::TooManyInvitationsByYou(name));
    }
    if open >= INVITATIONS_MAX { Err(Refused::TooManyInvitations(name)) } else { Ok(()) }
}

/// Declines the invitation to a room, or all by one person.
pub(super) fn decline(
    state: &mut State,
    actor: Actor,
    what: &Target,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let rooms = match what {
        Target::Room(name) => {
            let invited = |room: &Room| state.invitation(room, actor.by).is_some();
            let room = state.find_room(name).filter(|&room| state.room(room).is_some_and(invited));
            vec![room.ok_or(Refused::NotInvited(*name))?]
        }
        Target::Direct(name) => {
            let inviter = state.anyone(name)?;
            let ignored = state.ignores(actor.by, inviter);
            state.invitations(actor.by, |invitation| invitation.by == inviter && !ignored)
        }
    };
    for &room in &rooms {
        forget(state, room, actor.by, storage);
    }
    Ok(Outcome::Declined(rooms.len()))
}

/// Forgets the account's invitations that have expired.
pub(super) fn expire(state: &mut State, account: AccountId, steady: u64, storage: &mut dyn Storage) {
    for room in state.expired_invitations(account, steady) {
        forget(state, room, account, storage);
    }
}

fn forget(state: &mut State, room: ConversationId, account: AccountId, storage: &mut dyn Storage) {
    if state.use_room_invitation(room, account) {
        storage.write(Write::InvitedGone(room, account));
    }
}
