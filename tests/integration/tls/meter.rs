//! What an attack costs: the server's processor time and memory, and the time that others wait meanwhile.

use crate::support::{Client, Server};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long the server may take to be rid of what an attack has opened.
const PATIENCE: Duration = Duration::from_secs(45);

/// Measures from its making to [`Meter::finish`].
pub(super) struct Meter {
    pid: u32,
    cpu: Duration,
    resident: usize,
    files: usize,
    stop: Arc<AtomicBool>,
    bystander: JoinHandle<Vec<Duration>>,
}

/// What was measured.
#[derive(Debug)]
pub(super) struct Cost {
    /// The server's processor time.
    pub cpu: Duration,
    /// The memory that it has more than before, in bytes.
    pub memory: usize,
    /// The longest that somebody else waited for an answer.
    pub waited: Duration,
}

impl Meter {
    /// Somebody else logs in and asks one thing after another.
    pub(super) fn start(server: &Server) -> Self {
        let mut other = server.connect_tls();
        other.register("bystander");
        let stop = Arc::new(AtomicBool::new(false));
        let (pid, stopped) = (server.pid(), Arc::clone(&stop));
        // What the first connections allocate is no attack's doing.
        other.ask("/ping");
        let (cpu, resident, files) = (cpu(pid), resident(pid), open_files(pid));
        let bystander = thread::spawn(move || ask(&mut other, &stopped));
        Self { pid, cpu, resident, files, stop, bystander }
    }

    /// Ends the measurement when the server has closed everything that the attack had opened.
    pub(super) fn finish(self, what: &str) -> Cost {
        self.stop.store(true, Ordering::Relaxed);
        let waits = self.bystander.join().expect("somebody else is served meanwhile");
        let until = Instant::now() + PATIENCE;
        while open_files(self.pid) > self.files {
            assert!(Instant::now() < until, "{what}: {} descriptors are left", open_files(self.pid) - self.files);
            thread::sleep(Duration::from_millis(20));
        }
        let cost = Cost {
            cpu: cpu(self.pid).saturating_sub(self.cpu),
            memory: resident(self.pid).saturating_sub(self.resident),
            waited: waits.iter().max().copied().unwrap_or_default(),
        };
        let asked = waits.len();
        println!(
            "{what}: {:?} of processor time, {} KiB more; others waited {:?} at most ({asked} questions)",
            cost.cpu,
            cost.memory >> 10,
            cost.waited
        );
        cost
    }
}

fn ask(other: &mut Client, stop: &AtomicBool) -> Vec<Duration> {
    let mut waits = Vec::new();
    while waits.is_empty() || !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        other.ask("/ping");
        waits.push(asked.elapsed());
        thread::sleep(Duration::from_millis(5));
    }
    waits
}

/// The processor time that a process has used, to the hundredth of a second.
pub(super) fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    // After the name, which may hold blanks, the state is the first word; utime and stime are the 12th and 13th.
    let (_, rest) = stat.rsplit_once(") ").expect("it has a name");
    let ticks: u64 = rest.split(' ').skip(11).take(2).map(|word| word.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("in KiB") * 1024
}

fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count()
}
