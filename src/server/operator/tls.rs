//! `chitchatd tls show` and `tls import`: what the certificate is, and another one in its place.
//!
//! Reads and writes files, and has the running server reload. Runs on the main thread of its own process.

use crate::files;
use crate::server::certificate::{CertificateError, CertificateWarning, Details, IMPORTED_FILE, Identity, paths_in};
use crate::server::config::{CertificateFiles, Config};
use crate::server::operator::json::{list, string};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What a certificate and its key are called by those who get them, the most usual first: certbot, then
/// Kubernetes, and those who name them as they are.
const PAIRS: [(&str, &str); 5] = [
    ("fullchain.pem", "privkey.pem"),
    ("fullchain.pem", "key.pem"),
    ("tls.crt", "tls.key"),
    ("certificate.pem", "key.pem"),
    ("cert.pem", "key.pem"),
];

/// Why a certificate can't be shown or imported.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is no certificate before the first start.
    #[error(
        "there is no certificate in {data} yet: the first start makes a self-signed one. Is it another data directory? Name it with --data DIR."
    )]
    NoneYet {
        /// The data directory.
        data: PathBuf,
    },
    /// The pair can't be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The settings name their own.
    #[error(
        "the settings name another certificate, {path}, which comes first. Remove certificate and key from the settings, or have these files replaced: the server takes new ones by itself."
    )]
    Set {
        /// The certificate.
        path: PathBuf,
    },
    /// No names that are known.
    #[error(
        "there is no certificate with its key in {directory}: no fullchain.pem with privkey.pem, and no NAME.crt or fullchain.cer with NAME.key."
    )]
    NoPair {
        /// The directory.
        directory: PathBuf,
    },
    /// Several names, none of which is the server's.
    #[error(
        "{directory} holds several certificates ({names}), and none is for {name}. Set name, such as --set name={first}."
    )]
    Several {
        /// The directory.
        directory: PathBuf,
        /// What they are called.
        names: String,
        /// One of them.
        first: String,
        /// The server's name.
        name: String,
    },
    /// Clients would refuse it from the start.
    #[error("the certificate in {path} expired at {since}, so it was not imported. Renew it first.")]
    Expired {
        /// The certificate.
        path: PathBuf,
        /// The last second of its validity.
        since: jiff::Timestamp,
    },
    /// The same.
    #[error(
        "the certificate in {path} is not valid before {from}, so it was not imported. Is this machine's clock right?"
    )]
    NotValidYet {
        /// The certificate.
        path: PathBuf,
        /// The first second of its validity.
        from: jiff::Timestamp,
    },
    /// A directory can't be read, or the pair can't be written.
    #[error("{path}: {source}")]
    Files {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The certificate that a start would serve.
#[derive(Debug)]
pub struct Shown {
    certificate: PathBuf,
    key: PathBuf,
    details: Details,
    /// How many certificates the chain has.
    chain: usize,
    /// Why the pair can't be served, if it can't.
    problem: Option<CertificateError>,
    warnings: Vec<String>,
}

impl Shown {
    /// Reads it.
    ///
    /// # Errors
    /// If there is none, or no certificate in its file. A key that does not fit is no error.
    pub fn read(config: &Config, now: jiff::Timestamp) -> Result<Self, TlsError> {
        let (certificate, key) = paths(config);
        if config.certificate.is_none() && !certificate.exists() && !key.exists() {
            return Err(TlsError::NoneYet { data: config.data.clone() });
        }
        let (details, chain) = Identity::read_certificate(&certificate)?;
        let loaded = load(config);
        let warnings = loaded.as_ref().map_or(Vec::new(), |identity| identity.warnings(now));
        let warnings = warnings.iter().map(ToString::to_string).collect();
        Ok(Self { certificate, key, details, chain: chain.len(), problem: loaded.err(), warnings })
    }

    /// Whether a server could serve it.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.problem.is_none()
    }

    /// What the operator should know.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// For people.
    #[must_use]
    pub fn text(&self, now: jiff::Timestamp) -> String {
        let Self { certificate, key, details, chain, problem, warnings: _ } = self;
        let pair = problem.as_ref().map_or("yes".to_owned(), |problem| format!("no: {problem}"));
        let lines = [
            ("certificate", certificate.display().to_string()),
            ("key", key.display().to_string()),
            ("names", details.names.join(", ")),
            ("issuer", details.issuer.clone()),
            ("self-signed", if details.self_signed { "yes" } else { "no" }.to_owned()),
            ("chain", if *chain == 1 { "1 certificate".to_owned() } else { format!("{chain} certificates") }),
            ("valid from", details.not_before.to_string()),
            ("valid until", details.until(now)),
            ("fingerprint", details.fingerprint.to_string()),
            ("key fits", pair),
        ];
        lines.iter().fold(String::new(), |text, (what, value)| text + &format!("{what:<12} {value}\n"))
    }

    /// The same as JSON, in one line.
    #[must_use]
    pub fn json(&self, now: jiff::Timestamp) -> String {
        let Self { certificate, key, details, chain, problem, warnings } = self;
        let path = |path: &Path| string(&path.to_string_lossy());
        let members = [
            ("certificate", path(certificate)),
            ("key", path(key)),
            ("names", list(details.names.iter().map(|name| string(name)))),
            ("issuer", string(&details.issuer)),
            ("self_signed", details.self_signed.to_string()),
            ("chain", chain.to_string()),
            ("not_before", string(&details.not_before.to_string())),
            ("not_after", string(&details.not_after.to_string())),
            ("days_left", details.days_left(now).to_string()),
            ("fingerprint", string(&details.fingerprint.to_string())),
            ("key_fits", problem.is_none().to_string()),
            ("problem", problem.as_ref().map_or("null".to_owned(), |problem| string(&problem.to_string()))),
            ("warnings", list(warnings.iter().map(|warning| string(warning)))),
        ];
        let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}\n", members.join(","))
    }
}

