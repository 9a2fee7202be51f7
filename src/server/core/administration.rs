//! What only administrators may do, and what follows from it: disabling accounts, resetting passwords,
//! naming administrators, blocking addresses, announcements.
//!
//! There is always somebody who can log in as an administrator, once there was: the last one can't be
//! disabled or become a member. The server's own account, which nobody can log in to, does not count.

use super::accounts::revoke_tokens;
use super::invites;
use super::moderation::{milliseconds, typed};
use super::{Actor, AdministrationRefused, BLOCKS_MAX, Outcome, Refused, State, Storage};
use crate::protocol::names::{AccountId, Text, UserName};
use crate::protocol::network::Network;
use crate::protocol::secrets::Digest;
use crate::server::traffic::{AdministrationWrite, BlockRecord, RecoveryRecord, Write};
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
    /// Tells all who are connected.
    Announce(Text),
    /// Has the settings read again; what they say is no part of the state.
    Reload,
    /// Nobody may connect from there, for a time or until it is lifted.
    Block { network: Network, lasts: Option<Duration>, reason: Option<Text> },
    /// Lets them connect again.
    Unblock(Network),
    /// Makes an account an administrator, or a member again.
    Grant { name: UserName, admin: bool },
}

impl State {
    /// Whether that code sets a new password for an account of that name at that time.
    ///
    /// # Errors
    /// [`AdministrationRefused::BadRecovery`] or [`AdministrationRefused::Disabled`].
    pub(crate) fn check_recovery(&self, at: u64, name: &UserName, code: &Digest) -> Result<AccountId, Refused> {
        let id = self.find_account(name).ok_or(Refused::Administration(AdministrationRefused::BadRecovery))?;
        let account = self.account(id).ok_or(Refused::Administration(AdministrationRefused::BadRecovery))?;
        let valid = account.recovery.is_some_and(|recovery| recovery.digest == *code && recovery.until > at);
        match &account.disabled {
            _ if !valid => Err(Refused::Administration(AdministrationRefused::BadRecovery)),
            Some(reason) => Err(Refused::Administration(AdministrationRefused::Disabled(reason.clone()))),
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
    let mut words = String::new();
    let (verb, (account, changed)) = match action {
        Administration::Disable { name, reason } => {
            words = reason.map_or(String::new(), |reason| reason.as_str().to_owned());
            ("disable", disable(state, &name, words.clone(), storage)?)
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
            (if admin { "admin" } else { "none" }).clone_into(&mut words);
            ("grant", grant(state, &name, admin, storage)?)
        }
        Administration::Announce(text) => {
            actor.note_about("announce", String::new(), text.as_str().to_owned(), storage);
            return Ok(Outcome::Noted);
        }
        Administration::Reload => {
            actor.note_about("reload", String::new(), String::new(), storage);
            return Ok(Outcome::Noted);
        }
        Administration::Block { network, lasts, reason } => {
            return block(state, actor, network, lasts, reason.as_ref(), storage);
        }
        Administration::Unblock(network) => return Ok(unblock(state, actor, &network, storage)),
    };
    if changed {
        actor.note(state, None, verb, Some(account), words, storage);
    }
    Ok(Outcome::Administered { account, changed })
}

pub(super) fn check_not_last_administrator(state: &State, account: AccountId) -> Result<(), Refused> {
    if state.is_last_administrator(account) {
        return Err(Refused::Administration(AdministrationRefused::LastAdministrator));
    }
    Ok(())
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
    check_not_last_administrator(state, id)?;
    state.disable(id, reason.clone());
    storage.write(Write::Administration(AdministrationWrite::Disabled(id, reason)));
    invites::end_all_by(state, id, storage);
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
    let record = RecoveryRecord { account, digest: code, until: at.saturating_add(milliseconds(RECOVERY_LASTS)) };
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
    if !admin {
        check_not_last_administrator(state, id)?;
    }
    state.account_mut(id).ok_or(Refused::NoAccount)?.admin = admin;
    storage.write(Write::Administration(AdministrationWrite::Admin(id, admin)));
    if !admin {
        invites::end_all_by(state, id, storage);
    }
    Ok((id, true))
}

fn block(
    state: &mut State,
    actor: Actor,
    network: Network,
    lasts: Option<Duration>,
    reason: Option<&Text>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    // Those that have ended by themselves need not be stored any longer.
    let ended = |block: &&BlockRecord| block.until.is_some_and(|until| until <= actor.steady);
    let ended: Vec<Network> = state.blocks().filter(ended).map(|block| block.network).collect();
    let known = state.blocks().any(|block| block.network == network);
    if !known && state.blocks().count() - ended.len() >= BLOCKS_MAX {
        return Err(Refused::Administration(AdministrationRefused::TooManyBlocks));
    }
    for network in ended {
        state.unblock(&network);
        storage.write(Write::Administration(AdministrationWrite::Unblocked(network)));
    }
    let record = BlockRecord {
        network,
        until: lasts.map(|lasts| actor.steady.saturating_add(milliseconds(lasts))),
        by: actor.by,
        reason: reason.map_or(String::new(), |reason| reason.as_str().to_owned()),
    };
    state.block(record.clone());
    storage.write(Write::Administration(AdministrationWrite::Blocked(record)));
    actor.note_about("block", network.to_string(), typed(lasts, reason), storage);
    Ok(Outcome::Blocked { changed: true })
}

fn unblock(state: &mut State, actor: Actor, network: &Network, storage: &mut dyn Storage) -> Outcome {
    let changed = state.unblock(network);
    if changed {
        storage.write(Write::Administration(AdministrationWrite::Unblocked(*network)));
        actor.note_about("unblock", network.to_string(), String::new(), storage);
    }
    Outcome::Blocked { changed }
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

/// An account that somebody can log in to: any but the server's own and those of hooks.
fn person<'a>(state: &'a State, name: &UserName) -> Result<(AccountId, &'a super::entities::Account), Refused> {
    let id = state.user(name)?;
    state.check_no_hook(id)?;
    let account = state.account(id).filter(|account| account.hash.is_some());
    account.map(|account| (id, account)).ok_or(Refused::NoSuchUser(*name))
}
