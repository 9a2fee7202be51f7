//! What still has to be sent on a connection: its bytes, the pending answers, and the options that
//! decide how lines are shown.
//!
//! Owns the outbox, the queue of unanswered commands and the live lines that are held back until
//! the login is answered. Knows no socket, except the one that it is lent to write to. Runs on the
//! worker that owns the connection.

use crate::protocol::command::Setting;
use crate::protocol::line::{Final, Rows};
use crate::server::net::outbox::{BufferPool, Flushed, Out, Outbox, Units};
use crate::server::session::Options;
use crate::server::web::websocket::{self, CloseCode};
use arrayvec::ArrayVec;
use std::collections::VecDeque;
use std::io;

/// What is remembered of a command until its answer.
pub(super) struct Unanswered {
    pub(super) label: Option<Box<str>>,
    /// The answer shows a secret, which never goes into a frame.
    pub(super) secret: bool,
}

/// An answer, a prompt, or an option that changes at its place in the output.
pub(super) enum Ready {
    Answer(Rows, Final),
    Prompt(String),
    Set(Setting),
}

/// A command that is not answered yet, or whose answer must wait for earlier ones.
enum Pending {
    /// The dispatcher, a reader or `auth` has it.
    Waiting(Unanswered),
    Ready(Unanswered, Ready),
}

