//! Settings: what was typed in a file and on the command line, checked into a [`Config`].
//!
//! Owns the keys, their defaults, their bounds and the errors that name the file, the line and
//! the key. Knows nothing of sockets, storage or rooms: whoever uses a setting says what it does.
//! Runs on the main thread, once. `chitchat.example.toml` documents every key, and a test keeps
//! it true.
//!
//! What wins, from the weakest: the default, the file, `--set`, a flag of its own.

mod environment;
mod settings;
mod source;
mod value;

pub use environment::{Environment, raise_open_files};
pub use settings::{PLAIN_PORT, TLS_PORT, WORKERS_MAX};
pub use source::Origin;
pub use value::{BURST_MAX, RATE_MAX};

use crate::server::flood::Rate;
use settings::Draft;
use source::Entry;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use value::Typed;

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Anyone.
    Open,
    /// Whoever has an invitation code.
    Invite,
    /// Nobody.
    Closed,
}

/// How surely a commit is on the disk; SQLite's `synchronous`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// What was answered with `+` survives a power cut.
    Full,
    /// It survives the end of the process; a power cut may take the last moments.
    Normal,
}

/// How the history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// How surely.
    pub sync: Sync,
    /// Whether at all; if not, messages are passed on and forgotten.
    pub keep: bool,
}

impl Default for History {
    fn default() -> Self {
        Self { sync: Sync::Full, keep: true }
    }
}

/// What may be had at most; `None` is no limit. The example file says what happens at each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Connections open at once, 1 to 1000000; never more than open files allow.
    pub connections: Option<u32>,
    /// Connections from one [`crate::protocol::names::AddressGroup`], 1 to 1000000.
    pub per_address: Option<u32>,
    /// Lines of one connection.
    pub flood: Option<Rate>,
    /// Passwords tried from one address.
    pub logins: Option<Rate>,
    /// Accounts made from one address.
    pub registrations: Option<Rate>,
    /// Bytes that one connection has not read yet, 16 KiB to 1 GiB.
    pub unread_bytes: Option<usize>,
    /// The same for all connections together, 64 KiB to 2 GiB.
    pub unread_total: Option<usize>,
    /// Lines of one connection that are not answered yet, 1 to 100000.
    pub unanswered: Option<u32>,
    /// Bytes of all requests and lines under way together, 64 KiB to 2 GiB.
    pub under_way_bytes: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: Some(10_000),
            per_address: Some(256),
            flood: Some(Rate { per_second: 10.0, burst: 60 }),
            logins: Some(Rate { per_second: 20.0 / 60.0, burst: 20 }),
            registrations: Some(Rate { per_second: 10.0 / 3600.0, burst: 10 }),
            unread_bytes: Some(256 << 10),
            unread_total: Some(64 << 20),
            unanswered: Some(128),
            under_way_bytes: Some(16 << 20),
        }
    }
}

/// A certificate chain and its key that the operator brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// The settings of a server, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where everything is kept. It need not exist yet.
    pub data: PathBuf,
    /// Where encrypted connections are taken; may be empty. The IPv6 ones take IPv6 alone.
    pub tls: Vec<SocketAddr>,
    /// Where connections in the clear are taken; may be empty, but not together with `tls`.
    pub plain: Vec<SocketAddr>,
    /// Who may make an account.
    pub registration: Registration,
    /// The name that people reach this server by: a host name or an IP address.
    pub name: String,
    /// The operator's certificate; `None` is a self-signed one in the data directory.
    pub certificate: Option<CertificateFiles>,
    /// Threads that serve connections, 1 to [`WORKERS_MAX`].
    pub workers: u8,
    /// bcrypt's cost, 4 to 16.
    pub bcrypt_cost: u32,
    /// How the history is kept.
    pub history: History,
    /// What may be had at most.
    pub limits: Limits,
    /// What the operator should be told at the start.
    pub warnings: Vec<Warning>,
}

/// Flags of the command line that are settings too, as they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--data DIR`
    pub data: Option<PathBuf>,
    /// `--tls ADDR`, any number of them.
    pub tls: Vec<String>,
    /// `--plain ADDR`, any number of them.
    pub plain: Vec<String>,
    /// `--registration open|invite|closed`
    pub registration: Option<String>,
}

