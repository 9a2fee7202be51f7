//! The indexer: continuing after a restart, being rebuilt, damage, deletion, nudges.

use super::super::test_support::{
    ALICE, BOB, Dir, LOBBY, OPS, ask, hearer, history, open, peopled, readers, say, say_all_at, search, unread,
};
use super::super::{Reader, Sync};
use super::file::VERSION;
use super::*;
use crate::server::traffic::{Mark, Read};
use std::time::Instant;

#[test]
fn an_index_continues_where_it_stopped() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["one", "two", "three"]);
    let (mut indexer, _) = readers(&dir.settings());
    assert_eq!((indexer.behind().unwrap(), indexer.step(2).unwrap(), indexer.behind().unwrap()), (3, 2, 1));
    drop(indexer);
    let (mut indexer, _) = readers(&dir.settings());
    assert_eq!((indexer.behind().unwrap(), indexer.step(2).unwrap(), indexer.behind().unwrap()), (1, 1, 0));
}

#[test]
fn an_index_that_is_missing_broken_or_of_another_history_is_rebuilt() {
    let dir = Dir::new();
    let normal = StoreSettings { sync: Sync::Normal, ..dir.settings() };
    let mut store = peopled(&normal);
    say(&mut store, LOBBY, ALICE, &["needle"]);
    let (mut indexer, mut reader) = readers(&normal);
    indexer.step(10).unwrap();
    assert_eq!(ask(&mut reader, search(&[LOBBY], "needle")).len(), 2);
    drop((indexer, reader));
    let index = dir.file(INDEX_FILE);
    let spoil: [&dyn Fn(); 6] = [
        &|| std::fs::remove_file(&index).unwrap(),
        &|| std::fs::write(&index, vec![b'?'; 10_000]).unwrap(),
        &|| Connection::open(&index).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap(),
        // As an earlier version left it.
        &|| {
            let earlier = "DROP TABLE position; CREATE TABLE block(first, last); PRAGMA user_version = 2";
            Connection::open(&index).unwrap().execute_batch(earlier).unwrap();
        },
        &|| Connection::open(&index).unwrap().execute_batch("UPDATE state SET indexed = 99").unwrap(),
        &|| Connection::open(&index).unwrap().execute_batch("UPDATE state SET indexed = -1").unwrap(),
    ];
    for spoil in spoil {
        spoil();
        let (mut indexer, mut reader) = readers(&normal);
        assert_eq!((indexer.behind().unwrap(), indexer.step(10).unwrap()), (1, 1));
        assert_eq!(ask(&mut reader, search(&[LOBBY], "needle")).len(), 2);
        assert_eq!(ask(&mut reader, history(LOBBY, None, None, 50)).len(), 2);
    }
    // An unclean end without full sync: the epoch changes.
    drop(store);
    let (_store, _) = open(&normal);
    let (indexer, _) = readers(&normal);
    assert_eq!(indexer.behind().unwrap(), 1);
}

#[test]
fn search_works_without_damaged_words_which_the_next_start_rebuilds() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &vec!["needle"; 2000]);
    let (mut indexer, _) = readers(&dir.settings());
    while indexer.step(100).unwrap() > 0 {}
    let other = Connection::open(dir.file(INDEX_FILE)).unwrap();
    // Only segments; the structure, which the indexer reads too, has a low id.
    other.execute_batch("UPDATE word_data SET block = x'ff' WHERE id > 10").unwrap();
    say(&mut store, LOBBY, ALICE, &["needle"]);
    let mut reader = Reader::open(&dir.settings()).unwrap();
    let found = ask(&mut reader, search(&[LOBBY], "needle"));
    assert!(found.last().unwrap().starts_with("+ 50 messages, more="), "{found:?}");
    // Whether or not the indexer notices.
    let _ = indexer.step(10);
    drop((other, indexer, reader));
    let (mut indexer, mut reader) = readers(&dir.settings());
    assert_eq!((indexer.behind().unwrap(), indexer.step(9000).unwrap()), (2001, 2001));
    assert_eq!(ask(&mut reader, search(&[LOBBY], "needle")), found);
}

#[test]
fn history_works_without_damaged_positions_which_the_next_start_rebuilds() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &vec!["needle"; 2000]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    indexer.step(9000).unwrap();
    let expected = ask(&mut reader, history(LOBBY, Some(1000), None, 50));
    assert_eq!(expected[49], "| lobby 999 Alice: needle");
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'position'";
    let root: u64 = indexer.index.query_row(root, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs();
    // The writer last: it checkpoints its log into the file.
    drop((reader, indexer));
    // The root page of the positions, as a failing disk would leave it.
    let mut bytes = std::fs::read(dir.file(INDEX_FILE)).unwrap();
    let start = usize::try_from((root - 1) * 4096).unwrap();
    bytes[start..start + 4096].fill(b'?');
    std::fs::write(dir.file(INDEX_FILE), bytes).unwrap();
    let (mut indexer, mut reader) = readers(&dir.settings());
    assert_eq!(ask(&mut reader, history(LOBBY, Some(1000), None, 50)), expected);
    assert_eq!(ask(&mut reader, history(LOBBY, None, Some(949), 50)), expected);
    say(&mut store, LOBBY, ALICE, &["needle"]);
    assert!(matches!(indexer.step(10), Err(IndexError::Damaged { .. })));
    drop((indexer, reader));
    let (mut indexer, mut reader) = readers(&dir.settings());
    assert_eq!((indexer.behind().unwrap(), indexer.step(9000).unwrap()), (2001, 2001));
    assert_eq!(ask(&mut reader, history(LOBBY, Some(1000), None, 50)), expected);
}

