//! Going from one conversation to another: which lines do, and what happens then.

use super::{Effect, Session, Settled};
use crate::client::interpret;
use crate::client::item::Item;
use crate::client::place::{Place, Switch};
use crate::client::requests::{Request, RequestId};
use crate::protocol::command::{Input, find, parse_line};
use crate::protocol::names::{RoomName, Target, UserName};
use std::time::Instant;

/// `/switch @NAME`: to talk with one person. The server knows no such thing, the client does it.
#[must_use]
pub(super) fn to_person(line: &str) -> Option<&str> {
    match parse_line(line) {
        Input::Command { verb: Ok(verb), rest, .. } if verb.name == "switch" => {
            let name = rest.trim_matches(' ');
            (name.starts_with('@') && !name.contains(' ')).then_some(name)
        }
        _ => None,
    }
}

/// Whether a command asks for another current room, also if its arguments are not valid. If it is refused, the
/// connection has no current room.
#[must_use]
pub(super) fn asks_to_enter(command: &str) -> bool {
    let verb = command.split(' ').next().and_then(find);
    verb.is_some_and(|verb| matches!(verb.name, "join" | "switch"))
}

/// Whether what is typed after this line may be meant for another conversation than what was typed before.
#[must_use]
pub(super) fn moves(request: &Request) -> bool {
    match request {
        Request::Command { command, .. } => asks_to_enter(command) || interpret::leaves_room(command).is_some(),
        Request::Visit { .. } | Request::Switch(_) => true,
        _ => false,
    }
}

impl Session {
    /// The user pressed a key that goes to another conversation.
    pub(in crate::client) fn switch(&mut self, to: Switch) -> Vec<Effect> {
        match (self.conversations.find(to, self.current.as_ref()), to) {
            (Some(target), _) if self.current.as_ref() == Some(&target) => {}
            _ if self.state != super::ConnectionState::Up => self.tell("not connected: try again when it is back"),
            (Some(Target::Room(room)), _) => self.requests.push(Request::Switch(room)),
            (Some(Target::Direct(name)), _) => self.requests.push(Request::Visit { id: None, name }),
            (None, Switch::Nth(number)) => self.tell(&format!("there is no conversation {number}")),
            (None, Switch::News) => self.tell("there is nothing new elsewhere"),
        }
        self.take_effects()
    }

    /// The user typed `/switch @NAME`.
    pub(super) fn visit(&mut self, id: RequestId, name: &str) {
        match UserName::parse(name) {
            Ok(name) => self.requests.push(Request::Visit { id: Some(id), name }),
            Err(error) => self.refuse(id, "bad-name", &format!("{error}.")),
        }
    }

    /// The current conversation is this one from now on.
    /// `described` is what the server says about it.
    pub(super) fn go(&mut self, to: Option<Target>, described: &str, now: Instant) {
        let left = std::mem::replace(&mut self.current, to.clone());
        if let Some(target) = to.as_ref().filter(|target| left.as_ref() != Some(target)) {
            self.head(target, described);
        }
        let (read, last, unread) = to.as_ref().map_or((0, 0, 0), |target| self.conversations.unread(target));
        let steps = self.catch_up.go(to.as_ref(), read, last, unread);
        self.apply(steps, now);
        self.report_place();
        self.follow_changes();
    }

    /// The current room is this one from now on, as an answer of the server's says.
    pub(super) fn enter(&mut self, room: RoomName, text: &str, now: Instant) {
        self.names.room(room.as_str());
        self.go(Some(Target::Room(room)), text, now);
    }

    /// The user asked for another conversation, which was refused. A person stays where they are, as the prompt
    /// says, and what they typed before they could see the refusal is not said there: it was meant for elsewhere. A
    /// script is nowhere, since it goes on without looking.
    pub(super) fn not_moved(&mut self, now: Instant) {
        if !self.is_person() {
            return self.go(None, "", now);
        }
        for (id, line) in std::mem::take(&mut self.pending) {
            let shown = match self.shown_again(&line) {
                Some(line) => line,
                None => format!("{} …", line.split_whitespace().next().unwrap_or_default()),
            };
            self.tell(&format!("not sent: {shown}"));
            self.settle(id, Settled::Refused);
        }
        // For the server the connection has no current room now. Another move that is under way gives it one.
        if let Some(Target::Room(room)) = self.current
            && !self.requests.any(moves)
        {
            self.requests.push_first(Request::Return(room));
        }
    }

    /// Shows a heading, unless the last one was the same.
    pub(super) fn head(&mut self, target: &Target, text: &str) {
        if self.is_person() && self.headed.as_ref() != Some(target) {
            self.headed = Some(target.clone());
            let (topic, members) = described(text);
            self.show(Item::Here { target: target.clone(), topic, members });
        }
    }

    pub(super) fn report_place(&mut self) {
        let elsewhere = if self.counts() { self.conversations.news(self.current.as_ref()) } else { Vec::new() };
        self.effects.push(Effect::Place(Place { current: self.current.clone(), elsewhere }));
    }
}

/// Why the server refused a move, without its sentence about the current room, which is about the connection: this
/// client says what is typed in its own current conversation.
#[must_use]
pub(super) fn reason(text: &str) -> String {
    let cut = text.split_once("You're not in a room now; ").and_then(|(before, rest)| {
        let (_, after) = rest.split_once(" goes back.")?;
        Some((before.trim_end(), after.trim_start()))
    });
    match cut {
        Some(("", after)) => after.to_owned(),
        Some((before, "")) => before.to_owned(),
        Some((before, after)) => format!("{before} {after}"),
        None => text.to_owned(),
    }
}

/// The topic and the number of members, from `ROOM - 3 members, 2 here. Topic: TEXT`. What is not found is left
/// out of the heading: sentences may change.
fn described(text: &str) -> (Option<String>, Option<u32>) {
    let (_, sentence) = text.split_once(" - ").unwrap_or((text, ""));
    let (members, topic) = match sentence.split_once(". Topic: ") {
        Some((members, topic)) => (members, Some(topic.to_owned())),
        None => (sentence, None),
    };
    let count = members.split_once(" members").and_then(|(count, _)| count.parse().ok());
    let alone = members.starts_with("you're the only member").then_some(1);
    (topic, count.or(alone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_described_by_the_answer_that_enters_it() {
        assert_eq!(
            described("ops - 2 members, 2 here. Topic: a. Topic: b - c"),
            (Some("a. Topic: b - c".into()), Some(2))
        );
        assert_eq!(described("ops - you're the only member. Type to talk."), (None, Some(1)));
        assert_eq!(described("ops"), (None, None));
        assert_eq!(described("ops - something else"), (None, None));
    }

    #[test]
    fn a_person_is_told_from_a_room() {
        assert_eq!(to_person("/switch @bob"), Some("@bob"));
        assert_eq!(to_person("/SWITCH  @bob "), Some("@bob"));
        for line in ["/switch bob", "/switch", "/join @bob", "//switch @bob", "/switch @bob hello"] {
            assert_eq!(to_person(line), None, "{line}");
        }
    }
}
