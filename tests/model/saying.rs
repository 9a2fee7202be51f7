//! Saying something, and the markers of what was read.

use super::moderation::{READ, TALK};
use super::state::{Conversation, Mark, Message, Place, Role, Who};
use super::{By, Model, Outcome, Refusal, done, refuse, require};
use std::rc::Rc;

impl Model {
    pub(super) fn say(&mut self, by: By, target: &str, mark: Mark, text: &str) -> Outcome {
        let place = self.place(by.me, target, TALK)?;
        self.may_say(by, place)?;
        self.append(by, place, mark, text)
    }

    /// In the current room.
    pub(super) fn say_here(&mut self, by: By, mark: Mark, text: &str) -> Outcome {
        let Some(room) = self.connections[&by.conn].current else { return refuse("no-room") };
        let place = Place::Room(room);
        self.may_say(by, place)?;
        self.append(by, place, mark, text)
    }

    pub(super) fn reply(&mut self, by: By, target: &str, id: usize, text: &str) -> Outcome {
        let place = self.place(by.me, target, TALK)?;
        self.may_say(by, place)?;
        let author = self.message(place, id)?.author;
        self.append(by, place, Mark::Reply(id, author), text)
    }

    pub(super) fn post(&mut self, by: By, target: &str, key: &str, text: &str) -> Outcome {
        let place = self.place(by.me, target, TALK)?;
        self.may_be_in(by, place)?;
        let conversation = self.conversation(place);
        if let Some((id, posted)) = conversation.keys.get(&(by.me, key.to_owned())) {
            if conversation.messages[id - 1].removed || posted == text {
                return done(id);
            }
            // What one may comes before what was said.
            self.may_say(by, place)?;
            return refuse("conflict");
        }
        self.may_say(by, place)?;
        self.append_keyed(by, place, key, text)
    }

    pub(super) fn update(&mut self, by: By, target: &str, key: &str, text: &str) -> Outcome {
        let place = self.place(by.me, target, TALK)?;
        self.may_talk(by, place)?;
        match self.conversation(place).keys.get(&(by.me, key.to_owned())) {
            Some(&(id, _)) => {
                self.message(place, id)?;
                self.replace(by, place, id, text)
            }
            None => {
                self.may_say(by, place)?;
                self.append_keyed(by, place, key, text)
            }
        }
    }

    pub(super) fn read(&mut self, by: By, target: &str, id: usize) -> Outcome {
        let place = self.place(by.me, target, TALK)?;
        if let Place::Room(room) = place {
            self.may(by.me, room, READ)?;
        }
        let conversation = self.conversation(place);
        require(id <= conversation.messages.len(), "bad-argument")?;
        let before = conversation.read.get(&by.me).copied().unwrap_or(0);
        if id > before {
            self.conversation_mut(place).read.insert(by.me, id);
            let line = format!("ev=read * read: {} {id}", self.target(place, by.me));
            for conn in self.connections_of(by.me) {
                if conn != by.conn {
                    self.tell(conn, "*", line.clone());
                }
            }
        }
        done(id.max(before))
    }

    /// Whether one may talk there at all.
    pub(super) fn may_talk(&self, by: By, place: Place) -> Result<(), Refusal> {
        match place {
            Place::Room(room) => self.may(by.me, room, TALK),
            Place::Direct(..) => self.may_be_in(by, place),
        }
    }

    /// Whether one is there at all, even muted.
    fn may_be_in(&self, by: By, place: Place) -> Result<(), Refusal> {
        match place {
            Place::Room(room) => self.may(by.me, room, READ),
            Place::Direct(one, other) => {
                let with_server = one == super::state::SERVER || other == super::state::SERVER;
                require(!with_server, "not-allowed")
            }
        }
    }

