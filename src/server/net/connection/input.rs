//! What a connection has received and not acted on yet, and why no line is cut right now.
//!
//! Owns the framer, the telnet filter, the HTTP guard, the token bucket, the share of a turn and
//! the gate. Knows no socket and no answers: it is told what was read and what lines cost, and
//! yields lines. Runs on the worker that owns the connection; the time is an argument.

use crate::protocol::frame::{Cut, Framer, Rules};
use crate::protocol::http_guard::HttpGuard;
use crate::protocol::telnet::Telnet;
use crate::server::flood::{Bucket, Rate};
use crate::server::traffic::Tap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// While the gate is closed and this many bytes wait, nothing more is read.
const READ_AHEAD: usize = 4 * 1024;
/// How much of one connection's input may be cut in one turn, in bytes of lines and inflated
/// frames; then others are served first, whatever the limits say. So a turn is short even if
/// someone sends frames of 97 octets that hold 65,535 lines.
const TURN_SHARE: usize = 64 * 1024;
/// What a line costs of that besides its bytes: even an empty one is work.
const LINE_COST: usize = 128;
/// Bytes that cost as many tokens as one line.
const BYTES_A_LINE: f32 = 1024.0;
/// Telnet commands that cost as many tokens as one line.
const TELNET_A_LINE: f32 = 4.0;

/// Why no line is cut now, and therefore what gives the connection its next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// Lines are cut. The framer holds the beginning of a line or a frame, whose rest has to be
    /// read, however long it is.
    Open,
    /// The last line must be answered before the next one is cut.
    AwaitingAnswer,
    /// As many lines wait for answers as are allowed to. The next answer opens it.
    Unanswered,
    /// Too much output is unread. A flush opens it.
    UnreadBytes,
    /// The connection has had its share of this turn. The next turn opens it.
    TurnShare,
    /// Too much is under way over all connections. The worker tries again soon.
    Budget,
    /// No tokens are left. A timer opens it.
    Flood,
    /// Nothing more is cut: the peer's input has ended, or the server is stopping.
    Shut,
}

/// Who sends faster than the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum TooFast {
    /// The connection.
    Connection(Rate),
    /// All connections of its account together.
    Account(Rate),
}

/// Whether the socket may have more to read. The readiness wait is edge-triggered, so this is true
/// until a read says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Readable,
    Drained,
    /// The end has been read.
    Ended,
}

pub(super) struct Input {
    framer: Framer,
    telnet: Telnet,
    http_guard: HttpGuard,
    /// `None` if flood control is off.
    bucket: Option<(Bucket, Rate)>,
    /// That of its account, once it is logged in.
    tap: Option<Arc<Tap>>,
    gate: Gate,
    source: Source,
    /// The system has said that the peer sends no more. It won't say so again, so reads go on until
    /// they find the end.
    read_closed: bool,
    has_received: bool,
    slow_down_sent: bool,
    /// A turn's number, and what is left of the connection's share of that turn.
    share: (u64, usize),
}

impl Input {
    pub(super) fn new(flood: Option<Rate>, now: Instant) -> Self {
        Self {
            framer: Framer::new(),
            telnet: Telnet::default(),
            http_guard: HttpGuard::default(),
            bucket: flood.map(|rate| (Bucket::full(rate, now), rate)),
            tap: None,
            gate: Gate::Open,
            source: Source::Readable,
            read_closed: false,
            has_received: false,
            slow_down_sent: false,
            share: (0, 0),
        }
    }

    // The socket.

    /// The system says that there is something to read, or the end of input.
    pub(super) fn set_readable(&mut self, read_closed: bool) {
        self.read_closed |= read_closed;
        if self.source == Source::Drained {
            self.source = Source::Readable;
        }
    }

    /// A read found nothing.
    pub(super) fn set_drained(&mut self) {
        if self.source == Source::Readable {
            self.source = Source::Drained;
        }
    }

    /// A read returned this many of the `wanted` bytes. A short read has emptied the socket: later
    /// bytes are a new edge, and so is the end, unless it was already reported.
    pub(super) fn has_read(&mut self, bytes: usize, wanted: usize, now: Instant) {
        if bytes < wanted && !self.read_closed {
            self.set_drained();
        }
        self.pay(bytes as f32 / BYTES_A_LINE, now);
    }

    pub(super) fn set_ended(&mut self) {
        self.source = Source::Ended;
    }

    pub(super) fn is_readable(&self) -> bool {
        self.source == Source::Readable
    }

    pub(super) fn has_ended(&self) -> bool {
        self.source == Source::Ended
    }

    /// Whether the peer has sent anything besides TLS's own records.
    pub(super) fn has_received(&self) -> bool {
        self.has_received
    }

    /// Whether a turn could do something: cut waiting lines, read, or act on the end.
    pub(super) fn has_work(&self) -> bool {
        self.framer.buffered() > 0 || self.source != Source::Drained
    }

    /// Whether there is something to cut, or an end to act on, before anything is read.
    pub(super) fn has_unfinished(&self) -> bool {
        self.framer.buffered() > 0 || self.has_ended()
    }

    // The gate.

    pub(super) fn gate(&self) -> Gate {
        self.gate
    }

    /// Sets why no line is cut now. Only [`Input::answer_arrived`] ends the wait for an answer.
    pub(super) fn set_gate(&mut self, gate: Gate) {
        if self.gate != Gate::AwaitingAnswer {
            self.gate = gate;
        }
    }

    /// The awaited answer has arrived.
    pub(super) fn answer_arrived(&mut self) {
        if self.gate == Gate::AwaitingAnswer {
            self.gate = Gate::Open;
        }
    }

