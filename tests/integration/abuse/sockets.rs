//! Sockets that do nothing, or next to nothing, or are gone as soon as they are there.

use super::heavy;
use super::others::Others;
use super::server::{Usage, open_files};
use crate::support::client::socket_from;
use crate::support::{Client, DEADLINE, Server};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Sockets of one address, of which the server takes 256.
const EACH: u16 = 250;
/// What a debug build on a busy machine may take for a login that nothing else delays.
const LOGIN: Duration = Duration::from_secs(1);

/// The address of the nth attacking socket.
fn source(nth: usize) -> Ipv4Addr {
    let address = nth / usize::from(EACH);
    Ipv4Addr::new(127, 2, u8::try_from(address).expect("fewer than 64,000"), 1)
}

fn silent(nth: usize, to: SocketAddr) -> TcpStream {
    socket_from(source(nth), to).expect("the server takes connections")
}

/// Whether the server has ended the connection; what it says is thrown away.
fn has_ended(socket: &mut TcpStream) -> bool {
    socket.set_nonblocking(true).expect("it can be set");
    loop {
        match socket.read(&mut [0; 4096]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

/// Waits until the server has as few descriptors as that. Says how long it took.
fn await_descriptors(server: &Server, most: usize, patience: Duration) -> Duration {
    let began = Instant::now();
    while Usage::of(server.pid()).descriptors > most {
        assert!(began.elapsed() < patience, "{:?} are open after {patience:?}", Usage::of(server.pid()));
        std::thread::sleep(Duration::from_millis(100));
    }
    began.elapsed()
}

/// Ten thousand is as many connections as the server takes: each further one takes the place of the oldest.
#[test]
#[ignore = "takes half a minute, and 10,000 descriptors"]
fn ten_thousand_silent_sockets_keep_nobody_out_and_are_gone_in_time() {
    let _alone = heavy();
    let sockets = 10_000.min(open_files() / 2 - 500);
    assert!(sockets >= 400, "this machine allows too few open files");
    let server = Server::with(&["limits.per_address=256"]);
    let others = Others::of(&server);
    let before = Usage::of(server.pid());
    let silent: Vec<TcpStream> = (0..sockets).map(|nth| silent(nth, server.tls())).collect();
    let quiet = Instant::now();
    std::thread::sleep(Duration::from_secs(3));
    let noticed = others.noticed();
    assert!(noticed.logins.p99() < LOGIN && noticed.talk.p99() < LOGIN, "{noticed}");
    assert!(noticed.grown < 40 << 20, "{noticed}");
    // 5 s of silence, 2 s for their goodbye, and what a busy machine takes.
    await_descriptors(&server, before.descriptors + 10, Duration::from_secs(20));
    println!("all {sockets} are gone {:.1} s after the last one came", quiet.elapsed().as_secs_f64());
    drop(silent);
}

#[test]
fn a_full_server_lets_in_who_logs_in() {
    let server = Server::with(&["limits.connections=300"]);
    let others = Others::of(&server);
    let mut silent: Vec<TcpStream> = (0..600).map(|nth| silent(nth, server.plain())).collect();
    // They come again as soon as they have to go.
    let until = Instant::now() + Duration::from_secs(2);
    let mut gone = 0;
    while Instant::now() < until {
        for (nth, socket) in silent.iter_mut().enumerate() {
            if has_ended(socket) {
                gone += 1;
                *socket = self::silent(nth, server.plain());
            }
        }
    }
    let noticed = others.noticed();
    assert!(gone > 300, "{gone} had to go");
    assert!(noticed.logins.count() > 3 && noticed.logins.p99() < LOGIN, "{noticed}");
    assert!(noticed.talk.p99() < LOGIN, "{noticed}");
}

#[test]
fn a_full_server_whose_people_are_logged_in_says_so() {
    let server = Server::with(&["limits.connections=4"]);
    let mut people: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    for (number, person) in people.iter_mut().enumerate() {
        person.register(&format!("person{number}"));
    }
    let mut late = Client::plain(server.plain());
    late.expect("* busy: …");
    late.expect_end();
    people[0].ask("/ping");
    // The console always gets in.
    server.console().ask("/stats");
}

#[test]
#[ignore = "takes 15 s"]
fn handshakes_and_logins_of_a_byte_a_second_are_given_up() {
    const EACH_KIND: usize = 1000;
    let _alone = heavy();
    let server = Server::start();
    let others = Others::of(&server);
    let before = Usage::of(server.pid());
    let (mut tls, mut plain): (Vec<TcpStream>, Vec<TcpStream>) =
        (0..EACH_KIND).map(|nth| (silent(nth, server.tls()), silent(nth, server.plain()))).unzip();
    let began = Instant::now();
    let hello = [0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3, 7, 7, 7, 7, 7, 7, 7, 7, 7];
    for second in 0..14 {
        for (socket, bytes) in tls
            .iter_mut()
            .map(|tls| (tls, &hello[..]))
            .chain(plain.iter_mut().map(|plain| (plain, &b"/login nobody and so on"[..])))
        {
            // Those that were given up are gone.
            let _ = socket.write_all(&bytes[second..=second]);
        }
        std::thread::sleep((began + Duration::from_secs(second as u64 + 1)).saturating_duration_since(Instant::now()));
    }
    assert!(tls.iter_mut().all(has_ended), "a handshake has 10 s");
    assert!(!plain.iter_mut().any(has_ended), "a login has two minutes");
    let noticed = others.noticed();
    assert!(noticed.logins.p99() < LOGIN && noticed.talk.p99() < LOGIN, "{noticed}");
    assert!(noticed.grown < 24 << 20, "{noticed}");
    drop(plain);
    await_descriptors(&server, before.descriptors + 10, DEADLINE);
}

#[test]
#[ignore = "takes two minutes"]
fn whoever_does_not_log_in_within_two_minutes_is_gone() {
    let server = Server::start();
    let mut slow = server.connect();
    let began = Instant::now();
    let mut told = Vec::new();
    // An absolute bound: whatever it sends, it is not prolonged.
    while told.is_empty() && began.elapsed() < Duration::from_secs(150) {
        slow.send_anyway(b"x");
        std::thread::sleep(Duration::from_secs(1));
        slow.send_anyway(b"\n");
        if began.elapsed() > Duration::from_secs(119) {
            told = slow.read_to_end();
        }
    }
    let took = began.elapsed();
    assert!(told.last().is_some_and(|last| last.starts_with("* not-logged-in: ")), "{told:?}");
    assert!(took > Duration::from_secs(115) && took < Duration::from_secs(140), "{took:?}");
}

#[test]
#[ignore = "takes 10 s"]
fn sockets_that_are_opened_and_dropped_cost_nobody_anything() {
    const SOCKETS: usize = 10_000;
    let _alone = heavy();
    let server = Server::with(&["limits.per_address=256"]);
    let others = Others::of(&server);
    let before = Usage::of(server.pid());
    let began = Instant::now();
    // A thousand a second.
    for nth in 0..SOCKETS {
        std::thread::sleep((began + Duration::from_millis(nth as u64)).saturating_duration_since(Instant::now()));
        let to = if nth % 4 == 0 { server.tls() } else { server.plain() };
        let socket = silent(nth, to);
        if nth % 2 == 0 {
            // Reset rather than closed.
            socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).expect("it can be set");
        }
    }
    let took = began.elapsed();
    let settled = await_descriptors(&server, before.descriptors + 10, DEADLINE);
    println!("{SOCKETS} sockets in {:.1} s, settled {:.1} s later", took.as_secs_f64(), settled.as_secs_f64());
    let noticed = others.noticed();
    assert!(noticed.logins.p99() < LOGIN && noticed.talk.p99() < LOGIN, "{noticed}");
    assert!(noticed.grown < 16 << 20, "{noticed}");
}

/// Nobody can be made to vanish without a trace here, so what is looked at is that Linux probes such peers.
#[test]
fn a_peer_that_vanishes_is_probed_after_a_minute() {
    let server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    let port = format!(":{:04X}", server.plain().port());
    let deadline = Instant::now() + DEADLINE;
    let expires = loop {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux has it");
        let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        // sl local remote state queues timer:expires …; 01 is established.
        let mut ours = rows.filter(|row| row.len() > 5 && row[1].ends_with(&port) && row[3] == "01");
        let timer = ours.next().expect("there is a connection")[5].to_owned();
        // 01 is that of what is not acknowledged yet, 02 that of keepalive.
        if let Some(expires) = timer.strip_prefix("02:") {
            break expires.to_owned();
        }
        assert!(Instant::now() < deadline, "{timer}");
    };
    let hundredths = u64::from_str_radix(&expires, 16).expect("hexadecimal");
    assert!(hundredths <= 6000, "{expires}");
}

/// At the limit of descriptors the server tells those who come, waits instead of spinning, and goes on as soon as
/// there are some.
#[test]
fn without_descriptors_the_server_says_so_and_neither_spins_nor_ends() {
    let mut server = Server::with(&["workers=1"]);
    let others = Others::talking(&server);
    let pid = Pid::from_raw(i32::try_from(server.pid()).expect("a pid")).expect("not zero");
    let used: BTreeSet<u64> = std::fs::read_dir(format!("/proc/{}/fd", server.pid()))
        .expect("it is ours")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    // Room for eight more. A child has its parent's maximum.
    let eighth = (0..).filter(|number| !used.contains(number)).nth(7).expect("there are more");
    let limit = Rlimit { current: Some(eighth + 1), maximum: getrlimit(Resource::Nofile).maximum };
    prlimit(Some(pid), Resource::Nofile, limit).expect("it is our child");
    let before = Usage::of(server.pid());
    let began = Instant::now();
    let mut silent: Vec<TcpStream> = (0..40).map(|nth| self::silent(nth, server.plain())).collect();
    let mut told = 0;
    while began.elapsed() < Duration::from_secs(6) {
        for (nth, socket) in silent.iter_mut().enumerate() {
            let mut said = [0; 256];
            socket.set_read_timeout(Some(Duration::from_millis(50))).expect("it can be set");
            if let Ok(read) = socket.read(&mut said)
                && read > 0
                && said.starts_with(b"* busy: this server is full")
            {
                told += 1;
                *socket = self::silent(nth, server.plain());
            }
        }
    }
    let cpu = Usage::of(server.pid()).cpu - before.cpu;
    let noticed = others.noticed();
    assert!(told > 10, "{told} were told");
    assert!(noticed.talk.p99() < LOGIN && noticed.talk.count() > 10, "{noticed}");
    println!("{told} were told that it is full; {cpu:.2} s of CPU in 6 s, with the talk");
    assert!(cpu < 3.0, "it spins: {cpu} s of CPU in 6 s");
    drop(silent);
    // Its turn comes after those who are still told.
    let deadline = Instant::now() + DEADLINE;
    let mut late = loop {
        let mut late = Client::plain(server.plain());
        if late.next_line().is_some_and(|greeting| greeting.starts_with("* ChitChat ")) {
            break late;
        }
        assert!(Instant::now() < deadline, "there are descriptors again");
    };
    late.register("late");
    server.terminate();
    let (status, log) = server.wait();
    assert!(status.success());
    let said = log.lines().filter(|line| line.contains("can't accept connections")).count();
    assert_eq!(said, 1, "{log}");
}
