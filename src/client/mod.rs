//! The terminal client.

pub mod args;
pub mod connection;
pub mod follow;
pub mod inbox;
pub mod known_hosts;
pub mod login;
pub mod outbox;
pub mod screen;
pub mod state;
pub mod trust;
