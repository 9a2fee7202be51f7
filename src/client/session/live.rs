//! Live lines: what is said and what happens, and what of it is shown or counted.

use super::recall::ChangePlace;
use super::{Effect, MARK_EVERY, Session, switching};
use crate::client::catch_up::{CatchUpStep, TARGETS_MAX};
use crate::client::conversations::Heard;
use crate::client::incoming;
use crate::client::item::{ChangeKind, EventKind, Item, ShownEvent, ShownMessage};
use crate::client::requests::Request;
use crate::protocol::code::Code;
use crate::protocol::line::{Body, Line, Tags};
use crate::protocol::names::{RoomName, Target};
use std::time::Instant;

impl Session {
    pub(super) fn handle(&mut self, line: &Line<'_>, now: Instant) {
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
            Body::Notice(Some(Code::Read), text) => self.read_elsewhere(text),
            Body::Notice(None, text) if line.tags.ev.is_some() => {
                self.ignored.notice(&line.tags);
                let target = line.tags.to.and_then(|to| Target::parse(to).ok());
                self.show_event(target, text, &line.tags);
            }
            Body::Notice(code, text) => {
                let code = code.map(|code| format!("{code}: ")).unwrap_or_default();
                self.show(Item::Notice(format!("{code}{text}")));
            }
            Body::Event { room, text } => self.event(room, text, &line.tags, now),
            Body::RoomMessage { .. } | Body::DirectMessage { .. } => {
                let Some(message) = incoming::parse_line(line, self.me.as_ref()) else { return };
                if message.own {
                    self.names.person(&message.author);
                } else {
                    self.names.speaker(&message.author);
                }
                self.learn_target(&message.target);
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

    /// `TARGET ID`: another of the account's devices moved a read marker.
    fn read_elsewhere(&mut self, text: &str) {
        let Some((target, id)) = text.split_once(' ') else { return };
        let (Ok(target), Ok(id)) = (Target::parse(target), id.parse::<u64>()) else { return };
        self.conversations.read(&target, id);
        if self.marks.get(&target).is_some_and(|&mark| mark <= id) {
            self.marks.remove(&target);
        }
        self.report_place();
    }

    fn event(&mut self, room: &str, text: &str, tags: &Tags<'_>, now: Instant) {
        self.names.room(room);
        if let Some(who) = tags.who {
            self.names.person(who);
        }
        let Ok(name) = RoomName::parse_existing(room) else { return };
        let target = Target::Room(name);
        let mine = tags.who.is_some_and(|who| incoming::is_me(who, self.me.as_ref()));
        // Before the room is left, so that it is still a room that is shown.
        self.show_event(Some(target.clone()), text, tags);
        match tags.ev {
            Some("rename") => {
                if let Some(new) = tags.set.and_then(|new| RoomName::parse(new).ok()) {
                    self.renamed(name, new);
                }
            }
            Some("kick" | "ban" | "leave") if mine => self.left(&target, now),
            Some("close") => self.left(&target, now),
            Some("join") if mine => self.conversations.outdate(),
            _ => {}
        }
    }

    /// The account is no longer in this room.
    pub(super) fn left(&mut self, target: &Target, now: Instant) {
        self.conversations.gone(target);
        if self.current.as_ref() == Some(target) {
            self.go(None, "", now);
        } else {
            self.report_place();
        }
    }

    fn show_event(&mut self, target: Option<Target>, text: &str, tags: &Tags<'_>) {
        let own = tags.who.is_some_and(|who| incoming::is_me(who, self.me.as_ref()));
        let mut kind = EventKind::from_tags(tags, text);
        // One that is left out is noted as well, as the next change.
        let wanted = !self.is_person() || self.wants_event(target.as_ref(), &mut kind, own, tags);
        if !wanted || self.ignored.hides_event(tags) {
            return;
        }
        let who = tags.who.map(str::to_owned);
        self.show(Item::Event(ShownEvent { target, kind, who, own, text: text.to_owned(), at: tags.at }));
    }

    /// Whether a person is shown an event now: what happens where the user is and in direct conversations, what
    /// concerns the account, and what mentions it. Completes what is known of it.
    fn wants_event(&mut self, target: Option<&Target>, kind: &mut EventKind, own: bool, tags: &Tags<'_>) -> bool {
        let Some(target) = target else { return true };
        let shows = self.catch_up.shows(target);
        let EventKind::Change(change) = kind else { return shows || own || tags.ev == Some("close") };
        if change.kind == ChangeKind::Removed {
            self.recent.removed(target, change.about);
        }
        change.mentions_me = !own && self.me.as_ref().is_some_and(|me| tags.mentions(me));
        let number = tags.change.unwrap_or_default();
        if !shows {
            if matches!(change.kind, ChangeKind::Edited | ChangeKind::Removed) {
                self.conversations.changed(target);
            }
            self.recall.heard(target, number);
            return change.mentions_me;
        }
        if !self.catch_up.is_live() {
            // After the messages that are missing.
            self.recall.heard(target, number);
            return false;
        }
        match self.recall.place(target, number) {
            ChangePlace::Next => {
                self.recall.recall(target, change);
                true
            }
            ChangePlace::Shown => false,
            ChangePlace::AfterAGap => {
                self.follow_changes();
                false
            }
        }
    }

    /// Asks for changes that were missed, of messages that were shown.
    pub(super) fn follow_changes(&mut self) {
        if !self.is_person() || !self.catch_up.is_live() {
            return;
        }
        for (target, after) in self.recall.missed() {
            if self.catch_up.shows(&target) && self.asking.insert(target.clone()) {
                self.requests.push(Request::Changes(target, after));
            }
        }
    }

    /// A room has another name: its ids go on under it.
    fn renamed(&mut self, before: RoomName, name: RoomName) {
        let (old, new) = (Target::Room(before), Target::Room(name));
        self.catch_up.renamed(&old, &new);
        self.conversations.renamed(&old, &new);
        self.recall.renamed(&old, &new);
        self.recent.renamed(&old, &new);
        if let Some(id) = self.marks.remove(&old) {
            self.marks.insert(new.clone(), id);
        }
        if self.behind.remove(&old) {
            self.behind.insert(new.clone());
        }
        if !self.catch_up.is_live() || self.requests.any(switching::moves) {
            // What is asked for was asked for under the old name.
            self.effects.push(Effect::Reconnect);
        }
        self.names.room(name.as_str());
        if self.current.as_ref() == Some(&old) {
            self.current = Some(new.clone());
        }
        if self.headed.as_ref() == Some(&old) {
            self.headed = Some(new.clone());
            // Lines are not named below the heading of their room, so it needs the new name.
            self.show(Item::Here { target: new, topic: None, members: None });
        }
        self.report_place();
    }

    pub(super) fn apply(&mut self, steps: Vec<CatchUpStep>, now: Instant) {
        for step in steps {
            match step {
                CatchUpStep::Show(target, id, message) => {
                    self.conversations.shown(&target, id);
                    // Left out is as good as read.
                    if !self.ignored.hides(&message.author) {
                        self.recall.shown(&target, id);
                        self.say(*message);
                    }
                    let room = self.marks.len() < TARGETS_MAX || self.marks.contains_key(&target);
                    if self.is_person() && room && !self.behind.contains(&target) {
                        self.marks.insert(target, id);
                        self.next_mark.get_or_insert(now + MARK_EVERY);
                    }
                }
                CatchUpStep::Count(target, id, message) => self.count(&target, id, *message),
                CatchUpStep::Fetch(target, part) => self.requests.push_first(Request::Fetch(target, part)),
                CatchUpStep::LeftOff { .. } | CatchUpStep::Unread { .. } if !self.is_person() => {}
                CatchUpStep::LeftOff { unread, since } => self.show(Item::LeftOff { count: unread, since }),
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

    /// Shows a message.
    pub(super) fn say(&mut self, mut message: ShownMessage) {
        if self.is_person() {
            if let Some(answered) = incoming::answered(&message) {
                message.quote = self.recall.quote(&message.target, answered);
            }
            self.recall.remember(&message);
            self.note_shown(&message);
        }
        self.show(Item::Message(message));
    }

    /// A message of a conversation that is not shown. What mentions the user, and what they said themselves from
    /// where they are, is shown all the same.
    fn count(&mut self, target: &Target, id: u64, message: ShownMessage) {
        let hidden = self.ignored.hides(&message.author);
        let heard = match (message.own, message.mentions_me && !hidden) {
            (true, _) => Heard::Own,
            (false, true) => Heard::Mention,
            (false, false) => Heard::Other,
        };
        self.conversations.hear(target, id, heard);
        let said_here = self.said.iter().position(|(said, said_id)| said == target && *said_id == id);
        if let Some(index) = said_here {
            self.said.remove(index);
        }
        if said_here.is_some() || heard == Heard::Mention {
            self.say(message);
        }
        self.report_place();
    }

    pub(super) fn learn_target(&self, target: &Target) {
        match target {
            Target::Room(room) => self.names.room(room.as_str()),
            Target::Direct(name) => self.names.person(name.as_str()),
        }
    }
}
