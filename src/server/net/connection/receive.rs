//! A connection's input: bytes are read, decrypted, filtered and cut into lines, and each line is
//! acted on. Lines are cut only while the gate is open; the rest waits, and TCP slows the sender
//! down.

use super::input::Gate;
use super::life::Stage;
use super::output::{Ready, Unanswered};
use super::web::Speech;
use super::{Connection, Transport, Turn};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::deflate::BadFrame;
use crate::protocol::frame::{Cut, Frames, Rules};
use crate::protocol::line::{Final, Rows};
use crate::protocol::secrets::{NoRandomness, new_invite_code, new_token};
use crate::server::faults::{self, Point};
use crate::server::net::tls::Incoming;
use crate::server::session::{SessionAction, Step};
use crate::server::traffic::{ListenerKind, RequestKind};
use crate::server::web;

/// Bytes for one read.
const READ_CHUNK: usize = 16 * 1024;
/// The longest unfinished TLS record or handshake message: a whole record, and more than anybody's
/// hello. A peer may cut its hello into records of one byte, each with a header of five.
const UNFINISHED_MAX: usize = 32 * 1024;
/// Room for a read after the longest unfinished record or handshake message.
pub(super) const READ_BUFFER: usize = READ_CHUNK + UNFINISHED_MAX;
/// Reads of one connection in one turn; then others are served first.
const READS_MAX: usize = 4;
/// A TLS handshake's first byte.
const TLS_HANDSHAKE: u8 = 0x16;

/// The outcome of a read.
#[derive(PartialEq, Eq)]
enum ReadOutcome {
    /// Bytes, and there may be more.
    Bytes,
    /// Nothing more for now, or ever.
    Nothing,
}

impl Connection {
    /// Cuts what is waiting and reads what has arrived. True if there is more to do than one turn
    /// allows.
    pub(in crate::server::net) fn serve(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.input.has_unfinished() || self.speech.waiting() > 0 {
            self.go_on(turn);
        }
        for _ in 0..READS_MAX {
            let wanted = match self.stage() {
                Stage::Open => self.may_read(turn),
                Stage::Finishing | Stage::Gone => false,
                Stage::Closing | Stage::Lingering => true,
            };
            if self.share_is_spent(turn) {
                // What is waiting is cut, and what has arrived is read, in the next turn.
                return true;
            }
            if !wanted || !self.input.is_readable() {
                return false;
            }
            if self.read(turn) == ReadOutcome::Nothing {
                return self.share_is_spent(turn);
            }
        }
        self.input.is_readable()
    }

    /// Whether it wants a turn after a flush: to cut the lines that had to wait for it, or to
    /// discard what still arrives, so that closing does not reset the connection.
    pub(in crate::server::net) fn resumes_after_flush(&mut self, unread_max: usize) -> bool {
        match self.stage() {
            Stage::Open => {
                let opens = self.input.gate() == Gate::UnreadBytes && self.output.unsent() <= unread_max;
                if opens {
                    self.input.set_gate(Gate::Open);
                }
                opens
            }
            Stage::Closing | Stage::Lingering => self.input.is_readable(),
            Stage::Finishing | Stage::Gone => false,
        }
    }

    /// Whether it has used up its share of this turn, so that lines have to wait for the next one.
    pub(super) fn share_is_spent(&mut self, turn: &Turn<'_>) -> bool {
        self.stage() == Stage::Open && self.input.share_is_spent(turn.number)
    }

    fn read(&mut self, turn: &mut Turn<'_>) -> ReadOutcome {
        let mut buffer = std::mem::take(&mut turn.buffers.read);
        let unfinished = self.transport.tls().map_or(&[][..], |tls| tls.rest());
        let start = unfinished.len();
        buffer[..start].copy_from_slice(unfinished);
        let outcome = match self.socket.read(&mut buffer[start..start + READ_CHUNK]) {
            Ok(None) => {
                self.input.set_drained();
                ReadOutcome::Nothing
            }
            Ok(Some(0)) => {
                self.end_of_input(turn);
                ReadOutcome::Nothing
            }
            Ok(Some(read)) => {
                self.input.has_read(read, READ_CHUNK, turn.now);
                self.receive(&mut buffer[..start + read], turn);
                ReadOutcome::Bytes
            }
            Err(error) => {
                self.failed(&error);
                ReadOutcome::Nothing
            }
        };
        turn.buffers.read = buffer;
        outcome
    }

