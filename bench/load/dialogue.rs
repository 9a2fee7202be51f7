//! Opening connections: connect, log in and join, until the server has confirmed all of it.

use crate::accounts::Account;
use crate::fault::Fault;
use crate::options::Options;
use crate::swarm::{Driver, Outbox, Swarm, unasked_end};
use crate::wire::{Protocol, untagged};
use std::io;
use std::time::{Duration, Instant};

/// How long opening may stall before the run fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a connection sends last: once it is answered, everything before it is done.
const READY: &str = "ready-when-you-read-this";

/// What a connection sends to log in.
pub struct Greeting {
    /// Sent immediately.
    first: String,
    /// Sent when the server has said welcome (IRC).
    second: String,
    deflate: bool,
}

impl Greeting {
    /// Commands that may all be pipelined.
    pub fn chitchat(commands: &str, deflate: bool) -> Self {
        let first = format!("/set tags on\n{commands}/ping {READY}\n");
        Self { first, second: String::new(), deflate }
    }

    /// A name, then a room.
    fn irc(name: &str, room: Option<&str>) -> Self {
        let join = room.map(|room| format!("JOIN #{room}\r\n")).unwrap_or_default();
        Self {
            first: format!("NICK {name}\r\nUSER {name} 0 * :load\r\n"),
            second: format!("{join}PING :{READY}\r\n"),
            deflate: false,
        }
    }

    /// Logs an account in and joins it to a room.
    pub fn member(options: &Options, account: &Account, room: Option<&str>) -> Self {
        match options.protocol {
            Protocol::Irc => Self::irc(&account.name, room),
            Protocol::Chitchat => {
                let join = room.map(|room| format!("/join {room}\n")).unwrap_or_default();
                Self::chitchat(&format!("{}\n{join}", account.login()), options.deflate)
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Closed,
    Opening,
    Deflating,
    Ready,
}

/// What happens to a connection that is ready.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It stays.
    Stay,
    /// It is closed.
    Close,
}

/// Drives connections until they are ready.
pub struct Opening {
    protocol: Protocol,
    greetings: Vec<Greeting>,
    stages: Vec<Stage>,
    tokens: Vec<String>,
    ready: Vec<usize>,
    frames: Vec<usize>,
    total: usize,
}

impl Opening {
    /// Connection number n sends the nth greeting.
    pub fn new(options: &Options, greetings: Vec<Greeting>) -> Self {
        let count = greetings.len();
        Self {
            protocol: options.protocol,
            greetings,
            stages: vec![Stage::Closed; count],
            tokens: vec![String::new(); count],
            ready: Vec::new(),
            frames: Vec::new(),
            total: 0,
        }
    }

    /// How many connections to open.
    pub fn len(&self) -> usize {
        self.greetings.len()
    }

    /// Begins one.
    pub fn begin(&mut self, swarm: &mut Swarm, conn: usize) -> Result<(), Fault> {
        swarm.open(conn)?;
        self.stages[conn] = Stage::Opening;
        swarm.out.of(conn).extend_from_slice(self.greetings[conn].first.as_bytes());
        Ok(())
    }

    /// The connections that became ready since this was last asked.
    pub fn newly_ready(&mut self, swarm: &mut Swarm) -> Vec<usize> {
        for conn in self.frames.drain(..) {
            if let Some(link) = swarm.link(conn) {
                link.expect_frames();
            }
        }
        std::mem::take(&mut self.ready)
    }

    /// The device tokens that were created, by connection.
    pub fn tokens(self) -> Vec<String> {
        self.tokens
    }

    fn chitchat(&mut self, conn: usize, line: &[u8], out: &mut Outbox) -> Result<(), Fault> {
        let body = untagged(line);
        if let Some(token) = line.strip_prefix(b"@re=token + ") {
            self.tokens[conn] = String::from_utf8_lossy(token.split(|&b| b == b' ').next().unwrap_or(token)).into();
        }
        // A connection that is not in the lobby can't leave it, which is fine.
        if body.starts_with(b"- ") && !body.starts_with(b"- not-a-member") {
            return Err(refused(conn, line));
        }
        let Some(done) = body.strip_prefix(b"+ ") else { return Ok(()) };
        if self.stages[conn] == Stage::Deflating && done.starts_with(b"deflate ") {
            self.frames.push(conn);
            self.become_ready(conn);
        } else if done == READY.as_bytes() {
            if self.greetings[conn].deflate {
                self.stages[conn] = Stage::Deflating;
                out.of(conn).extend_from_slice(b"/set deflate 1\n");
            } else {
                self.become_ready(conn);
            }
        }
        Ok(())
    }

    fn irc(&mut self, conn: usize, line: &[u8], out: &mut Outbox) -> Result<(), Fault> {
        if let Some(token) = line.strip_prefix(b"PING ") {
            out.of(conn).extend_from_slice(&[b"PONG ", token, b"\r\n"].concat());
            return Ok(());
        }
        let mut words = line.split(|&b| b == b' ').skip_while(|word| word.starts_with(b":"));
        match words.next() {
            Some(b"001") => out.of(conn).extend_from_slice(self.greetings[conn].second.as_bytes()),
            Some(b"PONG") if line.ends_with(READY.as_bytes()) => self.become_ready(conn),
            Some(b"ERROR") => return Err(refused(conn, line)),
            // 422 says that there is no message of the day.
            Some([b'4' | b'5', _, _]) if !line.windows(5).any(|word| word == b" 422 ") => {
                return Err(refused(conn, line));
            }
            _ => {}
        }
        Ok(())
    }

    fn become_ready(&mut self, conn: usize) {
        self.stages[conn] = Stage::Ready;
        self.ready.push(conn);
        self.total += 1;
    }
}

fn refused(conn: usize, line: &[u8]) -> Fault {
    Fault::Refused { conn, line: String::from_utf8_lossy(line).into_owned() }
}

impl Driver for Opening {
    fn line(&mut self, conn: usize, line: &[u8], _: u64, out: &mut Outbox) -> Result<(), Fault> {
        if self.stages[conn] == Stage::Ready {
            return Ok(());
        }
        match self.protocol {
            Protocol::Chitchat => self.chitchat(conn, line, out),
            Protocol::Irc => self.irc(conn, line, out),
        }
    }

    fn ended(&mut self, conn: usize, error: Option<io::Error>) -> Result<(), Fault> {
        Err(unasked_end(conn, error))
    }
}

/// Opens all connections, at most `parallel` at once.
pub fn open_all(swarm: &mut Swarm, opening: &mut Opening, parallel: usize, after: After) -> Result<(), Fault> {
    let (count, mut begun) = (opening.len(), 0);
    let mut last_news = Instant::now();
    while opening.total < count {
        while begun < count && begun - opening.total < parallel {
            opening.begin(swarm, begun)?;
            begun += 1;
        }
        swarm.turn(opening, Duration::from_millis(100))?;
        let ready = opening.newly_ready(swarm);
        if !ready.is_empty() {
            last_news = Instant::now();
        }
        if after == After::Close {
            ready.into_iter().for_each(|conn| swarm.close(conn));
        }
        if last_news.elapsed() > PATIENCE {
            let missing = (count - opening.total) as u64;
            return Err(Fault::Silent { what: "logging in", seconds: PATIENCE.as_secs(), missing });
        }
    }
    Ok(())
}
