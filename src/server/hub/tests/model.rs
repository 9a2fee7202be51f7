//! A store in memory: it holds what the [`Write`]s say and nothing else, so that a change without
//! its `Write` shows as a difference. It refuses what the real store refuses.

mod writes;

use crate::protocol::names::{AccountId, ConversationId, MessageId, RoomName};
use crate::server::core::{NotStored, Storage};
use crate::server::hub::Backlog;
use crate::server::traffic::{
    Appended, AuditRecord, ChangeKind, ChangeRecord, ConversationKind, ConversationRef, Draft, Expiry, Hearer, Mark,
    Mentioned, MessageRecord, Oldest, Pins, Reaction, Reactions, ReadPosition, Rest, SaidBy, Snapshot, Surplus, Write,
};
use std::collections::{BTreeMap, BTreeSet};
use writes::one;

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

    /// Rows of what an account said; where it is not any more, without the place.
    pub(super) fn said_by_one(&self, author: AccountId, places: &[ConversationRef]) -> Vec<String> {
        let row = |said: &Said| {
            let elsewhere = ConversationRef { id: said.conversation, target: "-".into(), dropped: MessageId::ZERO };
            self.row(places.iter().find(|place| place.id == said.conversation).unwrap_or(&elsewhere), said)
        };
        self.said.iter().filter(|said| said.author == author).map(row).collect()
    }

    fn name(&self, id: AccountId) -> &str {
        self.snapshot.accounts.iter().find(|account| account.id == id).unwrap().name.as_str()
    }
}

impl Backlog for Model {
    fn oldest(&mut self, room: ConversationId, above: MessageId, expiry: Expiry) -> Result<Oldest, NotStored> {
        let mut oldest = Oldest::default();
        for said in self.said.iter().filter(|said| said.conversation == room && said.id > above) {
            if said.at >= expiry.before {
                oldest.next_at = Some(said.at);
                break;
            }
            oldest.expired = Some(said.id);
        }
        Ok(oldest)
    }

    /// Each message has one byte here.
    fn surplus(&mut self, expiry: Option<Expiry>, bytes: Option<u64>) -> Result<Surplus, NotStored> {
        let over = bytes.map_or(0, |bytes| self.said.len().saturating_sub(bytes as usize));
        let mut surplus = Surplus::default();
        for (n, said) in self.said.iter().enumerate() {
            if n >= over && expiry.is_none_or(|expiry| said.at >= expiry.before) {
                surplus.next_at = Some(said.at);
                break;
            }
            surplus.through.insert(said.conversation, said.id);
        }
        Ok(surplus)
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
