//! What each write does to what is stored: so strict that what the store would refuse panics.

use super::Model;
use crate::protocol::names::{AccountId, AddressGroup, ConversationId, MessageId, RoomName};
use crate::server::traffic::{
    AdministrationWrite, ChangeKind, ChangeRecord, ConversationKind, HookRecord, InviteRecord, KNOWN_MAX, MemberRecord,
    PersonalWrite, RetentionRecord, Snapshot, Write,
};
use std::collections::BTreeSet;
use std::time::Duration;

impl Model {
    /// Applies a change; panics where the store would refuse it, and with it the whole batch.
    pub(super) fn apply(&mut self, write: &Write) {
        let snapshot = &mut self.snapshot;
        match write {
            Write::Account(new) => {
                assert!(
                    snapshot.accounts.iter().all(|a| a.id != new.id && a.name != new.name),
                    "{new:?} already exists"
                );
                snapshot.accounts.push(new.clone());
            }
            Write::Password { account, generation, hash } => {
                let account = one(snapshot.accounts.iter_mut().filter(|a| a.id == *account));
                (account.generation, account.hash) = (*generation, Some(hash.clone()));
            }
            Write::Personal(write) => write_personal(snapshot, write),
            Write::Administration(write) => administer(snapshot, write),
            Write::Token(new) => {
                let same = |t: &&crate::server::traffic::TokenRecord| {
                    t.digest == new.digest || (t.account == new.account && t.label == new.label)
                };
                assert!(snapshot.tokens.iter().find(same).is_none(), "{new:?} already exists");
                snapshot.tokens.push(new.clone());
            }
            Write::TokenGone(digest) => snapshot.tokens.retain(|token| token.digest != *digest),
            Write::Invite(new) => add_invite(snapshot, new),
            Write::InviteUsed(digest) => {
                one(snapshot.invites.iter_mut().filter(|i| i.digest == *digest)).uses -= 1;
                snapshot.invites.retain(|invite| invite.uses > 0);
            }
            Write::InviteGone(digest) => snapshot.invites.retain(|invite| invite.digest != *digest),
            Write::InviteMade(made) => snapshot.invites_made.push(*made),
            Write::InvitesMadeGone { through } => snapshot.invites_made.retain(|made| made.at > *through),
            Write::Conversation(new) => {
                assert!(
                    snapshot.conversations.iter().all(|c| c.id != new.id && c.kind != new.kind),
                    "{new:?} already exists"
                );
                snapshot.conversations.push(new.clone());
            }
            Write::Topic(id, text) => set_topic(snapshot, *id, text),
            Write::Member(new) => {
                let same = |m: &MemberRecord| (m.conversation, m.account) == (new.conversation, new.account);
                assert!(!snapshot.members.iter().any(same), "{new:?} already exists");
                snapshot.members.push(*new);
            }
            Write::Sanction(new) => {
                snapshot
                    .sanctions
                    .retain(|s| (s.conversation, s.account, s.kind) != (new.conversation, new.account, new.kind));
                snapshot.sanctions.push(new.clone());
            }
            Write::SanctionGone(conversation, account, kind) => {
                snapshot.sanctions.retain(|s| (s.conversation, s.account, s.kind) != (*conversation, *account, *kind));
            }
            Write::Slow(id, every) => {
                *room(snapshot, *id).2 = *every;
                snapshot.said.retain(|(conversation, ..)| conversation != id);
            }
            Write::Said(conversation, account, at) => {
                snapshot.said.retain(|(c, a, _)| (c, a) != (conversation, account));
                snapshot.said.push((*conversation, *account, *at));
            }
            Write::Private(id, now) => *room(snapshot, *id).1 = *now,
            Write::Unregistered { account, all } => unregister(snapshot, *account, *all),
            Write::Erased(account) => one(snapshot.unregistered.iter_mut().filter(|(id, _)| id == account)).1 = false,
            Write::Retain(id, keep) => retention(snapshot, *id).keep = *keep,
            Write::Dropped(id, through) => self.drop_messages(*id, *through),
            Write::Renamed(id, new) => rename(snapshot, *id, *new),
            Write::Closed(id) => close(snapshot, *id),
            Write::Made(id, account) => snapshot.makers.push((*id, *account)),
            Write::Forgotten(id) => self.forget(*id),
            Write::Hook(new) => add_hook(snapshot, *new),
            Write::HookRevoked(account) => {
                one(snapshot.hooks.iter_mut().filter(|hook| hook.account == *account)).digest = None;
            }
            Write::Audit(entry) => self.audit.push(entry.clone()),
            Write::Role(conversation, account, role) => member(snapshot, *conversation, *account).role = *role,
            Write::MemberGone(conversation, account) => {
                snapshot.members.retain(|m| (m.conversation, m.account) != (*conversation, *account));
            }
            Write::Read(conversation, account, id) => {
                let member = member(snapshot, *conversation, *account);
                member.read = member.read.max(*id);
            }
            Write::Invited(new) => {
                snapshot.invited.retain(|i| (i.conversation, i.account) != (new.conversation, new.account));
                snapshot.invited.push(*new);
            }
            Write::InvitedGone(conversation, account) => {
                snapshot.invited.retain(|i| (i.conversation, i.account) != (*conversation, *account));
            }
            Write::Known(account, address) => remember(snapshot, *account, *address),
            Write::Change(change) => self.apply_change(change),
        }
    }

