//! The server's certificate: the operator's own, or a self-signed one made at the first start.
//!
//! Owns the two PEM files in the data directory, their modes, and how TLS is set up. Knows no
//! socket and no setting. Runs on the main thread, at the start and when a certificate is loaded
//! anew; the result is shared by all workers.

use crate::protocol::ALPN;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::{CipherSuite, ServerConfig, crypto::ring, sign::CertifiedKey};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The self-signed certificate in the data directory, mode 0644.
pub const CERTIFICATE_FILE: &str = "certificate.pem";
/// Its key, mode 0600.
pub const KEY_FILE: &str = "key.pem";
/// How long a self-signed certificate lives. Clients pin it, so there is nothing to gain from
/// making people trust a new one more often.
pub const SELF_SIGNED_YEARS: i64 = 10;

/// Why there is no certificate. The operator's to mend, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file can't be read.
    #[error("{path}: can't be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file can't be written.
    #[error("{path}: can't be written: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no certificate in the file, or a broken one.
    #[error(
        "{path}: holds no whole certificate. A PEM file is wanted, with -----BEGIN CERTIFICATE-----; put the right one there."
    )]
    BadCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no private key in the file, or one that can't be used.
    #[error(
        "{path}: holds no private key that can be used. A PEM file without a passphrase is wanted, with -----BEGIN PRIVATE KEY-----; put the right one there."
    )]
    BadKey {
        /// The file.
        path: PathBuf,
    },
    /// Both files are whole, but the key is another certificate's.
    #[error("{key}: is not the key of the certificate in {certificate}. Put the two that belong together there.")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Of the self-signed pair one file is gone.
    #[error(
        "{missing}: is not there, but {present} is. Put it back; or remove that one too, and a new pair is made, which people then have to trust anew."
    )]
    HalfMissing {
        /// The file that is gone.
        missing: PathBuf,
        /// The file that is there.
        present: PathBuf,
    },
    /// A self-signed certificate can't be made for this name. The settings allow no such name.
    #[error("no certificate can be made for {name}: {source}")]
    NotMade {
        /// The name.
        name: String,
        /// What the maker says.
        source: rcgen::Error,
    },
    /// The system gave no random bytes for session read_jobs, or TLS can't be set up: not the operator's fault.
    #[error("TLS can't be set up: {0}")]
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
        f.write_str("SHA256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A certificate chain and the key that goes with it: whole, and checked against each other.
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
        ring::default_provider().key_provider.load_private_key(private.clone_key()).map_err(|_| bad_key())?;
        match CertifiedKey::from_der(chain.clone(), private.clone_key(), &ring::default_provider()) {
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

    /// Loads the self-signed pair of a data directory, which exists, or makes it for `name` (a host name
    /// or an IP address) if neither file is there. A pair that is there is never replaced.
    ///
    /// # Errors
    /// Names the file that can't be used or made.
    pub fn load_or_make(data: &Path, name: &str, now: jiff::Timestamp) -> Result<Self, CertificateError> {
        let (certificate, key) = (data.join(CERTIFICATE_FILE), data.join(KEY_FILE));
        match (is_there(&certificate)?, is_there(&key)?) {
            (true, true) => {}
            (true, false) => return Err(CertificateError::HalfMissing { missing: key, present: certificate }),
            (false, true) => return Err(CertificateError::HalfMissing { missing: certificate, present: key }),
            (false, false) => {
                let (made, private) =
                    make(name, now).map_err(|source| CertificateError::NotMade { name: name.to_owned(), source })?;
                // The key first: a certificate without its key would be of no use to anyone.
                write_new(&key, 0o600, private.serialize_pem().as_bytes())?;
                write_new(&certificate, 0o644, made.pem().as_bytes())?;
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

    /// Sets up TLS 1.2 and 1.3: no client certificates, no ALPN, no early data (it can be played
    /// again by whoever sees it), and resumption by read_jobs, so that the server keeps no sessions.
    ///
    /// # Errors
    /// [`CertificateError::Tls`].
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        let mut provider = ring::default_provider();
        // First of all a suite whose digest the processor computes itself: SHA-384 takes a tenth of a
        // handshake. Nobody needs AES with 256 bits in a chat; who insists on it gets it.
        provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.ticketer = ring::Ticketer::new()?;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 1;
        config.max_early_data_size = 0;
        // A browser offers HTTP alone and is refused in the handshake. Who offers nothing is a person
        // at `openssl s_client`, or a program that does not care.
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.ignore_client_order = true;
        Ok(Arc::new(config))
    }
}

fn is_there(path: &Path) -> Result<bool, CertificateError> {
    path.try_exists().map_err(|source| CertificateError::Unreadable { path: path.to_owned(), source })
}

/// ECDSA P-256, valid from yesterday (clocks differ), for the name and for this machine.
fn make(name: &str, now: jiff::Timestamp) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let mut names: Vec<String> = Vec::new();
    for name in [name, "localhost", "127.0.0.1", "::1"] {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    // A common name has room for 64 characters; clients look at the alternative names alone.
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

/// Writes a file that is not there yet: first under another name, with its mode from the start and
/// flushed to the disk, then given its name by a link, which never replaces what is there.
fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), CertificateError> {
    let temporary = path.with_extension("pem.new");
    let write = || -> io::Result<()> {
        // What a start that was cut short has left.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        // The umask may have taken more than is meant.
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::hard_link(&temporary, path)?;
        fs::remove_file(&temporary)?;
        File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    };
    write().map_err(|source| CertificateError::Unwritable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

    fn directory() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn in_directory(directory: &tempfile::TempDir) -> Result<Identity, CertificateError> {
        Identity::load_or_make(directory.path(), "chat.example.org", jiff::Timestamp::now())
    }

    fn mode(path: PathBuf) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn listed(directory: &tempfile::TempDir) -> Vec<String> {
        let names = fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<String> = names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_pair_is_made_once_and_kept() {
        let directory = directory();
        fs::write(directory.path().join("key.pem.new"), "left over").unwrap();
        let first = in_directory(&directory).unwrap();
        assert_eq!(listed(&directory), [CERTIFICATE_FILE, KEY_FILE]);
        assert_eq!(mode(directory.path().join(KEY_FILE)), 0o600);
        assert_eq!(mode(directory.path().join(CERTIFICATE_FILE)), 0o644);
        let second = in_directory(&directory).unwrap();
        assert_eq!(first.fingerprint(), second.fingerprint());
        assert_eq!((second.chain(), second.key()), (first.chain(), first.key()));
        let shown = first.fingerprint().to_string();
        assert_eq!(shown.len(), 7 + 64);
        assert!(shown[7..].bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{shown}");
    }

    #[test]
    fn a_new_file_never_replaces_one_that_is_there() {
        let directory = directory();
        let path = directory.path().join(KEY_FILE);
        fs::write(&path, "precious").unwrap();
        assert!(matches!(write_new(&path, 0o600, b"other"), Err(CertificateError::Unwritable { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn a_missing_half_is_named_and_nothing_is_made() {
        for (gone, kept) in [(KEY_FILE, CERTIFICATE_FILE), (CERTIFICATE_FILE, KEY_FILE)] {
            let directory = directory();
            in_directory(&directory).unwrap();
            fs::remove_file(directory.path().join(gone)).unwrap();
            let error = in_directory(&directory).unwrap_err();
            let CertificateError::HalfMissing { missing, .. } = &error else { panic!("{error}") };
            assert!(missing.ends_with(gone));
            assert_eq!(listed(&directory), [kept]);
        }
    }

    #[test]
    fn broken_and_foreign_files_are_named_and_kept() {
        let (ours, theirs) = (directory(), directory());
        in_directory(&ours).unwrap();
        in_directory(&theirs).unwrap();
        let path = |name: &str| ours.path().join(name);
        let key = fs::read(path(KEY_FILE)).unwrap();

        fs::copy(theirs.path().join(KEY_FILE), path(KEY_FILE)).unwrap();
        assert!(matches!(in_directory(&ours), Err(CertificateError::Mismatch { .. })));
        for broken in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "\0\u{ff}"] {
            fs::write(path(KEY_FILE), broken).unwrap();
            let error = in_directory(&ours).unwrap_err();
            assert!(matches!(&error, CertificateError::BadKey { path } if path.ends_with(KEY_FILE)), "{error}");
            assert_eq!(fs::read(path(KEY_FILE)).unwrap(), broken.as_bytes());
        }
        fs::write(path(KEY_FILE), key).unwrap();
        for broken in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN CERT"] {
            fs::write(path(CERTIFICATE_FILE), broken).unwrap();
            let error = in_directory(&ours).unwrap_err();
            assert!(
                matches!(&error, CertificateError::BadCertificate { path } if path.ends_with(CERTIFICATE_FILE)),
                "{error}"
            );
        }
        let nowhere = Identity::load(Path::new("/nonexistent/c.pem"), Path::new("/nonexistent/k.pem")).unwrap_err();
        assert!(nowhere.to_string().starts_with("/nonexistent/c.pem: can't be read: "), "{nowhere}");
    }

    /// Shakes hands in memory, with a client that trusts just this certificate.
    fn shake_hands(
        identity: &Identity,
        name: &'static str,
        version: &'static rustls::SupportedProtocolVersion,
    ) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(identity.chain()[0].clone()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from(name).unwrap()).unwrap();
        let mut server = ServerConnection::new(identity.server_config().unwrap()).unwrap();
        // Far more turns than any handshake takes.
        for _ in 0..10 {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            let mut unread = &wire[..];
            while !unread.is_empty() {
                server.read_tls(&mut unread).unwrap();
            }
            if server.process_new_packets().is_err() {
                return false;
            }
            wire.clear();
            while server.wants_write() {
                server.write_tls(&mut wire).unwrap();
            }
            let mut unread = &wire[..];
            while !unread.is_empty() {
                client.read_tls(&mut unread).unwrap();
            }
            if client.process_new_packets().is_err() {
                return false;
            }
        }
        !client.is_handshaking() && !server.is_handshaking() && client.protocol_version() == Some(version.version)
    }

    #[test]
    fn clients_that_trust_it_accept_it_for_its_names() {
        let identity = in_directory(&directory()).unwrap();
        for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
            for name in ["chat.example.org", "localhost", "127.0.0.1", "::1"] {
                assert!(shake_hands(&identity, name, version), "{name} {version:?}");
            }
            assert!(!shake_hands(&identity, "other.example.org", version));
        }
    }

    #[test]
    fn it_is_valid_from_yesterday_for_ten_years() {
        let leap_day: jiff::Timestamp = "2028-02-29T12:00:00Z".parse().unwrap();
        for name in ["localhost", "192.0.2.1", "2001:db8::1", &["abcdefgh"; 20].join(".")] {
            let (certificate, _) = make(name, leap_day).unwrap();
            let der = String::from_utf8_lossy(certificate.der()).into_owned();
            // UTCTime: two digits of the year, then month, day and time.
            assert!(der.contains("280228000000Z") && der.contains("380228000000Z"), "{name}");
        }
    }

    #[test]
    #[ignore = "needs openssl and timeout"]
    fn openssl_accepts_it_as_its_own_authority() {
        let directory = directory();
        in_directory(&directory).unwrap();
        let file = directory.path().join(CERTIFICATE_FILE);
        for (name, accepted) in [("chat.example.org", true), ("other.example.org", false)] {
            let mut verify = std::process::Command::new("timeout");
            verify.args([
                "10",
                "openssl",
                "verify",
                "-x509_strict",
                "-purpose",
                "sslserver",
                "-verify_hostname",
                name,
                "-CAfile",
            ]);
            let output = verify.args([&file, &file]).output().unwrap();
            assert_eq!(output.status.success(), accepted, "{name}: {output:?}");
        }
    }
}
