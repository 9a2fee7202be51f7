//! What a command is answered with: rows and a final line.

use super::{Body, Line, Tags};
use crate::protocol::code::Refusal;
use crate::protocol::names::RoomName;

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
pub struct Rows {
    bytes: Vec<u8>,
    count: usize,
}

impl Rows {
    /// Adds one row.
    pub fn push(&mut self, text: &str) {
        self.push_body(&Body::Row(text));
    }

    /// Adds one row, unless there are some already and all would have more than `most` bytes; says
    /// whether it did. Tags are not counted.
    pub fn push_within(&mut self, text: &str, most: usize) -> bool {
        let fits = self.is_empty() || self.bytes.len() + "| ".len() + text.len() + "\n".len() <= most;
        if fits {
            self.push(text);
        }
        fits
    }

    /// Adds a line that is not a row, such as a notice shown before a login's final line.
    pub fn push_body(&mut self, body: &Body<'_>) {
        body.encode(&mut self.bytes);
        self.bytes.push(b'\n');
        self.count += 1;
    }

    /// How many bytes the lines hold together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many lines there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends all rows, each with the label's tag if one is given.
    pub fn encode(&self, re: Option<&str>, out: &mut Vec<u8>) {
        if re.is_none() {
            out.extend_from_slice(&self.bytes);
            return;
        }
        let tags = Tags { re, ..Tags::default() };
        for line in self.bytes.split_inclusive(|&b| b == b'\n') {
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
                let mut tags = Tags { re, ..Tags::default() };
                if tagged {
                    tags.set = refusal.renamed.as_deref().map(RoomName::as_str);
                    tags.retry = refusal.retry;
                }
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
