//! What belongs to an account and concerns no room: device tokens, invitations to the server, who
//! one is, one's connections.

use super::{Asker, Effects, Now, Outcome, Rooms, TOKENS_MAX};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Final, Rows};
use crate::protocol::secrets::{Digest, Secret};
use crate::protocol::stamp::rfc3339;
use crate::server::traffic::{InviteRecord, TokenRecord, Write};
use std::time::Duration;

/// What an invitation shall be.
#[derive(Debug)]
pub(super) struct NewInvite {
    pub(super) uses: u32,
    pub(super) lasts: Duration,
    pub(super) admin: bool,
}

impl Rooms {
    pub(super) fn new_token(
        &mut self,
        now: Now,
        asker: Asker,
        label: String,
        token: &Secret,
        effects: &mut Effects,
    ) -> Outcome {
        let Some(account) = self.world.account(asker.account) else { return Ok(()) };
        if account.hash.is_none() {
            return Err(Refusal::new(Code::NotAllowed, "the console needs no token."));
        }
        if account.tokens.iter().any(|token| token.label == label) {
            let text = format!("you have a token {label}. Choose another label, or /token revoke {label} first.");
            return Err(Refusal::new(Code::NameTaken, text));
        }
        if account.tokens.len() >= TOKENS_MAX {
            let text = format!("you have {TOKENS_MAX} tokens, and more can't be had. /token revoke LABEL ends one.");
            return Err(Refusal::new(Code::Limit, text));
        }
        let record = TokenRecord { digest: Digest::of(token.expose()), account: asker.account, label, at: now.wall };
        self.world.add_token(record.clone());
        effects.write(Write::Token(record));
        effects.done(asker.conn, format!("{} is shown only this once. /resume TOKEN logs in with it.", token.expose()));
        Ok(())
    }

    pub(super) fn list_tokens(&self, asker: Asker, effects: &mut Effects) -> Outcome {
        let Some(account) = self.world.account(asker.account) else { return Ok(()) };
        let mut rows = Rows::default();
        for token in &account.tokens {
            rows.push(&format!("{} made {}", token.label, rfc3339(token.at)));
        }
        effects.answer(asker.conn, rows, Final::Done(format!("{} tokens", account.tokens.len())));
        Ok(())
    }

    pub(super) fn revoke_token(&mut self, now: Now, asker: Asker, label: String, effects: &mut Effects) -> Outcome {
        let found = self
            .world
            .account(asker.account)
            .and_then(|account| account.tokens.iter().find(|token| token.label == label).map(|token| token.digest));
        let Some(digest) = found else {
            return Err(Refusal::new(Code::BadArgument, format!("you have no token {label}. /token list shows them.")));
        };
        self.world.remove_token(&digest);
        effects.write(Write::TokenGone(digest));
        for conn in self.live.conns(asker.account).to_vec() {
            let used = self.live.session(conn).is_some_and(|session| session.token == Some(digest));
            if used && conn != asker.conn {
                self.end(now, conn, "the token that logged this connection in was revoked.", effects);
            }
        }
        effects.done(asker.conn, format!("{label} is revoked."));
        Ok(())
    }

    pub(super) fn new_invite(
        &mut self,
        now: Now,
        asker: Asker,
        invite: NewInvite,
        code: &Secret,
        effects: &mut Effects,
    ) -> Outcome {
        if !self.world.account(asker.account).is_some_and(|account| account.admin) {
            return Err(Refusal::new(Code::NotAllowed, "only an administrator invites to this server."));
        }
        let NewInvite { uses, lasts, admin } = invite;
        let until = now.wall + u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX / 2);
        let record = InviteRecord { digest: Digest::of(code.expose()), uses, admin, until };
        let old: Vec<Digest> =
            self.world.invites.values().filter(|invite| invite.until <= now.wall).map(|invite| invite.digest).collect();
        for digest in old {
            self.world.invites.remove(&digest);
            effects.write(Write::InviteGone(digest));
        }
        self.world.invites.insert(record.digest, record.clone());
        effects.write(Write::Invite(record));
        let whom = match (uses, admin) {
            (1, true) => "one administrator".to_owned(),
            (1, false) => "one person".to_owned(),
            (n, true) => format!("{n} administrators"),
            (n, false) => format!("{n} people"),
        };
        let text = format!("{} lets in {whom} until {}: /register NAME invite=CODE", code.expose(), rfc3339(until));
        effects.done(asker.conn, text);
        Ok(())
    }

    pub(super) fn whoami(&self, asker: Asker, effects: &mut Effects) -> Outcome {
        let Some(account) = self.world.account(asker.account) else { return Ok(()) };
        let kind = if account.admin { "an administrator" } else { "a member" };
        let room = match self.live.current(asker.conn).and_then(|room| self.world.room(room)) {
            Some(room) => format!("you talk in {}", room.name),
            None => "you talk in no room just now".to_owned(),
        };
        effects.done(asker.conn, format!("{} - {kind} of this server; {room}.", account.name));
        Ok(())
    }

    pub(super) fn sessions(&self, asker: Asker, effects: &mut Effects) -> Outcome {
        let mut rows = Rows::default();
        let mut count = 0;
        for &conn in self.live.conns(asker.account) {
            let Some(session) = self.live.session(conn) else { continue };
            count += 1;
            let label = session.token.and_then(|digest| {
                let account = self.world.account(asker.account)?;
                account.tokens.iter().find(|token| token.digest == digest).map(|token| token.label.clone())
            });
            let with = label.map_or_else(|| "by password".to_owned(), |label| format!("by token {label}"));
            let this = if conn == asker.conn { " (this one)" } else { "" };
            rows.push(&format!("since {} from {} {with}{this}", rfc3339(session.since), session.from));
        }
        effects.answer(asker.conn, rows, Final::Done(format!("{count} sessions")));
        Ok(())
    }
}
