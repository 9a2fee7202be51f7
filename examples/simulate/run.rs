//! Episodes in a row, until one of them fails or enough is done.

use crate::episode::Episode;
use crate::watch;
use chitchat::server::simulation;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many steps an episode tries: about as many as it takes for an old room to have a thousand messages.
pub(crate) const TRIES: u64 = 40_000;

/// A fault that is planted, one time in so many that it could happen.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) name: String,
    pub(crate) every: u32,
}

/// A failure.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) seed: u64,
    pub(crate) what: String,
    /// Which of the tries did something, up to the one that failed.
    pub(crate) tries: Vec<u64>,
    pub(crate) steps: u64,
    pub(crate) trace: Vec<String>,
}

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) steps: u64,
    pub(crate) episodes: u64,
    pub(crate) kills: u64,
    /// Messages that no conversation kept.
    pub(crate) dropped: u64,
    /// Of one episode, if it is traced.
    pub(crate) trace: Vec<String>,
}

/// Episodes with these seeds, until that many steps are done.
pub(crate) fn row_of_episodes(
    seeds: impl Iterator<Item = u64>,
    steps: u64,
    fault: Option<&Fault>,
    goes_on: impl Fn() -> bool,
) -> (Done, Option<Found>) {
    let mut done = Done::default();
    for seed in seeds {
        if done.steps >= steps || !goes_on() {
            break;
        }
        let tries = 0..TRIES;
        match episode(seed, tries, fault, false) {
            Ok(passed) => {
                done.steps += passed.steps;
                done.kills += passed.kills;
                done.dropped += passed.dropped;
                done.episodes += 1;
            }
            Err(found) => {
                done.steps += found.steps;
                return (done, Some(found));
            }
        }
    }
    (done, None)
}

/// One episode with these of its tries.
pub(crate) fn episode(
    seed: u64,
    tries: impl Iterator<Item = u64>,
    fault: Option<&Fault>,
    is_traced: bool,
) -> Result<Done, Found> {
    simulation::unplant();
    if let Some(fault) = fault {
        assert!(simulation::plant(&fault.name, fault.every), "there is no fault {}", fault.name);
    }
    let mut done = Vec::new();
    let failed = |what, done: Vec<u64>, steps, trace| Found { seed, what, tries: done, steps, trace };
    let mut episode = match watched(|| Episode::new(seed, is_traced)) {
        Ok(episode) => episode,
        Err(what) => return Err(failed(what, done, 0, Vec::new())),
    };
    let step = |episode: &mut Episode, number: u64| watched(|| episode.step(seed_of(seed, number)));
    for number in tries {
        match step(&mut episode, number) {
            Ok(false) => {}
            Ok(true) => done.push(number),
            Err(what) => {
                done.push(number);
                let (steps, trace) = (episode.steps, episode.take_trace());
                return Err(failed(what, done, steps, trace));
            }
        }
    }
    match watched(|| episode.let_the_old_go()) {
        Ok(()) => {
            let (steps, kills, dropped) = (episode.steps, episode.kills, episode.dropped());
            Ok(Done { steps, episodes: 1, kills, dropped, trace: episode.take_trace() })
        }
        Err(what) => {
            let (steps, trace) = (episode.steps, episode.take_trace());
            Err(failed(what, done, steps, trace))
        }
    }
}

fn seed_of(seed: u64, number: u64) -> u64 {
    (seed << 32) ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Panics and errors in the server's log are failures as well.
fn watched<T>(act: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let acted = catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| Err("it panicked".to_owned()));
    let logged = watch::take();
    match acted {
        Ok(value) if logged.is_empty() => Ok(value),
        Ok(_) => Err(format!("the server logged an error: {}", logged.join("; "))),
        Err(what) if logged.is_empty() => Err(what),
        Err(what) => Err(format!("{what} ({})", logged.join("; "))),
    }
}
