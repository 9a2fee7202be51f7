//! One account's conversation with a server, over any number of connections.
//!
//! Owns the current room, the user's lines until they are answered, and which messages are shown.
//! Joins [`CatchUp`] and [`RequestQueue`]. Pure: lines from the server and the user in,
//! [`Effect`]s out, the time an argument. Must not know sockets, threads or the terminal. Runs on
//! the network thread.

use super::catch_up::{CatchUp, CatchUpStep, Continuity, Listed, TARGETS_MAX};
use super::ignored::Ignored;
use super::incoming;
use super::interpret::{self, Interpretation};
use super::item::{AnswerEnd, ChangeKind, EventKind, Item, ShownEvent, ShownMessage};
use super::known_names::KnownNames;
use super::place::{Place, Switch};
use super::recent::Recent;
use super::requests::{Request, RequestId, RequestQueue};
use crate::protocol::code::Code;
use crate::protocol::line::{Body, Line, Tags};
use crate::protocol::names::{RoomName, Target, UserName};
use crate::protocol::secrets::Secret;
use answer_rows::AnswerRows;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

mod answer_rows;
mod answers;
mod typed;

/// The user's lines that wait for a connection; more are refused.
const PENDING_MAX: usize = 1000;
/// Read markers are moved at most this often.
const MARK_EVERY: Duration = Duration::from_secs(5);

/// What the network thread must do.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    /// Show this.
    Show(Item),
    /// The server asks this about one of the user's lines; the answer is sent as the next line, whatever it is.
    Ask(RequestId, String),
    /// One of the user's lines has been answered, or never will be.
    Settled(RequestId, Settled),
    /// Where the user is, or where there is news, has changed.
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

/// Whether what is shown counts as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marking {
    /// Yes: a person sees it.
    On,
    /// No: a program reads it.
    Off,
}

