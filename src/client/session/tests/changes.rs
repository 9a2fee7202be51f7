//! What a person is shown of changes, and of what they are about.

use super::*;

#[test]
fn changes_of_what_was_shown_are_shown_once() {
    let mut talk = Talk::started(PERSON);
    talk.hear(&["@id=11;at=1 [lobby] bob: helo", "@ev=edit;who=bob;about=11;change=1 [lobby] * bob edited 11: hello"]);
    talk.drop_connection();
    talk.shown();
    talk.lists(&["lobby 12 10 2 0 4"]);
    talk.hear(&["@ev=react;who=carol;about=11;change=5 [lobby] * carol reacted to 11: 2 👍"]);
    talk.answers("history lobby after=11 limit=1000", &["| lobby 12 2026-11-22T09:10:00.000Z bob: new", "+ 1 message"]);
    talk.answers(
        "changes lobby after=1 limit=100",
        &[
            "| lobby 2 2026-11-22T09:10:00.000Z bob edit 11: hello!",
            "| lobby 3 2026-11-22T09:10:00.000Z bob edit 3: long ago",
            "| lobby 4 2026-11-22T09:10:00.000Z carol react 11: 1 👍",
            "| lobby 5 2026-11-22T09:10:00.000Z carol react 11: 2 👍",
            "+ 4 changes",
        ],
    );
    let happened = ["bob edited 11: hello!", "carol reacted to 11: 1 👍", "carol reacted to 11: 2 👍"];
    let happened = happened.map(|text| format!("[lobby] * {text}"));
    assert_eq!(talk.shown(), [&["[lobby] bob: new".to_owned()][..], &happened].concat());
    talk.hear(&["@ev=redact;who=bob;about=11;change=6 [lobby] * bob removed 11"]);
    assert_eq!(talk.shown(), ["[lobby] * bob removed 11"]);
    talk.drop_connection();
    talk.lists(&["lobby 12 10 2 0 6"]);
    assert!(talk.sent().is_empty(), "nothing was missed");
}

#[test]
fn what_one_changes_is_shown_as_others_see_it() {
    let mut talk = Talk::started(PERSON);
    talk.hear(&["@id=11;at=1 [lobby] alice: helo"]);
    talk.asks("edit lobby 11 hello", &["+ change=1"]);
    talk.answers(
        "changes lobby after=0 limit=100",
        &["| lobby 1 2026-11-22T09:10:00.000Z alice edit 11: hello", "+ 1"],
    );
    talk.asks("react lobby 11 👍", &["+ change=2"]);
    talk.answers(
        "changes lobby after=1 limit=100",
        &["| lobby 2 2026-11-22T09:10:00.000Z alice react 11: 2 👍", "+ 1"],
    );
    let shown = talk.shown();
    let happened: Vec<_> = shown.iter().filter(|line| line.starts_with("[lobby] *")).collect();
    assert_eq!(happened, ["[lobby] * alice edited 11: hello", "[lobby] * alice reacted to 11: 2 👍"]);
}

#[test]
fn an_answer_and_an_edit_quote_what_they_are_about() {
    let mut talk = Talk::started(PERSON);
    let items = |talk: &mut Talk, line: &str| {
        let effects = talk.session.server_line(line, talk.now);
        effects.into_iter().find_map(|effect| if let Effect::Show(item) = effect { Some(item) } else { None }).unwrap()
    };
    items(&mut talk, "@id=11;at=1 [lobby] alice: here I am");
    let Item::Message(answer) = items(&mut talk, "@id=12;at=1;reply=11 [lobby] bob (re 11 alice): welcome") else {
        panic!()
    };
    let quote = answer.quote.unwrap();
    assert_eq!((quote.author.as_str(), quote.text.as_str()), ("alice", "here I am"));
    let edited = "@ev=edit;who=bob;about=12;change=1 [lobby] * bob edited 12: welcome!";
    let Item::Event(event) = items(&mut talk, edited) else { panic!() };
    let EventKind::Change(change) = event.kind else { panic!() };
    assert_eq!((change.original.unwrap().text.as_str(), change.text.as_str()), ("welcome", "welcome!"));
}

#[test]
fn a_change_that_does_not_come_back_is_said_to_be_done() {
    let mut talk = Talk::started(PERSON);
    talk.asks("edit ops 5 hello", &["+ change=1"]);
    assert_eq!(talk.shown(), ["(done in ops)", "+ change=1"], "elsewhere");
    talk.hear(&["@id=11;at=1 [lobby] alice: hello"]);
    talk.shown();
    talk.asks("pin lobby 2", &["+ change=1"]);
    talk.answers("changes lobby after=0 limit=100", &["| lobby 1 2026-11-22T09:10:00.000Z alice pin 2", "+ 1 change"]);
    assert_eq!(talk.shown(), ["(done in lobby)", "+ change=1"], "of a message from before");
    talk.asks("pin lobby 11", &["+ change=2"]);
    talk.answers("changes lobby after=1 limit=100", &["| lobby 2 2026-11-22T09:10:00.000Z alice pin 11", "+ 1 change"]);
    assert_eq!(talk.shown(), ["+ change=2", "[lobby] * alice pinned 11"]);
    talk.asks("pin lobby 11", &["+ change=2"]);
    assert_eq!(talk.shown(), ["(done in lobby)", "+ change=2"], "once more");
}
