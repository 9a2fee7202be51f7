//! Settings: what was typed in a file and on the command line, checked into a [`Config`].
//!
//! Owns the keys, their defaults, their bounds and the errors that name the file, the line and
//! the key. Knows nothing of sockets, storage or rooms: the code that uses a setting says what it does.
//! Runs on the main thread before the server serves.
//!
//! Later ones win: the default, the file, `--set`, a dedicated flag.
//!
//! A new setting is a field with its default in `settings`, a line in `effective`, and a paragraph in
//! `chitchat.example.toml`; tests compare the three. One whose `auto` this machine decides also has a
//! line in `resolve` and in `effective::decided`.

mod effective;
mod environment;
mod error;
mod settings;
mod source;
mod value;

pub use crate::server::flood::Rate;
pub use crate::server::proxy::ProxyRange;
pub use effective::{Origin, Setting};
pub use environment::{Environment, raise_open_files};
pub use error::{ConfigError, Warning};
pub use settings::{Accounts, History, Limits, PLAIN_PORT, Registration, Sync, TLS_PORT, WORKERS_MAX};
pub use value::{BURST_MAX, RATE_MAX};

use crate::settings_text;
use settings::Settings;
use source::Source;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Open files that are not for connections: listeners, the database and its readers, pollers, logs.
pub const OPEN_FILES_RESERVED: u32 = 128;

/// A bcrypt cost below this gets a warning.
const BCRYPT_COST_ADVISED: u32 = 10;

/// The settings of a server, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where everything is kept. It need not exist yet.
    pub data: PathBuf,
    /// Where encrypted connections are accepted; may be empty. An IPv6 address takes IPv6 alone.
    pub tls: Vec<SocketAddr>,
    /// Where unencrypted connections are accepted; may be empty.
    pub plain: Vec<SocketAddr>,
    /// Where HTTP is spoken without TLS, for a reverse proxy; may be empty, but not together with `tls` and `plain`.
    pub web: Vec<SocketAddr>,
    /// Where a Prometheus reads the metrics, over HTTP; may be empty.
    pub metrics: Vec<SocketAddr>,
    /// Proxies, whose connections begin with a PROXY header that says whose they are.
    pub proxies: Vec<ProxyRange>,
    /// Proxies besides them that say at `web` whose a connection or a request is.
    pub web_proxies: Vec<ProxyRange>,
    /// Who may register an account.
    pub registration: Registration,
    /// The name that people reach this server by: a host name or an IP address.
    pub name: String,
    /// The operator's certificate; `None` is a self-signed one in the data directory.
    pub certificate: Option<CertificateFiles>,
    /// Threads that serve connections, 1 to [`WORKERS_MAX`].
    pub workers: u8,
    /// Accounts and their passwords.
    pub accounts: Accounts,
    /// How the history is kept.
    pub history: History,
    /// Limits.
    pub limits: Limits,
    /// What the operator should be told at the start.
    pub warnings: Vec<Warning>,
}

/// A certificate chain and its key, provided by the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
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

impl Config {
    /// The example file: every key, what it does, and its default.
    #[must_use]
    pub fn example() -> &'static str {
        include_str!("../../../chitchat.example.toml")
    }

    /// Every key, dotted, in the order of the example file.
    #[must_use]
    pub fn keys() -> Vec<String> {
        settings_text::example_keys(Self::example())
    }

    /// These settings, with everything from `read` that can change while a server runs. The rest needs a
    /// restart: what is bound, opened or started once.
    #[must_use]
    pub fn with_live(&self, read: &Self) -> Self {
        Self {
            registration: read.registration,
            certificate: read.certificate.clone(),
            accounts: Accounts { members_invite: read.accounts.members_invite, ..self.accounts },
            history: History {
                keep_for: read.history.keep_for,
                keep_bytes: read.history.keep_bytes,
                edit_for: read.history.edit_for,
                ..self.history
            },
            limits: read.limits,
            warnings: read.warnings.clone(),
            ..self.clone()
        }
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
        let text = file.map(read_file).transpose()?;
        Self::build(file.zip(text.as_deref()), sets, flags, environment)
    }

    /// Builds the settings from the file's name and text, the `KEY=VALUE` of each `--set`, the flags
    /// and the environment. If there are several faults, one is reported.
    ///
    /// # Errors
    /// Any [`ConfigError`] except `Unreadable`.
    pub fn build(
        file: Option<(&Path, &str)>,
        sets: &[String],
        flags: &Flags,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        resolve(gather(file, sets, flags)?.settings()?, flags, environment)
    }
}

/// Everything that settings are read from, kept so that they can be read again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The settings file.
    pub file: Option<PathBuf>,
    /// The `KEY=VALUE` of each `--set`.
    pub sets: Vec<String>,
    /// The dedicated flags.
    pub flags: Flags,
    /// What this machine provides.
    pub environment: Environment,
}

