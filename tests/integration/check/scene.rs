//! What `chitchatd check` looks at in a test: data that a server has left, settings, and how it is run.

use crate::certificates::{NAME, write_key};
use crate::support::Server;
use rusqlite::Connection;
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A user that nobody is, for what belongs to somebody else.
pub(super) const SOMEBODY: u32 = 65_534;

/// Data that a server has left, and how it would be started on it.
pub(crate) struct Scene {
    pub(crate) directory: TempDir,
    pub(crate) data: PathBuf,
    /// `KEY=VALUE`, in place of what is good.
    pub(super) settings: Vec<String>,
    /// The text of a settings file, if there is one.
    pub(super) file: Option<&'static str>,
    /// A command line before its own.
    pub(super) under: Vec<String>,
    /// Kept until it has been looked at.
    pub(super) held: Vec<TcpListener>,
}

impl Scene {
    /// With nothing wrong.
    pub(crate) fn good(template: &Path) -> Self {
        // On the disk where the programs are built: a temporary directory may be in memory.
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let data = directory.path().join("data");
        copy(template, &data);
        Self { directory, data, settings: Vec::new(), file: None, under: Vec::new(), held: Vec::new() }
    }

    pub(super) fn set(&mut self, setting: impl Into<String>) {
        self.settings.push(setting.into());
    }

    /// A certificate that the settings name, with its key.
    pub(super) fn certificate(&mut self, chain: &str, key: &str) -> PathBuf {
        let (certificate, key_path) = (self.directory.path().join("chain.pem"), self.directory.path().join("own.key"));
        fs::write(&certificate, chain).unwrap();
        write_key(&key_path, key);
        self.set(format!("certificate={}", certificate.display()));
        self.set(format!("key={}", key_path.display()));
        self.set(format!("name={NAME}"));
        key_path
    }

    pub(super) fn database(&self) -> Connection {
        Connection::open(self.data.join("chitchat.db")).unwrap()
    }

    /// Its exit code, and what it printed.
    pub(super) fn check(&self, more: &[&str]) -> (Option<i32>, String) {
        let mut words: Vec<String> = self.under.clone();
        words.push(env!("CARGO_BIN_EXE_chitchatd").to_owned());
        words.extend(["--data".to_owned(), self.data.display().to_string()]);
        if let Some(text) = self.file {
            let file = self.directory.path().join("chitchat.toml");
            fs::write(&file, text).unwrap();
            words.extend(["--config".to_owned(), file.display().to_string()]);
        }
        let usual = ["tls=127.0.0.1:0", "plain=127.0.0.1:0", "limits.connections=100"].map(str::to_owned);
        for setting in usual.iter().chain(&self.settings) {
            words.extend(["--set".to_owned(), setting.clone()]);
        }
        words.push("check".to_owned());
        words.extend(more.iter().map(|&word| word.to_owned()));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_remove("STATE_DIRECTORY").stdin(Stdio::null());
        let done = command.output().unwrap();
        let said = String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap();
        (done.status.code(), said)
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The data of a server in which something was said, and which has stopped.
pub(crate) fn template() -> Server {
    let mut server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    for text in 0..200 {
        alice.ask(&format!("/say lobby this is number {text}"));
    }
    server.terminate();
    server.wait();
    server
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
