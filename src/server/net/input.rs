//! What a connection sends: bytes are read, decrypted, filtered and cut into lines, and each line
//! is acted on. Lines are cut only while the connection may go on; the rest waits, and TCP slows
//! its sender.

use super::connection::{Connection, Pending, Ready, Stage, Timer, Transport, Turn, Unanswered};
use super::outbox::read;
use super::tls::Incoming;
use crate::protocol::code::{Code, Refusal};
use crate::protocol::frame::{Cut, Frames, Rules};
use crate::protocol::line::{Final, Rows};
use crate::protocol::secrets::{new_invite_code, new_token};
use crate::server::session::{Action, Step};
use crate::server::traffic::{ListenerKind, RequestKind};
use std::time::Instant;

/// Bytes that one read takes.
const READ_CHUNK: usize = 16 * 1024;
/// Longest unfinished TLS record or handshake message: a whole record, and more than anybody's
/// hello. A peer may cut its hello into records of one byte, each with a header of five.
const UNFINISHED_MAX: usize = 32 * 1024;
/// Room for a read behind the longest unfinished record or handshake message.
pub(super) const READ_BUFFER: usize = READ_CHUNK + UNFINISHED_MAX;
/// While so many bytes wait to be cut, and may not be, nothing is read.
const READ_AHEAD: usize = 4 * 1024;
/// Reads of one connection in one turn; then others are served first.
const READS_MAX: usize = 4;
/// What one connection may have cut in one turn, in bytes of lines and of inflated frames; then
/// others are served first, whatever the limits say. So a turn is short even where someone sends
/// frames of 97 octets that hold 65,535 lines.
const TURN_SHARE: usize = 64 * 1024;
/// What a line costs of it besides its bytes: an empty one is work, too.
const LINE_COST: usize = 128;
/// A TLS handshake's first byte.
const TLS_HANDSHAKE: u8 = 0x16;
/// Bytes that cost as much as one line.
const BYTES_A_LINE: f32 = 1024.0;
/// Telnet commands that cost as much as one line.
const TELNET_A_LINE: f32 = 4.0;

/// What one read brought.
enum Came {
    /// So many bytes, and there may be more.
    Bytes,
    /// Nothing more for now, or ever.
    Nothing,
}

impl Connection {
    /// Cuts what waits and reads what came. True if there is more to read than one turn allows.
    pub(super) fn serve(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.framer.buffered() > 0 || self.ended {
            self.cut(&[], turn);
        }
        for _ in 0..READS_MAX {
            let wanted = match self.stage {
                Stage::Open => self.may_read(turn),
                Stage::Finishing => false,
                Stage::Closing | Stage::Lingering => true,
                Stage::Gone => false,
            };
            if self.share_is_spent(turn) {
                // What waits is cut, and what has come is read, in the next turn.
                return true;
            }
            if !wanted || !self.readable || self.ended {
                return false;
            }
            if let Came::Nothing = self.read(turn) {
                return self.share_is_spent(turn);
            }
        }
        self.readable
    }

    /// Whether it has had its share of this turn, and lines may wait for the next one.
    fn share_is_spent(&mut self, turn: &Turn<'_>) -> bool {
        if self.share.0 != turn.number {
            self.share = (turn.number, TURN_SHARE);
        }
        self.share.1 == 0 && self.stage == Stage::Open
    }

    /// Whether more is taken from the peer. What yields no line (a telnet's noise, TLS's own
    /// records) has no other tap than this one.
    fn may_read(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.stopped && self.framer.buffered() >= READ_AHEAD {
            return false;
        }
        if self.is_choked(turn.shared) {
            self.choked = true;
            return false;
        }
        self.may_spend(turn)
    }

    fn read(&mut self, turn: &mut Turn<'_>) -> Came {
        let mut buffer = std::mem::take(&mut turn.scratch.read);
        let rest = self.transport.tls().map_or(&[][..], |tls| tls.rest());
        let kept = rest.len();
        buffer[..kept].copy_from_slice(rest);
        let came = match read(&mut self.socket, &mut buffer[kept..kept + READ_CHUNK]) {
            Ok(None) => {
                self.readable = false;
                Came::Nothing
            }
            Ok(Some(0)) => {
                self.readable = false;
                self.end_of_input(turn);
                Came::Nothing
            }
            Ok(Some(read)) => {
                // A read that was not filled has emptied the socket: what comes later is a new
                // edge, and so is its end, but for one that was told of already.
                if read < READ_CHUNK && !self.hung_up {
                    self.readable = false;
                }
                if let (Some(bucket), Some(rate)) = (&mut self.bucket, turn.shared.limits.flood) {
                    bucket.pay(read as f32 / BYTES_A_LINE, rate, turn.now);
                }
                self.take(&mut buffer[..kept + read], turn);
                Came::Bytes
            }
            Err(error) => {
                self.failed(&error);
                Came::Nothing
            }
        };
        turn.scratch.read = buffer;
        came
    }

