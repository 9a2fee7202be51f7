//! Who is connected: each connection's account and current room, and which workers have connections
//! of an account or of a room's members, so that a message costs one item for each worker. It also
//! remembers what the batch under way did, to undo it should the batch not be kept.
//!
//! Must not know what is said, or why anyone may be here. The dispatcher's thread runs it.

use crate::protocol::names::{AccountId, AddressGroup, ConnId, ConversationId};
use crate::protocol::secrets::Digest;
use crate::server::core::State;
use rustc_hash::FxHashMap;

#[derive(Debug)]
pub(super) struct LoggedIn {
    pub(super) account: AccountId,
    pub(super) current: Option<ConversationId>,
    pub(super) from: AddressGroup,
    /// When it logged in, in milliseconds of Unix time.
    pub(super) since: u64,
    /// The token that it is logged in with: revoking that ends it.
    pub(super) token: Option<Digest>,
    /// Conversations that had unread lines at login and were not looked at since: what comes live
    /// there does not mark them as read.
    pub(super) unseen: Vec<ConversationId>,
}

#[derive(Debug)]
pub(super) struct Connections {
    sessions: FxHashMap<ConnId, LoggedIn>,
    accounts: FxHashMap<AccountId, Vec<ConnId>>,
    /// For each room with somebody connected: connections of its members on each worker.
    rooms: FxHashMap<ConversationId, Subscribers>,
    /// What the batch under way did, in its order.
    undo: Vec<Undo>,
    workers: usize,
}

/// How something that a batch did to a connection is undone.
#[derive(Debug)]
enum Undo {
    Attached(ConnId),
    Ended(ConnId, LoggedIn),
    /// It left its current room.
    Left(ConnId, ConversationId),
    /// It asked for another current room. That has failed then, and leaves it with none.
    Moved(ConnId),
    Unseen(ConnId, Vec<ConversationId>),
    /// It was logged in by this token, or by a password.
    Token(ConnId, Option<Digest>),
}

#[derive(Debug)]
struct Subscribers {
    workers: Box<[u32]>,
    /// Accounts that are here.
    here: u32,
}

impl Connections {
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

    pub(super) fn session(&self, conn: ConnId) -> Option<&LoggedIn> {
        self.sessions.get(&conn)
    }

    pub(super) fn current(&self, conn: ConnId) -> Option<ConversationId> {
        self.sessions.get(&conn)?.current
    }

