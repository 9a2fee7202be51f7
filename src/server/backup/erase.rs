//! Removes again from a restored database what was removed after the backup, by the same operations as a running
//! server, so that nothing of it is left in any file. Runs on the main thread of `chitchatd restore`.
//!
//! The database is migrated and indexed for this, which its first start would do otherwise.

use super::error::BackupError;
use crate::protocol::names::{AccountId, ConversationId, MessageId};
use crate::server::clock;
use crate::server::core::{Again, Operation, OperationKind, State, Storage as _};
use crate::server::dispatcher::Transaction;
use crate::server::hub::Backlog as _;
use crate::server::store::{Indexer, Store, StoreSettings, Sync, UpgradeCopy};
use crate::server::traffic::{Ended, Erasures, Expiry, Rest};
use std::collections::BTreeMap;
use std::path::Path;

/// The server's own account, which does not end.
const SERVER: AccountId = AccountId::new(1);

/// Messages that are removed in one transaction.
const MOST: usize = 256;

/// How much was removed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ErasedAgain {
    /// Messages, whether they were removed one by one, with an account, or since a room no longer kept them.
    pub messages: u64,
    /// Accounts that ended.
    pub accounts: u64,
}

/// Removes all of it from the database in this directory.
pub(super) fn erase(data: &Path, erasures: &Erasures) -> Result<ErasedAgain, BackupError> {
    let settings =
        StoreSettings { data: data.to_owned(), sync: Sync::Full, keep: true, upgrade_copy: UpgradeCopy::None };
    let (store, snapshot) = Store::open(&settings)?;
    let mut indexer = Indexer::open(&settings, &mut |_, _| {})?;
    indexer.catch_up_wholly()?;
    let (state, storage) = (State::new(snapshot), Transaction::new(store));
    let mut again = Eraser { state, storage, done: ErasedAgain::default() };
    again.end_accounts(erasures)?;
    again.drop_messages(erasures)?;
    again.remove_messages(erasures)?;
    let Eraser { storage, done, .. } = again;
    indexer.catch_up_wholly()?;
    let mut store = storage.into_store();
    // Nobody reads, so the log can be emptied and what the index has forgotten goes.
    while store.idle() {}
    store.close()?;
    Ok(done)
}

struct Eraser {
    state: State,
    storage: Transaction,
    done: ErasedAgain,
}

impl Eraser {
    fn apply(&mut self, kind: OperationKind) -> Result<(), BackupError> {
        let at = clock::unix_ms();
        // What is refused is not there: it was never stored, or is gone already.
        let _ = self.state.apply(Operation { at, steady: at, kind }, &mut self.storage);
        self.storage.commit().map(drop).map_err(BackupError::Erasing)
    }

    fn end_accounts(&mut self, erasures: &Erasures) -> Result<(), BackupError> {
        for (&(account, at), how) in &erasures.accounts {
            let is_meant = self.state.account(account).is_some_and(|found| found.at == at);
            if !is_meant || account == SERVER || self.state.is_unregistered(account) {
                continue;
            }
            let all = *how == Ended::WithAllItSaid;
            self.apply(OperationKind::Again(Again::Unregister { account, all }))?;
            self.done.accounts += 1;
        }
        let erasing: Vec<AccountId> = self.state.erasing().collect();
        erasing.into_iter().try_for_each(|author| self.remove_all_by(author))
    }

    fn remove_all_by(&mut self, author: AccountId) -> Result<(), BackupError> {
        let mut cursor = 0;
        loop {
            let Ok(said) = self.storage.said_by(author, cursor) else { return self.failed() };
            let last = match said.rest {
                Rest::More => false,
                Rest::Nothing => true,
                // The server goes on with it when it has an index.
                Rest::Unknown => return Ok(()),
            };
            cursor = said.cursor;
            self.done.messages += said.messages.len() as u64;
            self.apply(OperationKind::Erase { author, messages: said.messages, last })?;
            if last {
                return Ok(());
            }
        }
    }

    fn drop_messages(&mut self, erasures: &Erasures) -> Result<(), BackupError> {
        for (&(room, through), &at) in &erasures.dropped {
            // What is ahead of it was dated by a clock that was wrong, and went with it all the same.
            let expiry = Expiry { before: at.saturating_add(1), now: at };
            loop {
                let dropped = self.state.dropped(room);
                let Ok(oldest) = self.storage.oldest(room, dropped, expiry) else { return self.failed() };
                let Some(expired) = oldest.expired.map(|id| id.min(through)).filter(|&id| id > dropped) else { break };
                self.apply(OperationKind::Drop(BTreeMap::from([(room, expired)])))?;
                if self.state.dropped(room) == dropped {
                    break;
                }
                self.done.messages += expired.value() - dropped.value();
            }
        }
        Ok(())
    }

    fn remove_messages(&mut self, erasures: &Erasures) -> Result<(), BackupError> {
        let mut meant: Vec<(ConversationId, MessageId)> = Vec::new();
        let mut left = erasures.messages.iter().peekable();
        while let Some(&(conversation, id, at)) = left.next() {
            if id > self.state.dropped(conversation) {
                match self.storage.find(conversation, id) {
                    Ok(Some(message)) if message.at == at => meant.push((conversation, id)),
                    Ok(_) => {}
                    Err(_) => return self.failed(),
                }
            }
            if !meant.is_empty() && (meant.len() == MOST || left.peek().is_none()) {
                self.done.messages += meant.len() as u64;
                self.apply(OperationKind::Again(Again::Remove(std::mem::take(&mut meant))))?;
            }
        }
        Ok(())
    }

    /// The transaction says why.
    fn failed(&mut self) -> Result<(), BackupError> {
        self.storage.commit().map(drop).map_err(BackupError::Erasing)
    }
}
