//! Subscriptions: which of a worker's connections receive a room, and which belong to an account.
//!
//! Owns lists of slots, and nothing of the connections. The worker's thread owns it.

use crate::protocol::names::{AccountId, ConversationId};
use rustc_hash::FxHashMap;
use std::hash::Hash;

/// Who receives something.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subscribers {
    Room(ConversationId),
    Account(AccountId),
}

#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    rooms: FxHashMap<ConversationId, Vec<u32>>,
    accounts: FxHashMap<AccountId, Vec<u32>>,
}

impl Subscriptions {
    /// Adds a connection of this account, which receives these rooms.
    pub(super) fn attach(&mut self, slot: u32, account: AccountId, rooms: &[ConversationId]) {
        for &room in rooms {
            self.rooms.entry(room).or_default().push(slot);
        }
        self.accounts.entry(account).or_default().push(slot);
    }

    /// Removes a connection from its lists.
    pub(super) fn detach(&mut self, slot: u32, account: AccountId, rooms: &[ConversationId]) {
        for &room in rooms {
            remove(&mut self.rooms, room, slot);
        }
        remove(&mut self.accounts, account, slot);
    }

    /// Subscribes an account's connections to a room. Returns their slots.
    pub(super) fn enter(&mut self, account: AccountId, room: ConversationId) -> Vec<u32> {
        let slots = self.accounts.get(&account).cloned().unwrap_or_default();
        if !slots.is_empty() {
            self.rooms.entry(room).or_default().extend_from_slice(&slots);
        }
        slots
    }

    /// The slots of an account's connections.
    pub(super) fn of_account(&self, account: AccountId) -> &[u32] {
        self.accounts.get(&account).map_or(&[], Vec::as_slice)
    }

    /// Unsubscribes an account's connections from a room. Returns their slots.
    pub(super) fn leave(&mut self, account: AccountId, room: ConversationId) -> Vec<u32> {
        let slots = self.accounts.get(&account).cloned().unwrap_or_default();
        for &slot in &slots {
            remove(&mut self.rooms, room, slot);
        }
        slots
    }

    /// Lends out a list, since delivering needs the worker as a whole. [`Subscriptions::give_back`]
    /// returns it before anything else changes.
    pub(super) fn lend(&mut self, subscribers: Subscribers) -> Option<Vec<u32>> {
        self.list(subscribers).map(std::mem::take)
    }

    pub(super) fn give_back(&mut self, subscribers: Subscribers, slots: Vec<u32>) {
        if let Some(list) = self.list(subscribers) {
            *list = slots;
        }
    }

    fn list(&mut self, subscribers: Subscribers) -> Option<&mut Vec<u32>> {
        match subscribers {
            Subscribers::Room(room) => self.rooms.get_mut(&room),
            Subscribers::Account(account) => self.accounts.get_mut(&account),
        }
    }
}

fn remove<K: Hash + Eq>(lists: &mut FxHashMap<K, Vec<u32>>, key: K, slot: u32) {
    if let Some(list) = lists.get_mut(&key) {
        if let Some(at) = list.iter().position(|&other| other == slot) {
            list.swap_remove(at);
        }
        if list.is_empty() {
            lists.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPS: ConversationId = ConversationId::new(2);
    const ANN: AccountId = AccountId::new(2);
    const BOB: AccountId = AccountId::new(3);

    fn receives(subscriptions: &mut Subscriptions, subscribers: Subscribers) -> Vec<u32> {
        let slots = subscriptions.lend(subscribers).unwrap_or_default();
        subscriptions.give_back(subscribers, slots.clone());
        slots
    }

    #[test]
    fn a_connection_that_left_is_on_no_list_and_empty_lists_are_removed() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.attach(1, ANN, &[]);
        subscriptions.attach(2, ANN, &[]);
        subscriptions.attach(3, BOB, &[OPS]);
        assert_eq!(subscriptions.enter(ANN, OPS), [1, 2]);
        assert_eq!(receives(&mut subscriptions, Subscribers::Room(OPS)), [3, 1, 2]);
        subscriptions.detach(3, BOB, &[OPS]);
        subscriptions.detach(2, ANN, &[OPS]);
        assert_eq!(receives(&mut subscriptions, Subscribers::Room(OPS)), [1,]);
        assert_eq!(subscriptions.leave(ANN, OPS), [1]);
        assert!(subscriptions.enter(BOB, OPS).is_empty());
        assert_eq!(receives(&mut subscriptions, Subscribers::Account(ANN)), [1]);
        subscriptions.detach(1, ANN, &[]);
        assert!(subscriptions.rooms.is_empty() && subscriptions.accounts.is_empty());
    }
}