    /// Sets the room that a connection's bare text is said in, as `/join` and `/switch` do.
    pub(super) fn set_current_room(&mut self, conn: ConnId, room: Option<ConversationId>) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            session.current = room;
            self.undo.push(Undo::Moved(conn));
        }
    }

    /// Sets which conversations have unread lines that were not looked at.
    pub(super) fn set_unseen(&mut self, conn: ConnId, unseen: Vec<ConversationId>) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            self.undo.push(Undo::Unseen(conn, std::mem::replace(&mut session.unseen, unseen)));
        }
    }

    /// A conversation was looked at up to its end.
    pub(super) fn mark_seen(&mut self, conn: ConnId, conversation: ConversationId) {
        let Some(session) = self.sessions.get(&conn) else { return };
        if session.unseen.contains(&conversation) {
            let unseen = session.unseen.iter().copied().filter(|&unseen| unseen != conversation).collect();
            self.set_unseen(conn, unseen);
        }
    }

    /// The connection counts as logged in with this token from now on: it ends with it.
    pub(super) fn adopt_token(&mut self, conn: ConnId, token: Digest) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            self.undo.push(Undo::Token(conn, session.token.replace(token)));
        }
    }

    /// An account's connections.
    pub(super) fn conns(&self, account: AccountId) -> &[ConnId] {
        self.accounts.get(&account).map_or(&[], Vec::as_slice)
    }

    /// Whether the account has a connection besides this one.
    pub(super) fn has_other(&self, account: AccountId, conn: ConnId) -> bool {
        self.conns(account).iter().any(|&other| other != conn)
    }

    pub(super) fn is_here(&self, account: AccountId) -> bool {
        self.accounts.contains_key(&account)
    }

    /// How many members of a room are here.
    pub(super) fn here(&self, room: ConversationId) -> u32 {
        self.rooms.get(&room).map_or(0, |subscribers| subscribers.here)
    }

    /// The workers that hold connections of an account, each once.
    pub(super) fn workers_of_account(&self, account: AccountId) -> impl Iterator<Item = usize> + use<'_> {
        let conns = self.conns(account);
        (0..self.workers).filter(|&worker| conns.iter().any(|conn| conn.worker() == worker))
    }

    pub(super) fn workers_of_room(&self, room: ConversationId) -> impl Iterator<Item = usize> + '_ {
        let counts: &[u32] = self.rooms.get(&room).map_or(&[], |subscribers| &subscribers.workers);
        counts.iter().enumerate().filter(|&(_, &count)| count > 0).map(|(worker, _)| worker)
    }

    /// The batch is kept, and with it what it did to connections.
    pub(super) fn commit(&mut self) {
        self.undo.clear();
    }

    /// Undoes what the batch did, and counts the subscribers again in the state as it was. Who went
    /// away stays away.
    pub(super) fn roll_back(&mut self, state: &State) {
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
                Undo::Token(conn, token) => self.with(conn, |session| session.token = token),
                Undo::Unseen(conn, unseen) => self.with(conn, |session| session.unseen = unseen),
            }
        }
        for conn in moved {
            self.with(conn, |session| session.current = None);
        }
        self.recount(state);
    }

    fn with(&mut self, conn: ConnId, change: impl FnOnce(&mut LoggedIn)) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            change(session);
        }
    }

    /// Adds a connection, and subscribes it to its account's rooms. True if the account was away.
    pub(super) fn add(&mut self, conn: ConnId, arrival: Login, rooms: &[ConversationId]) -> bool {
        let Login { account, from, since, token, current } = arrival;
        let session = LoggedIn { account, current, from, since, token, unseen: Vec::new() };
        self.sessions.insert(conn, session);
        self.undo.push(Undo::Attached(conn));
        let conns = self.accounts.entry(account).or_default();
        conns.push(conn);
        let came = conns.len() == 1;
        for &room in rooms {
            self.subscribe(room, conn, came);
        }
        came
    }

    /// Removes a connection that is gone, whatever becomes of the batch.
    pub(super) fn detach(&mut self, conn: ConnId, state: &State) -> Option<Departed> {
        self.undo.retain(|step| !matches!(step, Undo::Ended(ended, _) if *ended == conn));
        self.depart(conn, state).map(|(_, departed)| departed)
    }

    /// Removes a connection that is ended by this batch.
    pub(super) fn end(&mut self, conn: ConnId, state: &State) -> Option<Departed> {
        let (session, departed) = self.depart(conn, state)?;
        self.undo.push(Undo::Ended(conn, session));
        Some(departed)
    }

    fn depart(&mut self, conn: ConnId, state: &State) -> Option<(LoggedIn, Departed)> {
        let (session, left) = self.remove(conn)?;
        let departed = Departed { account: session.account, left };
        for &room in state.account(session.account).into_iter().flat_map(|account| &account.rooms) {
            self.unsubscribe(room, conn, left);
        }
        Some((session, departed))
    }

    /// The connection's session, and whether the account is away now.
    fn remove(&mut self, conn: ConnId) -> Option<(LoggedIn, bool)> {
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

    fn subscribe(&mut self, room: ConversationId, conn: ConnId, came: bool) {
        let workers = self.workers;
        let subscribers = self
            .rooms
            .entry(room)
            .or_insert_with(|| Subscribers { workers: vec![0; workers].into_boxed_slice(), here: 0 });
        subscribers.workers[conn.worker()] += 1;
        subscribers.here += u32::from(came);
    }

    /// A connection of a room's member is gone; with `left`, so is the account.
    fn unsubscribe(&mut self, room: ConversationId, conn: ConnId, left: bool) {
        let Some(subscribers) = self.rooms.get_mut(&room) else { return };
        let count = &mut subscribers.workers[conn.worker()];
        *count = count.saturating_sub(1);
        subscribers.here = subscribers.here.saturating_sub(u32::from(left));
        if subscribers.workers.iter().all(|&count| count == 0) {
            self.rooms.remove(&room);
        }
    }

    /// Subscribes all connections of an account to a room.
    pub(super) fn enter(&mut self, account: AccountId, room: ConversationId) {
        for (nth, conn) in self.conns(account).to_vec().into_iter().enumerate() {
            self.subscribe(room, conn, nth == 0);
        }
    }

    /// Unsubscribes all connections of an account from a room; it is nobody's current one any more.
    pub(super) fn leave(&mut self, account: AccountId, room: ConversationId) {
        for (nth, conn) in self.conns(account).to_vec().into_iter().enumerate() {
            self.unsubscribe(room, conn, nth == 0);
            if self.current(conn) == Some(room) {
                self.with(conn, |session| session.current = None);
                self.undo.push(Undo::Left(conn, room));
            }
        }
    }

    fn recount(&mut self, state: &State) {
        self.rooms.clear();
        let accounts: Vec<(AccountId, Vec<ConnId>)> = self.accounts.iter().map(|(&a, c)| (a, c.clone())).collect();
        for (account, conns) in accounts {
            let Some(rooms) = state.account(account).map(|account| &account.rooms) else { continue };
            for (nth, conn) in conns.into_iter().enumerate() {
                for &room in rooms {
                    self.subscribe(room, conn, nth == 0);
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

/// A connection's login.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) account: AccountId,
    pub(super) from: AddressGroup,
    pub(super) since: u64,
    pub(super) token: Option<Digest>,
    pub(super) current: Option<ConversationId>,
}
