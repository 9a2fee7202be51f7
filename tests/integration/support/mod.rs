//! What the tests of the wire stand on: the real server in a process of its own, clients that know
//! nothing but sockets, and transcripts that are data.
//!
//! Nothing here uses the library's own reading or writing of lines: a test that did could not see
//! both sides make the same mistake. No wait is without a deadline, and none is a sleep: a test
//! waits for a line, for an end, or for the answer to a question asked behind another.

pub(crate) mod client;
pub(crate) mod pattern;
pub(crate) mod program;
pub(crate) mod script;
pub(crate) mod server;

use std::time::Duration;

/// How long anything may be waited for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// A password that is long enough.
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) use client::Client;
pub(crate) use script::Script;
pub(crate) use server::Server;

/// Plays a transcript against a server of its own that takes registrations and has no throttles.
pub(crate) fn play(transcript: &str) {
    let server = Server::start();
    Script::new(&server).play(transcript);
}
