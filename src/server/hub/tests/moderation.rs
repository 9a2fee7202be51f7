//! What moderators and owners do, as those concerned see it.

use super::super::Hub;
use super::chat::{Chat, settings};
use std::time::Duration;

/// Alice owns ops, bob and carol are in it, and have it as their current room.
fn ops() -> Chat {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    for name in ["alice", "bob", "carol"] {
        chat.does(name, "/join ops");
    }
    chat
}

#[test]
fn a_kick_takes_effect_on_all_connections_and_one_may_come_back() {
    let mut chat = ops();
    chat.device("phone", "bob");
    chat.does("bob", "/set tags on");
    chat.plays(
        "
        phone> /switch ops
        phone< + ops - 3 members, 3 here. Type to talk.
        alice> /kick bob no flooding, please
        bob< @ev=kick;who=bob;by=alice [ops] * bob was kicked by alice: no flooding, please
        phone< [ops] * bob was kicked by alice: no flooding, please
        carol< [ops] * bob was kicked by alice: no flooding, please
        alice< + bob is no longer in ops.
        alice> quiet now
        carol< [ops] alice: quiet now
        phone> hello?
        phone< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        bob> hello?
        bob< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        bob> /history ops
        bob< - not-a-member: you're not in ops. /join ops first.
        bob> /say ops hello?
        bob< - not-a-member: you're not in ops. /join ops first.
        carol> /kick alice
        carol< - not-allowed: only a moderator or an owner of ops can do that. /who ops shows who is one.
        alice> /kick bob
        alice< - not-a-member: bob is not in ops. /who ops shows who is.
        alice> /kick dave
        alice< - no-such-user: there is nobody called dave. /who shows who is in a room.
        bob> /join ops
        phone< [ops] * bob joined
        alice< [ops] * bob joined
        carol< [ops] * bob joined
        bob< + ops - 3 members, 3 here. Type to talk.
        alice> /audit ops
        alice< | alice kick bob no flooding, please
        alice< + 1 action
    ",
    );
}

#[test]
fn a_ban_keeps_out_until_it_ends_or_is_lifted_also_over_a_restart() {
    let mut chat = ops();
    chat.does("carol", "/set tags on");
    chat.does("bob", "/set tags on");
    chat.plays(
        "
        alice> /ban bob for=1h spam
        bob< @ev=ban;who=bob;by=alice;until=1700003610002 [ops] * bob was banned by alice for 1 hour: spam
        carol< @ev=ban;who=bob;by=alice;until=1700003610002 [ops] * bob was banned by alice for 1 hour: spam
        alice< + bob is banned from ops for 1 hour.
        bob> /join ops
        bob< @retry=3600 - banned: you are banned from ops for another 60 minutes (spam). Its moderators can lift the ban.
        alice> /bans ops
        alice< | bob 2023-11-14T23:13:30.002Z alice spam
        alice< + 1 ban
        carol> /invite bob
        carol< - banned: bob is banned from ops. /unban ops bob first, if you may.
        -- 3599 s
        bob> /join ops
        bob< @retry=1 - banned: you are banned from ops for another 1 second (spam). Its moderators can lift the ban.
    ",
    );
    // A restart, with a clock that was set back by two seconds: it does not end early.
    chat.hub = Hub::new(settings(), chat.model.snapshot.clone());
    chat.conns.clear();
    chat.now.wall = 1_700_003_608_000;
    for name in ["alice", "bob"] {
        chat.device(name, name);
    }
    chat.plays(
        "
        bob> /join ops
        bob< - banned: you are banned from ops for another 2 seconds (spam). Its moderators can lift the ban. You're not in a room now; /switch lobby goes back.
        -- 2 s
        bob< [lobby] * alice is here
        alice< [lobby] * bob is here
        alice> /bans ops
        alice< + 0 bans
        bob> /join ops
        alice< [ops] * bob joined
        bob< + ops - 3 members, 2 here. Type to talk.
        alice> /ban ops bob
        bob< [ops] * bob was banned by alice
        alice< + bob is banned from ops until somebody says /unban ops bob.
        bob> /join ops
        bob< - banned: you are banned from ops. Its moderators can lift the ban.
        alice> /bans ops
        alice< | bob - alice
        alice< + 1 ban
        alice> /unban ops bob
        alice< + bob may come into ops again.
        alice> /unban ops bob
        alice< + bob is not banned from ops. /bans ops shows who is.
        bob> /join ops
        alice< [ops] * bob joined
        bob< + ops - 3 members, 2 here. Type to talk.
        alice> /audit ops limit=3
        alice< | alice unban bob
        alice< | alice ban bob
        alice< | alice ban bob for=1h spam
        alice< + 3 actions
    ",
    );
}

