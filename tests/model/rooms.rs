//! Coming into rooms, and what they are called.

use super::moderation::{INVITE, LOOK, OWN, READ, TOPIC};
use super::state::{Conn, LOBBY, Place, Role, Room, RoomId, Who};
use super::{By, Model, Outcome, Refusal, done, refuse, require};
use std::rc::Rc;

/// Other names that a room had.
const NAMES_MAX: usize = 16;
/// Open invitations of one account, and those of them by one person.
const INVITATIONS_MAX: usize = 50;
const INVITATIONS_BY_ONE_MAX: usize = 10;

impl Model {
    pub(super) fn create(&mut self, by: By, name: &str, private: bool) -> Outcome {
        self.free(by.me, name)?;
        self.make(by, name, private);
        done(format!("{name}…"))
    }

    pub(super) fn join(&mut self, by: By, name: &str) -> Outcome {
        self.connection(by).current = None;
        let id = match self.rooms.iter().position(|room| !room.closed && room.name == name) {
            Some(id) => {
                self.may_join(by.me, id)?;
                id
            }
            None => {
                self.free(by.me, name)?;
                self.make(by, name, false)
            }
        };
        if !self.rooms[id].members.contains_key(&by.me) {
            self.enter(by, id);
        }
        self.connection(by).current = Some(id);
        done(format!("{name}…"))
    }

    /// Whether a room of that name can be made.
    fn free(&self, me: Who, name: &str) -> Result<(), Refusal> {
        match self.rooms.iter().position(|room| room.has_name(name)) {
            None => Ok(()),
            Some(id) if self.rooms[id].closed && self.rooms[id].private => refuse("not-allowed"),
            Some(id) if self.rooms[id].closed || self.sees(me, id) => refuse("name-taken"),
            Some(_) => refuse("not-allowed"),
        }
    }

    fn may_join(&self, me: Who, id: RoomId) -> Result<(), Refusal> {
        if self.rooms[id].members.contains_key(&me) {
            return Ok(());
        }
        require(self.sees(me, id), "not-allowed")?;
        self.not_banned(me, id)
    }

    pub(super) fn not_banned(&self, who: Who, id: RoomId) -> Result<(), Refusal> {
        match Room::holds(&self.rooms[id].bans, who, self.now) {
            Some(ban) if !self.anyone(who).admin => Err(Refusal { code: "banned", retry: ban.until.is_some() }),
            _ => Ok(()),
        }
    }

    /// A new room, with whoever made it as owner.
    fn make(&mut self, by: By, name: &str, private: bool) -> RoomId {
        self.rooms.push(Rc::new(Room { name: name.to_owned(), private, ..Room::default() }));
        let id = self.rooms.len() - 1;
        self.enter_as(by, by.me, id, Role::Owner);
        id
    }

    fn enter(&mut self, by: By, id: RoomId) {
        self.enter_as(by, by.me, id, Role::Member);
    }

    /// Somebody is in a room from now on. All their own connections are told, and those of others who
    /// want to know.
    pub(super) fn enter_as(&mut self, by: By, who: Who, id: RoomId, role: Role) {
        let room = self.room_mut(id);
        room.members.insert(who, role);
        room.invited.remove(&who);
        // One that has ended, or that doesn't hold them because they have become an administrator.
        room.bans.remove(&who);
        let place = Place::Room(id);
        let last = self.conversation(place).messages.len();
        self.conversation_mut(place).read.insert(who, last);
        self.came_or_went((who == by.me).then_some(by.conn), who, id, "join");
    }

    pub(super) fn came_or_went(&mut self, silent: Option<Conn>, who: Who, id: RoomId, word: &str) {
        let name = self.rooms[id].name.clone();
        let line = format!("ev={word} who={} [{name}] *", self.name(who));
        let hearers =
            self.audience(Place::Room(id)).into_iter().chain(self.connections_of(who).into_iter().map(|c| (c, who)));
        let hearers: std::collections::BTreeSet<_> = hearers.collect();
        for (conn, account) in hearers {
            if Some(conn) != silent && (account == who || self.connections[&conn].presence) {
                self.tell(conn, &name, line.clone());
            }
        }
    }

    pub(super) fn leave(&mut self, by: By, name: &str) -> Outcome {
        let id = self.room(by.me, name, READ)?;
        self.may(by.me, id, READ)?;
        let alone = self.rooms[id].members.len() == 1;
        require(!self.last_owner(by.me, id) || alone && self.forgettable(id), "not-allowed")?;
        self.remove(by.me, id);
        self.came_or_went(Some(by.conn), by.me, id, "leave");
        if alone && self.forgettable(id) {
            self.forget(id);
        }
        done(format!("{name}…"))
    }

    /// Whether nothing was ever said in a room, nobody is invited and there is no hook.
    fn forgettable(&self, id: RoomId) -> bool {
        let silent = self.conversation(Place::Room(id)).messages.is_empty();
        let hooks = self.hooks.iter().any(|hook| hook.room == id);
        id != LOBBY && silent && self.rooms[id].invited.is_empty() && !hooks
    }

    /// It is as if the room had never been.
    fn forget(&mut self, id: RoomId) {
        *self.room_mut(id) = Room { closed: true, ..Room::default() };
        self.conversations.remove(&Place::Room(id));
    }

