//! What processes cost: processor time, memory and context switches, from `/proc`.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// Clock ticks a second in `/proc/PID/stat`. It is 100 on every Linux that people run.
pub const TICKS: f64 = 100.0;

/// What a process had used up to one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Processor time of all its threads, in seconds.
    pub cpu: f64,
    /// Resident memory, in KiB.
    pub rss: f64,
    /// Voluntary context switches of the threads that live.
    pub switches: f64,
}

impl Usage {
    /// Reads what a process has used up to now.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The command's name stands in parentheses and may hold spaces and parentheses itself.
        let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        let mut switches = 0.0;
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end between the listing and the reading.
            if let Ok(status) = fs::read_to_string(thread?.path().join("status")) {
                switches += field(&status, "voluntary_ctxt_switches:");
            }
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        Ok(Self { cpu: (ticks(11) + ticks(12)) / TICKS, rss: field(&status, "VmRSS:"), switches })
    }
}

/// Whether a thread of a process runs, wants to run, or waits for the disk at this moment. One of low
/// priority may want to for seconds while others have the processors, and use no time meanwhile.
pub fn wants_to_run(pid: u32) -> io::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading.
        let stat = fs::read_to_string(thread?.path().join("stat")).unwrap_or_default();
        if stat
            .rsplit_once(')')
            .is_some_and(|(_, rest)| matches!(rest.trim_start().as_bytes().first(), Some(b'R' | b'D')))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn field(status: &str, key: &str) -> f64 {
    let value = status.lines().find_map(|line| line.strip_prefix(key));
    value.and_then(|value| value.split_whitespace().next()).and_then(|value| value.parse().ok()).unwrap_or(0.0)
}

/// Processor time that this process has used, in seconds.
pub fn own_cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The yardstick: processor time in microseconds of one 100-byte write and its read on loopback.
pub fn loopback_cost_us() -> io::Result<f64> {
    const ROUNDS: u32 = 30_000;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut writer = TcpStream::connect(listener.local_addr()?)?;
    let (mut reader, _) = listener.accept()?;
    writer.set_nodelay(true)?;
    let mut bytes = [b'x'; 100];
    let before = own_cpu();
    for _ in 0..ROUNDS {
        writer.write_all(&bytes)?;
        reader.read_exact(&mut bytes)?;
    }
    Ok((own_cpu() - before) * 1e6 / f64::from(ROUNDS))
}

/// Raises the soft limit on open files to the hard one; a run that needs more fails when it connects.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
