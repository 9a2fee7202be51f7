//! What the tests of the wire build on: the real server in its own process, clients that are only
//! sockets, and transcripts that are data.
//!
//! Nothing here uses the library's own reading or writing of lines: a test that did could not see
//! both sides make the same mistake. Every wait has a deadline, and none is a sleep: a test
//! waits for a line, for an end, or for the answer to a command sent after another.

pub(crate) mod any_certificate;
#[allow(dead_code, reason = "the crash battery has no use for it")]
pub(crate) mod browser;
#[allow(dead_code, reason = "the crash battery has no use for it")]
pub(crate) mod chromium;
pub(crate) mod client;
pub(crate) mod files;
pub(crate) mod pattern;
mod process;
pub(crate) mod program;
pub(crate) mod relay;
pub(crate) mod script;
pub(crate) mod server;
pub(crate) mod service_manager;
pub(crate) mod strace;

use std::time::Duration;

/// How long to wait for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// A password that is long enough.
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) use client::Client;
pub(crate) use files::{files_with, wait_until_gone};
#[allow(unused_imports, reason = "the crash battery has no use for it")]
pub(crate) use relay::Relay;
pub(crate) use script::Script;
pub(crate) use server::Server;
pub(crate) use service_manager::ServiceManager;

/// Plays a transcript against its own server, with open registration and without throttles.
pub(crate) fn play(transcript: &str) {
    let server = Server::start();
    Script::new(&server).play(transcript);
}
