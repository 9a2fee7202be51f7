//! Invitations to rooms: declined, bounded, expired.

use super::chat::{Chat, PASSWORD};
use std::time::Duration;

#[test]
fn an_invitation_can_be_declined() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        alice> /create den private
        alice< + den created; you own it. Only people you invite can see it: /invite den NAME. /switch den to talk there.
        bob> /decline den
        bob< - bad-argument: you have no invitation to den. /invitations lists yours.
        alice> /invite den bob
        bob< * invited: den by alice. /join den
        alice< + bob is invited to den and has been told.
        bob> /decline den
        bob< + den - declined. Nobody is told.
        bob> /rooms
        bob< | lobby 2 -
        bob< + 1 room
        bob> /join den
        bob< - not-allowed: that name isn't available. Choose another. You're not in a room now; /switch lobby goes back.
        bob> /invitations
        bob< + 0 invitations
        alice> /invite den bob
        bob< * invited: den by alice. /join den
        alice< + bob is invited to den and has been told.
    ",
    );
}

#[test]
fn one_persons_invitations_are_few_and_go_with_one_line() {
    let mut chat = Chat::of(&["spammer", "alice", "bob"]);
    chat.cut_off("bob");
    for n in 0..22 {
        chat.type_line("spammer", &format!("/create room{n}"));
        chat.type_line("spammer", &format!("/invite room{n} bob"));
    }
    let limit = "- limit: bob has 10 open invitations from you, which is the limit. Wait for an answer.";
    assert_eq!(chat.log.matches(limit).count(), 12, "{}", chat.log);
    chat.type_line("alice", "/create quiet");
    chat.type_line("alice", "/invite quiet bob");
    chat.connect("bob");
    chat.log.clear();
    chat.type_line("bob", &format!("/login bob {PASSWORD}"));
    assert_eq!(chat.log.matches("bob< * invited: ").count(), 5, "{}", chat.log);
    let more =
        "bob< * you are invited to 6 more rooms: /invitations lists all, /decline @NAME drops those by one person.";
    assert!(chat.log.contains(more), "{}", chat.log);
    chat.log.clear();
    chat.type_line("bob", "/decline @spammer");
    assert_eq!(chat.log, "bob> /decline @spammer\nbob< + 10 invitations by spammer declined. Nobody is told.\n");
    chat.log.clear();
    chat.device("bob2", "bob");
    chat.type_line("bob2", "/invitations");
    assert_eq!(chat.log.matches("bob2< | quiet by alice until ").count(), 1, "{}", chat.log);
    assert!(chat.log.contains("bob2< + 1 invitation - /join ROOM accepts one"), "{}", chat.log);
}

#[test]
fn an_account_has_only_so_many_invitations() {
    let inviters: Vec<String> = (0..6).map(|n| format!("inviter{n}")).collect();
    let mut names: Vec<&str> = inviters.iter().map(String::as_str).collect();
    names.push("bob");
    let mut chat = Chat::of(&names);
    for inviter in &inviters {
        for n in 0..10 {
            chat.type_line(inviter, &format!("/create {inviter}-{n}"));
            chat.type_line(inviter, &format!("/invite {inviter}-{n} bob"));
        }
    }
    let limit = "- limit: bob has 50 open invitations, which is the limit. Ask bob to /join or /decline some.";
    assert_eq!(chat.log.matches(limit).count(), 10, "{}", chat.log);
}

#[test]
fn an_invitation_expires_and_can_be_made_again() {
    let mut chat = Chat::of(&["alice", "bob"]);
    let month = Duration::from_hours(720);
    for line in ["/create den private", "/invite den bob"] {
        chat.type_line("alice", line);
    }
    chat.wait(month.checked_sub(Duration::from_secs(10)).unwrap());
    chat.plays(
        "
        bob> /rooms
        bob< | den 1 -
        bob< | lobby 2 -
        bob< + 2 rooms
        -- 10 s
        bob> /rooms
        bob< | lobby 2 -
        bob< + 1 room
        bob> /join den
        bob< - not-allowed: that name isn't available. Choose another. You're not in a room now; /switch lobby goes back.
        alice> /invite den bob
        bob< * invited: den by alice. /join den
        alice< + bob is invited to den and has been told.
    ",
    );
    // What nobody looked at has expired, too.
    chat.wait(month);
    chat.plays(
        "
        alice> /invite den bob
        bob< * invited: den by alice. /join den
        alice< + bob is invited to den and has been told.
        bob> /join den
        alice< [den] * bob joined
        bob< + den - 2 members, 2 here. Type to talk.
    ",
    );
}
