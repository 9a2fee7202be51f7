//! What a room no longer keeps: found by its time, gone with all that belongs to it.

use super::super::super::db::INDEX_FILE;
use super::super::super::test_support::{
    ALICE, BOB, Dir, LOBBY, OPS, ask, conversation_ref, draft, hearer, history, id, open, peopled, readers, say,
    say_all_at, search, text, unread,
};
use super::super::super::{Indexer, Store};
use crate::protocol::names::ConversationId;
use crate::protocol::reaction::ReactionWord;
use crate::server::store::db::stored_text::StoredText;
use crate::server::store::index::document::Document;
use crate::server::traffic::{
    Appended, ChangeKind, ChangeRecord, ConversationRef, Draft, Expiry, Mark, Oldest, Reaction, Read, TimeRange, Write,
};

fn oldest(expired: u64, next_at: Option<u64>) -> Oldest {
    Oldest { expired: Some(id(expired)).filter(|&id| id.value() > 0), next_at, behind: false }
}

fn write(store: &mut Store, write: &Write) {
    store.begin().unwrap();
    store.write(write).unwrap();
    store.commit().unwrap();
}

fn change(conversation: ConversationId, number: u64, at_id: u64, kind: ChangeKind) -> Write {
    let (at, by) = (1_700_000_000_000, ALICE);
    Write::Change(ChangeRecord { conversation, number, at, by, id: id(at_id), kind })
}

/// As seen since the messages up to this id were dropped.
fn since(dropped: u64) -> ConversationRef {
    ConversationRef { dropped: id(dropped), ..conversation_ref(LOBBY) }
}

#[test]
fn the_oldest_are_found_by_their_time_a_bounded_number_at_once() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say_all_at(&mut store, LOBBY, ALICE, &[10, 20, 20, 30, 25], "x");
    say_all_at(&mut store, OPS, ALICE, &[5; 3], "elsewhere");
    let (mut indexer, _) = readers(&dir.settings());
    let mut ask = |above, before, most| store.oldest(LOBBY, id(above), Expiry { before, now: 99 }, most).unwrap();
    // Nothing is known of what is not indexed yet.
    assert_eq!(ask(0, 99, 9), Oldest { behind: true, ..Oldest::default() });
    indexer.step(99).unwrap();
    assert_eq!(ask(0, 10, 9), oldest(0, Some(10)));
    assert_eq!(ask(0, 21, 9), oldest(3, Some(30)));
    assert_eq!(ask(0, 21, 2), oldest(2, Some(20)));
    // It is as old as those before it, whatever the clock said.
    assert_eq!(ask(3, 30, 9), oldest(0, Some(30)));
    assert_eq!(ask(3, 31, 9), oldest(5, None));
    assert_eq!(ask(5, 99, 9), Oldest::default());
}

#[test]
fn what_belongs_to_a_dropped_message_goes_with_it() {
    for indexed in [true, false] {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        let word = || ReactionWord::parse("+1").unwrap();
        store.begin().unwrap();
        for (key, text) in [("one", "red"), ("two", "blue"), ("three", "green")] {
            store.append(&Draft { key: Some(key.into()), ..draft(LOBBY, ALICE, text) }).unwrap();
        }
        for (n, about) in [(1, 1), (2, 3)] {
            store.write(&change(LOBBY, 2 * n - 1, about, ChangeKind::React { word: word(), count: 1 })).unwrap();
            store.write(&change(LOBBY, 2 * n, about, ChangeKind::Pin)).unwrap();
        }
        store.commit().unwrap();
        let (mut indexer, mut reader) = readers(&dir.settings());
        if indexed {
            indexer.step(99).unwrap();
        }
        write(&mut store, &Write::Dropped(LOBBY, id(2)));

        let reaction = |id| Reaction { conversation: LOBBY, id, by: ALICE, word: word() };
        assert_eq!([1, 3].map(|n| store.reactions(&reaction(id(n))).unwrap().count), [0, 1]);
        assert_eq!(store.pins(LOBBY, id(1)).unwrap().count, 1);
        assert_eq!([1, 2, 3].map(|n| store.find(LOBBY, id(n)).unwrap().is_some()), [false, false, true]);
        let changes = Read::Changes { conversation: since(2), after: 0, last: 9, limit: 9 };
        let rows = ask(&mut reader, changes);
        assert_eq!(rows[..2], ["| lobby 1 Alice react 1", "| lobby 2 Alice pin 1"]);
        assert_eq!(rows[2..4], ["| lobby 3 Alice react 3: 1 +1", "| lobby 4 Alice pin 3"]);
        let left: i64 = store
            .db
            .query_row("SELECT count(*) FROM change WHERE id < 3 AND data <> ''", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0);
        // Its key is free, and the next id is what it would have been.
        store.begin().unwrap();
        let mut post =
            |key: &str, text| store.append(&Draft { key: Some(key.into()), ..draft(LOBBY, ALICE, text) }).unwrap();
        assert_eq!(post("one", "yellow"), Appended::New(id(4)));
        assert_eq!(post("three", "green"), Appended::Again(id(3)));
        store.commit().unwrap();
    }
}

