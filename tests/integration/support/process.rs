//! A process of `chitchatd`: begun bare, what it writes, and its end, which is never waited for without a deadline.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How long the server may take to end: its own deadline for flushing, and more.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn bare(command: &mut Command) {
    // A developer's environment must not change what is tested.
    command
        .env_remove("STATE_DIRECTORY")
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_USEC")
        .env_remove("WATCHDOG_PID")
        .env_remove("LISTEN_FDS")
        .env_remove("LISTEN_FDNAMES")
        .env_remove("RUST_LOG")
        .env_remove("JOURNAL_STREAM");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
}

/// The one place that knows how the server says where it listens: `listening TLS ADDRESS` and
/// `listening plain ADDRESS`.
pub(super) fn listening(line: &str) -> Option<(&str, SocketAddr)> {
    let ["listening", kind @ ("TLS" | "plain"), address] = line.split_whitespace().collect::<Vec<_>>()[..] else {
        return None;
    };
    Some((kind, address.parse().ok()?))
}

pub(super) fn listen(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    relay(child.stdout.take().expect("it is piped"), sender.clone());
    relay(child.stderr.take().expect("it is piped"), sender);
    receiver
}

/// Passes on what the server writes; the thread ends when the server does.
fn relay(pipe: impl Read + Send + 'static, to: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody may be listening any more.
            let _ = to.send(line);
        }
    });
}

/// Waits for the process's end and collects what it wrote.
pub(super) fn wait(child: &mut Child, said: &Receiver<String>, log: &mut String) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                log.push_str(&line);
                log.push('\n');
            }
            Err(RecvTimeoutError::Disconnected) => return child.wait().expect("the process is ours"),
            Err(RecvTimeoutError::Timeout) => {
                end(child);
                panic!("chitchatd did not end within {PATIENCE:?}; it said:\n{log}");
            }
        }
    }
}

pub(super) fn end(child: &mut Child) {
    // It may have ended already, which is fine.
    let _ = child.kill();
    let _ = child.wait();
}
