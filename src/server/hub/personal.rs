//! What people say about themselves, `/away` and `/profile`, and who is told that they are away; and
//! whom they ignore.

use super::{Answered, Context, account, count, unexpected};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::PersonalCommand;
use crate::protocol::line::{Body, Final, Line, Rows, Tags};
use crate::protocol::names::{AccountId, Text, UserName};
use crate::protocol::stamp::rfc3339;
use crate::server::core::{AccountAction, Outcome, Personal};
use crate::server::hub::refusals::refusal;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher as _;

pub(super) fn act(cx: &mut Context<'_>, command: PersonalCommand) -> Answered {
    match command {
        PersonalCommand::Away(why) => away(cx, why),
        PersonalCommand::Profile(name) => show_profile(cx, name.as_ref()),
        PersonalCommand::SetProfile(text) => describe(cx, text),
        PersonalCommand::Ignore(name) => ignore(cx, name),
        PersonalCommand::Unignore(name) => unignore(cx, name),
        PersonalCommand::Ignored => list_ignored(cx),
        PersonalCommand::Sessions => account::sessions(cx),
        PersonalCommand::EndSessions(which) => account::end_sessions(cx, which),
    }
}

fn away(cx: &mut Context<'_>, why: Option<Text>) -> Answered {
    let changed = cx.personal(Personal::Away(why.clone()))?;
    if changed {
        let name = cx.hub.state.name(cx.account).to_owned();
        match &why {
            Some(why) => cx.tell_own(&notice("away", &name, Some(Code::Away), &own_absence(why.as_str()))),
            None => cx.tell_own(&notice("back", &name, None, "you are back.")),
        }
        cx.hub.presence.turned_away(cx.account, cx.now.instant);
    }
    cx.done(match why {
        Some(why) => format!("you are away: {}. Whoever writes to you is told. /away alone ends it.", why.as_str()),
        None if changed => "you are back.".to_owned(),
        None => "you are not away. /away TEXT says that you are.".to_owned(),
    })
}

fn describe(cx: &mut Context<'_>, text: Option<Text>) -> Answered {
    cx.personal(Personal::Describe(text.clone()))?;
    let name = cx.hub.state.name(cx.account);
    let now = if text.is_some() { "shows this to everyone here" } else { "says nothing any more" };
    let answer = format!("{name} - your profile {now}. /profile shows it.");
    cx.done(answer)
}

/// Rows `WORD VALUE`.
fn show_profile(cx: &mut Context<'_>, name: Option<&UserName>) -> Answered {
    let state = &cx.hub.state;
    let id = name.map_or(Ok(cx.account), |name| state.user(name)).map_err(refusal)?;
    let Some(account) = state.account(id) else { return Err(unexpected(&id)) };
    let mut rows = Rows::default();
    rows.push(&format!("since {}", rfc3339(account.at)));
    rows.push(&format!("state {}", if cx.hub.connections.is_here(id) { "here" } else { "away" }));
    if account.admin {
        rows.push("admin yes");
    }
    if let Some(hook) = state.hook(id) {
        let room = state.room(hook.conversation).filter(|room| state.sees(cx.account, room));
        rows.push(
            &room.map_or_else(|| "hook -".to_owned(), |room| format!("hook {} {}", room.name, state.name(hook.by))),
        );
    }
    if let Some(away) = &account.away {
        rows.push(&format!("absent {} {}", rfc3339(away.since), away.text));
    }
    if !account.about.is_empty() {
        rows.push(&format!("text {}", account.about));
    }
    cx.effects.answer(cx.conn, rows, Final::Done(account.name.to_string()));
    Ok(())
}

fn ignore(cx: &mut Context<'_>, name: UserName) -> Answered {
    let other = cx.hub.state.user(&name).map_err(refusal)?;
    let changed = cx.personal(Personal::Ignore(name))?;
    let name = cx.hub.state.name(other).to_owned();
    if changed {
        cx.tell_own(&notice("ignore", &name, None, &format!("you ignore {name} now.")));
    }
    let how = if changed { "is ignored from now on, and is not told" } else { "is ignored already" };
    cx.done(format!("{name} {how}. /unignore {name} ends it."))
}

fn unignore(cx: &mut Context<'_>, name: UserName) -> Answered {
    let other = cx.hub.state.user(&name).map_err(refusal)?;
    let changed = cx.personal(Personal::Unignore(name))?;
    let name = cx.hub.state.name(other).to_owned();
    if !changed {
        return cx.done(format!("{name} was not ignored. /ignored shows who is."));
    }
    cx.tell_own(&notice("unignore", &name, None, &format!("you don't ignore {name} any more.")));
    cx.done(format!("{name} is not ignored any more. /history @{name} shows what they wrote to you."))
}

fn list_ignored(cx: &mut Context<'_>) -> Answered {
    let state = &cx.hub.state;
    let ignored = state.account(cx.account).into_iter().flat_map(|account| &account.ignores);
    let mut ignored: Vec<(&str, u64)> = ignored.map(|(&other, &since)| (state.name(other), since)).collect();
    ignored.sort_unstable_by_key(|(name, _)| name.to_ascii_lowercase());
    let mut rows = Rows::default();
    ignored.iter().for_each(|(name, since)| rows.push(&format!("{name} since {}", rfc3339(*since))));
    cx.effects.answer(cx.conn, rows, Final::Done(count(ignored.len(), "account")));
    Ok(())
}

impl Context<'_> {
    /// Has the core do something that the account does about itself; false if all was so already.
    fn personal(&mut self, action: Personal) -> Result<bool, Refusal> {
        match self.apply(AccountAction::Personal(action))? {
            Outcome::Personal { changed } => Ok(changed),
            outcome => Err(unexpected(&outcome)),
        }
    }

    /// Reminds whoever logs in that they are away.
    pub(super) fn remind_of_absence(&mut self) {
        let Some(account) = self.hub.state.account(self.account) else { return };
        let Some(away) = &account.away else { return };
        let text = own_absence(&away.text);
        let line = notice("away", account.name.as_str(), Some(Code::Away), &text);
        self.effects.tell(self.account, self.conn, &line);
    }

    /// Tells whoever writes to somebody who is away, once for each connection and each absence.
    pub(super) fn tell_of_absence(&mut self, of: AccountId) {
        let Some(account) = self.hub.state.account(of) else { return };
        let Some(away) = &account.away else { return };
        // The time alone may be that of an earlier one, where the system's clock was set back.
        let which = FxBuildHasher.hash_one((away.since, &away.text));
        if of == self.account || !self.hub.connections.note_absence(self.conn, of, which) {
            return;
        }
        let who = account.name.as_str();
        let text = format!("{who} is away: {}", away.text);
        self.effects.tell(self.account, self.conn, &notice("away", who, Some(Code::Away), &text));
    }
}

fn notice<'a>(ev: &'a str, who: &'a str, code: Option<Code>, text: &'a str) -> Line<'a> {
    Line { tags: Tags { ev: Some(ev), who: Some(who), ..Tags::default() }, body: Body::Notice(code, text) }
}

/// What somebody is told who is away.
fn own_absence(why: &str) -> String {
    format!("you are away: {why}. /away alone ends it.")
}
