//! Hostile servers: whatever a server sends, the client ends or goes on with a clear sentence, needs little
//! more memory than with an honest one, and shows nothing that a terminal would obey.

use super::home::{Ended, Home, finish_within};
use super::scripted::{Act, Identity, Peer, Server, self_signed};
use crate::support::DEADLINE;
use chitchat::client::bot::{Bot, BotError};
use chitchat::protocol::deflate::Packer;
use chitchat::protocol::secrets::Secret;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What a hostile server may cost in memory, in bytes, beyond an honest one.
const MEMORY: usize = 15 << 20;
/// Longer than the client waits for anything before it is logged in.
const SILENCE: Duration = Duration::from_secs(45);
/// What a terminal would obey: a title, an erased screen in seven and in eight bits, a text from right to left,
/// and a line that overwrites itself.
const ESCAPES: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}2J\u{202e}\u{2066}\u{85}\rFORGED";

/// A line by its number, and the same with the label of what the client has asked.
type Flood = fn(usize) -> String;
type LabelledFlood = fn(&str, usize) -> String;

/// Sends lines, by their number, until the client closes the connection or has taken so many bytes; says how
/// many it took.
pub(super) fn pour(peer: &mut Peer, most: usize, line: impl Fn(usize) -> String) -> usize {
    let (mut sent, mut number) = (0, 0);
    while sent < most {
        let mut block = String::new();
        while block.len() < 16 << 10 {
            block += &line(number);
            number += 1;
        }
        if peer.0.get_mut().write_all(block.as_bytes()).is_err() {
            break;
        }
        sent += block.len();
    }
    // What is left may meet a closed socket.
    let _ = peer.0.get_mut().flush();
    sent
}

/// The memory that a session with an honest server takes at most, in bytes.
fn honest_peak(identity: &Identity) -> usize {
    let act: Act = Box::new(|mut peer| {
        peer.log_in(&["lobby 0 0 0"]);
        peer.goodbye();
    });
    let ended = Home::new().meets(identity, vec![act], "");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    ended.peak
}

#[track_caller]
fn assert_small(what: &str, ended: &Ended, honest: usize) {
    let more = ended.peak.saturating_sub(honest);
    println!("{what}: {} KiB more than with an honest server", more >> 10);
    assert!(ended.peak > 0 && more < MEMORY, "{what} cost {} MiB more", more >> 20);
}

/// Ends as a server does that is told so.
pub(super) fn refuse_login(mut peer: Peer) {
    peer.greet();
    let label = peer.expect("resume ttoken");
    peer.send(&[&format!("@re={label} - bad-credentials: that token was revoked.")]);
    peer.end();
}

#[test]
fn a_flood_before_the_login_is_cut_off() {
    const MOST: usize = 256 << 20;
    let identity = self_signed();
    let honest = honest_peak(&identity);
    let floods: [(&str, &str, Flood); 6] = [
        ("a line without an end", "a line of more than", |_| "x".repeat(1000)),
        ("empty notices", "too much without answering", |_| "* \n".to_owned()),
        ("rows", "too much without answering", |_| "| row\n".to_owned()),
        ("answers to nobody", "too much without answering", |n| format!("@re=x{n} + done\n")),
        ("lines of no kind", "too much without answering", |_| "!?\n".to_owned()),
        ("huge tags", "too much without answering", |n| format!("@a={};id={n} [lobby] bob: x\n", "t".repeat(8000))),
    ];
    for (what, sentence, flood) in floods {
        let (report, sent) = mpsc::channel();
        let act: Act = Box::new(move |mut peer| {
            peer.greet();
            peer.expect("resume ttoken");
            report.send(pour(&mut peer, MOST, flood)).unwrap();
        });
        let ended = Home::new().meets(&identity, vec![act], "");
        assert_eq!(ended.code, Some(3), "{what}: {}", ended.err);
        assert!(ended.err.contains(sentence) && ended.err.lines().count() == 1, "{what}: {}", ended.err);
        assert!(sent.recv().unwrap() < MOST, "{what}: all of it was taken");
        assert_small(what, &ended, honest);
    }
}

