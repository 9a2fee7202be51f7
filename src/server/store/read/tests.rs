//! History, conversations and welcomes as the wire shows them.

use super::super::test_support::{
    ALICE, BOB, Dir, LOBBY, OPS, PAIR, account, ask, ask_within, conversation_ref, draft, hearer, history, id, peopled,
    readers, say, search, unread, welcome,
};
use super::locate::{COUNT, NEWEST_FIRST, OLDEST_FIRST};
use super::*;
use crate::protocol::names::{AccountId, ConversationId};
use crate::server::traffic::{AuditRecord, Draft, Mark, Write};
use proptest::prelude::*;

/// How many of SQLite's steps a read takes, to the next hundred.
pub(super) fn steps(reader: &mut Reader, read: Read) -> (Vec<String>, u64) {
    let steps = Arc::new(AtomicU64::new(0));
    for db in [&mut reader.db, reader.index.as_mut().unwrap()] {
        let steps = Arc::clone(&steps);
        let count = move || {
            steps.fetch_add(100, Ordering::Relaxed);
            false
        };
        db.progress_handler(100, Some(count)).unwrap();
    }
    let lines = ask(reader, read);
    (lines, steps.load(Ordering::Relaxed))
}

#[test]
fn marks_are_shown_and_not_searched() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    store.begin().unwrap();
    for (mark, text) in
        [(Mark::None, "hello"), (Mark::Me, "waves hello"), (Mark::Reply { id: id(1), author: ALICE }, "hello me")]
    {
        store.append(&Draft { mark, ..draft(LOBBY, BOB, text) }).unwrap();
    }
    store.commit().unwrap();
    let (mut indexer, mut reader) = readers(&dir.settings());
    let rows = ["| lobby 1 bob: hello", "| lobby 2 bob (me): waves hello", "| lobby 3 bob (re 1 Alice): hello me"];
    for _ in 0..2 {
        assert_eq!(ask(&mut reader, history(LOBBY, None, None, 50))[..3], rows);
        assert_eq!(ask(&mut reader, search(&[LOBBY], "hello"))[..3], [rows[2], rows[1], rows[0]]);
        assert_eq!(ask(&mut reader, search(&[LOBBY], "me")), [rows[2], "+ 1 message"]);
        indexer.step(10).unwrap();
    }
}

#[test]
fn history_is_bounded_on_both_sides() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["one", "two", "three", "four", "five"]);
    say(&mut store, PAIR, BOB, &["psst"]);
    let (_indexer, mut reader) = readers(&dir.settings());
    let mut lines = |before, after, limit| ask(&mut reader, history(LOBBY, before, after, limit));
    assert_eq!(lines(None, None, 2), ["| lobby 4 Alice: four", "| lobby 5 Alice: five", "+ 2 messages, more"]);
    assert_eq!(lines(Some(4), None, 2), ["| lobby 2 Alice: two", "| lobby 3 Alice: three", "+ 2 messages, more"]);
    assert_eq!(lines(Some(2), None, 2), ["| lobby 1 Alice: one", "+ 1 message"]);
    assert_eq!(lines(None, Some(0), 2), ["| lobby 1 Alice: one", "| lobby 2 Alice: two", "+ 2 messages, more"]);
    assert_eq!(lines(None, Some(3), 2), ["| lobby 4 Alice: four", "| lobby 5 Alice: five", "+ 2 messages"]);
    assert_eq!(lines(Some(4), Some(1), 2), ["| lobby 2 Alice: two", "| lobby 3 Alice: three", "+ 2 messages"]);
    assert_eq!(lines(Some(5), Some(1), 2).last().unwrap(), "+ 2 messages, more");
    assert_eq!(lines(None, Some(5), 2), ["+ 0 messages"]);
    assert_eq!(lines(Some(1), None, 2), ["+ 0 messages"]);
    assert_eq!(ask(&mut reader, history(PAIR, None, None, 50)), ["| @bob 1 bob: psst", "+ 1 message"]);
    assert_eq!(ask(&mut reader, history(OPS, None, None, 50)), ["+ 0 messages"]);
}

