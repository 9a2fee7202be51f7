//! What is more than all conversations keep: the oldest first, and its rows give their pages back.

use super::super::super::test_support::{
    ALICE, BOB, Dir, LOBBY, OPS, PAIR, draft, id, open, peopled, readers, say, say_all_at, say_at,
};
use super::super::super::{Indexer, Store};
use super::*;
use crate::server::store::db::{DATABASE_FILE, INDEX_FILE};
use crate::server::traffic::{ChangeKind, ChangeRecord, Write};
use std::collections::BTreeMap;

fn through(places: &[(ConversationId, u64)]) -> BTreeMap<ConversationId, MessageId> {
    places.iter().map(|&(place, last)| (place, id(last))).collect()
}

/// What was said before this is too old, and no clock was wrong.
fn expiry(before: u64) -> Option<Expiry> {
    Some(Expiry { before, now: 99 })
}

/// Drops it, and lets the index forget it and the store give its rows back.
fn drop_and_give_back(store: &mut Store, indexer: &mut Indexer, surplus: &Surplus) {
    store.begin().unwrap();
    for (&place, &last) in &surplus.through {
        store.write(&Write::Dropped(place, last)).unwrap();
    }
    store.commit().unwrap();
    while indexer.step(99_999).unwrap() > 0 {}
    while store.idle() {}
}

fn rows(store: &Store) -> i64 {
    store.db.query_row("SELECT count(*) FROM message", [], |row| row.get(0)).unwrap()
}

#[test]
fn the_oldest_of_all_conversations_are_found_a_bounded_number_at_once() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    for (place, at) in [(LOBBY, 10), (PAIR, 11), (LOBBY, 12), (OPS, 30), (PAIR, 25), (LOBBY, 40)] {
        say_at(&mut store, place, ALICE, at, "x");
    }
    let (mut indexer, _) = readers(&dir.settings());
    assert_eq!(store.surplus(expiry(99), None, 9).unwrap(), Surplus { behind: true, ..Surplus::default() });
    indexer.step(99).unwrap();
    let mut ask = |before, most| store.surplus(before, None, most).unwrap();
    let found = |places: &[_], next_at, more| Surplus { through: through(places), next_at, more, behind: false };
    assert_eq!(ask(expiry(10), 9), found(&[], Some(10), false));
    assert_eq!(ask(expiry(20), 9), found(&[(LOBBY, 2), (PAIR, 1)], Some(30), false));
    // What was said behind it is younger, whatever the clock said.
    assert_eq!(ask(expiry(26), 9), found(&[(LOBBY, 2), (PAIR, 1)], Some(30), false));
    assert_eq!(ask(expiry(99), 2), found(&[(LOBBY, 1), (PAIR, 1)], Some(12), true));
    assert_eq!(ask(expiry(99), 6), found(&[(LOBBY, 3), (PAIR, 2), (OPS, 1)], None, false));
    assert_eq!(ask(None, 9), found(&[], Some(10), false));
    let first = ask(expiry(20), 9);
    drop_and_give_back(&mut store, &mut indexer, &first);
    assert_eq!(store.surplus(expiry(31), None, 9).unwrap(), found(&[(OPS, 1), (PAIR, 2)], Some(40), false));
}

#[test]
fn the_database_grows_no_larger_than_it_may_and_forgets_the_oldest_first() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let (mut indexer, _) = readers(&dir.settings());
    let most = 400 * 1024;
    let said: Vec<String> =
        (0..100).map(|n| format!("{n} of a hundred, and some more words {}", "x".repeat(n))).collect();
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    let mut largest = 0;
    for round in 1..=90 {
        say(&mut store, [LOBBY, OPS, PAIR][round % 3], if round % 2 == 0 { ALICE } else { BOB }, &said);
        indexer.step(99_999).unwrap();
        // As after 20,000 messages, or at a quiet moment.
        store.save_lasts();
        loop {
            let surplus = store.surplus(None, Some(most), 256).unwrap();
            if surplus.through.is_empty() {
                break;
            }
            drop_and_give_back(&mut store, &mut indexer, &surplus);
        }
        let used = used_bytes(&store.db).unwrap();
        assert!(used <= most + 64 * 1024, "round {round}: {used}");
        let pages: i64 = store.db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        largest = largest.max(pages);
    }
    let kept = "SELECT min(seq), max(seq), count(*) FROM message WHERE unicode(text) <> 2";
    let (first, last, kept): (i64, i64, i64) =
        store.db.query_row(kept, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!((last, last - first + 1), (9_000, kept), "the newest are all there");
    assert!(kept > 1_500 && rows(&store) - kept < 1_000, "{kept} of {}", rows(&store));
    assert!(largest <= 650, "free pages are used again: {largest}");
    let sound: String = store.db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    // Ids go on, after a crash, too.
    drop(store);
    let (mut store, _) = open(&dir.settings());
    assert_eq!(say(&mut store, LOBBY, BOB, &["on"]), 3_001);
}

