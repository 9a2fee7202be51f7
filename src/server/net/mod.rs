//! Sockets: the only place that has them.
//!
//! ```text
//! accept ──Delivery::Accepted──> work-0 … work-N, each the owner of its connections
//! ```
//!
//! The design card asks for blocking `std::net` sockets and a fixed pool. Reads that block would
//! cap people at the number of threads, so a worker blocks in one place instead, the readiness
//! wait for all of its connections; the sockets are `std::net`'s, set not to block. The wait is
//! mio's: portable and without `unsafe` here. It is edge-triggered, so a connection remembers that
//! it may be read or written until the socket says otherwise, and nothing is ever registered again.
//!
//! `worker` runs the loop, `subscriptions` knows who hears what, `connection` is one peer (`input` what it sends, `output` what it is
//! sent), `outbox` and `tls` move the bytes, `listener` accepts.

mod connection;
mod line_batch;
mod listener;
mod outbox;
mod permit;
mod socket;
mod subscriptions;
mod tls;
mod worker;

pub use listener::{ListenError, Listener, ListeningSocket, StopHandle, bind_console, bind_tcp};
pub use permit::ConnectionLimits;
pub use worker::{Worker, WorkerError};

use crate::server::flood::Rate;
use crate::server::traffic::{Budget, Delivery, Mailbox, Request};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// A TLS port that hears nothing for so long explains itself in plain text and closes.
pub const SILENCE: Duration = Duration::from_secs(5);
/// A handshake that began is over within this.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// Somebody silent for so long on a new TLS connection is told about `-quiet`.
pub const HINT: Duration = Duration::from_secs(20);
/// A connection that is not logged in after so long is closed.
pub const LOGIN: Duration = Duration::from_secs(120);
/// A connection that is being closed has so long to take what is left for it.
pub const CLOSING: Duration = Duration::from_secs(30);
/// After the last byte was sent, what the peer still sends is thrown away for so long: closing on
/// unread bytes would reset the connection and take the last lines with it.
pub const LINGER: Duration = Duration::from_secs(2);

/// What the operator decided, as far as it concerns connections.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Lines of one connection.
    pub flood: Option<Rate>,
    /// Bytes that one connection may leave unread.
    pub unread_bytes: usize,
    /// Bytes that all connections together may leave unread; then the largest goes first.
    pub unread_total: usize,
    /// Lines of one connection that may wait for their answers.
    pub unanswered: usize,
}

impl Limits {
    /// A connection that leaves more than so many bytes unread has no lines cut.
    pub(crate) fn unread_to_pause(&self) -> usize {
        self.unread_bytes / 4
    }
}

/// What all workers share.
#[derive(Debug)]
pub struct Shared {
    /// Bounds.
    pub limits: Limits,
    /// The server's name, for the greeting.
    pub name: String,
    /// Names this database's line of history.
    pub epoch: String,
    /// What may be under way.
    pub budget: Arc<Budget>,
    /// TLS.
    pub tls: Arc<rustls::ServerConfig>,
    /// To the dispatcher.
    pub dispatcher: Mailbox<Request>,
    /// To each worker.
    pub workers: Vec<Mailbox<Delivery>>,
    /// What each worker's connections leave unread.
    pub unread: Vec<Unread>,
}

/// What one worker's connections leave unread, for the bound over all.
#[derive(Debug, Default)]
pub struct Unread {
    pub(crate) total: AtomicUsize,
    pub(crate) largest: AtomicUsize,
}

#[cfg(test)]
mod tests;
