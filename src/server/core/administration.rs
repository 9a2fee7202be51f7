//! What only administrators may do, and what follows from it: disabling accounts, resetting passwords,
//! naming administrators.
//!
//! There is always somebody who can log in as an administrator, once there was: the last one can't be
//! disabled or become a member. The server's own account, which nobody can log in to, does not count.

use super::accounts::revoke_tokens;
use super::{Actor, Outcome, Refused, State, Storage};
use crate::protocol::names::{AccountId, Text, UserName};
use crate::protocol::secrets::Digest;
use crate::server::traffic::{AdministrationWrite, RecoveryRecord, Write};
use std::sync::Arc;
use std::time::Duration;

/// How long a code of `/resetpw` is valid.
pub(crate) const RECOVERY_LASTS: Duration = Duration::from_hours(24);

/// Something that only administrators may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Administration {
    /// The account can't log in from now on.
    Disable { name: UserName, reason: Option<Text> },
    /// It may log in again.
    Enable(UserName),
    /// Ends the account's password and its tokens. The code with this digest sets another password.
    ResetPassword { name: UserName, code: Digest },
    /// Makes an account an administrator, or a member again.
    Grant { name: UserName, admin: bool },
}

impl State {
    /// Whether that code sets a new password for an account of that name at that time.
    ///
    /// # Errors
    /// [`Refused::BadRecovery`] or [`Refused::Disabled`].
    pub(crate) fn check_recovery(&self, at: u64, name: &UserName, code: &Digest) -> Result<AccountId, Refused> {
        let id = self.find_account(name).ok_or(Refused::BadRecovery)?;
        let account = self.account(id).ok_or(Refused::BadRecovery)?;
        let valid = account.recovery.is_some_and(|recovery| recovery.digest == *code && recovery.until > at);
        match &account.disabled {
            _ if !valid => Err(Refused::BadRecovery),
            Some(reason) => Err(Refused::Disabled(reason.clone())),
            None => Ok(id),
        }
    }

    /// Whether the account may do what only administrators may.
    ///
    /// # Errors
    /// [`Refused::NotAdministrator`].
    pub(crate) fn check_administrator(&self, account: AccountId) -> Result<(), Refused> {
        match self.account(account) {
            Some(account) if account.admin => Ok(()),
            _ => Err(Refused::NotAdministrator),
        }
    }

    /// Whether the account is the only administrator who can log in.
    fn is_last_administrator(&self, id: AccountId) -> bool {
        let mut administrators = self.people().filter(|(_, account)| account.admin && account.disabled.is_none());
        administrators.next().is_some_and(|(first, _)| first == id) && administrators.next().is_none()
    }
}

pub(super) fn administer(
    state: &mut State,
    actor: Actor,
    action: Administration,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    state.check_administrator(actor.by)?;
    let mut typed = String::new();
    let (verb, (account, changed)) = match action {
        Administration::Disable { name, reason } => {
            typed = reason.map_or(String::new(), |reason| reason.as_str().to_owned());
            ("disable", disable(state, &name, typed.clone(), storage)?)
        }
        Administration::Enable(name) => {
            let (id, account) = person(state, &name)?;
            let changed = account.disabled.is_some();
            if changed {
                state.account_mut(id).ok_or(Refused::NoAccount)?.disabled = None;
                storage.write(Write::Administration(AdministrationWrite::Enabled(id)));
            }
            ("enable", (id, changed))
        }
        Administration::ResetPassword { name, code } => {
            ("resetpw", (reset_password(state, actor.at, &name, code, storage)?, true))
        }
        Administration::Grant { name, admin } => {
            (if admin { "admin" } else { "none" }).clone_into(&mut typed);
            ("grant", grant(state, &name, admin, storage)?)
        }
    };
    if changed {
        actor.note(state, None, verb, Some(account), typed, storage);
    }
    Ok(Outcome::Administered { account, changed })
}

fn disable(
    state: &mut State,
    name: &UserName,
    reason: String,
    storage: &mut dyn Storage,
) -> Result<(AccountId, bool), Refused> {
    let (id, account) = person(state, name)?;
    if account.disabled.is_some() {
        return Ok((id, false));
    }
    if state.is_last_administrator(id) {
        return Err(Refused::LastAdministrator);
    }
    state.disable(id, reason.clone());
    storage.write(Write::Administration(AdministrationWrite::Disabled(id, reason)));
    Ok((id, true))
}

fn reset_password(
    state: &mut State,
    at: u64,
    name: &UserName,
    code: Digest,
    storage: &mut dyn Storage,
) -> Result<AccountId, Refused> {
    let (account, _) = person(state, name)?;
    let lasts = u64::try_from(RECOVERY_LASTS.as_millis()).unwrap_or(u64::MAX);
    let record = RecoveryRecord { account, digest: code, until: at.saturating_add(lasts) };
    state.set_recovery(record);
    storage.write(Write::Administration(AdministrationWrite::Recovery(record)));
    revoke_tokens(state, account, storage);
    Ok(account)
}

fn grant(
    state: &mut State,
    name: &UserName,
    admin: bool,
    storage: &mut dyn Storage,
) -> Result<(AccountId, bool), Refused> {
    let (id, account) = person(state, name)?;
    if account.admin == admin {
        return Ok((id, false));
    }
    if !admin && state.is_last_administrator(id) {
        return Err(Refused::LastAdministrator);
    }
    state.account_mut(id).ok_or(Refused::NoAccount)?.admin = admin;
    storage.write(Write::Administration(AdministrationWrite::Admin(id, admin)));
    Ok((id, true))
}

pub(super) fn recover(
    state: &mut State,
    at: u64,
    name: &UserName,
    code: &Digest,
    hash: Arc<str>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let id = state.check_recovery(at, name, code)?;
    let account = state.account_mut(id).ok_or(Refused::NoAccount)?;
    account.generation += 1;
    account.hash = Some(Arc::clone(&hash));
    account.recovery = None;
    storage.write(Write::Password { account: id, generation: account.generation, hash });
    storage.write(Write::Administration(AdministrationWrite::RecoveryGone(id)));
    Ok(Outcome::Recovered(id))
}

/// An account that somebody can log in to: any but the server's own.
fn person<'a>(state: &'a State, name: &UserName) -> Result<(AccountId, &'a super::entities::Account), Refused> {
    let id = state.user(name)?;
    let account = state.account(id).filter(|account| account.hash.is_some());
    account.map(|account| (id, account)).ok_or(Refused::NoSuchUser(*name))
}
