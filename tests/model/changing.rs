//! What happens to messages after they were said: `/edit`, `/redact`, `/react`, `/pin`.

use super::mentions::Mentions;
use super::moderation::{PIN, READ, REDACT, TALK};
use super::state::{Change, Conn, Message, Place, Who};
use super::{By, Model, Outcome, Refusal, done, require};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Pinned messages of one conversation.
const PINS_MAX: usize = 25;
/// Different reactions to one message.
const REACTIONS_MAX: usize = 20;

impl Model {
    pub(super) fn edit(&mut self, by: By, target: &str, id: usize, text: &str) -> Outcome {
        let place = self.place(by.me, target, TALK)?;
        self.may_talk(by, place)?;
        require(self.message(place, id)?.author == by.me, "not-allowed")?;
        self.replace(by, place, id, text)
    }

    pub(super) fn replace(&mut self, by: By, place: Place, id: usize, text: &str) -> Outcome {
        let mentions = self.mentioned(by, place, text);
        self.alter(place, id, |message| {
            message.edited = true;
            message.mentions = mentions;
            text.clone_into(&mut message.text);
        });
        self.change(by, place, id, "edit", text.to_owned())
    }

    pub(super) fn redact(&mut self, by: By, target: &str, id: usize, reason: &str) -> Outcome {
        let place = self.place(by.me, target, REDACT)?;
        self.may_redact(by, place, id)?;
        let author = self.message(place, id)?.author;
        self.alter(place, id, |message| {
            message.removed = true;
            message.mentions = Mentions::default();
            reason.clone_into(&mut message.text);
            message.reactions.clear();
        });
        self.conversation_mut(place).pins.remove(&id);
        if let Place::Room(room) = place
            && author != by.me
        {
            self.note(by, room, "redact", Some(author), format!("{id} {reason}").trim_end());
        }
        self.change(by, place, id, "redact", reason.to_owned())
    }

    /// Its author may, and in rooms those whose role is above the author's.
    fn may_redact(&self, by: By, place: Place, id: usize) -> Result<(), Refusal> {
        let Place::Room(room) = place else {
            return require(self.message(place, id)?.author == by.me, "not-allowed");
        };
        self.may(by.me, room, READ).or_else(|_| self.may(by.me, room, REDACT))?;
        let author = self.message(place, id)?.author;
        if author == by.me {
            return Ok(());
        }
        self.may(by.me, room, REDACT)?;
        self.stands_above(by.me, author, room)
    }

    pub(super) fn react(&mut self, by: By, target: &str, id: usize, word: &str) -> Outcome {
        let place = self.place(by.me, target, TALK)?;
        self.may_talk(by, place)?;
        let message = self.message(place, id)?;
        let mine = (word.to_owned(), by.me);
        let back = message.reactions.contains(&mine);
        if !back {
            let mut words: BTreeSet<&str> = message.reactions.iter().map(|(word, _)| word.as_str()).collect();
            words.insert(word);
            require(words.len() <= REACTIONS_MAX, "limit")?;
        }
        self.alter(place, id, |message| {
            if back {
                message.reactions.remove(&mine)
            } else {
                message.reactions.insert(mine)
            };
        });
        let count = self.message(place, id)?.reactions.iter().filter(|(other, _)| other == word).count();
        self.change(by, place, id, if back { "unreact" } else { "react" }, format!("{count} {word}"))
    }

    pub(super) fn pin(&mut self, by: By, target: &str, id: usize, pinned: bool) -> Outcome {
        let place = self.place(by.me, target, PIN)?;
        match place {
            Place::Room(room) => self.may(by.me, room, PIN)?,
            Place::Direct(..) => self.may_talk(by, place)?,
        }
        let author = self.message(place, id)?.author;
        let conversation = self.conversation(place);
        if conversation.pins.contains(&id) == pinned {
            return done(format!("change={}", conversation.changes.len()));
        }
        require(!pinned || conversation.pins.len() < PINS_MAX, "limit")?;
        let pins = &mut self.conversation_mut(place).pins;
        if pinned {
            pins.insert(id)
        } else {
            pins.remove(&id)
        };
        let word = if pinned { "pin" } else { "unpin" };
        if let Place::Room(room) = place {
            self.note(by, room, word, Some(author), &id.to_string());
        }
        self.change(by, place, id, word, String::new())
    }

    fn alter(&mut self, place: Place, id: usize, how: impl FnOnce(&mut Message)) {
        how(Rc::make_mut(&mut self.conversation_mut(place).messages[id - 1]));
    }

    /// Numbers what has happened, and tells everyone else there.
    fn change(&mut self, by: By, place: Place, id: usize, word: &'static str, text: String) -> Outcome {
        let changes = &mut self.conversation_mut(place).changes;
        let kept = if word == "edit" || word == "redact" { String::new() } else { text.clone() };
        changes.push(Rc::new(Change { by: by.me, word, id, text: kept }));
        let number = changes.len();
        let text = if text.is_empty() { text } else { format!(": {text}") };
        let mention = match word {
            "edit" => self.mention_tag(place, &self.conversation(place).messages[id - 1].mentions),
            _ => String::new(),
        };
        let what = format!("ev={word} who={} about={id} change={number}{mention}", self.name(by.me));
        let mut hearers: BTreeSet<(Conn, Who)> = self.hearers(place, by.me).into_iter().collect();
        // Also those of an administrator who is not in the room.
        hearers.extend(self.connections_of(by.me).into_iter().map(|conn| (conn, by.me)));
        hearers.remove(&(by.conn, by.me));
        for (conn, who) in hearers {
            let target = self.target(place, who);
            let line = match place {
                Place::Room(_) => format!("{what} [{target}] *{text}"),
                Place::Direct(..) => format!("to={target} {what} *{text}"),
            };
            self.tell(conn, &target, line);
        }
        done(format!("change={number}"))
    }
}
