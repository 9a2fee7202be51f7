//! Tests of [`super`]: counts against a plain model.

use super::*;
use proptest::prelude::*;

fn target(name: &str) -> Target {
    Target::parse(name).unwrap()
}

fn row(name: &str, last: u64, read: u64, unread: u64, mentions: u64) -> Listed {
    Listed { target: target(name), last, read, unread, mentions, change: 0 }
}

fn news(all: &Conversations, current: &str) -> Vec<String> {
    let news = all.news(Some(&target(current)));
    news.iter().map(|news| format!("{} {}+{}", news.target, news.unread, news.mentions)).collect()
}

#[test]
fn live_lines_are_added_to_what_the_server_counted() {
    let (mut all, ops) = (Conversations::default(), target("ops"));
    all.listing();
    // The list may be older or newer than a line that comes before it.
    all.hear(&ops, 8, Heard::Other);
    all.hear(&ops, 9, Heard::Mention);
    all.listed(&[row("lobby", 3, 3, 0, 0), row("ops", 8, 6, 2, 0), row("@bob", 1, 1, 0, 0)]);
    assert_eq!(news(&all, "lobby"), ["ops 3+1"]);
    all.hear(&ops, 9, Heard::Other);
    all.hear(&ops, 10, Heard::Own);
    all.hear(&ops, 11, Heard::Other);
    assert_eq!((news(&all, "lobby"), all.unread(&ops)), (vec!["ops 4+1".to_owned()], (6, 11, 4)));
    assert_eq!(news(&all, "ops"), [""; 0], "where one is, nothing is unread");
    all.shown(&ops, 11);
    assert_eq!(news(&all, "lobby"), [""; 0]);
    assert!(!all.is_stale());
}

#[test]
fn what_another_device_read_is_not_unread() {
    let (mut all, ops) = (Conversations::default(), target("ops"));
    all.listed(&[row("ops", 8, 2, 6, 1)]);
    all.read(&ops, 1);
    assert!(!all.is_stale());
    all.read(&ops, 5);
    assert!(all.is_stale(), "how many of the rest are unread, only the server knows");
    all.listing();
    assert!(!all.is_stale());
    all.listed(&[row("ops", 8, 5, 3, 0)]);
    assert_eq!(news(&all, "lobby"), ["ops 3+0"]);
    all.read(&ops, 8);
    assert_eq!(news(&all, "lobby"), [""; 0]);
}

#[test]
fn keys_go_by_number_and_to_news() {
    let mut all = Conversations::default();
    all.listed(&[row("lobby", 3, 3, 0, 0), row("ops", 8, 6, 2, 0), row("dev", 8, 6, 2, 1), row("@bob", 1, 1, 0, 0)]);
    let go = |all: &Conversations, to, current: &str| all.find(to, Some(&target(current))).map(|to| to.to_string());
    let order = (1..=5).map(|n| go(&all, Switch::Nth(n), "lobby").unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!(order, ["dev", "lobby", "ops", "@bob", ""]);
    assert_eq!(go(&all, Switch::Nth(0), "lobby"), None);
    assert_eq!(go(&all, Switch::News, "lobby").as_deref(), Some("dev"), "mentions first");
    all.shown(&target("dev"), 8);
    all.shown(&target("@bob"), 2);
    all.hear(&target("@carol"), 1, Heard::Other);
    assert_eq!(go(&all, Switch::News, "dev").as_deref(), Some("ops"), "the prompt has no news of people");
    all.shown(&target("ops"), 8);
    assert_eq!(go(&all, Switch::News, "ops"), None);
}

/// A server's room as `/conversations` counts it, and one device that listens.
#[derive(Default)]
struct Model {
    /// Whose each line is, from id 1 on.
    lines: Vec<Heard>,
    read: u64,
    all: Conversations,
    /// Whether the server was asked for the list and has not answered.
    asked: bool,
    /// Sent by the server and not yet read by the device.
    wire: std::collections::VecDeque<Sent>,
}

enum Sent {
    Line(u64, Heard),
    Read(u64),
    List(Listed),
}

impl Model {
    fn row(&self) -> Listed {
        let unread = self.lines.iter().skip(self.read as usize).filter(|heard| **heard != Heard::Own);
        let mentions = unread.clone().filter(|heard| **heard == Heard::Mention).count() as u64;
        row("ops", self.lines.len() as u64, self.read, unread.count() as u64, mentions)
    }

    fn hear(&mut self) {
        let ops = target("ops");
        match self.wire.pop_front() {
            Some(Sent::Line(id, heard)) => self.all.hear(&ops, id, heard),
            Some(Sent::Read(id)) => self.all.read(&ops, id),
            Some(Sent::List(row)) => self.all.listed(&[row]),
            None => {}
        }
    }

    fn list(&mut self) {
        self.all.listing();
        self.asked = true;
    }

    /// The server answers, somewhere among the lines that are under way.
    fn answer(&mut self, place: u64) {
        if std::mem::take(&mut self.asked) {
            let place = place as usize % (self.wire.len() + 1);
            self.wire.insert(place, Sent::List(self.row()));
        }
    }
}

proptest! {
    #[test]
    fn counts_are_exact_over_any_number_of_dropped_connections(acts in prop::collection::vec((0..13u8, 0..40u64), 0..200)) {
        let mut model = Model::default();
        model.list();
        for (act, number) in acts {
            match act {
                0..=3 => {
                    let heard = [Heard::Own, Heard::Other, Heard::Other, Heard::Mention][usize::from(act)];
                    model.lines.push(heard);
                    model.wire.push_back(Sent::Line(model.lines.len() as u64, heard));
                }
                4 => {
                    let to = number.min(model.lines.len() as u64);
                    if to > model.read {
                        model.read = to;
                        model.wire.push_back(Sent::Read(to));
                    }
                }
                5..=9 => model.hear(),
                10 if model.all.is_stale() => model.list(),
                10 => {}
                11 => model.answer(number),
                _ => {
                    model.wire.clear();
                    model.all.dropped();
                    model.list();
                }
            }
        }
        // In the end the device has heard everything, and asked where it was in doubt.
        for _ in 0..3 {
            model.answer(model.wire.len() as u64);
            while !model.wire.is_empty() {
                model.hear();
            }
            if model.all.is_stale() {
                model.list();
            }
        }
        prop_assert!(!model.all.is_stale());
        let row = model.row();
        let expected = if row.unread > 0 { vec![format!("ops {}+{}", row.unread, row.mentions)] } else { Vec::new() };
        prop_assert_eq!(news(&model.all, "lobby"), expected);
    }
}
