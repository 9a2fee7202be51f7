//! Rows `WORD VALUE`: of `/stats` and `/profile`, and the members of a room.

use super::View;
use super::lists::{noted, presence};
use super::table::{Column, Kind, Row, table};
use super::times;
use crate::client::screen::Look;
use crate::client::screen::layout::StyledLine;

/// How a value is shown.
#[derive(Debug, Clone, Copy)]
enum Value {
    Text,
    Time,
    Bytes,
    Microseconds,
    /// A duration as on the wire, such as `30d`.
    Span,
    Days,
}

/// What the figures of `/stats` are called.
const FIGURES: &[(&str, &str, Value)] = &[
    ("version", "version", Value::Text),
    ("since", "running since", Value::Time),
    ("storage", "storage", Value::Text),
    ("accounts", "accounts", Value::Text),
    ("here", "of them here", Value::Text),
    ("connections", "logged-in connections", Value::Text),
    ("tls", "open over TLS", Value::Text),
    ("plain", "open on the plain port", Value::Text),
    ("console", "open on the console", Value::Text),
    ("guests", "not logged in", Value::Text),
    ("rooms", "rooms", Value::Text),
    ("messages", "messages, ever", Value::Text),
    ("last-minute", "in the last minute", Value::Text),
    ("lines-in", "lines received", Value::Text),
    ("lines-out", "lines sent", Value::Text),
    ("commits", "writes to disk", Value::Text),
    ("commits-failed", "of them failed", Value::Text),
    ("commit-p99", "99 of 100 took at most", Value::Microseconds),
    ("waiting", "waiting in queues", Value::Text),
    ("under-way", "lines under way", Value::Bytes),
    ("unread", "not yet read by clients", Value::Bytes),
    ("turned-away", "connections turned away", Value::Text),
    ("too-slow", "closed as too slow", Value::Text),
    ("slowed", "told to slow down", Value::Text),
    ("refused", "lines refused as too often", Value::Text),
    ("throttled", "logins throttled", Value::Text),
    ("memory", "memory", Value::Bytes),
    ("disk", "on disk", Value::Bytes),
    ("log", "of it write-ahead log", Value::Bytes),
    ("used", "database in use", Value::Bytes),
    ("keep-bytes", "database at most", Value::Bytes),
    ("keep-for", "messages kept for", Value::Span),
    ("free", "free on disk", Value::Bytes),
    ("certificate-days", "certificate valid for", Value::Days),
    ("warning", "warning", Value::Text),
];

/// Rows of `/stats`.
#[must_use]
pub(super) fn stats(rows: &[String], view: &View<'_>) -> Vec<StyledLine> {
    let pairs = rows.iter().map(|row| {
        let (word, value) = row.split_once(' ').unwrap_or((row, ""));
        let known = FIGURES.iter().find(|(known, ..)| *known == word);
        match known.and_then(|(_, label, kind)| Some((*label, shown(value, *kind, view)?))) {
            Some((label, value)) => (label.to_owned(), value),
            None => (word.to_owned(), value.to_owned()),
        }
    });
    aligned(pairs.collect(), view)
}

fn shown(value: &str, kind: Value, view: &View<'_>) -> Option<String> {
    Some(match kind {
        Value::Text => grouped(value),
        Value::Time => {
            let at = times::parse(value)?;
            format!("{} ({})", view.clock.moment(at), view.clock.ago(at))
        }
        Value::Bytes => bytes(value.parse().ok()?),
        Value::Microseconds => milliseconds(value.parse().ok()?),
        Value::Days if value == "1" => "1 day".to_owned(),
        Value::Days => format!("{value} days"),
        Value::Span => span(value)?,
    })
}

/// `30d` as `30 days`.
fn span(word: &str) -> Option<String> {
    let (number, unit) = word.split_at_checked(word.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        _ => return None,
    };
    Some(if number == "1" { format!("1 {unit}") } else { format!("{number} {unit}s") })
}

