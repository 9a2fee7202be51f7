//! Search: languages, who may read, pages; and that it makes no difference what is indexed.

use crate::protocol::names::{AccountId, ConversationId, MessageId, Text};
use crate::server::store::test_support::{ALICE, BOB, Dir, LOBBY, OPS, PAIR, ask, peopled, readers, say, search};
use crate::server::store::{Indexer, Reader};
use crate::server::traffic::{ConversationRef, Read, TimeRange};
use proptest::prelude::*;

fn texts(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.strip_prefix("| ")?.split_once(": ").map(|(_, text)| text)).collect()
}

fn catch_up(indexer: &mut Indexer) {
    while indexer.step(2).unwrap() > 0 {}
    assert_eq!(indexer.behind().unwrap(), 0);
}

/// Reads before and after indexing. The answers must not differ.
fn both(indexer: &mut Indexer, reader: &mut Reader, reads: impl Fn() -> Vec<Read>) -> Vec<Vec<String>> {
    let before: Vec<_> = reads().into_iter().map(|read| ask(reader, read)).collect();
    catch_up(indexer);
    let after: Vec<_> = reads().into_iter().map(|read| ask(reader, read)).collect();
    assert_eq!(before, after);
    after
}

#[test]
fn words_are_found_in_many_languages() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let said = [
        "Die Straße ist gesperrt",
        "déjà vu, Zoë?",
        "明日は東京に行きます",
        "ฉันรักเมืองไทย",
        "Ёлка в ПОДЪЕЗДЕ",
        "학교에서 만나",
        "plain words, plainly said",
        "done 👍🏽🎉",
    ];
    say(&mut store, LOBBY, ALICE, &said);
    let (mut indexer, mut reader) = readers(&dir.settings());
    let asked = ["STRASSE", "deja zoe", "東京", "เมือง", "елка подъезде", "학교", "words plain", "🎉 👍"];
    let found = both(&mut indexer, &mut reader, || asked.iter().map(|words| search(&[LOBBY], words)).collect());
    for (found, said) in found.iter().zip(said) {
        assert_eq!(texts(found), [said]);
        assert_eq!(found.last().unwrap(), "+ 1 message");
    }
    for nothing in ["京東", "plai", "strasse zoe", "ёлка nirgends", "👎"] {
        assert_eq!(ask(&mut reader, search(&[LOBBY], nothing)), ["+ 0 messages"]);
    }
    let refused = ask(&mut reader, search(&[LOBBY], "?!"));
    assert!(refused[0].starts_with("- bad-argument: "), "{refused:?}");
}

#[test]
fn phrases_and_long_words_are_found_only_in_a_row() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let long = "x".repeat(150);
    let said = [
        "we don't, t don",
        "t don",
        "東の京",
        "京東 and 東京",
        "東 京",
        "東京都に行く",
        &format!("see {long}!"),
        &format!("see {}", "x".repeat(140)),
        "d'on",
    ];
    say(&mut store, LOBBY, ALICE, &said);
    let (mut indexer, mut reader) = readers(&dir.settings());
    let asked = ["don't", "東京", "東京都", "京", "都東", &long, "d-on see", "東-京 and", "DON t"];
    let found = both(&mut indexer, &mut reader, || asked.iter().map(|words| search(&[LOBBY], words)).collect());
    let wanted: [&[usize]; 9] = [&[0], &[5, 4, 3], &[5], &[5, 4, 3, 2], &[], &[6], &[], &[3], &[1, 0]];
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(texts(found), wanted.iter().map(|&n| said[n]).collect::<Vec<_>>());
    }
}

#[test]
fn a_search_finds_only_readable_messages_whatever_their_text() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, OPS, BOB, &["secret plan c_1 c1 a_2 \"c_1\" OR words : c_1"]);
    say(&mut store, LOBBY, ALICE, &["open plan"]);
    say(&mut store, PAIR, BOB, &["our plan"]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    let from = |from, places: &[ConversationId]| match search(places, "plan") {
        Read::Search { conversations: places, times, limit, more, words, .. } => {
            Read::Search { conversations: places, from: Some(from), mentioned: None, times, limit, more, words }
        }
        other => other,
    };
    let found = both(&mut indexer, &mut reader, || {
        vec![
            search(&[LOBBY, PAIR], "plan"),
            search(&[LOBBY], "plan"),
            from(ALICE, &[LOBBY, PAIR, OPS]),
            from(BOB, &[LOBBY, PAIR, OPS]),
            from(AccountId::new(99), &[LOBBY]),
            search(&[], "plan"),
            search(&[LOBBY, PAIR], "plan\" OR \"c_2"),
            search(&[LOBBY, PAIR], "c_1"),
            search(&[OPS], "c_1"),
        ]
    });
    let secret = "secret plan c_1 c1 a_2 \"c_1\" OR words : c_1";
    let wanted: [&[&str]; 9] = [
        &["our plan", "open plan"],
        &["open plan"],
        &["open plan"],
        &["our plan", secret],
        &[],
        &[],
        &[],
        &[],
        &[secret],
    ];
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(texts(found), wanted);
    }
}

