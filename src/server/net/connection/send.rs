//! What a connection is sent: answers in the order of its lines, live lines between them, each as
//! its options ask for it.

use super::life::Stage;
use super::output::{Ready, Unanswered};
use super::{Buffers, Connection, Turn};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::Setting;
use crate::protocol::line::{Body, Final, Line, Rows, Tags};
use crate::server::net::line_batch::{LineBatch, pack};
use crate::server::net::outbox::Out;
use crate::server::session::set_text;

impl Connection {
    /// The answer to the oldest line that waits for one.
    pub(in crate::server::net) fn answered(&mut self, rows: Rows, last: Final, turn: &mut Turn<'_>) {
        let Some(command) = self.output.take_waiting() else {
            // After a close, which forgets what waits, this is to be expected.
            if self.output.unanswered() > 0 {
                log::error!("connection {}: an answer came that nothing waits for", self.id);
            }
            return;
        };
        self.emit(&command, Ready::Answer(rows, last), turn);
        // The line that wants its answer first is the last that was cut: answers to lines before it,
        // which may still be under way, don't open the gate.
        if !self.output.is_waiting() {
            self.input.answer_came();
        }
        while let Some((command, ready)) = self.output.take_ready() {
            self.emit(&command, ready, turn);
        }
        self.output.release_live(&mut turn.buffers.pool);
    }

    /// Writes an answer at its place in the output.
    pub(super) fn emit(&mut self, command: &Unanswered, ready: Ready, turn: &mut Turn<'_>) {
        let re = command.label.as_deref();
        let options = self.output.options();
        let mut bytes = std::mem::take(&mut turn.buffers.line);
        bytes.clear();
        match ready {
            Ready::Answer(rows, last) => {
                rows.encode(re.filter(|_| options.tags), &mut bytes);
                last.encode(options.tags, re, &mut bytes);
                if command.secret || !options.deflate {
                    self.push(&bytes, turn);
                } else {
                    let mut packed = Vec::new();
                    pack(&bytes, &mut turn.buffers.packer, &mut packed);
                    self.push(&packed, turn);
                }
            }
            Ready::Prompt(text) => {
                // An answer that came before its question needs no hiding; and with frames there are
                // no telnet commands.
                if self.input.telnet().detected() && self.session.is_asked() && !options.deflate {
                    self.input.telnet().hide_input(&mut bytes);
                }
                let re = re.filter(|_| options.tags);
                Line { tags: Tags { re, ..Tags::default() }, body: Body::Prompt(&text) }.encode(&mut bytes);
                self.push(&bytes, turn);
            }
            Ready::Set(setting) => {
                // An option holds from its own answer on; but frames begin, and end, behind it.
                if !matches!(setting, Setting::Deflate(_)) {
                    self.output.apply(setting);
                }
                let tags = self.output.options().tags;
                Final::Done(set_text(setting, &turn.shared.epoch)).encode(tags, re, &mut bytes);
                self.push(&bytes, turn);
                self.output.apply(setting);
            }
        }
        turn.buffers.line = bytes;
    }

    /// A notice for this connection alone.
    pub(super) fn notice(&mut self, code: Option<Code>, text: &str, turn: &mut Turn<'_>) {
        let mut bytes = Vec::with_capacity(text.len() + 32);
        Line::plain(Body::Notice(code, text)).encode(&mut bytes);
        self.push(&bytes, turn);
    }

    /// Appends bytes to what is sent, unless the connection is being closed.
    pub(super) fn push(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        if self.is_live() {
            self.output.append(bytes, &mut turn.buffers.pool);
        }
    }

    /// Lines that many are sent.
    pub(in crate::server::net) fn push_live(&mut self, batch: &LineBatch<'_>, turn: &mut Turn<'_>) {
        if !self.is_live() {
            return;
        }
        let options = self.output.options();
        let Buffers { record, pool, packer, .. } = &mut *turn.buffers;
        let bytes = batch.bytes(options.tags, options.deflate, packer);
        let mut out = Out { socket: &mut self.socket, tls: self.transport.tls(), record, pool };
        let mut pushed = self.output.push_live(bytes, &mut out);
        // What is owed only because this turn has written nothing yet makes nobody slow.
        if pushed.is_ok() && self.output.unread() > turn.shared.limits.unread_bytes {
            pushed = self.output.flush(&mut out).map(|_| ());
        }
        if let Err(error) = pushed {
            self.failed(&error);
            self.output.set_needs_flush(true);
        } else if self.output.unread() > turn.shared.limits.unread_bytes {
            self.too_slow(turn);
        }
    }

    /// It leaves more unread than it may: the reason is all that is still queued.
    pub(in crate::server::net) fn too_slow(&mut self, turn: &mut Turn<'_>) {
        if !self.is_live() {
            // It was told to go already, and takes not even that.
            self.life.end();
            return;
        }
        log::info!("connection {} from {} is closed: it left {} bytes unread", self.id, self.from, self.unread());
        self.output.discard_unread();
        let text = "you fell too far behind. Nothing is lost: come back and read on with /history after=ID.";
        self.hang_up(Some(Code::TooSlow), text, turn);
    }

    /// It is being closed and does not take what is left in time: of that only the line that is on
    /// its way is finished, and the reason comes next.
    pub(in crate::server::net) fn cut_short(&mut self, reason: &Refusal, turn: &mut Turn<'_>) {
        if self.stage() == Stage::Closing && self.output.unsent() > 0 {
            self.output.discard_unread();
            let mut bytes = Vec::new();
            Line::plain(Body::Notice(Some(reason.code), &reason.text)).encode(&mut bytes);
            self.output.append(&bytes, &mut turn.buffers.pool);
        }
    }

    /// The dispatcher ends it.
    pub(in crate::server::net) fn end(&mut self, refusal: &Refusal, turn: &mut Turn<'_>) {
        self.output.discard_held();
        self.hang_up(Some(refusal.code), &refusal.text, turn);
    }
}
