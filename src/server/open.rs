//! Opening a server: the data, the certificate, and the sockets that it listens on.
//!
//! Runs on the caller's thread. [`Server::serve`], which starts the others, is in [`super::serve`].

use crate::protocol::names::AccountId;
use crate::protocol::secrets::{Digest, Secret, new_invite_code};
use crate::server::ServerError;
use crate::server::backup;
use crate::server::certificate::{CertificateWarning, Details, Fingerprint, Identity};
use crate::server::clock;
use crate::server::config::{self, Config, Sources};
use crate::server::net::{self, ListenError, ListeningSocket, PassedSockets};
use crate::server::reload::read_identity;
use crate::server::running::SOCKET_FILE;
use crate::server::running::{RUNNING_FILE, Running, file_number};
use crate::server::serve::{Event, Reloader, Stopper};
use crate::server::service_manager::ServiceManager;
use crate::server::store::{self, Checkpointer, Indexer, Store};
use crate::server::traffic::{InviteRecord, ListenerKind, Snapshot, Write};
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long the invitation of [`Server::first_invitation`] is valid.
const FIRST_INVITATION_VALID: Duration = Duration::from_hours(24);
/// The server's own account, which every database has.
const CONSOLE: AccountId = AccountId::new(1);
/// How often a long rebuild of the search index is reported, in messages.
const REPORT_EVERY: u64 = 100_000;

/// A chat server: opened, it holds its data directory and listens; [`Server::serve`] serves.
///
/// Connections that arrive between the two wait in the sockets' queues.
///
/// ```
/// use chitchat::server::Server;
/// use chitchat::server::config::{Config, Environment, Flags};
/// use std::io::{BufRead as _, BufReader};
/// use std::net::TcpStream;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = tempfile::tempdir()?;
/// let flags = Flags { data: Some(data.path().join("chat")), ..Flags::default() };
/// let settings = ["tls=off", "plain=127.0.0.1:0"].map(str::to_owned);
/// let config = Config::build(None, &settings, &flags, &Environment::of_process())?;
///
/// let server = Server::open(&config)?;
/// let address = server.plain_addresses()[0];
/// let stopper = server.stopper();
/// let serving = std::thread::spawn(|| server.serve());
///
/// let mut greeting = String::new();
/// BufReader::new(TcpStream::connect(address)?).read_line(&mut greeting)?;
/// assert!(greeting.starts_with("* ChitChat"));
///
/// stopper.stop();
/// serving.join().expect("serving never panics")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    pub(super) config: Config,
    pub(super) store_settings: store::StoreSettings,
    pub(super) store: Store,
    pub(super) snapshot: Snapshot,
    pub(super) indexer: Indexer,
    pub(super) checkpointer: Checkpointer,
    pub(super) tls: Arc<rustls::ServerConfig>,
    pub(super) identity: Identity,
    pub(super) sources: Option<Sources>,
    pub(super) listening: Vec<ListeningSocket>,
    pub(super) metrics: Vec<TcpListener>,
    pub(super) events: (Sender<Event>, Receiver<Event>),
    pub(super) manager: ServiceManager,
    pub(super) running: Running,
    warnings: Vec<OpenWarning>,
}

/// Something that does not stop a server from opening, but that its operator should know.
#[derive(Debug, thiserror::Error)]
pub enum OpenWarning {
    /// This machine can't listen on one of the addresses (it has no IPv6, say), but on others.
    #[error(transparent)]
    AddressUnavailable(#[from] ListenError),
    /// The certificate is not valid today, or its key not private.
    #[error(transparent)]
    Certificate(#[from] CertificateWarning),
    /// Other users of this machine may write to the data directory.
    #[error(
        "other users of this machine may change the data directory {data}, and so read all that is in it. Run: chmod 700 {data}"
    )]
    DataDirectoryWritable {
        /// The directory.
        data: PathBuf,
    },
    /// There is a copy of the database from before an upgrade.
    #[error(
        "{path} is the database as it was before an upgrade, with all that was removed since. Remove it once the new version has proven itself."
    )]
    UpgradeCopy {
        /// The copy.
        path: PathBuf,
    },
    /// Passwords cross the network unencrypted.
    #[error(
        "systemd's socket for {0} accepts other machines without TLS: passwords and messages travel unencrypted. Let other machines use tls."
    )]
    PlainBeyondThisMachine(SocketAddr),
    /// The same, unless whoever comes is a proxy.
    #[error(
        "systemd's socket for {0} accepts other machines without TLS: whoever comes past your proxy sends passwords and messages unencrypted. Let nobody but the proxy reach it."
    )]
    WebBeyondThisMachine(SocketAddr),
    /// [`Running`] can't be written.
    #[error("can't write {RUNNING_FILE} to the data directory: {0}; chitchatd invite may name the wrong port")]
    RunningFile(io::Error),
}

