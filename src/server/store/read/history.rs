//! `/history`. A reader's thread runs it.

use super::locate::{IdRange, Locator};
use super::page::{Page, ReadError, number_of};
use crate::protocol::line::Rows;
use crate::protocol::names::MessageId;
use crate::server::traffic::ConversationRef;

/// With `after`, the first messages above it, else the last ones below `before`; ascending either
/// way. The answer says `more` if the page was full before the last message within the bounds.
pub(super) fn history(
    locator: &Locator<'_>,
    mut page: Page,
    conversation: &ConversationRef,
    before: MessageId,
    after: Option<MessageId>,
) -> Result<(Rows, String), ReadError> {
    let range = IdRange::between(conversation, after, before);
    match after {
        Some(_) => locator.oldest_first(range, &conversation.target, &mut page)?,
        None => locator.newest_first(range, &conversation.target, &mut page)?,
    }
    let last = number_of(page.len(), "message") + if page.has_more() { ", more" } else { "" };
    Ok((if after.is_some() { page.forwards() } else { page.backwards(None) }, last))
}
