//! Whether the server at the other end of a TLS connection is the right one.
//!
//! Owns the order of trust: a fingerprint given by hand, then the system's authorities, then the
//! key that was taken on first use. It decides and asks nobody: a handshake with a server that is
//! not known fails with [`TrustError::Unknown`], the caller asks the user, and connects again.
//! Runs inside the handshake, on the thread that owns the connection.

use super::args::Fingerprint;
use super::known_hosts::{Known, Pin, Record};
use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::sync::Arc;

/// Why a server was not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Nobody vouches for it, and it is not known yet: the user may.
    #[error("This server is not vouched for by a public authority ({reason}).")]
    Unknown {
        /// What the user compares with what the server printed.
        fingerprint: Fingerprint,
        /// What would be remembered.
        pin: Pin,
        /// Why the system does not vouch.
        reason: String,
    },
    /// Its key is not the one that was remembered.
    #[error(
        "the server's key has changed: it now shows {fingerprint}. Either it was set up anew, or someone is between you and it. \
         Ask its operator. If it was set up anew, remove line {line} of {}, or give its fingerprint with --fingerprint.", file.display()
    )]
    Changed {
        /// What it shows now.
        fingerprint: Fingerprint,
        /// Where the old key stands.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A public authority vouched for it before, and none does now.
    #[error(
        "a public authority vouched for this server before, and none does now ({reason}). Either its certificate was not renewed, \
         or someone is between you and it. Ask its operator. To take its own certificate ({fingerprint}) from now on, \
         remove line {line} of {}, or give that with --fingerprint.", file.display()
    )]
    NoLongerTrusted {
        /// What it shows now.
        fingerprint: Fingerprint,
        /// Why the system does not vouch.
        reason: String,
        /// Where it is remembered.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// It has not the fingerprint that was given by hand.
    #[error("the server shows {shown}, not the --fingerprint {wanted}. It is not the server that you expect.")]
    WrongFingerprint {
        /// What was given.
        wanted: Fingerprint,
        /// What it shows.
        shown: Fingerprint,
    },
    /// What it shows is no certificate.
    #[error("the server's certificate can't be read: {0}")]
    Unreadable(String),
}

/// What a handshake found out about the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustOutcome {
    /// It is trusted; this is how it is to be remembered.
    Trusted(Record),
    /// It is not.
    Untrusted(TrustError),
}

/// Decides for one server. Made for each connection, so that what `known_hosts` says is fresh.
#[derive(Debug)]
pub struct Trust {
    /// None where the system has no authorities at all: then it vouches for nobody.
    platform: Option<Arc<dyn ServerCertVerifier>>,
    provider: Arc<CryptoProvider>,
    wanted: Option<Fingerprint>,
    known: Option<Known>,
    outcome: Mutex<Option<TrustOutcome>>,
}

