//! `/away`, `/profile`, and ending sessions.

use super::chat::{Chat, PASSWORD};
use std::time::Duration;

#[test]
fn whoever_is_away_says_so_and_people_are_told_once() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.device("phone", "alice");
    chat.plays(
        "
        alice> /away
        alice< + you are not away. /away TEXT says that you are.
        alice> /away on a train
        phone< * away: you are away: on a train. /away alone ends it.
        alice< + you are away: on a train. Whoever writes to you is told. /away alone ends it.
        phone> /away on a train
        phone< + you are away: on a train. Whoever writes to you is told. /away alone ends it.
        -- 1 s
        bob< [lobby] * alice is away: on a train
        bob> /who
        bob< | alice here - on a train
        bob< | bob here
        bob< + 2 members
        bob> /msg alice hi
        bob< + 1
        alice< (bob > alice) hi
        phone< (bob > alice) hi
        bob< * away: alice is away: on a train
        bob> /act @alice waves
        bob< + 2
        alice< (bob > alice, me) waves
        phone< (bob > alice, me) waves
        alice> /away asleep
        phone< * away: you are away: asleep. /away alone ends it.
        alice< + you are away: asleep. Whoever writes to you is told. /away alone ends it.
        bob> /post @alice key hi
        bob< + 3
        alice< (bob > alice) hi
        phone< (bob > alice) hi
        bob< * away: alice is away: asleep
        bob> /post @alice key hi
        bob< + 3
        bob> /say lobby hi
        bob< + 1
        alice< [lobby] bob: hi
        phone< [lobby] bob: hi
        phone> /away
        alice< * you are back.
        phone< + you are back.
        -- 1 s
        bob< [lobby] * alice is back
        bob> /msg alice good morning
        bob< + 4
        alice< (bob > alice) good morning
        phone< (bob > alice) good morning
        bob> /who
        bob< | alice here
        bob< | bob here
        bob< + 2 members
    ",
    );
}

#[test]
fn another_absence_is_told_even_if_the_clock_was_set_back_between() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.does("alice", "/away on a train");
    chat.plays(
        "
        bob> /msg alice hi
        bob< + 1
        alice< (bob > alice) hi
        bob< * away: alice is away: on a train
    ",
    );
    chat.set_the_clock_back(Duration::from_millis(2));
    chat.does("alice", "/away asleep");
    chat.plays(
        "
        bob> /msg alice hi
        bob< + 2
        alice< (bob > alice) hi
        bob< * away: alice is away: asleep
    ",
    );
}

#[test]
fn somebody_who_is_away_stays_so_and_is_reminded_at_a_login() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        alice> /away for good
        alice< + you are away: for good. Whoever writes to you is told. /away alone ends it.
        alice> /msg alice a note
        alice< + 1
        -- alice is cut off
        -- 6 s
        bob< [lobby] * alice went away
        bob> /who
        bob< | bob here
        bob< | alice away - for good
        bob< + 2 members
        bob> /msg alice hi
        bob< + 1
        bob< * away: alice is away: for good
    ",
    );
    chat.connect("alice");
    chat.plays(&format!(
        "
        alice> /set tags on
        alice< + tags on epoch=E protocol=1
        alice> /login alice {PASSWORD}
        alice< + welcome alice - you are in lobby; bob is here. Type to talk.
        alice< @ev=away;who=alice * away: you are away: for good. /away alone ends it.
        -- 1 s
        bob< [lobby] * alice is here
    "
    ));
}

/// Whoever comes and goes within a moment, or turns away and back, is not spoken of.
#[test]
fn an_absence_that_ends_at_once_is_not_announced() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        alice> /away lunch
        alice< + you are away: lunch. Whoever writes to you is told. /away alone ends it.
        alice> /away
        alice< + you are back.
        -- 1 s
        alice> /away lunch
        alice< + you are away: lunch. Whoever writes to you is told. /away alone ends it.
        -- alice is cut off
        -- 1 s
        -- 5 s
        bob< [lobby] * alice went away
    ",
    );
}

/// A turn that the disk refuses tells nobody anything, so it counts for nothing.
#[test]
fn an_absence_that_was_not_told_is_told_the_next_time() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.does("alice", "/away lunch");
    chat.refused_by_the_disk(&[("bob", "/msg alice hi")]);
    chat.plays(
        "
        bob> /msg alice hi
        bob< + 1
        alice< (bob > alice) hi
        bob< * away: alice is away: lunch
    ",
    );
}

