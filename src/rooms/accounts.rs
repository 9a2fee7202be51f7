//! Logging in, registering, passwords, tokens, invitations to the server.
//!
//! A password is checked in two steps: here it is decided whether it may be tried, `auth` tries
//! it, and what `auth` found is looked at here again, since the account may have changed meanwhile.

use super::live::Arrival;
use super::{Asker, Effects, Now, Outcome, ROOMS_MAX, Registration, Rooms, TOKENS_MAX, encode};
use crate::names::{AccountId, AddressGroup, ConnId, ConversationId, MessageId, RoomName, UserName};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Body, Final, Line, Rows};
use crate::protocol::stamp::rfc3339;
use crate::secrets::{Digest, Secret, WeakPassword, check_new_password};
use crate::traffic::{
    AccountRecord, AuthWork, Delivery, Hears, InviteRecord, MemberRecord, Read, Role, Share, TokenRecord, Unread,
    Verdict, Write,
};
use std::sync::Arc;
use std::time::Duration;

/// Who wants an account.
#[derive(Debug)]
pub(super) struct NewAccount {
    pub(super) name: UserName,
    pub(super) invite: Option<Digest>,
    pub(super) from: AddressGroup,
}

/// What an invitation shall be.
#[derive(Debug)]
pub(super) struct NewInvite {
    pub(super) uses: u32,
    pub(super) lasts: Duration,
    pub(super) admin: bool,
}

impl Rooms {
    pub(super) fn console(&mut self, now: Now, conn: ConnId, effects: &mut Effects) {
        match self.world.find_account(&UserName::server()) {
            Some(account) => {
                let arrival =
                    Arrival { account, from: AddressGroup::Console, since: now.wall, token: None, current: None };
                self.attach(now, conn, arrival, effects);
                effects.answer(conn, Rows::default(), Final::Silent);
            }
            None => effects.refuse(conn, Refusal::new(Code::Internal, "the server's own account is missing.")),
        }
    }

    pub(super) fn login(
        &mut self,
        now: Now,
        conn: ConnId,
        name: UserName,
        password: Secret,
        from: AddressGroup,
        effects: &mut Effects,
    ) {
        self.throttle.forget(now.instant);
        if let Err(wait) = self.throttle.login(from, now.instant) {
            effects.refuse(conn, throttled("logins", wait));
            return;
        }
        let account = self.world.find_account(&name);
        let known = account.and_then(|id| self.world.account(id)).filter(|account| account.hash.is_some());
        let delay = match known {
            Some(account) if account.known.contains(&from) => Duration::ZERO,
            _ => self.throttle.delay(&name, now.instant),
        };
        let hash = known.and_then(|account| account.hash.clone());
        let account = account.zip(known.map(|account| account.generation));
        let work = AuthWork::Verify { account, name, hash, password, from };
        effects.deliver(conn.worker(), Delivery::Check { conn, work, delay });
    }

    pub(super) fn resume(
        &mut self,
        now: Now,
        conn: ConnId,
        replay: Option<u32>,
        token: Digest,
        from: AddressGroup,
        effects: &mut Effects,
    ) {
        match self.world.find_token(&token) {
            Some(account) => self.enter(now, conn, replay, account, from, Some(token), effects),
            None => {
                let refusal = match self.throttle.login(from, now.instant) {
                    Ok(()) => Refusal::new(
                        Code::BadCredentials,
                        "that token is not known, or was revoked. /login NAME with your password, then /token new LABEL.",
                    ),
                    Err(wait) => throttled("logins", wait),
                };
                effects.refuse(conn, refusal);
            }
        }
    }

    pub(super) fn register(
        &mut self,
        now: Now,
        conn: ConnId,
        new: NewAccount,
        password: Secret,
        effects: &mut Effects,
    ) {
        let checked = self.may_register(now, &new).and_then(|()| {
            check_new_password(&password).map_err(weak)?;
            self.throttle.registration(new.from, now.instant).map_err(|wait| throttled("new accounts", wait))
        });
        match checked {
            Ok(()) => {
                let NewAccount { name, invite, from } = new;
                let work = AuthWork::Hash { name, invite, password, from };
                effects.deliver(conn.worker(), Delivery::Check { conn, work, delay: Duration::ZERO });
            }
            Err(refusal) => effects.refuse(conn, refusal),
        }
    }

