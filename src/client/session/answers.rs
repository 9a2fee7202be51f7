//! Answers: what the rows and the final line of each kind of request change.

use super::{ConnectionState, Effect, Session, Settled, switching};
use crate::client::catch_up::{Listed, Page, TARGETS_MAX};
use crate::client::incoming;
use crate::client::interpret;
use crate::client::item::{AnswerEnd, AnswerItem, Item, ShownMessage};
use crate::client::recent::Author;
use crate::client::references;
use crate::client::requests::Request;
use crate::protocol::code::Code;
use crate::protocol::names::{RoomName, Target};
use crate::protocol::secrets::Secret;
use std::time::Instant;

/// Lines said elsewhere that are waited for; older ones are counted like those of other devices.
const SAID_MAX: usize = 100;

impl Session {
    pub(super) fn row(&mut self, request: Option<&Request>, text: &str, now: Instant) {
        match request {
            Some(Request::Ignored) => self.ignored.row(text),
            Some(Request::List | Request::Recount) => {
                if let Some(row) = Listed::parse(text).filter(|_| self.listed.len() < TARGETS_MAX) {
                    self.learn_target(&row.target);
                    self.listed.push(row);
                }
            }
            Some(Request::Fetch(wanted, _)) => {
                let Some(message) = incoming::parse_row(text, self.me.as_ref()) else { return };
                if let (true, Some(id)) = (message.target == *wanted, message.id) {
                    self.names.person(&message.author);
                    let steps = self.catch_up.fetched(wanted, id, message);
                    self.apply(steps, now);
                }
            }
            Some(Request::Changes(..)) => {
                if let Some(event) = self.recall.missed_event(text, self.me.as_ref())
                    && !event.who.as_deref().is_some_and(|who| self.ignored.hides(who))
                {
                    self.show(Item::Event(event));
                }
            }
            Some(Request::Command { command, .. }) => {
                interpret::learn_row(command, text, &self.names);
                self.note_row(command, text);
                if self.answer.push(text) {
                    self.show_answer(command.clone(), AnswerEnd::Open);
                }
            }
            Some(_) => {}
            None => self.show(Item::Row(text.to_owned())),
        }
    }

    pub(super) fn done(&mut self, request: Request, text: &str, now: Instant) {
        match request {
            Request::Post { id, target, text: said, .. } => {
                if let Some(number) = first_number(text) {
                    self.recent.shown(&target, number, Author::Me);
                    self.posted(&target, number, said);
                }
                self.settle(id, Settled::Done);
            }
            Request::Command { id, command } => {
                self.command_done(&command, text, now);
                self.note_done(&command, text);
                if let Some((target, id)) = references::removes(&command) {
                    self.recent.removed(&target, id);
                }
                let (revokes, helps) = (interpret::is_passwd(&command), interpret::is_help(&command));
                self.show_answer(command, AnswerEnd::Done(text.to_owned()));
                if revokes {
                    self.effects.push(Effect::TokenRevoked);
                }
                if helps && !self.is_person() {
                    interpret::KEYS_HELP.iter().for_each(|line| self.tell(line));
                }
                self.settle(id, Settled::Done);
            }
            Request::Ignored => self.ignored.listed(),
            Request::List => self.all_listed(now),
            Request::Recount => {
                let rows = std::mem::take(&mut self.listed);
                self.conversations.listed(&rows);
                self.report_place();
            }
            Request::Fetch(..) => {
                let more = says_more(text);
                let steps = self.catch_up.page_end(if more { Page::More } else { Page::Last });
                self.apply(steps, now);
                self.follow_changes();
            }
            Request::Changes(target, after) => {
                if says_more(text) {
                    self.tell(&format!("more was changed: /changes {target} after={after}"));
                }
                self.asking.remove(&target);
                self.recall.caught_up(&target);
            }
            Request::NewToken(_) => {
                let token = text.split(' ').next().unwrap_or_default();
                self.effects.push(Effect::Token(Secret::new(token)));
            }
            Request::Switch(room) => self.enter(named_room(text).unwrap_or(room), text, now),
            Request::Visit { id, name } => {
                self.names.person(name.as_str());
                self.go(Some(Target::Direct(name)), "", now);
                if let Some(id) = id {
                    self.settle(id, Settled::Done);
                }
            }
            Request::Return(_) if self.state == ConnectionState::Listing => text.clone_into(&mut self.described),
            Request::Return(_) | Request::Mark(..) | Request::Restore(_) | Request::Probe => {}
        }
    }

