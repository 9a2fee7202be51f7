//! `/ignore`: what the one does not hear, and that the other notices nothing.

use super::chat::{Chat, PASSWORD};
use proptest::prelude::*;

#[test]
fn a_direct_message_of_somebody_ignored_is_kept_and_not_heard() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.device("bot", "alice");
    chat.plays(
        "
        bot> /set tags on
        bot< + tags on epoch=E protocol=1
        alice> /ignore BOB
        bot< @ev=ignore;who=bob * you ignore bob now.
        alice< + bob is ignored from now on, and is not told. /unignore bob ends it.
        alice> /ignore bob
        alice< + bob is ignored already. /unignore bob ends it.
        alice> /ignored
        alice< | bob since 2023-11-14T22:13:30.007Z
        alice< + 1 account
        bob> /msg alice buy this
        bob< + 1
        bob> /edit @alice 1 buy that
        bob< + change=1
        bob> /react @alice 1 :)
        bob< + change=2
        alice> /conversations
        alice< | lobby 0 0 0 0 0
        alice< | @bob 1 0 0 0 2
        alice< + 2 conversations
        alice> /search that
        alice< + 0 messages with that in lobby
        alice> /search that in=@bob
        alice< + 0 messages with that in @bob
        alice> /search that from=bob
        alice< + 0 messages with that in lobby @bob
        alice> /history @bob
        bot< @ev=read * read: @bob 1
        alice< | @bob 1 bob (edited, 1 :)): buy that
        alice< + 1 message
        alice> /msg bob please stop
        alice< + 2
        bot< @id=2;at=1700000010018;to=@bob (alice > bob) please stop
        bob< (alice > bob) please stop
        bob> /reply @alice 2 no
        bob< + 3
        alice> /unignore bob
        bot< @ev=unignore;who=bob * you don't ignore bob any more.
        alice< + bob is not ignored any more. /history @bob shows what they wrote to you.
        alice> /unignore bob
        alice< + bob was not ignored. /ignored shows who is.
        alice> /conversations
        alice< | lobby 0 0 0 0 0
        alice< | @bob 3 1 1 0 2
        alice< + 2 conversations
        alice> /ignore alice
        alice< - bad-argument: you can't ignore yourself.
        alice> /ignore carol
        alice< - no-such-user: there is nobody called carol. /who shows who is in a room.
        alice> /ignore server
        alice< - bad-name: server can't be a name: that name is reserved for the server.
    ",
    );
}

