//! What moderators and owners do, and who is told: kicks, bans, mutes, slow rooms, and the end, the
//! name and the privacy of a room.

use super::refusals::refusal;
use super::sweep::GRACE;
use super::{Answered, Context, page, unexpected};
use crate::protocol::code::Refusal;
use crate::protocol::line::{Body, Line, Tags};
use crate::protocol::names::{AccountId, ConversationId, RoomName, Text, UserName};
use crate::protocol::spans;
use crate::protocol::stamp::rfc3339;
use crate::server::core::{AccountAction, Moderated, Moderation, Outcome, RoomAction};
use crate::server::traffic::{Delivery, Read, SanctionKind};
use std::time::Duration;

pub(super) fn kick(cx: &mut Context<'_>, room: RoomName, name: UserName, reason: Option<Text>) -> Answered {
    let moderation = Moderation::Kick { name, reason: reason.clone() };
    let done = cx.moderate_in(room, moderation)?;
    let whom = cx.whom(&done);
    let text = format!("{whom} was kicked by {}{}", cx.name(), because(reason.as_ref()));
    cx.tell(&done, room, News { ev: "kick", set: None, until: None }, &text);
    cx.done(format!("{whom} is no longer in {room}."))
}

/// A ban or a mute.
pub(super) struct Sentence {
    pub(super) kind: SanctionKind,
    pub(super) lasts: Option<Duration>,
    pub(super) reason: Option<Text>,
}

pub(super) fn impose(cx: &mut Context<'_>, room: RoomName, name: UserName, sentence: Sentence) -> Answered {
    let Sentence { kind, lasts, reason } = sentence;
    let moderation = Moderation::Impose { kind, name, lasts, reason: reason.clone() };
    let done = cx.moderate_in(room, moderation)?;
    let whom = cx.whom(&done);
    let sanction = done.account.and_then(|account| cx.hub.state.room(done.room)?.sanctions(kind).get(&account));
    let until = sanction.and_then(|sanction| sanction.until);
    let time = lasts.map_or(String::new(), |lasts| format!(" for {}", spans::exactly(lasts)));
    let (ev, happened, place, lift) = match kind {
        SanctionKind::Ban => ("ban", "banned", "from", "unban"),
        SanctionKind::Mute => ("mute", "muted", "in", "unmute"),
    };
    let text = format!("{whom} was {happened} by {}{time}{}", cx.name(), because(reason.as_ref()));
    cx.tell(&done, room, News { ev, set: None, until }, &text);
    let end = if lasts.is_some() { time } else { format!(" until somebody says /{lift} {room} {whom}") };
    cx.done(format!("{whom} is {happened} {place} {room}{end}."))
}

pub(super) fn lift(cx: &mut Context<'_>, room: RoomName, name: UserName, kind: SanctionKind) -> Answered {
    let done = cx.moderate_in(room, Moderation::Lift { kind, name })?;
    let whom = cx.whom(&done);
    let by = cx.name();
    let (ev, text, last) = match (kind, done.changed) {
        (SanctionKind::Ban, true) => {
            ("unban", format!("{by} lifted {whom}'s ban"), format!("{whom} may come into {room} again."))
        }
        (SanctionKind::Mute, true) => {
            ("unmute", format!("{by} lets {whom} talk again"), format!("{whom} may talk in {room} again."))
        }
        (SanctionKind::Ban, false) => {
            return cx.done(format!("{whom} is not banned from {room}. /bans {room} shows who is."));
        }
        (SanctionKind::Mute, false) => return cx.done(format!("{whom} is not muted in {room}.")),
    };
    cx.tell(&done, room, News { ev, set: None, until: None }, &text);
    cx.done(last)
}

pub(super) fn slow(cx: &mut Context<'_>, room: RoomName, every: Option<Duration>) -> Answered {
    let done = cx.moderate_in(room, Moderation::Slow(every))?;
    let set = every.map_or_else(|| "off".to_owned(), spans::word);
    let (text, last) = match every {
        Some(every) => {
            let every = spans::every(every);
            let text = format!("{} slowed this room down: one message from each member {every}", cx.name());
            (text, format!("{room} takes one message from each member {every}."))
        }
        None => (format!("{} ended slow mode", cx.name()), format!("{room} is not slow any more.")),
    };
    cx.tell(&done, room, News { ev: "slow", set: Some(&set), until: None }, &text);
    cx.done(last)
}

pub(super) fn retain(cx: &mut Context<'_>, room: RoomName, keep: Option<Duration>) -> Answered {
    let done = cx.moderate(AccountAction::Retain { room, keep })?;
    let set = keep.map_or_else(|| "off".to_owned(), spans::word);
    let (text, last) = match keep {
        Some(keep) => {
            let keep = spans::exactly(keep);
            let text = format!("{} set this room to keep what is said for {keep}", cx.name());
            let grace = spans::exactly(GRACE);
            (
                text,
                format!(
                    "{room} keeps what is said for {keep}. What is older goes for good, {grace} from now; until then /retain {room} off stops it."
                ),
            )
        }
        None => {
            let text = format!("{} set this room to keep what is said for ever", cx.name());
            (text, format!("{room} keeps what is said for ever. What is gone stays gone."))
        }
    };
    if done.changed {
        cx.hub.sweeper.set_retention(cx.now.instant, done.room, keep);
    }
    cx.tell(&done, room, News { ev: "retain", set: Some(&set), until: None }, &text);
    cx.done(last)
}

