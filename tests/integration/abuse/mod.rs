//! Hostile peers, and peers that do not read: they harm themselves, and nobody else.
//!
//! Each kind of attack has a file, with the bound that it is held to. [`others`] measures what honest people
//! notice meanwhile, and what it costs the server.

mod input;
mod logins;
mod memory;
mod others;
mod server;
mod sockets;
mod states;
mod text;
mod timing;

use crate::support::{Client, DEADLINE, Server};
use chitchat::protocol::deflate::Packer;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Writes until the server stops reading for a while, or until `most` bytes are sent.
fn pour(socket: &mut TcpStream, block: &[u8], most: usize) -> usize {
    socket.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut sent = 0;
    while sent < most {
        match socket.write(block) {
            Ok(written) => sent += written,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            Err(error) => panic!("the server ended it after {sent} bytes: {error}"),
        }
    }
    sent
}

#[test]
fn unread_answers_to_telnet_commands_stop_the_reading() {
    const MOST: usize = 32 << 20;
    let server = Server::start();
    let mut socket = TcpStream::connect(server.plain()).unwrap();
    let sent = pour(&mut socket, &b"\xff\xfd\x06".repeat(20_000), MOST);
    assert!(sent < MOST, "all of it was taken, and as much waits to be read");
}

#[test]
fn telnet_commands_without_a_line_cost_tokens() {
    const MOST: usize = 16 << 20;
    let server = Server::with(&["limits.flood=10/s burst 60"]);
    let mut socket = TcpStream::connect(server.plain()).unwrap();
    let sent = pour(&mut socket, &b"\xff\xf1".repeat(20_000), MOST);
    assert!(sent < MOST, "{sent} bytes of noise were taken at once");
}

#[test]
fn a_hello_in_one_byte_records_is_refused_without_a_panic() {
    let mut server = Server::start();
    // A hello of 64 KiB, each byte in its own record.
    let hello: Vec<u8> = [1, 0, 0xff, 0xf0].into_iter().chain([0; 0xfff0]).collect();
    let crumbs: Vec<u8> = hello.iter().flat_map(|&byte| [0x16, 3, 1, 0, 1, byte]).collect();
    let mut socket = TcpStream::connect(server.tls()).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    // The server may close before it has read them all.
    let _ = socket.write_all(&crumbs);
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest);
    server.connect_tls();
    server.terminate();
    assert!(server.wait().0.success());
}

#[test]
fn long_answers_are_read_from_the_store_only_as_they_are_sent() {
    let server = Server::with(&["limits.new_rooms=off"]);
    let mut maker = server.connect();
    maker.register("maker");
    for room in 0..200 {
        maker.send(&format!("/create r{room}"));
        maker.send(&format!("/topic r{room} {}", "t".repeat(900)));
    }
    for _ in 0..400 {
        maker.expect("+ …");
    }
    let before = memory(&server);
    let mut idlers: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    for (index, idler) in idlers.iter_mut().enumerate() {
        idler.read_slowly();
        idler.register(&format!("idler{index}"));
        idler.send_bytes(&b"/rooms limit=1000\n".repeat(120));
    }
    // When this is answered, everything before it that may be done has been done.
    for _ in 0..20 {
        maker.ask("/rooms limit=1000");
    }
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 24 << 20, "8 connections that do not read cost {} MiB", grown >> 20);
}

#[test]
fn frames_of_empty_lines_delay_nobody_else_when_flood_control_is_off() {
    let server = Server::with(&["limits.flood=off", "workers=1"]);
    let frame = Packer::new().pack(&[b'\n'; 65_535]).expect("empty lines are packed");
    let mut floods: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    for (index, flood) in floods.iter_mut().enumerate() {
        flood.register(&format!("flood{index}"));
        flood.ask("/set deflate 1");
    }
    let mut other = server.connect();
    for flood in &mut floods {
        flood.send_bytes(&frame.repeat(100));
    }
    for _ in 0..10 {
        let asked = Instant::now();
        other.ask("/ping");
        assert!(asked.elapsed() < Duration::from_secs(2), "an answer took {:?}", asked.elapsed());
    }
}

#[test]
fn a_burst_evicts_nobody_who_reads() {
    let server = Server::with(&["limits.unread_bytes=64 KiB"]);
    let mut reader = server.connect();
    reader.register("reader");
    let mut talkers: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    for (index, talker) in talkers.iter_mut().enumerate() {
        talker.register(&format!("talker{index}"));
    }
    reader.read_until("[lobby] * talker3 joined");
    let burst = format!("{}\n", "x".repeat(3900)).repeat(10);
    for talker in &mut talkers {
        talker.send_bytes(burst.as_bytes());
    }
    for _ in 0..40 {
        reader.read_until("[lobby] talker…");
    }
}

#[test]
fn the_total_of_unread_bytes_is_limited() {
    const READERS: usize = 60;
    // Without the limit on the total, 60 times 1 MiB could wait.
    let server = Server::with(&["limits.unread_total=2 MiB", "limits.unread_bytes=1 MiB", "workers=1"]);
    let mut talker = server.connect();
    talker.register("talker");
    let mut readers: Vec<Client> = (0..READERS).map(|_| server.connect()).collect();
    for (index, reader) in readers.iter_mut().enumerate() {
        reader.read_slowly();
        reader.register(&format!("reader{index}"));
    }
    let before = memory(&server);
    let mut most = 0;
    for _ in 0..40 {
        talker.send_bytes(format!("{}\n", "x".repeat(3900)).repeat(10).as_bytes());
        talker.ask("/ping");
        most = most.max(memory(&server));
    }
    // Beyond the limit there is what one turn hands to all of them, 2.3 MiB, and what the allocator
    // retains.
    let grown = most.saturating_sub(before);
    assert!(grown < 20 << 20, "2 MiB may be unread, and {} MiB are held", grown >> 20);
}

#[test]
fn many_invitations_do_not_prevent_logging_in() {
    let server = Server::with(&["limits.unread_bytes=16 KiB", "limits.new_rooms=off", "limits.invitations=off"]);
    let mut victim = server.connect();
    victim.register("victim");
    victim.send("/quit");
    victim.expect("+ goodbye…");
    let mut host = server.connect();
    host.register("host");
    for room in 0..30 {
        host.send(&format!("/create a-room-with-a-long-name-{room}"));
        host.send(&format!("/invite a-room-with-a-long-name-{room} victim"));
    }
    for room in 0..30 {
        host.expect("+ …");
        host.expect(if room < 10 { "+ …" } else { "- limit: …" });
    }
    // What is unread is read from the disk, and all that comes before that is there is held.
    host.ask("/say lobby hello");
    let mut victim = server.connect();
    victim.send("/login victim correct horse battery");
    victim.read_until("+ welcome victim…");
    for _ in 0..5 {
        victim.expect("* invited: …");
    }
    victim.expect("* you are invited to 5 more rooms…");
    // They do not stick.
    assert_eq!(victim.ask("/decline @host").last().unwrap(), "+ 10 invitations by host declined. Nobody is told.");
    assert_eq!(victim.ask("/ping still here").last().unwrap(), "+ still here");
}

/// Held by tests that need much of the machine, so that they run one after another.
fn heavy() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // One that failed spoils nothing for the next.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The server's resident memory in bytes.
fn memory(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux says it");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).expect("in KiB") * 1024
}
