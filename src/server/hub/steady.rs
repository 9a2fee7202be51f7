//! The clock by which bans, mutes and waiting times end. It reads the system's clock once, when the
//! server starts, and then counts by itself: a system clock that is set forward ends nothing early,
//! and one that is set back prolongs nothing. While a machine sleeps it stands still.

use super::Now;
use std::time::Instant;

#[derive(Debug, Default)]
pub(super) struct SteadyClock {
    start: Option<(Instant, u64)>,
    /// The last answer, and to what: all requests of a turn have one time.
    last: Option<(Instant, u64)>,
}

impl SteadyClock {
    /// When it was first asked, which is when the server started, by the system's clock.
    pub(super) fn started(&self) -> Option<u64> {
        self.start.map(|(_, wall)| wall)
    }

    /// That moment, in milliseconds of Unix time as the system's clock told it at the start.
    pub(super) fn at(&mut self, now: Now) -> u64 {
        if let Some((instant, steady)) = self.last
            && instant == now.instant
        {
            return steady;
        }
        let &mut (instant, wall) = self.start.get_or_insert((now.instant, now.wall));
        let passed = now.instant.saturating_duration_since(instant);
        let steady = wall.saturating_add(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX));
        self.last = Some((now.instant, steady));
        steady
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_jump_of_the_systems_clock_does_not_move_it() {
        let (mut clock, start) = (SteadyClock::default(), Instant::now());
        assert_eq!(clock.started(), None);
        let mut at = |seconds, wall| clock.at(Now { instant: start + Duration::from_secs(seconds), wall });
        assert_eq!(at(0, 1_000_000), 1_000_000);
        assert_eq!(at(0, 2_000_000), 1_000_000);
        assert_eq!(at(5, 1_005_000), 1_005_000);
        assert_eq!(at(6, 90_000_000), 1_006_000);
        assert_eq!(at(7, 2_000), 1_007_000);
        assert_eq!(clock.started(), Some(1_000_000));
    }
}
