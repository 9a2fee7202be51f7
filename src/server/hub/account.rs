//! Verbs that concern the account and no room: device tokens, `/whoami`,
//! `/sessions`.

use super::{Answered, Context, count, unexpected};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::SessionsToEnd;
use crate::protocol::line::{Body, Final, Line, Rows, Tags};
use crate::protocol::names::ConnId;
use crate::protocol::secrets::{Digest, Secret};
use crate::protocol::stamp::rfc3339;
use crate::server::core::{AccountAction, Outcome};

/// With `here`, the connection that asks for the token counts as logged in with it from now on.
pub(super) fn new_token(cx: &mut Context<'_>, label: String, here: bool, token: &Secret) -> Answered {
    let digest = Digest::of(token.expose());
    let outcome = cx.apply(AccountAction::NewToken { label, digest })?;
    let Outcome::TokenMade = outcome else { return Err(unexpected(&outcome)) };
    if here {
        cx.hub.connections.adopt_token(cx.conn, digest);
    }
    cx.done(format!("{} is shown only this once. /resume TOKEN logs in with it.", token.expose()))
}

pub(super) fn list_tokens(cx: &mut Context<'_>) -> Answered {
    let tokens = cx.hub.state.account(cx.account).map_or(&[][..], |account| &account.tokens);
    let mut rows = Rows::default();
    for token in tokens {
        rows.push(&format!("{} made {}", token.label, rfc3339(token.at)));
    }
    let last = Final::Done(count(tokens.len(), "token"));
    cx.effects.answer(cx.conn, rows, last);
    Ok(())
}

pub(super) fn revoke_token(cx: &mut Context<'_>, label: String) -> Answered {
    let done = format!("{label} revoked.");
    let outcome = cx.apply(AccountAction::RevokeToken(label))?;
    let Outcome::TokenRevoked(digest) = outcome else { return Err(unexpected(&outcome)) };
    for other in cx.hub.connections.conns(cx.account).to_vec() {
        let used = cx.hub.connections.session(other).is_some_and(|session| session.token == Some(digest));
        if used && other != cx.conn {
            cx.hub.end(cx.now, other, "this login's token was revoked.", cx.effects);
        }
    }
    cx.done(done)
}

pub(super) fn whoami(cx: &mut Context<'_>) -> Answered {
    let Some(account) = cx.hub.state.account(cx.account) else { return Err(unexpected(&cx.account)) };
    let kind = if account.admin { "an administrator" } else { "a member" };
    let room = match cx.hub.connections.current(cx.conn).and_then(|room| cx.hub.state.room(room)) {
        Some(room) => format!("you talk in {}", room.name),
        None => "you're not in a room".to_owned(),
    };
    let text = format!("{} - {kind} of this server; {room}.", account.name);
    cx.done(text)
}

pub(super) fn sessions(cx: &mut Context<'_>) -> Answered {
    let (connections, state) = (&cx.hub.connections, &cx.hub.state);
    let tokens = state.account(cx.account).map_or(&[][..], |account| &account.tokens);
    let mut rows = Rows::default();
    let mut number = 0;
    for &conn in connections.conns(cx.account) {
        let Some(session) = connections.session(conn) else { continue };
        number += 1;
        let token = tokens.iter().find(|token| Some(token.digest) == session.token);
        let with = token.map_or_else(|| "by password".to_owned(), |token| format!("by token {}", token.label));
        let this = if conn == cx.conn { " (this one)" } else { "" };
        let (since, from, nth) = (rfc3339(session.since), session.from, session.number);
        rows.push(&format!("since {since} from {from} {with}{this} number {nth}"));
    }
    cx.effects.answer(cx.conn, rows, Final::Done(count(number, "session")));
    Ok(())
}

/// Ends other connections of the account.
pub(super) fn end_sessions(cx: &mut Context<'_>, which: SessionsToEnd) -> Answered {
    let connections = &cx.hub.connections;
    let conns = connections.conns(cx.account).iter().copied();
    match which {
        SessionsToEnd::Others => {
            let others: Vec<ConnId> = conns.filter(|&conn| conn != cx.conn).collect();
            for &conn in &others {
                cx.end_session(conn);
            }
            cx.done(format!("{} ended.", count(others.len(), "session")))
        }
        SessionsToEnd::One(number) => {
            let numbered = |conn: &ConnId| connections.session(*conn).is_some_and(|session| session.number == number);
            let Some(conn) = conns.into_iter().find(numbered) else {
                let text = format!("you have no session {number}. /sessions shows yours.");
                return Err(Refusal::new(Code::BadArgument, text));
            };
            if conn == cx.conn {
                let text = format!("session {number} is this one: /quit ends it.");
                return Err(Refusal::new(Code::BadArgument, text));
            }
            let token = connections.session(conn).and_then(|session| session.token);
            let tokens = cx.hub.state.account(cx.account).map_or(&[][..], |account| &account.tokens);
            let token = tokens.iter().find(|stored| Some(stored.digest) == token).map(|token| &token.label);
            let again = token.map_or(String::new(), |label| {
                format!(" It can come back with its token: /token revoke {label} ends that, too.")
            });
            cx.end_session(conn);
            cx.done(format!("{number} ended.{again}"))
        }
    }
}

impl Context<'_> {
    fn end_session(&mut self, conn: ConnId) {
        self.hub.end(self.now, conn, "another connection of your account ended this login.", self.effects);
    }
}

/// Ends the account, whose password was right.
pub(super) fn unregister(cx: &mut Context<'_>, generation: u32, all: bool) -> Answered {
    let outcome = cx.apply(AccountAction::Unregister { generation, all })?;
    let Outcome::Unregistered { rooms, heirs } = outcome else { return Err(unexpected(&outcome)) };
    let name = cx.hub.state.name(cx.account).to_owned();
    for (id, heir) in heirs {
        let Some(room) = cx.hub.state.room(id).map(|room| room.name) else { continue };
        let heir = cx.hub.state.name(heir).to_owned();
        let text = format!("{name} made {heir} an owner");
        let tags = Tags { ev: Some("role"), who: Some(&heir), by: Some(&name), set: Some("owner"), ..Tags::default() };
        cx.tell_others(id, &Line { tags, body: Body::Event { room: room.as_str(), text: &text } });
    }
    for id in rooms {
        if let Some(room) = cx.hub.state.room(id).map(|room| room.name) {
            let text = if all {
                format!("{name} has unregistered; what they said is being removed")
            } else {
                format!("{name} has unregistered")
            };
            let set = all.then_some("all");
            let tags = Tags { ev: Some("unregister"), who: Some(&name), set, ..Tags::default() };
            cx.tell_others(id, &Line { tags, body: Body::Event { room: room.as_str(), text: &text } });
        }
        cx.take_out(cx.account, id);
    }
    if all {
        cx.hub.sweeper.erase(cx.now.instant, cx.account);
    }
    let said = if all { "what you said is being removed" } else { "what you said stays" };
    let text = format!("{name} is no account any more; {said}. Nobody gets the name. Goodbye.");
    cx.end_all(cx.account, "this account has unregistered", text)
}
