//! Slows down people who guess passwords: by address first, and by account only with a delay. It also says
//! whose password is checked first when many wait.
//!
//! An address that an account has been used from is never delayed by strangers' attempts on that
//! account, and device tokens are not affected at all.

use crate::protocol::names::{AccountId, AddressGroup, UserName};
use crate::server::flood::{Buckets, Rate};
use crate::server::traffic::{Applicant, Standing};
use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Strangers' wrong passwords for one account before further attempts are delayed.
const FREE_FAILURES: u32 = 5;
/// The longest delay of an attempt.
const DELAY_MAX: Duration = Duration::from_secs(30);
/// Failures are forgotten after this long without another.
const FORGET_AFTER: Duration = Duration::from_mins(15);
/// Wrong passwords for an account from an address of its own, after which it has no precedence there.
const FAMILIAR_FAILURES: u32 = 5;
/// The most names and addresses to remember. Beyond that, those that are due to be forgotten are
/// dropped; if that is not enough, new ones are not counted (the rates of addresses still are).
const REMEMBERED_MAX: usize = 65_536;

#[derive(Debug)]
pub(super) struct Throttle {
    logins: Option<Rate>,
    registrations: Option<Rate>,
    login_buckets: Buckets,
    registration_buckets: Buckets,
    /// Posts to hooks that do not exist. Apart, so that a forgotten script keeps nobody at its address from logging in.
    hook_buckets: Buckets,
    failures: HashMap<UserName, Failures>,
    /// Passwords and new accounts that strangers at an address tried, but for passwords that were right.
    tries: HashMap<AddressGroup, Failures>,
    /// Wrong passwords for an account from an address of its own.
    familiar: HashMap<(AccountId, AddressGroup), Failures>,
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
            login_buckets: Buckets::default(),
            registration_buckets: Buckets::default(),
            hook_buckets: Buckets::default(),
            failures: HashMap::new(),
            tries: HashMap::new(),
            familiar: HashMap::new(),
            sweep: None,
            refused: 0,
        }
    }

    /// From now on these are the rates. What was counted stays counted.
    pub(super) fn set_rates(&mut self, logins: Option<Rate>, registrations: Option<Rate>) {
        (self.logins, self.registrations) = (logins, registrations);
    }

    /// Counts one more login from an address, or says how long it has to wait.
    pub(super) fn login(&mut self, from: AddressGroup, now: Instant) -> Result<(), Duration> {
        let taken = self.login_buckets.take(self.logins, from, now);
        self.refused += u64::from(taken.is_err());
        taken
    }

    /// Counts one more registration from an address, or says how long it has to wait.
    pub(super) fn registration(&mut self, from: AddressGroup, now: Instant) -> Result<(), Duration> {
        let taken = self.registration_buckets.take(self.registrations, from, now);
        self.refused += u64::from(taken.is_err());
        taken
    }

    /// Counts one more post to a hook that does not exist, at the rate of logins, or says how long the address has to wait.
    pub(super) fn hook(&mut self, from: AddressGroup, now: Instant) -> Result<(), Duration> {
        self.hook_buckets.take(self.logins, from, now)
    }

    /// How many logins and registrations had to wait.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// How long a stranger's attempt on this name is delayed: doubling from a quarter of a second.
    /// The rate of logins is per address and may be off; this applies regardless.
    pub(super) fn delay(&self, name: &UserName, now: Instant) -> Duration {
        match counted(&self.failures, name, now).checked_sub(FREE_FAILURES) {
            None => Duration::ZERO,
            Some(over) => (Duration::from_millis(250) * (1 << over.min(16))).min(DELAY_MAX),
        }
    }

    /// How soon a password is checked for this account from an address that it has been used from.
    pub(super) fn familiar(&mut self, account: AccountId, from: AddressGroup, now: Instant) -> Standing {
        if counted(&self.familiar, &(account, from), now) < FAMILIAR_FAILURES {
            Standing { rank: 0, of: Applicant::Account(account) }
        } else {
            self.stranger(from, now)
        }
    }

    /// How soon a password is checked, or hashed for a new account, for someone at this address: after those
    /// who tried less from theirs. This try counts, even if there is no room for it.
    pub(super) fn stranger(&mut self, from: AddressGroup, now: Instant) -> Standing {
        let rank = counted(&self.tries, &from, now).saturating_add(1);
        count(&mut self.tries, from, now);
        Standing { rank, of: Applicant::Address(from) }
    }

    /// A password for this name was wrong; the name need not exist.
    pub(super) fn failed(&mut self, name: &UserName, now: Instant) {
        count(&mut self.failures, *name, now);
    }

    /// A password for this account was wrong, from an address that it has been used from.
    pub(super) fn failed_familiar(&mut self, account: AccountId, from: AddressGroup, now: Instant) {
        count(&mut self.familiar, (account, from), now);
    }

    /// The password for this account's name was right.
    pub(super) fn succeeded(&mut self, name: &UserName, account: AccountId, from: AddressGroup) {
        self.failures.remove(name);
        self.familiar.remove(&(account, from));
    }

    /// A stranger's password at this address was right. What else was tried there stays counted: guessers may have
    /// an account, too.
    pub(super) fn forgive(&mut self, from: AddressGroup) {
        if let Some(tries) = self.tries.get_mut(&from) {
            tries.count = tries.count.saturating_sub(1);
        }
    }

    /// Forgets what no longer matters, at most once a minute.
    pub(super) fn forget(&mut self, now: Instant) {
        if self.sweep.is_some_and(|due| now < due) {
            return;
        }
        self.sweep = Some(now + Duration::from_mins(1));
        self.failures.retain(|_, failures| failures.matters(now));
        self.tries.retain(|_, failures| failures.matters(now));
        self.familiar.retain(|_, failures| failures.matters(now));
        self.login_buckets.forget(self.logins, now);
        self.hook_buckets.forget(self.logins, now);
        self.registration_buckets.forget(self.registrations, now);
    }
}

