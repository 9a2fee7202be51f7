//! The system's clock jumps by a day, forward and back, while the server runs and between two runs: ids, order,
//! times within a room, keys, tokens, throttles, bans and mutes hold. libfaketime sets the clock.

use crate::support::{Client, DEADLINE, PASSWORD, Server};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;
use tempfile::TempDir;

const DAY: i64 = 86_400;

/// A server whose clock can be set.
struct Clocked {
    server: Server,
    directory: TempDir,
}

impl Clocked {
    fn start(settings: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut clocked = Self { server: Server::not_started(settings), directory };
        clocked.set(0);
        let server = &mut clocked.server;
        server.set_variable("LD_PRELOAD", library().display());
        server.set_variable("FAKETIME_TIMESTAMP_FILE", clocked.directory.path().join("clock").display());
        // It is looked at each time. The clock that only counts is left alone, as it is by who sets the other.
        server.set_variable("FAKETIME_NO_CACHE", 1);
        server.set_variable("DONT_FAKE_MONOTONIC", 1);
        server.set_variable("NO_FAKE_STAT", 1);
        server.restart();
        clocked
    }

    /// Sets its clock this many seconds before or after the true time, and makes sure that it goes by it.
    fn set(&self, seconds: i64) {
        let (new, file) = (self.directory.path().join("new"), self.directory.path().join("clock"));
        fs::write(&new, format!("{seconds:+}")).unwrap();
        fs::rename(new, file).unwrap();
    }

    fn restart(&mut self, seconds: i64) {
        self.server.kill();
        self.set(seconds);
        self.server.restart();
    }
}

/// Debian's package `faketime` has it in a directory for the architecture.
fn library() -> PathBuf {
    let directories = fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path());
    let mut found = directories.map(|lib| lib.join("faketime/libfaketimeMT.so.1")).filter(|path| path.exists());
    found.next().expect("libfaketime is installed (apt-get install faketime)")
}

/// Logs in with tags on, so that nothing is replayed.
fn log_in(server: &Server, name: &str) -> Client {
    let mut client = server.connect();
    client.send("/set tags on");
    client.expect("+ tags on…");
    client.send(&format!("/login {name} {PASSWORD}"));
    client.expect(&format!("+ welcome {name}…"));
    client
}

fn register(server: &Server, name: &str) -> Client {
    let mut client = server.connect();
    client.register(name);
    client.send("/set tags on");
    client.expect("+ tags on…");
    client
}

/// The number in a tag.
fn tag(line: &str, name: &str) -> i64 {
    let tags = line.strip_prefix('@').and_then(|line| line.split_once(' ')).expect("the line has tags").0;
    let value = tags.split(';').find_map(|tag| tag.strip_prefix(name)?.strip_prefix('='));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} is not in {line}"))
}