    fn end_of_input(&mut self, turn: &mut Turn<'_>) {
        self.ended = true;
        match self.stage {
            Stage::Open => self.cut(&[], turn),
            // All is sent, and the peer has closed as well.
            Stage::Lingering => self.stage = Stage::Gone,
            Stage::Finishing | Stage::Closing | Stage::Gone => {}
        }
    }

    /// Takes bytes as they came, behind an unfinished record.
    fn take(&mut self, bytes: &mut [u8], turn: &mut Turn<'_>) {
        let Some(&first) = bytes.first() else { return };
        if matches!(self.transport, Transport::Silent) && self.stage == Stage::Open {
            if first != TLS_HANDSHAKE {
                self.explain_tls(turn);
                return;
            }
            self.start_tls(turn);
        }
        let Transport::Tls(tls) = &mut self.transport else {
            if self.stage != Stage::Open {
                return;
            }
            if first == TLS_HANDSHAKE && !self.heard {
                let text = "this port speaks plain text, not TLS. Drop the TLS, or take the TLS port.";
                self.hang_up(None, text, turn);
                return;
            }
            self.take_plain(bytes, turn);
            return;
        };
        if self.stage != Stage::Open && tls.is_ready() {
            return;
        }
        let mut plain = std::mem::take(&mut turn.scratch.plain);
        plain.clear();
        turn.scratch.record.clear();
        let was_ready = tls.is_ready();
        let taken = tls.read(bytes, &mut plain, &mut turn.scratch.record);
        let is_ready = tls.is_ready();
        if !turn.scratch.record.is_empty() {
            self.outbox.push_cipher(&turn.scratch.record);
            self.dirty = true;
        }
        match taken {
            Ok(_) if tls.rest().len() > UNFINISHED_MAX => {
                log::debug!("connection {} from {}: a TLS message without an end", self.id, self.from);
                self.stage = Stage::Gone;
            }
            Ok(incoming) => {
                if is_ready && !was_ready {
                    self.handshaken(turn);
                }
                if self.stage == Stage::Open {
                    self.take_plain(&plain, turn);
                }
                if incoming == Incoming::Closed && !self.ended {
                    self.end_of_input(turn);
                }
            }
            Err(error) => {
                log::debug!("connection {} from {}: TLS: {error}", self.id, self.from);
                self.close(turn);
            }
        }
        turn.scratch.plain = plain;
    }

    fn take_plain(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        if bytes.is_empty() {
            return;
        }
        self.heard = true;
        // A program that asked for tags speaks no telnet: its stray 0xFF is refused as bad UTF-8,
        // and not taken out of its text. Whoever was known as a telnet before stays one.
        let options = self.session.options();
        let telnet = !options.deflate && (!options.tags || self.telnet.detected());
        if !telnet || !self.telnet.is_needed(bytes) {
            self.guard_and_cut(bytes, turn);
            return;
        }
        let mut data = std::mem::take(&mut turn.scratch.filtered);
        data.clear();
        let mut reply = Vec::new();
        let commands = self.telnet.filter(bytes, &mut data, &mut reply);
        if let (Some(bucket), Some(rate)) = (&mut self.bucket, turn.shared.limits.flood) {
            bucket.pay(commands as f32 / TELNET_A_LINE, rate, turn.now);
        }
        self.push(&reply, turn);
        self.guard_and_cut(&data, turn);
        turn.scratch.filtered = data;
    }

    /// Refuses a browser before any line of its request is acted on. It can't reach the console.
    fn guard_and_cut(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        if self.listener != ListenerKind::Console && self.http_guard.is_request(bytes) {
            self.explain_http(turn);
            return;
        }
        self.cut(bytes, turn);
    }

    /// Whether the next line may be cut now; if not, something will give another turn.
    fn may_cut(&mut self, turn: &mut Turn<'_>) -> bool {
        let limits = &turn.shared.limits;
        // Each of these ends with an answer or a flush, which serve the connection again.
        if self.stage != Stage::Open || self.barrier || turn.stopping || self.pending.len() >= limits.unanswered {
            return false;
        }
        if self.is_choked(turn.shared) {
            self.choked = true;
            return false;
        }
        if self.share_is_spent(turn) {
            return false;
        }
        if !turn.shared.budget.has_room() {
            turn.starved = true;
            return false;
        }
        self.may_spend(turn)
    }

    /// Whether it has tokens left; if not, it gets another turn when it has.
    fn may_spend(&mut self, turn: &mut Turn<'_>) -> bool {
        if let (Some(bucket), Some(rate)) = (&mut self.bucket, turn.shared.limits.flood)
            && let Some(wait) = bucket.owed(rate, turn.now)
        {
            self.slow_down(turn.now + wait, turn);
            return false;
        }
        true
    }

