//! The last backup: whether there is one, and how old it is.

use super::{Area, Report, Severity};
use crate::protocol::spans::roughly;
use crate::server::backup::last_backup;
use crate::server::store::LOCK_FILE;
use std::path::Path;
use std::time::Duration;

/// A backup that is older is old, in seconds: one a week, and a day more. Data that is so new needs none yet.
const OLD: i64 = 8 * 86_400;

pub(super) fn check(data: &Path, now: jiff::Timestamp, report: &mut Report) {
    // The first start makes it, and nobody writes to it.
    let made = std::fs::metadata(data.join(LOCK_FILE)).and_then(|found| found.modified());
    let Some(made) = made.ok().and_then(|made| jiff::Timestamp::try_from(made).ok()) else { return };
    let (severity, text) = judge(data, now, made, last_backup(data));
    report.add(severity, Area::Backup, text);
}

fn judge(
    data: &Path,
    now: jiff::Timestamp,
    made: jiff::Timestamp,
    last: Option<jiff::Timestamp>,
) -> (Severity, String) {
    const CURE: &str = "Make one (chitchatd backup), or see why the timer does not (journalctl -u chitchatd-backup)";
    let (data, since) = (data.display(), |then: jiff::Timestamp| now.as_second().saturating_sub(then.as_second()));
    match last {
        Some(last) => {
            let ago = roughly(Duration::from_secs(u64::try_from(since(last)).unwrap_or(0)));
            let text = format!("the last backup of {data} was made {ago} ago, at {last:.0}");
            if since(last) > OLD { (Severity::Warning, format!("{text}. {CURE}")) } else { (Severity::Good, text) }
        }
        None if since(made) > OLD => {
            (Severity::Warning, format!("no backup of {data} has been made by chitchatd backup. {CURE}"))
        }
        None => (Severity::Good, format!("no backup of {data} has been made yet by chitchatd backup")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_and_a_day_without_a_backup_is_too_long() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        let said = |made: &str, last: Option<&str>| {
            judge(Path::new("/data"), at("2027-01-20T00:00:00Z"), at(made), last.map(at))
        };
        for (made, last, severity, words) in [
            ("2027-01-12T00:00:00Z", None, Severity::Good, "yet"),
            ("2027-01-11T23:59:59Z", None, Severity::Warning, "Make one (chitchatd backup)"),
            (
                "2026-01-01T00:00:00Z",
                Some("2027-01-12T00:00:00Z"),
                Severity::Good,
                "8 days ago, at 2027-01-12T00:00:00Z",
            ),
            (
                "2026-01-01T00:00:00Z",
                Some("2027-01-11T23:59:59Z"),
                Severity::Warning,
                "ago, at 2027-01-11T23:59:59Z. Make one",
            ),
            // By a clock that was ahead.
            ("2026-01-01T00:00:00Z", Some("2027-02-01T00:00:00Z"), Severity::Good, "at 2027-02-01T00:00:00Z"),
        ] {
            let (is, text) = said(made, last);
            assert!(is == severity && text.contains("/data") && text.contains(words), "{text}");
        }
    }
}