#[test]
fn reads_and_counts_begin_where_the_messages_do() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, BOB, &["one word", "two word", "three word", "four word"]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    indexer.step(3).unwrap();
    write(&mut store, &Write::Dropped(LOBBY, id(2)));
    for _ in 0..3 {
        let mut read = |after, limit| {
            let Read::History { before, after, times, limit, .. } = history(LOBBY, None, after, limit) else {
                panic!()
            };
            ask(&mut reader, Read::History { conversation: since(2), before, after, times, limit })
        };
        let rows = ["| lobby 3 bob: three word", "| lobby 4 bob: four word"];
        assert_eq!(read(None, 9), [rows[0], rows[1], "+ 2 messages, oldest=3"]);
        assert_eq!(read(Some(0), 1), [rows[0], "+ 1 message, more, oldest=3"]);
        assert_eq!(ask(&mut reader, search(&[LOBBY], "word")), [rows[1], rows[0], "+ 2 messages"]);
        let all = TimeRange { since: 1, until: u64::MAX };
        let timed = Read::History { conversation: since(2), before: id(9), after: None, times: all, limit: 9 };
        assert_eq!(ask(&mut reader, timed).len(), 3);
        let mut place = unread(LOBBY, 4, 0);
        place.conversation = since(2);
        let counted = Read::Conversations { hearer: hearer(ALICE, &[]), conversations: vec![place] };
        assert_eq!(ask(&mut reader, counted), ["| lobby 4 0 2 0 0", "+ 1 conversation"]);
        indexer.step(9).unwrap();
    }
    write(&mut store, &Write::Dropped(LOBBY, id(4)));
    let Read::History { before, after, times, limit, .. } = history(LOBBY, None, None, 9) else { panic!() };
    let none = Read::History { conversation: since(4), before, after, times, limit };
    assert_eq!(ask(&mut reader, none), ["+ 0 messages, oldest=5"]);
    // After a crash, too.
    drop((store, indexer));
    let (mut store, world) = open(&dir.settings());
    assert_eq!(world.retentions[0].dropped, id(4));
    assert_eq!(say(&mut store, LOBBY, BOB, &["five"]), 5);
}

#[test]
fn an_index_that_remembers_what_it_had_forgotten_is_rebuilt() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, BOB, &["one", "two", "three"]);
    let (mut indexer, reader) = readers(&dir.settings());
    indexer.step(9).unwrap();
    // The indexer last: it checkpoints its file.
    drop(reader);
    drop(indexer);
    let before = std::fs::read(dir.file(INDEX_FILE)).unwrap();
    write(&mut store, &Write::Dropped(LOBBY, id(2)));
    let (mut indexer, reader) = readers(&dir.settings());
    while indexer.step(9).unwrap() > 0 {}
    assert!(!store.idle());
    let kept: i64 = store.db.query_row("SELECT count(*) FROM dropped", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0);
    drop((store, reader));
    drop(indexer);
    // As a power cut may leave it.
    std::fs::write(dir.file(INDEX_FILE), before).unwrap();
    let (store, _) = open(&dir.settings());
    let mut indexer = Indexer::open(&dir.settings(), &mut |_, _| {}).unwrap();
    assert_eq!(indexer.step(9).unwrap(), 3);
    let index = rusqlite::Connection::open(dir.file(INDEX_FILE)).unwrap();
    let places: i64 = index.query_row("SELECT count(*) FROM position", [], |row| row.get(0)).unwrap();
    assert_eq!(places, 1);
    drop(store);
}

