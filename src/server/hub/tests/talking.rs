//! Saying, posting, reading, and what a person is shown.

use super::chat::Chat;

#[test]
fn a_line_reaches_every_connection_except_the_one_that_typed_it() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.device("phone", "alice");
    chat.plays(
        "
        alice> hello
        bob< [lobby] alice: hello
        phone< [lobby] alice: hello
        carol< [lobby] alice: hello
        alice> /say lobby hello again
        bob< [lobby] alice: hello again
        phone< [lobby] alice: hello again
        alice< + 2
        carol< [lobby] alice: hello again
        alice> /set echo on
        alice< + echo on
        alice> hello
        bob< [lobby] alice: hello
        phone< [lobby] alice: hello
        alice< [lobby] alice: hello
        carol< [lobby] alice: hello
        alice> /say lobby hello
        bob< [lobby] alice: hello
        phone< [lobby] alice: hello
        alice< + 4
        alice< [lobby] alice: hello
        carol< [lobby] alice: hello
        alice> /msg bob lunch?
        phone< (alice > bob) lunch?
        alice< + 1
        alice< (alice > bob) lunch?
        bob< (alice > bob) lunch?
        phone> /msg alice note to myself
        phone< + 1
        alice< (alice > alice) note to myself
        bob> /set tags on
        bob< + tags on epoch=E protocol=1
        bob> /say @alice yes!
        bob< + 2
        phone< (bob > alice) yes!
        alice< (bob > alice) yes!
        phone> /set tags on
        phone< + tags on epoch=E protocol=1
        bob> /msg bob memo
        bob< + 1
        alice> /msg nobody hi
        alice< - no-such-user: there is nobody called nobody. /who shows who is in a room.
        alice> /say nowhere hi
        alice< - no-such-room: there is no room nowhere. /rooms lists the rooms you can see.
        carol> /leave lobby
        bob< @ev=leave;who=carol [lobby] * carol left
        phone< @ev=leave;who=carol [lobby] * carol left
        alice< [lobby] * carol left
        carol< + lobby - you left.
        carol> /say lobby hi
        carol< - not-a-member: you're not in lobby. /join lobby first.
        alice> /msg server hi
        alice< - bad-name: server can't be a name: that name is reserved for the server.
    ",
    );
}

#[test]
fn marks_say_what_is_done_and_what_is_answered() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        bob> /set tags on
        bob< + tags on epoch=E protocol=1
        alice> /me waves
        bob< @id=1;at=1700000010005 [lobby] alice (me): waves
        alice< + 1
        bob> /reply lobby 1 hello alice
        bob< + 2
        alice< [lobby] bob (re 1 alice): hello alice
        bob> /act @alice nods
        bob< + 1
        alice< (bob > alice, me) nods
        alice> /reply @bob 1 at what?
        alice< + 2
        bob< @id=2;at=1700000010008;to=@alice;reply=1 (alice > bob, re 1 bob) at what?
        alice> /reply lobby 2 and again
        bob< @id=3;at=1700000010009;reply=2 [lobby] alice (re 2 bob): and again
        alice< + 3
        alice> /history
        alice< | lobby 1 alice (me): waves
        alice< | lobby 2 bob (re 1 alice): hello alice
        alice< | lobby 3 alice (re 2 bob): and again
        alice< + 3 messages
        alice> /reply lobby 9 what?
        alice< - no-such-message: there is no message 9 there; the last ID is 3.
        alice> /reply lobby 0 what?
        alice< - no-such-message: there is no message 0 there; the last ID is 3.
        alice> /reply @alice 1 what?
        alice< - no-such-message: there is no message 1 there; the last ID is 0.
        alice> /conversations
        alice< | lobby 3 3 0 0 0
        alice< | @bob 2 0 1 0 0
        alice< + 2 conversations
        alice> /leave lobby
        bob< @ev=leave;who=alice [lobby] * alice left
        alice< + lobby - you left.
        alice> /reply lobby 1 what?
        alice< - not-a-member: you're not in lobby. /join lobby first.
        alice> /me waves
        alice< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
    ",
    );
}

#[test]
fn a_post_is_said_once_under_its_key() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        alice> /post lobby k1 one
        bob< [lobby] alice: one
        alice< + 1
        alice> /post lobby k1 one
        alice< + 1
        alice> /post lobby k1 two
        alice< - conflict: that key was used here with another text. Use a new key for a new text.
        bob> /post lobby k1 one
        bob< + 2
        alice< [lobby] bob: one
        alice> /post @bob k1 one
        alice< + 1
        bob< (alice > bob) one
        alice> /post @bob k1 one
        alice< + 1
        alice> /leave lobby
        bob< [lobby] * alice left
        alice< + lobby - you left.
        alice> /post lobby k1 one
        alice< - not-a-member: you're not in lobby. /join lobby first.
    ",
    );
}

