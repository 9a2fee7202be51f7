//! What people say about themselves: `/away`, `/profile`; and who is told that they are away.

use super::{Answered, Context, account, unexpected};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::PersonalCommand;
use crate::protocol::line::{Body, Final, Line, Rows, Tags};
use crate::protocol::names::{AccountId, Text, UserName};
use crate::protocol::stamp::rfc3339;
use crate::server::core::{AccountAction, Outcome, Personal};
use crate::server::hub::refusals::refusal;
use crate::server::traffic::Recipients;

pub(super) fn act(cx: &mut Context<'_>, command: PersonalCommand) -> Answered {
    match command {
        PersonalCommand::Away(why) => away(cx, why),
        PersonalCommand::Profile(name) => show_profile(cx, name.as_ref()),
        PersonalCommand::SetProfile(text) => describe(cx, text),
        PersonalCommand::Sessions => account::sessions(cx),
        PersonalCommand::EndSessions(which) => account::end_sessions(cx, which),
    }
}

fn away(cx: &mut Context<'_>, why: Option<Text>) -> Answered {
    let changed = cx.personal(Personal::Away(why.clone()))?;
    if changed {
        cx.tell_own_devices_of_absence(why.as_ref());
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
    if let Some(away) = &account.away {
        rows.push(&format!("absent {} {}", rfc3339(away.since), away.text));
    }
    if !account.about.is_empty() {
        rows.push(&format!("text {}", account.about));
    }
    cx.effects.answer(cx.conn, rows, Final::Done(account.name.to_string()));
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

    fn tell_own_devices_of_absence(&mut self, why: Option<&Text>) {
        let connections = &self.hub.connections;
        if !connections.has_other(self.account, self.conn) {
            return;
        }
        let who = Some(self.hub.state.name(self.account));
        let text = why.map(|why| own_absence(why.as_str()));
        let (ev, body) = match &text {
            Some(text) => ("away", Body::Notice(Some(Code::Away), text)),
            None => ("back", Body::Notice(None, "you are back.")),
        };
        let line = Line { tags: Tags { ev: Some(ev), who, ..Tags::default() }, body };
        self.effects.notify(connections, self.account, Recipients::AllBut(self.conn), &line);
    }

    /// Reminds whoever logs in that they are away.
    pub(super) fn remind_of_absence(&mut self) {
        let Some(account) = self.hub.state.account(self.account) else { return };
        let Some(away) = &account.away else { return };
        let tags = Tags { ev: Some("away"), who: Some(account.name.as_str()), ..Tags::default() };
        let text = own_absence(&away.text);
        self.effects.tell(self.account, self.conn, &Line { tags, body: Body::Notice(Some(Code::Away), &text) });
    }

    /// Tells whoever writes to somebody who is away, once for each connection and each absence.
    pub(super) fn tell_of_absence(&mut self, of: AccountId) {
        let Some(account) = self.hub.state.account(of) else { return };
        let Some(away) = &account.away else { return };
        if of == self.account || !self.hub.connections.note_absence(self.conn, of, away.since) {
            return;
        }
        let who = account.name.as_str();
        let text = format!("{who} is away: {}", away.text);
        let tags = Tags { ev: Some("away"), who: Some(who), ..Tags::default() };
        self.effects.tell(self.account, self.conn, &Line { tags, body: Body::Notice(Some(Code::Away), &text) });
    }
}

/// What somebody is told who is away.
fn own_absence(why: &str) -> String {
    format!("you are away: {why}. /away alone ends it.")
}
