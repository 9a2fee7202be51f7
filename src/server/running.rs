//! How the other commands of `chitchatd` reach a running server: the names of the console's socket
//! and of a small file, both in the data directory.
//!
//! From that file `chitchatd invite` learns where the server really listens: its own settings need not be
//! the server's, and port 0 is resolved by the system. Written by the thread that opens the server,
//! removed when the server has stopped; after a crash the file stays, and the next start replaces it. `chitchatd check`
//! learns from it which database the server has open, and by which settings it runs: at a reload the thread `reload`
//! writes them anew.

use crate::files;
use crate::server::config::Config;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The socket of the administrator's console, in the data directory.
pub const SOCKET_FILE: &str = "admin.sock";

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The file's name in the data directory, mode 0600.
pub const RUNNING_FILE: &str = "running.toml";

/// How the running server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The name that people reach it by.
    pub name: String,
    /// Where it accepts TLS.
    pub tls: Vec<SocketAddr>,
    /// Where it accepts unencrypted connections.
    pub plain: Vec<SocketAddr>,
    /// Where it speaks HTTP without TLS.
    #[serde(default)]
    pub web: Vec<SocketAddr>,
    /// Where it serves the metrics.
    #[serde(default)]
    pub metrics: Vec<SocketAddr>,
    /// The settings, of `tls`, `plain` and `web`, in whose place it listens on sockets that it was given.
    #[serde(default)]
    pub replaced: Vec<String>,
    /// Its version; a server from before this was written down says nothing.
    #[serde(default)]
    pub version: Option<String>,
    /// Its process.
    #[serde(default)]
    pub pid: Option<u32>,
    /// The database that it has open, which need not be the one of that name any more: see [`file_number`].
    #[serde(default)]
    pub database: Option<String>,
    /// Its settings in effect, as `config show` shows them.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
}

/// What a file is, whatever it is called: `DEVICE:INODE`. `None` if it is not there.
#[must_use]
pub fn file_number(path: &Path) -> Option<String> {
    std::fs::metadata(path).ok().map(|found| format!("{}:{}", found.dev(), found.ino()))
}

impl Running {
    /// Of this process, without `web` and metrics and on sockets of its own, and with no database.
    #[must_use]
    pub fn here(name: String, tls: Vec<SocketAddr>, plain: Vec<SocketAddr>) -> Self {
        let (version, pid) = (Some(VERSION.to_owned()), Some(std::process::id()));
        let (web, metrics, replaced) = (Vec::new(), Vec::new(), Vec::new());
        let (database, settings) = (None, BTreeMap::new());
        Self { name, tls, plain, web, metrics, replaced, version, pid, database, settings }
    }

    /// The settings in effect.
    pub fn set_settings(&mut self, config: &Config) {
        self.settings = config.values().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, data: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        files::replace(&data.join(RUNNING_FILE), 0o600, text.as_bytes())
    }

    /// Reads the file of the server that runs on this data directory; `None` if it is missing or
    /// can't be parsed.
    #[must_use]
    pub fn read(data: &Path) -> Option<Self> {
        toml::from_slice(&files::read_small(&data.join(RUNNING_FILE)).ok()?).ok()
    }

    /// Removes the file. Nothing depends on it, so a failure is only logged.
    pub fn remove(data: &Path) {
        if let Err(error) = std::fs::remove_file(data.join(RUNNING_FILE)) {
            log::debug!("can't remove {RUNNING_FILE}: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(Running::read(data.path()), None);
        let tls = vec!["[::]:2428".parse().unwrap(), "127.0.0.1:3428".parse().unwrap()];
        let mut running = Running::here("chat.example.org".to_owned(), tls, Vec::new());
        running.web.push("127.0.0.1:2480".parse().unwrap());
        running.metrics.push("127.0.0.1:9428".parse().unwrap());
        running.replaced.push("tls".to_owned());
        running.database = file_number(data.path());
        running.settings.insert("limits.flood".to_owned(), "\"off\"".to_owned());
        running.write(data.path()).unwrap();
        assert_eq!(Running::read(data.path()), Some(running.clone()));
        // As a version before wrote it.
        std::fs::write(data.path().join(RUNNING_FILE), "name = \"chat\"\ntls = []\nplain = []\n").unwrap();
        assert_eq!(Running::read(data.path()).map(|read| (read.name, read.version)), Some(("chat".to_owned(), None)));
        Running::remove(data.path());
        assert_eq!(Running::read(data.path()), None);
    }
}
