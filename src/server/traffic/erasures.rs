//! What is gone from a server for good, so that it can be removed again from an older copy of its database. Numbers
//! and times alone: no text, no name, and nothing from which a text could be guessed.
//!
//! Ids are given anew in the history that begins when a backup is restored. So each entry has a time as well: a
//! message is the one that is meant only if it was said then, and an account if it was made then.

use crate::protocol::names::{AccountId, ConversationId, MessageId};
use std::collections::{BTreeMap, BTreeSet};

/// What is gone, from any number of histories of one server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Erasures {
    /// Messages that were removed, and when each was said.
    pub messages: BTreeSet<(ConversationId, MessageId, u64)>,
    /// Up to which message a room had dropped what was said there, and at which time that was so.
    pub dropped: BTreeMap<(ConversationId, MessageId), u64>,
    /// Accounts that ended, with the time at which each was made.
    pub accounts: BTreeMap<(AccountId, u64), Ended>,
}

/// How an account ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ended {
    /// What it said stays, or is gone already and listed message by message.
    Itself,
    /// What it said is to go, too.
    WithAllItSaid,
}

impl Erasures {
    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.messages.len() + self.dropped.len() + self.accounts.len()
    }

    /// Takes over what another list has.
    pub(crate) fn merge(&mut self, other: Self) {
        self.messages.extend(other.messages);
        for (place, at) in other.dropped {
            // The earlier time says it more exactly.
            self.dropped.entry(place).and_modify(|known| *known = at.min(*known)).or_insert(at);
        }
        for (account, how) in other.accounts {
            self.accounts.entry(account).and_modify(|known| *known = how.max(*known)).or_insert(how);
        }
        self.forget_covered();
    }

    /// Leaves out what a room dropped before it dropped more.
    fn forget_covered(&mut self) {
        let all = std::mem::take(&mut self.dropped);
        let mut last: Option<(ConversationId, u64)> = None;
        for ((room, through), at) in all.into_iter().rev() {
            if last.is_none_or(|(other, covered)| other != room || covered < at) {
                last = Some((room, at));
                self.dropped.insert((room, through), at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(all: &[(i64, u64, u64)]) -> Erasures {
        let entry = |&(room, through, at): &(i64, u64, u64)| {
            ((ConversationId::new(room), MessageId::new(through).unwrap()), at)
        };
        Erasures { dropped: all.iter().map(entry).collect(), ..Erasures::default() }
    }

    #[test]
    fn a_room_that_drops_more_needs_one_entry() {
        let mut all = dropped(&[(1, 10, 100), (2, 7, 50)]);
        all.merge(dropped(&[(1, 10, 130), (1, 20, 200), (2, 9, 40)]));
        // In room 2 a history in which less was dropped went on for longer.
        assert_eq!(all, dropped(&[(1, 20, 200), (2, 7, 50), (2, 9, 40)]));
    }

    #[test]
    fn an_account_that_wanted_all_to_go_still_wants_it() {
        let account =
            |how| Erasures { accounts: BTreeMap::from([((AccountId::new(7), 5), how)]), ..Erasures::default() };
        for (first, second) in [(Ended::Itself, Ended::WithAllItSaid), (Ended::WithAllItSaid, Ended::Itself)] {
            let mut all = account(first);
            all.merge(account(second));
            assert_eq!(all, account(Ended::WithAllItSaid));
        }
    }
}
