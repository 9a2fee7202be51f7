//! Backups as an operator makes them: of a server that runs and of one that does not, each one file, whole or not
//! there.

use crate::support::{Client, PASSWORD, Server};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs `chitchatd` with these words, and no server of its own.
pub(crate) fn chitchatd(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chitchatd"));
    command.args(words).stdin(Stdio::null()).env_remove("STATE_DIRECTORY").env_remove("RUST_LOG");
    command.output().expect("chitchatd can be started")
}

/// The same where it must do as it is told; returns what it said to people.
#[track_caller]
pub(crate) fn done(words: &[&str]) -> String {
    let output = chitchatd(words);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{words:?}: {said}");
    said
}

/// The same where it must fail, with these words in what it says.
#[track_caller]
pub(crate) fn fails(words: &[&str], expected: &[&str]) {
    let output = chitchatd(words);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
    for word in expected {
        assert!(said.contains(word), "{words:?} said {said:?}, without {word:?}");
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary directories have plain names")
}

/// A server with Alice, who says so many lines.
pub(crate) fn server_with(lines: usize) -> Server {
    let server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    say(&mut alice, 1, lines);
    server
}

/// Says lines; `first` is the first one's id.
pub(crate) fn say(alice: &mut Client, first: usize, lines: usize) {
    for id in first..first + lines {
        alice.send(&format!("/say lobby line {id}"));
        alice.expect(&format!("+ {id}"));
    }
}

/// What Alice finds in the lobby, and the epoch.
#[track_caller]
pub(crate) fn found(server: &Server) -> (Vec<String>, String) {
    let mut alice = server.connect();
    alice.send("/set tags on");
    let epoch = alice.expect("+ tags on epoch=…");
    alice.send(&format!("/login alice {PASSWORD}"));
    alice.read_until("…+ welcome alice…");
    let mut rows = alice.ask("/history lobby limit=1000");
    rows.pop();
    let texts = rows.iter().filter_map(|row| Some(row.split_once(": ")?.1.to_owned())).collect();
    (texts, epoch)
}

/// The members of an archive, in order.
fn members(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), bytes)
    });
    entries.collect()
}

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_backup_of_a_running_server_is_one_private_file_with_a_manifest_and_checksums() {
    let server = server_with(20);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("monday.tar");
    let data = server.data();
    let said = done(&["backup", "-o", text(&file), "--data", text(&data)]);
    assert!(said.contains("backup of 1 account, 1 room and 20 messages at ") && said.contains("monday.tar"), "{said}");
    assert_eq!((mode(&file), names(place.path())), (0o600, vec!["monday.tar".to_owned()]));
    let members = members(&fs::read(&file).unwrap());
    let order: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(order, ["MANIFEST", "chitchat.db", "certificate.pem", "key.pem", "SHA256SUMS"]);
    let sum = |(name, bytes): &(String, Vec<u8>)| {
        let sum: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{sum}  {name}\n")
    };
    let sums: String = members[..4].iter().map(sum).collect();
    assert_eq!(String::from_utf8_lossy(&members[4].1), sums);
    let manifest: BTreeMap<String, toml::Value> = toml::from_str(str::from_utf8(&members[0].1).unwrap()).unwrap();
    assert_eq!(manifest["messages"], toml::Value::Integer(20));
    assert_eq!(manifest["version"], toml::Value::String(env!("CARGO_PKG_VERSION").to_owned()));
    for name in ["certificate.pem", "key.pem"] {
        let (_, bytes) = members.iter().find(|(member, _)| member == name).unwrap();
        assert_eq!(*bytes, fs::read(data.join(name)).unwrap(), "{name}");
    }
    // The server goes on.
    let mut alice = server.connect();
    alice.send(&format!("/login alice {PASSWORD}"));
    alice.read_until("+ welcome…");
    say(&mut alice, 21, 5);
}

#[test]
fn a_backup_is_a_data_directory_once_it_is_unpacked_and_another_history() {
    let server = server_with(20);
    let (texts, epoch) = found(&server);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup.tar");
    done(&["backup", "-o", text(&file), "--data", text(&server.data())]);
    let mut again = Server::not_started(&[]);
    tar::Archive::new(fs::File::open(&file).unwrap()).unpack(again.data()).unwrap();
    for (name, expected) in [("chitchat.db", 0o600), ("key.pem", 0o600), ("certificate.pem", 0o644)] {
        assert_eq!(mode(&again.data().join(name)), expected, "{name}");
    }
    again.restart();
    let (texts_again, epoch_again) = found(&again);
    assert_eq!((texts_again, again.fingerprint()), (texts, server.fingerprint()));
    assert_ne!(epoch_again, epoch);
}