#[test]
fn read_markers_and_what_may_be_read() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.device("phone", "alice");
    chat.plays(
        "
        bob> one
        alice< [lobby] bob: one
        phone< [lobby] bob: one
        bob> two
        alice< [lobby] bob: two
        phone< [lobby] bob: two
        alice> /conversations
        alice< | lobby 2 0 2 0 0
        alice< + 1 conversation
        alice> /read lobby 1
        phone< * read: lobby 1
        alice< + 1
        alice> /read lobby 3
        alice< - bad-argument: the last ID there is 2. Use an ID up to that one.
        alice> /read lobby 0
        alice< + 1
        alice> /read @bob 0
        alice< + 0
        alice> /read @bob 1
        alice< - bad-argument: the last ID there is 0. Use an ID up to that one.
        phone> /set tags on
        phone< + tags on epoch=E protocol=1
        alice> /read lobby 2
        phone< @ev=read * read: lobby 2
        alice< + 2
        alice> /history @bob
        alice< + 0 messages
        alice> /history lobby after=1
        alice< | lobby 2 bob: two
        alice< + 1 message
        alice> /history lobby before=2
        alice< | lobby 1 bob: one
        alice< + 1 message
        alice> /history nowhere
        alice< - no-such-room: there is no room nowhere. /rooms lists the rooms you can see.
        alice> /history @nobody
        alice< - no-such-user: there is nobody called nobody. /who shows who is in a room.
        bob> /msg alice psst
        bob< + 1
        alice< (bob > alice) psst
        phone< @id=1;at=1700000010021;to=@bob (bob > alice) psst
        alice> /search psst
        alice< + 0 messages with psst in lobby @bob
        alice> /search in=@bob psst
        alice< + 0 messages with psst in @bob
        bob> /search in=@bob from=nobody psst
        bob< - no-such-user: there is nobody called nobody. /who shows who is in a room.
        bob> /search in=nowhere psst
        bob< - no-such-room: there is no room nowhere. /rooms lists the rooms you can see.
    ",
    );
}

#[test]
fn a_person_is_shown_unread_lines() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        bob> /join ops
        bob< + ops - you're the only member. Type to talk.
        alice> /join ops
        bob< [ops] * alice joined
        alice< + ops - 2 members, 2 here. Type to talk.
        alice> /switch lobby
        alice< + lobby - 2 members, 2 here. Type to talk.
        bob> one
        alice< [ops] bob: one
        bob> /say lobby zwei
        bob< + 1
        alice< [lobby] bob: zwei
        alice> /join ops
        alice< + ops - 2 members, 2 here. Type to talk.
        alice> /quit
        alice< + goodbye alice. (Ctrl-C if this stays open)
        -- alice is cut off
        bob> two
        bob> /say lobby drei
        bob< + 2
        bob> /msg alice psst
        bob< + 1
        -- 9 s
        bob< [lobby] * alice went away
    ",
    );
    chat.conns.remove(0);
    chat.connect("alice");
    chat.plays(
        "
        alice> /login alice password1
        alice< | lobby 2 bob: drei
        alice< | ops: 1 new
        alice< | @bob: 1 new
        alice< + welcome alice - you are in lobby; bob is here. Type to talk.
        bob> three
        alice< [ops] bob: three
        alice> /quit
        alice< + goodbye alice. (Ctrl-C if this stays open)
        -- alice is cut off
    ",
    );
    chat.conns.retain(|conn| conn.label != "alice");
    chat.connect("alice");
    chat.plays(
        "
        alice> /login alice password1
        alice< | ops: 2 new
        alice< | @bob: 1 new
        alice< + welcome alice - you are in lobby; bob is here. Type to talk.
        alice> /join ops
        alice< | ops 2 bob: two
        alice< | ops 3 bob: three
        alice< | @bob: 1 new
        alice< + ops - 2 members, 2 here. Type to talk.
        alice> /history @bob
        alice< | @bob 1 bob: psst
        alice< + 1 message
        alice> /conversations
        alice< | lobby 2 2 0 0 0
        alice< | ops 3 3 0 0 0
        alice< | @bob 1 1 0 0 0
        alice< + 3 conversations
        alice> /set replay 0
        alice< + replay off
        bob> four
        alice< [ops] bob: four
        alice> /join ops
        alice< + ops - 2 members, 2 here. Type to talk.
    ",
    );
}

