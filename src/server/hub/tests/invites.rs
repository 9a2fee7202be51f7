//! Invitation codes to this server: listed by number, revoked, and noted in the audit log.

use super::chat::{Chat, PASSWORD, settings};
use crate::protocol::code::Code;
use crate::protocol::names::UserName;
use crate::server::core::INVITES_MAX;
use crate::server::traffic::{HubSettings, PaceLimits, Registration};
use std::time::Duration;

/// A server for which one needs a code; the console makes them.
fn chat() -> Chat {
    let mut chat = Chat::with(HubSettings { registration: Registration::Invite, ..settings() });
    chat.console("console");
    chat
}

/// The code that a line is answered with.
fn code(chat: &mut Chat, who: &str, line: &str) -> String {
    chat.does(who, line);
    let (_, code) = chat.log.rsplit_once("invite=").unwrap();
    code.trim_end().to_owned()
}

/// The rows of a list, without the times.
fn rows(chat: &mut Chat, who: &str, line: &str) -> Vec<String> {
    let start = chat.log.len();
    chat.type_line(who, line);
    let seen = chat.log[start..].lines().filter_map(|line| line.strip_prefix(who)?.strip_prefix("< "));
    let row = |line: &str| line.split(' ').filter(|word| !word.ends_with('Z')).collect::<Vec<_>>().join(" ");
    seen.map(row).collect()
}

#[test]
fn codes_are_listed_with_what_is_left_of_them_and_end_when_revoked() {
    let mut chat = chat();
    let first = code(&mut chat, "console", "/invitecode uses=2 note=for the  team");
    let second = code(&mut chat, "console", "/invitecode admin for=1d");
    code(&mut chat, "console", "/invitecode");
    chat.connect("ann");
    chat.does("ann", &format!("/register ann invite={first} {PASSWORD}"));
    assert_eq!(
        rows(&mut chat, "console", "/invites"),
        ["| 1 member 1 server for the  team", "| 2 admin 1 server", "| 3 member 1 server", "+ 3 invites"]
    );
    assert_eq!(rows(&mut chat, "console", "/invites after=1 limit=1"), ["| 2 admin 1 server", "+ 1 invite, more"]);
    chat.does("console", "/invites revoke 2");
    assert_eq!(chat.refusal("console", "/invites revoke 2"), Some(Code::BadArgument));
    chat.connect("eve");
    assert_eq!(chat.refusal("eve", &format!("/register eve invite={second} {PASSWORD}")), Some(Code::BadInvite));
    chat.does("eve", &format!("/register eve invite={first} {PASSWORD}"));
    assert_eq!(rows(&mut chat, "console", "/invites"), ["| 3 member 1 server", "+ 1 invite"]);
    chat.wait(Duration::from_hours(24 * 7));
    assert_eq!(rows(&mut chat, "console", "/invites"), ["+ 0 invites"]);
    assert_eq!(chat.refusal("console", "/invites revoke 3"), Some(Code::BadArgument));
    code(&mut chat, "console", "/invitecode");
    chat.does("console", "/invites revoke 4");
    code(&mut chat, "console", "/invitecode");
    assert_eq!(
        rows(&mut chat, "console", "/invites"),
        ["| 5 member 1 server", "+ 1 invite"],
        "a number is not given twice"
    );
    let audited = chat.model.audited(None);
    let expected = [
        "server invitecode 5 uses=1 for=7d",
        "server invites 4 revoke",
        "server invitecode 4 uses=1 for=7d",
        "server invites 2 revoke",
        "server invitecode 3 uses=1 for=7d",
        "server invitecode 2 uses=1 for=1d admin",
        "server invitecode 1 uses=2 for=7d note=for the  team",
    ];
    assert_eq!(audited, expected);
}

#[test]
fn members_neither_see_nor_revoke_them() {
    let mut chat = chat();
    let own = code(&mut chat, "console", "/invitecode");
    code(&mut chat, "console", "/invitecode");
    chat.connect("ann");
    chat.does("ann", &format!("/register ann invite={own} {PASSWORD}"));
    for line in ["/invites", "/invites revoke 2", "/invites revoke 9", "/invitecode"] {
        assert_eq!(chat.refusal("ann", line), Some(Code::NotAllowed), "{line}");
    }
}

