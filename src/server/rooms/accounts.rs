//! Logging in, registering, changing one's password.
//!
//! A password is checked in two steps: here it is decided whether it may be tried, `auth` tries
//! it, and what `auth` found is looked at here again, since the account may have changed meanwhile.

use super::live::Arrival;
use super::{Asker, Effects, Guest, Now, Outcome, Registration, Rooms};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Final, Rows};
use crate::protocol::names::{AccountId, AddressGroup, ConnId, RoomName, UserName};
use crate::protocol::secrets::{Digest, Secret, WeakPassword, check_new_password};
use crate::server::traffic::{AccountRecord, AuthJob, AuthOutcome, AuthWork, Role, Viewer, Write};
use std::sync::Arc;
use std::time::Duration;

/// Who wants an account.
#[derive(Debug)]
pub(super) struct NewAccount {
    pub(super) name: UserName,
    pub(super) invite: Option<Digest>,
    pub(super) from: AddressGroup,
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
        guest: Guest,
        name: UserName,
        password: Secret,
        from: AddressGroup,
        effects: &mut Effects,
    ) {
        self.throttle.forget(now.instant);
        if let Err(wait) = self.throttle.login(from, now.instant) {
            effects.refuse(guest.conn, throttled("logins", wait));
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
        self.check(now, guest.conn, guest.viewer, work, delay, effects);
    }

    /// Hands a password to `auth`, now or after the throttle's delay; its answer is the connection's.
    fn check(
        &mut self,
        now: Now,
        conn: ConnId,
        viewer: Viewer,
        work: AuthWork,
        delay: Duration,
        effects: &mut Effects,
    ) {
        self.password_checks.begin(conn);
        let job = AuthJob { conn, viewer, work };
        if delay.is_zero() {
            effects.out.auth_jobs.push(job);
        } else {
            effects.out.delayed.push((now.instant + delay, job));
        }
    }

    pub(super) fn resume(
        &mut self,
        now: Now,
        conn: ConnId,
        viewer: Viewer,
        token: Digest,
        from: AddressGroup,
        effects: &mut Effects,
    ) {
        match self.world.find_token(&token) {
            Some(account) => self.enter(now, conn, viewer, account, from, Some(token), effects),
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
        guest: Guest,
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
                self.check(now, guest.conn, guest.viewer, work, Duration::ZERO, effects);
            }
            Err(refusal) => effects.refuse(guest.conn, refusal),
        }
    }

    /// Whether the account may be made: whether it administers, or why not.
    fn may_register(&self, now: Now, new: &NewAccount) -> Result<(), Refusal> {
        let invite = match &new.invite {
            None => None,
            Some(digest) => {
                let invite = self.world.invites.get(digest).filter(|invite| invite.uses > 0 && invite.until > now.wall);
                let unknown = "that invitation is not known, is used up or is too old. RequestKind for a new one.";
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
        self.check(now, asker.conn, asker.viewer, work, Duration::ZERO, effects);
        Ok(())
    }

    /// What `auth` found.
    pub(super) fn auth_done(
        &mut self,
        now: Now,
        conn: ConnId,
        viewer: Viewer,
        outcome: AuthOutcome,
        effects: &mut Effects,
    ) {
        if let AuthOutcome::Wrong { name, .. } = &outcome {
            self.throttle.failed(name, now.instant);
        }
        if !self.password_checks.end(conn) {
            return;
        }
        match outcome {
            AuthOutcome::Right { account, generation, from } => {
                match self.world.account(account) {
                    Some(kept) if kept.generation == generation => {
                        self.throttle.succeeded(&kept.name.clone());
                        self.enter(now, conn, viewer, account, from, None, effects);
                    }
                    _ => effects.refuse(conn, wrong()),
                };
            }
            AuthOutcome::Wrong { .. } => effects.refuse(conn, wrong()),
            AuthOutcome::Hashed { name, invite, hash, from } => {
                let new = NewAccount { name, invite, from };
                match self.may_register(now, &new) {
                    Ok(()) => self.make_account(now, conn, viewer, new, hash, effects),
                    Err(refusal) => effects.refuse(conn, refusal),
                }
            }
            AuthOutcome::Changed { account, generation, hash } if self.live.account(conn) == Some(account) => {
                self.change_password(now, conn, account, generation, hash, effects);
            }
            // It was ended meanwhile, and told so.
            AuthOutcome::Changed { .. } => {}
            AuthOutcome::WrongOld => effects.refuse(
                conn,
                Refusal::new(
                    Code::BadCredentials,
                    "the old password is wrong; nothing was changed. /passwd to try again.",
                ),
            ),
            AuthOutcome::Failed(refusal) => effects.refuse(conn, refusal),
        }
    }

    fn make_account(
        &mut self,
        now: Now,
        conn: ConnId,
        viewer: Viewer,
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
        }
        self.enter(now, conn, viewer, id, new.from, None, effects);
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