    /// Whether the account may be made: whether it administers, or why not.
    fn may_register(&self, now: Now, new: &NewAccount) -> Result<(), Refusal> {
        let invite = match &new.invite {
            None => None,
            Some(digest) => {
                let invite = self.world.invites.get(digest).filter(|invite| invite.uses > 0 && invite.until > now.wall);
                let unknown = "that invitation is not known, is used up or is too old. Ask for a new one.";
                Some(invite.ok_or_else(|| Refusal::new(Code::BadInvite, unknown))?)
            }
        };
        match (self.settings.registration, invite) {
            (Registration::Open, _) | (Registration::Invite, Some(_)) => {}
            (Registration::Closed, Some(invite)) if invite.admin => {}
            (Registration::Invite, None) => {
                let text = "one needs an invitation here: /register NAME invite=CODE. Its members can tell you how to get one.";
                return Err(Refusal::new(Code::BadInvite, text));
            }
            (Registration::Closed, _) => {
                return Err(Refusal::new(Code::RegistrationClosed, "this server takes no new accounts."));
            }
        }
        if self.world.find_account(&new.name).is_some() {
            return Err(Refusal::new(Code::NameTaken, format!("{} is taken. Choose another name.", new.name)));
        }
        Ok(())
    }

    pub(super) fn passwd(
        &mut self,
        now: Now,
        asker: Asker,
        old: Secret,
        new: Secret,
        effects: &mut Effects,
    ) -> Outcome {
        let Some((generation, hash)) =
            self.world.account(asker.account).and_then(|account| Some((account.generation, account.hash.clone()?)))
        else {
            return Err(Refusal::new(Code::NotAllowed, "the console has no password."));
        };
        check_new_password(&new).map_err(weak)?;
        let from = self.live.session(asker.conn).map_or(AddressGroup::Console, |session| session.from);
        self.throttle.login(from, now.instant).map_err(|wait| throttled("password changes", wait))?;
        let work = AuthWork::Change { account: asker.account, generation, hash, old, new };
        effects.deliver(asker.conn.worker(), Delivery::Check { conn: asker.conn, work, delay: Duration::ZERO });
        Ok(())
    }

    /// What `auth` found.
    pub(super) fn judged(
        &mut self,
        now: Now,
        conn: ConnId,
        replay: Option<u32>,
        verdict: Verdict,
        effects: &mut Effects,
    ) {
        match verdict {
            Verdict::Right { account, generation, from } => {
                match self.world.account(account) {
                    Some(kept) if kept.generation == generation => {
                        self.throttle.succeeded(&kept.name.clone());
                        self.enter(now, conn, replay, account, from, None, effects);
                    }
                    _ => effects.refuse(conn, wrong()),
                };
            }
            Verdict::Wrong { name, .. } => {
                self.throttle.failed(&name, now.instant);
                effects.refuse(conn, wrong());
            }
            Verdict::Hashed { name, invite, hash, from } => {
                let new = NewAccount { name, invite, from };
                match self.may_register(now, &new) {
                    Ok(()) => self.make_account(now, conn, replay, new, hash, effects),
                    Err(refusal) => effects.refuse(conn, refusal),
                }
            }
            Verdict::Changed { account, generation, hash } => {
                self.change_password(now, conn, account, generation, hash, effects);
            }
            Verdict::WrongOld => effects.refuse(
                conn,
                Refusal::new(
                    Code::BadCredentials,
                    "the old password is wrong; nothing was changed. /passwd to try again.",
                ),
            ),
            Verdict::Failed(refusal) => effects.refuse(conn, refusal),
        }
    }

