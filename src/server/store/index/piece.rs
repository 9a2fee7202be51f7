//! Some of the messages that wait to be indexed, copied out of the database: the read ends before
//! they are indexed, since it keeps the writer's log from being restarted.

use super::Position;
use rusqlite::Connection;

/// The messages after one sequence number, up to another.
const WAITING: &str =
    "SELECT seq, conversation, id, author, text, at FROM message WHERE seq > ? AND seq <= ? ORDER BY seq";

/// A piece of the messages. Its memory is reused for each.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Each with its time and where its text ends.
    ends: Vec<(Position, i64, usize)>,
    texts: String,
}

impl Piece {
    /// Reads the messages after one sequence number, up to another.
    pub(super) fn read(&mut self, messages: &Connection, after: i64, to: i64) -> rusqlite::Result<()> {
        self.ends.clear();
        self.texts.clear();
        let mut waiting = messages.prepare_cached(WAITING)?;
        let mut found = waiting.query([after, to])?;
        while let Some(row) = found.next()? {
            let (seq, conversation, id, author) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            self.texts.push_str(row.get_ref(4)?.as_str()?);
            self.ends.push((Position { conversation, id, seq, author }, row.get(5)?, self.texts.len()));
        }
        Ok(())
    }

    /// What was read, in order, each with its time and its text as it is stored.
    pub(super) fn messages(&self) -> impl Iterator<Item = (Position, i64, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |&(position, at, end)| {
            let text = self.texts.get(start..end).unwrap_or_default();
            start = end;
            (position, at, text)
        })
    }
}
