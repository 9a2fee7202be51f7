//! What is gone from a database for good, as far as it says so itself. Runs on the thread that asks.

use super::copy;
use super::error::StoreError;
use super::stored_text::{StoredText, TextState};
use crate::protocol::names::{AccountId, ConversationId, MessageId};
use crate::server::traffic::{Ended, Erasures};
use rusqlite::{Connection, Row};
use std::path::Path;

/// Reads the list from a database file, of a running server or not.
pub(crate) fn erased_of(file: &Path, at: u64) -> Result<Erasures, StoreError> {
    let db = copy::open(file)?;
    erased(&db, at).map_err(|error| StoreError::of(file, error))
}

/// Reads the list; `at` is the time now. It takes time for what was edited or removed, not for all that was said.
fn erased(db: &Connection, at: u64) -> rusqlite::Result<Erasures> {
    let mut erased = Erasures::default();
    let read = db.unchecked_transaction()?;
    // A schema from before one of these tables has nothing of the kind.
    let has = |table: &str| read.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?")?.exists([table]);
    if has("altered")? {
        let sql = "SELECT m.conversation, m.id, m.at, t.text FROM altered a
                   CROSS JOIN message m ON m.seq = a.seq CROSS JOIN message t ON t.seq = a.text_seq";
        let mut altered = read.prepare(sql)?;
        let mut rows = altered.query([])?;
        while let Some(row) = rows.next()? {
            let text = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
            if StoredText::parse(text).state == TextState::Removed
                && let Some(id) = message_id(row, 1)?
            {
                erased.messages.insert((ConversationId::new(row.get(0)?), id, time(row, 2)?));
            }
        }
    }
    if has("retention")? {
        let mut retention = read.prepare("SELECT conversation, dropped FROM retention WHERE dropped > 0")?;
        let mut rows = retention.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(id) = message_id(row, 1)? {
                erased.dropped.insert((ConversationId::new(row.get(0)?), id), at);
            }
        }
    }
    if has("unregistered")? {
        let sql = "SELECT a.id, a.at, u.erase IS NOT NULL FROM unregistered u JOIN account a ON a.id = u.account";
        let mut unregistered = read.prepare(sql)?;
        let mut rows = unregistered.query([])?;
        while let Some(row) = rows.next()? {
            let how = if row.get(2)? { Ended::WithAllItSaid } else { Ended::Itself };
            erased.accounts.insert((AccountId::new(row.get(0)?), time(row, 1)?), how);
        }
    }
    Ok(erased)
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

fn message_id(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<MessageId>> {
    row.get::<_, i64>(column).map(|id| MessageId::new(id.unsigned_abs()))
}
