//! Rooms that are made and left without a word, and how many rooms one account makes.

use super::chat::{Chat, settings};
use crate::protocol::code::Code;
use crate::server::traffic::{HubSettings, Snapshot};

#[test]
fn a_room_without_a_word_is_gone_with_its_last_member_and_its_name_is_free() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.device("phone", "alice");
    chat.plays(
        "
        alice> /join opps
        phone< [opps] * alice joined
        alice< + opps - you're the only member. Type to talk.
        alice> /leave opps
        phone< [opps] * alice left
        alice< + opps - you left. Nothing was said there, so it is gone.
        alice> hello?
        alice< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        alice> /rooms
        alice< | lobby 2 -
        alice< + 1 room
        bob> /create opps private
        bob< + opps created; you own it. Only people you invite can see it: /invite opps NAME. /switch opps to talk there.
        bob> /rename opps attic
        bob< + attic is what opps is called now. Nobody else gets the old name.
        bob> /close attic
        bob< + attic is gone: nothing was said there, so its name is free again.
        alice> /create opps
        phone< [opps] * alice joined
        alice< + opps created; you own it. /switch opps to talk there.
        bob> /join attic
        bob< + attic - you're the only member. Type to talk.
        bob> one
        bob> /history attic
        bob< | attic 1 bob: one
        bob< + 1 message
    ",
    );
}

/// Whatever was done in it, but say something.
#[test]
fn nothing_is_left_of_a_room_that_is_gone() {
    let mut chat = Chat::of(&["alice", "bob"]);
    let before = chat.model.snapshot.clone();
    chat.does("alice", "/create ops");
    chat.does("bob", "/join ops");
    let lines = ["topic ops pumps", "retain ops 7d", "slow ops 1m", "mute ops bob", "kick ops bob", "ban ops bob"];
    for line in lines.into_iter().chain(["rename ops dev", "private dev on", "close dev"]) {
        chat.does("alice", &format!("/{line}"));
    }
    assert_eq!(chat.model.snapshot, Snapshot { conversations_ever: 2, ..before });
    assert_eq!(chat.refusal("alice", "/audit dev"), Some(Code::NoSuchRoom));
}

#[test]
fn a_room_with_a_word_another_member_or_an_invitation_stays() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.does("alice", "/create said");
    chat.does("alice", "/say said hm");
    assert_eq!(chat.refusal("alice", "/leave said"), Some(Code::NotAllowed));
    chat.does("alice", "/close said");
    assert_eq!(chat.refusal("bob", "/create said"), Some(Code::NameTaken));

    chat.does("alice", "/create shared");
    chat.does("bob", "/join shared");
    assert_eq!(chat.refusal("alice", "/leave shared"), Some(Code::NotAllowed));
    chat.does("bob", "/leave shared");
    chat.does("alice", "/leave shared");

    chat.does("alice", "/create den private");
    chat.does("alice", "/invite den bob");
    assert_eq!(chat.refusal("alice", "/leave den"), Some(Code::NotAllowed));
    chat.does("alice", "/close den");
    assert_eq!(chat.refusal("bob", "/create den"), Some(Code::NotAllowed));
}

#[test]
fn what_an_administrator_closes_from_outside_keeps_its_name() {
    let mut chat = Chat::of(&["alice"]);
    chat.administrator("root");
    chat.does("alice", "/create rude");
    chat.does("root", "/close rude");
    assert_eq!(chat.refusal("alice", "/create rude"), Some(Code::NameTaken));
}

#[test]
fn the_lobby_stays_although_nothing_was_said_there() {
    let mut chat = Chat::of(&["alice"]);
    chat.does("alice", "/leave lobby");
    chat.plays(
        "
        alice> /rooms
        alice< | lobby 0 -
        alice< + 1 room
    ",
    );
}

/// Nothing that was asked about a room that is gone may find another one.
#[test]
fn an_id_is_not_given_twice() {
    let mut chat = Chat::of(&["alice"]);
    let next = |chat: &Chat| chat.hub.state.next_conversation();
    let before = next(&chat);
    chat.does("alice", "/create one");
    chat.does("alice", "/leave one");
    assert!(next(&chat) > before);
    let after = next(&chat);
    chat.hub.roll_back(chat.model.snapshot.clone());
    assert_eq!(next(&chat), after);
}

#[test]
fn one_account_makes_so_many_rooms() {
    let mut chat = Chat::with(HubSettings { rooms_made: Some(3), ..settings() });
    chat.administrator("root");
    for name in ["alice", "bob"] {
        chat.connect(name);
        chat.does(name, &format!("/register {name} {}", super::chat::PASSWORD));
    }
    for n in 0..20 {
        chat.does("alice", &format!("/create quiet{n}"));
        chat.does("alice", &format!("/close quiet{n}"));
    }
    for n in 0..3 {
        chat.does("alice", &format!("/join loud{n}"));
        chat.does("alice", "hm");
        chat.does("alice", &format!("/close loud{n}"));
    }
    assert_eq!(chat.refusal("alice", "/create more"), Some(Code::Limit));
    assert_eq!(chat.refusal("alice", "/join more"), Some(Code::Limit));
    chat.does("bob", "/create more");
    chat.does("alice", "/join more");
    for n in 0..5 {
        chat.does("root", &format!("/create root{n}"));
    }
}
