//! What `chitchatd status` and `chitchatd health` make of the running server's figures, which are those of `/stats`.
//!
//! A server of another version may know other figures: what is missing is left out. Runs on the main thread of its
//! own process.

use crate::protocol::spans::roughly;
use crate::server::operator::console::{ConsoleError, ask};
use crate::server::operator::json::{list, string};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// The figures of the running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status(Vec<(String, String)>);

impl Status {
    /// Asks the server that runs on this data directory.
    ///
    /// # Errors
    /// Any [`ConsoleError`]: the server does not run, or does not answer in time.
    pub fn ask(data: &Path) -> Result<Self, ConsoleError> {
        Ok(Self::of(ask(data, "/stats")?.rows))
    }

    fn of(rows: Vec<String>) -> Self {
        let figure = |row: String| row.split_once(' ').map(|(word, value)| (word.to_owned(), value.to_owned()));
        Self(rows.into_iter().filter_map(figure).collect())
    }

    /// Why the server is not well; `None` if it is.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let failing = self.text_of("storage") == Some("failing");
        failing.then(|| "nothing can be stored: is the disk full or failing? The server's log says why.".to_owned())
    }

    /// A screenful, for people.
    #[must_use]
    pub fn text(&self, now: jiff::Timestamp) -> String {
        let mut out = String::new();
        // Writing to a String can't fail.
        let _ = writeln!(out, "ChitChat {}{}", self.text_of("version").unwrap_or("?"), self.up(now));
        let mut line = |what: &str, text: Option<String>| {
            if let Some(text) = text {
                let _ = writeln!(out, "  {what:<12} {text}");
            }
        };
        line("people", self.sentence(&[("here", " here"), ("accounts", " with an account")]));
        line(
            "connections",
            self.sentence(&[
                ("tls", " over TLS"),
                ("plain", " plain"),
                ("web", " web"),
                ("console", " console"),
                ("guests", " not logged in"),
            ]),
        );
        line("rooms", self.sentence(&[("rooms", "")]));
        line("messages", self.sentence(&[("last-minute", " in the last minute"), ("messages", " ever")]));
        line("lines", self.sentence(&[("lines-in", " in"), ("lines-out", " out"), ("waiting", " waiting")]));
        line("commits", self.commits());
        line("memory", self.number("memory").map(size));
        line("disk", self.disk());
        line("history", self.history());
        line("certificate", self.certificate());
        line("backup", self.backup(now));
        line(
            "held back",
            self.sentence(&[
                ("slowed", " slowed"),
                ("throttled", " throttled"),
                ("refused", " refused"),
                ("too-slow", " too slow"),
                ("turned-away", " turned away"),
            ]),
        );
        let problem = self.problem();
        let warnings: Vec<&str> = problem.as_deref().into_iter().chain(self.warnings()).collect();
        if warnings.is_empty() {
            out.push_str("No warnings.\n");
        } else {
            out.push_str("Warnings\n");
            warnings.iter().for_each(|warning| out.push_str(&format!("  {warning}\n")));
        }
        out
    }

    /// All figures as JSON, in one line: numbers as numbers, and the warnings as a list.
    #[must_use]
    pub fn json(&self) -> String {
        let single = self.0.iter().filter(|(word, _)| word != "warning");
        let mut members: Vec<String> = single
            .map(|(word, value)| {
                let shown = if value.parse::<i64>().is_ok() { value.clone() } else { string(value) };
                format!("{}:{shown}", string(word))
            })
            .collect();
        members.push(format!("\"warnings\":{}", list(self.warnings().map(string))));
        format!("{{{}}}\n", members.join(","))
    }

    fn text_of(&self, word: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == word).map(|(_, value)| value.as_str())
    }

    fn number(&self, word: &str) -> Option<u64> {
        self.text_of(word)?.parse().ok()
    }

    fn warnings(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(word, _)| word == "warning").map(|(_, value)| value.as_str())
    }

    /// Each figure that there is with what follows it, as `12 here, 40 with an account`.
    fn sentence(&self, parts: &[(&str, &str)]) -> Option<String> {
        let part = |&(word, after): &(&str, &str)| Some(format!("{}{after}", self.text_of(word)?));
        let parts: Vec<String> = parts.iter().filter_map(part).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// Nothing of a server that does not say: one without a backup, or of an earlier version.
    fn backup(&self, now: jiff::Timestamp) -> Option<String> {
        let last: jiff::Timestamp = self.text_of("last-backup")?.parse().ok()?;
        let seconds = u64::try_from(now.as_second().saturating_sub(last.as_second())).unwrap_or(0);
        Some(format!("{} ago, at {last:.0}", roughly(Duration::from_secs(seconds))))
    }

    fn up(&self, now: jiff::Timestamp) -> String {
        let Some(since) = self.text_of("since").and_then(|since| since.parse::<jiff::Timestamp>().ok()) else {
            return String::new();
        };
        let seconds = u64::try_from(now.as_second().saturating_sub(since.as_second())).unwrap_or(0);
        format!(", up for {}, since {since:.0}", roughly(Duration::from_secs(seconds)))
    }

    fn commits(&self) -> Option<String> {
        let p99 = match self.number("commit-p99") {
            Some(micros) => format!("99 of 100 took at most {:.1} ms lately", micros as f64 / 1000.0),
            None => "none lately".to_owned(),
        };
        self.sentence(&[("commits", ""), ("commits-failed", " failed")]).map(|counts| format!("{counts}; {p99}"))
    }

    fn disk(&self) -> Option<String> {
        let free = self.number("free").map_or(String::new(), |free| format!(", {} free", size(free)));
        self.number("disk").map(|disk| format!("{}{free}", size(disk)))
    }

    /// How much of the database is in use, and what bounds it.
    fn history(&self) -> Option<String> {
        let bytes = self.number("keep-bytes").map_or(String::new(), |bytes| format!(" of {}", size(bytes)));
        let lasts = self.text_of("keep-for").map_or(String::new(), |lasts| format!(", kept for {lasts}"));
        self.number("used").map(|used| format!("{}{bytes} in use{lasts}", size(used)))
    }

    fn certificate(&self) -> Option<String> {
        let days: i64 = self.text_of("certificate-days")?.parse().ok()?;
        Some(match days {
            ..0 => "expired".to_owned(),
            0 => "less than a day left".to_owned(),
            1 => "1 day left".to_owned(),
            days => format!("{days} days left"),
        })
    }
}

