//! Another program between a test and the server: lines in, lines out, ended by its pid.

use super::DEADLINE;
use super::pattern::{self, Words};
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

/// A program that runs.
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    pending: Vec<u8>,
    seen: Vec<u8>,
}

impl Program {
    /// Starts it. Its standard error is ignored.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(name);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} can't be started: {error}"));
        let mut pipe = child.stdout.take().expect("it is piped");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut bytes) {
                // Nobody may be listening any more.
                let _ = sender.send(bytes[..count].to_vec());
            }
        });
        Self { input: child.stdin.take(), child, output, pending: Vec::new(), seen: Vec::new() }
    }

    /// Types a line.
    pub(crate) fn send(&mut self, line: &str) {
        let input = self.input.as_mut().expect("its input is open");
        input.write_all(format!("{line}\n").as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// Ends its input.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// Everything that it has shown so far.
    pub(crate) fn seen(&self) -> &[u8] {
        &self.seen
    }

    /// The next line that it shows; `None` at the end.
    #[track_caller]
    fn next_line(&mut self) -> Option<String> {
        let deadline = Instant::now() + DEADLINE * 3;
        loop {
            if let Some(end) = self.pending.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line[..end]).trim_end_matches('\r').to_owned());
            }
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => {
                    self.seen.extend_from_slice(&bytes);
                    self.pending.extend_from_slice(&bytes);
                }
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => panic!("nothing came; so far:\n{}", self.transcript()),
            }
        }
    }

    /// The next line must fit; events are skipped.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &str) {
        loop {
            let line = self.next_line().unwrap_or_else(|| panic!("ended before {expected}:\n{}", self.transcript()));
            if pattern::fits(expected, &line, &mut Words::new()) {
                return;
            }
            assert!(line.contains("] * "), "expected: {expected}\n     got: {line}\n{}", self.transcript());
        }
    }

    /// Reads until a line fits.
    #[track_caller]
    pub(crate) fn read_until(&mut self, expected: &str) {
        loop {
            let line = self.next_line().unwrap_or_else(|| panic!("ended before {expected}:\n{}", self.transcript()));
            if pattern::fits(expected, &line, &mut Words::new()) {
                return;
            }
        }
    }

    /// Everything that it still shows until it ends.
    #[track_caller]
    pub(crate) fn read_to_end(&mut self) -> String {
        while self.next_line().is_some() {}
        self.transcript()
    }

    /// It must end with nothing more to show.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        if let Some(line) = self.next_line() {
            panic!("expected the end, got: {line}\n{}", self.transcript());
        }
    }

    fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
