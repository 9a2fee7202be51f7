//! Whether the server at the other end of a TLS connection is the right one.
//!
//! Owns the order of trust: the fingerprint on the command line, then the system's certificate
//! authorities, then the key that the user trusted on first use. It decides and asks nobody: a
//! handshake with an unknown server fails with [`TrustError::Unknown`], and the caller asks the
//! user and connects again. Runs inside the handshake, on the thread that owns the connection.

use super::args::Fingerprint;
use super::known_hosts::{KnownHost, Pin, Record};
use crate::cryptography;
use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::sync::Arc;

/// Why a server is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// No authority trusts it, and the user has not been asked yet.
    #[error(
        "this server is not trusted yet: {reason}. Its fingerprint is {fingerprint}. If the operator says that this is right, \
         give it with --fingerprint, or run chitchat in a terminal and answer yes."
    )]
    Unknown {
        /// What the user compares with the fingerprint that the server prints.
        fingerprint: Fingerprint,
        /// The record that would be saved.
        pin: Pin,
        /// Why no authority trusts it.
        reason: String,
    },
    /// Its key is not the one that was trusted before.
    #[error(
        "the server's key has changed; its fingerprint is now {fingerprint}. Either the server was set up again, or someone is \
         intercepting the connection. Ask the operator. If it was set up again, remove line {line} of {}, or give the fingerprint \
         with --fingerprint.", file.display()
    )]
    Changed {
        /// What it shows now.
        fingerprint: Fingerprint,
        /// The file with the old key.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A public authority trusted it before, and none does now.
    #[error(
        "a public authority trusted this server before, and none does now: {reason}. Either its certificate was not renewed, \
         or someone is intercepting the connection. Ask the operator. To trust this certificate ({fingerprint}) from now on, \
         remove line {line} of {}, or give the fingerprint with --fingerprint.", file.display()
    )]
    NoLongerTrusted {
        /// What it shows now.
        fingerprint: Fingerprint,
        /// Why no authority trusts it.
        reason: String,
        /// The file that says so.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// It does not have the fingerprint from the command line.
    #[error("this is not the server you expect: its fingerprint is {shown}, and --fingerprint says {wanted}.")]
    WrongFingerprint {
        /// The expected one.
        wanted: Fingerprint,
        /// The server's.
        shown: Fingerprint,
    },
    /// Its certificate can't be parsed.
    #[error("the server's certificate can't be read: {0}")]
    Unreadable(String),
}

/// What a handshake decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TrustOutcome {
    /// The server is trusted, and this is to be saved.
    Trusted(Record),
    /// The server is not trusted.
    Untrusted(TrustError),
}

/// Decides for one server. Created for each connection, so that `known_hosts` is read again.
#[derive(Debug)]
pub(super) struct Trust {
    /// `None` if the system has no authorities, and so trusts no server.
    platform: Option<Arc<dyn ServerCertVerifier>>,
    provider: Arc<CryptoProvider>,
    wanted: Option<Fingerprint>,
    known: Option<KnownHost>,
    outcome: Mutex<Option<TrustOutcome>>,
}

impl Trust {
    /// Trust by the fingerprint on the command line, the system's authorities and `known_hosts`.
    #[must_use]
    pub(super) fn new(wanted: Option<Fingerprint>, known: Option<KnownHost>) -> Arc<Self> {
        let provider = Arc::new(cryptography::provider());
        let platform = match rustls_platform_verifier::Verifier::new(Arc::clone(&provider)) {
            Ok(verifier) => Some(Arc::new(verifier) as Arc<dyn ServerCertVerifier>),
            Err(error) => {
                log::warn!("the system's certificate authorities can't be used: {error}");
                None
            }
        };
        Arc::new(Self { platform, provider, wanted, known, outcome: Mutex::new(None) })
    }

