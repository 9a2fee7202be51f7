//! The server under systemd, whose part the tests play: what it is told, and what its unit says.

use crate::support::service_manager::Passed;
use crate::support::{Client, Server, ServiceManager};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
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

/// How many connect while the server restarts, at least.
const CONNECTS: usize = 100;

#[test]
fn nobody_is_refused_while_the_server_restarts() {
    let [tls, plain] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [tls_at, plain_at] = [&tls, &plain].map(|listener| listener.local_addr().unwrap());
    let mut server = Server::not_started(&[]);
    let _held = Passed::to(&mut server, &[("tls", &tls), ("plain", &plain)]);
    server.restart();
    assert_eq!((server.tls(), server.plain()), (tls_at, plain_at));
    let connected = AtomicUsize::new(0);
    // How many are enough, once that is known.
    let restarted = AtomicUsize::new(usize::MAX);
    thread::scope(|scope| {
        let (connected, restarted) = (&connected, &restarted);
        scope.spawn(move || {
            for n in 0.. {
                if n >= CONNECTS && n >= restarted.load(Ordering::SeqCst) {
                    return;
                }
                scope.spawn(move || {
                    let mut client = if n % 2 == 0 { Client::plain(plain_at) } else { Client::tls(tls_at) };
                    client.expect("* ChitChat at …");
                });
                connected.store(n, Ordering::SeqCst);
                // A hundred in about the time of a restart.
                thread::sleep(Duration::from_millis(5));
            }
        });
        while connected.load(Ordering::SeqCst) < 10 {
            thread::yield_now();
        }
        server.terminate();
        let (status, said) = server.wait();
        assert!(status.success(), "{status}: {said}");
        let stopped = connected.load(Ordering::SeqCst);
        server.restart();
        let started = connected.load(Ordering::SeqCst);
        // Somebody came while there was no server, and somebody comes afterwards.
        assert!(started > stopped, "{stopped} to {started}");
        restarted.store(started + 10, Ordering::SeqCst);
    });
}

#[test]
fn passed_sockets_take_the_place_of_their_setting() {
    let anywhere = TcpListener::bind("[::]:0").unwrap();
    let port = anywhere.local_addr().unwrap().port();
    let mut server = Server::not_started(&[]);
    let passed = Passed::to(&mut server, &[("tls", &anywhere)]);
    server.restart();
    assert!(server.tls().port() == port && server.plain().port() != port);
    // IPv4 comes to the same socket, and counts as what it is.
    let mut alice = Client::tls(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    alice.expect("* …");
    alice.register("alice");
    server.connect().register("bob");
    server.terminate();
    let (_, said) = server.wait();
    assert!(said.contains("sockets      systemd's, in place of the setting tls\n"), "{said}");
    assert!(said.contains("alice registered from 127.0.0.1, ") && !said.contains("setting plain"), "{said}");
    drop(passed);
    let _passed = Passed::to(&mut server, &[("plain", &anywhere)]);
    server.restart();
    assert!(server.plain().port() == port && server.tls().port() != port);
    server.terminate();
    let (_, said) = server.wait();
    let warning = format!("warning: systemd's socket for [::]:{port} accepts other machines without TLS");
    assert!(said.contains(&warning), "{said}");
}

#[test]
fn a_socket_that_can_not_be_served_is_named_with_the_cure() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let peer = std::net::TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
    let at = tcp.local_addr().unwrap();
    let nameless = format!("a socket for {at}, named \"chat.socket\"");
    let mut server = Server::not_started(&[]);
    for (name, socket, words) in [
        ("chat.socket", &tcp as &dyn std::os::fd::AsFd, [nameless.as_str(), "FileDescriptorName=tls"]),
        ("tls", &udp, ["passed the socket \"tls\"", "ListenStream="]),
        ("tls", &peer, ["passed the socket \"tls\"", "leave Accept= out"]),
    ] {
        let _passed = Passed::to(&mut server, &[(name, socket)]);
        let failure = server.try_restart().expect_err("it can't serve that");
        assert!(failure.status.code() == Some(1), "{}", failure.said);
        assert!(words.iter().all(|word| failure.said.contains(word)), "{}", failure.said);
    }
    // One without a name does not take the name of the next.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let _passed = Passed::to(&mut server, &[("", &tcp), ("plain", &other)]);
    let failure = server.try_restart().expect_err("nobody says what the first one is");
    assert!(failure.said.contains(&format!("a socket for {at}, named \"unknown\"")), "{}", failure.said);
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
