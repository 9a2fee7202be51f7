//! The others: honest people who talk and log in while something attacks the server, and what they notice.

use super::server::{Usage, open_files};
use crate::support::{Client, PASSWORD, Server};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Where the honest people are: no attacker of these tests has this address.
pub(super) const HOME: Ipv4Addr = Ipv4Addr::new(127, 9, 9, 9);
/// How often one talks, and how often one logs in.
const TALK_EVERY: Duration = Duration::from_millis(20);
const LOGIN_EVERY: Duration = Duration::from_millis(200);

/// Two people who talk and one who logs in again and again, in threads of their own, until they are asked.
pub(super) struct Others {
    stop: Arc<AtomicBool>,
    talk: JoinHandle<Latencies>,
    /// And the server's processor time meanwhile.
    logins: JoinHandle<(Latencies, Latencies)>,
    pid: u32,
    before: Usage,
    began: Instant,
}

/// What the others noticed, and what the attack cost the server.
pub(super) struct Noticed {
    /// From `/say` to the line on the other's screen.
    pub talk: Latencies,
    /// From the connection to `+ welcome`, with a password, from an address that the account has used.
    pub logins: Latencies,
    /// What the server's processor time was meanwhile: on an idle machine the same, and on a busy one what it would
    /// be on an idle one.
    pub login_cpu: Latencies,
    /// The most resident memory beyond what it was before, in bytes.
    pub grown: usize,
    /// Processor time of the server, in seconds, of `wall`.
    pub cpu: f64,
    pub wall: f64,
}

/// How long something took, each time, in order.
pub(super) struct Latencies(Vec<Duration>);

impl Others {
    /// Registers them and lets them talk. The server must let this address register three accounts.
    pub(super) fn of(server: &Server) -> Self {
        Self::start(server, Some(LOGIN_EVERY))
    }

    /// The same, but nobody logs in meanwhile.
    pub(super) fn talking(server: &Server) -> Self {
        Self::start(server, None)
    }

    fn start(server: &Server, login_every: Option<Duration>) -> Self {
        open_files();
        let address = server.plain();
        let (mut ann, mut ben) = (registered(address, "ann"), registered(address, "ben"));
        // A room of their own, which no attacker fills.
        ann.ask("/create talk private");
        ann.ask("/invite talk ben");
        ben.ask("/join talk");
        ben.ask("/leave lobby");
        ann.ask("/leave lobby");
        registered(address, "cid").ask("/leave lobby");
        let pid = server.pid();
        let before = Usage::of(pid);
        before.reset_peak();
        let stop = Arc::new(AtomicBool::new(false));
        let (talking, logging_in) = (Arc::clone(&stop), Arc::clone(&stop));
        Self {
            stop,
            talk: std::thread::spawn(move || {
                repeat(&talking, Some(TALK_EVERY), || {
                    ann.send("/say talk still here?");
                    ben.read_until("[talk] ann: still here?");
                    // Her answer is read as well, or it would become unread.
                    ann.read_until("+ …");
                })
            }),
            logins: std::thread::spawn(move || {
                let mut cpu = Vec::new();
                let wall = repeat(&logging_in, login_every, || {
                    let before = Usage::of(pid).cpu;
                    let mut client = Client::plain_from(HOME, address);
                    client.send(&format!("/login cid {PASSWORD}"));
                    client.read_until("+ welcome cid…");
                    cpu.push(Duration::from_secs_f64((Usage::of(pid).cpu - before).max(0.0)));
                });
                (wall, Latencies(cpu))
            }),
            pid,
            before,
            began: Instant::now(),
        }
    }

    /// Asks them.
    pub(super) fn noticed(self) -> Noticed {
        let after = Usage::of(self.pid);
        let wall = self.began.elapsed().as_secs_f64();
        self.stop.store(true, Ordering::Relaxed);
        let (logins, login_cpu) = self.logins.join().expect("every login was welcomed");
        let noticed = Noticed {
            logins,
            login_cpu,
            talk: self.talk.join().expect("everything that was said was shown"),
            grown: after.peak.saturating_sub(self.before.resident),
            cpu: after.cpu - self.before.cpu,
            wall,
        };
        println!("the others: {noticed}");
        noticed
    }
}

fn registered(address: SocketAddr, name: &str) -> Client {
    let mut client = Client::plain_from(HOME, address);
    client.expect("* …");
    client.register(name);
    client
}

fn repeat(stop: &AtomicBool, every: Option<Duration>, mut act: impl FnMut()) -> Latencies {
    let mut took = Vec::new();
    let Some(every) = every else { return Latencies(took) };
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        act();
        took.push(began.elapsed());
        std::thread::sleep(every.saturating_sub(began.elapsed()));
    }
    Latencies(took)
}

impl Latencies {
    /// That of a hundred which 99 stayed below.
    pub(super) fn p99(&self) -> Duration {
        self.quantile(99)
    }

    pub(super) fn median(&self) -> Duration {
        self.quantile(50)
    }

    pub(super) fn longest(&self) -> Duration {
        self.quantile(100)
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    fn quantile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(at).copied().unwrap_or_default()
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let (median, p99, longest) = (ms(self.median()), ms(self.p99()), ms(self.longest()));
        write!(f, "{} times, median {median:.1} ms, p99 {p99:.1} ms, longest {longest:.1} ms", self.count())
    }
}

impl fmt::Display for Noticed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { talk, logins, login_cpu, grown, cpu, wall } = self;
        let login_cpu = login_cpu.longest().as_secs_f64();
        let mib = *grown as f64 / f64::from(1 << 20);
        write!(
            f,
            "talk {talk}; logins {logins}, {login_cpu:.2} s of CPU at most; +{mib:.1} MiB; {cpu:.1} s of CPU in {wall:.1} s"
        )
    }
}
