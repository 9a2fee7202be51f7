//! The hub and the core against a store and workers made of plain values.
//!
//! `chat` types lines into sessions and shows what each connection would see, so that a test reads
//! as a transcript; `outside` is `auth` and the readers; `model` is the store: what it holds is made
//! of the `Write`s alone. `replay` applies what one instance recorded to a second one.

mod chat;
mod membership;
mod model;
mod outside;
mod people;
mod properties;
mod replay;
mod talking;
