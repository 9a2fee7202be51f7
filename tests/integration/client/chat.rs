//! Alice at a terminal (tmux) with the real server, and bob elsewhere: what the tests of typing do and see.

use super::DEADLINE;
use super::home::Home;
use super::terminal::{Other, RealServer, Tmux, register};
use std::fs;
use std::process::Command;
use std::time::Instant;

/// Alice at a terminal, and bob elsewhere, both in the lobby.
pub(super) struct Chat {
    pub tmux: Tmux,
    pub bob: Other,
    pub server: RealServer,
    pub home: Home,
    _data: tempfile::TempDir,
}

impl Chat {
    pub(super) fn start() -> Self {
        let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
        let server = RealServer::start(data.path(), "127.0.0.1:0", "127.0.0.1:0");
        let tmux = register(&server, &home, "alice");
        let bob = Other::connect(server.plain, "/register bob correct horse battery");
        tmux.shows("bob joined");
        Self { tmux, bob, server, home, _data: data }
    }

    /// Starts alice's client anew, after these words.
    pub(super) fn again(&self, before: &str) {
        self.tmux.keys(&["C-c", "C-d"]);
        self.tmux.shows("ended with 0");
        let program = env!("CARGO_BIN_EXE_chitchat");
        let command = format!("{before} {program} {}; echo ended with $?; exec cat", self.server.tls);
        self.tmux.run(&["respawn-pane", "-k", &command]);
        self.line_is("[lobby]");
    }

    pub(super) fn types(&self, text: &str) {
        self.tmux.run(&["send-keys", "-l", text]);
    }

    /// Pastes as terminals do: marked, with carriage returns as line ends.
    pub(super) fn pastes(&self, text: &str) {
        let file = self.home.0.path().join("pasted");
        fs::write(&file, text).unwrap();
        self.tmux.run(&["load-buffer", file.to_str().unwrap()]);
        self.tmux.run(&["paste-buffer", "-p"]);
    }

    pub(super) fn bob_says(&mut self, text: &str) {
        self.bob_says_in("lobby", text);
    }

    pub(super) fn bob_says_in(&mut self, room: &str, text: &str) {
        self.bob.send(&format!("/say {room} {text}"));
        self.bob.until("+ ");
    }

    /// Waits until the last line of the screen is this one.
    pub(super) fn line_is(&self, line: &str) -> String {
        self.tmux.until(line, |screen| screen.lines().last() == Some(line))
    }

    /// Makes the terminal this wide. tmux wraps its rows anew at once, and tells the program a little later.
    pub(super) fn resize(&self, columns: &str) {
        self.tmux.run(&["resize-window", "-x", columns, "-y", "24"]);
        let tty = self.tmux.run(&["display-message", "-p", "#{pane_tty}"]);
        self.tmux.until("new size", |_| {
            let size = Command::new("stty").args(["-F", tty.trim(), "size"]).output().unwrap();
            String::from_utf8_lossy(&size.stdout).trim() == format!("24 {columns}")
        });
    }

    /// The rows of the screen as they are, without those below the line being typed.
    pub(super) fn rows(&self) -> Vec<String> {
        let screen = self.tmux.run(&["capture-pane", "-p"]);
        screen.trim_end().lines().map(|row| row.trim_end().to_owned()).collect()
    }

    /// Waits until the screen ends with these rows.
    pub(super) fn ends_with(&self, rows: &[&str]) {
        let until = Instant::now() + DEADLINE;
        loop {
            let found = self.rows();
            if found.ends_with(&rows.iter().map(|&row| row.to_owned()).collect::<Vec<_>>()) {
                return;
            }
            assert!(Instant::now() < until, "{rows:#?} is not the end of {found:#?}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
