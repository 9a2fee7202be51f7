//! Power cuts. The real server runs with `record.c` in it, which writes down what it does to its files; its
//! clients note with each line that they are told how long that journal was. Afterwards the disk is built as
//! it may be after a power cut at any moment, and a server is started on it: what was told before the cut is
//! there, once, in order and unchanged.

mod disk;
mod journal;
mod normal;

use self::disk::{Disk, Loss};
use self::journal::Record;
use crate::check::{Snapshot, check};
use crate::people::{End, People, Ran, settings};
use crate::promises::{integrity, keys, searches};
use crate::random::Random;
use crate::support::{Server, wait_until_gone};
use crate::told::{Stamp, Told, What};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// Cuts in which the battery finds a disk that does not sync what it says it did.
const CONTROL_CUTS: usize = 40;
/// Cuts of one history: each history has interleavings of its own.
const CUTS_OF_ONE: usize = 250;
/// Every so many cuts the files are searched for what is gone, once there was a quiet moment.
const FILES_EVERY: usize = 25;

/// What happened up to the end of the last run, and what was told meanwhile.
struct History {
    people: People,
    journal: Vec<u8>,
    records: Vec<Record>,
    told: Vec<Told>,
    /// The journal's length when everyone was registered.
    began: u64,
    epoch: String,
    /// The files that are made once and not journaled.
    others: BTreeMap<String, Vec<u8>>,
}

/// How the server is run whose power is cut.
#[derive(Debug, Clone, Copy, Default)]
struct Setup {
    settings: &'static [&'static str],
    /// In the last run the disk forgets every sync.
    lies: bool,
    /// A crash lies between two runs, and before it a quiet moment, in which the log is emptied.
    runs: usize,
    /// What clients are told in each.
    told: usize,
}

impl Setup {
    /// Runs it on one disk.
    fn run(self, seed: u64) -> History {
        let aside = tempfile::tempdir().expect("a temporary directory can be made");
        let (journal, library) = (aside.path().join("journal"), compile(&aside));
        let mut server = Server::not_started(&settings(self.settings));
        server.set_variable("LD_PRELOAD", library.display());
        server.set_variable("POWER_JOURNAL", journal.display());
        server.set_variable("POWER_DIRECTORY", server.data().display());
        server.restart();
        let mut people = People::register(&server, seed);
        let epoch = people.snapshot(&server).expect("nothing was said yet").epoch;
        let began = length(&journal);
        let mut told = Vec::new();
        for run in 1..=self.runs {
            let path = journal.clone();
            let stamp: Stamp = Arc::new(move || length(&path));
            let end = if run < self.runs { End::InSilence(self.told) } else { End::Killed(self.told) };
            let Ran { told: more, broken, .. } = people.run(&mut server, end, stamp);
            assert_eq!(broken, None, "without a power cut");
            told.extend(more);
            if run < self.runs {
                if self.lies {
                    server.set_variable("POWER_LIE", 1);
                }
                server.restart();
            }
        }
        let journal = fs::read(&journal).expect("the server wrote it");
        let records = journal::parse(&journal);
        // A test of nothing must not look passed.
        assert!(records.iter().any(|record| record.event == journal::Event::Synced), "nothing was recorded");
        History { people, journal, records, told, began, epoch, others: others(&server.data()) }
    }
}

impl History {
    /// Cuts the power so often, each time at another moment and with another loss, and holds what is left
    /// against what was told by then. Returns the first cut that broke a promise.
    fn cuts(&self, count: usize, seed: u64, judge: &dyn Fn(&Cut<'_>) -> Result<(), String>) -> Result<(), String> {
        let mut random = Random::new(seed);
        let mut moments: Vec<u64> = (0..count).map(|cut| self.moment(cut, &mut random)).collect();
        moments.sort_unstable();
        let (mut disk, mut done) = (Disk::default(), 0);
        for (cut, at) in moments.into_iter().enumerate() {
            while let Some(record) = self.records.get(done).filter(|record| record.end <= at) {
                disk.apply(record, &self.journal);
                done += 1;
            }
            let loss = *random.one(&Loss::ALL);
            let files = disk.cut(loss, &mut random);
            let cut = Cut { history: self, number: cut, at, files, seed };
            judge(&cut)
                .map_err(|why| format!("cut {} at {at} of {}, {loss:?} lost: {why}", cut.number, self.journal.len()))?;
        }
        Ok(())
    }

    /// Half of the moments are those at which somebody was told something: what it rests on must have been synced
    /// by then. One in ten is before everyone was registered.
    fn moment(&self, cut: usize, random: &mut Random) -> u64 {
        let begun = self.records.partition_point(|record| record.end <= self.began);
        match cut % 10 {
            0 => self.records[random.below(begun)].end,
            1..5 => self.records[begun + random.below(self.records.len() - begun)].end,
            _ => random.one(&self.told).at,
        }
    }
}

/// One power cut, and what it left.
struct Cut<'a> {
    history: &'a History,
    number: usize,
    at: u64,
    files: BTreeMap<String, Vec<u8>>,
    seed: u64,
}