#[test]
fn a_flood_after_the_login_costs_little_memory() {
    const MOST: usize = 8 << 20;
    let identity = self_signed();
    let honest = honest_peak(&identity);
    let floods: [(&str, Flood); 9] = [
        ("notices", |_| "* \n".to_owned()),
        ("rows", |_| "| \n".to_owned()),
        ("lines of no kind", |_| "!?\n".to_owned()),
        ("empty lines", |_| "\n".to_owned()),
        ("ids that go back and are too large", |n| {
            format!("@id={} [lobby] bob: x\n@id={}99999999999999999999 [lobby] bob: x\n", u64::MAX - n as u64, n)
        }),
        ("messages in ever new rooms", |n| format!("@id={n};at=1 [room{n}] bob{n}: hello\n")),
        ("ever new people", |n| format!("@id={n};at=1;to=@p{n} (p{n} > alice) hello\n")),
        ("ever new ignored people", |n| format!("@ev=ignore;who=p{n} * you ignore p{n}\n")),
        ("a room that changes its name", |n| {
            let (before, name) = (n.checked_sub(1).map_or("lobby".to_owned(), |n| format!("r{n}")), format!("r{n}"));
            format!("@ev=rename;set={name} [{before}] * the room is {name} now\n")
        }),
    ];
    for (what, flood) in floods {
        let act: Act = Box::new(move |mut peer| {
            peer.log_in(&["lobby 0 0 0"]);
            pour(&mut peer, MOST, flood);
            // It has heard enough of the first connection, or reads on until it leaves.
            peer.end();
        });
        let ended = Home::new().meets(&identity, vec![act], "/quit\n");
        assert_eq!(ended.code, Some(0), "{what}: {}", ended.err);
        assert_small(what, &ended, honest);
    }
}

#[test]
fn a_flood_that_is_held_back_costs_little_memory() {
    let identity = self_signed();
    let honest = honest_peak(&identity);
    // The conversations are never listed, so the messages wait; and the list is endless.
    let floods: [(&str, usize, Flood); 3] = [
        ("live messages", 8 << 20, |n| format!("@id={n};at=1 [lobby] bob: {}\n", "x".repeat(8000))),
        ("short live messages", 2 << 20, |n| format!("@id={n} [r{}] b: \n", n % 9000)),
        ("an endless list", 2 << 20, |n| format!("@re=c2 | room{n} 1 1 0\n")),
    ];
    for (what, most, flood) in floods {
        let act: Act = Box::new(move |mut peer| {
            peer.greet();
            let label = peer.expect("resume ttoken");
            peer.send(&[&format!("@re={label} + welcome alice - you are in lobby.")]);
            let label = peer.expect("set deflate 1");
            peer.send(&[&format!("@re={label} - bad-argument: no deflate here.")]);
            peer.expect("ignored");
            peer.expect("conversations");
            pour(&mut peer, most, flood);
        });
        let ended = Home::new().meets(&identity, vec![act, Box::new(refuse_login)], "hello\n");
        assert_eq!(ended.code, Some(4), "{what}: {}", ended.err);
        assert!(ended.err.contains("not sent: hello"), "{what}: {}", ended.err);
        assert_small(what, &ended, honest);
    }
}

