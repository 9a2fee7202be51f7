//! The writer: ids, keys, and what is there after a restart.

use super::super::db::INDEX_FILE;
use super::super::test_support::{
    ALICE, BOB, Dir, LOBBY, OPS, PAIR, account, draft, id, member, open, peopled, readers, room, say,
};
use super::*;
use crate::protocol::names::{AccountId, AddressGroup};
use crate::protocol::roles::Role;
use crate::server::traffic::{
    AccountRecord, AuditRecord, ConversationKind, InviteRecord, InvitedRecord, MemberRecord, SanctionKind,
    SanctionRecord, TokenRecord,
};
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;

mod failures;
mod loaded;

fn last(world: &Snapshot, conversation: ConversationId) -> u64 {
    world.conversations.iter().find(|c| c.id == conversation).unwrap().last.value()
}

fn post(conversation: ConversationId, key: &str, text: &str) -> Draft {
    Draft { key: Some(key.into()), ..draft(conversation, ALICE, text) }
}

#[test]
fn a_new_database_has_the_lobby_and_the_server() {
    let dir = Dir::new();
    let (_store, world) = open(&dir.settings());
    let [server] = &world.accounts[..] else { panic!("{:?}", world.accounts) };
    assert_eq!((server.name.as_str(), &server.hash, server.admin), ("server", &None, true));
    let [lobby] = &world.conversations[..] else { panic!("{:?}", world.conversations) };
    assert!(matches!(&lobby.kind, crate::server::traffic::ConversationKind::Room { private: false, .. }));
    assert!(world.members.is_empty());
}

#[test]
fn a_second_server_is_refused() {
    let dir = Dir::new();
    let (store, _) = open(&dir.settings());
    let error = Store::open(&dir.settings()).unwrap_err().to_string();
    assert!(error.starts_with("another chitchatd is running on the data directory /"), "{error}");
    store.close().unwrap();
    open(&dir.settings());
}

#[test]
fn a_data_directory_that_is_a_file_is_reported() {
    let dir = Dir::new();
    std::fs::write(dir.file("flat"), "").unwrap();
    let error = Store::open(&StoreSettings { data: dir.file("flat"), ..dir.settings() }).unwrap_err().to_string();
    assert!(error.contains("can't create or write"), "{error}");
}

#[test]
fn new_files_are_readable_only_by_their_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = Dir::new();
    let settings = StoreSettings { data: dir.file("new/data"), ..dir.settings() };
    let mut store = peopled(&settings);
    say(&mut store, LOBBY, ALICE, &["hello"]);
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(settings.data.clone()), 0o700);
    for name in ["lock", "chitchat.db", "chitchat.db-wal", "chitchat.db-shm"] {
        assert_eq!(mode(settings.data.join(name)), 0o600, "{name}");
    }
}

#[test]
fn ids_count_up_by_one_in_each_conversation_and_across_restarts() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    assert_eq!(say(&mut store, LOBBY, ALICE, &["a", "b"]), 2);
    assert_eq!(say(&mut store, OPS, ALICE, &["c"]), 1);
    // Dropped, not closed: as after a crash.
    drop(store);
    let (mut store, world) = open(&dir.settings());
    assert_eq!((last(&world, LOBBY), last(&world, OPS), last(&world, PAIR)), (2, 1, 0));
    assert_eq!(say(&mut store, LOBBY, BOB, &["d"]), 3);
}

#[test]
fn a_rollback_returns_its_ids() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["kept"]);
    store.begin().unwrap();
    store.append(&draft(LOBBY, ALICE, "gone")).unwrap();
    store.write(&room(ConversationId::new(9), "new")).unwrap();
    store.append(&draft(ConversationId::new(9), ALICE, "gone")).unwrap();
    store.rollback().unwrap();
    store.rollback().unwrap();
    assert_eq!(store.load().unwrap().conversations.len(), 3);
    assert_eq!(say(&mut store, LOBBY, ALICE, &["kept too"]), 2);
    store.begin().unwrap();
    assert!(store.append(&draft(ConversationId::new(9), ALICE, "where?")).is_err());
}

