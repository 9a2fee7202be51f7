//! What an account may do only so often: who floods is refused, with when to go on, and nobody else
//! notices.

use super::super::{Now, pace};
use super::chat::{Chat, PASSWORD, settings};
use crate::protocol::code::Code;
use crate::server::config::Limits;
use crate::server::flood::Rate;
use crate::server::traffic::{HubSettings, PaceLimits};
use std::time::{Duration, Instant};

/// Four at once, and one a minute.
const RATE: Option<Rate> = Some(Rate { per_second: 1.0 / 60.0, burst: 4 });

/// A chat with this limit, and these people.
fn chat(pace: PaceLimits, names: &[&str]) -> Chat {
    let mut chat = Chat::with(HubSettings { pace, ..settings() });
    for name in names {
        chat.connect(name);
        chat.does(name, &format!("/register {name} {PASSWORD}"));
    }
    chat
}

/// Types these lines, of which the first `good` must be done; those after them have to wait.
#[track_caller]
fn paced(chat: &mut Chat, label: &str, good: usize, lines: impl Iterator<Item = String>) {
    for (nth, line) in lines.enumerate() {
        let expected = (nth >= good).then_some(Code::SlowDown);
        assert_eq!(chat.refusal(label, &line), expected, "{nth}: {line}\n{}", chat.log);
    }
}

#[test]
fn rooms_are_made_so_often() {
    let mut chat = chat(PaceLimits { rooms: RATE, ..PaceLimits::default() }, &["eve", "bob"]);
    let made = (0..6).map(|n| if n % 2 == 0 { format!("/create r{n}") } else { format!("/join r{n}") });
    paced(&mut chat, "eve", 4, made);
    chat.does("eve", "/join r0");
    chat.does("bob", "/create fine");
    chat.does("eve", "/join fine");
    chat.wait(Duration::from_secs(61));
    paced(&mut chat, "eve", 1, ["/create late".to_owned(), "/create later".to_owned()].into_iter());
}

#[test]
fn joining_and_leaving_in_a_row_has_to_wait_and_leaving_is_never_refused() {
    let mut chat = chat(PaceLimits { joins: RATE, ..PaceLimits::default() }, &["bob", "eve"]);
    chat.does("bob", "/create ops");
    chat.does("bob", "/say ops hello");
    for _ in 0..2 {
        chat.does("eve", "/join ops");
        chat.does("eve", "/leave ops");
    }
    chat.type_line("eve", "/set tags on");
    chat.log.clear();
    chat.type_line("eve", "/@1 join ops");
    let refusal = "- slow-down: you have joined and left many rooms in a short time. Try again in 60 seconds.";
    assert!(chat.log.contains(refusal), "{}", chat.log);
    chat.does("eve", "/join lobby");
    chat.does("eve", "/leave lobby");
    chat.does("bob", "/join lobby");
}

#[test]
fn strangers_are_written_to_so_often_and_friends_at_any_time() {
    let people = ["eve", "a", "b", "c", "d", "e", "f"];
    let mut chat = chat(PaceLimits { first_messages: RATE, ..PaceLimits::default() }, &people);
    chat.does("f", "/msg eve hi");
    paced(&mut chat, "eve", 4, ["a", "b", "c", "d", "e", "e"].iter().map(|name| format!("/msg {name} buy this")));
    for line in ["/msg a still there?", "/msg f hello", "/msg eve a note", "/say lobby hm"] {
        chat.does("eve", line);
    }
    assert_eq!(chat.refusal("eve", "/msg nobody x"), Some(Code::NoSuchUser));
    chat.does("a", "/msg e hi");
}

#[test]
fn people_are_invited_so_often_and_the_same_one_again_for_nothing() {
    let people = ["eve", "a", "b", "c", "d", "e"];
    let mut chat = chat(PaceLimits { invitations: RATE, ..PaceLimits::default() }, &people);
    chat.does("eve", "/create den private");
    paced(&mut chat, "eve", 4, ["a", "b", "c", "d", "e"].iter().map(|name| format!("/invite den {name}")));
    chat.does("eve", "/invite den a");
    chat.does("a", "/join den");
    chat.does("a", "/invite den e");
}

