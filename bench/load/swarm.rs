//! All connections of a run, and the one place where the generator waits.

use crate::fault::Fault;
use crate::link::{Link, Scratch, tls_config};
use crate::options::Options;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use rustls::ClientConfig;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TIMER: Token = Token(usize::MAX);

/// What is to be sent when the turn ends: each connection sends everything from a turn in one write.
#[derive(Default)]
pub struct Outbox {
    bytes: Vec<Vec<u8>>,
    dirty: Vec<usize>,
}

impl Outbox {
    /// The bytes that a connection will send; append to them.
    pub fn of(&mut self, conn: usize) -> &mut Vec<u8> {
        if self.bytes.len() <= conn {
            self.bytes.resize_with(conn + 1, Vec::new);
        }
        if self.bytes[conn].is_empty() {
            self.dirty.push(conn);
        }
        &mut self.bytes[conn]
    }
}

/// What a run does with the lines that arrive.
pub trait Driver {
    /// A line, without its end. `now` is nanoseconds since the swarm began.
    fn line(&mut self, conn: usize, line: &[u8], now: u64, out: &mut Outbox) -> Result<(), Fault>;
    /// The server has ended the connection, with this error if it was not a clean end.
    fn ended(&mut self, conn: usize, error: Option<io::Error>) -> Result<(), Fault>;
    /// How many deliveries there were so far. Reads that contained some are counted.
    fn deliveries(&self) -> u64 {
        0
    }
    /// Whether the connection is one that reads.
    fn reads(&self, _conn: usize) -> bool {
        true
    }
}

/// The fault of a connection that ended unexpectedly.
pub fn unasked_end(conn: usize, error: Option<io::Error>) -> Fault {
    Fault::Connection { conn, error: error.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()) }
}

/// All connections of a run.
pub struct Swarm {
    poll: Poll,
    events: Events,
    timer: OwnedFd,
    links: Vec<Option<Link>>,
    /// Reads that contained deliveries, and not only a sender's answers.
    reads: u64,
    /// Bytes of the connections that have been closed.
    gone: u64,
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    scratch: Scratch,
    began: Instant,
    /// What is to be sent at the end of the turn.
    pub out: Outbox,
}

impl Swarm {
    /// A swarm without connections.
    pub fn new(options: &Options) -> io::Result<Self> {
        let poll = Poll::new()?;
        // The wait itself counts in milliseconds; a line that is due in 50 µs can't wait for that.
        let timer =
            rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            timer,
            links: Vec::new(),
            reads: 0,
            gone: 0,
            address: options.addr,
            tls: if options.tls { Some(tls_config()?) } else { None },
            scratch: Scratch::default(),
            began: Instant::now(),
            out: Outbox::default(),
        })
    }

    /// Nanoseconds since the swarm began.
    pub fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    /// Begins connection number `conn`.
    pub fn open(&mut self, conn: usize) -> Result<(), Fault> {
        let fault = |error| Fault::Connection { conn, error };
        let mut link = Link::connect(self.address, self.tls.as_ref()).map_err(fault)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut link.socket, Token(conn), interest).map_err(fault)?;
        if self.links.len() <= conn {
            self.links.resize_with(conn + 1, || None);
        }
        self.links[conn] = Some(link);
        Ok(())
    }

    /// Forgets a connection; the operating system closes it.
    pub fn close(&mut self, conn: usize) {
        if let Some(link) = self.links[conn].take() {
            self.gone += link.bytes;
        }
    }

    /// The connection, while it is open.
    pub fn link(&mut self, conn: usize) -> Option<&mut Link> {
        self.links.get_mut(conn)?.as_mut()
    }

    /// Reads of all connections together that contained deliveries.
    pub fn reads(&self) -> u64 {
        self.reads
    }

    /// Bytes read from the sockets of all connections.
    pub fn bytes(&self) -> u64 {
        self.gone + self.links.iter().flatten().map(|link| link.bytes).sum::<u64>()
    }

    /// Sends what is in the outbox.
    pub fn flush(&mut self, driver: &mut impl Driver) -> Result<(), Fault> {
        for conn in std::mem::take(&mut self.out.dirty) {
            let Some(link) = self.links[conn].as_mut() else {
                self.out.bytes[conn].clear();
                continue;
            };
            let sent = link.send(&self.out.bytes[conn]);
            self.out.bytes[conn].clear();
            if let Err(error) = sent {
                self.close(conn);
                driver.ended(conn, Some(error))?;
            }
        }
        Ok(())
    }

    /// Waits until something arrives, but no longer than `at_most`, and hands it to the driver.
    pub fn turn(&mut self, driver: &mut impl Driver, at_most: Duration) -> Result<(), Fault> {
        self.flush(driver)?;
        if !at_most.is_zero() {
            self.arm(at_most).map_err(Fault::Local)?;
        }
        let timeout = at_most.is_zero().then_some(Duration::ZERO);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(Fault::Local(error)),
            _ => {}
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let mut result = Ok(());
        for event in &events {
            if event.token() == TIMER {
                continue;
            }
            result = self.ready(event.token().0, event.is_writable(), event.is_read_closed(), driver);
            if result.is_err() {
                break;
            }
        }
        self.events = events;
        result.and_then(|()| self.flush(driver))
    }

    /// Reads what a connection has, even if nothing new arrived.
    pub fn read(&mut self, conn: usize, driver: &mut impl Driver) -> Result<(), Fault> {
        if self.link(conn).is_some() { self.ready(conn, false, true, driver) } else { Ok(()) }
    }

    fn ready(&mut self, conn: usize, writable: bool, to_end: bool, driver: &mut impl Driver) -> Result<(), Fault> {
        let Some(link) = self.links[conn].as_mut() else { return Ok(()) };
        let mut done = if writable { link.flush() } else { Ok(()) };
        if !driver.reads(conn) {
            return Ok(());
        }
        let reads = link.reads;
        let received = link.receive(to_end, &mut self.scratch);
        let reads = link.reads - reads;
        done = done.and(received);
        let ended = link.ended || done.is_err();
        let now = self.began.elapsed().as_nanos() as u64;
        let deliveries = driver.deliveries();
        for line in self.scratch.lines.split_inclusive(|&b| b == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            driver.line(conn, line.strip_suffix(b"\r").unwrap_or(line), now, &mut self.out)?;
        }
        if driver.deliveries() > deliveries {
            self.reads += reads;
        }
        if ended {
            self.close(conn);
            driver.ended(conn, done.err())?;
        }
        Ok(())
    }

    fn arm(&self, after: Duration) -> io::Result<()> {
        let value = Timespec { tv_sec: after.as_secs() as i64, tv_nsec: i64::from(after.subsec_nanos()) };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        // Setting it again also clears an expiry that nobody has read.
        rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}
