//! The operator's side: the command line, what a start prints, the console's client.
//!
//! Stands on the server, which knows nothing of it. Runs on the main thread before the server serves, or in
//! a process of its own.

pub mod cli;
pub mod console;
pub mod startup;
