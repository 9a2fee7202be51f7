//! Accounts, their passwords and device tokens.

use super::rooms::add_member;
use super::{AdministrationRefused, NewAccount, Outcome, Refused, State, Storage, TOKENS_MAX};
use crate::protocol::names::{AccountId, AddressGroup, RoomName, UserName};
use crate::protocol::roles::Role;
use crate::protocol::secrets::Digest;
use crate::server::traffic::{AccountRecord, Registration, TokenRecord, Write};
use std::sync::Arc;

impl State {
    /// Whether an account of that name may be created at that time, and whether it becomes an
    /// administrator.
    ///
    /// # Errors
    /// The reason why not.
    pub(crate) fn check_registration(
        &self,
        at: u64,
        registration: Registration,
        name: &UserName,
        invite: Option<&Digest>,
    ) -> Result<bool, Refused> {
        let invite = match invite {
            None => None,
            Some(digest) => {
                Some(self.invite(digest).filter(|i| i.uses != 0 && i.until > at).ok_or(Refused::BadInvite)?)
            }
        };
        let admin = invite.is_some_and(|invite| invite.admin);
        match (registration, invite) {
            (Registration::Open, _) | (Registration::Invite, Some(_)) => {}
            (Registration::Closed, Some(_)) if admin => {}
            (Registration::Invite, None) => return Err(Refused::InviteNeeded),
            (Registration::Closed, _) => return Err(Refused::RegistrationClosed),
        }
        if self.find_account(name).is_some() {
            return Err(Refused::NameTaken(*name));
        }
        Ok(admin)
    }
}

pub(super) fn register(
    state: &mut State,
    at: u64,
    new: NewAccount,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let NewAccount { name, hash, invite, registration } = new;
    let admin = state.check_registration(at, registration, &name, invite.as_ref())?;
    if let Some(digest) = invite {
        state.use_invite(&digest);
        storage.write(Write::InviteUsed(digest));
    }
    let account = state.next_account();
    let record = AccountRecord { id: account, name, hash: Some(hash), generation: 0, admin, at };
    state.add_account(record.clone());
    storage.write(Write::Account(record));
    let lobby = state.find_room(&RoomName::lobby());
    if let Some(lobby) = lobby {
        add_member(state, lobby, account, Role::Member, storage);
    }
    Ok(Outcome::Registered { account, lobby })
}

pub(super) fn change_password(
    state: &mut State,
    by: AccountId,
    generation: u32,
    hash: Arc<str>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let account =
        state.account_mut(by).filter(|account| account.generation == generation && account.password().is_some());
    let account = account.ok_or(Refused::PasswordChanged)?;
    account.generation += 1;
    account.hash = Some(Arc::clone(&hash));
    storage.write(Write::Password { account: by, generation: generation + 1, hash });
    revoke_tokens(state, by, storage);
    Ok(Outcome::PasswordChanged)
}

/// Revokes all tokens of an account.
pub(super) fn revoke_tokens(state: &mut State, account: AccountId, storage: &mut dyn Storage) {
    let tokens = state.account(account).map_or(&[][..], |account| &account.tokens);
    let digests: Vec<Digest> = tokens.iter().map(|token| token.digest).collect();
    for digest in digests {
        state.remove_token(&digest);
        storage.write(Write::TokenGone(digest));
    }
}

pub(super) fn new_token(
    state: &mut State,
    at: u64,
    by: AccountId,
    label: String,
    digest: Digest,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let account = state.account(by).ok_or(Refused::NoAccount)?;
    if account.hash.is_none() {
        return Err(Refused::Console);
    }
    if account.token(&label).is_some() {
        return Err(Refused::LabelTaken(label));
    }
    if account.tokens.len() >= TOKENS_MAX {
        return Err(Refused::TooManyTokens);
    }
    let record = TokenRecord { digest, account: by, label, at };
    state.add_token(record.clone());
    storage.write(Write::Token(record));
    Ok(Outcome::TokenMade)
}

pub(super) fn revoke_token(
    state: &mut State,
    by: AccountId,
    label: String,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let token = state.account(by).and_then(|account| account.token(&label)).map(|token| token.digest);
    let digest = token.ok_or(Refused::NoSuchToken(label))?;
    state.remove_token(&digest);
    storage.write(Write::TokenGone(digest));
    Ok(Outcome::TokenRevoked(digest))
}

pub(super) fn use_address(
    state: &mut State,
    by: AccountId,
    address: AddressGroup,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    if let Some(reason) = state.account(by).and_then(|account| account.disabled.clone()) {
        return Err(Refused::Administration(AdministrationRefused::Disabled(reason)));
    }
    if state.add_address(by, address) {
        storage.write(Write::Known(by, address));
    }
    Ok(Outcome::AddressKnown)
}
