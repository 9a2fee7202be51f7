//! The server's certificate: the operator's own, or a self-signed one made at the first start.
//!
//! Owns the two PEM files in the data directory, their permissions, and how TLS is set up. Knows no
//! socket and no setting. Runs on the thread that opens the server; all workers share the result.

use crate::cryptography;
use crate::files;
use crate::protocol::ALPN;
use data_encoding::HEXLOWER;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, ServerConfig};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The self-signed certificate in the data directory, mode 0644.
pub const CERTIFICATE_FILE: &str = "certificate.pem";
/// Its key, mode 0600.
pub const KEY_FILE: &str = "key.pem";
/// How long a self-signed certificate is valid. Clients pin it, so asking people to trust a new one
/// more often would gain nothing.
pub const SELF_SIGNED_YEARS: i64 = 10;

/// Why there is no certificate. The operator can fix each of these, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file can't be read.
    #[error("can't read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file can't be written.
    #[error("can't write {path}: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no certificate in the file, or a broken one.
    #[error("{path} does not hold a certificate. It must be a PEM file with -----BEGIN CERTIFICATE-----.")]
    BadCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no private key in the file, or one that can't be used.
    #[error(
        "{path} does not hold a usable private key. It must be a PEM file with -----BEGIN PRIVATE KEY----- and no passphrase."
    )]
    BadKey {
        /// The file.
        path: PathBuf,
    },
    /// Both files are good, but the key belongs to another certificate.
    #[error("the key in {key} does not belong to the certificate in {certificate}.")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// One file of the self-signed pair is gone.
    #[error(
        "{missing} is missing, but {present} is there. Restore it from a backup; or remove {present} too for a new pair, which people then have to trust again."
    )]
    HalfMissing {
        /// The file that is gone.
        missing: PathBuf,
        /// The file that is there.
        present: PathBuf,
    },
    /// A self-signed certificate can't be made for this name. The settings refuse such a name before.
    #[error("can't make a certificate for {name}: {source}")]
    NotMade {
        /// The name.
        name: String,
        /// What rcgen says.
        source: rcgen::Error,
    },
    /// TLS can't be set up, for example for want of random bytes: not the operator's fault.
    #[error("can't set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// What people compare before they trust a certificate: `SHA256:` and the digest of its DER form
/// in lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of one certificate.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate.as_ref()).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A certificate chain and its private key, checked against each other.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    fingerprint: Fingerprint,
}

impl Identity {
    /// Loads the operator's files.
    ///
    /// # Errors
    /// Names the file that can't be used. Nothing is changed.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|source| CertificateError::Unreadable { path: path.to_owned(), source })
        };
        let bad_certificate = || CertificateError::BadCertificate { path: certificate.to_owned() };
        let bad_key = || CertificateError::BadKey { path: key.to_owned() };
        let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&read(certificate)?).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(bad_certificate)?;
        let key_pem = zeroize::Zeroizing::new(read(key)?);
        let private = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|_| bad_key())?;
        let provider = cryptography::provider();
        provider.key_provider.load_private_key(private.clone_key()).map_err(|_| bad_key())?;
        match CertifiedKey::from_der(chain.clone(), private.clone_key(), &provider) {
            Ok(_) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                let (certificate, key) = (certificate.to_owned(), key.to_owned());
                return Err(CertificateError::Mismatch { certificate, key });
            }
            Err(_) => return Err(bad_certificate()),
        }
        let fingerprint = Fingerprint::of(&chain[0]);
        Ok(Self { chain, key: private, fingerprint })
    }

    /// Loads the self-signed pair from a data directory, which exists, or creates it for `name` (a host
    /// name or an IP address) if neither file is there. An existing pair is never replaced.
    ///
    /// # Errors
    /// Names the file that can't be used or created.
    pub fn load_or_create(data: &Path, name: &str, now: jiff::Timestamp) -> Result<Self, CertificateError> {
        let (certificate, key) = (data.join(CERTIFICATE_FILE), data.join(KEY_FILE));
        match (is_there(&certificate)?, is_there(&key)?) {
            (true, true) => {}
            (true, false) => return Err(CertificateError::HalfMissing { missing: key, present: certificate }),
            (false, true) => return Err(CertificateError::HalfMissing { missing: certificate, present: key }),
            (false, false) => {
                let (made, private) = generate(name, now)
                    .map_err(|source| CertificateError::NotMade { name: name.to_owned(), source })?;
                // The key first: a certificate without its key is of no use.
                let unwritable = |path: &Path| {
                    let path = path.to_owned();
                    move |source| CertificateError::Unwritable { path, source }
                };
                let private = zeroize::Zeroizing::new(private.serialize_pem());
                files::create(&key, 0o600, private.as_bytes()).map_err(unwritable(&key))?;
                files::create(&certificate, 0o644, made.pem().as_bytes()).map_err(unwritable(&certificate))?;
            }
        }
        Self::load(&certificate, &key)
    }

    /// The chain, the server's own certificate first; never empty.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The private key.
    #[must_use]
    pub fn key(&self) -> &PrivateKeyDer<'static> {
        &self.key
    }

    /// Of the server's own certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Sets up TLS 1.2 and 1.3: no client certificates, our own ALPN, no early data (an attacker
    /// can replay it), and resumption by tickets, so that the server keeps no sessions.
    ///
    /// # Errors
    /// [`CertificateError::Tls`].
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        let mut provider = cryptography::provider();
        // Prefer the suite whose digest the processor computes itself: SHA-384 takes a tenth of a
        // handshake. A chat has no need of 256-bit AES; a client that insists on it gets it.
        provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.ticketer = cryptography::ticketer()?;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 1;
        config.max_early_data_size = 0;
        // A browser offers only HTTP and is refused in the handshake. A client that offers nothing is a
        // person at `openssl s_client`, or a program that does not care.
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.ignore_client_order = true;
        Ok(Arc::new(config))
    }
}

fn is_there(path: &Path) -> Result<bool, CertificateError> {
    path.try_exists().map_err(|source| CertificateError::Unreadable { path: path.to_owned(), source })
}

/// ECDSA P-256, valid from yesterday (clocks differ), for the name and for this machine.
fn generate(name: &str, now: jiff::Timestamp) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let mut names: Vec<String> = Vec::new();
    for name in [name, "localhost", "127.0.0.1", "::1"] {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    // A common name has room for 64 characters; clients check only the alternative names.
    params.distinguished_name.push(DnType::CommonName, if name.len() <= 64 { name } else { "ChitChat" });
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let yesterday = today.yesterday().unwrap_or(today);
    let last = today.saturating_add(jiff::Span::new().years(SELF_SIGNED_YEARS));
    let day = |date: jiff::civil::Date| {
        // Months and days are small and above zero.
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = day(yesterday);
    params.not_after = day(last);
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    Ok((params.self_signed(&key)?, key))
}

#[cfg(test)]
mod tests;
