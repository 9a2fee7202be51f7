//! The metrics, as a Prometheus on the server's machine reads them.

use crate::support::{DEADLINE, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

/// A server that has metrics, and where they are.
fn start() -> (Server, SocketAddr) {
    let mut server = Server::with(&["metrics=127.0.0.1:0", "history.keep_bytes=2 GiB", "history.keep_for=30d"]);
    let line = server.wait_for_log("  metrics ");
    let backups = tempfile::tempdir().unwrap();
    server.command_output(&["backup", "-o", backups.path().to_str().unwrap()]);
    let address = line.rsplit_once("http://").and_then(|(_, url)| url.strip_suffix("/metrics")?.parse().ok());
    (server, address.expect("the start says where the metrics are"))
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// The page.
fn scrape(address: SocketAddr) -> String {
    let (mut stream, mut answer) = (connect(address), String::new());
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    body.to_owned()
}

fn is_name(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    !text.is_empty() && rest.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// The samples of a page, by name and labels. Fails if the page does not follow the grammar of the text format.
fn samples(page: &str) -> BTreeMap<String, f64> {
    assert!(page.ends_with('\n'));
    let (mut samples, mut families) = (BTreeMap::new(), BTreeSet::new());
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let (name, help) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')).expect(line);
        assert!(is_name(name) && !help.is_empty() && families.insert(name), "{line}");
        let line = lines.next().unwrap_or_default();
        let kind = line.strip_prefix("# TYPE ").and_then(|rest| rest.strip_prefix(name)).expect(line).trim_start();
        assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (sample, value) = line.rsplit_once(' ').expect(line);
            let (full_name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
            let suffix = full_name.strip_prefix(name).expect(line);
            let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(suffixes.contains(&suffix), "{line}");
            for label in labels.strip_suffix('}').expect(line).split(',').filter(|label| !label.is_empty()) {
                let (label, value) = label.split_once('=').expect(line);
                assert!(is_name(label) && value.len() > 2 && value.starts_with('"') && value.ends_with('"'), "{line}");
            }
            let value: f64 = value.parse().expect(line);
            assert!(samples.insert(sample.to_owned(), value).is_none(), "twice: {line}");
        }
        if kind == "histogram" {
            let bucket = format!("{name}_bucket{{le=\"");
            let of_it = page.lines().filter_map(|line| line.strip_prefix(&bucket)?.split_once("\"} "));
            let buckets: Vec<(f64, f64)> =
                of_it.map(|(bound, count)| (bound.parse().unwrap(), count.parse().unwrap())).collect();
            assert!(buckets.len() > 2 && buckets.is_sorted(), "{buckets:?}");
            assert!(buckets.iter().map(|(_, count)| count).is_sorted(), "{buckets:?}");
            let last = buckets[buckets.len() - 1];
            assert_eq!((last.0, last.1), (f64::INFINITY, samples[&format!("{name}_count")]));
        }
    }
    samples
}

#[test]
fn the_metrics_follow_the_grammar_and_count_what_happens() {
    let (server, address) = start();
    let before = samples(&scrape(address));
    let (mut ann, mut bob) = (server.connect(), server.connect());
    ann.register("ann");
    bob.register("bob");
    bob.send("hello");
    ann.expect("[lobby] bob: hello");
    bob.send("/join no!room");
    bob.expect("- bad-name: …");
    let _guest = server.connect();
    let mut after;
    let deadline = Instant::now() + DEADLINE;
    // A page is good for everyone for a moment.
    loop {
        after = samples(&scrape(address));
        if after["chitchat_connections{kind=\"plain\",state=\"guest\"}"] > 0.0 {
            break;
        }
        assert!(Instant::now() < deadline, "{after:?}");
    }
    let grew = |name: &str| after[name] - before[name];
    for (name, by) in [
        ("chitchat_accounts", 2.0),
        ("chitchat_accounts_here", 2.0),
        ("chitchat_messages_total", 1.0),
        ("chitchat_connections{kind=\"plain\",state=\"logged_in\"}", 2.0),
        ("chitchat_connections{kind=\"plain\",state=\"guest\"}", 1.0),
        ("chitchat_connections{kind=\"tls\",state=\"logged_in\"}", 0.0),
        ("chitchat_connections_accepted_total{kind=\"plain\"}", 3.0),
        ("chitchat_lines_received_total", 4.0),
        ("chitchat_refusals_total{code=\"bad-name\"}", 1.0),
        ("chitchat_refusals_total{code=\"throttled\"}", 0.0),
        ("chitchat_commits_failed_total", 0.0),
    ] {
        assert!((grew(name) - by).abs() < 0.1, "{name} grew by {}: {after:?}", grew(name));
    }
    assert!(grew("chitchat_commit_duration_seconds_count") >= 3.0);
    assert!(grew("chitchat_commit_duration_seconds_sum") > 0.0);
    assert!(grew("chitchat_commit_requests_sum") >= grew("chitchat_commit_requests_count"));
    assert!(grew("chitchat_lines_sent_total{kind=\"live\"}") >= 1.0);
    assert!(after["chitchat_disk_free_bytes"] > 0.0 && after["process_resident_memory_bytes"] > 1e6);
    assert!(after["chitchat_database_used_bytes"] > 8192.0, "{after:?}");
    let kept = [after["chitchat_history_keep_bytes"] as u64, after["chitchat_history_keep_seconds"] as u64];
    assert_eq!(kept, [2 << 30, 30 * 24 * 60 * 60]);
    let days =
        (after["chitchat_certificate_not_after_timestamp_seconds"] - after["process_start_time_seconds"]) / 86400.0;
    assert!((3640.0..3660.0).contains(&days), "{days}");
    let build = concat!("chitchat_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}");
    assert!(after.contains_key(build), "{after:?}");
}

#[test]
fn hostile_scrapers_disturb_nobody() {
    let (server, address) = start();
    let mut ann = server.connect();
    ann.register("ann");
    let mut hostile: Vec<TcpStream> = (0..100).map(|_| connect(address)).collect();
    for (nth, stream) in hostile.iter_mut().enumerate() {
        // Silent, half a request, or a request without an end. Some are closed by now.
        let _ = match nth % 3 {
            0 => Ok(()),
            1 => stream.write_all(b"GET /metrics HTT"),
            _ => stream.write_all(&b"X: y\r\n".repeat(20_000)),
        };
    }
    let began = Instant::now();
    for n in 0..50 {
        ann.send(&format!("/say lobby {n}"));
        ann.expect(&format!("+ {}", n + 1));
        assert!(scrape(address).contains("\nchitchat_rooms 1\n"));
    }
    // Of those who are silent none was waited for, which would be 5 s.
    assert!(began.elapsed().as_secs() < 4, "{:?}", began.elapsed());
    drop(hostile);
    assert_eq!(server.console().ask("/stats").last().map(|line| line.ends_with(" figures")), Some(true));
}

#[test]
fn metrics_are_where_the_settings_say_or_the_start_fails() {
    let (_server, address) = start();
    let mut second = Server::not_started(&[&format!("metrics={address}")]);
    let failure = second.try_restart().expect_err("another program has the address");
    assert!(failure.said.contains(&format!("{address} is in use by another program")), "{}", failure.said);
    assert!(failure.said.contains("set another address (metrics)"), "{}", failure.said);
}

/// Every metric that the dashboard and the alerts name.
fn named() -> BTreeSet<String> {
    let root = env!("CARGO_MANIFEST_DIR");
    let text = ["grafana-dashboard.json", "prometheus-alerts.yml"]
        .map(|name| std::fs::read_to_string(format!("{root}/contrib/{name}")).unwrap())
        .concat();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("chitchat_") || word.starts_with("process_")).map(str::to_owned).collect()
}

#[test]
fn the_dashboard_and_the_alerts_name_metrics_that_exist() {
    let (_server, address) = start();
    let there = samples(&scrape(address));
    let names: BTreeSet<&str> = there.keys().map(|sample| sample.split('{').next().unwrap()).collect();
    let named = named();
    let missing: Vec<&String> = named.iter().filter(|name| !names.contains(name.as_str())).collect();
    assert!(named.len() > 20 && missing.is_empty(), "{missing:?}");
    // As a dashboard, it is JSON with panels.
    let root = env!("CARGO_MANIFEST_DIR");
    let dashboard = std::fs::read_to_string(format!("{root}/contrib/grafana-dashboard.json")).unwrap();
    assert!(dashboard.starts_with("{\n") && dashboard.contains("\"panels\": ["));
}

#[test]
#[ignore = "needs promtool"]
fn promtool_finds_nothing_wrong() {
    let (server, address) = start();
    server.connect().register("ann");
    let mut check = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).spawn().unwrap();
    check.stdin.take().unwrap().write_all(scrape(address).as_bytes()).unwrap();
    assert!(check.wait().unwrap().success());
    let alerts = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/prometheus-alerts.yml");
    assert!(Command::new("promtool").args(["check", "rules", alerts]).status().unwrap().success());
}