#[test]
fn bad_frames_and_bombs_end_the_connection() {
    let identity = self_signed();
    let honest = honest_peak(&identity);
    let packed = Packer::new().pack("* hello\n".repeat(8000).as_bytes()).unwrap();
    let header_end = packed.iter().position(|&b| b == b'\n').unwrap() + 1;
    let header = String::from_utf8(packed[..header_end].to_vec()).unwrap();
    let words: Vec<&str> = header[1..].trim_end().split(' ').collect();
    let data = &packed[header_end..];
    let with = |header: String, data: &[u8]| [header.as_bytes(), data].concat();
    let damaged: Vec<u8> = data.iter().map(|byte| byte ^ 1).collect();
    let frames = [
        ("inflates to more than it says", with(format!("={} {} {}\n", words[0], 10, words[2]), data)),
        ("another checksum", with(format!("={} {} 00000000\n", words[0], words[1]), data)),
        ("larger than any frame", with("=99999999 99999999 00000000\n".to_owned(), &[0; 100_000])),
        ("a bomb", with("=65535 65535 00000000\n".to_owned(), &[0; 65_535])),
        ("not deflate", with(format!("={} {} {}\n", words[0], words[1], words[2]), &damaged)),
        ("no numbers", b"=-1 x y\n".to_vec()),
    ];
    for (what, frame) in frames {
        let act: Act = Box::new(move |mut peer| {
            peer.greet();
            let label = peer.expect("resume ttoken");
            peer.send(&[&format!("@re={label} + welcome alice - you are in lobby.")]);
            let label = peer.expect("set deflate 1");
            peer.send(&[&format!("@re={label} + deflate 1")]);
            peer.list(&["lobby 0 0 0"]);
            let _ = peer.0.get_mut().write_all(&frame).and_then(|()| peer.0.get_mut().flush());
            peer.end();
        });
        let ended = Home::new().meets(&identity, vec![act, Box::new(refuse_login)], "hello\n");
        assert_eq!(ended.code, Some(4), "{what}: {}{}", ended.out, ended.err);
        assert!(ended.out.contains("(connection lost: the server sent a "), "{what}: {}", ended.out);
        assert_small(what, &ended, honest);
    }
}