#[test]
fn codes_end_with_what_whoever_made_them_may_do() {
    let mut chat = chat();
    chat.administrator("root");
    for (name, line) in [("ann", "/unregister"), ("bob", "/disable bob"), ("carol", "/grant carol none")] {
        chat.administrator(name);
        let code = code(&mut chat, name, "/invitecode admin");
        if line == "/unregister" {
            chat.does(name, line);
            chat.does(name, PASSWORD);
        } else {
            chat.does("console", line);
        }
        assert_eq!(rows(&mut chat, "console", "/invites"), ["+ 0 invites"], "{line}");
        chat.connect("eve");
        assert_eq!(chat.refusal("eve", &format!("/register eve invite={code} {PASSWORD}")), Some(Code::BadInvite));
    }
}

/// A server whose members may make that many codes a week; Ann and Bob are no new accounts.
fn members(weekly: u32) -> Chat {
    let pace = PaceLimits { new_account: Some(Duration::from_hours(1)), ..PaceLimits::default() };
    let mut chat = Chat::with(HubSettings { members_invite: Some(weekly), pace, ..settings() });
    chat.console("console");
    for name in ["ann", "bob"] {
        chat.connect(name);
        chat.does(name, &format!("/register {name} {PASSWORD}"));
    }
    chat.wait(Duration::from_hours(1));
    chat.log.clear();
    chat
}

#[test]
fn members_make_as_many_codes_a_week_as_the_operator_lets_them() {
    let mut chat = members(2);
    let used = code(&mut chat, "ann", "/invitecode note=for my sister");
    chat.connect("eve");
    chat.does("eve", &format!("/register eve invite={used} {PASSWORD}"));
    chat.wait(Duration::from_hours(24));
    code(&mut chat, "ann", "/invitecode");
    chat.does("ann", "/invites revoke 2");
    chat.does("ann", "/set tags on");
    chat.log.clear();
    chat.plays(
        "
        ann> /invitecode
        ann< @retry=518400 - limit: you have made 2 invitation codes within 7 days, which is the limit. You can make another in 6 days.
        ",
    );
    chat.does("ann", "/set tags off");
    code(&mut chat, "bob", "/invitecode");
    chat.wait(Duration::from_hours(6 * 24) - Duration::from_secs(1));
    assert_eq!(chat.refusal("ann", "/invitecode"), Some(Code::Limit));
    chat.wait(Duration::from_secs(1));
    code(&mut chat, "ann", "/invitecode");
    assert_eq!(chat.refusal("ann", "/invitecode"), Some(Code::Limit));
    chat.refused_by_the_disk(&[("bob", "/invitecode")]);
    code(&mut chat, "bob", "/invitecode");
    assert_eq!(chat.refusal("bob", "/invitecode"), Some(Code::Limit));
    let audited = chat.model.audited(None);
    assert_eq!(
        audited[audited.len() - 3..],
        ["ann invites 2 revoke", "ann invitecode 2 uses=1 for=7d", "ann invitecode 1 uses=1 for=7d note=for my sister"]
    );
}

#[test]
fn members_make_no_other_codes_and_see_their_own_alone() {
    let mut chat = members(5);
    for line in ["/invitecode uses=2", "/invitecode for=8d", "/invitecode for=1h", "/invitecode admin"] {
        assert_eq!(chat.refusal("ann", line), Some(Code::NotAllowed), "{line}");
    }
    for (name, line) in [
        ("console", "/invitecode uses=3"),
        ("ann", "/invitecode note=one"),
        ("bob", "/invitecode"),
        ("ann", "/invitecode"),
    ] {
        code(&mut chat, name, line);
    }
    assert_eq!(rows(&mut chat, "ann", "/invites"), ["| 2 member 1 ann one", "| 4 member 1 ann", "+ 2 invites"]);
    assert_eq!(rows(&mut chat, "bob", "/invites"), ["| 3 member 1 bob", "+ 1 invite"]);
    for line in ["/invites revoke 1", "/invites revoke 3"] {
        assert_eq!(chat.refusal("ann", line), Some(Code::BadArgument), "{line}");
    }
    chat.does("console", "/invites revoke 2");
    chat.does("ann", "/invites revoke 4");
    let left = ["| 1 member 3 server", "| 3 member 1 bob", "+ 2 invites"];
    assert_eq!(rows(&mut chat, "console", "/invites"), left);
    chat.does("console", "/disable bob");
    chat.does("console", "/enable bob");
    assert_eq!(rows(&mut chat, "console", "/invites"), ["| 1 member 3 server", "+ 1 invite"]);
}