    /// Whether one may say something new there now: a slow room makes its members wait.
    fn may_say(&self, by: By, place: Place) -> Result<(), Refusal> {
        self.may_talk(by, place)?;
        let id = match place {
            Place::Room(id) => id,
            Place::Direct(_, other) => return self.reads_at_all(other),
        };
        let room = &self.rooms[id];
        let waits = room.members.get(&by.me) == Some(&Role::Member) && !self.accounts[by.me].admin;
        match (room.slow, room.spoke.get(&by.me)) {
            // What was said later than now was said before the clock was set back between two runs.
            (Some(every), Some(&last)) if waits && (last..last + every).contains(&self.now) => {
                Err(Refusal { code: "slow-down", retry: true })
            }
            _ => Ok(()),
        }
    }

    fn append_keyed(&mut self, by: By, place: Place, key: &str, text: &str) -> Outcome {
        let answer = self.append(by, place, Mark::None, text)?;
        let conversation = self.conversation_mut(place);
        let id = conversation.messages.len();
        conversation.keys.insert((by.me, key.to_owned()), (id, text.to_owned()));
        Ok(answer)
    }

    fn append(&mut self, by: By, place: Place, mark: Mark, text: &str) -> Outcome {
        self.messages += 1;
        let message = Message {
            order: self.messages,
            at: self.now,
            ahead: self.ahead,
            author: by.me,
            mark,
            text: text.to_owned(),
            edited: false,
            removed: false,
            mentions: self.mentioned(by, place, text),
            reactions: std::collections::BTreeSet::new(),
        };
        let conversation = self.conversation_mut(place);
        conversation.messages.push(Rc::new(message));
        let id = conversation.messages.len();
        if let Place::Room(room) = place
            && self.rooms[room].slow.is_some()
        {
            let now = self.now;
            self.room_mut(room).spoke.insert(by.me, now);
        }
        self.deliver(by, place, id);
        self.tell_absence(by, place);
        done(id)
    }

    fn deliver(&mut self, by: By, place: Place, id: usize) {
        let message = Rc::clone(&self.conversation(place).messages[id - 1]);
        let author = self.name(by.me);
        let (mark, reply) = match message.mark {
            Mark::None => (String::new(), String::new()),
            Mark::Me => ("me".to_owned(), String::new()),
            Mark::Reply(id, author) => (format!("re {id} {}", self.name(author)), format!(" reply={id}")),
        };
        let mention = self.mention_tag(place, &message.mentions);
        for (conn, who) in self.hearers(place, by.me) {
            if conn == by.conn && !self.connections[&conn].echo {
                continue;
            }
            let target = self.target(place, who);
            let line = match place {
                Place::Room(_) => {
                    let mark = if mark.is_empty() { mark.clone() } else { format!(" ({mark})") };
                    format!("id={id}{reply}{mention} [{target}] {author}{mark}: {}", message.text)
                }
                Place::Direct(one, other) => {
                    let mark = if mark.is_empty() { mark.clone() } else { format!(", {mark}") };
                    let to = self.name(if by.me == one { other } else { one });
                    format!("id={id} to={target}{reply}{mention} ({author} > {to}{mark}) {}", message.text)
                }
            };
            self.tell(conn, &target, line);
        }
    }

    /// A message that is there and not gone.
    pub(super) fn message(&self, place: Place, id: usize) -> Result<Rc<Message>, Refusal> {
        let conversation = self.conversation(place);
        let found = id.checked_sub(1).and_then(|index| conversation.messages.get(index));
        let found = found.filter(|_| id > conversation.dropped);
        found.filter(|message| !message.removed).cloned().map_or_else(|| refuse("no-such-message"), Ok)
    }
}

impl Conversation {
    /// What others said above somebody's marker.
    pub(super) fn unread(&self, who: Who) -> impl Iterator<Item = &Rc<Message>> + Clone {
        let read = self.read.get(&who).copied().unwrap_or(0);
        self.messages[read.max(self.dropped)..].iter().filter(move |message| message.author != who)
    }
}
