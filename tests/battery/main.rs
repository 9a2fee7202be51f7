//! The crash battery: the real server, killed at random instants and at named points while many write, read and
//! come back, and cut off from its disk's power. What its clients took down is held against what it has after
//! the restart.
//!
//! It needs the feature `faults`, which no shipped program has: `cargo test --features faults --test battery`.
//! `CHITCHAT_CRASH_CYCLES=1000` and `CHITCHAT_POWER_CUTS=5000` make it longer; `CHITCHAT_BATTERY_SEED` repeats a
//! run's choices, though not its timing.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests, where a failure is the point and nothing is hot"
)]

mod actors;
mod backup;
mod check;
mod kill;
mod migration;
mod panics;
mod people;
mod power;
mod promises;
#[path = "../model/random.rs"]
mod random;
#[allow(dead_code, unused_imports, reason = "the tests of the wire use all of it")]
#[path = "../integration/support/mod.rs"]
mod support;
mod text;
mod told;
#[path = "../model/unpaced.rs"]
mod unpaced;
mod watchdog;
mod wire;

/// A number of the environment.
fn variable(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// What decides everything but the timing; a failure names it.
fn seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    std::env::var("CHITCHAT_BATTERY_SEED")
        .map_or_else(|_| RandomState::new().hash_one(0), |value| value.parse().expect("a number"))
}