    pub(super) fn switch(&mut self, by: By, name: &str) -> Outcome {
        self.connection(by).current = None;
        let id = self.room(by.me, name, READ)?;
        self.may(by.me, id, READ)?;
        self.connection(by).current = Some(id);
        done(format!("{}…", self.rooms[id].name))
    }

    pub(super) fn topic(&mut self, by: By, name: &str, text: &str) -> Outcome {
        let id = self.room(by.me, name, LOOK)?;
        if text.is_empty() {
            self.may(by.me, id, LOOK)?;
            return done(format!("{}…", self.rooms[id].name));
        }
        self.may(by.me, id, TOPIC)?;
        let text = if text == "-" { "" } else { text };
        text.clone_into(&mut self.room_mut(id).topic);
        self.event(id, by.conn, None, &format!("ev=topic who={}", self.name(by.me)));
        done(format!("{}…", self.rooms[id].name))
    }

    pub(super) fn invite(&mut self, by: By, room: &str, name: &str) -> Outcome {
        let id = self.room(by.me, room, INVITE)?;
        let whom = self.account(name)?;
        self.may(by.me, id, INVITE)?;
        self.reads_at_all(whom)?;
        if self.rooms[id].members.contains_key(&whom) {
            return done("…");
        }
        require(self.not_banned(whom, id).is_ok(), "banned")?;
        // One by somebody whom they ignore is none, but for those whom they ignore as well.
        let ignores = &self.accounts[whom].ignores;
        let counts = |inviter: &Who| !ignores.contains(inviter) || ignores.contains(&by.me);
        if self.rooms[id].invited.get(&whom).is_some_and(counts) {
            return done("…");
        }
        let open: Vec<Who> = self.rooms.iter().filter_map(|room| room.invited.get(&whom).copied()).collect();
        require(open.len() < INVITATIONS_MAX, "limit")?;
        require(open.iter().filter(|other| **other == by.me).count() < INVITATIONS_BY_ONE_MAX, "limit")?;
        self.room_mut(id).invited.insert(whom, by.me);
        if !self.rooms[id].members.contains_key(&by.me) {
            // An administrator's doing, perhaps to let themselves in.
            self.note(by, id, "invite", Some(whom), "");
        }
        if self.accounts[whom].ignores.contains(&by.me) {
            return done("…");
        }
        for conn in self.connections_of(whom) {
            let line = format!("* invited: {} by {}. /join {0}", self.rooms[id].name, self.name(by.me));
            self.tell(conn, "*", line);
        }
        done("…")
    }

    pub(super) fn decline(&mut self, by: By, what: &str) -> Outcome {
        let which = match what.strip_prefix('@') {
            Some(name) => {
                let inviter = self.account(name)?;
                (0..self.rooms.len()).filter(|id| self.inviter(by.me, *id) == Some(inviter)).collect()
            }
            None => {
                let invited = |id: &RoomId| self.rooms[*id].name == what && self.inviter(by.me, *id).is_some();
                let Some(id) = (0..self.rooms.len()).find(invited) else { return refuse("bad-argument") };
                vec![id]
            }
        };
        for id in which {
            self.room_mut(id).invited.remove(&by.me);
        }
        done("…")
    }

    pub(super) fn rename(&mut self, by: By, room: &str, new: &str) -> Outcome {
        let id = self.room(by.me, room, OWN)?;
        self.may(by.me, id, OWN)?;
        require(id != LOBBY, "not-allowed")?;
        if self.rooms[id].name == new {
            return done(format!("{new}…"));
        }
        if !self.rooms[id].others.contains(new) {
            self.free(by.me, new)?;
            require(self.rooms[id].others.len() < NAMES_MAX, "limit")?;
        }
        self.note(by, id, "rename", None, new);
        self.event(id, by.conn, None, &format!("ev=rename who={} set={new}", self.name(by.me)));
        let room = self.room_mut(id);
        room.others.remove(new);
        let old = std::mem::replace(&mut room.name, new.to_owned());
        room.others.insert(old);
        done(format!("{new}…"))
    }

    pub(super) fn close(&mut self, by: By, name: &str) -> Outcome {
        let id = self.room(by.me, name, OWN)?;
        self.may(by.me, id, OWN)?;
        require(id != LOBBY, "not-allowed")?;
        self.note(by, id, "close", None, "");
        self.event(id, by.conn, None, &format!("ev=close who={}", self.name(by.me)));
        for whom in self.rooms[id].members.keys().copied().collect::<Vec<_>>() {
            self.remove(whom, id);
        }
        if self.forgettable(id) {
            self.forget(id);
        }
        self.hooks.iter_mut().filter(|hook| hook.room == id).for_each(|hook| hook.on = false);
        let room = self.room_mut(id);
        room.closed = true;
        room.invited.clear();
        done(format!("{name}…"))
    }

    fn connection(&mut self, by: By) -> &mut super::state::Connection {
        self.connections.get_mut(&by.conn).expect("it is logged in")
    }

    pub(super) fn set(&mut self, by: By, option: &str, value: &str) -> Outcome {
        let connection = self.connection(by);
        match option {
            "echo" => connection.echo = value == "on",
            _ => connection.presence = value == "on",
        }
        done(format!("{option} {value}…"))
    }
}
