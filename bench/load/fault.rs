//! Why a run has no figures.

use std::io;
use std::path::PathBuf;

/// Why a run has no figures.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// This machine failed.
    #[error("this machine: {0}")]
    Local(#[source] io::Error),
    /// A file of accounts can't be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line of a file of accounts is not `NAME SECRET`.
    #[error("{}: line {line} is not NAME and a token or password", path.display())]
    Accounts {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// The file holds fewer accounts than the run needs.
    #[error("the run needs {} accounts, and there are {}", .needed, .found)]
    TooFew {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// The options don't fit together.
    #[error("{0}")]
    Options(&'static str),
    /// A connection could not be opened, or ended.
    #[error("connection {conn}: {error}")]
    Connection {
        /// Which, from 0.
        conn: usize,
        /// Why.
        error: io::Error,
    },
    /// The server refused what the run needs.
    #[error("connection {conn}: the server answered: {line}")]
    Refused {
        /// Which, from 0.
        conn: usize,
        /// What it answered.
        line: String,
    },
    /// The server sent nothing for too long.
    #[error("{what}: nothing happened for {seconds} s ({missing} still to come)")]
    Silent {
        /// What was waited for.
        what: &'static str,
        /// How long.
        seconds: u64,
        /// How much was still missing.
        missing: u64,
    },
    /// The server did not become idle.
    #[error("the server is not idle {seconds} s after the last delivery")]
    Restless {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The run failed in its queries, whose connections have numbers of their own.
    #[error("in the queries: {0}")]
    Query(Box<Fault>),
    /// What was delivered is not what was sent.
    #[error("WRONG DELIVERY: connection {conn}: {what}")]
    Wrong {
        /// Which, from 0.
        conn: usize,
        /// What is wrong with it.
        what: String,
    },
}
