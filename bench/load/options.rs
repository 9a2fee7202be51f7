//! What was asked for on the command line.

use crate::fault::Fault;
use crate::wire::{Manner, Protocol};
use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;

/// How many connections ask what --queries asks. Each is a member of one room, which it asks about.
pub const ASKERS: u32 = 10;

/// Puts load on a chat server, checks what it delivers and measures what that costs.
///
/// Without --idle, --logins or --return, senders talk in rooms: each keeps --window lines in flight and sends the next one when a
/// designated other member has received one, or, with --rate, lines are sent when they are due.
/// Lines are bare text, which like IRC's PRIVMSG is not answered.
#[derive(Debug, Parser)]
#[command(name = "load")]
pub struct Options {
    /// The server's address.
    #[arg(long, value_name = "IP:PORT")]
    pub addr: SocketAddr,
    /// Speak TLS; the certificate is not checked.
    #[arg(long)]
    pub tls: bool,
    /// The wire to speak.
    #[arg(long, value_enum, default_value_t = Protocol::Chitchat)]
    pub protocol: Protocol,
    /// How many rooms.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rooms: u32,
    /// How many members in each room; each is one connection.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub members: u32,
    /// How many of a room's members send.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub senders: u32,
    /// How many lines each sender keeps in flight.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub window: u32,
    /// Send at this rate, in deliveries a second, without waiting for anything; latency counts from when a line was due.
    #[arg(long, value_name = "DELIVERIES", value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,
    /// Send lines with /say, which the server answers with the message's ID: one more write to the sender (ChitChat).
    #[arg(long, conflicts_with_all = ["idle", "logins", "comeback"])]
    pub acknowledged: bool,
    /// Say this many lines in each room before anything is measured and, with --pid, wait until the server is idle
    /// (ChitChat).
    #[arg(long, default_value_t = 0, value_name = "LINES", conflicts_with_all = ["idle", "logins", "comeback", "slow"])]
    pub fill: u32,
    /// Ask this many queries a second beside the lines: `/history limit=1000` and `/search` of a word that is in all
    /// lines of --fill, in turn, when they are due, from 10 more connections (ChitChat). Their latency is reported
    /// apart; the server's processor time is that of everything.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000),
        conflicts_with_all = ["idle", "logins", "comeback", "slow"])]
    pub queries: Option<u32>,
    /// How long to measure.
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// How long to run before measuring.
    #[arg(long, default_value_t = 1.0)]
    pub warmup: f64,
    /// Bytes of text in a line; at least 48, to hold what is checked.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(48..=3000))]
    pub text_bytes: u32,
    /// Ask for deflate frames (ChitChat).
    #[arg(long)]
    pub deflate: bool,
    /// Measure the memory that this many idle connections take.
    #[arg(long, value_name = "N", conflicts_with_all = ["logins", "rate", "slow"])]
    pub idle: Option<u32>,
    /// Measure this many rounds of: connect, log in, join a room, quit.
    #[arg(long, value_name = "N", conflicts_with_all = ["rate", "slow"])]
    pub logins: Option<u32>,
    /// Put this many accounts into one room, disconnect them all and let them all reconnect at once (ChitChat).
    #[arg(long = "return", value_name = "N", conflicts_with_all = ["idle", "logins", "rate", "slow"])]
    pub comeback: Option<u32>,
    /// How many connections may be opening at the same time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub parallel: u32,
    /// Add this many members to the first room who stop reading halfway through: the run takes twice --seconds.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub slow: u32,
    /// File for the device tokens of registered accounts, written and reused.
    #[arg(long, value_name = "FILE", conflicts_with = "accounts_from")]
    pub state: Option<PathBuf>,
    /// Use these accounts and register none; each line is NAME and a token or a password.
    #[arg(long, value_name = "FILE")]
    pub accounts_from: Option<PathBuf>,
    /// What the names of registered accounts begin with.
    #[arg(long, default_value = "u", value_name = "WORD")]
    pub prefix: String,
    /// The server's process, to read its processor time and memory.
    #[arg(long)]
    pub pid: Option<u32>,
    /// After the last delivery, wait until the server is idle (less than 2 ticks of processor time in 1.5 s, and no
    /// thread that wants to run), for up to 60 s, and report what a delivery cost with everything done until then
    /// (server_us_per_delivery_settled). What the warm-up left to do, such as indexing, counts against the server.
    #[arg(long, requires = "pid", conflicts_with_all = ["idle", "logins", "comeback"])]
    pub settle: bool,
    /// What the report calls the server.
    #[arg(long, default_value = "server")]
    pub name: String,
    /// Print one line of JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

impl Options {
    /// How lines are sent.
    pub fn manner(&self) -> Result<Manner, Fault> {
        match (self.protocol, self.acknowledged) {
            (Protocol::Chitchat, false) => Ok(Manner::Bare),
            (Protocol::Chitchat, true) => Ok(Manner::Acknowledged),
            (Protocol::Irc, false) => Ok(Manner::Irc),
            (Protocol::Irc, true) => Err(Fault::Options("IRC has no --acknowledged lines")),
        }
    }

    /// How many connections the run keeps open, or how many accounts it takes turns with.
    pub fn people(&self) -> usize {
        let count = match (self.idle.or(self.comeback), self.logins) {
            (Some(people), _) => people,
            // Fewer accounts than logins, but never one that is logging in twice at once.
            (_, Some(logins)) => logins.min(1000.max(self.parallel * 2)),
            _ => self.rooms * self.members + self.slow + self.queries.map_or(0, |_| ASKERS),
        };
        count as usize
    }
}
