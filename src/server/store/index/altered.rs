//! Texts that took the place of others: what a message said before its edit or removal is forgotten,
//! and the new text indexed. The thread `index` runs it.
//!
//! Such a text is a row of its own, after its message, so the index follows both with one mark. By the
//! time a row is indexed its text may be blank, since another has taken its place: then it has no words,
//! and the row of the other follows. `held` says for each altered message whose text the index has,
//! so that nothing is forgotten that was never indexed: FTS5 would count wrongly from then on.

use super::document::Document;
use crate::server::store::db::stored_text::{StoredText, TextState, is_blank, is_gone};
use rusqlite::{Connection, OptionalExtension as _, Transaction};

/// A text that took the place of another, as the indexer read it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Altered {
    /// The message.
    pub(super) of: i64,
    /// Where the text is.
    pub(super) text_seq: i64,
    pub(super) author: i64,
    pub(super) stored: String,
}

/// Indexes these texts, which were appended after what `indexed` covers.
pub(super) fn apply(
    messages: &Connection,
    change: &Transaction<'_>,
    document: &mut Document,
    altered: &mut [Altered],
) -> rusqlite::Result<()> {
    // By message: FTS5 starts a new segment whenever a number is lower than the one before it.
    altered.sort_unstable();
    let mut message = messages.prepare_cached("SELECT conversation, id FROM message WHERE seq = ?")?;
    let mut position = change.prepare_cached("SELECT 1 FROM position WHERE conversation = ? AND id = ? AND seq = ?")?;
    let mut add = change.prepare_cached("INSERT INTO word(rowid, document) VALUES(?, ?)")?;
    for text in altered {
        let place = message.query_row([text.of], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        // If the message was dropped before it was indexed, even its row may be gone.
        let Some::<(i64, i64)>((conversation, id)) = place else { continue };
        if !position.exists([conversation, id, text.of])? {
            continue;
        }
        forget(messages, change, text)?;
        let stored = StoredText::parse(&text.stored);
        if is_blank(&text.stored) || is_gone(&text.stored) || stored.state == TextState::Removed {
            continue;
        }
        add.execute((text.of, document.of(conversation, text.author, &stored)))?;
        hold(change, text.of, text.text_seq)?;
    }
    Ok(())
}

/// Notes whose text the index has for a message; 0 is nobody's.
pub(super) fn hold(change: &Transaction<'_>, seq: i64, text_seq: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO held(seq, text_seq) VALUES(?, ?)
               ON CONFLICT(seq) DO UPDATE SET text_seq = excluded.text_seq";
    change.prepare_cached(sql)?.execute([seq, text_seq]).map(drop)
}

/// Removes the words of the text whose place this one took, if they are there.
fn forget(messages: &Connection, change: &Transaction<'_>, text: &Altered) -> rusqlite::Result<()> {
    let sql = "SELECT text_seq FROM held WHERE seq = ?";
    let held: Option<i64> = change.prepare_cached(sql)?.query_row([text.of], |row| row.get(0)).optional()?;
    let held = held.unwrap_or(text.of);
    let sql = "SELECT document FROM forget WHERE seq = ? AND text_seq = ?";
    let document: Option<String> =
        messages.prepare_cached(sql)?.query_row([text.text_seq, held], |row| row.get(0)).optional()?;
    // After a power cut the index may have lost what it had told the writer. Words that are left in
    // it then do no harm: what is found is compared with the text.
    let Some(document) = document else { return Ok(()) };
    let sql = "INSERT INTO word(word, rowid, document) VALUES('delete', ?, ?)";
    change.prepare_cached(sql)?.execute((text.of, document))?;
    hold(change, text.of, 0)
}