    /// The TLS configuration that uses it. Sessions are never resumed: a resumed session presents
    /// no certificate, and would be trusted even if the pin has changed since.
    ///
    /// # Errors
    /// Rustls's, if its provider does not support TLS 1.2 and 1.3.
    pub(super) fn tls_config(self: &Arc<Self>) -> Result<ClientConfig, TlsError> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }

    /// What the last handshake decided; `None` if it did not get as far as the certificate.
    #[must_use]
    pub(super) fn outcome(&self) -> Option<TrustOutcome> {
        self.outcome.lock().clone()
    }

    fn decide(&self, cert: &CertificateDer<'_>, verified: Result<(), TlsError>) -> Result<Record, TrustError> {
        let parsed = ParsedCertificate::try_from(cert).map_err(|e| TrustError::Unreadable(e.to_string()))?;
        let pin = Pin(Sha256::digest(parsed.subject_public_key_info().as_ref()).into());
        let fingerprint = Fingerprint(Sha256::digest(cert.as_ref()).into());
        if let Some(wanted) = self.wanted.filter(|&wanted| wanted != fingerprint) {
            return Err(TrustError::WrongFingerprint { wanted, shown: fingerprint });
        }
        let reason = match verified {
            Ok(()) => return Ok(Record::Authority),
            Err(error) => reason(&error),
        };
        if self.wanted.is_some() {
            return Ok(Record::Pin(pin));
        }
        match &self.known {
            None => Err(TrustError::Unknown { fingerprint, pin, reason }),
            Some(known) if known.record == Record::Pin(pin) => Ok(known.record),
            Some(KnownHost { record: Record::Authority, file, line }) => {
                Err(TrustError::NoLongerTrusted { fingerprint, reason, file: file.clone(), line: *line })
            }
            Some(KnownHost { file, line, .. }) => {
                Err(TrustError::Changed { fingerprint, file: file.clone(), line: *line })
            }
        }
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified = match &self.platform {
            Some(platform) => {
                platform.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).map(drop)
            }
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        let decided = self.decide(end_entity, verified);
        let trusted = decided.is_ok();
        *self.outcome.lock() = Some(match decided {
            Ok(record) => TrustOutcome::Trusted(record),
            Err(untrusted) => TrustOutcome::Untrusted(untrusted),
        });
        if trusted {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    // A pinned key proves nothing unless the peer signs the handshake with it.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Why no authority trusts a certificate, for the user: a sentence for each thing that can be wrong.
fn reason(error: &TlsError) -> String {
    let TlsError::InvalidCertificate(why) = error else {
        return format!("its certificate can't be checked on this machine ({error})");
    };
    let reason = match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet (is this machine's clock right?)"
        }
        CertificateError::NotValidForName => "its certificate is for another name",
        CertificateError::NotValidForNameContext { presented, .. } => {
            return match presented.as_slice() {
                [] => "its certificate is for no name".to_owned(),
                names => format!("its certificate is for another name: {}", names_of(names)),
            };
        }
        CertificateError::UnknownIssuer => SELF_SIGNED,
        // A self-signed certificate is tried as one of an authority that has the same name, and an authority may have
        // any name: then the key does not fit.
        CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its certificate is not signed by the authority that it names"
        }
        CertificateError::Revoked => "its certificate was revoked",
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. }
        | CertificateError::InvalidOcspResponse => "whether its certificate was revoked is not known",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not one for a server"
        }
        CertificateError::BadEncoding | CertificateError::UnhandledCriticalExtension => {
            "its certificate says something that can't be understood"
        }
        // webpki rejects a self-signed certificate with an error that rustls has no variant for.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => SELF_SIGNED,
        CertificateError::Other(other) => return format!("its certificate is not valid ({other})"),
        other => return format!("its certificate is not valid ({other})"),
    };
    reason.to_owned()
}

const SELF_SIGNED: &str = "its certificate is self-signed, or of a private authority";

