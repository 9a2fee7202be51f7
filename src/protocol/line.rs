//! Server lines: encode and parse. The server writes with this and the client reads with it, so
//! that the two can't drift apart.
//!
//! A line is `[@tags SP] body`; the body's first character says what it is. What is encoded here
//! never holds a line ending: callers hand in texts that were checked at the edge.

use super::code::{Code, Refusal};
use super::names::MessageId;

/// Longest server line in bytes, tags and line ending included.
pub const SERVER_LINE_MAX: usize = 8192;

/// The tags that a program asked for with `/set tags on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tags<'a> {
    /// The label of the command that this line answers.
    pub re: Option<&'a str>,
    /// The message's id.
    pub id: Option<u64>,
    /// When it was said, in milliseconds of Unix time.
    pub at: Option<u64>,
    /// On direct messages: the other side, as `@NAME`.
    pub to: Option<&'a str>,
    /// The id of the message that this one answers.
    pub reply: Option<u64>,
    /// What happened in a room: `join`, `leave`, `online`, `offline`, `topic`, `read`, …
    pub ev: Option<&'a str>,
    /// To whom it happened, or who did it.
    pub who: Option<&'a str>,
    /// Who did it, where `who` names somebody else.
    pub by: Option<&'a str>,
    /// What something is from now on, such as somebody's role.
    pub set: Option<&'a str>,
    /// When it ends by itself, in milliseconds of Unix time.
    pub until: Option<u64>,
    /// On what happened to a message: the message's id.
    pub about: Option<u64>,
    /// On what happened to a message: the number of the change.
    pub change: Option<u64>,
    /// Seconds after which trying again makes sense.
    pub retry: Option<u64>,
}

/// The mark of what an author does rather than says.
pub const MARK_ME: &str = "me";

/// The mark of a message that was edited.
pub const MARK_EDITED: &str = "edited";

/// The mark of a message whose text was removed; the reason stands in its place.
pub const MARK_REMOVED: &str = "removed";

/// The mark of an answer: the message's id and its author's name.
#[must_use]
pub fn reply_mark(id: MessageId, author: &str) -> String {
    format!("re {id} {author}")
}

/// What a line says, without its tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// `+ TEXT`: final; the command was done.
    Done(&'a str),
    /// `- CODE: TEXT`: final; refused, and nothing changed. A code that this version does not
    /// know is kept as a word.
    Refused(&'a str, &'a str),
    /// `| TEXT`: one row of an answer.
    Row(&'a str),
    /// `* [CODE: ]TEXT`: something that nobody asked for.
    Notice(Option<Code>, &'a str),
    /// `? TEXT`: the next line sent is the answer.
    Prompt(&'a str),
    /// `[ROOM] AUTHOR[ (MARK)]: TEXT`: said in a room.
    RoomMessage {
        /// The room's name.
        room: &'a str,
        /// Who said it.
        author: &'a str,
        /// `me`, `re ID`, `edited`, …
        mark: Option<&'a str>,
        /// What was said.
        text: &'a str,
    },
    /// `[ROOM] * TEXT`: something happened in a room.
    Event {
        /// The room's name.
        room: &'a str,
        /// What happened.
        text: &'a str,
    },
    /// `(FROM > TO[, MARK]) TEXT`: a direct message.
    DirectMessage {
        /// Who said it.
        from: &'a str,
        /// To whom.
        to: &'a str,
        /// `me`, `re ID`, `edited`, …
        mark: Option<&'a str>,
        /// What was said.
        text: &'a str,
    },
}

/// One line from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Empty unless tags are on.
    pub tags: Tags<'a>,
    /// What it says.
    pub body: Body<'a>,
}

/// A line that this version does not know. A client ignores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this version doesn't know this kind of line")]
pub struct UnknownLine;

impl<'a> Tags<'a> {
    /// Whether no tag is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Appends `@tag;tag SP`, or nothing if no tag is set.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut put = |key: &str, value: &str| {
            out.push(if out.len() == start { b'@' } else { b';' });
            out.extend_from_slice(key.as_bytes());
            out.push(b'=');
            out.extend_from_slice(value.as_bytes());
        };
        let mut digits = itoa::Buffer::new();
        if let Some(v) = self.re {
            put("re", v);
        }
        if let Some(v) = self.id {
            put("id", digits.format(v));
        }
        if let Some(v) = self.at {
            put("at", digits.format(v));
        }
        if let Some(v) = self.to {
            put("to", v);
        }
        if let Some(v) = self.reply {
            put("reply", digits.format(v));
        }
        if let Some(v) = self.ev {
            put("ev", v);
        }
        if let Some(v) = self.who {
            put("who", v);
        }
        if let Some(v) = self.by {
            put("by", v);
        }
        if let Some(v) = self.set {
            put("set", v);
        }
        if let Some(v) = self.until {
            put("until", digits.format(v));
        }
        if let Some(v) = self.about {
            put("about", digits.format(v));
        }
        if let Some(v) = self.change {
            put("change", digits.format(v));
        }
        if let Some(v) = self.retry {
            put("retry", digits.format(v));
        }
        if out.len() > start {
            out.push(b' ');
        }
    }

    fn parse(text: &'a str) -> Self {
        let mut tags = Self::default();
        for tag in text.split(';') {
            // A tag whose key is unknown, or that has no value, is ignored.
            let Some((key, value)) = tag.split_once('=') else { continue };
            match key {
                "re" => tags.re = Some(value),
                "id" => tags.id = value.parse().ok(),
                "at" => tags.at = value.parse().ok(),
                "to" => tags.to = Some(value),
                "reply" => tags.reply = value.parse().ok(),
                "ev" => tags.ev = Some(value),
                "who" => tags.who = Some(value),
                "by" => tags.by = Some(value),
                "set" => tags.set = Some(value),
                "until" => tags.until = value.parse().ok(),
                "about" => tags.about = value.parse().ok(),
                "change" => tags.change = value.parse().ok(),
                "retry" => tags.retry = value.parse().ok(),
                _ => {}
            }
        }
        tags
    }
}

