//! Rooms, their members, current rooms, and who comes and goes.

use super::super::HubSettings;
use super::chat::{Chat, settings};
use crate::protocol::names::{MessageId, RoomName, UserName};
use crate::protocol::roles::Role;
use crate::server::traffic::{ConversationKind, ConversationRecord, MemberRecord};

#[test]
fn a_room_is_created_joined_and_left() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.device("phone", "alice");
    chat.plays(
        "
        alice> /join Ops
        phone< [ops] * alice joined
        alice< + ops - you're the only member. Type to talk.
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
        bob< | alice here owner
        bob< | bob here
        bob< + 2 members
        bob> /topic ops
        bob< + ops - all about it
        bob> /leave ops
        alice< [ops] * bob left
        phone< [ops] * bob left
        bob< + ops - you left.
        bob> hello?
        bob< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        bob> /leave ops
        bob< - not-a-member: you're not in ops. /join ops first.
        bob> /leave nowhere
        bob< - no-such-room: there is no room nowhere. /rooms lists the rooms you can see.
        bob> /create ops
        bob< - name-taken: there is already a room ops. /join ops enters it.
        bob> /create x
        bob< + x created; you own it. /switch x to talk there.
        alice> /join ops
        phone< * read: lobby 1
        phone< * read: ops 2
        alice< + ops - you're the only member. Topic: all about it
        alice> /topic ops -
        phone< [ops] * alice cleared the topic
        alice< + ops has no topic now.
        alice> /rooms limit=1
        alice< | lobby 2 -
        alice< + 1 room, more
        alice> /rooms after=ops
        alice< | x 1 -
        alice< + 1 room
    ",
    );
}

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
fn a_private_room_is_visible_only_to_the_invited() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.plays(
        "
        alice> /create den private
        alice< + den created; you own it. Only people you invite can see it: /invite den NAME. /switch den to talk there.
        bob> /rooms
        bob< | lobby 3 -
        bob< + 1 room
        bob> /who den
        bob< - no-such-room: there is no room den. /rooms lists the rooms you can see.
        bob> /say den hi
        bob< - no-such-room: there is no room den. /rooms lists the rooms you can see.
        bob> /history den
        bob< - no-such-room: there is no room den. /rooms lists the rooms you can see.
        bob> /invite den carol
        bob< - no-such-room: there is no room den. /rooms lists the rooms you can see.
        bob> /topic den
        bob< - no-such-room: there is no room den. If you mean lobby, where you are: /topic #lobby den
        bob> /read den 0
        bob< - no-such-room: there is no room den. /rooms lists the rooms you can see.
        bob> /create den
        bob< - not-allowed: that name isn't available. Choose another.
        bob> /join den
        bob< - not-allowed: that name isn't available. Choose another. You're not in a room now; /switch lobby goes back.
        bob> hello
        bob< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        alice> /invite den dave
        alice< - no-such-user: there is nobody called dave. /who shows who is in a room.
        alice> /invite nowhere dave
        alice< - no-such-room: there is no room nowhere. /rooms lists the rooms you can see.
        alice> /invite den bob
        bob< * invited: den by alice. /join den
        alice< + bob is invited to den and has been told.
        alice> /invite den @Bob
        alice< + bob is invited to den and has been told.
        bob> /say den hi
        bob< - not-a-member: you're not in den. /join den first.
        bob> /rooms
        bob< | den 1 -
        bob< | lobby 3 -
        bob< + 2 rooms
        carol> /rooms
        carol< | lobby 3 -
        carol< + 1 room
        bob> /join den
        alice< [den] * bob joined
        bob< + den - 2 members, 2 here. Type to talk.
        alice> /invite den bob
        alice< + bob is already in den.
        bob> /leave den
        alice< [den] * bob left
        bob< + den - you left.
        bob> /join den
        bob< - not-allowed: that name isn't available. Choose another.
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
        alice< | other 0 0 0
        alice< + 1 conversation
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
fn presence_is_announced_once_and_not_while_flapping() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.connect("carol");
    chat.plays(
        "
        carol> /register carol password1
        bob< [lobby] * carol joined
        alice< [lobby] * carol joined
        carol< + welcome carol - you are in lobby; alice and bob are here. Type to talk.
        -- 1 s
        alice< [lobby] * carol is here
        bob< [lobby] * carol is here
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

#[test]
fn an_arrival_is_announced_once_to_each_account_however_many_rooms_they_share() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.plays(
        "
        alice> /join ops
        alice< + ops - you're the only member. Type to talk.
        bob> /join ops
        alice< [ops] * bob joined
        bob< + ops - 2 members, 2 here. Type to talk.
        carol> /join ops
        bob< [ops] * carol joined
        alice< [ops] * carol joined
        carol< + ops - 3 members, 3 here. Type to talk.
        bob> /leave lobby
        alice< [lobby] * bob left
        carol< [lobby] * bob left
        bob< + lobby - you left.
        -- carol is cut off
        -- 6 s
        alice< [lobby] * carol went away
        bob< [ops] * carol went away
    ",
    );
}

#[test]
fn names_are_sorted_without_regard_to_case() {
    let mut chat = Chat::of(&["Zoe", "anna", "Ben"]);
    chat.plays(
        "
        anna> /msg Zoe hi
        anna< + 1
        Zoe< (anna > Zoe) hi
        anna> /msg Ben hi
        anna< + 1
        Ben< (anna > Ben) hi
        anna> /conversations
        anna< | lobby 0 0 0
        anna< | @Ben 1 0 0
        anna< | @Zoe 1 0 0
        anna< + 3 conversations
        anna> /who
        anna< | anna here
        anna< | Ben here
        anna< | Zoe here
        anna< + 3 members
    ",
    );
}

#[test]
fn a_list_stops_at_the_byte_limit_of_an_answer() {
    let mut chat = Chat::with(HubSettings { answer_bytes: 27, ..settings() });
    for name in ["ann", "bob", "cyd"] {
        chat.connect(name);
        chat.type_line(name, &format!("/register {name} password1"));
        chat.type_line(name, &format!("/join room-{name}"));
    }
    chat.plays(
        "
        ann> /who lobby
        ann< | ann here
        ann< | bob here
        ann< + 2 members, more
        ann> /rooms
        ann< | lobby 3 -
        ann< | room-ann 1 -
        ann< + 2 rooms, more
    ",
    );
}

#[test]
fn a_new_room_cannot_be_named_server_but_an_old_one_can_be_read_and_left() {
    let mut chat = Chat::of(&["alice", "bob"]);
    for line in ["/create server", "/join #Server", "/switch server", "/say server hi", "/post server k hi"] {
        chat.type_line("alice", line);
        let refusal = "- bad-name: ";
        assert!(chat.log.lines().last().unwrap().contains(refusal), "{line}: {}", chat.log);
    }
    // As it could be created before the name was reserved.
    let mut snapshot = chat.model.snapshot.clone();
    let room = RoomName::parse_existing("server").unwrap();
    let id = chat.hub.state.next_conversation();
    let kind = ConversationKind::Room { name: room, private: false, topic: String::new(), slow: None, closed: false };
    snapshot.conversations.push(ConversationRecord { id, kind, last: MessageId::ZERO, changes: 0 });
    let alice = chat.hub.state.find_account(&UserName::parse("alice").unwrap()).unwrap();
    snapshot.members.push(MemberRecord { conversation: id, account: alice, role: Role::Member, read: MessageId::ZERO });
    chat.model.snapshot = snapshot.clone();
    chat.hub.roll_back(snapshot);
    chat.plays(
        "
        alice> /history server
        alice< + 0 messages
        alice> /read #server 0
        alice< + 0
        alice> /rooms after=server
        alice< + 0 rooms
        alice> /who server
        alice< - bad-name: server can't be a room: that name is reserved for the server.
    ",
    );
    chat.type_line("alice", "/switch lobby");
    chat.log.clear();
    let at = chat.at("alice");
    chat.conns[at].receives.insert(id);
    chat.plays("alice> /leave server\nalice< + server - you left.");
}
