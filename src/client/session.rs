//! One account's conversation with a server, over any number of connections.
//!
//! Owns the current room, the user's lines until they are answered, and which messages are shown.
//! Joins [`CatchUp`] and [`RequestQueue`]. Pure: lines from the server and the user in,
//! [`Effect`]s out, the time an argument. Must not know sockets, threads or the terminal. Runs on
//! the network thread.

use super::catch_up::{CatchUp, Continuity, Listed, Scope};
use super::conversations::Conversations;
use super::ignored::Ignored;
use super::interpret;
use super::item::{AnswerEnd, Item};
use super::known_names::KnownNames;
use super::place::Place;
use super::recent::Recent;
use super::requests::{Request, RequestId, RequestQueue};
use super::settings::Elsewhere;
use crate::protocol::line::Line;
use crate::protocol::names::{RoomName, Target, UserName};
use crate::protocol::secrets::Secret;
use answer_rows::AnswerRows;
use recall::Recall;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};
use user_lines::Keys;

mod answer_rows;
mod answers;
mod live;
mod recall;
mod switching;
mod typed;
mod user_lines;

/// Read markers are moved at most this often.
const MARK_EVERY: Duration = Duration::from_secs(5);
/// How long counts that may be wrong wait for the list: more such news may come.
const RECOUNT_AFTER: Duration = Duration::from_secs(2);

/// What the network thread must do.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    /// Show this.
    Show(Item),
    /// The server asks this about one of the user's lines; the answer is sent as the next line, whatever it is.
    Ask(RequestId, String),
    /// One of the user's lines has been answered, or never will be.
    Settled(RequestId, Settled),
    /// Where the user is, or where there is news, may have changed.
    Place(Place),
    /// The password was changed, which revoked the saved token.
    TokenRevoked,
    /// Save this new token.
    Token(Secret),
    /// The server can't serve this connection now: close it and reconnect later.
    Reconnect,
}

/// What became of one of the user's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// It was done.
    Done,
    /// It was refused, and the reason shown.
    Refused,
    /// The connection dropped before the answer.
    Unknown,
}

/// Who reads what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// A person, for whom what was shown counts as read, and who sees their own lines come back.
    Person(Elsewhere),
    /// A program: it is shown all that comes, and asks for what it wants.
    Program,
}