/// People don't see it; programs do, so that their ids have no gap, and so do all others.
#[test]
fn what_somebody_ignored_says_in_a_room_is_not_shown_to_people() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.device("bot", "alice");
    chat.type_line("bot", "/set tags on");
    chat.does("alice", "/ignore bob");
    chat.plays(
        "
        bob> /say lobby buy this
        bob< + 1
        bot< @id=1;at=1700000010010 [lobby] bob: buy this
        carol< [lobby] bob: buy this
        bob> /edit lobby 1 buy that
        bot< @at=1700000010011;ev=edit;who=bob;about=1;change=1 [lobby] * bob edited 1: buy that
        carol< [lobby] * bob edited 1: buy that
        bob< + change=1
        carol> /react lobby 1 :(
        bob< [lobby] * carol reacted to 1: 1 :(
        bot< @at=1700000010012;ev=react;who=carol;about=1;change=2 [lobby] * carol reacted to 1: 1 :(
        alice< [lobby] * carol reacted to 1: 1 :(
        carol< + change=2
        bob> /redact lobby 1
        bot< @at=1700000010013;ev=redact;who=bob;about=1;change=3 [lobby] * bob removed 1
        alice< [lobby] * bob removed 1
        carol< [lobby] * bob removed 1
        bob< + change=3
        carol> hello
        bob< [lobby] carol: hello
        bot< @id=2;at=1700000010014 [lobby] carol: hello
        alice< [lobby] carol: hello
        alice> /conversations
        alice< | lobby 2 0 2 0 3
        alice< + 1 conversation
    ",
    );
}

/// A mention by somebody ignored does not count, and whoever makes it sees no difference.
#[test]
fn somebody_ignored_mentions_nobody() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    for line in ["/set tags on", "/set echo on"] {
        chat.type_line("bob", line);
    }
    chat.does("alice", "/ignore bob");
    chat.plays(
        "
        bob> /say lobby hey @alice
        bob< + 1
        bob< @id=1;at=1700000010008;mention=alice [lobby] bob: hey @alice
        carol< [lobby] bob: hey @alice
        alice> /mentions
        alice< + 0 messages
        alice> /conversations
        alice< | lobby 1 0 1 0 0
        alice< + 1 conversation
        alice> /unignore bob
        alice< + bob is not ignored any more. /history @bob shows what they wrote to you.
        alice> /mentions
        alice< | lobby 1 bob: hey @alice
        alice< + 1 message
        alice> /conversations
        alice< | lobby 1 0 1 1 0
        alice< + 1 conversation
    ",
    );
}

/// What is shown unasked at a login leaves it out, too.
#[test]
fn the_replay_leaves_out_whom_one_ignores() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.does("alice", "/ignore bob");
    chat.cut_off("alice");
    for line in ["/say lobby buy this", "/msg alice buy this"] {
        chat.does("bob", line);
    }
    chat.does("carol", "/say lobby hello");
    chat.connect("alice");
    chat.plays(&format!(
        "
        alice> /login alice {PASSWORD}
        alice< | lobby 2 carol: hello
        alice< + welcome alice - you are in lobby; bob and carol are here. Type to talk.
        alice> /history lobby
        alice< | lobby 1 bob: buy this
        alice< | lobby 2 carol: hello
        alice< + 2 messages
        alice> /quit
        alice< + goodbye alice. (Ctrl-C if this stays open)
    "
    ));
}

#[test]
fn an_invitation_by_somebody_ignored_is_none() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    for line in ["/create den private", "/create hall", "/invite den carol"] {
        chat.does("bob", line);
    }
    chat.does("carol", "/join den");
    chat.does("alice", "/ignore bob");
    chat.plays(
        "
        bob> /invite den alice
        bob< + alice is invited to den and has been told.
        bob> /invite den alice
        bob< + alice is invited to den and has been told.
        bob> /invite hall alice
        bob< + alice is invited to hall and has been told.
        alice> /invitations
        alice< + 0 invitations
        alice> /rooms
        alice< | hall 1 -
        alice< | lobby 3 -
        alice< + 2 rooms
        alice> /join den
        alice< - not-allowed: that name isn't available. Choose another. You're not in a room now; /switch lobby goes back.
        alice> /decline den
        alice< - bad-argument: you have no invitation to den. /invitations lists yours.
        alice> /decline @bob
        alice< + 0 invitations by bob declined. Nobody is told.
        carol> /invite den alice
        alice< * invited: den by carol. /join den
        carol< + alice is invited to den and has been told.
        bob> /invite den alice
        bob< + alice is invited to den and has been told.
        alice> /join den
        bob< [den] * alice joined
        carol< [den] * alice joined
        alice< + den - 3 members, 3 here. Type to talk.
    ",
    );
    // It is there again once nobody ignores anybody.
    chat.plays(
        "
        alice> /unignore bob
        alice< + bob is not ignored any more. /history @bob shows what they wrote to you.
        alice> /invitations
        alice< | hall by bob until 2023-12-14T22:13:30.002Z
        alice< + 1 invitation - /join ROOM accepts one, /decline ROOM or /decline @NAME says no
    ",
    );
}

/// They take no place from others, nor do those by others from them.
#[test]
fn invitations_by_people_ignored_count_for_them_alone() {
    let spammers: Vec<String> = (0..6).map(|n| format!("spammer{n}")).collect();
    let mut names: Vec<&str> = spammers.iter().map(String::as_str).collect();
    names.extend(["bob", "carol"]);
    let mut chat = Chat::of(&names);
    for spammer in &spammers {
        chat.does("bob", &format!("/ignore {spammer}"));
        for n in 0..11 {
            chat.does(spammer, &format!("/create {spammer}-{n}"));
            chat.type_line(spammer, &format!("/invite {spammer}-{n} bob"));
        }
    }
    let own = "- limit: bob has 10 open invitations from you, which is the limit. Wait for an answer.";
    let all = "- limit: bob has 50 open invitations, which is the limit. Ask bob to /join or /decline some.";
    assert_eq!((chat.log.matches(own).count(), chat.log.matches(all).count()), (5, 11), "{}", chat.log);
    chat.does("carol", "/create den");
    chat.does("carol", "/invite den bob");
    assert!(chat.log.contains("bob< * invited: den by carol. /join den"), "{}", chat.log);
}

