//! The hub and the core, tested with a store and workers in memory.
//!
//! `chat` types lines into sessions and shows what each connection would see, so that a test reads
//! as a transcript; `outside` plays `auth` and the readers; `model` plays the store, and is built
//! from the `Write`s alone. `replay` applies what one instance recorded to a second one.

mod administration;
mod changes;
mod chat;
mod current_room;
mod forgotten;
mod hooks;
mod ignoring;
mod invitations;
mod invites;
mod logins;
mod maintenance;
mod membership;
mod mentions;
mod model;
mod moderation;
mod outside;
mod pace;
mod people;
mod permissions;
mod personal;
mod presence;
mod properties;
mod replay;
mod retention;
mod roles;
mod sanctions;
mod stale;
mod talking;
mod unregister;
