//! What was shown lately: the beginnings of messages, so that an answer or an edit can be understood without
//! scrolling back, and which changes of them have been shown.
//!
//! Owns both, and their bounds. Pure; runs on the network thread.

use crate::client::catch_up::TARGETS_MAX;
use crate::client::incoming;
use crate::client::item::{ChangeKind, EventKind, Quote, ShownChange, ShownEvent, ShownMessage};
use crate::protocol::names::{Target, UserName};
use jiff::Timestamp;
use std::collections::{HashMap, VecDeque};

/// Messages whose beginnings are kept.
const RECALLED_MAX: usize = 1000;
/// Characters of each that are kept.
const HEAD_MAX: usize = 80;

#[derive(Debug, Default)]
pub(super) struct Recall {
    heads: VecDeque<Head>,
    seen: HashMap<Target, Seen>,
}

#[derive(Debug)]
struct Head {
    target: Target,
    id: u64,
    quote: Quote,
}

/// Where a change belongs that is told of live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangePlace {
    /// It is the next one.
    Next,
    /// It was shown.
    Shown,
    /// Others before it were missed, and have to be shown first.
    AfterAGap,
}

/// What of a conversation was shown in this run.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    /// The first and the last id, if there are any.
    ids: Option<(u64, u64)>,
    /// The last change that was shown, or came before.
    change: u64,
    /// The last change that is known.
    known: u64,
}

impl Recall {
    /// A message is about to be shown, wherever it belongs.
    pub(super) fn remember(&mut self, message: &ShownMessage) {
        let Some(id) = message.id else { return };
        if self.heads.len() >= RECALLED_MAX {
            self.heads.pop_front();
        }
        let quote = Quote { author: message.author.clone(), text: head(&message.text) };
        self.heads.push_back(Head { target: message.target.clone(), id, quote });
    }

    /// A message is shown in its place in a conversation.
    pub(super) fn shown(&mut self, target: &Target, id: u64) {
        if let Some(seen) = self.seen(target) {
            let (first, last) = seen.ids.unwrap_or((id, id));
            seen.ids = Some((first.min(id), last.max(id)));
        }
    }

    /// How a message begins, if it was shown not long ago.
    #[must_use]
    pub(super) fn quote(&self, target: &Target, id: u64) -> Option<Quote> {
        let found = self.heads.iter().rev().find(|head| head.id == id && head.target == *target);
        found.map(|head| head.quote.clone())
    }

    /// What becomes of a change that is told of live in a conversation that is shown.
    pub(super) fn place(&mut self, target: &Target, number: u64) -> ChangePlace {
        let Some(seen) = self.seen(target) else { return ChangePlace::Next };
        seen.known = seen.known.max(number);
        if number <= seen.change {
            ChangePlace::Shown
        } else if seen.ids.is_none() || number == seen.change + 1 {
            seen.change = number;
            ChangePlace::Next
        } else {
            ChangePlace::AfterAGap
        }
    }

    /// Whether a change is new, and of a message that was shown, as far as it is known which one it is of.
    #[must_use]
    pub(super) fn is_of_shown(&self, target: &Target, number: u64, about: Option<u64>) -> bool {
        self.seen.get(target).is_some_and(|seen| {
            let shown = seen.ids.is_some_and(|(first, last)| about.is_none_or(|id| (first..=last).contains(&id)));
            shown && number > seen.change
        })
    }

    /// There is this change in a conversation; it is not shown now.
    pub(super) fn heard(&mut self, target: &Target, number: u64) {
        if let Some(seen) = self.seen(target) {
            if seen.ids.is_none() {
                // Nothing was shown that could have changed.
                seen.change = seen.change.max(number);
            }
            seen.known = seen.known.max(number);
        }
    }

    /// The conversations with changes of shown messages that were not shown, and after which change they begin.
    #[must_use]
    pub(super) fn missed(&self) -> Vec<(Target, u64)> {
        let missed = self.seen.iter().filter(|(_, seen)| seen.ids.is_some() && seen.change < seen.known);
        missed.map(|(target, seen)| (target.clone(), seen.change)).collect()
    }

    /// The changes that are known are shown, or as many as are.
    pub(super) fn caught_up(&mut self, target: &Target) {
        if let Some(seen) = self.seen.get_mut(target) {
            seen.change = seen.known;
        }
    }

    /// Puts into a change what the message was, and remembers what it is now.
    pub(super) fn recall(&mut self, target: &Target, change: &mut ShownChange) {
        let found = self.heads.iter_mut().rev().find(|head| head.id == change.about && head.target == *target);
        if let Some(Head { quote, .. }) = found {
            change.original = Some(quote.clone());
            match change.kind {
                ChangeKind::Edited => quote.text = head(&change.text),
                // Nobody shall read it any more, not even in a quote.
                ChangeKind::Removed => quote.text.clear(),
                _ => {}
            }
        }
    }

    /// The event that a row of `/changes` tells of, if its message was shown.
    #[must_use]
    pub(super) fn missed_event(&mut self, row: &str, me: Option<&UserName>) -> Option<ShownEvent> {
        let mut words = row.splitn(6, ' ');
        let target = Target::parse(words.next()?).ok()?;
        let number: u64 = words.next()?.parse().ok()?;
        let at = words.next()?.parse::<Timestamp>().ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
        let (who, word, rest) = (words.next()?, words.next()?, words.next()?);
        let kind = ChangeKind::parse(word)?;
        let (about, text) = rest.split_once(": ").unwrap_or((rest, ""));
        let about = about.parse().ok()?;
        let seen = self.seen.get_mut(&target)?;
        seen.known = seen.known.max(number);
        let (first, last) = seen.ids?;
        if number <= seen.change || about < first || about > last {
            return None;
        }
        seen.change = number;
        let mut change = ShownChange { kind, about, text: text.to_owned(), mentions_me: false, original: None };
        self.recall(&target, &mut change);
        if kind == ChangeKind::Edited && change.original.as_ref().is_some_and(|original| original.text == head(text)) {
            // The message was fetched after it was edited.
            return None;
        }
        let colon = if text.is_empty() { "" } else { ": " };
        Some(ShownEvent {
            text: format!("{who} {} {about}{colon}{text}", did(kind)),
            target: Some(target),
            kind: EventKind::Change(change),
            who: Some(who.to_owned()),
            own: incoming::is_me(who, me),
            at,
        })
    }

    /// All ids start over.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// A room has another name.
    pub(super) fn renamed(&mut self, before: &Target, name: &Target) {
        if let Some(seen) = self.seen.remove(before) {
            self.seen.insert(name.clone(), seen);
        }
        self.heads.iter_mut().filter(|head| head.target == *before).for_each(|head| head.target.clone_from(name));
    }

    fn seen(&mut self, target: &Target) -> Option<&mut Seen> {
        if self.seen.len() >= TARGETS_MAX && !self.seen.contains_key(target) {
            return None;
        }
        Some(self.seen.entry(target.clone()).or_default())
    }
}

/// As the server's sentences have it.
fn did(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Edited => "edited",
        ChangeKind::Removed => "removed",
        ChangeKind::Reacted => "reacted to",
        ChangeKind::ReactionTakenBack => "took a reaction back from",
        ChangeKind::Pinned => "pinned",
        ChangeKind::Unpinned => "unpinned",
    }
}

fn head(text: &str) -> String {
    let mut head: String = text.chars().take(HEAD_MAX).collect();
    if head.len() < text.len() {
        head.push('…');
    }
    head
}