    fn make_account(
        &mut self,
        now: Now,
        conn: ConnId,
        replay: Option<u32>,
        new: NewAccount,
        hash: Arc<str>,
        effects: &mut Effects,
    ) {
        let admin = match &new.invite {
            None => false,
            Some(digest) => {
                let admin = match self.world.invites.get_mut(digest) {
                    Some(invite) => {
                        invite.uses = invite.uses.saturating_sub(1);
                        let (admin, uses) = (invite.admin, invite.uses);
                        if uses == 0 {
                            self.world.invites.remove(digest);
                        }
                        admin
                    }
                    None => false,
                };
                effects.write(Write::InviteUsed(*digest));
                admin
            }
        };
        let id = self.world.next_account();
        let record = AccountRecord { id, name: new.name, hash: Some(hash), generation: 0, admin, at: now.wall };
        self.world.add_account(record.clone());
        effects.write(Write::Account(record));
        if let Some(lobby) = self.world.find_room(&RoomName::lobby()) {
            self.add_to_room(lobby, id, Role::Member, effects);
            self.tell_joined(lobby, id, None, effects);
            self.presence_told(id);
        }
        self.enter(now, conn, replay, id, new.from, None, effects);
    }

    fn change_password(
        &mut self,
        now: Now,
        conn: ConnId,
        id: AccountId,
        generation: u32,
        hash: Arc<str>,
        effects: &mut Effects,
    ) {
        let Some(account) = self.world.account_mut(id).filter(|account| account.generation == generation) else {
            effects.refuse(conn, wrong());
            return;
        };
        account.generation += 1;
        account.hash = Some(Arc::clone(&hash));
        let tokens: Vec<Digest> = account.tokens.iter().map(|token| token.digest).collect();
        effects.write(Write::Password { account: id, generation: generation + 1, hash });
        for digest in tokens {
            self.world.remove_token(&digest);
            effects.write(Write::TokenGone(digest));
        }
        for other in self.live.conns(id).to_vec() {
            if other != conn {
                self.end(
                    now,
                    other,
                    "your password was changed on another connection. Log in with the new one.",
                    effects,
                );
            }
        }
        effects.done(conn, "your password is changed. Your other connections and all tokens are ended.");
    }

    /// Ends a connection of an account from here.
    fn end(&mut self, now: Now, conn: ConnId, why: &str, effects: &mut Effects) {
        effects.deliver(conn.worker(), Delivery::End(conn, Refusal::new(Code::NotLoggedIn, why)));
        let departed = self.live.end(conn, &self.world);
        self.departed(now, departed);
    }

    fn attach(&mut self, now: Now, conn: ConnId, arrival: Arrival, effects: &mut Effects) {
        let id = arrival.account;
        let Some(account) = self.world.account(id) else { return };
        let (name, rooms) = (account.name, account.rooms.clone());
        if self.live.add(conn, arrival, &rooms) {
            self.presence_changed(id, true, now);
        }
        effects.deliver(conn.worker(), Delivery::Attached { conn, account: id, name, rooms });
    }

    /// Lets a connection in and welcomes it.
    #[expect(clippy::too_many_arguments, reason = "each is one fact of a login; a struct would name them no better")]
    fn enter(
        &mut self,
        now: Now,
        conn: ConnId,
        replay: Option<u32>,
        id: AccountId,
        from: AddressGroup,
        token: Option<Digest>,
        effects: &mut Effects,
    ) {
        if self.live.account(conn).is_some() {
            effects.refuse(conn, Refusal::new(Code::AlreadyLoggedIn, "you are logged in already."));
            return;
        }
        if self.world.know(id, from) {
            effects.write(Write::Known(id, from));
        }
        let lobby = self.world.find_room(&RoomName::lobby());
        let current =
            lobby.filter(|&lobby| self.world.account(id).is_some_and(|account| account.rooms.contains(&lobby)));
        self.attach(now, conn, Arrival { account: id, from, since: now.wall, token, current }, effects);
        let last = Final::Done(format!("welcome {}", self.greeting(id, current)));
        let asker = Asker { conn, account: id, replay };
        match replay {
            Some(replay) => self.welcome(asker, current, replay, last, effects),
            None => effects.answer(conn, Rows::default(), last),
        }
        self.remind_of_invitations(conn, id, effects);
    }

