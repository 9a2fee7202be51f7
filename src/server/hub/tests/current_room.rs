//! The room in which bare text is said, and which lines that leave their ROOM out mean.

use super::chat::Chat;

#[test]
fn a_room_that_is_left_out_is_the_current_one() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        alice> /create ops
        alice< + ops created; you own it. /switch ops to talk there.
        alice> /topic the house  rules
        bob< [lobby] * alice set the topic: the house  rules
        alice< + lobby - the house  rules
        alice> /topic
        alice< + lobby - the house  rules
        alice> /topic ops the pumps
        alice< + ops - the pumps
        alice> /topic #ops
        alice< + ops - the pumps
        alice> /topic don't panic
        bob< [lobby] * alice set the topic: don't panic
        alice< + lobby - don't panic
        alice> /topic -
        bob< [lobby] * alice cleared the topic
        alice< + lobby has no topic now.
        alice> /topic party
        alice< - no-such-room: there is no room party. If you mean lobby, where you are: /topic #lobby party
        alice> /topic loby the party
        alice< - no-such-room: there is no room loby. Did you mean lobby? If you mean lobby, where you are: /topic #lobby loby the party
        alice> /switch ops
        alice< + ops - you're the only member. Topic: the pumps
        alice> /invite bob
        bob< * invited: ops by alice. /join ops
        alice< + bob is invited to ops and has been told.
        alice> /invite lobby bob
        alice< + bob is already in lobby.
        bob> /join ops
        alice< [ops] * bob joined
        bob< + ops - 2 members, 2 here. Topic: the pumps
        alice> /role bob owner
        bob< [ops] * alice made bob an owner
        alice< + bob owner
        alice> /leave
        bob< [ops] * alice left
        alice< + ops - you left.
        alice> /leave
        alice< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        alice> /invite bob
        alice< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        alice> /topic the house rules
        alice< - no-such-room: there is no room the. /rooms lists the rooms you can see.
        alice> /leave lobby
        bob< [lobby] * alice left
        alice< + lobby - you left.
    ",
    );
}

#[test]
fn a_programs_room_is_never_guessed() {
    let mut chat = Chat::of(&["bot"]);
    chat.plays(
        "
        bot> /set tags on
        bot< + tags on epoch=E protocol=1
        bot> /topic gone is gone
        bot< - no-such-room: there is no room gone. /rooms lists the rooms you can see.
        bot> /topic it's gone
        bot< - bad-name: it's can't be a room: a name can contain only letters (a-z, A-Z), digits, - and _.
        bot> /topic #lobby mine
        bot< + lobby - mine
        bot> /topic
        bot< + lobby - mine
        bot> /leave
        bot< + lobby - you left.
    ",
    );
}

#[test]
fn a_switch_that_fails_says_how_to_go_back() {
    let mut chat = Chat::of(&["alice"]);
    chat.plays(
        "
        alice> /switch nowhere
        alice< - no-such-room: there is no room nowhere. /rooms lists the rooms you can see. You're not in a room now; /switch lobby goes back.
        alice> /switch nowhere
        alice< - no-such-room: there is no room nowhere. /rooms lists the rooms you can see.
        alice> /switch lobby
        alice< + lobby - you're the only member. Type to talk.
        alice> /join b!d
        alice< - bad-name: b!d can't be a room: a name can contain only letters (a-z, A-Z), digits, - and _. You're not in a room now; /switch lobby goes back.
    ",
    );
}

#[test]
fn a_failed_join_or_switch_leaves_no_current_room() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        alice> /join lobby
        alice< + lobby - 2 members, 2 here. Type to talk.
        alice> /join a b
        alice< - bad-argument: You're not in a room now; /switch lobby goes back. Unexpected: b. Use: /join ROOM
        alice> hello
        alice< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        alice> /switch lobby
        alice< + lobby - 2 members, 2 here. Type to talk.
        alice> hello
        bob< [lobby] alice: hello
        alice> /switch nowhere
        alice< - no-such-room: there is no room nowhere. /rooms lists the rooms you can see. You're not in a room now; /switch lobby goes back.
        alice> hello
        alice< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        alice> /switch lobby
        alice< + lobby - 2 members, 2 here. Type to talk.
        alice> /switch
        alice< - bad-argument: You're not in a room now; /switch lobby goes back. ROOM is missing. Use: /switch ROOM
        alice> hello
        alice< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        alice> /switch lobby
        alice< + lobby - 2 members, 2 here. Type to talk.
        alice> /create other
        alice< + other created; you own it. /switch other to talk there.
        alice> hello
        bob< [lobby] alice: hello
        alice> /history
        alice< | lobby 1 alice: hello
        alice< | lobby 2 alice: hello
        alice< + 2 messages
        alice> /leave lobby
        bob< [lobby] * alice left
        alice< + lobby - you left.
        alice> /history
        alice< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        alice> /who
        alice< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        alice> /who lobby
        alice< - not-a-member: you're not in lobby. /join lobby first.
        alice> /whoami
        alice< + alice - a member of this server; you're not in a room.
        alice> /conversations
        alice< | other 0 0 0 0 0
        alice< + 1 conversation
        alice> /join lobby
        bob< [lobby] * alice joined
        alice< + lobby - 2 members, 2 here. Type to talk.
        alice> /conversations
        alice< | lobby 2 2 0 0 0
        alice< | other 0 0 0 0 0
        alice< + 2 conversations
    ",
    );
}

#[test]
fn a_word_that_is_a_room_and_a_person_has_to_be_made_clear() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    for line in ["/create bob", "/invite bob bob", "/create ops", "/invite ops bob", "/switch ops"] {
        chat.does("alice", line);
    }
    chat.does("bob", "/join ops");
    chat.plays(
        "
        alice> /kick bob carol
        alice< - bad-argument: bob is a room and also somebody in ops. /kick #bob … for the room, /kick #ops bob carol for bob.
        alice> /topic bob is a room
        alice< + bob - is a room
        alice> /kick loby carol
        alice< - no-such-room: there is no room loby. Did you mean lobby? If you mean ops, where you are: /kick #ops loby carol
        alice> /topic carol
        alice< - no-such-room: there is no room carol. If you mean ops, where you are: /topic #ops carol
        alice> /kick carol too loud
        alice< - not-a-member: carol is not in ops. /who ops shows who is.
        bob> /join bob
        alice< [bob] * bob joined
        bob< + bob - 2 members, 2 here. Topic: is a room
        alice> /switch bob
        alice< + bob - 2 members, 2 here. Topic: is a room
        alice> /kick bob carol
        alice< - not-a-member: carol is not in bob. /who bob shows who is.
    ",
    );
}

#[test]
fn a_long_line_is_not_repeated_in_full() {
    let mut chat = Chat::of(&["alice"]);
    chat.plays(
        "
        alice> /topic loby 3456789012345678901234567890123456
        alice< - no-such-room: there is no room loby. Did you mean lobby? If you mean lobby, where you are: /topic #lobby loby 3456789012345678901234567890123456
        alice> /topic loby 34567890123456789012345678901234567
        alice< - no-such-room: there is no room loby. Did you mean lobby? If you mean lobby, where you are: /topic #lobby loby 3456789012345678901234567890123456…
    ",
    );
}
