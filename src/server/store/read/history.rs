//! `/history` and `/pins`. A reader's thread runs it.

use super::locate::{IdRange, Locator};
use super::page::{Page, ReadError, number_of};
use crate::protocol::line::Rows;
use crate::protocol::names::MessageId;
use crate::server::traffic::{ConversationRef, TimeRange};

/// With `after` or a beginning of the times, the first messages from there on, else the last ones below
/// `before`; ascending either way. The answer says `more` if the page was full before the last message
/// within the bounds.
pub(super) fn history(
    locator: &Locator<'_>,
    mut page: Page,
    conversation: &ConversationRef,
    before: MessageId,
    after: Option<MessageId>,
    times: TimeRange,
) -> Result<(Rows, String), ReadError> {
    let range = IdRange::between(conversation, after, before).at(times);
    let from_oldest = after.is_some() || times.since > 0;
    if from_oldest {
        locator.oldest_first(range, &conversation.target, &mut page)?;
    } else {
        locator.newest_first(range, &conversation.target, &mut page)?;
    }
    let last = final_line(&page, conversation);
    Ok((if from_oldest { page.forwards() } else { page.backwards(None) }, last))
}

/// The message with that id, or the next one, in the middle of those next to it, as far as there are any:
/// with few on one side, there are more from the other. The answer says `more` if there are any left.
pub(super) fn around(
    locator: &Locator<'_>,
    page: impl Fn() -> Page,
    conversation: &ConversationRef,
    id: MessageId,
    before: MessageId,
) -> Result<(Rows, String), ReadError> {
    let (mut older, mut newer) = (page(), page());
    let below = id.min(before);
    let from = MessageId::new(id.value().saturating_sub(1));
    locator.newest_first(IdRange::between(conversation, None, below), &conversation.target, &mut older)?;
    locator.oldest_first(IdRange::between(conversation, from, before), &conversation.target, &mut newer)?;
    let page = page().around(older, newer);
    let last = final_line(&page, conversation);
    Ok((page.forwards(), last))
}

/// Where messages were dropped it says which is the oldest now; if none is left, which the next will be.
fn final_line(page: &Page, conversation: &ConversationRef) -> String {
    let more = if page.has_more() { ", more" } else { "" };
    let oldest = match conversation.dropped {
        MessageId::ZERO => String::new(),
        dropped => dropped.next().map_or_else(String::new, |oldest| format!(", oldest={oldest}")),
    };
    format!("{}{more}{oldest}", number_of(page.len(), "message"))
}

/// The pinned messages, by id.
pub(super) fn pins(
    locator: &Locator<'_>,
    mut page: Page,
    conversation: &ConversationRef,
) -> Result<(Rows, String), ReadError> {
    let mut pinned = locator.messages().prepare_cached("SELECT id FROM pin WHERE conversation = ? ORDER BY id")?;
    let mut found = pinned.query([conversation.id.value()])?;
    while let Some(row) = found.next()? {
        if let Some(row) = locator.row(conversation, row.get(0)?)?
            && !page.put(row)
        {
            break;
        }
    }
    let last = number_of(page.len(), "message") + if page.has_more() { ", more" } else { "" };
    Ok((page.forwards(), last))
}
