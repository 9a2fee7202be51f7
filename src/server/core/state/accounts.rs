//! The accounts in memory, how they are found, and what concerns nobody's rooms: device tokens
//! and blocked networks.

use super::{State, index, put};
use crate::protocol::names::{AccountId, AddressGroup, UserName};
use crate::protocol::network::Network;
use crate::protocol::secrets::Digest;
use crate::server::core::entities::{Account, Conversation, Recovery, Token};
use crate::server::traffic::{AccountRecord, BlockRecord, KNOWN_MAX, RecoveryRecord, TokenRecord};
use std::collections::{BTreeMap, BTreeSet};

impl State {
    #[must_use]
    pub(crate) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(index(id.value()))?.as_ref()
    }

    pub(in crate::server::core) fn account_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.accounts.get_mut(index(id.value()))?.as_mut()
    }

    /// The name of an account; `?` if there is no such account.
    #[must_use]
    pub(crate) fn name(&self, id: AccountId) -> &str {
        self.account(id).map_or("?", |account| account.name.as_str())
    }

    #[must_use]
    pub(crate) fn find_account(&self, name: &UserName) -> Option<AccountId> {
        self.names.get(name).copied()
    }

    /// The account that a device token logs in.
    #[must_use]
    pub(crate) fn find_token(&self, digest: &Digest) -> Option<AccountId> {
        self.tokens.get(digest).copied()
    }

    /// The id of the next account.
    #[must_use]
    pub(crate) fn next_account(&self) -> AccountId {
        AccountId::new(self.accounts.len().max(1) as i64)
    }

    /// All accounts of people, in the order of their ids.
    pub(crate) fn people(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        let accounts = self.accounts.iter().enumerate();
        let accounts = accounts.filter_map(|(id, account)| Some((AccountId::new(id as i64), account.as_ref()?)));
        accounts.filter(|(_, account)| account.hash.is_some())
    }

    pub(in crate::server::core) fn add_account(&mut self, record: AccountRecord) {
        self.names.insert(record.name, record.id);
        let account = Account {
            name: record.name,
            hash: record.hash,
            generation: record.generation,
            admin: record.admin,
            at: record.at,
            disabled: None,
            recovery: None,
            away: None,
            about: Box::default(),
            ignores: BTreeMap::new(),
            rooms: BTreeSet::new(),
            made: 0,
            invitations: BTreeSet::new(),
            pairs: BTreeMap::new(),
            tokens: Vec::new(),
            known: Vec::new(),
        };
        put(&mut self.accounts, index(record.id.value()), account);
    }

    pub(in crate::server::core) fn disable(&mut self, account: AccountId, reason: String) {
        if let Some(account) = self.account_mut(account) {
            account.disabled = Some(reason);
        }
    }

    /// Whether the account has ended.
    #[must_use]
    pub(crate) fn is_unregistered(&self, account: AccountId) -> bool {
        self.unregistered.contains_key(&account)
    }

    /// Whether what the account said is being removed.
    #[must_use]
    pub(crate) fn is_erasing(&self, account: AccountId) -> bool {
        self.unregistered.get(&account).is_some_and(|erasing| *erasing)
    }

    /// Accounts whose messages are being removed.
    pub(crate) fn erasing(&self) -> impl Iterator<Item = AccountId> {
        self.unregistered.iter().filter(|(_, erasing)| **erasing).map(|(&account, _)| account)
    }

    /// All that an account said is removed.
    pub(in crate::server::core) fn end_erasing(&mut self, account: AccountId) {
        self.unregistered.insert(account, false);
    }

    /// Ends an account: what is left is its name, what it said, and its side of direct conversations.
    pub(in crate::server::core) fn unregister(&mut self, id: AccountId, erasing: bool) {
        let Some(account) = self.account_mut(id) else { return };
        (account.hash, account.admin, account.recovery, account.disabled) = (None, false, None, None);
        (account.away, account.about) = (None, Box::default());
        account.known.clear();
        account.rooms.clear();
        account.invitations.clear();
        let ignored: Vec<AccountId> = std::mem::take(&mut account.ignores).into_keys().collect();
        for token in std::mem::take(&mut account.tokens) {
            self.tokens.remove(&token.digest);
        }
        let ignorers: Vec<AccountId> = self.ignorers(id).into_iter().flatten().copied().collect();
        ignored.into_iter().for_each(|other| self.unignore(id, other));
        ignorers.into_iter().for_each(|other| self.unignore(other, id));
        self.invites_made.remove(&id);
        for conversation in self.conversations.iter_mut().flatten() {
            let Conversation::Room(room) = conversation else { continue };
            room.members.remove(&id);
            room.invited.remove(&id);
            room.bans.remove(&id);
            room.mutes.remove(&id);
            room.said.remove(&id);
        }
        self.unregistered.insert(id, erasing);
    }

    pub(in crate::server::core) fn set_recovery(&mut self, record: RecoveryRecord) {
        if let Some(account) = self.account_mut(record.account) {
            account.recovery = Some(Recovery { digest: record.digest, until: record.until });
        }
    }

    pub(in crate::server::core) fn add_token(&mut self, record: TokenRecord) {
        if let Some(account) = self.account_mut(record.account) {
            account.tokens.push(Token { digest: record.digest, label: record.label, at: record.at });
            self.tokens.insert(record.digest, record.account);
        }
    }

    pub(in crate::server::core) fn remove_token(&mut self, digest: &Digest) {
        if let Some(id) = self.tokens.remove(digest)
            && let Some(account) = self.account_mut(id)
        {
            account.tokens.retain(|token| token.digest != *digest);
        }
    }

    /// Remembers an address that an account was used from; false if it was already known.
    pub(in crate::server::core) fn add_address(&mut self, account: AccountId, address: AddressGroup) -> bool {
        let Some(account) = self.account_mut(account) else { return false };
        if account.known.contains(&address) {
            return false;
        }
        if account.known.len() == usize::from(KNOWN_MAX) {
            account.known.remove(0);
        }
        account.known.push(address);
        true
    }

    /// Networks from which nobody may connect, in order. Some may have ended.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &BlockRecord> {
        self.blocks.values()
    }

    pub(in crate::server::core) fn block(&mut self, record: BlockRecord) {
        self.blocks.insert(record.network, record);
    }

    /// False if it was not blocked.
    pub(in crate::server::core) fn unblock(&mut self, network: &Network) -> bool {
        self.blocks.remove(network).is_some()
    }
}
