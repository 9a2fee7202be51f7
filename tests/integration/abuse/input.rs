//! Input that never ends, that is not ours, or that is much more than it looks like.

use super::heavy;
use super::others::Others;
use super::server::Usage;
use crate::support::{Client, DEADLINE, PASSWORD, Server};
use chitchat::protocol::deflate::Packer;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// What a debug build on a busy machine may take.
const SOON: Duration = Duration::from_secs(1);

/// A line without an end, before a login and after it: all of it is skipped. `CHITCHAT_ABUSE_MEGABYTES=1024`
/// sends a gigabyte, for which an unoptimised server takes more than the two minutes that a login has.
#[test]
#[ignore = "takes half a minute"]
fn an_endless_line_costs_no_memory_and_nobody_else() {
    let _alone = heavy();
    let server = Server::start();
    let others = Others::of(&server);
    let mut guest = server.connect();
    let mut member = server.connect();
    member.register("member");
    let block = vec![b'x'; 1 << 20];
    let megabytes = std::env::var("CHITCHAT_ABUSE_MEGABYTES").map_or(64, |number| number.parse().expect("a number"));
    let before = Usage::of(server.pid());
    for client in [&mut guest, &mut member] {
        for _ in 0..megabytes {
            client.send_quietly(&block);
        }
        client.send_bytes(b"\n/ping still here\n");
        client.read_until("- line-too-long: …");
        client.read_until("+ still here");
    }
    let grown = Usage::of(server.pid()).peak.saturating_sub(before.peak);
    let noticed = others.noticed();
    assert!(grown < 4 << 20, "{megabytes} MiB twice cost {} KiB", grown >> 10);
    assert!(noticed.logins.p99() < SOON && noticed.talk.p99() < SOON, "{noticed}");
}

/// With the limits as they are shipped, and with none: frames of 97 octets that are 65,535 lines each.
#[test]
fn frames_of_many_lines_are_cut_in_turn_with_what_others_send() {
    for flood in ["limits.flood=10/s burst 60", "limits.flood=off"] {
        let server = Server::with(&[flood, "workers=1"]);
        let others = Others::talking(&server);
        let frame = Packer::new().pack(&[b'\n'; 65_535]).expect("empty lines are packed");
        let mut floods: Vec<Client> = (0..20).map(|_| server.connect()).collect();
        for (number, client) in floods.iter_mut().enumerate() {
            client.register(&format!("flood{number}"));
            client.ask("/set deflate 1");
        }
        let began = Instant::now();
        for client in &mut floods {
            client.send_bytes(&frame.repeat(100));
        }
        std::thread::sleep(Duration::from_secs(2).saturating_sub(began.elapsed()));
        let noticed = others.noticed();
        assert!(noticed.talk.count() > 5 && noticed.talk.p99() < 2 * SOON, "{flood}: {noticed}");
        assert!(noticed.grown < 16 << 20, "{flood}: {noticed}");
    }
}

/// The worst that 16 KiB can become is 64 KiB, whatever they say.
#[test]
fn deflate_bombs_end_their_connection_and_nothing_else() {
    let server = Server::start();
    let others = Others::of(&server);
    let lines = [&[b'x'; 99][..], b"\n"].concat().repeat(650);
    let honest = Packer::new().pack(&lines).expect("it is packed").into_vec();
    let text = String::from_utf8_lossy(&honest);
    let packed = honest.len() - text.find('\n').expect("a header") - 1;
    let body = &honest[honest.len() - packed..];
    let header = |packed: usize, plain: usize| format!("={packed} {plain} 00000000\n").into_bytes();
    let attacks: [Vec<u8>; 6] = [
        // More than it says, less than it says, cut off, an empty block, another stream behind, no stream.
        [header(packed, 100), body.to_vec()].concat(),
        [header(packed, 65_536), body.to_vec()].concat(),
        [header(packed / 2, 65_000), body[..packed / 2].to_vec()].concat(),
        [header(5, 1), vec![1, 0, 0, 0xff, 0xff]].concat(),
        [header(2 * packed, 65_000), body.to_vec(), body.to_vec()].concat(),
        [header(16_384, 65_536), vec![0xff; 16_384]].concat(),
    ];
    for round in 0..20 {
        for (number, attack) in attacks.iter().enumerate() {
            let mut client = server.connect();
            client.register(&format!("bomb{round}x{number}"));
            client.ask("/set deflate 1");
            client.send_anyway(attack);
            let told = client.read_to_end();
            assert!(told.iter().any(|line| line.starts_with("* bad-frame: ")), "{number}: {told:?}");
        }
    }
    let noticed = others.noticed();
    assert!(noticed.logins.p99() < SOON && noticed.talk.p99() < SOON, "{noticed}");
    assert!(noticed.grown < 16 << 20, "{noticed}");
}

