//! Reading: history, search, conversations. The hub decides what may be read, and a reader answers
//! after the commit.

use super::refusals::{no_room, refusal};
use super::{Answered, Context};
use crate::protocol::code::Refusal;
use crate::protocol::command::{HistoryPart, Search};
use crate::protocol::names::{AccountId, ConversationId, MessageId, Target};
use crate::protocol::time_bound::TimeBounds;
use crate::server::core::{Conversation, RoomAction, State};
use crate::server::traffic::{ConversationRef, Hearer, Read, ReadPosition, TimeRange, Viewer};

pub(super) fn conversations(cx: &mut Context<'_>) -> Answered {
    let conversations = read_positions(&cx.hub.state, cx.account);
    let hearer = hearer(&cx.hub.state, cx.account);
    cx.effects.read_job(cx.conn, Read::Conversations { hearer, conversations });
    Ok(())
}

pub(super) fn history(cx: &mut Context<'_>, target: Option<&Target>, part: HistoryPart, limit: u32) -> Answered {
    let conversation = match target {
        Some(target) => readable(&cx.hub.state, cx.account, target)?,
        None => Some(cx.hub.connections.current(cx.conn).ok_or_else(no_room)?),
    };
    let Some(conversation) = conversation else { return cx.done("0 messages") };
    let Some(stored) = cx.hub.state.conversation(conversation) else { return Err(no_room()) };
    let (last, read) = (stored.last(), stored.read_by(cx.account).unwrap_or_default());
    let end = last.next().unwrap_or(MessageId::MAX);
    let HistoryPart::Between { before, after, times } = part else {
        let HistoryPart::Around(id) = part else { return Ok(()) };
        let conversation = conversation_ref(&cx.hub.state, cx.account, conversation);
        cx.effects.read_job(cx.conn, Read::Around { conversation, id, before: end, limit });
        return Ok(());
    };
    if matches!(cx.viewer, Viewer::Person { .. }) && before.is_none() && times.is_all() {
        // A person who views the newest lines has read them.
        match after {
            None => cx.shown(conversation, last)?,
            Some(after) if after <= read => {
                let end = MessageId::new(after.value().saturating_add(u64::from(limit)));
                cx.shown(conversation, end.unwrap_or(last).min(last))?;
            }
            Some(_) => {}
        }
    }
    let conversation = conversation_ref(&cx.hub.state, cx.account, conversation);
    let (before, times) = (before.map_or(end, |before| before.min(end)), cx.time_range(times));
    cx.effects.read_job(cx.conn, Read::History { conversation, before, after, times, limit });
    Ok(())
}

pub(super) fn search(cx: &mut Context<'_>, search: Search) -> Answered {
    let Search { words, within, from, times, limit, more } = search;
    let (state, account) = (&cx.hub.state, cx.account);
    let conversations: Vec<(ConversationRef, MessageId)> = match &within {
        Some(target) => {
            let found = readable(state, account, target)?;
            let found =
                found.and_then(|id| Some((conversation_ref(state, account, id), state.conversation(id)?.last())));
            found.into_iter().collect()
        }
        None => read_positions(state, account)
            .into_iter()
            // What people say whom the account ignores is found only where they are named.
            .filter(|position| !position.unheard || from.is_some())
            .map(|position| (position.conversation, position.last))
            .collect(),
    };
    let from = from.map(|name| state.anyone(&name)).transpose().map_err(refusal)?;
    let times = cx.time_range(times);
    cx.effects.read_job(cx.conn, Read::Search { conversations, from, mentioned: None, times, limit, more, words });
    Ok(())
}

/// What the account said, also where it may no longer read.
pub(super) fn export(cx: &mut Context<'_>, limit: u32, more: Option<u64>) -> Answered {
    let positions = read_positions(&cx.hub.state, cx.account).into_iter();
    let conversations = positions.map(|position| position.conversation).collect();
    let (author, after) = (cx.account, more.unwrap_or(0));
    cx.effects.read_job(cx.conn, Read::Export { author, conversations, after, limit });
    Ok(())
}

impl Context<'_> {
    /// What the bounds mean now.
    fn time_range(&self, times: TimeBounds) -> TimeRange {
        let (since, until) = times.range(self.now.wall);
        TimeRange { since, until }
    }
}

/// Resolves a TARGET to a conversation that the account is in; `None` for two people who have never
/// talked.
pub(super) fn readable(state: &State, account: AccountId, target: &Target) -> Result<Option<ConversationId>, Refusal> {
    let found = match target {
        Target::Room(room) => state.permitted_room(RoomAction::Read, room, account).map(Some),
        Target::Direct(name) => state.anyone(name).map(|other| state.pair(account, other)),
    };
    found.map_err(refusal)
}

/// The TARGET by which the account knows a conversation.
pub(super) fn target_of(state: &State, account: AccountId, conversation: ConversationId) -> Box<str> {
    match state.conversation(conversation) {
        Some(Conversation::Room(room)) => room.name.as_str().into(),
        Some(Conversation::Pair(pair)) => format!("@{}", state.name(pair.other(account))).into_boxed_str(),
        None => "?".into(),
    }
}

pub(super) fn conversation_ref(state: &State, account: AccountId, id: ConversationId) -> ConversationRef {
    ConversationRef { id, target: target_of(state, account, id), dropped: state.dropped(id) }
}

/// The account, and whom it ignores.
pub(super) fn hearer(state: &State, account: AccountId) -> Hearer {
    let ignores = state.account(account).into_iter().flat_map(|account| account.ignores.keys());
    Hearer { account, ignores: ignores.copied().collect() }
}

/// The account's read markers: every room that it is in, by name, then every direct conversation,
/// by name.
pub(super) fn read_positions(state: &State, account: AccountId) -> Vec<ReadPosition> {
    let Some(stored) = state.account(account) else { return Vec::new() };
    let mut conversations: Vec<ReadPosition> = stored
        .rooms
        .iter()
        .chain(stored.pairs.values())
        .filter_map(|&id| {
            let stored = state.conversation(id)?;
            let conversation = conversation_ref(state, account, id);
            Some(ReadPosition {
                conversation,
                last: stored.last(),
                read: stored.read_by(account)?,
                changes: stored.changes(),
                unheard: matches!(stored, Conversation::Pair(pair) if state.ignores(account, pair.other(account))),
            })
        })
        .collect();
    conversations.sort_by_cached_key(|unread| {
        let target = &unread.conversation.target;
        (target.starts_with('@'), target.to_ascii_lowercase())
    });
    conversations
}
