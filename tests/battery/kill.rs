//! Kills: cycle after cycle the server is killed under load, started again and held against what was told.

use crate::check::{Snapshot, check};
use crate::people::{End, People, settings};
use crate::promises::{integrity, keys, searches};
use crate::random::Random;
use crate::support::{Server, wait_until_gone};
use crate::told::{Told, What, no_stamp};
use std::collections::{BTreeMap, BTreeSet};

/// Points at which the server kills itself, each with the most times that it may come there before; those
/// of migrations are a test of their own.
const POINTS: [(&str, usize); 9] = [
    ("before-insert", 60),
    ("after-insert", 60),
    ("before-commit", 40),
    ("after-commit", 40),
    ("after-delivery", 40),
    ("before-checkpoint", 2),
    ("after-checkpoint", 2),
    ("before-index-commit", 1),
    ("after-index-commit", 1),
];

/// Cycles before a new server takes over: each reads everything that was ever said there.
const CYCLES_OF_ONE: usize = 10;
/// Every so many cycles the files are searched for what is gone, once there was a quiet moment.
const FILES_EVERY: usize = 5;
/// What clients are told before they fall silent, if the server has not ended by itself.
const TOLD_MOST: usize = 4_000;
/// Kills within which the battery finds a server that answers before it commits.
const CONTROL_CYCLES: usize = 100;

/// One server over several cycles.
struct Battery {
    server: Server,
    people: People,
    random: Random,
    before: Snapshot,
    /// Words that are gone, of all cycles.
    gone: Vec<String>,
    cycles: usize,
}

impl Battery {
    /// `fault` is planted in the server.
    fn new(fault: Option<&str>, seed: u64) -> Self {
        let mut server = Server::not_started(&settings(&[]));
        fault.into_iter().for_each(|fault| server.set_variable("CHITCHAT_FAULT", fault));
        server.restart();
        let people = People::register(&server, seed);
        let before = people.snapshot(&server).expect("nothing was said yet");
        Self { server, people, random: Random::new(seed), before, gone: Vec::new(), cycles: 0 }
    }

    /// Runs until the end, starts again and checks everything. Returns how much was told, and whether the
    /// server ended by itself.
    fn cycle(&mut self, end: End) -> Result<(usize, bool), String> {
        self.cycles += 1;
        let ran = self.people.run(&mut self.server, end, no_stamp());
        self.server.clear_variable("CHITCHAT_KILL_AT");
        self.server.restart();
        if let Some(broken) = ran.broken {
            return Err(broken);
        }
        self.check(&ran.told)?;
        Ok((ran.told.len(), ran.by_itself))
    }

    fn check(&mut self, told: &[Told]) -> Result<(), String> {
        let now = self.people.snapshot(&self.server)?;
        if now.epoch != self.before.epoch {
            return Err(format!("the epoch was {} and is {}", self.before.epoch, now.epoch));
        }
        check(&self.before, &now, told)?;
        self.gone.extend(told.iter().filter_map(|told| match &told.what {
            What::Gone { token } => Some(token.clone()),
            _ => None,
        }));
        keys(&self.people, &self.server, 0, &mut self.random)?;
        searches(&self.people, &self.server, &now, &self.gone, &mut self.random)?;
        integrity(&self.server.data())?;
        self.before = now;
        if self.cycles.is_multiple_of(FILES_EVERY) && !self.gone.is_empty() {
            let sample: Vec<&str> = (0..3).map(|_| self.random.one(&self.gone).as_str()).collect();
            wait_until_gone(&self.server, &sample);
        }
        Ok(())
    }

    /// From now on the server kills itself at this point, at the `count`th time.
    fn kill_at(&mut self, point: &str, count: usize) {
        self.server.kill();
        self.server.set_variable("CHITCHAT_KILL_AT", format!("{point}:{count}"));
        self.server.restart();
    }
}

/// Which points were tried and which were reached.
#[derive(Debug, Default)]
struct Reached {
    /// By the load, and in the silence after it.
    reached: BTreeMap<&'static str, (usize, usize)>,
    missed: BTreeSet<&'static str>,
}

impl Reached {
    /// How often to pass a point: at most so often, or not at all where that was too much before.
    fn count(&self, (point, most): (&'static str, usize), random: &mut Random) -> usize {
        if self.missed.contains(point) { 1 } else { 1 + random.below(most) }
    }

    fn note(&mut self, (point, _): (&'static str, usize), told: usize, by_itself: bool) {
        if !by_itself {
            self.missed.insert(point);
            return;
        }
        let (by_load, in_silence) = self.reached.entry(point).or_default();
        *(if told < TOLD_MOST { by_load } else { in_silence }) += 1;
    }
}

#[test]
fn what_was_told_survives_a_kill_at_any_instant_and_at_every_named_point() {
    let (cycles, seed) = (crate::variable("CHITCHAT_CRASH_CYCLES", 50), crate::seed());
    let (mut told, mut reached, mut random) = (0, Reached::default(), Random::new(seed));
    let mut battery = Battery::new(None, seed);
    for cycle in 0..cycles {
        if battery.cycles == CYCLES_OF_ONE {
            battery = Battery::new(None, seed + cycle as u64);
        }
        // Every second one is at a named point, each in turn.
        let point = (cycle % 2 == 1).then(|| POINTS[cycle / 2 % POINTS.len()]);
        let end = match point {
            Some(point) => {
                battery.kill_at(point.0, reached.count(point, &mut random));
                End::ByItself(TOLD_MOST)
            }
            None => End::Killed(100 + random.below(2_000)),
        };
        match battery.cycle(end) {
            Ok((count, by_itself)) => {
                told += count;
                point.into_iter().for_each(|point| reached.note(point, count, by_itself));
            }
            Err(why) => panic!("cycle {cycle}, {end:?} at {point:?}, CHITCHAT_BATTERY_SEED={seed}: {why}"),
        }
    }
    println!("{cycles} kills; clients were told {told} things, and all of them hold");
    println!("points reached under load and in the silence after it: {:?}", reached.reached);
    if cycles >= 4 * POINTS.len() {
        let missing: Vec<_> = POINTS.iter().filter(|(point, _)| !reached.reached.contains_key(point)).collect();
        assert!(missing.is_empty(), "the server never came to {missing:?}");
    }
}

/// The control: the battery must find a server that answers before it commits.
#[test]
fn a_server_that_answers_before_it_commits_is_found_out() {
    let mut random = Random::new(crate::seed());
    let mut battery = Battery::new(Some("answer-before-commit"), 1);
    for cycle in 1..=CONTROL_CYCLES {
        if let Err(why) = battery.cycle(End::Killed(100 + random.below(1_000))) {
            println!("found out at kill {cycle} of {CONTROL_CYCLES}: {why}");
            return;
        }
    }
    panic!("{CONTROL_CYCLES} kills did not show that answers come before commits");
}
