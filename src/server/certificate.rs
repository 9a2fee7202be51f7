//! The server's certificate: the operator's own, or a self-signed one made at the first start.
//!
//! Owns the PEM files in the data directory, their permissions, and how TLS is set up. Knows no
//! socket and no setting. Runs on the thread that opens the server, and on `reload`; all workers share the
//! result.
//!
//! Files that can't be used are errors, and the server does not start. A certificate that is not valid
//! today, and a key that others may read, are warnings: a server that starts at night, on a machine whose
//! clock is not set yet, should serve those who have pinned its key.

mod details;
mod error;

pub use details::{Details, REMIND_DAYS, is_in_order};
pub use error::{CertificateError, CertificateWarning};

use crate::cryptography;
use crate::files;
use crate::protocol::{ALPN, ALPN_HTTP};
use data_encoding::HEXLOWER;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, ServerConfig};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The self-signed certificate in the data directory, mode 0644.
pub const CERTIFICATE_FILE: &str = "certificate.pem";
/// Its key, mode 0600.
pub const KEY_FILE: &str = "key.pem";
/// A pair that was imported, chain and key in one file, so that they are replaced together; mode 0600. It comes
/// before the self-signed one, which is kept.
pub const IMPORTED_FILE: &str = "imported.pem";
/// What the key is called until both files are there.
const NEW_KEY_FILE: &str = "key.pem.new";
/// How long a self-signed certificate is valid. Public authorities issue for months, since a certificate of
/// theirs is trusted by everyone and hard to revoke. This one is trusted by those who compared its fingerprint,
/// for as long as the key is kept: a shorter time would only teach them to accept a new one without comparing.
pub const SELF_SIGNED_YEARS: i64 = 10;
/// What to do about a certificate that ends, if something else than the server made it.
const RENEW: &str = "Renew it: the server takes the new one by itself.";
/// The same about one that was imported, whose own files the server does not know.
const IMPORT: &str = "Renew it, and import the new one: chitchatd tls import DIR.";
/// The same about the self-signed one that the server made.
const REPLACE: &str = "Import one of an authority (chitchatd tls import DIR); or remove it and its key, then run chitchatd reload \
     for a new one, which people have to trust again.";

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
    details: Details,
    /// Where the certificate and the key were read from.
    paths: (PathBuf, PathBuf),
    /// Others may read the key.
    exposed: bool,
    /// Whether it lies in the data directory, and not where the operator says.
    at_home: bool,
}

