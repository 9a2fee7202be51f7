//! Logging in, registering, changing one's password.
//!
//! A password is checked in two steps: the hub decides whether it may be tried, and `auth` tries
//! it. Then the hub handles the result, since the account may have changed in the meantime.

use super::account;
use super::connections::Login;
use super::log_entry::{Did, LogEntry, Tried};
use super::refusals::{self, wrong_password};
use super::{Answered, Context, Guest, unexpected};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Final, Rows};
use crate::protocol::names::{AddressGroup, RoomName, UserName};
use crate::protocol::secrets::{Digest, Secret, WeakPassword, check_new_password};
use crate::server::core::{Account, AccountAction, NewAccount, OperationKind, Outcome};
use crate::server::traffic::{Applicant, AuthJob, AuthOutcome, AuthWork, Standing};
use std::sync::Arc;
use std::time::Duration;

/// A registration.
#[derive(Debug)]
pub(super) struct NewUser {
    pub(super) name: UserName,
    pub(super) invite: Option<Digest>,
    pub(super) from: AddressGroup,
}

pub(super) fn console(guest: &mut Guest<'_>) -> Answered {
    let Some(account) = guest.hub.state.find_account(&UserName::server()) else {
        return Err(unexpected(&"a database without the server's own account"));
    };
    let since = guest.now.wall;
    let login = Login { account, from: AddressGroup::Console, since, token: None, current: None };
    guest.hub.attach(guest.now, guest.conn, login, guest.effects);
    guest.effects.answer(guest.conn, Rows::default(), Final::Silent);
    guest.warn(account);
    Ok(())
}

pub(super) fn login(guest: &mut Guest<'_>, name: UserName, password: Secret, from: AddressGroup) -> Answered {
    let (now, throttle, state) = (guest.now.instant, &mut guest.hub.throttle, &guest.hub.state);
    throttle.forget(now);
    throttle.login(from, now).map_err(|wait| throttled("logins", wait))?;
    // The server's own account has no password, and looks as unknown as any other name.
    let id = state.find_account(&name);
    id.map_or(Ok(()), |id| state.check_no_hook(id)).map_err(refusals::refusal)?;
    let known = id.and_then(|id| Some((id, state.account(id).filter(|account| account.password().is_some())?)));
    let (standing, delay) = match known {
        Some((id, account)) if account.known.contains(&from) => (throttle.familiar(id, from, now), Duration::ZERO),
        _ => (throttle.stranger(from, now), throttle.delay(&name, now)),
    };
    let work = AuthWork::Verify {
        account: known.map(|(id, account)| (id, account.generation)),
        name,
        hash: known.and_then(|(_, account)| account.password().cloned()),
        password,
        from,
    };
    check_password(guest, work, standing, delay);
    Ok(())
}

/// Gives a password to `auth`, now or after the throttle's delay. The result becomes the answer.
fn check_password(guest: &mut Guest<'_>, work: AuthWork, standing: Standing, delay: Duration) {
    guest.hub.password_checks.begin(guest.conn);
    let job = AuthJob { conn: guest.conn, viewer: guest.viewer, standing, work };
    if delay.is_zero() {
        guest.effects.auth_jobs.push(job);
    } else {
        guest.effects.delayed.push((guest.now.instant + delay, job));
    }
}

pub(super) fn resume(guest: &mut Guest<'_>, token: Digest, from: AddressGroup) -> Answered {
    if let Some(account) = guest.hub.state.find_token(&token) {
        return guest.logged_in(account).enter(from, Some(token));
    }
    guest.hub.throttle.login(from, guest.now.instant).map_err(|wait| throttled("logins", wait))?;
    guest.log_failure(Tried::Token, None, from);
    let text = "that token is unknown or was revoked. /login NAME with your password, then /token new LABEL.";
    Err(Refusal::new(Code::BadCredentials, text))
}

pub(super) fn register(guest: &mut Guest<'_>, new: NewUser, password: Secret) -> Answered {
    let NewUser { name, invite, from } = new;
    let registration = guest.hub.settings.registration;
    let checked = guest.hub.state.check_registration(guest.now.wall, registration, &name, invite.as_ref());
    checked.map_err(refusals::refusal)?;
    check_new_password(&password).map_err(weak)?;
    let (throttle, now) = (&mut guest.hub.throttle, guest.now.instant);
    throttle.registration(from, now).map_err(|wait| throttled("new accounts", wait))?;
    let standing = throttle.stranger(from, now);
    check_password(guest, AuthWork::Hash { name, invite, password, from }, standing, Duration::ZERO);
    Ok(())
}