#[test]
fn a_key_can_be_used_only_once() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    store.begin().unwrap();
    assert_eq!(store.append(&post(LOBBY, "k", "one")).unwrap(), Appended::New(id(1)));
    assert_eq!(store.append(&post(LOBBY, "k", "one")).unwrap(), Appended::Again(id(1)));
    assert_eq!(store.append(&post(LOBBY, "k", "two")).unwrap(), Appended::Conflict);
    assert_eq!(store.append(&post(LOBBY, "K", "two")).unwrap(), Appended::New(id(2)));
    assert_eq!(store.append(&post(OPS, "k", "two")).unwrap(), Appended::New(id(1)));
    store.rollback().unwrap();
    store.begin().unwrap();
    assert_eq!(store.append(&post(LOBBY, "k", "two")).unwrap(), Appended::New(id(1)));
    assert_eq!(store.commit().unwrap(), Committed { messages: 1, dropped: false, long_log: false });
    drop(store);
    let (mut store, _) = open(&dir.settings());
    store.begin().unwrap();
    assert_eq!(store.append(&post(LOBBY, "k", "two")).unwrap(), Appended::Again(id(1)));
    assert_eq!(store.append(&post(LOBBY, "k", "one")).unwrap(), Appended::Conflict);
}

#[test]
fn what_was_posted_under_a_key_is_found() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["before"]);
    store.begin().unwrap();
    store.append(&post(LOBBY, "k", "one")).unwrap();
    store.commit().unwrap();
    let mut posted = |by, conversation, key| store.posted(by, conversation, key).unwrap();
    assert_eq!(posted(ALICE, LOBBY, "k"), Some(id(2)));
    assert_eq!([posted(BOB, LOBBY, "k"), posted(ALICE, OPS, "k"), posted(ALICE, LOBBY, "K")], [None; 3]);
    assert_eq!(store.find_post(&post(LOBBY, "k", "one")).unwrap(), Some(Appended::Again(id(2))));
    assert_eq!(store.find_post(&post(LOBBY, "k", "two")).unwrap(), Some(Appended::Conflict));
    assert_eq!(store.find_post(&post(LOBBY, "K", "one")).unwrap(), None);
    assert_eq!(store.find_post(&draft(LOBBY, ALICE, "one")).unwrap(), None);
}

#[test]
fn a_forgotten_conversation_takes_no_messages_unless_it_is_rolled_back() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let empty = ConversationId::new(9);
    store.begin().unwrap();
    store.write(&room(empty, "empty")).unwrap();
    store.commit().unwrap();
    store.begin().unwrap();
    store.write(&Write::Forgotten(empty)).unwrap();
    assert!(matches!(
        store.append(&draft(empty, ALICE, "where?")),
        Err(CommitError::Refused(WriteError::NoConversation(_)))
    ));
    store.rollback().unwrap();
    assert_eq!(say(&mut store, empty, ALICE, &["here"]), 1);
}

#[test]
fn a_commit_waits_for_the_disk_if_that_is_asked_for() {
    let settings = |dir: &Dir, sync, keep| StoreSettings { sync, keep, ..dir.settings() };
    for (sync, keep, synchronous, syncs) in
        [(Sync::Full, true, 2, true), (Sync::Full, false, 2, false), (Sync::Normal, true, 1, false)]
    {
        let dir = Dir::new();
        let (store, _) = open(&settings(&dir, sync, keep));
        let level: i64 = store.db.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        assert_eq!((level, store.syncs()), (synchronous, syncs), "{sync:?} {keep}");
    }
}

