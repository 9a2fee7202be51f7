//! The end of an account, as others see it.

use super::super::Hub;
use super::chat::{Chat, PASSWORD, settings};
use crate::protocol::code::Code;
use std::time::Duration;

/// Alice, Bob and Carol in ops, which Alice owns; Bob has said something to Alice, and she to him.
fn ops() -> Chat {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.does("alice", "/create ops");
    chat.does("bob", "/join ops");
    chat.does("carol", "/join ops");
    chat.does("alice", "/say ops from alice");
    chat.does("bob", "/say ops from bob");
    chat.does("alice", "/msg bob psst");
    chat.does("bob", "/msg alice yes?");
    chat
}

#[test]
fn what_it_said_stays_and_nobody_gets_its_name_or_reaches_it() {
    let mut chat = ops();
    chat.does("alice", "/role ops carol moderator");
    chat.device("phone", "alice");
    chat.plays(&format!(
        "
        alice> /unregister
        alice< ? your password, to end this account for good; an empty line keeps it (your terminal may show it)
        alice>
        alice< - cancelled: no answer came, so nothing was changed.
        alice> /unregister
        alice< ? your password, to end this account for good; an empty line keeps it (your terminal may show it)
        alice> wrong horse battery
        alice< - bad-credentials: that password is wrong; nothing was changed. /unregister to try again.
        alice> /unregister everything
        alice< ? password (your terminal may show it)
        alice> {PASSWORD}
        alice< - bad-argument: Unexpected: everything. Use: /unregister [all]
        alice> /unregister
        alice< ? your password, to end this account for good; an empty line keeps it (your terminal may show it)
        alice> {PASSWORD}
        bob< [ops] * alice made carol an owner
        carol< [ops] * alice made carol an owner
        bob< [lobby] * alice has unregistered
        carol< [lobby] * alice has unregistered
        bob< [ops] * alice has unregistered
        carol< [ops] * alice has unregistered
        alice< + alice is no account any more; what you said stays. Nobody gets the name. Goodbye.
        alice< * not-logged-in: this account has unregistered
        phone< * not-logged-in: this account has unregistered
        bob> /msg alice hello?
        bob< - no-such-user: alice has unregistered. /history @alice shows what was said.
        bob> /invite ops alice
        bob< - no-such-user: alice has unregistered. /history @alice shows what was said.
        bob> /history @alice
        bob< | @alice 1 alice: psst
        bob< | @alice 2 bob: yes?
        bob< + 2 messages
        bob> /redact @alice 2
        bob< + change=1
        bob> /history ops
        bob< | ops 1 alice: from alice
        bob< | ops 2 bob: from bob
        bob< + 2 messages
        bob> /role ops carol
        bob< + carol owner
        bob> /who ops
        bob< | bob here
        bob< | carol here owner
        bob< + 2 members
        "
    ));
    chat.connect("new");
    assert_eq!(chat.refusal("new", &format!("/register Alice {PASSWORD}")), Some(Code::NameTaken));
    assert_eq!(chat.refusal("new", &format!("/login alice {PASSWORD}")), Some(Code::BadCredentials));
    assert_eq!(chat.refusal("new", "/recover alice HRST1 a new password"), Some(Code::BadCredentials));
}

#[test]
fn all_that_it_said_is_removed_if_it_wants_that() {
    let mut chat = ops();
    chat.does("carol", "/set tags on");
    chat.does("carol", "/react ops 1 +1");
    chat.plays(&format!(
        "
        alice> /unregister all
        alice< ? your password, to end this account for good, with all that you said; an empty line keeps it (your terminal may show it)
        alice> {PASSWORD}
        bob< [ops] * alice made bob an owner
        carol< @ev=role;who=bob;by=alice;set=owner [ops] * alice made bob an owner
        bob< [lobby] * alice has unregistered; what they said is being removed
        carol< @ev=unregister;who=alice;set=all [lobby] * alice has unregistered; what they said is being removed
        bob< [ops] * alice has unregistered; what they said is being removed
        carol< @ev=unregister;who=alice;set=all [ops] * alice has unregistered; what they said is being removed
        alice< + alice is no account any more; what you said is being removed. Nobody gets the name. Goodbye.
        alice< * not-logged-in: this account has unregistered
        "
    ));
    chat.wait(Duration::from_secs(1));
    chat.plays(
        "
        bob> /history ops after=1
        bob< | ops 2 bob: from bob
        bob< + 1 message
        bob> /changes ops
        bob< | ops 1 carol react 1: 1 +1
        bob< | ops 2 alice redact 1
        bob< + 2 changes
        ",
    );
    for (target, row) in [("ops", "| ops 1 alice (removed): \n"), ("@alice", "| @alice 1 alice (removed): \n")] {
        chat.does("bob", &format!("/history {target}"));
        assert!(chat.log.contains(row), "{}", chat.log);
    }
}

#[test]
fn an_administrator_stays_as_long_as_there_is_no_other() {
    let mut chat = Chat::of(&["alice"]);
    chat.administrator("root");
    chat.does("root", "/unregister");
    assert_eq!(chat.refusal("root", PASSWORD), Some(Code::NotAllowed));
    chat.does("root", "/grant alice admin");
    chat.does("root", "/unregister");
    assert_eq!(chat.refusal("root", PASSWORD), None);
}

#[test]
fn a_ban_on_it_is_gone_and_the_disk_may_refuse_it_all() {
    let mut chat = ops();
    chat.does("alice", "/ban ops bob");
    chat.does("bob", "/unregister");
    chat.does("bob", PASSWORD);
    chat.plays(
        "
        alice> /bans ops
        alice< + 0 bans
        ",
    );
    chat.does("alice", "/unregister all");
    chat.refused_by_the_disk(&[("alice", PASSWORD)]);
    chat.plays(
        "
        alice> /role ops alice
        alice< + alice owner
        alice> /say ops still here
        alice< + 3
        carol< [ops] alice: still here
        ",
    );
}

#[test]
fn a_room_stays_for_those_who_are_in_it_and_for_what_was_said_there() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.administrator("root");
    for (who, line) in [
        ("alice", "/create quiet"),
        ("bob", "/join quiet"),
        ("alice", "/create diary private"),
        ("alice", "/say diary hello"),
        ("alice", "/create empty private"),
        ("alice", "/unregister"),
        ("alice", PASSWORD),
    ] {
        chat.does(who, line);
    }
    chat.plays(
        "
        bob> /who quiet
        bob< | bob here owner
        bob< + 1 member
        root> /who diary
        root< + 0 members
        root> /who empty
        root< - no-such-room: there is no room empty. /rooms lists the rooms you can see.
        ",
    );
}

/// The server may be stopped before all of it is gone.
#[test]
fn what_is_left_of_it_goes_after_a_restart() {
    let mut chat = ops();
    chat.does("bob", "/unregister all");
    chat.does("bob", PASSWORD);
    chat.hub = Hub::new(settings(), chat.model.snapshot.clone());
    chat.conns.clear();
    assert!(chat.model.messages().contains("from bob"));
    chat.wait(Duration::from_secs(1));
    assert!(!chat.model.messages().contains("from bob"));
}
