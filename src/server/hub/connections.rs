//! Who is connected: each connection's account and current room, and which workers have connections
//! of an account or of a room's members, so that a message costs one item per worker. It also
//! records what the current batch did, to undo it if the batch can't be stored.
//!
//! Must not know what is said, or why anyone is connected. The dispatcher's thread runs it.

use crate::protocol::names::{AccountId, AddressGroup, ConnId, ConversationId};
use crate::protocol::secrets::Digest;
use crate::server::core::State;
use rustc_hash::FxHashMap;

/// Absences of others that are remembered for one connection. Whoever writes to more people who are
/// away may be told again.
const ABSENCES_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct LoggedIn {
    pub(super) account: AccountId,
    pub(super) current: Option<ConversationId>,
    pub(super) from: AddressGroup,
    /// When it logged in, in milliseconds of Unix time.
    pub(super) since: u64,
    /// Tells the account's connections apart; given to no other as long as any of them is there.
    pub(super) number: u32,
    /// The token that it is logged in with: revoking the token ends it.
    pub(super) token: Option<Digest>,
    /// Conversations that had unread lines at login and have not been viewed since: live lines
    /// there do not mark them as read.
    pub(super) unseen: Vec<ConversationId>,
    /// Accounts that it wrote to and was told are away, and which of their absences it was; the latest last.
    absences: Vec<(AccountId, u64)>,
}

/// An account's connections, in the order of their logins.
#[derive(Debug, Default)]
struct Online {
    conns: Vec<ConnId>,
    /// The number of the last one.
    numbered: u32,
}

#[derive(Debug)]
pub(super) struct Connections {
    sessions: FxHashMap<ConnId, LoggedIn>,
    accounts: FxHashMap<AccountId, Online>,
    /// For each room with a member online: how many of its members' connections each worker has.
    rooms: FxHashMap<ConversationId, Subscribers>,
    /// What the current batch did, in order.
    undo: Vec<Undo>,
    workers: usize,
}

/// How to undo something that a batch did to a connection.
#[derive(Debug)]
enum Undo {
    Attached(ConnId),
    Ended(ConnId, LoggedIn),
    /// It left its current room.
    Left(ConnId, ConversationId),
    /// It asked for another current room. That failed with the batch, and leaves it with none.
    Moved(ConnId),
    Unseen(ConnId, Vec<ConversationId>),
    /// It is to be told that an account is away.
    Absence(ConnId, AccountId),
    /// It was logged in with this token, or with a password.
    Token(ConnId, Option<Digest>),
}

#[derive(Debug)]
struct Subscribers {
    workers: Box<[u32]>,
    /// Members who are online.
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

