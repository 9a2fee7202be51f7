//! The operator's side: the command line, what is printed at start, the console's client.
//!
//! Builds on the server, which knows nothing of it. Runs on the main thread before the server serves,
//! or in a process of its own.

pub mod admin;
pub mod check;
pub mod cli;
pub mod console;
pub mod json;
pub mod log;
mod one_line;
pub mod settings;
pub mod startup;
pub mod status;
pub mod tls;

pub use one_line::one_line;
