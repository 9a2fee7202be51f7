//! What the store's tests share: a temporary data directory, accounts, rooms and messages.

use super::{Indexer, Reader, Store, StoreSettings, Sync, UpgradeCopy};
use crate::protocol::line::Final;
use crate::protocol::names::{AccountId, ConnId, ConversationId, MessageId, RoomName, Text, UserName};
use crate::protocol::roles::Role;
use crate::server::traffic::{
    AccountRecord, Appended, ConversationKind, ConversationRecord, ConversationRef, Draft, Hearer, Mark, MemberRecord,
    Read, ReadJob, ReadPosition, Snapshot, TimeRange, Write,
};
use std::path::PathBuf;

/// The most bytes of an answer, in tests that are not about that limit.
const PLENTY: usize = 1 << 20;

/// A data directory that is removed when it is dropped.
pub(super) struct Dir(tempfile::TempDir);

impl Dir {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn settings(&self) -> StoreSettings {
        StoreSettings { data: self.0.path().to_owned(), sync: Sync::Full, keep: true, upgrade_copy: UpgradeCopy::Keep }
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

pub(super) fn open(settings: &StoreSettings) -> (Store, Snapshot) {
    Store::open(settings).unwrap()
}

pub(super) const LOBBY: ConversationId = ConversationId::new(1);
pub(super) const ALICE: AccountId = AccountId::new(2);
pub(super) const BOB: AccountId = AccountId::new(3);
pub(super) const OPS: ConversationId = ConversationId::new(2);
pub(super) const PAIR: ConversationId = ConversationId::new(3);

pub(super) fn id(n: u64) -> MessageId {
    MessageId::new(n).unwrap()
}

pub(super) fn account(id: AccountId, name: &str) -> Write {
    let name = UserName::parse(name).unwrap();
    Write::Account(AccountRecord { id, name, hash: Some("hash".into()), generation: 0, admin: false, at: 5 })
}

pub(super) fn room(id: ConversationId, name: &str) -> Write {
    let kind = ConversationKind::room(RoomName::parse(name).unwrap(), true);
    Write::Conversation(ConversationRecord { id, kind, last: MessageId::ZERO, changes: 0 })
}

pub(super) fn member(conversation: ConversationId, account: AccountId) -> Write {
    Write::Member(MemberRecord { conversation, account, role: Role::Member, read: MessageId::ZERO })
}

/// Alice and Bob, the lobby, the room ops, and their direct conversation.
pub(super) fn peopled(settings: &StoreSettings) -> Store {
    let (mut store, _) = open(settings);
    let kind = ConversationKind::Pair(ALICE, BOB);
    let pair = Write::Conversation(ConversationRecord { id: PAIR, kind, last: MessageId::ZERO, changes: 0 });
    let mut writes = vec![account(ALICE, "Alice"), account(BOB, "bob"), room(OPS, "ops"), pair];
    for conversation in [LOBBY, OPS, PAIR] {
        writes.extend([member(conversation, ALICE), member(conversation, BOB)]);
    }
    store.begin().unwrap();
    writes.iter().for_each(|write| store.write(write).unwrap());
    store.commit().unwrap();
    store
}

pub(super) fn text(text: &str) -> Text {
    Text::parse(text).unwrap().unwrap()
}

pub(super) fn draft(conversation: ConversationId, author: AccountId, said: &str) -> Draft {
    let text = text(said);
    Draft { conversation, author, at: 1_700_000_000_000, mark: Mark::None, mentions: Box::default(), text, key: None }
}

/// Adds a message of that time.
pub(super) fn say_at(store: &mut Store, conversation: ConversationId, author: AccountId, at: u64, text: &str) {
    say_all_at(store, conversation, author, &[at], text);
}

/// Adds a message of each time, in one transaction.
pub(super) fn say_all_at(store: &mut Store, conversation: ConversationId, author: AccountId, at: &[u64], text: &str) {
    store.begin().unwrap();
    for &at in at {
        store.append(&Draft { at, ..draft(conversation, author, text) }).unwrap();
    }
    store.commit().unwrap();
}

/// Adds messages in one transaction, and returns the id of the last.
pub(super) fn say(store: &mut Store, conversation: ConversationId, author: AccountId, texts: &[&str]) -> u64 {
    store.begin().unwrap();
    let mut last = 0;
    for text in texts {
        match store.append(&draft(conversation, author, text)).unwrap() {
            Appended::New(id) => last = id.value(),
            other => panic!("{other:?}"),
        }
    }
    store.commit().unwrap();
    last
}

/// An indexer that has not indexed anything in this run, and a reader.
pub(super) fn readers(settings: &StoreSettings) -> (Indexer, Reader) {
    let indexer = Indexer::open(settings, &mut |_, _| {}).unwrap();
    (indexer, Reader::open(settings).unwrap())
}

/// An answer as its lines. The date, which is always the same, is left out.
pub(super) fn ask(reader: &mut Reader, read: Read) -> Vec<String> {
    ask_within(reader, PLENTY, read)
}

/// The same within so many bytes.
pub(super) fn ask_within(reader: &mut Reader, answer_bytes: usize, read: Read) -> Vec<String> {
    let answer = reader.answer(ReadJob { conn: ConnId::new(0, 1), answer_bytes, read });
    let mut out = Vec::new();
    answer.rows.encode(None, &mut out);
    answer.last.encode(false, None, &mut out);
    let text = String::from_utf8(out).unwrap().replace(" 2023-11-14T22:13:20.000Z ", " ");
    text.lines().map(str::to_owned).collect()
}

pub(super) fn conversation_ref(conversation: ConversationId) -> ConversationRef {
    let target = match conversation {
        LOBBY => "lobby",
        OPS => "ops",
        PAIR => "@bob",
        _ => "elsewhere",
    };
    ConversationRef { id: conversation, target: target.into(), dropped: MessageId::ZERO }
}

pub(super) fn history(conversation: ConversationId, before: Option<u64>, after: Option<u64>, limit: u32) -> Read {
    let before = before.map_or(MessageId::MAX, id);
    let (after, times) = (after.map(id), TimeRange::ALL);
    Read::History { conversation: conversation_ref(conversation), before, after, times, limit }
}

pub(super) fn search(conversations: &[ConversationId], words: &str) -> Read {
    Read::Search {
        conversations: conversations.iter().map(|&one| (conversation_ref(one), MessageId::MAX)).collect(),
        from: None,
        mentioned: None,
        times: TimeRange::ALL,
        limit: 50,
        more: None,
        words: Text::parse(words).unwrap(),
    }
}

/// An account, and whom it ignores.
pub(super) fn hearer(account: AccountId, ignores: &[AccountId]) -> Hearer {
    Hearer { account, ignores: ignores.into() }
}

/// `/mentions`.
pub(super) fn mentioning(conversations: &[ConversationId], account: AccountId) -> Read {
    let mut read = search(conversations, "");
    if let Read::Search { mentioned, .. } = &mut read {
        *mentioned = Some(hearer(account, &[]));
    }
    read
}

pub(super) fn unread(conversation: ConversationId, last: u64, read: u64) -> ReadPosition {
    let (conversation, last, read) = (conversation_ref(conversation), id(last), id(read));
    ReadPosition { conversation, last, read, changes: 0, unheard: false }
}

pub(super) fn welcome(room: Option<ReadPosition>, replay: u32, others: Vec<ReadPosition>) -> Read {
    Read::Welcome { hearer: hearer(ALICE, &[]), room, replay, others, last: Final::Done("welcome Alice".to_owned()) }
}
