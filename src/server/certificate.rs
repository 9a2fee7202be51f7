//! The server's certificate: the operator's own, or a self-signed one made at the first start.
//!
//! Owns the two PEM files in the data directory, their permissions, and how TLS is set up. Knows no
//! socket and no setting. Runs on the thread that opens the server; all workers share the result.
//!
//! Files that can't be used are errors, and the server does not start. A certificate that is not valid
//! today, and a key that others may read, are warnings: a server that starts at night, on a machine whose
//! clock is not set yet, should serve those who have pinned its key.

use crate::cryptography;
use crate::files;
use crate::protocol::ALPN;
use data_encoding::HEXLOWER;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError as BadCertificate, CipherSuite, RootCertStore, ServerConfig};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The self-signed certificate in the data directory, mode 0644.
pub const CERTIFICATE_FILE: &str = "certificate.pem";
/// Its key, mode 0600.
pub const KEY_FILE: &str = "key.pem";
/// What the key is called until both files are there.
const NEW_KEY_FILE: &str = "key.pem.new";
/// How long a self-signed certificate is valid. Public authorities issue for months, since a certificate of
/// theirs is trusted by everyone and hard to revoke. This one is trusted by those who compared its fingerprint,
/// for as long as the key is kept: a shorter time would only teach them to accept a new one without comparing.
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

/// What the operator should know about files that can be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CertificateWarning {
    /// The certificate is not valid any more.
    #[error(
        "the certificate in {path} expired at {since}: clients refuse it, except those that have pinned its key. Renew it, then run: chitchatd reload"
    )]
    Expired {
        /// The file.
        path: PathBuf,
        /// The last second of its validity.
        since: jiff::Timestamp,
    },
    /// The certificate is not valid yet.
    #[error(
        "the certificate in {path} is not valid before {from}: clients refuse it, except those that have pinned its key. Is this machine's clock right?"
    )]
    NotValidYet {
        /// The file.
        path: PathBuf,
        /// The first second of its validity.
        from: jiff::Timestamp,
    },
    /// Every user of this machine may read or change the private key. A group may: Debian keeps keys for one.
    #[error("other users of this machine may read or change the private key {path}. Run: chmod o= {path}")]
    KeyNotPrivate {
        /// The file.
        path: PathBuf,
    },
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
    warnings: Vec<CertificateWarning>,
}

impl Identity {
    /// Loads the operator's files.
    ///
    /// # Errors
    /// Names the file that can't be used. Nothing is changed.
    pub fn load(certificate: &Path, key: &Path, now: jiff::Timestamp) -> Result<Self, CertificateError> {
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
        let warnings = [validity(&chain[0], provider, certificate, now), privacy(key)];
        Ok(Self { chain, key: private, fingerprint, warnings: warnings.into_iter().flatten().collect() })
    }

    /// Loads the self-signed pair from a data directory, which exists, or creates it for `name` (a host
    /// name or an IP address) if neither file is there. An existing pair is never replaced.
    ///
    /// # Errors
    /// Names the file that can't be used or created.
    pub fn load_or_create(data: &Path, name: &str, now: jiff::Timestamp) -> Result<Self, CertificateError> {
        let (certificate, key) = (data.join(CERTIFICATE_FILE), data.join(KEY_FILE));
        let new_key = data.join(NEW_KEY_FILE);
        match (is_there(&certificate)?, is_there(&key)?) {
            (true, true) => {}
            // The first start was interrupted before its last step.
            (true, false) if is_there(&new_key)? => {
                files::rename(&new_key, &key)
                    .map_err(|source| CertificateError::Unwritable { path: key.clone(), source })?;
            }
            (true, false) => return Err(CertificateError::HalfMissing { missing: key, present: certificate }),
            (false, true) => return Err(CertificateError::HalfMissing { missing: certificate, present: key }),
            (false, false) => {
                let (made, private) = generate(name, now)
                    .map_err(|source| CertificateError::NotMade { name: name.to_owned(), source })?;
                // The key gets its name last: whatever interrupts this, the next start begins anew or goes on,
                // and half a pair under the two names was a whole one once.
                let unwritable = |path: &Path| {
                    let path = path.to_owned();
                    move |source| CertificateError::Unwritable { path, source }
                };
                let private = zeroize::Zeroizing::new(private.serialize_pem());
                files::replace(&new_key, 0o600, private.as_bytes()).map_err(unwritable(&new_key))?;
                files::create(&certificate, 0o644, made.pem().as_bytes()).map_err(unwritable(&certificate))?;
                files::rename(&new_key, &key).map_err(unwritable(&key))?;
            }
        }
        Self::load(&certificate, &key, now)
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

    /// What the operator should know about the files.
    #[must_use]
    pub fn warnings(&self) -> &[CertificateWarning] {
        &self.warnings
    }

    /// Whether it is the same chain with the same key.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        (&self.chain, &self.key) == (&other.chain, &other.key)
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

/// Whether a certificate is valid today. The verifier is the one that clients use: it looks at the dates before
/// it looks for an authority, of which there need not be any.
fn validity(
    certificate: &CertificateDer<'static>,
    provider: CryptoProvider,
    path: &Path,
    now: jiff::Timestamp,
) -> Option<CertificateWarning> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).ok()?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider)).build().ok()?;
    let name = ServerName::try_from("localhost").ok()?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let today = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let refused = verifier.verify_server_cert(certificate, &[], &name, &[], today).err()?;
    let at = |time: UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX)
    };
    let path = path.to_owned();
    match refused {
        rustls::Error::InvalidCertificate(BadCertificate::ExpiredContext { not_after, .. }) => {
            Some(CertificateWarning::Expired { path, since: at(not_after) })
        }
        rustls::Error::InvalidCertificate(BadCertificate::NotValidYetContext { not_before, .. }) => {
            Some(CertificateWarning::NotValidYet { path, from: at(not_before) })
        }
        _ => None,
    }
}

fn privacy(key: &Path) -> Option<CertificateWarning> {
    const OTHERS: u32 = 0o006;
    let mode = fs::metadata(key).ok()?.permissions().mode();
    (mode & OTHERS != 0).then(|| CertificateWarning::KeyNotPrivate { path: key.to_owned() })
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
    // A self-signed certificate may leave it out, but strict verifiers miss it in any that ends a chain.
    params.use_authority_key_identifier_extension = true;
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
