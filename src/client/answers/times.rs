//! Times of rows, in local time and as people say them.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

/// Where and when a person looks.
#[derive(Debug, Clone, Copy)]
pub(in crate::client) struct Clock<'a> {
    pub(in crate::client) zone: &'a TimeZone,
    pub(in crate::client) now: Timestamp,
    /// The form of a time of day, as the settings have it; empty if people don't want to see it.
    pub(in crate::client) time_of_day: &'a str,
}

/// The form of a time of day in tables, whose times were asked for.
const TIME_OF_DAY: &str = "%H:%M";

impl Clock<'_> {
    fn local(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    /// `09:10`, or nothing.
    #[must_use]
    pub(super) fn time(&self, at: Timestamp) -> String {
        strtime::format(self.time_of_day, &self.local(at)).unwrap_or_default()
    }

    /// `09:10`, or with its date if that is not today.
    #[must_use]
    pub(super) fn moment(&self, at: Timestamp) -> String {
        let time = if self.time_of_day.is_empty() { TIME_OF_DAY } else { self.time_of_day };
        let time = strtime::format(time, &self.local(at)).unwrap_or_default();
        if self.is_today(at) { time } else { format!("{} {time}", self.date(at)) }
    }

    /// `2026-11-22`.
    #[must_use]
    pub(super) fn date(&self, at: Timestamp) -> String {
        self.local(at).strftime("%Y-%m-%d").to_string()
    }

    /// `Sunday, 22 November 2026`.
    #[must_use]
    pub(super) fn day(&self, at: Timestamp) -> String {
        self.local(at).strftime("%A, %-d %B %Y").to_string()
    }

    #[must_use]
    pub(super) fn is_today(&self, at: Timestamp) -> bool {
        self.is_same_day(at, self.now)
    }

    #[must_use]
    pub(super) fn is_same_day(&self, one: Timestamp, other: Timestamp) -> bool {
        self.local(one).date() == self.local(other).date()
    }

    /// `2 hours ago`; the date if that is longer ago than a week.
    #[must_use]
    pub(super) fn ago(&self, at: Timestamp) -> String {
        let seconds = self.now.as_second().saturating_sub(at.as_second());
        let yesterday = self.now.to_zoned(self.zone.clone()).checked_sub(1.day());
        match seconds {
            // The two clocks may differ a little.
            -60..60 => "just now".to_owned(),
            60..86_400 => format!("{} ago", span(seconds)),
            86_400..172_800 if yesterday.is_ok_and(|day| day.date() == self.local(at).date()) => {
                format!("yesterday {}", self.local(at).strftime(TIME_OF_DAY))
            }
            86_400..604_800 => format!("{} ago", span(seconds)),
            _ => self.date(at),
        }
    }

    /// `in 2 hours`; the date if that is later than in a week.
    #[must_use]
    pub(super) fn until(&self, at: Timestamp) -> String {
        let seconds = at.as_second().saturating_sub(self.now.as_second());
        match seconds {
            ..=0 => format!("{} (over)", self.moment(at)),
            1..60 => "in less than a minute".to_owned(),
            60..604_800 => format!("in {}", span(seconds)),
            _ => self.date(at),
        }
    }
}

/// `2 hours`: rounded to the nearest, in a unit of which there are enough to say something.
fn span(seconds: i64) -> String {
    let (unit, word) = match seconds {
        // What rounds to an hour or a day is one; from there on the smaller unit says more.
        3570..3630 => (3600, "hour"),
        ..5370 => (60, "minute"),
        84_600..88_200 => (86_400, "day"),
        5370..129_600 => (3600, "hour"),
        _ => (86_400, "day"),
    };
    match (seconds + unit / 2) / unit {
        1 => format!("1 {word}"),
        number => format!("{number} {word}s"),
    }
}

/// The time of a row.
#[must_use]
pub(super) fn parse(word: &str) -> Option<Timestamp> {
    // A time of day alone, or a date, is no time of a row.
    word.contains('T').then(|| word.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(test: impl Fn(Clock<'_>)) {
        let zone = TimeZone::get("America/New_York").unwrap();
        // A Sunday, 04:10 there.
        let now = "2026-11-22T09:10:00Z".parse().unwrap();
        test(Clock { zone: &zone, now, time_of_day: "%H:%M" });
    }

    fn at(time: &str) -> Timestamp {
        parse(time).unwrap()
    }

    #[test]
    fn moments_are_local_and_have_a_date_unless_it_is_today() {
        with(|clock| {
            assert_eq!(clock.moment(at("2026-11-22T06:00:00.123Z")), "01:00");
            assert_eq!(clock.moment(at("2026-11-22T03:00:00Z")), "2026-11-21 22:00");
            assert_eq!(clock.day(at("2026-11-02T12:00:00Z")), "Monday, 2 November 2026");
        });
    }

    #[test]
    fn what_was_not_long_ago_is_told_as_people_do() {
        with(|clock| {
            for (time, told) in [
                ("2026-11-22T09:10:30Z", "just now"),
                ("2026-11-22T09:09:01Z", "just now"),
                ("2026-11-22T09:08:30Z", "2 minutes ago"),
                ("2026-11-22T09:00:00Z", "10 minutes ago"),
                ("2026-11-22T08:10:00Z", "1 hour ago"),
                ("2026-11-22T08:00:00Z", "70 minutes ago"),
                ("2026-11-22T06:20:00Z", "3 hours ago"),
                ("2026-11-21T10:00:00Z", "23 hours ago"),
                ("2026-11-21T08:00:00Z", "yesterday 03:00"),
                ("2026-11-20T10:00:00Z", "2 days ago"),
                ("2026-11-15T10:00:00Z", "7 days ago"),
                ("2026-11-15T09:00:00Z", "2026-11-15"),
                ("2026-12-22T09:00:00Z", "2026-12-22"),
            ] {
                assert_eq!(clock.ago(at(time)), told, "{time}");
            }
        });
    }

    #[test]
    fn what_comes_is_told_as_people_do() {
        with(|clock| {
            for (time, told) in [
                ("2026-11-22T09:10:20Z", "in less than a minute"),
                ("2026-11-22T09:20:00Z", "in 10 minutes"),
                ("2026-11-22T10:10:00Z", "in 1 hour"),
                ("2026-11-23T09:10:00Z", "in 1 day"),
                ("2026-11-22T11:00:00Z", "in 2 hours"),
                ("2026-11-24T09:00:00Z", "in 2 days"),
                ("2026-12-22T09:00:00Z", "2026-12-22"),
                ("2026-11-22T09:00:00Z", "04:00 (over)"),
            ] {
                assert_eq!(clock.until(at(time)), told, "{time}");
            }
        });
    }

    #[test]
    fn other_words_are_no_times() {
        for word in ["-", "", "12", "2026-11-22", "09:10", "T"] {
            assert_eq!(parse(word), None, "{word}");
        }
    }
}