impl<'a> Body<'a> {
    /// Appends the body without a line ending.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut put = |parts: &[&str]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        match *self {
            Body::Done(text) => put(&["+ ", text]),
            Body::Refused(code, text) => put(&["- ", code, ": ", text]),
            Body::Row(text) => put(&["| ", text]),
            Body::Notice(None, text) => put(&["* ", text]),
            Body::Notice(Some(code), text) => put(&["* ", code.as_str(), ": ", text]),
            Body::Prompt(text) => put(&["? ", text]),
            Body::RoomMessage { room, author, mark: None, text } => put(&["[", room, "] ", author, ": ", text]),
            Body::RoomMessage { room, author, mark: Some(mark), text } => {
                put(&["[", room, "] ", author, " (", mark, "): ", text]);
            }
            Body::Event { room, text } => put(&["[", room, "] * ", text]),
            Body::DirectMessage { from, to, mark: None, text } => put(&["(", from, " > ", to, ") ", text]),
            Body::DirectMessage { from, to, mark: Some(mark), text } => {
                put(&["(", from, " > ", to, ", ", mark, ") ", text]);
            }
        }
    }

    fn parse(body: &'a str) -> Result<Self, UnknownLine> {
        if let Some(rest) = body.strip_prefix('[') {
            let (room, rest) = rest.split_once("] ").ok_or(UnknownLine)?;
            if let Some(text) = rest.strip_prefix("* ") {
                return Ok(Body::Event { room, text });
            }
            let (head, text) = rest.split_once(": ").ok_or(UnknownLine)?;
            return Ok(match head.split_once(" (") {
                None => Body::RoomMessage { room, author: head, mark: None, text },
                Some((author, mark)) => {
                    let mark = mark.strip_suffix(')').ok_or(UnknownLine)?;
                    Body::RoomMessage { room, author, mark: Some(mark), text }
                }
            });
        }
        if let Some(rest) = body.strip_prefix('(') {
            let (head, text) = rest.split_once(") ").ok_or(UnknownLine)?;
            let (from, to) = head.split_once(" > ").ok_or(UnknownLine)?;
            let (to, mark) = match to.split_once(", ") {
                Some((to, mark)) => (to, Some(mark)),
                None => (to, None),
            };
            return Ok(Body::DirectMessage { from, to, mark, text });
        }
        let (kind, text) = match body.split_once(' ') {
            Some(parts) => parts,
            // A final line without text may lack the space.
            None => (body, ""),
        };
        match kind {
            "+" => Ok(Body::Done(text)),
            "-" => text.split_once(": ").map(|(code, text)| Body::Refused(code, text)).ok_or(UnknownLine),
            "|" => Ok(Body::Row(text)),
            "?" => Ok(Body::Prompt(text)),
            "*" => Ok(match text.split_once(": ") {
                Some((word, rest)) => match Code::parse(word) {
                    Some(code) => Body::Notice(Some(code), rest),
                    None => Body::Notice(None, text),
                },
                None => Body::Notice(None, text),
            }),
            _ => Err(UnknownLine),
        }
    }
}

