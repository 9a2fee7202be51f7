//! Sockets: the only place that has them.
//!
//! ```text
//! accept ──Delivery::Accepted──> work-0 … work-N, each the owner of its connections
//! ```
//!
//! Blocking reads would limit people to the number of threads, so a worker blocks in one place
//! instead: the readiness wait for all of its connections. The sockets are `std::net`'s, set not to
//! block. mio does the waiting: portable, and without `unsafe` here. It is edge-triggered, so a
//! connection remembers that it may be read until the socket says otherwise, and nothing is ever
//! registered twice.
//!
//! `listener` accepts, with a permit for each connection. `worker` runs the loop, `subscriptions`
//! knows who hears what. `connection` is one peer; `outbox`, `tls` and `socket` move its bytes, and
//! `line_batch` has those that many are sent. Nothing here knows rooms, the store or passwords.

mod connection;
mod line_batch;
mod listener;
mod outbox;
mod permit;
mod socket;
mod subscriptions;
mod tls;
mod worker;

pub(super) use listener::{ListenError, Listener, ListeningSocket, bind_console, bind_tcp};
pub(super) use permit::ConnectionLimits;
pub(super) use worker::{Worker, WorkerError};

use crate::server::flood::Rate;
use crate::server::traffic::{Budget, Mailbox, Request};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// A TLS port that hears nothing for so long explains itself in plain text and closes the connection.
pub(super) const SILENCE: Duration = Duration::from_secs(5);
/// How long a TLS handshake may take.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
/// A new TLS connection that is silent for so long is told about `-quiet`.
pub(super) const HINT: Duration = Duration::from_secs(20);
/// A connection on which nobody logs in for so long is closed.
pub(super) const LOGIN: Duration = Duration::from_mins(2);
/// How long a connection that is being closed has to take what is left for it.
pub(super) const CLOSING: Duration = Duration::from_secs(30);
/// How long what the peer still sends is thrown away after the last byte was sent: closing on unread
/// bytes would reset the connection and take the last lines with it.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// The operator's limits, as far as they concern a connection.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    /// How fast one connection may send lines; `None` is no limit.
    pub flood: Option<Rate>,
    /// Bytes that one connection may leave unread.
    pub unread_bytes: usize,
    /// Bytes that all connections together may leave unread; beyond that, the one that leaves
    /// most is evicted.
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
pub(super) struct Shared {
    /// See [`Limits`].
    pub limits: Limits,
    /// The server's name, for the greeting.
    pub name: String,
    /// Names this database's history; a program that sees another starts over.
    pub epoch: String,
    /// The limit of what may be under way.
    pub budget: Arc<Budget>,
    /// The certificate and what goes with it.
    pub tls: Arc<rustls::ServerConfig>,
    /// To the dispatcher.
    pub dispatcher: Mailbox<Request>,
    /// What each worker's connections leave unread.
    pub unread: Vec<Unread>,
}

/// What one worker's connections leave unread, for the limit over all.
#[derive(Debug, Default)]
pub(super) struct Unread {
    pub(crate) total: AtomicUsize,
    pub(crate) largest: AtomicUsize,
}

#[cfg(test)]
mod tests;
