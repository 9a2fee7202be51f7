//! Whether the machine has slept.
//!
//! Owns how that is seen: while a machine sleeps its wall clock goes on, and the clock that waits are counted by
//! stands still. A connection is mostly dead after that, and nobody says so. Pure; runs on the network thread.

use std::time::{Duration, Instant, SystemTime};

/// How often to look.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How much further the wall clock must have gone. Somebody who sets it forward costs a needless question to the
/// server, no more.
const SLEPT_AFTER: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct SleepWatch {
    last: (Instant, SystemTime),
}

impl SleepWatch {
    #[must_use]
    pub(super) fn new(now: Instant, wall: SystemTime) -> Self {
        Self { last: (now, wall) }
    }

    /// Whether the machine has slept since the last look.
    pub(super) fn look(&mut self, now: Instant, wall: SystemTime) -> bool {
        let (since, wall_since) = std::mem::replace(&mut self.last, (now, wall));
        let waited = now.saturating_duration_since(since);
        // An error: the clock was set back.
        wall.duration_since(wall_since).is_ok_and(|passed| passed >= waited + SLEPT_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_is_when_the_wall_clock_went_on_alone() {
        let (now, wall) = (Instant::now(), SystemTime::UNIX_EPOCH + Duration::from_hours(24));
        let mut watch = SleepWatch::new(now, wall);
        let (later, seconds) = (now + LOOK_EVERY, Duration::from_secs);
        assert!(!watch.look(later, wall + LOOK_EVERY));
        assert!(!watch.look(later + LOOK_EVERY, wall + LOOK_EVERY * 2 + seconds(5)), "a clock is corrected");
        assert!(watch.look(later + LOOK_EVERY * 2, wall + seconds(3600)));
        assert!(!watch.look(later + LOOK_EVERY * 3, wall + seconds(3610)), "once is enough");
        assert!(!watch.look(later + LOOK_EVERY * 4, wall), "it was set back");
    }
}