impl<'a> Line<'a> {
    /// A line without tags.
    #[must_use]
    pub fn plain(body: Body<'a>) -> Self {
        Self { tags: Tags::default(), body }
    }

    /// Appends the line with its tags and LF, and returns how many bytes the tags took: what a
    /// person is sent begins after them.
    pub fn encode(&self, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        self.tags.encode(out);
        let tags = out.len() - start;
        self.body.encode(out);
        out.push(b'\n');
        tags
    }

    /// Reads a line without its LF.
    ///
    /// # Errors
    /// [`UnknownLine`] if its first character or its form is not known; a client ignores it.
    pub fn parse(line: &'a str) -> Result<Self, UnknownLine> {
        let (tags, body) = match line.strip_prefix('@') {
            Some(rest) => {
                let (tags, body) = rest.split_once(' ').ok_or(UnknownLine)?;
                (Tags::parse(tags), body)
            }
            None => (Tags::default(), line),
        };
        Ok(Self { tags, body: Body::parse(body)? })
    }
}

/// What a command is answered with, before its label is known: rows and exactly one final line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Final {
    /// `+ TEXT`.
    Done(String),
    /// `+ ID`, of a message that was said.
    MessageId(u64),
    /// `- CODE: TEXT`.
    Refused(Refusal),
    /// Nothing: bare text was said, and success is silent.
    Silent,
}

/// The rows of an answer, kept as whole untagged lines until the connection that asked writes
/// them with its own label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows(Vec<u8>);

impl Rows {
    /// Adds one row.
    pub fn push(&mut self, text: &str) {
        Body::Row(text).encode(&mut self.0);
        self.0.push(b'\n');
    }

    /// Adds one row, unless there are some already and all would have more than `most` bytes; says
    /// whether it did. Tags are not counted.
    pub fn push_within(&mut self, text: &str, most: usize) -> bool {
        let fits = self.is_empty() || self.0.len() + "| ".len() + text.len() + "\n".len() <= most;
        if fits {
            self.push(text);
        }
        fits
    }

    /// Adds a line that is not a row, such as a notice shown before a login's final line.
    pub fn push_body(&mut self, body: &Body<'_>) {
        body.encode(&mut self.0);
        self.0.push(b'\n');
    }

    /// How many bytes the lines hold together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends all rows, each with the label's tag if one is given.
    pub fn encode(&self, re: Option<&str>, out: &mut Vec<u8>) {
        if re.is_none() {
            out.extend_from_slice(&self.0);
            return;
        }
        let tags = Tags { re, ..Tags::default() };
        for line in self.0.split_inclusive(|&b| b == b'\n') {
            tags.encode(out);
            out.extend_from_slice(line);
        }
    }
}

impl Final {
    /// Appends the final line. `tagged` says whether the connection has tags on, `re` is its
    /// command's label.
    pub fn encode(&self, tagged: bool, re: Option<&str>, out: &mut Vec<u8>) {
        let re = if tagged { re } else { None };
        match self {
            Final::Silent => {}
            Final::MessageId(id) => {
                let mut digits = itoa::Buffer::new();
                let body = Body::Done(digits.format(*id));
                Line { tags: Tags { re, ..Tags::default() }, body }.encode(out);
            }
            Final::Done(text) => {
                Line { tags: Tags { re, ..Tags::default() }, body: Body::Done(text) }.encode(out);
            }
            Final::Refused(refusal) => {
                let retry = if tagged { refusal.retry } else { None };
                let tags = Tags { re, retry, ..Tags::default() };
                Line { tags, body: Body::Refused(refusal.code.as_str(), &refusal.text) }.encode(out);
            }
        }
    }
}

impl From<Refusal> for Final {
    fn from(refusal: Refusal) -> Self {
        Final::Refused(refusal)
    }
}

#[cfg(test)]
mod tests;
