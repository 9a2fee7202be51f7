//! Invitation codes: who may make which, how many, and when they end. Administrators may make any;
//! members, if the operator lets them, a number a week of the plainest kind.
//!
//! A code ends with the account that made it, and an administrator's with that role, too.

use super::moderation::milliseconds;
use super::{Actor, AdministrationRefused, INVITES_MAX, Outcome, Refused, State, Storage};
use crate::protocol::command::InviteTerms;
use crate::protocol::names::AccountId;
use crate::protocol::secrets::Digest;
use crate::protocol::spans;
use crate::server::traffic::{InviteMadeRecord, InviteRecord, Write};
use std::time::Duration;

/// For how long a code that a member made counts.
const WEEK: Duration = Duration::from_hours(168);

/// Somebody who may make codes, and see and revoke them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inviter {
    /// Any, and everybody's.
    Administrator,
    /// So many a week, and its own.
    Member { weekly: u32 },
}

/// A code that somebody wants to make.
#[derive(Debug)]
pub(super) struct NewInvite {
    pub(super) digest: Digest,
    pub(super) terms: InviteTerms,
    /// How many a member may make in a week; `None` if members may make none.
    pub(super) weekly: Option<u32>,
}

impl State {
    /// As whom the account may make codes; `weekly` is how many members may make, if any.
    ///
    /// # Errors
    /// [`Refused::NotAdministrator`].
    pub(crate) fn inviter(&self, account: AccountId, weekly: Option<u32>) -> Result<Inviter, Refused> {
        match weekly {
            Some(weekly) if !self.is_administrator(account) => Ok(Inviter::Member { weekly }),
            _ => self.check_administrator(account).map(|()| Inviter::Administrator),
        }
    }

    /// Whether the account made fewer than `weekly` codes in the last week.
    fn check_week(&self, account: AccountId, weekly: u32, at: u64) -> Result<(), Refused> {
        let week = milliseconds(WEEK);
        let made: Vec<u64> = self.invites_made(account).filter(|made| made.saturating_add(week) > at).collect();
        // Those are more than `weekly` if the operator has lowered it: all but `weekly` - 1 must be older.
        match usize::try_from(weekly).ok().and_then(|most| made.len().checked_sub(most)) {
            None => Ok(()),
            Some(nth) => {
                let first = made.get(nth).copied().unwrap_or(at);
                let wait = Duration::from_millis(first.saturating_add(week).saturating_sub(at));
                Err(Refused::Administration(AdministrationRefused::TooManyInvitesMade { weekly, wait }))
            }
        }
    }
}

pub(super) fn make(
    state: &mut State,
    actor: Actor,
    new: NewInvite,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let NewInvite { digest, terms, weekly } = new;
    let inviter = state.inviter(actor.by, weekly)?;
    if let Inviter::Member { weekly } = inviter {
        if !terms.are_plain() {
            return Err(Refused::Administration(AdministrationRefused::NotPlain));
        }
        state.check_week(actor.by, weekly, actor.at)?;
    }
    let expired = state.expired_invites(actor.at);
    if state.invites().count() - expired.len() >= INVITES_MAX {
        return Err(Refused::Administration(AdministrationRefused::TooManyInvites));
    }
    end(state, &expired, storage);
    let number = state.next_invite();
    actor.note_about("invitecode", number.to_string(), typed(&terms), storage);
    let InviteTerms { uses, lasts, admin, note } = terms;
    let until = actor.at.saturating_add(milliseconds(lasts));
    let note = note.map_or(String::new(), |note| note.as_str().to_owned());
    let record = InviteRecord { number, digest, uses, admin, until, by: actor.by, note };
    state.add_invite(record.clone());
    storage.write(Write::Invite(record));
    if matches!(inviter, Inviter::Member { .. }) {
        let through = actor.at.saturating_sub(milliseconds(WEEK));
        state.forget_invites_made(through);
        storage.write(Write::InvitesMadeGone { through });
        let made = InviteMadeRecord { number, by: actor.by, at: actor.at };
        state.add_invite_made(made);
        storage.write(Write::InviteMade(made));
    }
    Ok(Outcome::InviteMade)
}

/// The terms, as one would type them.
fn typed(terms: &InviteTerms) -> String {
    let InviteTerms { uses, lasts, admin, note } = terms;
    let admin = if *admin { " admin" } else { "" };
    let note = note.as_ref().map_or(String::new(), |note| format!(" note={}", note.as_str()));
    format!("uses={uses} for={}{admin}{note}", spans::word(*lasts))
}

pub(super) fn revoke(
    state: &mut State,
    actor: Actor,
    number: u64,
    weekly: Option<u32>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let inviter = state.inviter(actor.by, weekly)?;
    let sees = |invite: &&InviteRecord| invite.until > actor.at && inviter.sees(invite, actor.by);
    let invite = state.invites().filter(sees).find(|invite| invite.number == number);
    let digest = invite.ok_or(Refused::Administration(AdministrationRefused::NoSuchInvite(number)))?.digest;
    end(state, &[digest], storage);
    actor.note_about("invites", number.to_string(), "revoke".to_owned(), storage);
    Ok(Outcome::InviteRevoked)
}

impl Inviter {
    /// Whether it may see a code, and revoke it; `account` is its own.
    #[must_use]
    pub(crate) fn sees(self, invite: &InviteRecord, account: AccountId) -> bool {
        self == Self::Administrator || invite.by == account
    }
}

/// Ends all codes that an account made.
pub(super) fn end_all_by(state: &mut State, account: AccountId, storage: &mut dyn Storage) {
    let codes = state.invites().filter(|invite| invite.by == account);
    let mut codes: Vec<(u64, Digest)> = codes.map(|invite| (invite.number, invite.digest)).collect();
    codes.sort_unstable_by_key(|(number, _)| *number);
    let codes: Vec<Digest> = codes.into_iter().map(|(_, digest)| digest).collect();
    end(state, &codes, storage);
}

fn end(state: &mut State, codes: &[Digest], storage: &mut dyn Storage) {
    for digest in codes {
        state.remove_invite(digest);
        storage.write(Write::InviteGone(*digest));
    }
}