/// A new password, with a code of `/resetpw`.
pub(super) fn recover(
    guest: &mut Guest<'_>,
    name: UserName,
    code: Digest,
    password: Secret,
    from: AddressGroup,
) -> Answered {
    // Codes are tried, too.
    guest.hub.throttle.login(from, guest.now.instant).map_err(|wait| throttled("logins", wait))?;
    let id = guest.hub.state.find_account(&name);
    id.map_or(Ok(()), |id| guest.hub.state.check_no_hook(id)).map_err(refusals::refusal)?;
    if let Err(refused) = guest.hub.state.check_recovery(guest.now.wall, &name, &code) {
        guest.log_failure(Tried::Code, Some(name), from);
        return Err(refusals::refusal(refused));
    }
    check_new_password(&password).map_err(weak)?;
    // Only one person has the code.
    let of = guest.hub.state.find_account(&name).map_or(Applicant::Address(from), Applicant::Account);
    let work = AuthWork::Recover { name, code, password, from };
    check_password(guest, work, Standing { rank: 0, of }, Duration::ZERO);
    Ok(())
}

fn set_recovered(guest: &mut Guest<'_>, name: UserName, code: Digest, hash: Arc<str>, from: AddressGroup) -> Answered {
    let outcome = guest.hub.apply(guest.now, OperationKind::Recover { name, code, hash }, guest.storage)?;
    let Outcome::Recovered(account) = outcome else { return Err(unexpected(&outcome)) };
    guest.logged_in(account).log(Did::Recovered, from);
    guest.hub.throttle.succeeded(&name, account, from);
    guest.logged_in(account).enter(from, None)
}

pub(super) fn passwd(cx: &mut Context<'_>, old: Secret, new: Secret) -> Answered {
    let account = cx.account;
    let stored = cx.hub.state.account(account);
    let Some((generation, hash)) = stored.and_then(|account| Some((account.generation, account.hash.clone()?))) else {
        return Err(Refusal::new(Code::NotAllowed, "the console has no password."));
    };
    check_new_password(&new).map_err(weak)?;
    let from = cx.hub.connections.session(cx.conn).map_or(AddressGroup::Console, |session| session.from);
    cx.hub.throttle.login(from, cx.now.instant).map_err(|wait| throttled("password changes", wait))?;
    let standing = cx.hub.throttle.familiar(account, from, cx.now.instant);
    let work = AuthWork::Change { account, generation, hash, old, new };
    check_password(&mut cx.guest(), work, standing, Duration::ZERO);
    Ok(())
}

pub(super) fn unregister(cx: &mut Context<'_>, all: bool, password: Secret) -> Answered {
    let account = cx.account;
    let stored = cx.hub.state.account(account);
    let Some((generation, hash)) = stored.and_then(|account| Some((account.generation, account.hash.clone()?))) else {
        return Err(Refusal::new(Code::NotAllowed, "the console's account stays."));
    };
    let from = cx.hub.connections.session(cx.conn).map_or(AddressGroup::Console, |session| session.from);
    cx.hub.throttle.login(from, cx.now.instant).map_err(|wait| throttled("passwords", wait))?;
    let work = AuthWork::Unregister { account, generation, hash, password, all };
    let standing = cx.hub.throttle.familiar(account, from, cx.now.instant);
    check_password(&mut cx.guest(), work, standing, Duration::ZERO);
    Ok(())
}

/// Handles a result from `auth`.
pub(super) fn auth_done(guest: &mut Guest<'_>, outcome: AuthOutcome) -> Answered {
    count_failure(guest, &outcome);
    if !guest.hub.password_checks.end(guest.conn) {
        // The connection is gone: no login, registration or password change takes place.
        return Ok(());
    }
    match outcome {
        AuthOutcome::Right { account, generation, from } => {
            let current = |account: &&Account| account.generation == generation && account.password().is_some();
            let stored = guest.hub.state.account(account).filter(current);
            let stored = stored.ok_or_else(wrong_password)?;
            let (name, stranger) = (stored.name, !stored.known.contains(&from));
            guest.hub.throttle.succeeded(&name, account, from);
            if stranger {
                guest.hub.throttle.forgive(from);
            }
            guest.logged_in(account).enter(from, None)
        }
        AuthOutcome::Wrong { .. } => Err(wrong_password()),
        AuthOutcome::Hashed { name, invite, hash, from } => create_account(guest, name, invite, hash, from),
        AuthOutcome::Recovered { name, code, hash, from } => set_recovered(guest, name, code, hash, from),
        AuthOutcome::Changed { account, generation, hash } => {
            if guest.hub.connections.account(guest.conn) != Some(account) {
                // It was ended in the meantime, and has been told so.
                return Ok(());
            }
            change_password(&mut guest.logged_in(account), generation, hash)
        }
        AuthOutcome::Unregister { account, generation, all } => {
            if guest.hub.connections.account(guest.conn) != Some(account) {
                return Ok(());
            }
            account::unregister(&mut guest.logged_in(account), generation, all)
        }
        AuthOutcome::WrongOwn => Err(Refusal::new(
            Code::BadCredentials,
            "that password is wrong; nothing was changed. /unregister to try again.",
        )),
        AuthOutcome::WrongOld => Err(Refusal::new(
            Code::BadCredentials,
            "the old password is wrong; nothing was changed. /passwd to try again.",
        )),
        AuthOutcome::Failed(refusal) => Err(refusal),
    }
}