    pub(super) fn refused(&mut self, request: Request, code: &str, text: &str, now: Instant) {
        let passing =
            [Code::Busy, Code::Throttled, Code::SlowDown, Code::ShuttingDown].iter().any(|c| c.as_str() == code);
        match request {
            Request::Post { id, target, text: said, .. } => {
                let to = if self.current.as_ref() == Some(&target) { String::new() } else { format!(" to {target}") };
                if self.is_person() {
                    self.tell(&format!("not sent{to}: {said}"));
                }
                self.refuse(id, code, text);
            }
            Request::Command { id, command } => {
                if self.is_person() && interpret::says(&command) {
                    self.tell(&format!("not sent: /{command}"));
                }
                let moves = switching::asks_to_enter(&command);
                let text = if moves && self.is_person() { switching::reason(text) } else { text.to_owned() };
                self.show_answer(command, AnswerEnd::Refused { code: code.to_owned(), text });
                self.settle(id, Settled::Refused);
                if moves {
                    self.not_moved(now);
                }
            }
            Request::Switch(_) => {
                self.show(Item::Refused { code: code.to_owned(), text: switching::reason(text) });
                self.not_moved(now);
            }
            Request::Visit { id, .. } => {
                match id {
                    Some(id) => self.refuse(id, code, text),
                    None => self.show(Item::Refused { code: code.to_owned(), text: text.to_owned() }),
                }
                self.not_moved(now);
            }
            Request::Ignored | Request::List | Request::Fetch(..) if passing => self.effects.push(Effect::Reconnect),
            Request::List => {
                self.show(Item::Refused { code: code.to_owned(), text: text.to_owned() });
                self.all_listed(now);
            }
            Request::Recount => self.conversations.not_listed(),
            // The user may no longer read there.
            Request::Fetch(..) => {
                let steps = self.catch_up.page_end(Page::Last);
                self.apply(steps, now);
                self.follow_changes();
            }
            Request::Changes(target, _) => {
                self.asking.remove(&target);
                self.recall.caught_up(&target);
            }
            // Whoever is put out of a room is told so.
            Request::Return(_) if self.state == ConnectionState::Up => {}
            Request::Return(room) => {
                // At the start nobody has been anywhere yet.
                if self.headed.is_some() || !self.is_person() {
                    self.tell(&format!("you're no longer in {room}"));
                }
                self.current = None;
            }
            // An older server knows no such verb.
            Request::Ignored => {}
            Request::NewToken(_) => self.tell("the next login will ask for the password"),
            Request::Restore(command) => self.tell(&format!("/{command} could not be set again: {text}")),
            Request::Mark(..) | Request::Probe => {}
        }
    }

    fn all_listed(&mut self, now: Instant) {
        let rows = std::mem::take(&mut self.listed);
        self.conversations.listed(&rows);
        if self.is_person() {
            rows.iter().for_each(|row| self.recall.heard(&row.target, row.change));
        }
        if self.headed.is_none() {
            // Nobody has been anywhere yet.
            self.current = self.current.take().or(Some(Target::Room(RoomName::lobby())));
        }
        // A room that the account is not in, or no longer in, can't be the current one.
        self.current = self
            .current
            .take()
            .filter(|current| matches!(current, Target::Direct(_)) || rows.iter().any(|row| row.target == *current));
        let described = std::mem::take(&mut self.described);
        if let Some(current) = self.current.clone() {
            self.head(&current, &described);
        }
        self.report_place();
        // A person is shown what is unread; a program asks for what it wants.
        let shown = self.current.clone().filter(|_| self.is_person());
        let steps = self.catch_up.listed(&self.epoch, rows, shown.as_ref());
        self.apply(steps, now);
        self.state = ConnectionState::Up;
        self.follow_changes();
    }

