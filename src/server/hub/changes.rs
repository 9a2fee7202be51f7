//! What happens to messages after they were said: `/edit`, `/redact`, `/react`, `/pin`, and the
//! lists of them.

use super::effects::RoomEvent;
use super::mentions::mention_tag;
use super::reading::{conversation_ref, readable, target_of};
use super::refusals::no_room;
use super::{Answered, Context, Hub, unexpected};
use crate::protocol::code::Refusal;
use crate::protocol::line::{Body, Line, Tags};
use crate::protocol::names::{ConnId, ConversationId, MessageId, Target, Text};
use crate::protocol::reaction::ReactionWord;
use crate::server::core::{AccountAction, Conversation, Outcome};
use crate::server::hub::effects::Effects;
use crate::server::traffic::{ChangeKind, ChangeRecord, Read, Recipients};

pub(super) fn edit(cx: &mut Context<'_>, target: Target, id: MessageId, text: Text) -> Answered {
    let within = cx.hub.settings.edit_for;
    change(cx, AccountAction::Edit { target, id, text, within })
}

pub(super) fn redact(cx: &mut Context<'_>, target: Target, id: MessageId, reason: Option<Text>) -> Answered {
    change(cx, AccountAction::Redact { target, id, reason })
}

pub(super) fn react(cx: &mut Context<'_>, target: Target, id: MessageId, word: ReactionWord) -> Answered {
    change(cx, AccountAction::React { target, id, word })
}

pub(super) fn pin(cx: &mut Context<'_>, target: Target, id: MessageId, pinned: bool) -> Answered {
    change(cx, AccountAction::Pin { target, id, pinned })
}

fn change(cx: &mut Context<'_>, action: AccountAction) -> Answered {
    match cx.apply(action)? {
        Outcome::Changed(change) => cx.changed(&change),
        Outcome::Unchanged(last) => cx.done(format!("change={last}")),
        outcome => Err(unexpected(&outcome)),
    }
}

/// `/changes`.
pub(super) fn list(cx: &mut Context<'_>, target: Option<&Target>, after: u64, limit: u32) -> Answered {
    let Some(conversation) = read_in(cx, target)? else { return cx.done("0 changes") };
    let last = cx.hub.state.conversation(conversation).map_or(0, Conversation::changes);
    let conversation = conversation_ref(&cx.hub.state, cx.account, conversation);
    cx.effects.read_job(cx.conn, Read::Changes { conversation, after, last, limit });
    Ok(())
}

/// `/pins`.
pub(super) fn pins(cx: &mut Context<'_>, target: Option<&Target>) -> Answered {
    let Some(conversation) = read_in(cx, target)? else { return cx.done("0 messages") };
    let conversation = conversation_ref(&cx.hub.state, cx.account, conversation);
    cx.effects.read_job(cx.conn, Read::Pins(conversation));
    Ok(())
}

/// The conversation that is read: the current room if none is named. `None` for two people who have
/// never talked.
fn read_in(cx: &Context<'_>, target: Option<&Target>) -> Result<Option<ConversationId>, Refusal> {
    match target {
        Some(target) => readable(&cx.hub.state, cx.account, target),
        None => Ok(Some(cx.hub.connections.current(cx.conn).ok_or_else(no_room)?)),
    }
}

impl Context<'_> {
    /// Tells of a change, and answers with its number.
    pub(super) fn changed(&mut self, change: &ChangeRecord) -> Answered {
        self.hub.tell_change(change, self.conn, self.effects);
        self.done(format!("change={}", change.number))
    }
}

impl Hub {
    /// Tells everyone online who may see the message what happened to it, except the connection that
    /// did it.
    fn tell_change(&self, change: &ChangeRecord, from: ConnId, effects: &mut Effects) {
        let (by, who) = (change.by, self.state.name(change.by));
        let mentions = match &change.kind {
            ChangeKind::Edit { mentions, .. } => mention_tag(&self.state, change.conversation, mentions),
            _ => None,
        };
        let tags = Tags {
            at: Some(change.at),
            mention: mentions.as_deref(),
            ev: Some(change.kind.as_str()),
            who: Some(who),
            about: Some(change.id.value()),
            change: Some(change.number),
            ..Tags::default()
        };
        match self.state.conversation(change.conversation) {
            Some(Conversation::Room(room)) => {
                let text = sentence(change, who, "");
                let line = Line { tags, body: Body::Event { room: room.name.as_str(), text: &text } };
                effects.notify(&self.connections, by, Recipients::AllBut(from), &line);
                let unheard_by = match change.kind {
                    ChangeKind::Edit { .. } | ChangeKind::React { .. } | ChangeKind::Unreact { .. } => {
                        self.unheard_by(by, room)
                    }
                    // A pin is a moderator's doing, and a text that is gone is gone for everyone.
                    ChangeKind::Redact(_) | ChangeKind::Pin | ChangeKind::Unpin => None,
                };
                let event = RoomEvent { room: change.conversation, by, presence: false, unheard_by };
                effects.tell_room(&self.connections, event, &line);
            }
            Some(Conversation::Pair(pair)) => {
                let sides = [by, pair.other(by)];
                for &account in &sides[..if sides[0] == sides[1] { 1 } else { 2 }] {
                    if self.state.ignores(account, by) {
                        continue;
                    }
                    let target = target_of(&self.state, account, change.conversation);
                    let text = sentence(change, who, &format!(" in {target}"));
                    let tags = Tags { to: Some(&target), ..tags };
                    let line = Line { tags, body: Body::Notice(None, &text) };
                    effects.notify(&self.connections, account, Recipients::AllBut(from), &line);
                }
            }
            None => {}
        }
    }
}

/// What people are told. `place` names the conversation where the line does not.
fn sentence(change: &ChangeRecord, who: &str, place: &str) -> String {
    let id = change.id;
    let (did, text) = match &change.kind {
        ChangeKind::Edit { text, .. } => ("edited", Some(text.as_str().to_owned())),
        ChangeKind::Redact(reason) => ("removed", reason.as_ref().map(|reason| reason.as_str().to_owned())),
        ChangeKind::React { .. } => ("reacted to", Some(change.kind.data())),
        ChangeKind::Unreact { .. } => ("took a reaction back from", Some(change.kind.data())),
        ChangeKind::Pin => ("pinned", None),
        ChangeKind::Unpin => ("unpinned", None),
    };
    let text = text.map_or_else(String::new, |text| format!(": {text}"));
    format!("{who} {did} {id}{place}{text}")
}