    /// Out of tokens: lines wait, none is lost, and it is told once.
    fn slow_down(&mut self, until: Instant, turn: &mut Turn<'_>) {
        if !self.timers.iter().any(|(_, timer)| matches!(timer, Timer::Tap)) {
            self.timers.push((until, Timer::Tap));
        }
        if !self.told_slow && self.pending.is_empty() {
            self.told_slow = true;
            let rate = turn.shared.limits.flood.map_or(0.0, |rate| rate.per_second);
            let text = format!("you send faster than {rate} lines a second. The rest waits its turn; nothing is lost.");
            self.notice(Some(Code::SlowDown), &text, turn);
        }
    }

    fn cut(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        let mut input = bytes;
        loop {
            self.stopped = !self.may_cut(turn);
            if self.stopped {
                self.framer.keep(input);
                return;
            }
            let frames = if self.session.options().deflate { Frames::FromClient } else { Frames::Off };
            let rules = Rules { line_max: self.session.line_max(), frames };
            let (step, bytes) = match self.framer.cut(&mut input, rules) {
                None => break,
                Some(Cut::Line(line)) => {
                    let bytes = line.len();
                    (self.session.line(line), bytes)
                }
                Some(Cut::TooLong { head }) => (self.session.too_long(head), head.len()),
                Some(Cut::Frame(header, packed)) => match turn.scratch.unpacker.unpack(header, packed) {
                    Ok(lines) => {
                        self.share.1 = self.share.1.saturating_sub(lines.len());
                        self.framer.unroll(lines);
                        continue;
                    }
                    Err(error) => {
                        self.hang_up(Some(Code::BadFrame), &format!("{error}."), turn);
                        return;
                    }
                },
                Some(Cut::BadFrame(error)) => {
                    self.hang_up(Some(Code::BadFrame), &format!("{error}."), turn);
                    return;
                }
            };
            if let (Some(bucket), Some(rate)) = (&mut self.bucket, turn.shared.limits.flood) {
                bucket.pay(1.0, rate, turn.now);
            }
            self.share.1 = self.share.1.saturating_sub(bytes + LINE_COST);
            self.act(step, bytes, turn);
        }
        if self.ended {
            self.finish(turn);
        }
    }

    /// The peer's input is over, and all of it is cut: it is answered and flushed, then closed.
    fn finish(&mut self, turn: &mut Turn<'_>) {
        if let Some(step) = self.session.ended() {
            self.act(step, 0, turn);
        }
        if self.account.is_some() {
            self.send(RequestKind::Quit { hear: false }, 0, turn);
        }
        self.stage = Stage::Finishing;
        self.dirty = true;
    }

    /// Acts on one line of so many bytes.
    fn act(&mut self, step: Step, bytes: usize, turn: &mut Turn<'_>) {
        let Step { label, action } = step;
        match action {
            Action::Nothing => {}
            Action::Answer(rows, last) => self.ready(label, Ready::Answer(rows, last), turn),
            Action::Prompt(text) => self.ready(label, Ready::Prompt(text), turn),
            Action::Set(setting) => self.ready(label, Ready::Set(setting), turn),
            Action::Request(request) => self.request(label, request, bytes, turn),
            Action::RequestAndWait(request) => {
                self.request(label, request, bytes, turn);
                self.barrier = true;
            }
            Action::NewToken { label: token_label, here } => match new_token() {
                Ok(token) => {
                    self.request(label, RequestKind::NewToken { label: token_label, here, token }, bytes, turn)
                }
                Err(error) => self.ready(label, no_secret(&error), turn),
            },
            Action::NewInvite { uses, lasts, admin } => match new_invite_code() {
                Ok(code) => self.request(label, RequestKind::NewInvite { uses, lasts, admin, code }, bytes, turn),
                Err(error) => self.ready(label, no_secret(&error), turn),
            },
            Action::Quit => {
                if self.account.is_some() {
                    self.request(label, RequestKind::Quit { hear: true }, bytes, turn);
                } else {
                    let text = "goodbye. (Ctrl-C if this stays open)".to_owned();
                    self.ready(label, Ready::Answer(Rows::default(), Final::Done(text)), turn);
                }
                self.stage = Stage::Finishing;
                self.dirty = true;
            }
        }
        if self.telnet.detected() && !self.session.is_asked() && !self.shown.deflate {
            let mut reply = Vec::new();
            self.telnet.show_input(&mut reply);
            self.push(&reply, turn);
        }
    }

    /// Answers from here, behind the answers that are still to come.
    fn ready(&mut self, label: Option<Box<str>>, ready: Ready, turn: &mut Turn<'_>) {
        let command = Unanswered { label, secret: false };
        if self.pending.is_empty() {
            self.emit(&command, ready, turn);
        } else {
            self.pending.push_back(Pending::Ready(command, ready));
        }
    }
}

fn no_secret(error: &crate::protocol::secrets::NoRandomness) -> Ready {
    log::error!("{error}");
    let refusal = Refusal::new(Code::Internal, "that was a fault of the server's. It was written to its log.");
    Ready::Answer(Rows::default(), refusal.into())
}