    fn forget(&mut self, id: ConversationId) {
        assert!(self.said.iter().all(|said| said.conversation != id), "something was said in {id:?}");
        self.audit.retain(|entry| entry.conversation != Some(id));
        forget(&mut self.snapshot, id);
    }

    fn apply_change(&mut self, change: &ChangeRecord) {
        let conversation = one(self.snapshot.conversations.iter_mut().filter(|c| c.id == change.conversation));
        conversation.changes += 1;
        assert_eq!(conversation.changes, change.number);
        let place = (change.conversation, change.id);
        let said = one(self.said.iter_mut().filter(|said| (said.conversation, said.id) == place));
        match &change.kind {
            ChangeKind::Edit { text, mentions } => {
                said.edited = true;
                said.mentions.clone_from(mentions);
                said.text = text.as_str().to_owned();
            }
            ChangeKind::Redact(reason) => {
                for (key, (id, text)) in &mut self.keys {
                    if (key.0, key.1, *id) == (said.author, said.conversation, said.id) {
                        *text = None;
                    }
                }
                self.reactions.retain(|(conversation, id, ..)| (*conversation, *id) != place);
                self.pins.remove(&place);
                said.removed = true;
                said.mentions = Box::default();
                said.text = reason.as_ref().map_or("", |reason| reason.as_str()).to_owned();
            }
            ChangeKind::React { word, .. } => {
                assert!(self.reactions.insert((place.0, place.1, word.to_string(), change.by)));
            }
            ChangeKind::Unreact { word, .. } => {
                assert!(self.reactions.remove(&(place.0, place.1, word.to_string(), change.by)));
            }
            ChangeKind::Pin => assert!(self.pins.insert(place)),
            ChangeKind::Unpin => assert!(self.pins.remove(&place)),
        }
        self.changes.push(change.clone());
    }

    fn drop_messages(&mut self, room: ConversationId, through: MessageId) {
        let retention = retention(&mut self.snapshot, room);
        assert!(through > retention.dropped);
        retention.dropped = through;
        let kept = |conversation: ConversationId, id: MessageId| conversation != room || id > through;
        self.said.retain(|said| kept(said.conversation, said.id));
        self.reactions.retain(|(conversation, id, ..)| kept(*conversation, *id));
        self.pins.retain(|(conversation, id)| kept(*conversation, *id));
        self.keys.retain(|key, (id, _)| kept(key.1, *id));
    }
}

