//! When the log says again what may happen often: whoever can make it happen could fill the disk with it.
//!
//! Threads share it; its lock is held for a comparison.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// How often the log says the same.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// One thing that the log says now and then.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    told: Mutex<Option<Instant>>,
}

impl Seldom {
    /// Whether to say it now; if so, not again for a while.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let mut told = self.told.lock();
        let due = told.is_none_or(|told| now.saturating_duration_since(told) >= TELL_EVERY);
        if due {
            *told = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_at_once_and_then_once_a_minute() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        let due = |seconds| seldom.is_due(start + Duration::from_secs(seconds));
        assert_eq!([0, 0, 59, 60, 61, 119, 120, 1_000].map(due), [true, false, false, true, false, false, true, true]);
    }
}
