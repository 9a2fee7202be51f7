//! Answers: what the rows and the final line of each kind of request change.

use super::{ConnectionState, Effect, Marking, Session, Settled};
use crate::client::catch_up::{Listed, Page, TARGETS_MAX};
use crate::client::incoming;
use crate::client::interpret;
use crate::client::item::{AnswerEnd, AnswerItem, Item};
use crate::client::recent::Author;
use crate::client::references;
use crate::client::requests::Request;
use crate::protocol::code::Code;
use crate::protocol::names::{RoomName, Target};
use crate::protocol::secrets::Secret;
use std::time::Instant;

impl Session {
    pub(super) fn row(&mut self, request: Option<&Request>, text: &str, now: Instant) {
        match request {
            Some(Request::Ignored) => self.ignored.row(text),
            Some(Request::List) => {
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
            Some(Request::Command { command, .. }) => {
                interpret::learn_row(command, text, &self.names);
                self.note_row(command, text);
                if self.answer.push(text) {
                    self.show_answer(command.clone(), AnswerEnd::Open);
                }
            }
            _ => self.show(Item::Row(text.to_owned())),
        }
    }

    pub(super) fn done(&mut self, request: Request, text: &str, now: Instant) {
        match request {
            Request::Post { id, target, .. } => {
                if let Some(id) = text.split(' ').next().and_then(|id| id.parse().ok()) {
                    self.catch_up.sent(&target, id);
                    self.recent.shown(&target, id, Author::Me);
                }
                self.settle(id, Settled::Done);
            }
            Request::Command { id, command } => {
                self.command_done(&command, text);
                self.note_more(&command, text);
                if let Some((target, id)) = references::removes(&command) {
                    self.recent.removed(&target, id);
                }
                let (revokes, helps) = (interpret::is_passwd(&command), interpret::is_help(&command));
                self.show_answer(command, AnswerEnd::Done(text.to_owned()));
                if revokes {
                    self.effects.push(Effect::TokenRevoked);
                }
                if helps && self.marking == Marking::Off {
                    interpret::KEYS_HELP.iter().for_each(|line| self.tell(line));
                }
                self.settle(id, Settled::Done);
            }
            Request::Ignored => self.ignored.listed(),
            Request::List => self.all_listed(now),
            Request::Fetch(..) => {
                let more = text.split(", ").skip(1).any(|word| word == "more");
                let steps = self.catch_up.page_end(if more { Page::More } else { Page::Last });
                self.apply(steps, now);
            }
            Request::NewToken(_) => {
                let token = text.split(' ').next().unwrap_or_default();
                self.effects.push(Effect::Token(Secret::new(token)));
            }
            Request::Switch(room) => self.set_room(Some(room)),
            Request::Mark(..) | Request::Return(_) | Request::Restore(_) => {}
        }
    }

    pub(super) fn refused(&mut self, request: Request, code: &str, text: &str, now: Instant) {
        let passing =
            [Code::Busy, Code::Throttled, Code::SlowDown, Code::ShuttingDown].iter().any(|c| c.as_str() == code);
        match request {
            Request::Post { id, .. } => self.refuse(id, code, text),
            Request::Command { id, command } => {
                if interpret::enters_room(&command).is_some() {
                    self.set_room(None);
                }
                self.show_answer(command, AnswerEnd::Refused { code: code.to_owned(), text: text.to_owned() });
                self.settle(id, Settled::Refused);
            }
            Request::Switch(_) => {
                self.set_room(None);
                self.show(Item::Refused { code: code.to_owned(), text: text.to_owned() });
            }
            Request::Ignored | Request::List | Request::Fetch(..) if passing => self.effects.push(Effect::Reconnect),
            Request::List => {
                self.show(Item::Refused { code: code.to_owned(), text: text.to_owned() });
                self.all_listed(now);
            }
            // The user may no longer read there.
            Request::Fetch(..) => {
                let steps = self.catch_up.page_end(Page::Last);
                self.apply(steps, now);
            }
            Request::Return(target) => {
                self.tell(&format!("you're no longer in {target}"));
                self.set_room(None);
            }
            // An older server knows no such verb.
            Request::Ignored => {}
            Request::NewToken(_) => self.tell("the next login will ask for the password"),
            Request::Restore(command) => self.tell(&format!("/{command} could not be set again: {text}")),
            Request::Mark(..) => {}
        }
    }

    fn all_listed(&mut self, now: Instant) {
        let rows = std::mem::take(&mut self.listed);
        let room = self.room.unwrap_or_else(RoomName::lobby);
        let current = Target::Room(room);
        let is_in = rows.iter().any(|row| row.target == current);
        self.room = is_in.then_some(room);
        self.order = rows.iter().map(|row| row.target.clone()).collect();
        self.report_place();
        // A person is shown what is unread; a program asks for what it wants.
        let shown = (self.marking == Marking::On).then_some(&current);
        let steps = self.catch_up.listed(&self.epoch, rows, shown);
        self.apply(steps, now);
        self.state = ConnectionState::Up;
        for (id, line) in std::mem::take(&mut self.pending) {
            self.take_line(id, &line);
        }
    }

    /// Shows the rows that arrived, and how the answer ends.
    pub(super) fn show_answer(&mut self, command: String, end: AnswerEnd) {
        let rows = self.answer.take();
        self.show(Item::Answer(AnswerItem { command, rows, end }));
    }

    fn command_done(&mut self, command: &str, text: &str) {
        let named = text.split(' ').next().and_then(|word| RoomName::parse(word).ok());
        if let Some(wanted) = interpret::enters_room(command) {
            let room = named.unwrap_or(wanted);
            self.names.room(room.as_str());
            self.set_room(Some(room));
        } else if let Some(left) = interpret::leaves_room(command) {
            if self.room.as_ref() == Some(&left) {
                self.set_room(None);
            }
        } else if let Some(target) = interpret::catches_up(command) {
            self.behind.remove(&target);
        } else if let Some((name, ignored)) = interpret::ignores(command) {
            self.ignored.set(name, ignored);
        } else if let Some(option) = interpret::sets_option(command) {
            match self.options.iter_mut().find(|(known, _)| *known == option) {
                Some((_, set)) => command.clone_into(set),
                None => self.options.push((option, command.to_owned())),
            }
        }
    }
}
