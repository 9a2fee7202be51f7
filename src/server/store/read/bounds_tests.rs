//! History and search by time, history around a message, and answers that are full.

use super::super::Indexer;
use super::super::test_support::{
    ALICE, BOB, Dir, LOBBY, OPS, ask, ask_within, conversation_ref, history, id, peopled, readers, say, say_all_at,
    say_at, search,
};
use super::tests::steps;
use crate::protocol::names::ConversationId;
use crate::server::traffic::{Read, TimeRange};
use proptest::prelude::*;

/// The history between two times, both included.
fn history_at(since: u64, until: u64, limit: u32) -> Read {
    let (conversation, before) = (conversation_ref(LOBBY), id(u64::MAX >> 1));
    Read::History { conversation, before, after: None, times: TimeRange { since, until }, limit }
}

/// The ids of an answer's rows, and its final line.
fn ids(lines: &[String]) -> (Vec<u64>, &str) {
    let rows = lines.iter().filter_map(|line| line.strip_prefix("| ")?.split(' ').nth(1)?.parse().ok());
    (rows.collect(), lines.last().unwrap())
}

#[test]
fn history_is_found_by_its_time() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    for at in [10, 20, 20, 30, 40] {
        say_at(&mut store, LOBBY, ALICE, at, "x");
        say_at(&mut store, OPS, ALICE, at, "elsewhere");
    }
    let (mut indexer, mut reader) = readers(&dir.settings());
    for _ in 0..2 {
        let mut found = |since, until, limit| {
            let lines = ask(&mut reader, history_at(since, until, limit));
            let (ids, last) = ids(&lines);
            (ids, last.to_owned())
        };
        assert_eq!(found(20, u64::MAX, 2), (vec![2, 3], "+ 2 messages, more".to_owned()));
        assert_eq!(found(20, 30, 9), (vec![2, 3, 4], "+ 3 messages".to_owned()));
        assert_eq!(found(0, 20, 2), (vec![2, 3], "+ 2 messages, more".to_owned()));
        assert_eq!(found(31, 39, 9), (vec![], "+ 0 messages".to_owned()));
        assert_eq!(found(41, u64::MAX, 9).0, [0_u64; 0]);
        assert_eq!(found(30, 20, 9).0, [0_u64; 0]);
        while indexer.step(3).unwrap() > 0 {}
    }
}

#[test]
fn a_page_by_time_begins_behind_the_last_one() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say_all_at(&mut store, LOBBY, ALICE, &[10, 20, 30, 40], "x");
    let (mut indexer, mut reader) = readers(&dir.settings());
    for _ in 0..2 {
        for (after, expected) in [(1, vec![2, 3, 4]), (2, vec![3, 4]), (3, vec![4]), (4, vec![])] {
            let mut read = history_at(5, u64::MAX, 9);
            if let Read::History { after: from, .. } = &mut read {
                *from = Some(id(after));
            }
            assert_eq!(ids(&ask(&mut reader, read)).0, expected);
        }
        indexer.step(9).unwrap();
    }
}

/// A client goes on behind the last row: what is missing before it would never be shown.
#[test]
fn an_answer_that_is_full_has_no_gap_whatever_is_indexed() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let long = "x".repeat(1000);
    say(&mut store, LOBBY, BOB, &["a", "b", &long, &long, &long, "c", "d"]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    for _ in 0..8 {
        assert_eq!(ids(&ask_within(&mut reader, 2500, history(LOBBY, None, Some(0), 50))).0, [1, 2, 3, 4]);
        assert_eq!(ids(&ask_within(&mut reader, 2500, history(LOBBY, None, None, 50))).0, [4, 5, 6, 7]);
        indexer.step(1).unwrap();
    }
}

#[test]
fn a_time_is_found_in_few_steps_among_many_messages() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let times: Vec<u64> = (0..20_000).collect();
    say_all_at(&mut store, LOBBY, ALICE, &times, "x");
    let (mut indexer, mut reader) = readers(&dir.settings());
    while indexer.step(20_000).unwrap() > 0 {}
    // A scan of the messages takes more than that many of SQLite's steps.
    let (found, steps) = steps(&mut reader, history_at(15_000, 15_001, 9));
    assert_eq!(ids(&found).0, [15_001, 15_002]);
    assert!(steps < 5_000, "{steps}");
}

#[test]
fn history_around_a_message_has_it_in_the_middle() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["x"; 9]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    indexer.step(4).unwrap();
    let mut around = |middle, limit| {
        let read = Read::Around { conversation: conversation_ref(LOBBY), id: id(middle), before: id(10), limit };
        let lines = ask(&mut reader, read);
        let (ids, last) = ids(&lines);
        (ids, last.ends_with(", more"))
    };
    assert_eq!(around(5, 3), (vec![4, 5, 6], true));
    assert_eq!(around(5, 4), (vec![3, 4, 5, 6], true));
    assert_eq!(around(5, 1), (vec![5], true));
    assert_eq!(around(1, 4), (vec![1, 2, 3, 4], true));
    assert_eq!(around(9, 4), (vec![6, 7, 8, 9], true));
    assert_eq!(around(99, 2), (vec![8, 9], true));
    assert_eq!(around(0, 2), (vec![1, 2], true));
    assert_eq!(around(4, 9), (vec![1, 2, 3, 4, 5, 6, 7, 8, 9], false));
    assert_eq!(around(4, 50), (vec![1, 2, 3, 4, 5, 6, 7, 8, 9], false));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn times_are_exact_wherever_the_clock_was_set_back(
        said in proptest::collection::vec((1..3i64, 0..30u64), 1..40),
        (since, until) in (0..32u64, prop_oneof![0..32u64, Just(u64::MAX)]),
        steps in proptest::collection::vec(1..12i64, 0..4),
    ) {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        for &(room, at) in &said {
            say_at(&mut store, ConversationId::new(room), ALICE, at, "word");
        }
        let (mut indexer, mut reader) = readers(&dir.settings());
        for &step in &steps {
            indexer.step(step).unwrap();
        }
        // Another run goes on where the first one stopped.
        drop(indexer);
        let mut indexer = Indexer::open(&dir.settings(), &mut |_, _| {}).unwrap();
        let within = |at: u64| (since..=until).contains(&at);
        let lobby = said.iter().filter(|(room, _)| *room == 1).enumerate();
        let wanted: Vec<u64> = lobby.filter(|(_, (_, at))| within(*at)).map(|(n, _)| n as u64 + 1).collect();
        let everywhere = said.iter().filter(|(_, at)| within(*at)).count();
        for _ in 0..2 {
            let lines = ask(&mut reader, history_at(since, until, 100));
            prop_assert_eq!(&ids(&lines).0, &wanted);
            for words in ["word", ""] {
                let Read::Search { conversations, from, limit, words, .. } = search(&[LOBBY, OPS], words) else { unreachable!() };
                let times = TimeRange { since, until };
                let read = Read::Search { conversations, from, mentioned: None, times, limit, more: None, words };
                prop_assert_eq!(ask(&mut reader, read).len(), everywhere + 1);
            }
            while indexer.step(7).unwrap() > 0 {}
        }
    }
}
