//! The figures in the text format of Prometheus, version 0.0.4. Pure.
//!
//! Names follow Prometheus' conventions: base units, and `_total` for what only grows. By hand, since all of the format
//! is a few lines here: the library prometheus-client writes OpenMetrics instead, wants its own counters in place of
//! ours, and brings a macro crate; metrics-exporter-prometheus is asynchronous.

use crate::server::traffic::{Figures, Histogram, HubFigures, KeepLimits, Queues};
use std::fmt::{Display, Write as _};

/// What a metric is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// What only grows, from the start on.
    Counter,
    /// What goes up and down.
    Gauge,
}

#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String can't fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// A metric with a sample for each value of its labels, as `kind="tls"`.
    fn metric<L: Display, V: Display>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl IntoIterator<Item = (L, V)>,
    ) {
        self.head(name, if matches!(kind, Kind::Counter) { "counter" } else { "gauge" }, help);
        for (labels, value) in samples {
            let _ = writeln!(self.0, "{name}{{{labels}}} {value}");
        }
    }

    /// A metric with one sample.
    fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.head(name, if matches!(kind, Kind::Counter) { "counter" } else { "gauge" }, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn histogram(&mut self, name: &str, help: &str, values: &Histogram, unit: f64) {
        self.head(name, "histogram", help);
        for (bound, up_to) in values.cumulative() {
            let _ = writeln!(self.0, "{name}_bucket{{le=\"{}\"}} {up_to}", bound as f64 / unit);
        }
        let count = values.count();
        let _ = writeln!(self.0, "{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = write!(self.0, "{name}_sum {}\n{name}_count {count}\n", values.sum() as f64 / unit);
    }
}

/// All of them.
pub(super) fn page(figures: &Figures) -> String {
    let mut page = Page::default();
    process(&mut page, figures);
    people(&mut page, figures);
    lines(&mut page, figures);
    storage(&mut page, figures);
    page.0
}

fn process(page: &mut Page, figures: &Figures) {
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    page.metric("chitchat_build_info", Kind::Gauge, "The version that runs; always 1.", [(version, 1)]);
    let since = figures.hub.since as f64 / 1000.0;
    page.single("process_start_time_seconds", Kind::Gauge, "When the server started, in Unix time.", since);
    if let Some(memory) = figures.memory {
        page.single("process_resident_memory_bytes", Kind::Gauge, "Memory of the whole process.", memory);
    }
    let ends = figures.certificate_ends;
    page.single(
        "chitchat_certificate_not_after_timestamp_seconds",
        Kind::Gauge,
        "When the certificate ends that is served, in Unix time.",
        ends,
    );
    if let Some(last) = figures.last_backup {
        let help = "When the last backup was made, in Unix time.";
        page.single("chitchat_last_backup_timestamp_seconds", Kind::Gauge, help, last);
    }
    let warnings = figures.hub.warnings.len();
    page.single(
        "chitchat_warnings",
        Kind::Gauge,
        "What administrators are warned of; chitchatd status says it.",
        warnings,
    );
}

fn people(page: &mut Page, figures: &Figures) {
    let HubFigures { accounts, here, rooms, messages, refused, throttled, .. } = figures.hub;
    page.single("chitchat_accounts", Kind::Gauge, "Accounts that there are.", accounts);
    page.single("chitchat_accounts_here", Kind::Gauge, "Accounts that are connected.", here);
    page.single("chitchat_rooms", Kind::Gauge, "Rooms that there are.", rooms);
    page.single("chitchat_messages_total", Kind::Counter, "Messages that were said, ever.", messages);
    let state = |logged_in: bool| if logged_in { "logged_in" } else { "guest" };
    let open = figures.open.iter().flat_map(|(kind, open)| {
        [(true, open.all.saturating_sub(open.guests)), (false, open.guests)]
            .map(|(logged_in, count)| (format!("kind=\"{}\",state=\"{}\"", kind.as_str(), state(logged_in)), count))
    });
    page.metric("chitchat_connections", Kind::Gauge, "Open connections, by where they came in.", open);
    let ever = figures.open.iter().map(|(kind, open)| (format!("kind=\"{}\"", kind.as_str()), open.ever));
    page.metric("chitchat_connections_accepted_total", Kind::Counter, "Connections that were accepted.", ever);
    let turned_away = figures.tally.turned_away().map(|(code, count)| (format!("code=\"{code}\""), count));
    let help = "Connections that were turned away: from a blocked address, or too many.";
    page.metric("chitchat_connections_turned_away_total", Kind::Counter, help, turned_away);
    let slow = figures.tally.too_slow();
    let help = "Connections that were closed since they left too much unread.";
    page.single("chitchat_slow_readers_closed_total", Kind::Counter, help, slow);
    let slowed = figures.tally.slowed();
    let help = "How often a connection was told that it sends too fast.";
    page.single("chitchat_connections_slowed_total", Kind::Counter, help, slowed);
    let help = "Logins and registrations that had to wait, since their address tried too often.";
    page.single("chitchat_logins_throttled_total", Kind::Counter, help, throttled);
    let help = "Lines that were refused since their account did something too often.";
    page.single("chitchat_account_limit_refusals_total", Kind::Counter, help, refused);
}

fn lines(page: &mut Page, figures: &Figures) {
    let lines = figures.tally.lines();
    page.single("chitchat_lines_received_total", Kind::Counter, "Lines that came in.", lines.received);
    let sent = [("kind=\"answer\"", lines.answers), ("kind=\"live\"", lines.deliveries)];
    let help = "Lines that went out: answers, and what is delivered as it happens, once for each connection.";
    page.metric("chitchat_lines_sent_total", Kind::Counter, help, sent);
    let refusals = figures.tally.refusals().map(|(code, count)| (format!("code=\"{code}\""), count));
    page.metric("chitchat_refusals_total", Kind::Counter, "Lines that were refused, by the code.", refusals);
    let Queues { requests, passwords, reads } = figures.queues;
    let waiting = [("queue=\"requests\"", requests), ("queue=\"passwords\"", passwords), ("queue=\"reads\"", reads)];
    let help = "What waits: requests for the dispatcher, passwords to be checked, history and search to be read.";
    page.metric("chitchat_queue_length", Kind::Gauge, help, waiting);
    let help = "What all lines under way hold, of limits.under_way_bytes.";
    page.single("chitchat_under_way_bytes", Kind::Gauge, help, figures.under_way);
    let help = "Memory that connections take with what they have not read, of limits.unread_total.";
    page.single("chitchat_unread_bytes", Kind::Gauge, help, figures.unread);
}

fn storage(page: &mut Page, figures: &Figures) {
    /// Commits are timed in microseconds.
    const MICROS: f64 = 1e6;
    let commits = &figures.hub.commits;
    page.histogram("chitchat_commit_duration_seconds", "How long a commit took.", &commits.times, MICROS);
    page.histogram("chitchat_commit_requests", "How many requests a commit was for.", &commits.batches, 1.0);
    let help = "Commits that failed: what was asked for in them was refused.";
    page.single("chitchat_commits_failed_total", Kind::Counter, help, commits.failed);
    let failing = u8::from(figures.hub.unsaved);
    page.single("chitchat_storage_failing", Kind::Gauge, "1 if the last commit failed, else 0.", failing);
    let disk = figures.disk;
    let files = [("file=\"database\"", disk.database), ("file=\"log\"", disk.log), ("file=\"index\"", disk.index)];
    page.metric("chitchat_disk_bytes", Kind::Gauge, "What the data takes on the disk.", files);
    if let Some(used) = figures.used {
        let help = "What of the database is in use; the rest of the file is free for what is said next.";
        page.single("chitchat_database_used_bytes", Kind::Gauge, help, used);
    }
    let KeepLimits { lasts, bytes } = figures.hub.keep;
    if let Some(bytes) = bytes {
        let help = "How much of the database may be in use, by history.keep_bytes.";
        page.single("chitchat_history_keep_bytes", Kind::Gauge, help, bytes);
    }
    if let Some(lasts) = lasts {
        let help = "How long messages are kept, by history.keep_for.";
        page.single("chitchat_history_keep_seconds", Kind::Gauge, help, lasts.as_secs());
    }
    if let Some(free) = disk.free {
        page.single("chitchat_disk_free_bytes", Kind::Gauge, "What is left on the disk of the data.", free);
    }
}
