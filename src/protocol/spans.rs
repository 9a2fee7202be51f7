//! Spans of time, as words on the wire and as people say them.

use std::time::Duration;

/// The units, the largest first: seconds, the letter, the word.
const UNITS: [(u64, char, &str); 4] =
    [(86_400, 'd', "day"), (3600, 'h', "hour"), (60, 'm', "minute"), (1, 's', "second")];

/// `30s`, `24h`, `7d`: in the largest unit that fits exactly.
#[must_use]
pub fn word(span: Duration) -> String {
    let (size, letter, _) = unit(span.as_secs(), u64::is_multiple_of);
    format!("{}{letter}", span.as_secs() / size)
}

/// `7 days`, `90 minutes`: in the largest unit that fits exactly.
#[must_use]
pub fn exactly(span: Duration) -> String {
    let (size, _, word) = unit(span.as_secs(), u64::is_multiple_of);
    count(span.as_secs() / size, word)
}

/// `every minute`, `every 30 seconds`.
#[must_use]
pub fn every(span: Duration) -> String {
    let exactly = exactly(span);
    format!("every {}", exactly.strip_prefix("1 ").unwrap_or(&exactly))
}

/// `3 days`, `50 minutes`, `1 second`: rounded up, in a unit of which there are at least two.
#[must_use]
pub fn roughly(span: Duration) -> String {
    let seconds = seconds_up(span);
    let (size, _, word) = unit(seconds, |seconds, size| seconds >= 2 * size || size == 1);
    count(seconds.div_ceil(size), word)
}

/// Whole seconds, at least one, after which the span has passed.
#[must_use]
pub fn seconds_up(span: Duration) -> u64 {
    let more = u64::from(span.subsec_nanos() > 0);
    (span.as_secs() + more).max(1)
}

fn unit(seconds: u64, fits: impl Fn(u64, u64) -> bool) -> (u64, char, &'static str) {
    UNITS.into_iter().find(|&(size, ..)| fits(seconds, size)).unwrap_or((1, 's', "second"))
}

fn count(number: u64, unit: &str) -> String {
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        let of = Duration::from_secs;
        assert_eq!([word(of(30)), word(of(86_400)), word(of(5400))], ["30s", "1d", "90m"]);
        assert_eq!([exactly(of(1)), exactly(of(604_800)), exactly(of(5400))], ["1 second", "7 days", "90 minutes"]);
        assert_eq!([every(of(60)), every(of(90)), every(of(1))], ["every minute", "every 90 seconds", "every second"]);
        assert_eq!(roughly(of(3541)), "60 minutes");
        assert_eq!(roughly(of(172_799)), "48 hours");
        assert_eq!(roughly(of(172_801)), "3 days");
        assert_eq!([roughly(Duration::from_millis(1)), roughly(Duration::ZERO)], ["1 second", "1 second"]);
        assert_eq!(seconds_up(Duration::from_millis(1001)), 2);
    }
}
