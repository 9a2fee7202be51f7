//! What scripts read: fields with TABs between them, or JSON; at a terminal, lines for people.
//!
//! Owns the names of the fields, which are stable: docs/SCRIPTS.md lists them. Pure, but for [`Out`].

use crate::client::ClientError;
use crate::client::bot::{Change, Event, Happening, Message};
use crate::client::screen::clean;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};

/// How to print.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// Fields with TABs between them.
    Fields,
    /// An object a line.
    Json,
    /// For people, with times of this zone.
    People(TimeZone),
}

impl Form {
    /// JSON if it was asked for, else what suits standard output.
    pub(super) fn choose(json: bool) -> Self {
        match (json, io::stdout().is_terminal()) {
            (true, _) => Self::Json,
            (false, true) => Self::People(TimeZone::system()),
            (false, false) => Self::Fields,
        }
    }
}

/// Standard output.
pub(super) struct Out(BufWriter<StdoutLock<'static>>);

impl Out {
    pub(super) fn new() -> Self {
        Self(BufWriter::new(io::stdout().lock()))
    }

    /// Writes a line, which [`Out::flush`] makes seen.
    pub(super) fn line(&mut self, line: &str) -> Result<(), ClientError> {
        writeln!(self.0, "{line}").map_err(ClientError::Unseen)
    }

    pub(super) fn flush(&mut self) -> Result<(), ClientError> {
        self.0.flush().map_err(ClientError::Unseen)
    }
}

/// A message as a line; `None` if this form leaves it out.
pub(super) fn message(message: &Message, form: &Form, now: Timestamp) -> Option<String> {
    Some(match form {
        Form::Json => json(&MessageObject::of(message)),
        Form::Fields if message.is_removed() => return None,
        Form::Fields => {
            let at = message.at.map(time).unwrap_or_default();
            let Message { target, id, author, text, .. } = message;
            format!("{at}\t{}\t{id}\t{}\t{}", clean(&target.to_string()), clean(author), clean(text))
        }
        Form::People(zone) => {
            let at = message.at.map(|at| local(at, now, zone)).unwrap_or_default();
            let marks =
                if message.marks.is_empty() { String::new() } else { format!(" ({})", message.marks.join(", ")) };
            let line = format!("{at}[{}] {}{marks}: {}", message.target, message.author, message.text);
            clean(&line).into_owned()
        }
    })
}

/// A change as a line, which only JSON has.
pub(super) fn change(change: &Change, form: &Form) -> Option<String> {
    matches!(form, Form::Json).then(|| json(&ChangeObject::of(change)))
}

/// Anything that a bot is told, as an object.
pub(super) fn event(event: &Event) -> Option<String> {
    Some(match event {
        Event::Message(message) => json(&MessageObject::of(message)),
        Event::Change(change) => json(&ChangeObject::of(change)),
        Event::Happening(happening) => json(&HappeningObject::of(happening)),
        Event::Notice { code, text } => json(&NoticeObject { event: "notice", code: code.as_deref(), text }),
        Event::Reconnected { same_history } => {
            json(&ReconnectedObject { event: "reconnected", same_history: *same_history })
        }
        Event::Ended { target, why } => json(&EndedObject { event: "ended", target: target.to_string(), why }),
    })
}

/// A value of ours as JSON on one line.
pub(super) fn json(value: &impl Serialize) -> String {
    // Only maps with keys that are no texts can't be written, and there are none.
    serde_json::to_string(value).unwrap_or_default()
}

/// A point in time, with milliseconds, in UTC.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

fn local(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let form = if at.date() == now.date() { "%H:%M " } else { "%Y-%m-%d %H:%M " };
    at.strftime(form).to_string()
}

fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own for whoever reads it")]
struct MessageObject<'a> {
    event: &'static str,
    target: String,
    id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    author: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    own: bool,
    #[serde(skip_serializing_if = "is_false")]
    action: bool,
    #[serde(skip_serializing_if = "is_false")]
    edited: bool,
    #[serde(skip_serializing_if = "is_false")]
    removed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    mentions: &'a [String],
}

