//! Why no line is cut, and nothing read, right now: see [`Gate`].

use super::input::{Gate, TooFast};
use super::life::{Stage, Timer};
use super::{Connection, Turn};
use crate::protocol::code::Code;
use std::time::Instant;

impl Connection {
    /// Whether more is read from the peer. Nothing else slows down input that yields no line
    /// (telnet noise, TLS's own records).
    pub(super) fn may_read(&mut self, turn: &mut Turn<'_>) -> bool {
        if !self.input.may_read_ahead(self.speech.waiting()) {
            return false;
        }
        let gate = if self.leaves_too_much_unread(turn) {
            Gate::UnreadBytes
        } else if self.is_out_of_tokens(turn) {
            Gate::Flood
        } else {
            return true;
        };
        self.input.set_gate(gate);
        false
    }

    /// Whether the next line may be cut now, and if not, why. What ends each reason also gives the
    /// connection its next turn: see [`Gate`].
    pub(super) fn find_gate(&mut self, turn: &mut Turn<'_>) -> Gate {
        if self.stage() != Stage::Open || turn.stopping {
            Gate::Shut
        } else if self.input.gate() == Gate::AwaitingAnswer {
            Gate::AwaitingAnswer
        } else if self.output.unanswered() >= turn.live.limits.unanswered {
            Gate::Unanswered
        } else if self.leaves_too_much_unread(turn) {
            Gate::UnreadBytes
        } else if self.share_is_spent(turn) {
            Gate::TurnShare
        } else if !turn.shared.budget.has_room() {
            turn.out_of_budget = true;
            Gate::Budget
        } else if self.is_out_of_tokens(turn) {
            Gate::Flood
        } else {
            Gate::Open
        }
    }

    fn leaves_too_much_unread(&self, turn: &Turn<'_>) -> bool {
        self.output.unsent() > turn.live.limits.unread_to_pause()
    }

    /// Whether it has to wait for tokens; it gets another turn when there are some. Lines wait,
    /// none is lost, and the peer is told once.
    fn is_out_of_tokens(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some((wait, too_fast)) = self.input.tokens_owed(turn.now) else { return false };
        self.slow_down(turn.now + wait, too_fast, turn);
        true
    }

    fn slow_down(&mut self, until: Instant, too_fast: TooFast, turn: &mut Turn<'_>) {
        if !self.life.is_set(Timer::Flood) {
            self.life.set(Timer::Flood, until);
        }
        if self.output.unanswered() == 0 && self.input.is_to_be_told() {
            turn.shared.tally.count_slowed();
            let (rate, over) = match too_fast {
                TooFast::Connection(rate) => (rate, ""),
                TooFast::Account(rate) => (rate, " over all your connections"),
            };
            let rate = rate.in_words("line");
            let text = format!("you are sending more than {rate}{over}. The rest will wait; nothing is lost.");
            self.notice(Some(Code::SlowDown), &text, turn);
        }
    }
}
