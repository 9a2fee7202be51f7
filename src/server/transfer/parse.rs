//! Reads the lines of a room's export, one after another, into what they mean. A file may be anybody's: what
//! the server itself would not have taken is refused, with a reason that a person can act on. Pure.

use crate::protocol::command::LINE_MAX;
use crate::protocol::names::{NameError, RoomName, SERVER_NAME, Text, UserName, check_text};
use crate::protocol::reaction::ReactionWord;
use crate::protocol::roles::Role;
use crate::server::core::{MENTIONS_MAX, PINS_MAX, REACTIONS_MAX, TOPIC_MAX};
use crate::server::traffic::{
    EXPORT_VERSION, ExportLine, ExportMessage, ExportOf, ExportReply, ExportRole, MENTION_ALL,
};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) enum Parsed {
    /// An export of a room follows.
    Header,
    Room {
        name: RoomName,
        private: bool,
        /// Empty if there is none.
        topic: String,
    },
    Member(UserName, Role),
    Message(Box<ParsedMessage>),
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct ParsedMessage {
    /// In milliseconds of Unix time.
    pub(super) at: u64,
    pub(super) author: UserName,
    pub(super) is_me: bool,
    /// The message that it answers, counted from 1 in the file, and that one's author.
    pub(super) re: Option<(u64, UserName)>,
    pub(super) said: Said,
    /// `None` is everyone in the room.
    pub(super) mentions: Vec<Option<UserName>>,
    pub(super) reactions: Vec<(ReactionWord, Vec<UserName>)>,
    pub(super) is_pinned: bool,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) enum Said {
    Plainly(Text),
    /// This, now.
    Edited(Text),
    /// Nothing any more, and perhaps why.
    Removed(Option<Text>),
}

/// What may come next, and what later lines depend on.
#[derive(Debug)]
pub(in crate::server) struct Parser {
    stage: Stage,
    members: HashSet<UserName>,
    /// The authors, in the order of their first messages.
    authors: HashMap<UserName, usize>,
    /// The id of each message that there was, ascending, and the number of its author.
    messages: Vec<(u64, usize)>,
    pins: u32,
    /// No message is later: it would outlast those that are said after it.
    now: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    Room,
    Members,
    Messages,
}

impl Parser {
    /// Begins a file, when it is this late, in milliseconds of Unix time.
    pub(in crate::server) fn new(now: u64) -> Self {
        let (members, authors) = (HashSet::new(), HashMap::new());
        Self { stage: Stage::Header, members, authors, messages: Vec::new(), pins: 0, now }
    }

    /// Reads the next line.
    ///
    /// # Errors
    /// What is wrong with it. Nothing may be read after that.
    pub(in crate::server) fn line(&mut self, line: &str) -> Result<Parsed, String> {
        let line = serde_json::from_str(line).map_err(|error| format!("it is no line of an export: {error}"))?;
        match (self.stage, line) {
            (Stage::Header, ExportLine::Export { version, of, at: _ }) => {
                if version != EXPORT_VERSION {
                    return Err(format!(
                        "it is of version {version} of the format, and this chitchatd reads {EXPORT_VERSION}"
                    ));
                }
                if of != ExportOf::Room {
                    return Err("only the export of a room can be imported".to_owned());
                }
                self.stage = Stage::Room;
                Ok(Parsed::Header)
            }
            (Stage::Header, _) => Err("an export begins with a line of the type export".to_owned()),
            (Stage::Room, ExportLine::Room { name, private, topic }) => {
                check_text(&topic).map_err(|error| format!("its topic can't be used: {error}"))?;
                if topic.len() > TOPIC_MAX {
                    return Err(format!("its topic is longer than {TOPIC_MAX} bytes"));
                }
                self.stage = Stage::Members;
                let name = RoomName::parse(&name).map_err(|error| format!("{name}: {error}"))?;
                Ok(Parsed::Room { name, private, topic })
            }
            (Stage::Room, _) => Err("the line of the room has to come second".to_owned()),
            (Stage::Members, ExportLine::Member { name, role }) => {
                let name = user_name(&name)?;
                if !self.members.insert(name) {
                    return Err(format!("{name} is a member twice"));
                }
                Ok(Parsed::Member(name, parsed_role(role)))
            }
            (Stage::Members | Stage::Messages, ExportLine::Message(message)) => {
                self.stage = Stage::Messages;
                self.message(*message).map(|message| Parsed::Message(Box::new(message)))
            }
            _ => Err("a line of this type can't stand here".to_owned()),
        }
    }

    /// Whether the lines so far are a whole export.
    pub(in crate::server) fn is_whole(&self) -> bool {
        matches!(self.stage, Stage::Members | Stage::Messages)
    }

    fn message(&mut self, message: ExportMessage) -> Result<ParsedMessage, String> {
        let ExportMessage { r#in, id, at, author, me, re, edited, removed, mentions, reactions, pinned, text } =
            message;
        if r#in.is_some() {
            return Err("the messages of a room have no \"in\"".to_owned());
        }
        if self.messages.last().is_some_and(|&(last, _)| last >= id) {
            return Err(format!("the id {id} is not above the one before"));
        }
        let at = parsed_time(&at, self.now)?;
        let author = user_name(&author)?;
        if text.len() > LINE_MAX {
            return Err(format!("its text is longer than {LINE_MAX} bytes"));
        }
        let text = Text::parse(&text).map_err(|error| format!("its text can't be used: {error}"))?;
        let said = match text {
            text if removed => Said::Removed(text),
            None => return Err("it has no text".to_owned()),
            Some(text) if edited => Said::Edited(text),
            Some(text) => Said::Plainly(text),
        };
        let re = re.map_or(Ok(None), |re| self.answered(&re))?;
        if me && re.is_some() {
            return Err("it can't be \"me\" and an answer".to_owned());
        }
        if mentions.len() > MENTIONS_MAX {
            return Err(format!("it mentions more than {MENTIONS_MAX}"));
        }
        let mention = |name: &String| if name == MENTION_ALL { Ok(None) } else { user_name(name).map(Some) };
        let mentions = mentions.iter().map(mention).collect::<Result<_, _>>()?;
        if reactions.len() > REACTIONS_MAX as usize {
            return Err(format!("it has more than {REACTIONS_MAX} reactions"));
        }
        let (mut words, mut parsed) = (HashSet::new(), Vec::new());
        for reaction in reactions {
            let word = check_text(&reaction.word).ok().and_then(|()| ReactionWord::parse(&reaction.word));
            let word = word.filter(|word| words.insert(word.clone()));
            let word = word.ok_or_else(|| format!("{:?} can't be a reaction here", reaction.word))?;
            let by: Vec<UserName> = reaction.by.iter().map(|name| user_name(name)).collect::<Result<_, _>>()?;
            if by.is_empty() || by.iter().collect::<HashSet<_>>().len() < by.len() {
                return Err(format!("each reaction is by somebody, once: {word}"));
            }
            parsed.push((word, by));
        }
        self.pins += u32::from(pinned);
        if self.pins > PINS_MAX {
            return Err(format!("more than {PINS_MAX} messages are pinned"));
        }
        if removed && (pinned || !parsed.is_empty() || re.is_some() || me) {
            return Err("what was removed has nothing but a reason".to_owned());
        }
        let next = self.authors.len();
        self.messages.push((id, *self.authors.entry(author).or_insert(next)));
        Ok(ParsedMessage { at, author, is_me: me, re, said, mentions, reactions: parsed, is_pinned: pinned })
    }

    /// The number and the author of the message that one answers; `None` if it is not in the file.
    fn answered(&self, re: &ExportReply) -> Result<Option<(u64, UserName)>, String> {
        let author = user_name(&re.author)?;
        let Ok(place) = self.messages.binary_search_by_key(&re.id, |&(id, _)| id) else { return Ok(None) };
        if self.authors.get(&author) != self.messages.get(place).map(|(_, author)| author) {
            return Err(format!("it answers the message {}, which is not by {author}", re.id));
        }
        Ok(Some((place as u64 + 1, author)))
    }
}

/// A time up to now, in milliseconds of Unix time.
fn parsed_time(at: &str, now: u64) -> Result<u64, String> {
    let Ok(moment) = at.parse::<Timestamp>() else {
        return Err(format!("{at:?} is no time, such as 2026-11-01T12:30:00.000Z"));
    };
    match u64::try_from(moment.as_millisecond()) {
        Ok(milliseconds) if milliseconds <= now => Ok(milliseconds),
        Ok(_) => Err(format!("{at:?} is later than now")),
        Err(_) => Err(format!("{at:?} is before 1970")),
    }
}

fn user_name(name: &str) -> Result<UserName, String> {
    match UserName::parse(name) {
        Err(NameError::Reserved) if name == SERVER_NAME => Ok(UserName::server()),
        parsed => parsed.map_err(|error| format!("{name}: {error}")),
    }
}

fn parsed_role(role: ExportRole) -> Role {
    match role {
        ExportRole::Member => Role::Member,
        ExportRole::Moderator => Role::Moderator,
        ExportRole::Owner => Role::Owner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [&str; 2] = [
        r#"{"type":"export","version":1,"of":"room","at":"2026-11-01T12:30:00.000Z"}"#,
        r#"{"type":"room","name":"ops","private":false}"#,
    ];

    /// 2027-01-01T00:00:00Z.
    const NOW: u64 = 1_798_761_600_000;

    /// What is wrong with the last of these lines, behind the head.
    fn fault(lines: &[String]) -> Option<String> {
        let mut parser = Parser::new(NOW);
        for line in HEAD {
            parser.line(line).unwrap();
        }
        let (last, others) = lines.split_last().unwrap();
        for line in others {
            parser.line(line).unwrap();
        }
        parser.line(last).err()
    }

    fn message(id: u64, rest: &str) -> String {
        format!(r#"{{"type":"message","id":{id},"at":"2026-11-01T12:30:00Z","author":"bob",{rest}}}"#)
    }

    #[test]
    fn what_the_server_would_not_have_taken_is_refused_with_a_reason() {
        let long = "x".repeat(LINE_MAX + 1);
        for (rest, reason) in [
            (r#""text":"""#, "no text"),
            (r#""text":" ""#, "no text"),
            (r#""text":"a\nb""#, "text can't be used"),
            (r#""text":"a\u001b[0m""#, "text can't be used"),
            (&format!(r#""text":"{long}""#), "longer than 4000"),
            (r#""text":"x","color":"red""#, "unknown field"),
            (r#""text":"x","in":"ops""#, "no \"in\""),
            (r#""text":"x","mentions":["a b"]"#, "a b"),
            (r#""text":"x","reactions":[{"word":"a b","by":["bob"]}]"#, "can't be a reaction"),
            (r#""text":"x","reactions":[{"word":"+1","by":["bob","Bob"]}]"#, "once"),
            (
                r#""text":"x","reactions":[{"word":"+1","by":["bob"]},{"word":"+1","by":["eve"]}]"#,
                "can't be a reaction",
            ),
            (r#""text":"x","reactions":[{"word":"+1","by":[]}]"#, "by somebody"),
            (r#""text":"x","removed":true,"pinned":true"#, "nothing but a reason"),
            (r#""text":"x""#, ""),
            (r#""text":"","removed":true"#, ""),
        ] {
            let found = fault(&[message(1, rest)]).unwrap_or_default();
            assert!(found.contains(reason) && found.is_empty() == reason.is_empty(), "{rest}: {found}");
        }
        for (at, reason) in [
            ("2027-01-01T00:00:00.001Z", "later than now"),
            ("2027-01-01T00:00:00Z", ""),
            ("1969-12-31T23:59:59.999Z", "before 1970"),
            ("1970-01-01T00:00:00Z", ""),
            ("2026-11-01", "no time"),
        ] {
            let found = fault(&[message(1, r#""text":"x""#).replace("2026-11-01T12:30:00Z", at)]).unwrap_or_default();
            assert!(found.contains(reason) && found.is_empty() == reason.is_empty(), "{at}: {found}");
        }
        for (re, reason) in [
            (r#"{"id":2,"author":"eve"}"#, "it answers the message 2, which is not by eve"),
            (r#"{"id":2,"author":"Bob"}"#, ""),
            // What is not in the file is left out.
            (r#"{"id":1,"author":"eve"}"#, ""),
        ] {
            let said = message(2, r#""text":"x""#);
            let found = fault(&[said, message(3, &format!(r#""text":"y","re":{re}"#))]).unwrap_or_default();
            assert!(found.contains(reason) && found.is_empty() == reason.is_empty(), "{re}: {found}");
        }
        let twice = [message(2, r#""text":"x""#), message(2, r#""text":"x""#)];
        assert!(fault(&twice).unwrap().contains("not above"));
        let member = r#"{"type":"member","name":"bob","role":"owner"}"#.to_owned();
        assert!(fault(&[member.clone(), member.to_uppercase().to_lowercase()]).unwrap().contains("twice"));
        assert!(fault(&[message(1, r#""text":"x""#), member]).unwrap().contains("can't stand here"));
        assert!(fault(&[HEAD[0].to_owned()]).unwrap().contains("can't stand here"));
        assert!(fault(&["hello".to_owned()]).unwrap().contains("no line of an export"));
        let mut pins: Vec<String> = (1..=26).map(|id| message(id, r#""text":"x","pinned":true"#)).collect();
        assert!(fault(&pins).unwrap().contains("pinned"));
        pins.pop();
        assert_eq!(fault(&pins), None);
    }

    #[test]
    fn another_version_and_another_kind_are_named() {
        for (line, reason) in [
            (HEAD[0].replace(":1,", ":2,"), "version 2"),
            (HEAD[0].replace("room", "account"), "only the export of a room"),
            (HEAD[1].to_owned(), "begins with"),
        ] {
            assert!(Parser::new(NOW).line(&line).unwrap_err().contains(reason), "{line}");
        }
    }
}
