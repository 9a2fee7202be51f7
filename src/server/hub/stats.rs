//! `/stats`, and what the hub counts for it. What was counted is lost with the process; the thread `figures`
//! adds what others know.

use super::refusals::refusal;
use super::{Answered, Context, Hub, Now};
use crate::protocol::names::UserName;
use crate::server::traffic::{CommitFigures, Histogram, HubFigures};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_mins(1);

/// How long the window is by which a commit's 99th percentile is told.
const WINDOW: Duration = Duration::from_mins(5);

/// The bounds by which commits are counted, in microseconds: 0.1 ms to 10 s.
const COMMIT_TIMES: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// The bounds by which a commit's requests are counted. No turn has more than the last.
const BATCH_SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

#[derive(Debug)]
pub(super) struct Stats {
    /// When the minute began that is being counted.
    minute: Option<Instant>,
    /// Messages of that minute, and of the one before.
    messages: [u32; 2],
    commits: Commits,
    /// Batches that could not be stored.
    failed: u64,
}

/// Commits, by their time and by their requests.
#[derive(Debug)]
struct Commits {
    times: Histogram,
    batches: Histogram,
    /// When the window began.
    window: Option<Instant>,
    /// The times when it began, and when the one before it began.
    before: [Histogram; 2],
}

impl Default for Stats {
    fn default() -> Self {
        let (times, batches) = (Histogram::new(COMMIT_TIMES), Histogram::new(BATCH_SIZES));
        let before = [times.clone(), times.clone()];
        let commits = Commits { times, batches, window: None, before };
        Self { minute: None, messages: [0; 2], commits, failed: 0 }
    }
}

impl Stats {
    /// Something was said.
    pub(super) fn count_message(&mut self, now: Instant) {
        self.turn_over(now);
        self.messages[0] += 1;
    }

    /// A batch could not be stored.
    pub(super) fn count_failed(&mut self) {
        self.failed += 1;
    }

    /// How much was said in the last whole minute.
    fn last_minute(&mut self, now: Instant) -> u32 {
        self.turn_over(now);
        self.messages[1]
    }

    fn turn_over(&mut self, now: Instant) {
        let minute = *self.minute.get_or_insert(now);
        let passed = now.saturating_duration_since(minute);
        if passed >= MINUTE {
            let before = if passed < 2 * MINUTE { self.messages[0] } else { 0 };
            (self.minute, self.messages) = (Some(now), [0, before]);
        }
    }
}

impl Commits {
    fn count(&mut self, now: Instant, took: Duration, requests: usize) {
        self.turn_over(now);
        self.times.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        self.batches.add(requests as u64);
    }

    /// What 99 of 100 took, of those since the window before this one began.
    fn p99(&mut self, now: Instant) -> Option<Duration> {
        self.turn_over(now);
        self.times.since(&self.before[1]).quantile(0.99).map(Duration::from_micros)
    }

    fn turn_over(&mut self, now: Instant) {
        let window = *self.window.get_or_insert(now);
        let passed = now.saturating_duration_since(window);
        if passed >= WINDOW {
            self.before.swap(0, 1);
            self.before[0] = self.times.clone();
            if passed >= 2 * WINDOW {
                self.before[1] = self.times.clone();
            }
            self.window = Some(now);
        }
    }
}

impl Hub {
    /// Something was stored for so many requests, and it took so long.
    pub(in crate::server) fn count_commit(&mut self, now: Instant, took: Duration, requests: usize) {
        self.stats.commits.count(now, took, requests);
    }

    /// What the hub knows of the server.
    #[must_use]
    pub(in crate::server) fn figures(&mut self, now: Now) -> HubFigures {
        // The console is no person.
        let console = self.state.find_account(&UserName::server());
        HubFigures {
            since: self.clock.started().unwrap_or(now.wall),
            accounts: self.state.people().count(),
            here: self.connections.accounts().filter(|&account| Some(account) != console).count(),
            connections: self.connections.count(),
            rooms: self.state.rooms_after(None).count(),
            messages: self.state.count_messages(),
            last_minute: self.stats.last_minute(now.instant),
            refused: self.pace.refused(),
            throttled: self.throttle.refused(),
            unsaved: self.unsaved,
            keep: self.settings.keep,
            commits: CommitFigures {
                times: self.stats.commits.times.clone(),
                batches: self.stats.commits.batches.clone(),
                p99: self.stats.commits.p99(now.instant),
                failed: self.stats.failed,
            },
            warnings: self.warnings.clone(),
        }
    }
}

pub(super) fn show(cx: &mut Context<'_>) -> Answered {
    cx.hub.state.check_administrator(cx.account).map_err(refusal)?;
    let figures = cx.hub.figures(cx.now);
    cx.effects.figures.push((cx.conn, figures));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_whole_or_over() {
        let (mut stats, start) = (Stats::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        (0..5).for_each(|second| stats.count_message(at(second)));
        assert_eq!(stats.last_minute(at(59)), 0);
        stats.count_message(at(61));
        assert_eq!(stats.last_minute(at(70)), 5);
        assert_eq!(stats.last_minute(at(122)), 1);
        stats.count_message(at(130));
        assert_eq!(stats.last_minute(at(1000)), 0);
    }

    #[test]
    fn a_minute_without_a_word_is_not_the_last_one() {
        let (mut stats, start) = (Stats::default(), Instant::now());
        stats.count_message(start);
        assert_eq!(stats.last_minute(start + 2 * MINUTE), 0);
    }

    #[test]
    fn slow_commits_are_told_of_for_ten_minutes_at_most() {
        let (Stats { mut commits, .. }, start) = (Stats::default(), Instant::now());
        let at = |minutes| start + Duration::from_mins(minutes);
        // Between the bounds of 25 and 50 ms.
        let (slow, bound) = (Duration::from_millis(40), Duration::from_millis(25));
        assert_eq!(commits.p99(at(0)), None);
        (0..3).for_each(|_| commits.count(at(1), slow, 1));
        assert!(commits.p99(at(1)).unwrap() > bound);
        (0..300).for_each(|_| commits.count(at(6), Duration::from_micros(300), 20));
        // Of 303, three are slow.
        assert!(commits.p99(at(6)).unwrap() < bound);
        (0..3).for_each(|_| commits.count(at(7), slow, 1));
        assert!(commits.p99(at(7)).unwrap() > bound);
        // The window that began with minute 6 is the one before this one, without the three of minute 1; then it is over.
        assert!(commits.p99(at(12)).unwrap() < bound);
        assert_eq!(commits.p99(at(18)), None);
        commits.count(at(19), slow, 1);
        assert_eq!(commits.p99(at(100)), None);
        assert_eq!((commits.times.count(), commits.batches.sum()), (307, 3 + 6000 + 3 + 1));
    }
}
