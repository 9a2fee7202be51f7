//! Presence: who is online. Changes are announced in small rooms, and only after a moment, so that
//! a flapping connection says nothing: what is announced is the difference between the last
//! announcement and the situation when the moment is over.

use super::connections::Departed;
use super::effects::Effects;
use super::{Answered, Guest, Hub, Now, TELL_MEMBERS_MAX, event};
use crate::protocol::names::AccountId;
use crate::server::core::Room;
use crate::server::traffic::Viewer;
use rustc_hash::{FxHashMap, FxHashSet};
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
    /// Accounts that were last announced as online.
    announced: FxHashSet<AccountId>,
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

    /// Records what is announced about an account now; returns what was announced before.
    fn record(&mut self, account: AccountId, here: bool) -> bool {
        if here { !self.announced.insert(account) } else { self.announced.remove(&account) }
    }
}

impl Presence {
    /// An account's first connection opened.
    pub(super) fn arrived(&mut self, account: AccountId, now: Instant) {
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
    /// Announces who came and went: to each account once, in the first small room that it shares
    /// with the account in question.
    pub(super) fn tell_presence(&mut self, now: Now, effects: &mut Effects) {
        while let Some(id) = self.presence.take_due(now.instant) {
            let here = self.connections.is_here(id);
            if self.presence.record(id, here) == here {
                continue;
            }
            let Some(account) = self.state.account(id) else { continue };
            let (ev, happened) = if here { ("online", "is here") } else { ("offline", "went away") };
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
