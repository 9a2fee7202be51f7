//! Rooms on the wire: entering, leaving, the current room, private rooms, topics.

use crate::support::{Server, play};

#[test]
fn joining_creates_the_room_and_makes_it_current() {
    play(
        "
        alice is in
        bob is in
        alice > /join #Ops
        alice < + ops…
        bob > /join ops
        bob < + ops…
        alice > hello
        bob < [ops] alice: hello
        alice > /join ops
        alice < + ops…
        ",
    );
}

#[test]
fn the_current_room_belongs_to_the_connection() {
    play(
        "
        alice is in
        bob is in
        alice > /create ops
        alice < + ops…
        alice > /create dev
        alice < + dev…
        # making a room is not entering it as the current one
        alice > in the lobby
        bob < [lobby] alice: in the lobby
        alice > /switch ops
        alice < + ops…
        bob > /join ops
        bob <~ + ops…
        alice > in ops
        bob < [ops] alice: in ops
        alice > /role ops bob owner
        alice <~ + bob owner
        alice > /leave ops
        alice < + ops…
        alice > nowhere
        alice < - no-room: …
        alice > /who
        alice < - no-room: …
        alice > /switch ops
        alice < - not-a-member: …
        ",
    );
}

#[test]
fn a_failed_join_or_switch_leaves_no_current_room() {
    for failing in ["/switch nowhere", "/switch", "/switch b!d", "/join b!d", "/join", "/join a b c"] {
        play(&format!(
            "
            alice is in
            alice > here
            alice > {failing}
            alice < - …
            alice > nowhere
            alice < - no-room: …
            alice > /history lobby
            alice < | lobby 1 … alice: here
            alice < + 1 message
            alice > /switch lobby
            alice < + lobby…
            alice > here again
            alice > /history lobby after=1
            alice < | lobby 2 … alice: here again
            alice < + 1 message
            "
        ));
    }
}

#[test]
fn another_verb_that_fails_keeps_the_current_room() {
    play(
        "
        alice is in
        bob is in
        alice > /leave nowhere
        alice < - no-such-room: …
        alice > /create lobby
        alice < - …
        alice > /say nowhere x
        alice < - no-such-room: …
        alice > hello
        bob < [lobby] alice: hello
        ",
    );
}

#[test]
fn after_a_login_the_current_room_is_the_lobby_for_its_members() {
    play(
        "
        alice is in
        alice > /leave lobby
        alice < + lobby…
        alice > nowhere
        alice < - no-room: …
        again connects
        again > /login alice correct horse battery
        again < + welcome alice…
        again > nowhere
        again < - no-room: …
        ",
    );
}

#[test]
fn room_names_are_checked_and_never_reused() {
    let server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    let long = "a".repeat(33);
    for name in ["b!d", "a.b", "räume", "@bob", long.as_str(), "##x"] {
        alice.send(&format!("/create {name}"));
        alice.expect("- bad-name: …");
    }
    alice.send("/create ops publicly");
    alice.expect("- bad-argument: …");
    alice.send("/create ops");
    alice.expect("+ ops…");
    alice.send("/create OPS");
    alice.expect("- …");
}

#[test]
fn a_private_room_exists_only_for_the_invited() {
    play(
        "
        alice is in
        bob is in
        carol is in
        alice > /create den private
        alice < + den…
        bob > /join den
        bob < - not-allowed: that name isn't available…
        bob > /create den
        bob < - not-allowed: that name isn't available…
        bob > /switch den
        bob < - no-such-room: …
        bob > /who den
        bob < - no-such-room: …
        bob > /topic den
        bob < - no-such-room: …
        bob > /say den x
        bob < - no-such-room: …
        bob > /post den k x
        bob < - no-such-room: …
        bob > /history den
        bob < - no-such-room: …
        bob > /search in=den x
        bob < - no-such-room: …
        bob > /read den 0
        bob < - no-such-room: …
        bob > /invite den carol
        bob < - no-such-room: …
        bob > /leave den
        bob < - no-such-room: …
        bob > /rooms
        bob < | lobby 3 -…
        bob < + 1 room
        alice > /invite den nobody
        alice < - no-such-user: …
        alice > /invite den @bob
        alice < + …
        bob < * invited: den by alice. /join den
        bob > /join den
        bob < + den…
        alice > /say den psst
        alice < + 1
        bob < [den] alice: psst
        carol hears nothing
        bob > /rooms
        bob < | den 2 -…
        bob < | lobby 3 -…
        bob < + 2 rooms
        ",
    );
}

#[test]
fn an_invitation_is_shown_at_the_next_login() {
    play(
        "
        alice is in
        bob is in
        bob > /quit
        bob < + …
        bob is cut off
        alice > /create den private
        alice < + den…
        alice > /invite den bob
        alice < + …
        bob connects
        bob > /login bob correct horse battery
        bob <~ * invited: den by alice. /join den
        bob > /join den
        bob <~ + den…
        ",
    );
}

#[test]
fn refusals_are_checked_in_the_order_of_the_page() {
    play(
        "
        alice is in
        bob is in
        alice > /create ops
        alice < + ops…
        bob > /say ops hello
        bob < - not-a-member: …
        bob > /who ops
        bob < - not-a-member: …
        bob > /topic ops new
        bob < - not-a-member: …
        bob > /history ops
        bob < - not-a-member: …
        bob > /leave ops
        bob < - not-a-member: …
        bob > /invite ops alice
        bob < - not-a-member: …
        bob > /invite nowhere alice
        bob < - no-such-room: …
        bob > /say nowhere
        bob < - bad-argument: …
        bob > /say b!d x
        bob < - bad-name: …
        bob > /msg nobody x
        bob < - no-such-user: …
        bob > /invitecode uses=0
        bob < - bad-argument: …
        ",
    );
}

#[test]
fn a_topic_is_shown_set_and_cleared() {
    play(
        "
        alice is in with tags
        bob is in
        bob > /join ops
        bob < + ops…
        alice > /join ops
        alice < + ops…
        bob > /topic ops  what we  do
        bob < + …
        alice < @ev=topic;who=bob [ops] * …
        alice > /topic ops
        alice < + … what we  do…
        alice > /rooms
        alice < | lobby 2 -…
        alice < | ops 2 -  what we  do
        alice < + 2 rooms
        bob > /topic ops -
        bob < + …
        alice < @ev=topic;who=bob [ops] * …
        alice > /rooms after=lobby
        alice < | ops 2 -
        alice < + 1 room
        ",
    );
}

#[test]
fn the_list_of_rooms_can_be_paged() {
    play(
        "
        alice is in
        alice > /create a
        alice < + a…
        alice > /create b
        alice < + b…
        alice > /rooms limit=2
        alice < | a 1 -
        alice < | b 1 -
        alice < + 2 rooms, more
        alice > /rooms after=b limit=2
        alice < | lobby 1 -…
        alice < + 1 room
        alice > /rooms limit=1001
        alice < - bad-argument: …
        ",
    );
}