/// The same for what accounts say about themselves.
fn write_personal(snapshot: &mut Snapshot, write: &PersonalWrite) {
    match write {
        PersonalWrite::Away(new) => {
            snapshot.away.retain(|away| away.account != new.account);
            snapshot.away.push(new.clone());
        }
        PersonalWrite::Back(account) => snapshot.away.retain(|away| away.account != *account),
        PersonalWrite::Profile(account, text) => {
            snapshot.profiles.retain(|(of, _)| of != account);
            if !text.is_empty() {
                snapshot.profiles.push((*account, text.clone()));
            }
        }
        PersonalWrite::Ignored(new) => {
            assert!(snapshot.ignored.iter().all(|i| (i.account, i.other) != (new.account, new.other)));
            snapshot.ignored.push(*new);
        }
        PersonalWrite::Unignored(account, other) => {
            let before = snapshot.ignored.len();
            snapshot.ignored.retain(|ignored| (ignored.account, ignored.other) != (*account, *other));
            assert_eq!(snapshot.ignored.len() + 1, before);
        }
    }
}

/// The same for what administrators did.
fn administer(snapshot: &mut Snapshot, write: &AdministrationWrite) {
    match write {
        AdministrationWrite::Disabled(account, reason) => {
            assert!(snapshot.disabled.iter().all(|(disabled, _)| disabled != account));
            snapshot.disabled.push((*account, reason.clone()));
        }
        AdministrationWrite::Enabled(account) => snapshot.disabled.retain(|(disabled, _)| disabled != account),
        AdministrationWrite::Recovery(new) => {
            snapshot.recoveries.retain(|recovery| recovery.account != new.account);
            snapshot.recoveries.push(*new);
        }
        AdministrationWrite::RecoveryGone(account) => {
            snapshot.recoveries.retain(|recovery| recovery.account != *account);
        }
        AdministrationWrite::Admin(account, admin) => {
            one(snapshot.accounts.iter_mut().filter(|a| a.id == *account)).admin = *admin;
        }
        AdministrationWrite::Blocked(new) => {
            snapshot.blocks.retain(|block| block.network != new.network);
            snapshot.blocks.push(new.clone());
        }
        AdministrationWrite::Unblocked(network) => snapshot.blocks.retain(|block| block.network != *network),
    }
}

fn remember(snapshot: &mut Snapshot, account: AccountId, address: AddressGroup) {
    snapshot.known.retain(|known| known != &(account, address));
    snapshot.known.push((account, address));
    while snapshot.known.iter().filter(|(of, _)| *of == account).count() > usize::from(KNOWN_MAX) {
        let oldest = snapshot.known.iter().position(|(of, _)| *of == account).unwrap();
        snapshot.known.remove(oldest);
    }
}

fn set_topic(snapshot: &mut Snapshot, id: ConversationId, text: &str) {
    match &mut one(snapshot.conversations.iter_mut().filter(|c| c.id == id)).kind {
        ConversationKind::Room { topic, .. } => text.clone_into(topic),
        pair @ ConversationKind::Pair(..) => panic!("{pair:?} has no topic"),
    }
}

fn add_invite(snapshot: &mut Snapshot, new: &InviteRecord) {
    assert!(snapshot.invites.iter().all(|invite| invite.digest != new.digest && invite.number != new.number));
    snapshot.invites.push(new.clone());
    snapshot.invites_ever = snapshot.invites_ever.max(new.number);
}

fn rename(snapshot: &mut Snapshot, id: ConversationId, new: RoomName) {
    let before = std::mem::replace(room(snapshot, id).0, new);
    snapshot.former_names.retain(|former| former != &(new, id));
    assert!(snapshot.former_names.iter().all(|(former, _)| *former != new), "{new:?} was another room's");
    snapshot.former_names.push((before, id));
}

fn member(snapshot: &mut Snapshot, room: ConversationId, account: AccountId) -> &mut MemberRecord {
    one(snapshot.members.iter_mut().filter(|m| (m.conversation, m.account) == (room, account)))
}

