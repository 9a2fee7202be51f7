//! How long the server may leave everything unanswered.
//!
//! Owns that bound. Pure; runs on the network thread. TCP notices a machine that is gone; this notices a
//! server that is there, takes lines, and answers none of them.

use std::time::{Duration, Instant};

/// How long to wait for the next answer. Flood control may slow a server's answers, but each that arrives
/// starts the wait anew.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_mins(2);

#[derive(Debug, Default)]
pub(super) struct AnswerTimer {
    /// How many answers there had been, and since when there have been no more.
    since: Option<(u64, Instant)>,
}

impl AnswerTimer {
    /// Notes that lines wait for answers (`None`: none does), after so many answers; returns when the server
    /// will have been silent for too long.
    pub(super) fn note(&mut self, waiting: Option<u64>, now: Instant) -> Option<Instant> {
        self.since = match (waiting, self.since) {
            (None, _) => None,
            (Some(answers), Some((before, since))) if before == answers => Some((before, since)),
            (Some(answers), _) => Some((answers, now)),
        };
        self.since.map(|(_, since)| since + ANSWER_WITHIN)
    }

    /// Whether the server has been silent for too long.
    #[must_use]
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.since.is_some_and(|(_, since)| since + ANSWER_WITHIN <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_starts_the_wait_anew() {
        let (mut timer, start) = (AnswerTimer::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(timer.note(None, at(0)), None);
        assert_eq!(timer.note(Some(3), at(10)), Some(at(130)));
        assert_eq!(timer.note(Some(3), at(100)), Some(at(130)));
        assert!(!timer.is_over(at(129)) && timer.is_over(at(130)));
        assert_eq!(timer.note(Some(4), at(130)), Some(at(250)));
        assert!(!timer.is_over(at(130)));
        assert_eq!(timer.note(None, at(200)), None);
        assert!(!timer.is_over(at(1000)));
    }
}
