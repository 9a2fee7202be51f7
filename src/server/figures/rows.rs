//! The rows of `/stats`, which docs/PROTOCOL.md describes: `WORD VALUE`, each of them for people and programs.

use crate::protocol::line::Rows;
use crate::protocol::spans;
use crate::protocol::stamp::rfc3339;
use crate::server::traffic::{Figures, KeepLimits};
use std::fmt::Display;

pub(super) fn rows(figures: &Figures) -> Rows {
    let mut rows = Rows::default();
    let mut row = |word: &str, value: &dyn Display| rows.push(&format!("{word} {value}"));
    let Figures {
        hub,
        tally,
        open,
        queues,
        under_way,
        unread,
        disk,
        used,
        memory,
        certificate_ends: _,
        last_backup,
        now: _,
    } = figures;
    row("version", &env!("CARGO_PKG_VERSION"));
    row("since", &rfc3339(hub.since));
    row("storage", &if hub.unsaved { "failing" } else { "good" });
    row("accounts", &hub.accounts);
    row("here", &hub.here);
    row("connections", &hub.connections);
    for (kind, open) in open {
        row(kind.as_str(), &open.all);
    }
    row("guests", &open.iter().map(|(_, open)| open.guests).sum::<u32>());
    row("rooms", &hub.rooms);
    row("messages", &hub.messages);
    row("last-minute", &hub.last_minute);
    let lines = tally.lines();
    row("lines-in", &lines.received);
    row("lines-out", &(lines.answers + lines.deliveries));
    row("commits", &hub.commits.times.count());
    row("commits-failed", &hub.commits.failed);
    if let Some(p99) = hub.commits.p99 {
        row("commit-p99", &p99.as_micros());
    }
    row("waiting", &(queues.requests + queues.passwords + queues.reads));
    row("under-way", under_way);
    row("unread", unread);
    row("turned-away", &tally.turned_away().map(|(_, count)| count).sum::<u64>());
    row("too-slow", &tally.too_slow());
    row("slowed", &tally.slowed());
    row("refused", &hub.refused);
    row("throttled", &hub.throttled);
    if let Some(memory) = memory {
        row("memory", memory);
    }
    row("disk", &(disk.database + disk.log + disk.index));
    row("log", &disk.log);
    if let Some(used) = used {
        row("used", used);
    }
    let KeepLimits { lasts, bytes } = hub.keep;
    if let Some(bytes) = bytes {
        row("keep-bytes", &bytes);
    }
    if let Some(lasts) = lasts {
        row("keep-for", &spans::word(lasts));
    }
    if let Some(free) = disk.free {
        row("free", &free);
    }
    row("certificate-days", &figures.certificate_days());
    if let Some(seconds) = last_backup {
        row("last-backup", &rfc3339(u64::try_from(*seconds).unwrap_or(0) * 1000));
    }
    for warning in &hub.warnings {
        row("warning", warning);
    }
    rows
}
