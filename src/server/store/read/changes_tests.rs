//! `/changes` and `/pins`, and the marks of a row that changed.

use super::super::Store;
use super::super::test_support::{
    ALICE, BOB, Dir, LOBBY, ask, ask_within, conversation_ref, history, id, peopled, readers, say, text,
};
use crate::protocol::reaction::ReactionWord;
use crate::server::traffic::{ChangeKind, ChangeRecord, ConversationRef, Read, Write};

/// Makes these changes to messages, numbered from 1 on.
fn change(store: &mut Store, changes: Vec<(u64, ChangeKind)>) {
    store.begin().unwrap();
    for (number, (about, kind)) in (1..).zip(changes) {
        let (conversation, at) = (LOBBY, 1_700_000_000_000);
        store.write(&Write::Change(ChangeRecord { conversation, number, at, by: BOB, id: id(about), kind })).unwrap();
    }
    store.commit().unwrap();
}

fn edit(new: &str) -> ChangeKind {
    ChangeKind::Edit { text: text(new), mentions: Box::default() }
}

fn changes(conversation: ConversationRef, after: u64, last: u64, limit: u32) -> Read {
    Read::Changes { conversation, after, last, limit }
}

#[test]
fn changes_show_the_present_text_and_nothing_of_what_is_gone() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["one", "two", "three", "four"]);
    let word = ReactionWord::parse("+1").unwrap();
    let made = vec![
        (1, edit("one, edited")),
        (1, edit("one, edited again")),
        (2, edit("two, edited")),
        (2, ChangeKind::Redact(Some(text("spam")))),
        (3, ChangeKind::Redact(None)),
        (4, ChangeKind::React { word, count: 1 }),
        (4, ChangeKind::Pin),
    ];
    change(&mut store, made);
    let rows = [
        "| lobby 1 bob edit 1: one, edited again",
        "| lobby 2 bob edit 1: one, edited again",
        "| lobby 3 bob edit 2",
        "| lobby 4 bob redact 2: spam",
        "| lobby 5 bob redact 3",
        "| lobby 6 bob react 4: 1 +1",
        "| lobby 7 bob pin 4",
    ];
    let (mut indexer, mut reader) = readers(&dir.settings());
    // Behind the index, in part, and in it.
    for _ in 0..3 {
        let all = ask(&mut reader, changes(conversation_ref(LOBBY), 0, 9, 9));
        assert_eq!(all[..7], rows);
        assert_eq!(all[7], "+ 7 changes");
        let some = ask(&mut reader, changes(conversation_ref(LOBBY), 3, 6, 2));
        assert_eq!(some, [rows[3], rows[4], "+ 2 changes, more"]);
        // Of a message that was dropped nothing is shown, from the moment on in which that was decided.
        let since = ConversationRef { dropped: id(2), ..conversation_ref(LOBBY) };
        let dropped = ask(&mut reader, changes(since, 0, 4, 9));
        assert_eq!(
            dropped,
            ["| lobby 1 bob edit 1", "| lobby 2 bob edit 1", rows[2], "| lobby 4 bob redact 2", "+ 4 changes"]
        );
        indexer.step(5).unwrap();
    }
}

#[test]
fn pinned_messages_are_shown_by_id_as_they_are_now() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["one", "two", "three"]);
    let word = ReactionWord::parse("+1").unwrap();
    let made = vec![
        (3, ChangeKind::Pin),
        (1, ChangeKind::Pin),
        (1, edit("one, edited")),
        (3, ChangeKind::React { word, count: 1 }),
    ];
    change(&mut store, made);
    let (mut indexer, mut reader) = readers(&dir.settings());
    let rows = ["| lobby 1 Alice (edited): one, edited", "| lobby 2 Alice: two", "| lobby 3 Alice (1 +1): three"];
    for _ in 0..3 {
        let pins = || Read::Pins(conversation_ref(LOBBY));
        assert_eq!(ask(&mut reader, pins()), [rows[0], rows[2], "+ 2 messages"]);
        assert_eq!(ask_within(&mut reader, 10, pins()).last().unwrap(), "+ 1 message, more");
        assert_eq!(ask(&mut reader, history(LOBBY, None, None, 9))[..3], rows);
        indexer.step(2).unwrap();
    }
}
