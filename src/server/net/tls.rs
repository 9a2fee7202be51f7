//! TLS for one connection, on rustls' unbuffered interface: a connection keeps its keys and no
//! buffers (3.4 KB instead of 7.6 when idle, see docs/PERFORMANCE.md), and the bytes pass through
//! the worker's own. `rustls::ServerConnection` would be simpler, but would keep buffers.
//!
//! Knows no socket: encrypted bytes in, plain text out, and vice versa. Runs on the worker that
//! owns the connection.

use rustls::ServerConfig;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, InsufficientSizeError, WriteTraffic};
use std::sync::Arc;

/// The most plain text in one TLS record.
pub(super) const RECORD_MAX: usize = 16_384;
/// More than a record's header, tag and type need.
const RECORD_OVERHEAD: usize = 64;
/// The longest first flight of a handshake that is encoded without asking for the size again.
const FLIGHT: usize = 4096;

/// What a read says about the peer's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Incoming {
    /// More may come.
    Open,
    /// The peer sends no more.
    Closed,
}

pub(super) struct Tls {
    conn: UnbufferedServerConnection,
    /// An unfinished record or handshake message. rustls remembers positions in it, so it is shown
    /// to rustls at every step: without it, a message that arrived in part would make a write
    /// panic.
    rest: Vec<u8>,
    ready: bool,
    /// There was an error: what still arrives is discarded unread, and nothing more is sent.
    broken: bool,
}

impl Tls {
    pub(super) fn new(config: &Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let conn = UnbufferedServerConnection::new(Arc::clone(config))?;
        Ok(Self { conn, rest: Vec::new(), ready: false, broken: false })
    }

    /// What the last read left over; the next one must begin with it.
    pub(super) fn rest(&self) -> &[u8] {
        &self.rest
    }

    /// Whether the handshake is over.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    /// The protocol that both sides agreed on; `None` if the peer offered none.
    pub(super) fn protocol(&self) -> Option<&[u8]> {
        self.conn.alpn_protocol()
    }

    /// Processes what arrived, with [`Tls::rest`] before it. Appends plain text to `plain`, and
    /// what has to be sent to `out`; after an error, that is the alert.
    pub(super) fn read(
        &mut self,
        incoming: &mut [u8],
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Incoming, rustls::Error> {
        if self.broken {
            return Ok(Incoming::Open);
        }
        let mut used = 0;
        let came = self.process(incoming, &mut used, plain, out);
        match came {
            Ok(_) => self.rest = incoming[used..].to_vec(),
            Err(_) => {
                self.broken = true;
                self.rest = Vec::new();
                self.encode_alert(&mut incoming[used..], out);
            }
        }
        came
    }

    fn process(
        &mut self,
        incoming: &mut [u8],
        used: &mut usize,
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Incoming, rustls::Error> {
        let mut came = Incoming::Open;
        loop {
            let status = self.conn.process_tls_records(&mut incoming[*used..]);
            let discard = status.discard;
            let mut blocked = false;
            match status.state? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        *used += record.discard;
                        plain.extend_from_slice(record.payload);
                    }
                }
                ConnectionState::EncodeTlsData(mut encode) => append(out, FLIGHT, |room| match encode.encode(room) {
                    Ok(written) => Ok(written),
                    Err(EncodeError::InsufficientSize(size)) => Err(Some(size)),
                    Err(EncodeError::AlreadyEncoded) => Err(None),
                })?,
                ConnectionState::TransmitTlsData(transmit) => transmit.done(),
                ConnectionState::PeerClosed => came = Incoming::Closed,
                ConnectionState::Closed => {
                    came = Incoming::Closed;
                    blocked = true;
                }
                ConnectionState::WriteTraffic(_) => {
                    self.ready = true;
                    blocked = true;
                }
                // Early data is off. If it were on, it would not be accepted before the end of the
                // handshake.
                _ => blocked = true,
            }
            *used += discard;
            if blocked {
                return Ok(came);
            }
        }
    }

    /// After an error rustls still returns the alert that it has queued. It is asked for nothing
    /// else: it would parse the same bytes again, and panic.
    fn encode_alert(&mut self, incoming: &mut [u8], out: &mut Vec<u8>) {
        while self.conn.wants_write()
            && let Ok(ConnectionState::EncodeTlsData(mut encode)) = self.conn.process_tls_records(incoming).state
        {
            if append(out, FLIGHT, |room| encode.encode(room).map_err(|_| None)).is_err() {
                return;
            }
        }
    }

    /// Encrypts at most [`RECORD_MAX`] bytes of plain text into one record.
    pub(super) fn write(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), rustls::Error> {
        debug_assert!(plain.len() <= RECORD_MAX);
        self.when_writable(out, |traffic, out| {
            append(out, plain.len() + RECORD_OVERHEAD, |room| traffic.encrypt(plain, room).map_err(encrypt_error))
        })
    }

    /// Encrypts a close_notify, if the handshake is over.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        if !self.ready || self.broken {
            return;
        }
        let closed = self.when_writable(out, |traffic, out| {
            append(out, RECORD_OVERHEAD, |room| traffic.queue_close_notify(room).map_err(encrypt_error))
        });
        if let Err(error) = closed {
            log::debug!("can't send a close_notify: {error}");
        }
    }

    fn when_writable(
        &mut self,
        out: &mut Vec<u8>,
        act: impl FnOnce(&mut WriteTraffic<'_, ServerConnectionData>, &mut Vec<u8>) -> Result<(), rustls::Error>,
    ) -> Result<(), rustls::Error> {
        if self.broken {
            return Err(rustls::Error::HandshakeNotComplete);
        }
        loop {
            // What is unfinished stays unfinished: none of it is consumed here.
            match self.conn.process_tls_records(&mut self.rest).state? {
                ConnectionState::WriteTraffic(mut traffic) => return act(&mut traffic, out),
                // The answer to a key update must go first.
                ConnectionState::EncodeTlsData(mut encode) => append(out, FLIGHT, |room| match encode.encode(room) {
                    Ok(written) => Ok(written),
                    Err(EncodeError::InsufficientSize(size)) => Err(Some(size)),
                    Err(EncodeError::AlreadyEncoded) => Err(None),
                })?,
                ConnectionState::TransmitTlsData(transmit) => transmit.done(),
                ConnectionState::PeerClosed => {}
                _ => return Err(rustls::Error::HandshakeNotComplete),
            }
        }
    }
}

fn encrypt_error(error: EncryptError) -> Option<InsufficientSizeError> {
    match error {
        EncryptError::InsufficientSize(size) => Some(size),
        EncryptError::EncryptExhausted => None,
    }
}

/// Appends what `encode` writes, with room for `room` bytes, or for as many as it says it needs.
fn append(
    out: &mut Vec<u8>,
    room: usize,
    mut encode: impl FnMut(&mut [u8]) -> Result<usize, Option<InsufficientSizeError>>,
) -> Result<(), rustls::Error> {
    let start = out.len();
    out.resize(start + room, 0);
    let mut written = encode(&mut out[start..]);
    if let Err(Some(size)) = &written {
        out.resize(start + size.required_size, 0);
        written = encode(&mut out[start..]);
    }
    match written {
        Ok(written) => {
            out.truncate(start + written);
            Ok(())
        }
        Err(_) => {
            out.truncate(start);
            Err(rustls::Error::EncryptError)
        }
    }
}

#[cfg(test)]
mod tests;