    /// Every account that has a connection.
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.accounts.keys().copied()
    }

    /// Every connection that is logged in, and its account.
    pub(super) fn all(&self) -> impl Iterator<Item = (ConnId, AccountId)> + '_ {
        self.sessions.iter().map(|(&conn, session)| (conn, session.account))
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

    /// Sets which conversations have unread lines that have not been viewed.
    pub(super) fn set_unseen(&mut self, conn: ConnId, unseen: Vec<ConversationId>) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            self.undo.push(Undo::Unseen(conn, std::mem::replace(&mut session.unseen, unseen)));
        }
    }

    /// A conversation was viewed up to its end.
    pub(super) fn mark_seen(&mut self, conn: ConnId, conversation: ConversationId) {
        let Some(session) = self.sessions.get(&conn) else { return };
        if session.unseen.contains(&conversation) {
            let unseen = session.unseen.iter().copied().filter(|&unseen| unseen != conversation).collect();
            self.set_unseen(conn, unseen);
        }
    }

    /// From now on the connection counts as logged in with this token, and ends with it.
    pub(super) fn adopt_token(&mut self, conn: ConnId, token: Digest) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            self.undo.push(Undo::Token(conn, session.token.replace(token)));
        }
    }

    /// Notes that a connection is told of that absence of an account; false if it was already.
    pub(super) fn note_absence(&mut self, conn: ConnId, of: AccountId, which: u64) -> bool {
        let Some(session) = self.sessions.get_mut(&conn) else { return false };
        if session.absences.contains(&(of, which)) {
            return false;
        }
        session.absences.retain(|(account, _)| *account != of);
        if session.absences.len() >= ABSENCES_MAX {
            session.absences.remove(0);
        }
        session.absences.push((of, which));
        self.undo.push(Undo::Absence(conn, of));
        true
    }

    /// How many connections are logged in.
    pub(super) fn count(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn conns(&self, account: AccountId) -> &[ConnId] {
        self.accounts.get(&account).map_or(&[], |online| &online.conns)
    }

    /// Whether the account has a connection besides this one.
    pub(super) fn has_other(&self, account: AccountId, conn: ConnId) -> bool {
        self.conns(account).iter().any(|&other| other != conn)
    }

    pub(super) fn is_here(&self, account: AccountId) -> bool {
        self.accounts.contains_key(&account)
    }

    /// How many members of a room are online.
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

    /// The batch is stored, and with it what it did to connections.
    pub(super) fn commit(&mut self) {
        self.undo.clear();
    }

    /// Undoes what the batch did, and counts the subscribers again from the restored state.
    /// Connections that are gone stay gone.
    pub(super) fn roll_back(&mut self, state: &State) {
        let mut moved = Vec::new();
        for step in std::mem::take(&mut self.undo).into_iter().rev() {
            match step {
                Undo::Attached(conn) => drop(self.remove(conn)),
                Undo::Ended(conn, session) => {
                    let online = self.accounts.entry(session.account).or_default();
                    online.conns.push(conn);
                    online.numbered = online.numbered.max(session.number);
                    self.sessions.insert(conn, session);
                }
                Undo::Left(conn, room) => self.with(conn, |session| session.current = Some(room)),
                Undo::Moved(conn) => moved.push(conn),
                Undo::Token(conn, token) => self.with(conn, |session| session.token = token),
                Undo::Unseen(conn, unseen) => self.with(conn, |session| session.unseen = unseen),
                Undo::Absence(conn, of) => {
                    self.with(conn, |session| session.absences.retain(|(account, _)| *account != of));
                }
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

    /// Adds a connection, and subscribes it to its account's rooms. True if the account was
    /// offline.
    pub(super) fn add(&mut self, conn: ConnId, arrival: Login, rooms: &[ConversationId]) -> bool {
        let Login { account, from, since, token, current } = arrival;
        let online = self.accounts.entry(account).or_default();
        online.conns.push(conn);
        online.numbered = online.numbered.saturating_add(1);
        let (came, number) = (online.conns.len() == 1, online.numbered);
        let (unseen, absences) = (Vec::new(), Vec::new());
        let session = LoggedIn { account, current, from, since, number, token, unseen, absences };
        self.sessions.insert(conn, session);
        self.undo.push(Undo::Attached(conn));
        for &room in rooms {
            self.subscribe(room, conn, came);
        }
        came
    }

    /// Removes a connection that is gone, whether or not the batch is stored.
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

    /// Removes a connection's session; also returns whether the account is offline now.
    fn remove(&mut self, conn: ConnId) -> Option<(LoggedIn, bool)> {
        let session = self.sessions.remove(&conn)?;
        let mut left = false;
        if let Some(online) = self.accounts.get_mut(&session.account) {
            online.conns.retain(|&other| other != conn);
            left = online.conns.is_empty();
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

    /// A connection of a room's member is gone; with `left`, the account is no longer here at all.
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

    /// Unsubscribes all connections of an account from a room, which is the current room of none of
    /// them any more.
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
        let accounts: Vec<(AccountId, Vec<ConnId>)> =
            self.accounts.iter().map(|(&account, online)| (account, online.conns.clone())).collect();
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

/// The account whose connection is gone.
#[derive(Debug)]
pub(super) struct Departed {
    pub(super) account: AccountId,
    /// Whether it was the account's last connection.
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