/// Each says hello in its own language, at both ports. Nothing of it is acted on, and each is gone when it leaves.
#[test]
fn other_protocols_get_a_line_and_change_nothing() {
    let hellos: [(&str, &[u8]); 12] = [
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("HTTP POST", b"POST / HTTP/1.1\r\n\r\n/register evil password12\n/say lobby pwn\n"),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
        ("HTTP CONNECT", b"CONNECT evil.example:25 HTTP/1.0\r\n\r\n"),
        ("SSH", b"SSH-2.0-OpenSSH_9.6\r\n\0\0\x05\xdc\x07\x14"),
        ("SMB", b"\0\0\0\x54\xffSMB\x72\0\0\0\0\x18\x01\x28\0\0\0\0"),
        ("SMTP", b"EHLO evil.example\r\nMAIL FROM:<a@b>\r\n"),
        ("IRC", b"NICK evil\r\nUSER evil 0 * :evil\r\nJOIN #lobby\r\n"),
        ("RDP", b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"),
        ("Redis", b"*1\r\n$7\r\nCOMMAND\r\n"),
        ("SOCKS", b"\x05\x01\0\x05\x01\0\x01\x7f\0\0\x01\0\x19"),
        ("DNS", b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07version\x04bind\0\0\x10\0\x03"),
    ];
    let server = Server::start();
    let mut member = server.connect();
    member.register("member");
    let before = Usage::of(server.pid());
    for (name, hello) in hellos {
        for to in [server.plain(), server.tls()] {
            let mut socket = TcpStream::connect(to).expect("it takes connections");
            socket.set_read_timeout(Some(DEADLINE)).expect("it can be set");
            let _ = socket.write_all(hello);
            let _ = socket.shutdown(Shutdown::Write);
            let mut said = Vec::new();
            // It may be reset rather than closed, if the server did not read all of it.
            let _ = socket.read_to_end(&mut said);
            let said = String::from_utf8(said).unwrap_or_else(|error| panic!("{name} at {to}: {error}"));
            assert!(said.len() < 2000, "{name} at {to}: {said}");
            if name == "HTTP" && to == server.tls() {
                assert!(said.starts_with("HTTP/1.1 307 "), "{name} at {to}: {said}");
                continue;
            }
            for line in said.lines() {
                assert!(line.starts_with("* ") || line.starts_with("- "), "{name} at {to}: {line}");
            }
        }
    }
    assert_eq!(member.ask("/who lobby"), ["| member here", "+ 1 member"]);
    let mut evil = server.connect();
    evil.send(&format!("/login evil {PASSWORD}"));
    evil.expect("- bad-credentials: …");
    drop(evil);
    let deadline = Instant::now() + DEADLINE;
    while Usage::of(server.pid()).descriptors > before.descriptors + 1 {
        assert!(Instant::now() < deadline, "some are still there");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// As many connections as one address may have, all of one account, and all as busy as they may be.
#[test]
#[ignore = "takes 10 s"]
fn an_account_with_256_connections_is_one_account() {
    let _alone = heavy();
    let server = Server::with(&[
        "limits.flood=10/s burst 60",
        "limits.account_flood=40/s burst 240",
        "limits.new_account=off",
        "limits.per_address=256",
    ]);
    let others = Others::of(&server);
    let mut many: Vec<Client> = Vec::new();
    let mut first = server.connect();
    first.register("many");
    many.push(first);
    while many.len() < 256 {
        let mut next = server.connect();
        next.send(&format!("/login many {PASSWORD}"));
        next.read_until("+ welcome many…");
        many.push(next);
    }
    let mut late = Client::plain(server.plain());
    late.expect("* busy: …");
    let began = Instant::now();
    for client in &mut many {
        client.send_bytes(&b"/say lobby hello from one of many\n".repeat(20));
    }
    // 5120 lines; what is said in 5 s is a burst, what the account may say in that time, and one line of each
    // connection, which begins before another pays.
    std::thread::sleep(Duration::from_secs(5).saturating_sub(began.elapsed()));
    let noticed = others.noticed();
    let mut console = server.console();
    let last = console.ask("/stats").into_iter().find(|row| row.contains("messages")).expect("it is counted");
    let said: u64 = last.split(' ').next_back().and_then(|number| number.parse().ok()).expect("a number");
    let talk = noticed.talk.count() as u64;
    println!("{said} messages, of which the others said {talk}");
    assert!(said < talk + 240 + 40 * 8 + 256 + 100, "{said} messages, {talk} of them the others'");
    assert!(noticed.logins.p99() < 2 * SOON && noticed.talk.p99() < 2 * SOON, "{noticed}");
    let rows = console.ask("/accounts").len();
    assert_eq!(rows, 5, "ann, ben, cid, many and the count");
}
