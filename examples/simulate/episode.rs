//! One episode: a server from its first start on, a dozen accounts, and what happens to them step by step.
//!
//! A step is one decision: somebody sends or reads some bytes, a worker has a turn, the dispatcher takes or
//! ends one, a password or a read is answered, time passes, something fails. What a step does follows from
//! the seed, its number and the state alone, so steps can be left out: the others then do what they still
//! can. Those that can do nothing are not counted.

mod disk;
mod people;
mod quiet;

use crate::link::{Deflate, Link, require};
use crate::model::operations::operation;
use crate::model::random::Random;
use crate::oracle::Oracle;
use crate::swarm::Swarm;
use chitchat::protocol::deflate::{Packer, Unpacker};
use chitchat::server::simulation::{self, Died, Failure, Machine};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const NAMES: [&str; 10] =
    ["alice", "bob", "carol", "Dora", "erin", "frank", "grace", "Heidi", "ivan", "judy"];
/// Connections that there can be at once: the first accounts have two.
const SEATS: usize = 16;
/// What the clock says at first.
const BEGIN: u64 = 1_795_000_000_000;
/// Invitations expire after 30 days, which the model knows nothing of.
const TIME_MAX: Duration = Duration::from_hours(24 * 20);
const DAY: i64 = 24 * 60 * 60 * 1000;
/// How many lines a client leaves unanswered.
const UNANSWERED: usize = 12;
/// How much time may pass until all is quiet, where lines are not slowed down.
const PATIENCE: Duration = Duration::from_millis(20);
/// And where they are.
const PATIENCE_FLOOD: Duration = Duration::from_mins(2);

/// Where somebody sits who may be connected.
#[derive(Debug, Default)]
struct Seat {
    /// The connection, by its number in the model.
    conn: Option<usize>,
    /// What it does first when it is welcomed.
    to_repeat: Vec<String>,
}

pub(crate) struct Episode {
    swarm: Swarm,
    machine: Option<Machine>,
    dir: TempDir,
    generation: u32,
    oracle: Oracle,
    seats: Vec<Seat>,
    next_conn: usize,
    serial: u64,
    /// How much time has passed, and by how much the system's clock is wrong.
    passed: Duration,
    skew: i64,
    /// A failure that is planned, and whether the disk is full.
    failure: Option<Failure>,
    is_full: bool,
    packer: Packer,
    unpacker: Unpacker,
    /// Steps that did something.
    pub(crate) steps: u64,
    /// How often the process was ended and started again.
    pub(crate) kills: u64,
    trace: Option<Vec<String>>,
}

macro_rules! note {
    ($self:ident, $($text:tt)*) => {
        if let Some(trace) = &mut $self.trace {
            trace.push(format!($($text)*));
        }
    };
}
use note;

impl Episode {
    pub(crate) fn new(seed: u64, is_traced: bool) -> Result<Self, String> {
        let dir = scratch()?;
        simulation::start_clocks(BEGIN);
        simulation::seed(seed);
        simulation::fail(None);
        let swarm = Swarm::of(seed);
        let mut episode = Self {
            machine: None,
            dir,
            generation: 0,
            oracle: Oracle::new(swarm.keep()),
            seats: (0..SEATS).map(|_| Seat::default()).collect(),
            next_conn: 1,
            serial: 0,
            passed: Duration::ZERO,
            skew: 0,
            failure: None,
            is_full: false,
            packer: Packer::new(),
            unpacker: Unpacker::new(),
            steps: 0,
            kills: 0,
            trace: is_traced.then(Vec::new),
            swarm,
        };
        episode.start()?;
        episode.set_up()?;
        Ok(episode)
    }

    pub(crate) fn take_trace(&mut self) -> Vec<String> {
        self.trace.take().unwrap_or_default()
    }

