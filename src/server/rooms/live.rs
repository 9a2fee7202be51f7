//! Who is connected: each connection's account and current room, and which workers hold
//! connections of an account or of a room's members, so that a message costs one item a worker.

use super::world::World;
use crate::protocol::names::{AccountId, AddressGroup, ConnId, ConversationId};
use crate::protocol::secrets::Digest;
use rustc_hash::FxHashMap;

#[derive(Debug)]
pub(super) struct Session {
    pub(super) account: AccountId,
    pub(super) current: Option<ConversationId>,
    pub(super) from: AddressGroup,
    /// When it logged in, in milliseconds of Unix time.
    pub(super) since: u64,
    /// The token it logged in with: revoking that ends it.
    pub(super) token: Option<Digest>,
    /// Conversations that had unseen lines at login and were not shown since: what comes live
    /// there does not make them read.
    pub(super) behind: Vec<ConversationId>,
}

#[derive(Debug)]
pub(super) struct Live {
    sessions: FxHashMap<ConnId, Session>,
    accounts: FxHashMap<AccountId, Vec<ConnId>>,
    /// For each room with somebody connected: connections of its members on each worker.
    rooms: FxHashMap<ConversationId, Heard>,
    /// What the batch under way did, in its order.
    undo: Vec<Undo>,
    workers: usize,
}

/// How what a batch did to a connection is taken back, should the batch not be kept.
#[derive(Debug)]
enum Undo {
    Attached(ConnId),
    Ended(ConnId, Session),
    /// It left the room that it talked in.
    Left(ConnId, ConversationId),
    /// It asked to talk elsewhere. That failed then, and leaves no current room.
    Moved(ConnId),
    Behind(ConnId, Vec<ConversationId>),
}

#[derive(Debug)]
struct Heard {
    workers: Box<[u32]>,
    /// Accounts that are here.
    here: u32,
}

