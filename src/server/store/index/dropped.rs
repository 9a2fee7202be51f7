//! Messages that were dropped: what the index has of them is forgotten. The thread `index` runs it.
//!
//! The writer leaves each in `dropped`, with the document of its last text. By then the index may not
//! have had the message at all, or another text of it: `position` and `held` say so.
//!
//! FTS5 removes each word from its segments at once (`secure-delete`), which costs some milliseconds a
//! message. Where very many wait, words are only marked as removed, and the segments are merged later,
//! when there is nothing else to do: until then the index is worn.

use super::file;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

/// The most that are forgotten in one transaction.
const MOST: i64 = 8_192;

/// If more wait than this, their words are only marked.
const MANY: usize = 512;

/// Pages of 4 KiB that are merged at a time.
const MERGE: i64 = 256;

/// A message that was dropped.
struct Dropped {
    n: i64,
    seq: i64,
    /// Which text the document is of.
    text_seq: i64,
    /// Empty if there were no words.
    document: String,
    conversation: i64,
    id: i64,
}

/// Forgets what was dropped after this `n`, as far as all messages that were said before are indexed.
/// Returns the last `n`, and how many there were.
pub(super) fn apply(
    messages: &Connection,
    change: &Transaction<'_>,
    after: i64,
    indexed: i64,
) -> rusqlite::Result<(i64, i64)> {
    let mut dropped = waiting(messages, after, indexed)?;
    let last = dropped.last().map_or(after, |last| last.n);
    // FTS5 starts a new segment whenever a number is lower than the one before it.
    dropped.sort_unstable_by_key(|one| one.seq);
    let many = dropped.len() > MANY;
    if many {
        file::wear(change)?;
    }
    if !dropped.is_empty() {
        secure_deletion(change, !many)?;
    }
    for one in &dropped {
        forget(change, one)?;
    }
    Ok((last, i64::try_from(dropped.len()).unwrap_or(i64::MAX)))
}

/// Merges some of a worn index. Returns whether there is more to merge.
pub(super) fn merge(index: &Connection) -> rusqlite::Result<bool> {
    if !file::is_worn(index)? {
        return Ok(false);
    }
    let changes = |db: &Connection| db.query_row("SELECT total_changes()", [], |row| row.get::<_, i64>(0));
    let before = changes(index)?;
    index.execute("INSERT INTO word(word, rank) VALUES('merge', ?)", [-MERGE])?;
    // By this FTS5 says that there was nothing to merge.
    let done = changes(index)? - before < 2;
    if done {
        file::mend(index)?;
    }
    Ok(!done)
}

/// Whether words that are removed are removed from FTS5's segments at once. It looks at the commit.
fn secure_deletion(change: &Transaction<'_>, secure: bool) -> rusqlite::Result<()> {
    change.prepare_cached("INSERT INTO word(word, rank) VALUES('secure-delete', ?)")?.execute([secure]).map(drop)
}

/// How many wait.
pub(super) fn count(messages: &Connection, after: i64) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(max(n), 0) FROM dropped";
    let last: i64 = messages.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(last.saturating_sub(after).max(0).unsigned_abs())
}

fn waiting(messages: &Connection, after: i64, indexed: i64) -> rusqlite::Result<Vec<Dropped>> {
    let sql = "SELECT d.n, d.seq, d.text_seq, d.document, m.conversation, m.id
               FROM dropped d CROSS JOIN message m ON m.seq = d.seq
               WHERE d.n > ? AND d.after <= ? ORDER BY d.n LIMIT ?";
    let mut waiting = messages.prepare_cached(sql)?;
    let read = waiting.query_map([after, indexed, MOST], |row| {
        Ok(Dropped {
            n: row.get(0)?,
            seq: row.get(1)?,
            text_seq: row.get(2)?,
            document: row.get(3)?,
            conversation: row.get(4)?,
            id: row.get(5)?,
        })
    })?;
    read.collect()
}

fn forget(change: &Transaction<'_>, dropped: &Dropped) -> rusqlite::Result<()> {
    let Dropped { seq, text_seq, document, conversation, id, .. } = dropped;
    let sql = "DELETE FROM position WHERE conversation = ? AND id = ? AND seq = ?";
    if change.prepare_cached(sql)?.execute([conversation, id, seq])? == 0 {
        // It was dropped before it was indexed.
        return Ok(());
    }
    let sql = "DELETE FROM held WHERE seq = ? RETURNING text_seq";
    let held: Option<i64> = change.prepare_cached(sql)?.query_row([seq], |row| row.get(0)).optional()?;
    if document.is_empty() || held.unwrap_or(*seq) != *text_seq {
        return Ok(());
    }
    let sql = "INSERT INTO word(word, rowid, document) VALUES('delete', ?, ?)";
    change.prepare_cached(sql)?.execute(params![seq, document]).map(drop)
}