impl Failures {
    fn matters(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) <= FORGET_AFTER
    }
}

fn counted<K: Hash + Eq>(failures: &HashMap<K, Failures>, of: &K, now: Instant) -> u32 {
    failures.get(of).filter(|failures| failures.matters(now)).map_or(0, |failures| failures.count)
}

fn count<K: Hash + Eq>(failures: &mut HashMap<K, Failures>, of: K, now: Instant) {
    if failures.len() >= REMEMBERED_MAX && !failures.contains_key(&of) {
        return;
    }
    let failures = failures.entry(of).or_insert(Failures { count: 0, last: now });
    failures.count = failures.count.saturating_add(1);
    failures.last = now;
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
        throttle.succeeded(&bob, AccountId::new(1), here);
        assert_eq!(throttle.delay(&bob, now), Duration::ZERO);
    }

    #[test]
    fn an_address_of_the_account_has_precedence_until_it_fails_too_often() {
        let mut throttle = Throttle::new(None, None);
        let now = Instant::now();
        let (here, there) = (AddressGroup::V4([192, 0, 2, 1]), AddressGroup::V4([192, 0, 2, 2]));
        let (bob, account) = (UserName::parse("bob").unwrap(), AccountId::new(1));
        let rank = |throttle: &mut Throttle, now| throttle.familiar(account, here, now).rank;
        // Nothing that strangers do takes it away.
        for tries in 1..100 {
            assert_eq!(throttle.stranger(there, now).rank, tries);
            throttle.failed(&bob, now);
        }
        throttle.forgive(there);
        assert_eq!((rank(&mut throttle, now), throttle.stranger(there, now).rank), (0, 99));
        for _ in 0..FAMILIAR_FAILURES {
            assert_eq!(rank(&mut throttle, now), 0);
            throttle.failed(&bob, now);
            throttle.failed_familiar(account, here, now);
        }
        assert_eq!(throttle.familiar(account, here, now), Standing { rank: 1, of: Applicant::Address(here) });
        assert_eq!(rank(&mut throttle, now), 2);
        assert_eq!(rank(&mut throttle, now + FORGET_AFTER + Duration::from_secs(1)), 0);
        throttle.succeeded(&bob, account, here);
        assert_eq!(rank(&mut throttle, now), 0);
    }

    #[test]
    fn registrations_have_a_rate_of_their_own_and_all_who_had_to_wait_are_counted() {
        let rate = Some(Rate { per_second: 0.1, burst: 2 });
        let mut throttle = Throttle::new(rate, rate);
        let (now, here) = (Instant::now(), AddressGroup::V4([192, 0, 2, 1]));
        let tried =
            |throttle: &mut Throttle| [throttle.login(here, now).is_ok(), throttle.registration(here, now).is_ok()];
        assert_eq!([tried(&mut throttle), tried(&mut throttle)], [[true, true]; 2]);
        assert_eq!(throttle.refused(), 0);
        assert_eq!([tried(&mut throttle), tried(&mut throttle)], [[false, false]; 2]);
        assert_eq!(throttle.refused(), 4);
    }

    #[test]
    fn what_no_longer_matters_is_forgotten_once_a_minute() {
        // Full again after 30 s.
        let rate = Some(Rate { per_second: 1.0 / 30.0, burst: 2 });
        let (mut throttle, start) = (Throttle::new(rate, rate), Instant::now());
        let (here, bob) = (AddressGroup::V4([192, 0, 2, 1]), UserName::parse("bob").unwrap());
        let after = |throttle: &mut Throttle, seconds| {
            throttle.forget(start + Duration::from_secs(seconds));
            let throttle = &*throttle;
            let buckets =
                [&throttle.login_buckets, &throttle.registration_buckets, &throttle.hook_buckets].map(Buckets::len);
            (buckets, [throttle.failures.len(), throttle.tries.len(), throttle.familiar.len()])
        };
        assert_eq!(after(&mut throttle, 0), ([0; 3], [0; 3]));
        throttle.login(here, start).unwrap();
        throttle.hook(here, start).unwrap();
        throttle.registration(here, start).unwrap();
        throttle.failed(&bob, start);
        throttle.stranger(here, start);
        throttle.failed_familiar(AccountId::new(1), here, start);
        assert_eq!(after(&mut throttle, 59), ([1; 3], [1; 3]));
        assert_eq!(after(&mut throttle, 60), ([0; 3], [1; 3]));
        assert_eq!(after(&mut throttle, 15 * 60), ([0; 3], [1; 3]));
        assert_eq!(after(&mut throttle, 16 * 60), ([0; 3], [0; 3]));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        // Full again after 30 s.
        let rate = Rate { per_second: 1.0 / 30.0, burst: 2 };
        let (mut throttle, start) = (Throttle::new(Some(rate), None), Instant::now());
        let from = |n: usize| AddressGroup::V4(u32::try_from(n).unwrap().to_be_bytes());
        for n in 0..REMEMBERED_MAX {
            assert_eq!(throttle.stranger(from(n), start).rank, 1);
            throttle.login(from(n), start).unwrap();
        }
        // Who is not known is not counted any more, and who is, is.
        let ranks = [0, REMEMBERED_MAX, REMEMBERED_MAX].map(|n| throttle.stranger(from(n), start).rank);
        assert_eq!((ranks, throttle.stranger(from(0), start).rank), ([2, 1, 1], 3));
        assert_eq!(throttle.tries.len(), REMEMBERED_MAX);
        // Only those whose rate is full again make room.
        throttle.login(from(REMEMBERED_MAX), start + Duration::from_secs(29)).unwrap();
        assert_eq!(throttle.login_buckets.len(), REMEMBERED_MAX + 1);
        throttle.login(from(0), start + Duration::from_secs(31)).unwrap();
        assert_eq!(throttle.login_buckets.len(), 2);
    }
}