impl Live {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            sessions: FxHashMap::default(),
            accounts: FxHashMap::default(),
            rooms: FxHashMap::default(),
            undo: Vec::new(),
            workers,
        }
    }

    pub(super) fn account(&self, conn: ConnId) -> Option<AccountId> {
        self.sessions.get(&conn).map(|session| session.account)
    }

    pub(super) fn session(&self, conn: ConnId) -> Option<&Session> {
        self.sessions.get(&conn)
    }

    pub(super) fn current(&self, conn: ConnId) -> Option<ConversationId> {
        self.sessions.get(&conn)?.current
    }

    /// The room that a connection talks in from now on, as `/join` and `/switch` set it.
    pub(super) fn talk_in(&mut self, conn: ConnId, room: Option<ConversationId>) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            session.current = room;
            self.undo.push(Undo::Moved(conn));
        }
    }

    /// The conversations that have lines which were not shown.
    pub(super) fn set_behind(&mut self, conn: ConnId, behind: Vec<ConversationId>) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            self.undo.push(Undo::Behind(conn, std::mem::replace(&mut session.behind, behind)));
        }
    }

    /// A conversation was shown up to its end.
    pub(super) fn caught_up(&mut self, conn: ConnId, conversation: ConversationId) {
        let Some(session) = self.sessions.get(&conn) else { return };
        if session.behind.contains(&conversation) {
            let behind = session.behind.iter().copied().filter(|&behind| behind != conversation).collect();
            self.set_behind(conn, behind);
        }
    }

    /// An account's connections.
    pub(super) fn conns(&self, account: AccountId) -> &[ConnId] {
        self.accounts.get(&account).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_here(&self, account: AccountId) -> bool {
        self.accounts.contains_key(&account)
    }

    /// How many members of a room are here.
    pub(super) fn here(&self, room: ConversationId) -> u32 {
        self.rooms.get(&room).map_or(0, |heard| heard.here)
    }

    /// The workers that hold connections of an account, each once.
    pub(super) fn workers_of_account(&self, account: AccountId) -> impl Iterator<Item = usize> + use<'_> {
        let conns = self.conns(account);
        (0..self.workers).filter(|&worker| conns.iter().any(|conn| conn.worker() == worker))
    }

    pub(super) fn workers_of_room(&self, room: ConversationId) -> impl Iterator<Item = usize> + '_ {
        let counts: &[u32] = self.rooms.get(&room).map_or(&[], |heard| &heard.workers);
        counts.iter().enumerate().filter(|&(_, &count)| count > 0).map(|(worker, _)| worker)
    }

    /// What the batch did stands.
    pub(super) fn keep(&mut self) {
        self.undo.clear();
    }

    /// Takes back what the batch did, and counts anew who hears what in the world as it was. Who
    /// went away stays away.
    pub(super) fn take_back(&mut self, world: &World) {
        let mut moved = Vec::new();
        for step in std::mem::take(&mut self.undo).into_iter().rev() {
            match step {
                Undo::Attached(conn) => drop(self.remove(conn)),
                Undo::Ended(conn, session) => {
                    self.accounts.entry(session.account).or_default().push(conn);
                    self.sessions.insert(conn, session);
                }
                Undo::Left(conn, room) => self.with(conn, |session| session.current = Some(room)),
                Undo::Moved(conn) => moved.push(conn),
                Undo::Behind(conn, behind) => self.with(conn, |session| session.behind = behind),
            }
        }
        for conn in moved {
            self.with(conn, |session| session.current = None);
        }
        self.recount(world);
    }

    fn with(&mut self, conn: ConnId, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            change(session);
        }
    }

    /// Adds a connection; its account's rooms hear from now on. True if the account was away.
    pub(super) fn add(&mut self, conn: ConnId, arrival: Arrival, rooms: &[ConversationId]) -> bool {
        let Arrival { account, from, since, token, current } = arrival;
        let session = Session { account, current, from, since, token, behind: Vec::new() };
        self.sessions.insert(conn, session);
        self.undo.push(Undo::Attached(conn));
        let conns = self.accounts.entry(account).or_default();
        conns.push(conn);
        let came = conns.len() == 1;
        for &room in rooms {
            self.hear(room, conn, came);
        }
        came
    }

    /// Removes a connection that is gone, whatever becomes of the batch.
    pub(super) fn detach(&mut self, conn: ConnId, world: &World) -> Option<Departed> {
        self.undo.retain(|step| !matches!(step, Undo::Ended(ended, _) if *ended == conn));
        self.depart(conn, world).map(|(_, departed)| departed)
    }

    /// Removes a connection that is ended by this batch.
    pub(super) fn end(&mut self, conn: ConnId, world: &World) -> Option<Departed> {
        let (session, departed) = self.depart(conn, world)?;
        self.undo.push(Undo::Ended(conn, session));
        Some(departed)
    }

    fn depart(&mut self, conn: ConnId, world: &World) -> Option<(Session, Departed)> {
        let (session, left) = self.remove(conn)?;
        let departed = Departed { account: session.account, left };
        for &room in world.account(session.account).map_or(&[][..], |account| &account.rooms) {
            self.unhear(room, conn, left);
        }
        Some((session, departed))
    }

    /// Its session, and whether the account is away now.
    fn remove(&mut self, conn: ConnId) -> Option<(Session, bool)> {
        let session = self.sessions.remove(&conn)?;
        let mut left = false;
        if let Some(conns) = self.accounts.get_mut(&session.account) {
            conns.retain(|&other| other != conn);
            left = conns.is_empty();
        }
        if left {
            self.accounts.remove(&session.account);
        }
        Some((session, left))
    }

    fn hear(&mut self, room: ConversationId, conn: ConnId, came: bool) {
        let workers = self.workers;
        let heard =
            self.rooms.entry(room).or_insert_with(|| Heard { workers: vec![0; workers].into_boxed_slice(), here: 0 });
        heard.workers[conn.worker()] += 1;
        heard.here += u32::from(came);
    }

    /// A connection of a room's member is gone, and with `left` the account is.
    fn unhear(&mut self, room: ConversationId, conn: ConnId, left: bool) {
        let Some(heard) = self.rooms.get_mut(&room) else { return };
        let count = &mut heard.workers[conn.worker()];
        *count = count.saturating_sub(1);
        heard.here = heard.here.saturating_sub(u32::from(left));
        if heard.workers.iter().all(|&count| count == 0) {
            self.rooms.remove(&room);
        }
    }

    /// All connections of an account hear a room from now on.
    pub(super) fn enter(&mut self, account: AccountId, room: ConversationId) {
        for (nth, conn) in self.conns(account).to_vec().into_iter().enumerate() {
            self.hear(room, conn, nth == 0);
        }
    }

    /// No connection of an account hears a room any more, nor talks there.
    pub(super) fn leave(&mut self, account: AccountId, room: ConversationId) {
        for (nth, conn) in self.conns(account).to_vec().into_iter().enumerate() {
            self.unhear(room, conn, nth == 0);
            if self.current(conn) == Some(room) {
                self.with(conn, |session| session.current = None);
                self.undo.push(Undo::Left(conn, room));
            }
        }
    }

    fn recount(&mut self, world: &World) {
        self.rooms.clear();
        let accounts: Vec<(AccountId, Vec<ConnId>)> = self.accounts.iter().map(|(&a, c)| (a, c.clone())).collect();
        for (account, conns) in accounts {
            let rooms = world.account(account).map_or(&[][..], |account| &account.rooms);
            for (nth, conn) in conns.into_iter().enumerate() {
                for &room in rooms {
                    self.hear(room, conn, nth == 0);
                }
                self.with(conn, |session| session.current = session.current.filter(|room| rooms.contains(room)));
            }
        }
    }
}

/// Whose connection went.
#[derive(Debug)]
pub(super) struct Departed {
    pub(super) account: AccountId,
    /// Whether it was the account's last one.
    pub(super) left: bool,
}

/// What a new connection brings.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) account: AccountId,
    pub(super) from: AddressGroup,
    pub(super) since: u64,
    pub(super) token: Option<Digest>,
    pub(super) current: Option<ConversationId>,
}
