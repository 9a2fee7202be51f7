//! How a connection ends: what is said last, what is still sent, and when its socket is closed.

use super::life::Stage;
use super::{Buffers, Connection, Transport, Turn};
use crate::protocol::code::Code;
use crate::server::net::outbox::{Flushed, Out};
use crate::server::web::websocket::CloseCode;
use std::io;

impl Connection {
    /// One last notice, then close.
    pub(super) fn hang_up(&mut self, code: Option<Code>, text: &str, turn: &mut Turn<'_>) {
        self.notice(code, text, turn);
        self.close(turn);
    }

    /// The server is full, and nobody is logged in here.
    pub(in crate::server::net) fn make_room(&mut self, turn: &mut Turn<'_>) {
        let text = "this server is full, and others came after you. Come back and log in.";
        self.drop_with(Some(Code::Busy), text, turn);
    }

    /// Its place is another's: it is told why, if it takes a line at once, and dropped.
    pub(super) fn drop_with(&mut self, code: Option<Code>, text: &str, turn: &mut Turn<'_>) {
        if self.is_live() {
            self.notice(code, text, turn);
            if let Err(error) = self.flush_once(turn) {
                log::debug!("connection {} from {}: {error}", self.id, self.from);
            }
        }
        self.life.end();
    }

    /// Queues nothing more, sends what is left, then closes. The worker sees that the stage has
    /// changed and takes the connection off its lists.
    pub(super) fn close(&mut self, turn: &mut Turn<'_>) {
        if self.life.close(turn.now) {
            self.output.forget_unanswered();
            if turn.stopping {
                self.output.close_with(CloseCode::GoingAway);
            }
            self.output.append_close(&mut turn.buffers.pool);
            // Even if nothing is left to send: the flush is what closes it.
            self.output.set_needs_flush(true);
        }
    }

    /// Sends what waits, as much of it as the socket takes.
    pub(in crate::server::net) fn flush(&mut self, turn: &mut Turn<'_>) {
        if self.stage() == Stage::Gone {
            return;
        }
        if self.stage() == Stage::Finishing && self.output.unanswered() == 0 {
            self.close(turn);
        }
        let flushed = self.flush_once(turn).and_then(|flushed| {
            if flushed != Flushed::All || self.stage() != Stage::Closing {
                return Ok(flushed);
            }
            self.life.linger(turn.now);
            if let Transport::Tls(tls) = &mut self.transport {
                turn.buffers.record.clear();
                tls.close(&mut turn.buffers.record);
                self.output.append_cipher(&turn.buffers.record);
            }
            self.flush_once(turn)
        });
        match flushed {
            Ok(Flushed::All) if self.stage() == Stage::Lingering => {
                self.socket.shut_down_write();
                if self.input.has_ended() {
                    self.life.end();
                }
            }
            Ok(Flushed::All | Flushed::Blocked) => {}
            Err(error) => self.failed(&error),
        }
        // What the socket did not take waits for an event, not for the end of this turn.
        self.output.set_needs_flush(false);
    }

    pub(super) fn flush_once(&mut self, turn: &mut Turn<'_>) -> io::Result<Flushed> {
        let Buffers { record, pool, .. } = &mut *turn.buffers;
        self.output.flush(&mut Out { socket: &mut self.socket, tls: self.transport.tls(), record, pool })
    }

    /// The network broke the connection.
    pub(super) fn failed(&mut self, error: &io::Error) {
        log::debug!("connection {} from {}: {error}", self.id, self.from);
        self.life.end();
    }

    /// It made a handler panic: it is dropped, and nobody else is affected.
    pub(in crate::server::net) fn panicked(&mut self) {
        log::error!("connection {} from {} made a handler panic and was dropped", self.id, self.from);
        self.life.end();
    }
}
