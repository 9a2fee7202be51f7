//! The bytes that still have to be sent on one connection.
//!
//! They wait as plain text until they are written, so that everything that waits goes out as one
//! TLS record and one write. An idle connection holds no buffer: it takes one from the worker's
//! pool and returns it when everything is sent. What a socket does not take goes into a [`Backlog`]. Knows
//! lines and frames only by where they end; the socket and TLS are lent to it. Runs on the worker that
//! owns the connection.

mod backlog;

use self::backlog::Backlog;
use super::tls::{RECORD_MAX, Tls};
use crate::protocol::deflate::{Header, PACKED_MAX_SERVER};
use crate::server::traffic::Socket;
use crate::server::web::websocket;
use memchr::memchr;
use std::io;

/// Bytes of buffers that a worker keeps for reuse: a short one for each member of a large room.
const POOL_BYTES: usize = 256 * 1024;
/// A buffer that has grown larger than this is freed.
const POOLED_BYTES_MAX: usize = 16 * 1024;
/// This many bytes are written immediately if nothing waits before them, without being copied
/// first. A connection that is sent more in the same turn costs another write, which is cheaper
/// than copying this much for each connection.
const DIRECT_MIN: usize = 2 * 1024;
/// Encrypted bytes that wait are joined with the plain ones after them up to this length.
const JOINED_MAX: usize = 1024;
/// The most that is written at once without TLS.
const WRITE_MAX: usize = 64 * 1024;

/// Unused buffers, and what slow readers hold; one for each worker.
#[derive(Debug)]
pub(super) struct BufferPool {
    buffers: Vec<Vec<u8>>,
    /// Their total capacity.
    bytes: usize,
    /// Room for what is copied out of a [`Backlog`] to be written.
    copied: Vec<u8>,
    /// Bytes that the outboxes of slow readers hold: counted at the end of each turn, and corrected during it.
    held: usize,
    /// How many more than `held` was then they may hold before somebody has to go.
    most: usize,
    /// What one of them may hold then and stay.
    share: usize,
}

impl Default for BufferPool {
    fn default() -> Self {
        let (buffers, copied) = (Vec::new(), Vec::new());
        Self { buffers, bytes: 0, copied, held: 0, most: usize::MAX, share: 0 }
    }
}

impl BufferPool {
    pub(super) fn take(&mut self) -> Vec<u8> {
        let buffer = self.buffers.pop().unwrap_or_default();
        self.bytes -= buffer.capacity();
        buffer
    }

    pub(super) fn put(&mut self, mut buffer: Vec<u8>) {
        let bytes = buffer.capacity();
        if (1..=POOLED_BYTES_MAX).contains(&bytes) && self.bytes + bytes <= POOL_BYTES {
            buffer.clear();
            self.bytes += bytes;
            self.buffers.push(buffer);
        }
    }

    /// At the end of a turn slow readers hold this many bytes. From here on those who hold more than
    /// `share` have to go while all of them hold more than `most`.
    pub(super) fn count_held(&mut self, held: usize, most: usize, share: usize) {
        (self.held, self.most, self.share) = (held, most, share);
    }

    /// Whether slow readers hold too much and this one, who holds so many bytes, has to go.
    pub(super) fn is_overfull(&self, holds: usize) -> bool {
        self.held > self.most && holds > self.share
    }

    /// A slow reader has given back this many bytes.
    pub(super) fn freed(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
    }
}

/// What an outbox holds, and what is not to be sent in part: the next one could not be told from its rest.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Units {
    /// Lines, and deflate frames among them.
    #[default]
    Lines,
    /// WebSocket frames.
    WebSocket,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    units: Units,
    /// Starts at the beginning of a unit.
    plain: Vec<u8>,
    sent: usize,
    /// Records that the socket has not taken completely; they go before `plain`.
    cipher: Vec<u8>,
    cipher_sent: usize,
    /// What the socket did not take, perhaps nothing besides `cipher`. While there is one, everything is appended
    /// to it, and `plain` is empty.
    backlog: Option<Box<Backlog>>,
}

/// Where a connection's output goes, and what the worker lends it for that.
pub(super) struct Out<'a> {
    pub(super) socket: &'a mut Socket,
    pub(super) tls: Option<&'a mut Tls>,
    /// Room for the record that is being built.
    pub(super) record: &'a mut Vec<u8>,
    pub(super) pool: &'a mut BufferPool,
}

