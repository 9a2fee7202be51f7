//! Times as people type them: `since=2026-11-01`, `until=2026-11-01T12:30:00Z`, `since=7d`.
//!
//! Pure: what a time that counts from now means is only decided when it is asked.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::time::Duration;

/// Milliseconds of a day.
const DAY: u64 = 86_400_000;

/// A moment that a person named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBound {
    /// In milliseconds of Unix time.
    Moment(u64),
    /// A whole day in UTC, from this moment on.
    Day(u64),
    /// That long ago.
    Ago(Duration),
}

/// Between which times, both included; `None` is unbounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeBounds {
    /// From there on.
    pub since: Option<TimeBound>,
    /// Up to there.
    pub until: Option<TimeBound>,
}

impl TimeBound {
    /// Reads a date or a time of RFC 3339; `None` if it is neither. A time before 1970 is 1970.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        // jiff would read a time as a date, too, and ignore the rest of it.
        if typed.len() == "2026-11-01".len() {
            let day: Date = typed.parse().ok()?;
            return Some(Self::Day(milliseconds(day.to_zoned(TimeZone::UTC).ok()?.timestamp())));
        }
        typed.parse().ok().map(|moment| Self::Moment(milliseconds(moment)))
    }

    /// The first millisecond of it.
    fn first(self, now: u64) -> u64 {
        match self {
            Self::Moment(at) | Self::Day(at) => at,
            Self::Ago(span) => now.saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// The last millisecond of it.
    fn last(self, now: u64) -> u64 {
        match self {
            Self::Day(at) => at.saturating_add(DAY - 1),
            Self::Moment(_) | Self::Ago(_) => self.first(now),
        }
    }
}

impl TimeBounds {
    /// Whether every time is within them.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// The first and the last millisecond of Unix time that are within them.
    #[must_use]
    pub fn range(&self, now: u64) -> (u64, u64) {
        (self.since.map_or(0, |since| since.first(now)), self.until.map_or(u64::MAX, |until| until.last(now)))
    }
}

fn milliseconds(moment: Timestamp) -> u64 {
    u64::try_from(moment.as_millisecond()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(since: &str, until: &str) -> (u64, u64) {
        TimeBounds { since: TimeBound::parse(since), until: TimeBound::parse(until) }.range(0)
    }

    #[test]
    fn a_date_is_a_whole_day_and_a_time_a_moment() {
        let noon = 1_793_534_400_000;
        assert_eq!(range("2026-11-01", "2026-11-01"), (noon - DAY / 2, noon + DAY / 2 - 1));
        assert_eq!(range("2026-11-01T12:00:00Z", "2026-11-01T13:00:00+01:00"), (noon, noon));
        assert_eq!(range("2026-11-01T12:00:00.123Z", "x"), (noon + 123, u64::MAX));
        assert_eq!(range("1969-01-01", "1969-01-01").0, 0);
        for wrong in ["", "2026", "2026-13-01", "01.11.2026", "2026-11-01T12:00", "2026-1-1", "yesterday"] {
            assert_eq!(TimeBound::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn some_time_ago_counts_from_now() {
        let since = Some(TimeBound::Ago(Duration::from_mins(1)));
        assert_eq!(TimeBounds { since, until: None }.range(100_000), (40_000, u64::MAX));
        assert_eq!(TimeBounds { since, until: since }.range(1), (0, 0));
        assert!(!TimeBounds { since, until: None }.is_all() && TimeBounds::default().is_all());
    }
}
