//! ChitChat: a self-hosted chat server and its client.
//!
//! The server, `chitchatd`, is synchronous: `std::net` sockets, a fixed pool of workers and one
//! central dispatcher thread, joined by mailboxes through which data flows one way. The client,
//! `chitchat`, speaks the same wire with the same code.
//!
//! [`protocol`] is the wire: bytes in, values out. [`server`] and [`client`] stand on it and know
//! nothing of each other. Nothing imports upwards.
#![forbid(unsafe_code)]

#[cfg(feature = "client")]
pub mod client;
#[cfg(any(feature = "server", feature = "client"))]
mod files;
pub mod protocol;
#[cfg(feature = "server")]
pub mod server;
