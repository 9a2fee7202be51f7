//! A store in memory: it holds what the [`Write`]s say and nothing else, so that a change without
//! its `Write` shows as a difference. It refuses what the real store refuses.

use crate::protocol::names::{AccountId, AddressGroup, ConversationId, MessageId, RoomName};
use crate::server::core::{NotStored, Storage};
use crate::server::hub::Backlog;
use crate::server::traffic::{
    AdministrationWrite, Appended, AuditRecord, ChangeKind, ChangeRecord, ConversationKind, ConversationRef, Draft,
    Hearer, KNOWN_MAX, Mark, Mentioned, MessageRecord, Oldest, PersonalWrite, Pins, Reaction, Reactions, ReadPosition,
    Rest, RetentionRecord, SaidBy, Snapshot, Write,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

type Key = (AccountId, ConversationId, Box<str>);

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) snapshot: Snapshot,
    said: Vec<Said>,
    audit: Vec<AuditRecord>,
    changes: Vec<ChangeRecord>,
    /// By conversation, message, word and account.
    reactions: BTreeSet<(ConversationId, MessageId, String, AccountId)>,
    pins: BTreeSet<(ConversationId, MessageId)>,
    /// Without a text, once the message was removed.
    keys: BTreeMap<Key, (MessageId, Option<String>)>,
}

#[derive(Debug, Clone)]
struct Said {
    conversation: ConversationId,
    id: MessageId,
    author: AccountId,
    at: u64,
    mark: Mark,
    mentions: Box<[Mentioned]>,
    edited: bool,
    removed: bool,
    text: String,
}

impl Said {
    fn mentions(&self, account: AccountId) -> bool {
        self.mentions.iter().any(|&one| one == Mentioned::Everyone || one == Mentioned::Account(account))
    }
}

impl Model {
    /// A new store: the server's own account, and the lobby without members.
    pub(super) fn new() -> Self {
        use crate::protocol::names::UserName;
        use crate::server::traffic::{AccountRecord, ConversationRecord};
        let server = AccountRecord {
            id: AccountId::new(1),
            name: UserName::server(),
            hash: None,
            generation: 0,
            admin: true,
            at: 0,
        };
        let kind = ConversationKind::room(RoomName::lobby(), false);
        let lobby = ConversationRecord { id: ConversationId::new(1), kind, last: MessageId::ZERO, changes: 0 };
        let mut model = Self::default();
        model.apply(&Write::Account(server));
        model.apply(&Write::Conversation(lobby));
        model
    }

