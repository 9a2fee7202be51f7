//! Catching up: every message is shown once and in order, over any number of dropped connections.
//!
//! Owns the last id shown in each conversation, which conversations are shown at all, and the live
//! messages that are held back while older ones are fetched. Pure: messages in, [`CatchUpStep`]s out. Must
//! not know sockets, labels or what a line looks like. Runs on the network thread.
//!
//! A program is shown every conversation. A person may choose to be shown the current one and all direct
//! ones ([`Scope::Current`]): messages of other rooms are passed on to be counted, and shown when the
//! person goes there.
//!
//! After each login, live messages are held back while the conversations are listed. If one has
//! more than was shown, the rest is fetched page by page, one conversation after another; then the
//! messages held for it follow, except those that the pages contained. Memory is bounded: beyond
//! [`HELD_MAX`] held messages are dropped, and fetched later.

use super::item::ShownMessage;
use crate::protocol::names::Target;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

mod steps;

pub(super) use steps::{CatchUpStep, Continuity, Listed, Page, Part};

/// What the messages that are held back may cost, over all conversations, in bytes.
pub(super) const HELD_MAX: usize = 4 << 20;
/// What one costs besides its text: the smallest map of them has room for eleven.
const HELD_COST: usize = 2048;
/// Conversations that are tracked; messages of others are shown as they arrive.
pub(super) const TARGETS_MAX: usize = 10_000;
/// Unread messages that are shown at the start, and in a conversation that becomes the current one.
pub(super) const UNREAD_SHOWN: u32 = 50;
/// Messages on a page when catching up.
pub(super) const PAGE: u32 = 1000;

/// Which conversations are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Scope {
    /// All of them.
    #[default]
    All,
    /// The current one, and all direct ones.
    Current,
}

