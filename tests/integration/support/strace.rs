//! strace, which makes system calls of the server fail.

use super::{DEADLINE, Server};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use tempfile::TempDir;

/// System calls that fail for as long as this lives.
pub(crate) struct Failing {
    child: Child,
    directory: TempDir,
}

impl Failing {
    /// From now on the server's calls of these names fail with this error, on these files of its data
    /// directory; on any if there are none.
    #[track_caller]
    pub(crate) fn start(server: &Server, calls: &str, error: &str, files: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-p", &server.pid().to_string(), "-o"]).arg(directory.path().join("log"));
        strace.args(arguments(server, calls, error, files));
        let child = strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("strace can't be started: {error}"));
        let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let (sender, said) = channel();
        // To its end, or strace would be killed by its next message.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        // "Process 1 attached with 9 threads"; if it may not trace, this test has not been made.
        let first = said.recv_timeout(DEADLINE).unwrap_or_else(|error| panic!("strace says nothing: {error}"));
        assert!(first.contains("attached"), "strace can't trace the server here: {first}");
        Self { child, directory }
    }

    /// The calls so far that failed.
    pub(crate) fn failed(&self) -> usize {
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("(INJECTED)")).count()
    }

    /// All is well again.
    pub(crate) fn end(mut self) -> usize {
        self.detach();
        self.failed()
    }

    fn detach(&mut self) {
        // It lets go of the server first.
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        let _ = self.child.wait();
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.detach();
        }
    }
}

/// A command line before that of the server, so that these calls fail from its start on.
pub(crate) fn failing_from_the_start(server: &Server, calls: &str, error: &str, files: &[&str]) -> Vec<String> {
    let line = ["strace", "-f", "-q", "-o", "/dev/null"].map(str::to_owned);
    line.into_iter().chain(arguments(server, calls, error, files)).collect()
}

fn arguments(server: &Server, calls: &str, error: &str, files: &[&str]) -> Vec<String> {
    let data: PathBuf = server.data();
    let paths = files.iter().flat_map(|file| ["-P".to_owned(), data.join(file).display().to_string()]);
    let failing = [format!("trace={calls}"), format!("inject={calls}:error={error}")];
    failing.into_iter().flat_map(|expression| ["-e".to_owned(), expression]).chain(paths).collect()
}