#[test]
fn rows_carry_the_time() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["hello"]);
    let (_indexer, mut reader) = readers(&dir.settings());
    let read_job = ReadJob {
        conn: crate::protocol::names::ConnId::new(0, 1),
        answer_bytes: 1 << 20,
        read: history(LOBBY, None, None, 1),
    };
    let mut out = Vec::new();
    reader.answer(read_job).rows.encode(None, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "| lobby 1 2023-11-14T22:13:20.000Z Alice: hello\n");
}

#[test]
fn an_answer_is_bounded_by_its_bytes() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let long = "x".repeat(1000);
    say(&mut store, LOBBY, BOB, &[&*long; 5]);
    let (_indexer, mut reader) = readers(&dir.settings());
    let ids =
        |lines: &[String]| lines.iter().filter_map(|l| l.split(' ').nth(2)?.parse::<u64>().ok()).collect::<Vec<_>>();
    let newest = ask_within(&mut reader, 2500, history(LOBBY, None, None, 50));
    assert_eq!((ids(&newest), newest.last().unwrap().as_str()), (vec![4, 5], "+ 2 messages, more"));
    let oldest = ask_within(&mut reader, 2500, history(LOBBY, None, Some(0), 50));
    assert_eq!((ids(&oldest), oldest.last().unwrap().as_str()), (vec![1, 2], "+ 2 messages, more"));
    let found = ask_within(&mut reader, 2500, search(&[LOBBY], &long));
    assert_eq!((ids(&found), found.last().unwrap().as_str()), (vec![5, 4], "+ 2 messages, more=4"));
    // At least one row, or a client could never go on.
    assert_eq!(ids(&ask_within(&mut reader, 10, history(LOBBY, None, None, 50))), [5]);
    let shown = ask_within(&mut reader, 10, welcome(Some(unread(LOBBY, 5, 0)), 20, vec![]));
    assert_eq!(shown[0], "| 4 earlier lines: /history lobby after=0");
}

/// What is shown unasked leaves it out; what is asked for does not.
#[test]
fn a_welcome_leaves_out_whom_the_account_ignores() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let carol = AccountId::new(4);
    store.begin().unwrap();
    store.write(&account(carol, "carol")).unwrap();
    store.commit().unwrap();
    for author in [carol, BOB, carol, BOB] {
        say(&mut store, LOBBY, author, &["hi"]);
    }
    say(&mut store, PAIR, BOB, &["psst"]);
    let ignoring = |replay| {
        let others = vec![ReadPosition { unheard: true, ..unread(PAIR, 1, 0) }];
        let last = Final::Done("welcome Alice".to_owned());
        Read::Welcome { hearer: hearer(ALICE, &[BOB]), room: Some(unread(LOBBY, 4, 0)), replay, others, last }
    };
    let markers = vec![ReadPosition { unheard: true, ..unread(PAIR, 1, 0) }];
    let (mut indexer, mut reader) = readers(&dir.settings());
    // Behind the index's mark, and in the index.
    for _ in 0..2 {
        assert_eq!(ask(&mut reader, ignoring(20)), ["| lobby 1 carol: hi", "| lobby 3 carol: hi", "+ welcome Alice"]);
        assert_eq!(
            ask(&mut reader, ignoring(1)),
            ["| 3 earlier lines: /history lobby after=0", "| lobby 3 carol: hi", "+ welcome Alice"]
        );
        let read = Read::Conversations { hearer: hearer(ALICE, &[]), conversations: markers.clone() };
        assert_eq!(ask(&mut reader, read), ["| @bob 1 0 0 0 0", "+ 1 conversation"]);
        indexer.step(10).unwrap();
    }
}

