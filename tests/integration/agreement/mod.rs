//! The server does what the model says (`tests/model`), over many random operations of many accounts on
//! several connections each, with restarts and kills between: every answer, row by row, and every live
//! line that anyone is shown.
//!
//! `CHITCHAT_MODEL_OPERATIONS` says how many, `CHITCHAT_MODEL_SEED` which; a failure prints the seed. (It
//! decides what is done, but not what a kill interrupts.) The long run is
//! `CHITCHAT_MODEL_OPERATIONS=100000 cargo test --release --test integration agreement`.

mod normal;
mod run;
mod worlds;

use run::Run;

#[test]
fn the_server_does_what_the_model_says() {
    let number = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => default,
    };
    let operations = number("CHITCHAT_MODEL_OPERATIONS", 2000);
    let seed = number("CHITCHAT_MODEL_SEED", random_seed());
    Run::new(seed).go(operations as usize);
}

/// Another one in each run, without a crate for it.
fn random_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0) % 1_000_000
}
