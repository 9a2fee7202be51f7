//! What a step makes of some messages in a row, and how it is written: a block of postings, and the
//! chunks of each conversation. The thread `index` runs it.
//!
//! A search looks into each block, so there may not be many small ones. Those that came in quiet
//! times are taken in by a later one, which is made from the texts again: nothing is ever merged or
//! changed in place.

use super::chunk::{self, Chunk, Entry};
use super::postings::Postings;
use super::write_token;
use super::{corrupt, words};
use crate::server::store::db::to_sql;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use rustc_hash::FxHashMap;

/// Messages of a block, and of a step. Larger ones make fewer blocks to look into, and cost memory
/// while they are made: about 60 bytes a message.
pub(super) const BLOCK: i64 = 16_384;

/// Sizes at which small blocks are made one: there are always fewer than 64 messages in the very
/// small ones, and fewer than eight or so of each other size.
const TIERS: [i64; 4] = [BLOCK, 2048, 256, 64];

/// Messages of one conversation in a step from which on they begin a chunk of their own. Fewer join
/// its last chunk, or a quiet room had a chunk for each line.
const ENOUGH: i64 = chunk::MOST / 2;

/// A message that is indexed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) seq: i64,
    conversation: i64,
    id: i64,
    author: i64,
    text: &'a str,
}

impl<'a> Message<'a> {
    /// What [`Message::read`] reads: the messages from one place in the order of saying to another.
    pub(super) const SQL: &'static str =
        "SELECT seq, conversation, id, author, text FROM message WHERE seq >= ? AND seq <= ? ORDER BY seq";

    pub(super) fn read(row: &'a Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            conversation: row.get(1)?,
            id: row.get(2)?,
            author: row.get(3)?,
            text: row.get_ref(4)?.as_str()?,
        })
    }
}

/// The words of a step; its memory is used again.
#[derive(Debug, Default)]
pub(super) struct Words {
    postings: Postings,
    normalised: String,
    token: String,
}

impl Words {
    /// Forgets all, but for memory that is needed again.
    pub(super) fn clear(&mut self) {
        self.postings.clear();
    }

    /// Takes the words of a message into the block that begins at `first`.
    pub(super) fn take(&mut self, message: Message<'_>, first: i64) -> rusqlite::Result<()> {
        let line = u32::try_from(message.seq - first).map_err(|_| corrupt())?;
        let Self { postings, normalised, token } = self;
        for (kind, number) in [('c', message.conversation), ('a', message.author)] {
            write_token(kind, number, token);
            postings.note(token, line);
        }
        words::normalise(message.text, normalised);
        words::indexed(normalised, token, |token| postings.note(token, line));
        Ok(())
    }

    /// Writes the block of the messages from `first` to `last`, in the place of those in it that
    /// are there already.
    pub(super) fn write(&self, change: &Transaction<'_>, first: i64, last: i64) -> rusqlite::Result<()> {
        change.prepare_cached("DELETE FROM leaf WHERE block >= ?")?.execute([first])?;
        change.prepare_cached("DELETE FROM block WHERE first >= ?")?.execute([first])?;
        change.prepare_cached("INSERT INTO block VALUES(?, ?)")?.execute([first, last])?;
        let mut add = change.prepare_cached("INSERT INTO leaf VALUES(?, ?, ?)")?;
        self.postings.leaves(|token, leaf| add.execute(params![first, token, leaf]).map(drop))
    }
}

/// The chunks that are not written yet. Each conversation has a page of its own to be written, so
/// in busy times those of some steps are written together.
#[derive(Debug, Default)]
pub(super) struct Places {
    chunks: FxHashMap<i64, Vec<Chunk>>,
}

impl Places {
    /// Takes the place of a message.
    pub(super) fn take(&mut self, message: Message<'_>) {
        let Message { seq, conversation, id, author, .. } = message;
        let chunks = self.chunks.entry(conversation).or_default();
        let entry = Entry { id, author, seq };
        if !chunks.last_mut().is_some_and(|chunk| chunk.push(entry)) {
            chunks.push(Chunk::new(entry));
        }
    }

    /// Writes all that was taken.
    pub(super) fn write(&self, change: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut conversations: Vec<i64> = self.chunks.keys().copied().collect();
        // So that each page is visited once.
        conversations.sort_unstable();
        conversations.iter().try_for_each(|conversation| add_chunks(change, *conversation, &self.chunks[conversation]))
    }
}