/// Whether the server is well as JSON, in one line.
#[must_use]
pub fn health_json(problem: Option<&str>) -> String {
    let problem_shown = problem.map_or("null".to_owned(), string);
    format!("{{\"healthy\":{},\"problem\":{problem_shown}}}\n", problem.is_none())
}

/// `12.3 GiB`: bytes, as people read them.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut of_unit = bytes as f64 / 1024.0;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    while of_unit >= 1000.0
        && let Some(larger) = units.next()
    {
        (of_unit, unit) = (of_unit / 1024.0, larger);
    }
    format!("{of_unit:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(rows: &str) -> Status {
        Status::of(rows.lines().map(str::to_owned).collect())
    }

    #[test]
    fn the_figures_fit_on_a_screen() {
        let figures = status(
            "version 0.1.0\nsince 2026-03-01T12:34:56.789Z\nstorage good\naccounts 40\nhere 12\nconnections 15\ntls 12\n\
             plain 4\nweb 3\nconsole 1\nguests 2\nrooms 8\nmessages 120000\nlast-minute 31\nlines-in 5\nlines-out 700\ncommits 9\n\
             commits-failed 0\ncommit-p99 3140\nwaiting 0\nmemory 24536000\ndisk 125829120\nlog 1\nused 94371840\nfree 13207024435\n\
             certificate-days 80\nlast-backup 2026-03-05T02:30:00.000Z\nlater-version 7",
        );
        let now = "2026-03-05T12:00:00Z".parse().unwrap();
        assert_eq!(
            figures.text(now),
            "\
ChitChat 0.1.0, up for 4 days, since 2026-03-01T12:34:56Z
  people       12 here, 40 with an account
  connections  12 over TLS, 4 plain, 3 web, 1 console, 2 not logged in
  rooms        8
  messages     31 in the last minute, 120000 ever
  lines        5 in, 700 out, 0 waiting
  commits      9, 0 failed; 99 of 100 took at most 3.1 ms lately
  memory       23.4 MiB
  disk         120.0 MiB, 12.3 GiB free
  history      90.0 MiB in use
  certificate  80 days left
  backup       10 hours ago, at 2026-03-05T02:30:00Z
No warnings.
"
        );
        assert_eq!(figures.problem(), None);
        assert!(
            figures.json().starts_with(r#"{"version":"0.1.0","since":"2026-03-01T12:34:56.789Z","storage":"good","#)
        );
        assert!(figures.json().ends_with(",\"certificate-days\":80,\"last-backup\":\"2026-03-05T02:30:00.000Z\",\"later-version\":7,\"warnings\":[]}\n"));
    }

    #[test]
    fn what_is_kept_stands_beside_what_is_used() {
        let figures = status("used 94371840\nkeep-bytes 2147483648\nkeep-for 365d");
        assert_eq!(figures.history().as_deref(), Some("90.0 MiB of 2.0 GiB in use, kept for 365d"));
        assert_eq!(status("used 1024\nkeep-for 7d").history().as_deref(), Some("1.0 KiB in use, kept for 7d"));
        assert_eq!(status("keep-for 7d").history(), None);
    }

    #[test]
    fn what_is_wrong_comes_last_and_is_no_health() {
        let figures = status("version 0.1.0\nstorage failing\ncertificate-days -1\nwarning it \"ends\"\nwarning two");
        let text = figures.text(jiff::Timestamp::UNIX_EPOCH);
        assert!(
            text.starts_with("ChitChat 0.1.0\n  certificate  expired\nWarnings\n  nothing can be stored"),
            "{text}"
        );
        assert!(text.ends_with("\n  it \"ends\"\n  two\n"), "{text}");
        assert!(figures.json().ends_with(",\"warnings\":[\"it \\\"ends\\\"\",\"two\"]}\n"), "{}", figures.json());
        let problem = figures.problem().unwrap();
        assert!(health_json(Some(&problem)).starts_with("{\"healthy\":false,\"problem\":\"nothing can be stored"));
        assert_eq!(health_json(None), "{\"healthy\":true,\"problem\":null}\n");
    }

    #[test]
    fn sizes_are_read_by_people() {
        assert_eq!(
            [0, 512, 1_023_999, 1_024_000, u64::MAX].map(size),
            ["0.0 KiB", "0.5 KiB", "1000.0 KiB", "1.0 MiB", "16384.0 PiB"]
        );
    }
}
