//! Where the user is, and where else there is news: what the prompt says.
//!
//! Owns the values, and the one place in which the newest stands for the main thread. However much
//! happens while the user is idle, nothing piles up. The lock is held for a copy.

use crate::protocol::names::Target;
use parking_lot::Mutex;
use std::sync::Arc;

/// The current conversation, and the others that have something unread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Where what is typed is said; `None`: nowhere.
    pub current: Option<Target>,
    /// In the order of `/conversations`: rooms by name, then people.
    pub elsewhere: Vec<News>,
}

/// A conversation that has something unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    pub target: Target,
    /// What others said there since it was read.
    pub unread: u64,
    /// How much of it mentions this account.
    pub mentions: u64,
}

/// Where to go, by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    /// To the conversation of this number, from 1, in the order of `/conversations`.
    Nth(usize),
    /// To the next one that has news: one with mentions first.
    News,
}

/// Hands the newest [`Place`] to the main thread. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct PlaceBoard(Arc<Mutex<Posted>>);

#[derive(Debug, Default)]
struct Posted {
    place: Option<Place>,
    taken: bool,
}

impl PlaceBoard {
    /// Puts up a place. Says whether the main thread must be told: it is not the one that it took last, nor
    /// in place of one that it has not taken yet.
    pub(super) fn post(&self, place: Place) -> bool {
        let mut posted = self.0.lock();
        if posted.place.as_ref() == Some(&place) {
            return false;
        }
        let tell = posted.place.is_none() || posted.taken;
        *posted = Posted { place: Some(place), taken: false };
        tell
    }

    /// The newest place.
    #[must_use]
    pub(super) fn take(&self) -> Place {
        let mut posted = self.0.lock();
        posted.taken = true;
        posted.place.clone().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_told_and_only_once() {
        let board = PlaceBoard::default();
        let at = |room: &str| Place { current: Target::parse(room).ok(), elsewhere: Vec::new() };
        assert!(board.post(Place::default()), "that there is no room is news at the start");
        assert!(!board.post(at("lobby")), "it was not taken yet");
        assert_eq!(board.take(), at("lobby"));
        assert!(!board.post(at("lobby")) && board.post(at("ops")) && !board.post(at("dev")));
        assert_eq!((board.take(), board.take()), (at("dev"), at("dev")));
    }
}