    /// `NAME - you are in lobby; bob and carol are here. …`
    fn greeting(&self, id: AccountId, current: Option<ConversationId>) -> String {
        let name = self.world.name(id);
        let Some(room) = current.and_then(|room| self.world.room(room)) else {
            return format!("{name} - you are in no room yet. /rooms lists them, /join ROOM enters one.");
        };
        let here = match current.map_or(0, |room| self.live.here(room)) {
            0 | 1 => "nobody else is here just now".to_owned(),
            2..=4 if room.members.len() <= super::TELL_MEMBERS_MAX => {
                let mut others: Vec<&str> = room
                    .members
                    .keys()
                    .filter(|&&member| member != id && self.live.is_here(member))
                    .map(|&member| self.world.name(member))
                    .collect();
                others.sort_unstable();
                match others.as_slice() {
                    [one] => format!("{one} is here"),
                    [rest @ .., last] => format!("{} and {last} are here", rest.join(", ")),
                    [] => "nobody else is here just now".to_owned(),
                }
            }
            here => format!("{} others are here", here - 1),
        };
        format!("{name} - you are in {}; {here}. Type to talk.", room.name)
    }

    /// What a person is shown before the final line of a login or `/join`.
    pub(super) fn welcome(
        &mut self,
        asker: Asker,
        current: Option<ConversationId>,
        replay: u32,
        last: Final,
        effects: &mut Effects,
    ) {
        let news: Vec<Unread> =
            self.places(asker.account).into_iter().filter(|unread| unread.last > unread.read).collect();
        let (room, others): (Vec<Unread>, Vec<Unread>) =
            news.into_iter().partition(|unread| replay > 0 && Some(unread.place.conversation) == current);
        let room = room.into_iter().next();
        self.live.set_behind(asker.conn, others.iter().map(|unread| unread.place.conversation).collect());
        if let Some(room) = &room {
            self.seen(asker, room.place.conversation, room.last, effects);
        }
        if room.is_none() && others.is_empty() {
            effects.answer(asker.conn, Rows::default(), last);
        } else {
            effects.ticket(asker.conn, Read::Welcome { account: asker.account, room, replay, others, last });
        }
    }

    fn remind_of_invitations(&self, conn: ConnId, id: AccountId, effects: &mut Effects) {
        for (_, room) in self.world.rooms_after(None) {
            if let Some(&by) = room.invited.get(&id) {
                let text = invitation(room.name.as_str(), self.world.name(by));
                let line = encode(Line::plain(Body::Notice(Some(Code::Invited), &text)), None, Share::default());
                effects.deliver(conn.worker(), Delivery::Notice { account: id, hears: Hears::Only(conn), line });
            }
        }
    }

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

    /// Makes an account a member of a room, which its connections hear from now on.
    pub(super) fn add_to_room(&mut self, room: ConversationId, account: AccountId, role: Role, effects: &mut Effects) {
        let read = self.world.room(room).map_or(MessageId::ZERO, |room| room.last);
        let record = MemberRecord { conversation: room, account, role, read };
        self.world.add_member(record);
        effects.write(Write::Member(record));
        if self.world.room_mut(room).is_some_and(|room| room.invited.remove(&account).is_some()) {
            effects.write(Write::InvitedGone(room, account));
        }
        self.live.enter(account, room);
        for worker in self.live.workers_of_account(account) {
            effects.deliver(worker, Delivery::Enter(account, room));
        }
    }

    /// Whether an account is in as many rooms as it may be.
    pub(super) fn check_rooms_limit(&self, account: AccountId) -> Outcome {
        if self.world.account(account).is_some_and(|account| account.rooms.len() >= ROOMS_MAX) {
            let text = format!("you are in {ROOMS_MAX} rooms, and more can't be had. /leave ROOM first.");
            return Err(Refusal::new(Code::Limit, text));
        }
        Ok(())
    }
}

/// The text of `* invited: …`.
pub(super) fn invitation(room: &str, by: &str) -> String {
    format!("{room} by {by}. /join {room}")
}

fn weak(error: WeakPassword) -> Refusal {
    Refusal::new(Code::WeakPassword, error.to_string())
}

fn wrong() -> Refusal {
    Refusal::new(
        Code::BadCredentials,
        "that name or that password is wrong. /login NAME to try again, or ask an administrator for help.",
    )
}

fn throttled(what: &str, wait: Duration) -> Refusal {
    let seconds = wait.as_secs() + 1;
    Refusal::new(Code::Throttled, format!("too many {what} from your address. Try again in {seconds} s."))
        .retry_after(seconds)
}