#[derive(Debug, Default)]
pub(super) struct CatchUp {
    scope: Scope,
    /// The current conversation.
    current: Option<Target>,
    epoch: Option<String>,
    conversations: HashMap<Target, Conversation>,
    /// What the held messages cost, in bytes.
    held: usize,
    phase: CatchUpPhase,
    queue: VecDeque<(Target, Part)>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum CatchUpPhase {
    /// Not connected, or the conversations are not listed yet.
    #[default]
    Listing,
    /// The front of the queue is being fetched; `progress` says whether the page brought anything new.
    Fetching {
        progress: bool,
    },
    Live,
}

#[derive(Debug, Default)]
struct Conversation {
    /// The last id that was shown or does not need to be.
    seen: u64,
    /// Whether `seen` has been set.
    known: bool,
    /// Ids above `seen` of messages that this client sent.
    sent_here: BTreeSet<u64>,
    held: BTreeMap<u64, ShownMessage>,
    /// Whether held messages were dropped and must be fetched.
    dropped: bool,
    /// Where the user left off, until the first unread message is shown.
    left_off: Option<LeftOff>,
}

#[derive(Debug, Clone, Copy)]
struct LeftOff {
    /// The last id that was read.
    read: u64,
    unread: u64,
}

impl CatchUp {
    #[must_use]
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, ..Self::default() }
    }

    /// Whether the messages of a conversation are shown.
    #[must_use]
    pub(super) fn shows(&self, target: &Target) -> bool {
        self.scope == Scope::All || matches!(target, Target::Direct(_)) || self.current.as_ref() == Some(target)
    }

    /// Whether everything that was missed has been shown.
    #[must_use]
    pub(super) fn is_live(&self) -> bool {
        self.phase == CatchUpPhase::Live
    }

    /// A connection is logged in, and `current` is the current conversation if the user is still in it. Live
    /// messages are held until [`CatchUp::listed`]. If the server's
    /// history is a different one than before, all ids are forgotten.
    pub(super) fn connected(&mut self, epoch: &str, current: Option<&Target>) -> Continuity {
        self.current = current.cloned();
        self.phase = CatchUpPhase::Listing;
        self.queue.clear();
        for conversation in self.conversations.values_mut() {
            // They arrived on the old connection, and will be in the pages.
            conversation.held.clear();
            conversation.dropped = false;
        }
        self.held = 0;
        match &self.epoch {
            Some(known) if known == epoch => Continuity::Same,
            None => Continuity::Same,
            Some(_) => {
                self.conversations.clear();
                self.epoch = None;
                Continuity::Broken
            }
        }
    }

    /// The user is in this conversation from now on. What is there unread, above `read` and up to `last`, is
    /// shown if it is not shown anyway.
    pub(super) fn go(&mut self, target: Option<&Target>, read: u64, last: u64, unread: u64) -> Vec<CatchUpStep> {
        let mut steps = Vec::new();
        let shown = target.is_none_or(|target| self.shows(target));
        self.current = target.cloned();
        let Some(target) = target.filter(|_| !shown) else { return steps };
        let Some(conversation) = self.conversation(target) else { return steps };
        conversation.known = true;
        conversation.seen = conversation.seen.max(read);
        if last > conversation.seen {
            conversation.left_off = Some(LeftOff { read: conversation.seen, unread });
            self.fetch(target, Part::Latest);
            if self.phase == CatchUpPhase::Live {
                self.next_page(&mut steps);
            }
        }
        steps
    }

    fn fetch(&mut self, target: &Target, part: Part) {
        if self.queue.iter().all(|(queued, _)| queued != target) {
            self.queue.push_back((target.clone(), part));
        }
    }

    /// The conversations are listed. The first time, the unread messages of `current` are shown, and
    /// those of the others are counted; in [`Scope::Current`] unread direct ones are shown as well.
    pub(super) fn listed(&mut self, epoch: &str, rows: Vec<Listed>, current: Option<&Target>) -> Vec<CatchUpStep> {
        self.current = current.cloned();
        let (scope, mine) = (self.scope, current.cloned());
        let shown = |target: &Target| {
            scope == Scope::All || matches!(target, Target::Direct(_)) || mine.as_ref() == Some(target)
        };
        let first = self.epoch.is_none();
        self.epoch = Some(epoch.to_owned());
        let mut steps = Vec::new();
        for row in rows.into_iter().take(TARGETS_MAX).filter(|row| shown(&row.target)) {
            let Some(conversation) = self.conversation(&row.target) else { continue };
            let known = std::mem::replace(&mut conversation.known, true);
            if !first {
                if !known {
                    // New to this client: another device joined the room, or somebody wrote.
                    conversation.seen = row.read;
                }
                if row.last > conversation.seen || conversation.dropped {
                    conversation.dropped = false;
                    self.queue.push_back((row.target, Part::After(0)));
                }
            } else if (scope == Scope::Current || current == Some(&row.target)) && row.unread > 0 {
                conversation.seen = row.read;
                conversation.left_off = Some(LeftOff { read: row.read, unread: row.unread });
                self.queue.push_back((row.target, Part::Latest));
            } else {
                conversation.seen = row.last;
                if row.unread > 0 {
                    steps.push(CatchUpStep::Unread { target: row.target, unread: row.unread, read: row.read });
                }
            }
        }
        let waiting: HashSet<&Target> = self.queue.iter().map(|(target, _)| target).collect();
        let idle: Vec<Target> = self.conversations.keys().filter(|target| !waiting.contains(target)).cloned().collect();
        for target in idle {
            self.release(&target, &mut steps);
        }
        self.next_page(&mut steps);
        steps
    }

    /// A row of the part that is being fetched.
    pub(super) fn fetched(&mut self, target: &Target, id: u64, message: ShownMessage) -> Vec<CatchUpStep> {
        let mut steps = Vec::new();
        let Some(conversation) = self.conversations.get_mut(target) else { return steps };
        if id <= conversation.seen {
            return steps;
        }
        if let Some(LeftOff { read, unread }) = conversation.left_off.take() {
            if id > read + 1 {
                steps.push(CatchUpStep::Earlier { target: target.clone(), read, before: id });
            }
            if self.current.as_ref() == Some(target) && unread > 0 {
                steps.push(CatchUpStep::LeftOff { unread, since: message.at });
            }
        }
        if let CatchUpPhase::Fetching { progress } = &mut self.phase {
            *progress = true;
        }
        if conversation.pass(id) {
            steps.push(CatchUpStep::Show(target.clone(), id, Box::new(message)));
        }
        steps
    }

    /// The page is complete, or was refused.
    pub(super) fn page_end(&mut self, page: Page) -> Vec<CatchUpStep> {
        let mut steps = Vec::new();
        let CatchUpPhase::Fetching { progress } = self.phase else { return steps };
        let Some((target, part)) = self.queue.pop_front() else { return steps };
        // After a page without anything new, the next would be the same.
        if matches!((page, part), (Page::More, Part::After(_))) && progress {
            self.queue.push_front((target, Part::After(0)));
        } else {
            self.release(&target, &mut steps);
        }
        self.next_page(&mut steps);
        steps
    }

    /// A live message.
    pub(super) fn live(&mut self, target: &Target, id: u64, message: ShownMessage) -> Option<CatchUpStep> {
        let live = self.phase == CatchUpPhase::Live;
        let waiting =
            !live && (self.phase == CatchUpPhase::Listing || self.queue.iter().any(|(queued, _)| queued == target));
        let shows = self.shows(target);
        // What is only counted needs not wait for the list; what is being fetched is shown once more.
        if !shows && (live || self.queue.iter().all(|(queued, _)| queued != target)) {
            return Some(CatchUpStep::Count(target.clone(), id, Box::new(message)));
        }
        let room = self.held < HELD_MAX;
        let Some(conversation) = self.conversation(target) else {
            return Some(CatchUpStep::Show(target.clone(), id, Box::new(message)));
        };
        if !waiting {
            return conversation.pass(id).then(|| CatchUpStep::Show(target.clone(), id, Box::new(message)));
        }
        if room && !conversation.dropped {
            let added = cost(&message);
            let replaced = conversation.held.insert(id, message).as_ref().map_or(0, cost);
            self.held = self.held + added - replaced;
        } else {
            let dropped: usize = conversation.held.values().map(cost).sum();
            conversation.held.clear();
            conversation.dropped = true;
            self.held -= dropped;
        }
        None
    }

    /// This client sent a message, which got this id, and which is not to be shown.
    pub(super) fn sent(&mut self, target: &Target, id: u64) {
        let live = self.phase == CatchUpPhase::Live;
        let Some(conversation) = self.conversation(target) else { return };
        if live {
            // The server sends `+ ID` in order with the messages.
            conversation.seen = conversation.seen.max(id);
        } else if id > conversation.seen {
            conversation.sent_here.insert(id);
        }
    }

    /// A conversation has another name.
    pub(super) fn renamed(&mut self, before: &Target, name: &Target) {
        if let Some(conversation) = self.conversations.remove(before) {
            self.conversations.insert(name.clone(), conversation);
        }
        for (queued, _) in &mut self.queue {
            if queued == before {
                queued.clone_from(name);
            }
        }
    }

    fn conversation(&mut self, target: &Target) -> Option<&mut Conversation> {
        if self.conversations.len() >= TARGETS_MAX && !self.conversations.contains_key(target) {
            return None;
        }
        Some(self.conversations.entry(target.clone()).or_default())
    }

    /// Shows the messages held for a conversation, or fetches them if some were dropped.
    fn release(&mut self, target: &Target, steps: &mut Vec<CatchUpStep>) {
        let shows = self.shows(target);
        let Some(conversation) = self.conversations.get_mut(target) else { return };
        if conversation.dropped {
            conversation.dropped = false;
            self.queue.push_back((target.clone(), Part::After(0)));
            return;
        }
        let held = std::mem::take(&mut conversation.held);
        self.held -= held.values().map(cost).sum::<usize>();
        for (id, message) in held {
            if !shows {
                // The user has left meanwhile.
                steps.push(CatchUpStep::Count(target.clone(), id, Box::new(message)));
            } else if conversation.pass(id) {
                steps.push(CatchUpStep::Show(target.clone(), id, Box::new(message)));
            }
        }
    }

    fn next_page(&mut self, steps: &mut Vec<CatchUpStep>) {
        let Some((target, part)) = self.queue.front_mut() else {
            self.phase = CatchUpPhase::Live;
            return;
        };
        if let Part::After(id) = part {
            *id = self.conversations.get(target).map_or(0, |conversation| conversation.seen);
        }
        steps.push(CatchUpStep::Fetch(target.clone(), *part));
        self.phase = CatchUpPhase::Fetching { progress: false };
    }
}

fn cost(message: &ShownMessage) -> usize {
    HELD_COST + message.text.len()
}

impl Conversation {
    /// Advances to an id, and says whether to show it.
    fn pass(&mut self, id: u64) -> bool {
        self.known = true;
        if id <= self.seen {
            return false;
        }
        self.seen = id;
        let sent_here = self.sent_here.contains(&id);
        self.sent_here = self.sent_here.split_off(&(id.saturating_add(1)));
        !sent_here
    }
}

#[cfg(test)]
mod tests;
