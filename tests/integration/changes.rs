//! Edits and removals on the wire: what is left of a text in the files, and what devices know of it.

use crate::support::{Client, PASSWORD, Server, files_with, wait_until_gone};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::time::Duration;

#[test]
fn what_was_edited_or_removed_is_in_no_file_after_a_quiet_moment() {
    let mut server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    let mut bob = server.connect();
    bob.register("bob");
    // Enough around it that pages are split and texts overflow, and more than one batch for the index.
    let filler = "filler ".repeat(400);
    for round in 0..3 {
        let texts: Vec<String> = (0..4).map(|n| format!("xylophone{round}x{n}")).collect();
        let mut ids = Vec::new();
        for text in &texts {
            let long = format!("/say lobby {text} {filler}");
            for line in ["/say lobby before", &long, "/say lobby after"] {
                let answer = alice.ask(line).remove(0);
                if line.contains(text.as_str()) {
                    ids.push(answer[2..].to_owned());
                }
            }
        }
        let direct = alice.ask(&format!("/post @bob key{round} {}", texts[3]))[0][2..].to_owned();
        if round == 1 {
            // They are indexed meanwhile, and checkpointed.
            std::thread::sleep(Duration::from_millis(1500));
        }
        assert!(!files_with(&server, &texts[0]).is_empty());
        for line in [
            format!("/edit lobby {} short", ids[0]),
            format!("/edit lobby {} {}", ids[1], "longer ".repeat(500)),
            format!("/redact lobby {}", ids[2]),
            format!("/edit lobby {} {} once more", ids[3], texts[3]),
            format!("/redact lobby {} for a reason", ids[3]),
            format!("/redact @bob {direct}"),
        ] {
            let answer = alice.ask(&line).remove(0);
            assert!(answer.starts_with("+ change="), "{answer}");
        }
        if round == 2 {
            server.kill();
            server.restart();
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        wait_until_gone(&server, &texts);
        if round == 2 {
            break;
        }
        let rows = bob.ask("/search in=lobby short");
        assert!(rows.iter().any(|row| row.ends_with(" alice (edited): short")), "{rows:?}");
        for text in texts {
            assert_eq!(bob.ask(&format!("/search {text}")), ["+ 0 messages"]);
        }
    }
}

/// What a device knows, by TARGET and id.
type View = BTreeMap<(String, u64), Known>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    author: String,
    marks: Vec<String>,
    text: String,
    reactions: BTreeMap<String, u64>,
    pinned: bool,
}

/// A program that keeps up with two conversations, as the page says.
struct Device {
    client: Option<Client>,
    view: View,
    ids: BTreeMap<String, u64>,
    changes: BTreeMap<String, u64>,
}

const TARGETS: [&str; 2] = ["lobby", "@alice"];

/// A row of `/conversations`.
#[derive(Debug, Clone, Copy, Default)]
struct Listed {
    last: u64,
    read: u64,
    mentions: u64,
    change: u64,
}

impl Listed {
    fn all(client: &mut Client) -> BTreeMap<String, Self> {
        let mut rows = client.ask("/conversations");
        rows.pop();
        let parse = |row: &String| {
            let (target, numbers) = row.strip_prefix("| ").unwrap().split_once(' ').unwrap();
            let numbers: Vec<u64> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
            let [last, read, _, mentions, change] = numbers[..] else { panic!("{row}") };
            (target.to_owned(), Self { last, read, mentions, change })
        };
        rows.iter().map(parse).collect()
    }
}

impl Known {
    fn mentions_carol(&self) -> bool {
        let removed = self.marks.iter().any(|mark| mark == "removed");
        !removed && mentioned(&self.author, &self.text) == Some("carol")
    }
}

/// Whom a text mentions: here each only ever names the other.
fn mentioned(author: &str, text: &str) -> Option<&'static str> {
    let other = if author == "alice" { "carol" } else { "alice" };
    text.contains(&format!("@{other}")).then_some(other)
}

impl Device {
    fn new(server: &Server) -> Self {
        let mut device = Self { client: None, view: View::new(), ids: BTreeMap::new(), changes: BTreeMap::new() };
        device.come_back(server);
        device
    }

    /// Logs in, and fetches what it missed.
    fn come_back(&mut self, server: &Server) {
        let mut client = server.connect();
        client.send("/set tags on");
        client.expect("+ tags on…");
        client.send(&format!("/login carol {PASSWORD}"));
        client.expect("+ welcome carol…");
        let listed = Listed::all(&mut client);
        for target in TARGETS {
            let Listed { last, change, .. } = listed.get(target).copied().unwrap_or_default();
            while self.ids.get(target).copied().unwrap_or(0) < last {
                let after = self.ids.get(target).copied().unwrap_or(0);
                let mut rows = client.ask(&format!("/history {target} after={after} limit=3"));
                let last = rows.pop().unwrap();
                rows.iter().for_each(|row| self.row(row));
                if !last.contains(", more") {
                    break;
                }
            }
            while self.changes.get(target).copied().unwrap_or(0) < change {
                let after = self.changes.get(target).copied().unwrap_or(0);
                let mut rows = client.ask(&format!("/changes {target} after={after} limit=2"));
                let last = rows.pop().unwrap();
                rows.iter().for_each(|row| self.change_row(row));
                if !last.contains(", more") {
                    break;
                }
            }
        }
        self.client = Some(client);
    }