impl Server {
    /// Opens the data directory, creating it if it is missing, loads or creates the certificate,
    /// and listens.
    ///
    /// Rebuilding a search index can take minutes; the log reports the progress.
    ///
    /// # Errors
    /// Any [`ServerError`] except `Fault`. Nothing is listening then.
    pub fn open(config: &Config) -> Result<Self, ServerError> {
        Self::open_on(config, PassedSockets::default())
    }

    /// The same with sockets that listen already. They take the place of the settings `tls`, `plain` and `web`: where there is one of a kind, the addresses that the settings name for it are not used.
    ///
    /// # Errors
    /// As [`Server::open`].
    pub fn open_on(config: &Config, sockets: PassedSockets) -> Result<Self, ServerError> {
        let mut listening = sockets.listening(config)?;
        let store_settings = store_settings(config);
        let (store, snapshot) = Store::open(&store_settings)?;
        backup::sweep(&config.data);
        let mut reported = 0;
        let indexer = Indexer::open(&store_settings, &mut |done, all| {
            if done == 0 || done == all || done >= reported + REPORT_EVERY {
                reported = done;
                log::info!("rebuilding the search index: {done} of {all} messages");
            }
        })?;
        let mut warnings = Vec::new();
        if others_may_write(&config.data) {
            warnings.push(OpenWarning::DataDirectoryWritable { data: config.data.clone() });
        }
        let copies = store::upgrade_copies(&config.data);
        warnings.extend(copies.into_iter().map(|path| OpenWarning::UpgradeCopy { path }));
        let checkpointer = Checkpointer::open(&store_settings)?;
        let now = jiff::Timestamp::now();
        let identity = read_identity(config, now)?;
        let tls = identity.server_config()?;
        warnings.extend(identity.warnings(now).into_iter().map(OpenWarning::from));

        let (mut unavailable, mut replaced) = (Vec::new(), Vec::new());
        for (kind, addresses) in
            [(ListenerKind::Tls, &config.tls), (ListenerKind::Plain, &config.plain), (ListenerKind::Web, &config.web)]
        {
            let passed: Vec<&ListeningSocket> = listening.iter().filter(|socket| socket.kind() == kind).collect();
            if passed.is_empty() {
                let sockets = listen_on(addresses, |address| net::bind_tcp(address, kind), &mut unavailable)?;
                // One of them is enough. Without any, people who know that address would find nobody.
                if sockets.is_empty() && !addresses.is_empty() {
                    return Err(unavailable.remove(unavailable.len() - addresses.len()).into());
                }
                listening.extend(sockets);
                continue;
            }
            replaced.push(kind.as_str().to_owned());
            let beyond =
                passed.iter().filter_map(|socket| socket.address()).filter(|address| !address.ip().is_loopback());
            match kind {
                ListenerKind::Plain => warnings.extend(beyond.map(OpenWarning::PlainBeyondThisMachine)),
                ListenerKind::Web => warnings.extend(beyond.map(OpenWarning::WebBeyondThisMachine)),
                ListenerKind::Tls | ListenerKind::Console => {}
            }
        }
        let metrics = listen_on(&config.metrics, |address| net::listen(address, "metrics"), &mut unavailable)?;
        let addresses = |kind: ListenerKind| {
            listening.iter().filter(|socket| socket.kind() == kind).filter_map(ListeningSocket::address).collect()
        };
        let [tls_addresses, plain_addresses, web] =
            [ListenerKind::Tls, ListenerKind::Plain, ListenerKind::Web].map(addresses);
        listening.push(net::bind_console(&config.data.join(SOCKET_FILE))?);
        warnings.extend(unavailable.into_iter().map(OpenWarning::from));
        let mut running = Running {
            web,
            metrics: metrics.iter().filter_map(|listener| listener.local_addr().ok()).collect(),
            replaced,
            database: file_number(&config.data.join(store::DATABASE_FILE)),
            ..Running::here(config.name.clone(), tls_addresses, plain_addresses)
        };
        running.set_settings(config);
        warnings.extend(running.write(&config.data).err().map(OpenWarning::RunningFile));

        Ok(Self {
            config: config.clone(),
            store_settings,
            store,
            snapshot,
            indexer,
            checkpointer,
            tls,
            identity,
            sources: None,
            listening,
            metrics,
            events: unbounded(),
            manager: ServiceManager::default(),
            running,
            warnings,
        })
    }

