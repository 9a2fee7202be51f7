//! System calls that fail: what can't be stored is refused, reads go on, nothing is claimed that is not so, and
//! after a sync that failed the process ends. A restart has everything that was answered with `+`.

use crate::support::strace::{Failing, failing_from_the_start};
use crate::support::{Client, DEADLINE, PASSWORD, Server, files_with, wait_until_gone};
use std::fs;
use std::time::{Duration, Instant};

const LOG: &str = "chitchat.db-wal";

/// Two people, and how much was answered.
struct Talk {
    server: Server,
    alice: Client,
    bob: Client,
    answered: Vec<String>,
}

impl Talk {
    fn start() -> Self {
        let server = Server::start();
        let [alice, bob] = ["alice", "bob"].map(|name| {
            let mut client = server.connect();
            client.register(name);
            client
        });
        let mut talk = Self { server, alice, bob, answered: Vec::new() };
        (0..3).for_each(|_| talk.say());
        talk
    }

    fn text(&self) -> String {
        format!("line {}", self.answered.len() + 1)
    }

    /// Says a line that is stored and shown.
    #[track_caller]
    fn say(&mut self) {
        let text = self.text();
        self.alice.send(&format!("/say lobby {text}"));
        self.answered.push(text.clone());
        self.alice.expect(&format!("+ {}", self.answered.len()));
        self.bob.expect(&format!("[lobby] alice: {text}"));
    }

    /// Says one that is refused; nobody is shown it, and what there is can still be read.
    #[track_caller]
    fn refused(&mut self) {
        self.alice.send("/say lobby never stored");
        self.alice.expect("- storage: …");
        self.bob.expect_nothing();
        self.can_be_read();
        let found = self.bob.ask("/search line 1");
        assert!(found.iter().any(|row| row.ends_with(": line 1")), "{found:?}");
    }

    #[track_caller]
    fn can_be_read(&mut self) {
        let texts = history(&mut self.bob);
        assert!(texts == self.answered, "{} lines were answered, {} are there", self.answered.len(), texts.len());
    }

    /// Says one that may or may not be stored: the process must end without an answer.
    #[track_caller]
    fn ends(mut self) -> Server {
        self.alice.send("/say lobby perhaps stored");
        assert_eq!(self.alice.line_or_end(), None, "nobody may be told anything any more");
        assert_eq!(self.bob.line_or_end(), None, "nobody may be shown anything any more");
        let (status, said) = self.server.wait();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("unknown whether the last messages were saved"), "{said}");
        self.after_a_restart()
    }

    /// All that was answered is there, and nothing that was refused.
    #[track_caller]
    fn after_a_restart(mut self) -> Server {
        self.server.restart();
        let mut bob = log_in(&self.server, "bob");
        let mut texts = history(&mut bob);
        bob.send("/say lobby it goes on");
        bob.expect(&format!("+ {}", texts.len() + 1));
        texts.retain(|text| text != "perhaps stored");
        assert!(texts == self.answered, "{} lines were answered, {} are there", self.answered.len(), texts.len());
        self.server
    }
}

fn log_in(server: &Server, name: &str) -> Client {
    let mut client = server.connect();
    client.send(&format!("/login {name} {PASSWORD}"));
    client.read_until(&format!("+ welcome {name}…"));
    client
}

/// Every text of the lobby; that of a message that was removed is empty.
fn history(client: &mut Client) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    loop {
        let mut rows = client.ask(&format!("/history lobby after={} limit=1000", texts.len()));
        let last = rows.pop().expect("a final line");
        assert!(last.starts_with("+ "), "{last}");
        texts.extend(rows.iter().map(|row| row.split_once(": ").expect("a message").1.to_owned()));
        if !last.contains(", more") {
            return texts;
        }
    }
}

/// Waits until something is so.
#[track_caller]
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE * 3;
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs strace, and that it may trace"]
fn a_log_that_can_not_grow_refuses_and_goes_on() {
    let mut talk = Talk::start();
    let failing = Failing::start(&talk.server, "pwrite64", "ENOSPC", &[LOG]);
    (0..3).for_each(|_| talk.refused());
    assert!(failing.end() > 0);
    (0..3).for_each(|_| talk.say());
    talk.server.kill();
    talk.after_a_restart();
}

