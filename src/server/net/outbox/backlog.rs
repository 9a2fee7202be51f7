//! What waits for a reader who is too slow for it, in pieces of one size.
//!
//! One buffer for all of it would have to grow, to twice what is in it, and leave the smaller ones that it
//! outgrew between those of others: a thousand such readers cost three times what they left unread. Pieces
//! waste half of the last one, and what one reader gives back another one takes. What is held can so be counted.

use super::{BufferPool, Units};
use crate::protocol::deflate::{HEADER_MAX, Header, PACKED_MAX_SERVER};
use crate::server::web::websocket;
use memchr::memchr;
use std::collections::VecDeque;

/// The size of a piece, in bytes.
pub(super) const PIECE: usize = 4 * 1024;

/// Whole units, of which the first may be partly sent.
#[derive(Debug)]
pub(super) struct Backlog {
    units: Units,
    /// All of them full, except the last one. Positions count from the beginning of the first.
    pieces: VecDeque<Vec<u8>>,
    /// Where the first unit begins that is not completely sent.
    start: usize,
    sent: usize,
}

impl Backlog {
    /// Takes over units of which this many bytes are already sent.
    pub(super) fn new(bytes: &[u8], sent: usize, units: Units, pool: &mut BufferPool) -> Self {
        let mut backlog = Self { units, pieces: VecDeque::new(), start: 0, sent: 0 };
        backlog.append(bytes, pool);
        backlog.sent = sent;
        backlog.advance(0, pool);
        backlog
    }

    /// How many bytes are waiting.
    pub(super) fn unsent(&self) -> usize {
        self.len() - self.sent
    }

    /// How many bytes of memory it takes.
    pub(super) fn held(&self) -> usize {
        self.pieces.len() * PIECE
    }

    fn len(&self) -> usize {
        match self.pieces.back() {
            Some(last) => (self.pieces.len() - 1) * PIECE + last.len(),
            None => 0,
        }
    }

    /// Appends whole units.
    pub(super) fn append(&mut self, mut bytes: &[u8], pool: &mut BufferPool) {
        while !bytes.is_empty() {
            match self.pieces.back_mut().filter(|last| last.len() < PIECE) {
                Some(last) => {
                    let (fits, rest) = bytes.split_at(bytes.len().min(PIECE - last.len()));
                    last.extend_from_slice(fits);
                    bytes = rest;
                }
                None => {
                    self.pieces.push_back(Vec::with_capacity(PIECE));
                    pool.held += PIECE;
                }
            }
        }
    }

    /// Copies what waits, at most this many bytes of it.
    pub(super) fn copy(&self, most: usize, into: &mut Vec<u8>) {
        let end = self.len().min(self.sent + most);
        let mut at = self.sent;
        while at < end {
            let (piece, offset) = (&self.pieces[at / PIECE], at % PIECE);
            let rest = &piece[offset..piece.len().min(offset + end - at)];
            into.extend_from_slice(rest);
            at += rest.len();
        }
    }

    /// This many more bytes are sent. Frees what is not needed any more.
    pub(super) fn advance(&mut self, bytes: usize, pool: &mut BufferPool) {
        self.sent += bytes;
        while self.start < self.sent {
            let end = self.unit_end(self.start);
            if end > self.sent {
                break;
            }
            self.start = end;
        }
        while self.start >= PIECE {
            self.pieces.pop_front();
            pool.held = pool.held.saturating_sub(PIECE);
            self.start -= PIECE;
            self.sent -= PIECE;
        }
    }

    /// Discards all but the unit that is partly sent, which must end before another begins.
    pub(super) fn cut_short(&mut self) {
        let end = if self.start < self.sent { self.unit_end(self.start) } else { self.sent };
        self.pieces.truncate(end.div_ceil(PIECE));
        if let Some(last) = self.pieces.back_mut() {
            last.truncate(end - (end - 1) / PIECE * PIECE);
        }
    }

    /// Where the unit that begins at `start` ends. No line from a server begins with `=`; only deflate frames do.
    fn unit_end(&self, start: usize) -> usize {
        let len = self.len();
        if self.units == Units::WebSocket {
            let header: Vec<u8> = (start..len).take(websocket::SENT_HEADER_MAX).map(|at| self.byte(at)).collect();
            return websocket::frame_length(&header).map_or(len, |length| start.saturating_add(length).min(len));
        }
        let mut at = start;
        let mut line_end = len;
        while at < len {
            let rest = &self.pieces[at / PIECE][at % PIECE..];
            if let Some(lf) = memchr(b'\n', rest) {
                line_end = at + lf + 1;
                break;
            }
            at += rest.len();
        }
        if start == len || self.byte(start) != b'=' {
            return line_end;
        }
        let header: Vec<u8> = (start..line_end - 1).take(HEADER_MAX).map(|at| self.byte(at)).collect();
        let packed = Header::parse(&header, PACKED_MAX_SERVER).map_or(0, |header| header.packed());
        (line_end + packed).min(len)
    }

    fn byte(&self, at: usize) -> u8 {
        self.pieces[at / PIECE][at % PIECE]
    }
}
