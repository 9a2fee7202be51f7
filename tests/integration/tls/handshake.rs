//! Handshakes: old versions, weak ciphers, compression, and hellos that are torn, crumbled or far too long.

use super::raw::{ALERT, Answer, CHANGE_CIPHER_SPEC, DATA, HANDSHAKE, answer, connect, crumbs, exchange, hello};
use super::raw::{read_to_end, record};
use super::{Meter, ends_well};
use crate::support::Server;
use crate::support::any_certificate;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, SupportedProtocolVersion};
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
/// What every hello of a client of today says: curves, signatures, point formats.
const EXTENSIONS: [(u16, &[u8]); 3] = [(10, &[0, 4, 0, 29, 0, 23]), (13, &[0, 4, 4, 3, 8, 4]), (11, &[1, 0])];
/// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256.
const STRONG: u16 = 0xc02b;
const HANDSHAKE_FAILURE: Answer = Answer::Alert(40);
const PROTOCOL_VERSION: Answer = Answer::Alert(70);

fn asked(server: &Server, version: u16, suites: &[u16], compressions: &[u8]) -> Answer {
    let mut socket = connect(server);
    socket.write_all(&record(HANDSHAKE, &hello(version, suites, compressions, &EXTENSIONS))).unwrap();
    // A handshake that goes on would be waited for.
    socket.shutdown(Shutdown::Write).unwrap();
    answer(&read_to_end(&mut socket))
}

#[test]
fn old_versions_weak_ciphers_and_compression_are_refused() {
    let server = Server::start();
    let asked = |version, suites: &[u16], compressions: &[u8]| asked(&server, version, suites, compressions);
    assert_eq!(asked(0x0303, &[STRONG], &[0]), Answer::Handshake, "as it should be");
    for version in [0x0300, 0x0301, 0x0302] {
        assert_eq!(asked(version, &[STRONG, 0xc009, 0x002f], &[0]), PROTOCOL_VERSION, "{version:x}");
    }
    let weak = [
        ("export", 0x0003),
        ("RC4", 0xc007),
        ("3DES", 0xc008),
        ("CBC", 0xc009),
        ("CBC with SHA-256", 0xc023),
        ("no encryption", 0xc006),
        ("RSA without forward secrecy", 0x009c),
        ("anonymous", 0x00a6),
    ];
    for (what, suite) in weak {
        assert_eq!(asked(0x0303, &[suite], &[0]), HANDSHAKE_FAILURE, "{what}");
    }
    assert!(matches!(asked(0x0303, &[STRONG], &[1]), Answer::Alert(_)), "nothing but compression");
    ends_well(server);
}

/// A client, and the first bytes that it sends.
fn client(version: &'static SupportedProtocolVersion) -> (ClientConnection, Vec<u8>) {
    let config = Arc::new(any_certificate::in_versions(&[version]));
    let mut client = ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
    let first = to_send(&mut client);
    (client, first)
}

fn to_send(client: &mut ClientConnection) -> Vec<u8> {
    let mut wire = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut wire).unwrap();
    }
    wire
}

#[test]
fn a_handshake_may_be_torn_at_any_byte() {
    let server = Server::start();
    let meter = Meter::start(&server);
    for version in VERSIONS {
        let (_, first) = client(version);
        for end in 0..first.len() {
            let mut socket = connect(&server);
            socket.write_all(&first[..end]).unwrap();
            socket.shutdown(Shutdown::Write).unwrap();
            assert_eq!(answer(&read_to_end(&mut socket)), Answer::Nothing, "{version:?} ends after {end}");
        }
        let mut end = 0;
        loop {
            let (mut client, first) = client(version);
            let mut socket = connect(&server);
            socket.write_all(&first).unwrap();
            // The second flight is there when the first one is answered.
            while !client.wants_write() {
                client.read_tls(&mut socket).unwrap();
                client.process_new_packets().unwrap();
            }
            let second = to_send(&mut client);
            if end >= second.len() {
                break;
            }
            socket.write_all(&second[..end]).unwrap();
            socket.shutdown(Shutdown::Write).unwrap();
            let mut rest = Vec::new();
            let _ = socket.read_to_end(&mut rest);
            end += 1;
        }
        assert!(end > 50, "the second flight has {end} bytes");
    }
    meter.finish("torn handshakes").is_bounded(Duration::from_secs(10));
    ends_well(server);
}

#[test]
fn a_client_of_tls_1_3_that_is_downgraded_notices() {
    let server = Server::start();
    let mut socket = connect(&server);
    socket.write_all(&record(HANDSHAKE, &hello(0x0303, &[STRONG], &[0], &EXTENSIONS))).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let answered = read_to_end(&mut socket);
    // The server's random bytes are behind the headers of the record and of the message, and the version.
    assert_eq!(&answered[11..][24..32], b"DOWNGRD\x01");
    ends_well(server);
}