/// Something that works, but that the operator may not have meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Passwords are cheap to guess for whoever gets hold of the data.
    #[error(
        "accounts.bcrypt_cost = {0} makes passwords cheap to guess for whoever gets hold of the data. 10 and above is meant for people."
    )]
    CheapPasswords(u32),
    /// Passwords cross the network in the clear.
    #[error(
        "plain = {0} is not this machine alone: passwords and talk cross the network readable. Let other machines use tls."
    )]
    PlainBeyondThisMachine(SocketAddr),
    /// The system allows too few open files.
    #[error(
        "limits.connections = {asked}, but this process may only open {open_files} files: {allowed} connections are taken. Raise LimitNOFILE= or ulimit -n."
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

/// Why there are no settings to start with. Always the operator's to mend, and always one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{path}: can't be read: {source}")]
    Unreadable {
        /// The file, as it was named.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path}:{line}:{column}: {message}")]
    Syntax {
        /// The file, as it was named.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// There is no such key.
    #[error("{origin}: {key} is no setting. {}", advice(*.nearest))]
    UnknownKey {
        /// Where it was given.
        origin: Origin,
        /// The key, as it was given.
        key: String,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
    },
    /// The value does not fit the key.
    #[error("{origin}: {key} = {value} can't be. Wanted: {wanted}.")]
    BadValue {
        /// Where it was given.
        origin: Origin,
        /// The key.
        key: &'static str,
        /// The value, shortened.
        value: String,
        /// What would have been taken.
        wanted: String,
    },
    /// `--set` without a key and a value.
    #[error("--set {given}: KEY=VALUE is wanted, such as --set limits.flood=off")]
    NotKeyValue {
        /// What was given, shortened.
        given: String,
    },
    /// One of `certificate` and `key` without the other.
    #[error(
        "certificate and key go together: {missing} is not set. Give both, or neither for a self-signed certificate."
    )]
    HalfCertificate {
        /// The key that is not set.
        missing: &'static str,
    },
    /// `--data ""`.
    #[error("--data: the name of a directory is wanted")]
    EmptyData,
    /// There is no home directory to keep data in.
    #[error("there is no home directory to keep the data in. Say where with --data DIR.")]
    NoHome,
    /// Both `tls` and `plain` are off.
    #[error("both tls and plain are off: nobody could connect. Give one of them an address.")]
    NoListener,
    /// The system allows so few open files that no connection can be taken.
    #[error(
        "this process may only open {0} files, {OPEN_FILES_KEPT} of which the server needs itself. Raise LimitNOFILE= or ulimit -n."
    )]
    NoOpenFiles(u64),
}

/// Open files that are not for connections: listeners, the database and its readers, pollers, logs.
pub const OPEN_FILES_KEPT: u32 = 128;

/// A cost below this is warned about.
const BCRYPT_COST_ADVISED: u32 = 10;

fn advice(nearest: Option<&str>) -> String {
    match nearest {
        Some(key) => format!("Did you mean {key}?"),
        None => "chitchatd config shows them all.".to_owned(),
    }
}

impl Config {
    /// The example file: every key, what it does, and its default.
    #[must_use]
    pub fn example() -> &'static str {
        include_str!("../../../chitchat.example.toml")
    }

    /// Reads the file, if one is named, and builds the settings: [`Config::build`] does the rest.
    ///
    /// # Errors
    /// Any [`ConfigError`].
    pub fn read(
        file: Option<&Path>,
        sets: &[String],
        flags: &Flags,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let Some(path) = file else { return Self::build(None, sets, flags, environment) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::build(Some((path, &text)), sets, flags, environment)
    }

    /// Builds the settings from the file's name and text, what stood behind each `--set`, the
    /// flags and the surroundings. Of several faults the first is told.
    ///
    /// # Errors
    /// Any [`ConfigError`] but `Unreadable`.
    pub fn build(
        file: Option<(&Path, &str)>,
        sets: &[String],
        flags: &Flags,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let mut draft = Draft::default();
        let from_file = file.map_or(Ok(Vec::new()), |(path, text)| source::entries(path, text))?;
        let from_sets = sets.iter().map(|given| Entry::of_set(given)).collect::<Result<Vec<_>, _>>()?;
        for entry in from_file.into_iter().chain(from_sets).chain(flags.entries()) {
            take(&mut draft, entry)?;
        }
        if let Some(data) = &flags.data {
            if data.as_os_str().is_empty() {
                return Err(ConfigError::EmptyData);
            }
            draft.data = Some(data.clone());
        }
        finish(draft, environment)
    }
}

