//! A refused `/join` or `/switch` leaves a person where they are.

use super::*;

#[test]
fn who_mistypes_a_room_stays_where_they_are() {
    let mut talk = Talk::started(PERSON);
    let back = "You're not in a room now; /switch lobby goes back.";
    let nowhere = format!("- no-such-room: there is no room lobyb. {back}");
    talk.asks("switch lobyb", &[&nowhere]);
    assert_eq!(talk.shown(), ["- no-such-room: there is no room lobyb."]);
    talk.answers("switch lobby", &["+ lobby - 3 members, 2 here."]);
    assert!(talk.shown().is_empty(), "the client goes back by itself, in the server's eyes");
    let unexpected = format!("- bad-argument: {back} Unexpected: words. Use: /join ROOM");
    talk.asks("join two words", &[&unexpected]);
    assert_eq!(talk.shown(), ["- bad-argument: Unexpected: words. Use: /join ROOM"]);
    talk.type_line("hello");
    assert_eq!(talk.sent(), ["/@c8 switch lobby", "/@c9 post lobby k-1 hello"]);
    talk.hear(&["@re=c8 - slow-down: too much at once.", "@re=c9 + 11"]);
    assert_eq!((talk.shown().len(), talk.current().as_str()), (0, "lobby"));
}

#[test]
fn a_key_that_is_refused_changes_nothing() {
    let mut talk = Talk::started(PERSON);
    talk.press(Switch::Nth(2));
    talk.answers(
        "switch ops",
        &["- no-such-room: there is no room ops. You're not in a room now; /switch lobby goes back."],
    );
    assert_eq!(
        (talk.shown(), talk.current().as_str()),
        (vec!["- no-such-room: there is no room ops.".to_owned()], "lobby")
    );
    talk.label("switch lobby");
}

/// They were meant for somewhere else.
#[test]
fn what_was_typed_before_the_refusal_is_not_said() {
    let mut talk = Talk::started(PERSON);
    for line in ["/join two words", "a secret", "/me waves", "/passwd"] {
        talk.type_line(line);
    }
    talk.answers("join two words", &["- bad-argument: Unexpected: words. Use: /join ROOM"]);
    assert_eq!(
        talk.shown(),
        [
            "- bad-argument: Unexpected: words. Use: /join ROOM",
            "(not sent: a secret)",
            "(not sent: /me waves)",
            "(not sent: /passwd …)"
        ]
    );
    assert!(matches!(talk.reports.last(), Some(Effect::Settled(RequestId(4), Settled::Refused))));
    talk.type_line("known to be for the lobby");
    assert_eq!(talk.sent(), ["/@c6 switch lobby", "/@c7 post lobby k-1 known to be for the lobby"]);
}

/// With another way under way, it says where the user is.
#[test]
fn of_two_ways_the_second_counts() {
    let mut talk = Talk::started(PERSON);
    talk.press(Switch::Nth(2));
    let first = talk.label("switch ops");
    talk.press(Switch::Nth(2));
    let second = talk.label("switch ops");
    talk.hear(&[&format!("@re={first} - busy: later."), &format!("@re={second} + ops - 2 members, 1 here.")]);
    assert_eq!((talk.current().as_str(), talk.sent().len()), ("ops", 0));
}

#[test]
fn a_text_that_was_refused_is_shown_again() {
    let mut talk = Talk::started(PERSON);
    talk.asks("reply lobby 99999 a long answer", &["- no-such-message: there is no message 99999 in lobby."]);
    let told = "- no-such-message: there is no message 99999 in lobby.";
    assert_eq!(talk.shown(), ["(not sent: /reply lobby 99999 a long answer)", told]);
    talk.asks("react lobby 99999 👍", &[told]);
    assert_eq!(talk.shown(), [told]);
}

#[test]
fn what_was_just_shown_is_not_listed_as_unread() {
    let mut talk = Talk::started(PERSON);
    talk.hear(&["@id=11;at=1 [lobby] bob: hello"]);
    talk.type_line("/conversations");
    let sent = talk.sent();
    assert_eq!(sent, ["/@c5 read lobby 11", "/@c6 conversations"]);
}

/// A script can't see the refusal before it goes on.
#[test]
fn a_script_is_nowhere_after_a_refusal() {
    let mut talk = Talk::started(Reader::Program);
    talk.asks(
        "join two words",
        &["- bad-argument: You're not in a room now; /switch lobby goes back. Use: /join ROOM"],
    );
    talk.type_line("hello?");
    assert_eq!((talk.current().as_str(), talk.sent().len()), ("nowhere", 0));
    assert!(talk.shown()[0].contains("You're not in a room now"));
}