#[test]
fn whoever_is_muted_may_read_and_not_talk() {
    let mut chat = ops();
    chat.does("bob", "/post ops one said before");
    chat.does("bob", "/set tags on");
    chat.plays(
        "
        alice> /mute bob for=10m breathe
        bob< @ev=mute;who=bob;by=alice;until=1700000610002 [ops] * bob was muted by alice for 10 minutes: breathe
        carol< [ops] * bob was muted by alice for 10 minutes: breathe
        alice< + bob is muted in ops for 10 minutes.
        carol> /who
        carol< | alice here owner
        carol< | bob here muted
        carol< | carol here
        carol< + 3 members
        bob> but
        bob< @retry=600 - muted: you are muted in ops for another 10 minutes (breathe). You can still read.
        bob> /topic ops but
        bob< @retry=600 - muted: you are muted in ops for another 10 minutes (breathe). You can still read.
        bob> /post ops one said before
        bob< + 1
        bob> /post ops two new
        bob< @retry=600 - muted: you are muted in ops for another 10 minutes (breathe). You can still read.
        bob> /post ops one another text
        bob< @retry=600 - muted: you are muted in ops for another 10 minutes (breathe). You can still read.
        alice> shh
        bob< @id=2;at=1700000010018 [ops] alice: shh
        carol< [ops] alice: shh
        bob> /say lobby elsewhere I can
        bob< + 1
        alice< [lobby] bob: elsewhere I can
        carol< [lobby] bob: elsewhere I can
        bob> /leave ops
        alice< [ops] * bob left
        carol< [ops] * bob left
        bob< + ops - you left.
        bob> /join ops
        alice< [ops] * bob joined
        carol< [ops] * bob joined
        bob< + ops - 3 members, 3 here. Type to talk.
        bob> but
        bob< @retry=600 - muted: you are muted in ops for another 10 minutes (breathe). You can still read.
        alice> /unmute bob
        bob< @ev=unmute;who=bob;by=alice [ops] * alice lets bob talk again
        carol< [ops] * alice lets bob talk again
        alice< + bob may talk in ops again.
        bob> thanks
        alice< [ops] bob: thanks
        carol< [ops] bob: thanks
        alice> /unmute bob
        alice< + bob is not muted in ops.
    ",
    );
    chat.does("alice", "/mute bob for=10s");
    chat.wait(Duration::from_secs(10));
    chat.does("bob", "/say ops free");
}

#[test]
fn a_slow_room_takes_one_message_at_a_time_from_each_member() {
    let mut chat = ops();
    chat.does("alice", "/role ops carol moderator");
    chat.does("bob", "/set tags on");
    chat.plays(
        "
        carol> /slow 30s
        bob< @ev=slow;who=carol;set=30s [ops] * carol slowed this room down: one message from each member every 30 seconds
        alice< [ops] * carol slowed this room down: one message from each member every 30 seconds
        carol< + ops takes one message from each member every 30 seconds.
        carol> /slow 30s
        carol< + ops takes one message from each member every 30 seconds.
        bob> /post ops one one
        bob< + 1
        alice< [ops] bob: one
        carol< [ops] bob: one
        bob> /post ops one one
        bob< + 1
        bob> two
        bob< @retry=30 - slow-down: ops takes one message from each member every 30 seconds. Try again in 30 seconds.
        -- 29 s
        bob> two
        bob< @retry=1 - slow-down: ops takes one message from each member every 30 seconds. Try again in 1 second.
        bob> /msg alice elsewhere I can
        bob< + 1
        alice< (bob > alice) elsewhere I can
        -- 1 s
        bob> two
        alice< [ops] bob: two
        carol< [ops] bob: two
        carol> I am
        bob< @id=3;at=1700000040019 [ops] carol: I am
        alice< [ops] carol: I am
        carol> a moderator
        bob< @id=4;at=1700000040020 [ops] carol: a moderator
        alice< [ops] carol: a moderator
        carol> /slow off
        bob< @ev=slow;who=carol;set=off [ops] * carol ended slow mode
        alice< [ops] * carol ended slow mode
        carol< + ops is not slow any more.
        bob> three
        alice< [ops] bob: three
        carol< [ops] bob: three
        carol> /audit ops
        carol< | carol slow - off
        carol< | carol slow - 30s
        carol< | alice role carol moderator
        carol< + 3 actions
    ",
    );
}

