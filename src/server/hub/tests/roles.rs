//! Roles: who sees them, who sets them, and that a room keeps an owner.

use super::chat::Chat;

#[test]
fn an_owner_names_moderators_and_owners() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.device("phone", "alice");
    chat.plays(
        "
        alice> /create ops
        phone< [ops] * alice joined
        alice< + ops created; you own it. /switch ops to talk there.
        bob> /join ops
        phone< [ops] * bob joined
        alice< [ops] * bob joined
        bob< + ops - 2 members, 2 here. Type to talk.
        bob> /set tags on
        bob< + tags on epoch=E protocol=1
        bob> /role ops alice
        bob< + alice owner
        bob> /role ops bob moderator
        bob< - not-allowed: only an owner of ops can do that. /who ops shows who is one.
        carol> /role ops bob
        carol< - not-a-member: you're not in ops. /join ops first.
        alice> /role ops carol moderator
        alice< - not-a-member: carol is not in ops. /who ops shows who is.
        alice> /role ops Bob moderator
        phone< [ops] * alice made bob a moderator
        bob< @ev=role;who=bob;by=alice;set=moderator [ops] * alice made bob a moderator
        alice< + bob moderator
        alice> /role ops bob moderator
        alice< + bob moderator
        bob> /role ops alice member
        bob< - not-allowed: only an owner of ops can do that. /who ops shows who is one.
        alice> /role ops alice member
        alice< - not-allowed: you are the last owner of ops. Name another first: /role ops NAME owner
        alice> /leave ops
        alice< - not-allowed: you are the last owner of ops. Name another first: /role ops NAME owner
        alice> /role ops bob owner
        phone< [ops] * alice made bob an owner
        bob< @ev=role;who=bob;by=alice;set=owner [ops] * alice made bob an owner
        alice< + bob owner
        alice> /role ops bob member
        alice< - not-allowed: bob's role in ops is not below yours, so that is not yours to do.
        bob> /role ops bob member
        phone< [ops] * bob is a member now
        alice< [ops] * bob is a member now
        bob< + bob member
        alice> /role ops bob king
        alice< - bad-argument: A role is owner, moderator or member, not king. Use: /role [ROOM] NAME [owner|moderator|member]
    ",
    );
}

#[test]
fn an_administrator_is_in_every_room_what_an_owner_is_and_reads_only_where_it_is_in() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.administrator("root");
    chat.plays(
        "
        alice> /create den private
        alice< + den created; you own it. Only people you invite can see it: /invite den NAME. /switch den to talk there.
        root> /role den alice
        root< + alice owner
        root> /history den
        root< - no-such-room: there is no room den. /rooms lists the rooms you can see.
        root> /role lobby bob owner
        bob< [lobby] * root made bob an owner
        alice< [lobby] * root made bob an owner
        root< + bob owner
        bob> /role lobby alice moderator
        root< [lobby] * bob made alice a moderator
        alice< [lobby] * bob made alice a moderator
        bob< + alice moderator
        bob> /role lobby root moderator
        bob< - not-allowed: root's role in lobby is not below yours, so that is not yours to do.
        root> /role den alice member
        alice< [den] * root made alice a member again
        root< + alice member
        root> /invite den root
        root< * invited: den by root. /join den
        root< + root is invited to den and has been told.
        root> /join den
        alice< [den] * root joined
        root< + den - 2 members, 2 here. Type to talk.
        root> /role den root owner
        alice< [den] * root is an owner now
        root< + root owner
    ",
    );
}

#[test]
fn the_last_owner_may_be_told_to_be_one() {
    let mut chat = Chat::of(&["alice"]);
    chat.does("alice", "/create ops");
    chat.does("alice", "/role ops alice owner");
}
