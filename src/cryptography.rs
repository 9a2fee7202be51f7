//! The cryptography that TLS uses: ring or, with the feature `post-quantum`, aws-lc-rs, whose key exchange
//! X25519MLKEM768 an attacker can't undo who records today and has a quantum computer one day.
//!
//! Owns the choice, for the server and the client. Called from any thread.

use rustls::crypto::CryptoProvider;

/// The cipher suites, key exchanges and signatures that TLS may use.
#[cfg(not(feature = "post-quantum"))]
pub(crate) fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// The same with the hybrid key exchange first. A client decides, and one that offers it sends a share of
/// plain X25519 as well, so that a server without it needs no second round.
#[cfg(feature = "post-quantum")]
pub(crate) fn provider() -> CryptoProvider {
    use rustls::NamedGroup;
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.kx_groups.sort_by_key(|group| group.name() != NamedGroup::X25519MLKEM768);
    provider
}

/// What encrypts session tickets, under keys that live in memory for 12 hours at most.
///
/// # Errors
/// If the system gives no random bytes.
#[cfg(feature = "server")]
pub(crate) fn ticketer() -> Result<std::sync::Arc<dyn rustls::server::ProducesTickets>, rustls::Error> {
    #[cfg(not(feature = "post-quantum"))]
    return rustls::crypto::ring::Ticketer::new();
    #[cfg(feature = "post-quantum")]
    return rustls::crypto::aws_lc_rs::Ticketer::new();
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use super::*;
    use rustls::crypto::SupportedKxGroup;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, NamedGroup, RootCertStore, ServerConfig, ServerConnection};
    use std::sync::Arc;

    #[test]
    fn both_sides_agree_on_the_key_exchange_of_the_build() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let server = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
        let mut server = ServerConnection::new(Arc::new(server)).unwrap();
        while client.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut &wire[..]).unwrap();
            server.process_new_packets().unwrap();
            wire.clear();
            while server.wants_write() {
                server.write_tls(&mut wire).unwrap();
            }
            let mut wire = &wire[..];
            while !wire.is_empty() {
                client.read_tls(&mut wire).unwrap();
            }
            client.process_new_packets().unwrap();
        }
        let expected = if cfg!(feature = "post-quantum") { NamedGroup::X25519MLKEM768 } else { NamedGroup::X25519 };
        assert_eq!(client.negotiated_key_exchange_group().map(SupportedKxGroup::name), Some(expected));
    }
}
