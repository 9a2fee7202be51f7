//! What an account said that has unregistered: found wholly, in pieces, and nothing else with it.

use super::super::super::db::INDEX_FILE;
use super::super::super::test_support::{
    ALICE, BOB, Dir, LOBBY, OPS, PAIR, conversation_ref, id, peopled, readers, say, text,
};
use super::*;
use crate::server::traffic::{ChangeKind, ChangeRecord, Write};

fn write(store: &mut Store, write: &Write) {
    store.begin().unwrap();
    store.write(write).unwrap();
    store.commit().unwrap();
}

fn change(number: u64, at_id: u64, kind: ChangeKind) -> Write {
    Write::Change(ChangeRecord { conversation: LOBBY, number, at: 1, by: ALICE, id: id(at_id), kind })
}

/// The places of a piece as text, where to go on, and what comes after it.
fn said_by(store: &mut Store, cursor: i64, most: usize) -> (Vec<String>, i64, Rest) {
    let SaidBy { messages, cursor, rest } = store.said_by(ALICE, cursor, most).unwrap();
    let place =
        |(conversation, id): (ConversationId, MessageId)| format!("{} {id}", conversation_ref(conversation).target);
    (messages.into_iter().map(place).collect(), cursor, rest)
}

#[test]
fn all_that_it_said_is_found_in_pieces_but_what_is_gone() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, OPS, ALICE, &["dropped"]);
    say(&mut store, LOBBY, ALICE, &["kept", "edited"]);
    say(&mut store, LOBBY, BOB, &["his"]);
    say(&mut store, LOBBY, ALICE, &["removed"]);
    say(&mut store, PAIR, ALICE, &["psst"]);
    write(&mut store, &change(1, 2, ChangeKind::Edit { text: text("edited again"), mentions: Box::default() }));
    write(&mut store, &change(2, 4, ChangeKind::Redact(None)));
    write(&mut store, &Write::Dropped(OPS, id(1)));
    let (mut indexer, _) = readers(&dir.settings());
    // The index still has what is removed and what is dropped.
    indexer.step(6).unwrap();
    write(&mut store, &Write::Unregistered { account: ALICE, all: true });
    // Not all of it is indexed: some might be passed over.
    assert_eq!(said_by(&mut store, 0, 9), (vec![], 0, Rest::Unknown));
    indexer.step(9).unwrap();

    let (first, cursor, rest) = said_by(&mut store, 0, 2);
    assert_eq!((first, rest), (vec!["lobby 1".to_owned(), "lobby 2".to_owned()], Rest::More));
    let (second, cursor, rest) = said_by(&mut store, cursor, 2);
    assert_eq!((second, rest), (vec!["@bob 1".to_owned()], Rest::Nothing));
    // Once there is nothing left, there is nothing whenever it is asked.
    assert_eq!(said_by(&mut store, cursor, 2), (vec![], cursor, Rest::Nothing));
}

#[test]
fn what_the_index_still_has_of_what_is_gone_is_passed_over() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["dropped", "removed", "kept"]);
    let (mut indexer, _) = readers(&dir.settings());
    indexer.step(9).unwrap();
    write(&mut store, &Write::Unregistered { account: ALICE, all: true });
    write(&mut store, &change(1, 2, ChangeKind::Redact(None)));
    write(&mut store, &Write::Dropped(LOBBY, id(1)));
    assert_eq!(said_by(&mut store, 0, 9), (vec!["lobby 3".to_owned()], 3, Rest::Nothing));
}

#[test]
fn what_is_to_be_kept_is_not_found() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["kept"]);
    let (mut indexer, _) = readers(&dir.settings());
    indexer.step(9).unwrap();
    write(&mut store, &Write::Unregistered { account: ALICE, all: false });
    assert_eq!(said_by(&mut store, 0, 9), (vec![], 0, Rest::Nothing));
}

#[test]
fn without_the_index_nobody_knows_what_it_said() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["kept"]);
    let (mut indexer, _) = readers(&dir.settings());
    indexer.step(9).unwrap();
    write(&mut store, &Write::Unregistered { account: ALICE, all: true });
    rusqlite::Connection::open(dir.file(INDEX_FILE)).unwrap().execute_batch("DROP TABLE word").unwrap();
    assert_eq!(said_by(&mut store, 0, 9), (vec![], 0, Rest::Unknown));
}