#[test]
fn a_message_is_found_wherever_it_is() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["a", "b", "c"]);
    let (mut indexer, _) = readers(&dir.settings());
    indexer.step(2).unwrap();
    let author = |store: &mut Store, place: ConversationId, n: u64| {
        store.find(place, id(n)).unwrap().map(|found| found.author.value())
    };
    store.begin().unwrap();
    store.append(&draft(LOBBY, BOB, "d")).unwrap();
    store.append(&draft(OPS, BOB, "e")).unwrap();
    let (alice, bob) = (Some(ALICE.value()), Some(BOB.value()));
    let found = |store: &mut Store| [1, 2, 3, 4, 5].map(|n| author(store, LOBBY, n));
    // Indexed, behind the index, in this transaction, and nowhere.
    assert_eq!(found(&mut store), [alice, alice, alice, bob, None]);
    assert_eq!((author(&mut store, OPS, 1), author(&mut store, OPS, 2)), (bob, None));
    store.commit().unwrap();
    assert_eq!(found(&mut store), [alice, alice, alice, bob, None]);
    // Whatever the index says, the messages decide.
    let wrong = "UPDATE position SET seq = 3 - seq; INSERT INTO position VALUES(1, 5, 1, 2)";
    Connection::open(dir.file(INDEX_FILE)).unwrap().execute_batch(wrong).unwrap();
    assert_eq!(found(&mut store), [alice, alice, alice, bob, None]);
    Connection::open(dir.file(INDEX_FILE)).unwrap().execute_batch("DROP TABLE position").unwrap();
    assert_eq!(found(&mut store), [alice, alice, alice, bob, None]);
    drop((store, indexer));
    std::fs::remove_file(dir.file(INDEX_FILE)).unwrap();
    let (mut store, _) = open(&dir.settings());
    assert_eq!(found(&mut store), [alice, alice, alice, bob, None]);
    drop(store);
    let (mut store, _) = open(&StoreSettings { keep: false, ..dir.settings() });
    assert_eq!(found(&mut store), [None; 5]);
}

#[test]
fn ids_skip_ahead_after_a_crash_when_messages_are_not_kept() {
    let dir = Dir::new();
    let forget = StoreSettings { keep: false, ..dir.settings() };
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["a", "b"]);
    store.close().unwrap();
    let (mut store, world) = open(&forget);
    assert_eq!(last(&world, LOBBY), 2);
    assert_eq!(say(&mut store, LOBBY, ALICE, &["c"; 1001]), 1003);
    assert_eq!(last(&store.load().unwrap(), LOBBY), 1003);
    drop(store);
    // A crash: the rest of the second range is skipped.
    let (mut store, world) = open(&forget);
    assert_eq!((last(&world, LOBBY), last(&world, OPS)), (2002, 0));
    assert_eq!(say(&mut store, LOBBY, ALICE, &["d"]), 2003);
    store.close().unwrap();
    // A clean end skips nothing, and messages that are kept again go on from there.
    let (mut store, world) = open(&dir.settings());
    assert_eq!(last(&world, LOBBY), 2003);
    assert_eq!(say(&mut store, LOBBY, ALICE, &["e"]), 2004);
    assert_eq!(last_seq(&store.db).unwrap(), 3);
}

#[test]
fn what_was_committed_survives_a_kill() {
    let (dir, after) = (Dir::new(), Dir::new());
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["one", "two"]);
    store.idle();
    say(&mut store, LOBBY, ALICE, &["three"]);
    store.begin().unwrap();
    store.append(&draft(LOBBY, ALICE, "never committed")).unwrap();
    // What is on disk now is what a killed process leaves.
    for name in ["chitchat.db", "chitchat.db-wal"] {
        std::fs::copy(dir.file(name), after.file(name)).unwrap();
    }
    let (mut store, world) = open(&after.settings());
    assert_eq!(last(&world, LOBBY), 3);
    assert_eq!(say(&mut store, LOBBY, ALICE, &["four"]), 4);
}

