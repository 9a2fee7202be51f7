//! ChitChat: a self-hosted chat server and its client.
//!
//! ```text
//!   nc, openssl, bots ──┐   lines of text    ┌───────────── server ─────────────┐
//!   client::bot         ├──────────────────> │ net ─> dispatcher ─> net         │
//!   the terminal client ┘   over TLS         │        hub, core, store (SQLite) │
//!                                            └──────────────────────────────────┘
//!          └───────────────────── protocol ──────────────────────┘
//! ```
//!
//! * [`protocol`] is the wire, without I/O: bytes in, values out. Both sides use the same code.
//! * [`server`] is the server, `chitchatd`: a [`server::Server`] that a program may embed.
//! * [`client`] is the terminal client, `chitchat`, and [`client::bot`], a connection for programs.
//!
//! `server` and `client` stand on `protocol` and know nothing of each other. Each is a feature of its
//! name, and both are on by default. `docs/PROTOCOL.md` is the wire's contract,
//! `docs/ARCHITECTURE.md` says how the server is built.
//!
//! A server and a bot in one process:
//!
//! ```
//! use chitchat::client::bot::Bot;
//! use chitchat::protocol::secrets::Secret;
//! use chitchat::server::Server;
//! use chitchat::server::config::{Config, Environment, Flags};
//! use std::io::{BufRead as _, BufReader, Write as _};
//! use std::net::TcpStream;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = tempfile::tempdir()?;
//! let flags = Flags { data: Some(data.path().join("chat")), ..Flags::default() };
//! let settings = ["tls=127.0.0.1:0", "plain=127.0.0.1:0", "registration=open", "accounts.bcrypt_cost=10"];
//! let config = Config::build(None, &settings.map(str::to_owned), &flags, &Environment::of_process())?;
//! let server = Server::open(&config)?;
//! let (tls, plain) = (server.tls_addresses()[0], server.plain_addresses()[0]);
//! let (fingerprint, stopper) = (server.fingerprint().to_string(), server.stopper());
//! let serving = std::thread::spawn(|| server.serve());
//!
//! // Anyone who can open a socket can talk: this registers an account and asks for a token.
//! let mut socket = TcpStream::connect(plain)?;
//! socket.write_all(b"/register robot correct horse battery\n/token new bot\n/quit\n")?;
//! let answers = BufReader::new(socket).lines().collect::<Result<Vec<_>, _>>()?;
//! assert!(answers[1].starts_with("+ welcome robot"));
//! let token = answers[2].split(' ').nth(1).unwrap_or_default();
//!
//! // Over TLS, by the server's fingerprint.
//! let mut bot = Bot::connect(&tls.to_string().parse()?, Some(fingerprint.parse()?), &Secret::new(token))?;
//! assert_eq!(bot.ask("/say lobby hello")?.text, "1");
//! bot.quit()?;
//!
//! stopper.stop();
//! serving.join().expect("serving never panics")?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
// Of the library alone: the programs, tests and examples share its dependencies and use few of them.
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

#[cfg(feature = "client")]
pub mod client;
#[cfg(any(feature = "server", feature = "client"))]
mod cryptography;
#[cfg(any(feature = "server", feature = "client"))]
mod files;
pub mod protocol;
#[cfg(feature = "server")]
pub mod server;
#[cfg(any(feature = "server", feature = "client"))]
mod settings_text;

// What the two programs use, and the library does not.
#[cfg(any(feature = "server", feature = "client"))]
use env_logger as _;
#[cfg(feature = "server")]
use signal_hook as _;
