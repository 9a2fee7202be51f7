//! Exports: what is stored of a room, of a direct conversation or of an account, for people to read or for
//! programs, made beside a running server; and a room's export put into a server that is stopped.
//!
//! `export` writes one, `parse` reads its lines and `import` stores what they say; `error` says why not. The
//! lines are in [`crate::server::traffic`], what is read in the store. Each runs on the main thread of a
//! process of its own, `chitchatd export` and `chitchatd import`.

mod error;
mod export;
mod import;
mod parse;

pub use error::TransferError;
pub use export::{Form, What, export};
pub use import::{Imported, import};
#[cfg(fuzzing)]
pub(super) use parse::Parser;

#[cfg(test)]
mod tests;
