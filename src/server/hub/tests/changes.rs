//! What happens to messages after they were said: edits, removals, and what programs catch up with.

use super::chat::{Chat, settings};
use crate::protocol::code::Code;
use crate::server::traffic::HubSettings;
use std::time::Duration;

#[test]
fn an_edit_and_a_removal_are_told_and_can_be_read_later() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.device("phone", "alice");
    chat.plays(
        "
        bob> /set tags on
        bob< + tags on epoch=E protocol=1
        alice> /say lobby helo
        bob< @id=1;at=1700000010007 [lobby] alice: helo
        alice< + 1
        phone< [lobby] alice: helo
        alice> /edit lobby 1 hello
        phone< [lobby] * alice edited 1: hello
        bob< @at=1700000010008;ev=edit;who=alice;about=1;change=1 [lobby] * alice edited 1: hello
        alice< + change=1
        alice> /me waves
        bob< @id=2;at=1700000010009 [lobby] alice (me): waves
        alice< + 2
        phone< [lobby] alice (me): waves
        phone> /edit lobby 2 nods
        alice< [lobby] * alice edited 2: nods
        bob< @at=1700000010010;ev=edit;who=alice;about=2;change=2 [lobby] * alice edited 2: nods
        phone< + change=2
        alice> /redact lobby 1 off topic
        phone< [lobby] * alice removed 1: off topic
        bob< @at=1700000010011;ev=redact;who=alice;about=1;change=3 [lobby] * alice removed 1: off topic
        alice< + change=3
        bob> /history lobby
        bob< | lobby 1 alice (removed): off topic
        bob< | lobby 2 alice (me, edited): nods
        bob< + 2 messages
        bob> /changes lobby
        bob< | lobby 1 alice edit 1
        bob< | lobby 2 alice edit 2: nods
        bob< | lobby 3 alice redact 1: off topic
        bob< + 3 changes
        bob> /changes lobby after=2
        bob< | lobby 3 alice redact 1: off topic
        bob< + 1 change
        alice> /changes limit=1
        alice< | lobby 1 alice edit 1
        alice< + 1 change
        bob> /changes @alice
        bob< + 0 changes
    ",
    );
}

#[test]
fn a_change_in_a_direct_conversation_names_it_from_either_side() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        bob> /set tags on
        bob< + tags on epoch=E protocol=1
        alice> /msg bob lunhc?
        alice< + 1
        bob< @id=1;at=1700000010005;to=@alice (alice > bob) lunhc?
        alice> /edit @bob 1 lunch?
        bob< @at=1700000010006;to=@alice;ev=edit;who=alice;about=1;change=1 * alice edited 1 in @alice: lunch?
        alice< + change=1
        bob> /redact @alice 1
        bob< - not-allowed: somebody else said that; only its author can do this.
        alice> /redact @bob 1
        bob< @at=1700000010008;to=@alice;ev=redact;who=alice;about=1;change=2 * alice removed 1 in @alice
        alice< + change=2
        bob> /changes @alice
        bob< | @alice 1 alice edit 1
        bob< | @alice 2 alice redact 1
        bob< + 2 changes
        alice> /msg alice memo
        alice< + 1
        alice> /edit @alice 1 a memo
        alice< + change=1
    ",
    );
}

#[test]
fn only_what_is_there_and_ones_own_can_be_edited_and_only_for_a_time() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        alice> /say lobby one
        bob< [lobby] alice: one
        alice< + 1
        bob> /edit lobby 1 two
        bob< - not-allowed: somebody else said that; only its author can do this.
        bob> /redact lobby 1
        bob< - not-allowed: only a moderator or an owner of lobby can do that. /who lobby shows who is one.
        bob> /edit lobby 2 two
        bob< - no-such-message: there is no message 2 there; the last ID is 1.
        bob> /edit @alice 1 two
        bob< - no-such-message: there is no message 1 there; the last ID is 0.
        -- 86400 s
        alice> /edit lobby 1 two
        alice< - not-allowed: that was said too long ago: a message can be edited for 1 day. /redact removes it.
        alice> /redact lobby 1
        bob< [lobby] * alice removed 1
        alice< + change=1
        alice> /redact lobby 1
        alice< - no-such-message: message 1 is gone.
        alice> /edit lobby 1 two
        alice< - no-such-message: message 1 is gone.
        alice> /reply lobby 1 two
        alice< - no-such-message: message 1 is gone.
    ",
    );
    let mut chat = Chat::with(HubSettings { edit_for: None, ..settings() });
    chat.connect("alice");
    chat.does("alice", "/register alice password1");
    chat.does("alice", "/say lobby one");
    chat.wait(Duration::from_hours(1000));
    chat.does("alice", "/edit lobby 1 two");
}

