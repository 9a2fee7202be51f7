//! Connections come and go, in every way in which they do, and the server's memory and descriptors return
//! to where they were.
//!
//! `CHITCHAT_SOAK_SECONDS` says for how long; the default is 5. Rounds before the first measurement fill
//! what is allocated once: caches, each worker's buffers.

use crate::support::{Client, PASSWORD, Server};
use std::fs;
use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Threads that come and go at the same time, each with an account of its own.
const VISITORS: usize = 4;
/// Visits of a thread before its server is measured for the first time.
const WARM_UP: usize = 6 * WAYS.len();
/// How long the server may keep a connection that its peer has left: `CLOSING` and `LINGER`, and more.
const GONE: Duration = Duration::from_secs(45);
/// What it may hold more at the end, in KiB: what a longer history costs is part of it.
const GROWTH_KIB: u64 = 6 * 1024;

/// One way to come and to go.
type Way = fn(Door, &Visitor, usize);

const WAYS: [Way; 12] = [
    says_and_quits,
    talks_over_tls,
    drops_in_the_middle_of_a_line,
    never_says_anything,
    half_a_handshake,
    plain_text_to_tls,
    a_web_browser,
    a_wrong_password,
    compressed,
    leaves_before_the_answer,
    never_reads,
    ends_its_input,
];

/// Where the server takes connections.
#[derive(Clone, Copy)]
struct Door {
    plain: SocketAddr,
    tls: SocketAddr,
}

impl Door {
    fn plain(self) -> Client {
        let mut client = Client::plain(self.plain);
        client.expect("* …");
        client
    }

    fn tls(self) -> Client {
        let mut client = Client::tls(self.tls);
        client.expect("* …");
        client
    }
}

struct Visitor {
    name: String,
    token: String,
}

impl Visitor {
    fn new(server: &Server, number: usize) -> Self {
        let name = format!("visitor{number}");
        let mut client = server.connect();
        client.register(&name);
        client.send("/token new soak");
        let answer = client.expect("+ …");
        let token = answer.split(' ').nth(1).expect("an answer with a token").to_owned();
        client.send("/join garden");
        client.expect("+ …");
        Self { name, token }
    }

    fn enter(&self, mut client: Client) -> Client {
        client.send(&format!("/resume {}", self.token));
        client.read_until(&format!("+ welcome {}…", self.name));
        client
    }
}

fn says_and_quits(door: Door, visitor: &Visitor, n: usize) {
    let mut client = visitor.enter(door.plain());
    let answer = client.ask(&format!("/say garden visit {n}"));
    assert!(answer[0].starts_with("+ "), "{answer:?}");
    client.send("/quit");
    client.read_until("+ goodbye…");
}

fn talks_over_tls(door: Door, visitor: &Visitor, n: usize) {
    let mut client = visitor.enter(door.tls());
    client.ask(&format!("/say lobby visit {n} over TLS"));
    client.ask("/history garden limit=20");
    client.ask("/search visit");
}

fn drops_in_the_middle_of_a_line(door: Door, visitor: &Visitor, _: usize) {
    visitor.enter(door.plain()).send_bytes(b"/say lobby this is never");
}

fn never_says_anything(door: Door, _: &Visitor, _: usize) {
    drop(TcpStream::connect(door.plain));
    drop(TcpStream::connect(door.tls));
}

fn half_a_handshake(door: Door, _: &Visitor, _: usize) {
    let mut socket = TcpStream::connect(door.tls).expect("it takes connections");
    // A record of 512 bytes, of which a few come.
    let _ = socket.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
}

fn plain_text_to_tls(door: Door, _: &Visitor, _: usize) {
    let mut socket = TcpStream::connect(door.tls).expect("it takes connections");
    let _ = socket.write_all(b"/login nobody\n");
    let _ = socket.shutdown(Shutdown::Write);
}

fn a_web_browser(door: Door, _: &Visitor, _: usize) {
    door.plain().send_anyway(b"GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n");
}

fn a_wrong_password(door: Door, visitor: &Visitor, _: usize) {
    let mut client = door.plain();
    client.send(&format!("/login {} {PASSWORD}!", visitor.name));
    client.expect("- bad-credentials…");
}