/// The certificate that a start would serve, and its key; they need not exist.
pub(super) fn paths(config: &Config) -> (PathBuf, PathBuf) {
    match &config.certificate {
        Some(CertificateFiles { certificate, key }) => (certificate.clone(), key.clone()),
        None => paths_in(&config.data),
    }
}

/// The pair that a start would serve, if there is one.
///
/// # Errors
/// Names the file that can't be used.
pub(super) fn load(config: &Config) -> Result<Identity, CertificateError> {
    match &config.certificate {
        Some(CertificateFiles { certificate, key }) => Identity::load(certificate, key),
        None => Identity::load_from(&config.data),
    }
}

/// Copies a pair from a directory into the data directory, where it comes before the self-signed one.
///
/// # Errors
/// [`TlsError`]; then nothing was changed.
pub fn import(config: &Config, directory: &Path, now: jiff::Timestamp) -> Result<Identity, TlsError> {
    if let Some(CertificateFiles { certificate, .. }) = &config.certificate {
        return Err(TlsError::Set { path: certificate.clone() });
    }
    let (certificate, key) = find_pair(directory, &config.name)?;
    let identity = Identity::load(&certificate, &key)?;
    match identity.expiry(now) {
        Some(CertificateWarning::Expired { path, since, .. }) => return Err(TlsError::Expired { path, since }),
        Some(CertificateWarning::NotValidYet { path, from }) => return Err(TlsError::NotValidYet { path, from }),
        // A little of it is better than what there may be.
        Some(_) | None => {}
    }
    let read =
        |path: &PathBuf| files::read_small(path).map_err(|source| TlsError::Files { path: path.clone(), source });
    // One file, since two can't be replaced at once.
    let mut pair = Zeroizing::new(read(&certificate)?);
    pair.push(b'\n');
    pair.extend_from_slice(&Zeroizing::new(read(&key)?));
    let imported = config.data.join(IMPORTED_FILE);
    let written = fs::metadata(&config.data).and_then(|data| {
        // A renewal runs as root, and the server does not.
        files::replace_as(&imported, 0o600, (data.uid(), data.gid()), &pair)
    });
    written.map_err(|source| TlsError::Files { path: imported.clone(), source })?;
    // What there is to say of it is said of the copy.
    Ok(Identity::load(&imported, &imported)?)
}

/// The pair in a directory. Where several are, the server's name decides.
fn find_pair(directory: &Path, name: &str) -> Result<(PathBuf, PathBuf), TlsError> {
    for (certificate, key) in PAIRS {
        let (certificate, key) = (directory.join(certificate), directory.join(key));
        if certificate.exists() && key.exists() {
            return Ok((certificate, key));
        }
    }
    let failed = |source| TlsError::Files { path: directory.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let key = entry.map_err(failed)?.path();
        let Some(stem) = key.file_name().and_then(|name| name.to_str()?.strip_suffix(".key")) else { continue };
        let certificates = [directory.join(format!("{stem}.crt")), directory.join("fullchain.cer")];
        if let Some(certificate) = certificates.into_iter().find(|path| path.exists()) {
            found.push((stem.to_owned(), certificate, key.clone()));
        }
    }
    found.sort();
    // lego writes the star of a wildcard so.
    let wildcard = name.split_once('.').map(|(_, domain)| format!("_.{domain}"));
    let named = |(stem, ..): &&(String, PathBuf, PathBuf)| stem == name || Some(stem) == wildcard.as_ref();
    let chosen = match found.as_slice() {
        [] => return Err(TlsError::NoPair { directory: directory.to_owned() }),
        [one] => one,
        several => several.iter().find(named).ok_or_else(|| {
            let names: Vec<&str> = several.iter().map(|(stem, ..)| stem.as_str()).collect();
            let first = names.first().copied().unwrap_or_default().to_owned();
            let (directory, name) = (directory.to_owned(), name.to_owned());
            TlsError::Several { directory, names: names.join(", "), first, name }
        })?,
    };
    Ok((chosen.1.clone(), chosen.2.clone()))
}

/// What was imported, and whether the running server has it.
#[must_use]
pub fn imported(identity: &Identity, now: jiff::Timestamp, is_running: bool) -> String {
    let details = identity.details();
    let used = if is_running {
        "The server uses it for those who connect from now on."
    } else {
        "No server runs on that data directory; the next start uses it."
    };
    format!(
        "Imported {}\n  for {}, valid until {}.\n{used}\n",
        details.fingerprint,
        details.names.join(", "),
        details.until(now)
    )
}

/// The same as JSON, in one line.
#[must_use]
pub fn imported_json(identity: &Identity, now: jiff::Timestamp, is_running: bool) -> String {
    let details = identity.details();
    let names = list(details.names.iter().map(|name| string(name)));
    let (fingerprint, until) = (string(&details.fingerprint.to_string()), string(&details.not_after.to_string()));
    let days = details.days_left(now);
    format!(
        "{{\"fingerprint\":{fingerprint},\"names\":{names},\"not_after\":{until},\"days_left\":{days},\"reloaded\":{is_running}}}\n"
    )
}

/// How each renewal is imported, for people at a terminal.
#[must_use]
pub fn hook(data: &Path) -> String {
    let data = data.display();
    format!(
        "For certbot to import each renewal, make this file executable:\n\
         /etc/letsencrypt/renewal-hooks/deploy/chitchat\n\
         \x20 #!/bin/sh\n\
         \x20 exec chitchatd --data {data} tls import \"$RENEWED_LINEAGE\"\n\
         docs/OPERATING.md has the same for lego and acme.sh.\n"
    )
}
