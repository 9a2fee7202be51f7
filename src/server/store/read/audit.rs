//! `/audit`, newest first. A reader's thread runs it.

use super::page::{Page, ReadError, number_of};
use crate::protocol::line::Rows;
use crate::protocol::names::ConversationId;
use crate::protocol::stamp::rfc3339;
use crate::server::store::db::to_sql;
use rusqlite::{Connection, Row, params};

/// The rows `TIME WHO VERB WHOM REASON`; WHOM is `-` if it was nobody, and a REASON may be missing.
pub(super) fn audit(
    db: &Connection,
    mut page: Page,
    conversation: Option<ConversationId>,
    more: Option<u64>,
) -> Result<(Rows, String), ReadError> {
    let sql = "SELECT e.id, e.at, a.name, e.verb, e.whom, e.reason FROM audit e CROSS JOIN account a ON a.id = e.by
         WHERE e.conversation IS ?1 AND e.id < ?2 ORDER BY e.id DESC";
    let mut statement = db.prepare_cached(sql)?;
    let below = more.map_or(i64::MAX, to_sql);
    let mut found = statement.query(params![conversation.map(ConversationId::value), below])?;
    let mut last = below;
    while let Some(row) = found.next()? {
        if !page.put(entry(row)?) {
            break;
        }
        last = row.get(0)?;
    }
    let cursor = if page.has_more() { format!(", more={last}") } else { String::new() };
    let text = number_of(page.len(), "action") + &cursor;
    Ok((page.forwards(), text))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<String> {
    let (at, whom) = (row.get::<_, i64>(1)?.unsigned_abs(), row.get_ref(4)?.as_str()?);
    let (by, verb, reason) = (row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?, row.get_ref(5)?.as_str()?);
    let whom = if whom.is_empty() { "-" } else { whom };
    Ok(format!("{} {by} {verb} {whom} {reason}", rfc3339(at)).trim_end().to_owned())
}
