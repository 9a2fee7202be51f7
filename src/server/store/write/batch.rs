//! The messages of the current transaction, inserted several to a statement: that takes a third less
//! time than one by one. The dispatcher's thread runs it.

use crate::protocol::names::MessageId;
use crate::server::faults::{self, Point};
use crate::server::store::db::stored_text::StoredText;
use crate::server::store::db::to_sql;
use crate::server::traffic::Draft;
use rusqlite::{Connection, Result, Statement, ToSql};

/// Rows of one statement. More of them gain little.
const ROWS: usize = 8;

const INSERT: &str = "INSERT INTO message VALUES(?, ?, ?, ?, ?, ?)";
const INSERT_ROWS: &str = "INSERT INTO message VALUES
    (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?),
    (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?)";

/// The messages that wait: fewer than [`ROWS`] between two calls.
#[derive(Debug, Default)]
pub(super) struct Batch {
    rows: Vec<Row>,
    /// The texts, one after another.
    texts: String,
}

#[derive(Debug)]
struct Row {
    seq: i64,
    conversation: i64,
    id: i64,
    author: i64,
    at: i64,
    /// Where its text ends in the texts; it begins where the one before it ends.
    text_end: usize,
}

impl Batch {
    /// Adds a message, and writes those that wait once they fill a statement.
    ///
    /// # Errors
    /// SQLite's. The messages that waited are then lost, and the transaction must be rolled back.
    pub(super) fn push(&mut self, db: &Connection, seq: i64, id: MessageId, draft: &Draft) -> Result<()> {
        StoredText::said(draft.mark, &draft.mentions, draft.text.as_str()).push_to(&mut self.texts);
        self.rows.push(Row {
            seq,
            conversation: draft.conversation.value(),
            id: to_sql(id.value()),
            author: draft.author.value(),
            at: to_sql(draft.at),
            text_end: self.texts.len(),
        });
        if self.rows.len() < ROWS {
            return Ok(());
        }
        self.write(db)
    }

    /// Writes the messages that wait: to be called before the commit.
    ///
    /// # Errors
    /// As [`Batch::push`].
    pub(super) fn write(&mut self, db: &Connection) -> Result<()> {
        let written = self.try_write(db);
        self.clear();
        written
    }

    /// Drops the messages that wait.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.texts.clear();
    }

    fn try_write(&self, db: &Connection) -> Result<()> {
        let mut text_start = 0;
        for rows in self.rows.chunks(ROWS) {
            faults::point(Point::BeforeInsert);
            let full = rows.len() == ROWS;
            let mut insert = db.prepare_cached(if full { INSERT_ROWS } else { INSERT })?;
            let mut column = 0;
            for row in rows {
                let numbers = [row.seq, row.conversation, row.id, row.author, row.at];
                numbers.iter().try_for_each(|number| bind(&mut insert, &mut column, number))?;
                bind(&mut insert, &mut column, &&self.texts[text_start..row.text_end])?;
                text_start = row.text_end;
                if !full {
                    insert.raw_execute()?;
                    column = 0;
                }
            }
            if full {
                insert.raw_execute()?;
            }
            faults::point(Point::AfterInsert);
        }
        Ok(())
    }
}

fn bind(statement: &mut Statement<'_>, column: &mut usize, value: &impl ToSql) -> Result<()> {
    *column += 1;
    statement.raw_bind_parameter(*column, value)
}