/// One author must not make a login expensive.
#[test]
fn a_welcome_passes_over_only_so_many() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["mine"]);
    say(&mut store, LOBBY, BOB, &vec!["hi"; 1001]);
    let (_indexer, mut reader) = readers(&dir.settings());
    let last = Final::Done("welcome Alice".to_owned());
    let read = Read::Welcome {
        hearer: hearer(ALICE, &[BOB]),
        room: Some(unread(LOBBY, 1002, 0)),
        replay: 20,
        others: vec![],
        last,
    };
    let shown = ["| 1002 earlier lines: /history lobby after=0", "+ welcome Alice"];
    assert_eq!(ask(&mut reader, read), shown);
}

#[test]
fn conversations_do_not_count_the_accounts_own_messages() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["mine", "mine", "mine"]);
    say(&mut store, LOBBY, BOB, &["his"]);
    say(&mut store, PAIR, BOB, &["psst", "psst"]);
    let (_indexer, mut reader) = readers(&dir.settings());
    let markers = vec![unread(LOBBY, 4, 1), unread(OPS, 0, 0), unread(PAIR, 2, 0)];
    let read = Read::Conversations { hearer: hearer(ALICE, &[]), conversations: markers.clone() };
    assert_eq!(
        ask(&mut reader, read),
        ["| lobby 4 1 1 0 0", "| ops 0 0 0 0 0", "| @bob 2 0 2 0 0", "+ 3 conversations"]
    );
    let read = Read::Conversations { hearer: hearer(BOB, &[]), conversations: markers };
    assert_eq!(
        ask(&mut reader, read),
        ["| lobby 4 1 2 0 0", "| ops 0 0 0 0 0", "| @bob 2 0 0 0 0", "+ 3 conversations"]
    );
}

#[test]
fn a_welcome_shows_what_is_unread() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, BOB, &["one", "two", "three"]);
    say(&mut store, LOBBY, ALICE, &["mine"]);
    say(&mut store, OPS, BOB, &["up", "down"]);
    say(&mut store, PAIR, BOB, &["psst"]);
    let (_indexer, mut reader) = readers(&dir.settings());
    let mut shown = |room, replay, others| ask(&mut reader, welcome(room, replay, others));
    let others = || vec![unread(OPS, 2, 0), unread(PAIR, 1, 0)];
    assert_eq!(
        shown(Some(unread(LOBBY, 4, 0)), 2, others()),
        [
            "| 2 earlier lines: /history lobby after=0",
            "| lobby 3 bob: three",
            "| lobby 4 Alice: mine",
            "| ops: 2 new lines. /history ops after=0",
            "| @bob: 1 new line. /history @bob after=0",
            "+ welcome Alice",
        ]
    );
    assert_eq!(
        shown(Some(unread(LOBBY, 4, 2)), 2, vec![]),
        ["| lobby 3 bob: three", "| lobby 4 Alice: mine", "+ welcome Alice"]
    );
    assert_eq!(shown(Some(unread(LOBBY, 4, 1)), 2, vec![])[0], "| 1 earlier line: /history lobby after=1");
    // Only the account's own messages are unread.
    assert_eq!(shown(Some(unread(LOBBY, 4, 3)), 20, vec![unread(OPS, 2, 2)]), ["+ welcome Alice"]);
    assert_eq!(shown(None, 20, vec![]), ["+ welcome Alice"]);
    assert_eq!(
        shown(Some(unread(LOBBY, 4, 0)), 0, vec![]),
        ["| lobby: 3 new lines. /history lobby after=0", "+ welcome Alice"]
    );
}

