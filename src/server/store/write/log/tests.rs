//! The write-ahead log: when it is checkpointed and restarted, and how long it gets at most.
//!
//! `CHITCHAT_LOG_SECONDS` says how long lines come as fast as they can; the default is 3.

use super::*;
use crate::server::store::db::{DATABASE_FILE, PAGE, StoreSettings, Sync, connect_reader, connect_writer};
use crate::server::store::test_support::{ALICE, Dir, LOBBY, draft, id, peopled, say};
use crate::server::store::write::Store;
use crate::server::store::{Checkpointer, Committed};
use crate::server::traffic::{ChangeKind, ChangeRecord, Write};
use crossbeam_channel::{RecvTimeoutError, bounded};

/// Small marks, so that a few commits reach each. There are still `REST_MAX` pages left for the writer.
const SMALL: Marks = Marks { quiet: 256, long: 300, again: 100, force: 2_000, most: 4_000 };

fn store(dir: &Dir, marks: Marks) -> Store {
    let mut store = peopled(&StoreSettings { sync: Sync::Normal, ..dir.settings() });
    store.log.marks = marks;
    store.log.restarted();
    store
}

/// Commits as many lines of a page each in one transaction.
fn commit(store: &mut Store, lines: usize) -> Committed {
    let text = "x".repeat(900);
    store.begin().unwrap();
    for _ in 0..lines {
        store.append(&draft(LOBBY, ALICE, &text)).unwrap();
    }
    store.commit().unwrap()
}

/// A read that goes on until it is dropped.
fn read(dir: &Dir) -> Connection {
    let reader = connect_reader(&dir.file(DATABASE_FILE)).unwrap();
    reader.execute_batch("BEGIN; SELECT max(seq) FROM message").unwrap();
    reader
}

/// As when lines come while the other thread checkpoints: those are left.
fn checkpoint_but_a_rest(store: &mut Store, dir: &Dir) {
    let reading = read(dir);
    assert!(!commit(store, 50).long_log);
    Checkpointer::open(&dir.settings()).unwrap().checkpoint();
    drop(reading);
}

#[test]
fn it_is_checkpointed_when_it_is_quiet() {
    let dir = Dir::new();
    let mut store = store(&dir, MARKS);
    // What an earlier run may have left in it.
    assert!(!store.idle());
    commit(&mut store, 2 * 256);
    let pages = store.log.pages();
    assert!(pages > MARKS.quiet && store.log.checkpointed == 0, "{:?}", store.log);
    store.idle();
    assert_eq!(store.log.checkpointed, pages);
    // The log was restarted, and is not longer.
    commit(&mut store, 1);
    assert!(store.log.pages() < 10, "{:?}", store.log);
}

#[test]
fn when_it_is_long_it_is_checkpointed_beside_the_commits_and_restarted() {
    let dir = Dir::new();
    let mut store = store(&dir, SMALL);
    assert!(!commit(&mut store, 200).long_log);
    assert!(commit(&mut store, 200).long_log);
    checkpoint_but_a_rest(&mut store, &dir);
    // The writer itself checkpoints the rest.
    assert!(!commit(&mut store, 1).long_log);
    assert_eq!(store.log.checkpointed, store.log.pages());
    assert!(!commit(&mut store, 1).long_log);
    assert!(store.log.pages() < 10, "{:?}", store.log);
    // All begins again.
    assert!(commit(&mut store, 400).long_log);
}

#[test]
fn the_other_thread_is_asked_once_and_again_when_it_has_grown() {
    let dir = Dir::new();
    let mut store = store(&dir, SMALL);
    assert!(commit(&mut store, 400).long_log);
    assert!(!commit(&mut store, 50).long_log);
    assert!(commit(&mut store, 100).long_log);
}

#[test]
fn while_another_checkpoints_each_commit_tries_again_and_then_it_is_restarted() {
    let dir = Dir::new();
    let mut store = store(&dir, SMALL);
    assert!(commit(&mut store, 400).long_log);
    checkpoint_but_a_rest(&mut store, &dir);

    // Another connection has the checkpoint's lock: a full checkpoint waits for the writer.
    store.begin().unwrap();
    let (has_lock, locked) = bounded(1);
    let (end, ended) = bounded::<()>(0);
    let mut other = connect_writer(&dir.file(DATABASE_FILE), PAGE).unwrap();
    let waits = move |_| {
        has_lock.send(()).unwrap();
        let _ = ended.recv();
        false
    };
    other.busy_handler(Some(waits)).unwrap();
    let other = std::thread::spawn(move || {
        let _ = other.wal_checkpoint_v2(Some("main"), CheckpointMode::FULL);
    });
    locked.recv().unwrap();
    let marks = (store.log.rest_at, store.log.ask_at, store.log.force_at);
    store.commit().unwrap();
    for _ in 0..10 {
        assert!(!commit(&mut store, 1).long_log);
        assert_eq!((store.log.rest_at, store.log.ask_at, store.log.force_at), marks);
    }
    assert!(store.log.checkpointed < store.log.pages());

    drop(end);
    other.join().unwrap();
    commit(&mut store, 1);
    commit(&mut store, 1);
    assert!(store.log.pages() < 10, "{:?}", store.log);
}

