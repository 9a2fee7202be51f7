//! Invitation codes to this server: made, listed and revoked by administrators.

use super::refusals::refusal;
use super::{Answered, Context, page, unexpected};
use crate::protocol::command::InviteTerms;
use crate::protocol::secrets::{Digest, Secret};
use crate::protocol::spans;
use crate::protocol::stamp::rfc3339;
use crate::server::core::{AccountAction, Administration, Outcome};

pub(super) fn new(cx: &mut Context<'_>, terms: InviteTerms, code: &Secret) -> Answered {
    let whom = match (terms.uses, terms.admin) {
        (1, true) => "one administrator".to_owned(),
        (1, false) => "one person".to_owned(),
        (n, true) => format!("{n} administrators"),
        (n, false) => format!("{n} people"),
    };
    let lasts = spans::exactly(terms.lasts);
    let outcome = cx.apply(AccountAction::NewInvite { digest: Digest::of(code.expose()), terms })?;
    let Outcome::InviteMade = outcome else { return Err(unexpected(&outcome)) };
    let code = code.expose();
    cx.done(format!("{code} lets in {whom} and is valid for {lasts}: /register NAME invite={code}"))
}

/// `N admin|member USES UNTIL BY[ NOTE]`. The codes themselves nobody knows any more.
pub(super) fn list(cx: &mut Context<'_>, after: u64, limit: u32) -> Answered {
    cx.hub.state.check_administrator(cx.account).map_err(refusal)?;
    let state = &cx.hub.state;
    let good = state.invites().filter(|invite| invite.until > cx.now.wall && invite.number > after);
    let mut good: Vec<_> = good.collect();
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
    let outcome = cx.apply(AccountAction::Administer(Administration::RevokeInvite(number)))?;
    let Outcome::InviteRevoked = outcome else { return Err(unexpected(&outcome)) };
    cx.done(format!("{number} is revoked: that code lets nobody in any more."))
}