#[test]
fn positions_are_found_by_their_key_only() {
    let dir = Dir::new();
    let _store = peopled(&dir.settings());
    let (_indexer, reader) = readers(&dir.settings());
    for sql in [OLDEST_FIRST, NEWEST_FIRST, COUNT] {
        let plan = format!("EXPLAIN QUERY PLAN {}", sql.replace("?4", "?3"));
        let mut plan = reader.index.as_ref().unwrap().prepare(&plan).unwrap();
        let plan: Vec<String> = plan.query_map([1, 2, 3], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        assert_eq!(plan, ["SEARCH position USING PRIMARY KEY (conversation=? AND id>? AND id<?)"]);
    }
}

#[test]
fn a_server_that_keeps_nothing_says_so() {
    let dir = Dir::new();
    let forget = StoreSettings { keep: false, ..dir.settings() };
    let mut store = peopled(&forget);
    say(&mut store, LOBBY, BOB, &["gone"]);
    let (mut indexer, mut reader) = readers(&forget);
    assert_eq!(indexer.step(10).unwrap(), 0);
    for read in [history(LOBBY, None, None, 50), search(&[LOBBY], "gone")] {
        assert_eq!(ask(&mut reader, read), ["+ 0 messages - this server keeps no history"]);
    }
    let read = Read::Conversations { hearer: hearer(ALICE, &[]), conversations: vec![unread(LOBBY, 1, 0)] };
    assert_eq!(ask(&mut reader, read), ["| lobby 1 0 0 0 0", "+ 1 conversation"]);
    assert_eq!(ask(&mut reader, welcome(Some(unread(LOBBY, 1, 0)), 20, vec![])), ["+ welcome Alice"]);
}

#[test]
fn a_read_that_takes_too_long_is_stopped() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, BOB, &vec!["a needle?"; 5000]);
    let (mut indexer, reader) = readers(&dir.settings());
    indexer.step(1).unwrap();
    let mut reader = reader.with_time_limit(Duration::ZERO);
    let answer = ask(&mut reader, search(&[LOBBY], "haystack"));
    assert_eq!(answer, ["- busy: that took too long and was stopped; narrow it, or try again later"]);
    let shown = ask(&mut reader, welcome(Some(unread(LOBBY, 5000, 0)), 20, vec![]));
    assert!(shown[0].starts_with("* busy: your unread lines"), "{shown:?}");
    assert_eq!(shown[1], "+ welcome Alice");
    let mut reader = reader.with_time_limit(READ_DEADLINE);
    assert_eq!(ask(&mut reader, search(&[LOBBY], "haystack")), ["+ 0 messages"]);
    // That is no reason to take the index for damaged, and to build it again at the next start.
    drop((indexer, reader));
    assert_eq!(readers(&dir.settings()).0.behind().unwrap(), 4999);
}

#[test]
fn the_deadline_comes_with_time() {
    let ago = Duration::from_secs(10);
    let deadline = Deadline { start: clock::now().checked_sub(ago).unwrap(), end: AtomicU64::new(u64::MAX) };
    assert!(!deadline.is_over());
    deadline.set(Duration::from_mins(10));
    assert!(!deadline.is_over());
    deadline.end.store(9_999, Ordering::Relaxed);
    assert!(deadline.is_over());
}

#[test]
fn a_conversation_without_messages_has_an_empty_history() {
    let dir = Dir::new();
    let _store = peopled(&dir.settings());
    let (_indexer, mut reader) = readers(&dir.settings());
    let nowhere = conversation_ref(crate::protocol::names::ConversationId::new(999));
    let (before, times) = (crate::protocol::names::MessageId::MAX, crate::server::traffic::TimeRange::ALL);
    let read = Read::History { conversation: nowhere, before, after: None, times, limit: 1000 };
    assert_eq!(ask(&mut reader, read), ["+ 0 messages"]);
}

#[test]
fn messages_that_are_not_indexed_yet_are_read_with_those_that_are() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["one", "two", "three"]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    indexer.step(2).unwrap();
    drop(store);
    // After a crash, with the index behind and then lost.
    let (mut store, _) = crate::server::store::Store::open(&dir.settings()).unwrap();
    assert_eq!(say(&mut store, LOBBY, BOB, &["four"]), 4);
    let lines = ["| lobby 2 Alice: two", "| lobby 3 Alice: three", "| lobby 4 bob: four", "+ 3 messages, more"];
    assert_eq!(ask(&mut reader, history(LOBBY, None, None, 3)), lines);
    drop((indexer, reader));
    std::fs::remove_file(dir.file(INDEX_FILE)).unwrap();
    let (mut indexer, mut reader) = readers(&dir.settings());
    assert_eq!(ask(&mut reader, history(LOBBY, None, None, 3)), lines);
    assert_eq!((indexer.behind().unwrap(), indexer.step(10).unwrap()), (4, 4));
    assert_eq!(ask(&mut reader, history(LOBBY, None, None, 3)), lines);
}

