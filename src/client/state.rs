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

/// What is kept of an account's login.
#[derive(Debug, Clone)]
pub(super) enum KnownLogin {
    /// As far as is known, it holds.
    Saved(SavedLogin),
    /// The server refused it. That is kept, so that the account is asked for its password, and nobody speaks for another
    /// one in its place without knowing.
    Ended(UserName),
}

impl KnownLogin {
    #[must_use]
    pub(super) fn name(&self) -> &UserName {
        match self {
            Self::Saved(saved) => &saved.name,
            Self::Ended(name) => name,
        }
    }

    fn token(&self) -> &str {
        match self {
            Self::Saved(saved) => saved.token.expose(),
            Self::Ended(_) => NO_TOKEN,
        }
    }
}

/// Where a token would be, of a login that has ended.
const NO_TOKEN: &str = "-";

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

    /// What is kept of the login on a server: of this account, or of the one that logged in last.
    ///
    /// # Errors
    /// [`StateError::Io`] if the file exists but can't be read.
    pub(super) fn login(&self, server: &Address, name: Option<&UserName>) -> Result<Option<KnownLogin>, StateError> {
        let text = Zeroizing::new(read(&self.tokens())?);
        let server = server.to_string();
        let mut logins = text.lines().filter_map(|line| parse_login(line, &server));
        Ok(logins.rfind(|login| name.is_none_or(|name| name == login.name())))
    }

    /// What is kept of all logins, and their servers, `HOST:PORT`, the last one last.
    ///
    /// # Errors
    /// [`StateError::Io`] if the file exists but can't be read.
    pub(super) fn logins(&self) -> Result<Vec<(String, KnownLogin)>, StateError> {
        let text = Zeroizing::new(read(&self.tokens())?);
        let parsed = |line: &str| {
            let server = line.split(' ').next()?;
            Some((server.to_owned(), parse_login(line, server)?))
        };
        Ok(text.lines().filter_map(parsed).collect())
    }

    /// Saves a login in place of the account's old one.
    ///
    /// # Errors
    /// [`StateError::Io`] if the file can't be written.
    pub(super) fn save_login(&self, server: &Address, saved: &SavedLogin) -> Result<(), StateError> {
        self.rewrite_logins(server, &saved.name, Some(&KnownLogin::Saved(saved.clone())))
    }

    /// Notes that an account's saved login has ended.
    ///
    /// # Errors
    /// [`StateError::Io`] if the file can't be written.
    pub(super) fn end_login(&self, server: &Address, name: &UserName) -> Result<(), StateError> {
        self.rewrite_logins(server, name, Some(&KnownLogin::Ended(*name)))
    }

    /// Forgets an account's login.
    ///
    /// # Errors
    /// [`StateError::Io`] if the file can't be written.
    pub(super) fn forget_login(&self, server: &Address, name: &UserName) -> Result<(), StateError> {
        self.rewrite_logins(server, name, None)
    }

    fn rewrite_logins(&self, server: &Address, name: &UserName, login: Option<&KnownLogin>) -> Result<(), StateError> {
        let server = server.to_string();
        self.update(&self.tokens(), |text| with_login(text, &server, name, login))
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

/// The text of `tokens` in which this is kept of the account's login, or nothing. A saved one is put at the end, since it
/// is the last; one that has ended stays in its place.
pub(super) fn with_login(text: &str, server: &str, name: &UserName, login: Option<&KnownLogin>) -> Zeroizing<String> {
    let line = login.map(|login| Zeroizing::new(format!("{server} {name} {}\n", login.token())));
    let line = line.as_ref().map_or("", |line| line.as_str());
    let (in_place, at_end) = if matches!(login, Some(KnownLogin::Ended(_))) { (line, "") } else { ("", line) };
    let mut new = Zeroizing::new(String::with_capacity(text.len() + 1 + line.len()));
    let mut placed = false;
    for old in text.lines() {
        if parse_login(old, server).is_none_or(|old| old.name() != name) {
            new.push_str(old);
            new.push('\n');
        } else if !std::mem::replace(&mut placed, true) {
            new.push_str(in_place);
        }
    }
    new.push_str(at_end);
    new
}

/// Parses `HOST:PORT NAME TOKEN`, or `HOST:PORT NAME -` of a login that has ended. Other lines are left alone.
pub(super) fn parse_login(line: &str, server: &str) -> Option<KnownLogin> {
    let mut words = line.split(' ');
    if words.next()? != server {
        return None;
    }
    let name = UserName::parse(words.next()?).ok()?;
    let login = match words.next()? {
        "" => return None,
        NO_TOKEN => KnownLogin::Ended(name),
        token => KnownLogin::Saved(SavedLogin { name, token: Secret::new(token) }),
    };
    words.next().is_none().then_some(login)
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
            state.login(&server(host), name.as_ref()).unwrap().map(|login| login.token().to_owned())
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
    fn a_login_that_has_ended_stays_where_it_was() {
        let (alice, bob) = (saved("alice", "t1"), saved("bob", "t2"));
        let text = with_login("", "a:2428", &alice.name, Some(&KnownLogin::Saved(alice.clone())));
        let text = with_login(&text, "a:2428", &bob.name, Some(&KnownLogin::Saved(bob.clone())));
        let ended = with_login(&text, "a:2428", &alice.name, Some(&KnownLogin::Ended(alice.name)));
        assert_eq!(ended.as_str(), "a:2428 alice -\na:2428 bob t2\n");
        let again = with_login(&ended, "a:2428", &alice.name, Some(&KnownLogin::Saved(alice.clone())));
        assert_eq!(again.as_str(), "a:2428 bob t2\na:2428 alice t1\n");
        assert_eq!(with_login(&ended, "a:2428", &alice.name, None).as_str(), "a:2428 bob t2\n");
        assert_eq!(with_login("", "a:2428", &alice.name, Some(&KnownLogin::Ended(alice.name))).as_str(), "");
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
