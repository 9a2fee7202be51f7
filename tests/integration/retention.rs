//! What a room no longer keeps, and all that an account said that wants it to go: from the files, too, and
//! whenever the process is killed.

use crate::support::{Client, DEADLINE, PASSWORD, Server, files_with, wait_until_gone};
use std::time::{Duration, Instant};

/// Stops the server, and makes what was said in it so much older.
fn age(server: &mut Server, by: Duration) {
    server.kill();
    let database = rusqlite::Connection::open(server.data().join("chitchat.db")).unwrap();
    let by = i64::try_from(by.as_millis()).unwrap();
    database.execute("UPDATE message SET at = at - ?", [by]).unwrap();
}

/// Alice, again.
fn log_in(server: &Server) -> Client {
    let mut alice = server.connect();
    alice.send(&format!("/login alice {PASSWORD}"));
    alice.read_until("+ welcome alice…");
    alice
}

/// Waits until a room's final line of `/history` ends like this.
#[track_caller]
fn wait_for_history(alice: &mut Client, room: &str, end: &str) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let answer = alice.ask(&format!("/history {room} limit=1"));
        if answer.last().unwrap().ends_with(end) {
            return;
        }
        assert!(Instant::now() < deadline, "{answer:?} does not end in {end}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_a_room_no_longer_keeps_is_in_no_file_after_a_quiet_moment() {
    let mut server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    alice.ask("/create ops");
    let filler = "filler ".repeat(400);
    let texts: Vec<String> = (0..6).map(|n| format!("xylophone{n}")).collect();
    for (n, text) in texts.iter().enumerate() {
        alice.ask("/say lobby before and after");
        let answer = alice.ask(&format!("/post ops key{n} {text} {}", if n % 2 == 0 { &filler } else { "" }));
        assert_eq!(answer, [format!("+ {}", n + 1)]);
    }
    alice.ask("/edit ops 2 marimba and more");
    alice.ask("/edit ops 3 marimba and less");
    alice.ask("/redact ops 4 glockenspiel");
    alice.ask("/react ops 5 +1");
    alice.ask("/pin ops 5");
    alice.ask("/retain ops 1h");
    age(&mut server, Duration::from_hours(2));
    server.restart();
    let mut alice = log_in(&server);
    // It is at once.
    wait_for_history(&mut alice, "ops", "+ 0 messages, oldest=7");
    let gone: Vec<&str> = texts.iter().map(String::as_str).chain(["marimba", "glockenspiel"]).collect();
    wait_until_gone(&server, &gone);
    for text in gone {
        assert_eq!(alice.ask(&format!("/search {text}")), ["+ 0 messages"]);
    }
    assert_eq!(alice.ask("/pins ops"), ["+ 0 messages"]);
    assert_eq!(alice.ask("/history lobby limit=1000").len(), texts.len() + 1);
    assert_eq!(alice.ask("/post ops key1 again"), ["+ 7"]);
    assert_eq!(alice.ask("/history ops").last().unwrap(), "+ 1 message, oldest=7");
    assert!(!files_with(&server, "before and after").is_empty());
}

#[test]
fn a_kill_in_between_loses_nothing_and_leaves_nothing() {
    const OLD: usize = 3000;
    let mut server = Server::with(&["limits.flood=off"]);
    let mut alice = server.connect();
    alice.register("alice");
    alice.ask("/create ops");
    for from in (0..OLD).step_by(100) {
        for n in from..from + 100 {
            alice.send(&format!("/say ops vibraphone{n}"));
            alice.send(&format!("/say lobby kept {n}"));
        }
        for _ in 0..200 {
            alice.expect("+ …");
        }
    }
    alice.ask("/retain ops 1h");
    age(&mut server, Duration::from_hours(2));
    for wait in [230, 400, 600] {
        server.restart();
        std::thread::sleep(Duration::from_millis(wait));
        server.kill();
    }
    server.restart();
    let mut alice = log_in(&server);
    wait_for_history(&mut alice, "ops", &format!("+ 0 messages, oldest={}", OLD + 1));
    wait_until_gone(&server, &["vibraphone"]);
    assert_eq!(alice.ask("/history lobby after=2990").len(), 11);
    let lobby = alice.ask("/conversations");
    assert!(lobby.iter().any(|row| row.starts_with("| ops 3000 ") && row.ends_with(" 0 0 0")), "{lobby:?}");
}

