//! The token bucket of one account's lines, over all its connections, whichever workers have them.
//!
//! It is one number, the time at which the bucket is full again, so that several workers can draw on it
//! without a lock: each line is one atomic addition. A bucket in the dispatcher would see only the lines
//! that get there, and too late: a connection may have 128 under way.

use crate::server::flood::Rate;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The shared bucket. Like a connection's own, it may go below zero, but never by more than one burst.
#[derive(Debug)]
pub(crate) struct Tap {
    rate: Rate,
    /// Until then it has a quarter of the rate.
    new_until: Option<Instant>,
    start: Instant,
    /// When it is full again, in nanoseconds since `start`.
    full_at: AtomicU64,
}

impl Tap {
    /// A full bucket.
    #[must_use]
    pub(crate) fn new(rate: Rate, new_until: Option<Instant>, now: Instant) -> Self {
        Self { rate, new_until, start: now, full_at: AtomicU64::new(0) }
    }

    /// The rate at that time.
    #[must_use]
    pub(crate) fn rate(&self, now: Instant) -> Rate {
        if self.new_until.is_some_and(|until| now < until) { self.rate.quarter() } else { self.rate }
    }

    /// Pays for something that has already happened.
    pub(crate) fn pay(&self, cost: f32, now: Instant) {
        let rate = self.rate(now);
        let (now, cost) = (self.since_start(now), nanoseconds(f64::from(cost) / rate.per_second));
        let most = now.saturating_add(nanoseconds(2.0 * burst(rate)));
        let paid = |full_at: u64| Some(full_at.max(now).saturating_add(cost).min(most));
        // It orders nothing but itself, and `paid` never declines.
        let _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, paid);
    }

    /// How long until nothing is owed; `None` if nothing is owed now.
    #[must_use]
    pub(crate) fn owed(&self, now: Instant) -> Option<Duration> {
        let empty_for = self.full_at.load(Ordering::Relaxed).saturating_sub(self.since_start(now));
        let owed = empty_for.checked_sub(nanoseconds(burst(self.rate(now)))).filter(|&owed| owed > 0)?;
        Some(Duration::from_nanos(owed))
    }

    /// Whether the bucket is full, so that it need not be remembered.
    #[must_use]
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at.load(Ordering::Relaxed) <= self.since_start(now)
    }

    fn since_start(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// How long it takes to fill an empty bucket, in seconds.
fn burst(rate: Rate) -> f64 {
    f64::from(rate.burst) / rate.per_second
}

fn nanoseconds(seconds: f64) -> u64 {
    // Saturates, as a cast of a float does.
    (seconds * 1e9) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::flood::Bucket;
    use proptest::prelude::*;
    use std::sync::Arc;

    const RATE: Rate = Rate { per_second: 10.0, burst: 20 };

    #[test]
    fn all_that_is_drawn_at_once_is_one_burst() {
        let now = Instant::now();
        let tap = Arc::new(Tap::new(RATE, None, now));
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let tap = Arc::clone(&tap);
                std::thread::spawn(move || {
                    (0..1000).filter(|_| tap.owed(now).is_none()).map(|_| tap.pay(0.01, now)).count()
                })
            })
            .collect();
        let drawn: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
        // Each of the four may look just before another one draws the last.
        assert!((2000..=2004).contains(&drawn), "{drawn}");
    }

    #[test]
    fn the_debt_is_bounded() {
        let start = Instant::now();
        let tap = Tap::new(RATE, None, start);
        tap.pay(1e6, start);
        assert_eq!(tap.owed(start), Some(Duration::from_secs(2)));
        assert_eq!(tap.owed(start + Duration::from_secs(2)), None);
        assert!(!tap.is_full(start + Duration::from_secs(3)) && tap.is_full(start + Duration::from_secs(4)));
    }

    #[test]
    fn a_new_account_has_a_quarter() {
        let start = Instant::now();
        let hour = start + Duration::from_hours(1);
        let tap = Tap::new(RATE, Some(hour), start);
        tap.pay(6.0, start);
        assert_eq!(tap.owed(start), Some(Duration::from_millis(400)));
        assert_eq!(tap.rate(hour), RATE);
    }

    proptest! {
        /// Alone, a connection notices no difference between the shared bucket and its own.
        #[test]
        fn it_is_a_bucket(steps in proptest::collection::vec((0u64..3000, 0.0f32..30.0), 1..60)) {
            let start = Instant::now();
            let (mut now, mut bucket, tap) = (start, Bucket::full(RATE, start), Tap::new(RATE, None, start));
            for (passed, cost) in steps {
                now += Duration::from_millis(passed);
                bucket.pay(cost, RATE, now);
                tap.pay(cost, now);
                let (own, shared) = (bucket.owed(RATE, now), tap.owed(now));
                let difference = own.unwrap_or_default().abs_diff(shared.unwrap_or_default());
                prop_assert!(difference <= Duration::from_millis(2), "{own:?} {shared:?}");
            }
        }
    }
}
