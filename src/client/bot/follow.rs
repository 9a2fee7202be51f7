//! How a bot misses nothing and is told nothing twice: the highest id and change that it has of each conversation.
//!
//! Pure: numbers in, verdicts out. [`super::Bot`] fetches what a verdict or [`Follower::behind`] asks for, as "Coming
//! back" in `docs/PROTOCOL.md` says. Nothing is held back here: while a conversation is behind, its rows are fetched
//! first, and the live lines that came meanwhile are judged afterwards.

use crate::protocol::names::Target;
use jiff::Timestamp;
use std::collections::HashMap;

/// Where to begin in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With what is said from now on.
    Now,
    /// With the last messages, so many of them.
    Last(u32),
    /// With the first message after this id.
    After(u64),
    /// With the first one above the account's read marker, which [`Bot::mark_read`](super::Bot::mark_read) moves: so a
    /// bot goes on where it was, without a file of its own.
    Unread,
}

/// What to do with a live message or change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Pass it on.
    Deliver,
    /// It was passed on before.
    Skip,
    /// Something before it is missing: fetch that first, then judge it again.
    Fetch,
}

/// What to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Missing {
    Messages(Target, u64),
    Changes(Target, u64),
}

/// The last message of a conversation that was passed on, as it is recognised under another epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) at: Timestamp,
    pub(super) author: String,
}

/// The numbers of one kind: ids, or changes.
#[derive(Debug, Clone, Default)]
struct Count {
    seen: u64,
    /// Whether more is there than was seen.
    behind: bool,
    /// A live one that was not the next, if that is why.
    gap: Option<u64>,
}

#[derive(Debug, Clone, Default)]
struct Followed {
    messages: Count,
    changes: Count,
    last: Option<Last>,
}

#[derive(Debug, Default)]
pub(super) struct Follower {
    targets: HashMap<Target, Followed>,
}

impl Follower {
    /// Follows a conversation from these numbers on; all that is above them is still to come.
    pub(super) fn follow(&mut self, target: Target, id: u64, change: u64) {
        let count = |seen| Count { seen, ..Count::default() };
        self.targets.insert(target, Followed { messages: count(id), changes: count(change), last: None });
    }

    /// Whether it is followed.
    pub(super) fn follows(&self, target: &Target) -> bool {
        self.targets.contains_key(target)
    }

    /// The conversations that are followed.
    pub(super) fn targets(&self) -> Vec<Target> {
        self.targets.keys().cloned().collect()
    }

    /// Follows it no more; false if it was not followed.
    pub(super) fn forget(&mut self, target: &Target) -> bool {
        self.targets.remove(target).is_some()
    }

    /// A room has another name, under which its numbers go on.
    pub(super) fn renamed(&mut self, before: &Target, name: Target) {
        if let Some(followed) = self.targets.remove(before) {
            self.targets.insert(name, followed);
        }
    }

    /// A row of `/conversations`, or `None` if it has none: what is behind?
    pub(super) fn listed(&mut self, target: &Target, row: Option<(u64, u64)>) {
        let Some(followed) = self.targets.get_mut(target) else { return };
        match row {
            Some((last, change)) => {
                followed.messages.behind |= last > followed.messages.seen;
                followed.changes.behind |= change > followed.changes.seen;
            }
            // The answer says why it is not there, or what its name is now.
            None => followed.messages.behind = true,
        }
    }

    /// A live message of a conversation that is followed.
    pub(super) fn message(&mut self, target: &Target, id: u64, last: Option<Last>) -> Verdict {
        let Some(followed) = self.targets.get_mut(target) else { return Verdict::Deliver };
        let verdict = followed.messages.judge(id);
        if verdict == Verdict::Deliver && last.is_some() {
            followed.last = last;
        }
        verdict
    }

    /// A live change there.
    pub(super) fn change(&mut self, target: &Target, number: u64) -> Verdict {
        self.targets.get_mut(target).map_or(Verdict::Deliver, |followed| followed.changes.judge(number))
    }

    /// What is to be fetched next. Messages come before changes, which are about them.
    pub(super) fn behind(&self) -> Option<Missing> {
        let of = |part: fn(&Followed) -> &Count| {
            let found = self.targets.iter().find(|(_, followed)| part(followed).behind);
            found.map(|(target, followed)| (target.clone(), part(followed).seen))
        };
        let messages = of(|followed| &followed.messages).map(|(target, seen)| Missing::Messages(target, seen));
        messages.or_else(|| of(|followed| &followed.changes).map(|(target, seen)| Missing::Changes(target, seen)))
    }

    /// A fetched message: whether to pass it on.
    pub(super) fn fetched_message(&mut self, target: &Target, id: u64, last: Option<Last>) -> bool {
        let Some(followed) = self.targets.get_mut(target) else { return false };
        let new = followed.messages.advance(id);
        if new && last.is_some() {
            followed.last = last;
        }
        new
    }