#[test]
fn what_all_conversations_keep_holds_for_direct_ones_and_gives_its_rows_back_whenever_the_process_is_killed() {
    const OLD: usize = 2000;
    let mut server = Server::with(&["limits.flood=off", "history.keep_for=1h", "history.keep_bytes=1 GiB"]);
    let mut bob = server.connect();
    bob.register("bob");
    let mut alice = server.connect();
    alice.register("alice");
    for from in (0..OLD).step_by(100) {
        for n in from..from + 100 {
            alice.send(&format!("/say {} vibraphone{n}", if n % 2 == 0 { "@bob" } else { "lobby" }));
        }
        for _ in 0..100 {
            alice.expect("+ …");
        }
    }
    alice.ask("/edit @bob 7 marimba");
    age(&mut server, Duration::from_hours(2));
    for wait in [230, 600] {
        server.restart();
        std::thread::sleep(Duration::from_millis(wait));
        server.kill();
    }
    server.restart();
    let mut alice = log_in(&server);
    for target in ["lobby", "@bob"] {
        wait_for_history(&mut alice, target, &format!("+ 0 messages, oldest={}", OLD / 2 + 1));
    }
    wait_until_gone(&server, &["vibraphone", "marimba"]);
    assert_eq!(alice.ask("/say lobby kept")[0], format!("+ {}", OLD / 2 + 1));
    let database = rusqlite::Connection::open(server.data().join("chitchat.db")).unwrap();
    let deadline = Instant::now() + DEADLINE;
    loop {
        // A quiet moment follows each line.
        alice.ask("/whoami");
        let rows: i64 = database.query_row("SELECT count(*) FROM message", [], |row| row.get(0)).unwrap();
        if rows < 400 {
            break;
        }
        assert!(Instant::now() < deadline, "{rows} rows");
        std::thread::sleep(Duration::from_millis(250));
    }
    server.kill();
    server.restart();
    let mut alice = log_in(&server);
    assert_eq!(alice.ask("/history lobby").last().unwrap(), &format!("+ 1 message, oldest={}", OLD / 2 + 1));
    assert_eq!(alice.ask("/say @bob kept")[0], format!("+ {}", OLD / 2 + 1));
}

#[test]
fn all_that_an_account_said_goes_with_it_whenever_the_process_is_killed() {
    const SAID: usize = 700;
    let mut server = Server::with(&["limits.flood=off"]);
    let mut bob = server.connect();
    bob.register("bob");
    let mut alice = server.connect();
    alice.register("alice");
    bob.ask("/say lobby kept before");
    alice.expect("[lobby] bob: kept before");
    for from in (0..SAID).step_by(100) {
        for n in from..from + 100 {
            let target = if n % 7 == 0 { "@bob" } else { "lobby" };
            alice.send(&format!("/say {target} vibraphone{n}"));
        }
        for _ in 0..100 {
            alice.expect("+ …");
        }
    }
    alice.ask("/edit lobby 2 marimba");
    bob.ask("/say lobby kept after");
    alice.expect("[lobby] bob: kept after");
    alice.send("/unregister all");
    alice.expect("? …");
    alice.send(PASSWORD);
    alice.expect("+ alice is no account any more; what you said is being removed…");
    // Nothing is removed before it is indexed.
    for wait in [1500, 300, 200] {
        std::thread::sleep(Duration::from_millis(wait));
        server.kill();
        server.restart();
    }
    let mut bob = server.connect();
    bob.send(&format!("/login bob {PASSWORD}"));
    bob.read_until("+ welcome bob…");
    let deadline = Instant::now() + 2 * DEADLINE;
    loop {
        let changes = |bob: &mut Client, target: &str| bob.ask(&format!("/changes {target} limit=1000")).len() - 1;
        // The edit is one, too.
        if changes(&mut bob, "lobby") + changes(&mut bob, "@alice") == SAID + 1 {
            break;
        }
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(50));
    }
    wait_until_gone(&server, &["vibraphone", "marimba"]);
    assert_eq!(bob.ask("/search from=alice"), ["+ 0 messages"]);
    assert_eq!(bob.ask("/search kept").len(), 3);
    let rows = bob.ask("/history @alice limit=1000");
    assert_eq!(rows.iter().filter(|row| row.ends_with(" alice (removed): ")).count(), SAID / 7);
    assert!(bob.ask("/msg alice hello?")[0].starts_with("- no-such-user: "));
    let mut again = server.connect();
    again.send(&format!("/register alice {PASSWORD}"));
    again.expect("- name-taken: …");
    again.send(&format!("/login alice {PASSWORD}"));
    again.expect("- bad-credentials: …");
}