#[test]
fn the_other_thread_checkpoints_it_at_each_nudge_until_it_is_to_end() {
    let dir = Dir::new();
    let mut store = store(&dir, SMALL);
    assert!(commit(&mut store, 400).long_log);
    let (nudge, nudges) = bounded(1);
    nudge.send(()).unwrap();
    drop(nudge);
    Checkpointer::open(&dir.settings()).unwrap().run(&nudges);
    commit(&mut store, 1);
    assert!(store.log.pages() < 10, "{:?}", store.log);
}

#[test]
fn a_commit_checkpoints_it_when_nothing_else_does() {
    let dir = Dir::new();
    let mut store = store(&dir, SMALL);
    for _ in 0..4 {
        commit(&mut store, 500);
    }
    assert!(store.log.pages() > SMALL.force, "{:?}", store.log);
    commit(&mut store, 1);
    assert!(store.log.pages() < 10, "{:?}", store.log);
}

#[test]
fn a_long_read_lets_it_grow_and_soon_after_it_is_restarted() {
    let dir = Dir::new();
    let mut store = store(&dir, SMALL);
    let checkpointer = Checkpointer::open(&dir.settings()).unwrap();
    commit(&mut store, 400);
    let reading = read(&dir);
    let began = Instant::now();
    while store.log.pages() < SMALL.most - SMALL.again {
        if commit(&mut store, 10).long_log {
            checkpointer.checkpoint();
        }
    }
    // Each attempt that waits for the reader comes after 400 more pages.
    assert!(began.elapsed() > 4 * WAIT, "{:?}", began.elapsed());

    let longest = store.log.pages();
    drop(reading);
    let mut added = 0;
    while store.log.pages() > SMALL.long {
        if commit(&mut store, 10).long_log {
            checkpointer.checkpoint();
        }
        added = added.max(store.log.pages() - longest);
    }
    assert!(added <= FORCE_AGAIN * SMALL.again, "{added}");
}

#[test]
fn when_it_is_far_too_long_a_commit_waits_for_the_reads() {
    assert!(WAIT_MOST > crate::server::store::read::READ_DEADLINE);
    let dir = Dir::new();
    let mut store = store(&dir, Marks { most: 2_000, ..SMALL });
    commit(&mut store, 1);
    let reading = read(&dir);
    let reader = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        drop(reading);
    });
    let began = Instant::now();
    commit(&mut store, 2_100);
    assert!(began.elapsed() > Duration::from_millis(200));
    reader.join().unwrap();
    commit(&mut store, 1);
    assert!(store.log.pages() < 10, "{:?}", store.log);
}

#[test]
fn reads_that_overlap_without_end_do_not_keep_it_from_being_restarted() {
    let dir = Dir::new();
    // Where the machine is busy, a read may well go on for longer than a commit waits.
    let marks = Marks { most: 40_000, ..SMALL };
    let mut store = store(&dir, marks);
    commit(&mut store, 1);
    let (end, ended) = bounded::<()>(0);
    let (mut one, mut other) = (read(&dir), read(&dir));
    let reader = std::thread::spawn(move || {
        while ended.recv_timeout(Duration::from_millis(2)) == Err(RecvTimeoutError::Timeout) {
            // One of the two always reads.
            one.execute_batch("COMMIT; BEGIN; SELECT max(seq) FROM message").unwrap();
            std::mem::swap(&mut one, &mut other);
        }
    });
    let (mut longest, mut restarts) = (0, 0);
    while restarts < 3 {
        let before = store.log.pages();
        commit(&mut store, 10);
        longest = longest.max(store.log.pages());
        restarts += usize::from(store.log.pages() < before);
        assert!(longest < marks.most, "{:?}", store.log);
    }
    drop(end);
    reader.join().unwrap();
}

#[test]
fn it_stays_below_20_mb_while_lines_come_as_fast_as_they_can() {
    check_longest(PAGE, 20_000_000);
}

