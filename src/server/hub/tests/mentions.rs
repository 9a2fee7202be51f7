//! Whom what is said mentions: the tag, `/mentions` and the numbers of `/conversations`.

use super::chat::Chat;

#[test]
fn a_mention_is_tagged_found_and_counted_until_it_is_read() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        bob> /set tags on
        bob< + tags on epoch=E protocol=1
        bob> /set presence off
        bob< + presence off
        alice> ask @Bob or @nobody, mail bob@example.org
        bob< @id=1;at=1700000010005;mention=bob [lobby] alice: ask @Bob or @nobody, mail bob@example.org
        alice> just bob, or @bob@example.org, or @alice herself
        bob< @id=2;at=1700000010006 [lobby] alice: just bob, or @bob@example.org, or @alice herself
        alice> /msg bob @bob- and @alice
        alice< + 1
        bob< @id=1;at=1700000010007;to=@alice;mention=bob (alice > bob) @bob- and @alice
        bob> /conversations
        bob< | lobby 2 0 2 1 0
        bob< | @alice 1 0 1 1 0
        bob< + 2 conversations
        bob> /mentions
        bob< | @alice 1 alice: @bob- and @alice
        bob< | lobby 1 alice: ask @Bob or @nobody, mail bob@example.org
        bob< + 2 messages
        bob> /mentions limit=1
        bob< | @alice 1 alice: @bob- and @alice
        bob< + 1 message
        bob> /read lobby 1
        bob< + 1
        bob> /read @alice 1
        bob< + 1
        bob> /conversations
        bob< | lobby 2 1 1 0 0
        bob< | @alice 1 1 0 0 0
        bob< + 2 conversations
        alice> /mentions
        alice< + 0 messages
    ",
    );
}

#[test]
fn an_edit_mentions_whom_it_names_now_and_a_removal_nobody() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        bob> /set tags on
        bob< + tags on epoch=E protocol=1
        alice> hello
        bob< @id=1;at=1700000010005 [lobby] alice: hello
        alice> /edit lobby 1 hello @bob
        bob< @at=1700000010006;mention=bob;ev=edit;who=alice;about=1;change=1 [lobby] * alice edited 1: hello @bob
        alice< + change=1
        bob> /mentions
        bob< | lobby 1 alice (edited): hello @bob
        bob< + 1 message
        alice> /edit lobby 1 hello all
        bob< @at=1700000010008;ev=edit;who=alice;about=1;change=2 [lobby] * alice edited 1: hello all
        alice< + change=2
        bob> /mentions
        bob< + 0 messages
        alice> /post lobby status @bob: building
        bob< @id=2;at=1700000010010;mention=bob [lobby] alice: @bob: building
        alice< + 2
        alice> /update lobby status @bob: built
        bob< @at=1700000010011;mention=bob;ev=edit;who=alice;about=2;change=3 [lobby] * alice edited 2: @bob: built
        alice< + change=3
        bob> /conversations
        bob< | lobby 2 0 2 1 3
        bob< + 1 conversation
        alice> /redact lobby 2 not for @bob
        bob< @at=1700000010013;ev=redact;who=alice;about=2;change=4 [lobby] * alice removed 2: not for @bob
        alice< + change=4
        bob> /mentions
        bob< + 0 messages
        bob> /conversations
        bob< | lobby 2 0 2 0 4
        bob< + 1 conversation
        bob> /say lobby an answer
        bob< + 3
        alice< [lobby] bob: an answer
        alice> /reply lobby 3 without a name
        bob< @id=4;at=1700000010017;reply=3 [lobby] alice (re 3 bob): without a name
        alice< + 4
        bob> /mentions
        bob< + 0 messages
    ",
    );
}