#[test]
#[ignore = "needs strace, and that it may trace"]
fn a_sync_that_fails_ends_the_process() {
    for error in ["EIO", "ENOSPC", "EDQUOT"] {
        let talk = Talk::start();
        let failing = Failing::start(&talk.server, "fdatasync,fsync", error, &[LOG]);
        talk.ends();
        drop(failing);
    }
}

#[test]
#[ignore = "needs strace, and that it may trace"]
fn a_write_of_the_log_that_fails_ends_the_process() {
    let talk = Talk::start();
    let failing = Failing::start(&talk.server, "pwrite64", "EIO", &[LOG]);
    talk.ends();
    drop(failing);
}

/// A checkpoint that fails leaves everything in the log, where it is read from.
#[test]
#[ignore = "needs strace, and that it may trace"]
fn a_checkpoint_that_fails_costs_nothing_but_room() {
    for (call, error) in [("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("fdatasync", "EIO")] {
        let mut talk = Talk::start();
        talk.alice.send("/edit lobby 1 was a secret");
        talk.alice.expect("+ change=1");
        talk.bob.read_until("[lobby] * alice edited 1: …");
        talk.answered[0] = "was a secret".to_owned();
        let failing = Failing::start(&talk.server, call, error, &["chitchat.db"]);
        // By the writer, at a quiet moment: a removal has to empty the log.
        talk.alice.send("/redact lobby 2");
        talk.alice.expect("+ change=2");
        talk.bob.read_until("[lobby] * alice removed 2…");
        talk.answered[1] = String::new();
        wait_for("a checkpoint", || failing.failed() > 0);
        // By the thread that does it beside the commits: the log becomes long.
        let at_first = failing.failed();
        let long = "x".repeat(3_900);
        for _ in 0..900 {
            talk.alice.send(&format!("/say lobby {long}"));
            talk.answered.push(long.clone());
            talk.alice.expect(&format!("+ {}", talk.answered.len()));
            talk.bob.expect(&format!("[lobby] alice: {long}"));
        }
        wait_for("another checkpoint", || failing.failed() > at_first);
        let length = fs::metadata(talk.server.data().join(LOG)).unwrap().len();
        assert!(length > 3 << 20, "the log has {length} bytes");
        failing.end();
        talk.say();
        // What was removed goes once there is a checkpoint again.
        wait_until_gone(&talk.server, &["line 2"]);
        talk.server.kill();
        let server = talk.after_a_restart();
        assert!(files_with(&server, "line 2").is_empty());
    }
}

#[test]
#[ignore = "needs strace, and that it may trace"]
fn a_log_that_can_not_be_emptied_is_emptied_later() {
    let mut talk = Talk::start();
    let failing = Failing::start(&talk.server, "ftruncate", "EIO", &[LOG]);
    talk.alice.send("/redact lobby 2");
    talk.alice.expect("+ change=1");
    talk.bob.read_until("[lobby] * alice removed 2…");
    talk.answered[1] = String::new();
    wait_for("an attempt", || failing.failed() > 0);
    talk.say();
    failing.end();
    talk.say();
    wait_until_gone(&talk.server, &["line 2"]);
    talk.server.kill();
    talk.after_a_restart();
}

/// What is not indexed is looked through, and indexed later.
#[test]
#[ignore = "needs strace, and that it may trace"]
fn an_index_that_can_not_be_written_is_done_without() {
    for (call, error) in [("pwrite64", "ENOSPC"), ("pwrite64", "EIO")] {
        let mut talk = Talk::start();
        let failing = Failing::start(&talk.server, call, error, &["index.db", "index.db-wal"]);
        talk.say();
        wait_for("the indexer", || failing.failed() > 0);
        talk.say();
        let found = |bob: &mut Client, word: &str| bob.ask(&format!("/search {word}")).len() - 1;
        assert_eq!(found(&mut talk.bob, "line"), talk.answered.len());
        talk.can_be_read();
        failing.end();
        talk.say();
        let all = talk.answered.len();
        assert_eq!(found(&mut talk.bob, "line"), all);
        let data = talk.server.data();
        wait_for("indexing", || {
            let db = rusqlite::Connection::open_with_flags(
                data.join("index.db"),
                rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
            );
            let count = db.and_then(|db| db.query_row("SELECT count(*) FROM position", [], |row| row.get::<_, i64>(0)));
            count.is_ok_and(|count| count as usize == all)
        });
        assert_eq!(found(&mut talk.bob, "line"), all);
        talk.server.kill();
        talk.after_a_restart();
    }
}

/// The index syncs only when its log becomes part of it, which is at 16 MiB. That it fails then costs nothing.
#[test]
#[ignore = "needs strace, and that it may trace"]
fn an_index_that_can_not_be_synced_goes_on_in_its_log() {
    const LONG: u64 = 20 << 20;
    let mut talk = Talk::start();
    let failing = Failing::start(&talk.server, "fdatasync,fsync", "EIO", &["index.db", "index.db-wal"]);
    let log = talk.server.data().join("index.db-wal");
    let length = || fs::metadata(&log).map_or(0, |log| log.len());
    for n in 0.. {
        if failing.failed() > 0 && length() > LONG {
            break;
        }
        assert!(n < 10_000, "the log has {} bytes, and {} syncs failed", length(), failing.failed());
        let words: Vec<String> = (0..550).map(|word| format!("{:x}", n * 550 + word)).collect();
        let words = words.join(" ");
        talk.answered.push(words.clone());
        talk.alice.send(&format!("/say lobby {words}"));
        talk.alice.expect(&format!("+ {}", talk.answered.len()));
        talk.bob.expect(&format!("[lobby] alice: {words}"));
    }
    talk.can_be_read();
    assert_eq!(talk.bob.ask("/search 1a4").len() - 1, 1);
    failing.end();
    // The next transaction moves it all.
    talk.say();
    talk.server.kill();
    let server = talk.after_a_restart();
    assert_eq!(log_in(&server, "bob").ask("/search 1a4").len() - 1, 1);
}

#[test]
#[ignore = "needs strace, and that it may trace"]
fn without_descriptors_those_connected_go_on_and_accepting_waits() {
    let mut talk = Talk::start();
    for error in ["EMFILE", "ENFILE", "ENOBUFS", "ECONNABORTED"] {
        let failing = Failing::start(&talk.server, "accept4,accept", error, &[]);
        let address = talk.server.plain();
        let mut carol = Client::try_plain(address).expect("the system takes the connection");
        let began = Instant::now();
        (0..5).for_each(|_| talk.say());
        wait_for("an attempt", || failing.failed() > 0);
        wait_for("a second", || began.elapsed() > Duration::from_secs(1));
        let (failed, seconds) = (failing.end(), began.elapsed().as_secs_f64());
        // A dropped connection is no reason to wait; the others are.
        assert!(error == "ECONNABORTED" || (failed as f64) < 200.0 * seconds, "{failed} attempts in {seconds} s");
        carol.expect("* …");
        talk.say();
    }
}

/// A start that can't read or write its files says which in one line, and changes nothing.
#[test]
#[ignore = "needs strace, and that it may trace"]
fn a_start_on_a_failing_disk_names_the_file() {
    let mut talk = Talk::start();
    talk.server.kill();
    for (calls, error, file) in [
        ("openat", "EIO", "chitchat.db"),
        ("openat", "EMFILE", "chitchat.db"),
        ("pread64", "EIO", "chitchat.db"),
        ("openat", "EACCES", "lock"),
        ("openat", "ENOSPC", "index.db"),
    ] {
        let line = failing_from_the_start(&talk.server, calls, error, &[file]);
        talk.server.run_under(Some(line));
        let failure = talk.server.try_restart().expect_err("the file can't be used");
        assert_eq!(failure.status.code(), Some(1), "{calls} {error}: {}", failure.said);
        let errors: Vec<&str> = failure
            .said
            .lines()
            .filter(|line| line.starts_with("chitchatd: ") && !line.contains("warning: "))
            .collect();
        assert!(matches!(errors[..], [one] if one.contains(file)), "{calls} {error} of {file}: {}", failure.said);
        talk.server.run_under(None);
    }
    talk.after_a_restart();
}