#[derive(Debug)]
pub(super) struct Session {
    me: Option<UserName>,
    epoch: String,
    reader: Reader,
    catch_up: CatchUp,
    conversations: Conversations,
    requests: RequestQueue,
    names: KnownNames,
    ignored: Ignored,
    recall: Recall,
    /// Where what is typed is said.
    current: Option<Target>,
    /// The conversation of the last heading.
    headed: Option<Target>,
    /// What the server said about the current room when the connection came.
    described: String,
    state: ConnectionState,
    /// What the user set with `/set`, and the command: a server forgets options with the connection.
    options: Vec<(&'static str, String)>,
    /// The user's lines while there is no connection, or it is not known where they are to be said.
    pending: VecDeque<(RequestId, String)>,
    listed: Vec<Listed>,
    keys: Keys,
    marks: HashMap<Target, u64>,
    /// Conversations with unread messages that were not shown: they stay unread.
    behind: HashSet<Target>,
    next_mark: Option<Instant>,
    next_count: Option<Instant>,
    /// The rows of the command that is being answered.
    answer: AnswerRows,
    /// The command that goes on where the last list stopped short.
    more: Option<String>,
    /// What was shown, so that one can point at it.
    recent: Recent,
    /// What this client said in conversations that are not shown: it is shown when it comes back.
    said: VecDeque<(Target, u64)>,
    /// Conversations whose changes are asked for.
    asking: HashSet<Target>,
    effects: Vec<Effect>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionState {
    Down,
    /// Logged in, but the conversations are not listed yet, so the current room is not known.
    Listing,
    Up,
}

impl Session {
    /// A session without a connection. `key_prefix` makes this run's keys unique.
    #[must_use]
    pub(super) fn new(key_prefix: String, names: KnownNames, reader: Reader) -> Self {
        let scope = if reader == Reader::Person(Elsewhere::Count) { Scope::Current } else { Scope::All };
        Self {
            me: None,
            epoch: String::new(),
            reader,
            catch_up: CatchUp::new(scope),
            conversations: Conversations::default(),
            requests: RequestQueue::default(),
            names,
            ignored: Ignored::default(),
            recall: Recall::default(),
            // Where the server puts whoever logs in.
            current: Some(Target::Room(RoomName::lobby())),
            headed: None,
            described: String::new(),
            state: ConnectionState::Down,
            options: Vec::new(),
            pending: VecDeque::new(),
            listed: Vec::new(),
            keys: Keys::new(key_prefix),
            marks: HashMap::new(),
            behind: HashSet::new(),
            next_mark: None,
            next_count: None,
            answer: AnswerRows::default(),
            more: None,
            recent: Recent::default(),
            said: VecDeque::new(),
            asking: HashSet::new(),
            effects: Vec::new(),
        }
    }

    fn is_person(&self) -> bool {
        self.reader != Reader::Program
    }

    /// Whether lines of rooms other than the current one are counted and not shown.
    fn counts(&self) -> bool {
        self.reader == Reader::Person(Elsewhere::Count)
    }

    /// A connection is logged in.
    pub(super) fn connected(&mut self, epoch: &str, me: UserName) -> Vec<Effect> {
        self.names.person(me.as_str());
        if self.me.is_none() && self.is_person() {
            self.tell(&format!("connected as {me}"));
        }
        self.me = Some(me);
        epoch.clone_into(&mut self.epoch);
        if self.catch_up.connected(epoch, self.current.as_ref()) == Continuity::Broken {
            self.marks.clear();
            self.behind.clear();
            self.conversations.forget();
            self.recall.forget();
            self.recent.clear();
            self.more = None;
            self.said.clear();
            self.tell("the server was restored from a backup: recent messages may be missing");
        }
        self.state = ConnectionState::Listing;
        self.listed.clear();
        // The server puts everyone in the lobby. A person is also shown what it says about the room.
        if let Some(Target::Room(room)) = self.current
            && (self.is_person() || room != RoomName::lobby())
        {
            self.requests.push_first(Request::Return(room));
        }
        for (_, command) in self.options.iter().rev() {
            self.requests.push_first(Request::Restore(command.clone()));
        }
        if self.is_person() {
            // So that one's own lines come back in their place and with their time.
            self.requests.push_first(Request::Restore("set echo on".to_owned()));
        }
        self.ignored.list();
        self.requests.push(Request::Ignored);
        self.mark();
        // After the messages that are sent again, so that their ids are known before a page shows them.
        self.conversations.listing();
        self.requests.push(Request::List);
        self.take_effects()
    }

    /// The connection was lost.
    pub(super) fn disconnected(&mut self) -> Vec<Effect> {
        self.state = ConnectionState::Down;
        self.next_count = None;
        self.asking.clear();
        self.conversations.dropped();
        for request in self.requests.dropped() {
            match request {
                Request::Command { id, command } => {
                    if let Some(room) = interpret::enters_room(&command) {
                        // Whether that was done shows when the connection is back.
                        self.current = Some(Target::Room(room));
                    }
                    let verb = command.split(' ').next().unwrap_or_default().to_owned();
                    if !self.answer.is_empty() {
                        self.show_answer(command, AnswerEnd::Open);
                    }
                    self.tell(&format!(
                        "the connection dropped before /{verb} was answered; it may or may not have been done"
                    ));
                    self.settle(id, Settled::Unknown);
                }
                Request::Mark(target, id) => {
                    self.marks.entry(target).or_insert(id);
                }
                _ => {}
            }
        }
        self.take_effects()
    }

    /// Where the first connection begins, if not in the lobby: where the user was last.
    pub(super) fn begin_in(&mut self, place: Option<Target>) {
        self.current = place.or(self.current.take());
    }

    /// The next line to send, without its line end.
    pub(super) fn next_line(&mut self) -> Option<String> {
        if self.state == ConnectionState::Down { None } else { self.requests.next_line() }
    }

    /// Whether all of the user's lines are answered, and everything that was missed is shown.
    #[must_use]
    pub(super) fn is_settled(&self) -> bool {
        self.state == ConnectionState::Up
            && self.pending.is_empty()
            && self.requests.is_settled()
            && self.catch_up.is_live()
    }

    /// How many requests have been answered, ever, if any waits for its answer.
    #[must_use]
    pub(super) fn waiting_since_answer(&self) -> Option<u64> {
        self.requests.waiting_since_answer()
    }

    /// When to call [`Session::tick`].
    #[must_use]
    pub(super) fn next_tick(&self) -> Option<Instant> {
        self.next_mark.into_iter().chain(self.next_count).min()
    }

    /// Moves the read markers, and asks for the list again, if it is time.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.next_mark.is_some_and(|at| at <= now) {
            // A server that does not answer gets no more of them.
            let waits = self.requests.is_marking();
            self.next_mark = waits.then(|| now + MARK_EVERY);
            if !waits {
                self.mark();
            }
        }
        if self.next_count.is_some_and(|at| at <= now) {
            self.next_count = None;
            // What was shown is read first, so that the list does not count it.
            self.mark();
            self.conversations.listing();
            self.listed.clear();
            self.requests.push(Request::Recount);
        }
    }

    /// Moves the read markers now.
    pub(super) fn mark(&mut self) {
        for (target, id) in self.marks.drain() {
            self.requests.push(Request::Mark(target, id));
        }
    }

    /// Asks whether the server is still there: the machine may have slept.
    pub(super) fn probe(&mut self) {
        if self.state != ConnectionState::Down {
            self.requests.push_first(Request::Probe);
        }
    }

    /// Requests a new token with this label.
    pub(super) fn renew_token(&mut self, label: String) {
        self.requests.push_first(Request::NewToken(label));
    }

    /// A line arrived from the server.
    pub(super) fn server_line(&mut self, text: &str, now: Instant) -> Vec<Effect> {
        if let Ok(line) = Line::parse(text) {
            self.handle(&line, now);
        }
        self.take_pending();
        if self.conversations.is_stale() && self.state == ConnectionState::Up && self.counts() {
            self.next_count.get_or_insert(now + RECOUNT_AFTER);
        }
        self.take_effects()
    }

    /// A line arrived while the user leaves. Only a new token is still taken: without it the next login would ask
    /// for the password.
    pub(super) fn parting_line(&mut self, text: &str, now: Instant) -> Vec<Effect> {
        if let Ok(line) = Line::parse(text)
            && matches!(line.tags.re.and_then(|re| self.requests.request(re)), Some(Request::NewToken(_)))
        {
            self.handle(&line, now);
        }
        self.take_effects()
    }

    fn refuse(&mut self, id: RequestId, code: &str, text: &str) {
        self.show(Item::Refused { code: code.to_owned(), text: text.to_owned() });
        self.settle(id, Settled::Refused);
    }

    fn settle(&mut self, id: RequestId, how: Settled) {
        self.effects.push(Effect::Settled(id, how));
    }

    fn show(&mut self, item: Item) {
        self.effects.push(Effect::Show(item));
    }

    fn tell(&mut self, text: &str) {
        self.show(Item::Local(text.to_owned()));
    }

    fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}

#[cfg(test)]
mod tests;
