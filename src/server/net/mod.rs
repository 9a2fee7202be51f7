//! Sockets: the only place that has them.
//!
//! ```text
//! accept ──Delivery::Accepted──> work-0 … work-N, each the owner of its connections
//! ```
//!
//! With blocking reads there could be no more connections than threads, so a worker blocks in one
//! place only: it polls all of its connections for readiness. The sockets are `std::net`'s, set to
//! non-blocking. mio does the polling: portable, and without `unsafe` here. It is edge-triggered,
//! so a connection remembers that it may be read until the socket says otherwise, and nothing is
//! ever registered twice.
//!
//! `listener` accepts, and takes a permit for each connection; `listening` has the sockets that it
//! accepts from, and `passed` those of them that systemd holds. `worker` runs the loop, and `subscriptions` knows which connections receive what.
//! `connection` is one peer; `outbox`, `tls` and `socket` move its bytes, and `line_batch` has the
//! lines that many are sent. `seldom` bounds what the log says. `metrics` is a door of its own, for a
//! Prometheus. Nothing here knows rooms, the store or passwords.

mod connection;
mod line_batch;
mod listener;
mod listening;
pub(super) mod metrics;
mod outbox;
mod passed;
mod permit;
mod seldom;
mod socket;
mod subscriptions;
mod tls;
mod worker;

pub(super) use listener::Listener;
pub(super) use listening::{ListenError, ListeningSocket, bind_console, bind_tcp, bindable, listen};
pub use passed::PassedSockets;
pub(super) use permit::{ConnectionLimits, Permits};
pub(super) use worker::{Worker, WorkerError};

use self::seldom::Seldom;
use crate::server::flood::Buckets;
use crate::server::proxy::ProxyRange;
use crate::server::traffic::{Blocklist, Budget, Limits, ListenerKind, Submit, Tally};
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A TLS port that receives nothing for this long explains itself in plain text and closes the
/// connection.
pub(super) const SILENCE: Duration = Duration::from_secs(5);
/// A connection of a proxy that has not said whose it is for this long is closed.
pub(super) const PROXY_HEADER: Duration = Duration::from_secs(5);
/// How long a TLS handshake may take.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
/// A new TLS connection that is silent for this long is told about `-quiet`.
pub(super) const HINT: Duration = Duration::from_secs(20);
/// A connection on which nobody logs in for this long is closed.
pub(super) const LOGIN: Duration = Duration::from_mins(2);
/// A connection that is due to be closed, and still waits for the answer to a post, is looked at again after this.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// A connection on which a proxy passes on requests is closed when none has come for this long. Proxies close theirs
/// before that (Caddy after 2 minutes), and so send no request on one that is being closed here.
pub(super) const IDLE_PROXY: Duration = Duration::from_mins(5);
/// How many times as many requests as one connection may send a proxy may pass on from one address: as many as if that
/// many people opened the page at once.
pub(super) const REQUESTERS: u16 = 32;
/// How long a connection that is being closed has to take what is left.
pub(super) const CLOSING: Duration = Duration::from_secs(30);
/// How long input is discarded after the last byte was sent: closing with unread bytes would reset
/// the connection and lose the last lines.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// What a worker has of its own and may be replaced while it runs.
#[derive(Debug, Clone)]
pub(super) struct Live {
    /// The operator's limits for connections.
    pub limits: Limits,
    /// The certificate and what goes with it.
    pub tls: Arc<rustls::ServerConfig>,
    /// Whether an authority vouches for it.
    pub vouched_for: bool,
}

/// What all workers share.
#[derive(Debug)]
pub(super) struct WorkerContext {
    /// For the greeting.
    pub name: String,
    /// Names this database's history; a program that sees another one starts over.
    pub epoch: String,
    /// Bounds what is under way.
    pub budget: Arc<Budget>,
    /// Bounds what arrives of the bodies of requests, which strangers may send as slowly as they like: lines do not wait
    /// for that.
    pub bodies: Arc<Budget>,
    pub dispatcher: Arc<dyn Submit>,
    /// What is counted for the figures.
    pub tally: Arc<Tally>,
    /// Who may not connect.
    pub blocklist: Arc<Blocklist>,
    /// What each worker's connections leave unread, by worker.
    pub unread: Unread,
    /// What is wrong with proxies.
    pub proxy_log: ProxyLog,
    pub proxies: Arc<Proxies>,
    /// How many requests each address may still send through proxies.
    pub requests: Mutex<Buckets>,
}

/// Which addresses are those of proxies that are believed.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    everywhere: Vec<ProxyRange>,
    /// Those besides.
    web: Vec<ProxyRange>,
}

impl Proxies {
    pub(super) fn new(everywhere: Vec<ProxyRange>, web: Vec<ProxyRange>) -> Self {
        Self { everywhere, web }
    }

    /// Whether one is believed that comes to such a listener from that address.
    fn has(&self, kind: ListenerKind, address: IpAddr) -> bool {
        let besides = if kind == ListenerKind::Web { &self.web[..] } else { &[] };
        self.everywhere.iter().chain(besides).any(|range| range.contains(address.to_canonical()))
    }
}

/// What the log says of proxies whose settings and those of the server do not agree.
#[derive(Debug, Default)]
pub(super) struct ProxyLog {
    /// One that is named in the settings sends no header.
    no_header: Seldom,
    /// One that is not sends one, or says whose a request is.
    not_believed: Seldom,
    /// One says whose a request is in a way that can't be believed.
    bad_fields: Seldom,
    /// One does not say it.
    nobody: Seldom,
    /// One may have changed which host a request is for.
    other_origin: Seldom,
}

/// What one worker's connections leave unread, for the limit over all.
#[derive(Debug, Default)]
pub(super) struct UnreadBytes {
    total: AtomicUsize,
    largest: AtomicUsize,
}

/// The same for all workers.
pub(super) type Unread = Arc<[UnreadBytes]>;

/// Nothing is unread by the connections of so many workers.
pub(super) fn unread_of(workers: usize) -> Unread {
    (0..workers).map(|_| UnreadBytes::default()).collect()
}

impl UnreadBytes {
    /// In bytes of memory, as of the end of the worker's last turn.
    pub(super) fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }
}

/// What those who may not connect are told.
const BLOCKED: &str = "connections from your address are blocked. Ask the operator of this server.";

#[cfg(test)]
mod tests;
