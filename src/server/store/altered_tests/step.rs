//! What may happen to messages and to the files that they are in, at random.

use super::super::test_support::{ALICE, BOB, LOBBY, OPS};
use crate::protocol::names::{ConversationId, Text};
use crate::server::traffic::{ChangeKind, Mentioned};
use proptest::prelude::*;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Say {
        place: ConversationId,
        text: String,
        mentions: Mentions,
        me: bool,
        key: bool,
    },
    /// One of the messages, counted from the last.
    Edit(usize, String, Mentions),
    Redact(usize, Option<String>),
    /// Some of the oldest messages.
    Drop(ConversationId, usize),
    /// What was said since then is not committed.
    RollBack,
    Commit,
    Index(i64),
    Idle,
    /// The process ends without a word and is started again.
    Kill,
    CopyIndex,
    /// The index is as old as the copy, as after a power cut.
    OldIndex,
    LoseIndex,
}

pub(super) type Mentions = Box<[Mentioned]>;

pub(super) const WORDS: [&str; 4] = ["red", "blue", "東京", "don't"];

/// A few words that are searched for; each text gets one of its own besides.
fn text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS.to_vec());
    (prop::collection::vec(word, 0..4), prop_oneof![4 => 0..60usize, 1 => 0..3000usize])
        .prop_map(|(words, more)| format!("{}{}", words.join(" "), " ~".repeat(more / 2)))
}

fn mentions() -> impl Strategy<Value = Mentions> {
    let all = vec![Mentioned::Account(ALICE), Mentioned::Account(BOB), Mentioned::Everyone];
    prop_oneof![2 => Just(Vec::new()), 1 => prop::sample::subsequence(all, 0..=3)].prop_map(Vec::into_boxed_slice)
}

pub(super) fn edit(text: &str, mentions: Mentions) -> ChangeKind {
    ChangeKind::Edit { text: Text::parse(text).unwrap().unwrap(), mentions }
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let place = || prop::sample::select(vec![LOBBY, OPS]);
    prop_oneof![
        3 => (place(), 1..4usize).prop_map(|(place, n)| Step::Drop(place, n)),
        8 => (place(), text(), mentions(), any::<bool>(), any::<bool>())
            .prop_map(|(place, text, mentions, me, key)| Step::Say { place, text, mentions, me, key }),
        5 => (0..12usize, text(), mentions()).prop_map(|(n, text, mentions)| Step::Edit(n, text, mentions)),
        3 => (0..12usize, prop::option::of(text())).prop_map(|(n, reason)| Step::Redact(n, reason)),
        1 => Just(Step::RollBack),
        6 => Just(Step::Commit),
        5 => (1..6i64).prop_map(Step::Index),
        2 => Just(Step::Idle),
        1 => Just(Step::Kill),
        1 => Just(Step::CopyIndex),
        1 => Just(Step::OldIndex),
        1 => Just(Step::LoseIndex),
    ]
}
