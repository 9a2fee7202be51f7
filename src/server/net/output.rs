//! What a connection is sent: answers in the order of its lines, live lines between them, each as
//! its options ask for it.

use super::connection::{Connection, Pending, Ready, Scratch, Stage, Turn, Unanswered};
use super::line_batch::{LineBatch, pack};
use super::outbox::{Flushed, Out};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::Setting;
use crate::protocol::line::{Body, Final, Line, Rows, Tags};
use crate::server::session::set_text;

impl Connection {
    /// The answer to the oldest line that waits for one.
    pub(super) fn answered(&mut self, rows: Rows, last: Final, turn: &mut Turn<'_>) {
        match self.pending.pop_front() {
            Some(Pending::Waiting(command)) => self.emit(&command, Ready::Answer(rows, last), turn),
            Some(pending @ Pending::Ready(..)) => {
                log::error!("connection {}: an answer came that nothing waits for", self.id);
                self.pending.push_front(pending);
                return;
            }
            // Only after a close, which forgets what waits.
            None => return,
        }
        // The line that stands alone is the last that was cut: answers to lines before it, which may
        // still be under way, don't lift the barrier.
        self.barrier &= self.pending.iter().any(|pending| matches!(pending, Pending::Waiting(_)));
        while let Some(Pending::Ready(..)) = self.pending.front() {
            if let Some(Pending::Ready(command, ready)) = self.pending.pop_front() {
                self.emit(&command, ready, turn);
            }
        }
        if let Some(held) = self.held.take() {
            self.push(&held, turn);
        }
    }

    /// Writes an answer at its place in the output.
    pub(super) fn emit(&mut self, command: &Unanswered, ready: Ready, turn: &mut Turn<'_>) {
        let re = command.label.as_deref();
        let mut bytes = std::mem::take(&mut turn.scratch.line);
        bytes.clear();
        match ready {
            Ready::Answer(rows, last) => {
                rows.encode(re.filter(|_| self.shown.tags), &mut bytes);
                last.encode(self.shown.tags, re, &mut bytes);
                if command.secret || !self.shown.deflate {
                    self.push(&bytes, turn);
                } else {
                    let mut packed = Vec::new();
                    pack(&bytes, &mut turn.scratch.packer, &mut packed);
                    self.push(&packed, turn);
                }
            }
            Ready::Prompt(text) => {
                // An answer that came before its question needs no hiding; and with frames there are
                // no telnet commands.
                if self.telnet.detected() && self.session.is_asked() && !self.shown.deflate {
                    self.telnet.hide_input(&mut bytes);
                }
                let re = re.filter(|_| self.shown.tags);
                Line { tags: Tags { re, ..Tags::default() }, body: Body::Prompt(&text) }.encode(&mut bytes);
                self.push(&bytes, turn);
            }
            Ready::Set(setting) => {
                // The option holds from its own answer on; but frames begin, and end, behind it.
                if !matches!(setting, Setting::Deflate(_)) {
                    self.shown.apply(setting);
                }
                Final::Done(set_text(setting, &turn.shared.epoch)).encode(self.shown.tags, re, &mut bytes);
                self.push(&bytes, turn);
                self.shown.apply(setting);
            }
        }
        turn.scratch.line = bytes;
    }

    /// A notice for this connection alone.
    pub(super) fn notice(&mut self, code: Option<Code>, text: &str, turn: &mut Turn<'_>) {
        let mut bytes = Vec::with_capacity(text.len() + 32);
        Line::plain(Body::Notice(code, text)).encode(&mut bytes);
        self.push(&bytes, turn);
    }

    /// Lines that many are sent.
    pub(super) fn push_live(&mut self, batch: &LineBatch<'_>, turn: &mut Turn<'_>) {
        if !self.is_live() {
            return;
        }
        let bytes = batch.bytes(self.shown.tags, self.shown.deflate, &mut turn.scratch.packer);
        match &mut self.held {
            Some(held) => held.extend_from_slice(bytes),
            None => {
                let Scratch { record, pool, .. } = &mut *turn.scratch;
                let mut out = Out { socket: &mut self.socket, tls: self.transport.tls(), record, pool };
                match self.outbox.push(bytes, &mut out) {
                    Ok(Flushed::All) => return,
                    Ok(Flushed::Blocked) => self.dirty = true,
                    Err(error) => {
                        self.failed(&error);
                        self.dirty = true;
                        return;
                    }
                }
            }
        }
        // What is owed only because this turn has written nothing yet makes nobody slow.
        if self.owed() > turn.shared.limits.unread_bytes
            && let Err(error) = self.flush_once(turn)
        {
            self.failed(&error);
            self.dirty = true;
            return;
        }
        if self.owed() > turn.shared.limits.unread_bytes {
            self.too_slow(turn);
        }
    }

    /// Appends bytes to what is sent, unless the connection is being closed.
    pub(super) fn push(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        if bytes.is_empty() || !self.is_live() {
            return;
        }
        self.outbox.buffer(&mut turn.scratch.pool).extend_from_slice(bytes);
        self.dirty = true;
    }

    /// It leaves more unread than it may: the reason is all that is still queued.
    pub(super) fn too_slow(&mut self, turn: &mut Turn<'_>) {
        if !self.is_live() {
            // It was told to go already, and takes not even that.
            self.stage = Stage::Gone;
            return;
        }
        log::info!("connection {} from {} is closed: it left {} bytes unread", self.id, self.from, self.owed());
        self.held = None;
        self.outbox.clear_plain();
        let text = "you read slower than lines come. Nothing is lost: come back and go on with /history after=ID.";
        self.hang_up(Some(Code::TooSlow), text, turn);
    }

    /// It is being closed and does not take what is left in time: of that only the line that is on
    /// its way is finished, and the reason comes next.
    pub(super) fn cut_short(&mut self, reason: &Refusal, turn: &mut Turn<'_>) {
        if self.stage == Stage::Closing && self.outbox.owed() > 0 {
            self.outbox.clear_plain();
            let plain = self.outbox.buffer(&mut turn.scratch.pool);
            Line::plain(Body::Notice(Some(reason.code), &reason.text)).encode(plain);
            self.dirty = true;
        }
    }

    /// The dispatcher ends it.
    pub(super) fn end(&mut self, refusal: &Refusal, turn: &mut Turn<'_>) {
        self.held = None;
        self.hang_up(Some(refusal.code), &refusal.text, turn);
    }
}
