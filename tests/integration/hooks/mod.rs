//! Hooks over HTTP, as programs post to them: what is said, what is answered, and what never gets through.

mod senders;

use super::support::browser::{Requests, Response};
use super::support::{Client, PASSWORD, Server};

const HOST: &str = "Host: localhost\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

/// Alice, in a room of hers with a hook, and the path of that.
fn room_with_hook(server: &Server) -> (Client, String) {
    let mut alice = server.connect();
    alice.register("alice");
    alice.ask("/create ops");
    let path = new_hook(&mut alice, "backup");
    (alice, path)
}

/// Makes a hook of the room `ops`; its path.
fn new_hook(moderator: &mut Client, label: &str) -> String {
    let answer = moderator.ask(&format!("/hook new ops {label}")).pop().unwrap();
    answer.split(' ').find(|word| word.starts_with("/hook/")).unwrap_or_else(|| panic!("{answer}")).to_owned()
}

fn post(path: &str, fields: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\n{HOST}{fields}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn posted(server: &Server, path: &str, fields: &str, body: &str) -> Response {
    Requests::new(server.tls()).ask(&post(path, fields, body))
}

/// What was said in the room, oldest first.
fn history(client: &mut Client) -> Vec<String> {
    let mut rows = client.ask("/history ops limit=1000");
    rows.pop();
    rows.iter().map(|row| row.splitn(5, ' ').nth(4).unwrap().to_owned()).collect()
}

#[test]
fn what_is_posted_is_said_in_the_room() {
    let server = Server::start();
    let (mut alice, path) = room_with_hook(&server);
    let mut sender = Requests::new(server.tls());
    for (n, (fields, body, said)) in [
        (JSON, r#"{"text": "Hello, world."}"#, "Hello, world."),
        (JSON, include_str!("../../../src/server/web/hook/samples/uptime-kuma.json"), "[Shop] [🔴 Down] connect …"),
        (JSON, include_str!("../../../src/server/web/hook/samples/grafana.json"), "FIRING Pump too warm: …"),
        (JSON, include_str!("../../../src/server/web/hook/samples/alertmanager.json"), "FIRING DiskAlmostFull …"),
        ("Content-Type: text/plain\r\nTitle: Backup\r\n", "done\nin 5 min\n", "Backup | done | in 5 min"),
        ("Content-Type: application/x-www-form-urlencoded\r\n", "backup done", "backup done"),
        ("Content-Type: application/x-www-form-urlencoded\r\n", "text=50+%25+%26+counting", "50 % & counting"),
        ("", "no type at all", "no type at all"),
        ("", "/quit", "/quit"),
    ]
    .into_iter()
    .enumerate()
    {
        let response = sender.ask(&post(&path, fields, body));
        assert_eq!((response.status, response.body), (200, format!("{{\"ok\":true,\"id\":{}}}\n", n + 1)), "{body}");
        assert!(response.head.contains("Content-Type: application/json\r\n"), "{}", response.head);
        alice.read_until(&format!("[ops] backup: {said}"));
    }
    let response = sender.ask(&post(&path, "", &"x".repeat(16 * 1024)));
    assert_eq!(response.body, "{\"ok\":true,\"id\":10,\"cut\":true}\n");
    alice.read_until("[ops] backup: x…");
    // ntfy's senders say PUT, and those of a Mattermost /hooks/.
    let put = post(&path.replace("/hook/", "/hooks/"), "", "put").replace("POST", "PUT");
    assert_eq!(sender.ask(&put).status, 200);
    alice.read_until("[ops] backup: put");
}

/// The request and the response of docs/PROTOCOL.md, "Posting to a hook".
#[test]
fn the_page_shows_what_is_sent_and_answered() {
    let server = Server::start();
    let (mut alice, path) = room_with_hook(&server);
    let page = include_str!("../../../docs/PROTOCOL.md").split("\n## Posting to a hook\n").nth(1).unwrap();
    let mut blocks = page.split("```\n").skip(1).step_by(2);
    let (request, expected) = (blocks.next().unwrap(), blocks.next().unwrap());
    let request = request.trim_end().replace("/hook/TOKEN", &path).replace('\n', "\r\n");
    // The page's answer is the 17th.
    for n in 1..17 {
        assert_eq!(posted(&server, &path, "", &format!("line {n}")).status, 200);
    }
    let response = Requests::new(server.tls()).ask(&request);
    let (head, body) = expected.split_once("\n\n").unwrap();
    for line in head.lines() {
        assert!(response.head.contains(&format!("{line}\r\n")), "no {line} in {}", response.head);
    }
    assert_eq!(response.body, body);
    alice.read_until("[ops] backup: backup done");
}

#[test]
fn one_connection_takes_one_post_after_another() {
    let server = Server::start();
    let (mut alice, path) = room_with_hook(&server);
    let mut sender = Requests::new(server.tls());
    let posts: String = (0..40).map(|n| post(&path, "", &format!("line {n}"))).collect();
    sender.send(&format!("{posts}GET /health HTTP/1.1\r\n{HOST}\r\n"));
    for n in 1..=40 {
        assert_eq!(sender.response().unwrap().body, format!("{{\"ok\":true,\"id\":{n}}}\n"));
    }
    assert_eq!(sender.response().unwrap().body, "ok\n");
    assert_eq!(history(&mut alice), (0..40).map(|n| format!("backup: line {n}")).collect::<Vec<_>>());
    let last = sender.ask(&post(&path, "Connection: close\r\n", "last"));
    assert!(last.status == 200 && last.head.contains("Connection: close\r\n"), "{last:?}");
    assert!(sender.response().is_none());
}

#[test]
fn a_body_may_come_late_and_in_chunks() {
    let server = Server::start();
    let (mut alice, path) = room_with_hook(&server);
    let mut other = server.connect();
    other.register("bob");
    let mut sender = Requests::new(server.tls());
    // Each piece is read before the next one comes: the server answers somebody else meanwhile.
    let chunked = format!(
        "POST {path} HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n4\r\nback\r\n3\r\nup \r\n4\r\ndone\r\n0\r\n\r\n"
    );
    for piece in chunked.as_bytes().chunks(9) {
        sender.send(std::str::from_utf8(piece).unwrap());
        other.ask("/ping");
    }
    assert_eq!(sender.response().unwrap().status, 200);
    alice.read_until("[ops] backup: backup done");
    // What curl does with a larger body.
    sender.send(&format!("POST {path} HTTP/1.1\r\n{HOST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    assert_eq!(sender.response().unwrap().status, 100);
    sender.send("hello");
    assert_eq!(sender.response().unwrap().status, 200);
    alice.read_until("[ops] backup: hello");
    // Whoever does not wait is not told.
    assert_eq!(sender.ask(&post(&path, "Expect: 100-continue\r\n", "at once")).status, 200);
    alice.read_until("[ops] backup: at once");
    // A body that nobody wants is refused before it comes.
    sender.send(&format!("POST {path} HTTP/1.1\r\n{HOST}Expect: 100-continue\r\nContent-Length: 16385\r\n\r\n"));
    assert_eq!(sender.response().unwrap().status, 413);
    assert!(sender.response().is_none());
}

#[test]
fn what_a_post_hides_is_never_acted_on() {
    let server = Server::start();
    let (mut alice, path) = room_with_hook(&server);
    let hidden = post(&path, "", "hidden");
    let with = |fields: &str, body: &str| format!("POST {path} HTTP/1.1\r\n{HOST}{fields}\r\n{body}");
    for (request, status) in [
        (with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &format!("0\r\n\r\n{hidden}")), 400),
        (with("Content-Length: 5\r\nContent-Length: 6\r\n", &hidden), 400),
        (with("Content-Length: 5, 5\r\n", &hidden), 400),
        (with("Content-Length: 5\r\n Content-Length: 6\r\n", &hidden), 400),
        (with("Content-Length : 5\r\n", &hidden), 400),
        (with("X: y\nContent-Length: 5\r\n", &hidden), 400),
        (with("X: y\rContent-Length: 5\r\n", &hidden), 400),
        (with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", &format!("0\r\n\r\n{hidden}")), 400),
        (with("Transfer-Encoding: identity, chunked\r\n", &format!("0\r\n\r\n{hidden}")), 501),
        (with("Transfer-Encoding: xchunked\r\n", &hidden), 501),
        (with("Transfer-Encoding: chunked\r\n", &format!("0;x=\"\r\n\r\n\"\r\n\r\n{hidden}")), 400),
        (with("Transfer-Encoding: chunked\r\n", &format!("0\r\nX: y\r\n\r\n{hidden}")), 400),
        (with("Transfer-Encoding: chunked\r\n", &format!("0\n\n{hidden}")), 400),
        (with("Transfer-Encoding: chunked\r\n", &format!("1\r\nxx\r\n0\r\n\r\n{hidden}")), 400),
        (with("Transfer-Encoding: chunked\r\n", "fffffff0\r\n"), 413),
        (with("Transfer-Encoding: chunked\r\n", "ffffffffffffffff1\r\n"), 400),
        (with("Transfer-Encoding: chunked\r\n", &hidden).replace("HTTP/1.1", "HTTP/1.0"), 501),
        (with("Content-Length: 999999999999999999999\r\n", &hidden), 413),
        (with("Expect: 200-ok\r\nContent-Length: 5\r\n", &hidden), 417),
        (format!("GET {path} HTTP/1.1\r\n{HOST}Content-Length: {}\r\n\r\n{hidden}", hidden.len()), 405),
        (format!("POST / HTTP/1.1\r\n{HOST}Content-Length: {}\r\n\r\n{hidden}", hidden.len()), 413),
    ] {
        let mut sender = Requests::new(server.tls());
        let response = sender.ask(&request);
        assert_eq!(response.status, status, "{request:?}");
        assert!(response.head.contains("Connection: close"), "{response:?}");
        assert!(sender.response().is_none(), "nothing is read after it: {request:?}");
    }
    // A body that looks like a request is a body.
    assert_eq!(posted(&server, &path, "Content-Type: text/plain\r\n", &hidden).status, 200);
    assert_eq!(history(&mut alice).len(), 1);
}

#[test]
fn what_is_not_said_is_refused_with_the_reason() {
    let server = Server::start();
    let (mut alice, path) = room_with_hook(&server);
    let refused = |path: &str, fields: &str, body: &str| {
        let response = posted(&server, path, fields, body);
        let code = response.body.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
        (response.status, code.unwrap_or_default().to_owned())
    };
    let is = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(refused("/hook/t0", "", "x"), is(404, "bad-credentials"));
    assert_eq!(refused("/hook/", "", "x"), is(404, "bad-credentials"));
    assert_eq!(refused(&path, JSON, "{"), is(400, "bad-argument"));
    assert_eq!(refused(&path, JSON, "{}"), is(400, "bad-argument"));
    assert_eq!(refused(&path, "", ""), is(400, "bad-argument"));
    assert_eq!(refused(&path, "", "\u{1b}[31mred"), is(400, "bad-text"));
    assert_eq!(refused(&path, "Content-Type: image/png\r\n", "x"), is(415, "bad-argument"));
    assert_eq!(refused(&path, "Content-Encoding: gzip\r\n", "x"), is(415, "bad-argument"));
    assert_eq!(refused(&path, "Idempotency-Key: two words\r\n", "x"), is(400, "bad-argument"));
    assert_eq!(refused(&path, "", &"x".repeat(16385)), is(413, "line-too-long"));
    let get = Requests::new(server.tls()).ask(&format!("GET {path} HTTP/1.1\r\n{HOST}\r\n"));
    assert!(get.status == 405 && get.head.contains("Allow: POST, PUT\r\n"), "{get:?}");
    assert_eq!(refused(&path, "Idempotency-Key: a\r\n", "once"), is(200, ""));
    assert_eq!(refused(&path, "Idempotency-Key: a\r\n", "another"), is(409, "conflict"));
    alice.ask("/mute ops backup");
    assert_eq!(refused(&path, "", "x"), is(403, "muted"));
    alice.ask("/unmute ops backup");
    alice.ask("/kick ops backup");
    assert_eq!(refused(&path, "", "x"), is(403, "not-a-member"));
    alice.ask("/hook revoke ops backup");
    assert_eq!(refused(&path, "", "x"), is(404, "bad-credentials"));
    assert_eq!(history(&mut alice), ["backup: once"]);
}

#[test]
fn a_sender_in_a_hurry_is_told_when_to_come_back() {
    let server = Server::with(&["limits.hook=1/h burst 2"]);
    let (_alice, path) = room_with_hook(&server);
    let mut sender = Requests::new(server.tls());
    for _ in 0..2 {
        assert_eq!(sender.ask(&post(&path, "", "x")).status, 200);
    }
    let response = sender.ask(&post(&path, "", "x"));
    assert!(response.status == 429 && response.body.contains("\"code\":\"slow-down\""), "{response:?}");
    let retry = response.head.lines().find_map(|line| line.strip_prefix("Retry-After: ")).unwrap();
    assert!((1..=3600).contains(&retry.parse::<u64>().unwrap()), "{retry}");
}

#[test]
fn who_guesses_addresses_is_held_back_and_nobody_else_is() {
    let mut server = Server::not_started(&["limits.logins=1/h burst 3"]);
    server.set_variable("RUST_LOG", "debug");
    server.restart();
    let (_alice, path) = room_with_hook(&server);
    let mut sender = Requests::new(server.tls());
    for n in 0..3 {
        assert_eq!(sender.ask(&post(&format!("/hook/t{n}"), "", "x")).status, 404);
    }
    let response = sender.ask(&post("/hook/t3", "", "x"));
    assert!(response.status == 429 && response.body.contains("\"code\":\"throttled\""), "{response:?}");
    let retry = response.head.lines().find_map(|line| line.strip_prefix("Retry-After: ")).unwrap();
    assert!((1..=3601).contains(&retry.parse::<u64>().unwrap()), "{retry}");
    // A sender whose address was revoked keeps nobody else at its address out.
    assert_eq!(sender.ask(&post(&path, "", "x")).status, 200);
    server.connect().ask(&format!("/login alice {PASSWORD}"));
    server.terminate();
    let (_, log) = server.wait();
    assert_eq!(log.matches("post failed from 127.0.0.1").count(), 3, "{log}");
    assert!(!log.contains("/hook/") && !log.contains(path.trim_start_matches("/hook/")), "{log}");
}

/// Whoever heard nothing posts again, under the same key.
#[test]
fn a_key_says_it_once_however_the_server_ends() {
    let mut server = Server::start();
    let (_alice, path) = room_with_hook(&server);
    let said =
        |round: usize| post(&path, &format!("Idempotency-Key: \"backup-{round}\"\r\n"), &format!("round {round}"));
    for round in 0..6 {
        let mut sender = Requests::new(server.tls());
        sender.send(&said(round));
        // It is killed on the way, behind the commit, or after the answer.
        let before = (round % 3 == 2).then(|| sender.response().unwrap().body);
        if round % 3 == 1 {
            server.connect();
        }
        server.kill();
        server.restart();
        let mut sender = Requests::new(server.tls());
        let (first, second) = (sender.ask(&said(round)).body, sender.ask(&said(round)).body);
        assert_eq!(first, format!("{{\"ok\":true,\"id\":{}}}\n", round + 1));
        assert_eq!(first, second);
        assert!(before.is_none_or(|before| before == first));
    }
    let mut alice = server.connect();
    alice.ask(&format!("/login alice {PASSWORD}"));
    assert_eq!(history(&mut alice), (0..6).map(|round| format!("backup: round {round}")).collect::<Vec<_>>());
}

#[test]
fn a_sender_may_go_before_its_answer() {
    let server = Server::start();
    let (mut alice, path) = room_with_hook(&server);
    for n in 0..30 {
        let mut sender = Requests::new(server.tls());
        sender.send(&post(&path, "", &format!("line {n}")));
        if n % 3 == 0 {
            sender.send(&format!("POST {path} HTTP/1.1\r\n{HOST}Content-Length: 100\r\n\r\nnot all of it"));
        }
    }
    assert_eq!(posted(&server, &path, "", "the last").status, 200);
    let said = history(&mut alice);
    assert!(said.iter().all(|said| said == "backup: the last" || said.starts_with("backup: line ")), "{said:?}");
}

#[test]
fn a_post_that_is_not_complete_ends_with_the_server() {
    let server = Server::start();
    let (_alice, path) = room_with_hook(&server);
    let mut sender = Requests::new(server.tls());
    assert_eq!(sender.ask(&post(&path, "", "before")).status, 200);
    sender.send(&format!("POST {path} HTTP/1.1\r\n{HOST}Content-Length: 100\r\n\r\nhalf of"));
    server.terminate();
    let response = sender.response().unwrap();
    assert!(response.status == 503 && response.head.contains("Connection: close\r\n"), "{response:?}");
}