#[test]
fn everyone_in_a_room_is_mentioned_by_its_moderators_alone() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.administrator("ada");
    chat.does("alice", "/create ops");
    for name in ["bob", "carol"] {
        chat.does(name, "/join ops");
    }
    chat.does("alice", "/role ops bob moderator");
    chat.does("carol", "/set tags on");
    chat.plays(
        "
        alice> /say ops @room and @carol: lunch
        bob< [ops] alice: @room and @carol: lunch
        alice< + 1
        carol< @id=1;at=1700000020015;mention=room,carol [ops] alice: @room and @carol: lunch
        bob> /say ops @ROOM!
        bob< + 2
        alice< [ops] bob: @ROOM!
        carol< @id=2;at=1700000020016;mention=room [ops] bob: @ROOM!
        carol> /say ops @room?
        bob< [ops] carol: @room?
        carol< + 3
        alice< [ops] carol: @room?
        alice> /msg carol @room
        alice< + 1
        carol< @id=1;at=1700000020018;to=@alice (alice > carol) @room
        carol> /mentions
        carol< | ops 2 bob: @ROOM!
        carol< | ops 1 alice: @room and @carol: lunch
        carol< + 2 messages
        alice> /mentions
        alice< | ops 2 bob: @ROOM!
        alice< + 1 message
    ",
    );
    // An administrator who is in the room stands above its owners; in the lobby nobody else does.
    chat.does("carol", "/switch lobby");
    chat.plays(
        "
        ada> /say lobby @room
        bob< [lobby] ada: @room
        ada< + 1
        alice< [lobby] ada: @room
        carol< @id=1;at=1700000020022;mention=room [lobby] ada: @room
        alice> /say lobby @room
        bob< [lobby] alice: @room
        alice< + 2
        carol< @id=2;at=1700000020023 [lobby] alice: @room
        ada< [lobby] alice: @room
    ",
    );
}

#[test]
fn nothing_of_a_room_reaches_those_who_are_not_in_it() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.does("alice", "/create den private");
    chat.does("alice", "/invite den bob");
    chat.does("bob", "/join den");
    chat.does("bob", "/set tags on");
    chat.plays(
        "
        alice> /say den @carol and @bob
        bob< @id=1;at=1700000010010;mention=bob [den] alice: @carol and @bob
        alice< + 1
        carol> /mentions
        carol< + 0 messages
        carol> /conversations
        carol< | lobby 0 0 0 0 0
        carol< + 1 conversation
        alice> /msg bob ask @carol
        alice< + 1
        bob< @id=1;at=1700000010013;to=@alice (alice > bob) ask @carol
        carol> /mentions
        carol< + 0 messages
    ",
    );
    // Whoever comes in reads all of it; what was said before is not unread.
    chat.does("alice", "/invite den carol");
    chat.does("carol", "/join den");
    chat.does("bob", "/leave den");
    chat.plays(
        "
        carol> /mentions
        carol< | den 1 alice: @carol and @bob
        carol< + 1 message
        carol> /conversations
        carol< | den 1 1 0 0 0
        carol< | lobby 0 0 0 0 0
        carol< + 2 conversations
        bob> /mentions
        bob< + 0 messages
        bob> /conversations
        bob< | lobby 0 0 0 0 0
        bob< | @alice 1 0 1 0 0
        bob< + 2 conversations
    ",
    );
}

#[test]
fn a_message_mentions_at_most_twenty() {
    let names: Vec<String> = (0..22).map(|n| format!("u{n}")).collect();
    let mut people: Vec<&str> = names.iter().map(String::as_str).collect();
    people.insert(0, "alice");
    let mut chat = Chat::of(&people);
    chat.does("u0", "/set tags on");
    let all: Vec<String> = names.iter().rev().map(|name| format!("@{name} @{name}")).collect();
    chat.does("alice", &format!("/say lobby {}", all.join(" ")));
    let mentioned: Vec<&str> = names.iter().rev().take(20).map(String::as_str).collect();
    let tag = format!(";mention={} [lobby] alice: ", mentioned.join(","));
    assert!(chat.log.contains(&tag), "{}", chat.log);
}