/// Says a line and returns its time, as another is shown it.
fn say(alice: &mut Client, bob: &mut Client, id: usize) -> i64 {
    alice.send(&format!("/say lobby line {id}"));
    alice.expect(&format!("+ {id}"));
    let shown = bob.read_until(&format!("…[lobby] alice: line {id}"));
    let line = shown.last().expect("it was shown");
    assert_eq!(tag(line, "id"), id as i64);
    tag(line, "at")
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

#[test]
#[ignore = "needs faketime"]
fn ids_order_and_times_hold_while_the_clock_jumps() {
    let clocked = Clocked::start(&[]);
    let (mut alice, mut bob) = (register(&clocked.server, "alice"), register(&clocked.server, "bob"));
    alice.send("/post lobby key once");
    alice.expect("+ 1");
    let first = say(&mut alice, &mut bob, 2);
    assert!((first - now()).abs() < 60_000, "{first}");
    // Back: it counts on as if nothing had happened, rather than stand still for a day.
    clocked.set(-DAY);
    let (mut before, mut id, end) = (first, 3, Instant::now() + DEADLINE);
    loop {
        let at = say(&mut alice, &mut bob, id);
        assert!(at >= before && at - first < 60_000, "{at} after {before}");
        id += 1;
        if at > first + 50 {
            before = at;
            break;
        }
        before = at;
        assert!(Instant::now() < end, "the time stands still at {at}");
    }
    // Forward: it follows, and does not fall when the clock is set right again.
    clocked.set(DAY);
    let ahead = say(&mut alice, &mut bob, id);
    assert!(ahead - before > 1000 * (DAY - 60), "{ahead} after {before}");
    clocked.set(0);
    let last = say(&mut alice, &mut bob, id + 1);
    assert!(last >= ahead, "{last} after {ahead}");
    // The history has all of it in the order of ids, and a key is a key.
    alice.send("/post lobby key once");
    alice.expect("+ 1");
    alice.send("/post lobby key twice");
    alice.expect("- conflict: …");
    let rows = bob.ask("/history lobby limit=1000");
    assert_eq!(rows.len(), id + 2);
    let texts: Vec<&str> = rows[1..=id].iter().map(|row| row.split_once(": ").unwrap().1).collect();
    assert_eq!(texts, (2..=id + 1).map(|id| format!("line {id}")).collect::<Vec<_>>());
}

/// Bans and mutes, slow rooms and throttles end by a clock that does not jump.
#[test]
#[ignore = "needs faketime"]
fn what_has_to_be_waited_for_is_waited_for_while_the_clock_jumps() {
    let clocked = Clocked::start(&["limits.logins=1/h burst 2"]);
    let server = &clocked.server;
    let [mut alice, mut bob, mut carol, mut dave] =
        ["alice", "bob", "carol", "dave"].map(|name| register(server, name));
    alice.send("/join ops");
    alice.read_until("+ ops…");
    for other in [&mut bob, &mut carol, &mut dave] {
        other.send("/join ops");
        other.read_until("+ ops…");
    }
    for command in ["/ban ops bob for=1h", "/mute ops carol for=1h", "/slow ops 1h"] {
        alice.send(command);
        alice.read_until("+ …");
    }
    dave.ask("/say ops one");
    let mut guesser = server.connect();
    guesser.send("/set tags on");
    guesser.read_until("+ …");
    let mut guess = || {
        guesser.send("/login alice wrong password");
        guesser.read_until("…- …").pop().expect("an answer")
    };
    assert!(guess().contains("- bad-credentials: "));
    assert!(guess().contains("- bad-credentials: "));
    for seconds in [0, DAY, -DAY, 0] {
        clocked.set(seconds);
        // Whatever it is, that time has come to the server.
        dave.ask("/say lobby what time is it");
        for (who, command, code) in [
            (&mut bob, "/join ops", "- banned: "),
            (&mut carol, "/say ops one", "- muted: "),
            (&mut dave, "/say ops two", "- slow-down: "),
        ] {
            let answer = who.ask(command).pop().expect("an answer");
            assert!(answer.contains(code), "{seconds}: {answer}");
            assert!((3_500..=3_600).contains(&tag(&answer, "retry")), "{seconds}: {answer}");
        }
        let answer = guess();
        assert!(answer.contains("- throttled: ") && tag(&answer, "retry") <= 3_600, "{seconds}: {answer}");
    }
}

/// Between two runs the clock may be anything, since nothing counted meanwhile: the page says what follows from it.
#[test]
#[ignore = "needs faketime"]
fn ids_order_keys_and_tokens_hold_when_the_clock_jumps_between_two_runs() {
    let mut clocked = Clocked::start(&[]);
    let mut alice = register(&clocked.server, "alice");
    register(&clocked.server, "bob");
    let answer = alice.ask("/token new laptop").pop().expect("an answer");
    let token = answer.split(' ').nth(1).expect("a token").to_owned();
    alice.ask("/join ops");
    let mut bob = log_in(&clocked.server, "bob");
    bob.ask("/join ops");
    for command in ["/ban ops bob for=1h", "/post lobby key once"] {
        alice.send(command);
        alice.read_until("+ …");
    }
    for (restart, seconds) in [-DAY, DAY, 0].into_iter().enumerate() {
        clocked.restart(seconds);
        let server = &clocked.server;
        let mut alice = server.connect();
        alice.send("/set tags on");
        alice.expect("+ tags on…");
        alice.send(&format!("/resume {token}"));
        alice.expect("+ welcome alice…");
        let mut bob = log_in(server, "bob");
        let at = say(&mut alice, &mut bob, restart + 2);
        assert!((at - now() - 1000 * seconds).abs() < 60_000, "{at}");
        alice.send("/post lobby key once");
        alice.expect("+ 1");
        // The rows are in the order of ids, whatever their times.
        let rows = alice.ask("/history lobby");
        let ids: Vec<&str> = rows[..restart + 2].iter().map(|row| row.split(' ').nth(2).unwrap()).collect();
        assert_eq!(ids, (1..restart + 3).map(|id| id.to_string()).collect::<Vec<_>>());
        // A time finds exactly the rows that show it.
        let since = rows[restart + 1].split(' ').nth(3).expect("a time").to_owned();
        let found = alice.ask(&format!("/history lobby since={since} until={since}"));
        assert!(found.contains(&rows[restart + 1]), "{since}: {found:?}");
        // A ban goes on after a clock that is behind, and is over by one that is a day ahead.
        let back = bob.ask("/join ops").pop().expect("an answer");
        assert_eq!(back.contains("- banned: "), seconds < 0, "{seconds}: {back}");
    }
}

/// Who waits in a slow room never waits longer than it says.
#[test]
#[ignore = "needs faketime"]
fn a_clock_that_is_set_back_between_two_runs_keeps_nobody_silent() {
    let mut clocked = Clocked::start(&[]);
    let (mut alice, mut bob) = (register(&clocked.server, "alice"), register(&clocked.server, "bob"));
    alice.ask("/join ops");
    bob.ask("/join ops");
    alice.ask("/slow ops 1h");
    bob.send("/say ops one");
    bob.read_until("+ 1");
    clocked.restart(-DAY);
    let mut bob = log_in(&clocked.server, "bob");
    bob.send("/say ops two");
    bob.read_until("+ 2");
    let answer = bob.ask("/say ops three").pop().expect("an answer");
    assert!(answer.contains("- slow-down: ") && tag(&answer, "retry") <= 3_600, "{answer}");
}
