//! Trouble with the disk: it is full, or it fails in the middle of a commit.

use crate::startup::chitchatd;
use crate::support::{Client, PASSWORD, Server};
use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Where SQLite's shared locks are in a database file.
const SHARED_LOCKS: Flock =
    Flock { start: 0x4000_0002, length: 510, pid: None, typ: FlockType::WriteLock, offset_type: FlockOffsetType::Set };

/// Without the server's lock, another process that closes the database, such as a backup, believes
/// that it was the last user, and deletes the log that the server still writes to.
#[test]
fn other_processes_find_the_databases_in_use() {
    let server = Server::start();
    let mut alice = server.connect();
    alice.send(&format!("/register alice {PASSWORD}"));
    alice.expect("+ welcome alice…");
    for name in ["chitchat.db", "index.db"] {
        let file = fs::OpenOptions::new().read(true).write(true).open(server.data().join(name)).unwrap();
        assert!(fcntl_getlk(&file, &SHARED_LOCKS).unwrap().is_some(), "{name} is not locked");
    }
}

/// Alice, logged in again, with tags on.
fn alice(server: &Server) -> Client {
    let mut alice = server.connect();
    alice.send("/set tags on");
    alice.expect("+ tags on…");
    alice.send(&format!("/login alice {PASSWORD}"));
    alice.expect("+ welcome alice…");
    alice
}

/// Says long lines until one is not answered with `+`. Returns how many were, and that one's answer.
fn fill(alice: &mut Client) -> (u64, Option<String>) {
    let text = "x".repeat(3900);
    for id in 1..10_000 {
        alice.send(&format!("/say lobby {text}"));
        match alice.line_or_end() {
            Some(line) if line == format!("+ {id}") => {}
            other => return (id - 1, other),
        }
    }
    panic!("the disk never filled up");
}

/// Checks that everything that was answered with `+` is stored, and that the next line gets the next id.
fn check(server: &Server, answered: u64) {
    let mut alice = alice(server);
    let rows = alice.ask("/history lobby limit=1");
    let last: u64 = rows[0].split(' ').nth(2).and_then(|id| id.parse().ok()).expect("a row with an id");
    assert!(last == answered || last == answered + 1, "{last} after {answered}");
    alice.send("/say lobby there is room again");
    alice.expect(&format!("+ {}", last + 1));
}

#[test]
fn a_failed_write_ends_the_process_and_loses_no_acknowledged_message() {
    let mut server = Server::start();
    server.connect().register("alice");
    server.terminate();
    server.wait();
    // No file may grow any further: the system refuses in the middle of a commit.
    server.limit_files(Some(1024));
    server.restart();
    let (answered, told) = fill(&mut alice(&server));
    assert!(told.as_ref().is_none_or(|line| line.starts_with("* ") || line.starts_with("- storage: ")), "{told:?}");
    if told.is_none() {
        let (status, said) = server.wait();
        assert!(!status.success() && said.contains("disk"), "{status}: {said}");
    } else {
        server.kill();
    }
    server.limit_files(None);
    server.restart();
    check(&server, answered);
}

/// The exit code of `chitchatd health`.
fn health(server: &Server) -> Option<i32> {
    chitchatd(&server.data(), &["health"]).0
}

/// A small disk, mounted until this is dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Self {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(at).status();
        assert!(mounted.is_ok_and(|status| status.success()), "can't mount a small disk here");
        Self(at.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server may still have its files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs root, to mount a small disk"]
fn with_a_full_disk_reads_work_and_writes_are_refused_until_there_is_room() {
    let mut server = Server::not_started(&[]);
    let _disk = Disk::mount(&server.data());
    server.restart();
    server.connect().register("alice");
    let ballast = server.data().join("ballast");
    fs::write(&ballast, vec![0; 256 * 1024]).unwrap();
    let mut alice = alice(&server);
    alice.send("/token new pocket");
    let token = alice.expect("+ …").split(' ').nth(1).expect("a token").to_owned();
    let (answered, told) = fill(&mut alice);
    assert!(told.as_ref().is_some_and(|line| line.starts_with("- storage: ")), "{told:?}");
    // With a token people still get in, and read.
    let mut pocket = server.connect();
    pocket.send(&format!("/resume {token}"));
    pocket.expect("+ welcome alice…");
    assert_eq!(pocket.ask("/history lobby limit=1").len(), 2);
    assert_eq!(health(&server), Some(1));
    // A refused line does not appear later, nor does it take an id.
    let rows = alice.ask("/history lobby limit=1");
    assert!(rows[0].starts_with(&format!("| lobby {answered} ")), "{answered}: {}", &rows[0][..40]);
    fs::remove_file(&ballast).unwrap();
    // It finds that out by itself, though nobody says anything.
    let end = Instant::now() + Duration::from_secs(30);
    while health(&server) != Some(0) {
        assert!(Instant::now() < end, "still ill");
    }
    alice.send("/say lobby there is room again");
    alice.expect(&format!("+ {}", answered + 1));
    drop(alice);
    server.kill();
    server.restart();
    check(&server, answered + 1);
    server.kill();
}
