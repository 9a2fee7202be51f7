//! What all reads share: the page of rows that each gathers, the row of a message, and why a read has
//! no answer. A reader's thread runs it.

use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{MARK_EDITED, MARK_ME, MARK_REMOVED, Rows, reply_mark};
use crate::protocol::stamp::rfc3339;
use crate::server::store::db::stored_text::{StoredText, TextState, present};
use crate::server::traffic::{Hearer, Mark};
use rusqlite::{Connection, ErrorCode, Row};
use std::cell::Cell;
use std::time::Duration;

/// How long one read may take before it is stopped with `busy`.
pub(crate) const READ_DEADLINE: Duration = Duration::from_secs(5);

/// Messages that a page leaves out before it ends.
const PASSED_OVER_MAX: usize = 1000;

/// Bytes of a row besides its text: `| ` and the line ending.
const ROW_FRAME: usize = 3;

/// Gathers the rows of an answer up to a number of rows and of bytes.
#[derive(Debug)]
pub(super) struct Page {
    rows: Vec<String>,
    bytes: usize,
    limit: usize,
    most: usize,
    more: bool,
    /// Messages by accounts that this one ignores are left out.
    hearer: Option<Hearer>,
    /// Messages that were left out.
    passed_over: usize,
}

impl Page {
    /// At most `limit` rows, and `most` bytes unless one row is larger.
    pub(super) fn new(limit: u32, most: usize) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { rows: Vec::new(), bytes: 0, limit, most, more: false, hearer: None, passed_over: 0 }
    }

    /// The same without messages by accounts that this one ignores.
    pub(super) fn heard_by(self, hearer: &Hearer) -> Self {
        Self { hearer: Some(hearer.clone()), ..self }
    }

    /// Adds a row. If the page is full it returns false, and remembers that there is more.
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

    /// The same for the row of a message by this account, unless it is left out. The page is full, too,
    /// once [`PASSED_OVER_MAX`] were: one author must not make it expensive.
    pub(super) fn put_by(
        &mut self,
        author: i64,
        row: impl FnOnce() -> rusqlite::Result<String>,
    ) -> rusqlite::Result<bool> {
        if self.hearer.as_ref().is_none_or(|hearer| !hearer.ignores(author)) {
            return Ok(self.put(row()?));
        }
        self.passed_over += 1;
        self.more |= self.passed_over > PASSED_OVER_MAX;
        Ok(!self.more)
    }

    /// Fills an empty page from the middle of two others outwards: `newer` has the middle and what follows
    /// it, `older` what precedes it, newest first.
    pub(super) fn around(mut self, older: Self, newer: Self) -> Self {
        let more = older.more || newer.more;
        let (mut older, mut newer) = (older.rows.into_iter(), newer.rows.into_iter());
        let mut turn = 0;
        loop {
            turn += 1;
            let is_newer = if turn % 2 == 1 { !newer.as_slice().is_empty() } else { older.as_slice().is_empty() };
            let Some(row) = (if is_newer { newer.next() } else { older.next() }) else { break };
            if !self.put(row) {
                break;
            }
            if !is_newer {
                self.rows.rotate_right(1);
            }
        }
        self.more |= more;
        self
    }

    /// How many rows it holds.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether a row did not fit.
    pub(super) fn has_more(&self) -> bool {
        self.more
    }

    /// The rows in the order in which they were added.
    pub(super) fn forwards(self) -> Rows {
        rows(self.rows.iter().map(String::as_str))
    }

    /// The rows in reverse order, below a heading that does not count as one.
    pub(super) fn backwards(self, head: Option<&str>) -> Rows {
        rows(head.into_iter().chain(self.rows.iter().rev().map(String::as_str)))
    }
}

fn rows<'a>(texts: impl Iterator<Item = &'a str>) -> Rows {
    let mut rows = Rows::default();
    texts.for_each(|text| rows.push(text));
    rows
}

/// Makes the rows of messages.
pub(super) struct MessageRows<'a> {
    messages: &'a Connection,
    /// The last conversation, and whether there are reactions in it: mostly there are none, and the
    /// rows of an answer are mostly of one.
    reacted: Cell<(i64, bool)>,
}

impl<'a> MessageRows<'a> {
    pub(super) fn new(messages: &'a Connection) -> Self {
        Self { messages, reacted: Cell::new((0, false)) }
    }

    /// The row of a message: `TARGET ID TIME AUTHOR[ (MARKS)]: TEXT`. The columns are id, time,
    /// author, text, sequence number and conversation.
    pub(super) fn row(&self, target: &str, row: &Row<'_>) -> rusqlite::Result<String> {
        let reactions = self.reactions([row.get(5)?, row.get(0)?])?;
        self.row_with(target, row, reactions, |stored| stored.text)
    }

