//! Rooms, who is in them, who talks where, who comes and goes.

use super::chat::Chat;

#[test]
fn a_room_is_made_joined_and_left() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.device("phone", "alice");
    chat.plays(
        "
        alice> /join Ops
        phone< [ops] * alice joined
        alice< + ops - you are the first here. Type to talk.
        bob> /join #ops
        alice< [ops] * bob joined
        phone< [ops] * bob joined
        bob< + ops - 2 members, 2 here. Type to talk.
        phone> hello
        bob< [lobby] alice: hello
        alice< [lobby] alice: hello
        bob> hello
        alice< [ops] bob: hello
        phone< [ops] bob: hello
        phone> /switch ops
        phone< + ops - 2 members, 2 here. Type to talk.
        phone> /topic ops all about it
        alice< [ops] * alice set the topic: all about it
        bob< [ops] * alice set the topic: all about it
        phone< + ops - all about it
        phone> and hello here
        bob< [ops] alice: and hello here
        alice< [ops] alice: and hello here
        bob> /rooms
        bob< | lobby 2 -
        bob< | ops 2 - all about it
        bob< + 2 rooms
        bob> /who
        bob< | alice here
        bob< | bob here
        bob< + 2 members
        bob> /topic ops
        bob< + ops - all about it
        bob> /leave ops
        alice< [ops] * bob left
        phone< [ops] * bob left
        bob< + ops is left.
        bob> hello?
        bob< - no-room: you talk in no room just now. /rooms lists them, /join ROOM enters one.
        bob> /leave ops
        bob< - not-a-member: you are not in ops. /join ops first.
        bob> /leave nowhere
        bob< - no-such-room: there is no room nowhere. /rooms lists those that you may see.
        bob> /create ops
        bob< - name-taken: there is a room ops. /join ops enters it.
        bob> /create x
        bob< + x is made, and yours. /switch x talks there.
        alice> /join ops
        alice< + ops - you are the first here. Topic: all about it
        alice> /topic ops -
        phone< [ops] * alice cleared the topic
        alice< + ops has no topic now.
        alice> /rooms limit=1
        alice< | lobby 2 -
        alice< + 1 rooms, more
        alice> /rooms after=ops
        alice< | x 1 -
        alice< + 1 rooms
    ",
    );
}

