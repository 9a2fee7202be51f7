//! Lines are cut in order, and a connection that had to stop resumes.

use super::server::{Server, limits, rate};
use crate::protocol::deflate::Packer;
use crate::protocol::names::MessageId;
use crate::server::traffic::{Ack, Tap};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn lines_after_a_read_wait_for_its_answer_and_no_other() {
    let mut server = Server::start(limits());
    let (mut client, conn) = server.member();
    client.send("/say lobby one\n/history lobby\n/say lobby two\n");
    server.asked("Command(Say");
    server.asked("Command(History");
    server.say("alice", 1, "one", conn, Ack::Id(MessageId::new(1).unwrap()));
    assert_eq!(client.line(), "+ 1");
    server.asked_nothing();
    server.answer(conn, "0 messages");
    assert_eq!(client.line(), "+ 0 messages");
    server.asked("Command(Say");
    server.answer(conn, "2");
    assert_eq!(client.line(), "+ 2");
}

#[test]
fn answers_that_need_no_request_wait_for_those_before_them() {
    let mut server = Server::start(limits());
    let (mut client, conn) = server.member();
    client.send("/@a whoami\n/@b ping x\n/set tags on\n/@c whoami\n/@d ping y\n");
    server.asked("Command(Whoami");
    server.asked("Command(Whoami");
    server.answer(conn, "alice");
    assert_eq!([client.line(), client.line()], ["+ alice", "+ x"]);
    assert_eq!(client.line(), "+ tags on epoch=E protocol=1");
    server.answer(conn, "alice");
    assert_eq!([client.line(), client.line()], ["@re=c + alice", "@re=d + y"]);
}

#[test]
fn a_connection_stopped_by_unread_answers_resumes_after_a_flush() {
    let server = Server::start(super::super::Limits { unread_bytes: 4096, ..limits() });
    let mut client = server.client();
    client.send(&"/help\n".repeat(20));
    for _ in 0..20 {
        while !client.line().starts_with("+ ") {}
    }
}

#[test]
fn a_connection_stopped_by_unanswered_lines_resumes_with_each_answer() {
    let mut server = Server::start(super::super::Limits { unanswered: 2, ..limits() });
    let (mut client, conn) = server.member();
    client.send(&"/whoami\n".repeat(5));
    for _ in 0..2 {
        server.asked("Command(Whoami");
    }
    server.asked_nothing();
    for left in (0..5).rev() {
        server.answer(conn, "alice");
        assert_eq!(client.line(), "+ alice");
        if left >= 2 {
            server.asked("Command(Whoami");
        }
    }
}

#[test]
fn a_connection_stopped_by_the_budget_resumes_when_there_is_room() {
    let mut server = Server::start(limits());
    let (mut client, _) = server.member();
    server.budget.hold(1 << 20);
    let share = server.budget.share(1 << 20);
    client.send("/whoami\n");
    client.end();
    drop(share);
    server.asked("Command(Whoami");
}

#[test]
fn lines_beyond_a_turns_share_are_cut_in_the_next_turn() {
    let server = Server::start(limits());
    let mut client = server.client();
    client.send(&"\n".repeat(5000));
    client.send(&"/ping\n".repeat(2000));
    client.end();
    assert_eq!(client.rest(), "+ pong\n".repeat(2000));
}

#[test]
fn pasted_lines_are_slowed_down_and_all_are_answered() {
    let server = Server::start(super::super::Limits { flood: rate(100.0, 2), ..limits() });
    let mut client = server.client();
    client.send(&"/ping\n".repeat(12));
    client.end();
    let rest = client.rest();
    assert_eq!(rest.matches("+ pong\n").count(), 12, "{rest}");
    assert_eq!(rest.matches("* slow-down: ").count(), 1, "{rest}");
}