#[test]
fn the_cursor_leads_to_the_next_page() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let (mut indexer, mut reader) = readers(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["hit 1", "miss", "hit 2", "hit 3"]);
    catch_up(&mut indexer);
    say(&mut store, LOBBY, ALICE, &["hit 4", "hit 5"]);
    let mut page = |more| {
        let read = match search(&[LOBBY], "hit") {
            Read::Search { conversations: places, from, times, words, .. } => {
                Read::Search { conversations: places, from, mentioned: None, times, limit: 2, more, words }
            }
            other => other,
        };
        let lines = ask(&mut reader, read);
        (texts(&lines).join(","), lines.last().unwrap().clone())
    };
    assert_eq!(page(None), ("hit 5,hit 4".to_owned(), "+ 2 messages, more=5".to_owned()));
    assert_eq!(page(Some(5)), ("hit 3,hit 2".to_owned(), "+ 2 messages, more=3".to_owned()));
    assert_eq!(page(Some(3)), ("hit 1".to_owned(), "+ 1 message".to_owned()));
    assert_eq!(page(Some(0)).1, "+ 0 messages");
    assert_eq!(page(Some(u64::MAX)).0, "hit 5,hit 4");
}

#[test]
fn a_few_messages_are_found_among_many_unreadable_ones() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["hit, long ago"]);
    say(&mut store, OPS, ALICE, &vec!["hit"; 1500]);
    say(&mut store, LOBBY, ALICE, &["hit, just now"]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    while indexer.step(300).unwrap() > 0 {}
    // With few conversations the index is soon asked for those alone, with many it is not.
    for others in [0, 10, 200] {
        let mut conversations: Vec<_> = (100..100 + others).map(ConversationId::new).collect();
        conversations.push(LOBBY);
        assert_eq!(texts(&ask(&mut reader, search(&conversations, "hit"))), ["hit, just now", "hit, long ago"]);
    }
}

#[test]
fn without_words_all_that_the_options_leave_is_found() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["one"]);
    say(&mut store, OPS, BOB, &vec!["secret"; 40]);
    say(&mut store, PAIR, BOB, &["two"]);
    say(&mut store, LOBBY, BOB, &["?!"]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    let from = |from, places: &[ConversationId]| match search(places, "") {
        Read::Search { conversations, times, limit, more, words, .. } => {
            Read::Search { conversations, from: Some(from), mentioned: None, times, limit, more, words }
        }
        other => other,
    };
    let found = both(&mut indexer, &mut reader, || {
        vec![
            search(&[LOBBY, PAIR], ""),
            search(&[LOBBY], ""),
            search(&[PAIR], ""),
            from(BOB, &[LOBBY, PAIR]),
            from(ALICE, &[PAIR, LOBBY]),
            search(&[], ""),
        ]
    });
    let wanted: [&[&str]; 6] = [&["?!", "two", "one"], &["?!", "one"], &["two"], &["?!", "two"], &["one"], &[]];
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(texts(found), wanted);
    }
}

fn corpus() -> impl Strategy<Value = Vec<(i64, i64, String)>> {
    let word = prop_oneof![
        "[a-c]",
        "[a-c]é?",
        Just("日本".to_owned()),
        Just("本".to_owned()),
        Just("a_2".to_owned()),
        Just("👍".to_owned())
    ];
    let text = proptest::collection::vec(word, 1..5).prop_map(|words| words.join(" "));
    proptest::collection::vec((1..4i64, 2..4i64, text), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn it_makes_no_difference_how_much_is_indexed(
        said in corpus(),
        words in prop_oneof![Just(String::new()), "[a-c]", "[a-c] [a-c]", "[a-c]-[a-c]", Just("日本".to_owned()), Just("本 a".to_owned()), Just("👍 a".to_owned())],
        from in proptest::option::of(2..4i64),
        places in proptest::collection::btree_set(1..4i64, 1..4),
        limit in 1..8u32,
        steps in 0..4usize,
    ) {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        for (place, author, text) in &said {
            say(&mut store, ConversationId::new(*place), AccountId::new(*author), &[text]);
        }
        let (mut indexer, mut reader) = readers(&dir.settings());
        let read = || Read::Search {
            conversations: places
                .iter()
                .map(|&n| ConversationRef { id: ConversationId::new(n), target: format!("r{n}").into(), dropped: MessageId::ZERO })
                .map(|place| (place, MessageId::MAX))
                .collect(),
            from: from.map(AccountId::new),
            mentioned: None,
            times: TimeRange::ALL,
            limit,
            more: None,
            words: Text::parse(&words).unwrap(),
        };
        let none = ask(&mut reader, read());
        for _ in 0..steps {
            indexer.step(5).unwrap();
        }
        let some = ask(&mut reader, read());
        catch_up(&mut indexer);
        let all = ask(&mut reader, read());
        prop_assert_eq!(&none, &some);
        prop_assert_eq!(&none, &all);
    }
}

#[test]
fn what_was_said_after_it_was_asked_for_is_not_found() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, OPS, ALICE, &["hit, before", "hit, after"]);
    let (mut indexer, mut reader) = readers(&dir.settings());
    let asked = || {
        let Read::Search { mut conversations, from, mentioned, times, limit, more, words } = search(&[OPS], "hit")
        else {
            panic!()
        };
        conversations[0].1 = MessageId::new(1).unwrap();
        Read::Search { conversations, from, mentioned, times, limit, more, words }
    };
    for _ in 0..2 {
        assert_eq!(ask(&mut reader, asked()), ["| ops 1 Alice: hit, before", "+ 1 message"]);
        indexer.step(10).unwrap();
    }
}
