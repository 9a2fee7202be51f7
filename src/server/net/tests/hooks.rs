//! Posts to hooks, as far as a worker has to do with them.

use super::server::{Client, Server, limits};
use crate::protocol::names::{ConnId, MessageId};
use crate::server::traffic::{Ack, ListenerKind, RequestKind};
use crate::server::web::body::BODIES_MAX;

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";

fn post(body: &str) -> String {
    format!("POST /hook/t0 HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// The status and the body of the next response.
#[track_caller]
fn response(client: &mut Client) -> (String, String) {
    let status = client.line().split(' ').nth(1).unwrap().to_owned();
    while client.line() != "\r" {}
    (status, client.line())
}

/// What was posted is said, and its sender is no member of the room.
fn decide(server: &Server, conn: ConnId, id: u64) {
    server.say("backup", id, "done", conn, Ack::Id(MessageId::new(id).unwrap()));
}

#[test]
fn nothing_else_is_taken_while_a_post_is_decided() {
    let mut server = Server::start(limits());
    let mut client = server.connect(ListenerKind::Web);
    client.send(&format!("{}{HEALTH}{}", post("done"), post("again")));
    let request = server.next();
    let RequestKind::Hook { text, .. } = &request.kind else { panic!("{request:?}") };
    assert_eq!((text.as_str(), request.bytes), ("done", 4));
    server.asked_nothing();
    decide(&server, request.conn, 7);
    assert_eq!(response(&mut client), ("200".to_owned(), "{\"ok\":true,\"id\":7}".to_owned()));
    assert_eq!(response(&mut client), ("200".to_owned(), "ok".to_owned()));
    assert_eq!(server.asked("Hook"), request.conn);
}

#[test]
fn a_sender_is_not_read_ahead_of_without_end() {
    let mut server = Server::start(limits());
    let mut client = server.connect(ListenerKind::Web);
    client.send(&post("done"));
    let conn = server.asked("Hook");
    let many = HEALTH.repeat(40_000);
    let sent = client.send_what_fits(many.as_bytes());
    assert!(sent < many.len(), "all of it was read");
    decide(&server, conn, 1);
    assert_eq!(response(&mut client).1, "{\"ok\":true,\"id\":1}");
    for _ in 0..sent / HEALTH.len() {
        assert_eq!(response(&mut client).1, "ok");
    }
}

#[test]
fn a_sender_that_is_gone_is_not_answered() {
    let mut server = Server::start(limits());
    let mut client = server.connect(ListenerKind::Web);
    client.send(&post("done"));
    let conn = server.asked("Hook");
    drop(client);
    // A worker sees the end of input at once, and answers what was sent before it.
    decide(&server, conn, 1);
    assert_eq!(server.asked("Detach"), conn);
    decide(&server, conn, 2);
    server.client().ping();
}

#[test]
fn a_sender_that_sends_no_more_is_answered() {
    let mut server = Server::start(limits());
    let mut client = server.connect(ListenerKind::Web);
    client.send(&post("done"));
    client.end();
    let conn = server.asked("Hook");
    decide(&server, conn, 1);
    let rest = client.rest();
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n") && rest.ends_with("{\"ok\":true,\"id\":1}\n"), "{rest}");
}

#[test]
fn what_arrives_of_all_bodies_is_bounded() {
    let mut server = Server::start(limits());
    let mut slow = server.connect(ListenerKind::Web);
    slow.send("POST /hook/t0 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nnot");
    let mut chunked = server.connect(ListenerKind::Web);
    chunked.send("POST /hook/t0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(chunked.line(), "HTTP/1.1 100 Continue\r");
    server.client().ping();
    assert_eq!(server.bodies.held(), 10 + 16 * 1024);
    server.bodies.hold(BODIES_MAX);
    let others = server.bodies.share(BODIES_MAX);
    let mut late = server.connect(ListenerKind::Web);
    late.send(&post("too late"));
    let (status, body) = response(&mut late);
    assert!(status == "503" && body.contains("\"code\":\"busy\""), "{status} {body}");
    drop(others);
    // Those that have begun go on, and give back what they had.
    slow.send(" too late");
    let conn = server.asked("Hook");
    decide(&server, conn, 1);
    assert_eq!(response(&mut slow).0, "200");
    drop(chunked);
    while server.bodies.held() > 0 {
        server.client().ping();
    }
}