#[test]
fn one_text_is_said_in_so_many_places() {
    let mut chat = chat(PaceLimits { repeats: RATE, ..PaceLimits::default() }, &["eve", "bob"]);
    for n in 0..7 {
        chat.does("eve", &format!("/create r{n}"));
        chat.does("bob", &format!("/join r{n}"));
    }
    let spam = |n: usize| match n % 3 {
        0 => format!("/say r{n} buy this"),
        1 => format!("/act r{n} buy this"),
        _ => format!("/post r{n} key buy this"),
    };
    paced(&mut chat, "eve", 5, (0..7).map(spam));
    chat.does("eve", "/switch r6");
    assert_eq!(chat.refusal("eve", "buy this"), Some(Code::SlowDown));
    assert_eq!(chat.refusal("eve", "/msg bob buy this"), Some(Code::SlowDown));
    for line in ["/say r0 buy this", "/say r6 hello", "/post r2 key buy this", "anything else"] {
        chat.does("eve", line);
    }
    // Whoever else says it says it for the first time.
    paced(&mut chat, "bob", 5, (0..7).rev().map(|n| format!("/say r{n} buy this")));
    chat.wait(Duration::from_secs(61));
    chat.does("eve", "/say r6 buy this");
}

#[test]
fn a_new_account_may_do_a_quarter() {
    let hour = Duration::from_hours(1);
    let pace = PaceLimits { rooms: RATE, new_account: Some(hour), ..PaceLimits::default() };
    let mut chat = chat(pace, &["eve"]);
    paced(&mut chat, "eve", 1, (0..2).map(|n| format!("/create r{n}")));
    let refusal = "- slow-down: you have made many rooms in a short time. Try again in 4 minutes. \
                   New accounts can do less for 1 hour.";
    assert!(chat.log.contains(refusal), "{}", chat.log);
    chat.wait(hour);
    paced(&mut chat, "eve", 4, (10..15).map(|n| format!("/create r{n}")));
    assert!(chat.log.trim_end().ends_with("Try again in 60 seconds."), "{}", chat.log);
}

#[test]
fn administrators_and_the_console_are_not_held_back() {
    let pace = PaceLimits { rooms: RATE, first_messages: RATE, repeats: RATE, ..PaceLimits::default() };
    let mut chat = chat(pace, &["a", "b", "c", "d", "e", "f"]);
    chat.administrator("root");
    for n in 0..6 {
        chat.does("root", &format!("/create r{n}"));
        chat.does("root", &format!("/say r{n} the same"));
    }
    for name in ["a", "b", "c", "d", "e", "f"] {
        chat.does("console", &format!("/msg {name} the same"));
    }
}

/// Somebody's first day: more than most people ever do at once.
#[test]
fn an_honest_newcomer_meets_no_limit() {
    let limits = Limits::default();
    let pace = PaceLimits {
        rooms: limits.new_rooms,
        joins: limits.joins,
        first_messages: limits.first_messages,
        invitations: limits.invitations,
        repeats: limits.repeats,
        hook: limits.hook,
        new_account: limits.new_account,
    };
    let friends = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut chat = chat(pace, &friends);
    chat.administrator("root");
    for n in 0..12 {
        chat.does("root", &format!("/create r{n}"));
        chat.does("root", &format!("/say r{n} welcome"));
    }
    chat.connect("newcomer");
    chat.does("newcomer", &format!("/register newcomer {PASSWORD}"));
    for n in 0..12 {
        chat.does("newcomer", &format!("/join r{n}"));
        chat.does("newcomer", &if n % 2 == 0 { "hello".to_owned() } else { format!("what a nice room r{n} is") });
        chat.wait(Duration::from_secs(20));
    }
    chat.does("newcomer", "/create garden private");
    for friend in friends {
        chat.does("newcomer", &format!("/invite garden {friend}"));
        chat.does("newcomer", &format!("/msg {friend} come and see my garden, {friend}"));
    }
    for n in 0..3 {
        chat.does("newcomer", &format!("/leave r{n}"));
    }
}

#[test]
fn the_same_text_of_two_people_is_no_repeat() {
    let repeats = Some(Rate { per_second: 1.0 / 60.0, burst: 1 });
    let mut chat = chat(PaceLimits { repeats, ..PaceLimits::default() }, &["eve", "bob", "ann"]);
    for (name, room) in [("eve", "a"), ("bob", "b"), ("ann", "c")] {
        chat.does(name, &format!("/create {room}"));
        chat.does(name, &format!("/say {room} good morning"));
        chat.does(name, "/say lobby good morning");
    }
    assert_eq!(chat.refusal("eve", "/msg ann good morning"), Some(Code::SlowDown));
}

#[test]
fn what_was_refused_is_in_the_stats() {
    let mut chat = chat(PaceLimits { rooms: RATE, ..PaceLimits::default() }, &["eve"]);
    chat.administrator("ann");
    paced(&mut chat, "eve", 4, (0..7).map(|n| format!("/create r{n}")));
    chat.type_line("ann", "/stats");
    assert_eq!(chat.figures.unwrap().refused, 3);
}

#[test]
fn an_account_is_new_for_exactly_so_long() {
    let is_new = |wall| pace::is_new(1_000, Duration::from_secs(10), Now { instant: Instant::now(), wall });
    assert_eq!([0, 10_999, 11_000].map(is_new), [true, true, false]);
}