pub(super) struct Output {
    outbox: Outbox,
    /// As they apply to the next line out.
    options: Options,
    pending: VecDeque<Pending>,
    /// Live lines since the login; the login's answer goes out first.
    held: Option<Vec<u8>>,
    /// Each piece of it is a message of a WebSocket, whose last frame says this.
    websocket: Option<CloseCode>,
    /// It is on the worker's list of connections to flush, or has to be put there.
    needs_flush: bool,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            outbox: Outbox::default(),
            options: Options::default(),
            pending: VecDeque::new(),
            held: None,
            websocket: None,
            needs_flush: false,
        }
    }

    pub(super) fn options(&self) -> Options {
        self.options
    }

    pub(super) fn apply(&mut self, setting: Setting) {
        self.options.apply(setting);
    }

    // The order of answers.

    /// A command was sent on; its answer will arrive later.
    pub(super) fn await_answer(&mut self, command: Unanswered) {
        self.pending.push_back(Pending::Waiting(command));
    }

    /// Holds an answer until the earlier ones have gone out. Returns both if there are none.
    pub(super) fn enqueue(&mut self, command: Unanswered, ready: Ready) -> Option<(Unanswered, Ready)> {
        if self.pending.is_empty() {
            return Some((command, ready));
        }
        self.pending.push_back(Pending::Ready(command, ready));
        None
    }

    /// Takes the oldest command, if it is waiting for an answer.
    pub(super) fn take_waiting(&mut self) -> Option<Unanswered> {
        match self.pending.pop_front_if(|pending| matches!(pending, Pending::Waiting(_)))? {
            Pending::Waiting(command) | Pending::Ready(command, _) => Some(command),
        }
    }

    /// Takes the oldest answer, if no earlier command is still waiting for its own.
    pub(super) fn take_ready(&mut self) -> Option<(Unanswered, Ready)> {
        match self.pending.pop_front_if(|pending| matches!(pending, Pending::Ready(..)))? {
            Pending::Ready(command, ready) => Some((command, ready)),
            Pending::Waiting(_) => None,
        }
    }

    /// Commands that are not answered yet.
    pub(super) fn unanswered(&self) -> usize {
        self.pending.len()
    }

    /// Whether an answer is still expected from elsewhere.
    pub(super) fn is_waiting(&self) -> bool {
        self.pending.iter().any(|pending| matches!(pending, Pending::Waiting(_)))
    }

    /// Nobody will be answered any more.
    pub(super) fn forget_unanswered(&mut self) {
        self.pending = VecDeque::new();
    }

    // Live lines and the login.

    /// From here on live lines are held back.
    pub(super) fn hold_live(&mut self) {
        self.held = Some(Vec::new());
    }

    /// The login is answered: what was held back goes out next.
    pub(super) fn release_live(&mut self, pool: &mut BufferPool) {
        if let Some(held) = self.held.take() {
            self.append(&held, pool);
        }
    }

    /// Appends lines that many connections are sent.
    pub(super) fn push_live(&mut self, bytes: &[u8], out: &mut Out<'_>) -> io::Result<()> {
        if let Some(held) = &mut self.held {
            held.extend_from_slice(bytes);
            return Ok(());
        }
        if self.websocket.is_some() {
            self.append_header(bytes.len(), out.pool);
        }
        if self.outbox.push(bytes, out)? == Flushed::Blocked {
            self.needs_flush = true;
        }
        Ok(())
    }

    // Bytes.

    /// Appends plain text: whole lines.
    pub(super) fn append(&mut self, bytes: &[u8], pool: &mut BufferPool) {
        if bytes.is_empty() {
            return;
        }
        if self.websocket.is_some() {
            self.append_header(bytes.len(), pool);
        }
        self.append_raw(bytes, pool);
    }

    /// Appends bytes as they are.
    pub(super) fn append_raw(&mut self, bytes: &[u8], pool: &mut BufferPool) {
        self.outbox.append(bytes, pool);
        self.needs_flush = true;
    }

    fn append_header(&mut self, length: usize, pool: &mut BufferPool) {
        let mut header = ArrayVec::<u8, { websocket::SENT_HEADER_MAX }>::new();
        websocket::text_header(length, &mut header);
        self.append_raw(&header, pool);
    }

    // WebSockets.

    /// From here on each piece is a message. Nothing is waiting.
    pub(super) fn speak_websocket(&mut self) {
        self.websocket = Some(CloseCode::Normal);
        self.outbox.set_units(Units::WebSocket);
    }

    /// If it ends, then with this code.
    pub(super) fn close_with(&mut self, code: CloseCode) {
        if let Some(before) = &mut self.websocket {
            *before = code;
        }
    }

    /// Nothing is appended from here on.
    pub(super) fn append_close(&mut self, pool: &mut BufferPool) {
        if let Some(code) = self.websocket {
            let mut frame = Vec::new();
            websocket::close(code, &mut frame);
            self.append_raw(&frame, pool);
        }
    }

    /// Appends bytes that are already encrypted: a handshake's flight, an alert.
    pub(super) fn append_cipher(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.outbox.push_cipher(bytes);
            self.needs_flush = true;
        }
    }

    /// Discards everything unread, except the line or frame that was partly sent.
    pub(super) fn discard_unread(&mut self) {
        self.held = None;
        self.outbox.clear_plain();
    }

    /// Discards what is held back, since no answer will release it.
    pub(super) fn discard_held(&mut self) {
        self.held = None;
    }

    pub(super) fn flush(&mut self, out: &mut Out<'_>) -> io::Result<Flushed> {
        self.outbox.flush(out)
    }

    /// What the peer leaves unread, including what is held back, in bytes.
    pub(super) fn unread(&self) -> usize {
        self.outbox.unsent() + self.held.as_ref().map_or(0, Vec::len)
    }

    /// Whether the peer leaves more unread than it may: more than this many bytes, or its share where all of
    /// them together hold too much.
    pub(super) fn leaves_too_much(&self, unread_bytes: usize, pool: &BufferPool) -> bool {
        self.unread() > unread_bytes || (self.outbox.is_behind() && pool.is_overfull(self.held()))
    }

    /// How many bytes of memory that takes.
    pub(super) fn held(&self) -> usize {
        self.outbox.held() + self.held.as_ref().map_or(0, Vec::capacity)
    }

    /// What could be written now if there were room, in bytes.
    pub(super) fn unsent(&self) -> usize {
        self.outbox.unsent()
    }

    pub(super) fn needs_flush(&self) -> bool {
        self.needs_flush
    }

    pub(super) fn set_needs_flush(&mut self, needs_flush: bool) {
        self.needs_flush = needs_flush;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(label: &str) -> Unanswered {
        Unanswered { label: Some(label.into()), secret: false }
    }

    fn label(command: Option<Unanswered>) -> Option<Box<str>> {
        command.and_then(|command| command.label)
    }

    #[test]
    fn answers_go_out_in_the_order_of_their_commands() {
        let mut output = Output::new();
        let ready = || Ready::Prompt(String::new());
        assert!(output.enqueue(command("a"), ready()).is_some(), "nothing is before it");
        output.await_answer(command("b"));
        assert!(output.enqueue(command("c"), ready()).is_none());
        output.await_answer(command("d"));
        assert!(output.take_ready().is_none() && output.unanswered() == 3);
        assert_eq!(label(output.take_waiting()).as_deref(), Some("b"));
        assert!(output.take_waiting().is_none(), "c is not waited for");
        assert_eq!(label(output.take_ready().map(|(command, _)| command)).as_deref(), Some("c"));
        assert!(output.take_ready().is_none() && output.is_waiting());
        output.forget_unanswered();
        assert!(output.take_waiting().is_none() && !output.is_waiting());
    }

    #[test]
    fn live_lines_wait_for_the_login_to_be_answered() {
        let (mut output, mut pool) = (Output::new(), BufferPool::default());
        output.hold_live();
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut socket = crate::server::traffic::Socket::Unix(ours);
        let mut out = Out { socket: &mut socket, tls: None, record: &mut Vec::new(), pool: &mut pool };
        output.push_live(b"live\n", &mut out).unwrap();
        assert_eq!((output.unread(), output.unsent(), output.needs_flush()), (5, 0, false));
        output.release_live(&mut pool);
        assert_eq!((output.unread(), output.unsent(), output.needs_flush()), (5, 5, true));
    }
}