#[test]
fn last_ids_are_saved_when_it_is_quiet_after_many_messages_and_at_the_end() {
    let dir = Dir::new();
    drop(peopled(&dir.settings()));
    let (mut store, _) = open(&dir.settings());
    let saved = |store: &Store| {
        let last = "SELECT last FROM conversation WHERE id = 1";
        let last: i64 = store.db.query_row(last, [], |row| row.get(0)).unwrap();
        (last, schema::lasts_saved(&store.db).unwrap())
    };
    say(&mut store, OPS, ALICE, &["up"]);
    say(&mut store, LOBBY, ALICE, &["x"; 10]);
    assert_eq!(saved(&store), (0, 0));
    store.idle();
    assert_eq!(saved(&store), (0, 0));
    say(&mut store, LOBBY, ALICE, &vec!["x"; 1990]);
    store.idle();
    assert_eq!(saved(&store), (2000, 2001));
    say(&mut store, LOBBY, ALICE, &vec!["x"; 20_000]);
    assert_eq!(saved(&store), (22_000, 22_001));
    say(&mut store, LOBBY, ALICE, &["x"]);
    assert_eq!(saved(&store), (22_000, 22_001));
    store.close().unwrap();
    let (store, world) = open(&dir.settings());
    assert_eq!((saved(&store), last(&world, LOBBY), last(&world, OPS)), ((22_001, 22_002), 22_001, 1));
    assert!(load::unsaved_lasts(&store.db).unwrap().is_empty());
}

/// Something that happens to a store.
#[derive(Debug, Clone)]
enum Turn {
    /// Messages of one transaction, some of them under a key, and whether it is committed.
    Say {
        lines: Vec<(i64, Option<u8>)>,
        commit: bool,
    },
    Idle,
    SaveLasts,
    Close,
    Crash,
    Keep(bool),
}

fn turn() -> impl Strategy<Value = Turn> {
    let lines = proptest::collection::vec((1..4i64, proptest::option::of(0..6u8)), 1..30);
    prop_oneof![
        6 => (lines, any::<bool>()).prop_map(|(lines, commit)| Turn::Say { lines, commit }),
        1 => Just(Turn::Idle),
        2 => Just(Turn::SaveLasts),
        1 => Just(Turn::Close),
        3 => Just(Turn::Crash),
        1 => any::<bool>().prop_map(Turn::Keep),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn each_id_is_assigned_once_and_the_next_is_above_it(turns in proptest::collection::vec(turn(), 1..25)) {
        let dir = Dir::new();
        let mut settings = dir.settings();
        let mut store = peopled(&settings);
        let mut given = HashMap::<i64, u64>::new();
        let mut keys = HashMap::<(i64, u8), MessageId>::new();
        for turn in turns {
            match turn {
                Turn::Say { lines, commit } => {
                    let (mut lasts, mut said) = (given.clone(), keys.clone());
                    store.begin().unwrap();
                    for (room, key) in lines {
                        let line = draft(ConversationId::new(room), ALICE, "x");
                        let line = Draft { key: key.map(|key| key.to_string().into()), ..line };
                        let last = lasts.entry(room).or_default();
                        match store.append(&line).unwrap() {
                            Appended::New(id) => {
                                prop_assert!(id.value() > *last, "{:?} above {}", id, last);
                                prop_assert!(!settings.keep || id.value() == *last + 1, "{:?} behind {}", id, last);
                                *last = id.value();
                                if let Some(key) = key {
                                    prop_assert_eq!(said.insert((room, key), id), None);
                                }
                            }
                            Appended::Again(id) => prop_assert_eq!(said.get(&(room, key.unwrap())), Some(&id)),
                            Appended::Conflict => prop_assert!(false, "the text is always the same"),
                        }
                    }
                    if commit {
                        store.commit().unwrap();
                        (given, keys) = (lasts, said);
                    } else {
                        store.rollback().unwrap();
                    }
                    continue;
                }
                Turn::Idle => { store.idle(); continue; }
                Turn::SaveLasts => { store.save_lasts(); continue; }
                Turn::Close => store.close().unwrap(),
                Turn::Crash => drop(store),
                Turn::Keep(keep) => {
                    settings.keep = keep;
                    drop(store);
                }
            }
            let (opened, world) = open(&settings);
            for (room, given) in &mut given {
                let last = last(&world, ConversationId::new(*room));
                prop_assert!(last >= *given, "{} below {}", last, given);
                // Ids that a crash skipped because messages are not kept.
                *given = last;
            }
            store = opened;
        }
    }
}
