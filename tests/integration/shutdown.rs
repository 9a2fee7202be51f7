//! An orderly stop: accepted lines are answered, everyone is told, and the server ends in time.

use crate::support::{Client, DEADLINE, PASSWORD, Server};
use std::time::Instant;

#[test]
fn everyone_is_told_and_the_server_exits_cleanly() {
    for stop in [Server::terminate, Server::interrupt] {
        let mut server = Server::start();
        let mut plain = server.connect();
        plain.register("alice");
        let mut tls = server.connect_tls();
        tls.register("bob");
        let mut nobody = server.connect();
        stop(&server);
        for client in [&mut plain, &mut tls, &mut nobody] {
            client.read_until("* shutting-down: …");
            client.expect_end();
        }
        let (status, said) = server.wait();
        assert!(status.success(), "{status}: {said}");
    }
}

#[test]
fn who_is_in_a_handshake_is_still_greeted_and_told() {
    let mut server = Server::with(&["workers=1"]);
    // Its handshake begins when it first reads.
    let mut late = Client::tls(server.tls());
    // Once this one is greeted, the other was accepted: the listeners take turns.
    let mut greeted: Vec<Client> = (0..3).map(|_| server.connect_tls()).collect();
    server.terminate();
    for client in &mut greeted {
        client.expect("* shutting-down: …");
    }
    late.expect("* ChitChat at …");
    late.expect("* shutting-down: …");
    late.expect_end();
    let (status, said) = server.wait();
    assert!(status.success(), "{status}: {said}");
}

#[test]
fn a_hangup_stops_nothing() {
    let mut server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    server.hang_up();
    alice.send("/say lobby still here");
    alice.expect("+ 1");
    server.terminate();
    let (status, said) = server.wait();
    assert!(status.success() && said.contains("reloaded: nothing has changed"), "{status}: {said}");
}

#[test]
fn accepted_lines_are_answered_and_saved() {
    let mut server = Server::start();
    let mut alice = server.connect_tls();
    alice.register("alice");
    let lines: String = (1..=2000).map(|n| format!("/say lobby line {n}\n")).collect();
    alice.send_bytes(lines.as_bytes());
    alice.expect("+ 1");
    server.terminate();
    let answers = alice.read_to_end();
    let (last, answers) = answers.split_last().expect("it is told");
    assert!(last.starts_with("* shutting-down: "), "{last}");
    // There are no gaps: a missing answer would mean that a later one overtook it.
    for (answer, id) in answers.iter().zip(2..) {
        assert_eq!(answer, &format!("+ {id}"));
    }
    let answered = answers.len() + 1;
    let (status, said) = server.wait();
    assert!(status.success(), "{status}: {said}");
    server.restart();
    let mut alice = server.connect();
    alice.send("/set tags on");
    alice.expect("+ tags on…");
    alice.send(&format!("/login alice {PASSWORD}"));
    alice.expect("+ welcome alice…");
    let mut kept = 0;
    loop {
        let rows = alice.ask(&format!("/history lobby after={kept} limit=1000"));
        for row in &rows[..rows.len() - 1] {
            kept += 1;
            assert!(
                row.starts_with(&format!("| lobby {kept} ")) && row.ends_with(&format!("alice: line {kept}")),
                "{row}"
            );
        }
        if !rows[rows.len() - 1].contains(", more") {
            break;
        }
    }
    // Accepted lines were answered, so no more are stored than were answered.
    assert_eq!(kept, answered);
}

#[test]
fn a_peer_that_does_not_read_delays_the_stop_only_briefly() {
    let mut server = Server::with(&["limits.unread_bytes=64 MiB", "limits.unread_total=128 MiB", "history.keep=off"]);
    let mut bob = server.connect();
    bob.read_slowly();
    bob.register("bob");
    let mut alice = server.connect();
    alice.register("alice");
    let text = "x".repeat(3900);
    for _ in 0..30 {
        alice.send_bytes(format!("/say lobby {text}\n").repeat(100).as_bytes());
        for _ in 0..100 {
            alice.read_until("+ {id}");
            alice.words.clear();
        }
    }
    let asked = Instant::now();
    server.terminate();
    alice.read_until("* shutting-down: …");
    alice.expect_end();
    let (status, said) = server.wait();
    assert!(status.success(), "{status}: {said}");
    assert!(asked.elapsed() < DEADLINE * 4, "{:?}", asked.elapsed());
}

#[test]
fn a_client_that_waits_for_a_password_check_is_told() {
    let mut server = Server::with(&["accounts.bcrypt_cost=12"]);
    let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(&format!("/register n{n} {PASSWORD}"));
    }
    // The line has been read once another's answer, sent later, has arrived.
    let mut other = server.connect();
    other.send("/ping x");
    other.expect("+ x");
    server.terminate();
    for client in &mut clients {
        let lines = client.read_to_end();
        assert!(lines.last().is_some_and(|line| line.starts_with("* shutting-down: ")), "{lines:?}");
        let finals = lines.iter().filter(|line| line.starts_with("+ ") || line.starts_with("- ")).count();
        assert!(finals <= 1, "{lines:?}");
    }
    assert!(server.wait().0.success());
}
