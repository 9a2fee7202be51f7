//! What bans, mutes and slow rooms leave behind, whom they do not hold, and how many there may be.

use super::chat::Chat;
use crate::protocol::code::Code;
use crate::protocol::names::{AccountId, UserName};
use crate::server::core::SANCTIONS_MAX;
use crate::server::traffic::{SanctionKind, SanctionRecord};

fn ops() -> Chat {
    let mut chat = Chat::of(&["alice", "bob", "carol"]);
    chat.does("alice", "/create ops");
    chat.console("console");
    chat
}

#[test]
fn neither_a_ban_nor_a_mute_holds_whoever_becomes_an_administrator() {
    let mut chat = ops();
    for line in ["/mute #lobby bob", "/ban ops bob"] {
        let label = if line.contains("lobby") { "console" } else { "alice" };
        chat.does(label, line);
    }
    assert_eq!(chat.refusal("bob", "/say lobby hello"), Some(Code::Muted));
    assert_eq!(chat.refusal("bob", "/join ops"), Some(Code::Banned));
    chat.does("console", "/grant bob admin");
    chat.does("bob", "/say lobby hello");
    chat.does("bob", "/join ops");
}

#[test]
fn only_a_slow_room_remembers_who_said_something_and_each_time_anew() {
    let mut chat = ops();
    chat.does("bob", "/join ops");
    chat.does("bob", "/say ops one");
    assert_eq!(chat.model.snapshot.said, []);
    chat.does("alice", "/slow ops 30s");
    chat.does("bob", "/say ops two");
    assert_eq!(chat.model.snapshot.said.len(), 1);
    assert_eq!(chat.refusal("bob", "/say ops three"), Some(Code::SlowDown));
    chat.does("alice", "/slow ops off");
    chat.does("alice", "/slow ops 1m");
    chat.does("bob", "/say ops three");
}

#[test]
fn what_has_ended_is_forgotten_with_the_next_and_an_invitation_goes_with_a_ban() {
    let mut chat = ops();
    chat.plays(
        "
        alice> /private ops on
        alice< + ops is private: only its members and people they invite can see it.
        alice> /invite ops carol
        carol< * invited: ops by alice. /join ops
        alice< + carol is invited to ops and has been told.
        alice> /ban ops bob for=10s
        alice< + bob is banned from ops for 10 seconds.
        -- 11 s
        alice> /ban ops carol
        alice< + carol is banned from ops until somebody says /unban ops carol.
        alice> /unban ops carol
        alice< + carol may come into ops again.
        alice> /unban ops carol
        alice< + carol is not banned from ops. /bans ops shows who is.
        carol> /join ops
        carol< - not-allowed: that name isn't available. Choose another. You're not in a room now; /switch lobby goes back.
    ",
    );
    assert_eq!(chat.model.snapshot.sanctions, []);
}

#[test]
fn bans_are_listed_by_name_and_go_on_after_one() {
    let mut chat = Chat::of(&["alice", "carol", "bob"]);
    chat.does("alice", "/create ops");
    for name in ["carol", "bob"] {
        chat.does("alice", &format!("/ban ops {name}"));
    }
    chat.plays(
        "
        alice> /bans ops limit=1
        alice< | bob - alice
        alice< + 1 ban, more
        alice> /bans ops after=BOB
        alice< | carol - alice
        alice< + 1 ban
    ",
    );
}

#[test]
fn a_room_has_so_many_bans_and_one_of_them_can_be_changed() {
    let mut chat = ops();
    let account = |name| chat.hub.state.find_account(&UserName::parse(name).unwrap()).unwrap();
    let conversation = chat.hub.state.next_conversation().value() - 1;
    let others = (0..SANCTIONS_MAX as i64 - 1).map(|n| SanctionRecord {
        conversation: crate::protocol::names::ConversationId::new(conversation),
        account: AccountId::new(1000 + n),
        kind: SanctionKind::Ban,
        by: account("alice"),
        until: None,
        reason: String::new(),
    });
    let mut snapshot = chat.model.snapshot.clone();
    snapshot.sanctions.extend(others);
    chat.model.snapshot = snapshot.clone();
    chat.hub.roll_back(snapshot);
    chat.does("alice", "/ban ops bob");
    assert_eq!(chat.refusal("alice", "/ban ops carol"), Some(Code::Limit));
    chat.does("alice", "/ban ops bob for=1h");
}
