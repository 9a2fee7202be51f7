//! The wire, sans-IO: bytes in, values out. Server and client use the same code.
//!
//! Knows no socket, thread, clock or lock. `docs/PROTOCOL.md` is the page that these files keep.

mod args;
pub mod code;
pub mod command;
pub mod deflate;
pub mod frame;
pub mod line;
pub mod names;
pub mod secrets;
pub mod stamp;
pub mod telnet;
