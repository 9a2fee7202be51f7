//! What there is, how it is named, and who hears of it.

use super::hooks::{FIRST_HOOK, Hook};
use super::mentions::Mentions;
use super::moderation::Right;
use super::{Answer, Refusal, Told, refuse};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// An account, by the order of registering; 0 is `server`.
pub(crate) type Who = usize;
/// A connection.
pub(crate) type Conn = usize;
pub(super) type RoomId = usize;

/// The account of the console.
pub(super) const SERVER: Who = 0;
pub(super) const LOBBY: RoomId = 0;
/// Open invitations that a login tells of.
const INVITATIONS_TOLD: usize = 5;

/// Everything that the server knows. Parts that grow are shared between clones until they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    pub(super) accounts: Vec<Account>,
    /// Accounts as well, numbered from [`FIRST_HOOK`].
    pub(super) hooks: Vec<Hook>,
    pub(super) rooms: Vec<Rc<Room>>,
    pub(super) conversations: BTreeMap<Place, Rc<Conversation>>,
    pub(super) connections: BTreeMap<Conn, Connection>,
    /// What administrators did to the server.
    pub(super) deeds: Rc<Vec<Deed>>,
    /// Messages so far, in all conversations.
    pub(super) messages: u64,
    pub(super) now: u64,
    /// By how much the time of what is said now may be ahead of it: that follows a clock which is set forward.
    pub(crate) ahead: u64,
    /// What the line at hand makes others hear.
    pub(super) told: Vec<Told>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub name: &'static str,
    pub admin: bool,
    pub disabled: Option<String>,
    pub away: Option<String>,
    pub profile: String,
    pub ignores: BTreeSet<Who>,
}

impl Account {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, admin: false, disabled: None, away: None, profile: String::new(), ignores: BTreeSet::new() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Connection {
    pub account: Who,
    pub current: Option<RoomId>,
    pub echo: bool,
    pub presence: bool,
    /// The last row that the last search has shown.
    pub searched: u64,
    /// Of whom it was told that they are away.
    pub knows_away: BTreeSet<Who>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Room {
    pub name: String,
    /// Names that it had.
    pub others: BTreeSet<String>,
    pub private: bool,
    pub closed: bool,
    pub topic: String,
    /// How long each member waits between two messages, in milliseconds.
    pub slow: Option<u64>,
    /// How long it keeps what is said, in milliseconds.
    pub retain: Option<u64>,
    /// Since when it does.
    pub retain_since: u64,
    /// When each last said something since the room became slow.
    pub spoke: BTreeMap<Who, u64>,
    pub members: BTreeMap<Who, Role>,
    /// Who is invited, and by whom.
    pub invited: BTreeMap<Who, Who>,
    pub bans: BTreeMap<Who, Sanction>,
    pub mutes: BTreeMap<Who, Sanction>,
    pub deeds: Vec<Deed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Member,
    Moderator,
    Owner,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sanction {
    pub until: Option<u64>,
    pub by: Who,
    pub reason: String,
}

/// A row of an audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deed {
    pub by: Who,
    pub verb: &'static str,
    pub whom: Option<Who>,
    pub reason: String,
}

/// A conversation: a room's, or that of two accounts, the lower one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Room(RoomId),
    Direct(Who, Who),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Conversation {
    /// So many of the messages were dropped.
    pub dropped: usize,
    pub messages: Vec<Rc<Message>>,
    pub changes: Vec<Rc<Change>>,
    /// What was said under which key of whom, as it was said then.
    pub keys: BTreeMap<(Who, String), (usize, String)>,
    pub pins: BTreeSet<usize>,
    pub read: BTreeMap<Who, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Its place among all messages of the server.
    pub order: u64,
    pub at: u64,
    /// By how much its time may be later.
    pub ahead: u64,
    pub author: Who,
    pub mark: Mark,
    /// What it says now; of a removed one, the reason.
    pub text: String,
    pub edited: bool,
    pub removed: bool,
    pub mentions: Mentions,
    pub reactions: BTreeSet<(String, Who)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    Me,
    Reply(usize, Who),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub by: Who,
    pub word: &'static str,
    pub id: usize,
    pub text: String,
}

impl Connection {
    fn new(account: Who, current: Option<RoomId>) -> Self {
        Self { account, current, echo: false, presence: true, searched: 0, knows_away: BTreeSet::new() }
    }
}

impl Role {
    pub(super) fn named(word: &str) -> Self {
        match word {
            "owner" => Self::Owner,
            "moderator" => Self::Moderator,
            _ => Self::Member,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Moderator => "moderator",
            Self::Member => "member",
        }
    }
}

impl Place {
    pub(super) fn direct(one: Who, other: Who) -> Self {
        Self::Direct(one.min(other), one.max(other))
    }
}

impl Room {
    /// Whether a ban or a mute holds now.
    pub(super) fn holds(sanctions: &BTreeMap<Who, Sanction>, who: Who, now: u64) -> Option<&Sanction> {
        sanctions.get(&who).filter(|sanction| sanction.until.is_none_or(|until| now < until))
    }

