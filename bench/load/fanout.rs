//! Rooms in which senders talk and everyone listens: the work of a chat server, measured and checked.

use crate::accounts::Account;
use crate::dialogue::{self, After, Greeting, Opening};
use crate::fault::Fault;
use crate::histogram::Histogram;
use crate::options::Options;
use crate::process::{self, Usage};
use crate::queries::Queries;
use crate::report::Report;
use crate::swarm::{Driver, Outbox, Swarm, unasked_end};
use crate::wire::{self, Heard, Manner, Protocol, Stamp};
use std::io;
use std::time::{Duration, Instant, SystemTime};

mod figures;
mod fill;
#[cfg(test)]
mod tests;

/// How long the last lines may take to arrive once nobody sends any more.
const DRAIN: Duration = Duration::from_secs(30);
/// How often the server's memory is read.
const LOOK: Duration = Duration::from_millis(100);
/// A server that used less than two ticks of processor time for this long is idle. It is longer than
/// chitchatd gathers lines before it indexes them.
const REST: Duration = Duration::from_millis(1500);
/// How long the server may take to become idle.
const SETTLE: Duration = Duration::from_secs(60);

/// The name of a room of this run. A ChitChat account stays in its rooms when it disconnects, so each
/// run has its own rooms, or it would receive the messages of earlier runs.
pub fn room_name(room: usize) -> String {
    use std::sync::OnceLock;
    static RUN: OnceLock<u64> = OnceLock::new();
    let run = RUN.get_or_init(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        now.as_millis() as u64 % 1_000_000_000
    });
    format!("l{run:x}-{room}")
}

/// The shape of the run, and how far everyone is.
///
/// Connections are numbered room by room; the first of a room are its senders; slow readers are
/// numbered after all rooms and are in the first.
struct Fanout {
    protocol: Protocol,
    manner: Manner,
    members: usize,
    senders: usize,
    readers: usize,
    bytes: usize,
    rooms: Vec<String>,
    /// How many lines each sender has sent.
    sent: Vec<u32>,
    /// By reader, then by sender of its room: the serial that must come next.
    expected: Vec<u32>,
    /// Closed loop: a delivery to the sender's watcher makes it send again.
    refill: bool,
    deliveries: u64,
    histogram: Histogram,
    lag: Histogram,
    /// The slow readers read: before they stop, and at the end, to see what became of them.
    awake: bool,
    slow_ended: usize,
    /// The last notice, refusal or error that a slow reader was sent.
    told: String,
}

impl Fanout {
    fn room_of(&self, conn: usize) -> usize {
        if conn < self.readers { conn / self.members } else { 0 }
    }

    /// The connection of a sender.
    fn conn_of(&self, sender: usize) -> usize {
        sender / self.senders * self.members + sender % self.senders
    }

    /// Which member of its room tells a sender to go on: one of the last, which are likely to be
    /// served last, and a different one for each sender.
    fn watcher(&self, local: usize) -> usize {
        let member = self.members - 1 - local % self.members;
        if member == local { (member + 1) % self.members } else { member }
    }

    fn send(&mut self, sender: usize, due: u64, out: &mut Outbox) {
        let stamp = Stamp { sender: sender as u32, serial: self.sent[sender], due };
        self.sent[sender] += 1;
        let room = &self.rooms[sender / self.senders];
        wire::say(self.manner, room, stamp, self.bytes, out.of(self.conn_of(sender)));
    }

