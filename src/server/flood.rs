//! The token bucket: how fast something may happen.
//!
//! Pure: the time is an argument. Used for a connection's lines, for login attempts and for
//! registrations.

use std::time::{Duration, Instant};

/// How often something may happen: `per_second` in the long run, `burst` at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens added each second; above 0.
    pub per_second: f64,
    /// The most tokens that the bucket holds; at least 1.
    pub burst: u32,
}

/// A bucket of tokens that fills up with time. Costs may be fractions: a long line costs more
/// than a short one. 16 bytes, since every connection has one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    tokens: f32,
    at: Instant,
}

impl Bucket {
    #[must_use]
    pub(super) fn full(rate: Rate, now: Instant) -> Self {
        Self { tokens: rate.burst as f32, at: now }
    }

    fn fill(&mut self, rate: Rate, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (f64::from(self.tokens) + passed * rate.per_second).min(f64::from(rate.burst)) as f32;
        self.at = now;
    }

    /// Takes one token if there is one; otherwise says how long until there is.
    ///
    /// # Errors
    /// The time to wait.
    pub(super) fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        self.fill(rate, now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(wait(1.0 - self.tokens, rate))
    }

    /// Pays for something that has already happened. The bucket may go below zero, but never by
    /// more than one burst, so that nobody waits longer than it takes to fill it twice.
    pub(super) fn pay(&mut self, cost: f32, rate: Rate, now: Instant) {
        self.fill(rate, now);
        self.tokens = (self.tokens - cost).max(-(rate.burst as f32));
    }

    /// How long until nothing is owed; `None` if nothing is owed now.
    #[must_use]
    pub(super) fn owed(&mut self, rate: Rate, now: Instant) -> Option<Duration> {
        self.fill(rate, now);
        (self.tokens < 0.0).then(|| wait(-self.tokens, rate))
    }

    /// Whether the bucket is full, so that it need not be remembered.
    #[must_use]
    pub(super) fn is_full(&mut self, rate: Rate, now: Instant) -> bool {
        self.fill(rate, now);
        self.tokens >= rate.burst as f32
    }
}

fn wait(missing: f32, rate: Rate) -> Duration {
    // A millisecond more, so that waiting exactly this long is enough despite rounding.
    Duration::from_secs_f64(f64::from(missing) / rate.per_second) + Duration::from_millis(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate { per_second: 10.0, burst: 3 };

    #[test]
    fn a_burst_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::full(RATE, start);
        for _ in 0..3 {
            assert!(bucket.take(RATE, start).is_ok());
        }
        let wait = bucket.take(RATE, start).unwrap_err();
        assert!(wait > Duration::from_millis(90) && wait < Duration::from_millis(110), "{wait:?}");
        assert!(bucket.take(RATE, start + wait).is_ok());
        assert!(bucket.is_full(RATE, start + Duration::from_secs(1)));
    }

    #[test]
    fn the_debt_is_bounded() {
        let start = Instant::now();
        let mut bucket = Bucket::full(RATE, start);
        bucket.pay(1000.0, RATE, start);
        let wait = bucket.owed(RATE, start).unwrap();
        assert!(wait <= Duration::from_millis(302), "{wait:?}");
        assert_eq!(bucket.owed(RATE, start + wait), None);
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_one_burst(steps in proptest::collection::vec(0u64..500, 1..200)) {
            let start = Instant::now();
            let mut now = start;
            let mut bucket = Bucket::full(RATE, start);
            let mut taken = 0u32;
            for step in steps {
                now += Duration::from_millis(step);
                taken += u32::from(bucket.take(RATE, now).is_ok());
            }
            let passed = (now - start).as_secs_f64();
            prop_assert!(f64::from(taken) <= passed * RATE.per_second + f64::from(RATE.burst) + 0.01);
        }
    }
}
