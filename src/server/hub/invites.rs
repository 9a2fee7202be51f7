//! Invitation codes to this server: made, listed and revoked, by administrators and, if the operator lets
//! them, by members.

use super::refusals::refusal;
use super::{Answered, Context, page, unexpected};
use crate::protocol::command::InviteTerms;
use crate::protocol::secrets::{Digest, Secret};
use crate::protocol::spans;
use crate::protocol::stamp::rfc3339;
use crate::server::core::{AccountAction, Outcome};
use crate::server::traffic::{HubSettings, Registration};

pub(super) fn new(cx: &mut Context<'_>, terms: InviteTerms, code: &Secret) -> Answered {
    let whom = match (terms.uses, terms.admin) {
        (1, true) => "one administrator".to_owned(),
        (1, false) => "one person".to_owned(),
        (n, true) => format!("{n} administrators"),
        (n, false) => format!("{n} people"),
    };
    let lasts = spans::exactly(terms.lasts);
    let weekly = cx.weekly();
    if weekly.is_some() {
        cx.check_not_new()?;
    }
    let outcome = cx.apply(AccountAction::NewInvite { digest: Digest::of(code.expose()), terms, weekly })?;
    let Outcome::InviteMade = outcome else { return Err(unexpected(&outcome)) };
    let code = code.expose();
    cx.done(format!("{code} lets in {whom} and is valid for {lasts}: /register NAME invite={code}"))
}

/// `N admin|member USES UNTIL BY[ NOTE]`. The codes themselves nobody knows any more.
pub(super) fn list(cx: &mut Context<'_>, after: u64, limit: u32) -> Answered {
    let weekly = cx.weekly();
    let state = &cx.hub.state;
    let inviter = state.inviter(cx.account, weekly).map_err(refusal)?;
    let good = state.invites().filter(|invite| invite.until > cx.now.wall && invite.number > after);
    let mut good: Vec<_> = good.filter(|invite| inviter.sees(invite, cx.account)).collect();
    good.sort_unstable_by_key(|invite| invite.number);
    let rows = good.into_iter().map(|invite| {
        let kind = if invite.admin { "admin" } else { "member" };
        let (number, uses, until) = (invite.number, invite.uses, rfc3339(invite.until));
        let row = format!("{number} {kind} {uses} {until} {} {}", state.name(invite.by), invite.note);
        row.trim_end().to_owned()
    });
    let (rows, last) = page(rows, limit, cx.hub.settings.answer_bytes, "invite");
    cx.effects.answer(cx.conn, rows, last);
    Ok(())
}

pub(super) fn revoke(cx: &mut Context<'_>, number: u64) -> Answered {
    let weekly = cx.weekly();
    let outcome = cx.apply(AccountAction::RevokeInvite { number, weekly })?;
    let Outcome::InviteRevoked = outcome else { return Err(unexpected(&outcome)) };
    cx.done(format!("{number} is revoked: that code lets nobody in any more."))
}

impl Context<'_> {
    /// How many codes a member may make in a week, if any. Where nobody can register a member's code would
    /// let nobody in.
    fn weekly(&self) -> Option<u32> {
        let HubSettings { members_invite, registration, .. } = self.hub.settings;
        members_invite.filter(|_| registration != Registration::Closed)
    }
}