/// What moderators and administrators do is everybody's business.
#[test]
fn moderators_and_announcements_are_heard_all_the_same() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.console("server");
    chat.does("bob", "/create ops");
    for name in ["alice", "carol"] {
        chat.does(name, "/join ops");
    }
    chat.does("carol", "/say ops hi");
    chat.does("server", "/grant bob admin");
    chat.does("alice", "/ignore bob");
    chat.plays(
        "
        bob> /pin ops 1
        alice< [ops] * bob pinned 1
        carol< [ops] * bob pinned 1
        bob< + change=1
        bob> /kick ops carol spam
        alice< [ops] * carol was kicked by bob: spam
        carol< [ops] * carol was kicked by bob: spam
        bob< + carol is no longer in ops.
        bob> /topic ops what we do
        alice< [ops] * bob set the topic: what we do
        bob< + ops - what we do
        bob> /announce back at noon
        bob< * announcement: back at noon
        server< * announcement: back at noon
        alice< * announcement: back at noon
        carol< * announcement: back at noon
        bob< + told 4 connections.
    ",
    );
}

#[test]
fn only_so_many_are_ignored() {
    let names: Vec<String> = (0..=crate::server::core::IGNORED_MAX).map(|n| format!("u{n}")).collect();
    let mut chat = Chat::of(&["alice"]);
    for name in &names {
        chat.connect(name);
        chat.type_line(name, &format!("/register {name} {PASSWORD}"));
        chat.cut_off(name);
    }
    for name in &names[1..] {
        chat.does("alice", &format!("/ignore {name}"));
    }
    chat.plays(
        "
        alice> /ignore u0
        alice< - limit: you ignore 500 people, which is the limit. /unignore some first.
        alice> /ignore u1
        alice< + u1 is ignored already. /unignore u1 ends it.
    ",
    );
}

/// A line of somebody whom others may ignore.
fn line() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "hello",
        "/me waves",
        "/say lobby hi",
        "/say lobby hey @bob",
        "/edit lobby 1 hey @bob",
        "/mentions",
        "/msg bob hi",
        "/act @bob waves",
        "/post @bob key hi",
        "/post @bob key ho",
        "/update @bob key hm",
        "/reply @bob 1 yes",
        "/reply lobby 1 yes",
        "/edit @bob 1 mended",
        "/edit lobby 1 mended",
        "/redact @bob 1 sorry",
        "/redact lobby 1",
        "/react @bob 1 :)",
        "/react lobby 1 :)",
        "/pin @bob 1",
        "/unpin @bob 1",
        "/pins @bob",
        "/read @bob 1",
        "/history @bob",
        "/history lobby",
        "/changes @bob",
        "/conversations",
        "/search hi",
        "/rooms",
        "/who",
        "/profile bob",
        "/create den private",
        "/who den",
        "/role lobby bob",
        "/kick den bob",
        "/ban den bob",
        "/unban den bob",
        "/set tags on",
        "/set echo on",
        "/away lunch",
        "/ignored",
    ]);
    let invitation = (0..13u8).prop_map(|n| format!("/invite r{n} bob"));
    let room = (0..13u8).prop_map(|n| format!("/create r{n} private"));
    prop_oneof![6 => plain.prop_map(str::to_owned), 1 => invitation, 1 => room, 1 => Just("/invite den bob".to_owned())]
}

/// All that mallory is shown.
fn shown_to_mallory(lines: &[String], ignored: bool) -> String {
    let mut chat = Chat::of(&["mallory", "bob", "carol"]);
    chat.device("bot", "bob");
    chat.type_line("bot", "/set tags on");
    chat.does("bob", "/away out");
    chat.does("bob", if ignored { "/ignore mallory" } else { "/ignored" });
    chat.log.clear();
    for line in lines {
        chat.type_line("mallory", line);
    }
    chat.wait(std::time::Duration::from_secs(10));
    chat.type_line("bob", "/msg mallory hi");
    chat.type_line("bob", "hello");
    let shown: Vec<&str> = chat.log.lines().filter(|line| line.starts_with("mallory")).collect();
    shown.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_is_ignored_notices_nothing(lines in prop::collection::vec(line(), 1..60)) {
        prop_assert_eq!(shown_to_mallory(&lines, true), shown_to_mallory(&lines, false));
    }
}
