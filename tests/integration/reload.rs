//! Settings that change while the server runs: at `chitchatd reload`, `/reload` and SIGHUP.

use crate::support::{Client, DEADLINE, PASSWORD, Server};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Runs `chitchatd reload`; returns its exit code and what it printed.
fn reload(data: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_chitchatd"))
        .arg("reload")
        .args(more)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

/// The reload must succeed; returns what it printed.
#[track_caller]
fn reloaded(server: &Server) -> String {
    let (code, out, err) = reload(&server.data(), &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    out
}

#[test]
fn what_can_change_live_changes_and_the_rest_is_named() {
    let server = Server::by_file(&["limits.joins=9/m burst 9"]);
    let mut alice = server.connect();
    alice.register("alice");
    assert_eq!(reloaded(&server), "nothing has changed.\n");
    server.write_settings(&["registration=closed", "workers=64", "accounts.bcrypt_cost=5", "limits.joins=off"]);
    let needs = "restart workers 64\nrestart accounts.bcrypt_cost 5\n";
    assert_eq!(
        reloaded(&server),
        format!(
            "changed registration \"closed\"\nchanged limits.joins \"off\"\n{needs}\
             warning - accounts.bcrypt_cost = 5 makes passwords cheap to guess for anyone who steals the data; \
             real people deserve 10 or more.\n2 settings changed, 2 settings need a restart.\n"
        )
    );
    let mut bob = server.connect();
    bob.send(&format!("/register bob {PASSWORD}"));
    bob.expect("- registration-closed: …");
    // What waits for a restart is named each time.
    let (code, out, _) = reload(&server.data(), &["--json"]);
    assert_eq!(code, Some(0));
    let row = r#"{"what":"restart","key":"workers","value":"64"}"#;
    let answer = r#""answer":"2 settings need a restart."}"#;
    assert!(out.starts_with("{\"rows\":[") && out.contains(row) && out.trim_end().ends_with(answer), "{out}");
    // The connection from before is still there, and an administrator sees who did it.
    alice.send("still here");
    alice.send("/say lobby yes");
    alice.expect("+ 2");
    let audit = server.console().ask("/audit");
    assert!(audit.iter().any(|row| row.ends_with(" server reload -")), "{audit:?}");
}

#[test]
fn a_file_with_a_mistake_changes_nothing() {
    let mut server = Server::by_file(&[]);
    let path = server.settings_file();
    let good = fs::read_to_string(&path).unwrap();
    let line = good.lines().count() + 1;
    fs::write(&path, good.replace("'open'", "'closed'") + "limits.flod = 1\n").unwrap();
    let (code, out, err) = reload(&server.data(), &[]);
    assert_eq!((code, out.as_str()), (Some(3), ""));
    let why = format!(
        "{}:{line}: limits.flod = 1: there is no setting flod. Did you mean limits.flood? Nothing was changed.",
        path.display()
    );
    assert_eq!(err, format!("chitchatd: the server refused: {why}\n"));
    server.hang_up();
    assert!(server.wait_for_log("can't reload: ").ends_with(&why));
    server.connect().register("alice");
    fs::remove_file(&path).unwrap();
    let (code, out, _) = reload(&server.data(), &["--json"]);
    assert!(server.wait_for_log("can't reload: can't read ").ends_with("(os error 2). Nothing was changed."));
    assert_eq!(code, Some(3));
    assert!(out.starts_with("{\"refused\":\"bad-settings\",\"text\":\"can't read "), "{out}");
    let nowhere = tempfile::tempdir().unwrap();
    assert_eq!(reload(nowhere.path(), &[]).0, Some(4));
}

#[test]
fn sighup_reloads_and_the_log_says_what_changed() {
    let mut server = Server::by_file(&["plain=127.0.0.1:0", "limits.rooms_made=1"]);
    let mut alice = server.connect_tls();
    alice.register("alice");
    alice.send("/create one");
    alice.expect("+ one…");
    alice.send("/say one hello");
    alice.expect("+ 1");
    alice.send("/create two");
    alice.expect("- limit: …");
    server.write_settings(&["limits.rooms_made=2", "history.keep=off"]);
    server.hang_up();
    server.wait_for_log("reloaded: limits.rooms_made = 2");
    server.wait_for_log("history.keep = \"off\" takes effect when chitchatd is restarted");
    alice.send("/create two");
    alice.expect("+ two…");
}

#[test]
fn only_administrators_reload() {
    let server = Server::by_file(&[]);
    let mut alice = server.connect();
    alice.register("alice");
    alice.send("/reload");
    alice.expect("- not-allowed: …");
    let mut root = server.console();
    root.send("/grant alice admin");
    root.expect("+ alice…");
    server.write_settings(&["limits.unanswered=7"]);
    assert_eq!(alice.ask("/reload"), ["| changed limits.unanswered 7", "+ 1 setting changed."]);
    // Without a file of its own, a server has nothing to read again.
    let bare = Server::start();
    assert_eq!(bare.console().ask("/reload").last().unwrap(), "+ nothing has changed.");
}

#[test]
fn limits_hold_for_those_who_are_connected() {
    let server = Server::by_file(&[]);
    let mut alice = server.connect();
    alice.register("alice");
    let mut bob = server.connect();
    bob.register("bob");
    // Connections beyond the limit are refused, and those from before stay.
    server.write_settings(&["limits.per_address=2"]);
    reloaded(&server);
    let mut third = Client::plain(server.plain());
    third.expect("* busy: …");
    server.write_settings(&["limits.flood=1/h burst 2"]);
    reloaded(&server);
    // Three lines are more than two; each is answered before the next one is sent.
    flood(&mut alice);
    server.write_settings(&["limits.account_flood=1/h burst 2"]);
    reloaded(&server);
    flood(&mut bob);
    // Lines that wait go on at once when there is no limit any more.
    server.write_settings(&[]);
    reloaded(&server);
    for client in [&mut alice, &mut bob] {
        client.read_until("+ last");
    }
}

#[test]
fn fewer_connections_end_none_and_let_nobody_in_until_some_have_left() {
    let server = Server::by_file(&[]);
    let mut people: Vec<Client> = (0..6).map(|_| server.connect()).collect();
    for (number, person) in people.iter_mut().enumerate() {
        person.register(&format!("person{number}"));
    }
    server.write_settings(&["limits.connections=4"]);
    assert!(reloaded(&server).starts_with("changed limits.connections 4\n"));
    let mut late = Client::plain(server.plain());
    late.expect("* busy: this server is full…");
    late.expect_end();
    for person in &mut people {
        assert_eq!(person.ask("/ping still here").last().unwrap(), "+ still here");
    }
    people.truncate(3);
    let deadline = Instant::now() + DEADLINE;
    // Those who left are gone when the server has noticed.
    while !Client::plain(server.plain()).next_line().is_some_and(|line| line.starts_with("* ChitChat ")) {
        assert!(Instant::now() < deadline, "there is room for one");
    }
}

/// Sends lines until it is told that it is too fast.
#[track_caller]
fn flood(client: &mut Client) {
    client.send_bytes(("/ping x\n".repeat(20) + "/ping last\n").as_bytes());
    client.read_until("* slow-down: …");
}

#[test]
fn how_long_one_can_edit_and_how_much_an_answer_holds_change() {
    let server = Server::by_file(&[]);
    let mut alice = server.connect();
    alice.register("alice");
    let long = "x".repeat(3000);
    for n in 1..=8 {
        alice.send(&format!("/say lobby {long}"));
        alice.expect(&format!("+ {n}"));
    }
    alice.send("/edit lobby 8 better");
    alice.expect("+ change=1");
    assert_eq!(alice.ask("/history limit=7 before=8").len(), 8);
    server.write_settings(&["history.edit_for=0s", "limits.unread_bytes=16 KiB"]);
    reloaded(&server);
    alice.send("/edit lobby 8 worse");
    alice.expect("- not-allowed: …");
    // An answer is at most half of what may be unread.
    let history = alice.ask("/history limit=7 before=8");
    assert_eq!((history.len(), history.last().unwrap().as_str()), (3, "+ 2 messages, more"));
}
