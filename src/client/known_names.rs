//! Rooms and people that were seen, for completion.
//!
//! The network thread learns them from lines and the line editor completes them: shared on
//! purpose, behind a lock that is held for a look-up and never during I/O.

use crate::protocol::command::is_mistyped;
use crate::protocol::names::{RoomName, UserName};
use parking_lot::Mutex;
use std::cmp::Reverse;
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
    people: BTreeMap<String, Person>,
    /// Messages that came while this client was there.
    messages: u64,
}

#[derive(Debug)]
struct Person {
    name: UserName,
    /// The number of the person's last message among them; 0 if there was none.
    spoke: u64,
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
            learn(&mut self.0.lock().people, name.case_folded().into_owned(), Person { name, spoke: 0 });
        }
    }

    /// Remembers an account that has just said something, if the name is valid.
    pub(super) fn speaker(&self, name: &str) {
        let Ok(name) = UserName::parse(name) else { return };
        let mut seen = self.0.lock();
        seen.messages += 1;
        let (key, spoke) = (name.case_folded().into_owned(), seen.messages);
        match seen.people.get_mut(&key) {
            Some(person) => person.spoke = spoke,
            None => learn(&mut seen.people, key, Person { name, spoke }),
        }
    }

    /// Rooms that begin with this, in order.
    #[must_use]
    pub(super) fn rooms(&self, start: &str) -> Vec<String> {
        let seen = self.0.lock();
        matching(&seen.rooms, start).map(ToString::to_string).collect()
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

    /// People whose names begin with this: first those who spoke last, then the others in order.
    #[must_use]
    pub(super) fn people(&self, start: &str) -> Vec<String> {
        let seen = self.0.lock();
        let mut found: Vec<&Person> = matching(&seen.people, start).collect();
        found.sort_by_key(|person| Reverse(person.spoke));
        found.into_iter().map(|person| person.name.to_string()).collect()
    }
}

fn learn<T>(names: &mut BTreeMap<String, T>, case_folded: String, name: T) {
    if names.len() < NAMES_MAX {
        names.entry(case_folded).or_insert(name);
    }
}

fn matching<'a, T>(names: &'a BTreeMap<String, T>, start: &str) -> impl Iterator<Item = &'a T> {
    let start = start.to_lowercase();
    let from = names.range(start.clone()..).take_while(move |(case_folded, _)| case_folded.starts_with(&start));
    from.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_spoke_last_come_first() {
        let names = KnownNames::default();
        ["bea", "bob", "bonnie"].iter().for_each(|name| names.person(name));
        ["bonnie", "Bart", "carol", "BOB", "bonnie"].iter().for_each(|name| names.speaker(name));
        // Seen again, but not heard.
        names.person("bart");
        assert_eq!(names.people("b"), ["bonnie", "bob", "Bart", "bea"]);
        assert_eq!(names.people("BO"), ["bonnie", "bob"]);
    }
}