    /// The same for its author, who may not read there any more: without what others made of it, which are
    /// reactions and why it was removed.
    pub(super) fn row_elsewhere(&self, target: &str, row: &Row<'_>) -> rusqlite::Result<String> {
        self.row_with(target, row, Vec::new(), |stored| match stored.state {
            TextState::Removed => "",
            TextState::Said | TextState::Edited => stored.text,
        })
    }

    fn row_with(
        &self,
        target: &str,
        row: &Row<'_>,
        reactions: Vec<String>,
        text: impl for<'t> FnOnce(&StoredText<'t>) -> &'t str,
    ) -> rusqlite::Result<String> {
        let (id, at): (i64, i64) = (row.get(0)?, row.get(1)?);
        let author = row.get_ref(2)?.as_str()?;
        let stored = present(self.messages, row.get(4)?, row.get_ref(3)?.as_str()?)?;
        let stored = StoredText::parse(&stored);
        let mut marks = self.marks(&stored)?;
        marks.extend(reactions);
        let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
        Ok(format!("{target} {id} {} {author}{marks}: {}", rfc3339(at.unsigned_abs()), text(&stored)))
    }

    /// How it was said, and whether it still is.
    fn marks(&self, stored: &StoredText<'_>) -> rusqlite::Result<Vec<String>> {
        let mut marks = Vec::new();
        match stored.mark {
            Mark::None => {}
            Mark::Me => marks.push(MARK_ME.to_owned()),
            Mark::Reply { id, author } => {
                let mut name = self.messages.prepare_cached("SELECT name FROM account WHERE id = ?")?;
                let name: String = name.query_row([author.value()], |row| row.get(0))?;
                marks.push(reply_mark(id, &name));
            }
        }
        match stored.state {
            TextState::Said => {}
            TextState::Edited => marks.push(MARK_EDITED.to_owned()),
            TextState::Removed => marks.push(MARK_REMOVED.to_owned()),
        }
        Ok(marks)
    }

    /// `COUNT WORD` of each reaction to a message.
    fn reactions(&self, [conversation, id]: [i64; 2]) -> rusqlite::Result<Vec<String>> {
        let mut marks = Vec::new();
        if self.reacted.get().0 != conversation {
            let any = "SELECT 1 FROM reaction WHERE conversation = ?";
            self.reacted.set((conversation, self.messages.prepare_cached(any)?.exists([conversation])?));
        }
        if self.reacted.get().1 {
            let sql = "SELECT word, count(*) FROM reaction WHERE conversation = ? AND id = ?
                       GROUP BY word ORDER BY count(*) DESC, word";
            let mut reactions = self.messages.prepare_cached(sql)?;
            let mut found = reactions.query([conversation, id])?;
            while let Some(row) = found.next()? {
                marks.push(format!("{} {}", row.get::<_, i64>(1)?, row.get_ref(0)?.as_str()?));
            }
        }
        Ok(marks)
    }
}

/// `1 message`, or `N messages`.
pub(super) fn number_of(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Why a read has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// Anything that SQLite reports.
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    /// The request was wrong.
    #[error("{}: {}", .0.code, .0.text)]
    Refused(Refusal),
}

impl ReadError {
    /// What the asker is told.
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Database(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Refusal::new(Code::Busy, "that took too long and was stopped; narrow it, or try again later")
                    .retry_after(READ_DEADLINE.as_secs())
            }
            Self::Database(error) => {
                log::error!("a read failed: {error}");
                Refusal::new(Code::Internal, "the history could not be read; the server's log says why")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::names::AccountId;

    #[test]
    fn a_page_holds_as_many_bytes_as_it_may_and_no_more() {
        // As it is sent: `| 1234567\n`.
        let row = || "1234567".to_owned();
        for (most, rows) in [(0, 1), (10, 1), (19, 1), (20, 2), (29, 2), (30, 3), (99, 3)] {
            let mut page = Page::new(3, most);
            while page.put(row()) {}
            assert_eq!((page.len(), page.has_more()), (rows, true), "{most}");
        }
    }

    #[test]
    fn a_page_ends_when_too_many_were_left_out() {
        let hearer = Hearer { account: AccountId::new(2), ignores: [AccountId::new(3)].into() };
        let mut page = Page::new(9, 1000).heard_by(&hearer);
        let mut put = |author| page.put_by(author, || Ok("row".to_owned())).unwrap();
        assert!((0..PASSED_OVER_MAX).all(|_| put(3)));
        assert!(put(4));
        assert!(!put(3));
        assert_eq!((page.len(), page.has_more()), (1, true));
    }

    #[test]
    fn only_a_read_that_was_stopped_is_to_be_tried_again() {
        let stopped = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT), None);
        assert_eq!(ReadError::Database(stopped).refusal().code, Code::Busy);
        assert_eq!(ReadError::Database(rusqlite::Error::QueryReturnedNoRows).refusal().code, Code::Internal);
    }
}