#[test]
fn it_stays_below_64_mb_in_a_database_with_pages_of_4_kib() {
    check_longest(4_096, 64_000_000);
}

/// Lines come as fast as they can, into a database whose pages have that size.
fn check_longest(page: u32, most: u64) {
    let seconds = std::env::var("CHITCHAT_LOG_SECONDS").map_or(3, |seconds| seconds.parse().unwrap());
    let dir = Dir::new();
    // A database keeps the size with which it was made.
    drop(connect_writer(&dir.file(DATABASE_FILE), page).unwrap());
    let mut store = store(&dir, MARKS);
    assert_eq!(store.db.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0)).unwrap(), page);
    let checkpointer = Checkpointer::open(&dir.settings()).unwrap();
    let (nudge, nudges) = bounded(1);
    let thread = std::thread::spawn(move || checkpointer.run(&nudges));
    let file = dir.file("chitchat.db-wal");
    let text = "x".repeat(64);
    let (began, mut lines, mut longest) = (Instant::now(), 0, 0);
    // A commit a line, and now and then a turn full of pasted ones.
    while began.elapsed() < Duration::from_secs(seconds) {
        let together = if lines % 3_000 == 0 { 1_000 } else { 1 };
        store.begin().unwrap();
        for _ in 0..together {
            store.append(&draft(LOBBY, ALICE, &text)).unwrap();
        }
        if store.commit().unwrap().long_log {
            let _ = nudge.try_send(());
        }
        lines += together;
        if lines % 100 == 0 {
            longest = longest.max(std::fs::metadata(&file).unwrap().len());
        }
    }
    drop(nudge);
    thread.join().unwrap();
    assert!(longest <= most, "{longest} bytes, {lines} lines");
    // It was long enough to need the other thread.
    assert!(lines < 5_000 || longest > u64::from(page) * MARKS.long as u64, "{longest} bytes, {lines} lines");
}

/// Whether any file of the data directory has the word.
fn is_in_a_file(dir: &Dir, word: &str) -> bool {
    std::fs::read_dir(dir.file("")).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes.windows(word.len()).any(|part| part == word.as_bytes())
    })
}

fn remove(store: &mut Store) {
    let kind = ChangeKind::Redact(None);
    let change = ChangeRecord { conversation: LOBBY, number: 1, at: 1, by: ALICE, id: id(1), kind };
    store.begin().unwrap();
    store.write(&Write::Change(change)).unwrap();
    store.commit().unwrap();
}

#[test]
fn the_other_thread_is_asked_though_there_are_two_reasons() {
    let dir = Dir::new();
    let mut store = store(&dir, SMALL);
    store.patience = Duration::ZERO;
    // It is long, and it may hold what an earlier run removed.
    assert!(commit(&mut store, 400).long_log);
}

#[test]
fn at_the_end_it_has_nothing_of_what_was_removed() {
    let dir = Dir::new();
    let mut store = store(&dir, MARKS);
    // While another connection is open, to close the last writing one does not remove the log.
    let other = connect_reader(&dir.file(DATABASE_FILE)).unwrap();
    other.query_row("SELECT count(*) FROM message", [], |row| row.get::<_, i64>(0)).unwrap();
    say(&mut store, LOBBY, ALICE, &["xylophone"]);
    remove(&mut store);
    assert!(is_in_a_file(&dir, "xylophone"));
    store.close().unwrap();
    assert!(!is_in_a_file(&dir, "xylophone"));
}

#[test]
fn what_is_removed_leaves_it_in_time_though_it_is_never_quiet() {
    let dir = Dir::new();
    let mut store = store(&dir, MARKS);
    assert!(!store.idle());
    let in_a_file = |dir: &Dir| is_in_a_file(dir, "xylophone");
    say(&mut store, LOBBY, ALICE, &["xylophone"]);
    remove(&mut store);
    assert!(!commit(&mut store, 1).long_log && in_a_file(&dir));
    // A minute later: first the other thread is asked, and a read that goes on is not waited for.
    store.patience = Duration::ZERO;
    let reading = read(&dir);
    assert!(commit(&mut store, 1).long_log && in_a_file(&dir));
    Checkpointer::open(&dir.settings()).unwrap().checkpoint();
    let end = Instant::now() + Duration::from_secs(20);
    while !commit(&mut store, 1).long_log {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(in_a_file(&dir));
    drop(reading);
    while in_a_file(&dir) {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(20));
        commit(&mut store, 1);
    }
    assert!(!commit(&mut store, 1).long_log);
}