#[test]
fn servers_that_never_answer_are_given_up() {
    let identity = self_signed();
    let mute_login: Act = Box::new(|mut peer| {
        peer.greet();
        peer.expect("resume ttoken");
        peer.0.get_mut().sock.set_read_timeout(Some(SILENCE)).unwrap();
        peer.end();
    });
    let drip: Act = Box::new(|mut peer| {
        let drop = |peer: &mut Peer| peer.0.get_mut().write_all(b"*").and_then(|()| peer.0.get_mut().flush());
        while drop(&mut peer).is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
    });
    let empty_lines: Act = Box::new(|mut peer| {
        peer.greet();
        while peer.0.get_mut().write_all(&[b'\n'; 1000]).and_then(|()| peer.0.get_mut().flush()).is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    let meet = |what: &'static str, act: Act| {
        let server = Server::start(&identity, vec![act]);
        let (home, fingerprint) = (Home::new(), identity.fingerprint.clone());
        home.save_login(server.address);
        let child = home.command(server.address, &["--fingerprint", &fingerprint]).spawn().unwrap();
        // The home stays until the client has ended.
        (what, thread::spawn(move || (finish_within(child, "hello\n", SILENCE), home)), Some(server))
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let no_tls = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let home = Home::new();
    let child = home.command(address, &[]).spawn().unwrap();
    let waiting = thread::spawn(move || (finish_within(child, "", SILENCE), home));
    let meetings = [
        meet("a login without an answer", mute_login),
        meet("one byte at a time", drip),
        meet("empty lines", empty_lines),
        ("TLS without an answer", waiting, None),
    ];
    for (what, client, server) in meetings {
        let (ended, _home) = client.join().unwrap();
        assert_eq!(ended.code, Some(3), "{what}: {}", ended.err);
        assert!(ended.err.contains("did not answer in time"), "{what}: {}", ended.err);
        if let Some(server) = server {
            server.finish();
        }
    }
    no_tls.join().unwrap();
}

#[test]
fn a_server_that_goes_on_talking_does_not_keep_who_leaves() {
    let act: Act = Box::new(|mut peer| {
        peer.log_in(&["lobby 0 0 0"]);
        assert_eq!(peer.read(), "/quit");
        pour(&mut peer, usize::MAX, |_| "* stay a little longer\n".to_owned());
    });
    let ended = Home::new().meets(&self_signed(), vec![act], "");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn nothing_that_a_terminal_obeys_is_shown_wherever_it_stands() {
    let (identity, home) = (self_signed(), Home::new());
    let act: Act = Box::new(|mut peer| {
        peer.log_in(&["lobby 0 0 0", &format!("room{ESCAPES} 1 0 1"), &format!("@x{ESCAPES} 1 0 1")]);
        let x = ESCAPES;
        let label = peer.expect("frobnicate");
        peer.send(&[
            &format!("* {x}"),
            &format!("* {x}: {x}"),
            &format!("@id=1;at=1 [lobby] bob{x}: hello"),
            &format!("@id=2;at=1 [lobby] bob: {x}"),
            &format!("@id=3;at=1 [lobby{x}] bob: hello"),
            &format!("@id=4;at=1 [lobby] bob ({x}): hello"),
            &format!("@id=5;at=1;to=@bob (bob{x} > alice) hello"),
            &format!("@id=6;at=1;to=@bob{x} (bob > alice{x}) {x}"),
            &format!("@ev=topic;who={x};set={x} [lobby] * the topic is {x}"),
            &format!("@ev=rename;set={x} [lobby] * the room is {x} now"),
            &format!("@ev=join;who=bob{x} [lobby{x}] * bob{x} joined"),
            &format!("@re={label};{x}={x} | bob{x} topic {x}"),
            &format!("@re={x} + {x}"),
            &format!("@re={x} - {x}: {x}"),
            &format!("+ {x}"),
            x,
            &format!("@re={label} - {x}: {x}"),
        ]);
        peer.goodbye();
    });
    let ended = home.meets(&identity, vec![act], "/frobnicate\n");
    let shown = format!("{}{}", ended.out, ended.err);
    assert!(shown.matches("FORGED").count() > 15, "{shown}");
    let obeyed = |c: char| c.is_control() && c != '\n' || !c.is_ascii() && ESCAPES.contains(c);
    assert!(!shown.contains(obeyed), "{shown:?}");
}

#[test]
fn a_bot_gives_up_a_server_that_floods_it() {
    const MOST: usize = 256 << 20;
    let identity = self_signed();
    let floods: [(&str, LabelledFlood); 4] = [
        ("rows of its answer", |label, n| format!("@re={label} | {n}\n")),
        ("lines before its answer", |_, n| format!("@id={n};at=1 [ops] bob: x\n")),
        ("lines of no kind", |_, _| "!?\n".to_owned()),
        ("a label on everything", |label, n| format!("@re={label};id={n} [ops] bob: x\n")),
    ];
    for (what, flood) in floods {
        let (report, sent) = mpsc::channel();
        let act: Act = Box::new(move |mut peer| {
            peer.greet();
            let label = peer.expect("resume ttoken");
            peer.send(&[&format!("@re={label} + welcome alice - you are in lobby.")]);
            peer.echo();
            let label = peer.expect("rooms");
            report.send(pour(&mut peer, MOST, |n| flood(&label, n))).unwrap();
        });
        let server = Server::start(&identity, vec![act]);
        let address = server.address.to_string().parse().unwrap();
        let fingerprint = identity.fingerprint.parse().unwrap();
        let token = Secret::new("ttoken");
        let mut bot = Bot::connect_within(&address, Some(fingerprint), &token, DEADLINE).unwrap();
        let error = bot.ask("/rooms").unwrap_err();
        assert!(matches!(error, BotError::Lost(_)), "{what}: {error}");
        assert_eq!(error.to_string(), "the server sends too much without answering", "{what}");
        drop(bot);
        let sent = sent.recv().unwrap();
        println!("{what}: given up after {} KiB", sent >> 10);
        assert!(sent < 32 << 20, "{what}: {sent} bytes were taken");
        server.finish();
    }
}

#[test]
fn a_bots_errors_show_nothing_that_a_terminal_obeys() {
    let act: Act = Box::new(|mut peer| {
        peer.greet();
        let label = peer.expect("resume ttoken");
        peer.send(&[&format!("@re={label} + welcome alice - {ESCAPES}")]);
        peer.echo();
        let label = peer.expect("rooms");
        peer.send(&[&format!("@re={label} - {ESCAPES}: {ESCAPES}")]);
        peer.end();
    });
    let identity = self_signed();
    let server = Server::start(&identity, vec![act]);
    let address = server.address.to_string().parse().unwrap();
    let (fingerprint, token) = (identity.fingerprint.parse().unwrap(), Secret::new("ttoken"));
    let mut bot = Bot::connect_within(&address, Some(fingerprint), &token, DEADLINE).unwrap();
    let error = bot.ask("/rooms").unwrap_err().to_string();
    assert!(error.contains("FORGED") && !error.contains(|c: char| c.is_control() || c == '\u{202e}'), "{error:?}");
    drop(bot);
    server.finish();
}