    fn said(&mut self, conn: usize, room: &[u8], stamp: Stamp, now: u64, out: &mut Outbox) -> Result<(), Fault> {
        let wrong = |what| Err(Fault::Wrong { conn, what });
        let sender = stamp.sender as usize;
        let (at, local) = (self.room_of(conn), sender % self.senders);
        if sender / self.senders != at || room != self.rooms[at].as_bytes() {
            let room = String::from_utf8_lossy(room);
            return wrong(format!(
                "is in {} and was shown line {} of sender {sender} in {room}",
                self.rooms[at], stamp.serial
            ));
        }
        let expected = &mut self.expected[conn * self.senders + local];
        if stamp.serial != *expected {
            return wrong(format!("expected line {expected} of sender {sender} and was shown {}", stamp.serial));
        }
        *expected += 1;
        self.deliveries += 1;
        self.histogram.record(now.saturating_sub(stamp.due));
        if self.refill && conn % self.members == self.watcher(local) {
            self.send(sender, now, out);
        }
        Ok(())
    }

    /// Lines that members have not received yet.
    fn missing(&self) -> u64 {
        let of = |conn: usize| {
            let first = self.room_of(conn) * self.senders;
            (0..self.senders)
                .filter(|&local| self.conn_of(first + local) != conn)
                .map(|local| u64::from(self.sent[first + local] - self.expected[conn * self.senders + local]))
                .sum::<u64>()
        };
        (0..self.readers).map(of).sum()
    }
}

impl Driver for Fanout {
    fn line(&mut self, conn: usize, line: &[u8], now: u64, out: &mut Outbox) -> Result<(), Fault> {
        let heard = wire::hear(self.protocol, line, self.bytes);
        if conn >= self.readers {
            if heard == Heard::Refused || line.starts_with(b"* ") {
                self.told = String::from_utf8_lossy(line).into_owned();
            }
            return Ok(());
        }
        match heard {
            Heard::Said(room, stamp) => self.said(conn, room, stamp, now, out),
            Heard::Other => Ok(()),
            Heard::Answer(answer) => {
                out.of(conn).extend_from_slice(&answer);
                Ok(())
            }
            Heard::Garbled => Err(Fault::Wrong { conn, what: format!("was shown {}", String::from_utf8_lossy(line)) }),
            Heard::Refused => Err(Fault::Refused { conn, line: String::from_utf8_lossy(line).into_owned() }),
        }
    }

    fn ended(&mut self, conn: usize, error: Option<io::Error>) -> Result<(), Fault> {
        if conn < self.readers {
            return Err(unasked_end(conn, error));
        }
        self.slow_ended += 1;
        Ok(())
    }

    fn deliveries(&self) -> u64 {
        self.deliveries
    }

    fn reads(&self, conn: usize) -> bool {
        conn < self.readers || self.awake
    }
}

/// Everything that is measured, at one moment.
struct Moment {
    at: Instant,
    deliveries: u64,
    reads: u64,
    bytes: u64,
    own: f64,
    server: Usage,
}

