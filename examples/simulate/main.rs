//! The simulation: the server without threads, sockets and clocks, and many clients, step by step from a
//! seed, against what people must see.
//!
//! ```text
//! cargo run --release --features faults --example simulate -- --steps 1000000
//! cargo run --release --features faults --example simulate -- --hours 8 --jobs 2
//! cargo run --release --features faults --example simulate -- --planted
//! cargo run --release --features faults --example simulate -- --twice
//! ```
//!
//! A run is a row of episodes, each with a seed of its own, which `--seed` begins with. One that fails
//! prints what was wrong, the command that repeats it, and a trace that was made as short as a minute
//! allows.
//!
//! What it can't find: TLS is left out, since rustls draws its own random bytes; so are threads that run at
//! the same moment (the model checks in `tools/interleavings` have those), and clients with tags off.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::format_collect,
    reason = "a test, where a failure is the point"
)]

mod episode;
mod link;
#[allow(dead_code, reason = "not all of it is of use here")]
#[path = "../../tests/model/mod.rs"]
mod model;
#[allow(dead_code, reason = "not all of it is of use here")]
#[path = "../../tests/integration/agreement/normal.rs"]
mod normal;
mod options;
mod oracle;
mod planted;
mod run;
mod shrink;
mod swarm;
mod watch;

use options::{Options, Work};
use run::{Fault, Found, row_of_episodes};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Episodes that are run twice.
const TWICE: u64 = 5;

fn main() -> ExitCode {
    watch::set_up();
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(what) => {
            eprintln!("{what}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    match options.work {
        Work::Planted => planted::find_all(&options),
        Work::Twice => run_twice(&options),
        Work::Steps(steps) => simulate(&options, steps),
        // As good as for ever; the clock ends it.
        Work::Until(_) => simulate(&options, u64::MAX / 2),
    }
}

/// Runs episodes on as many threads as there are jobs, each with its own seeds.
fn simulate(options: &Options, steps: u64) -> ExitCode {
    let began = Instant::now();
    let ends = AtomicBool::new(false);
    let failed = std::thread::scope(|scope| {
        let job = |nth: u64| {
            let ends = &ends;
            let goes_on = move || {
                let out_of_time = matches!(options.work, Work::Until(until) if Instant::now() >= until);
                !out_of_time && !ends.load(Ordering::Relaxed)
            };
            let (first, jobs) = (options.seed + nth, options.jobs);
            let seeds = (0..).map(move |n| first + n * jobs);
            scope.spawn(move || {
                let (done, found) = row_of_episodes(seeds, steps / jobs, options.fault.as_ref(), goes_on);
                ends.fetch_or(found.is_some(), Ordering::Relaxed);
                (done, found)
            })
        };
        let jobs: Vec<_> = (0..options.jobs).map(job).collect();
        let results: Vec<_> = jobs.into_iter().map(|job| job.join().expect("a job's panics are caught")).collect();
        let (steps, seconds) = (results.iter().map(|(done, _)| done.steps).sum::<u64>(), began.elapsed().as_secs_f64());
        let sum = |of: fn(&run::Done) -> u64| results.iter().map(|(done, _)| of(done)).sum::<u64>();
        let (episodes, kills, dropped) = (sum(|done| done.episodes), sum(|done| done.kills), sum(|done| done.dropped));
        println!(
            "{steps} steps in {episodes} episodes with {kills} restarts, {dropped} messages dropped, {seconds:.1} s, {:.0} steps/s",
            steps as f64 / seconds
        );
        results.into_iter().find_map(|(_, found)| found)
    });
    match failed {
        None => ExitCode::SUCCESS,
        Some(found) => {
            report(&found, options.fault.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// The same seed, the same trace: all that happens is decided by it.
fn run_twice(options: &Options) -> ExitCode {
    for seed in options.seed..options.seed + TWICE {
        let run = || match run::episode(seed, 0..run::TRIES / 4, None, true) {
            Ok(done) => done.trace,
            Err(found) => found.trace,
        };
        let (first, second) = (run(), run());
        if let Some(at) = (0..first.len().max(second.len())).find(|at| first.get(*at) != second.get(*at)) {
            println!("seed {seed} differs at line {at}:\n  {:?}\n  {:?}", first.get(at), second.get(at));
            return ExitCode::FAILURE;
        }
        println!("seed {seed}: {} lines, the same twice", first.len());
    }
    ExitCode::SUCCESS
}

/// What went wrong, how to repeat it, and the shortest trace that could be found.
fn report(found: &Found, fault: Option<&Fault>) {
    println!("seed {} fails at its step {}: {}", found.seed, found.steps, found.what);
    let planted = fault.map_or(String::new(), |fault| format!(" --fault {} --every {}", fault.name, fault.every));
    println!(
        "to repeat it: cargo run --release --features faults --example simulate -- --seed {} --steps 1{planted}",
        found.seed
    );
    let (shrunk, left) = shrink::shrink(found, fault);
    println!("the last lines of {left} steps that lead there, too: {}", shrunk.what);
    for line in &shrunk.trace[shrunk.trace.len().saturating_sub(shrink::LINES)..] {
        println!("  {line}");
    }
}
