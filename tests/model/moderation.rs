//! Who may do what in a room, and keeping order there.

use super::state::{Deed, Place, Role, Room, RoomId, Sanction, Who};
use super::words::{Words, duration};
use super::{By, Model, Outcome, Refusal, done, refuse, require};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A row of the page's table of permissions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Right {
    least: Role,
    /// Whether administrators have it in rooms that they are not in.
    pub everywhere: bool,
    while_muted: bool,
}

pub(super) const TALK: Right = Right { least: Role::Member, everywhere: false, while_muted: false };
pub(super) const READ: Right = Right { least: Role::Member, everywhere: false, while_muted: true };
pub(super) const MENTION_ALL: Right = Right { least: Role::Moderator, everywhere: false, while_muted: false };
pub(super) const LOOK: Right = Right { least: Role::Member, everywhere: true, while_muted: true };
pub(super) const TOPIC: Right = Right { least: Role::Member, everywhere: true, while_muted: false };
pub(super) const INVITE: Right = Right { least: Role::Member, everywhere: true, while_muted: true };
pub(super) const REDACT: Right = Right { least: Role::Moderator, everywhere: true, while_muted: true };
pub(super) const PIN: Right = Right { least: Role::Moderator, everywhere: true, while_muted: false };
pub(super) const MODERATE: Right = Right { least: Role::Moderator, everywhere: true, while_muted: true };
pub(super) const OWN: Right = Right { least: Role::Owner, everywhere: true, while_muted: true };

impl Model {
    pub(super) fn may(&self, me: Who, id: RoomId, right: Right) -> Result<(), Refusal> {
        let (admin, room) = (self.accounts[me].admin, &self.rooms[id]);
        let Some(role) = room.members.get(&me) else {
            return require(admin && right.everywhere, "not-a-member");
        };
        require(admin || *role >= right.least, "not-allowed")?;
        match Room::holds(&room.mutes, me, self.now) {
            Some(mute) if !admin && !right.while_muted => Err(Refusal { code: "muted", retry: mute.until.is_some() }),
            _ => Ok(()),
        }
    }

    /// Nobody acts on someone of their own or a higher rank.
    pub(super) fn stands_above(&self, me: Who, whom: Who, id: RoomId) -> Result<(), Refusal> {
        let rank = |who: Who| (self.anyone(who).admin, self.rooms[id].members.get(&who).copied());
        let above = match (rank(me), rank(whom)) {
            ((true, _), (other, _)) => !other,
            (_, (true, _)) => false,
            ((_, mine), (_, theirs)) => mine > theirs,
        };
        require(above, "not-allowed")
    }

    pub(super) fn role(&mut self, by: By, room: &str, name: &str) -> Outcome {
        let id = self.room(by.me, room, LOOK)?;
        let whom = self.account(name)?;
        self.may(by.me, id, LOOK)?;
        match self.rooms[id].members.get(&whom) {
            Some(role) => done(format!("{} {}", self.name(whom), role.word())),
            None => refuse("not-a-member"),
        }
    }

    pub(super) fn assign(&mut self, by: By, room: &str, name: &str, role: Role) -> Outcome {
        let id = self.room(by.me, room, OWN)?;
        let whom = self.account(name)?;
        self.may(by.me, id, OWN)?;
        if role != Role::Member {
            self.reads_at_all(whom)?;
        }
        if whom != by.me {
            self.stands_above(by.me, whom, id)?;
        }
        let Some(before) = self.rooms[id].members.get(&whom).copied() else { return refuse("not-a-member") };
        let answer = done(format!("{} {}", self.name(whom), role.word()));
        if before == role {
            return answer;
        }
        require(whom != by.me || !self.last_owner(whom, id), "not-allowed")?;
        self.room_mut(id).members.insert(whom, role);
        self.note(by, id, "role", Some(whom), role.word());
        let tags = format!("ev=role who={} by={} set={}", self.name(whom), self.name(by.me), role.word());
        self.event(id, by.conn, None, &tags);
        answer
    }

    pub(super) fn last_owner(&self, who: Who, id: RoomId) -> bool {
        let members = &self.rooms[id].members;
        members.get(&who) == Some(&Role::Owner) && members.values().filter(|role| **role == Role::Owner).count() == 1
    }

    pub(super) fn kick(&mut self, by: By, room: &str, name: &str, reason: &str) -> Outcome {
        let id = self.room(by.me, room, MODERATE)?;
        let whom = self.account(name)?;
        self.may(by.me, id, MODERATE)?;
        self.stands_above(by.me, whom, id)?;
        require(self.rooms[id].members.contains_key(&whom), "not-a-member")?;
        self.note(by, id, "kick", Some(whom), reason);
        self.remove(whom, id);
        self.event(id, by.conn, Some(whom), &format!("ev=kick who={} by={}", self.name(whom), self.name(by.me)));
        done(format!("{}…", self.name(whom)))
    }

    pub(super) fn ban(&mut self, by: By, room: &str, name: &str, rest: &str) -> Outcome {
        let id = self.room(by.me, room, MODERATE)?;
        let whom = self.account(name)?;
        self.may(by.me, id, MODERATE)?;
        self.stands_above(by.me, whom, id)?;
        let sanction = self.sanction(by, rest);
        self.note(by, id, "ban", Some(whom), rest);
        let was_in = self.rooms[id].members.contains_key(&whom).then_some(whom);
        self.remove(whom, id);
        self.room_mut(id).invited.remove(&whom);
        let tags = self.sanctioned("ban", by, whom, &sanction);
        self.room_mut(id).bans.insert(whom, sanction);
        self.event(id, by.conn, was_in, &tags);
        done(format!("{}…", self.name(whom)))
    }

