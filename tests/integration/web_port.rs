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

/// A request that opens a WebSocket, with these fields besides.
fn websocket(fields: &str) -> String {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    format!("GET /ws HTTP/1.1\r\n{HOST}{upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n")
}

fn health(fields: &str) -> String {
    format!("GET /health HTTP/1.1\r\n{HOST}{fields}\r\n")
}

/// A WebSocket that a proxy passes on.
fn page(server: &mut Server, field: &'static str, value: &str) -> Page {
    let mut page = Page::over(socket_from(HERE, server.web()).unwrap(), "https://chat.example.org", &[(field, value)]);
    page.read_until("* ChitChat …");
    page
}

/// A server that believes what comes from 127.0.0.1 to its port `web`.
fn behind(more: &[&str]) -> Server {
    server(&[&["web_proxies=127.0.0.1"], more].concat())
}

#[test]
fn whose_request_it_is_a_proxy_says_with_each() {
    let mut server = behind(&["limits.per_address=1"]);
    page(&mut server, "X-Forwarded-For", "198.51.100.1, 192.0.2.7").register("alice");
    server.wait_for_log("alice logged in from 192.0.2.7, connection");
    let mut bob = page(&mut server, "Forwarded", "for=192.0.2.8;proto=https");
    bob.register("bob");
    server.wait_for_log("bob logged in from 192.0.2.8, connection");
    // Requests of others come on one connection, and only a WebSocket makes it somebody's.
    let mut proxy = requests(&mut server);
    assert_eq!(proxy.ask(&health("X-Forwarded-For: 192.0.2.8\r\n")).status, 200);
    let busy = proxy.ask(&websocket("X-Forwarded-For: 192.0.2.8\r\n"));
    assert!(busy.status == 503 && busy.body.starts_with("there are too many connections"), "{busy:?}");
    server.console().ask("/block 192.0.2.8");
    bob.read_until("* blocked: …");
    for blocked in [health("X-Forwarded-For: 192.0.2.8\r\n"), websocket("Forwarded: for=\"192.0.2.8:4711\"\r\n")] {
        let refused = proxy.ask(&blocked);
        assert!(refused.status == 403 && refused.body.contains("are blocked"), "{refused:?}");
    }
    assert_eq!(proxy.ask(&health("X-Forwarded-For: 192.0.2.9\r\n")).status, 200);
    assert_eq!(proxy.ask(&health("")).status, 200);
    assert_eq!(proxy.ask(&websocket("X-Forwarded-For: 192.0.2.9\r\n")).status, 101);
    // To the other ports the proxy's address is like any other.
    server.console().ask("/unblock 192.0.2.8");
    server.connect().register("carol");
}

#[test]
fn what_a_proxy_says_that_is_not_valid_is_refused() {
    let mut server = behind(&[]);
    let mut proxy = requests(&mut server);
    for fields in [
        "X-Forwarded-For: nobody\r\n",
        "Forwarded: for=192.0.2.7;for=192.0.2.8\r\n",
        "Forwarded: for=192.0.2.7\r\nX-Forwarded-For: 192.0.2.8\r\n",
    ] {
        for request in [health(fields), websocket(fields)] {
            let refused = proxy.ask(&request);
            assert!(refused.status == 400 && refused.body.starts_with("It can't be told whose"), "{refused:?}");
        }
    }
    assert_eq!(proxy.ask(&health("Forwarded: for=192.0.2.7\r\nX-Forwarded-For: 192.0.2.7\r\n")).status, 200);
    assert_eq!(proxy.ask(&websocket("")).status, 101);
    server.wait_for_log("passes on a WebSocket without saying whose it is");
    server.terminate();
    let said = server.wait().1;
    assert_eq!(said.matches("was refused, since its").count(), 1, "{said}");
}

#[test]
fn a_proxy_header_says_it_for_the_whole_connection() {
    let mut server = behind(&[]);
    let through = |server: &mut Server, header: &str, field: &str| {
        let mut socket = socket_from(HERE, server.web()).unwrap();
        socket.write_all(header.as_bytes()).unwrap();
        Page::over(socket, "https://chat.example.org", &[("X-Forwarded-For", field)])
    };
    // Whoever connects to the proxy can send any field.
    through(&mut server, "PROXY TCP4 192.0.2.7 192.0.2.99 40000 443\r\n", "192.0.2.8").register("alice");
    server.wait_for_log("alice logged in from 192.0.2.7, connection");
    // But one that is another proxy, or nobody, is believed.
    through(&mut server, "PROXY TCP4 127.0.0.1 192.0.2.99 40000 443\r\n", "192.0.2.8").register("bob");
    server.wait_for_log("bob logged in from 192.0.2.8, connection");
    through(&mut server, "PROXY UNKNOWN\r\n", "192.0.2.9").register("carol");
    server.wait_for_log("carol logged in from 192.0.2.9, connection");
}

#[test]
fn from_elsewhere_nothing_is_believed() {
    let mut server = server(&["proxies=127.0.0.2"]);
    page(&mut server, "X-Forwarded-For", "192.0.2.7").register("alice");
    let said = server.wait_for_log("which is not believed");
    assert!(said.contains("name it in the settings (web_proxies = \"127.0.0.1\")"), "{said}");
    server.wait_for_log("alice logged in from 127.0.0.1, connection");
    let from_proxy = socket_from(Ipv4Addr::new(127, 0, 0, 2), server.web()).unwrap();
    Page::over(from_proxy, "https://chat.example.org", &[("X-Forwarded-For", "192.0.2.7")]).register("bob");
    server.wait_for_log("bob logged in from 192.0.2.7, connection");
    let refused = requests(&mut server).ask(&websocket("Origin: https://www.example.org\r\n"));
    assert_eq!(refused.status, 403);
    server.wait_for_log(
        "a page of \"https://www.example.org\" may not open a WebSocket for the host \"chat.example.org\"",
    );
}

#[test]
fn many_people_on_one_connection_are_paced_by_address() {
    let mut server = behind(&["limits.flood=1/m burst 1"]);
    let mut proxy = requests(&mut server);
    let mut ask = |address: &str| proxy.ask(&health(&format!("X-Forwarded-For: {address}\r\n")));
    for _ in 0..32 {
        assert_eq!(ask("192.0.2.7").status, 200);
    }
    let refused = ask("192.0.2.7");
    assert!(refused.status == 429 && refused.head.contains("\r\nRetry-After: "), "{refused:?}");
    assert_eq!(ask("192.0.2.8").status, 200);
}

#[test]
fn whoever_guesses_addresses_of_hooks_through_a_proxy_is_held_back_alone() {
    let mut server = behind(&["limits.logins=1/h burst 2"]);
    let mut alice = server.connect();
    alice.register("alice");
    alice.ask("/create ops");
    let made = alice.ask("/hook new ops ci").pop().unwrap();
    let path = made.split(' ').nth(1).unwrap().to_owned();
    let mut proxy = requests(&mut server);
    let mut post = |path: &str, address: &str| {
        proxy.ask(&format!("POST {path} HTTP/1.1\r\n{HOST}X-Forwarded-For: {address}\r\nContent-Length: 4\r\n\r\ndone"))
    };
    assert_eq!(post("/hook/t0", "192.0.2.7").status, 404);
    assert_eq!(post("/hook/t1", "192.0.2.7").status, 404);
    assert_eq!(post("/hook/t2", "192.0.2.7").status, 429);
    assert_eq!(post("/hook/t3", "192.0.2.8").status, 404);
    assert_eq!(post(&path, "192.0.2.7").status, 200);
    server.wait_for_log("post failed from 192.0.2.7");
}
