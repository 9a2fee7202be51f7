//! The client at a terminal: a real `chitchatd`, and `chitchat` in tmux.
//!
//! Ignored unless asked for (`cargo test --test integration client -- --ignored`): it needs tmux.

use super::DEADLINE;
use super::home::Home;
use super::scripted::{Act, Server, self_signed};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// `chitchatd` on loopback, killed at the end of the test.
pub(super) struct RealServer {
    child: Child,
    pub tls: SocketAddr,
    pub plain: SocketAddr,
    pub fingerprint: String,
}

impl RealServer {
    pub(super) fn start(data: &Path, tls: &str, plain: &str) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_chitchatd")), data, tls, plain)
    }

    /// As `start`, by a command that may do more than run the program.
    pub(super) fn run(mut command: Command, data: &Path, tls: &str, plain: &str) -> Self {
        command.arg("--data").arg(data).args(["--tls", tls, "--plain", plain, "--registration", "open"]);
        command.args(["--set", "accounts.bcrypt_cost=4"]).stdout(Stdio::piped()).stderr(Stdio::null());
        // So that all of them end with it, if the command starts the program as a process of its own.
        let mut child = command.process_group(0).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut word = |line: &str| -> String {
            let found =
                said.find_map(|text| text.unwrap().trim().strip_prefix(line).map(|rest| rest.trim().to_owned()));
            found.expect("the server says where it listens")
        };
        let fingerprint = word("certificate");
        let tls = word("listening    TLS").parse().unwrap();
        let plain = word("listening    plain").parse().unwrap();
        // The server goes on printing, and must not end because nobody reads.
        thread::spawn(move || said.for_each(drop));
        Self { child, tls, plain, fingerprint }
    }

    /// Stops it and waits until it has ended.
    pub(super) fn stop(self) {
        self.end_by("-TERM");
    }

    /// Kills it, as a power cut would.
    pub(super) fn kill(self) {
        self.end_by("-KILL");
    }

    fn end_by(mut self, signal: &str) {
        assert!(self.signal(signal));
        let until = Instant::now() + DEADLINE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "the server does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl RealServer {
    /// Signals it and whatever it has started; false if nothing of that is there any more.
    fn signal(&self, signal: &str) -> bool {
        let group = format!("-{}", self.child.id());
        Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status().unwrap().success()
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // Usually it has ended already.
        self.signal("-KILL");
        let _ = self.child.wait();
    }
}

/// Somebody else, on the plain port as with nc.
pub(super) struct Other(BufReader<TcpStream>);

impl Other {
    pub(super) fn connect(server: SocketAddr, how: &str) -> Self {
        let socket = TcpStream::connect(server).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut other = Self(BufReader::new(socket));
        other.send(how);
        other.until("+ welcome");
        other
    }

    pub(super) fn send(&mut self, line: &str) {
        writeln!(self.0.get_mut(), "{line}").unwrap();
    }

    pub(super) fn until(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the connection ended before {start:?}");
            if line.starts_with(start) {
                return line;
            }
        }
    }
}

/// A terminal of 80 by 24 in a tmux server of its own.
pub(super) struct Tmux {
    socket: std::path::PathBuf,
}