    fn end_of_input(&mut self, turn: &mut Turn<'_>) {
        self.input.set_ended();
        match self.stage() {
            Stage::Open => self.go_on(turn),
            // Everything is sent, and the peer has closed as well.
            Stage::Lingering => self.life.end(),
            Stage::Finishing | Stage::Closing | Stage::Gone => {}
        }
    }

    /// Takes bytes as they arrived, after an unfinished record.
    pub(super) fn receive(&mut self, bytes: &mut [u8], turn: &mut Turn<'_>) {
        let Some(&first) = bytes.first() else { return };
        if matches!(self.transport, Transport::Proxied(_)) {
            self.receive_header(bytes, turn);
            return;
        }
        if matches!(self.transport, Transport::Silent) && self.stage() == Stage::Open {
            if first != TLS_HANDSHAKE {
                self.note_header(bytes, turn);
                match web::redirect(bytes) {
                    Some(response) => self.redirect(&response, turn),
                    None => self.refuse_plain_text(turn),
                }
                return;
            }
            self.start_tls(turn);
        }
        if matches!(self.transport, Transport::Tls(_)) {
            self.receive_tls(bytes, turn);
        } else if self.stage() == Stage::Open {
            match (self.input.has_received(), first) {
                (false, TLS_HANDSHAKE) if self.listener != ListenerKind::Web => return self.refuse_tls(turn),
                (false, _) => self.note_header(bytes, turn),
                (true, _) => {}
            }
            self.receive_plain(bytes, turn);
        }
    }

    fn receive_tls(&mut self, bytes: &mut [u8], turn: &mut Turn<'_>) {
        let is_open = self.stage() == Stage::Open;
        let Some(tls) = self.transport.tls() else { return };
        let was_ready = tls.is_ready();
        if !is_open && was_ready {
            return;
        }
        let mut plain = std::mem::take(&mut turn.buffers.plain);
        plain.clear();
        turn.buffers.record.clear();
        let taken = tls.read(bytes, &mut plain, &mut turn.buffers.record);
        let (is_ready, unfinished) = (tls.is_ready(), tls.rest().len());
        self.output.append_cipher(&turn.buffers.record);
        match taken {
            Ok(_) if unfinished > UNFINISHED_MAX => {
                log::debug!("connection {} from {}: a TLS message without an end", self.id, self.from);
                self.life.end();
            }
            Ok(incoming) => {
                if is_ready && !was_ready {
                    self.handshake_done(turn);
                }
                if self.stage() == Stage::Open {
                    self.receive_plain(&mut plain, turn);
                }
                if incoming == Incoming::Closed && !self.input.has_ended() {
                    self.end_of_input(turn);
                }
            }
            Err(error) => {
                log::debug!("connection {} from {}: TLS: {error}", self.id, self.from);
                self.close(turn);
            }
        }
        turn.buffers.plain = plain;
    }

    fn receive_plain(&mut self, bytes: &mut [u8], turn: &mut Turn<'_>) {
        if bytes.is_empty() {
            return;
        }
        self.input.note_received();
        match self.speech {
            Speech::Lines => self.receive_lines(bytes, turn),
            Speech::Http(_) => self.receive_requests(bytes, turn),
            Speech::WebSocket(_) => self.receive_frames(bytes, turn),
        }
    }

    fn receive_lines(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        // A program that asked for tags speaks no telnet: a stray 0xFF is refused as bad UTF-8, and
        // not filtered out of its text. A peer that was recognised as telnet before stays one.
        let options = self.session.options();
        let is_telnet = !options.deflate && (!options.tags || self.input.telnet().detected());
        let mut data = std::mem::take(&mut turn.buffers.filtered);
        data.clear();
        let reply = if is_telnet { self.input.filter_telnet(bytes, &mut data, turn.now) } else { None };
        match reply {
            None => self.receive_text(bytes, turn),
            Some(reply) => {
                self.push(&reply, turn);
                self.receive_text(&data, turn);
            }
        }
        turn.buffers.filtered = data;
    }

    /// A browser is refused before any line of its request is acted on. It can't reach the console.
    fn receive_text(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        if self.listener != ListenerKind::Console && self.input.is_http(bytes) {
            self.refuse_http(turn);
        } else {
            self.cut(bytes, turn);
        }
    }

    /// Goes on with what has arrived and had to wait.
    fn go_on(&mut self, turn: &mut Turn<'_>) {
        match self.speech {
            Speech::Lines | Speech::WebSocket(_) => self.cut(&[], turn),
            Speech::Http(_) => self.take_requests(turn),
        }
    }