/// Every kind of read by id, within bounds that may or may not fit the messages.
fn reads(bounds: (u64, u64), limit: u32) -> Vec<Read> {
    let (low, high) = bounds;
    let rooms = [LOBBY, OPS, PAIR];
    let all = || rooms.iter().map(|&room| unread(room, high, low)).collect::<Vec<_>>();
    let mut reads = vec![
        Read::Conversations { hearer: hearer(ALICE, &[]), conversations: all() },
        welcome(Some(unread(LOBBY, high, low)), limit, all().split_off(1)),
        welcome(None, limit, all()),
        welcome(Some(unread(OPS, high, low)), 0, vec![]),
    ];
    for room in rooms {
        for (before, after) in [(None, None), (Some(high), None), (None, Some(low)), (Some(high), Some(low))] {
            reads.push(history(room, before, after, limit));
        }
    }
    reads
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn it_makes_no_difference_how_far_the_index_is(
        said in proptest::collection::vec((1..4i64, prop_oneof![Just(ALICE), Just(BOB)]), 1..40),
        bounds in (0..20u64, 0..20u64),
        limit in 1..10u32,
        steps in proptest::collection::vec(1..12i64, 1..4),
    ) {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        let (mut indexer, mut reader) = readers(&dir.settings());
        let mut ids = std::collections::HashMap::<i64, usize>::new();
        for (n, (room, author)) in said.iter().enumerate() {
            say(&mut store, ConversationId::new(*room), *author, &[&format!("line {n}")]);
            *ids.entry(*room).or_default() += 1;
        }
        let mut answers = || reads(bounds, limit).into_iter().map(|read| ask(&mut reader, read)).collect::<Vec<_>>();
        let none = answers();
        let all = ids.get(&1).copied().unwrap_or_default().min(limit as usize);
        prop_assert_eq!(none[4].len(), all + 1);
        for step in steps {
            indexer.step(step).unwrap();
            prop_assert_eq!(&none, &answers());
        }
        while indexer.step(100).unwrap() > 0 {}
        prop_assert_eq!(&none, &answers());
    }
}

#[test]
fn the_audit_log_is_paged_from_its_end_whether_or_not_messages_are_kept() {
    for keep in [true, false] {
        let dir = Dir::new();
        let settings = StoreSettings { keep, ..dir.settings() };
        let mut store = peopled(&settings);
        let note = |conversation, verb, whom: &str, reason: &str| {
            let (whom, reason) = (whom.to_owned(), reason.to_owned());
            Write::Audit(AuditRecord { conversation, at: 1_700_000_000_000, by: ALICE, verb, whom, reason })
        };
        let writes = [
            note(Some(OPS), "kick", "bob", "no flooding"),
            note(None, "disable", "bob", ""),
            note(Some(LOBBY), "slow", "", "off"),
            note(Some(OPS), "slow", "", "30s"),
            note(Some(OPS), "unmute", "bob", ""),
        ];
        store.begin().unwrap();
        writes.iter().for_each(|write| store.write(write).unwrap());
        store.commit().unwrap();
        let audit = |conversation, limit, more| Read::Audit { conversation, limit, more };
        let (_indexer, mut reader) = readers(&settings);
        let first = ask(&mut reader, audit(Some(OPS), 2, None));
        assert_eq!(first, ["| Alice unmute bob", "| Alice slow - 30s", "+ 2 actions, more=4"]);
        let second = ask(&mut reader, audit(Some(OPS), 2, Some(4)));
        assert_eq!(second, ["| Alice kick bob no flooding", "+ 1 action"]);
        assert_eq!(ask(&mut reader, audit(None, 50, None)), ["| Alice disable bob", "+ 1 action"]);
    }
}
