//! A connection without the system: two buffers and what a kernel would know of them. The server has one
//! end, as a socket; the simulation has the other, and decides how much of what passes when.

use crate::protocol::names::ConnId;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// What the system holds for one connection that is written to faster than it is read, in bytes.
const TO_SERVER_MAX: usize = 64 * 1024;

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "either side may be done, whatever the other is")]
struct Pipe {
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    to_client_max: usize,
    /// The client sends no more.
    client_done: bool,
    /// The client has broken it.
    reset: bool,
    /// The server sends no more.
    server_done: bool,
    /// The server has closed it.
    closed: bool,
    registered: Option<(u32, ConnId)>,
    /// Something has changed since the worker was last told: readiness is edge-triggered.
    changed: bool,
    /// The server's last write found no room.
    blocked: bool,
}

/// The server's end. Closed when dropped.
#[derive(Debug)]
pub(crate) struct ServerEnd(Arc<Mutex<Pipe>>);

/// The client's end, which stays readable when the server has closed.
#[derive(Debug)]
pub struct ClientEnd(Arc<Mutex<Pipe>>);

/// A connection; what the server sends waits for the client up to so many bytes.
pub(crate) fn pipe(to_client_max: usize) -> (ServerEnd, ClientEnd) {
    let pipe = Arc::new(Mutex::new(Pipe { to_client_max, ..Pipe::default() }));
    (ServerEnd(Arc::clone(&pipe)), ClientEnd(pipe))
}

impl ServerEnd {
    pub(crate) fn register(&self, slot: u32, id: ConnId) {
        let mut pipe = self.0.lock();
        pipe.registered = Some((slot, id));
        // The first event tells what is so already.
        pipe.changed = true;
    }

    pub(crate) fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut pipe = self.0.lock();
        if pipe.reset {
            return Err(ErrorKind::ConnectionReset.into());
        }
        // All that there is and fits: after less a worker would wait for a new event, as with a kernel.
        let count = pipe.to_server.len().min(into.len());
        if count == 0 && !pipe.client_done {
            return Err(ErrorKind::WouldBlock.into());
        }
        for (at, byte) in into.iter_mut().zip(pipe.to_server.drain(..count)) {
            *at = byte;
        }
        Ok(count)
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = self.0.lock();
        if pipe.reset {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let count = pipe.to_client_max.saturating_sub(pipe.to_client.len()).min(bytes.len());
        pipe.blocked = count < bytes.len();
        pipe.to_client.extend(&bytes[..count]);
        if count == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(count) }
    }

    pub(crate) fn shut_down_write(&self) {
        self.0.lock().server_done = true;
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        self.0.lock().closed = true;
    }
}

impl ClientEnd {
    /// Sends as much of this as there is room for, and returns how much that was.
    #[must_use]
    pub fn send(&self, bytes: &[u8]) -> usize {
        let mut pipe = self.0.lock();
        if pipe.client_done || pipe.reset {
            return 0;
        }
        if pipe.closed {
            return bytes.len();
        }
        let count = TO_SERVER_MAX.saturating_sub(pipe.to_server.len()).min(bytes.len());
        pipe.to_server.extend(&bytes[..count]);
        pipe.changed |= count > 0;
        count
    }

    /// Takes up to so many bytes.
    pub fn receive(&self, most: usize, into: &mut Vec<u8>) {
        let mut pipe = self.0.lock();
        let count = pipe.to_client.len().min(most);
        into.extend(pipe.to_client.drain(..count));
        if count > 0 && std::mem::take(&mut pipe.blocked) {
            pipe.changed = true;
        }
    }

    /// How many bytes wait for the client.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.lock().to_client.len()
    }

    /// Whether nothing waits, and nothing more will come.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        let pipe = self.0.lock();
        pipe.to_client.is_empty() && (pipe.server_done || pipe.closed)
    }

    /// Sends no more, and goes on reading.
    pub fn shut_down_write(&self) {
        let mut pipe = self.0.lock();
        (pipe.client_done, pipe.changed) = (true, true);
    }

    /// Breaks the connection: what is under way is lost.
    pub fn reset(&self) {
        let mut pipe = self.0.lock();
        (pipe.reset, pipe.changed) = (true, true);
        pipe.to_server.clear();
        pipe.to_client.clear();
    }

    /// The server's number for it, once it has one.
    #[must_use]
    pub fn id(&self) -> Option<ConnId> {
        self.0.lock().registered.map(|(_, id)| id)
    }

    /// Whether the server has closed it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    pub(super) fn is_changed(&self) -> bool {
        let pipe = self.0.lock();
        pipe.changed && pipe.registered.is_some() && !pipe.closed
    }

    /// The event for the worker, if there is one: its slot; readable, at its end or broken, writable.
    pub(super) fn take_event(&self) -> Option<(u32, [bool; 3])> {
        let mut pipe = self.0.lock();
        let (slot, _) = pipe.registered.filter(|_| !pipe.closed)?;
        if !std::mem::take(&mut pipe.changed) {
            return None;
        }
        let read_closed = pipe.client_done || pipe.reset;
        let readable = read_closed || !pipe.to_server.is_empty();
        let writable = pipe.reset || pipe.to_client.len() < pipe.to_client_max;
        Some((slot, [readable, read_closed, writable]))
    }

    pub(super) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
