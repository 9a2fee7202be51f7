//! What is unread: `/conversations`, and what a person is shown at login and at `/join`. A reader's
//! thread runs it.

use super::locate::{IdRange, Locator};
use super::page::{Page, ReadError, number_of};
use crate::protocol::line::Rows;
use crate::protocol::names::AccountId;
use crate::server::traffic::ReadPosition;

/// The rows `TARGET LAST READ UNREAD`. If messages are not kept, there is nothing to read and so
/// nothing is unread.
pub(super) fn conversations(
    locator: Option<&Locator<'_>>,
    answer_bytes: usize,
    account: AccountId,
    conversations: &[ReadPosition],
) -> Result<(Rows, String), ReadError> {
    let mut page = Page::new(u32::MAX, answer_bytes);
    let counts = match locator {
        Some(locator) => unread_counts(locator, account, conversations.iter())?,
        None => vec![0; conversations.len()],
    };
    for (unread, count) in conversations.iter().zip(counts) {
        let row = format!("{} {} {} {count}", unread.conversation.target, unread.last, unread.read);
        if !page.put(row) {
            break;
        }
    }
    let more = if page.has_more() { ", more" } else { "" };
    let last = number_of(page.len(), "conversation") + more;
    Ok((page.forwards(), last))
}

/// The current room's unread messages, then a row for each other conversation that has some.
pub(super) fn welcome(
    locator: &Locator<'_>,
    answer_bytes: usize,
    account: AccountId,
    room: Option<&ReadPosition>,
    replay: u32,
    others: &[ReadPosition],
) -> Result<Rows, ReadError> {
    let counts = unread_counts(locator, account, room.into_iter().chain(others))?;
    let mut news = room.into_iter().chain(others).zip(counts).filter(|(_, count)| *count > 0).peekable();
    let mut rows = Rows::default();
    // With replay off, the room gets a row like any other conversation.
    if let Some(room) = room.filter(|_| replay > 0)
        && news.next_if(|(first, _)| std::ptr::eq(*first, room)).is_some()
    {
        rows = unread_rows(locator, answer_bytes, room, replay)?;
    }
    for (other, count) in news {
        if rows.len() >= answer_bytes {
            rows.push("there are more: /conversations");
            break;
        }
        let (target, read) = (&other.conversation.target, other.read);
        let lines = if count == 1 { "line" } else { "lines" };
        rows.push(&format!("{target}: {count} new {lines}. /history {target} after={read}"));
    }
    Ok(rows)
}

/// The last unread messages, the account's own included, and a row that says where the earlier ones are.
fn unread_rows(
    locator: &Locator<'_>,
    answer_bytes: usize,
    room: &ReadPosition,
    replay: u32,
) -> Result<Rows, ReadError> {
    let mut page = Page::new(replay, answer_bytes);
    let range = IdRange::unread(room);
    locator.newest_first(range, &room.conversation.target, &mut page)?;
    if !page.has_more() {
        return Ok(page.backwards(None));
    }
    let all: u64 = locator.count(&[range], None)?.iter().sum();
    let earlier = usize::try_from(all).unwrap_or(usize::MAX).saturating_sub(page.len());
    let lines = if earlier == 1 { "line" } else { "lines" };
    let head = format!("{earlier} earlier {lines}: /history {} after={}", room.conversation.target, room.read);
    Ok(page.backwards(Some(&head)))
}

/// How many messages by others are above each marker.
fn unread_counts<'a>(
    locator: &Locator<'_>,
    account: AccountId,
    conversations: impl Iterator<Item = &'a ReadPosition>,
) -> Result<Vec<u64>, ReadError> {
    let ranges: Vec<IdRange> = conversations.map(IdRange::unread).collect();
    locator.count(&ranges, Some(account))
}