fn add_hook(snapshot: &mut Snapshot, new: HookRecord) {
    let taken = |hook: &HookRecord| hook.digest.is_some() && hook.digest == new.digest;
    assert!(!snapshot.hooks.iter().any(taken), "{new:?} already exists");
    snapshot.hooks.retain(|hook| hook.account != new.account);
    snapshot.hooks.push(new);
}

fn close(snapshot: &mut Snapshot, id: ConversationId) {
    let kind = &mut one(snapshot.conversations.iter_mut().filter(|c| c.id == id)).kind;
    let ConversationKind::Room { topic, slow, closed, .. } = kind else { panic!("{kind:?} can't be closed") };
    topic.clear();
    (*slow, *closed) = (None, true);
    snapshot.members.retain(|m| m.conversation != id);
    snapshot.invited.retain(|i| i.conversation != id);
    snapshot.sanctions.retain(|s| s.conversation != id);
    snapshot.hooks.iter_mut().filter(|hook| hook.conversation == id).for_each(|hook| hook.digest = None);
    snapshot.said.retain(|(conversation, ..)| *conversation != id);
}

fn forget(snapshot: &mut Snapshot, id: ConversationId) {
    close(snapshot, id);
    let highest = snapshot.conversations.iter().map(|c| c.id.value()).max().unwrap();
    snapshot.conversations_ever = snapshot.conversations_ever.max(highest);
    snapshot.conversations.retain(|c| c.id != id);
    snapshot.former_names.retain(|(_, room)| *room != id);
    snapshot.makers.retain(|(room, _)| *room != id);
    snapshot.retentions.retain(|retention| retention.conversation != id);
    snapshot.retentions.retain(|one| one.conversation != id);
}

fn unregister(snapshot: &mut Snapshot, id: AccountId, all: bool) {
    let account = one(snapshot.accounts.iter_mut().filter(|account| account.id == id));
    (account.hash, account.admin) = (None, false);
    let rooms: BTreeSet<ConversationId> = snapshot
        .conversations
        .iter()
        .filter(|one| matches!(one.kind, ConversationKind::Room { .. }))
        .map(|one| one.id)
        .collect();
    snapshot.members.retain(|member| member.account != id || !rooms.contains(&member.conversation));
    snapshot.tokens.retain(|token| token.account != id);
    snapshot.known.retain(|(account, _)| *account != id);
    snapshot.recoveries.retain(|one| one.account != id);
    snapshot.disabled.retain(|(account, _)| *account != id);
    snapshot.profiles.retain(|(account, _)| *account != id);
    snapshot.away.retain(|away| away.account != id);
    snapshot.ignored.retain(|one| one.account != id && one.other != id);
    snapshot.invites_made.retain(|made| made.by != id);
    snapshot.invited.retain(|invited| invited.account != id);
    snapshot.sanctions.retain(|sanction| sanction.account != id);
    snapshot.said.retain(|(_, account, _)| *account != id);
    snapshot.unregistered.push((id, all));
}

fn retention(snapshot: &mut Snapshot, id: ConversationId) -> &mut RetentionRecord {
    let known = snapshot.retentions.iter().position(|one| one.conversation == id);
    let at = known.unwrap_or_else(|| {
        snapshot.retentions.push(RetentionRecord { conversation: id, keep: None, dropped: MessageId::ZERO });
        snapshot.retentions.len() - 1
    });
    &mut snapshot.retentions[at]
}

/// A room's name, whether it is private, and how slow it is.
fn room(snapshot: &mut Snapshot, id: ConversationId) -> (&mut RoomName, &mut bool, &mut Option<Duration>) {
    match &mut one(snapshot.conversations.iter_mut().filter(|c| c.id == id)).kind {
        ConversationKind::Room { name, private, slow, .. } => (name, private, slow),
        pair @ ConversationKind::Pair(..) => panic!("{pair:?} is no room"),
    }
}

pub(super) fn one<T>(mut found: impl Iterator<Item = T>) -> T {
    let first = found.next().expect("the record to change exists");
    assert!(found.next().is_none());
    first
}