    pub(super) fn mute(&mut self, by: By, room: &str, name: &str, rest: &str) -> Outcome {
        let id = self.room(by.me, room, MODERATE)?;
        let whom = self.account(name)?;
        self.may(by.me, id, MODERATE)?;
        self.stands_above(by.me, whom, id)?;
        let sanction = self.sanction(by, rest);
        self.note(by, id, "mute", Some(whom), rest);
        let tags = self.sanctioned("mute", by, whom, &sanction);
        self.room_mut(id).mutes.insert(whom, sanction);
        self.event(id, by.conn, None, &tags);
        done(format!("{}…", self.name(whom)))
    }

    pub(super) fn unban(&mut self, by: By, room: &str, name: &str) -> Outcome {
        self.lift(by, room, name, "unban", |room| &mut room.bans)
    }

    pub(super) fn unmute(&mut self, by: By, room: &str, name: &str) -> Outcome {
        self.lift(by, room, name, "unmute", |room| &mut room.mutes)
    }

    fn lift(
        &mut self,
        by: By,
        room: &str,
        name: &str,
        verb: &'static str,
        of: fn(&mut Room) -> &mut BTreeMap<Who, Sanction>,
    ) -> Outcome {
        let id = self.room(by.me, room, MODERATE)?;
        let whom = self.account(name)?;
        self.may(by.me, id, MODERATE)?;
        self.stands_above(by.me, whom, id)?;
        let now = self.now;
        let lifted = of(self.room_mut(id)).remove(&whom);
        // One that has ended by itself is none.
        if lifted.is_some_and(|sanction| sanction.until.is_none_or(|until| now < until)) {
            self.note(by, id, verb, Some(whom), "");
            self.event(id, by.conn, None, &format!("ev={verb} who={} by={}", self.name(whom), self.name(by.me)));
        }
        done(format!("{}…", self.name(whom)))
    }

    fn sanction(&self, by: By, rest: &str) -> Sanction {
        let mut words = Words::new(rest);
        let until = words.option("for").map(|time| self.now + duration(time));
        Sanction { until, by: by.me, reason: words.rest().to_owned() }
    }

    fn sanctioned(&self, verb: &str, by: By, whom: Who, sanction: &Sanction) -> String {
        let until = if sanction.until.is_some() { " until" } else { "" };
        format!("ev={verb} who={} by={}{until}", self.name(whom), self.name(by.me))
    }

    /// Somebody is out of a room, on all connections.
    pub(super) fn remove(&mut self, whom: Who, id: RoomId) {
        let room = self.room_mut(id);
        room.members.remove(&whom);
        self.conversation_mut(Place::Room(id)).read.remove(&whom);
        for connection in self.connections.values_mut() {
            if connection.account == whom && connection.current == Some(id) {
                connection.current = None;
            }
        }
    }

    pub(super) fn slow(&mut self, by: By, room: &str, time: &str) -> Outcome {
        let id = self.room(by.me, room, MODERATE)?;
        self.may(by.me, id, MODERATE)?;
        let every = (time != "off").then(|| duration(time));
        if self.rooms[id].slow != every {
            self.note(by, id, "slow", None, time);
            let room = self.room_mut(id);
            room.slow = every;
            room.spoke.clear();
            self.event(id, by.conn, None, &format!("ev=slow who={} set={time}", self.name(by.me)));
        }
        done(format!("{}…", self.rooms[id].name))
    }

    pub(super) fn retain(&mut self, by: By, room: &str, time: &str) -> Outcome {
        let id = self.room(by.me, room, OWN)?;
        self.may(by.me, id, OWN)?;
        let retain = (time != "off").then(|| duration(time));
        if self.rooms[id].retain != retain {
            self.note(by, id, "retain", None, time);
            (self.room_mut(id).retain, self.room_mut(id).retain_since) = (retain, self.now);
            self.event(id, by.conn, None, &format!("ev=retain who={} set={time}", self.name(by.me)));
        }
        done(format!("{}…", self.rooms[id].name))
    }

    pub(super) fn private(&mut self, by: By, room: &str, on: bool) -> Outcome {
        let id = self.room(by.me, room, OWN)?;
        self.may(by.me, id, OWN)?;
        require(id != super::state::LOBBY, "not-allowed")?;
        if self.rooms[id].private != on {
            let word = if on { "on" } else { "off" };
            self.note(by, id, "private", None, word);
            self.room_mut(id).private = on;
            self.event(id, by.conn, None, &format!("ev=private who={} set={word}", self.name(by.me)));
        }
        done(format!("{}…", self.rooms[id].name))
    }

    /// Writes it into the room's audit log.
    pub(super) fn note(&mut self, by: By, id: RoomId, verb: &'static str, whom: Option<Who>, reason: &str) {
        let deed = Deed { by: by.me, verb, whom, reason: reason.to_owned() };
        self.room_mut(id).deeds.push(deed);
    }

    /// The same for what concerns the whole server.
    pub(super) fn note_server(&mut self, by: By, verb: &'static str, whom: Option<Who>, reason: &str) {
        let deed = Deed { by: by.me, verb, whom, reason: reason.to_owned() };
        Rc::make_mut(&mut self.deeds).push(deed);
    }
}
