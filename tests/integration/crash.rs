//! The server is killed under load, again and again. Whatever was answered with `+` is stored once, in
//! order and unchanged; whatever anyone was shown is stored too; ids never go back.
//!
//! `CHITCHAT_CRASH_CYCLES` says how often; the default is 5.

use crate::support::{Client, DEADLINE, PASSWORD, Server};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};

const WRITERS: usize = 4;
/// Lines that a writer sends ahead of their answers.
const WINDOW: usize = 8;
/// Acknowledgements before a kill.
const ACKNOWLEDGED_MIN: usize = 100;

/// What somebody saw of a line in the lobby.
#[derive(Debug)]
enum Seen {
    /// Answered with this id; the text is the writer's own.
    Acknowledged(u64, String),
    /// Shown to a reader under this id.
    Shown(u64, String),
}

/// What a writer has sent, and resumes after the crash.
#[derive(Default)]
struct Writer {
    serial: u64,
    /// Lines that were sent and not answered, by label. Each has its own key.
    undecided: BTreeMap<u64, String>,
}

impl Writer {
    /// Sends lines until the server is gone. It first repeats the unanswered ones under their keys;
    /// every third line is a `/say`, which has no key and so is never repeated.
    fn speak(&mut self, name: &str, mut client: Client, tell: &Sender<Seen>) {
        let mut sent: BTreeMap<u64, String> = BTreeMap::new();
        let undecided = std::mem::take(&mut self.undecided);
        let mut again = undecided.into_iter().filter(|(serial, _)| serial % 3 != 0).collect::<BTreeMap<_, _>>();
        loop {
            while sent.len() < WINDOW {
                let (serial, text) = again.pop_first().unwrap_or_else(|| {
                    self.serial += 1;
                    (self.serial, format!("{name} {} says something that must not be lost ☕", self.serial))
                });
                let line = match serial % 3 {
                    0 => format!("/@{serial} say lobby {text}\n"),
                    _ => format!("/@{serial} post lobby {name}-{serial} {text}\n"),
                };
                client.send_anyway(line.as_bytes());
                sent.insert(serial, text);
            }
            let Some(line) = client.line_or_end() else { break };
            let Some((label, answer)) = line.strip_prefix("@re=").and_then(|rest| rest.split_once(' ')) else {
                continue;
            };
            let id = answer.strip_prefix("+ ").unwrap_or_else(|| panic!("{name}: {line}")).parse().expect("an id");
            let text = sent.remove(&label.parse().expect("a label of ours")).expect("it was sent");
            tell.send(Seen::Acknowledged(id, text)).expect("the test listens");
        }
        self.undecided = sent;
        self.undecided.append(&mut again);
    }
}

/// Reports what is shown until the server is gone.
fn listen(mut client: Client, tell: &Sender<Seen>) {
    let mut last = 0;
    while let Some(line) = client.line_or_end() {
        let Some((tags, body)) = line.strip_prefix("@id=").and_then(|rest| rest.split_once(' ')) else { continue };
        let id: u64 = tags.split(';').next().and_then(|id| id.parse().ok()).expect("an id");
        assert!(id > last, "{id} was shown after {last}");
        last = id;
        let text = body.split_once(": ").expect("a message").1.to_owned();
        tell.send(Seen::Shown(id, text)).expect("the test listens");
    }
}

fn log_in(address: SocketAddr, name: &str) -> Client {
    let mut client = Client::plain(address);
    client.expect("* …");
    client.send("/set tags on");
    client.expect("+ tags on…");
    client.send(&format!("/login {name} {PASSWORD}"));
    client.expect(&format!("+ welcome {name}…"));
    client
}

