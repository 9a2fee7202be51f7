//! `/history`. A reader's thread runs it.

use super::locate::{Places, Span};
use super::page::{Page, ReadError, messages};
use crate::protocol::line::Rows;
use crate::protocol::names::MessageId;
use crate::server::traffic::ConversationRef;

/// With `after` the first messages above it, else the last below `before`; ascending either way.
/// It says `more` if the page ended before the messages within the bounds did.
pub(super) fn history(
    places: &Places<'_>,
    mut page: Page,
    place: &ConversationRef,
    before: MessageId,
    after: Option<MessageId>,
) -> Result<(Rows, String), ReadError> {
    let span = Span::between(place, after, before);
    match after {
        Some(_) => places.oldest_first(span, &place.target, &mut page)?,
        None => places.newest_first(span, &place.target, &mut page)?,
    }
    let last = messages(page.len()) + if page.has_more() { ", more" } else { "" };
    Ok((if after.is_some() { page.forwards() } else { page.backwards(None) }, last))
}