#[test]
fn a_marker_that_moves_automatically_is_sent_to_the_other_connections() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.device("phone", "alice");
    chat.plays(
        "
        bob> one
        alice< [lobby] bob: one
        phone< [lobby] bob: one
        alice> /history lobby
        phone< * read: lobby 1
        alice< | lobby 1 bob: one
        alice< + 1 message
        bob> two
        alice< [lobby] bob: two
        phone< [lobby] bob: two
        alice> /quit
        phone< * read: lobby 2
        alice< + goodbye alice. (Ctrl-C if this stays open)
        phone> /history lobby
        phone< | lobby 1 bob: one
        phone< | lobby 2 bob: two
        phone< + 2 messages
    ",
    );
}

#[test]
fn only_the_newest_lines_that_a_person_views_are_read() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.does("bob", "/set tags on");
    for n in 1..=9 {
        chat.does("alice", &format!("/say lobby line {n}"));
    }
    // What was read before, what is viewed, and what is read after it.
    let mut read = |viewer: &str, line: &str| {
        chat.type_line(viewer, line);
        chat.type_line("bob", "/conversations");
        let row = chat.log.lines().rfind(|line| line.starts_with("bob< | lobby ")).unwrap().to_owned();
        row.split(' ').nth(4).unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(read("bob", "/history lobby"), 0, "a program has not read what it fetches");
    read("bob", "/set tags off");
    assert_eq!(read("bob", "/history lobby before=5"), 0);
    assert_eq!(read("bob", "/history lobby since=1h"), 0);
    assert_eq!(read("bob", "/history lobby after=3 limit=2"), 0, "there are lines between");
    assert_eq!(read("bob", "/history lobby after=0 limit=2"), 2);
    assert_eq!(read("bob", "/history lobby after=2 limit=3"), 5);
    assert_eq!(read("bob", "/history lobby after=1 limit=2"), 5);
    assert_eq!(read("bob", "/history lobby before=9 since=1h"), 5);
    assert_eq!(read("bob", "/history lobby"), 9);
}

/// Live lines below some that were not viewed are not read.
#[test]
fn what_was_viewed_to_its_end_counts_as_read_from_then_on() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.cut_off("bob");
    chat.wait(std::time::Duration::from_secs(10));
    for line in ["/msg bob one", "/msg bob two", "/create ops", "/invite ops bob"] {
        chat.does("alice", line);
    }
    // How far a direct conversation is read once somebody has said goodbye.
    let read = |chat: &mut Chat, views: Option<&str>| {
        let before = chat.conns.len();
        let label = format!("bob{before}");
        chat.device(&label, "bob");
        views.into_iter().for_each(|line| chat.does(&label, line));
        chat.does("alice", "/msg bob more");
        chat.does(&label, "/quit");
        chat.cut_off(&label);
        chat.device("reader", "bob");
        chat.does("reader", "/set tags on");
        chat.does("reader", "/conversations");
        let row = chat.log.lines().rfind(|line| line.starts_with("reader< | @alice ")).unwrap().to_owned();
        chat.cut_off("reader");
        row.split(' ').nth(4).unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(read(&mut chat, None), 0);
    assert_eq!(read(&mut chat, Some("/history @alice after=0 limit=1")), 1);
    assert_eq!(read(&mut chat, Some("/read @alice 3")), 3, "there is one below what was marked");
    assert_eq!(read(&mut chat, Some("/history @alice")), 6);
}

#[test]
fn without_a_replay_nothing_is_read_at_a_login() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.cut_off("bob");
    chat.does("alice", "/say lobby hello");
    for (label, typed) in [("quiet", Some("/set replay 0")), ("phone", None)] {
        chat.connect(label);
        typed.into_iter().for_each(|line| chat.type_line(label, line));
        chat.log.clear();
        chat.type_line(label, &format!("/login bob {}", super::chat::PASSWORD));
        assert_eq!(chat.log.contains("alice: hello"), typed.is_none(), "{}", chat.log);
        chat.cut_off(label);
    }
}

#[test]
fn a_large_room_counts_who_else_is_here_and_names_nobody() {
    let mut chat = Chat::of(&["alice", "bob"]);
    for nth in 0..super::super::TELL_MEMBERS_MAX - 1 {
        let name = format!("member{nth}");
        chat.connect(&name);
        chat.does(&name, &format!("/register {name} {}", super::chat::PASSWORD));
        chat.cut_off(&name);
    }
    let mut greeted = |others: &[&str]| {
        others.iter().for_each(|other| chat.cut_off(other));
        chat.connect("phone");
        chat.type_line("phone", &format!("/login alice {}", super::chat::PASSWORD));
        let greeting = chat.log.lines().rfind(|line| line.starts_with("phone< + ")).unwrap().to_owned();
        chat.cut_off("phone");
        greeting
    };
    assert_eq!(greeted(&[]), "phone< + welcome alice - you are in lobby; 1 other is here. Type to talk.");
    assert!(greeted(&["bob"]).contains("nobody else is here just now"));
}
