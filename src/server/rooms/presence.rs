//! Who comes and goes, told to small rooms, and with a grace so that a flapping connection says
//! nothing: what is told is the difference between what was told last and what is true when the
//! grace is over.

use super::live::Departed;
use super::{Asker, Effects, Now, Rooms, TELL_MEMBERS_MAX, event};
use crate::protocol::line::Final;
use crate::protocol::names::{AccountId, ConnId, ConversationId, MessageId};
use crate::server::traffic::Write;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long after somebody came it is told.
const CAME_GRACE: Duration = Duration::from_millis(500);
/// How long after somebody's last connection went it is told.
const WENT_GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Presence {
    due: BTreeSet<(Instant, AccountId)>,
    when: FxHashMap<AccountId, Instant>,
    /// Who was told to be here.
    told: FxHashMap<AccountId, ()>,
}

impl Presence {
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    fn changed(&mut self, account: AccountId, here: bool, now: Instant) {
        let at = now + if here { CAME_GRACE } else { WENT_GRACE };
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
}

impl Rooms {
    /// An account's first connection came, or its last one went.
    pub(super) fn presence_changed(&mut self, account: AccountId, here: bool, now: Now) {
        self.presence.changed(account, here, now.instant);
    }

    pub(super) fn tell_presence(&mut self, now: Now, effects: &mut Effects) {
        while let Some(id) = self.presence.take_due(now.instant) {
            let here = self.live.is_here(id);
            let told = if here {
                self.presence.told.insert(id, ()).is_some()
            } else {
                self.presence.told.remove(&id).is_some()
            };
            if told == here {
                continue;
            }
            let Some(account) = self.world.account(id) else { continue };
            let (ev, happened) = if here { ("online", "is here") } else { ("offline", "went away") };
            for &room_id in &account.rooms {
                let Some(room) = self.world.room(room_id) else { continue };
                if room.members.len() > TELL_MEMBERS_MAX {
                    continue;
                }
                let text = format!("{} {happened}", account.name);
                self.tell_room(room_id, id, true, event(room.name.as_str(), &text, ev, account.name.as_str()), effects);
            }
        }
    }

    /// The connection is gone.
    pub(super) fn detach(&mut self, now: Now, conn: ConnId) {
        self.password_checks.forget(conn);
        let departed = self.live.detach(conn, &self.world);
        self.departed(now, departed);
    }

    pub(super) fn departed(&mut self, now: Now, departed: Option<Departed>) {
        if let Some(Departed { account, left: true }) = departed {
            self.presence_changed(account, false, now);
        }
    }

    /// The peer says goodbye. What a person was shown until now is read.
    pub(super) fn quit(&mut self, conn: ConnId, person: bool, hear: bool, effects: &mut Effects) {
        if let Some(account) = self.live.account(conn)
            && person
        {
            self.mark_shown(conn, account, effects);
        }
        if hear {
            let name = self.live.account(conn).map_or("", |account| self.world.name(account)).to_owned();
            let text = format!("goodbye {name}. (Ctrl-C if this stays open)");
            effects.answer(conn, Default::default(), Final::Done(text));
        }
    }

    /// What came live to a person is read, but where there are lines before it that were not shown.
    pub(super) fn mark_shown(&mut self, conn: ConnId, account: AccountId, effects: &mut Effects) {
        let behind = self.live.session(conn).map_or(&[][..], |session| &session.behind);
        let shown: Vec<(ConversationId, MessageId)> = self
            .places(account)
            .into_iter()
            .filter(|unread| unread.last > unread.read && !behind.contains(&unread.conversation.id))
            .map(|unread| (unread.conversation.id, unread.last))
            .collect();
        for (conversation, last) in shown {
            if let Some(conversation) = self.world.conversation_mut(conversation) {
                conversation.mark(account, last);
            }
            effects.write(Write::Read(conversation, account, last));
        }
    }

    /// For a person: the conversation was shown up to here, so it is read, and what comes live
    /// there from now on is seen.
    pub(super) fn seen(&mut self, asker: Asker, conversation: ConversationId, shown: MessageId, effects: &mut Effects) {
        let Some(kept) = self.world.conversation_mut(conversation) else { return };
        let caught_up = shown >= kept.last();
        if kept.read_by(asker.account).is_some_and(|read| shown > read) {
            kept.mark(asker.account, shown);
            effects.write(Write::Read(conversation, asker.account, shown));
        }
        if caught_up {
            self.live.caught_up(asker.conn, conversation);
        }
    }
}