#[test]
fn a_frame_may_arrive_in_pieces() {
    let mut server = Server::start(limits());
    let (mut client, _) = server.member();
    let mut other = server.client();
    client.send("/set deflate 1\n");
    assert_eq!(client.line(), "+ deflate 1");
    // Digits that hardly compress, so that the frame is longer than what is read ahead.
    let (mut plain, mut seed) = (String::new(), 1u64);
    for _ in 0..150 {
        plain.push_str("/ping ");
        for _ in 0..10 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            write!(plain, "{seed:016x}").unwrap();
        }
        plain.push('\n');
    }
    let frame = Packer::new().pack(plain.as_bytes()).unwrap();
    assert!((9000..16_000).contains(&frame.len()), "{}", frame.len());
    for piece in frame.chunks(4500) {
        client.send_bytes(piece);
        other.ping();
    }
    client.send("/set deflate off\n");
    // Answers may arrive in frames: what counts is that the last one arrives.
    let mut seen = Vec::new();
    while !seen.ends_with(b"+ deflate off\n") {
        seen.extend(client.some());
    }
}

#[test]
fn a_line_that_is_too_long_is_refused_once_and_the_next_is_accepted() {
    let server = Server::start(limits());
    let mut client = server.client();
    client.send(&"x".repeat(600));
    assert!(client.line().starts_with("- line-too-long: "));
    client.send(&format!("{}\n/ping\n", "x".repeat(30_000)));
    assert_eq!(client.line(), "+ pong");
}

#[test]
fn a_prompt_that_is_answered_before_it_is_shown_hides_no_input() {
    let mut server = Server::start(limits());
    let (mut client, conn) = server.member();
    // IAC NOP: a telnet client. Then a prompt whose answers are already there.
    client.send_bytes(b"\xff\xf1/whoami\n/passwd\none\n\n");
    server.asked("Command(Whoami");
    server.answer(conn, "alice");
    client.send("/ping\n");
    let mut seen = Vec::new();
    while !seen.ends_with(b"+ pong\n") {
        seen.extend(client.some());
    }
    let hidden = seen.windows(3).filter(|w| *w == [255, 251, 1]).count();
    let shown = seen.windows(3).filter(|w| *w == [255, 252, 1]).count();
    assert_eq!(hidden, shown, "{seen:?}");
}

#[test]
fn a_browser_is_told_what_this_port_is_and_its_request_is_ignored() {
    let server = Server::start(limits());
    for request in ["POST / HTTP/1.1\r\n", "/register mallory HTTP/1.1\n"] {
        let mut client = server.client();
        client.send(request);
        client.send("/register mallory password1\n");
        client.end();
        assert_eq!(
            client.rest(),
            "* this is a chat server, not a web server. Connect with: nc localhost 2428\n",
            "{request}"
        );
    }
}

#[test]
fn the_connections_of_an_account_share_its_tap() {
    let mut server = Server::start(limits());
    let now = Instant::now();
    server.tap = rate(20.0, 10).map(|rate| Arc::new(Tap::new(rate, None, now)));
    let mut clients: Vec<_> = (0..4).map(|_| server.member().0).collect();
    for client in &mut clients {
        client.send(&"/ping\n".repeat(15));
    }
    for client in &mut clients {
        let mut told = 0;
        for _ in 0..15 {
            let mut line = client.line();
            if line.starts_with("* slow-down: you are sending more than 20 lines a second over all your connections. ")
            {
                told += 1;
                line = client.line();
            }
            assert_eq!(line, "+ pong");
        }
        assert!(told <= 1);
    }
    // 60 lines, of which 10 are free, and each connection may begin one before another one pays.
    let passed = now.elapsed();
    assert!(passed > Duration::from_millis(2200), "{passed:?}");
    // Another account's connection is not held back.
    server.tap = None;
    let (mut other, _) = server.member();
    other.send(&"/ping\n".repeat(30));
    (0..30).for_each(|_| assert_eq!(other.line(), "+ pong"));
}
