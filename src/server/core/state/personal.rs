//! What accounts in memory say about themselves.

use super::State;
use crate::protocol::names::AccountId;
use crate::server::core::entities::Away;
use crate::server::traffic::AwayRecord;

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
}
