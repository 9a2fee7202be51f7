//! A connection's output: answers in the order of its lines, live lines between them, each in the
//! form that its options ask for.

use super::life::Stage;
use super::output::{Ready, Unanswered};
use super::web::Speech;
use super::{Buffers, Connection, Turn};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::Setting;
use crate::protocol::line::{Body, Final, Line, Rows, Tags};
use crate::server::faults::{self, Fault};
use crate::server::net::line_batch::{LineBatch, pack};
use crate::server::net::outbox::Out;
use crate::server::session::set_text;

impl Connection {
    /// Takes the answer to the oldest line that waits for one.
    pub(in crate::server::net) fn answered(&mut self, rows: Rows, last: Final, turn: &mut Turn<'_>) {
        let Some(command) = self.output.take_waiting() else {
            // To be expected after a close, which forgets the pending commands.
            if self.output.unanswered() > 0 {
                log::error!("connection {}: an answer arrived that nothing waits for", self.id);
            }
            return;
        };
        self.emit(&command, Ready::Answer(rows, last), turn);
        // The line that must be answered first is the last one that was cut: answers to earlier
        // lines, which may still be under way, don't open the gate.
        if !self.output.is_waiting() {
            self.input.answer_arrived();
        }
        while let Some((command, ready)) = self.output.take_ready() {
            self.emit(&command, ready, turn);
        }
        self.output.release_live(&mut turn.buffers.pool);
    }

    /// Writes an answer at its place in the output.
    pub(super) fn emit(&mut self, command: &Unanswered, ready: Ready, turn: &mut Turn<'_>) {
        if let (Speech::Http(_), Ready::Answer(rows, last)) = (&self.speech, &ready) {
            count(rows, last, turn);
            return self.post_decided(last, turn);
        }
        let re = command.label.as_deref();
        let options = self.output.options();
        let mut bytes = std::mem::take(&mut turn.buffers.line);
        bytes.clear();
        match ready {
            Ready::Answer(rows, last) => {
                count(&rows, &last, turn);
                rows.encode(re.filter(|_| options.tags), &mut bytes);
                last.encode(options.tags, re, &mut bytes);
                let is_plain = command.secret && !faults::is_planted(Fault::TokenInFrame);
                if is_plain || !options.deflate {
                    self.push(&bytes, turn);
                } else {
                    let mut packed = Vec::new();
                    pack(&bytes, &mut turn.buffers.packer, &mut packed);
                    self.push(&packed, turn);
                }
            }
            Ready::Prompt(text) => {
                turn.buffers.counts.answers += 1;
                // If the answer is already here, there is nothing to hide any more; and inside
                // frames there are no telnet commands.
                if self.input.telnet().detected() && self.session.is_asked() && !options.deflate {
                    self.input.telnet().hide_input(&mut bytes);
                }
                let re = re.filter(|_| options.tags);
                Line { tags: Tags { re, ..Tags::default() }, body: Body::Prompt(&text) }.encode(&mut bytes);
                self.push(&bytes, turn);
            }
            Ready::Set(setting) => {
                turn.buffers.counts.answers += 1;
                // An option applies from its own answer on; but frames begin and end after it.
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
        if matches!(self.speech, Speech::Http(_)) {
            return self.refuse_request(code, text, turn);
        }
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

    /// Appends lines that many connections are sent.
    pub(in crate::server::net) fn push_live(&mut self, batch: &LineBatch<'_>, turn: &mut Turn<'_>) {
        if !self.is_live() {
            return;
        }
        turn.buffers.counts.deliveries += batch.len() as u64;
        let options = self.output.options();
        let Buffers { record, pool, packer, .. } = &mut *turn.buffers;
        let bytes = batch.bytes(options.tags, options.deflate, packer);
        let mut out = Out { socket: &mut self.socket, tls: self.transport.tls(), record, pool };
        let mut pushed = self.output.push_live(bytes, &mut out);
        // Output that only waits for this turn's write does not make anyone slow.
        let unread_bytes = turn.live.limits.unread_bytes;
        if pushed.is_ok() && self.output.leaves_too_much(unread_bytes, out.pool) {
            pushed = self.output.flush(&mut out).map(|_| ());
        }
        if let Err(error) = pushed {
            self.failed(&error);
            self.output.set_needs_flush(true);
        } else if self.output.leaves_too_much(unread_bytes, &turn.buffers.pool) {
            let held = self.output.held();
            self.too_slow(turn);
            turn.buffers.pool.freed(held.saturating_sub(self.output.held()));
        }
    }

    /// It leaves more unread than it may: only the reason is still queued.
    pub(in crate::server::net) fn too_slow(&mut self, turn: &mut Turn<'_>) {
        if !self.is_live() {
            // It was already told to go, and does not read even that.
            self.life.end();
            return;
        }
        log::info!("connection {} from {} is closed: it left {} bytes unread", self.id, self.from, self.unread());
        turn.shared.tally.count_too_slow();
        self.output.discard_unread();
        let text = "you fell too far behind. Nothing is lost: come back and read on with /history after=ID.";
        self.hang_up(Some(Code::TooSlow), text, turn);
    }

    /// It is being closed and does not take what is left in time: only the line that is partly sent
    /// is finished, and the reason comes next.
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

fn count(rows: &Rows, last: &Final, turn: &mut Turn<'_>) {
    turn.buffers.counts.answers += (rows.count() + usize::from(*last != Final::Silent)) as u64;
    if let Final::Refused(refusal) = last {
        turn.shared.tally.count_refusal(refusal.code);
    }
}