impl Trust {
    /// Trust by the system's authorities, the given fingerprint and what is known.
    #[must_use]
    pub fn new(wanted: Option<Fingerprint>, known: Option<Known>) -> Arc<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let platform = match rustls_platform_verifier::Verifier::new(Arc::clone(&provider)) {
            Ok(verifier) => Some(Arc::new(verifier) as Arc<dyn ServerCertVerifier>),
            Err(error) => {
                log::warn!("the system's certificate authorities can't be used: {error}");
                None
            }
        };
        Arc::new(Self { platform, provider, wanted, known, outcome: Mutex::new(None) })
    }

    /// The TLS settings that use it. Sessions are not resumed: a resumed one shows no certificate,
    /// and would be trusted although the pin has changed meanwhile.
    ///
    /// # Errors
    /// What rustls says, if its provider can't speak TLS 1.2 and 1.3.
    pub fn tls_config(self: &Arc<Self>) -> Result<ClientConfig, TlsError> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }

    /// What the last handshake found out; `None` if it did not come to the certificate.
    #[must_use]
    pub fn outcome(&self) -> Option<TrustOutcome> {
        self.outcome.lock().clone()
    }

    fn decide(&self, cert: &CertificateDer<'_>, vouched: Result<(), TlsError>) -> Result<Record, TrustError> {
        let parsed = ParsedCertificate::try_from(cert).map_err(|e| TrustError::Unreadable(e.to_string()))?;
        let pin = Pin(Sha256::digest(parsed.subject_public_key_info().as_ref()).into());
        let fingerprint = Fingerprint(Sha256::digest(cert.as_ref()).into());
        if let Some(wanted) = self.wanted.filter(|&wanted| wanted != fingerprint) {
            return Err(TrustError::WrongFingerprint { wanted, shown: fingerprint });
        }
        let reason = match vouched {
            Ok(()) => return Ok(Record::Authority),
            Err(error) => reason(&error),
        };
        if self.wanted.is_some() {
            return Ok(Record::Pin(pin));
        }
        match &self.known {
            None => Err(TrustError::Unknown { fingerprint, pin, reason }),
            Some(known) if known.record == Record::Pin(pin) => Ok(known.record),
            Some(Known { record: Record::Authority, file, line }) => {
                Err(TrustError::NoLongerTrusted { fingerprint, reason, file: file.clone(), line: *line })
            }
            Some(Known { file, line, .. }) => Err(TrustError::Changed { fingerprint, file: file.clone(), line: *line }),
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
        let vouched = match &self.platform {
            Some(platform) => {
                platform.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).map(drop)
            }
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        let decided = self.decide(end_entity, vouched);
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

    // A pinned key proves nothing until the peer has signed the handshake with it.
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

/// In a person's words, why the system does not vouch.
fn reason(error: &TlsError) -> String {
    let TlsError::InvalidCertificate(why) = error else { return error.to_string() };
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has run out".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; is this machine's clock right?".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        CertificateError::UnknownIssuer => "its certificate is its own".to_owned(),
        CertificateError::Revoked => "its certificate was revoked".to_owned(),
        // rustls has no word of its own for what webpki finds odd in a self-signed certificate.
        CertificateError::Other(_) => "its certificate is its own".to_owned(),
        other => other.to_string(),
    }
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

    fn known(record: Record) -> Option<Known> {
        Some(Known { record, file: "/state/known_hosts".into(), line: 7 })
    }

    fn decide(
        server: &Server,
        wanted: Option<Fingerprint>,
        known: Option<Known>,
        vouched: bool,
    ) -> Result<Record, TrustError> {
        let vouched = if vouched { Ok(()) } else { Err(CertificateError::UnknownIssuer.into()) };
        Trust::new(wanted, known).decide(&server.cert, vouched)
    }

    #[test]
    fn an_unknown_server_is_the_users_to_judge() {
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
        // A real certificate in the place of a self-signed one is how it should go.
        assert_eq!(decide(&server, None, known(Record::Pin(Pin([0; 32]))), true), Ok(Record::Authority));
    }

    #[test]
    fn a_server_once_vouched_for_may_not_fall_back() {
        let refused = decide(&server(), None, known(Record::Authority), false).unwrap_err();
        assert!(matches!(refused, TrustError::NoLongerTrusted { line: 7, .. }));
    }

    #[test]
    fn a_fingerprint_given_by_hand_decides_both_ways() {
        let server = server();
        let wanted = Some(server.fingerprint);
        assert_eq!(decide(&server, wanted, None, false), Ok(Record::Pin(server.pin)));
        assert_eq!(decide(&server, wanted, known(Record::Authority), false), Ok(Record::Pin(server.pin)));
        let other = Some(Fingerprint([1; 32]));
        for vouched in [false, true] {
            let refused = decide(&server, other, known(Record::Pin(server.pin)), vouched).unwrap_err();
            assert!(matches!(refused, TrustError::WrongFingerprint { .. }));
        }
    }
}
