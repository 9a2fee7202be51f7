//! What the workers and the listener count from the start on, for the figures.

use crate::protocol::code::Code;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that several threads add to; they order nothing. A line costs none of them anything by itself: a
/// worker adds those of a whole turn.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    too_slow: AtomicU64,
    slowed: AtomicU64,
    received: AtomicU64,
    answers: AtomicU64,
    deliveries: AtomicU64,
    refusals: PerCode,
    turned_away: PerCode,
}

/// Lines that one worker has counted and not added yet.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineCounts {
    /// Those that were cut out of what connections sent.
    pub received: u64,
    /// Those that answer: rows and final lines.
    pub answers: u64,
    /// Those that are sent as they happen, once for each connection.
    pub deliveries: u64,
}

/// A counter for each code.
#[derive(Debug)]
struct PerCode([AtomicU64; Code::ALL.len()]);

impl Default for PerCode {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; Code::ALL.len()])
    }
}

impl PerCode {
    fn count(&self, code: Code) {
        self.0[code as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn counts(&self) -> impl Iterator<Item = (Code, u64)> + '_ {
        Code::ALL.iter().copied().zip(self.0.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

impl Tally {
    /// A connection was closed because it left too much unread.
    pub(crate) fn count_too_slow(&self) {
        self.too_slow.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection was told that it sends too fast.
    pub(crate) fn count_slowed(&self) {
        self.slowed.fetch_add(1, Ordering::Relaxed);
    }

    /// A line was refused.
    pub(crate) fn count_refusal(&self, code: Code) {
        self.refusals.count(code);
    }

    /// A connection was turned away as soon as it was accepted.
    pub(crate) fn count_turned_away(&self, code: Code) {
        self.turned_away.count(code);
    }

    /// Adds what a worker has counted in a turn, and has it begin at 0 again.
    pub(crate) fn add(&self, counts: &mut LineCounts) {
        let LineCounts { received, answers, deliveries } = std::mem::take(counts);
        for (counter, count) in [(&self.received, received), (&self.answers, answers), (&self.deliveries, deliveries)] {
            if count > 0 {
                counter.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    #[must_use]
    pub(crate) fn too_slow(&self) -> u64 {
        self.too_slow.load(Ordering::Relaxed)
    }

    #[must_use]
    pub(crate) fn slowed(&self) -> u64 {
        self.slowed.load(Ordering::Relaxed)
    }

    /// Lines in all directions.
    #[must_use]
    pub(crate) fn lines(&self) -> LineCounts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LineCounts { received: load(&self.received), answers: load(&self.answers), deliveries: load(&self.deliveries) }
    }

    /// How many lines were refused with each code.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (Code, u64)> + '_ {
        self.refusals.counts()
    }

    /// How many connections were turned away with each code.
    pub(crate) fn turned_away(&self) -> impl Iterator<Item = (Code, u64)> + '_ {
        self.turned_away.counts().filter(|(code, _)| matches!(code, Code::Blocked | Code::Busy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_added_once() {
        let tally = Tally::default();
        let mut counts = LineCounts { received: 1, answers: 2, deliveries: 300 };
        tally.add(&mut counts);
        tally.add(&mut counts);
        assert_eq!(tally.lines(), LineCounts { received: 1, answers: 2, deliveries: 300 });
        for code in [Code::Throttled, Code::UnknownVerb, Code::Throttled, Code::Announcement] {
            tally.count_refusal(code);
        }
        let counted: Vec<(Code, u64)> = tally.refusals().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(Code::UnknownVerb, 1), (Code::Throttled, 2), (Code::Announcement, 1)]);
        tally.count_turned_away(Code::Blocked);
        assert_eq!(tally.turned_away().collect::<Vec<_>>(), [(Code::Busy, 0), (Code::Blocked, 1)]);
    }
}
