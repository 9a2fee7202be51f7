//! The real `chitchatd`, with data in a temporary directory, ended by its own pid.

use super::process::{PATIENCE, bare, end, listen, listening, wait};
use super::{Client, DEADLINE};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The settings of tests unless they say otherwise: passwords are cheap to check, and nothing is
/// throttled.
const SETTINGS: [&str; 7] = [
    "registration=open",
    "accounts.bcrypt_cost=4",
    "limits.flood=off",
    "limits.account_flood=off",
    "limits.logins=off",
    "limits.registrations=off",
    "limits.per_address=off",
];

/// A server that runs, or one that has ended and whose data still exists.
pub(crate) struct Server {
    data: TempDir,
    settings: Vec<String>,
    /// Whether its settings are in a file, which can be written again.
    by_file: bool,
    /// The largest file that it may write, in KiB: in effect, a full disk.
    file_limit: Option<u32>,
    /// A command line before its own.
    under: Vec<String>,
    /// Of its environment.
    variables: BTreeMap<String, String>,
    process: Option<Running>,
}

struct Running {
    child: Child,
    said: Receiver<String>,
    log: String,
    tls: SocketAddr,
    plain: SocketAddr,
}

/// How a run that never served ended.
pub(crate) struct Failure {
    /// Its exit status.
    pub status: ExitStatus,
    /// Everything that it wrote.
    pub said: String,
}

impl Server {
    /// A server with nobody in it.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// The same with additional settings, as `KEY=VALUE`.
    pub(crate) fn with(settings: &[&str]) -> Self {
        let mut server = Self::not_started(settings);
        server.restart();
        server
    }

    /// The same, but not started: prepare its data directory and call [`Server::restart`].
    pub(crate) fn not_started(settings: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory can be made");
        let (settings, variables) = (with_defaults(settings), BTreeMap::new());
        Self { data, settings, by_file: false, file_limit: None, under: Vec::new(), variables, process: None }
    }

    /// A server whose settings are in a file: [`Server::settings_file`].
    #[allow(dead_code, reason = "the crash battery has no use for it")]
    pub(crate) fn by_file(settings: &[&str]) -> Self {
        let mut server = Self::not_started(&[]);
        server.by_file = true;
        server.write_settings(settings);
        server.restart();
        server
    }

    /// The file of its settings.
    #[allow(dead_code, reason = "the crash battery has no use for it")]
    pub(crate) fn settings_file(&self) -> PathBuf {
        self.data.path().join("chitchat.toml")
    }

    /// Writes that file again. Nobody tells the server.
    #[allow(dead_code, reason = "the crash battery has no use for it")]
    pub(crate) fn write_settings(&self, settings: &[&str]) {
        let line = |setting: String| {
            let (key, value) = setting.split_once('=').expect("KEY=VALUE");
            format!("{key} = '{value}'\n")
        };
        let text: String = with_defaults(settings).into_iter().map(line).collect();
        std::fs::write(self.settings_file(), text).expect("the data directory can be written to");
    }