#[derive(Debug)]
pub(super) struct Session {
    me: Option<UserName>,
    epoch: String,
    catch_up: CatchUp,
    requests: RequestQueue,
    names: KnownNames,
    ignored: Ignored,
    room: Option<RoomName>,
    state: ConnectionState,
    /// What the user set with `/set`, and the command: a server forgets options with the connection.
    options: Vec<(&'static str, String)>,
    /// The user's lines while there is no connection.
    pending: VecDeque<(RequestId, String)>,
    listed: Vec<Listed>,
    keys: Keys,
    marking: Marking,
    marks: HashMap<Target, u64>,
    /// Conversations with unread messages that were not shown: they stay unread.
    behind: HashSet<Target>,
    next_mark: Option<Instant>,
    /// The rows of the command that is being answered.
    answer: AnswerRows,
    /// The command that goes on where the last list stopped short.
    more: Option<String>,
    /// What was shown, so that one can point at it.
    recent: Recent,
    /// The conversations, in the order of the list.
    order: Vec<Target>,
    effects: Vec<Effect>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionState {
    Down,
    /// Logged in, but the conversations are not listed yet, so the current room is not known.
    Listing,
    Up,
}

/// Keys for `/post`: random, so that no other run of any client uses the same.
#[derive(Debug)]
struct Keys {
    prefix: String,
    count: u64,
}

impl Session {
    /// A session without a connection. `key_prefix` makes this run's keys unique.
    #[must_use]
    pub(super) fn new(key_prefix: String, names: KnownNames, marking: Marking) -> Self {
        Self {
            me: None,
            epoch: String::new(),
            catch_up: CatchUp::default(),
            requests: RequestQueue::default(),
            names,
            ignored: Ignored::default(),
            room: None,
            state: ConnectionState::Down,
            options: Vec::new(),
            pending: VecDeque::new(),
            listed: Vec::new(),
            keys: Keys { prefix: key_prefix, count: 0 },
            marking,
            marks: HashMap::new(),
            behind: HashSet::new(),
            next_mark: None,
            answer: AnswerRows::default(),
            more: None,
            recent: Recent::default(),
            order: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// A connection is logged in.
    pub(super) fn connected(&mut self, epoch: &str, me: UserName) -> Vec<Effect> {
        self.names.person(me.as_str());
        if self.me.is_none() && self.marking == Marking::On {
            self.tell(&format!("connected as {me}"));
        }
        self.me = Some(me);
        epoch.clone_into(&mut self.epoch);
        if self.catch_up.connected(epoch) == Continuity::Broken {
            self.marks.clear();
            self.behind.clear();
            self.recent.clear();
            self.more = None;
            self.tell("the server was restored from a backup: recent messages may be missing");
        }
        self.state = ConnectionState::Listing;
        self.listed.clear();
        if let Some(room) = self.room.filter(|room| *room != RoomName::lobby()) {
            self.requests.push_first(Request::Return(Target::Room(room)));
        }
        for (_, command) in self.options.iter().rev() {
            self.requests.push_first(Request::Restore(command.clone()));
        }
        self.ignored.list();
        self.requests.push(Request::Ignored);
        // After the messages that are sent again, so that their ids are known before a page shows them.
        self.requests.push(Request::List);
        self.take_effects()
    }

    /// The connection was lost.
    pub(super) fn disconnected(&mut self) -> Vec<Effect> {
        self.state = ConnectionState::Down;
        for (id, command) in self.requests.dropped() {
            let verb = command.split(' ').next().unwrap_or_default().to_owned();
            if !self.answer.is_empty() {
                self.show_answer(command, AnswerEnd::Open);
            }
            self.tell(&format!("the connection dropped before /{verb} was answered; it may or may not have been done"));
            self.settle(id, Settled::Unknown);
        }
        self.take_effects()
    }

    /// Where the first connection begins, if not in the lobby: where the user was last.
    pub(super) fn begin_in(&mut self, place: Option<Target>) {
        if let Some(Target::Room(room)) = place {
            self.room = Some(room);
        }
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
        self.next_mark
    }

    /// Moves the read markers if it is time.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.next_mark.is_some_and(|at| at <= now) {
            // A server that does not answer gets no more of them.
            let waits = self.requests.is_marking();
            self.next_mark = waits.then(|| now + MARK_EVERY);
            if !waits {
                self.mark();
            }
        }
    }

    /// Moves the read markers now, before leaving.
    pub(super) fn mark(&mut self) {
        for (target, id) in self.marks.drain() {
            self.requests.push(Request::Mark(target, id));
        }
    }

    /// Requests a new token with this label.
    pub(super) fn renew_token(&mut self, label: String) {
        self.requests.push_first(Request::NewToken(label));
    }

    /// The user entered a line.
    pub(super) fn user_line(&mut self, id: RequestId, line: String) -> Vec<Effect> {
        if self.state == ConnectionState::Up {
            self.take_line(id, &line);
        } else if self.pending.len() >= PENDING_MAX {
            self.refuse(id, "limit", "too many lines are waiting for the connection; this one was dropped.");
        } else {
            if self.state == ConnectionState::Down {
                self.tell("not connected: this will be sent when the connection is back");
            }
            self.pending.push_back((id, line));
        }
        self.take_effects()
    }

    /// The user pressed a key that goes to another conversation.
    pub(super) fn switch(&mut self, to: Switch) -> Vec<Effect> {
        let target = match to {
            Switch::Nth(number) => number.checked_sub(1).and_then(|index| self.order.get(index)),
            Switch::News => None,
        };
        match target {
            Some(Target::Room(room)) => self.requests.push(Request::Switch(*room)),
            _ => self.tell("there is no such conversation"),
        }
        self.take_effects()
    }

    /// A line arrived from the server.
    pub(super) fn server_line(&mut self, text: &str, now: Instant) -> Vec<Effect> {
        if let Ok(line) = Line::parse(text) {
            self.handle(&line, now);
        }
        self.take_effects()
    }

    fn take_line(&mut self, id: RequestId, line: &str) {
        match self.marking {
            Marking::On => self.typed(id, line),
            Marking::Off => self.request(id, line),
        }
    }

    fn request(&mut self, id: RequestId, line: &str) {
        let key = &mut self.keys;
        let interpretation = interpret::interpret(line, self.room.as_ref(), &self.names, || {
            key.count += 1;
            format!("{}-{}", key.prefix, key.count)
        });
        match interpretation {
            Interpretation::Nothing => self.settle(id, Settled::Done),
            Interpretation::Refused { code, text } => self.refuse(id, code, &text),
            Interpretation::Post { target, key, text } => self.requests.push(Request::Post { id, target, key, text }),
            Interpretation::Command(command) => self.requests.push(Request::Command { id, command }),
        }
    }

    fn handle(&mut self, line: &Line<'_>, now: Instant) {
        let request = line.tags.re.and_then(|re| self.requests.request(re)).cloned();
        match line.body {
            Body::Row(text) => self.row(request.as_ref(), text, now),
            Body::Prompt(text) => match request {
                Some(Request::Command { id, .. }) => self.effects.push(Effect::Ask(id, text.to_owned())),
                // No server asks anything in response to the client's own requests: start over.
                _ => self.effects.push(Effect::Reconnect),
            },
            Body::Done(text) => match line.tags.re.and_then(|re| self.requests.answered(re)) {
                Some(request) => self.done(request, text, now),
                None => self.show(Item::Done(text.to_owned())),
            },
            Body::Refused(code, text) => match line.tags.re.and_then(|re| self.requests.answered(re)) {
                Some(request) => self.refused(request, code, text, now),
                None => self.show(Item::Refused { code: code.to_owned(), text: text.to_owned() }),
            },
            Body::Notice(Some(Code::Read), _) => {}
            Body::Notice(None, text) if line.tags.ev.is_some() => {
                self.ignored.notice(&line.tags);
                let target = line.tags.to.and_then(|to| Target::parse(to).ok());
                self.show_event(target, text, &line.tags);
            }
            Body::Notice(code, text) => {
                let code = code.map(|code| format!("{code}: ")).unwrap_or_default();
                self.show(Item::Notice(format!("{code}{text}")));
            }
            Body::Event { room, text } => self.event(room, text, &line.tags),
            Body::RoomMessage { .. } | Body::DirectMessage { .. } => {
                let Some(message) = incoming::parse_line(line, self.me.as_ref()) else { return };
                self.learn(&message);
                let target = message.target.clone();
                match message.id {
                    Some(id) => {
                        let step = self.catch_up.live(&target, id, message);
                        self.apply(step.into_iter().collect(), now);
                    }
                    None if self.ignored.hides(&message.author) => {}
                    None => self.show(Item::Message(message)),
                }
            }
        }
    }

    fn event(&mut self, room: &str, text: &str, tags: &Tags<'_>) {
        self.names.room(room);
        let me = |who: &str| incoming::is_me(who, self.me.as_ref());
        let out = matches!(tags.ev, Some("kick" | "ban" | "leave")) && tags.who.is_some_and(me);
        let ours = self.room.as_ref().is_some_and(|current| current.as_str() == room);
        if tags.ev == Some("rename")
            && let Some(name) = tags.set.and_then(|name| RoomName::parse(name).ok())
        {
            self.renamed(room, name);
        }
        if ours && (out || tags.ev == Some("close")) {
            self.set_room(None);
        }
        if let Some(who) = tags.who {
            self.names.person(who);
        }
        let target = RoomName::parse_existing(room).ok().map(Target::Room);
        self.show_event(target, text, tags);
    }

    fn show_event(&mut self, target: Option<Target>, text: &str, tags: &Tags<'_>) {
        if self.ignored.hides_event(tags) {
            return;
        }
        let own = tags.who.is_some_and(|who| incoming::is_me(who, self.me.as_ref()));
        let mut kind = EventKind::from_tags(tags, text);
        if let EventKind::Change(change) = &mut kind {
            change.mentions_me = !own && self.me.as_ref().is_some_and(|me| tags.mentions(me));
            if let (ChangeKind::Removed, Some(target)) = (change.kind, &target) {
                self.recent.removed(target, change.about);
            }
        }
        let who = tags.who.map(str::to_owned);
        self.show(Item::Event(ShownEvent { target, kind, who, own, text: text.to_owned(), at: tags.at }));
    }

    /// A room has another name: its ids go on under it.
    fn renamed(&mut self, before: &str, name: RoomName) {
        let Ok(before) = RoomName::parse_existing(before) else { return };
        let (old, new) = (Target::Room(before), Target::Room(name));
        self.catch_up.renamed(&old, &new);
        self.recent.renamed(&old, &new);
        if let Some(id) = self.marks.remove(&old) {
            self.marks.insert(new.clone(), id);
        }
        if self.behind.remove(&old) {
            self.behind.insert(new);
        }
        if !self.catch_up.is_live() {
            // What is being fetched was asked for under the old name.
            self.effects.push(Effect::Reconnect);
        }
        self.names.room(name.as_str());
        if self.room == Some(before) {
            self.set_room(Some(name));
        }
    }

    fn apply(&mut self, steps: Vec<CatchUpStep>, now: Instant) {
        for step in steps {
            match step {
                CatchUpStep::Show(target, id, message) => {
                    // Left out is as good as read.
                    if !self.ignored.hides(&message.author) {
                        self.note_shown(&message);
                        self.show(Item::Message(*message));
                    }
                    let room = self.marks.len() < TARGETS_MAX || self.marks.contains_key(&target);
                    if self.marking == Marking::On && room && !self.behind.contains(&target) {
                        self.marks.insert(target, id);
                        self.next_mark.get_or_insert(now + MARK_EVERY);
                    }
                }
                CatchUpStep::Fetch(target, part) => self.requests.push_first(Request::Fetch(target, part)),
                CatchUpStep::Unread { .. } if self.marking == Marking::Off => {}
                CatchUpStep::Unread { target, unread, read } => {
                    self.tell(&format!("{unread} unread in {target}: /history {target} after={read}"));
                    self.behind.insert(target);
                }
                CatchUpStep::Earlier { target, read, before } => {
                    self.tell(&format!("more unread before these: /history {target} after={read} before={before}"));
                }
            }
        }
    }

    fn learn(&self, message: &ShownMessage) {
        self.names.person(&message.author);
        self.learn_target(&message.target);
    }

    fn learn_target(&self, target: &Target) {
        match target {
            Target::Room(room) => self.names.room(room.as_str()),
            Target::Direct(name) => self.names.person(name.as_str()),
        }
    }

    fn set_room(&mut self, room: Option<RoomName>) {
        if self.room != room {
            self.room.clone_from(&room);
            self.report_place();
        }
    }

    fn report_place(&mut self) {
        let current = self.room.map(Target::Room);
        self.effects.push(Effect::Place(Place { current, elsewhere: Vec::new() }));
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