/// The outcome of a flush.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Nothing is waiting any more.
    All,
    /// The socket takes no more for now.
    Blocked,
}

impl Outbox {
    /// All that is appended from now on is made of these. Nothing is waiting.
    pub(super) fn set_units(&mut self, units: Units) {
        debug_assert_eq!(self.unsent(), 0);
        self.units = units;
    }

    /// How many bytes are waiting.
    pub(super) fn unsent(&self) -> usize {
        let backlog = self.backlog.as_ref().map_or(0, |backlog| backlog.unsent());
        self.plain.len() - self.sent + self.cipher.len() - self.cipher_sent + backlog
    }

    /// Whether the socket did not take all that it was offered.
    pub(super) fn is_behind(&self) -> bool {
        self.backlog.is_some()
    }

    /// How many bytes of memory it takes.
    pub(super) fn held(&self) -> usize {
        let backlog = self.backlog.as_ref().map_or(0, |backlog| backlog.held());
        self.plain.capacity() + self.cipher.capacity() + backlog
    }

    /// Appends plain text: whole units.
    pub(super) fn append(&mut self, bytes: &[u8], pool: &mut BufferPool) {
        if let Some(backlog) = &mut self.backlog {
            backlog.append(bytes, pool);
            return;
        }
        if self.plain.capacity() == 0 {
            self.plain = pool.take();
        }
        self.plain.extend_from_slice(bytes);
    }

    /// Appends bytes that are already encrypted: a handshake's flight, an alert.
    pub(super) fn push_cipher(&mut self, bytes: &[u8]) {
        self.cipher.extend_from_slice(bytes);
    }

    /// Discards waiting plain text, except the unit that was partly sent, which must end before another
    /// begins. For slow readers.
    pub(super) fn clear_plain(&mut self) {
        if let Some(backlog) = &mut self.backlog {
            backlog.cut_short();
        }
        self.backlog.take_if(|backlog| backlog.unsent() == 0);
        let (_, end) = bounds_around(&self.plain, self.sent, self.units);
        self.plain.truncate(end);
        self.plain.shrink_to_fit();
    }