#[test]
fn a_message_that_is_not_where_the_index_says_is_not_shown() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, OPS, ALICE, &["secret"]);
    say(&mut store, LOBBY, ALICE, &["open"]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    indexer.step(10).unwrap();
    let wrong = "UPDATE position SET conversation = conversation + 10;
        INSERT INTO position VALUES(1, 1, 1, 2), (1, 2, 2, 2), (1, 3, 3, 2)";
    indexer.index.execute_batch(wrong).unwrap();
    assert_eq!(ask(&mut reader, history(LOBBY, None, None, 50)), ["| lobby 1 Alice: open", "+ 1 message"]);
}

#[test]
fn history_is_read_across_gaps_in_the_ids_wherever_the_index_is() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["line"; 300]);
    store.close().unwrap();
    // A period in which messages were not kept leaves a gap in their ids.
    let (mut store, _) = open(&StoreSettings { keep: false, ..dir.settings() });
    assert_eq!(say(&mut store, LOBBY, BOB, &["gone"; 7]), 307);
    store.close().unwrap();
    let (mut store, _) = open(&dir.settings());
    say(&mut store, LOBBY, BOB, &["line"; 250]);
    say(&mut store, OPS, BOB, &["line"; 3]);
    let last = say(&mut store, LOBBY, ALICE, &["line"; 50]);
    assert_eq!(last, 607);
    let (mut indexer, mut reader) = readers(&dir.settings());
    let mut answers = || {
        let mut reads = Vec::new();
        for at in [0, 1, 2, 43, 255, 256, 257, 258, 299, 300, 301, 304, 307, 308, 309, 556, 563, 564, 606, 607, 608] {
            reads.push(history(LOBBY, Some(at.max(1)), None, 3));
            reads.push(history(LOBBY, None, Some(at), 3));
            reads.push(history(LOBBY, Some(at + 5), Some(at), 1000));
            reads.push(Read::Conversations {
                hearer: hearer(ALICE, &[]),
                conversations: vec![unread(LOBBY, last, at.min(last))],
            });
        }
        reads.into_iter().map(|read| ask(&mut reader, read)).collect::<Vec<_>>()
    };
    let none = answers();
    assert_eq!(
        none[0..4],
        [
            vec!["+ 0 messages".to_owned()],
            vec![
                "| lobby 1 Alice: line".into(),
                "| lobby 2 Alice: line".into(),
                "| lobby 3 Alice: line".into(),
                "+ 3 messages, more".into()
            ],
            (1..5).map(|id| format!("| lobby {id} Alice: line")).chain(["+ 4 messages".to_owned()]).collect(),
            vec!["| lobby 607 0 250 0 0".into(), "+ 1 conversation".into()],
        ]
    );
    for most in [1, 2, 40, 100, 1, 90, 100, 1000] {
        indexer.step(most).unwrap();
        assert_eq!(answers(), none);
    }
    assert_eq!(indexer.behind().unwrap(), 0);
}

#[test]
fn a_step_that_fails_is_repeated() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["one", "two", "three", "four", "five"]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    let mut answers = || [history(LOBBY, None, None, 50), search(&[LOBBY], "four")].map(|read| ask(&mut reader, read));
    let none = answers();
    assert_eq!(indexer.step(2).unwrap(), 2);
    indexer.index.pragma_update(None, "query_only", true).unwrap();
    assert!(matches!(indexer.step(9), Err(IndexError::Database { .. })));
    assert_eq!(answers(), none);
    indexer.index.pragma_update(None, "query_only", false).unwrap();
    assert_eq!((indexer.step(2).unwrap(), indexer.behind().unwrap()), (2, 1));
    assert_eq!((indexer.step(2).unwrap(), indexer.behind().unwrap()), (1, 0));
    assert_eq!(answers(), none);
    let positions: i64 = indexer.index.query_row("SELECT count(*) FROM position", [], |row| row.get(0)).unwrap();
    assert_eq!(positions, 5);
}

