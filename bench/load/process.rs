//! What processes cost: processor time, memory and context switches, from `/proc`.

use procfs::process::Process;
use procfs::{ProcError, ProcResult};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// Length of a clock tick, the unit of a process's processor time, in seconds.
pub fn tick() -> f64 {
    1.0 / procfs::ticks_per_second() as f64
}

/// What a process had used up to one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Processor time of all its threads, in seconds.
    pub cpu: f64,
    /// Resident memory, in KiB.
    pub rss: f64,
    /// Voluntary context switches of the threads that exist.
    pub switches: f64,
}

impl Usage {
    /// Reads what a process has used up to now.
    pub fn of(pid: u32) -> io::Result<Self> {
        Self::read(pid).map_err(io::Error::other)
    }

    fn read(pid: u32) -> ProcResult<Self> {
        let process = open(pid)?;
        let stat = process.stat()?;
        let mut switches = 0;
        for thread in process.tasks()? {
            // A thread may end between the listing and the reading.
            if let Ok(status) = thread.and_then(|thread| thread.status()) {
                switches += status.voluntary_ctxt_switches.unwrap_or(0);
            }
        }
        let rss = process.status()?.vmrss.unwrap_or(0);
        Ok(Self { cpu: (stat.utime + stat.stime) as f64 * tick(), rss: rss as f64, switches: switches as f64 })
    }
}

/// Whether a thread of a process runs, wants to run, or waits for the disk at this moment. One of low
/// priority may want to for seconds while others have the processors, and use no time meanwhile.
pub fn wants_to_run(pid: u32) -> io::Result<bool> {
    let tasks = open(pid).and_then(|process| process.tasks()).map_err(io::Error::other)?;
    // A thread may end between the listing and the reading.
    let stats = tasks.filter_map(|thread| thread.and_then(|thread| thread.stat()).ok());
    Ok(stats.into_iter().any(|stat| matches!(stat.state, 'R' | 'D')))
}

fn open(pid: u32) -> ProcResult<Process> {
    let pid = i32::try_from(pid).map_err(|_| ProcError::NotFound(None))?;
    Process::new(pid)
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