/// The whole history of the lobby: one text for each id, without a gap.
fn history(server: &Server) -> Vec<String> {
    let mut client = log_in(server.plain(), "reader");
    let mut texts: Vec<String> = Vec::new();
    loop {
        let rows = client.ask(&format!("/history lobby after={} limit=1000", texts.len()));
        let (last, rows) = rows.split_last().expect("a final line");
        for row in rows {
            let row = row.strip_prefix(&format!("| lobby {} ", texts.len() + 1)).unwrap_or_else(|| panic!("{row}"));
            texts.push(row.split_once(": ").expect("a message").1.to_owned());
        }
        if !last.contains(", more") {
            return texts;
        }
    }
}

/// A different number in each cycle and each run, without a crate for it.
fn random(most: usize) -> usize {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0) as usize % most
}

/// Waits for that many acknowledgements, and collects everything that is seen.
fn collect(seen: &Receiver<Seen>, acknowledgements: usize, all: &mut Vec<Seen>) {
    let mut count = 0;
    while count < acknowledgements {
        let one = seen.recv_timeout(DEADLINE).expect("the server keeps acknowledging");
        count += usize::from(matches!(one, Seen::Acknowledged(..)));
        all.push(one);
    }
}

#[test]
fn what_was_acknowledged_or_shown_survives_a_kill() {
    let cycles = std::env::var("CHITCHAT_CRASH_CYCLES").map_or(5, |cycles| cycles.parse().expect("a number"));
    let mut server = Server::start();
    let mut writers: Vec<Writer> = (0..WRITERS).map(|_| Writer::default()).collect();
    for name in (0..WRITERS).map(|n| format!("w{n}")).chain(["reader".to_owned(), "other".to_owned()]) {
        server.connect().register(&name);
    }
    let mut known: Vec<String> = Vec::new();
    for cycle in 1..=cycles {
        let address = server.plain();
        let mut all = Vec::new();
        std::thread::scope(|scope| {
            let (tell, seen) = channel();
            let readers = ["reader", "other"].map(|name| log_in(address, name));
            let mut threads = Vec::new();
            for client in readers {
                let tell = tell.clone();
                threads.push(scope.spawn(move || listen(client, &tell)));
            }
            for (n, writer) in writers.iter_mut().enumerate() {
                // Logged in on this thread, which also does the killing, so that it can't happen too early.
                let (name, tell) = (format!("w{n}"), tell.clone());
                let client = log_in(address, &name);
                threads.push(scope.spawn(move || writer.speak(&name, client, &tell)));
            }
            drop(tell);
            collect(&seen, ACKNOWLEDGED_MIN + random(400), &mut all);
            server.kill();
            all.extend(seen.iter());
            for thread in threads {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
        });
        server.restart();
        let now = history(&server);
        check(cycle, &known, &now, &all);
        known = now;
    }
}

fn check(cycle: usize, before: &[String], now: &[String], all: &[Seen]) {
    assert!(now.len() > before.len() && now[..before.len()] == *before, "cycle {cycle}: earlier history has changed");
    for seen in all {
        let (Seen::Acknowledged(id, text) | Seen::Shown(id, text)) = seen;
        assert_eq!(now.get(*id as usize - 1), Some(text), "cycle {cycle}: {seen:?}");
        if let Seen::Shown(id, _) = seen {
            assert!(*id > before.len() as u64, "cycle {cycle}: id {id} was given again");
        }
    }
    let mut ids: HashMap<&str, usize> = HashMap::new();
    let mut last: HashMap<&str, u64> = HashMap::new();
    for (id, text) in now.iter().enumerate() {
        assert!(ids.insert(text, id).is_none(), "cycle {cycle}: said twice: {text}");
        let mut words = text.split(' ');
        let writer = words.next().expect("a writer");
        let serial: u64 = words.next().and_then(|serial| serial.parse().ok()).expect("a serial");
        let last = last.entry(writer).or_insert(0);
        // A crash cuts a connection's lines at one point, and unanswered ones are repeated first.
        assert!(serial > *last, "cycle {cycle}: {text} comes after {writer} {last}");
        *last = serial;
    }
}