#[test]
fn a_message_that_is_deleted_from_the_index_leaves_no_word_in_it() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let said = ["needle one", "the password is xylophone", "needle two"];
    say(&mut store, LOBBY, ALICE, &said);
    let (mut indexer, mut reader) = readers(&dir.settings());
    indexer.step(10).unwrap();
    assert_eq!(ask(&mut reader, search(&[LOBBY], "xylophone")).len(), 2);
    let mut document = Document::default();
    let old = document.of(LOBBY.value(), ALICE.value(), &StoredText::said(Mark::None, &[], said[1]));
    // All but what a word has in common with the one before it is stored.
    let end = old[old.len() - 5..].to_owned();
    let in_segments = |indexer: &Indexer| -> i64 {
        let sql = "SELECT count(*) FROM word_data WHERE instr(block, CAST(? AS BLOB))";
        indexer.index.query_row(sql, [&end], |row| row.get(0)).unwrap()
    };
    assert_eq!(in_segments(&indexer), 1);
    let delete = "INSERT INTO word(word, rowid, document) VALUES('delete', 2, ?)";
    indexer.index.execute(delete, [old]).unwrap();
    // The message itself is still there, so only the index can be why it is not found.
    assert_eq!(ask(&mut reader, search(&[LOBBY], "xylophone")), ["+ 0 messages"]);
    assert_eq!(ask(&mut reader, search(&[LOBBY], "needle")).len(), 3);
    assert_eq!(in_segments(&indexer), 0);
    indexer.index.execute("INSERT INTO word(word) VALUES('integrity-check')", []).unwrap();
}

#[test]
fn reads_are_complete_while_the_index_advances() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let (mut indexer, mut reader) = readers(&dir.settings());
    let (running, ended) = crossbeam_channel::bounded::<()>(0);
    let thread = std::thread::spawn(move || {
        while ended.try_recv() != Err(TryRecvError::Disconnected) {
            indexer.step(3).unwrap();
        }
    });
    for n in 1..=300 {
        say(&mut store, LOBBY, ALICE, &["line"]);
        let lines = ask(&mut reader, history(LOBBY, None, (n % 2 == 0).then_some(0), 1000));
        let expected: Vec<String> = (1..=n).map(|id| format!("| lobby {id} Alice: line")).collect();
        assert_eq!(lines[..lines.len() - 1], expected);
    }
    drop(running);
    thread.join().unwrap();
}

#[test]
fn the_indexer_follows_nudges_until_their_senders_are_gone() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let (indexer, mut reader) = readers(&dir.settings());
    let (nudge, nudges) = crossbeam_channel::bounded(1);
    let thread = std::thread::spawn(move || indexer.run(&nudges));
    for n in 0..100 {
        say(&mut store, LOBBY, ALICE, &[&format!("needle {n}")]);
        let _ = nudge.try_send(());
        assert_eq!(ask(&mut reader, search(&[LOBBY], &format!("needle {n}"))).len(), 2);
    }
    drop(nudge);
    thread.join().unwrap().unwrap();
    let (indexer, _) = readers(&dir.settings());
    assert_eq!(indexer.behind().unwrap(), 0);
}

#[test]
fn the_indexer_indexes_while_it_waits_for_more() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let (indexer, _) = readers(&dir.settings());
    let (nudge, nudges) = crossbeam_channel::bounded(1);
    let thread = std::thread::spawn(move || indexer.run(&nudges));
    let index = Connection::open(dir.file(INDEX_FILE)).unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    for n in 1..=2 {
        say(&mut store, LOBBY, ALICE, &["hello"]);
        let _ = nudge.try_send(());
        while index.query_row("SELECT indexed FROM state", [], |row| row.get::<_, i64>(0)).unwrap() < n {
            assert!(Instant::now() < end && !thread.is_finished());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    drop(nudge);
    thread.join().unwrap().unwrap();
}

#[test]
fn an_era_begins_only_where_the_clock_was_set_back() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say_all_at(&mut store, LOBBY, ALICE, &[5, 5, 7, 3, 3, 4], "x");
    let (mut indexer, _) = readers(&dir.settings());
    while indexer.step(2).unwrap() > 0 {}
    let eras = "SELECT group_concat(seq) FROM (SELECT seq FROM era ORDER BY seq)";
    assert_eq!(indexer.index.query_row(eras, [], |row| row.get::<_, String>(0)).unwrap(), "1,4");
}

#[test]
fn what_is_in_the_place_of_the_index_and_cannot_be_removed_is_reported() {
    let dir = Dir::new();
    std::fs::create_dir(dir.file("folder")).unwrap();
    file::remove(&dir.file("folder")).unwrap_err();
    file::remove(&dir.file("missing")).unwrap();
}

#[test]
fn a_start_far_behind_catches_up_and_reports_progress() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let many = vec!["x"; 60_000];
    say(&mut store, LOBBY, ALICE, &many);
    say(&mut store, LOBBY, ALICE, &many);
    let mut told = Vec::new();
    let indexer = Indexer::open(&dir.settings(), &mut |done, all| told.push((done, all))).unwrap();
    assert_eq!(told, [(0, 120_000), (65_536, 120_000), (120_000, 120_000)]);
    assert_eq!(indexer.behind().unwrap(), 0);
}
