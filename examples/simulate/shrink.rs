//! Makes a failing episode short: steps are left out, range by range, as long as what is left still fails
//! in the same way.

use crate::run::{Fault, Found, episode};
use std::time::{Duration, Instant};

/// How long it may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Lines of the trace that are printed.
pub(crate) const LINES: usize = 150;

/// Returns the shortest one that was found, with its trace, and how many steps it has.
pub(crate) fn shrink(found: &Found, fault: Option<&Fault>) -> (Found, usize) {
    let until = Instant::now() + PATIENCE;
    let fails = |tries: &[u64], is_traced| {
        let failed = episode(found.seed, tries.iter().copied(), fault, is_traced).err();
        failed.filter(|failed| kind(&failed.what) == kind(&found.what))
    };
    let mut tries = found.tries.clone();
    let mut range = tries.len().div_ceil(2);
    while range > 0 && Instant::now() < until {
        let mut at = 0;
        while at < tries.len() && Instant::now() < until {
            let without: Vec<u64> = tries[..at].iter().chain(&tries[tries.len().min(at + range)..]).copied().collect();
            match fails(&without, false) {
                Some(failed) => tries = failed.tries,
                None => at += range,
            }
        }
        range = if range == 1 { 0 } else { range.div_ceil(2) };
    }
    let traced = fails(&tries, true).or_else(|| fails(&found.tries, true));
    let traced = traced.unwrap_or_else(|| Found {
        seed: found.seed,
        what: "it does not fail again: something is not decided by the seed".to_owned(),
        tries: Vec::new(),
        steps: 0,
        trace: Vec::new(),
    });
    let left = traced.tries.len();
    (traced, left)
}

/// What kind of failure it is: its first words, without numbers and names.
fn kind(what: &str) -> Vec<&str> {
    let words = what.split([' ', '\n']).filter(|word| word.bytes().all(|b| b.is_ascii_lowercase()));
    words.take(4).collect()
}