#[test]
fn a_room_changes_its_name_and_nobody_else_gets_the_old_one() {
    let mut chat = ops();
    chat.does("bob", "/set tags on");
    chat.plays(
        "
        alice> /rename ops engine-room
        bob< @ev=rename;who=alice;set=engine-room [ops] * alice renamed this room: it is engine-room now
        carol< [ops] * alice renamed this room: it is engine-room now
        alice< + engine-room is what ops is called now. Nobody else gets the old name.
        bob> still here
        alice< [engine-room] bob: still here
        carol< [engine-room] bob: still here
        carol> /say ops hello
        carol< - no-such-room: ops is called engine-room now.
        carol> /history engine-room
        carol< | engine-room 1 bob: still here
        carol< + 1 message
        carol> /create ops
        carol< - name-taken: ops is what engine-room was called before. /join engine-room enters it.
        bob> /history ops
        bob< @set=engine-room - no-such-room: ops is called engine-room now.
        bob> /join ops
        bob< @set=engine-room - name-taken: ops is what engine-room was called before. /join engine-room enters it. You're not in a room now; /switch engine-room goes back.
        alice> /create den
        alice< + den created; you own it. /switch den to talk there.
        alice> /rename den ops
        alice< - name-taken: ops is what engine-room was called before. /join engine-room enters it.
        alice> /rename engine-room lobby
        alice< - name-taken: there is already a room lobby. /join lobby enters it.
        alice> /rename lobby foyer
        alice< - not-allowed: only an owner of lobby can do that. /who lobby shows who is one.
        alice> /rename engine-room ops
        bob< @ev=rename;who=alice;set=ops [engine-room] * alice renamed this room: it is ops now
        carol< [engine-room] * alice renamed this room: it is ops now
        alice< + ops is what engine-room is called now. Nobody else gets the old name.
        alice> /rooms
        alice< | den 1 -
        alice< | lobby 3 -
        alice< | ops 3 -
        alice< + 3 rooms
    ",
    );
    for n in 1..16 {
        chat.does("alice", &format!("/rename {} r{n}", if n == 1 { "ops".to_owned() } else { format!("r{}", n - 1) }));
    }
    chat.plays(
        "
        alice> /rename r15 r16
        alice< - limit: r15 has had 16 other names, which is the limit.
    ",
    );
}

#[test]
fn a_closed_room_is_gone_for_everyone_at_once() {
    let mut chat = ops();
    chat.administrator("root");
    chat.device("desk", "alice");
    chat.does("bob", "/say ops a secret");
    chat.does("carol", "/set tags on");
    chat.plays(
        "
        alice> /close ops
        desk< [ops] * alice closed this room for good
        bob< [ops] * alice closed this room for good
        carol< @ev=close;who=alice [ops] * alice closed this room for good
        alice< + ops is closed for good.
        bob> anyone?
        bob< - no-room: you're not in a room. /rooms lists them, /join ROOM enters one.
        bob> /search secret
        bob< + 0 messages with secret in lobby
        bob> /join ops
        bob< - name-taken: ops was closed, and nobody gets its name again. Choose another.
        alice> /rooms
        alice< | lobby 4 -
        alice< + 1 room
        alice> /audit ops
        alice< - no-such-room: there is no room ops. /rooms lists the rooms you can see.
        root> /history ops
        root< - no-such-room: there is no room ops. /rooms lists the rooms you can see.
        root> /audit ops
        root< | alice close -
        root< + 1 action
        root> /close lobby
        root< - not-allowed: every new account begins in the lobby, so it stays open to all under its name.
    ",
    );
}

#[test]
fn a_room_turns_private_and_public_again() {
    let mut chat = ops();
    chat.does("carol", "/leave ops");
    chat.does("bob", "/set tags on");
    chat.plays(
        "
        alice> /private ops on
        bob< @ev=private;who=alice;set=on [ops] * alice made this room private: only its members and people they invite can see it
        alice< + ops is private: only its members and people they invite can see it.
        carol> /join ops
        carol< - not-allowed: that name isn't available. Choose another.
        carol> /rooms
        carol< | lobby 3 -
        carol< + 1 room
        alice> /invite ops carol
        carol< * invited: ops by alice. /join ops
        alice< + carol is invited to ops and has been told.
        alice> /ban ops carol
        bob< @ev=ban;who=carol;by=alice [ops] * carol was banned by alice
        alice< + carol is banned from ops until somebody says /unban ops carol.
        carol> /join ops
        carol< - not-allowed: that name isn't available. Choose another.
        alice> /private ops off
        bob< @ev=private;who=alice;set=off [ops] * alice made this room public: everybody can see it and join
        alice< + ops is public: everybody can see it and join.
        carol> /join ops
        carol< - banned: you are banned from ops. Its moderators can lift the ban.
    ",
    );
}

#[test]
fn an_administrator_who_lets_people_into_a_room_from_outside_is_on_record() {
    let mut chat = ops();
    chat.administrator("root");
    chat.does("root", "/invite ops root");
    chat.does("bob", "/invite ops root");
    chat.plays(
        "
        alice> /audit ops
        alice< | root invite root
        alice< + 1 action
        bob> /audit ops
        bob< - not-allowed: only a moderator or an owner of ops can do that. /who ops shows who is one.
    ",
    );
}

#[test]
fn who_does_something_from_outside_is_not_in_the_room_on_other_connections_either() {
    let mut chat = ops();
    chat.administrator("root");
    chat.device("phone", "root");
    chat.plays(
        "
        root> /kick ops carol
        bob< [ops] * carol was kicked by root
        alice< [ops] * carol was kicked by root
        carol< [ops] * carol was kicked by root
        root< + carol is no longer in ops.
        root> /close ops
        bob< [ops] * root closed this room for good
        alice< [ops] * root closed this room for good
        root< + ops is closed for good.
    ",
    );
}
