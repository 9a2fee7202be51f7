//! Browsers: HTTP on the TLS port, and WebSockets that carry the same lines as every other connection.

use super::support::browser::{Page, Requests};
use super::support::{Client, Server};
use std::io::Write as _;
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

const HOST: &str = "Host: localhost\r\n";

#[test]
fn a_page_talks_with_everyone_else() {
    let server = Server::start();
    let mut page = Page::open(server.tls());
    page.read_until("* ChitChat at …");
    page.register("alice");
    let mut bob = Client::tls(server.tls());
    bob.expect("* ChitChat …");
    bob.register("bob");
    page.read_until("[lobby] * bob joined");
    page.send("hello from a page");
    bob.read_until("[lobby] alice: hello from a page");
    bob.send("hello, page");
    page.read_until("[lobby] bob: hello, page");
    // A message may hold several lines, with or without the last one's end, and a line may come in several frames.
    page.send("/@a ping\n/@b ping\n");
    page.read_until("+ …");
    page.read_until("+ …");
    page.send("/@t set tags on\nlong enough");
    page.read_until("@re=t + tags on …");
    bob.read_until("[lobby] alice: long enough");
    page.send("/@c set deflate 1");
    page.read_until("@re=c - not-allowed: there are no deflate frames in a WebSocket.");
    page.socket.send(Message::Ping(b"are you there".as_slice().into())).unwrap();
    loop {
        if let Message::Pong(payload) = page.socket.read().unwrap() {
            assert_eq!(payload.as_ref(), b"are you there");
            break;
        }
    }
    page.send("/@q quit");
    page.read_until("@re=q + goodbye alice. …");
    assert_eq!(page.line(), None);
}

#[test]
fn a_page_that_closes_has_been_heard() {
    let server = Server::start();
    let mut bob = server.connect();
    bob.register("bob");
    let mut page = Page::open(server.tls());
    page.register("alice");
    for n in 0..20 {
        page.send(&format!("line {n}"));
    }
    page.socket.close(None).unwrap();
    for n in 0..20 {
        bob.read_until(&format!("[lobby] alice: line {n}"));
    }
    while page.line().is_some() {}
}

#[test]
fn who_stops_the_server_tells_the_pages() {
    let server = Server::start();
    let mut page = Page::open(server.tls());
    page.register("alice");
    server.terminate();
    page.read_until("* shutting-down: …");
    let close = loop {
        match page.socket.read() {
            Ok(Message::Close(frame)) => break frame.unwrap(),
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(close.code, CloseCode::Away);
}

#[test]
fn one_connection_answers_one_request_after_another() {
    let server = Server::start();
    let mut browser = Requests::new(server.tls());
    let front = browser.ask(&format!("GET / HTTP/1.1\r\n{HOST}\r\n"));
    assert!(front.status == 200 && front.body.starts_with("<!doctype html>"), "{front:?}");
    for field in ["Content-Security-Policy: default-src 'none'", "X-Content-Type-Options: nosniff", "Date: "] {
        assert!(front.head.contains(field), "{field} {}", front.head);
    }
    assert!(!front.head.contains("Strict-Transport-Security"), "nobody vouches for the certificate: {}", front.head);
    browser.send(&format!("GET /health HTTP/1.1\r\n{HOST}\r\nGET /nowhere HTTP/1.1\r\n{HOST}\r\nHEAD / HT"));
    let (health, nowhere) = (browser.response().unwrap(), browser.response().unwrap());
    assert_eq!((health.status, health.body.as_str(), nowhere.status), (200, "ok\n", 404));
    browser.send(&format!("TP/1.0\r\n{HOST}\r\n"));
    // A HEAD has no body, however long that would be.
    let mut head = String::new();
    std::io::Read::read_to_string(browser.stream(), &mut head).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(head.contains("Connection: close\r\n"), "{head}");
}

#[test]
fn what_a_request_hides_is_never_acted_on() {
    let server = Server::start();
    for (request, status) in [
        (format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 34\r\n\r\nGET /health HTTP/1.1\r\n{HOST}\r\n"), 413),
        (
            format!(
                "GET / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\n{HOST}\r\n"
            ),
            413,
        ),
        (format!("GET / HTTP/1.1\r\n{HOST}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}{HOST}\r\n"), 400),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("/register mallory long enough password\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}Cookie: {}\r\n\r\n", "x".repeat(9000)), 431),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 505),
    ] {
        let mut browser = Requests::new(server.tls());
        let response = browser.ask(&request);
        assert_eq!(response.status, status, "{request:?}");
        assert!(response.head.contains("Connection: close"), "{response:?}");
        assert!(browser.response().is_none(), "nothing is read after it: {request:?}");
    }
}

#[test]
fn a_browser_that_comes_without_tls_is_sent_on() {
    let server = Server::start();
    let mut socket = std::net::TcpStream::connect(server.tls()).unwrap();
    socket.set_read_timeout(Some(super::support::DEADLINE)).unwrap();
    socket.write_all(b"GET /x?y HTTP/1.1\r\nHost: chat.example.org:2428\r\n\r\n").unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut socket, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 307 Temporary Redirect\r\n"), "{answer}");
    assert!(answer.contains("\r\nLocation: https://chat.example.org:2428/x\r\n"), "{answer}");
}

#[test]
fn only_a_page_of_this_server_opens_a_websocket() {
    let server = Server::start();
    let ask = |fields: &str| {
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        Requests::new(server.tls()).ask(&format!("GET /ws HTTP/1.1\r\n{HOST}{upgrade}{key}{fields}\r\n")).status
    };
    assert_eq!(ask("Origin: https://localhost\r\n"), 101);
    assert_eq!(ask(""), 101);
    assert_eq!(ask("Origin: https://evil.example\r\n"), 403);
    assert_eq!(ask("Origin: null\r\n"), 403);
    assert_eq!(ask("Sec-WebSocket-Protocol: mqtt\r\n"), 400);
}

#[test]
fn frames_that_are_not_those_of_a_browser_end_the_connection() {
    let server = Server::start();
    let mut witness = server.connect();
    witness.register("witness");
    for (frame, code) in [(&b"\x81\x05hello"[..], CloseCode::Protocol), (b"\x82\x80\0\0\0\0", CloseCode::Unsupported)] {
        let mut page = Page::open(server.tls());
        page.read_until("* ChitChat …");
        page.socket.get_mut().write_all(frame).unwrap();
        let close = loop {
            match page.socket.read() {
                Ok(Message::Close(frame)) => break frame.unwrap(),
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(close.code, code);
    }
    witness.ask("/ping");
}

#[test]
fn a_page_that_reads_too_slowly_is_told_so_in_whole_frames() {
    let server = Server::with(&["limits.unread_bytes=16 KiB", "limits.flood=off", "limits.account_flood=off"]);
    let mut page = Page::open(server.tls());
    page.register("slow");
    let mut bob = server.connect();
    bob.register("bob");
    let text = "x".repeat(3000);
    for n in 0..400 {
        bob.send(&format!("{n} {text}"));
    }
    bob.ask("/ping");
    let mut expected = 0;
    let last = loop {
        let Some(line) = page.line() else { panic!("it is told why") };
        match line.strip_prefix("[lobby] bob: ") {
            Some(said) => {
                assert_eq!(said, format!("{expected} {text}"));
                expected += 1;
            }
            None if line.starts_with("* too-slow") => break line,
            None => {}
        }
    };
    assert!(expected < 400, "{last}");
    assert_eq!(page.line(), None);
}
