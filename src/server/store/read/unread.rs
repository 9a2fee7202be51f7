//! What is unread: `/conversations`, and what a person is shown at login and `/join`. A reader's
//! thread runs it.

use super::locate::{Places, Span};
use super::page::{Page, ReadError};
use crate::protocol::line::Rows;
use crate::protocol::names::AccountId;
use crate::server::traffic::Unread;

/// The rows `TARGET LAST READ UNREAD`. Where messages are not kept nothing is unread, since there
/// is nothing to read.
pub(super) fn conversations(
    kept: Option<&Places<'_>>,
    answer_bytes: usize,
    account: AccountId,
    conversations: &[Unread],
) -> Result<(Rows, String), ReadError> {
    let mut page = Page::new(u32::MAX, answer_bytes);
    let counts = match kept {
        Some(places) => unread_lines(places, account, conversations.iter())?,
        None => vec![0; conversations.len()],
    };
    for (unread, count) in conversations.iter().zip(counts) {
        let row = format!("{} {} {} {count}", unread.conversation.target, unread.last, unread.read);
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
    places: &Places<'_>,
    answer_bytes: usize,
    account: AccountId,
    room: Option<&Unread>,
    replay: u32,
    others: &[Unread],
) -> Result<Rows, ReadError> {
    let counts = unread_lines(places, account, room.into_iter().chain(others))?;
    let mut news = room.into_iter().chain(others).zip(counts).filter(|(_, count)| *count > 0).peekable();
    let mut rows = Rows::default();
    // Who wants no lines shown is told of them like of any other conversation's.
    if let Some(room) = room.filter(|_| replay > 0)
        && news.next_if(|(first, _)| std::ptr::eq(*first, room)).is_some()
    {
        rows = unread_rows(places, answer_bytes, room, replay)?;
    }
    for (other, count) in news {
        if rows.len() >= answer_bytes {
            rows.push("there is more news: /conversations");
            break;
        }
        let (target, read) = (&other.conversation.target, other.read);
        let lines = if count == 1 { "line" } else { "lines" };
        rows.push(&format!("{target}: {count} new {lines}. /history {target} after={read}"));
    }
    Ok(rows)
}

/// The last lines of what is unread, one's own among them, and a row that says where the earlier
/// ones are.
fn unread_rows(places: &Places<'_>, answer_bytes: usize, room: &Unread, replay: u32) -> Result<Rows, ReadError> {
    let mut page = Page::new(replay, answer_bytes);
    let span = Span::unread(room);
    places.newest_first(span, &room.conversation.target, &mut page)?;
    if !page.has_more() {
        return Ok(page.backwards(None));
    }
    let all: u64 = places.count(&[span], None)?.iter().sum();
    let earlier = usize::try_from(all).unwrap_or(usize::MAX).saturating_sub(page.len());
    let lines = if earlier == 1 { "line" } else { "lines" };
    let head = format!("{earlier} earlier {lines}: /history {} after={}", room.conversation.target, room.read);
    Ok(page.backwards(Some(&head)))
}

/// Lines above each marker that others said.
fn unread_lines<'a>(
    places: &Places<'_>,
    account: AccountId,
    conversations: impl Iterator<Item = &'a Unread>,
) -> Result<Vec<u64>, ReadError> {
    let spans: Vec<Span> = conversations.map(Span::unread).collect();
    places.count(&spans, Some(account))
}
