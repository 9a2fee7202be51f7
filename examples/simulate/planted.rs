//! The control: a simulation that finds nothing proves something only if it finds what is there. Each
//! fault is planted, and must be found within so many steps, with each of several seeds.

use crate::options::Options;
use crate::run::{Fault, row_of_episodes};
use std::process::ExitCode;
use std::time::Instant;

/// Each fault: one time in how many it happens, and within how many steps it must be found.
const FAULTS: [(&str, u32, u64); 13] = [
    ("answer-before-commit", 1, 100_000),
    ("id-twice", 20, 20_000),
    ("delivery-skipped", 50, 20_000),
    ("delivery-doubled", 20, 20_000),
    ("key-forgotten", 5, 100_000),
    ("marker-back", 5, 100_000),
    ("ban-ends-early", 1, 300_000),
    ("dropped-early", 1, 300_000),
    ("sweep-forgotten", 2, 300_000),
    ("private-leak", 5, 50_000),
    ("token-in-frame", 1, 200_000),
    ("share-kept", 20, 20_000),
    ("wake-up-lost", 100, 20_000),
];
const SEEDS: u64 = 5;

/// Plants one after the other, and prints after how many steps it was found.
pub(crate) fn find_all(options: &Options) -> ExitCode {
    let mut missed = 0;
    println!("{:22} {:>5} {:>8}  found after, by seed", "fault", "every", "within");
    for (name, every, within) in FAULTS {
        let began = Instant::now();
        let fault = Fault { name: name.to_owned(), every };
        let find = |seed: u64| {
            // Seeds that no other row of episodes comes to.
            let seeds = (0..).map(move |n| seed * 100_000 + n);
            let (done, found) = row_of_episodes(seeds, within, Some(&fault), || true);
            (done.steps, found)
        };
        let seeds: Vec<u64> = (options.seed..options.seed + SEEDS).collect();
        let per_job = seeds.len().div_ceil(options.jobs as usize);
        let found: Vec<_> = std::thread::scope(|scope| {
            let jobs: Vec<_> = seeds
                .chunks(per_job)
                .map(|seeds| scope.spawn(|| seeds.iter().map(|seed| find(*seed)).collect::<Vec<_>>()))
                .collect();
            jobs.into_iter().flat_map(|job| job.join().expect("a job's panics are caught")).collect()
        });
        let after: Vec<String> = found
            .iter()
            .map(|(steps, found)| match found {
                Some(_) if *steps <= within => steps.to_string(),
                _ => "MISSED".to_owned(),
            })
            .collect();
        missed += after.iter().filter(|after| *after == "MISSED").count();
        println!("{name:22} {every:>5} {within:>8}  {}  ({:.1} s)", after.join(" "), began.elapsed().as_secs_f64());
        if let Some((_, Some(first))) = found.iter().find(|(_, found)| found.is_some()) {
            println!("    {}", first.what.lines().collect::<Vec<_>>().join(" | "));
        }
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
