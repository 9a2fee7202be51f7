//! Kills while backups are made as the README says: of the server, and of the backup. A backup that was finished is
//! an exact earlier state with all that was told before it began; the server is none the worse for it.

use crate::check::{Snapshot, check, kept};
use crate::people::{End, People, Ran, settings};
use crate::promises::integrity;
use crate::random::Random;
use crate::support::{DEADLINE, Server};
use crate::told::{Stamp, Told};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Kills of the server, each while backups are made.
const KILLS: usize = 4;

/// What the README says, and what many people use.
const RECIPES: [&str; 2] = ["VACUUM INTO 'BACKUP'", ".backup 'BACKUP'"];

/// A backup that was finished.
struct Backup {
    file: PathBuf,
    /// The stamp when it began.
    began: u64,
}

/// Makes backups until it is told to stop. One in three is killed.
fn back_up(data: &Path, into: &Path, stamp: &Stamp, stop: &AtomicBool, random: &mut Random) -> Vec<Backup> {
    let mut done = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let file = into.join(format!("{number}.db"));
        let began = stamp();
        let recipe = random.one(&RECIPES).replace("BACKUP", &file.display().to_string());
        let mut command = Command::new("sqlite3");
        let command = command.arg(data.join("chitchat.db")).arg(recipe).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("there is sqlite3");
        let killed = random.chance(33).then(|| Duration::from_millis(random.below(40) as u64));
        if ends_well(&mut child, killed.unwrap_or(DEADLINE), stop) {
            done.push(Backup { file, began });
        }
    }
    done
}

/// Waits for its end and kills it after this time, or once nothing more is wanted.
fn ends_well(child: &mut Child, after: Duration, stop: &AtomicBool) -> bool {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("the process is ours") {
            return status.success();
        }
        // While the server is busy, `.backup` begins again and again.
        if began.elapsed() >= after || stop.load(Ordering::Relaxed) {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Puts it back as the README says, and holds it against what was told before it began and what came of it.
fn check_backup(backup: &Backup, people: &People, data: &Path, told: &[Told], last: &Snapshot) -> Result<(), String> {
    let mut server = Server::not_started(&settings(&[]));
    fs::copy(&backup.file, server.data().join("chitchat.db")).expect("the test has room");
    for name in ["certificate.pem", "key.pem"] {
        fs::copy(data.join(name), server.data().join(name)).expect("the test has room");
    }
    let mark = "INSERT OR REPLACE INTO meta VALUES('unclean', '1')";
    let marked = Command::new("sqlite3").arg(server.data().join("chitchat.db")).arg(mark).status();
    assert!(marked.expect("there is sqlite3").success());
    server.try_restart().map_err(|failure| format!("the backup does not start: {}", failure.said))?;
    let now = people.snapshot(&server)?;
    if now.epoch == last.epoch {
        return Err("the epoch of the backup is the old one".to_owned());
    }
    let told: Vec<Told> = told.iter().filter(|told| told.at < backup.began).cloned().collect();
    check(&Snapshot::default(), &now, &told)?;
    kept(&now, last)?;
    integrity(&server.data())
}

#[test]
fn backups_under_load_are_earlier_states_and_disturb_nothing() {
    let seed = crate::seed();
    let mut random = Random::new(seed);
    let clock = Instant::now();
    let stamp: Stamp = Arc::new(move || clock.elapsed().as_micros() as u64);
    let mut server = Server::with(&settings(&[]));
    let mut people = People::register(&server, seed);
    let mut before = people.snapshot(&server).expect("nothing was said yet");
    let (mut told, mut finished) = (Vec::new(), 0);
    for kill in 0..KILLS {
        let (aside, stop): (TempDir, _) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
        let (data, into) = (server.data(), aside.path());
        let (ran, backups) = std::thread::scope(|scope| {
            let thread = scope.spawn(|| back_up(&data, into, &stamp, &stop, &mut random));
            let ran: Ran = people.run(&mut server, End::Killed(2_000), Arc::clone(&stamp));
            stop.store(true, Ordering::Relaxed);
            (ran, thread.join().expect("backups are made"))
        });
        told.extend(ran.told);
        server.restart();
        let of = |checked: Result<(), String>| checked.unwrap_or_else(|why| panic!("kill {kill}: {why}"));
        of(ran.broken.map_or(Ok(()), Err));
        let now = people.snapshot(&server).unwrap_or_else(|why| panic!("kill {kill}: {why}"));
        of(check(&before, &now, &told));
        of(integrity(&server.data()));
        backups.iter().for_each(|backup| of(check_backup(backup, &people, &data, &told, &now)));
        finished += backups.len();
        before = now;
    }
    println!("{finished} backups were finished under load while the server was killed {KILLS} times, and all hold");
    assert!(finished > 0, "no backup was finished");
}