#[test]
fn moderators_remove_what_those_below_them_said() {
    let mut chat = Chat::of(&["own", "mod", "mel"]);
    chat.administrator("adm");
    chat.does("own", "/create ops");
    chat.does("mod", "/join ops");
    chat.does("mel", "/join ops");
    chat.does("own", "/role ops mod moderator");
    for name in ["own", "mod", "mel"] {
        chat.does(name, "/say ops hello");
    }
    chat.plays(
        "
        mod> /redact ops 3 not here
        own< [ops] * mod removed 3: not here
        mel< [ops] * mod removed 3: not here
        mod< + change=1
        mod> /redact ops 1
        mod< - not-allowed: own's role in ops is not below yours, so that is not yours to do.
        mod> /edit ops 1 x
        mod< - not-allowed: somebody else said that; only its author can do this.
        adm> /redact ops 1
        mod< [ops] * adm removed 1
        own< [ops] * adm removed 1
        mel< [ops] * adm removed 1
        adm< + change=2
        mel> /say ops again
        mod< [ops] mel: again
        mel< + 4
        own< [ops] mel: again
        mel> /leave ops
        mod< [ops] * mel left
        own< [ops] * mel left
        mel< + ops - you left.
        mel> /redact ops 4
        mel< - not-a-member: you're not in ops. /join ops first.
        mod> /redact ops 4
        own< [ops] * mod removed 4
        mod< + change=3
    ",
    );
}

#[test]
fn a_key_stays_used_when_its_message_is_removed() {
    let mut chat = Chat::of(&["alice"]);
    chat.plays(
        "
        alice> /post lobby k one
        alice< + 1
        alice> /edit lobby 1 two
        alice< + change=1
        alice> /post lobby k one
        alice< + 1
        alice> /post lobby k two
        alice< - conflict: that key was used here with another text. Use a new key for a new text.
        alice> /redact lobby 1
        alice< + change=2
        alice> /post lobby k two
        alice< + 1
    ",
    );
}

#[test]
fn a_reaction_is_counted_and_the_same_again_takes_it_back() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        bob> /set tags on
        bob< + tags on epoch=E protocol=1
        alice> /me waves
        bob< @id=1;at=1700000010005 [lobby] alice (me): waves
        alice< + 1
        alice> /react lobby 1 👋
        bob< @at=1700000010006;ev=react;who=alice;about=1;change=1 [lobby] * alice reacted to 1: 1 👋
        alice< + change=1
        bob> /react lobby 1 👋
        alice< [lobby] * bob reacted to 1: 2 👋
        bob< + change=2
        bob> /react lobby 1 :):
        alice< [lobby] * bob reacted to 1: 1 :):
        bob< + change=3
        alice> /history
        alice< | lobby 1 alice (me, 2 👋, 1 :):): waves
        alice< + 1 message
        bob> /react lobby 1 👋
        alice< [lobby] * bob took a reaction back from 1: 1 👋
        bob< + change=4
        alice> /history
        alice< | lobby 1 alice (me, 1 :):, 1 👋): waves
        alice< + 1 message
        bob> /changes lobby after=2
        bob< | lobby 3 bob react 1: 1 :):
        bob< | lobby 4 bob unreact 1: 1 👋
        bob< + 2 changes
        bob> /react lobby 2 no
        bob< - no-such-message: there is no message 2 there; the last ID is 1.
        alice> /redact lobby 1 oops
        bob< @at=1700000010014;ev=redact;who=alice;about=1;change=5 [lobby] * alice removed 1: oops
        alice< + change=5
        alice> /history
        alice< | lobby 1 alice (removed): oops
        alice< + 1 message
    ",
    );
    chat.does("alice", "/say lobby popular");
    for word in 0..20 {
        chat.does("alice", &format!("/react lobby 2 w{word}"));
    }
    assert_eq!(chat.refusal("bob", "/react lobby 2 w20"), Some(Code::Limit));
    chat.does("bob", "/react lobby 2 w19");
    chat.does("alice", "/react lobby 2 w0");
    chat.does("bob", "/react lobby 2 w20");
    assert_eq!(chat.refusal("bob", &format!("/react lobby 2 {}", "x".repeat(33))), Some(Code::BadArgument));
}