#[test]
fn a_backup_needs_no_server_and_has_what_is_only_in_the_log() {
    let mut server = server_with(20);
    server.kill();
    assert!(fs::metadata(server.data().join("chitchat.db-wal")).unwrap().len() > 0);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup.tar");
    let said = done(&["backup", "-o", text(&file), "--data", text(&server.data())]);
    assert!(said.contains("20 messages"), "{said}");
    server.restart();
    assert_eq!(found(&server).0.len(), 20);
    server.terminate();
    server.wait();
    // After an orderly end, too.
    let said = done(&["backup", "-o", text(&place.path().join("2.tar")), "--data", text(&server.data())]);
    assert!(said.contains("20 messages"), "{said}");
}

#[test]
fn an_existing_file_is_replaced_only_by_force() {
    let server = server_with(3);
    let place = tempfile::tempdir().unwrap();
    let (file, data) = (place.path().join("backup.tar"), server.data());
    fs::write(&file, "precious").unwrap();
    fails(&["backup", "-o", text(&file), "--data", text(&data)], &[text(&file), "exists already", "--force"]);
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    done(&["backup", "-o", text(&file), "--force", "--data", text(&data)]);
    assert_eq!(members(&fs::read(&file).unwrap()).len(), 5);
    assert_eq!((mode(&file), names(place.path()).len()), (0o600, 1));
}

#[test]
fn a_backup_goes_to_standard_output_and_leaves_nothing_behind_but_when() {
    let server = server_with(3);
    let mut before = names(&server.data());
    let output = chitchatd(&["backup", "-o", "-", "--data", text(&server.data())]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(members(&output.stdout).len(), 5);
    before.push("last-backup".to_owned());
    before.sort();
    assert_eq!(names(&server.data()), before);
}

#[test]
fn a_directory_keeps_so_many_backups() {
    let server = server_with(3);
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("backups");
    fs::create_dir(&directory).unwrap();
    let old: Vec<PathBuf> = (1..4).map(|day| directory.join(format!("chitchat-2025010{day}T030000Z.tar"))).collect();
    old.iter().for_each(|path| fs::write(path, "old").unwrap());
    let said = done(&["backup", "-o", text(&directory), "--keep", "2", "--data", text(&server.data())]);
    let mut left = names(&directory);
    left.retain(|name| name != "chitchat.erasures");
    assert!(left.len() == 2 && left[0].starts_with("chitchat-20250103") && left[1].ends_with("Z.tar"), "{left:?}");
    assert!(old[..2].iter().all(|path| said.contains(&format!("removed {}\n", path.display()))), "{said}");
    // A missing one is made, if its name says that it is one.
    let new = format!("{}/", place.path().join("new/backups").display());
    done(&["backup", "-o", &new, "--data", text(&server.data())]);
    assert_eq!((names(Path::new(&new)).len(), mode(Path::new(&new))), (2, 0o700));
}

#[test]
fn without_data_there_is_nothing_to_back_up_and_nothing_is_made() {
    let place = tempfile::tempdir().unwrap();
    let nowhere = place.path().join("nowhere");
    let file = place.path().join("backup.tar");
    fails(&["backup", "-o", text(&file), "--data", text(&nowhere)], &["chitchat.db", "--data DIR"]);
    assert_eq!(names(place.path()), [""; 0]);
}

#[test]
fn a_database_of_a_newer_version_is_not_backed_up_by_an_older_one() {
    let mut server = server_with(1);
    server.terminate();
    server.wait();
    let db = Connection::open(server.data().join("chitchat.db")).unwrap();
    db.execute_batch("PRAGMA user_version = 99; UPDATE meta SET value = '7.1.0' WHERE key = 'needs'").unwrap();
    drop(db);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup.tar");
    fails(&["backup", "-o", text(&file), "--data", text(&server.data())], &["install chitchatd 7.1.0 or newer"]);
    assert_eq!(names(place.path()), [""; 0]);
}

#[test]
fn a_damaged_database_is_named_and_replaces_no_backup() {
    let mut server = server_with(1);
    server.terminate();
    server.wait();
    let file = server.data().join("chitchat.db");
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len();
    bytes[4096..end].fill(0x5a);
    fs::write(&file, bytes).unwrap();
    let place = tempfile::tempdir().unwrap();
    let backup = place.path().join("backup.tar");
    fs::write(&backup, "the last good one").unwrap();
    fails(&["backup", "-o", text(&backup), "--force", "--data", text(&server.data())], &["chitchat.db", "damaged"]);
    assert_eq!(fs::read(&backup).unwrap(), b"the last good one");
    assert_eq!(names(place.path()), ["backup.tar"]);
}

#[test]
fn what_a_killed_backup_left_goes_with_the_next_one_and_at_the_next_start() {
    let mut server = server_with(1);
    let place = tempfile::tempdir().unwrap();
    for directory in [place.path(), &server.data()] {
        let left = directory.join(".chitchat-backup-left");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("chitchat.db"), "line 1").unwrap();
    }
    done(&["backup", "-o", text(&place.path().join("backup.tar")), "--data", text(&server.data())]);
    assert_eq!(names(place.path()), ["backup.tar"]);
    server.kill();
    server.restart();
    assert!(!names(&server.data()).iter().any(|name| name.starts_with('.')), "{:?}", names(&server.data()));
}

