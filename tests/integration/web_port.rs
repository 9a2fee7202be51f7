//! The port `web`: a browser's HTTP without TLS, for a reverse proxy.

use super::support::browser::{Page, Requests};
use super::support::client::socket_from;
use super::support::{Client, Server};
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const HOST: &str = "Host: chat.example.org\r\n";

fn server(more: &[&str]) -> Server {
    Server::with(&[&["web=127.0.0.1:0"], more].concat())
}

fn requests(server: &mut Server) -> Requests {
    Requests::over(socket_from(HERE, server.web()).unwrap())
}

#[test]
fn it_serves_what_the_tls_port_serves_and_no_lines() {
    let mut server = server(&[]);
    let mut browser = requests(&mut server);
    let front = browser.ask(&format!("GET / HTTP/1.1\r\n{HOST}\r\n"));
    assert!(front.status == 200 && front.body.starts_with("<!doctype html>"), "{front:?}");
    assert!(front.head.contains("Content-Security-Policy: ") && !front.head.contains("Strict-Transport-Security"));
    assert_eq!(browser.ask(&format!("GET /health HTTP/1.1\r\n{HOST}\r\n")).body, "ok\n");
    let mut page = Page::over(socket_from(HERE, server.web()).unwrap(), "https://chat.example.org", &[]);
    page.read_until("* ChitChat at …");
    page.register("alice");
    let mut bob = Client::tls(server.tls());
    bob.expect("* ChitChat …");
    bob.register("bob");
    page.send("hello through a proxy");
    bob.read_until("[lobby] alice: hello through a proxy");
    let stats = server.console().ask("/stats");
    assert!(stats.iter().any(|row| row == "| web 2"), "{stats:?}");
    // The proxy may speak TLS with people or not, but nobody else's page comes in.
    drop(Page::over(socket_from(HERE, server.web()).unwrap(), "http://chat.example.org", &[]));
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let evil = requests(&mut server)
        .ask(&format!("GET /ws HTTP/1.1\r\n{HOST}{upgrade}{key}Origin: http://evil.example\r\n\r\n"));
    assert_eq!(evil.status, 403);
    for line in ["/login alice\n", "hello\n", "\x16\x03\x01\x02\x00\x01"] {
        let mut socket = socket_from(HERE, server.web()).unwrap();
        socket.write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{line:?}: {answer}");
    }
}

#[test]
fn whoever_is_turned_away_there_is_told_so_in_http() {
    let mut server = server(&["limits.per_address=1"]);
    let mut first = requests(&mut server);
    assert_eq!(first.ask(&format!("GET /health HTTP/1.1\r\n{HOST}\r\n")).status, 200);
    let second = requests(&mut server).response().unwrap();
    assert_eq!(second.status, 503);
    assert!(second.body.starts_with("there are too many connections from your address"), "{second:?}");
}