    /// Applies a change; panics where the store would refuse it, and with it the whole batch.
    fn apply(&mut self, write: &Write) {
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
            Write::Invite(new) => {
                assert!(snapshot.invites.iter().all(|i| i.digest != new.digest));
                snapshot.invites.push(new.clone());
            }
            Write::InviteUsed(digest) => {
                one(snapshot.invites.iter_mut().filter(|i| i.digest == *digest)).uses -= 1;
                snapshot.invites.retain(|invite| invite.uses > 0);
            }
            Write::InviteGone(digest) => snapshot.invites.retain(|invite| invite.digest != *digest),
            Write::Conversation(new) => {
                assert!(
                    snapshot.conversations.iter().all(|c| c.id != new.id && c.kind != new.kind),
                    "{new:?} already exists"
                );
                snapshot.conversations.push(new.clone());
            }
            Write::Topic(id, text) => set_topic(snapshot, *id, text),
            Write::Member(new) => {
                let same = |m: &crate::server::traffic::MemberRecord| {
                    (m.conversation, m.account) == (new.conversation, new.account)
                };
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
            Write::Audit(entry) => self.audit.push(entry.clone()),
            Write::Role(conversation, account, role) => {
                let same = |m: &&mut crate::server::traffic::MemberRecord| {
                    (m.conversation, m.account) == (*conversation, *account)
                };
                one(snapshot.members.iter_mut().filter(same)).role = *role;
            }
            Write::MemberGone(conversation, account) => {
                snapshot.members.retain(|m| (m.conversation, m.account) != (*conversation, *account));
            }
            Write::Read(conversation, account, id) => {
                let same = |m: &&mut crate::server::traffic::MemberRecord| {
                    (m.conversation, m.account) == (*conversation, *account)
                };
                let member = one(snapshot.members.iter_mut().filter(same));
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

    fn posted_before(&self, draft: &Draft) -> Option<Appended> {
        let key = (draft.author, draft.conversation, draft.key.clone()?);
        let (id, before) = self.keys.get(&key)?;
        let same = before.as_ref().is_none_or(|before| *before == draft.text.as_str());
        Some(if same { Appended::Again(*id) } else { Appended::Conflict })
    }

    fn append_message(&mut self, draft: &Draft) -> Appended {
        if let Some(before) = self.posted_before(draft) {
            return before;
        }
        let text = draft.text.as_str().to_owned();
        let key = draft.key.clone().map(|key| (draft.author, draft.conversation, key));
        let conversation = one(self.snapshot.conversations.iter_mut().filter(|c| c.id == draft.conversation));
        conversation.last = conversation.last.next().unwrap();
        let id = conversation.last;
        if let Some(key) = key {
            self.keys.insert(key, (id, Some(text.clone())));
        }
        let Draft { conversation, author, at, mark, ref mentions, .. } = *draft;
        let mentions = mentions.clone();
        self.said.push(Said { conversation, id, author, at, mark, mentions, edited: false, removed: false, text });
        Appended::New(id)
    }

    /// All messages, `/post` keys and entries of the audit log, which the state in memory does not have.
    pub(super) fn messages(&self) -> String {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            self.said, self.keys, self.changes, self.audit, self.reactions, self.pins
        )
    }

    /// Rows of what was said in a conversation, between two ids, both exclusive.
    pub(super) fn rows(&self, place: &ConversationRef, after: MessageId, before: MessageId) -> Vec<String> {
        self.heard_rows(place, after, before, &[])
    }

    /// Those of them that none of these accounts said.
    pub(super) fn heard_rows(
        &self,
        place: &ConversationRef,
        after: MessageId,
        before: MessageId,
        unheard: &[AccountId],
    ) -> Vec<String> {
        let within = |id: MessageId| after < id && id < before;
        let found = self.said.iter().filter(|said| said.conversation == place.id && within(said.id));
        found.filter(|said| !unheard.contains(&said.author)).map(|said| self.row(place, said)).collect()
    }

    /// Rows of the pinned messages of a conversation.
    pub(super) fn pinned(&self, place: &ConversationRef) -> Vec<String> {
        let found = self.said.iter().filter(|said| self.pins.contains(&(place.id, said.id)));
        found.filter(|said| said.conversation == place.id).map(|said| self.row(place, said)).collect()
    }

    fn row(&self, place: &ConversationRef, said: &Said) -> String {
        let mut marks = match said.mark {
            _ if said.removed => vec!["removed".to_owned()],
            Mark::None => vec![],
            Mark::Me => vec!["me".to_owned()],
            Mark::Reply { id, author } => vec![format!("re {id} {}", self.name(author))],
        };
        if said.edited && !said.removed {
            marks.push("edited".to_owned());
        }
        let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
        for (_, _, word, _) in self.reactions.iter().filter(|(c, i, ..)| (*c, *i) == (said.conversation, said.id)) {
            *counts.entry(word).or_default() -= 1;
        }
        let mut counts: Vec<(i32, &str)> = counts.into_iter().map(|(word, count)| (count, word)).collect();
        counts.sort_unstable();
        marks.extend(counts.iter().map(|(count, word)| format!("{} {word}", -count)));
        let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
        format!("{} {} {}{marks}: {}", place.target, said.id, self.name(said.author), said.text)
    }

    /// Rows of the changes of a conversation, after one and up to another.
    pub(super) fn change_rows(&self, place: &ConversationRef, after: u64, last: u64) -> Vec<String> {
        let within = |number: u64| after < number && number <= last;
        let found = self.changes.iter().filter(|change| change.conversation == place.id && within(change.number));
        let row = |change: &ChangeRecord| {
            let (number, kind, id) = (change.number, change.kind.as_str(), change.id);
            let said = self.said.iter().find(|said| (said.conversation, said.id) == (place.id, id));
            let text = match (&change.kind, said) {
                (_, None) => String::new(),
                (ChangeKind::Edit { .. }, Some(said)) if !said.removed => said.text.clone(),
                (ChangeKind::Redact(_), Some(said)) => said.text.clone(),
                (kind, _) => kind.data(),
            };
            let text = if text.is_empty() { text } else { format!(": {text}") };
            format!("{} {number} {} {kind} {id}{text}", place.target, self.name(change.by))
        };
        found.map(row).collect()
    }

    /// Rows of the audit log, the newest first.
    pub(super) fn audited(&self, conversation: Option<ConversationId>) -> Vec<String> {
        let entries = self.audit.iter().rev().filter(|entry| entry.conversation == conversation);
        let row = |entry: &AuditRecord| {
            let whom = if entry.whom.is_empty() { "-" } else { &entry.whom };
            format!("{} {} {whom} {}", self.name(entry.by), entry.verb, entry.reason).trim_end().to_owned()
        };
        entries.map(row).collect()
    }

    /// Lines above the marker that others said, and how many of them mention the account.
    pub(super) fn news(&self, hearer: &Hearer, unread: &ReadPosition) -> (usize, usize) {
        let account = hearer.account;
        let found = self.said.iter().filter(|said| {
            let new = !unread.unheard && unread.read < said.id && said.id <= unread.last;
            said.conversation == unread.conversation.id && new && said.author != account
        });
        let mentioning = |said: &&Said| said.mentions(account) && !hearer.ignores(said.author.value());
        (found.clone().count(), found.filter(mentioning).count())
    }

    /// Rows of what others said in these conversations, up to the ids, that mentions the account; the newest
    /// first. Those by whom it ignores are left out.
    pub(super) fn mentioning(&self, hearer: &Hearer, places: &[(ConversationRef, MessageId)]) -> Vec<String> {
        let heard = |said: &&Said| said.author != hearer.account && !hearer.ignores(said.author.value());
        let found = self.said.iter().rev().filter(heard).filter(|said| said.mentions(hearer.account));
        let row = |said: &Said| {
            let (place, _) = places.iter().find(|(place, last)| place.id == said.conversation && said.id <= *last)?;
            Some(self.row(place, said))
        };
        found.filter_map(row).collect()
    }

    fn name(&self, id: AccountId) -> &str {
        self.snapshot.accounts.iter().find(|account| account.id == id).unwrap().name.as_str()
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

impl Backlog for Model {
    fn oldest(&mut self, room: ConversationId, above: MessageId, before: u64) -> Result<Oldest, NotStored> {
        let mut oldest = Oldest::default();
        for said in self.said.iter().filter(|said| said.conversation == room && said.id > above) {
            if said.at >= before {
                oldest.next_at = Some(said.at);
                break;
            }
            oldest.expired = Some(said.id);
        }
        Ok(oldest)
    }

    fn said_by(&mut self, author: AccountId, _: i64) -> Result<SaidBy, NotStored> {
        let said = self.said.iter().filter(|said| said.author == author && !said.removed);
        let messages = said.map(|said| (said.conversation, said.id)).collect();
        Ok(SaidBy { messages, cursor: 1, rest: Rest::Nothing })
    }
}

impl Storage for Model {
    fn write(&mut self, write: Write) {
        self.apply(&write);
    }

    fn append(&mut self, draft: &Draft) -> Result<Appended, NotStored> {
        Ok(self.append_message(draft))
    }

    fn find_post(&mut self, draft: &Draft) -> Result<Option<Appended>, NotStored> {
        Ok(self.posted_before(draft))
    }

    fn posted(
        &mut self,
        by: AccountId,
        conversation: ConversationId,
        key: &str,
    ) -> Result<Option<MessageId>, NotStored> {
        Ok(self.keys.get(&(by, conversation, key.into())).map(|(id, _)| *id))
    }

    fn reactions(&mut self, reaction: &Reaction) -> Result<Reactions, NotStored> {
        let Reaction { conversation, id, by, word } = reaction;
        let there: Vec<_> = self.reactions.iter().filter(|(c, i, ..)| (c, i) == (conversation, id)).collect();
        let same = there.iter().filter(|(.., said, _)| said == word.as_str());
        let words: BTreeSet<&String> = there.iter().map(|(.., word, _)| word).collect();
        let own = same.clone().any(|(.., account)| account == by);
        Ok(Reactions { count: same.count() as u32, own, words: words.len() as u32 })
    }

    fn pins(&mut self, conversation: ConversationId, id: MessageId) -> Result<Pins, NotStored> {
        let count = self.pins.iter().filter(|(place, _)| *place == conversation).count() as u32;
        Ok(Pins { count, pinned: self.pins.contains(&(conversation, id)) })
    }

    fn find(&mut self, conversation: ConversationId, id: MessageId) -> Result<Option<MessageRecord>, NotStored> {
        let found = self.said.iter().find(|said| (said.conversation, said.id) == (conversation, id) && !said.removed);
        Ok(found.map(|said| MessageRecord { author: said.author, at: said.at }))
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

fn rename(snapshot: &mut Snapshot, id: ConversationId, new: RoomName) {
    let before = std::mem::replace(room(snapshot, id).0, new);
    snapshot.former_names.retain(|former| former != &(new, id));
    assert!(snapshot.former_names.iter().all(|(former, _)| *former != new), "{new:?} was another room's");
    snapshot.former_names.push((before, id));
}

fn close(snapshot: &mut Snapshot, id: ConversationId) {
    let kind = &mut one(snapshot.conversations.iter_mut().filter(|c| c.id == id)).kind;
    let ConversationKind::Room { topic, slow, closed, .. } = kind else { panic!("{kind:?} can't be closed") };
    topic.clear();
    (*slow, *closed) = (None, true);
    snapshot.members.retain(|m| m.conversation != id);
    snapshot.invited.retain(|i| i.conversation != id);
    snapshot.sanctions.retain(|s| s.conversation != id);
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

fn one<T>(mut found: impl Iterator<Item = T>) -> T {
    let first = found.next().expect("the record to change exists");
    assert!(found.next().is_none());
    first
}
