//! What is unread: `/conversations`, and what a person is shown at login and at `/join`. A reader's
//! thread runs it.

use super::locate::{IdRange, Locator};
use super::page::{Page, ReadError, number_of};
use crate::protocol::line::Rows;
use crate::server::traffic::{Hearer, ReadPosition};

/// What is unread in a conversation.
#[derive(Debug, Clone, Copy, Default)]
struct News {
    /// Messages by others.
    messages: u64,
    /// Those of them that mention the account.
    mentions: u64,
}

/// The rows `TARGET LAST READ UNREAD MENTIONS CHANGE`. If messages are not kept, there is nothing to read and so
/// nothing is unread.
pub(super) fn conversations(
    locator: Option<&Locator<'_>>,
    answer_bytes: usize,
    hearer: &Hearer,
    conversations: &[ReadPosition],
) -> Result<(Rows, String), ReadError> {
    let mut page = Page::new(u32::MAX, answer_bytes);
    let news = match locator {
        Some(locator) => news(locator, hearer, conversations.iter())?,
        None => vec![News::default(); conversations.len()],
    };
    for (unread, News { messages, mentions }) in conversations.iter().zip(news) {
        let ReadPosition { conversation, last, read, changes, .. } = unread;
        let row = format!("{} {last} {read} {messages} {mentions} {changes}", conversation.target);
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
    hearer: &Hearer,
    room: Option<&ReadPosition>,
    replay: u32,
    others: &[ReadPosition],
) -> Result<Rows, ReadError> {
    let news = news(locator, hearer, room.into_iter().chain(others))?;
    let mut news = room.into_iter().chain(others).zip(news).filter(|(_, news)| news.messages > 0).peekable();
    let mut rows = Rows::default();
    // With replay off, the room gets a row like any other conversation.
    if let Some(room) = room.filter(|_| replay > 0)
        && let Some((_, News { mentions, .. })) = news.next_if(|(first, _)| std::ptr::eq(*first, room))
    {
        rows = unread_rows(locator, answer_bytes, hearer, room, replay, mentions)?;
    }
    for (other, News { messages, mentions }) in news {
        if rows.len() >= answer_bytes {
            rows.push("there are more: /conversations");
            break;
        }
        let (target, read) = (&other.conversation.target, other.read);
        let (lines, mentions) = (lines(messages, "new"), mentioning(mentions));
        rows.push(&format!("{target}: {lines}{mentions}. /history {target} after={read}"));
    }
    Ok(rows)
}

/// The last unread messages, the account's own included and those by whom it ignores left out, and a row that says where the earlier ones are.
fn unread_rows(
    locator: &Locator<'_>,
    answer_bytes: usize,
    hearer: &Hearer,
    room: &ReadPosition,
    replay: u32,
    mentions: u64,
) -> Result<Rows, ReadError> {
    let mut page = Page::new(replay, answer_bytes).heard_by(hearer);
    let range = IdRange::unread(room);
    locator.newest_first(range, &room.conversation.target, &mut page)?;
    if !page.has_more() {
        return Ok(page.backwards(None));
    }
    let all: u64 = locator.count(&[range], None)?.iter().sum();
    let lines = lines(all.saturating_sub(page.len() as u64), "earlier");
    let mentions = match mentions {
        0 => String::new(),
        count => format!(" ({count} of the unread ones {} you)", if count == 1 { "mentions" } else { "mention" }),
    };
    let head = format!("{lines}{mentions}: /history {} after={}", room.conversation.target, room.read);
    Ok(page.backwards(Some(&head)))
}

/// What is unread above each marker.
fn news<'a>(
    locator: &Locator<'_>,
    hearer: &Hearer,
    conversations: impl Iterator<Item = &'a ReadPosition>,
) -> Result<Vec<News>, ReadError> {
    let mut ranges: Vec<IdRange> = conversations.map(IdRange::unread).collect();
    let messages = locator.count(&ranges, Some(hearer.account))?;
    for (range, &messages) in ranges.iter_mut().zip(&messages) {
        if messages == 0 {
            *range = range.emptied();
        }
    }
    let mentions = locator.count_mentions(hearer, &ranges)?;
    Ok(messages.into_iter().zip(mentions).map(|(messages, mentions)| News { messages, mentions }).collect())
}

/// `2 new lines`.
fn lines(count: u64, which: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {which} line{plural}")
}

/// ` (2 mention you)`, or nothing.
fn mentioning(count: u64) -> String {
    match count {
        0 => String::new(),
        1 => " (1 mentions you)".to_owned(),
        count => format!(" ({count} mention you)"),
    }
}
