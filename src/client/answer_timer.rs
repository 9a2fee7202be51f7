//! How long the server may leave everything unanswered.
//!
//! Owns that bound. Pure; runs on the network thread. TCP notices a machine that is gone; this notices a
//! server that is there, takes lines, and answers none of them.

use std::time::{Duration, Instant};

/// How long to wait for the next answer. Flood control may slow a server's answers, but each that arrives
/// starts the wait anew.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_mins(2);

/// The same after the machine has slept: the connection is probably dead.
const AWAKE_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct AnswerTimer {
    /// How many answers there had been, and since when there have been no more.
    since: Option<(u64, Instant)>,
    /// Whether the next answer is wanted soon.
    hurried: bool,
}

impl AnswerTimer {
    /// Notes that lines wait for answers (`None`: none does), after so many answers; returns when the server
    /// will have been silent for too long.
    pub(super) fn note(&mut self, waiting: Option<u64>, now: Instant) -> Option<Instant> {
        self.since = match (waiting, self.since) {
            (None, _) => None,
            (Some(answers), Some((before, since))) if before == answers => Some((before, since)),
            (Some(answers), before) => {
                self.hurried &= before.is_none();
                Some((answers, now))
            }
        };
        self.deadline()
    }

    /// The machine has slept: the next answer is wanted soon.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.hurried = true;
        self.since = self.since.map(|(answers, _)| (answers, now));
    }

    /// Whether the server has been silent for too long.
    #[must_use]
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    fn deadline(&self) -> Option<Instant> {
        let within = if self.hurried { AWAKE_WITHIN } else { ANSWER_WITHIN };
        self.since.map(|(_, since)| since + within)
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
        timer.hurry(at(1000));
        assert_eq!(timer.note(Some(4), at(1001)), Some(at(1011)), "the question whether it is there");
        timer.hurry(at(1005));
        assert_eq!(timer.note(Some(4), at(1006)), Some(at(1015)));
        assert_eq!(timer.note(Some(5), at(1007)), Some(at(1127)), "it is");
    }
}