/// The first names that a certificate is for.
fn names_of(presented: &[String]) -> String {
    const SHOWN: usize = 3;
    // rustls gives them as they are in its debug output: DnsName("chat.example.org").
    let name = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    let shown: Vec<String> = presented.iter().take(SHOWN).map(name).collect();
    let more = if presented.len() > SHOWN { ", …" } else { "" };
    shown.join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Server {
        cert: CertificateDer<'static>,
        fingerprint: Fingerprint,
        pin: Pin,
    }

    fn server() -> Server {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let cert = made.cert.der().clone();
        let fingerprint = Fingerprint(Sha256::digest(cert.as_ref()).into());
        let parsed = ParsedCertificate::try_from(&cert).unwrap();
        let pin = Pin(Sha256::digest(parsed.subject_public_key_info().as_ref()).into());
        Server { cert: cert.clone(), fingerprint, pin }
    }

    fn known(record: Record) -> Option<KnownHost> {
        Some(KnownHost { record, file: "/state/known_hosts".into(), line: 7 })
    }

    fn decide(
        server: &Server,
        wanted: Option<Fingerprint>,
        known: Option<KnownHost>,
        verified: bool,
    ) -> Result<Record, TrustError> {
        let verified = if verified { Ok(()) } else { Err(CertificateError::UnknownIssuer.into()) };
        Trust::new(wanted, known).decide(&server.cert, verified)
    }

    #[test]
    fn an_unknown_server_is_left_to_the_user() {
        let server = server();
        let Err(TrustError::Unknown { fingerprint, pin, .. }) = decide(&server, None, None, false) else { panic!() };
        assert_eq!((fingerprint, pin), (server.fingerprint, server.pin));
        assert_eq!(decide(&server, None, known(Record::Pin(pin)), false), Ok(Record::Pin(pin)));
        assert_eq!(decide(&server, None, None, true), Ok(Record::Authority));
    }

    #[test]
    fn a_changed_key_is_refused_with_what_to_do() {
        let server = server();
        let refused = decide(&server, None, known(Record::Pin(Pin([0; 32]))), false).unwrap_err();
        assert!(matches!(refused, TrustError::Changed { line: 7, .. }));
        let told = refused.to_string();
        assert!(
            told.contains("line 7 of /state/known_hosts") && told.contains(&server.fingerprint.to_string()),
            "{told}"
        );
        // Replacing a self-signed certificate by an authority's is fine.
        assert_eq!(decide(&server, None, known(Record::Pin(Pin([0; 32]))), true), Ok(Record::Authority));
    }

    #[test]
    fn a_server_that_an_authority_trusted_may_not_fall_back_to_a_pin() {
        let refused = decide(&server(), None, known(Record::Authority), false).unwrap_err();
        assert!(matches!(refused, TrustError::NoLongerTrusted { line: 7, .. }));
    }

    #[test]
    fn whatever_is_wrong_with_a_certificate_is_told_in_a_sentence() {
        let other =
            |text: &str| CertificateError::Other(rustls::OtherError(Arc::new(std::io::Error::other(text.to_owned()))));
        let named = |presented: &[&str]| CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("chat.example.org").unwrap(),
            presented: presented.iter().map(|name| format!("DnsName(\"{name}\")")).collect(),
        };
        let key = CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: vec![6, 8],
            public_key_algorithm_id: vec![6, 7],
        };
        let cases = [
            (CertificateError::UnknownIssuer, SELF_SIGNED),
            (other("CaUsedAsEndEntity"), SELF_SIGNED),
            (key, "its certificate is not signed by the authority that it names"),
            (CertificateError::BadSignature, "its certificate is not signed by the authority that it names"),
            (CertificateError::Expired, "its certificate has expired"),
            (named(&["a.example"]), "its certificate is for another name: a.example"),
            (named(&["a", "b", "c", "d"]), "its certificate is for another name: a, b, c, …"),
            (named(&[]), "its certificate is for no name"),
            (other("new"), "its certificate is not valid (new)"),
        ];
        for (why, wanted) in cases {
            assert_eq!(reason(&TlsError::InvalidCertificate(why)), wanted);
        }
        let general = reason(&TlsError::General("no anchors".to_owned()));
        assert_eq!(general, "its certificate can't be checked on this machine (unexpected error: no anchors)");
    }

    #[test]
    fn the_fingerprint_on_the_command_line_decides() {
        let server = server();
        let wanted = Some(server.fingerprint);
        assert_eq!(decide(&server, wanted, None, false), Ok(Record::Pin(server.pin)));
        assert_eq!(decide(&server, wanted, known(Record::Authority), false), Ok(Record::Pin(server.pin)));
        let other = Some(Fingerprint([1; 32]));
        for verified in [false, true] {
            let refused = decide(&server, other, known(Record::Pin(server.pin)), verified).unwrap_err();
            assert!(matches!(refused, TrustError::WrongFingerprint { .. }));
        }
    }
}
