//! Slows down people who guess passwords: by address first, and by account only with a delay.
//!
//! An address that an account has been used from is never delayed by strangers' attempts on that
//! account, and device tokens are not affected at all.

use crate::protocol::names::{AddressGroup, UserName};
use crate::server::flood::{Bucket, Rate};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Strangers' wrong passwords for one account before further attempts are delayed.
const FREE_FAILURES: u32 = 5;
/// The longest delay of an attempt.
const DELAY_MAX: Duration = Duration::from_secs(30);
/// Failures are forgotten after this long without another.
const FORGET_AFTER: Duration = Duration::from_mins(15);
/// The most names and addresses to remember. Beyond that, those that are due to be forgotten are
/// dropped; if that is not enough, new names are not counted (addresses still are).
const REMEMBERED_MAX: usize = 65_536;

#[derive(Debug)]
pub(super) struct Throttle {
    logins: Option<Rate>,
    registrations: Option<Rate>,
    login_buckets: HashMap<AddressGroup, Bucket>,
    registration_buckets: HashMap<AddressGroup, Bucket>,
    failures: HashMap<UserName, Failures>,
    sweep: Option<Instant>,
    /// How many tries had to wait.
    refused: u64,
}

#[derive(Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Throttle {
    pub(super) fn new(logins: Option<Rate>, registrations: Option<Rate>) -> Self {
        Self {
            logins,
            registrations,
            login_buckets: HashMap::new(),
            registration_buckets: HashMap::new(),
            failures: HashMap::new(),
            sweep: None,
            refused: 0,
        }
    }

    /// Counts one more login from an address, or says how long it has to wait.
    pub(super) fn login(&mut self, from: AddressGroup, now: Instant) -> Result<(), Duration> {
        let taken = take(self.logins, &mut self.login_buckets, from, now);
        self.refused += u64::from(taken.is_err());
        taken
    }

    /// Counts one more registration from an address, or says how long it has to wait.
    pub(super) fn registration(&mut self, from: AddressGroup, now: Instant) -> Result<(), Duration> {
        let taken = take(self.registrations, &mut self.registration_buckets, from, now);
        self.refused += u64::from(taken.is_err());
        taken
    }

    /// How many logins and registrations had to wait.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// How long a stranger's attempt on this name is delayed: doubling from a quarter of a second.
    /// The rate of logins is per address and may be off; this applies regardless.
    pub(super) fn delay(&self, name: &UserName, now: Instant) -> Duration {
        let Some(failures) = self.failures.get(name) else { return Duration::ZERO };
        if now.saturating_duration_since(failures.last) > FORGET_AFTER {
            return Duration::ZERO;
        }
        match failures.count.checked_sub(FREE_FAILURES) {
            None => Duration::ZERO,
            Some(over) => (Duration::from_millis(250) * (1 << over.min(16))).min(DELAY_MAX),
        }
    }

    /// A password for this name was wrong; the name need not exist.
    pub(super) fn failed(&mut self, name: &UserName, now: Instant) {
        if self.failures.len() >= REMEMBERED_MAX && !self.failures.contains_key(name) {
            return;
        }
        let failures = self.failures.entry(*name).or_insert(Failures { count: 0, last: now });
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    /// The password for this name was right.
    pub(super) fn succeeded(&mut self, name: &UserName) {
        self.failures.remove(name);
    }

    /// Forgets what no longer matters, at most once a minute.
    pub(super) fn forget(&mut self, now: Instant) {
        if self.sweep.is_some_and(|due| now < due) {
            return;
        }
        self.sweep = Some(now + Duration::from_mins(1));
        self.failures.retain(|_, failures| now.saturating_duration_since(failures.last) <= FORGET_AFTER);
        if let Some(rate) = self.logins {
            self.login_buckets.retain(|_, bucket| !bucket.is_full(rate, now));
        }
        if let Some(rate) = self.registrations {
            self.registration_buckets.retain(|_, bucket| !bucket.is_full(rate, now));
        }
    }
}

fn take(
    rate: Option<Rate>,
    buckets: &mut HashMap<AddressGroup, Bucket>,
    from: AddressGroup,
    now: Instant,
) -> Result<(), Duration> {
    let Some(rate) = rate else { return Ok(()) };
    if buckets.len() >= REMEMBERED_MAX {
        buckets.retain(|_, bucket| !bucket.is_full(rate, now));
    }
    buckets.entry(from).or_insert_with(|| Bucket::full(rate, now)).take(rate, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_limited_and_an_account_only_delayed() {
        let rate = Rate { per_second: 0.1, burst: 2 };
        let mut throttle = Throttle::new(Some(rate), None);
        let now = Instant::now();
        let (here, there) = (AddressGroup::V4([192, 0, 2, 1]), AddressGroup::V4([192, 0, 2, 2]));
        assert!(throttle.login(here, now).is_ok());
        assert!(throttle.login(here, now).is_ok());
        assert!(throttle.login(here, now).unwrap_err() > Duration::from_secs(9));
        assert!(throttle.login(there, now).is_ok());
        assert!(throttle.registration(here, now).is_ok());

        let bob = UserName::parse("bob").unwrap();
        for _ in 0..FREE_FAILURES {
            assert_eq!(throttle.delay(&bob, now), Duration::ZERO);
            throttle.failed(&bob, now);
        }
        assert_eq!(throttle.delay(&bob, now), Duration::from_millis(250));
        for _ in 0..100 {
            throttle.failed(&bob, now);
        }
        assert_eq!(throttle.delay(&bob, now), DELAY_MAX);
        assert_eq!(throttle.delay(&bob, now + FORGET_AFTER + Duration::from_secs(1)), Duration::ZERO);
        throttle.succeeded(&bob);
        assert_eq!(throttle.delay(&bob, now), Duration::ZERO);
    }
}