fn compressed(door: Door, visitor: &Visitor, n: usize) {
    let mut client = visitor.enter(door.plain());
    client.ask("/set tags on");
    client.ask("/set deflate 1");
    client.send_anyway(format!("/say garden visit {n}, compressed\n").as_bytes());
}

fn leaves_before_the_answer(door: Door, visitor: &Visitor, _: usize) {
    let mut client = visitor.enter(door.plain());
    client.send_bytes(&b"/history lobby limit=100\n/search visit\n/who lobby\n/conversations\n".repeat(8));
}

fn never_reads(door: Door, visitor: &Visitor, n: usize) {
    let mut client = visitor.enter(door.plain());
    client.read_slowly();
    // As much as its limit for what is unread lets it ask for: it is told so, and closed.
    for _ in 0..40 {
        client.send_anyway(&b"/history lobby limit=200\n".repeat(4));
    }
    client.send_anyway(format!("/say lobby visit {n}\n").as_bytes());
}

fn ends_its_input(door: Door, visitor: &Visitor, n: usize) {
    let mut client = visitor.enter(door.tls());
    client.send(&format!("/say garden visit {n}"));
    client.end_input();
    client.read_to_end();
}

/// What the server holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    sockets: usize,
    /// Sockets and files: SQLite opens some of its files when they are first read.
    descriptors: usize,
    resident_kib: u64,
}

impl Held {
    fn by(server: &Server) -> Self {
        let proc = format!("/proc/{}", server.pid());
        let open = fs::read_dir(format!("{proc}/fd")).expect("the server runs");
        // One that was closed meanwhile leads nowhere.
        let open: Vec<_> = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()).collect();
        let sockets = open.iter().filter(|to| to.to_string_lossy().starts_with("socket:")).count();
        let status = fs::read_to_string(format!("{proc}/status")).expect("the server runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says it");
        let resident_kib = resident.trim().trim_end_matches(" kB").parse().expect("a number");
        Self { sockets, descriptors: open.len(), resident_kib }
    }

    /// Waits until it holds only so many sockets.
    fn settled(server: &Server, sockets: usize) -> Self {
        let deadline = Instant::now() + GONE;
        loop {
            let held = Self::by(server);
            if held.sockets == sockets {
                return held;
            }
            assert!(
                Instant::now() < deadline,
                "{} sockets long after everyone left, where {sockets} listen",
                held.sockets
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Each visitor comes and goes, in each way in turn, until there is no more time and at least this often.
fn visit(server: &Server, visitors: &[Visitor], least: usize, until: Instant) -> usize {
    let door = Door { plain: server.plain(), tls: server.tls() };
    let visits = move |start: usize, visitor: &Visitor| {
        let mut n = start;
        while n < start + least || Instant::now() < until {
            WAYS[n % WAYS.len()](door, visitor, n);
            n += 1;
        }
        n - start
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = visitors
            .iter()
            .enumerate()
            .map(|(start, visitor)| scope.spawn(move || visits(start * 3, visitor)))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a visit went as it should")).sum()
    })
}

#[test]
fn memory_and_descriptors_return_to_where_they_were() {
    let seconds = std::env::var("CHITCHAT_SOAK_SECONDS").map_or(5, |seconds| seconds.parse().expect("a number"));
    // What is unread and never will be is given up early, so that a round is short.
    let server = Server::with(&["limits.unread_bytes=64 KiB"]);
    let listening = Held::by(&server).sockets;
    let visitors: Vec<Visitor> = (0..VISITORS).map(|number| Visitor::new(&server, number)).collect();
    visit(&server, &visitors, WARM_UP, Instant::now());
    let before = Held::settled(&server, listening);
    let visits = visit(&server, &visitors, WAYS.len(), Instant::now() + Duration::from_secs(seconds));
    let after = Held::settled(&server, listening);
    println!("{visits} visits in {seconds} s: {before:?} before, {after:?} after");
    assert_eq!(after.descriptors, before.descriptors, "descriptors after {visits} visits, and before");
    let (grown, most) = (after.resident_kib.saturating_sub(before.resident_kib), GROWTH_KIB);
    assert!(grown <= most, "{visits} visits cost {grown} KiB");
}