    /// Takes all live lines that there are: those before the answer to a `/ping` of somebody who was
    /// told last.
    fn listen(&mut self, end: &str) {
        let Some(mut client) = self.client.take() else { return };
        for line in client.read_until(&format!("…{end}")) {
            self.live(&line);
        }
        self.client = Some(client);
    }

    fn row(&mut self, row: &str) {
        let [target, id, _, rest] = words(row.strip_prefix("| ").unwrap());
        let (head, text) = rest.split_once(": ").unwrap();
        let (author, marks) = match head.split_once(" (") {
            None => (head, Vec::new()),
            Some((author, marks)) => {
                let marks = marks.strip_suffix(')').unwrap();
                (author, marks.split(", ").map(str::to_owned).collect())
            }
        };
        let id = id.parse().unwrap();
        self.ids.insert(target.to_owned(), id);
        let mut known = Known { author: author.to_owned(), text: text.to_owned(), ..Known::default() };
        for mark in marks {
            match mark.split_once(' ') {
                Some((count, word)) if count.bytes().all(|b| b.is_ascii_digit()) => {
                    known.reactions.insert(word.to_owned(), count.parse().unwrap());
                }
                _ => known.marks.push(mark),
            }
        }
        self.view.insert((target.to_owned(), id), known);
    }

    fn change_row(&mut self, row: &str) {
        let [target, change, _, rest] = words(row.strip_prefix("| ").unwrap());
        let (head, text) = rest.split_once(": ").map_or((rest, None), |(head, text)| (head, Some(text)));
        let [_, word, id, _] = words(head);
        self.change(target, change.parse().unwrap(), word, id.parse().unwrap(), text);
    }

    fn change(&mut self, target: &str, change: u64, word: &str, id: u64, text: Option<&str>) {
        let before = self.changes.insert(target.to_owned(), change).unwrap_or(0);
        assert_eq!(change, before + 1, "changes have no gaps");
        let known = self.view.get_mut(&(target.to_owned(), id)).expect("a message that is there");
        let text = text.unwrap_or_default();
        match word {
            // It was removed since.
            "edit" if text.is_empty() => {}
            "edit" => {
                if known.marks.iter().all(|mark| mark != "edited") {
                    known.marks.push("edited".to_owned());
                }
                text.clone_into(&mut known.text);
            }
            "redact" => {
                let author = std::mem::take(&mut known.author);
                *known = Known { author, marks: vec!["removed".to_owned()], text: text.to_owned(), ..Known::default() };
            }
            "react" | "unreact" => {
                let (count, word) = text.split_once(' ').unwrap();
                match count.parse().unwrap() {
                    0 => known.reactions.remove(word),
                    count => known.reactions.insert(word.to_owned(), count),
                };
            }
            "pin" | "unpin" => known.pinned = word == "pin",
            other => panic!("{other}"),
        }
    }

    fn live(&mut self, line: &str) {
        let Some((tags, body)) = line.strip_prefix('@').and_then(|line| line.split_once(' ')) else { return };
        let tags: BTreeMap<&str, &str> = tags.split(';').map(|tag| tag.split_once('=').unwrap()).collect();
        let target = tags.get("to").copied().unwrap_or("lobby");
        if let Some(change) = tags.get("change") {
            let text = body.split_once(": ").map(|(_, text)| text);
            let mentioned = text.filter(|_| tags["ev"] == "edit").and_then(|text| mentioned(tags["who"], text));
            assert_eq!(tags.get("mention").copied(), mentioned, "{line}");
            self.change(target, change.parse().unwrap(), tags["ev"], tags["about"].parse().unwrap(), text);
        } else if let Some(id) = tags.get("id") {
            // Written as a row of the history, for there is one way to take a message.
            let (head, text) = match body.strip_prefix("[lobby] ") {
                Some(said) => said.split_once(": ").unwrap(),
                None => body.split_once(") ").unwrap(),
            };
            let head = match head.strip_prefix('(').map(|head| head.split_once(" > ").unwrap()) {
                None => head.to_owned(),
                Some((from, to)) => match to.split_once(", ") {
                    None => from.to_owned(),
                    Some((_, marks)) => format!("{from} ({marks})"),
                },
            };
            self.row(&format!("| {target} {id} TIME {head}: {text}"));
            let Known { author, text, .. } = &self.view[&(target.to_owned(), id.parse().unwrap())];
            assert_eq!(tags.get("mention").copied(), mentioned(author, text), "{line}");
        }
    }
}

/// The first three words, and the rest.
fn words(line: &str) -> [&str; 4] {
    let mut words = line.splitn(4, ' ');
    std::array::from_fn(|_| words.next().unwrap_or_default())
}