    /// Waits until it has written a line with this text, and returns the line.
    #[allow(dead_code, reason = "the crash battery has no use for it")]
    pub(crate) fn wait_for_log(&mut self, text: &str) -> String {
        let running = self.process.as_mut().expect("the server runs");
        let deadline = Instant::now() + PATIENCE;
        loop {
            match running.said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    running.log.push_str(&line);
                    running.log.push('\n');
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => panic!("it did not say {text} ({error}); it said:\n{}", running.log),
            }
        }
    }

    /// From the next start on, none of its files may grow beyond this many KiB.
    pub(crate) fn limit_files(&mut self, kib: Option<u32>) {
        self.file_limit = kib;
    }

    /// From the next start on, another program starts it.
    #[allow(dead_code, reason = "the crash battery has no use for it")]
    pub(crate) fn run_under(&mut self, line: Option<Vec<String>>) {
        self.under = line.unwrap_or_default();
    }

    /// From the next start on, a variable of its environment.
    #[allow(dead_code, reason = "the crash battery uses it")]
    pub(crate) fn set_variable(&mut self, name: &str, value: impl ToString) {
        self.variables.insert(name.to_owned(), value.to_string());
    }

    /// From the next start on, no such variable.
    #[allow(dead_code, reason = "the crash battery uses it")]
    pub(crate) fn clear_variable(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// Starts it again on the same data, at other ports. It must not be running.
    pub(crate) fn restart(&mut self) {
        if let Err(failure) = self.try_restart() {
            panic!(
                "chitchatd did not say where it listens, but ended with {}; it said:\n{}",
                failure.status, failure.said
            );
        }
    }

    /// The same where it may end before it says where it listens.
    pub(crate) fn try_restart(&mut self) -> Result<(), Failure> {
        assert!(self.process.is_none(), "the server still runs");
        let mut child = self.command().spawn().expect("chitchatd can be started");
        let said = listen(&mut child);
        let (mut tls, mut plain, mut log) = (None, None, String::new());
        let deadline = Instant::now() + DEADLINE;
        while tls.is_none() || plain.is_none() {
            match said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    match listening(&line) {
                        Some(("TLS", address)) => tls = Some(address),
                        Some((_, address)) => plain = Some(address),
                        None => {}
                    }
                    log.push_str(&line);
                    log.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure { status: child.wait().expect("the process is ours"), said: log });
                }
                Err(RecvTimeoutError::Timeout) => {
                    end(&mut child);
                    panic!("chitchatd did not say in time where it listens; it said:\n{log}");
                }
            }
        }
        let (tls, plain) = (tls.expect("both are set"), plain.expect("both are set"));
        self.process = Some(Running { child, said, log, tls, plain });
        Ok(())
    }

    /// Starts it and kills it after this time, wherever it is then.
    #[allow(dead_code, reason = "the crash battery uses it")]
    pub(crate) fn start_and_kill(&mut self, after: Duration) {
        let mut child = self.command().spawn().expect("chitchatd can be started");
        let said = listen(&mut child);
        std::thread::sleep(after);
        end(&mut child);
        assert!(!said.iter().any(|line| line.contains("panicked at")), "a thread of the server panicked");
    }

    /// Starts the server where it is expected to fail, with more arguments, and waits for its end.
    pub(crate) fn fail(data: &Path, arguments: &[&str]) -> Failure {
        let mut command = chitchatd(data, &SETTINGS);
        command.args(arguments);
        let mut child = command.spawn().expect("chitchatd can be started");
        let said = listen(&mut child);
        let mut log = String::new();
        Failure { status: wait(&mut child, &said, &mut log), said: log }
    }

    /// Runs another command of `chitchatd` on this server's data, such as `invite`, and returns what
    /// it printed.
    pub(crate) fn command_output(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chitchatd"));
        let output =
            command.args(arguments).arg("--data").arg(self.data.path()).output().expect("chitchatd can be started");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "chitchatd {arguments:?} failed: {out}{err}");
        out.into_owned()
    }

    fn command(&self) -> Command {
        let mut direct = if self.by_file {
            let mut direct = chitchatd(self.data.path(), &[""; 0]);
            direct.arg("--config").arg(self.settings_file());
            direct
        } else {
            chitchatd(self.data.path(), &self.settings)
        };
        if let Some((program, arguments)) = self.under.split_first() {
            let mut under = Command::new(program);
            under.args(arguments).arg(direct.get_program()).args(direct.get_args());
            bare(&mut under);
            direct = under;
        }
        direct.envs(&self.variables);
        let Some(kib) = self.file_limit else { return direct };
        // An ignored signal stays ignored in the program that replaces the shell.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kib * 2);
        let mut limited = Command::new("sh");
        limited.arg("-c").arg(script).arg(direct.get_program()).args(direct.get_args());
        bare(&mut limited);
        limited.envs(&self.variables);
        limited
    }

    fn running(&self) -> &Running {
        self.process.as_ref().expect("the server runs")
    }

    /// Where it accepts TLS.
    pub(crate) fn tls(&self) -> SocketAddr {
        self.running().tls
    }

    /// Where it accepts plain connections.
    pub(crate) fn plain(&self) -> SocketAddr {
        self.running().plain
    }

    /// Where it accepts HTTP without TLS.
    #[allow(dead_code, reason = "the crash battery has no use for it")]
    pub(crate) fn web(&mut self) -> SocketAddr {
        const BEFORE: &str = "  listening    web ";
        let said = self.running().log.lines().find(|line| line.starts_with(BEFORE)).map(str::to_owned);
        let line = said.unwrap_or_else(|| self.wait_for_log(BEFORE));
        line[BEFORE.len()..].parse().expect("an address")
    }

    /// Its certificate's fingerprint, as its start printed it.
    pub(crate) fn fingerprint(&self) -> String {
        let mut lines = self.running().log.lines().filter_map(|line| line.trim().strip_prefix("certificate "));
        lines.next().expect("a start prints the fingerprint").trim().to_owned()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.running().child.id()
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.path().to_owned()
    }

    /// A connection without TLS, after the greeting.
    pub(crate) fn connect(&self) -> Client {
        let mut client = Client::plain(self.plain());
        client.expect("* …");
        client
    }

    /// A connection with TLS, after the greeting.
    pub(crate) fn connect_tls(&self) -> Client {
        let mut client = Client::tls(self.tls());
        client.expect("* …");
        client
    }

    /// A connection to the console, after the greeting.
    pub(crate) fn console(&self) -> Client {
        let mut client = Client::console(&self.data().join("admin.sock"));
        client.expect("* …");
        client
    }

    /// Asks it to stop, as systemd does.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks it to stop, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Tells it to reload, as `systemctl reload` and a terminal that is closed do.
    pub(crate) fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Kills it, as in a crash, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    /// Kills it without waiting until it is gone; it may have ended already.
    #[allow(dead_code, reason = "the crash battery uses it")]
    pub(crate) fn kill_now(&mut self) {
        let _ = self.process.as_mut().expect("the server was started").child.kill();
    }

    /// Whether it has ended. [`Server::wait`] says how.
    #[allow(dead_code, reason = "the crash battery uses it")]
    pub(crate) fn has_ended(&mut self) -> bool {
        let child = &mut self.process.as_mut().expect("the server was started").child;
        child.try_wait().expect("the process is ours").is_some()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.running().child);
        kill_process(pid, signal).expect("the server's own process can be signalled");
    }

    /// Waits for its end; returns the exit status and everything that it wrote.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let (status, log) = self.wait_after_panic();
        assert!(!log.contains("panicked at"), "a thread of the server panicked:\n{log}");
        (status, log)
    }

    /// The same for a server in which a thread was made to panic.
    pub(crate) fn wait_after_panic(&mut self) -> (ExitStatus, String) {
        let mut running = self.process.take().expect("the server runs");
        let status = wait(&mut running.child, &running.said, &mut running.log);
        (status, running.log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = &mut self.process {
            end(&mut running.child);
            if std::thread::panicking() {
                let said: Vec<String> = running.said.iter().collect();
                eprintln!("the server wrote:\n{}{}", running.log, said.join("\n"));
            }
        }
    }
}

/// The settings of tests with these in place of those that they replace.
fn with_defaults(settings: &[&str]) -> Vec<String> {
    let key = |setting: &str| setting.split('=').next().unwrap_or_default().to_owned();
    let kept = SETTINGS.iter().filter(|&&old| !settings.iter().any(|&new| key(new) == key(old)));
    kept.chain(settings).map(|&setting| setting.to_owned()).collect()
}

fn chitchatd(data: &Path, settings: &[impl AsRef<str>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chitchatd"));
    command.arg("--data").arg(data).args(["--tls", "127.0.0.1:0", "--plain", "127.0.0.1:0"]);
    for setting in settings {
        command.args(["--set", setting.as_ref()]);
    }
    bare(&mut command);
    command
}