#[test]
fn new_accounts_make_none_and_nobody_does_where_nobody_registers() {
    let mut chat = members(1);
    chat.connect("eve");
    chat.does("eve", &format!("/register eve {PASSWORD}"));
    chat.wait(Duration::from_mins(18));
    chat.does("eve", "/set tags on");
    chat.log.clear();
    chat.plays(
        "
        eve> /invitecode
        eve< @retry=2520 - not-allowed: your account is too new for that. Try again in 42 minutes.
        ",
    );
    chat.wait(Duration::from_mins(42));
    code(&mut chat, "eve", "/invitecode");

    let closed = HubSettings { registration: Registration::Closed, members_invite: Some(1), ..settings() };
    let mut chat = Chat::with(closed);
    chat.administrator("root");
    let own = code(&mut chat, "root", "/invitecode admin");
    chat.connect("ann");
    chat.does("ann", &format!("/register ann invite={own} {PASSWORD}"));
    chat.does("root", "/grant ann none");
    for line in ["/invitecode", "/invites"] {
        assert_eq!(chat.refusal("ann", line), Some(Code::NotAllowed), "{line}");
    }
    let plain = code(&mut chat, "root", "/invitecode");
    chat.connect("eve");
    assert_eq!(
        chat.refusal("eve", &format!("/register eve invite={plain} {PASSWORD}")),
        Some(Code::RegistrationClosed)
    );
}

#[test]
fn a_code_is_good_before_its_time_is_over_and_not_then() {
    let mut chat = chat();
    code(&mut chat, "console", "/invitecode for=1h");
    let invite = chat.model.snapshot.invites[0].clone();
    let name = UserName::parse("ann").unwrap();
    let good = |at| chat.hub.state.check_registration(at, Registration::Invite, &name, Some(&invite.digest)).is_ok();
    assert!(good(invite.until - 1));
    assert!(!good(invite.until));
    // A line is decided a millisecond after it was typed.
    chat.now.wall = invite.until - 1;
    assert_eq!(rows(&mut chat, "console", "/invites"), ["+ 0 invites"]);
    chat.now.wall = invite.until - 1;
    assert_eq!(chat.refusal("console", "/invites revoke 1"), Some(Code::BadArgument));
}

#[test]
fn a_member_may_make_another_code_when_a_week_is_over() {
    let mut chat = Chat::with(HubSettings { members_invite: Some(1), ..settings() });
    chat.connect("ann");
    chat.does("ann", &format!("/register ann {PASSWORD}"));
    chat.does("ann", "/invitecode");
    let week = u64::try_from(Duration::from_hours(168).as_millis()).unwrap();
    chat.now.wall += week - 2;
    assert_eq!(chat.refusal("ann", "/invitecode"), Some(Code::Limit));
    chat.does("ann", "/invitecode");
    chat.plays("");
}

#[test]
fn there_are_so_many_codes_at_most_and_those_that_have_expired_do_not_count() {
    let mut chat = chat();
    chat.does("console", "/invitecode for=1m");
    for _ in 1..INVITES_MAX {
        chat.does("console", "/invitecode for=1h");
    }
    assert_eq!(chat.refusal("console", "/invitecode for=1h"), Some(Code::Limit));
    chat.wait(Duration::from_mins(1));
    chat.does("console", "/invitecode for=1h");
    assert_eq!(chat.refusal("console", "/invitecode for=1h"), Some(Code::Limit));
    chat.plays("");
}