/// Even if the connection is gone by now.
fn count_failure(guest: &mut Guest<'_>, outcome: &AuthOutcome) {
    let now = guest.now.instant;
    match *outcome {
        AuthOutcome::Wrong { name, from } => {
            guest.log_failure(Tried::Password, Some(name), from);
            let hub = &mut *guest.hub;
            hub.throttle.failed(&name, now);
            let known = |id| hub.state.account(id).is_some_and(|account| account.known.contains(&from));
            if let Some(account) = hub.state.find_account(&name).filter(|&id| known(id)) {
                hub.throttle.failed_familiar(account, from, now);
            }
        }
        AuthOutcome::WrongOld | AuthOutcome::WrongOwn => {
            if let Some(session) = guest.hub.connections.session(guest.conn) {
                let (account, from) = (session.account, session.from);
                guest.hub.throttle.failed_familiar(account, from, now);
                let name = guest.hub.state.account(account).map(|account| account.name);
                guest.log_failure(Tried::OwnPassword, name, from);
            }
        }
        _ => {}
    }
}

fn create_account(
    guest: &mut Guest<'_>,
    name: UserName,
    invite: Option<Digest>,
    hash: Arc<str>,
    from: AddressGroup,
) -> Answered {
    let registration = guest.hub.settings.registration;
    let new = NewAccount { name, hash, invite, registration };
    let outcome = guest.hub.apply(guest.now, OperationKind::Register(new), guest.storage)?;
    let Outcome::Registered { account, lobby } = outcome else { return Err(unexpected(&outcome)) };
    let mut cx = guest.logged_in(account);
    cx.log(Did::Registered, from);
    if let Some(lobby) = lobby {
        cx.entered_room(lobby);
        cx.tell_joined(lobby, &RoomName::lobby());
    }
    cx.enter(from, None)
}

fn change_password(cx: &mut Context<'_>, generation: u32, hash: Arc<str>) -> Answered {
    let outcome = cx.apply(AccountAction::ChangePassword { generation, hash })?;
    let Outcome::PasswordChanged = outcome else { return Err(unexpected(&outcome)) };
    cx.log_own(Did::ChangedPassword);
    let why = "your password was changed on another connection. Log in with the new one.";
    for other in cx.hub.connections.conns(cx.account).to_vec() {
        if other != cx.conn {
            cx.hub.end(cx.now, other, why, cx.effects);
        }
    }
    cx.done("password changed. Your other connections were closed and all your tokens revoked.")
}

impl Guest<'_> {
    /// Notes that somebody could not prove to be who they say.
    pub(super) fn log_failure(&mut self, tried: Tried, name: Option<UserName>, from: AddressGroup) {
        let name = name.filter(|name| self.hub.state.find_account(name).is_some());
        self.effects.log.push(LogEntry::Failed { tried, name, conn: self.conn, from });
    }
}

impl Context<'_> {
    /// Notes what the account did from that address.
    pub(super) fn log(&mut self, did: Did, from: AddressGroup) {
        let Some(name) = self.hub.state.account(self.account).map(|account| account.name) else { return };
        self.effects.log.push(LogEntry::Account { did, name, conn: self.conn, from });
    }

    /// Notes what it did from the address that this connection logged in from.
    pub(super) fn log_own(&mut self, did: Did) {
        let from = self.hub.connections.session(self.conn).map_or(AddressGroup::Console, |session| session.from);
        self.log(did, from);
    }
}

fn weak(error: WeakPassword) -> Refusal {
    Refusal::new(Code::WeakPassword, error.to_string())
}

pub(super) fn throttled(what: &str, wait: Duration) -> Refusal {
    let seconds = wait.as_secs() + 1;
    Refusal::new(Code::Throttled, format!("too many {what} from your address. Try again in {seconds} s."))
        .retry_after(seconds)
}
