//! The server's log: one line on standard error for each fact.
//!
//! Under systemd each line begins with its priority, as journald reads it, and leaves the time to journald;
//! elsewhere with the time and the level. What only a developer would ask for (`RUST_LOG=debug`) names its
//! module, too.

use crate::server::operator::one_line;
use env_logger::{Builder, Env};
use log::{Level, Record};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::time::SystemTime;

/// What is logged if `RUST_LOG` does not say otherwise. rustls warns about what peers do, as often as they do
/// it.
const FILTER: &str = "info,rustls=error";

/// Who reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// A person, or a file.
    Person,
    /// journald, which has read standard error since the process began.
    Journal,
}

impl Reader {
    /// systemd names the device and the inode of what it connected, since the variable is inherited and standard error
    /// may be something else by now (systemd.exec(5), `$JOURNAL_STREAM`).
    fn of_process() -> Self {
        let named = std::env::var("JOURNAL_STREAM").unwrap_or_default();
        let connected =
            io::stderr().as_fd().try_clone_to_owned().and_then(|error| std::fs::File::from(error).metadata());
        match connected {
            Ok(connected) if named == format!("{}:{}", connected.dev(), connected.ino()) => Self::Journal,
            _ => Self::Person,
        }
    }
}

/// Begins to log. To be called once, before anything is logged.
pub fn start() {
    let reader = Reader::of_process();
    let mut builder = Builder::from_env(Env::default().default_filter_or(FILTER));
    builder.format(move |to, record| to.write_all(line(record, reader, SystemTime::now()).as_bytes()));
    builder.init();
}

/// What a line on standard error begins with that is written past the log, such as what a start has to say: its
/// priority if journald reads it, or else nothing.
#[must_use]
pub fn prefix(level: Level) -> String {
    match Reader::of_process() {
        Reader::Journal => format!("<{}>", priority(level)),
        Reader::Person => String::new(),
    }
}

/// A record as it is written, with its line end.
fn line(record: &Record<'_>, reader: Reader, at: SystemTime) -> String {
    let mut line = match reader {
        Reader::Journal => format!("<{}>", priority(record.level())),
        Reader::Person => format!("{} {:<5} ", stamp(at), record.level().as_str().to_ascii_lowercase()),
    };
    if record.level() > Level::Info {
        line.push_str(record.target());
        line.push_str(": ");
    }
    line.push_str(&one_line(&record.args().to_string()));
    line.push('\n');
    line
}

/// syslog's number for the level (sd-daemon(3)).
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// The time in UTC with milliseconds (RFC 3339).
fn stamp(at: SystemTime) -> String {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    crate::protocol::stamp::rfc3339(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn written(level: Level, reader: Reader, text: &str) -> String {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_456_789_012);
        line(
            &Record::builder().level(level).target("chitchat::server").args(format_args!("{text}")).build(),
            reader,
            at,
        )
    }

    #[test]
    fn a_line_says_when_and_how_bad_or_leaves_that_to_journald() {
        let person = |level| written(level, Reader::Person, "full");
        assert_eq!(person(Level::Info), "2025-11-29T22:53:09.012Z info  full\n");
        assert_eq!(person(Level::Error), "2025-11-29T22:53:09.012Z error full\n");
        assert_eq!(person(Level::Debug), "2025-11-29T22:53:09.012Z debug chitchat::server: full\n");
        let journal = |level| written(level, Reader::Journal, "full");
        assert_eq!(journal(Level::Error), "<3>full\n");
        assert_eq!(journal(Level::Warn), "<4>full\n");
        assert_eq!(journal(Level::Info), "<6>full\n");
        assert_eq!(journal(Level::Trace), "<7>chitchat::server: full\n");
    }

    #[test]
    fn a_fact_is_one_line_whatever_it_quotes() {
        assert_eq!(written(Level::Info, Reader::Journal, "a\nb\x1b[2J\r\u{85}c"), "<6>a\\nb\\u{1b}[2J\\r\\u{85}c\n");
    }
}
