//! What the operator is told about the settings: errors, each one line, and warnings.

use super::OPEN_FILES_RESERVED;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Something that works, but that the operator may not have meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Passwords are cheap to guess for anyone who steals the data.
    #[error(
        "accounts.bcrypt_cost = {0} makes passwords cheap to guess for anyone who steals the data; real people deserve 10 or more."
    )]
    CheapPasswords(u32),
    /// Passwords cross the network unencrypted.
    #[error(
        "plain = {0} accepts other machines: passwords and messages travel unencrypted. Let other machines use tls."
    )]
    PlainBeyondThisMachine(SocketAddr),
    /// Passwords cross the network unencrypted, unless whoever comes is a proxy.
    #[error(
        "web = {0} accepts other machines: whoever comes past your proxy sends passwords and messages unencrypted. Let nobody but the proxy reach it."
    )]
    WebBeyondThisMachine(SocketAddr),
    /// Anybody who reaches that address reads the metrics.
    #[error(
        "metrics = {0} accepts other machines: whoever reaches it sees how many people are here and how much they say. Let Prometheus run on this machine, or come through a tunnel."
    )]
    MetricsBeyondThisMachine(SocketAddr),
    /// The system allows too few open files.
    #[error(
        "limits.connections = {asked}, but this process may open only {open_files} files, which leaves room for {allowed} connections. Raise LimitNOFILE= or ulimit -n."
    )]
    FewOpenFiles {
        /// What the settings say.
        asked: u32,
        /// What the system allows.
        open_files: u64,
        /// What is left of them for connections.
        allowed: u32,
    },
}

/// Why the settings can't be used. The operator can fix each of these, and each is one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("can't read {path}: {source}")]
    Unreadable {
        /// The file, as it was named.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// The file, the line and the column, counted from 1.
        place: String,
        /// What is wrong there.
        message: String,
    },
    /// There is no such key.
    #[error("{place}: there is no setting {key}. {}", hint(.nearest.as_deref()))]
    UnknownKey {
        /// The flag, or the file and the line, and what was given there.
        place: String,
        /// One name of the key.
        key: String,
        /// The key that was probably meant.
        nearest: Option<String>,
    },
    /// The value does not fit the key.
    #[error("{place}: {problem}")]
    BadValue {
        /// The flag, or the file and the line, and what was given there.
        place: String,
        /// What is wrong with it, and what would be valid.
        problem: String,
    },
    /// `--set` without a key and a value.
    #[error("--set {given}: expected KEY=VALUE, such as limits.flood=off.")]
    NotKeyValue {
        /// What was given, shortened.
        given: String,
    },
    /// One of `certificate` and `key` without the other.
    #[error(
        "certificate and key go together, but {missing} is not set. Set both, or neither for a self-signed certificate."
    )]
    HalfCertificate {
        /// The key that is not set.
        missing: &'static str,
    },
    /// `--data ""`.
    #[error("--data needs the name of a directory.")]
    EmptyData,
    /// There is no home directory to keep data in.
    #[error("there is no home directory to keep the data in. Name a directory with --data DIR.")]
    NoHome,
    /// `tls`, `plain` and `web` are off.
    #[error("tls, plain and web are all off, so nobody could connect. Give one of them an address.")]
    NoListener,
    /// The system allows so few open files that no connection can be accepted.
    #[error(
        "this process may open only {0} files, and the server needs {OPEN_FILES_RESERVED} for itself. Raise LimitNOFILE= or ulimit -n."
    )]
    NoOpenFiles(u64),
}

fn hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(key) => format!("Did you mean {key}?"),
        None => "chitchatd config prints them all.".to_owned(),
    }
}