#[test]
fn a_hidden_room_is_seen_by_the_invited_alone() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.plays(
        "
        alice> /create den private
        alice< + den is made, and yours. Only the invited see it: /invite den NAME. /switch den talks there.
        bob> /rooms
        bob< | lobby 3 -
        bob< + 1 rooms
        bob> /who den
        bob< - no-such-room: there is no room den. /rooms lists those that you may see.
        bob> /say den hi
        bob< - no-such-room: there is no room den. /rooms lists those that you may see.
        bob> /history den
        bob< - no-such-room: there is no room den. /rooms lists those that you may see.
        bob> /invite den carol
        bob< - no-such-room: there is no room den. /rooms lists those that you may see.
        bob> /topic den
        bob< - no-such-room: there is no room den. /rooms lists those that you may see.
        bob> /read den 0
        bob< - no-such-room: there is no room den. /rooms lists those that you may see.
        bob> /create den
        bob< - not-allowed: that name is not free. Choose another.
        bob> /join den
        bob< - not-allowed: that name is not free. Choose another.
        bob> hello
        bob< - no-room: you talk in no room just now. /rooms lists them, /join ROOM enters one.
        alice> /invite den dave
        alice< - no-such-user: there is nobody called dave. /who shows who is in a room.
        alice> /invite nowhere dave
        alice< - no-such-room: there is no room nowhere. /rooms lists those that you may see.
        alice> /invite den bob
        bob< * invited: den by alice. /join den
        alice< + bob is invited to den and was told.
        alice> /invite den @Bob
        alice< + bob is invited to den and was told.
        bob> /say den hi
        bob< - not-a-member: you are not in den. /join den first.
        bob> /rooms
        bob< | den 1 -
        bob< | lobby 3 -
        bob< + 2 rooms
        carol> /rooms
        carol< | lobby 3 -
        carol< + 1 rooms
        bob> /join den
        alice< [den] * bob joined
        bob< + den - 2 members, 2 here. Type to talk.
        alice> /invite den bob
        alice< + bob is in den already.
        bob> /leave den
        alice< [den] * bob left
        bob< + den is left.
        bob> /join den
        bob< - not-allowed: that name is not free. Choose another.
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
        alice< - bad-argument: b is not understood there. Use: /join ROOM
        alice> hello
        alice< - no-room: you talk in no room just now. /rooms lists them, /join ROOM enters one.
        alice> /switch lobby
        alice< + lobby - 2 members, 2 here. Type to talk.
        alice> hello
        bob< [lobby] alice: hello
        alice> /switch nowhere
        alice< - no-such-room: there is no room nowhere. /rooms lists those that you may see.
        alice> hello
        alice< - no-room: you talk in no room just now. /rooms lists them, /join ROOM enters one.
        alice> /switch lobby
        alice< + lobby - 2 members, 2 here. Type to talk.
        alice> /switch
        alice< - bad-argument: ROOM is missing. Use: /switch ROOM
        alice> hello
        alice< - no-room: you talk in no room just now. /rooms lists them, /join ROOM enters one.
        alice> /switch lobby
        alice< + lobby - 2 members, 2 here. Type to talk.
        alice> /create other
        alice< + other is made, and yours. /switch other talks there.
        alice> hello
        bob< [lobby] alice: hello
        alice> /history
        alice< | lobby 1 alice: hello
        alice< | lobby 2 alice: hello
        alice< + 2 messages
        alice> /leave lobby
        bob< [lobby] * alice left
        alice< + lobby is left.
        alice> /history
        alice< - no-room: you talk in no room just now. /rooms lists them, /join ROOM enters one.
        alice> /who
        alice< - no-room: you talk in no room just now. /rooms lists them, /join ROOM enters one.
        alice> /who lobby
        alice< - not-a-member: you are not in lobby. /join lobby first.
        alice> /whoami
        alice< + alice - a member of this server; you talk in no room just now.
        alice> /conversations
        alice< | other 0 0 0
        alice< + 1 conversations
        alice> /join lobby
        bob< [lobby] * alice joined
        alice< + lobby - 2 members, 2 here. Type to talk.
        alice> /conversations
        alice< | lobby 2 2 0
        alice< | other 0 0 0
        alice< + 2 conversations
    ",
    );
}

#[test]
fn who_comes_and_goes_is_told_once_and_not_when_flapping() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.connect("carol");
    chat.plays(
        "
        carol> /register carol password1
        bob< [lobby] * carol joined
        alice< [lobby] * carol joined
        carol< + welcome carol - you are in lobby; alice and bob are here. Type to talk.
        -- 1 s
        bob< [lobby] * carol is here
        alice< [lobby] * carol is here
        bob> /set presence off
        bob< + presence off
        -- carol is cut off
        -- 4 s
        alice> /who lobby
        alice< | alice here
        alice< | bob here
        alice< | carol away
        alice< + 3 members
        -- 2 s
        alice< [lobby] * carol went away
        alice> /who lobby
        alice< | alice here
        alice< | bob here
        alice< | carol away
        alice< + 3 members
    ",
    );
    chat.connect("dan");
    chat.plays(
        "
        dan> /login carol password1
        dan< + welcome carol - you are in lobby; alice and bob are here. Type to talk.
        -- 1 s
        alice< [lobby] * carol is here
        -- dan is cut off
        -- 4 s
    ",
    );
    chat.connect("eve");
    chat.plays(
        "
        eve> /login carol password1
        eve< + welcome carol - you are in lobby; alice and bob are here. Type to talk.
        -- 9 s
    ",
    );
}