    /// Cuts lines and acts on them while the gate is open.
    pub(super) fn cut(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        let mut rest = bytes;
        loop {
            let gate = self.find_gate(turn);
            self.input.set_gate(gate);
            if gate != Gate::Open {
                self.input.keep(rest);
                return;
            }
            let frames = if self.session.options().deflate { Frames::FromClient } else { Frames::Off };
            let rules = Rules { line_max: self.session.line_max(), frames };
            let (step, bytes) = match self.input.cut(&mut rest, rules) {
                None => break,
                Some(Cut::Line(line)) => (self.session.line(line), line.len()),
                Some(Cut::TooLong { head }) => (self.session.too_long(head), head.len()),
                Some(Cut::Frame(header, packed)) => match turn.buffers.unpacker.unpack(header, packed) {
                    Ok(lines) => {
                        self.input.unroll(lines);
                        continue;
                    }
                    Err(error) => return self.refuse_frame(error, turn),
                },
                Some(Cut::BadFrame(error)) => return self.refuse_frame(error, turn),
            };
            faults::point(Point::LineCut);
            self.input.pay_line(bytes, turn.now);
            turn.buffers.counts.received += 1;
            self.act(step, bytes, turn);
        }
        if self.input.has_ended() {
            self.finish(turn);
        }
    }

    fn refuse_frame(&mut self, error: BadFrame, turn: &mut Turn<'_>) {
        self.hang_up(Some(Code::BadFrame), &format!("{error}."), turn);
    }

    /// The peer's input has ended, and all of it is cut: it is answered and flushed, then closed.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>) {
        if let Some(step) = self.session.ended() {
            self.act(step, 0, turn);
        }
        if self.account.is_some() {
            self.send(RequestKind::Quit { answer: false }, 0, turn);
        }
        self.stop_listening();
    }

    fn stop_listening(&mut self) {
        self.life.finish();
        self.output.set_needs_flush(true);
    }

    /// Acts on one line of this many bytes.
    fn act(&mut self, step: Step, bytes: usize, turn: &mut Turn<'_>) {
        let Step { label, action } = step;
        match action {
            SessionAction::Nothing => {}
            SessionAction::Answer(rows, last) => self.ready(label, Ready::Answer(rows, last), turn),
            SessionAction::Prompt(text) => self.ready(label, Ready::Prompt(text), turn),
            SessionAction::Set(setting) => self.ready(label, Ready::Set(setting), turn),
            SessionAction::Request(request) => self.request(label, request, bytes, turn),
            SessionAction::RequestAndWait(request) => self.request_and_wait(label, request, bytes, turn),
            SessionAction::NewToken { label: token_label, here } => match new_token() {
                Ok(token) => {
                    self.request(label, RequestKind::NewToken { label: token_label, here, token }, bytes, turn);
                }
                Err(error) => self.ready(label, no_secret(&error), turn),
            },
            SessionAction::NewInvite(terms) => match new_invite_code() {
                Ok(code) => self.request(label, RequestKind::NewInvite { terms, code }, bytes, turn),
                Err(error) => self.ready(label, no_secret(&error), turn),
            },
            SessionAction::NewHook { room, label: hook } => match new_token() {
                Ok(token) => self.request(label, RequestKind::NewHook { room, label: hook, token }, bytes, turn),
                Err(error) => self.ready(label, no_secret(&error), turn),
            },
            SessionAction::ResetPassword(name) => match new_invite_code() {
                Ok(code) => self.request(label, RequestKind::ResetPassword { name, code }, bytes, turn),
                Err(error) => self.ready(label, no_secret(&error), turn),
            },
            SessionAction::Quit => {
                if self.account.is_some() {
                    self.request(label, RequestKind::Quit { answer: true }, bytes, turn);
                } else {
                    let text = "goodbye. (Ctrl-C if this stays open)".to_owned();
                    self.ready(label, Ready::Answer(Rows::default(), Final::Done(text)), turn);
                }
                self.stop_listening();
            }
        }
        if self.input.telnet().detected() && !self.session.is_asked() && !self.output.options().deflate {
            let mut reply = Vec::new();
            self.input.telnet().show_input(&mut reply);
            self.push(&reply, turn);
        }
    }

    /// Answers from here, after the pending answers.
    fn ready(&mut self, label: Option<Box<str>>, ready: Ready, turn: &mut Turn<'_>) {
        let command = Unanswered { label, secret: false };
        if let Some((command, ready)) = self.output.enqueue(command, ready) {
            self.emit(&command, ready, turn);
        }
    }
}

fn no_secret(error: &NoRandomness) -> Ready {
    log::error!("{error}");
    let refusal = Refusal::new(Code::Internal, "something went wrong in the server; its log says what.");
    Ready::Answer(Rows::default(), refusal.into())
}
