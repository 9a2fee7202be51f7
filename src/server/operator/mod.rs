//! The operator's side: the command line, what a start prints, the console's client, the certificate.
//!
//! Nothing here is on the path of a message. Runs on the main thread before the server serves, or in
//! a process of its own.

pub mod certificate;
pub mod cli;
pub mod console;
pub mod running;
pub mod startup;