impl Sources {
    /// Reads the settings: the file as it is now, and the rest as it was given.
    ///
    /// # Errors
    /// Any [`ConfigError`].
    pub fn read(&self) -> Result<Config, ConfigError> {
        Config::read(self.file.as_deref(), &self.sets, &self.flags, &self.environment)
    }

    /// The same, and where each setting came from.
    ///
    /// # Errors
    /// Any [`ConfigError`].
    pub fn explain(&self) -> Result<(Config, Vec<Setting>), ConfigError> {
        let Self { file, sets, flags, environment } = self;
        let text = file.as_deref().map(read_file).transpose()?;
        let source = gather(file.as_deref().zip(text.as_deref()), sets, flags)?;
        let mut origins = source.origins();
        if flags.data.is_some() {
            origins.insert("data".to_owned(), Origin::Flag("--data"));
        }
        let settings = source.settings()?;
        let decided = effective::decided(&settings, flags, environment);
        let config = resolve(settings, flags, environment)?;
        let setting = |(key, value)| Setting {
            key,
            value,
            origin: origins.get(key).cloned().unwrap_or_default(),
            decided_by: decided.get(key).copied(),
        };
        let settings = config.values().into_iter().map(setting).collect();
        Ok((config, settings))
    }
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
}

/// All that was given, each checked on its own.
fn gather(file: Option<(&Path, &str)>, sets: &[String], flags: &Flags) -> Result<Source, ConfigError> {
    let mut source = match file {
        Some((path, text)) => Source::of_file(path, text)?,
        None => Source::default(),
    };
    for given in sets {
        source.set(given)?;
    }
    source.flag("--tls", "tls", &flags.tls)?;
    source.flag("--plain", "plain", &flags.plain)?;
    source.flag("--registration", "registration", flags.registration.as_slice())?;
    Ok(source)
}

/// Connections for which a process has room that may have so many files open.
fn connections_allowed(open_files: u64) -> u32 {
    u32::try_from(open_files).unwrap_or(u32::MAX).saturating_sub(OPEN_FILES_RESERVED)
}

/// Resolves each `auto` by this machine, and checks what involves several keys.
fn resolve(settings: Settings, flags: &Flags, environment: &Environment) -> Result<Config, ConfigError> {
    let Settings {
        data,
        tls,
        plain,
        web,
        metrics,
        proxies,
        web_proxies,
        registration,
        name,
        certificate,
        key,
        workers,
        accounts,
        history,
        mut limits,
    } = settings;
    let mut warnings = Vec::new();
    if tls.is_empty() && plain.is_empty() && web.is_empty() {
        return Err(ConfigError::NoListener);
    }
    let is_beyond = |address: &&SocketAddr| !address.ip().to_canonical().is_loopback();
    warnings.extend(plain.iter().filter(is_beyond).map(|&address| Warning::PlainBeyondThisMachine(address)));
    warnings.extend(web.iter().filter(is_beyond).map(|&address| Warning::WebBeyondThisMachine(address)));
    warnings.extend(metrics.iter().filter(is_beyond).map(|&address| Warning::MetricsBeyondThisMachine(address)));
    if accounts.bcrypt_cost < BCRYPT_COST_ADVISED {
        warnings.push(Warning::CheapPasswords(accounts.bcrypt_cost));
    }
    let certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(CertificateFiles { certificate, key }),
        (None, None) => None,
        (None, Some(_)) => return Err(ConfigError::HalfCertificate { missing: "certificate" }),
        (Some(_), None) => return Err(ConfigError::HalfCertificate { missing: "key" }),
    };
    if let Some(open_files) = environment.open_files {
        let allowed = connections_allowed(open_files);
        if allowed == 0 {
            return Err(ConfigError::NoOpenFiles(open_files));
        }
        if let Some(asked) = limits.connections.filter(|asked| *asked > allowed) {
            warnings.push(Warning::FewOpenFiles { asked, open_files, allowed });
        }
        limits.connections = Some(limits.connections.map_or(allowed, |asked| asked.min(allowed)));
    }
    // A path need not be UTF-8, so this flag does not pass through the texts of the others.
    let data = match &flags.data {
        Some(data) if data.as_os_str().is_empty() => return Err(ConfigError::EmptyData),
        Some(data) => data.clone(),
        None => data.or_else(|| default_data(environment)).ok_or(ConfigError::NoHome)?,
    };
    let host = environment.host_name.clone().filter(|name| value::is_host(name));
    // The dispatcher, which every message passes, has a core to itself if there is more than
    // one: with a worker on each core they would get in each other's way.
    let cores = u32::try_from(environment.cores).unwrap_or(WORKERS_MAX);
    let workers = workers.unwrap_or(cores.saturating_sub(1)).clamp(1, WORKERS_MAX);
    Ok(Config {
        data,
        tls,
        plain,
        web,
        metrics,
        proxies,
        web_proxies,
        registration,
        name: name.or(host).unwrap_or_else(|| "localhost".to_owned()),
        certificate,
        // At most 64, so that it fits.
        workers: workers as u8,
        accounts,
        history,
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
