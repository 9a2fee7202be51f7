//! The figures of the running server: what `/stats`, `chitchatd status`, `chitchatd health` and the metrics show.
//!
//! The hub says at its turn what it knows, and the thread `figures` adds the rest. Here is what they hold; in
//! [`crate::server::figures`], how they are gathered and written down.

use super::{Histogram, KeepLimits, ListenerKind, Tally};
use crate::protocol::names::ConnId;
use crossbeam_channel::Sender;
use std::sync::Arc;
use std::time::Duration;

/// What the hub knows.
#[derive(Debug, Clone)]
pub(crate) struct HubFigures {
    /// When the server started, in milliseconds of Unix time.
    pub since: u64,
    pub accounts: usize,
    /// Accounts that have a connection.
    pub here: usize,
    /// Connections that are logged in.
    pub connections: usize,
    pub rooms: usize,
    /// Messages, ever.
    pub messages: u64,
    /// Those of the last whole minute.
    pub last_minute: u32,
    /// Requests that were refused because an account did something too often.
    pub refused: u64,
    /// Logins and registrations that had to wait.
    pub throttled: u64,
    /// The last batch that was to be stored could not be.
    pub unsaved: bool,
    /// What all conversations keep at most.
    pub keep: KeepLimits,
    pub commits: CommitFigures,
    /// What administrators are told when they log in.
    pub warnings: Vec<String>,
}

/// The commits since the start.
#[derive(Debug, Clone)]
pub(crate) struct CommitFigures {
    /// How long each took, in microseconds.
    pub times: Histogram,
    /// How many requests each was for.
    pub batches: Histogram,
    /// What 99 of 100 took at most, of the last five minutes to ten; `None` if there was none.
    pub p99: Option<Duration>,
    /// Batches that could not be stored.
    pub failed: u64,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Figures {
    pub hub: HubFigures,
    pub tally: Arc<Tally>,
    /// Open connections of each kind.
    pub open: [(ListenerKind, OpenConnections); ListenerKind::ALL.len()],
    /// What waits, in the order in which it is passed through.
    pub queues: Queues,
    /// Bytes of all requests and lines under way.
    pub under_way: usize,
    /// Bytes of memory that connections take with what they have not read.
    pub unread: usize,
    pub disk: Disk,
    /// Bytes of the database that are in use; `None` if it could not be read.
    pub used: Option<u64>,
    /// Bytes of memory of the whole process; `None` if the system doesn't say.
    pub memory: Option<u64>,
    /// When the certificate ends that is served, in seconds of Unix time.
    pub certificate_ends: i64,
    /// When the last backup was made, in seconds of Unix time; `None` if none was noted.
    pub last_backup: Option<i64>,
    /// Now, by the same clock.
    pub now: i64,
}

/// Connections of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OpenConnections {
    pub all: u32,
    /// Those on which nobody is logged in.
    pub guests: u32,
    /// Those that there were since the start.
    pub ever: u64,
}

/// How much waits in each queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Queues {
    /// Requests, for the dispatcher.
    pub requests: usize,
    /// Passwords, to be checked.
    pub passwords: usize,
    /// History, search and the like, for the readers.
    pub reads: usize,
}

/// What is on the disk, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Disk {
    pub database: u64,
    /// The write-ahead log of the database.
    pub log: u64,
    /// The search index, with its own log.
    pub index: u64,
    /// What is left for the server's user; `None` if the system doesn't say.
    pub free: Option<u64>,
}

/// Who asked, and what the hub said.
#[derive(Debug)]
pub(crate) struct FiguresJob {
    pub to: Asker,
    pub hub: HubFigures,
    /// As in [`Figures`]: the dispatcher has the store.
    pub used: Option<u64>,
}

/// Who asks for the figures.
#[derive(Debug)]
pub(crate) enum Asker {
    /// `/stats` on this connection.
    Connection(ConnId),
    /// The thread that serves the metrics.
    Metrics(Sender<Figures>),
}

impl Figures {
    /// Whole days that the certificate is still valid; below 0 once it has expired.
    #[must_use]
    pub(crate) fn certificate_days(&self) -> i64 {
        const DAY: i64 = 86_400;
        self.certificate_ends.saturating_sub(self.now).div_euclid(DAY)
    }
}