    /// A fetched change: whether to pass it on.
    pub(super) fn fetched_change(&mut self, target: &Target, number: u64) -> bool {
        self.targets.get_mut(target).is_some_and(|followed| followed.changes.advance(number))
    }

    /// Nothing more is to be fetched of what [`Follower::behind`] asked for.
    pub(super) fn up_to_date(&mut self, missing: &Missing) {
        let count = match missing {
            Missing::Messages(target, _) => self.targets.get_mut(target).map(|followed| &mut followed.messages),
            Missing::Changes(target, _) => self.targets.get_mut(target).map(|followed| &mut followed.changes),
        };
        if let Some(count) = count {
            count.up_to_date();
        }
    }

    /// The last message that was passed on, with its id.
    pub(super) fn last(&self, target: &Target) -> Option<(u64, Option<Last>)> {
        self.targets.get(target).map(|followed| (followed.messages.seen, followed.last.clone()))
    }

    /// Goes on from other numbers: the history is another one.
    pub(super) fn restart(&mut self, target: &Target, id: u64, change: u64) {
        if let Some(followed) = self.targets.get_mut(target) {
            (followed.messages.seen, followed.changes.seen) = (id, change);
        }
    }
}

impl Count {
    fn judge(&mut self, number: u64) -> Verdict {
        if number <= self.seen {
            Verdict::Skip
        } else if number == self.seen + 1 {
            self.seen = number;
            Verdict::Deliver
        } else {
            (self.behind, self.gap) = (true, Some(number));
            Verdict::Fetch
        }
    }

    fn advance(&mut self, number: u64) -> bool {
        let new = number > self.seen;
        self.seen = self.seen.max(number);
        new
    }

    fn up_to_date(&mut self) {
        // What the history does not hold is not to be had (a server that keeps none): the live one comes next.
        if let Some(gap) = self.gap.take() {
            self.seen = self.seen.max(gap.saturating_sub(1));
        }
        self.behind = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ops() -> Target {
        Target::parse("ops").unwrap()
    }

    #[test]
    fn live_messages_come_once_and_a_gap_is_fetched_first() {
        let mut follower = Follower::default();
        follower.follow(ops(), 5, 0);
        assert_eq!(follower.message(&ops(), 5, None), Verdict::Skip);
        assert_eq!(follower.message(&ops(), 6, None), Verdict::Deliver);
        assert_eq!(follower.message(&ops(), 9, None), Verdict::Fetch);
        let missing = follower.behind().unwrap();
        assert_eq!(missing, Missing::Messages(ops(), 6));
        assert!(follower.fetched_message(&ops(), 7, None) && follower.fetched_message(&ops(), 8, None));
        follower.up_to_date(&missing);
        assert_eq!(follower.behind(), None);
        assert_eq!(follower.message(&ops(), 9, None), Verdict::Deliver);
        assert_eq!(follower.message(&ops(), 9, None), Verdict::Skip);
    }

    #[test]
    fn a_gap_that_the_history_does_not_hold_is_passed_over() {
        let mut follower = Follower::default();
        follower.follow(ops(), 1, 0);
        assert_eq!(follower.message(&ops(), 4, None), Verdict::Fetch);
        follower.up_to_date(&Missing::Messages(ops(), 1));
        assert_eq!(follower.message(&ops(), 4, None), Verdict::Deliver);
    }

    #[test]
    fn after_a_reconnection_what_is_behind_is_fetched_messages_first() {
        let mut follower = Follower::default();
        follower.follow(ops(), 3, 1);
        follower.listed(&ops(), Some((3, 1)));
        assert_eq!(follower.behind(), None);
        follower.listed(&ops(), Some((4, 2)));
        assert_eq!(follower.behind(), Some(Missing::Messages(ops(), 3)));
        assert!(follower.fetched_message(&ops(), 4, None));
        follower.up_to_date(&Missing::Messages(ops(), 3));
        assert_eq!(follower.behind(), Some(Missing::Changes(ops(), 1)));
        assert!(follower.fetched_change(&ops(), 2) && !follower.fetched_change(&ops(), 2));
        follower.up_to_date(&Missing::Changes(ops(), 1));
        assert_eq!(follower.behind(), None);
    }

    #[test]
    fn a_renamed_room_goes_on_under_its_numbers() {
        let mut follower = Follower::default();
        let pumps = Target::parse("pumps").unwrap();
        follower.follow(ops(), 3, 0);
        follower.renamed(&ops(), pumps.clone());
        assert!(!follower.follows(&ops()));
        assert_eq!(follower.message(&pumps, 4, None), Verdict::Deliver);
    }
}
