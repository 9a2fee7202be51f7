//! The indexer: going on, being made anew, damage, nudges.

use super::super::testing::{ALICE, Dir, LOBBY, OPS, PLENTY, ask, history, open, peopled, readers, say, search};
use super::super::{Reader, Sync};
use super::file::VERSION;
use super::*;

#[test]
fn an_index_goes_on_where_it_was() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["one", "two", "three"]);
    let (mut indexer, _) = readers(&dir.settings());
    assert_eq!((indexer.behind().unwrap(), indexer.step(2).unwrap(), indexer.behind().unwrap()), (3, 2, 1));
    drop(indexer);
    let (mut indexer, _) = readers(&dir.settings());
    assert_eq!((indexer.behind().unwrap(), indexer.step(2).unwrap(), indexer.step(2).unwrap()), (1, 1, 0));
}

#[test]
fn an_index_that_is_lost_broken_or_of_another_history_is_made_anew() {
    let dir = Dir::new();
    let normal = Settings { sync: Sync::Normal, ..dir.settings() };
    let mut store = peopled(&normal);
    say(&mut store, LOBBY, ALICE, &["needle"]);
    let (mut indexer, mut reader) = readers(&normal);
    indexer.step(10).unwrap();
    assert_eq!(ask(&mut reader, search(&[LOBBY], "needle")).len(), 2);
    drop((indexer, reader));
    let index = dir.file(INDEX_FILE);
    let spoil: [&dyn Fn(); 5] = [
        &|| std::fs::remove_file(&index).unwrap(),
        &|| std::fs::write(&index, vec![b'?'; 10_000]).unwrap(),
        &|| Connection::open(&index).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap(),
        &|| Connection::open(&index).unwrap().execute_batch("UPDATE state SET words = 99").unwrap(),
        &|| Connection::open(&index).unwrap().execute_batch("UPDATE state SET places = 99").unwrap(),
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
fn damage_while_running_is_searched_around_and_mended_at_the_next_start() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &vec!["needle"; 2000]);
    let (mut indexer, _) = readers(&dir.settings());
    while indexer.step(100).unwrap() > 0 {}
    let other = Connection::open(dir.file(INDEX_FILE)).unwrap();
    other.execute_batch("DELETE FROM line_data").unwrap();
    say(&mut store, LOBBY, ALICE, &["needle"]);
    let mut reader = Reader::open(&dir.settings(), PLENTY).unwrap();
    let found = ask(&mut reader, search(&[LOBBY], "needle"));
    assert!(found.last().unwrap().starts_with("+ 50 messages, more="), "{found:?}");
    assert!(matches!(indexer.step(10), Err(IndexError::Damaged { .. })));
    drop((other, indexer, reader));
    let (mut indexer, mut reader) = readers(&dir.settings());
    assert_eq!((indexer.behind().unwrap(), indexer.step(9000).unwrap()), (2001, 2001));
    assert_eq!(ask(&mut reader, search(&[LOBBY], "needle")), found);
}

#[test]
fn damaged_places_are_read_around_and_mended_at_the_next_start() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &vec!["needle"; 2000]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    indexer.step(9000).unwrap();
    let wanted = ask(&mut reader, history(LOBBY, Some(1000), None, 50));
    assert_eq!(wanted[49], "| lobby 999 Alice: needle");
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'place'";
    let root: u64 = indexer.index.query_row(root, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs();
    // The writer last: it folds its log back into the file.
    drop((reader, indexer));
    // The root page of the places, as a failing disk would leave it.
    let mut bytes = std::fs::read(dir.file(INDEX_FILE)).unwrap();
    let start = usize::try_from((root - 1) * 4096).unwrap();
    bytes[start..start + 4096].fill(b'?');
    std::fs::write(dir.file(INDEX_FILE), bytes).unwrap();
    let (mut indexer, mut reader) = readers(&dir.settings());
    assert_eq!(ask(&mut reader, history(LOBBY, Some(1000), None, 50)), wanted);
    assert_eq!(ask(&mut reader, history(LOBBY, None, Some(949), 50)), wanted);
    say(&mut store, LOBBY, ALICE, &["needle"]);
    assert!(matches!(indexer.step(10), Err(IndexError::Damaged { .. })));
    drop((indexer, reader));
    let (mut indexer, mut reader) = readers(&dir.settings());
    assert_eq!((indexer.behind().unwrap(), indexer.step(9000).unwrap()), (2001, 2001));
    assert_eq!(ask(&mut reader, history(LOBBY, Some(1000), None, 50)), wanted);
}

#[test]
fn a_message_that_is_not_where_the_index_says_is_not_shown() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, OPS, ALICE, &["secret"]);
    say(&mut store, LOBBY, ALICE, &["open"]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    indexer.step(10).unwrap();
    let places = "DELETE FROM place; INSERT INTO place VALUES(1, 1, 2, 1), (1, 2, 2, 2), (1, 3, 2, 3)";
    indexer.index.execute_batch(places).unwrap();
    assert_eq!(ask(&mut reader, history(LOBBY, None, None, 50)), ["| lobby 1 Alice: open", "+ 1 messages"]);
}

#[test]
fn what_is_read_while_the_index_moves_is_whole() {
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
        let wanted: Vec<String> = (1..=n).map(|id| format!("| lobby {id} Alice: line")).collect();
        assert_eq!(lines[..lines.len() - 1], wanted);
    }
    drop(running);
    thread.join().unwrap();
}

#[test]
fn nudges_are_followed_until_their_senders_are_gone() {
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
fn a_start_far_behind_catches_up_and_tells_of_it() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let many = vec!["x"; 60_000];
    say(&mut store, LOBBY, ALICE, &many);
    say(&mut store, LOBBY, ALICE, &many);
    let mut told = Vec::new();
    let indexer = Indexer::open(&dir.settings(), &mut |done, all| told.push((done, all))).unwrap();
    assert_eq!(told, [(0, 120_000), (50_000, 120_000), (100_000, 120_000), (120_000, 120_000)]);
    assert_eq!(indexer.behind().unwrap(), 0);
}
