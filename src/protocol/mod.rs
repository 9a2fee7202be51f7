//! The wire, sans-IO: bytes in, values out. Server and client use the same code.
//!
//! Knows no socket, thread, clock or lock. `docs/PROTOCOL.md` is the page that these files implement.

/// The protocol's name in TLS's ALPN; its number is the one that `/set tags on` answers with.
pub const ALPN: &[u8] = b"chitchat/1";

/// What a browser offers there.
pub const ALPN_HTTP: &[u8] = b"http/1.1";

mod args;
pub mod code;
pub mod command;
pub mod deflate;
pub mod frame;
pub mod http_guard;
mod ids;
pub mod line;
pub mod mention;
pub mod names;
pub mod network;
pub mod reaction;
pub mod roles;
pub mod secrets;
pub mod spans;
pub mod stamp;
pub mod telnet;
mod text;
pub mod time_bound;
