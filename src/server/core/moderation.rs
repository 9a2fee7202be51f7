//! What moderators do: removing, banning and muting accounts, and slowing a room down. A room's own
//! changes, which are its owners', are in `rooms`.

use super::{Actor, Moderated, ModerationRefused, Outcome, Refused, RoomAction, SANCTIONS_MAX, State, Storage};
use crate::protocol::names::{AccountId, ConversationId, RoomName, Text, UserName};
use crate::protocol::roles::Role;
use crate::protocol::spans;
use crate::server::core::permissions::Rank;
use crate::server::traffic::{SanctionKind, SanctionRecord, Write};
use std::time::Duration;

/// What a moderator does in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moderation {
    /// Removes a member, who may come back.
    Kick { name: UserName, reason: Option<Text> },
    /// Keeps an account out or silent, for a time or until somebody lifts it.
    Impose { kind: SanctionKind, name: UserName, lasts: Option<Duration>, reason: Option<Text> },
    /// Ends that.
    Lift { kind: SanctionKind, name: UserName },
    /// Sets how long each member has to wait between two messages; `None` ends it.
    Slow(Option<Duration>),
}

impl State {
    /// The room whose audit log the account may see; for an administrator, a closed one too.
    ///
    /// # Errors
    /// Why it may not.
    pub(crate) fn audited_room(&self, by: AccountId, name: &RoomName) -> Result<ConversationId, Refused> {
        if self.is_administrator(by)
            && let Some(room) = self.find_room(name)
        {
            return Ok(room);
        }
        self.permitted_room(RoomAction::Audit, name, by)
    }

    /// Whether the account may say something in the room at that time: it is not muted, and it has
    /// waited long enough since its last message there.
    ///
    /// # Errors
    /// [`ModerationRefused::Muted`] or [`ModerationRefused::TooSoon`].
    pub(crate) fn check_voice(&self, room: ConversationId, by: AccountId, steady: u64) -> Result<(), Refused> {
        let Some(stored) = self.room(room) else { return Ok(()) };
        // Nearly always there is nothing to check.
        if stored.mutes.is_empty() && stored.slow.is_none() {
            return Ok(());
        }
        self.check_unmuted(room, by, steady)?;
        let Some(slow) = stored.slow.filter(|_| self.rank(room, by) < Rank::Member(Role::Moderator)) else {
            return Ok(());
        };
        // What was said later than now was said before the clock was set back between two runs.
        let said = stored.said.get(&by).filter(|&&said| said <= steady);
        let next = said.map_or(0, |said| said.saturating_add(milliseconds(slow)));
        if next <= steady {
            return Ok(());
        }
        Err(Refused::Moderation(ModerationRefused::TooSoon {
            room: stored.name,
            slow,
            wait: Duration::from_millis(next - steady),
        }))
    }

    /// Whether the account is not muted in the room at that time. A mute does not hold an
    /// administrator.
    ///
    /// # Errors
    /// [`ModerationRefused::Muted`].
    pub(crate) fn check_unmuted(&self, room: ConversationId, by: AccountId, steady: u64) -> Result<(), Refused> {
        let Some(stored) = self.room(room) else { return Ok(()) };
        match stored.sanction(SanctionKind::Mute, by, steady) {
            Some(mute) if !self.is_administrator(by) => {
                let (wait, reason) = (mute.remaining(steady), mute.reason.clone());
                Err(Refused::Moderation(ModerationRefused::Muted { room: stored.name, wait, reason }))
            }
            _ => Ok(()),
        }
    }

    /// Whether the account may come into the room at that time. A ban does not hold an administrator.
    ///
    /// # Errors
    /// [`ModerationRefused::Banned`].
    pub(super) fn check_unbanned(&self, room: ConversationId, by: AccountId, steady: u64) -> Result<(), Refused> {
        let Some(stored) = self.room(room) else { return Ok(()) };
        match stored.sanction(SanctionKind::Ban, by, steady) {
            Some(ban) if !self.is_administrator(by) => {
                let (wait, reason) = (ban.remaining(steady), ban.reason.clone());
                Err(Refused::Moderation(ModerationRefused::Banned { room: stored.name, wait, reason }))
            }
            _ => Ok(()),
        }
    }

    /// Notes that the account said something in the room, if members have to wait there.
    pub(super) fn note_said(&mut self, room: ConversationId, by: AccountId, steady: u64, storage: &mut dyn Storage) {
        if let Some(room) = self.room_mut(room).filter(|room| room.slow.is_some()) {
            room.said.insert(by, steady);
        } else {
            return;
        }
        storage.write(Write::Said(room, by, steady));
    }
}

pub(super) fn moderate(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    moderation: Moderation,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    match moderation {
        Moderation::Kick { name: whom, reason } => kick(state, actor, name, &whom, reason, storage),
        Moderation::Impose { kind, name: whom, lasts, reason } => {
            impose(state, actor, name, &whom, Terms { kind, lasts, reason }, storage)
        }
        Moderation::Lift { kind, name: whom } => lift(state, actor, name, &whom, kind, storage),
        Moderation::Slow(every) => slow(state, actor, name, every, storage),
    }
}

