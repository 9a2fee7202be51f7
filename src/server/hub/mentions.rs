//! `/mentions`, and the tag `mention` of what is said.

use super::reading::{hearer, read_positions};
use super::{Answered, Context};
use crate::protocol::names::{ConversationId, EVERYONE};
use crate::server::core::State;
use crate::server::traffic::{Mentioned, Read, TimeRange};

/// `/mentions`.
pub(super) fn list(cx: &mut Context<'_>, limit: u32, more: Option<u64>) -> Answered {
    let positions = read_positions(&cx.hub.state, cx.account).into_iter();
    let conversations = positions.map(|unread| (unread.conversation, unread.last)).collect();
    let (mentioned, times) = (Some(hearer(&cx.hub.state, cx.account)), TimeRange::ALL);
    cx.effects
        .read_job(cx.conn, Read::Search { conversations, from: None, mentioned, times, limit, more, words: None });
    Ok(())
}

/// The value of the tag: the names of those mentioned who can read it, with commas between them; `None`
/// if there are none.
pub(super) fn mention_tag(state: &State, conversation: ConversationId, mentions: &[Mentioned]) -> Option<String> {
    if mentions.is_empty() {
        return None;
    }
    let mut names = String::new();
    for mentioned in mentions {
        let name = match *mentioned {
            Mentioned::Everyone => EVERYONE,
            Mentioned::Account(account) if state.reads(conversation, account) => state.name(account),
            Mentioned::Account(_) => continue,
        };
        names.push_str(if names.is_empty() { "" } else { "," });
        names.push_str(name);
    }
    Some(names).filter(|names| !names.is_empty())
}
