//! What the client remembers between runs: files in `$XDG_STATE_HOME/chitchat`.
//!
//! Owns the directory (0700) and its files (0600): `known_hosts`, `servers`, `tokens` and `history`. Never
//! stores a password. Several clients may run at once: each change is made under a lock and
//! replaces the whole file. Used by the main thread, and by the network thread when a token was
//! revoked.

use super::args::Address;
use crate::files;
use crate::protocol::names::UserName;
use crate::protocol::secrets::Secret;
use etcetera::BaseStrategy as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why something could not be saved or loaded. The machine's fault.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is no home directory, and no `XDG_STATE_HOME`.
    #[error("no home directory: set XDG_STATE_HOME to where chitchat may save its state")]
    NoHome,
    /// A file or directory could not be read or written.
    #[error("can't use {}: {error}. What chitchat remembers is there; XDG_STATE_HOME names another place", path.display())]
    Io {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

#[derive(Debug, Clone)]
pub(super) struct StateDir {
    dir: PathBuf,
}

/// An account and its device token.
#[derive(Debug, Clone)]
pub(super) struct SavedLogin {
    pub name: UserName,
    /// The token that logs in to it.
    pub token: Secret,
}

impl StateDir {
    /// The user's directory, created if necessary.
    ///
    /// # Errors
    /// [`StateError`] if its place is unknown, or it can't be created.
    pub(super) fn open() -> Result<Self, StateError> {
        let base = etcetera::base_strategy::Xdg::new().map_err(|_| StateError::NoHome)?;
        let dir = base.state_dir().ok_or(StateError::NoHome)?.join("chitchat");
        Self::at(dir)
    }

    /// Any directory, created if necessary.
    ///
    /// # Errors
    /// [`StateError::Io`] if it can't be created.
    pub(super) fn at(dir: PathBuf) -> Result<Self, StateError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        made.map_err(|error| StateError::Io { path: dir.clone(), error })?;
        Ok(Self { dir })
    }

    /// Which servers are trusted.
    #[must_use]
    pub(super) fn known_hosts(&self) -> PathBuf {
        self.dir.join("known_hosts")
    }

    /// Lines that the user entered.
    #[must_use]
    pub(super) fn history(&self) -> PathBuf {
        self.dir.join("history")
    }

    /// Where the user was.
    #[must_use]
    pub(super) fn servers(&self) -> PathBuf {
        self.dir.join("servers")
    }

    fn tokens(&self) -> PathBuf {
        self.dir.join("tokens")
    }

    /// The saved login on a server: of this account, or of the one that logged in last.
    ///
    /// # Errors
    /// [`StateError::Io`] if the file exists but can't be read.
    pub(super) fn saved_login(
        &self,
        server: &Address,
        name: Option<&UserName>,
    ) -> Result<Option<SavedLogin>, StateError> {
        let text = Zeroizing::new(read(&self.tokens())?);
        let server = server.to_string();
        let mut saved = text.lines().filter_map(|line| parse_token(line, &server));
        Ok(saved.rfind(|saved| name.is_none_or(|name| *name == saved.name)))
    }

    /// All saved logins and their servers, `HOST:PORT`, the last one last.
    ///
    /// # Errors
    /// [`StateError::Io`] if the file exists but can't be read.
    pub(super) fn saved_logins(&self) -> Result<Vec<(String, SavedLogin)>, StateError> {
        let text = Zeroizing::new(read(&self.tokens())?);
        let saved = |line: &str| {
            let server = line.split(' ').next()?;
            Some((server.to_owned(), parse_token(line, server)?))
        };
        Ok(text.lines().filter_map(saved).collect())
    }

    /// Saves a login in place of the account's old one.
    ///
    /// # Errors
    /// [`StateError::Io`] if the file can't be written.
    pub(super) fn save_login(&self, server: &Address, saved: &SavedLogin) -> Result<(), StateError> {
        self.rewrite_logins(server, &saved.name, Some(saved))
    }

    /// Forgets an account's login.
    ///
    /// # Errors
    /// [`StateError::Io`] if the file can't be written.
    pub(super) fn forget_login(&self, server: &Address, name: &UserName) -> Result<(), StateError> {
        self.rewrite_logins(server, name, None)
    }

    fn rewrite_logins(&self, server: &Address, name: &UserName, saved: Option<&SavedLogin>) -> Result<(), StateError> {
        let server = server.to_string();
        self.update(&self.tokens(), |text| with_login(text, &server, name, saved))
    }

    /// Replaces a file's text with what `change` returns for it.
    ///
    /// # Errors
    /// [`StateError::Io`] names the file.
    pub(super) fn update(&self, path: &Path, change: impl FnOnce(&str) -> Zeroizing<String>) -> Result<(), StateError> {
        let lock_path = self.dir.join("lock");
        let lock = owned_file(&lock_path, OpenOptions::new().create(true).append(true))?;
        lock.lock().map_err(|error| StateError::Io { path: lock_path, error })?;
        let new = change(&Zeroizing::new(read(path)?));
        files::replace(path, 0o600, new.as_bytes()).map_err(|error| StateError::Io { path: path.to_owned(), error })
        // The lock is released when its file is closed.
    }
}

