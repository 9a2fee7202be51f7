//! After the handshake: floods of key updates, of records of one byte, and of damaged ones.

use super::raw::{ALERT, CHANGE_CIPHER_SPEC, DATA, connect, read_to_end, record};
use super::{Meter, ends_well};
use crate::support::Server;
use crate::support::any_certificate;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, SupportedProtocolVersion};
use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// A connection after its handshake.
fn connected(server: &Server, version: &'static SupportedProtocolVersion) -> (ClientConnection, TcpStream) {
    let config = Arc::new(any_certificate::in_versions(&[version]));
    let mut client = ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
    let mut socket = connect(server);
    while client.is_handshaking() {
        client.complete_io(&mut socket).unwrap();
    }
    client.set_buffer_limit(None);
    (client, socket)
}

/// Sends what the client has to send, until the server does not take it for a second or has closed.
fn send(client: &mut ClientConnection, socket: &mut TcpStream) -> bool {
    socket.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    while client.wants_write() {
        match client.write_tls(socket) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    true
}

#[test]
fn a_flood_of_key_updates_costs_little() {
    const UPDATES: usize = 50_000;
    let server = Server::start();
    let meter = Meter::start(&server);
    let (mut client, mut socket) = connected(&server, &TLS13);
    let mut sent = 0;
    while sent < UPDATES {
        // Each asks for an answer, and none is read.
        client.refresh_traffic_keys().unwrap();
        sent += 1;
        if sent % 100 == 0 && !send(&mut client, &mut socket) {
            break;
        }
    }
    println!("{sent} key updates were taken");
    drop(socket);
    meter.finish("key updates").is_bounded(Duration::from_secs(10));
    ends_well(server);
}

#[test]
fn records_of_one_byte_cost_little_and_are_understood() {
    const LINES: usize = 2000;
    let server = Server::start();
    let meter = Meter::start(&server);
    for version in [&TLS12, &TLS13] {
        let (mut client, mut socket) = connected(&server, version);
        for byte in b"/ping one at a time\n".repeat(LINES) {
            client.writer().write_all(&[byte]).unwrap();
        }
        client.writer().write_all(b"/quit\n").unwrap();
        client.send_close_notify();
        assert!(send(&mut client, &mut socket));
        let mut told = Vec::new();
        let mut tls = rustls::Stream::new(&mut client, &mut socket);
        let _ = std::io::Read::read_to_end(&mut tls, &mut told);
        let told = String::from_utf8(told).unwrap();
        assert_eq!(told.matches("+ one at a time\n").count(), LINES);
        assert!(told.ends_with("stays open)\n"), "{:?}", told.lines().last());
    }
    meter.finish("records of one byte").is_bounded(Duration::from_secs(20));
    ends_well(server);
}

#[test]
fn damaged_records_end_a_connection_at_once() {
    let server = Server::start();
    let meter = Meter::start(&server);
    let records = [
        ("not encrypted", record(DATA, b"/login bob\n")),
        ("empty", record(DATA, &[])),
        ("an alert that is not encrypted", record(ALERT, &[2, 40])),
        ("oversized", [&[DATA, 3, 3, 0x48, 0x01][..], &[0; 0x4801]].concat()),
        ("nonsense", record(DATA, &[0x5a; 500]).repeat(1000)),
        ("a kind that does not exist", record(0, &[0; 100])),
        ("a change of the cipher", record(CHANGE_CIPHER_SPEC, &[2])),
    ];
    for version in [&TLS12, &TLS13] {
        for (what, bytes) in &records {
            let (_client, mut socket) = connected(&server, version);
            let _ = socket.write_all(bytes);
            let answered = read_to_end(&mut socket);
            assert!(answered.len() < 2000, "{what}: {} bytes", answered.len());
        }
    }
    meter.finish("damaged records").is_bounded(Duration::from_secs(5));
    ends_well(server);
}
