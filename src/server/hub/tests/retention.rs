//! How long a room keeps what is said, as its members see it.

use super::chat::Chat;
use std::time::Duration;

fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

#[test]
fn what_is_older_goes_after_a_grace_and_then_by_the_minute() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        alice> /create ops
        alice< + ops created; you own it. /switch ops to talk there.
        bob> /join ops
        alice< [ops] * bob joined
        bob< + ops - 2 members, 2 here. Type to talk.
        bob> /post ops key one
        bob< + 1
        alice< [ops] bob: one
        bob> /react ops 1 +1
        alice< [ops] * bob reacted to 1: 1 +1
        bob< + change=1
        bob> two
        alice< [ops] bob: two
        bob> /retain ops 2h
        bob< - not-allowed: only an owner of ops can do that. /who ops shows who is one.
        alice> /retain ops 59m
        alice< - bad-argument: A room keeps what is said for at least 1h. Use: /retain [ROOM] TIME or off
        bob> /set tags on
        bob< + tags on epoch=E protocol=1
        alice> /retain ops 2h
        bob< @ev=retain;who=alice;set=2h [ops] * alice set this room to keep what is said for 2 hours
        alice< + ops keeps what is said for 2 hours. What is older goes for good, 10 minutes from now; until then /retain ops off stops it.
        ",
    );
    chat.wait(Duration::from_mins(119));
    chat.does("alice", "/say ops three");
    chat.plays(
        "
        alice> /history ops
        alice< | ops 1 bob (1 +1): one
        alice< | ops 2 bob: two
        alice< | ops 3 alice: three
        alice< + 3 messages
        ",
    );
    // Looked at once a minute.
    chat.wait(Duration::from_secs(61));
    chat.plays(
        "
        alice> /history ops
        alice< | ops 3 alice: three
        alice< + 1 message, oldest=3
        alice> /reply ops 2 really
        alice< - no-such-message: message 2 is gone.
        alice> /edit ops 1 x
        alice< - no-such-message: message 1 is gone.
        alice> /redact ops 1
        alice< - no-such-message: message 1 is gone.
        alice> /pin ops 1
        alice< - no-such-message: message 1 is gone.
        bob> /react ops 1 +1
        bob< - no-such-message: message 1 is gone.
        bob> /changes ops
        bob< | ops 1 bob react 1
        bob< + 1 change
        bob> /conversations
        bob< | lobby 0 0 0 0 0
        bob< | ops 3 0 1 0 1
        bob< + 2 conversations
        bob> /post ops key anew
        bob< + 4
        alice< [ops] bob: anew
        alice> /audit ops
        alice< | alice retain - 2h
        alice< + 1 action
        ",
    );
    chat.wait(hours(9));
    chat.plays(
        "
        bob> /set tags off
        bob< + tags off
        alice> /history ops
        alice< + 0 messages, oldest=5
        alice> /retain ops off
        bob< [ops] * alice set this room to keep what is said for ever
        alice< + ops keeps what is said for ever. What is gone stays gone.
        alice> /retain ops off
        alice< + ops keeps what is said for ever. What is gone stays gone.
        alice> /say ops five
        bob< [ops] alice: five
        alice< + 5
        ",
    );
    chat.wait(hours(900));
    chat.plays(
        "
        alice> /history ops
        alice< | ops 5 alice: five
        alice< + 1 message, oldest=5
        ",
    );
}

#[test]
fn a_slip_can_be_taken_back_and_a_jump_of_the_clock_drops_nothing() {
    let mut chat = Chat::of(&["alice"]);
    chat.does("alice", "/create ops");
    chat.does("alice", "/say ops old");
    chat.wait(hours(48));
    chat.does("alice", "/retain ops 1h");
    chat.wait(Duration::from_mins(9));
    chat.does("alice", "/retain ops off");
    chat.wait(hours(1));
    assert_eq!(chat.refusal("alice", "/reply ops 1 here"), None);
    chat.does("alice", "/say ops new");
    chat.does("alice", "/retain ops 240h");
    chat.wait(hours(24));
    chat.set_the_clock_forward(hours(10_000));
    chat.wait(hours(24));
    assert_eq!(chat.refusal("alice", "/reply ops 1 here"), None);
    chat.wait(hours(200));
    assert!(chat.refusal("alice", "/reply ops 1 gone").is_some());
}

#[test]
fn what_the_disk_did_not_take_is_dropped_later() {
    let mut chat = Chat::of(&["alice"]);
    chat.does("alice", "/create ops");
    chat.does("alice", "/say ops old");
    chat.refused_by_the_disk(&[("alice", "/retain ops 1h")]);
    chat.wait(hours(3));
    assert_eq!(chat.refusal("alice", "/reply ops 1 here"), None);
    chat.does("alice", "/retain ops 1h");
    chat.refused_by_the_disk(&[("alice", "/retain ops off")]);
    chat.wait(Duration::from_secs(1));
    chat.wait(hours(2));
    assert!(chat.refusal("alice", "/reply ops 1 gone").is_some());
}