impl Identity {
    /// Loads the operator's files; they may be one file.
    ///
    /// # Errors
    /// Names the file that can't be used. Nothing is changed.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let bad_key = || CertificateError::BadKey { path: key.to_owned() };
        let (details, chain) = Self::read_certificate(certificate)?;
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
            Err(_) => return Err(CertificateError::BadCertificate { path: certificate.to_owned() }),
        }
        let paths = (certificate.to_owned(), key.to_owned());
        Ok(Self { chain, key: private, details, paths, exposed: others_may_use(key), at_home: false })
    }

    /// Reads a chain without its key: what its first certificate says, and all of it, which is never empty.
    ///
    /// # Errors
    /// If the file can't be read, or holds no certificate.
    pub fn read_certificate(path: &Path) -> Result<(Details, Vec<CertificateDer<'static>>), CertificateError> {
        let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&read(path)?).collect();
        let chain = chain.unwrap_or_default();
        let details = chain.first().and_then(Details::of);
        let details = details.ok_or_else(|| CertificateError::BadCertificate { path: path.to_owned() })?;
        Ok((details, chain))
    }

    /// Loads the pair that lies in a data directory: the one that was imported, or else the self-signed one.
    ///
    /// # Errors
    /// Names the file that can't be used.
    pub fn load_from(data: &Path) -> Result<Self, CertificateError> {
        let (certificate, key) = paths_in(data);
        Ok(Self { at_home: true, ..Self::load(&certificate, &key)? })
    }

    /// Loads the pair that lies in a data directory, which exists, or creates a self-signed one for `name` (a
    /// host name or an IP address) if there is none. An existing pair is never replaced.
    ///
    /// # Errors
    /// Names the file that can't be used or created.
    pub fn load_or_create(data: &Path, name: &str, now: jiff::Timestamp) -> Result<Self, CertificateError> {
        if is_there(&data.join(IMPORTED_FILE))? {
            return Self::load_from(data);
        }
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
        Self::load_from(data)
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
        self.details.fingerprint
    }

    /// What the server's own certificate says of itself.
    #[must_use]
    pub fn details(&self) -> &Details {
        &self.details
    }

    /// What the operator should know about the files.
    #[must_use]
    pub fn warnings(&self, now: jiff::Timestamp) -> Vec<CertificateWarning> {
        let key = &self.paths.1;
        let exposed = self.exposed.then(|| CertificateWarning::KeyNotPrivate { path: key.clone() });
        self.expiry(now).into_iter().chain(exposed).collect()
    }

    /// Whether the server makes another pair when this one is removed. In place of one that the settings name it would
    /// find nothing.
    #[must_use]
    pub fn is_made_by_the_server(&self) -> bool {
        self.details.self_signed && self.at_home && !self.paths.0.ends_with(IMPORTED_FILE)
    }

    /// What is wrong with the time for which it is valid, if anything is.
    #[must_use]
    pub fn expiry(&self, now: jiff::Timestamp) -> Option<CertificateWarning> {
        let (details, path) = (&self.details, self.paths.0.clone());
        let cure = match self.is_made_by_the_server() {
            true => REPLACE,
            false if path.ends_with(IMPORTED_FILE) => IMPORT,
            false => RENEW,
        };
        if now < details.not_before {
            Some(CertificateWarning::NotValidYet { path, from: details.not_before })
        } else if now.as_second() > details.not_after.as_second() {
            Some(CertificateWarning::Expired { path, since: details.not_after, cure })
        } else {
            details.is_due(now).then(|| CertificateWarning::Expires { path, until: details.until(now), cure })
        }
    }

    /// Whether it is the same chain with the same key.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        (&self.chain, &self.key) == (&other.chain, &other.key)
    }

    /// Whether a client that connects to this host name or address finds it in the server's own certificate.
    #[must_use]
    pub fn is_for(&self, name: &str) -> bool {
        let (Ok(name), Some(first)) = (ServerName::try_from(name), self.chain.first()) else { return false };
        ParsedCertificate::try_from(first).is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
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
        // A browser offers HTTP. A client that offers nothing is a person at `openssl s_client`, or a program that
        // does not care; one that offers neither is refused in the handshake.
        config.alpn_protocols = vec![ALPN.to_vec(), ALPN_HTTP.to_vec()];
        config.ignore_client_order = true;
        Ok(Arc::new(config))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    files::read_small(path).map_err(|source| CertificateError::Unreadable { path: path.to_owned(), source })
}

fn is_there(path: &Path) -> Result<bool, CertificateError> {
    path.try_exists().map_err(|source| CertificateError::Unreadable { path: path.to_owned(), source })
}

/// The certificate and the key that lie in a data directory, or that a start would create.
#[must_use]
pub fn paths_in(data: &Path) -> (PathBuf, PathBuf) {
    let imported = data.join(IMPORTED_FILE);
    if imported.exists() { (imported.clone(), imported) } else { (data.join(CERTIFICATE_FILE), data.join(KEY_FILE)) }
}

/// Whether a first start was interrupted while it made the pair; the next one goes on.
#[must_use]
pub fn unfinished(data: &Path) -> bool {
    data.join(NEW_KEY_FILE).exists()
}

/// Whether every user of this machine may read or change a key.
fn others_may_use(key: &Path) -> bool {
    const OTHERS: u32 = 0o006;
    fs::metadata(key).is_ok_and(|found| found.permissions().mode() & OTHERS != 0)
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