/// Where the block of a step of so many messages begins: at `next`, or at the first of the small
/// blocks that it takes in.
pub(super) fn begin(index: &Connection, next: i64, count: i64) -> rusqlite::Result<i64> {
    let mut statement = index.prepare_cached("SELECT first, last FROM block ORDER BY first DESC")?;
    let mut found = statement.query([])?;
    let mut small = Vec::new();
    while let Some(block) = found.next()? {
        let (first, last): (i64, i64) = (block.get(0)?, block.get(1)?);
        let size = last.saturating_sub(first).saturating_add(1);
        if size >= BLOCK {
            break;
        }
        small.push((first, size));
    }
    for tier in TIERS {
        let (mut begin, mut total) = (next, count);
        for (first, size) in small.iter().take_while(|(_, size)| *size < tier) {
            (begin, total) = (*first, total.saturating_add(*size));
        }
        if begin < next && total >= tier {
            return Ok(begin);
        }
    }
    Ok(next)
}

fn add_chunks(change: &Transaction<'_>, conversation: i64, chunks: &[Chunk]) -> rusqlite::Result<()> {
    let mut chunks = chunks.iter();
    if chunks.as_slice().first().is_some_and(|chunk| chunk.len() < ENOUGH)
        && let Some(kept) = last_chunk(change, conversation)?
        && let Some(chunk) = joined(kept, chunks.as_slice())
    {
        chunks.next();
        let sql = "UPDATE place SET last = ?, messages = ? WHERE conversation = ? AND first = ?";
        change.prepare_cached(sql)?.execute(params![chunk.last, chunk.bytes, conversation, chunk.first])?;
    }
    let mut add = change.prepare_cached("INSERT INTO place VALUES(?, ?, ?, ?)")?;
    chunks.try_for_each(|chunk| add.execute(params![conversation, chunk.first, chunk.last, chunk.bytes]).map(drop))
}

fn last_chunk(change: &Transaction<'_>, conversation: i64) -> rusqlite::Result<Option<Chunk>> {
    let sql = "SELECT first, last, messages FROM place WHERE conversation = ? ORDER BY first DESC LIMIT 1";
    let kept = change.prepare_cached(sql)?.query_row([conversation], |row| {
        Chunk::resume(row.get(0)?, row.get(1)?, row.get_ref(2)?.as_blob()?).ok_or_else(corrupt)
    });
    kept.optional()
}

/// The chunk that was kept with all of the first new one behind it, if they belong together.
fn joined(mut kept: Chunk, new: &[Chunk]) -> Option<Chunk> {
    let entries = new.first().and_then(|new| chunk::entries(new.first, new.last, &new.bytes))?;
    (kept.len() + to_sql(entries.len() as u64) <= chunk::MOST && entries.into_iter().all(|entry| kept.push(entry)))
        .then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The blocks after steps of these sizes.
    fn blocks(steps: impl Iterator<Item = i64>) -> Vec<i64> {
        let index = Connection::open_in_memory().unwrap();
        index.execute_batch("CREATE TABLE block(first INTEGER PRIMARY KEY, last INTEGER NOT NULL)").unwrap();
        let mut next = 1;
        for count in steps {
            let first = begin(&index, next, count).unwrap();
            next += count;
            index.execute("DELETE FROM block WHERE first >= ?", [first]).unwrap();
            index.execute("INSERT INTO block VALUES(?, ?)", [first, next - 1]).unwrap();
        }
        let mut sizes = index.prepare("SELECT last - first + 1 FROM block ORDER BY first").unwrap();
        let sizes: Vec<i64> = sizes.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(sizes.iter().sum::<i64>(), next - 1);
        sizes
    }

    #[test]
    fn small_blocks_do_not_stay() {
        assert_eq!(blocks([BLOCK, BLOCK, BLOCK].into_iter()), [BLOCK; 3]);
        assert_eq!(blocks([40, 20].into_iter()), [40, 20]);
        assert_eq!(blocks([40, 20, 4].into_iter()), [64]);
        assert_eq!(blocks([100, 20, BLOCK, BLOCK].into_iter()), [BLOCK + 120, BLOCK]);
        let quiet = blocks(std::iter::repeat_n(1, 50_000));
        assert!(quiet.len() < 90 && quiet[..3].iter().all(|&size| size == BLOCK), "{quiet:?}");
        let busier = blocks(std::iter::repeat_n(777, 500));
        assert!(busier.len() < 50 && busier.iter().all(|&size| size < 2 * BLOCK), "{busier:?}");
    }
}
