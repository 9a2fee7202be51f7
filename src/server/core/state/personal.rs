//! What accounts in memory say about themselves, and whom they ignore.

use super::State;
use crate::protocol::names::AccountId;
use crate::server::core::entities::Away;
use crate::server::traffic::{AwayRecord, IgnoredRecord};
use std::collections::BTreeSet;

impl State {
    /// The account is away, in place of why it was before.
    pub(in crate::server::core) fn set_away(&mut self, record: AwayRecord) {
        if let Some(account) = self.account_mut(record.account) {
            account.away = Some(Away { since: record.since, text: record.text.into() });
        }
    }

    /// The account is back.
    pub(in crate::server::core) fn set_back(&mut self, account: AccountId) {
        if let Some(account) = self.account_mut(account) {
            account.away = None;
        }
    }

    /// What the account says about itself; empty if nothing.
    pub(in crate::server::core) fn set_about(&mut self, account: AccountId, text: &str) {
        if let Some(account) = self.account_mut(account) {
            account.about = text.into();
        }
    }

    /// Whether the account ignores the other one. Nearly always nobody ignores anyone.
    #[must_use]
    pub(crate) fn ignores(&self, account: AccountId, other: AccountId) -> bool {
        self.ignorers(other).is_some_and(|ignorers| ignorers.contains(&account))
    }

    /// Who ignores the account; `None` if nobody does.
    #[must_use]
    pub(crate) fn ignorers(&self, account: AccountId) -> Option<&BTreeSet<AccountId>> {
        self.ignorers.get(&account)
    }

    pub(in crate::server::core) fn ignore(&mut self, record: IgnoredRecord) {
        let IgnoredRecord { account, other, since } = record;
        if let Some(account) = self.account_mut(account) {
            account.ignores.insert(other, since);
        }
        self.ignorers.entry(other).or_default().insert(account);
    }

    pub(in crate::server::core) fn unignore(&mut self, account: AccountId, other: AccountId) {
        if let Some(account) = self.account_mut(account) {
            account.ignores.remove(&other);
        }
        if let Some(ignorers) = self.ignorers.get_mut(&other) {
            ignorers.remove(&account);
            if ignorers.is_empty() {
                self.ignorers.remove(&other);
            }
        }
    }
}