/// Opens everyone, lets them talk, measures, and checks that everything arrived.
pub fn run(options: &Options, accounts: &[Account], report: &mut Report) -> Result<(), Fault> {
    if options.senders > options.members {
        return Err(Fault::Options("a room can't have more --senders than --members"));
    }
    if options.protocol == Protocol::Irc && (options.queries.is_some() || options.fill > 0) {
        return Err(Fault::Options("IRC has no --queries and no --fill"));
    }
    let mut fanout = Fanout {
        protocol: options.protocol,
        manner: options.manner()?,
        members: options.members as usize,
        senders: options.senders as usize,
        readers: (options.rooms * options.members) as usize,
        bytes: options.text_bytes as usize,
        rooms: (0..options.rooms as usize).map(room_name).collect(),
        sent: vec![0; (options.rooms * options.senders) as usize],
        expected: vec![0; (options.rooms * options.members * options.senders) as usize],
        refill: options.rate.is_none(),
        deliveries: 0,
        histogram: Histogram::default(),
        lag: Histogram::default(),
        awake: true,
        slow_ended: 0,
        told: String::new(),
    };
    let mut swarm = Swarm::new(options).map_err(Fault::Local)?;
    let (accounts, askers) = accounts.split_at(fanout.readers + options.slow as usize);
    let greeting = |(conn, account)| Greeting::member(options, account, Some(&fanout.rooms[fanout.room_of(conn)]));
    let mut opening = Opening::new(options, accounts.iter().enumerate().map(greeting).collect());
    dialogue::open_all(&mut swarm, &mut opening, options.parallel as usize, After::Stay)?;

    if options.fill > 0 {
        fill::fill(&mut swarm, &fanout, options.fill)?;
        if let Some(pid) = options.pid {
            settle(&mut swarm, &mut fanout, pid)?;
        }
    }
    let queries = Queries::begin(options, askers, &fanout.rooms)?;
    let mut clock = OpenLoop::new(options, &fanout, swarm.now());
    if options.rate.is_none() {
        let now = swarm.now();
        for sender in 0..fanout.sent.len() {
            (0..options.window).for_each(|_| fanout.send(sender, now, &mut swarm.out));
        }
    }
    let mut peak = 0.0;
    talk(&mut swarm, &mut fanout, &mut clock, options, options.warmup, &mut peak)?;
    let all_read = moment(&swarm, &fanout, options)?;
    if options.slow > 0 {
        talk(&mut swarm, &mut fanout, &mut clock, options, options.seconds, &mut peak)?;
        fanout.awake = false;
    }
    fanout.histogram = Histogram::default();
    fanout.lag = Histogram::default();
    let before = moment(&swarm, &fanout, options)?;
    peak = before.server.rss;
    talk(&mut swarm, &mut fanout, &mut clock, options, options.seconds, &mut peak)?;
    let after = moment(&swarm, &fanout, options)?;

    fanout.refill = false;
    let histogram = std::mem::take(&mut fanout.histogram);
    drain(&mut swarm, &mut fanout)?;
    let settled = match options.pid.filter(|_| options.settle) {
        Some(pid) => Some(settle(&mut swarm, &mut fanout, pid)?),
        None => None,
    };
    let woken = wake_the_slow(&mut swarm, &mut fanout, options.slow as usize)?;
    say_goodbye(&mut swarm, &mut fanout, options)?;
    figures::add(options, &fanout, &histogram, (&before, &after), peak, report);
    if let Some(queries) = queries {
        queries.finish(options.seconds, report)?;
    }
    if let Some((cpu, when)) = settled {
        let deliveries = (fanout.deliveries - before.deliveries) as f64;
        report.number("server_us_per_delivery_settled", (cpu - before.server.cpu) * 1e6 / deliveries);
        report.number("seconds_until_idle", (when - after.at).as_secs_f64());
    }
    if options.slow > 0 {
        report.number("slow_readers", f64::from(options.slow));
        let pace =
            |from: &Moment, to: &Moment| (to.deliveries - from.deliveries) as f64 / (to.at - from.at).as_secs_f64();
        report.number("others_during_to_before", pace(&before, &after) / pace(&all_read, &before));
        report.number("slow_readers_cut_off", fanout.slow_ended as f64);
        report.number("slow_reader_got_kb", woken / 1024.0 / f64::from(options.slow));
        report.text("slow_reader_told", &fanout.told);
    }
    Ok(())
}

fn moment(swarm: &Swarm, fanout: &Fanout, options: &Options) -> Result<Moment, Fault> {
    Ok(Moment {
        server: options.pid.map_or(Ok(Usage::default()), Usage::of).map_err(Fault::Local)?,
        own: process::own_cpu(),
        at: Instant::now(),
        deliveries: fanout.deliveries,
        reads: swarm.reads(),
        bytes: swarm.bytes(),
    })
}

/// When lines are due, if that is given: one after another, each by the next sender.
struct OpenLoop {
    every: Option<f64>,
    began: u64,
    lines: u64,
}

impl OpenLoop {
    fn new(options: &Options, fanout: &Fanout, now: u64) -> Self {
        let every = options.rate.map(|rate| 1e9 * (fanout.members - 1) as f64 / rate as f64);
        Self { every, began: now, lines: 0 }
    }

