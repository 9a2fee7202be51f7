//! The token bucket: how fast something may happen.
//!
//! Pure: the time is an argument. Used for a connection's lines, for login attempts and for
//! registrations. Not a library: `governor`, for one, counts whole cells, refuses a cost above the
//! burst where this one owes it, and keeps a clock and an atomic in each limiter.

use crate::protocol::names::AddressGroup;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The most addresses to remember. Beyond that, those whose buckets are full again are forgotten.
const REMEMBERED_MAX: usize = 65_536;

/// How often something may happen: `per_second` in the long run, `burst` at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens added each second; above 0.
    pub per_second: f64,
    /// The most tokens that the bucket holds; at least 1.
    pub burst: u32,
}

impl Rate {
    /// A quarter of it, for those who have not been here long; at least once.
    #[must_use]
    pub(super) fn quarter(self) -> Self {
        Self { per_second: self.per_second / 4.0, burst: (self.burst / 4).max(1) }
    }

    /// What so many have together.
    #[must_use]
    pub(super) fn times(self, number: u16) -> Self {
        Self { per_second: self.per_second * f64::from(number), burst: self.burst.saturating_mul(number.into()) }
    }

    /// In words, per the shortest unit of time in which it happens at least once: `10 lines a second`,
    /// `1 line a minute`.
    #[must_use]
    pub(super) fn in_words(self, thing: &str) -> String {
        const DAY: (f64, &str) = (86_400.0, "a day");
        const SHORTER: [(f64, &str); 3] = [(1.0, "a second"), (60.0, "a minute"), (3600.0, "an hour")];
        // Hundredths are enough, and hide the rounding of 1/60.
        let count = |seconds: f64| (self.per_second * seconds * 100.0).round() / 100.0;
        let (seconds, unit) = SHORTER.into_iter().find(|&(seconds, _)| count(seconds) >= 1.0).unwrap_or(DAY);
        let count = count(seconds).to_string();
        let plural = if count == "1" { "" } else { "s" };
        format!("{count} {thing}{plural} {unit}")
    }
}

/// A bucket of tokens that fills up with time. Costs may be fractions: a long line costs more
/// than a short one. 24 bytes, since every connection has one.
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

/// A bucket for each address.
#[derive(Debug, Default)]
pub(super) struct Buckets(HashMap<AddressGroup, Bucket>);

impl Buckets {
    /// Takes one token of an address if there is one; otherwise says how long until there is. Without a rate there always
    /// is.
    ///
    /// # Errors
    /// The time to wait.
    pub(super) fn take(&mut self, rate: Option<Rate>, from: AddressGroup, now: Instant) -> Result<(), Duration> {
        let Some(rate) = rate else { return Ok(()) };
        if self.0.len() >= REMEMBERED_MAX {
            self.forget(Some(rate), now);
        }
        self.0.entry(from).or_insert_with(|| Bucket::full(rate, now)).take(rate, now)
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets those that are full.
    pub(super) fn forget(&mut self, rate: Option<Rate>, now: Instant) {
        if let Some(rate) = rate {
            self.0.retain(|_, bucket| !bucket.is_full(rate, now));
        }
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
    fn a_rate_is_told_in_words() {
        let words = |per_second| Rate { per_second, burst: 1 }.in_words("line");
        assert_eq!(words(10.0), "10 lines a second");
        assert_eq!(words(1.0), "1 line a second");
        assert_eq!(words(1.5), "1.5 lines a second");
        assert_eq!(words(0.5), "30 lines a minute");
        assert_eq!(words(1.0 / 60.0), "1 line a minute");
        assert_eq!(words(7.0 / 3600.0), "7 lines an hour");
        assert_eq!(words(1.0 / 86_400.0), "1 line a day");
        assert_eq!(words(0.5 / 86_400.0), "0.5 lines a day");
    }

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
