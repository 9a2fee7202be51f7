//! Whom a text mentions.

use super::moderation::MENTION_ALL;
use super::state::{Message, Model, Place, Who};
use super::{By, Outcome};

/// Accounts that one message mentions.
const MENTIONS_MAX: usize = 20;

/// Whom a message mentions, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mentions {
    accounts: Vec<Who>,
    /// Everyone in the room.
    all: bool,
}

impl Mentions {
    pub(super) fn include(&self, who: Who) -> bool {
        self.all || self.accounts.contains(&who)
    }
}

impl Model {
    pub(super) fn mentioned(&self, by: By, place: Place, text: &str) -> Mentions {
        let mut found = Mentions::default();
        for word in text.split(' ').filter_map(|word| word.strip_prefix('@')) {
            let name = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if let (true, Place::Room(room)) = (name.eq_ignore_ascii_case("room"), place) {
                found.all |= self.may(by.me, room, MENTION_ALL).is_ok();
            } else if let Ok(who) = self.account(name)
                && who != by.me
                && !found.accounts.contains(&who)
                && found.accounts.len() < MENTIONS_MAX
            {
                found.accounts.push(who);
            }
        }
        found
    }

    /// The tag of a live line: those who can read it.
    pub(super) fn mention_tag(&self, place: Place, mentions: &Mentions) -> String {
        let readers = mentions.accounts.iter().filter(|who| self.reads(**who, place));
        let mut names: Vec<&str> = readers.map(|who| self.name(*who)).collect();
        if mentions.all {
            names.insert(0, "room");
        }
        if names.is_empty() { String::new() } else { format!(" mention={}", names.join(",")) }
    }

    pub(super) fn mentions(&mut self, by: By, line: &str) -> Outcome {
        let ignores = self.accounts[by.me].ignores.clone();
        let heard = |message: &Message| message.author != by.me && !ignores.contains(&message.author);
        self.find(by, line, |message| heard(message) && message.mentions.include(by.me))
    }
}
