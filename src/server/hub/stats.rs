//! `/stats`: figures of the running server, as rows `WORD VALUE`. What was counted is lost with the
//! process; a reader adds how much is on the disk.

use super::refusals::refusal;
use super::{Answered, Context, Hub};
use crate::protocol::line::Rows;
use crate::protocol::stamp::rfc3339;
use crate::server::traffic::{Read, Tally};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub(super) struct Stats {
    tally: Arc<Tally>,
    /// When the minute began that is being counted.
    minute: Option<Instant>,
    /// Messages of that minute, and of the one before.
    messages: [u32; 2],
}

impl Stats {
    /// Something was said.
    pub(super) fn count_message(&mut self, now: Instant) {
        self.turn_over(now);
        self.messages[0] += 1;
    }

    /// How much was said in the last whole minute.
    fn last_minute(&mut self, now: Instant) -> u32 {
        self.turn_over(now);
        self.messages[1]
    }

    fn turn_over(&mut self, now: Instant) {
        let minute = *self.minute.get_or_insert(now);
        let passed = now.saturating_duration_since(minute);
        if passed >= MINUTE {
            let before = if passed < 2 * MINUTE { self.messages[0] } else { 0 };
            (self.minute, self.messages) = (Some(now), [0, before]);
        }
    }
}

impl Hub {
    /// What the workers count.
    #[must_use]
    pub(in crate::server) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.stats.tally)
    }
}

pub(super) fn show(cx: &mut Context<'_>) -> Answered {
    cx.hub.state.check_administrator(cx.account).map_err(refusal)?;
    let last_minute = cx.hub.stats.last_minute(cx.now.instant);
    let hub = &*cx.hub;
    let since = hub.clock.started().unwrap_or(cx.now.wall);
    let mut rows = Rows::default();
    let mut row = |word: &str, value: &dyn std::fmt::Display| rows.push(&format!("{word} {value}"));
    row("version", &env!("CARGO_PKG_VERSION"));
    row("since", &rfc3339(since));
    row("accounts", &hub.state.people().count());
    row("here", &hub.connections.count_accounts());
    row("connections", &hub.connections.count());
    row("rooms", &hub.state.rooms_after(None).count());
    row("messages", &hub.state.count_messages());
    row("last-minute", &last_minute);
    row("too-slow", &hub.stats.tally.too_slow());
    row("slowed", &hub.stats.tally.slowed());
    row("refused", &hub.pace.refused());
    row("throttled", &hub.throttle.refused());
    cx.effects.read_job(cx.conn, Read::Stats(rows));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_whole_or_over() {
        let (mut stats, start) = (Stats::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        (0..5).for_each(|second| stats.count_message(at(second)));
        assert_eq!(stats.last_minute(at(59)), 0);
        stats.count_message(at(61));
        assert_eq!(stats.last_minute(at(70)), 5);
        assert_eq!(stats.last_minute(at(122)), 1);
        stats.count_message(at(130));
        assert_eq!(stats.last_minute(at(1000)), 0);
    }

    #[test]
    fn a_minute_without_a_word_is_not_the_last_one() {
        let (mut stats, start) = (Stats::default(), Instant::now());
        stats.count_message(start);
        assert_eq!(stats.last_minute(start + 2 * MINUTE), 0);
    }
}