#[derive(Debug, Clone)]
enum Step {
    Says(usize, String),
    Leaves(usize),
    ComesBack(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let target = || prop::sample::select(vec!["lobby", "@carol"]);
    let line = prop_oneof![
        3 => (target(), 0..9u8).prop_map(|(target, n)| format!("/say {target} hello {n}")),
        2 => target().prop_map(|target| format!("/say {target} for @carol")),
        1 => (target(), 1..9u8).prop_map(|(target, id)| format!("/edit {target} {id} for (@carol)")),
        1 => (target(), 1..9u8).prop_map(|(target, id)| format!("/read {target} {id}")),
        1 => target().prop_map(|target| format!("/act {target} waves: hello")),
        1 => (target(), 1..9u8).prop_map(|(target, id)| format!("/reply {target} {id} indeed")),
        4 => (target(), 1..9u8, 0..99u8).prop_map(|(target, id, n)| format!("/edit {target} {id} better: {n}")),
        2 => (target(), 1..9u8).prop_map(|(target, id)| format!("/redact {target} {id}")),
        4 => (target(), 1..9u8, prop::sample::select(vec!["+1", ":):", "(x"]))
            .prop_map(|(target, id, word)| format!("/react {target} {id} {word}")),
        2 => (target(), 1..9u8).prop_map(|(target, id)| format!("/pin {target} {id}")),
        1 => (target(), 1..9u8).prop_map(|(target, id)| format!("/unpin {target} {id}")),
        1 => (target(), 1..9u8).prop_map(|(target, id)| format!("/redact {target} {id} off: topic")),
    ];
    prop_oneof![
        12 => (0..2usize, line).prop_map(|(who, line)| Step::Says(who, line)),
        2 => (0..2usize).prop_map(Step::Leaves),
        2 => (0..2usize).prop_map(Step::ComesBack),
    ]
}

/// Alice and another connection of Carol say and change things; two devices of Carol come and go.
fn keeps_up(server: &Server, steps: &[Step]) {
    let mut alice = server.connect();
    alice.send("/set tags on");
    alice.expect("+ tags on…");
    alice.send(&format!("/login alice {PASSWORD}"));
    alice.expect("+ welcome alice…");
    let mut carol = server.connect();
    carol.send("/set tags on");
    carol.expect("+ tags on…");
    carol.send(&format!("/login carol {PASSWORD}"));
    carol.expect("+ welcome carol…");
    let mut devices = [Device::new(server), Device::new(server)];
    for (n, step) in steps.iter().enumerate() {
        match step {
            Step::Says(who, line) => {
                let speaker = if *who == 0 { &mut alice } else { &mut carol };
                let line = if *who == 0 { line.clone() } else { line.replace("@carol", "@alice") };
                speaker.ask(&format!("/@x{}", &line.replacen('/', " ", 1)));
                // Told after all that this line led to.
                let end = format!("end of {n}");
                carol.ask(&format!("/@y say lobby {end}"));
                devices.iter_mut().for_each(|device| device.listen(&end));
            }
            Step::Leaves(which) => devices[*which].client = None,
            Step::ComesBack(which) => {
                if devices[*which].client.is_none() {
                    devices[*which].come_back(server);
                }
            }
        }
    }
    for device in &mut devices {
        if device.client.is_none() {
            device.come_back(server);
        }
    }
    let fresh = Device::new(server);
    for target in TARGETS {
        let pinned = fresh.view.iter().filter(|((place, _), known)| place == target && known.pinned).count();
        let plural = if pinned == 1 { "" } else { "s" };
        let pins = carol.ask(&format!("/pins {target}"));
        assert_eq!(pins.last().unwrap(), &format!("+ {pinned} message{plural}"));
    }
    let listed = Listed::all(&mut carol);
    let mentions = carol.ask("/mentions limit=1000");
    for target in TARGETS {
        let here = fresh.view.iter().filter(|((place, _), known)| place == target && known.mentions_carol());
        let ids: Vec<u64> = here.map(|((_, id), _)| *id).collect();
        let head = format!("| {target} ");
        let found = mentions.iter().rev().filter_map(|row| row.strip_prefix(&head)?.split_once(' ')?.0.parse().ok());
        assert_eq!(found.collect::<Vec<u64>>(), ids, "{mentions:?}");
        let Listed { read, mentions, change, .. } = listed.get(target).copied().unwrap_or_default();
        assert_eq!(mentions, ids.iter().filter(|&&id| id > read).count() as u64);
        assert_eq!(change, fresh.changes.get(target).copied().unwrap_or(0));
    }
    for device in &devices {
        assert_eq!(device.view, fresh.view);
        assert_eq!((&device.ids, &device.changes), (&fresh.ids, &fresh.changes));
    }
}

#[test]
fn two_devices_end_up_with_the_same_view_whatever_they_missed() {
    let config = Config { cases: 12, failure_persistence: None, max_shrink_iters: 30, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 1..50), |steps| {
            let server = Server::start();
            for name in ["alice", "carol"] {
                server.connect().register(name);
            }
            keeps_up(&server, &steps);
            Ok(())
        })
        .unwrap();
}