#[test]
fn an_index_that_is_wrong_does_not_say_what_is_dropped() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, OPS, BOB, &["kept"]);
    say(&mut store, LOBBY, BOB, &["dropped", "kept"]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    indexer.step(9).unwrap();
    let wrong = "UPDATE position SET seq = 1 WHERE conversation = 1 AND id = 1";
    rusqlite::Connection::open(dir.file(INDEX_FILE)).unwrap().execute_batch(wrong).unwrap();
    write(&mut store, &Write::Dropped(LOBBY, id(1)));
    assert_eq!(ask(&mut reader, history(OPS, None, None, 9)), ["| ops 1 bob: kept", "+ 1 message"]);
    let texts = "SELECT group_concat(text, ',') FROM (SELECT text FROM message ORDER BY seq)";
    let texts: String = store.db.query_row(texts, [], |row| row.get(0)).unwrap();
    assert_eq!(texts.replace('\u{2}', "-"), "kept,-------,kept");
}

#[test]
fn documents_stay_until_the_index_has_forgotten_them_and_then_go_a_bounded_number_at_once() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, BOB, &["x"; 600]);
    let (mut indexer, reader) = readers(&dir.settings());
    indexer.step(9999).unwrap();
    write(&mut store, &Write::Dropped(LOBBY, id(600)));
    let left =
        |store: &Store| -> i64 { store.db.query_row("SELECT count(*) FROM dropped", [], |row| row.get(0)).unwrap() };
    // There is nothing to do for now, so it need not be called again soon.
    assert!(!store.idle());
    assert_eq!(left(&store), 600);
    indexer.step(9999).unwrap();
    assert!(store.idle());
    assert!((1..600).contains(&left(&store)));
    while store.idle() {}
    assert_eq!(left(&store), 0);
    // A read keeps the log from being emptied: it has to be tried again.
    say(&mut store, LOBBY, BOB, &["y"]);
    reader.db.execute_batch("BEGIN; SELECT max(seq) FROM message").unwrap();
    write(&mut store, &Write::Dropped(LOBBY, id(601)));
    assert!(store.idle());
    reader.db.execute_batch("COMMIT").unwrap();
    assert!(!store.idle());
}

/// In how many of FTS5's blocks there is a word: all but what it has in common with the one before it is stored.
fn in_segments(index: &rusqlite::Connection, word: &str) -> i64 {
    let mut document = Document::default();
    let document = document.of(LOBBY.value(), BOB.value(), &StoredText::said(Mark::None, &[], word));
    blocks_with(index, &document[document.len() - 5..])
}

fn blocks_with(index: &rusqlite::Connection, end: &str) -> i64 {
    let sql = "SELECT count(*) FROM word_data WHERE instr(block, CAST(? AS BLOB))";
    index.query_row(sql, [end], |row| row.get(0)).unwrap()
}

/// 100 words that no other document has.
fn long_document(row: i64) -> String {
    (0..100).map(|word| format!("{row}w{word}x")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_few_that_are_dropped_leave_no_word_in_the_index() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, BOB, &["a quagga", "an okapi"]);
    let (mut indexer, _) = readers(&dir.settings());
    indexer.step(9).unwrap();
    let index = rusqlite::Connection::open(dir.file(INDEX_FILE)).unwrap();
    assert_eq!((in_segments(&index, "quagga"), in_segments(&index, "okapi")), (1, 1));
    write(&mut store, &Write::Dropped(LOBBY, id(1)));
    assert_eq!(indexer.step(9).unwrap(), 1);
    assert_eq!((in_segments(&index, "quagga"), in_segments(&index, "okapi")), (0, 1));
    // So there is nothing to merge.
    assert!(!indexer.merge());
}

