//! The server under systemd, whose part the tests play: what it is told, and what its unit says.

use crate::support::{Server, ServiceManager};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

#[test]
fn systemd_is_told_when_the_server_serves_reloads_and_stops() {
    let manager = ServiceManager::new();
    let mut server = Server::not_started(&[]);
    manager.manage(&mut server, None);
    server.restart();
    let listening = format!("STATUS=listening: TLS {}, plain {}", server.tls(), server.plain());
    assert_eq!(manager.told(), ["READY=1", listening.as_str()]);
    server.hang_up();
    let told = manager.told();
    let since = told[1].strip_prefix("MONOTONIC_USEC=").map(str::parse::<u64>);
    assert!(told.len() == 2 && told[0] == "RELOADING=1" && matches!(since, Some(Ok(1..))), "{told:?}");
    assert_eq!(manager.told(), ["READY=1"]);
    server.terminate();
    assert_eq!(manager.told(), ["STOPPING=1", "STATUS=stopping: answering what was accepted, then telling everyone"]);
    assert!(server.wait().0.success());
    assert_eq!(manager.told_within(Duration::from_millis(1)), None);
}

#[test]
fn a_reload_that_fails_is_over_as_well() {
    let manager = ServiceManager::new();
    let mut server = Server::by_file(&[]);
    server.terminate();
    server.wait();
    manager.manage(&mut server, None);
    server.restart();
    assert_eq!(manager.told()[0], "READY=1");
    std::fs::remove_file(server.settings_file()).unwrap();
    assert!(server.console().ask("/reload").last().unwrap().starts_with("- bad-settings: "));
    assert_eq!(manager.told()[0], "RELOADING=1");
    assert_eq!(manager.told(), ["READY=1"]);
}

#[test]
fn the_watchdog_hears_of_the_server_while_nobody_talks() {
    let manager = ServiceManager::new();
    let mut server = Server::not_started(&[]);
    manager.manage(&mut server, Some(Duration::from_millis(400)));
    server.restart();
    assert_eq!(manager.told()[0], "READY=1");
    for _ in 0..5 {
        assert_eq!(manager.told(), ["WATCHDOG=1"]);
    }
    // It is for another process.
    server.terminate();
    server.wait();
    server.set_variable("WATCHDOG_PID", 1);
    server.restart();
    while manager.told()[0] != "READY=1" {}
    assert_eq!(manager.told_within(Duration::from_secs(1)), None);
}

/// systemd's own judgement of how much the unit may do, from 0, the best, to 10.
#[test]
#[ignore = "needs systemd-analyze"]
fn the_unit_is_kept_away_from_the_rest_of_the_machine() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/chitchatd.service");
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=15"])
        .arg(unit)
        .output()
        .expect("systemd-analyze can be started");
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}
