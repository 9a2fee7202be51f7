//! The verbs of administrators: accounts and their passwords.

use super::refusals::refusal;
use super::{Answered, Context, count, page, unexpected};
use super::{blocks, invites, maintenance, stats};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::AdminCommand;
use crate::protocol::line::{Body, Line};
use crate::protocol::names::{AccountId, Text, UserName};
use crate::protocol::secrets::{Digest, Secret};
use crate::protocol::stamp::rfc3339;
use crate::server::core::{Account, AccountAction, Administration, Outcome};
use crate::server::traffic::Delivery;

pub(super) fn administer(cx: &mut Context<'_>, command: AdminCommand) -> Answered {
    match command {
        AdminCommand::Accounts { after, limit } => list(cx, after.as_ref(), limit),
        AdminCommand::Disable { name, reason } => {
            let why = reason.as_ref().map_or(String::new(), |reason| format!(": {}", reason.as_str()));
            let (account, changed) = apply(cx, Administration::Disable { name, reason })?;
            let name = cx.hub.state.name(account).to_owned();
            if !changed {
                return cx.done(format!("{name} is disabled already. /enable {name} lets it log in again."));
            }
            let text = format!("{name} is disabled and has been logged out. /enable {name} lets it log in again.");
            cx.end_all(account, &format!("an administrator has disabled this account{why}"), text)
        }
        AdminCommand::Enable(name) => {
            let (account, changed) = apply(cx, Administration::Enable(name))?;
            let name = cx.hub.state.name(account);
            let done = if changed { "may log in again" } else { "was not disabled" };
            let text = format!("{name} {done}.");
            cx.done(text)
        }
        AdminCommand::Grant { name, admin } => {
            let (account, changed) = apply(cx, Administration::Grant { name, admin })?;
            let name = cx.hub.state.name(account);
            let what = if admin { "an administrator" } else { "a member" };
            let text = format!("{name} is {what}{}.", if changed { " now" } else { " already" });
            cx.done(text)
        }
        AdminCommand::Announce(text) => announce(cx, text),
        AdminCommand::Block { network, lasts, reason } => blocks::block(cx, network, lasts, reason),
        AdminCommand::Unblock(network) => blocks::unblock(cx, network),
        AdminCommand::Blocks { after, limit } => blocks::list(cx, after, limit),
        AdminCommand::Invites { after, limit } => invites::list(cx, after, limit),
        AdminCommand::Stats => stats::show(cx),
        AdminCommand::Reload => maintenance::reload(cx),
        AdminCommand::RevokeInvite(number) => invites::revoke(cx, number),
        // The worker makes the code first.
        AdminCommand::ResetPassword(_) => Err(unexpected(&command)),
    }
}

pub(super) fn reset_password(cx: &mut Context<'_>, name: UserName, code: &Secret) -> Answered {
    let digest = Digest::of(code.expose());
    let (account, _) = apply(cx, Administration::ResetPassword { name, code: digest })?;
    let (name, code) = (cx.hub.state.name(account), code.expose());
    let text = format!("{code} is good for a day, once: /recover {name} {code} sets a new password.");
    let why = "an administrator has reset this account's password. Ask for the code, then /recover NAME CODE.";
    cx.end_all(account, why, text)
}

fn announce(cx: &mut Context<'_>, text: Text) -> Answered {
    cx.apply(AccountAction::Administer(Administration::Announce(text.clone())))?;
    let line = cx.effects.encode(&Line::plain(Body::Notice(Some(Code::Announcement), text.as_str())));
    for worker in 0..cx.hub.settings.workers {
        cx.effects.deliver(worker, Delivery::Announcement(line));
    }
    let text = format!("told {}.", count(cx.hub.connections.count(), "connection"));
    cx.done(text)
}

fn apply(cx: &mut Context<'_>, action: Administration) -> Result<(AccountId, bool), Refusal> {
    match cx.apply(AccountAction::Administer(action))? {
        Outcome::Administered { account, changed } => Ok((account, changed)),
        other => Err(unexpected(&other)),
    }
}

fn list(cx: &mut Context<'_>, after: Option<&UserName>, limit: u32) -> Answered {
    cx.hub.state.check_administrator(cx.account).map_err(refusal)?;
    let after = after.map(|name| name.case_folded());
    let state = &cx.hub.state;
    let hooks = state.hooks().filter_map(|hook| Some((hook.account, state.account(hook.account)?)));
    let people = state.people().chain(hooks).map(|(id, account)| (account.name.case_folded(), id, account));
    let mut people: Vec<_> = people.filter(|(name, ..)| after.as_ref().is_none_or(|after| name > after)).collect();
    people.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let rows = people.into_iter().map(|(_, id, account)| row(account, cx.hub.connections.is_here(id)));
    let (rows, last) = page(rows, limit, cx.hub.settings.answer_bytes, "account");
    cx.effects.answer(cx.conn, rows, last);
    Ok(())
}

/// `NAME admin|member|hook here|away|disabled MADE -[ REASON]`
fn row(account: &Account, here: bool) -> String {
    let kind = match account.hash {
        None => "hook",
        Some(_) if account.admin => "admin",
        Some(_) => "member",
    };
    let (state, reason) = match &account.disabled {
        Some(reason) if !reason.is_empty() => ("disabled", format!(" {reason}")),
        Some(_) => ("disabled", String::new()),
        None => (if here { "here" } else { "away" }, String::new()),
    };
    format!("{} {kind} {state} {} -{reason}", account.name, rfc3339(account.at))
}

impl Context<'_> {
    /// Answers, and ends all connections of an account. The one that asked may be one of them: it is
    /// answered first.
    pub(super) fn end_all(&mut self, account: AccountId, why: &str, answer: String) -> Answered {
        self.done(answer)?;
        for conn in self.hub.connections.conns(account).to_vec() {
            self.hub.end(self.now, conn, why, self.effects);
        }
        Ok(())
    }
}
