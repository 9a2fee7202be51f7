//! The real programs, from outside: each test starts a server in a process of its own, or the client
//! against one, and talks to it over sockets.
//!
//! One binary, so that it is linked once. A module covers one theme; what they share is in `support`.
//! `cargo test --test integration rooms::` runs one module. Tests that need an outside program (openssl, nc,
//! telnet, tmux) are ignored by default and run with `cargo test -- --ignored`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::format_collect,
    clippy::large_stack_arrays,
    clippy::items_after_statements,
    reason = "tests, where a failure is the point and nothing is hot"
)]

mod abuse;
mod accounts;
mod agreement;
mod backup;
mod bots;
mod certificates;
mod changes;
mod check;
mod client;
mod clock;
mod codes;
mod conversations;
mod deflate;
mod disk;
mod erasures;
mod exports;
mod flood;
mod framing;
mod history;
mod hooks;
mod log;
mod messages;
mod metrics;
#[path = "../model/mod.rs"]
mod model;
mod moderation;
mod nc;
mod openssl;
mod page;
mod page_in_browser;
mod pages;
mod passwords;
mod people;
mod planted;
mod presence;
mod proxies;
mod releases;
mod reload;
mod restoring;
mod retention;
mod reverse_proxies;
mod rooms;
mod scripts;
mod shutdown;
mod soak;
mod startup;
mod status;
mod support;
mod syscalls;
mod systemd;
mod telnet;
mod tls;
mod web;
mod web_port;