impl Tmux {
    pub(super) fn start(home: &Home, command: &str) -> Self {
        let tmux = Self { socket: home.0.path().join("tmux") };
        let shell = format!("{command}; echo ended with $?; exec cat");
        let state = format!("XDG_STATE_HOME={}", home.0.path().display());
        let args =
            ["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "-e", &state, "-e", "LC_ALL=C.UTF-8"];
        tmux.run(&[&args[..], &[shell.as_str()]].concat());
        tmux
    }

    pub(super) fn run(&self, args: &[&str]) -> String {
        let out = Command::new("tmux").arg("-u").arg("-S").arg(&self.socket).args(args).output().unwrap();
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    pub(super) fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys"], keys].concat());
    }

    pub(super) fn type_line(&self, text: &str) {
        self.run(&["send-keys", "-l", text]);
        self.keys(&["Enter"]);
    }

    pub(super) fn screen(&self) -> String {
        let all = self.run(&["capture-pane", "-p", "-J", "-S", "-2000"]);
        all.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    /// Waits until the screen looks as expected.
    pub(super) fn until(&self, what: &str, expected: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + DEADLINE;
        loop {
            let screen = self.screen();
            if expected(&screen) {
                return screen;
            }
            assert!(Instant::now() < until, "no {what} on:\n{screen}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(super) fn shows(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // The test may have failed before it was started.
        let _ = Command::new("tmux").arg("-S").arg(&self.socket).arg("kill-server").output();
    }
}

pub(super) fn register(server: &RealServer, home: &Home, name: &str) -> Tmux {
    let program = env!("CARGO_BIN_EXE_chitchat");
    let tmux = Tmux::start(home, &format!("{program} {} --register", server.tls));
    let asked = tmux.shows("Trust this server from now on? [y/N]");
    assert!(asked.replace('\n', "").contains(&server.fingerprint), "{asked}");
    tmux.type_line("y");
    tmux.shows("Choose a name:");
    tmux.type_line(name);
    tmux.shows("Choose a password, 8 characters or more:");
    tmux.type_line("correct horse battery");
    tmux.shows("The same again:");
    tmux.type_line("correct horse battery");
    let screen = tmux.until("prompt", |screen| screen.ends_with("\n[lobby]"));
    assert!(!screen.contains("horse"), "{screen}");
    tmux
}

#[test]
#[ignore = "needs tmux"]
fn incoming_lines_never_garble_the_one_being_typed() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let server = RealServer::start(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    let tmux = register(&server, &home, "alice");
    let mut bob = Other::connect(server.plain, "/register bob correct horse battery");
    // Longer than a row of the terminal, with wide characters; the cursor is moved back into the line.
    let typed = "this line is typed while others come in, 日本語, and it is longer than one row of it";
    tmux.run(&["send-keys", "-l", typed]);
    tmux.keys(&["Left", "Left", "Left"]);
    for n in 1..=40 {
        bob.send(&format!("/say lobby line {n} 漢字"));
        bob.until("+ ");
    }
    tmux.shows("bob: line 40 漢字");
    tmux.keys(&["Enter"]);
    bob.until(&format!("[lobby] alice: {typed}"));
    let screen = tmux.screen();
    let said: Vec<&str> = screen.lines().filter_map(|line| line.split_once("bob: line ").map(|(_, n)| n)).collect();
    assert_eq!(said, (1..=40).map(|n| format!("{n} 漢字")).collect::<Vec<_>>(), "{screen}");
    tmux.type_line("/quit");
    tmux.shows("ended with 0");
    let history = std::fs::read_to_string(home.path("history")).unwrap();
    assert!(history.contains(typed) && !history.contains("horse"), "{history}");
    server.stop();
}

#[test]
#[ignore = "needs tmux"]
fn a_server_restart_loses_neither_messages_nor_the_line_being_typed() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let server = RealServer::start(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    let (tls, plain) = (server.tls.to_string(), server.plain.to_string());
    let tmux = register(&server, &home, "alice");
    Other::connect(server.plain, "/register bob correct horse battery").send("/quit");
    tmux.shows("bob joined");
    tmux.run(&["send-keys", "-l", "half"]);
    server.stop();
    tmux.shows("connection lost");
    tmux.type_line(" of it");
    tmux.shows("(not connected: this will be sent when the connection is back: half of it)");
    tmux.run(&["send-keys", "-l", "and more"]);
    let server = RealServer::start(data.path(), &tls, &plain);
    let mut bob = Other::connect(server.plain, "/login bob correct horse battery");
    bob.send("/say lobby one");
    bob.send("/msg alice two");
    tmux.shows("(bob > you) two");
    bob.until("[lobby] alice: half of it");
    tmux.keys(&["Enter"]);
    bob.until("[lobby] alice: and more");
    bob.send("/say lobby three");
    let screen = tmux.shows("bob: three");
    for said in ["bob: one", "(bob > you) two", "alice: half of it", "alice: and more", "bob: three"] {
        assert_eq!(screen.matches(said).count(), 1, "{said} in:\n{screen}");
    }
    // What was shown counts as read in the next run, too.
    tmux.keys(&["C-d"]);
    tmux.shows("ended with 0");
    bob.send("/say lobby later");
    let program = env!("CARGO_BIN_EXE_chitchat");
    tmux.run(&["respawn-pane", "-k", &format!("{program} {tls}; echo ended with $?; exec cat")]);
    let screen = tmux.shows("bob: later");
    assert!(!screen.contains("bob: three"), "{screen}");
    server.stop();
}

#[test]
#[ignore = "needs tmux"]
fn questions_are_hidden_and_tab_completes() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let server = RealServer::start(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    let tmux = register(&server, &home, "alice");
    tmux.run(&["send-keys", "-l", "/who lo"]);
    tmux.keys(&["Tab"]);
    tmux.shows("/who lobby");
    tmux.keys(&["Enter"]);
    tmux.shows("here (1): alice");
    tmux.type_line("/passwd");
    tmux.until("question", |screen| {
        screen.lines().last().is_some_and(|line| line.starts_with("127.0.0.1 asks: ") && line.contains("password"))
    });
    tmux.type_line("correct horse battery");
    let asked = tmux.until("second question", |screen| screen.matches("127.0.0.1 asks: ").count() > 1);
    tmux.type_line("another good passphrase");
    let screen = tmux.until("prompt", |screen| screen.ends_with("\n[lobby]") && screen.len() > asked.len());
    assert!(!screen.contains("horse") && !screen.contains("passphrase"), "{screen}");
    tmux.type_line("/quit");
    tmux.shows("ended with 0");
    // The new password revoked the token, and the client saved a new one.
    let program = env!("CARGO_BIN_EXE_chitchat");
    let command = format!("{program} {}; echo ended with $?; exec cat", server.tls);
    tmux.run(&["respawn-pane", "-k", &command]);
    tmux.shows("connected as alice");
    server.stop();
}

/// What a hostile server asks can neither clear the screen nor look like somebody else's question.
#[test]
#[ignore = "needs tmux"]
fn a_question_of_a_hostile_server_is_shown_as_its_own() {
    let (home, identity) = (Home::new(), self_signed());
    let act: Act = Box::new(|mut peer| {
        peer.log_in(&["lobby 0 0 0"]);
        let label = peer.expect("passwd");
        let forged = format!("\u{1b}[2J\u{1b}[H\u{1b}]0;owned\u{7}\r{}[sudo] password for root:", " ".repeat(80));
        peer.send(&[&format!("@re={label} ? {forged}")]);
        assert_eq!(peer.read(), "hunter2");
        peer.send(&[&format!("@re={label} - wrong-password: no.")]);
        peer.end();
    });
    let server = Server::start(&identity, vec![act]);
    home.save_login(server.address);
    let program = env!("CARGO_BIN_EXE_chitchat");
    let tmux = Tmux::start(&home, &format!("{program} {} --fingerprint {}", server.address, identity.fingerprint));
    tmux.until("prompt", |screen| screen.ends_with("\n[lobby]"));
    tmux.type_line("/passwd");
    let asked = tmux.shows("127.0.0.1 asks: ");
    let (before, question) = asked.split_once("127.0.0.1 asks: ").unwrap();
    assert!(before.contains("[lobby] /passwd"), "what was there before is still there: {asked}");
    assert!(question.chars().count() <= 62 && !question.contains("root"), "{asked}");
    assert_eq!(question.lines().count(), 1, "{asked}");
    assert!(!tmux.run(&["display-message", "-p", "#{pane_title}"]).contains("owned"));
    tmux.type_line("hunter2");
    let screen = tmux.shows("! no.");
    assert!(!screen.contains("hunter2"), "{screen}");
    drop(tmux);
    server.finish();
}

#[test]
#[ignore = "needs tmux"]
fn leaving_with_an_unsent_line_takes_a_second_ctrl_d() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let server = RealServer::start(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    let tmux = register(&server, &home, "alice");
    server.stop();
    tmux.shows("connection lost");
    tmux.type_line("hello");
    tmux.shows("(not connected: ");
    tmux.keys(&["C-d"]);
    let screen = tmux.shows("1 line has not been sent");
    assert!(!screen.contains("ended with"), "{screen}");
    tmux.type_line("and more");
    tmux.type_line("/quit");
    tmux.shows("2 lines have not been sent");
    tmux.keys(&["C-d"]);
    tmux.shows("ended with 0");
}

#[test]
#[ignore = "needs tmux"]
fn a_dumb_terminal_works() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let server = RealServer::start(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    let mut bob = Other::connect(server.plain, "/register bob correct horse battery");
    let tmux = register(&server, &home, "alice");
    tmux.keys(&["C-d"]);
    tmux.shows("ended with 0");
    let program = env!("CARGO_BIN_EXE_chitchat");
    let command = format!("TERM=dumb {program} {}; echo ended with $?; exec cat", server.tls);
    tmux.run(&["respawn-pane", "-k", &command]);
    tmux.shows("+ welcome alice");
    tmux.type_line("hello from a teletype");
    bob.until("[lobby] alice: hello from a teletype");
    bob.send("/say lobby hello back");
    tmux.shows("bob: hello back");
    tmux.type_line("/who lobby");
    tmux.shows("here (2): alice, bob");
    tmux.keys(&["C-d"]);
    let screen = tmux.shows("ended with 0");
    assert!(!screen.contains('\u{1b}'), "{screen}");
    server.stop();
}

#[test]
#[ignore = "needs tmux"]
fn times_follow_tz() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let server = RealServer::start(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    let tmux = register(&server, &home, "alice");
    tmux.keys(&["C-d"]);
    tmux.shows("ended with 0");
    let mut bob = Other::connect(server.plain, "/register bob correct horse battery");
    let program = env!("CARGO_BIN_EXE_chitchat");
    // Half an hour off every whole-hour zone, and no daylight saving.
    let command = format!("TZ=Asia/Kolkata {program} {}; echo ended with $?; exec cat", server.tls);
    tmux.run(&["respawn-pane", "-k", &command]);
    tmux.until("prompt", |screen| screen.ends_with("\n[lobby]"));
    let kolkata = || (jiff::Timestamp::now() + jiff::SignedDuration::from_mins(330)).strftime("%H:%M").to_string();
    let before = kolkata();
    bob.send("/say lobby what time is it?");
    let screen = tmux.shows("bob: what time is it?");
    let shown = |time: &str| screen.contains(&format!("{time} bob: what time is it?"));
    assert!(shown(&before) || shown(&kolkata()), "{screen}");
    server.stop();
}

#[test]
#[ignore = "needs tmux"]
fn a_device_whose_token_is_revoked_is_logged_out() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let server = RealServer::start(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    let tmux = register(&server, &home, "alice");
    let mut other = Other::connect(server.plain, "/login alice correct horse battery");
    other.send("/token list");
    let row = other.until("| chitchat-");
    let label = row.split(' ').nth(1).unwrap();
    other.send(&format!("/token revoke {label}"));
    other.until("+ ");
    let screen = tmux.shows("has expired or was revoked");
    assert!(screen.contains("alice"), "{screen}");
    tmux.shows("ended with 4");
    assert_eq!(std::fs::read_to_string(home.path("tokens")).unwrap(), format!("{} alice -\n", server.tls));
    server.stop();
}
