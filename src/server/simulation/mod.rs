//! The server without threads, sockets and clocks of the system, for `examples/simulate`: whoever holds a
//! [`Machine`] says which of its parts goes on next and when time passes, so that a run can be repeated
//! step by step. Compiled with the feature `faults` alone, which nothing that is shipped has.
//!
//! All that would be shared between threads is real: the mailboxes, the dispatcher's queue and its turns,
//! the budget, SQLite's files. In place of the rest: a [pipe](ClientEnd) for each connection, a clock that
//! stands still until it is moved, random bytes that follow from a seed, and password hashes that cost
//! nothing. TLS is left out, since rustls draws its own random bytes.

mod machine;
mod pipe;

pub use machine::{Died, Machine};
pub use pipe::ClientEnd;
pub(super) use pipe::ServerEnd;

use super::clock;
use super::faults::{self, Fault};
use crate::protocol::names::{ConnId, MessageId};
use crate::protocol::secrets::seeded;
use std::time::Duration;

/// What the dispatcher did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// It took a line of a connection that is logged in, or was.
    Line(ConnId),
    /// It took a login with a token.
    Resume(ConnId),
    /// It took a login or a registration with a password, which goes to the bcrypt pool unless it is
    /// refused.
    Password(ConnId),
    /// It took what the bcrypt pool found: whether that was right.
    PasswordChecked(ConnId, bool),
    /// A connection to the console has begun.
    Console(ConnId),
    /// The peer leaves; whether it waits for an answer.
    Quit(ConnId, bool),
    /// The connection is gone.
    Detach(ConnId),
    /// It dropped what conversations no longer keep.
    Dropped(Vec<Dropped>),
    /// What was taken since is stored.
    Committed,
    /// Nothing of what was taken since is stored, and all who wait are refused.
    Refused,
}

/// What a conversation no longer keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The name of the room, or those of the two accounts.
    pub names: Vec<String>,
    /// The last message that went.
    pub through: MessageId,
}

/// How the next transaction fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The disk is full when the messages are written.
    Insert,
    /// The disk is full when the transaction is committed.
    Commit,
    /// The commit fails, and nobody knows whether it happened: it did not.
    Undone,
    /// The same, but it did.
    Done,
}

/// Gives this thread clocks that stand still, the system's at that time in milliseconds.
pub fn start_clocks(unix_ms: u64) {
    clock::simulated::start(unix_ms);
}

/// Lets time pass.
pub fn advance(by: Duration) {
    clock::simulated::advance(by);
}

/// Sets the system's clock forward or back, by milliseconds.
pub fn set_clock(by: i64) {
    clock::simulated::set(by);
}

/// From now on this thread's random bytes follow from that number.
pub fn seed(seed: u64) {
    seeded::seed(seed);
}

/// The next transaction of this thread fails so; `None` takes that back.
pub fn fail(failure: Option<Failure>) {
    super::store::failures::plan(failure);
}

/// Whether a failure is planned that has not happened yet.
#[must_use]
pub fn is_failure_planned() -> bool {
    super::store::failures::is_planned()
}

/// The names of the faults that can be planted.
pub fn faults() -> impl Iterator<Item = &'static str> {
    Fault::ALL.iter().map(|(name, _)| *name)
}

/// Plants a fault in this thread, which then happens one time in `every` that it could. False if none has
/// that name.
#[must_use]
pub fn plant(name: &str, every: u32) -> bool {
    let found = Fault::ALL.iter().find(|(known, _)| *known == name);
    faults::plant(found.map(|&(_, fault)| (fault, every)));
    found.is_some()
}

/// Takes a planted fault away.
pub fn unplant() {
    faults::plant(None);
}
