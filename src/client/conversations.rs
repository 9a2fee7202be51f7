//! What is unread, in which conversation: the counts in the prompt, and where a key goes.
//!
//! Owns the list of conversations and what is unread in each, as the server's `/conversations` counts it: what
//! others said above the read marker. Live lines are added to what the server said; what they can't tell, a
//! marker that moved half-way or an edit, makes the counts [stale](Conversations::is_stale) until the list is asked
//! for again. Pure; runs on the network thread.

use super::catch_up::{Listed, TARGETS_MAX};
use super::place::{News, Switch};
use crate::protocol::names::Target;
use std::collections::BTreeMap;

/// Lines that may come while the list is asked for; if there are more, it is asked for again.
const RECENT_MAX: usize = 10_000;

/// Whose line it is, as far as counting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// This account's, which is never unread.
    Own,
    /// Somebody else's.
    Other,
    /// Somebody else's, and it mentions this account.
    Mention,
}

#[derive(Debug, Default)]
pub(super) struct Conversations {
    /// In the order of `/conversations`.
    all: BTreeMap<Place, Tally>,
    listing: bool,
    /// What was heard since the list was asked for.
    recent: Vec<(Target, u64, Heard)>,
    stale: bool,
}

/// Rooms by name, then people by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Room(String),
    Person(String),
}

impl From<&Target> for Place {
    fn from(target: &Target) -> Self {
        match target {
            Target::Room(room) => Self::Room(room.as_str().to_owned()),
            Target::Direct(name) => Self::Person(name.case_folded().into_owned()),
        }
    }
}

#[derive(Debug)]
struct Tally {
    target: Target,
    /// The last id that is counted or shown.
    last: u64,
    /// The last id that was read, here or elsewhere.
    read: u64,
    /// The last id that was shown here.
    shown: u64,
    unread: u64,
    mentions: u64,
}

impl Tally {
    fn new(target: Target) -> Self {
        Self { target, last: 0, read: 0, shown: 0, unread: 0, mentions: 0 }
    }

    fn hear(&mut self, id: u64, heard: Heard) {
        if id <= self.last {
            return;
        }
        self.last = id;
        if id > self.read && heard != Heard::Own {
            self.unread += 1;
            self.mentions += u64::from(heard == Heard::Mention);
        }
    }

    fn clear(&mut self) {
        (self.unread, self.mentions) = (0, 0);
    }
}

impl Conversations {
    /// The list is asked for. Its answer holds what came before it was answered; what comes from now on may or
    /// may not be in it, which the ids will tell.
    pub(super) fn listing(&mut self) {
        self.listing = true;
        self.stale = false;
        self.recent.clear();
    }

    /// The connection dropped, and with it the list.
    pub(super) fn dropped(&mut self) {
        self.listing = false;
        self.recent.clear();
    }

    /// The list is there: what is not in it is no conversation any more.
    pub(super) fn listed(&mut self, rows: &[Listed]) {
        let mut before = std::mem::take(&mut self.all);
        for row in rows.iter().take(TARGETS_MAX) {
            let place = Place::from(&row.target);
            let mut tally = before.remove(&place).unwrap_or_else(|| Tally::new(row.target.clone()));
            tally.last = row.last;
            tally.read = tally.read.max(row.read);
            (tally.unread, tally.mentions) = (row.unread, row.mentions);
            if tally.shown >= row.last {
                tally.clear();
            } else if tally.read > row.read && row.unread > 0 {
                // Read here up to somewhere within what the server counted.
                self.stale = true;
            }
            self.all.insert(place, tally);
        }
        self.listing = false;
        for (target, id, heard) in std::mem::take(&mut self.recent) {
            self.hear(&target, id, heard);
        }
    }

    /// All ids start over: the server's history is another one.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// A line came in a conversation whose lines are not shown.
    pub(super) fn hear(&mut self, target: &Target, id: u64, heard: Heard) {
        self.note(target, id, heard);
        if let Some(tally) = self.tally(target) {
            tally.hear(id, heard);
        }
    }

