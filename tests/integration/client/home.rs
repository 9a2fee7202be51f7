//! The real `chitchat` with a state directory of its own.

use super::DEADLINE;
use super::scripted::{Act, Identity, Server};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The client's home: its state directory.
pub(super) struct Home(pub tempfile::TempDir);

pub(super) struct Ended {
    /// The exit code; `None` if it had to be killed.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// The most memory that it had in use, in bytes.
    pub peak: usize,
}

impl Home {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("chitchat").join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path("")).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn save_login(&self, server: SocketAddr) {
        self.write("tokens", &format!("{server} alice ttoken\n"));
    }

    pub(super) fn command(&self, server: SocketAddr, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chitchat"));
        command.arg(server.to_string()).args(args).env("XDG_STATE_HOME", self.0.path()).env_remove("RUST_LOG");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the client, logged in, against a server of that certificate, which acts like this on each
    /// connection, and waits for both to end.
    pub(super) fn meets(&self, identity: &Identity, acts: Vec<Act>, input: &str) -> Ended {
        let server = Server::start(identity, acts);
        self.save_login(server.address);
        let ended = self.run(server.address, &["--fingerprint", &identity.fingerprint], input);
        server.finish();
        ended
    }

    pub(super) fn run(&self, server: SocketAddr, args: &[&str], input: &str) -> Ended {
        finish(self.command(server, args).spawn().unwrap(), input)
    }
}

/// Writes the input and waits for the process to end, or kills it at the deadline.
pub(super) fn finish(child: Child, input: &str) -> Ended {
    finish_within(child, input, DEADLINE)
}

/// The same with another deadline.
pub(super) fn finish_within(mut child: Child, input: &str, deadline: Duration) -> Ended {
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let reader = |mut from: Box<dyn std::io::Read + Send>| {
        thread::spawn(move || {
            let mut text = String::new();
            from.read_to_string(&mut text).map(|_| text)
        })
    };
    let out = reader(Box::new(child.stdout.take().unwrap()));
    let err = reader(Box::new(child.stderr.take().unwrap()));
    let until = Instant::now() + deadline;
    let mut peak = 0;
    let code = loop {
        peak = peak_of(&child).unwrap_or(peak);
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    Ended { code, out: out.join().unwrap().unwrap(), err: err.join().unwrap().unwrap(), peak }
}

/// The most memory that a process has had in use so far; `None` when it has ended.
fn peak_of(child: &Child) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kib.trim().trim_end_matches(" kB").parse::<usize>().ok()? * 1024)
}