/// `1234567` as `1,234,567`; another text as it is.
fn grouped(value: &str) -> String {
    if value.len() < 5 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.to_owned();
    }
    let mut out = String::new();
    for (at, digit) in value.char_indices() {
        if at > 0 && (value.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1.5 MiB`.
fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.into_iter().find(|&(size, _)| bytes >= size) {
        None => format!("{bytes} bytes"),
        Some((size, unit)) if bytes >= 10 * size => format!("{} {unit}", bytes / size),
        Some((size, unit)) => {
            let tenths = bytes / (size / 10).max(1);
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
    }
}

fn milliseconds(microseconds: u64) -> String {
    match microseconds {
        ..1000 => format!("{microseconds} µs"),
        1000..10_000 => format!("{}.{} ms", microseconds / 1000, microseconds % 1000 / 100),
        _ => format!("{} ms", grouped(&(microseconds / 1000).to_string())),
    }
}

/// Rows of `/profile`.
#[must_use]
pub(super) fn profile(rows: &[String], view: &View<'_>) -> Vec<StyledLine> {
    let pairs = rows.iter().map(|row| {
        let (word, value) = row.split_once(' ').unwrap_or((row, ""));
        known(word, value, view).unwrap_or_else(|| (word.to_owned(), value.to_owned()))
    });
    aligned(pairs.collect(), view)
}

fn known(word: &str, value: &str, view: &View<'_>) -> Option<(String, String)> {
    let clock = view.clock;
    let (label, value) = match word {
        "since" => {
            let at = times::parse(value)?;
            ("account made", clock.ago(at))
        }
        "state" => ("state", presence(value).to_owned()),
        "admin" => ("administrator", value.to_owned()),
        "hook" => ("hook", value.split_once(' ').map_or("yes".to_owned(), |(room, by)| format!("of {room}, by {by}"))),
        "absent" => {
            let (at, text) = value.split_once(' ')?;
            ("away", format!("{text} ({})", clock.ago(times::parse(at)?)))
        }
        "text" => ("about", value.to_owned()),
        _ => return None,
    };
    Some((label.to_owned(), value))
}

/// Labels and values, the values below one another.
#[must_use]
pub(super) fn aligned(pairs: Vec<(String, String)>, view: &View<'_>) -> Vec<StyledLine> {
    const COLUMNS: [Column; 2] = [Column { head: "", kind: Kind::Word }, Column { head: "", kind: Kind::Text }];
    let rows: Vec<Row> = pairs.into_iter().map(|(label, value)| Row::Cells(vec![label, value])).collect();
    table(&COLUMNS, &rows, view.columns)
}

/// Rows of `/who`: `NAME here`, or `away`; then ` owner` or ` moderator`, ` muted` and ` - TEXT`, if it is so.
/// One line for all who are here and one for the others, so that a room of fifty fits on a screen. What
/// people say about being away has lines of its own, in which it can't be taken for names.
#[must_use]
pub(super) fn members(rows: &[String], view: &View<'_>) -> Vec<StyledLine> {
    let (mut here, mut not_here, mut below) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let (words, away) = noted(row);
        match words[..] {
            [name, state @ ("here" | "away"), ref is @ ..] => {
                let is = if is.is_empty() { String::new() } else { format!(" ({})", is.join(", ")) };
                let group = if state == "here" { &mut here } else { &mut not_here };
                group.push(format!("{name}{is}"));
                below.extend(away.filter(|text| !text.is_empty()).map(|text| format!("{name} is away: {text}")));
            }
            _ => below.push(row.clone()),
        }
    }
    let mut lines = Vec::new();
    for (label, names) in [("here", here), ("not here", not_here)] {
        if !names.is_empty() {
            let mut line = StyledLine::default();
            line.put(Look::Faint, &format!("{label} ({}): ", names.len())).put_text(Look::Plain, &names.join(", "));
            lines.push(line);
        }
    }
    lines.extend(below.iter().map(|text| view.as_is(text)));
    lines
}