#[test]
fn moderators_pin_in_rooms_and_both_sides_in_a_direct_conversation() {
    let mut chat = Chat::of(&["own", "mel"]);
    chat.does("own", "/create ops");
    chat.does("mel", "/join ops");
    chat.does("mel", "/say ops one");
    chat.does("own", "/say ops two");
    chat.does("own", "/msg mel psst");
    chat.plays(
        "
        mel> /pin ops 1
        mel< - not-allowed: only a moderator or an owner of ops can do that. /who ops shows who is one.
        own> /pin ops 1
        mel< [ops] * own pinned 1
        own< + change=1
        own> /pin ops 1
        own< + change=1
        own> /pin ops 2
        mel< [ops] * own pinned 2
        own< + change=2
        mel> /pins ops
        mel< | ops 1 mel: one
        mel< | ops 2 own: two
        mel< + 2 messages
        own> /unpin ops 2
        mel< [ops] * own unpinned 2
        own< + change=3
        own> /unpin ops 2
        own< + change=3
        own> /redact ops 1
        mel< [ops] * own removed 1
        own< + change=4
        mel> /pins
        mel< + 0 messages
        mel> /pin @own 1
        own< * mel pinned 1 in @mel
        mel< + change=1
        own> /unpin @mel 1
        mel< * own unpinned 1 in @own
        own< + change=2
        mel> /pins @own
        mel< + 0 messages
        mel> /pins @mel
        mel< + 0 messages
    ",
    );
    for id in 3..30 {
        chat.does("own", &format!("/say ops {id}"));
        let pinned = chat.refusal("own", &format!("/pin ops {id}"));
        assert_eq!(pinned, (id > 27).then_some(Code::Limit), "{id}");
    }
}

#[test]
fn an_update_says_it_once_and_edits_it_from_then_on() {
    let mut chat = Chat::of(&["bot", "bob"]);
    chat.plays(
        "
        bot> /update lobby build-1 running
        bob< [lobby] bot: running
        bot< + 1
        -- 100000 s
        bot> /update lobby build-1 green
        bob< [lobby] * bot edited 1: green
        bot< + change=1
        bot> /post lobby build-1 running
        bot< + 1
        bot> /post lobby build-2 running
        bob< [lobby] bot: running
        bot< + 2
        bot> /update lobby build-2 red
        bob< [lobby] * bot edited 2: red
        bot< + change=2
        bob> /update lobby build-2 mine
        bob< + 3
        bot< [lobby] bob: mine
        bot> /update @bob build-1 psst
        bot< + 1
        bob< (bot > bob) psst
        bot> /update @bob build-1 done
        bob< * bot edited 1 in @bot: done
        bot< + change=1
        bot> /redact lobby 2
        bob< [lobby] * bot removed 2
        bot< + change=3
        bot> /update lobby build-2 again
        bot< - no-such-message: message 2 is gone.
    ",
    );
}

#[test]
fn a_message_can_be_edited_until_its_time_is_over() {
    let mut chat = Chat::of(&["alice"]);
    chat.does("alice", "/say lobby helo");
    // A line is decided a millisecond after it was typed.
    chat.now.wall += u64::try_from(Duration::from_hours(24).as_millis()).unwrap() - 1;
    chat.does("alice", "/edit lobby 1 hello");
    assert_eq!(chat.refusal("alice", "/edit lobby 1 hullo"), Some(Code::NotAllowed));
}