/// The text of a file, empty if it does not exist.
///
/// # Errors
/// [`StateError::Io`] names the file.
pub(super) fn read(path: &Path) -> Result<String, StateError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other.map_err(|error| StateError::Io { path: path.to_owned(), error }),
    }
}

fn owned_file(path: &Path, options: &mut OpenOptions) -> Result<File, StateError> {
    options.mode(0o600).open(path).map_err(|error| StateError::Io { path: path.to_owned(), error })
}

/// The text of `tokens` with this login of the account at its end, or with none.
pub(super) fn with_login(text: &str, server: &str, name: &UserName, saved: Option<&SavedLogin>) -> Zeroizing<String> {
    let added = saved.map(|saved| Zeroizing::new(format!("{server} {} {}\n", saved.name, saved.token.expose())));
    let added = added.as_ref().map_or("", |line| line.as_str());
    let mut new = Zeroizing::new(String::with_capacity(text.len() + 1 + added.len()));
    for line in text.lines() {
        if parse_token(line, server).is_none_or(|saved| saved.name != *name) {
            new.push_str(line);
            new.push('\n');
        }
    }
    new.push_str(added);
    new
}

/// Parses `HOST:PORT NAME TOKEN`. Other lines are left alone.
pub(super) fn parse_token(line: &str, server: &str) -> Option<SavedLogin> {
    let mut words = line.split(' ');
    if words.next()? != server {
        return None;
    }
    let name = UserName::parse(words.next()?).ok()?;
    let token = words.next().filter(|token| !token.is_empty()).map(Secret::new)?;
    words.next().is_none().then_some(SavedLogin { name, token })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::args::Transport;
    use std::os::unix::fs::PermissionsExt as _;

    fn server(host: &str) -> Address {
        Address { host: host.to_owned(), port: 2428, transport: Transport::Tls }
    }

    fn saved(name: &str, token: &str) -> SavedLogin {
        SavedLogin { name: UserName::parse(name).unwrap(), token: Secret::new(token) }
    }

    #[test]
    fn logins_are_saved_for_each_account_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("a/chitchat")).unwrap();
        let found = |host: &str, name: Option<&str>| {
            let name = name.map(|name| UserName::parse(name).unwrap());
            state.saved_login(&server(host), name.as_ref()).unwrap().map(|saved| saved.token.expose().to_owned())
        };
        assert_eq!(found("a", None), None);
        for (host, name, token) in [("a", "alice", "t1"), ("b", "alice", "t2"), ("a", "Bob", "t3")] {
            state.save_login(&server(host), &saved(name, token)).unwrap();
        }
        assert_eq!(found("a", None).as_deref(), Some("t3"), "the last login is the default");
        assert_eq!(found("a", Some("ALICE")).as_deref(), Some("t1"));
        state.save_login(&server("a"), &saved("alice", "t4")).unwrap();
        assert_eq!(found("a", None).as_deref(), Some("t4"));
        state.forget_login(&server("a"), &UserName::parse("alice").unwrap()).unwrap();
        assert_eq!(found("a", Some("alice")), None);
        assert_eq!(found("b", None).as_deref(), Some("t2"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&state.tokens()), mode(&state.dir)), (0o600, 0o700));
    }

    #[test]
    fn lines_that_are_not_logins_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().to_owned()).unwrap();
        fs::write(state.tokens(), "# mine\na:2428 alice\na:2428 alice t1 more\n").unwrap();
        state.save_login(&server("a"), &saved("alice", "t2")).unwrap();
        let text = fs::read_to_string(state.tokens()).unwrap();
        assert_eq!(text, "# mine\na:2428 alice\na:2428 alice t1 more\na:2428 alice t2\n");
    }
}