    /// Whether more may be read although lines are waiting to be cut, or so many bytes of requests to be taken.
    pub(super) fn may_read_ahead(&self, waiting: usize) -> bool {
        self.gate == Gate::Open || self.framer.buffered() + waiting < READ_AHEAD
    }

    /// Whether the connection has used up its share of the turn with that number.
    pub(super) fn share_is_spent(&mut self, turn: u64) -> bool {
        if self.share.0 != turn {
            self.share = (turn, TURN_SHARE);
        }
        self.share.1 == 0
    }

    fn spend(&mut self, bytes: usize) {
        self.share.1 = self.share.1.saturating_sub(bytes);
    }

    /// From now on this is the rate; what was paid stays paid.
    pub(super) fn set_flood(&mut self, flood: Option<Rate>, now: Instant) {
        let bucket = self.bucket.map(|(bucket, _)| bucket);
        self.bucket = flood.map(|rate| (bucket.unwrap_or_else(|| Bucket::full(rate, now)), rate));
    }

    /// From now on lines are drawn from the account's tap as well.
    pub(super) fn draw_from(&mut self, tap: Option<Arc<Tap>>) {
        self.tap = tap;
    }

    /// How long until there are tokens again, and why; `None` if there are some now.
    pub(super) fn tokens_owed(&mut self, now: Instant) -> Option<(Duration, TooFast)> {
        let own = self.bucket.as_mut().and_then(|(bucket, rate)| Some((bucket.owed(*rate, now)?, *rate)));
        let shared = self.tap.as_ref().and_then(|tap| Some((tap.owed(now)?, tap.rate(now))));
        match (own, shared) {
            (Some((own, _)), Some((shared, rate))) if shared > own => Some((shared, TooFast::Account(rate))),
            (Some((wait, rate)), _) => Some((wait, TooFast::Connection(rate))),
            (None, shared) => shared.map(|(wait, rate)| (wait, TooFast::Account(rate))),
        }
    }

    /// Whether a peer that sends too fast is still to be told so; only once.
    pub(super) fn is_to_be_told(&mut self) -> bool {
        !std::mem::replace(&mut self.slow_down_sent, true)
    }

    fn pay(&mut self, tokens: f32, now: Instant) {
        if let Some((bucket, rate)) = &mut self.bucket {
            bucket.pay(tokens, *rate, now);
        }
        if let Some(tap) = &self.tap {
            tap.pay(tokens, now);
        }
    }

    // Bytes and lines.

    /// Copies what arrived into `data` without telnet's commands, and returns what to answer to
    /// them; `None` if there are none, and then nothing was copied.
    pub(super) fn filter_telnet(&mut self, bytes: &[u8], data: &mut Vec<u8>, now: Instant) -> Option<Vec<u8>> {
        if !self.telnet.is_needed(bytes) {
            return None;
        }
        let mut reply = Vec::new();
        let commands = self.telnet.filter(bytes, data, &mut reply);
        self.pay(commands as f32 / TELNET_A_LINE, now);
        Some(reply)
    }

    pub(super) fn telnet(&mut self) -> &mut Telnet {
        &mut self.telnet
    }

    pub(super) fn note_received(&mut self) {
        self.has_received = true;
    }

    /// Whether these bytes make the first line an HTTP request.
    pub(super) fn is_http(&mut self, bytes: &[u8]) -> bool {
        self.http_guard.is_request(bytes)
    }

    /// Cuts the next line or frame: see [`Framer::cut`].
    pub(super) fn cut<'a, 'i: 'a>(&'a mut self, bytes: &mut &'i [u8], rules: Rules) -> Option<Cut<'a>> {
        self.framer.cut(bytes, rules)
    }

    /// Keeps the rest until lines are cut again.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.framer.keep(bytes);
    }

    /// Pays for a line of this many bytes.
    pub(super) fn pay_line(&mut self, bytes: usize, now: Instant) {
        self.pay(1.0, now);
        self.spend(bytes + LINE_COST);
    }

    /// Pays for a frame's lines in bytes, and has them cut next.
    pub(super) fn unroll(&mut self, lines: Vec<u8>) {
        self.spend(lines.len());
        self.framer.unroll(lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_ends_the_wait_for_it() {
        let mut input = Input::new(None, Instant::now());
        input.set_gate(Gate::AwaitingAnswer);
        input.set_gate(Gate::UnreadBytes);
        input.set_gate(Gate::Open);
        assert_eq!(input.gate(), Gate::AwaitingAnswer);
        input.answer_arrived();
        assert_eq!(input.gate(), Gate::Open);
        input.set_gate(Gate::Flood);
        input.answer_arrived();
        assert_eq!(input.gate(), Gate::Flood);
    }

    #[test]
    fn a_share_lasts_for_one_turn() {
        let mut input = Input::new(None, Instant::now());
        assert!(!input.share_is_spent(1));
        for _ in 0..TURN_SHARE / LINE_COST {
            assert!(!input.share_is_spent(1));
            input.pay_line(0, Instant::now());
        }
        assert!(input.share_is_spent(1) && !input.share_is_spent(2));
    }

    #[test]
    fn a_reported_end_of_input_is_read_even_after_a_short_read() {
        let now = Instant::now();
        let mut input = Input::new(None, now);
        input.has_read(10, 100, now);
        assert!(!input.is_readable());
        input.set_readable(true);
        input.has_read(10, 100, now);
        assert!(input.is_readable());
        input.set_ended();
        input.set_readable(true);
        assert!(input.has_ended() && !input.is_readable() && input.has_work());
    }
}
