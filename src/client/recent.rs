//! The lines that were shown last in each conversation, so that a person can point at one: `-1`, `-2`, or
//! the name of who said it.
//!
//! Owns their ids and authors. Bounded: of each conversation the newest [`LINES_MAX`] lines, and of
//! [`CONVERSATIONS_MAX`] conversations, those where something was shown last. Pure; runs on the network
//! thread.

use crate::protocol::names::{Target, UserName};
use std::collections::{BTreeMap, HashMap};

/// Lines of one conversation that are remembered.
const LINES_MAX: usize = 100;
/// Conversations whose lines are remembered.
const CONVERSATIONS_MAX: usize = 50;

/// Whose lines count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose<'a> {
    Anybodys,
    Own,
    /// Those of this account.
    Of(&'a UserName),
}

#[derive(Debug, Default)]
pub(super) struct Recent {
    conversations: HashMap<Target, Lines>,
    /// Counts what was shown, so that the conversation that was quiet longest is known.
    shown: u64,
}

#[derive(Debug, Default)]
struct Lines {
    by_id: BTreeMap<u64, Author>,
    last_shown: u64,
}

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// This account.
    Me,
    Other(UserName),
}

impl Recent {
    /// A line was shown, now or again.
    pub(super) fn shown(&mut self, target: &Target, id: u64, author: Author) {
        if !self.conversations.contains_key(target) && self.conversations.len() >= CONVERSATIONS_MAX {
            let quietest = self.conversations.iter().min_by_key(|(_, lines)| lines.last_shown);
            if let Some(quietest) = quietest.map(|(target, _)| target.clone()) {
                self.conversations.remove(&quietest);
            }
        }
        self.shown += 1;
        let lines = self.conversations.entry(target.clone()).or_default();
        lines.last_shown = self.shown;
        lines.by_id.insert(id, author);
        if lines.by_id.len() > LINES_MAX {
            lines.by_id.pop_first();
        }
    }

    /// A line was removed: nobody can point at it any more.
    pub(super) fn removed(&mut self, target: &Target, id: u64) {
        if let Some(lines) = self.conversations.get_mut(target) {
            lines.by_id.remove(&id);
        }
    }

    /// A room has another name.
    pub(super) fn renamed(&mut self, before: &Target, now: &Target) {
        if let Some(lines) = self.conversations.remove(before) {
            self.conversations.insert(now.clone(), lines);
        }
    }

    /// The ids mean other messages now.
    pub(super) fn clear(&mut self) {
        self.conversations.clear();
    }

    /// The id of the last of these lines (1), the one before it (2), and so on.
    #[must_use]
    pub(super) fn nth_last(&self, target: &Target, n: usize, whose: Whose<'_>) -> Option<u64> {
        let counts = |author: &Author| match whose {
            Whose::Anybodys => true,
            Whose::Own => *author == Author::Me,
            Whose::Of(name) => *author == Author::Other(*name),
        };
        let lines = self.conversations.get(target)?.by_id.iter().rev();
        lines.filter(|(_, author)| counts(author)).nth(n.checked_sub(1)?).map(|(&id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str) -> Target {
        Target::parse(name).unwrap()
    }

    fn said(recent: &mut Recent, room: &str, id: u64, author: &str) {
        let author = if author == "alice" { Author::Me } else { Author::Other(UserName::parse(author).unwrap()) };
        recent.shown(&target(room), id, author);
    }

    #[test]
    fn lines_are_counted_from_the_last_one() {
        let mut recent = Recent::default();
        for (id, author) in [(1, "alice"), (2, "Bob"), (3, "alice"), (4, "carol")] {
            said(&mut recent, "lobby", id, author);
        }
        let nth = |n, whose| recent.nth_last(&target("lobby"), n, whose);
        assert_eq!([nth(1, Whose::Anybodys), nth(2, Whose::Anybodys)], [Some(4), Some(3)]);
        assert_eq!([nth(1, Whose::Own), nth(2, Whose::Own), nth(3, Whose::Own)], [Some(3), Some(1), None]);
        let bob = UserName::parse("bob").unwrap();
        assert_eq!([nth(1, Whose::Of(&bob)), nth(2, Whose::Of(&bob))], [Some(2), None]);
        assert_eq!([nth(0, Whose::Anybodys), nth(5, Whose::Anybodys)], [None, None]);
        assert_eq!(recent.nth_last(&target("ops"), 1, Whose::Anybodys), None);
    }

    #[test]
    fn older_lines_that_are_shown_later_do_not_count_as_the_last() {
        let mut recent = Recent::default();
        said(&mut recent, "lobby", 9, "bob");
        said(&mut recent, "lobby", 3, "bob");
        assert_eq!(recent.nth_last(&target("lobby"), 1, Whose::Anybodys), Some(9));
    }

    #[test]
    fn what_is_gone_or_has_another_name_is_known() {
        let mut recent = Recent::default();
        said(&mut recent, "lobby", 1, "bob");
        said(&mut recent, "lobby", 2, "bob");
        recent.removed(&target("lobby"), 2);
        recent.renamed(&target("lobby"), &target("hall"));
        let last = |recent: &Recent, room: &str| recent.nth_last(&target(room), 1, Whose::Anybodys);
        assert_eq!((last(&recent, "hall"), last(&recent, "lobby")), (Some(1), None));
        recent.clear();
        assert_eq!(last(&recent, "hall"), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut recent = Recent::default();
        (0..1000).for_each(|id| said(&mut recent, "lobby", id, "bob"));
        assert_eq!(recent.conversations[&target("lobby")].by_id.len(), LINES_MAX);
        for room in 0..200 {
            said(&mut recent, &format!("r{room}"), 1, "bob");
            said(&mut recent, "lobby", 1000 + room, "bob");
        }
        assert_eq!(recent.conversations.len(), CONVERSATIONS_MAX);
        let last = |room: &str| recent.nth_last(&target(room), 1, Whose::Anybodys);
        assert_eq!((last("lobby"), last("r199"), last("r0")), (Some(1199), Some(1), None));
    }
}