#[test]
fn many_that_are_dropped_are_forgotten_at_once_and_the_index_is_merged_when_it_is_quiet() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let mut texts: Vec<String> = (0..600).map(|n| format!("number {n} of many")).collect();
    texts[500].push_str(" quagga");
    texts[595].push_str(" okapi");
    say(&mut store, LOBBY, BOB, &texts.iter().map(String::as_str).collect::<Vec<_>>());
    say(&mut store, OPS, BOB, &["number 5 of many"]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    indexer.step(9999).unwrap();
    assert!(!indexer.merge());
    let index = rusqlite::Connection::open(dir.file(INDEX_FILE)).unwrap();
    let worn = || -> bool { index.query_row("SELECT worn FROM state", [], |row| row.get(0)).unwrap() };
    let in_segments = |word: &str| in_segments(&index, word);
    assert_eq!(in_segments("quagga"), 1);
    write(&mut store, &Write::Dropped(LOBBY, id(590)));
    assert_eq!(indexer.step(9999).unwrap(), 590);
    assert!(worn());
    let mut merges = 0;
    while indexer.merge() {
        merges += 1;
        assert!(merges < 1000);
    }
    assert!(!indexer.merge());
    assert!(!worn());
    // Nothing is left of a word that only a dropped message had.
    assert_eq!(in_segments("quagga"), 0);
    assert_eq!(in_segments("okapi"), 1);
    // FTS5 checks that what is left is in order.
    index.execute("INSERT INTO word(word) VALUES('integrity-check')", []).unwrap();
    assert_eq!(ask(&mut reader, search(&[LOBBY, OPS], "number 5")), ["| ops 1 bob: number 5 of many", "+ 1 message"]);
    assert_eq!(ask(&mut reader, search(&[LOBBY], "many")).len(), 11);
}

#[test]
fn a_large_index_is_merged_in_rounds() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, BOB, &["said"]);
    let (mut indexer, _) = readers(&dir.settings());
    indexer.step(9).unwrap();
    let mut index = rusqlite::Connection::open(dir.file(INDEX_FILE)).unwrap();
    // More than four rounds' worth, in two segments, of which one is marked as removed.
    for first in [10_000, 20_000] {
        let change = index.transaction().unwrap();
        let mut insert = change.prepare("INSERT INTO word(rowid, document) VALUES(?, ?)").unwrap();
        for row in first..first + 4_000 {
            insert.execute((row, long_document(row))).unwrap();
        }
        drop(insert);
        change.commit().unwrap();
    }
    index.execute_batch("INSERT INTO word(word, rank) VALUES('secure-delete', 0); UPDATE state SET worn = 1").unwrap();
    let change = index.transaction().unwrap();
    for row in 10_000..14_000 {
        let sql = "INSERT INTO word(word, rowid, document) VALUES('delete', ?, ?)";
        change.execute(sql, (row, long_document(row))).unwrap();
    }
    change.commit().unwrap();
    let worn = || -> bool { index.query_row("SELECT worn FROM state", [], |row| row.get(0)).unwrap() };
    let mut rounds = 1;
    while indexer.merge() {
        // It is worn until there was nothing more to merge.
        assert!(worn());
        rounds += 1;
        assert!(rounds < 100);
    }
    assert!(rounds > 4, "{rounds}");
    assert!(!worn());
    assert_eq!(blocks_with(&index, "10123w7"), 0);
    index.execute("INSERT INTO word(word) VALUES('integrity-check')", []).unwrap();
}

#[test]
fn a_text_that_was_never_indexed_is_not_forgotten() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["short"]);
    let (mut indexer, _) = readers(&dir.settings());
    indexer.step(9).unwrap();
    // Edited and dropped before the index follows. FTS5 would count its words, which it never had, as gone.
    let edit = ChangeKind::Edit { text: text(&"a longer text ".repeat(50)), mentions: Box::default() };
    write(&mut store, &change(LOBBY, 1, 1, edit));
    write(&mut store, &Write::Dropped(LOBBY, id(1)));
    while indexer.step(9).unwrap() > 0 {}
    let index = rusqlite::Connection::open(dir.file(INDEX_FILE)).unwrap();
    index.execute("INSERT INTO word(word) VALUES('integrity-check')", []).unwrap();
}
