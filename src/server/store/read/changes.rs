//! `/changes`. A reader's thread runs it.

use super::locate::Locator;
use super::page::{Page, ReadError, number_of};
use crate::protocol::line::Rows;
use crate::protocol::stamp::rfc3339;
use crate::server::store::db::stored_text::{StoredText, TextState};
use crate::server::store::db::to_sql;
use crate::server::traffic::ConversationRef;

/// The first changes after one number, up to another: `TARGET CHANGE TIME WHO KIND ID[: TEXT]`. The
/// text of an edit is the present one, and there is none if the message was removed since, or dropped.
pub(super) fn changes(
    locator: &Locator<'_>,
    mut page: Page,
    conversation: &ConversationRef,
    after: u64,
    last: u64,
) -> Result<(Rows, String), ReadError> {
    let sql = "SELECT c.change, c.at, a.name, c.kind, c.id, c.data FROM change c CROSS JOIN account a ON a.id = c.by
               WHERE c.conversation = ? AND c.change > ? AND c.change <= ? ORDER BY c.change";
    let mut statement = locator.messages().prepare_cached(sql)?;
    let mut found = statement.query([conversation.id.value(), to_sql(after), to_sql(last)])?;
    while let Some(row) = found.next()? {
        let (change, at, id): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(4)?);
        let (who, kind): (String, String) = (row.get(2)?, row.get(3)?);
        let text = match kind.as_str() {
            _ if id <= to_sql(conversation.dropped.value()) => None,
            "edit" | "redact" => {
                let stored = locator.text(conversation.id.value(), id)?.unwrap_or_default();
                let StoredText { state, text, .. } = StoredText::parse(&stored);
                let shown = (state == TextState::Removed) == (kind == "redact") && !text.is_empty();
                shown.then(|| text.to_owned())
            }
            _ => Some(row.get::<_, String>(5)?).filter(|data| !data.is_empty()),
        };
        let head = format!("{} {change} {} {who} {kind} {id}", conversation.target, rfc3339(at.unsigned_abs()));
        if !page.put(text.map_or(head.clone(), |text| format!("{head}: {text}"))) {
            break;
        }
    }
    let last = number_of(page.len(), "change") + if page.has_more() { ", more" } else { "" };
    Ok((page.forwards(), last))
}
