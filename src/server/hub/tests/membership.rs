//! Rooms and their members.

use super::chat::{Chat, settings};
use crate::protocol::code::Code;
use crate::protocol::names::{MessageId, RoomName, UserName};
use crate::protocol::roles::Role;
use crate::server::core::{ROOMS_MAX, TOPIC_MAX};
use crate::server::traffic::{ConversationKind, ConversationRecord, HubSettings, MemberRecord};

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
        anna< | lobby 0 0 0 0 0
        anna< | @Ben 1 0 0 0 0
        anna< | @Zoe 1 0 0 0 0
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
    let kind = ConversationKind::room(room, false);
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
    chat.plays("alice> /leave server\nalice< + server - you left. Nothing was said there, so it is gone.");
}

#[test]
fn a_topic_and_the_rooms_that_one_is_in_are_bounded() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.does("alice", &format!("/topic lobby {}", "x".repeat(TOPIC_MAX)));
    assert_eq!(chat.refusal("alice", &format!("/topic lobby {}", "x".repeat(TOPIC_MAX + 1))), Some(Code::BadArgument));
    chat.does("bob", "/create ops");
    for n in 1..ROOMS_MAX {
        chat.does("alice", &format!("/create room-{n}"));
    }
    for line in ["/create another", "/join another", "/join ops"] {
        assert_eq!(chat.refusal("alice", line), Some(Code::Limit), "{line}");
    }
    chat.does("alice", "/leave room-1");
    chat.does("alice", "/join ops");
    chat.plays("");
}
