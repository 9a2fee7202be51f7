use super::*;
use crate::cryptography;
use crate::server::certificate::Identity;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use std::io::{Read as _, Write as _};

/// A client and a server, and what is in transit between them.
struct Link {
    client: ClientConnection,
    server: Tls,
    /// What the server has decrypted.
    heard: Vec<u8>,
    closed: bool,
}

impl Link {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        Self::offering(version, &[])
    }

    /// A client that offers these protocols.
    fn offering(version: &'static SupportedProtocolVersion, protocols: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::load_or_create(dir.path(), "localhost", jiff::Timestamp::now()).unwrap();
        let provider = Arc::new(cryptography::provider());
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let server = Tls::new(&identity.server_config().unwrap()).unwrap();
        Self { client, server, heard: Vec::new(), closed: false }
    }

    /// Carries what the client has to send, in pieces of this many bytes, and the answers back.
    fn carry(&mut self, piece: usize) -> Result<(), rustls::Error> {
        while self.client.wants_write() {
            let mut wire = Vec::new();
            self.client.write_tls(&mut wire).unwrap();
            for piece in wire.chunks(piece) {
                let mut bytes = [self.server.rest(), piece].concat();
                let mut out = Vec::new();
                let incoming = self.server.read(&mut bytes, &mut self.heard, &mut out);
                self.give(&out);
                self.closed |= incoming? == Incoming::Closed;
            }
        }
        Ok(())
    }

    /// Delivers to the client what the server sends.
    fn give(&mut self, mut wire: &[u8]) {
        while !wire.is_empty() {
            self.client.read_tls(&mut wire).unwrap();
            // An alert is an error here, which the client reports again whenever it is asked.
            let _ = self.client.process_new_packets();
        }
    }

    fn said(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        // No close_notify yet: running out of bytes to read ends it, too.
        let _ = self.client.reader().read_to_end(&mut said);
        said
    }
}

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

#[test]
fn bytes_pass_both_ways_in_pieces_of_any_size() {
    for version in VERSIONS {
        for piece in [1, 7, 100_000] {
            let mut link = Link::new(version);
            link.carry(piece).unwrap();
            while link.client.is_handshaking() {
                link.carry(piece).unwrap();
            }
            assert!(link.server.is_ready());
            let long = vec![b'x'; RECORD_MAX];
            link.client.writer().write_all(&long).unwrap();
            link.client.writer().write_all(b"hello").unwrap();
            link.carry(piece).unwrap();
            assert_eq!(link.heard, [&long[..], b"hello"].concat());
            assert!(link.server.rest().is_empty() && !link.closed);
            for plain in [&b"hi"[..], &long] {
                let mut out = Vec::new();
                link.server.write(plain, &mut out).unwrap();
                assert!(out.len() <= plain.len() + RECORD_OVERHEAD);
                link.give(&out);
                assert_eq!(link.said(), plain);
            }
        }
    }
}

#[test]
fn a_client_that_offers_only_other_protocols_is_refused_with_an_alert() {
    for version in VERSIONS {
        for refused in [&["h2"][..], &["chitchat/2"]] {
            let mut link = Link::offering(version, refused);
            assert_eq!(link.carry(1000).unwrap_err(), rustls::Error::NoApplicationProtocol);
            let alert = rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol);
            assert_eq!(link.client.process_new_packets().unwrap_err(), alert);
        }
        for taken in [&[][..], &["chitchat/1"], &["http/1.1", "chitchat/1"]] {
            let mut link = Link::offering(version, taken);
            while link.client.is_handshaking() {
                link.carry(1000).unwrap();
            }
            assert_eq!(link.client.alpn_protocol(), (!taken.is_empty()).then_some(&b"chitchat/1"[..]));
        }
    }
}

#[test]
fn nothing_is_sent_before_the_handshake() {
    let mut link = Link::new(&TLS13);
    assert!(link.server.write(b"early", &mut Vec::new()).is_err());
    let mut out = Vec::new();
    link.server.close(&mut out);
    assert!(out.is_empty());
}

#[test]
fn a_client_that_closes_its_side_is_still_answered_and_then_closed() {
    for version in VERSIONS {
        let mut link = Link::new(version);
        while link.client.is_handshaking() {
            link.carry(1000).unwrap();
        }
        link.client.writer().write_all(b"last words").unwrap();
        link.client.send_close_notify();
        link.carry(1000).unwrap();
        assert_eq!((link.heard.as_slice(), link.closed), (&b"last words"[..], true));
        let mut out = Vec::new();
        link.server.write(b"goodbye", &mut out).unwrap();
        link.server.close(&mut out);
        link.give(&out);
        let mut said = Vec::new();
        link.client.reader().read_to_end(&mut said).expect("a close_notify, or the end is no clean one");
        assert_eq!(said, b"goodbye");
    }
}

#[test]
fn after_a_key_update_the_server_still_closes_cleanly() {
    let mut link = Link::new(&TLS13);
    while link.client.is_handshaking() {
        link.carry(1000).unwrap();
    }
    link.client.refresh_traffic_keys().unwrap();
    link.client.writer().write_all(b"under new keys").unwrap();
    link.carry(1000).unwrap();
    assert_eq!(link.heard, b"under new keys");
    let mut out = Vec::new();
    link.server.write(b"so am I", &mut out).unwrap();
    link.server.close(&mut out);
    link.give(&out);
    let mut said = Vec::new();
    link.client.reader().read_to_end(&mut said).unwrap();
    assert_eq!(said, b"so am I");
}

#[test]
fn anything_but_tls_is_an_error_and_never_a_panic() {
    // A handshake message of 6 MB, and a version that does not exist.
    let garbage = [b"\x16\x03\x01\x00\x05hello".to_vec(), vec![0x16; 4000]];
    for mut piece in garbage {
        let mut server = Link::new(&TLS13).server;
        let (mut plain, mut out) = (Vec::new(), Vec::new());
        assert!(server.read(&mut piece, &mut plain, &mut out).is_err());
        assert!(plain.is_empty() && server.rest().is_empty());
        // The peer may go on, until it is closed.
        assert_eq!(server.read(&mut piece, &mut plain, &mut out).unwrap(), Incoming::Open);
        assert!(server.write(b"x", &mut out).is_err());
        server.close(&mut out);
    }
}

#[test]
fn a_tampered_record_ends_the_connection_with_an_alert() {
    let mut link = Link::new(&TLS13);
    while link.client.is_handshaking() {
        link.carry(1000).unwrap();
    }
    link.client.writer().write_all(b"hello").unwrap();
    let mut wire = Vec::new();
    link.client.write_tls(&mut wire).unwrap();
    *wire.last_mut().unwrap() ^= 1;
    let mut out = Vec::new();
    assert!(link.server.read(&mut wire, &mut link.heard, &mut out).is_err());
    assert!(link.heard.is_empty());
    link.client.read_tls(&mut &out[..]).unwrap();
    assert_eq!(
        link.client.process_new_packets().unwrap_err(),
        rustls::Error::AlertReceived(rustls::AlertDescription::BadRecordMac)
    );
}

#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