/// Somebody could otherwise have everybody's history dropped by making much that is no message.
#[test]
fn what_is_no_message_takes_up_half_of_what_the_database_may_hold_at_most() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let (mut indexer, _) = readers(&dir.settings());
    let most = 256 * 1024;
    let text = "some words ".repeat(9);
    for _ in 0..3 {
        say(&mut store, LOBBY, ALICE, &vec![text.as_str(); 100]);
    }
    store.begin().unwrap();
    for number in 1..=8_000 {
        let kind = if number % 2 == 1 { ChangeKind::Pin } else { ChangeKind::Unpin };
        let (at, by) = (6, ALICE);
        store.write(&Write::Change(ChangeRecord { conversation: LOBBY, number, at, by, id: id(1), kind })).unwrap();
    }
    store.commit().unwrap();
    indexer.step(99_999).unwrap();
    assert!(used_bytes(&store.db).unwrap() > most);
    assert_eq!(store.surplus(None, Some(most), 999).unwrap().through, through(&[]));
    // Messages go when they are more than the other half.
    say(&mut store, LOBBY, ALICE, &vec![text.as_str(); 1_000]);
    indexer.step(99_999).unwrap();
    loop {
        let surplus = store.surplus(None, Some(most), 256).unwrap();
        if surplus.through.is_empty() {
            break;
        }
        drop_and_give_back(&mut store, &mut indexer, &surplus);
    }
    let kept = "SELECT sum(length(text)) FROM message WHERE unicode(text) <> 2";
    let kept: u64 = store.db.query_row(kept, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs();
    assert!((most / 3..=most / 2).contains(&kept), "{kept}");
}

/// Drops messages up to one among many others, step by step, where rows that have a text keep so many pages from
/// those that are deleted. Returns whether any of the others was moved in the file.
fn moves(length: usize, pages_near: i64) -> bool {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    store.pages_near = pages_near;
    let filler = "y".repeat(length);
    say(&mut store, OPS, ALICE, &vec![filler.as_str(); 700]);
    let marked: Vec<String> = (1..=400).map(|n| format!("quagga{n:03}{filler}")).collect();
    say(&mut store, LOBBY, BOB, &marked.iter().map(String::as_str).collect::<Vec<_>>());
    let (mut indexer, _) = readers(&dir.settings());
    indexer.step(99_999).unwrap();
    store.save_lasts();
    while store.idle() {}
    // Where each of those is that stay: a text is at one place.
    let places = || -> Vec<Vec<usize>> {
        let file = std::fs::read(dir.file(DATABASE_FILE)).unwrap();
        let mut places = vec![Vec::new(); 401];
        for (at, _) in file.windows(6).enumerate().filter(|(_, bytes)| bytes == b"quagga") {
            let n: usize = std::str::from_utf8(&file[at + 6..at + 9]).unwrap().parse().unwrap();
            places[n].push(at);
        }
        places.split_off(199)
    };
    let before = places();
    assert!(before.iter().all(|places| places.len() == 1));
    // The boundary moves on, in a page and from page to page.
    for place in std::iter::once((OPS, 700)).chain((3..=198).step_by(3).map(|n| (LOBBY, n))) {
        let surplus = Surplus { through: through(&[place]), ..Surplus::default() };
        drop_and_give_back(&mut store, &mut indexer, &surplus);
    }
    assert!(rows(&store) < 600, "{length}: {} rows are left", rows(&store));
    before != places()
}

/// SQLite moves rows when others are deleted. A copy of a text could then stay behind, where no later removal
/// finds it.
#[test]
fn no_row_that_has_a_text_is_moved_when_others_are_deleted() {
    for length in [1, 90, 2_000] {
        assert!(!moves(length, PAGES_NEAR), "{length}");
    }
    assert!(moves(90, 0), "without room between them they are");
}

#[test]
fn an_index_is_rebuilt_from_what_is_left_and_nothing_is_deleted_that_it_needs() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say_all_at(&mut store, LOBBY, ALICE, &vec![5; 2_000], "old");
    // The row of its new text is behind those that are deleted.
    store.begin().unwrap();
    let kind = ChangeKind::Edit { text: draft(LOBBY, ALICE, "edited").text, mentions: Box::default() };
    store
        .write(&Write::Change(ChangeRecord { conversation: LOBBY, number: 1, at: 6, by: ALICE, id: id(1), kind }))
        .unwrap();
    store.commit().unwrap();
    say_all_at(&mut store, LOBBY, ALICE, &[9; 3], "new");
    let (mut indexer, _) = readers(&dir.settings());
    indexer.step(99_999).unwrap();
    store.begin().unwrap();
    store.write(&Write::Dropped(LOBBY, id(2_000))).unwrap();
    store.commit().unwrap();
    // The index has not forgotten them.
    while store.idle() {}
    assert_eq!(rows(&store), 2_004);
    while indexer.step(99_999).unwrap() > 0 {}
    store.begin().unwrap();
    store.commit().unwrap();
    assert_eq!(rows(&store), 2_004);
    // At a quiet moment the last ids are saved for this.
    while store.idle() {}
    assert!(rows(&store) < 300, "{}", rows(&store));
    drop((store, indexer));
    std::fs::remove_file(dir.file(INDEX_FILE)).unwrap();
    let (mut store, _) = open(&dir.settings());
    let mut indexer = Indexer::open(&dir.settings(), &mut |_, _| {}).unwrap();
    while indexer.step(99_999).unwrap() > 0 {}
    let next = store.surplus(expiry(9), None, 9).unwrap();
    assert_eq!(next, Surplus { next_at: Some(9), ..Surplus::default() });
    assert_eq!(say(&mut store, LOBBY, BOB, &["on"]), 2_004);
}