    /// Messages that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.oracle.dropped
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join(self.generation.to_string())
    }

    fn start(&mut self) -> Result<(), String> {
        let machine =
            Machine::start(&self.data(), &self.swarm.settings(), self.swarm.keep().bytes).map_err(|Died(why)| why)?;
        self.machine = Some(machine);
        self.is_full = false;
        Ok(())
    }

    /// Everybody makes an account; alice is an administrator.
    fn set_up(&mut self) -> Result<(), String> {
        let mut random = Random::new(0);
        for seat in 0..NAMES.len() {
            self.connect(seat, &mut random);
            self.settle()?;
        }
        let conn = self.open(0, None, 0, 64 * 1024);
        self.say(conn, vec!["/grant alice admin".to_owned()], false);
        self.settle()?;
        self.break_off(conn);
        self.settle()?;
        if let Some(trace) = &mut self.trace {
            trace.clear();
            trace.push(format!("{} have accounts and are connected, in this order", NAMES.join(", ")));
        }
        Ok(())
    }

    fn machine(&mut self) -> Result<&mut Machine, String> {
        self.machine.as_mut().ok_or_else(|| "there is no server".to_owned())
    }

    fn link(&mut self, seat: usize) -> Option<&mut Link> {
        self.oracle.links.get_mut(&self.seats[seat].conn?)
    }

    // Steps.

    /// Does one step; false if it could do nothing.
    pub(crate) fn step(&mut self, seed: u64) -> Result<bool, String> {
        let mut random = Random::new(seed);
        simulation::seed(seed);
        let kind = self.swarm.pick(&mut random);
        let seat = random.below(SEATS);
        let done = self.act(kind, seat, &mut random)?;
        self.steps += u64::from(done);
        Ok(done)
    }

    fn act(&mut self, kind: Kind, seat: usize, random: &mut Random) -> Result<bool, String> {
        match kind {
            Kind::Talk => return Ok(self.talk(seat, random)),
            Kind::Send => return Ok(self.send_some(seat, random)),
            Kind::Take => return self.take_some(seat, random),
            Kind::Worker => return self.run_worker(random),
            Kind::Begin => return self.begin_turn(),
            Kind::Finish => return self.finish_turn(),
            Kind::Password => {
                let machine = self.machine()?;
                let waiting = machine.passwords();
                if waiting == 0 {
                    return Ok(false);
                }
                machine.check_password(random.below(waiting));
                note!(self, "a password is checked");
            }
            Kind::Read => {
                let waiting = self.machine()?.reads();
                if waiting == 0 {
                    return Ok(false);
                }
                let nth = random.below(waiting);
                self.answer_read(nth)?;
            }
            Kind::Clock => return Ok(self.pass(random)),
            Kind::Connect => return Ok(self.connect(seat, random)),
            Kind::Part => return Ok(self.part(seat, random)),
            Kind::Option => return Ok(self.set_option(seat, random)),
            Kind::Index => return self.machine()?.index().map_err(|Died(why)| why),
            Kind::Checkpoint => self.machine()?.checkpoint(),
            Kind::Jump => self.jump(random),
            Kind::Fail => self.plan_failure(random)?,
            Kind::Kill => self.kill()?,
            Kind::Settle => self.settle_and_ask(seat, random)?,
        }
        Ok(true)
    }

    /// Somebody has something to say, which is not sent yet.
    fn talk(&mut self, seat: usize, random: &mut Random) -> bool {
        let Some(conn) = self.seats[seat].conn else { return false };
        let Some(link) = self.oracle.links.get(&conn) else { return false };
        if !link.may_talk() || link.asked.len() >= UNANSWERED || !self.oracle.model.is_connected(conn) {
            return false;
        }
        let who = link.who;
        let lines = (0..=random.below(3)).map(|_| self.some_line(conn, who, random)).collect();
        self.say(conn, lines, random.chance(50));
        true
    }

    fn some_line(&mut self, conn: usize, who: usize, random: &mut Random) -> String {
        if random.chance(2) {
            self.serial += 1;
            return format!("/ping n{}", self.serial);
        }
        // Mostly where it could come in a frame, since nobody makes more than a few.
        let is_packed = self.oracle.links.get(&conn).is_some_and(|link| link.deflate == Deflate::On);
        if random.chance(if is_packed { 4 } else { 1 })
            && self.oracle.tokens.get(&who).is_none_or(|tokens| tokens.len() < 5)
        {
            self.serial += 1;
            return format!("/token new t{}", self.serial);
        }
        loop {
            let line = operation(&self.oracle.model, conn, random, &mut self.serial);
            // The model has one clock; and options are set where nothing else is under way.
            if let Some(text) = line.strip_prefix("/away ") {
                // Each says something else.
                self.serial += 1;
                return format!("/away {text} n{}", self.serial);
            }
            // Hours pass there; seven days hardly ever do.
            if let Some(room) = line.strip_prefix("/retain ").and_then(|line| line.strip_suffix(" 7d"))
                && self.swarm.keep().lasts.is_some()
            {
                return format!("/retain {room} 2h");
            }
            if !["since=", "until=", "/set "].iter().any(|word| line.contains(word)) {
                return line;
            }
        }
    }

    /// Puts lines on a connection's way, as a frame if that is possible and wanted.
    fn say(&mut self, conn: usize, lines: Vec<String>, framed: bool) {
        let Some(link) = self.oracle.links.get_mut(&conn) else { return };
        let mut bytes = Vec::new();
        for line in lines {
            note!(self, "{conn} > {line}");
            bytes.extend_from_slice(format!("/@x {}\n", &line[1..]).as_bytes());
            link.ask(line);
        }
        let frame = if framed && link.deflate == Deflate::On { self.packer.pack(&bytes) } else { None };
        link.to_send.extend(frame.as_deref().unwrap_or(&bytes));
    }

    fn run_worker(&mut self, random: &mut Random) -> Result<bool, String> {
        let machine = self.machine()?;
        let worker = random.below(machine.workers());
        if !machine.is_awake(worker) {
            return Ok(false);
        }
        let ready = if random.chance(50) { u64::MAX } else { (random.below(1 << 32) as u64) << 1 | 1 };
        machine.run_worker(worker, ready);
        note!(self, "worker {worker} has a turn");
        self.digest()?;
        Ok(true)
    }

    fn begin_turn(&mut self) -> Result<bool, String> {
        let machine = self.machine()?;
        if machine.is_turn_taken() || !machine.is_dispatcher_awake() {
            return Ok(false);
        }
        match machine.begin_turn() {
            Ok(has_turn) => {
                note!(self, "the dispatcher's thread wakes{}", if has_turn { " and takes the turn" } else { "" });
                Ok(true)
            }
            Err(died) => self.died(died),
        }
    }

    fn finish_turn(&mut self) -> Result<bool, String> {
        let machine = self.machine()?;
        if !machine.is_turn_taken() {
            return Ok(false);
        }
        let finished = machine.finish_turn();
        note!(self, "the dispatcher's thread ends its turn");
        self.digest()?;
        match finished {
            Ok(()) => Ok(true),
            Err(died) => self.died(died),
        }
    }

    /// The process has ended, as it must when nobody knows what was saved, and only then.
    fn died(&mut self, Died(why): Died) -> Result<bool, String> {
        note!(self, "the server ends: {why}");
        require(matches!(self.failure, Some(Failure::Done | Failure::Undone)), || format!("the server ended: {why}"))?;
        self.kill()?;
        Ok(true)
    }

    fn answer_read(&mut self, nth: usize) -> Result<(), String> {
        let id = self.machine()?.read(nth);
        self.oracle.read(id);
        note!(self, "a read is answered");
        Ok(())
    }

    fn digest(&mut self) -> Result<(), String> {
        let machine = self.machine.as_mut().ok_or("a server")?;
        let entries = machine.journal();
        if entries.is_empty() {
            return Ok(());
        }
        if self.trace.is_some() {
            note!(self, "taken: {entries:?}");
        }
        let (now, epoch) = (machine.steady(), machine.epoch().to_owned());
        self.oracle.digest(entries, now, &epoch)?;
        self.forget_links();
        if matches!(self.failure, Some(Failure::Commit | Failure::Insert)) && !simulation::is_failure_planned() {
            self.failure = None;
        }
        Ok(())
    }

    /// Links that are over on both sides are not needed any more.
    fn forget_links(&mut self) {
        let model = &self.oracle.model;
        self.oracle.links.retain(|conn, link| !link.is_gone || !link.wire.is_closed() || model.is_connected(*conn));
    }
}

fn send(link: &mut Link, most: usize) -> usize {
    if link.to_send.is_empty() || link.is_half_closed || link.is_gone {
        return 0;
    }
    let most = most.min(link.to_send.len());
    let sent = link.wire.send(&link.to_send.make_contiguous()[..most]);
    link.to_send.drain(..sent);
    sent
}

/// A directory in memory, where there is one.
fn scratch() -> Result<TempDir, String> {
    let memory = std::path::Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.map_err(|error| error.to_string())
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Talk,
    Send,
    Take,
    Worker,
    Begin,
    Finish,
    Password,
    Read,
    Clock,
    Connect,
    Part,
    Option,
    Index,
    Checkpoint,
    Jump,
    Fail,
    Kill,
    Settle,
}
