//! The system's clock, by what can't be later than now: this version itself, and any message.

use super::database::Times;
use super::{Area, Report, Severity};

/// When this version was not written yet, in seconds of Unix time: no clock that is right shows an earlier time.
/// 2026-11-01; each release sets it anew.
const NOT_WRITTEN_YET: i64 = 1_793_491_200;
/// So much later than now a message may be: two clocks, or one that is being adjusted. Seconds.
const AHEAD: i64 = 120;
/// If the newest message is so much older than now, in seconds, the clock may be ahead.
const BEHIND: i64 = 366 * 86_400;

pub(super) fn check(now: jiff::Timestamp, Times { newest, latest }: Times, report: &mut Report) {
    let time = |ms: Option<u64>| jiff::Timestamp::from_millisecond(i64::try_from(ms?).ok()?).ok();
    let (severity, text) = judge(now, time(newest), time(latest));
    report.add(severity, Area::Clock, text);
}

fn judge(now: jiff::Timestamp, newest: Option<jiff::Timestamp>, latest: Option<jiff::Timestamp>) -> (Severity, String) {
    const SET: &str = "Set it, and let the system keep it right (timedatectl)";
    let shown = format!("{now:.0}");
    if now.as_second() < NOT_WRITTEN_YET {
        return (
            Severity::Error,
            format!(
                "the clock shows {shown}, when this version of chitchatd was not written yet: certificates seem not valid, and messages get a wrong time. {SET}"
            ),
        );
    }
    let Some(newest) = newest else {
        return (Severity::Good, format!("{shown}, and there is no message to compare it with"));
    };
    let ahead_of_now = |time: jiff::Timestamp| time.as_second().saturating_sub(now.as_second());
    let ahead = ahead_of_now(newest);
    if ahead > AHEAD {
        (
            Severity::Warning,
            format!(
                "the clock shows {shown}, and the newest message is from {newest:.0}: it was set back, or was wrong then. {SET}"
            ),
        )
    } else if ahead < -BEHIND {
        (
            Severity::Warning,
            format!(
                "the clock shows {shown}, and the newest message is from {newest:.0}. If people talked since, the clock is wrong. {SET}"
            ),
        )
    } else if let Some(latest) = latest.filter(|&latest| ahead_of_now(latest) > AHEAD) {
        (
            Severity::Warning,
            format!(
                "the clock shows {shown}, and earlier messages have times up to {latest:.0}: it was wrong then, or is wrong now. If it is right now, nothing needs to be done: they keep their times, and go with what was said after them (history.keep_for). If not, set it, and let the system keep it right (timedatectl)"
            ),
        )
    } else {
        (Severity::Good, format!("{shown}; the newest message is from {newest:.0}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_what_can_not_be_later() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        let said = |now: &str, newest: Option<&str>| judge(at(now), newest.map(at), newest.map(at));
        assert_eq!(said("2026-10-31T23:59:59Z", None).0, Severity::Error);
        assert_eq!(said("2026-11-01T00:00:00Z", None).0, Severity::Good);
        for (newest, severity) in [
            ("2027-01-01T00:02:00Z", Severity::Good),
            ("2027-01-01T00:02:01Z", Severity::Warning),
            ("2025-12-31T00:00:00Z", Severity::Good),
            ("2025-12-30T23:59:59Z", Severity::Warning),
        ] {
            let (is, text) = said("2027-01-01T00:00:00Z", Some(newest));
            assert!(is == severity && text.contains(newest), "{text}");
        }
        let said = |latest: &str| judge(at("2027-01-01T00:00:00Z"), Some(at("2026-12-31T00:00:00Z")), Some(at(latest)));
        assert_eq!(said("2027-01-01T00:02:00Z").0, Severity::Good);
        let (is, text) = said("2028-01-01T00:00:00Z");
        assert!(is == Severity::Warning && text.contains("up to 2028-01-01T00:00:00Z"), "{text}");
    }
}