/// What a unit in `contrib/` runs, in places of ours.
fn commands_of(unit: &str, places: &[(&str, &Path)]) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib").join(unit);
    let unit = places.iter().fold(fs::read_to_string(path).unwrap(), |unit, (from, to)| unit.replace(from, text(to)));
    let lines = unit.lines().filter_map(|line| line.strip_prefix("ExecStart="));
    lines.map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

#[test]
fn the_units_commands_make_a_backup_and_a_list() {
    let server = server_with(3);
    let place = tempfile::tempdir().unwrap();
    let backups = place.path().join("backups");
    let program = Path::new(env!("CARGO_BIN_EXE_chitchatd"));
    // The longer name first: the other is its beginning.
    let places = [
        ("/var/lib/chitchat-backups", backups.as_path()),
        ("/var/lib/chitchat", &server.data()),
        ("/usr/local/bin/chitchatd", program),
    ];
    for unit in ["chitchatd-backup.service", "chitchatd-erasures.service"] {
        let commands = commands_of(unit, &places);
        assert_eq!(commands.len(), 1, "{unit}");
        let done = Command::new(&commands[0][0]).args(&commands[0][1..]).output().unwrap();
        assert!(done.status.success(), "{unit}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let made = names(&backups);
    assert!(made.len() == 2 && made[0].ends_with("Z.tar") && made[1] == "chitchat.erasures", "{made:?}");
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_finds_the_units_sound() {
    let place = tempfile::tempdir().unwrap();
    let contrib = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib");
    let mut units = Vec::new();
    for name in names(&contrib) {
        let kind = Path::new(&name).extension().and_then(|kind| kind.to_str());
        if !matches!(kind, Some("service" | "socket" | "timer")) {
            continue;
        }
        // A unit whose program is not installed is not sound.
        let unit = fs::read_to_string(contrib.join(&name)).unwrap();
        units.push(place.path().join(&name));
        fs::write(place.path().join(&name), unit.replace("/usr/local/bin/chitchatd", env!("CARGO_BIN_EXE_chitchatd")))
            .unwrap();
    }
    assert!(units.len() >= 6, "{units:?}");
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&units).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
}

#[test]
fn the_command_line_of_backups_is_checked() {
    for (words, expected) in [
        (&["backup", "-o", "x.tar", "--keep", "3"][..], "--keep needs a directory"),
        (&["backup", "-o", "-", "--keep", "3"], "--keep needs a directory"),
        (&["backup", "--force"], "--force replaces a file"),
        (&["backup", "--keep", "0", "-o", "/tmp"], "--keep"),
        (&["backup", "--json"], "--json"),
    ] {
        let output = chitchatd(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(expected), "{words:?}: {said}");
    }
}

#[test]
fn when_the_last_backup_was_made_is_known_to_status_check_and_the_figures() {
    let server = server_with(1);
    let (data, backups) = (server.data(), tempfile::tempdir().unwrap());
    let (data, note) = (text(&data), data.join("last-backup"));
    let status = || server.command_output(&["status"]);
    let stats = || server.command_output(&["stats"]);
    assert!(!status().contains("\n  backup ") && !stats().contains("last-backup"));
    // Looked at, and kept by nobody.
    let mut looked = Command::new(env!("CARGO_BIN_EXE_chitchatd"));
    looked.args(["backup", "--data", data, "-o", "-"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(looked.status().unwrap().success() && !note.exists());
    let directory = format!("{}/", text(backups.path()));
    for to in [directory.as_str(), &format!("{directory}one.tar"), "-"] {
        let _ = fs::remove_file(&note);
        done(&["backup", "--data", data, "-o", to]);
        let made: jiff::Timestamp = fs::read_to_string(&note).unwrap().trim_end().parse().unwrap();
        assert_eq!(fs::metadata(&note).unwrap().permissions().mode() & 0o777, 0o600);
        let shown = status();
        assert!(shown.contains("\n  backup       ") && shown.contains(&format!(" ago, at {made:.0}\n")), "{shown}");
        assert!(stats().contains(&format!("\nlast-backup {made:.0}").replace('Z', ".")), "{}", stats());
    }
    let check = chitchatd(&["--data", data, "check"]);
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(said.contains(&format!("good     backup       the last backup of {data} was made ")), "{said}");
    // Another directory has not been backed up yet.
    let restored = backups.path().join("restored");
    done(&["restore", &format!("{directory}one.tar"), "--data", text(&restored)]);
    assert!(!restored.join("last-backup").exists());
}
