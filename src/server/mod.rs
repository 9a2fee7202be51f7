//! The server: [`Server::open`] the data and the sockets, [`Server::serve`] until it is stopped.
//!
//! ```text
//!   accept ──> work-0..N ──────────> dispatcher ───────────────> work-0..N ──> sockets
//!              (sockets)             decide (hub, core), commit (store)  ^
//!                  auth-0..M <──────┘ ^ │          └──> read-0..K ───────┘   (history, search)
//!                  (bcrypt) ──────────┘ └────────────> index                 (full text, behind)
//! ```
//!
//! # Threads
//!
//! **`accept`** ([`net`]) waits for connections on every listening socket, counts them against the
//! limits, and hands each to the next worker.
//!
//! **`work-0` … `work-N`** ([`net`], [`session`]) each own their connections outright: sockets,
//! TLS, framing, session state and unsent output. A worker turns lines into requests for the
//! dispatcher, and deliveries into bytes.
//!
//! **`dispatcher`** ([`mod@dispatcher`], [`hub`], [`core`](mod@core), [`store`]) is the order of
//! everything. It decides all waiting requests, commits them as one transaction, and only then lets
//! anyone be answered.
//!
//! **`auth-0` … `auth-M`** ([`auth`]) check and hash passwords: a quarter of a second of a core
//! each, which nobody else should wait for. They answer the dispatcher.
//!
//! **`read-0`, `read-1`** ([`store`]) answer `/history` and `/search`, so that a long search delays nobody's
//! lines.
//!
//! **`index`** and **`checkpoint`** ([`store`]) follow behind the commits: one maintains the search
//! index, the other moves the write-ahead log into the database.
//!
//! **`metrics`** ([`net`]), if the settings say so, shows them to a Prometheus over HTTP.
//!
//! **`figures`** ([`mod@figures`]) gathers what `/stats` and the metrics show: to what the dispatcher knows it adds
//! what the disk and the system say.
//!
//! **`reload`** ([`mod@reload`]) reads the settings and the certificate again when it is asked to, and tells
//! the others what has changed.
//!
//! **`watchdog`** ([`mod@watchdog`]) is there if a service manager wants to know whether the server is alive: it sees
//! whether the dispatcher turns.
//!
//! The thread that called [`Server::serve`] waits, and joins them all. Nothing here ends the process or
//! handles a signal: that is up to the program.

mod auth;
pub mod backup;
#[cfg(feature = "faults")]
#[doc(hidden)]
pub mod battery;
#[doc(hidden)]
pub mod bench;
pub mod certificate;
mod clock;
pub mod config;
mod considerate;
mod core;
mod dispatcher;
mod error;
mod faults;
mod figures;
mod flood;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod hub;
mod net;
mod open;
pub mod operator;
mod priority;
mod proxy;
mod quoted;
mod reload;
pub mod running;
mod sentence;
mod serve;
mod service_manager;
mod session;
#[cfg(feature = "faults")]
#[doc(hidden)]
pub mod simulation;
mod store;
mod traffic;
pub mod transfer;
mod watchdog;
mod web;

pub use core::{
    FORMER_NAMES_MAX, HOOKS_MAX, IGNORED_MAX, INVITATIONS_BY_ONE_MAX, INVITATIONS_MAX, INVITES_MAX, MENTIONS_MAX,
    PERMISSIONS, PINS_MAX, Permission, REACTIONS_MAX, ROOMS_MAX, RoomAction, SANCTIONS_MAX, TOKENS_MAX, TOPIC_MAX,
};
pub use error::{ServerError, ServerFault};
pub use hub::TELL_MEMBERS_MAX;
pub use net::PassedSockets;
pub use open::{OpenWarning, Server};
pub use serve::{Reloader, Stopper};
pub use service_manager::ServiceManager;