    /// Everything up to this id was shown here.
    pub(super) fn shown(&mut self, target: &Target, id: u64) {
        self.note(target, id, Heard::Own);
        if let Some(tally) = self.tally(target) {
            tally.last = tally.last.max(id);
            tally.shown = tally.shown.max(id);
            tally.read = tally.read.max(id);
            tally.clear();
        }
    }

    fn note(&mut self, target: &Target, id: u64, heard: Heard) {
        if !self.listing {
            return;
        }
        if self.recent.len() < RECENT_MAX {
            self.recent.push((target.clone(), id, heard));
        } else {
            self.stale = true;
        }
    }

    /// It was read up to this id on another device.
    pub(super) fn read(&mut self, target: &Target, id: u64) {
        let Some(tally) = self.all.get_mut(&Place::from(target)) else { return };
        if id <= tally.read {
            return;
        }
        tally.read = id;
        if id >= tally.last {
            tally.clear();
        } else if tally.unread > 0 {
            self.stale = true;
        }
        // A list under way may be older than this.
        self.stale |= self.listing;
    }

    /// A message there was edited or removed: it may count otherwise now.
    pub(super) fn changed(&mut self, target: &Target) {
        self.stale |= self.listing || self.all.get(&Place::from(target)).is_some_and(|tally| tally.unread > 0);
    }

    /// It is no conversation of this account's any more.
    pub(super) fn gone(&mut self, target: &Target) {
        self.all.remove(&Place::from(target));
        self.stale |= self.listing;
    }

    /// A room has another name.
    pub(super) fn renamed(&mut self, before: &Target, name: &Target) {
        if let Some(tally) = self.all.remove(&Place::from(before)) {
            self.all.insert(Place::from(name), Tally { target: name.clone(), ..tally });
        }
        self.stale |= self.listing;
    }

    /// There may be a conversation that is not in the list.
    pub(super) fn outdate(&mut self) {
        self.stale = true;
    }

    /// The list was refused.
    pub(super) fn not_listed(&mut self) {
        self.dropped();
        self.stale = true;
    }

    /// Whether the counts may be wrong, so that the list must be asked for.
    #[must_use]
    pub(super) fn is_stale(&self) -> bool {
        self.stale && !self.listing
    }

    /// The last id that was read there, the last id there, and how many unread lines there are.
    #[must_use]
    pub(super) fn unread(&self, target: &Target) -> (u64, u64, u64) {
        self.all.get(&Place::from(target)).map_or((0, 0, 0), |tally| (tally.read, tally.last, tally.unread))
    }

    /// The rooms in which there is something unread, but for `current`. Direct conversations are always shown.
    #[must_use]
    pub(super) fn news(&self, current: Option<&Target>) -> Vec<News> {
        let all = self.with_news(current);
        all.map(|tally| News { target: tally.target.clone(), unread: tally.unread, mentions: tally.mentions }).collect()
    }

    fn with_news(&self, current: Option<&Target>) -> impl Iterator<Item = &Tally> {
        self.all.values().filter(move |tally| {
            tally.unread > 0 && matches!(tally.target, Target::Room(_)) && Some(&tally.target) != current
        })
    }

    /// Where a key goes.
    #[must_use]
    pub(super) fn find(&self, to: Switch, current: Option<&Target>) -> Option<Target> {
        match to {
            Switch::Nth(number) => {
                number.checked_sub(1).and_then(|index| self.all.values().nth(index)).map(|tally| tally.target.clone())
            }
            Switch::News => {
                // Where the prompt has news, and nowhere else.
                let news = || self.with_news(current);
                let found = news().find(|tally| tally.mentions > 0).or_else(|| news().next());
                found.map(|tally| tally.target.clone())
            }
        }
    }

    fn tally(&mut self, target: &Target) -> Option<&mut Tally> {
        let place = Place::from(target);
        if self.all.len() >= TARGETS_MAX && !self.all.contains_key(&place) {
            return None;
        }
        Some(self.all.entry(place).or_insert_with(|| Tally::new(target.clone())))
    }
}

#[cfg(test)]
mod tests;