    /// One of the user's lines was said, under this id.
    fn posted(&mut self, target: &Target, id: u64, text: String) {
        if !self.is_person() {
            return self.catch_up.sent(target, id);
        }
        if self.catch_up.shows(target) {
            // It comes back, or is in what is being fetched.
            return;
        }
        let (_, last, _) = self.conversations.unread(target);
        if id > last {
            self.expect_back(target, id);
        } else if let Some(me) = self.me {
            // It was said before the connection dropped, and does not come back: here it is.
            self.say(ShownMessage {
                target: target.clone(),
                id: Some(id),
                author: me.to_string(),
                to: None,
                mark: None,
                text,
                at: None,
                own: true,
                mentions_me: false,
                quote: None,
            });
        }
    }

    /// This client said something in a conversation that is not shown: it is shown when it comes back.
    fn expect_back(&mut self, target: &Target, id: u64) {
        if self.is_person() && !self.catch_up.shows(target) {
            if self.said.len() >= SAID_MAX {
                self.said.pop_front();
            }
            self.said.push_back((target.clone(), id));
        }
    }

    /// The user changed something, perhaps in this message. It is asked for, since only the server knows what a
    /// reaction made of it; what is not shown then is said to be done.
    fn changed(&mut self, target: &Target, change: u64, message: Option<u64>) {
        let comes_back = self.catch_up.shows(target) && self.recall.is_of_shown(target, change, message);
        self.recall.heard(target, change);
        self.follow_changes();
        if !comes_back {
            self.tell(&format!("done in {target}"));
        }
    }

    /// Shows the rows that arrived, and how the answer ends.
    pub(super) fn show_answer(&mut self, command: String, end: AnswerEnd) {
        let rows = self.answer.take();
        self.show(Item::Answer(AnswerItem { command, rows, end }));
    }

    fn command_done(&mut self, command: &str, text: &str, now: Instant) {
        if let Some(wanted) = interpret::enters_room(command) {
            self.enter(named_room(text).unwrap_or(wanted), text, now);
        } else if let Some(left) = interpret::leaves_room(command) {
            self.left(&Target::Room(left), now);
        } else if let Some(target) = interpret::catches_up(command) {
            self.behind.remove(&target);
        } else if let Some((name, ignored)) = interpret::ignores(command) {
            self.ignored.set(name, ignored);
        } else if let Some(option) = interpret::sets_option(command) {
            match self.options.iter_mut().find(|(known, _)| *known == option) {
                Some((_, set)) => command.clone_into(set),
                None => self.options.push((option, command.to_owned())),
            }
        } else if let Some(target) = interpret::tells(command) {
            match text.strip_prefix("change=").and_then(first_number) {
                Some(change) if self.is_person() => self.changed(&target, change, interpret::changes(command)),
                Some(_) => {}
                None => first_number(text).into_iter().for_each(|id| self.expect_back(&target, id)),
            }
        } else if interpret::makes_room(command) {
            self.conversations.outdate();
        }
    }
}

/// The number that an answer begins with.
fn first_number(text: &str) -> Option<u64> {
    text.split(' ').next()?.parse().ok()
}

/// The room that an answer begins with.
fn named_room(text: &str) -> Option<RoomName> {
    text.split(' ').next().and_then(|word| RoomName::parse(word).ok())
}

/// Whether a final line says that there is another page.
fn says_more(text: &str) -> bool {
    text.split(", ").skip(1).any(|word| word == "more")
}
