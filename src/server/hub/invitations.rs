//! Invitations to rooms: `/invite`, `/invitations`, `/decline`.

use super::attach::invitation;
use super::pace::Paced;
use super::{Answered, Context, count, unexpected};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Body, Final, Line, Rows};
use crate::protocol::names::{RoomName, Target, UserName};
use crate::protocol::stamp::rfc3339;
use crate::server::core::{Account, AccountAction, Outcome, Standing};
use crate::server::traffic::Recipients;

pub(super) fn invite(cx: &mut Context<'_>, name: RoomName, whom: UserName) -> Answered {
    if would_invite(cx, &name, &whom) {
        cx.check_pace(Paced::Invitation)?;
    }
    let outcome = cx.apply(AccountAction::Invite { room: name, name: whom })?;
    let Outcome::Invited { account, before, .. } = outcome else { return Err(unexpected(&outcome)) };
    if before == Standing::Stranger {
        cx.count_pace(Paced::Invitation);
    }
    let state = &cx.hub.state;
    let whom = state.name(account);
    if before == Standing::Member {
        let text = format!("{whom} is already in {name}.");
        return cx.done(text);
    }
    if before == Standing::Stranger && !state.ignores(account, cx.account) {
        let text = invitation(name.as_str(), state.name(cx.account));
        let line = Line::plain(Body::Notice(Some(Code::Invited), &text));
        cx.effects.notify(&cx.hub.connections, account, Recipients::All, &line);
    }
    let told = if cx.hub.connections.is_here(account) { "has been told" } else { "will be told at the next login" };
    let text = format!("{whom} is invited to {name} and {told}.");
    cx.done(text)
}

/// Whether somebody would get an invitation, if the account may invite them at all.
fn would_invite(cx: &mut Context<'_>, name: &RoomName, whom: &UserName) -> bool {
    let (steady, state) = (cx.hub.clock.at(cx.now), &cx.hub.state);
    let (Some(room), Some(account)) = (state.find_room(name), state.find_account(whom)) else { return false };
    state.standing(room, account, cx.account, steady) == Standing::Stranger
}

/// The account's open invitations, by the rooms' names.
pub(super) fn list(cx: &mut Context<'_>) -> Answered {
    let (state, account) = (&cx.hub.state, cx.account);
    let rooms = state.account(account).into_iter().flat_map(|account| &account.invitations);
    let mut open: Vec<String> = rooms
        .filter_map(|&id| {
            let room = state.room(id)?;
            let invitation = state.invitation(room, account)?;
            Some(format!("{} by {} until {}", room.name, state.name(invitation.by), rfc3339(invitation.until)))
        })
        .collect();
    open.sort_unstable();
    let mut rows = Rows::default();
    open.iter().for_each(|row| rows.push(row));
    let how = if open.is_empty() { "" } else { " - /join ROOM accepts one, /decline ROOM or /decline @NAME says no" };
    cx.effects.answer(cx.conn, rows, Final::Done(count(open.len(), "invitation") + how));
    Ok(())
}

pub(super) fn decline(cx: &mut Context<'_>, what: Target) -> Answered {
    let outcome = cx.apply(AccountAction::Decline(what.clone()))?;
    let Outcome::Declined(declined) = outcome else { return Err(unexpected(&outcome)) };
    let invitations = count(declined, "invitation");
    cx.done(match what {
        Target::Room(room) => format!("{room} - declined. Nobody is told."),
        Target::Direct(name) => format!("{invitations} by {name} declined. Nobody is told."),
    })
}

impl Context<'_> {
    /// What has expired is neither shown nor of use.
    pub(super) fn forget_expired_invitations(&mut self) -> Result<(), Refusal> {
        // Nearly always there is none, and then not even the time is asked for.
        if !self.hub.state.account(self.account).is_some_and(Account::is_invited) {
            return Ok(());
        }
        let steady = self.hub.clock.at(self.now);
        if self.hub.state.has_expired_invitations(self.account, steady) {
            self.apply(AccountAction::ForgetExpiredInvitations)?;
        }
        Ok(())
    }
}