impl Flags {
    /// The flags whose values are texts; a directory may be no UTF-8.
    fn entries(&self) -> impl Iterator<Item = Entry> {
        let list = |flag, key, texts: &[String]| {
            let typed = match texts {
                [] => return None,
                [one] => Typed::One(one.clone()),
                many => Typed::Many(many.to_vec()),
            };
            Some(Entry::typed(Origin::Flag(flag), key, typed))
        };
        let registration = self.registration.as_slice();
        let entries = [
            list("--tls", "tls", &self.tls),
            list("--plain", "plain", &self.plain),
            list("--registration", "registration", registration),
        ];
        entries.into_iter().flatten()
    }
}

fn take(draft: &mut Draft, entry: Entry) -> Result<(), ConfigError> {
    let Entry { origin, key, value, shown } = entry;
    let Some(setting) = settings::find(&key) else {
        return Err(ConfigError::UnknownKey { origin, nearest: settings::nearest(&key), key: source::shown(&key) });
    };
    (setting.take)(draft, &value).map_err(|wanted| ConfigError::BadValue {
        origin,
        key: setting.key,
        value: shown,
        wanted: wanted.0,
    })
}

/// Decides what the machine decides, and checks what no single key can check.
fn finish(draft: Draft, environment: &Environment) -> Result<Config, ConfigError> {
    let mut warnings = Vec::new();
    if draft.tls.is_empty() && draft.plain.is_empty() {
        return Err(ConfigError::NoListener);
    }
    let beyond = draft.plain.iter().filter(|address| !address.ip().to_canonical().is_loopback());
    warnings.extend(beyond.map(|&address| Warning::PlainBeyondThisMachine(address)));
    if draft.bcrypt_cost < BCRYPT_COST_ADVISED {
        warnings.push(Warning::CheapPasswords(draft.bcrypt_cost));
    }
    let certificate = match (draft.certificate, draft.key) {
        (Some(certificate), Some(key)) => Some(CertificateFiles { certificate, key }),
        (None, None) => None,
        (None, Some(_)) => return Err(ConfigError::HalfCertificate { missing: "certificate" }),
        (Some(_), None) => return Err(ConfigError::HalfCertificate { missing: "key" }),
    };
    let mut limits = draft.limits;
    if let Some(open_files) = environment.open_files {
        let allowed = u32::try_from(open_files).unwrap_or(u32::MAX).saturating_sub(OPEN_FILES_KEPT);
        if allowed == 0 {
            return Err(ConfigError::NoOpenFiles(open_files));
        }
        if let Some(asked) = limits.connections.filter(|asked| *asked > allowed) {
            warnings.push(Warning::FewOpenFiles { asked, open_files, allowed });
        }
        limits.connections = Some(limits.connections.map_or(allowed, |asked| asked.min(allowed)));
    }
    let host = environment.host_name.clone().filter(|name| value::is_host(name));
    // The dispatcher, which each message passes, has a core for itself where there is more than one: with
    // a worker on each core they get in each other's way.
    let cores = u32::try_from(environment.cores).unwrap_or(WORKERS_MAX);
    let workers = draft.workers.unwrap_or(cores.saturating_sub(1));
    Ok(Config {
        data: draft.data.or_else(|| default_data(environment)).ok_or(ConfigError::NoHome)?,
        tls: draft.tls,
        plain: draft.plain,
        registration: draft.registration,
        name: draft.name.or(host).unwrap_or_else(|| "localhost".to_owned()),
        certificate,
        // At most 64, so that it fits.
        workers: workers.clamp(1, WORKERS_MAX) as u8,
        bcrypt_cost: draft.bcrypt_cost,
        history: draft.history,
        limits,
        warnings,
    })
}

fn default_data(environment: &Environment) -> Option<PathBuf> {
    let first = environment.state_directory.as_ref().and_then(|all| std::env::split_paths(all).next());
    let first = first.filter(|path| !path.as_os_str().is_empty());
    first.or_else(|| environment.data_home.as_ref().map(|home| home.join("chitchat")))
}

#[cfg(test)]
mod tests;
