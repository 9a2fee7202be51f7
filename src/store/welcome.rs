//! What is unread: `/conversations`, and what a person is shown at login and `/join`. A reader's
//! thread runs it.

use super::history::{Page, message_row};
use super::reader::ReadError;
use super::stored;
use crate::names::AccountId;
use crate::protocol::line::Rows;
use crate::traffic::Unread;
use rusqlite::Connection;

/// The rows `TARGET LAST READ UNREAD`. Where messages are not kept nothing is unread, since there
/// is nothing to read.
pub(super) fn conversations(
    db: &Connection,
    keep: bool,
    answer_bytes: usize,
    account: AccountId,
    places: &[Unread],
) -> Result<(Rows, String), ReadError> {
    let mut page = Page::new(u32::MAX, answer_bytes);
    for unread in places {
        let count = if keep { unread_lines(db, account, unread)? } else { 0 };
        let row = format!("{} {} {} {count}", unread.place.target, unread.last, unread.read);
        if !page.put(row) {
            break;
        }
    }
    let more = if page.has_more() { ", more" } else { "" };
    let last = format!("{} conversations{more}", page.len());
    Ok((page.forwards(), last))
}

/// Unread lines of the current room, then a row for each other conversation with news.
pub(super) fn welcome(
    db: &Connection,
    answer_bytes: usize,
    account: AccountId,
    room: Option<&Unread>,
    replay: u32,
    others: &[Unread],
) -> Result<Rows, ReadError> {
    // Who wants no lines shown is told of them like of any other conversation's.
    let (shown, named) = if replay > 0 { (room, None) } else { (None, room) };
    let mut rows = match shown {
        Some(room) if unread_lines(db, account, room)? > 0 => unread_rows(db, answer_bytes, room, replay)?,
        _ => Rows::default(),
    };
    for other in named.into_iter().chain(others) {
        if rows.len() >= answer_bytes {
            rows.push("there is more news: /conversations");
            break;
        }
        let count = unread_lines(db, account, other)?;
        if count > 0 {
            let (target, read) = (&other.place.target, other.read);
            let lines = if count == 1 { "line" } else { "lines" };
            rows.push(&format!("{target}: {count} new {lines}. /history {target} after={read}"));
        }
    }
    Ok(rows)
}

/// The last lines of what is unread, one's own among them, and a row that says where the earlier
/// ones are.
fn unread_rows(db: &Connection, answer_bytes: usize, room: &Unread, replay: u32) -> Result<Rows, ReadError> {
    let sql = "SELECT m.id, m.at, a.name, m.text FROM message m CROSS JOIN account a ON a.id = m.author
               WHERE m.conversation = ? AND m.id > ? AND m.id <= ? ORDER BY m.id DESC";
    let conversation = room.place.conversation.value();
    let mut page = Page::new(replay, answer_bytes);
    let mut statement = db.prepare_cached(sql)?;
    let mut found = statement.query([conversation, stored(room.read.value()), stored(room.last.value())])?;
    while let Some(row) = found.next()? {
        if !page.put(message_row(&room.place.target, row)?) {
            break;
        }
    }
    if !page.has_more() {
        return Ok(page.backwards(None));
    }
    let sql = "SELECT count(*) FROM message WHERE conversation = ? AND id > ? AND id <= ?";
    let within = [conversation, stored(room.read.value()), stored(room.last.value())];
    let all: i64 = db.prepare_cached(sql)?.query_row(within, |row| row.get(0))?;
    let earlier = usize::try_from(all).unwrap_or(0).saturating_sub(page.len());
    let lines = if earlier == 1 { "line" } else { "lines" };
    let head = format!("{earlier} earlier {lines}: /history {} after={}", room.place.target, room.read);
    Ok(page.backwards(Some(&head)))
}

/// Lines above the marker that others said: counted along the index, so gaps count nothing.
fn unread_lines(db: &Connection, account: AccountId, unread: &Unread) -> Result<u64, ReadError> {
    if unread.read >= unread.last {
        return Ok(0);
    }
    let sql = "SELECT count(*) FROM message WHERE conversation = ? AND id > ? AND id <= ? AND author <> ?";
    let count: i64 = db.prepare_cached(sql)?.query_row(
        [unread.place.conversation.value(), stored(unread.read.value()), stored(unread.last.value()), account.value()],
        |row| row.get(0),
    )?;
    Ok(count.unsigned_abs())
}
