//! What a worker lends to its connections for one turn of its loop.

use super::receive::READ_BUFFER;
use crate::protocol::deflate::{Packer, Unpacker};
use crate::server::net::outbox::BufferPool;
use crate::server::net::{Live, WorkerContext};
use crate::server::traffic::{LineCounts, Request};
use std::time::Instant;

pub(in crate::server::net) struct Turn<'a> {
    pub(in crate::server::net) now: Instant,
    /// Numbers the turns of the worker's loop.
    pub(in crate::server::net) number: u64,
    pub(in crate::server::net) shared: &'a WorkerContext,
    pub(in crate::server::net) live: &'a Live,
    pub(in crate::server::net) buffers: &'a mut Buffers,
    /// Sent to the dispatcher at the end of the turn.
    pub(in crate::server::net) requests: &'a mut Vec<Request>,
    /// No more lines are cut: the server is stopping.
    pub(in crate::server::net) stopping: bool,
    /// Set by a connection that could not cut lines because too much is under way.
    pub(in crate::server::net) out_of_budget: bool,
}

/// Buffers that belong to the worker, so that an idle connection needs none.
#[derive(Debug)]
pub(in crate::server::net) struct Buffers {
    /// What was read, after an unfinished TLS record.
    pub(in crate::server::net) read: Vec<u8>,
    /// What TLS decrypted of it.
    pub(in crate::server::net) plain: Vec<u8>,
    /// What the telnet filter left of that.
    pub(in crate::server::net) filtered: Vec<u8>,
    /// The TLS record that is being built.
    pub(in crate::server::net) record: Vec<u8>,
    /// The answer that is being encoded.
    pub(in crate::server::net) line: Vec<u8>,
    pub(in crate::server::net) pool: BufferPool,
    pub(in crate::server::net) packer: Packer,
    pub(in crate::server::net) unpacker: Unpacker,
    /// What was counted in this turn.
    pub(in crate::server::net) counts: LineCounts,
}

impl Buffers {
    pub(in crate::server::net) fn new() -> Self {
        Self {
            read: vec![0; READ_BUFFER],
            plain: Vec::new(),
            filtered: Vec::new(),
            record: Vec::new(),
            line: Vec::new(),
            pool: BufferPool::default(),
            packer: Packer::new(),
            unpacker: Unpacker::new(),
            counts: LineCounts::default(),
        }
    }

    /// The read buffer may have been lost in a panic.
    pub(in crate::server::net) fn restore(&mut self) {
        if self.read.len() < READ_BUFFER {
            self.read = vec![0; READ_BUFFER];
        }
    }
}
