//! Tests of [`super`]: a small server that drops connections at any moment.

use super::*;
use proptest::prelude::*;

fn target(name: &str) -> Target {
    Target::parse(name).unwrap()
}

fn message(target: &Target, id: u64) -> ShownMessage {
    let target = target.clone();
    ShownMessage {
        target,
        id: Some(id),
        author: "bob".to_owned(),
        to: None,
        mark: None,
        text: id.to_string(),
        at: None,
        own: false,
        mentions_me: false,
        quote: None,
    }
}

fn row(name: &str, last: u64, read: u64, unread: u64) -> Listed {
    Listed { target: target(name), last, read, unread, mentions: 0, change: 0 }
}

fn ids(steps: &[CatchUpStep]) -> Vec<u64> {
    steps.iter().filter_map(|step| if let CatchUpStep::Show(_, id, _) = step { Some(*id) } else { None }).collect()
}

#[test]
fn rows_are_parsed() {
    assert_eq!(Listed::parse("lobby 7 3 2"), Some(row("lobby", 7, 3, 2)));
    assert_eq!(Listed::parse("@bob 7 3 2 new"), Some(row("@bob", 7, 3, 2)));
    for wrong in ["", "lobby", "lobby 1 2", "b!d 1 2 3", "lobby 1 2 x"] {
        assert_eq!(Listed::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn the_start_shows_the_current_room_and_counts_the_others() {
    let (lobby, mut catch_up) = (target("lobby"), CatchUp::default());
    catch_up.connected("e1", None);
    assert_eq!(catch_up.live(&lobby, 31, message(&lobby, 31)), None, "held until the rest is there");
    let steps =
        catch_up.listed("e1", vec![row("lobby", 30, 5, 25), row("ops", 9, 7, 2), row("quiet", 4, 4, 0)], Some(&lobby));
    let news = CatchUpStep::Unread { target: target("ops"), unread: 2, read: 7 };
    assert_eq!(steps, [news, CatchUpStep::Fetch(lobby.clone(), Part::Latest)]);
    let mut shown = Vec::new();
    for id in 11..=31 {
        shown.extend(catch_up.fetched(&lobby, id, message(&lobby, id)));
    }
    assert_eq!(shown[0], CatchUpStep::Earlier { target: lobby.clone(), read: 5, before: 11 });
    shown.extend(catch_up.page_end(Page::More));
    assert_eq!(ids(&shown), (11..=31).collect::<Vec<_>>(), "the held line was in the page");
    assert!(catch_up.is_live());
    assert_eq!(catch_up.live(&target("ops"), 9, message(&lobby, 9)), None, "listed already");
    assert!(catch_up.live(&target("ops"), 10, message(&lobby, 10)).is_some());
}

#[test]
fn a_different_history_starts_over() {
    let (lobby, mut catch_up) = (target("lobby"), CatchUp::default());
    assert_eq!(catch_up.connected("e1", None), Continuity::Same);
    catch_up.listed("e1", vec![row("lobby", 30, 30, 0)], Some(&lobby));
    assert_eq!(catch_up.connected("e2", None), Continuity::Broken);
    assert_eq!(catch_up.listed("e2", vec![row("lobby", 20, 20, 0)], Some(&lobby)), []);
    assert!(catch_up.live(&lobby, 21, message(&lobby, 21)).is_some());
}

#[test]
fn a_page_without_anything_new_is_the_last() {
    let (lobby, mut catch_up) = (target("lobby"), CatchUp::default());
    catch_up.connected("e1", None);
    catch_up.listed("e1", vec![row("lobby", 1, 1, 0)], None);
    catch_up.connected("e1", None);
    assert_eq!(catch_up.listed("e1", vec![row("lobby", 9, 1, 8)], None), [CatchUpStep::Fetch(lobby, Part::After(1))]);
    assert_eq!(catch_up.page_end(Page::More), []);
    assert!(catch_up.is_live());
}

#[test]
fn messages_sent_here_are_not_shown_again() {
    let (lobby, mut catch_up) = (target("lobby"), CatchUp::default());
    catch_up.connected("e1", None);
    catch_up.listed("e1", vec![row("lobby", 1, 1, 0)], None);
    catch_up.sent(&lobby, 2);
    assert_eq!(catch_up.live(&lobby, 2, message(&lobby, 2)), None, "an echo");
    catch_up.connected("e1", None);
    catch_up.sent(&lobby, 4);
    catch_up.listed("e1", vec![row("lobby", 5, 1, 1)], None);
    let shown: Vec<CatchUpStep> = (3..=5).flat_map(|id| catch_up.fetched(&lobby, id, message(&lobby, id))).collect();
    assert_eq!(ids(&shown), [3, 5]);
}

#[test]
fn messages_that_can_not_be_held_are_fetched() {
    let (lobby, mut catch_up) = (target("lobby"), CatchUp::default());
    catch_up.connected("e1", None);
    catch_up.listed("e1", vec![row("lobby", 0, 0, 0)], None);
    catch_up.connected("e1", None);
    let last = (HELD_MAX / HELD_COST) as u64 + 500;
    for id in 1..=last {
        assert_eq!(catch_up.live(&lobby, id, message(&lobby, id)), None);
    }
    assert_eq!(catch_up.held, 0);
    assert_eq!(catch_up.listed("e1", vec![row("lobby", 0, 0, 0)], None), [CatchUpStep::Fetch(lobby, Part::After(0))]);
}

/// A server with two rooms, and one client's connection to it: a program's, or that of a person who goes from room to
/// room.
#[derive(Default)]
struct World {
    last: [u64; 2],
    /// The room that the person is in.
    here: Option<usize>,
    catch_up: CatchUp,
    connected: bool,
    /// Sent by the server and not yet read by the client.
    wire: VecDeque<Sent>,
    shown: [Vec<u64>; 2],
    counted: [u64; 2],
}

#[derive(Debug)]
enum Sent {
    Live(usize, u64),
    List([u64; 2]),
    Row(usize, u64),
    End(Page),
}

const ROOMS: [&str; 2] = ["lobby", "ops"];
/// Small, so that there are many pages.
const SMALL_PAGE: u64 = 3;

impl World {
    fn of_a_person() -> Self {
        Self { here: Some(0), catch_up: CatchUp::new(Scope::Current), ..Self::default() }
    }

    fn current(&self) -> Option<Target> {
        self.here.map(|room| target(ROOMS[room]))
    }

    fn say(&mut self, room: usize) {
        self.last[room] += 1;
        if self.connected {
            self.wire.push_back(Sent::Live(room, self.last[room]));
        }
    }

    fn drop_connection(&mut self) {
        self.connected = false;
        self.wire.clear();
    }

    fn connect(&mut self) {
        self.drop_connection();
        self.connected = true;
        self.catch_up.connected("e1", self.current().as_ref());
        self.wire.push_back(Sent::List(self.last));
    }

    fn go(&mut self, room: usize) {
        let last = self.counted[room].max(self.shown[room].last().copied().unwrap_or_default());
        self.here = Some(room);
        let steps = self.catch_up.go(self.current().as_ref(), 0, last, 0);
        self.take(steps);
    }

    fn read(&mut self) {
        let Some(sent) = self.wire.pop_front() else { return };
        let steps = match sent {
            Sent::Live(room, id) => {
                let target = target(ROOMS[room]);
                self.catch_up.live(&target, id, message(&target, id)).into_iter().collect()
            }
            Sent::List(last) => {
                let rows = (0..2).map(|room| row(ROOMS[room], last[room], 0, 0)).collect();
                for room in (0..2).filter(|&room| self.here.is_some_and(|here| here != room)) {
                    self.counted[room] = self.counted[room].max(last[room]);
                }
                self.catch_up.listed("e1", rows, self.current().as_ref())
            }
            Sent::Row(room, id) => {
                let target = target(ROOMS[room]);
                self.catch_up.fetched(&target, id, message(&target, id))
            }
            Sent::End(page) => self.catch_up.page_end(page),
        };
        self.take(steps);
    }

    fn read_all(&mut self) {
        while !self.wire.is_empty() {
            self.read();
        }
    }

    fn take(&mut self, steps: Vec<CatchUpStep>) {
        let number = |target: &Target| ROOMS.iter().position(|name| *name == target.to_string()).unwrap();
        for step in steps {
            match step {
                CatchUpStep::Show(target, id, _) => self.shown[number(&target)].push(id),
                CatchUpStep::Fetch(target, part) => {
                    let room = number(&target);
                    let (first, last) = match part {
                        Part::After(after) => (after + 1, (after + SMALL_PAGE).min(self.last[room])),
                        Part::Latest => (self.last[room].saturating_sub(u64::from(UNREAD_SHOWN)) + 1, self.last[room]),
                    };
                    (first..=last).for_each(|id| self.wire.push_back(Sent::Row(room, id)));
                    let page = if last < self.last[room] { Page::More } else { Page::Last };
                    self.wire.push_back(Sent::End(page));
                }
                CatchUpStep::Count(target, id, _) if self.here.is_some() => {
                    let room = number(&target);
                    self.counted[room] = self.counted[room].max(id);
                }
                CatchUpStep::LeftOff { .. } | CatchUpStep::Earlier { .. } if self.here.is_some() => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn every_message_is_shown_once_and_in_order(acts in prop::collection::vec(0..12u8, 0..300)) {
        let mut world = World::default();
        // At the start nothing was said, so everything that follows must be shown.
        world.connect();
        world.read();
        for act in acts {
            match act {
                0..=3 => world.say(usize::from(act % 2)),
                4..=9 => world.read(),
                10 => world.drop_connection(),
                _ => world.connect(),
            }
            for shown in &world.shown {
                prop_assert!(shown.iter().copied().eq(1..=shown.len() as u64), "{shown:?}");
            }
        }
        world.connect();
        world.read_all();
        prop_assert!(world.catch_up.is_live());
        for room in 0..2 {
            prop_assert_eq!(world.shown[room].len() as u64, world.last[room]);
        }
    }
}

proptest! {
    /// Where a person is, every message after the first that was shown in a visit is shown once and in order; and each
    /// message is either shown or counted.
    #[test]
    fn who_goes_from_room_to_room_misses_nothing_and_sees_nothing_twice(acts in prop::collection::vec(0..14u8, 0..300)) {
        let mut walk = World::of_a_person();
        walk.connect();
        walk.read();
        for act in acts {
            match act {
                0..=3 => walk.say(usize::from(act % 2)),
                4..=9 => walk.read(),
                10 => walk.drop_connection(),
                11 => walk.connect(),
                // Not while the connection is down: the line waits then.
                _ if walk.catch_up.is_live() && walk.connected => walk.go(usize::from(act % 2)),
                _ => {}
            }
            for shown in &walk.shown {
                prop_assert!(shown.is_sorted_by(|before, id| before < id), "{:?}", shown);
            }
        }
        walk.connect();
        walk.read_all();
        let here = walk.here.unwrap();
        for room in [1 - here, here] {
            walk.go(room);
            walk.read_all();
            // Fewer than a visit shows were ever said.
            let all: Vec<u64> = (1..=walk.last[room]).collect();
            prop_assert!(all.len() > UNREAD_SHOWN as usize || walk.shown[room] == all, "{:?}", walk.shown[room]);
        }
    }
}