#[test]
fn a_hello_in_pieces_of_any_size_is_understood() {
    let server = Server::start();
    for version in VERSIONS {
        for piece in [1, 2, 3, 50] {
            let (mut client, first) = client(version);
            let message = &first[5..];
            let pieces: Vec<u8> = message.chunks(piece).flat_map(|piece| record(HANDSHAKE, piece)).collect();
            let mut socket = connect(&server);
            socket.write_all(&pieces).unwrap();
            while client.is_handshaking() {
                client.complete_io(&mut socket).unwrap_or_else(|error| panic!("{version:?}, {piece}: {error}"));
            }
        }
    }
    ends_well(server);
}

#[test]
fn handshakes_that_never_end_are_refused_at_little_cost() {
    const MANY: usize = 20_000;
    let mut server = Server::start();
    let meter = Meter::start(&server);
    let (_, first) = client(&TLS13);
    let good = |more: Vec<u8>| [&first[..], &more].concat();
    let long: Vec<u8> = [1, 0xff, 0xff, 0xff].into_iter().chain([0; 0x3f00]).collect();
    let attacks: [(&str, Vec<u8>); 14] = [
        ("a hello, and then the end of TLS", good(record(ALERT, &[1, 0]))),
        (
            "a hello in pieces, and then the end of TLS",
            [crumbs(HANDSHAKE, &first[5..]), record(ALERT, &[1, 0])].concat(),
        ),
        (
            "half a hello in pieces, and then the end of TLS",
            [crumbs(HANDSHAKE, &first[5..100]), record(ALERT, &[1, 0])].concat(),
        ),
        ("half a hello in pieces, and then data", [crumbs(HANDSHAKE, &first[5..100]), record(DATA, b"hello")].concat()),
        ("a hello, twice", good(first.clone())),
        ("a hello of 16 MB", record(HANDSHAKE, &long).repeat(100)),
        (
            "a hello of 64 KiB in records of one byte",
            crumbs(HANDSHAKE, &[&[1, 0, 0xff, 0xf0], &[0; 0xfff0][..]].concat()),
        ),
        ("empty records", record(HANDSHAKE, &[]).repeat(MANY)),
        ("warnings", good(record(ALERT, &[1, 90]).repeat(MANY))),
        ("changes of the cipher", good(record(CHANGE_CIPHER_SPEC, &[1]).repeat(MANY))),
        ("data before the handshake is done", good(record(DATA, &[0; 100]).repeat(MANY))),
        ("an oversized record", [&[HANDSHAKE, 3, 3, 0xff, 0xff][..], &[0; 0xffff]].concat()),
        ("an oversized record after a hello", good([&[DATA, 3, 3, 0x48, 0x01][..], &[0; 0x4801]].concat())),
        ("a kind of record that does not exist", good(record(99, &[0; 100]))),
    ];
    for (what, bytes) in attacks {
        for _ in 0..5 {
            let answered = exchange(&server, &bytes);
            assert!(answered.len() < 10_000, "{what}: {} bytes of answer", answered.len());
        }
    }
    meter.finish("broken handshakes").is_bounded(Duration::from_secs(10));
    server.terminate();
    let (ended, log) = server.wait();
    assert!(ended.success());
    let about_peers: Vec<&str> = log.lines().filter(|line| line.contains("rustls")).collect();
    assert!(about_peers.is_empty(), "peers fill the log: {about_peers:?}");
}

#[test]
fn other_protocols_are_told_and_closed_once() {
    let server = Server::start();
    let others: [(&str, &[u8]); 4] = [
        ("plain text", b"/login bob\n"),
        ("SSH", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        ("SSL 2", &[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10, 1, 0, 0x80, 2, 0, 0x80]),
        ("SMB", b"\0\0\0\x85\xffSMBr"),
    ];
    for (what, bytes) in others {
        let mut socket = connect(&server);
        socket.write_all(bytes).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        let told = String::from_utf8(read_to_end(&mut socket)).unwrap();
        assert!(told.starts_with("* ") && told.contains("TLS") && told.lines().count() == 1, "{what}: {told:?}");
    }
    let (_, first) = client(&TLS13);
    let mut plain = std::net::TcpStream::connect(server.plain()).unwrap();
    plain.write_all(&first).unwrap();
    plain.shutdown(Shutdown::Write).unwrap();
    let told = String::from_utf8(read_to_end(&mut plain)).unwrap();
    assert!(told.lines().last().is_some_and(|line| line.contains("not TLS")), "{told:?}");
    ends_well(server);
}
