//! Mentions: what a login says of them, and that they are found in few steps.

use super::super::Store;
use super::super::test_support::{
    ALICE, BOB, Dir, LOBBY, OPS, ask, draft, hearer, mentioning, peopled, readers, say, unread, welcome,
};
use super::tests::steps;
use crate::protocol::names::{AccountId, ConversationId};
use crate::server::traffic::{Draft, Mentioned, Read};

/// Bob says something that mentions somebody.
fn mention(store: &mut Store, conversation: ConversationId, mentioned: Mentioned) {
    store.begin().unwrap();
    store.append(&Draft { mentions: Box::new([mentioned]), ..draft(conversation, BOB, "you there") }).unwrap();
    store.commit().unwrap();
}

#[test]
fn a_welcome_says_how_often_one_is_mentioned() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    mention(&mut store, LOBBY, Mentioned::Account(ALICE));
    mention(&mut store, LOBBY, Mentioned::Account(BOB));
    mention(&mut store, OPS, Mentioned::Everyone);
    mention(&mut store, OPS, Mentioned::Account(ALICE));
    let (mut indexer, mut reader) = readers(&dir.settings());
    let places = || vec![unread(LOBBY, 2, 0), unread(OPS, 2, 0)];
    for _ in 0..2 {
        assert_eq!(
            ask(&mut reader, welcome(None, 20, places())),
            [
                "| lobby: 2 new lines (1 mentions you). /history lobby after=0",
                "| ops: 2 new lines (2 mention you). /history ops after=0",
                "+ welcome Alice",
            ]
        );
        let others = places().split_off(1);
        assert_eq!(
            ask(&mut reader, welcome(Some(unread(LOBBY, 2, 0)), 1, others))[0],
            "| 1 earlier line (1 of the unread ones mentions you): /history lobby after=0"
        );
        indexer.step(9).unwrap();
    }
}

#[test]
fn whom_the_account_ignores_mentions_nobody() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    mention(&mut store, LOBBY, Mentioned::Account(ALICE));
    let (mut indexer, mut reader) = readers(&dir.settings());
    let heard = |ignores: &[AccountId]| {
        let conversations = vec![unread(LOBBY, 1, 0)];
        let mut mentions = mentioning(&[LOBBY], ALICE);
        if let Read::Search { mentioned, .. } = &mut mentions {
            *mentioned = Some(hearer(ALICE, ignores));
        }
        [mentions, Read::Conversations { hearer: hearer(ALICE, ignores), conversations }]
    };
    for _ in 0..2 {
        for (ignores, lines) in [
            (&[][..], [vec!["| lobby 1 bob: you there", "+ 1 message"], vec!["| lobby 1 0 1 1 0", "+ 1 conversation"]]),
            (&[BOB][..], [vec!["+ 0 messages"], vec!["| lobby 1 0 1 0 0", "+ 1 conversation"]]),
        ] {
            assert_eq!(heard(ignores).map(|read| ask(&mut reader, read)), lines, "{ignores:?}");
        }
        indexer.step(9).unwrap();
    }
}

#[test]
fn mentions_are_found_and_counted_in_few_steps_among_many_messages() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    for _ in 0..3 {
        mention(&mut store, LOBBY, Mentioned::Account(ALICE));
        say(&mut store, LOBBY, BOB, &vec!["x"; 5000]);
        mention(&mut store, OPS, Mentioned::Account(BOB));
    }
    let (mut indexer, mut reader) = readers(&dir.settings());
    while indexer.step(20_000).unwrap() > 0 {}
    let conversations = vec![unread(LOBBY, 15_003, 14_998), unread(OPS, 3, 0)];
    let (rows, counted) = steps(&mut reader, Read::Conversations { hearer: hearer(ALICE, &[]), conversations });
    assert_eq!(rows[..2], ["| lobby 15003 14998 5 0 0", "| ops 3 0 3 0 0"]);
    let (rows, found) = steps(&mut reader, mentioning(&[LOBBY, OPS], ALICE));
    assert_eq!(rows.len(), 4);
    // A scan of the messages takes more than that many.
    assert!(counted < 5_000 && found < 5_000, "{counted} {found}");
}
