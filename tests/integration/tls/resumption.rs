//! Session tickets: clients of either version resume, until the server starts again.

use crate::support::any_certificate;
use crate::support::{DEADLINE, Server};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::sync::Arc;

/// Connects and reads the greeting: the ticket comes before it.
fn kind(server: &Server, config: &Arc<ClientConfig>) -> HandshakeKind {
    let name = ServerName::try_from("localhost").unwrap();
    let socket = TcpStream::connect(server.tls()).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let tls = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut tls = BufReader::new(StreamOwned::new(tls, socket));
    let mut greeting = String::new();
    tls.read_line(&mut greeting).unwrap();
    assert!(greeting.starts_with("* ChitChat"), "{greeting}");
    tls.get_ref().conn.handshake_kind().unwrap()
}

#[test]
fn sessions_are_resumed_with_tickets_that_end_with_the_process() {
    let mut server = Server::start();
    let configs = [&TLS12, &TLS13].map(|version| Arc::new(any_certificate::in_versions(&[version])));
    for config in &configs {
        assert_eq!(kind(&server, config), HandshakeKind::Full);
        for _ in 0..5 {
            assert_eq!(kind(&server, config), HandshakeKind::Resumed);
        }
    }
    server.terminate();
    assert!(server.wait().0.success());
    server.restart();
    for config in &configs {
        assert_eq!(kind(&server, config), HandshakeKind::Full);
        assert_eq!(kind(&server, config), HandshakeKind::Resumed);
    }
}

/// Which key exchange a client and this server agree on.
#[cfg(feature = "post-quantum")]
#[test]
fn the_hybrid_key_exchange_is_used_by_who_offers_it() {
    use rustls::NamedGroup::{self, X25519, X25519MLKEM768};
    use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
    let server = Server::start();
    let group = |provider: CryptoProvider| -> NamedGroup {
        let config = any_certificate::with_provider(provider, rustls::DEFAULT_VERSIONS);
        let name = ServerName::try_from("localhost").unwrap();
        let mut socket = TcpStream::connect(server.tls()).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut tls = ClientConnection::new(Arc::new(config), name).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut socket).unwrap();
        }
        tls.negotiated_key_exchange_group().unwrap().name()
    };
    let mut hybrid_first = aws_lc_rs::default_provider();
    hybrid_first.kx_groups.sort_by_key(|group| group.name() != X25519MLKEM768);
    assert_eq!(group(hybrid_first), X25519MLKEM768);
    assert_eq!(group(ring::default_provider()), X25519);
}
