//! Kills while backups are made: of the server, and of the backup. A backup that was finished is
//! an exact earlier state with all that was told before it began; the server is none the worse for it. And kills
//! while one is restored: then there is all of it or nothing.

use crate::check::{Snapshot, check, kept};
use crate::people::{End, People, Ran, settings};
use crate::promises::integrity;
use crate::random::Random;
use crate::support::{DEADLINE, Server};
use crate::told::{Stamp, Told};
use chitchat::server::battery::{SCHEMAS, create_database};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Kills of the server, each while backups are made.
const KILLS: usize = 4;

/// How: our own way, and by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recipe {
    Command,
    Sqlite,
}

const RECIPES: [Recipe; 3] = [Recipe::Command, Recipe::Command, Recipe::Sqlite];

/// A backup that was finished.
struct Backup {
    file: PathBuf,
    recipe: Recipe,
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
        let (file, recipe) = (into.join(number.to_string()), *random.one(&RECIPES));
        let began = stamp();
        let mut command = match recipe {
            Recipe::Command => chitchatd(&["backup", "-o", text(&file), "--data", text(data)]),
            Recipe::Sqlite => {
                let mut command = Command::new("sqlite3");
                command.arg(data.join("chitchat.db")).arg(format!("VACUUM INTO '{}'", file.display()));
                command
            }
        };
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("there is sqlite3");
        let killed = random.chance(33).then(|| Duration::from_millis(random.below(150) as u64));
        if ends_well(&mut child, killed.unwrap_or(DEADLINE), stop) {
            done.push(Backup { file, recipe, began });
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

fn chitchatd(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chitchatd"));
    command.args(arguments).env_remove("STATE_DIRECTORY");
    command
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary directories have plain names")
}

/// Puts it back as the operators' page says.
fn put_back(backup: &Backup, from: &Path, into: &Path) {
    if backup.recipe == Recipe::Command {
        let restored = chitchatd(&["restore", text(&backup.file), "--data", text(into)]).output().unwrap();
        assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
        return;
    }
    fs::copy(&backup.file, into.join("chitchat.db")).expect("the test has room");
    for name in ["certificate.pem", "key.pem"] {
        fs::copy(from.join(name), into.join(name)).expect("the test has room");
    }
    let mark = "INSERT OR REPLACE INTO meta VALUES('unclean', '1')";
    let marked = Command::new("sqlite3").arg(into.join("chitchat.db")).arg(mark).status();
    assert!(marked.expect("there is sqlite3").success());
}

/// Puts it back and holds it against what was told before it began and what came of it.
fn check_backup(backup: &Backup, people: &People, data: &Path, told: &[Told], last: &Snapshot) -> Result<(), String> {
    let mut server = Server::not_started(&settings(&[]));
    put_back(backup, data, &server.data());
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
        finished += backups.iter().filter(|backup| backup.recipe == Recipe::Command).count();
        before = now;
    }
    println!("{finished} backups were finished under load while the server was killed {KILLS} times, and all hold");
    assert!(finished > 0, "no backup was finished");
}

#[test]
fn a_killed_restore_leaves_nothing_that_starts_or_all_of_it() {
    let server = Server::with(&settings(&[]));
    let mut console = server.console();
    console.ask("/join lobby");
    console.ask("/say lobby hello");
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup.tar");
    assert!(chitchatd(&["backup", "-o", text(&file), "--data", text(&server.data())]).status().unwrap().success());
    // Before each of the three files is moved, and before the last step.
    for step in 1..=4 {
        let mut again = Server::not_started(&settings(&[]));
        let data = again.data();
        let restore = ["restore", text(&file), "--data", text(&data)];
        let killed = chitchatd(&restore).env("CHITCHAT_KILL_AT", format!("restore-step:{step}")).status().unwrap();
        assert_eq!(killed.signal(), Some(9), "step {step}");
        let failure = again.try_restart().expect_err("the directory is not whole");
        assert!(failure.said.contains("run chitchatd restore again"), "step {step}: {}", failure.said);
        assert!(chitchatd(&restore).status().unwrap().success(), "step {step}");
        again.restart();
        let rows = again.console().ask("/history lobby");
        assert!(rows.iter().any(|row| row.ends_with(": hello")), "step {step}: {rows:?}");
    }
}

/// A backup of each schema that there was, made by this version, is restored and migrated.
#[test]
fn a_backup_of_any_schema_is_restored_and_migrated() {
    for schema in 1..=SCHEMAS {
        let place = tempfile::tempdir().unwrap();
        let (old, file) = (place.path().join("old"), place.path().join("backup.tar"));
        fs::create_dir(&old).unwrap();
        create_database(&old.join("chitchat.db"), schema).unwrap();
        assert!(chitchatd(&["backup", "-o", text(&file), "--data", text(&old)]).status().unwrap().success());
        let mut server = Server::not_started(&[]);
        let restored = chitchatd(&["restore", text(&file), "--data", text(&server.data())]).output().unwrap();
        assert!(restored.status.success(), "schema {schema}: {}", String::from_utf8_lossy(&restored.stderr));
        server.restart();
        let mut console = server.console();
        console.ask("/join lobby");
        let rows = console.ask("/history lobby");
        let texts: Vec<&str> = rows.iter().filter_map(|row| Some(row.split_once(": ")?.1)).collect();
        assert_eq!(texts, ["hello", "hello back"], "schema {schema}");
    }
}
