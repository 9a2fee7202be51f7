//! What is wrong with a certificate, or may be. The operator can fix each of these.

use std::io;
use std::path::PathBuf;

/// Why there is no certificate. The operator can fix each of these, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file can't be read.
    #[error("can't read {path}: {source}{}", cure(source))]
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

/// What to do about a file that can't be read, where the reason shows it.
fn cure(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
            "; correct certificate and key in the settings, or take both out, and the server uses a pair of its own"
        }
        io::ErrorKind::PermissionDenied => "; let the user running chitchatd read it",
        _ => "",
    }
}

/// What the operator should know about files that can be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CertificateWarning {
    /// The certificate is not valid any more.
    #[error(
        "the certificate in {path} expired at {since}: clients refuse it, except those that have pinned its key. {cure}"
    )]
    Expired {
        /// The file.
        path: PathBuf,
        /// The last second of its validity.
        since: jiff::Timestamp,
        /// What to do.
        cure: &'static str,
    },
    /// It should have been renewed by now.
    #[error("the certificate in {path} expires on {until}. {cure}")]
    Expires {
        /// The file.
        path: PathBuf,
        /// The day, and in how many days that is.
        until: String,
        /// What to do.
        cure: &'static str,
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