#[test]
fn a_profile_says_who_somebody_is() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        bob> /profile ALICE
        bob< | since 2023-11-14T22:13:20.002Z
        bob< | state here
        bob< + alice
        alice> /profile text I run the backups
        alice< + alice - your profile shows this to everyone here. /profile shows it.
        alice> /away until Monday
        alice< + you are away: until Monday. Whoever writes to you is told. /away alone ends it.
        alice> /profile
        alice< | since 2023-11-14T22:13:20.002Z
        alice< | state here
        alice< | absent 2023-11-14T22:13:30.007Z until Monday
        alice< | text I run the backups
        alice< + alice
        -- alice is cut off
        bob> /profile @alice
        bob< | since 2023-11-14T22:13:20.002Z
        bob< | state away
        bob< | absent 2023-11-14T22:13:30.007Z until Monday
        bob< | text I run the backups
        bob< + alice
        bob> /profile nobody
        bob< - no-such-user: there is nobody called nobody. /who shows who is in a room.
        bob> /profile @text
        bob< - no-such-user: there is nobody called text. /who shows who is in a room.
        bob> /profile text
        bob< - bad-argument: TEXT is missing. Use: /profile [NAME] | text TEXT or -
        bob> /profile text -
        bob< + bob - your profile says nothing any more. /profile shows it.
    ",
    );
}

#[test]
fn a_session_ends_by_its_number() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.device("phone", "alice");
    chat.device("laptop", "alice");
    chat.plays(
        "
        phone> /token new phone here
        phone< + ttoken5 is shown only this once. /resume TOKEN logs in with it.
        alice> /sessions
        alice< | since 2023-11-14T22:13:20.002Z from 192.0.2.1 by password (this one) number 1
        alice< | since 2023-11-14T22:13:30.006Z from 192.0.2.3 by token phone number 2
        alice< | since 2023-11-14T22:13:30.008Z from 192.0.2.4 by password number 3
        alice< + 3 sessions
        alice> /sessions end 1
        alice< - bad-argument: session 1 is this one: /quit ends it.
        alice> /sessions end 4
        alice< - bad-argument: you have no session 4. /sessions shows yours.
        alice> /sessions end 2
        phone< * not-logged-in: another connection of your account ended this login.
        alice< + 2 ended. It can come back with its token: /token revoke phone ends that, too.
        bob> /sessions end 3
        bob< - bad-argument: you have no session 3. /sessions shows yours.
    ",
    );
    // A number is given once, as long as any of them is there.
    chat.device("phone", "alice");
    chat.plays(
        "
        phone> /sessions
        phone< | since 2023-11-14T22:13:20.002Z from 192.0.2.1 by password number 1
        phone< | since 2023-11-14T22:13:30.008Z from 192.0.2.4 by password number 3
        phone< | since 2023-11-14T22:13:30.017Z from 192.0.2.5 by password (this one) number 4
        phone< + 3 sessions
        phone> /sessions end others
        alice< * not-logged-in: another connection of your account ended this login.
        laptop< * not-logged-in: another connection of your account ended this login.
        phone< + 2 sessions ended.
        phone> /sessions end others
        phone< + 0 sessions ended.
        phone> /sessions end
        phone< - bad-argument: N or others is missing. Use: /sessions [end N|others]
        -- 10 s
    ",
    );
}

#[test]
fn a_profile_says_who_is_an_administrator() {
    let mut chat = Chat::of(&["bob"]);
    chat.administrator("root");
    chat.plays(
        "
        bob> /profile root
        bob< | since 2023-11-14T22:13:30.006Z
        bob< | state here
        bob< | admin yes
        bob< + root
    ",
    );
}

#[test]
fn one_absence_more_makes_no_other_one_news() {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.does("alice", "/away on a train");
    chat.does("carol", "/away asleep");
    let mut told = |line: &str| {
        let start = chat.log.len();
        chat.does("bob", line);
        chat.log[start..].contains("bob< * away: ")
    };
    assert!(told("/msg alice hi") && told("/msg carol hi"));
    assert!(!told("/msg alice hi") && !told("/msg carol hi"));
    chat.does("alice", "/away at home");
    let mut told = |line: &str| {
        let start = chat.log.len();
        chat.does("bob", line);
        chat.log[start..].contains("bob< * away: ")
    };
    assert!(told("/msg alice hi") && !told("/msg carol hi") && !told("/msg alice hi"));
}
