//! Server lines: encode and parse. The server writes with this and the client reads with it, so
//! that the two can't drift apart.
//!
//! A line is `[@tags SP] body`; the body's first character says what it is. What is encoded here
//! never holds a line ending: callers hand in texts that were checked at the edge.

mod answer;
mod tags;

pub use answer::{Final, Rows};
pub use tags::Tags;

use super::code::Code;
use super::names::MessageId;

/// Longest server line in bytes, tags and line ending included.
pub const SERVER_LINE_MAX: usize = 8192;

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

#[cfg(test)]
mod tests;
