//! ChitChat: a self-hosted chat server and its client.
//!
//! The server, `chitchatd`, is synchronous: `std::net` sockets, a fixed pool of workers and one
//! central dispatcher thread, joined by mailboxes through which data flows one way. The client,
//! `chitchat`, speaks the same wire with the same code.
//!
//! From the bottom up: [`names`] and [`secrets`] are the words everything else uses, parsed once
//! at the edge; [`protocol`] is the wire, bytes in and values out. Nothing imports upwards.
#![forbid(unsafe_code)]

pub mod auth;
pub mod banner;
pub mod certificate;
pub mod cli;
pub mod client;
pub mod config;
pub mod console;
pub mod dispatcher;
pub mod flood;
pub mod names;
pub mod net;
pub mod protocol;
pub mod rooms;
pub mod secrets;
pub mod server;
pub mod session;
pub mod store;
pub mod traffic;
