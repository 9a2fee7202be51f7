//! How an operator sees that the server is well: `chitchatd status`, `chitchatd health` and `/stats`.

use crate::startup::chitchatd;
use crate::support::{Client, DEADLINE, Server};
use std::collections::BTreeMap;
use std::time::Instant;

/// The numbers that `/stats` shows.
fn figures(console: &mut Client) -> BTreeMap<String, i64> {
    let number = |row: String| {
        let (word, value) = row.strip_prefix("| ")?.split_once(' ')?;
        Some((word.to_owned(), value.parse().ok()?))
    };
    console.ask("/stats").into_iter().filter_map(number).collect()
}

#[test]
fn a_running_server_is_seen_to_be_well() {
    let server = Server::start();
    let mut bob = server.connect();
    bob.register("bob");
    bob.send("hello");
    bob.ask("/whoami");
    let (code, shown, said) = chitchatd(&server.data(), &["status"]);
    assert!(code == Some(0) && said.is_empty(), "{said}");
    for line in [
        "  people       1 here, 1 with an account\n",
        "  connections  0 over TLS, 1 plain, 0 web, 1 console, 0 not logged in\n",
        "  messages     0 in the last minute, 1 ever\n",
        ", 0 failed; 99 of 100 took at most ",
        " free\n",
        " KiB in use\n",
        "  certificate  3652 days left\n",
        "  held back    0 slowed, 0 throttled, 0 refused, 0 too slow, 0 turned away\nNo warnings.\n",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(shown.starts_with(concat!("ChitChat ", env!("CARGO_PKG_VERSION"), ", up for ")), "{shown}");
    let (code, json, _) = chitchatd(&server.data(), &["status", "--json"]);
    assert_eq!(code, Some(0));
    assert!(json.starts_with("{\"version\":\"") && json.ends_with("\"warnings\":[]}\n"), "{json}");
    assert!(json.contains("\"storage\":\"good\"") && json.contains("\"messages\":1,"), "{json}");
    assert_eq!(chitchatd(&server.data(), &["health"]), (Some(0), String::new(), String::new()));
    let well = "{\"healthy\":true,\"problem\":null}\n".to_owned();
    assert_eq!(chitchatd(&server.data(), &["health", "--json"]), (Some(0), well, String::new()));
}

#[test]
fn what_is_kept_stands_beside_what_is_in_use() {
    let server = Server::with(&["history.keep_bytes=2 GiB", "history.keep_for=30d"]);
    let (code, shown, said) = chitchatd(&server.data(), &["status"]);
    assert!(code == Some(0) && shown.contains(" KiB of 2.0 GiB in use, kept for 30d\n"), "{shown}{said}");
    let rows = server.console().ask("/stats");
    assert!(rows.contains(&"| keep-bytes 2147483648".to_owned()), "{rows:?}");
    assert!(rows.contains(&"| keep-for 30d".to_owned()), "{rows:?}");
}

#[test]
fn a_server_that_does_not_run_is_not_well() {
    let nowhere = tempfile::tempdir().unwrap();
    let (code, shown, said) = chitchatd(nowhere.path(), &["health"]);
    assert!(code == Some(1) && shown.is_empty(), "{shown}");
    assert!(said.starts_with("chitchatd: no server is running on ") && said.lines().count() == 1, "{said}");
    let (code, shown, _) = chitchatd(nowhere.path(), &["health", "--json"]);
    assert_eq!(code, Some(1));
    assert!(shown.starts_with("{\"healthy\":false,\"problem\":\"no server is running"), "{shown}");
    assert_eq!(chitchatd(nowhere.path(), &["status"]).0, Some(4));
}

#[test]
fn the_figures_count_what_happens() {
    let server = Server::start();
    let mut console = server.console();
    let before = figures(&mut console);
    let (mut ann, mut bob) = (server.connect(), server.connect());
    ann.register("ann");
    bob.register("bob");
    bob.send("one");
    bob.send("two");
    ann.expect("[lobby] bob: one");
    ann.expect("[lobby] bob: two");
    let guest = server.connect();
    let after = figures(&mut console);
    let grew = |word: &str| after[word] - before[word];
    assert_eq!([grew("here"), grew("connections"), grew("plain"), grew("guests")], [2, 2, 3, 1], "{after:?}");
    assert_eq!([grew("messages"), after["tls"], after["console"]], [2, 0, 1], "{after:?}");
    assert!(grew("lines-in") >= 4 && grew("lines-out") >= 6 && grew("commits") >= 2, "{after:?}");
    assert!((1 << 13..=after["disk"]).contains(&after["used"]), "{after:?}");
    assert!(after["memory"] > 1 << 20 && after["free"] > 0 && after["disk"] > after["log"], "{after:?}");
    drop((ann, bob, guest));
    let deadline = Instant::now() + DEADLINE;
    while figures(&mut console)["plain"] > 0 {
        assert!(Instant::now() < deadline, "a connection that is gone is still counted");
    }
}