/// The room and the account, if the one may do that to the other.
fn room_and_account(
    state: &State,
    actor: Actor,
    action: RoomAction,
    name: &RoomName,
    whom: &UserName,
) -> Result<(ConversationId, AccountId), Refused> {
    let room = state.room_for(action, name, actor.by)?;
    let account = state.user(whom)?;
    state.check_permission(action, room, actor.by)?;
    state.check_rank(room, actor.by, account)?;
    Ok((room, account))
}

fn kick(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    whom: &UserName,
    reason: Option<Text>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let (room, account) = room_and_account(state, actor, RoomAction::Kick, name, whom)?;
    state.member_role(room, account)?;
    remove(state, room, account, storage);
    actor.note(state, room, "kick", Some(account), typed(None, reason.as_ref()), storage);
    Ok(Outcome::Moderated(Moderated { room, account: Some(account), removed: vec![account], changed: true }))
}

/// A ban or a mute: which, for how long and why.
struct Terms {
    kind: SanctionKind,
    lasts: Option<Duration>,
    reason: Option<Text>,
}

fn impose(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    whom: &UserName,
    terms: Terms,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let Terms { kind, lasts, reason } = terms;
    let (room, account) = room_and_account(state, actor, RoomAction::of(kind), name, whom)?;
    forget_ended(state, room, kind, actor.steady, storage);
    let full = |sanctioned: usize| sanctioned >= SANCTIONS_MAX;
    let stored = state.room(room).ok_or(Refused::NotInConversation)?;
    if full(stored.sanctions(kind).len()) && !stored.sanctions(kind).contains_key(&account) {
        return Err(Refused::Moderation(ModerationRefused::TooManySanctions { room: *name, kind }));
    }
    let note = typed(lasts, reason.as_ref());
    let record = SanctionRecord {
        conversation: room,
        account,
        kind,
        by: actor.by,
        until: lasts.map(|lasts| actor.steady.saturating_add(milliseconds(lasts))),
        reason: reason.map_or(String::new(), |reason| reason.as_str().to_owned()),
    };
    state.impose(record.clone());
    storage.write(Write::Sanction(record));
    let mut removed = Vec::new();
    if kind == SanctionKind::Ban {
        if state.room(room).is_some_and(|room| room.has_member(account)) {
            remove(state, room, account, storage);
            removed.push(account);
        }
        if state.use_room_invitation(room, account) {
            storage.write(Write::InvitedGone(room, account));
        }
    }
    let verb = if kind == SanctionKind::Ban { "ban" } else { "mute" };
    actor.note(state, room, verb, Some(account), note, storage);
    Ok(Outcome::Moderated(Moderated { room, account: Some(account), removed, changed: true }))
}

fn lift(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    whom: &UserName,
    kind: SanctionKind,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let (room, account) = room_and_account(state, actor, RoomAction::of(kind), name, whom)?;
    let changed = state.room(room).is_some_and(|room| room.sanction(kind, account, actor.steady).is_some());
    if changed {
        end(state, room, account, kind, storage);
        let verb = if kind == SanctionKind::Ban { "unban" } else { "unmute" };
        actor.note(state, room, verb, Some(account), String::new(), storage);
    }
    Ok(Outcome::Moderated(Moderated { room, account: Some(account), removed: Vec::new(), changed }))
}

fn slow(
    state: &mut State,
    actor: Actor,
    name: &RoomName,
    every: Option<Duration>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let room = state.permitted_room(RoomAction::Slow, name, actor.by)?;
    let stored = state.room_mut(room).ok_or(Refused::NotInConversation)?;
    let changed = stored.slow != every;
    if changed {
        stored.slow = every;
        stored.said.clear();
        storage.write(Write::Slow(room, every));
        let every = every.map_or_else(|| "off".to_owned(), spans::word);
        actor.note(state, room, "slow", None, every, storage);
    }
    Ok(Outcome::Moderated(Moderated { room, account: None, removed: Vec::new(), changed }))
}

fn remove(state: &mut State, room: ConversationId, account: AccountId, storage: &mut dyn Storage) {
    state.remove_member(room, account);
    storage.write(Write::MemberGone(room, account));
}

/// Ends a ban or a mute, if there is one.
pub(super) fn end(
    state: &mut State,
    room: ConversationId,
    account: AccountId,
    kind: SanctionKind,
    storage: &mut dyn Storage,
) {
    let sanctions = state.room_mut(room).map(|room| room.sanctions_mut(kind));
    if sanctions.is_some_and(|sanctions| sanctions.remove(&account).is_some()) {
        storage.write(Write::SanctionGone(room, account, kind));
    }
}

/// Those that have ended by themselves need not be stored any longer.
fn forget_ended(state: &mut State, room: ConversationId, kind: SanctionKind, steady: u64, storage: &mut dyn Storage) {
    let Some(stored) = state.room(room) else { return };
    let ended = stored.sanctions(kind).iter().filter(|(_, sanction)| !sanction.lasts(steady));
    for account in ended.map(|(&account, _)| account).collect::<Vec<AccountId>>() {
        end(state, room, account, kind, storage);
    }
}

/// Options and a reason, as one would type them.
pub(super) fn typed(lasts: Option<Duration>, reason: Option<&Text>) -> String {
    let lasts = lasts.map(|lasts| format!("for={}", spans::word(lasts)));
    let words: Vec<&str> = lasts.as_deref().into_iter().chain(reason.map(Text::as_str)).collect();
    words.join(" ")
}

pub(super) fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