impl<'a> MessageObject<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            event: "message",
            target: message.target.to_string(),
            id: message.id,
            time: message.at.map(time),
            author: &message.author,
            text: &message.text,
            own: message.own,
            action: message.is_action(),
            edited: message.is_edited(),
            removed: message.is_removed(),
            reply_to: message.reply_to(),
            mentions: &message.mentions,
        }
    }
}

#[derive(Serialize)]
struct ChangeObject<'a> {
    event: &'static str,
    target: String,
    change: u64,
    id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    who: &'a str,
    what: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    own: bool,
}

impl<'a> ChangeObject<'a> {
    fn of(change: &'a Change) -> Self {
        Self {
            event: "change",
            target: change.target.to_string(),
            change: change.number,
            id: change.id,
            time: change.at.map(time),
            who: &change.who,
            what: &change.what,
            text: &change.text,
            own: change.own,
        }
    }
}

#[derive(Serialize)]
struct HappeningObject<'a> {
    event: &'static str,
    what: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<&'a str>,
    text: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    own: bool,
}

impl<'a> HappeningObject<'a> {
    fn of(happening: &'a Happening) -> Self {
        Self {
            event: "happening",
            what: &happening.what,
            room: happening.room.map(|room| room.to_string()),
            who: happening.who.as_deref(),
            by: happening.by.as_deref(),
            set: happening.set.as_deref(),
            text: &happening.text,
            own: happening.own,
        }
    }
}

#[derive(Serialize)]
struct NoticeObject<'a> {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    text: &'a str,
}

#[derive(Serialize)]
struct ReconnectedObject {
    event: &'static str,
    same_history: bool,
}

#[derive(Serialize)]
struct EndedObject<'a> {
    event: &'static str,
    target: String,
    why: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::names::UserName;

    fn read(row: &str) -> Message {
        Message::from_row(row, &UserName::parse("bot").unwrap()).unwrap()
    }

    fn printed(row: &str, form: &Form) -> Option<String> {
        message(&read(row), form, "2026-11-22T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_message_is_five_fields_and_the_text_is_the_rest() {
        let row = "ops 8 2026-11-22T09:10:00.5Z bob (edited, 2 👍): a\tb: \\n";
        assert_eq!(printed(row, &Form::Fields).unwrap(), "2026-11-22T09:10:00.500Z\tops\t8\tbob\ta\tb: \\n");
        assert_eq!(printed("ops 9 2026-11-22T09:10:00Z bob (removed): spam", &Form::Fields), None);
    }

    #[test]
    fn json_says_what_is_so_and_leaves_out_the_rest() {
        let plain = printed("ops 8 2026-11-22T09:10:00Z bob: say \"hi\"", &Form::Json).unwrap();
        let expected = r#"{"event":"message","target":"ops","id":8,"time":"2026-11-22T09:10:00.000Z","author":"bob","text":"say \"hi\""}"#;
        assert_eq!(plain, expected);
        let marked = printed("@bob 9 2026-11-22T09:10:00Z bot (me, re 3 bob, edited): x", &Form::Json).unwrap();
        assert!(marked.ends_with(r#""text":"x","own":true,"action":true,"edited":true,"reply_to":3}"#), "{marked}");
    }

    #[test]
    fn people_see_their_own_time_and_no_control_characters() {
        let zone = Form::People(TimeZone::fixed(jiff::tz::offset(1)));
        assert_eq!(printed("ops 8 2026-11-22T09:10:00Z bob: hi\u{1b}", &zone).unwrap(), "10:10 [ops] bob: hi\u{fffd}");
        let before = printed("ops 8 2026-11-21T09:10:00Z bob (edited): hi", &zone).unwrap();
        assert_eq!(before, "2026-11-21 10:10 [ops] bob (edited): hi");
    }
}
