//! However a connection ends, the dispatcher is told once, after everything else.

use super::super::worker::FLUSH_AT_END;
use super::server::{Server, limits};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Final, Rows};
use crate::server::traffic::{Ack, Answer, Delivery, ListenerKind, RequestKind};
use std::time::{Duration, Instant};

fn ended() -> Refusal {
    Refusal::new(Code::NotLoggedIn, "enough.")
}

#[test]
fn everything_sent_before_the_end_of_input_is_answered() {
    let mut server = Server::start(limits());
    let mut client = server.client();
    client.send("/resume token\n/say lobby hi\n/ping\nnever acted on");
    client.end();
    let conn = server.asked("Resume");
    server.log_in(conn);
    server.asked("Command(Say");
    assert!(matches!(server.next().kind, RequestKind::Quit { answer: false }));
    server.answer(conn, "1");
    assert_eq!(client.rest(), "+ welcome alice\n+ 1\n+ pong\n");
    assert_eq!(server.asked("Detach"), conn);
}

#[test]
fn quit_is_answered_last_and_later_lines_are_ignored() {
    let mut server = Server::start(limits());
    let (mut client, conn) = server.member();
    client.send("/whoami\n/quit\n/whoami\n");
    server.asked("Command(Whoami");
    server.asked("Quit { answer: true");
    server.answer(conn, "alice");
    server.answer(conn, "goodbye alice.");
    assert_eq!(client.rest(), "+ alice\n+ goodbye alice.\n");
    assert_eq!(server.asked("Detach"), conn);
}

#[test]
fn a_connection_ended_during_its_login_leaves_no_ghost() {
    let mut server = Server::start(limits());
    let mut client = server.client();
    client.send("/resume token\n");
    let conn = server.asked("Resume");
    server.worker.send(Delivery::End(conn, ended()));
    assert_eq!(server.asked("Detach"), conn);
    server.log_in(conn);
    assert_eq!(server.asked("Detach"), conn);
    assert_eq!(client.rest(), "* not-logged-in: enough.\n");
}

#[test]
fn a_connection_gone_before_its_login_is_answered_leaves_no_ghost() {
    let mut server = Server::start(limits());
    let mut client = server.client();
    client.send("/resume token\n");
    let conn = server.asked("Resume");
    server.worker.send(Delivery::End(conn, ended()));
    assert_eq!(server.asked("Detach"), conn);
    client.rest();
    drop(client);
    server.asked_nothing();
    server.log_in(conn);
    assert_eq!(server.asked("Detach"), conn);
}

#[test]
fn a_slow_reader_gets_whole_lines_and_the_reason_and_is_closed() {
    let mut server = Server::start(super::super::Limits { unread_bytes: 40_000, ..limits() });
    let (mut client, conn) = server.member();
    let text = "x".repeat(1000);
    // More than any socket's buffer holds.
    for _ in 0..2000 {
        server.say("bob", 1, &text, crate::protocol::names::ConnId::new(0, 99), Ack::None);
    }
    assert_eq!(server.asked("Detach"), conn);
    let rest = client.rest();
    let lines: Vec<&str> = rest.lines().collect();
    let (last, before) = lines.split_last().unwrap();
    assert!(last.starts_with("* too-slow: "), "{last}");
    assert!(before.iter().all(|seen| *seen == format!("[lobby] bob: {text}")));
}

#[test]
fn a_slow_reader_at_shutdown_gets_whole_lines_and_the_reason() {
    let mut server = Server::start(super::super::Limits { unread_bytes: 8 << 20, ..limits() });
    let (mut client, _) = server.member();
    let text = "x".repeat(1000);
    for _ in 0..3000 {
        server.say("bob", 1, &text, crate::protocol::names::ConnId::new(0, 99), Ack::None);
    }
    server.stop();
    // It reads, but far from everything in the time that there is.
    let (start, mut seen) = (Instant::now(), Vec::new());
    while start.elapsed() < FLUSH_AT_END {
        seen.extend(client.at_most(4096));
        std::thread::sleep(Duration::from_millis(20));
    }
    server.join();
    seen.extend(client.rest().into_bytes());
    let seen = String::from_utf8(seen).unwrap();
    let (before, last) = seen.trim_end().rsplit_once('\n').unwrap();
    assert!(seen.ends_with('\n') && last.starts_with("* shutting-down: "), "{}", &last[..last.len().min(100)]);
    assert!(before.lines().count() < 3000 && before.lines().all(|seen| seen == format!("[lobby] bob: {text}")));
}

#[test]
fn a_stopping_worker_cuts_no_more_lines_and_says_goodbye() {
    let mut server = Server::start(limits());
    let (mut client, _) = server.member();
    client.send("/whoami\n");
    server.asked("Command(Whoami");
    let mut console = server.connect(ListenerKind::Console);
    server.asked("Console");
    server.stop();
    client.send("/whoami\n");
    assert!(client.line().starts_with("* shutting-down: "));
    assert_eq!(client.rest(), "");
    assert!(console.line().starts_with("* ChitChat"));
    assert!(console.rest().starts_with("* shutting-down: "));
    drop((client, console));
    server.join();
}

#[test]
fn after_an_abort_nothing_more_is_said() {
    let mut server = Server::start(limits());
    let (mut client, conn) = server.member();
    client.send("/whoami\n");
    server.asked("Command(Whoami");
    let last = Final::Done("alice".to_owned());
    let answer = Delivery::Answer(Answer { conn, rows: Rows::default(), last });
    server.worker.send_all(&mut vec![Delivery::Abort, answer]);
    assert_eq!(client.rest(), "");
    server.join();
}
