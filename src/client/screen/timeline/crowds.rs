//! How large rooms are, as far as the client has heard.
//!
//! The server says it when one goes to a room; else whoever did something there is counted, which is a
//! lower bound, and asks the server nothing. Pure.

use crate::client::item::{AnswerEnd, AnswerItem, EventKind, Item};
use crate::protocol::names::{RoomName, Target, UserName};
use std::collections::{HashMap, HashSet};

/// Rooms that are remembered; beyond that, all are forgotten and counted anew.
const ROOMS_MAX: usize = 100;

#[derive(Debug)]
pub(super) struct Crowds {
    rooms: HashMap<RoomName, Crowd>,
    /// The most people of a room that is not large.
    small: usize,
}

#[derive(Debug, Default)]
struct Crowd {
    /// How many members the server said it has, and joined and left since.
    members: Option<usize>,
    /// Who did something there; no more than it takes to be large.
    seen: HashSet<UserName>,
}

impl Crowds {
    /// Rooms with more than so many people are large.
    pub(super) fn new(small: u32) -> Self {
        Self { rooms: HashMap::new(), small: small as usize }
    }

    /// Whether it is known that a room is large. With `joins = 0`, all are.
    pub(super) fn is_large(&self, room: RoomName) -> bool {
        let large = |crowd: &Crowd| crowd.members.unwrap_or(0).max(crowd.seen.len()) > self.small;
        self.small == 0 || self.rooms.get(&room).is_some_and(large)
    }

    /// Learns from what is shown.
    pub(super) fn note(&mut self, item: &Item) {
        match item {
            Item::Message(message) => {
                if let Target::Room(room) = &message.target {
                    self.saw(*room, &message.author);
                }
            }
            Item::Event(event) => {
                let (Some(Target::Room(room)), Some(who)) = (&event.target, &event.who) else { return };
                match event.kind {
                    EventKind::Join => self.saw(*room, who).counts(1),
                    EventKind::Leave => self.saw(*room, who).counts(-1),
                    _ => _ = self.saw(*room, who),
                }
            }
            Item::Here { target: Target::Room(room), members: Some(members), .. } => {
                self.crowd(*room).members = Some(*members as usize);
            }
            Item::Answer(AnswerItem { command, end: AnswerEnd::Done(text), .. }) => {
                let verb = command.split(' ').next().unwrap_or_default().to_lowercase();
                if matches!(verb.as_str(), "join" | "switch") {
                    self.told(text);
                }
            }
            _ => {}
        }
    }

    /// `ops - 2 members, 2 here.` If the sentence changes one day, people are counted.
    fn told(&mut self, text: &str) {
        let mut words = text.split(' ');
        let (Some(room), Some("-"), Some(count)) = (words.next(), words.next(), words.next()) else { return };
        if let (Ok(room), Ok(members), Some("members,")) = (RoomName::parse(room), count.parse(), words.next()) {
            self.crowd(room).members = Some(members);
        }
    }

    fn saw(&mut self, room: RoomName, who: &str) -> &mut Crowd {
        let small = self.small;
        let crowd = self.crowd(room);
        if crowd.seen.len() <= small
            && let Ok(who) = UserName::parse(who)
        {
            crowd.seen.insert(who);
        }
        crowd
    }

    fn crowd(&mut self, room: RoomName) -> &mut Crowd {
        if self.rooms.len() >= ROOMS_MAX && !self.rooms.contains_key(&room) {
            self.rooms.clear();
        }
        self.rooms.entry(room).or_default()
    }
}

impl Crowd {
    fn counts(&mut self, change: isize) {
        self.members = self.members.map(|members| members.saturating_add_signed(change));
    }
}