    /// Whether this name is, or was, the room's.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.name == name || self.others.contains(name)
    }
}

impl Model {
    /// A new server: nobody but `server`, and the lobby.
    pub(crate) fn new() -> Self {
        let server = Account { admin: true, ..Account::new("server") };
        let lobby = Room { name: "lobby".to_owned(), ..Room::default() };
        Self {
            accounts: vec![server],
            hooks: Vec::new(),
            rooms: vec![Rc::new(lobby)],
            conversations: BTreeMap::new(),
            connections: BTreeMap::new(),
            deeds: Rc::default(),
            messages: 0,
            now: 0,
            ahead: 0,
            told: Vec::new(),
        }
    }

    /// Somebody makes an account.
    pub(crate) fn register(&mut self, name: &'static str) -> Who {
        self.accounts.push(Account::new(name));
        let who = self.accounts.len() - 1;
        self.room_mut(LOBBY).members.insert(who, Role::Member);
        let last = self.conversation(Place::Room(LOBBY)).messages.len();
        self.conversation_mut(Place::Room(LOBBY)).read.insert(who, last);
        who
    }

    /// The same while others look on, and what they hear.
    #[allow(dead_code, reason = "the simulation's, where people make their accounts as they come")]
    pub(crate) fn register_seen(&mut self, name: &'static str) -> (Who, Vec<Told>) {
        let who = self.register(name);
        let line = format!("ev=join who={name} [lobby] *");
        for (conn, _) in self.audience(Place::Room(LOBBY)) {
            if self.connections[&conn].presence {
                self.tell(conn, "lobby", line.clone());
            }
        }
        (who, std::mem::take(&mut self.told))
    }

    /// The console makes somebody an administrator.
    pub(crate) fn grant_first(&mut self, who: Who) {
        self.accounts[who].admin = true;
        let deed = Deed { by: SERVER, verb: "grant", whom: Some(who), reason: "admin".to_owned() };
        Rc::make_mut(&mut self.deeds).push(deed);
    }

    /// A connection logs in. The answer is what it and others hear of it at once.
    pub(crate) fn connect(&mut self, conn: Conn, who: Who) -> Answer {
        let account = &self.accounts[who];
        if account.disabled.is_some() {
            return Answer { last: "- disabled".to_owned(), ..Answer::default() };
        }
        let current = self.rooms[LOBBY].members.contains_key(&who).then_some(LOBBY);
        let last = format!("+ welcome {}…", account.name);
        self.connections.insert(conn, Connection::new(who, current));
        self.tell_invitations(conn, who);
        self.remind_of_absence(conn, who);
        Answer { last, told: std::mem::take(&mut self.told), ..Answer::default() }
    }

    /// At a login, the first few open invitations, and how many more there are.
    fn tell_invitations(&mut self, conn: Conn, who: Who) {
        let open = (0..self.rooms.len()).filter_map(|id| Some((&self.rooms[id].name, self.inviter(who, id)?)));
        let mut lines: Vec<String> =
            open.map(|(room, by)| format!("* invited: {room} by {}. /join {room}", self.name(by))).collect();
        let more = lines.len() > INVITATIONS_TOLD;
        lines.truncate(INVITATIONS_TOLD);
        lines.extend(more.then(|| "* invited: more".to_owned()));
        lines.into_iter().for_each(|line| self.tell(conn, "*", line));
    }