pub(super) fn set_private(cx: &mut Context<'_>, room: RoomName, private: bool) -> Answered {
    let done = cx.moderate(AccountAction::SetPrivate { room, private })?;
    let (set, now) = if private {
        ("on", "private: only its members and people they invite can see it")
    } else {
        ("off", "public: everybody can see it and join")
    };
    let text = format!("{} made this room {now}", cx.name());
    cx.tell(&done, room, News { ev: "private", set: Some(set), until: None }, &text);
    cx.done(format!("{room} is {now}."))
}

pub(super) fn rename(cx: &mut Context<'_>, room: RoomName, name: RoomName) -> Answered {
    let done = cx.moderate(AccountAction::RenameRoom { room, name })?;
    let text = format!("{} renamed this room: it is {name} now", cx.name());
    cx.tell(&done, room, News { ev: "rename", set: Some(name.as_str()), until: None }, &text);
    cx.done(format!("{name} is what {room} is called now. Nobody else gets the old name."))
}

pub(super) fn close(cx: &mut Context<'_>, room: RoomName) -> Answered {
    let done = cx.moderate(AccountAction::CloseRoom(room))?;
    let text = format!("{} closed this room for good", cx.name());
    cx.tell(&done, room, News { ev: "close", set: None, until: None }, &text);
    let forgotten = cx.hub.state.room(done.room).is_none();
    let how = if forgotten { "gone: nothing was said there, so its name is free again" } else { "closed for good" };
    cx.done(format!("{room} is {how}."))
}

pub(super) fn bans(cx: &mut Context<'_>, name: &RoomName, after: Option<&UserName>, limit: u32) -> Answered {
    let id = cx.hub.state.permitted_room(RoomAction::SeeBans, name, cx.account).map_err(refusal)?;
    let (steady, state) = (cx.hub.clock.at(cx.now), &cx.hub.state);
    let held = state.room(id).into_iter().flat_map(|room| room.sanctions(SanctionKind::Ban));
    let mut bans: Vec<(String, String)> = held
        .filter(|(_, ban)| ban.lasts(steady))
        .map(|(&account, ban)| {
            let until = ban.until.map_or_else(|| "-".to_owned(), rfc3339);
            let row = format!("{} {until} {} {}", state.name(account), state.name(ban.by), ban.reason);
            (state.name(account).to_ascii_lowercase(), row.trim_end().to_owned())
        })
        .filter(|(name, _)| after.is_none_or(|after| **name > *after.case_folded()))
        .collect();
    bans.sort_unstable();
    let (rows, last) = page(bans.into_iter().map(|(_, row)| row), limit, cx.hub.settings.answer_bytes, "ban");
    cx.effects.answer(cx.conn, rows, last);
    Ok(())
}

pub(super) fn audit(cx: &mut Context<'_>, name: Option<&RoomName>, limit: u32, more: Option<u64>) -> Answered {
    let state = &cx.hub.state;
    let conversation = match name {
        Some(name) => Some(state.audited_room(cx.account, name).map_err(refusal)?),
        None => state.check_administrator(cx.account).map(|()| None).map_err(refusal)?,
    };
    cx.effects.read_job(cx.conn, Read::Audit { conversation, limit, more });
    Ok(())
}

/// What a room is told beside the sentence.
struct News<'a> {
    ev: &'static str,
    set: Option<&'a str>,
    until: Option<u64>,
}

impl Context<'_> {
    fn moderate_in(&mut self, room: RoomName, moderation: Moderation) -> Result<Moderated, Refusal> {
        self.moderate(AccountAction::Moderate { room, moderation: Box::new(moderation) })
    }

    fn moderate(&mut self, action: AccountAction) -> Result<Moderated, Refusal> {
        match self.apply(action)? {
            Outcome::Moderated(done) => Ok(done),
            outcome => Err(unexpected(&outcome)),
        }
    }

    fn name(&self) -> String {
        self.hub.state.name(self.account).to_owned()
    }

    fn whom(&self, done: &Moderated) -> String {
        done.account.map_or(String::new(), |account| self.hub.state.name(account).to_owned())
    }

    /// Tells the room, under the name that it had, and takes out of it who is removed: they are still
    /// told, and nothing after that.
    fn tell(&mut self, done: &Moderated, room: RoomName, news: News<'_>, text: &str) {
        if !done.changed {
            return;
        }
        let (by, whom) = (self.name(), self.whom(done));
        let News { ev, set, until } = news;
        let (who, by) = if whom.is_empty() { (by.as_str(), None) } else { (whom.as_str(), Some(by.as_str())) };
        let tags = Tags { ev: Some(ev), who: Some(who), by, set, until, ..Tags::default() };
        let line = Line { tags, body: Body::Event { room: room.as_str(), text } };
        // Who has closed the room is not in it any more, but was.
        if done.removed.contains(&self.account) {
            self.tell_own(&line);
        }
        self.tell_room(done.room, &line);
        for &account in &done.removed {
            self.take_out(account, done.room);
        }
    }

    /// From now on the account's connections are not sent what is said in this room, which is the
    /// current one of none of them.
    pub(super) fn take_out(&mut self, account: AccountId, room: ConversationId) {
        self.hub.connections.leave(account, room);
        for worker in self.hub.connections.workers_of_account(account) {
            self.effects.deliver(worker, Delivery::Leave(account, room));
        }
    }
}

fn because(reason: Option<&Text>) -> String {
    reason.map_or(String::new(), |reason| format!(": {}", reason.as_str()))
}