    /// Appends plain text that other connections are sent, too. If it is long and nothing waits
    /// before it, it is written immediately, without a copy.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Out<'_>) -> io::Result<Flushed> {
        let direct = bytes.len() >= DIRECT_MIN && self.unsent() == 0;
        let sent = if direct { self.write_through(bytes, out)? } else { 0 };
        if sent == bytes.len() && self.cipher.is_empty() {
            return Ok(Flushed::All);
        }
        if direct {
            self.backlog = Some(Box::new(Backlog::new(bytes, sent, self.units, out.pool)));
            return Ok(Flushed::Blocked);
        }
        self.append(bytes, out.pool);
        // Usually this is left to the end of the turn, when there may be more.
        if self.plain.len() >= WRITE_MAX { self.flush(out) } else { Ok(Flushed::Blocked) }
    }

    /// Writes plain text without copying it. Returns how much was taken.
    fn write_through(&mut self, bytes: &[u8], out: &mut Out<'_>) -> io::Result<usize> {
        let mut sent = 0;
        while sent < bytes.len() && self.cipher.is_empty() {
            let Some(taken) = self.write_chunk(&bytes[sent..], out)? else { break };
            sent += taken;
        }
        Ok(sent)
    }

    /// Writes plain text once; `None` if the socket takes nothing. Keeps the part of its record
    /// that the socket did not take.
    fn write_chunk(&mut self, waiting: &[u8], out: &mut Out<'_>) -> io::Result<Option<usize>> {
        match &mut out.tls {
            None => out.socket.write(&waiting[..waiting.len().min(WRITE_MAX)]),
            Some(tls) if !tls.is_ready() => Ok(None),
            Some(tls) => {
                let chunk = &waiting[..waiting.len().min(RECORD_MAX)];
                out.record.clear();
                tls.write(chunk, out.record).map_err(io::Error::other)?;
                let written = out.socket.write(out.record)?.unwrap_or(0);
                if written < out.record.len() {
                    self.cipher = out.record[written..].to_vec();
                }
                Ok(Some(chunk.len()))
            }
        }
    }

    /// Writes as much as the socket takes. With TLS at most one record is encrypted in advance.
    pub(super) fn flush(&mut self, out: &mut Out<'_>) -> io::Result<Flushed> {
        self.join(out)?;
        loop {
            while self.cipher_sent < self.cipher.len() {
                match out.socket.write(&self.cipher[self.cipher_sent..])? {
                    Some(written) => self.cipher_sent += written,
                    None => return Ok(Flushed::Blocked),
                }
            }
            if self.cipher.capacity() > 0 {
                out.pool.put(std::mem::take(&mut self.cipher));
                self.cipher_sent = 0;
            }
            if self.backlog.is_some() {
                if self.flush_backlog(out)? == Flushed::Blocked {
                    return Ok(Flushed::Blocked);
                }
                continue;
            }
            if self.sent == self.plain.len() {
                self.release_plain(out.pool);
                return Ok(Flushed::All);
            }
            let plain = std::mem::take(&mut self.plain);
            let taken = self.write_chunk(&plain[self.sent..], out);
            self.plain = plain;
            match taken? {
                None => return Ok(self.blocked(out.pool)),
                Some(taken) => self.sent += taken,
            }
            if !self.cipher.is_empty() {
                return Ok(self.blocked(out.pool));
            }
        }
    }

    /// Writes once what a slow reader left.
    fn flush_backlog(&mut self, out: &mut Out<'_>) -> io::Result<Flushed> {
        let Some(mut backlog) = self.backlog.take_if(|backlog| backlog.unsent() > 0) else {
            self.backlog = None;
            return Ok(Flushed::All);
        };
        let mut copied = std::mem::take(&mut out.pool.copied);
        copied.clear();
        backlog.copy(RECORD_MAX, &mut copied);
        let written = self.write_chunk(&copied, out);
        out.pool.copied = copied;
        let taken = written?;
        backlog.advance(taken.unwrap_or(0), out.pool);
        if backlog.unsent() > 0 {
            self.backlog = Some(backlog);
        } else {
            out.pool.freed(backlog.held());
        }
        Ok(if taken.is_none() || !self.cipher.is_empty() { Flushed::Blocked } else { Flushed::All })
    }

    fn release_plain(&mut self, pool: &mut BufferPool) {
        pool.put(std::mem::take(&mut self.plain));
        self.sent = 0;
    }

    /// Appends plain text to a short piece that is already encrypted, such as the end of a
    /// handshake, so that both go out with one write.
    fn join(&mut self, out: &mut Out<'_>) -> io::Result<()> {
        let waiting = &self.plain[self.sent..];
        if waiting.is_empty() || self.cipher.is_empty() || self.cipher_sent > 0 || self.cipher.len() > JOINED_MAX {
            return Ok(());
        }
        if let Some(tls) = &mut out.tls
            && tls.is_ready()
        {
            let chunk = &waiting[..waiting.len().min(RECORD_MAX)];
            tls.write(chunk, &mut self.cipher).map_err(io::Error::other)?;
            self.sent += chunk.len();
        }
        Ok(())
    }

    /// The socket takes no more: what is left goes into the backlog.
    fn blocked(&mut self, pool: &mut BufferPool) -> Flushed {
        self.backlog = Some(Box::new(Backlog::new(&self.plain, self.sent, self.units, pool)));
        self.release_plain(pool);
        Flushed::Blocked
    }
}

/// The last position up to `at`, and the first from there on, at which a unit ends. No line from a server begins
/// with `=`; only deflate frames do.
fn bounds_around(bytes: &[u8], at: usize, units: Units) -> (usize, usize) {
    let mut start = 0;
    while start < at {
        let rest = &bytes[start..];
        let length = match units {
            Units::Lines => {
                let line = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
                let header = Header::parse(rest[..line].trim_ascii_end(), PACKED_MAX_SERVER);
                line + header.map_or(0, |header| header.packed())
            }
            Units::WebSocket => websocket::frame_length(rest).unwrap_or(rest.len()),
        };
        let end = start + length.min(rest.len());
        if end > at {
            return (start, end);
        }
        start = end;
    }
    (start, start)
}

#[cfg(test)]
mod tests;