    /// The settings that it was opened with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The addresses that accept TLS: the actual ones, if the settings said port 0.
    #[must_use]
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.running.tls
    }

    /// The addresses that accept unencrypted connections.
    #[must_use]
    pub fn plain_addresses(&self) -> &[SocketAddr] {
        &self.running.plain
    }

    /// The addresses that accept HTTP without TLS.
    #[must_use]
    pub fn web_addresses(&self) -> &[SocketAddr] {
        &self.running.web
    }

    /// The settings, of `tls`, `plain` and `web`, in whose place it listens on sockets that it was given.
    #[must_use]
    pub fn replaced_settings(&self) -> &[String] {
        &self.running.replaced
    }

    /// The addresses where the metrics are.
    #[must_use]
    pub fn metrics_addresses(&self) -> &[SocketAddr] {
        &self.running.metrics
    }

    /// Its certificate's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.identity.fingerprint()
    }

    /// What its certificate says of itself.
    #[must_use]
    pub fn certificate(&self) -> &Details {
        self.identity.details()
    }

    /// What the operator should know.
    #[must_use]
    pub fn warnings(&self) -> &[OpenWarning] {
        &self.warnings
    }

    /// Whether there is an administrator who can log in.
    #[must_use]
    pub fn has_administrator(&self) -> bool {
        self.snapshot.accounts.iter().any(|account| account.admin && account.hash.is_some())
    }

    /// Creates a code that lets one person register as an administrator within 24 hours; for a
    /// server that has no administrator yet. The code is a secret: show it to a person, and never
    /// write it to a log.
    ///
    /// # Errors
    /// If there is no randomness, or the code can't be saved.
    pub fn first_invitation(&mut self) -> Result<Secret, ServerError> {
        let code = new_invite_code()?;
        let until = clock::unix_ms().saturating_add(FIRST_INVITATION_VALID.as_millis() as u64);
        let number = self.snapshot.invites_ever + 1;
        let (digest, note) = (Digest::of(code.expose()), "the first administrator".to_owned());
        let record = InviteRecord { number, digest, uses: 1, admin: true, until, by: CONSOLE, note };
        self.store.begin()?;
        self.store.write(&Write::Invite(record.clone()))?;
        self.store.commit()?;
        self.snapshot.invites.push(record);
        self.snapshot.invites_ever = number;
        Ok(code)
    }

    /// The handle that stops it from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper::new(self.events.0.clone())
    }

    /// What its settings are read from when it is asked to reload. Without this it reads only its
    /// certificate again.
    pub fn set_sources(&mut self, sources: Sources) {
        self.sources = Some(sources);
    }

    /// Who is told when it serves, reloads and stops. Without this, nobody is.
    pub fn set_service_manager(&mut self, manager: ServiceManager) {
        self.manager = manager;
    }

    /// The handle that has it read its settings and its certificate again, from another thread.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        Reloader::new(self.events.0.clone())
    }

    /// Closes a server that will not serve after all.
    ///
    /// # Errors
    /// If the database can't be closed cleanly; what was saved stays saved.
    pub fn close(self) -> Result<(), ServerError> {
        Running::remove(&self.config.data);
        Ok(self.store.close()?)
    }
}

/// Listens on all of these. An address that another program uses is an error; one that this
/// machine does not have (IPv6, say) is only reported.
fn listen_on<T>(
    addresses: &[SocketAddr],
    bind: impl Fn(SocketAddr) -> Result<T, ListenError>,
    unavailable: &mut Vec<ListenError>,
) -> Result<Vec<T>, ListenError> {
    let mut listening = Vec::new();
    for &address in addresses {
        match bind(address) {
            Ok(socket) => listening.push(socket),
            Err(error @ ListenError::Refused { .. }) => unavailable.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok(listening)
}

/// Whether anyone except the directory's owner may create, replace and remove files in it.
fn others_may_write(directory: &Path) -> bool {
    const GROUP_AND_OTHERS: u32 = 0o022;
    fs::metadata(directory).is_ok_and(|found| found.permissions().mode() & GROUP_AND_OTHERS != 0)
}

fn store_settings(config: &Config) -> store::StoreSettings {
    let sync = match config.history.sync {
        config::Sync::Full => store::Sync::Full,
        config::Sync::Normal => store::Sync::Normal,
    };
    let upgrade_copy = if config.history.upgrade_copy { store::UpgradeCopy::Keep } else { store::UpgradeCopy::None };
    store::StoreSettings { data: config.data.clone(), sync, keep: config.history.keep, upgrade_copy }
}
