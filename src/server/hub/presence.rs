//! Presence: who is online, and who of them says that they are away. Changes are announced in small rooms, and only after a moment, so that
//! a flapping connection says nothing: what is announced is the difference between the last
//! announcement and the situation when the moment is over.

use super::connections::Departed;
use super::effects::Effects;
use super::{Answered, Guest, Hub, Now, TELL_MEMBERS_MAX, event};
use crate::protocol::names::AccountId;
use crate::server::core::{Account, Room};
use crate::server::traffic::Viewer;
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long after somebody arrives this is announced.
const CAME_GRACE: Duration = Duration::from_millis(500);
/// How long after somebody's last connection closes this is announced.
const WENT_GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Presence {
    due: BTreeSet<(Instant, AccountId)>,
    when: FxHashMap<AccountId, Instant>,
    /// What was last announced of accounts that are online, or were then.
    announced: FxHashMap<AccountId, Seen>,
}

/// How an account that is online is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Here,
    /// It says that it is away, since then.
    Away(u64),
}

impl Seen {
    fn of(account: &Account) -> Self {
        account.away.as_ref().map_or(Self::Here, |away| Self::Away(away.since))
    }
}

impl Presence {
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    fn changed(&mut self, account: AccountId, at: Instant) {
        if let Some(before) = self.when.insert(account, at) {
            self.due.remove(&(before, account));
        }
        self.due.insert((at, account));
    }

    fn take_due(&mut self, now: Instant) -> Option<AccountId> {
        let &(at, account) = self.due.first()?;
        if at > now {
            return None;
        }
        self.due.pop_first();
        self.when.remove(&account);
        Some(account)
    }

    /// Records how an account is seen now, `None` if it is offline; returns how it was announced before.
    fn record(&mut self, account: AccountId, seen: Option<Seen>) -> Option<Seen> {
        match seen {
            Some(seen) => self.announced.insert(account, seen),
            None => self.announced.remove(&account),
        }
    }
}

impl Presence {
    /// An account's first connection opened.
    pub(super) fn arrived(&mut self, account: AccountId, now: Instant) {
        self.changed(account, now + CAME_GRACE);
    }

    /// An account that is online says that it is away, or back.
    pub(super) fn turned_away(&mut self, account: AccountId, now: Instant) {
        self.changed(account, now + CAME_GRACE);
    }

    /// A connection closed, and perhaps its account went offline with it.
    pub(super) fn departed(&mut self, departed: Option<Departed>, now: Instant) {
        if let Some(Departed { account, left: true }) = departed {
            self.changed(account, now + WENT_GRACE);
        }
    }
}

impl Hub {
    /// Announces who came and went, and who is away or back: to each account once, in the first
    /// small room that it shares with the account in question.
    pub(super) fn tell_presence(&mut self, now: Now, effects: &mut Effects) {
        while let Some(id) = self.presence.take_due(now.instant) {
            let Some(account) = self.state.account(id) else { continue };
            let seen = self.connections.is_here(id).then(|| Seen::of(account));
            let before = self.presence.record(id, seen);
            let Some((ev, happened)) = news(account, before, seen) else { continue };
            let who = account.name.as_str();
            let text = format!("{who} {happened}");
            let small = account.rooms.iter().filter_map(|&room| self.state.room(room));
            let mut rooms: Vec<&Room> = small.filter(|room| room.members.len() <= TELL_MEMBERS_MAX).collect();
            rooms.sort_unstable_by_key(|room| room.name);
            let mut told = FxHashSet::default();
            told.insert(id);
            for room in rooms {
                let line = event(room.name.as_str(), &text, ev, who);
                let members = room.members.keys().filter(|&&member| self.connections.is_here(member));
                let mut new: Vec<AccountId> = members.copied().filter(|&member| told.insert(member)).collect();
                new.sort_unstable();
                effects.tell_accounts(&self.connections, &new, &line);
            }
        }
    }
}

/// The event, and what happened to an account that was seen in the one way and is now in the other;
/// `None` if nothing did.
fn news(account: &Account, before: Option<Seen>, now: Option<Seen>) -> Option<(&'static str, Cow<'static, str>)> {
    if before == now {
        return None;
    }
    Some(match (before, now, &account.away) {
        (_, None, _) => ("offline", "went away".into()),
        (None, Some(_), _) => ("online", "is here".into()),
        (Some(_), Some(_), Some(away)) => ("away", format!("is away: {}", away.text).into()),
        (Some(_), Some(_), None) => ("back", "is back".into()),
    })
}

/// The peer says goodbye. What a person has been shown so far is read.
pub(super) fn quit(guest: &mut Guest<'_>, answer: bool) -> Answered {
    let account = guest.hub.connections.account(guest.conn);
    if let Some(account) = account
        && matches!(guest.viewer, Viewer::Person { .. })
    {
        guest.logged_in(account).mark_seen_as_read()?;
    }
    if answer {
        let name = account.map_or(String::new(), |account| format!(" {}", guest.hub.state.name(account)));
        guest.effects.done(guest.conn, format!("goodbye{name}. (Ctrl-C if this stays open)"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_announced_when_its_moment_is_over_and_not_before() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        let [ann, bob, eve] = [2, 3, 4].map(AccountId::new);
        presence.arrived(ann, start);
        presence.turned_away(bob, start + Duration::from_millis(1));
        presence.departed(Some(Departed { account: eve, left: true }), start);
        presence.departed(Some(Departed { account: ann, left: false }), start);
        let mut due = |milliseconds| presence.take_due(start + Duration::from_millis(milliseconds));
        assert_eq!([due(499), due(500), due(500), due(501)], [None, Some(ann), None, Some(bob)]);
        assert_eq!([due(4_999), due(5_000), due(5_000)], [None, Some(eve), None]);
    }
}
