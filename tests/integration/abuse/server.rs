//! What a server's process uses, as Linux counts it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::PathBuf;

/// What a process uses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pid: u32,
    /// Resident memory, in bytes.
    pub resident: usize,
    /// The most that it has been, in bytes.
    pub peak: usize,
    /// Processor time so far, in seconds.
    pub cpu: f64,
    /// Open descriptors.
    pub descriptors: usize,
}

impl Usage {
    pub(super) fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(file(pid, "status")).expect("it runs");
        let bytes = |key: &str| -> usize {
            let value = status.lines().find_map(|line| line.strip_prefix(key)).expect("Linux says it");
            value.split_whitespace().next().and_then(|kib| kib.parse::<usize>().ok()).expect("in KiB") * 1024
        };
        let stat = std::fs::read_to_string(file(pid, "stat")).expect("it runs");
        // The program's name, in parentheses, may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(") ").expect("it has a name").1.split(' ').collect();
        let ticks: f64 = fields[11..=12].iter().map(|ticks| ticks.parse::<f64>().expect("a number")).sum();
        Self {
            pid,
            resident: bytes("VmRSS:"),
            peak: bytes("VmHWM:"),
            // Linux counts in hundredths of a second on every machine that this runs on.
            cpu: ticks / 100.0,
            descriptors: std::fs::read_dir(file(pid, "fd")).expect("it is ours").count(),
        }
    }

    /// From now on the peak is that of the time from now on.
    pub(super) fn reset_peak(&self) {
        std::fs::write(file(self.pid, "clear_refs"), "5").expect("Linux resets it");
    }
}

/// Lets this process open as many files as it may, and says how many that is.
pub(super) fn open_files() -> usize {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).expect("up to the maximum");
    most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
}

fn file(pid: u32, name: &str) -> PathBuf {
    format!("/proc/{pid}/{name}").into()
}
