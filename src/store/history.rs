//! Rows of messages, and `/history`. A reader's thread runs it.

use super::places::{Places, Span};
use super::reader::ReadError;
use crate::names::MessageId;
use crate::protocol::line::Rows;
use crate::protocol::stamp::rfc3339;
use crate::traffic::Place;
use rusqlite::Row;

/// What a row costs beside its text: `| ` and the line's end.
const ROW_FRAME: usize = 3;

/// Gathers the rows of an answer up to a number of rows and of bytes.
#[derive(Debug)]
pub(super) struct Page {
    rows: Vec<String>,
    bytes: usize,
    limit: usize,
    most: usize,
    more: bool,
}

impl Page {
    /// At most `limit` rows, and `most` bytes unless one row is larger.
    pub(super) fn new(limit: u32, most: usize) -> Self {
        Self { rows: Vec::new(), bytes: 0, limit: usize::try_from(limit).unwrap_or(usize::MAX), most, more: false }
    }

    /// Takes a row; false, and remembered as there being more, if the page is full.
    pub(super) fn put(&mut self, row: String) -> bool {
        let bytes = self.bytes + row.len() + ROW_FRAME;
        if self.rows.len() >= self.limit || (bytes > self.most && !self.rows.is_empty()) {
            self.more = true;
            return false;
        }
        self.bytes = bytes;
        self.rows.push(row);
        true
    }

    /// How many rows it holds.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether a row found no place.
    pub(super) fn has_more(&self) -> bool {
        self.more
    }

    /// The rows as they came.
    pub(super) fn forwards(self) -> Rows {
        rows(self.rows.iter().map(String::as_str))
    }

    /// The rows, the last to come first, under a row that is not counted.
    pub(super) fn backwards(self, head: Option<&str>) -> Rows {
        rows(head.into_iter().chain(self.rows.iter().rev().map(String::as_str)))
    }
}

fn rows<'a>(texts: impl Iterator<Item = &'a str>) -> Rows {
    let mut rows = Rows::default();
    texts.for_each(|text| rows.push(text));
    rows
}

/// The row of a message: `TARGET ID TIME AUTHOR: TEXT`. The columns are id, time, author, text.
pub(super) fn message_row(target: &str, row: &Row<'_>) -> rusqlite::Result<String> {
    let (id, at): (i64, i64) = (row.get(0)?, row.get(1)?);
    let (author, text) = (row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
    Ok(format!("{target} {id} {} {author}: {text}", rfc3339(at.unsigned_abs())))
}

/// `N messages`.
pub(super) fn messages(count: usize) -> String {
    format!("{count} messages")
}

/// With `after` the first messages above it, else the last below `before`; ascending either way.
/// It says `more` if the page ended before the messages within the bounds did.
pub(super) fn history(
    places: &Places<'_>,
    mut page: Page,
    place: &Place,
    before: MessageId,
    after: Option<MessageId>,
) -> Result<(Rows, String), ReadError> {
    let span = Span::between(place, after, before);
    match after {
        Some(_) => places.oldest_first(span, &place.target, &mut page)?,
        None => places.newest_first(span, &place.target, &mut page)?,
    }
    let last = messages(page.len()) + if page.has_more() { ", more" } else { "" };
    Ok((if after.is_some() { page.forwards() } else { page.backwards(None) }, last))
}
