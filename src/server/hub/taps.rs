//! The taps of the accounts: each account's token bucket for lines, which the workers draw on.
//!
//! The hub makes one at a login and keeps it until it is full again, so that logging out and in again
//! begins no new burst.

use super::Now;
use super::pace::is_new;
use crate::protocol::names::AccountId;
use crate::server::core::Account;
use crate::server::flood::Rate;
use crate::server::traffic::Tap;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Those that are full and of no use to a connection are forgotten this often.
const SWEEP: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Taps {
    /// Lines of one account; `None` is unlimited.
    rate: Option<Rate>,
    /// For how long an account is new.
    new_account: Option<Duration>,
    taps: FxHashMap<AccountId, Arc<Tap>>,
    sweep: Option<Instant>,
}

impl Taps {
    pub(super) fn new(rate: Option<Rate>, new_account: Option<Duration>) -> Self {
        Self { rate, new_account, taps: FxHashMap::default(), sweep: None }
    }

    /// From now on this is the rate, and every connection needs another tap, which is full; false if
    /// nothing has changed.
    pub(super) fn set_rate(&mut self, rate: Option<Rate>, new_account: Option<Duration>) -> bool {
        if (self.rate, self.new_account) == (rate, new_account) {
            return false;
        }
        (self.rate, self.new_account) = (rate, new_account);
        self.taps.clear();
        true
    }

    /// The account's tap, for a connection that it has just logged in; none for the console.
    pub(super) fn of(&mut self, id: AccountId, account: &Account, now: Now) -> Option<Arc<Tap>> {
        let rate = self.rate.filter(|_| account.hash.is_some())?;
        if self.sweep.is_none_or(|due| now.instant >= due) {
            self.sweep = Some(now.instant + SWEEP);
            self.taps.retain(|_, tap| Arc::strong_count(tap) > 1 || !tap.is_full(now.instant));
        }
        let new_until = self.new_account.filter(|&span| is_new(account.at, span, now)).map(|span| {
            let age = Duration::from_millis(now.wall.saturating_sub(account.at));
            now.instant + span.saturating_sub(age)
        });
        let tap = self.taps.entry(id).or_insert_with(|| Arc::new(Tap::new(rate, new_until, now.instant)));
        Some(Arc::clone(tap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::names::{AccountId, UserName};

    #[test]
    fn logging_out_and_in_again_begins_no_new_burst() {
        let rate = Rate { per_second: 1.0, burst: 10 };
        let state = crate::server::core::State::new(crate::server::traffic::Snapshot {
            accounts: ["server", "eve"].into_iter().zip(1..).map(|(name, id)| record(id, name)).collect(),
            ..Default::default()
        });
        let (mut taps, start) = (Taps::new(Some(rate), None), Instant::now());
        let mut at = |id, seconds| {
            let now = Now { instant: start + Duration::from_secs(seconds), wall: 0 };
            taps.of(id, state.account(id).unwrap(), now)
        };
        let (console, eve) = (AccountId::new(1), AccountId::new(2));
        assert!(at(console, 0).is_none());
        let tap = at(eve, 0).unwrap();
        tap.pay(15.0, start);
        assert!(Arc::ptr_eq(&tap, &at(eve, 1).unwrap()));
        drop(tap);
        let later = start + Duration::from_secs(2);
        assert_eq!(at(eve, 2).unwrap().owed(later), Some(Duration::from_secs(3)));
        assert!(at(eve, 3600).unwrap().is_full(start + Duration::from_hours(1)));
        assert_eq!(taps.taps.len(), 1);
    }

    #[test]
    fn those_that_are_full_and_of_no_use_are_forgotten_once_a_minute() {
        let names = ["server", "ann", "bob", "eve", "zoe"];
        let state = crate::server::core::State::new(crate::server::traffic::Snapshot {
            accounts: names.into_iter().zip(1..).map(|(name, id)| record(id, name)).collect(),
            ..Default::default()
        });
        let (mut taps, start) = (Taps::new(Some(Rate { per_second: 1.0, burst: 10 }), None), Instant::now());
        let [ann, bob, eve, zoe] = [2, 3, 4, 5].map(AccountId::new);
        let of = |taps: &mut Taps, id, seconds| {
            let now = Now { instant: start + Duration::from_secs(seconds), wall: 0 };
            taps.of(id, state.account(id).unwrap(), now).unwrap()
        };
        let connected = of(&mut taps, ann, 0);
        of(&mut taps, bob, 0);
        of(&mut taps, eve, 0).pay(100.0, start + Duration::from_secs(50));
        of(&mut taps, zoe, 59);
        assert_eq!(taps.taps.len(), 4);
        of(&mut taps, zoe, 60);
        // Bob's is gone: Ann is connected, and Eve has not said all that she owes for.
        assert!(Arc::ptr_eq(&connected, &of(&mut taps, ann, 60)));
        assert_eq!(taps.taps.len(), 3);
        assert!(!taps.taps.contains_key(&bob));
    }

    #[test]
    fn who_is_new_has_less_until_that_is_over() {
        let state = crate::server::core::State::new(crate::server::traffic::Snapshot {
            accounts: vec![record(1, "server"), record(2, "eve")],
            ..Default::default()
        });
        let rate = Rate { per_second: 1.0, burst: 10 };
        let (mut taps, start) = (Taps::new(Some(rate), Some(Duration::from_mins(1))), Instant::now());
        let eve = AccountId::new(2);
        // Made 20 s ago.
        let tap = taps.of(eve, state.account(eve).unwrap(), Now { instant: start, wall: 20_000 }).unwrap();
        let rates = [39, 40].map(|seconds| tap.rate(start + Duration::from_secs(seconds)));
        assert_eq!(rates, [rate.quarter(), rate]);
    }

    fn record(id: i64, name: &str) -> crate::server::traffic::AccountRecord {
        crate::server::traffic::AccountRecord {
            id: AccountId::new(id),
            name: UserName::parse(name).unwrap_or_else(|_| UserName::server()),
            hash: (name != "server").then(|| "hash".into()),
            generation: 0,
            admin: false,
            at: 0,
        }
    }
}