    /// Sends what is due and returns how long nothing will be.
    fn send_due(&mut self, swarm: &mut Swarm, fanout: &mut Fanout) -> Duration {
        let Some(every) = self.every else { return LOOK };
        loop {
            let due = self.began + (self.lines as f64 * every) as u64;
            let now = swarm.now();
            if due > now {
                return Duration::from_nanos(due - now).min(LOOK);
            }
            fanout.lag.record(now - due);
            // Neighbouring lines go to different rooms.
            let (rooms, senders) = (fanout.rooms.len() as u64, fanout.senders as u64);
            let sender = self.lines % rooms * senders + self.lines / rooms % senders;
            fanout.send(sender as usize, due, &mut swarm.out);
            self.lines += 1;
        }
    }
}

fn talk(
    swarm: &mut Swarm,
    fanout: &mut Fanout,
    clock: &mut OpenLoop,
    options: &Options,
    seconds: f64,
    peak: &mut f64,
) -> Result<(), Fault> {
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut look = Instant::now();
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        let wait = clock.send_due(swarm, fanout).min(left);
        swarm.turn(fanout, wait)?;
        if options.slow > 0 && look.elapsed() >= LOOK {
            look = Instant::now();
            let usage = options.pid.map_or(Ok(Usage::default()), Usage::of).map_err(Fault::Local)?;
            *peak = peak.max(usage.rss);
        }
    }
    Ok(())
}

fn drain(swarm: &mut Swarm, fanout: &mut Fanout) -> Result<(), Fault> {
    let deadline = Instant::now() + DRAIN;
    loop {
        let missing = fanout.missing();
        if missing == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Fault::Silent { what: "the last lines", seconds: DRAIN.as_secs(), missing });
        }
        swarm.turn(fanout, Duration::from_millis(20))?;
    }
}

/// Waits until the server has done everything that it deferred. Returns what it had used by then, and when that was.
fn settle(swarm: &mut Swarm, fanout: &mut Fanout, pid: u32) -> Result<(f64, Instant), Fault> {
    let began = Instant::now();
    let cpu = || Usage::of(pid).map(|usage| usage.cpu).map_err(Fault::Local);
    let (mut mark, mut since) = (cpu()?, began);
    loop {
        swarm.turn(fanout, LOOK)?;
        let (now, used) = (Instant::now(), cpu()?);
        // Ticks are whole; half a tick makes up for rounding.
        if used - mark > 1.5 * process::tick() || process::wants_to_run(pid).map_err(Fault::Local)? {
            (mark, since) = (used, now);
        } else if now - since >= REST {
            return Ok((used, since));
        }
        if now - began > SETTLE {
            return Err(Fault::Restless { seconds: SETTLE.as_secs() });
        }
    }
}

/// Lets the slow readers read whatever still arrives; returns how many bytes that was.
fn wake_the_slow(swarm: &mut Swarm, fanout: &mut Fanout, slow: usize) -> Result<f64, Fault> {
    fanout.awake = true;
    let before = swarm.bytes();
    let mut quiet = 0;
    while fanout.slow_ended < slow && quiet < 10 {
        let bytes = swarm.bytes();
        for conn in fanout.readers..fanout.readers + slow {
            swarm.read(conn, fanout)?;
        }
        swarm.turn(fanout, LOOK)?;
        quiet = if swarm.bytes() == bytes { quiet + 1 } else { 0 };
    }
    Ok((swarm.bytes() - before) as f64)
}

/// Leaves the rooms, so that they do not burden later runs on the same server.
fn say_goodbye(swarm: &mut Swarm, fanout: &mut Fanout, options: &Options) -> Result<(), Fault> {
    if options.protocol == Protocol::Irc {
        return Ok(());
    }
    for conn in 0..fanout.readers {
        let leave = format!("/leave {}\n", fanout.rooms[fanout.room_of(conn)]);
        swarm.out.of(conn).extend_from_slice(leave.as_bytes());
    }
    swarm.flush(fanout)
}