    /// A connection was refused a room that it wanted to be its current one.
    #[allow(dead_code, reason = "the simulation's, where turns fail")]
    pub(crate) fn leave_current(&mut self, conn: Conn) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.current = None;
        }
    }

    /// Whether that is the account of the console.
    #[allow(dead_code, reason = "the simulation's, which takes the console as a connection like any other")]
    pub(crate) fn is_console(who: Who) -> bool {
        who == SERVER
    }

    /// Whether that many accounts were made.
    #[allow(dead_code, reason = "the simulation's, where people make their accounts as they come")]
    pub(crate) fn has_account(&self, who: Who) -> bool {
        who < self.accounts.len()
    }

    /// Whether a connection is logged in.
    #[allow(dead_code, reason = "the simulation's, where a connection may be gone")]
    pub(crate) fn is_connected(&self, conn: Conn) -> bool {
        self.connections.contains_key(&conn)
    }

    /// A connection has ended.
    pub(crate) fn disconnect(&mut self, conn: Conn) {
        self.connections.remove(&conn);
    }

    /// The server has ended.
    pub(crate) fn end(&mut self) {
        self.connections.clear();
    }

    /// The connections of an account.
    pub(crate) fn connections_of(&self, who: Who) -> Vec<Conn> {
        self.connections.iter().filter(|(_, c)| c.account == who).map(|(conn, _)| *conn).collect()
    }

    /// All connections.
    pub(crate) fn conns(&self) -> Vec<Conn> {
        self.connections.keys().copied().collect()
    }

    /// Who is in which room.
    pub(crate) fn memberships(&self) -> impl Iterator<Item = (String, Who)> {
        let people = |room: &Rc<Room>| room.members.keys().copied().filter(|who| *who < FIRST_HOOK).collect::<Vec<_>>();
        self.rooms.iter().flat_map(move |room| people(room).into_iter().map(|who| (room.name.clone(), who)))
    }

    pub(super) fn room_mut(&mut self, id: RoomId) -> &mut Room {
        Rc::make_mut(&mut self.rooms[id])
    }

    pub(super) fn conversation(&self, place: Place) -> Rc<Conversation> {
        self.conversations.get(&place).cloned().unwrap_or_default()
    }

    pub(super) fn conversation_mut(&mut self, place: Place) -> &mut Conversation {
        Rc::make_mut(self.conversations.entry(place).or_default())
    }

    /// An account by name, however its case is.
    pub(super) fn account(&self, name: &str) -> Result<Who, Refusal> {
        let name = name.strip_prefix('@').unwrap_or(name);
        let found = self.accounts.iter().position(|account| account.name.eq_ignore_ascii_case(name));
        found.or_else(|| self.hook_called(name)).map_or_else(|| refuse("no-such-user"), Ok)
    }

    /// A room by name, if it is there for the account and what it is about to do.
    pub(super) fn room(&self, me: Who, name: &str, right: Right) -> Result<RoomId, Refusal> {
        let found = self.rooms.iter().position(|room| !room.closed && room.name == name);
        let acts = self.accounts[me].admin && right.everywhere;
        found.filter(|id| acts || self.sees(me, *id)).map_or_else(|| refuse("no-such-room"), Ok)
    }

    pub(super) fn sees(&self, me: Who, id: RoomId) -> bool {
        let room = &self.rooms[id];
        let known = room.members.contains_key(&me) || self.inviter(me, id).is_some();
        !room.closed && (!room.private || known)
    }

    /// By whom the account is invited to a room; those whom it ignores can't.
    pub(super) fn inviter(&self, me: Who, id: RoomId) -> Option<Who> {
        self.rooms[id].invited.get(&me).copied().filter(|by| !self.accounts[me].ignores.contains(by))
    }

    /// What TARGET means.
    pub(super) fn place(&self, me: Who, target: &str, right: Right) -> Result<Place, Refusal> {
        match target.strip_prefix('@') {
            Some(name) => Ok(Place::direct(me, self.account(name)?)),
            None => Ok(Place::Room(self.room(me, target, right)?)),
        }
    }

    /// How a conversation is named by an account.
    pub(super) fn target(&self, place: Place, seen_by: Who) -> String {
        match place {
            Place::Room(id) => self.rooms[id].name.clone(),
            Place::Direct(one, other) => format!("@{}", self.name(if seen_by == one { other } else { one })),
        }
    }

    pub(super) fn name(&self, who: Who) -> &'static str {
        self.anyone(who).name
    }

    pub(super) fn online(&self, who: Who) -> bool {
        self.connections.values().any(|connection| connection.account == who)
    }

    /// Tells one connection.
    pub(super) fn tell(&mut self, conn: Conn, stream: &str, line: String) {
        self.told.push(Told { conn, stream: stream.to_lowercase(), line });
    }

    /// The connections of all who are in a conversation.
    pub(super) fn audience(&self, place: Place) -> Vec<(Conn, Who)> {
        let within = |who: Who| match place {
            Place::Room(id) => self.rooms[id].members.contains_key(&who),
            Place::Direct(one, other) => who == one || who == other,
        };
        let all = self.connections.iter().map(|(conn, connection)| (*conn, connection.account));
        all.filter(|(_, who)| within(*who)).collect()
    }

    /// The same for what somebody says or does to a message there: nothing of it reaches those who ignore
    /// them in a direct conversation.
    pub(super) fn hearers(&self, place: Place, by: Who) -> Vec<(Conn, Who)> {
        let deaf = |who: Who| matches!(place, Place::Direct(..)) && self.accounts[who].ignores.contains(&by);
        self.audience(place).into_iter().filter(|(_, who)| !deaf(*who)).collect()
    }

    /// Tells a room, and those named who may not be in it any more, but not the connection that did it.
    pub(super) fn event(&mut self, room: RoomId, by: Conn, gone: Option<Who>, tags: &str) {
        let line = format!("{tags} [{}] *", self.rooms[room].name);
        self.event_as(room, by, gone, line);
    }

    pub(super) fn event_as(&mut self, room: RoomId, by: Conn, gone: Option<Who>, line: String) {
        let stream = self.rooms[room].name.clone();
        let mut hearers: BTreeSet<Conn> = self.audience(Place::Room(room)).into_iter().map(|(conn, _)| conn).collect();
        hearers.extend(gone.into_iter().flat_map(|who| self.connections_of(who)));
        hearers.remove(&by);
        hearers.into_iter().for_each(|conn| self.tell(conn, &stream, line.clone()));
    }
}
