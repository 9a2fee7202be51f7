//! Rooms and people that were seen, for completion.
//!
//! The network thread learns them from lines and the line editor completes them: shared on
//! purpose, behind a lock that is held for a look-up and never during I/O.

use crate::protocol::command::is_mistyped;
use crate::protocol::names::{RoomName, UserName};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names of each kind that are remembered; others are not completed.
const NAMES_MAX: usize = 5000;

/// Clones share the names.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownNames(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    rooms: BTreeMap<String, RoomName>,
    people: BTreeMap<String, UserName>,
}

impl KnownNames {
    /// Remembers a room, if the name is valid.
    pub(super) fn room(&self, name: &str) {
        if let Ok(room) = RoomName::parse(name) {
            learn(&mut self.0.lock().rooms, room.as_str().to_owned(), room);
        }
    }

    /// Remembers an account, if the name is valid.
    pub(super) fn person(&self, name: &str) {
        if let Ok(name) = UserName::parse(name) {
            learn(&mut self.0.lock().people, name.case_folded().into_owned(), name);
        }
    }

    /// Rooms that begin with this, in order.
    #[must_use]
    pub(super) fn rooms(&self, start: &str) -> Vec<String> {
        matching(&self.0.lock().rooms, start)
    }

    /// Whether there is a room of that name.
    #[must_use]
    pub(super) fn has_room(&self, name: &str) -> bool {
        RoomName::parse(name).is_ok_and(|room| self.0.lock().rooms.contains_key(room.as_str()))
    }

    /// Whether a word may be meant to be a room: one has that name, but for a slip.
    #[must_use]
    pub(super) fn is_like_a_room(&self, word: &str) -> bool {
        let seen = self.0.lock();
        seen.rooms.keys().any(|room| room.eq_ignore_ascii_case(word) || is_mistyped(word, room))
    }

    /// People whose names begin with this, in order.
    #[must_use]
    pub(super) fn people(&self, start: &str) -> Vec<String> {
        matching(&self.0.lock().people, start)
    }
}

fn learn<T>(names: &mut BTreeMap<String, T>, case_folded: String, name: T) {
    if names.len() < NAMES_MAX {
        names.entry(case_folded).or_insert(name);
    }
}

fn matching<T: ToString>(names: &BTreeMap<String, T>, start: &str) -> Vec<String> {
    let start = start.to_lowercase();
    let from = names.range(start.clone()..).take_while(|(case_folded, _)| case_folded.starts_with(&start));
    from.map(|(_, name)| name.to_string()).collect()
}