impl Cut<'_> {
    /// Starts a server on what is left.
    fn start(&self, more: &[&str]) -> Result<Server, String> {
        let mut server = Server::not_started(&settings(more));
        for (name, content) in self.files.iter().chain(&self.history.others) {
            fs::write(server.data().join(name), content).expect("the test has room");
        }
        server.try_restart().map_err(|failure| format!("it does not start: {}", failure.said))?;
        Ok(server)
    }

    fn told(&self) -> Vec<Told> {
        self.history.told.iter().filter(|told| told.at <= self.at).cloned().collect()
    }

    /// Everything that was told before the cut holds.
    fn keeps_everything(&self) -> Result<(), String> {
        let server = self.start(&[])?;
        if self.at >= self.history.began {
            let (people, told) = (&self.history.people, self.told());
            let now = people.snapshot(&server)?;
            if now.epoch != self.history.epoch {
                return Err(format!("the epoch was {} and is {}", self.history.epoch, now.epoch));
            }
            check(&Snapshot::default(), &now, &told)?;
            let mut random = Random::new(self.seed + self.number as u64);
            keys(people, &server, self.at, &mut random)?;
            let gone = gone(&told);
            searches(people, &server, &now, &gone, &mut random)?;
            if self.number.is_multiple_of(FILES_EVERY) && !gone.is_empty() {
                wait_until_gone(&server, &[random.one(&gone).as_str()]);
            }
        }
        integrity(&server.data())
    }
}

fn gone(told: &[Told]) -> Vec<String> {
    let gone = told.iter().filter_map(|told| match &told.what {
        What::Gone { token } => Some(token.clone()),
        _ => None,
    });
    gone.collect()
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).expect("the journal is there").len()
}

/// Builds `record.c` with the compiler that links Rust's programs.
fn compile(into: &TempDir) -> PathBuf {
    let library = into.path().join("record.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/battery/power/record.c");
    let built = Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).output();
    let built = built.expect("there is a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library
}

/// The certificate and its key: made at the first start, each written under another name, synced and renamed.
fn others(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = ["certificate.pem", "key.pem"];
    names.map(|name| (name.to_owned(), fs::read(data.join(name)).expect("the first start makes it"))).into()
}

#[test]
fn what_was_told_survives_a_power_cut() {
    let (cuts, seed) = (crate::variable("CHITCHAT_POWER_CUTS", 100), crate::seed());
    let mut told = 0;
    for done in (0..cuts).step_by(CUTS_OF_ONE) {
        let history = Setup { runs: 2, told: 1_000, ..Setup::default() }.run(seed + done as u64);
        told += history.told.len();
        let kept = history.cuts(CUTS_OF_ONE.min(cuts - done), seed, &|cut| cut.keeps_everything());
        kept.unwrap_or_else(|why| panic!("CHITCHAT_BATTERY_SEED={seed}: {why}"));
    }
    println!("{cuts} power cuts; clients were told {told} things, and all that was told before a cut holds");
}

/// The control: the battery must find a server whose syncs do nothing.
#[test]
fn a_disk_that_does_not_sync_is_found_out() {
    let history = Setup { runs: 2, told: 300, lies: true, ..Setup::default() }.run(1);
    let found = history.cuts(CONTROL_CUTS, crate::seed(), &|cut| cut.keeps_everything());
    println!("found out: {}", found.expect_err("the cuts did not show that nothing was synced"));
}
