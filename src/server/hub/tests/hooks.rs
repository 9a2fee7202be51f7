//! Hooks: who makes them, what is posted at their addresses, and what they are not for.

use super::chat::{Chat, settings};
use crate::protocol::code::Code;
use crate::protocol::names::{AddressGroup, RoomName, Text, UserName};
use crate::protocol::secrets::Digest;
use crate::server::core::HOOKS_MAX;
use crate::server::flood::Rate;
use crate::server::traffic::{HubSettings, PaceLimits, RequestKind, SanctionKind};
use std::time::Duration;

/// Ann owns `ops`, Bob is in it, and on `curl` nobody is logged in.
fn chat() -> Chat {
    let mut chat = Chat::of(&["ann", "bob"]);
    chat.does("ann", "/create ops");
    chat.does("bob", "/join ops");
    chat.connect("curl");
    chat
}

impl Chat {
    /// Makes a hook, and returns its token.
    #[track_caller]
    fn hook(&mut self, who: &str, line: &str) -> String {
        self.does(who, line);
        let (_, token) = self.log.rsplit_once("+ /hook/").unwrap();
        token.split(' ').next().unwrap().to_owned()
    }

    /// A program posts; what the transcript shows of it.
    fn posts(&mut self, token: &str, key: Option<&str>, text: &str) -> String {
        let (token, key) = (Digest::of(token), key.map(Box::from));
        let text = Text::parse(text).unwrap().unwrap();
        let start = self.log.len();
        let at = self.at("curl");
        let from = AddressGroup::V4([192, 0, 2, 80]);
        let post = self.request(at, RequestKind::Hook { token, key, text, from });
        self.batch(vec![post]);
        self.log[start..].trim_end().to_owned()
    }

    fn refused(&mut self, token: &str) -> String {
        let answer = self.posts(token, None, "hello");
        answer.strip_prefix("curl< - ").unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

#[test]
fn what_is_posted_at_an_address_is_said_in_the_room_and_answered_with_its_id() {
    let mut chat = chat();
    chat.plays(
        "
        ann> /hook new ops backup
        bob< [ops] * backup joined
        ann< [ops] * backup joined
        ann< + /hook/thook4 is shown only this once: what is posted to https://THIS-SERVER/hook/thook4, backup says in ops.
        ",
    );
    assert_eq!(
        chat.posts("thook4", None, "backup done"),
        "bob< [ops] backup: backup done\nann< [ops] backup: backup done\ncurl< + 1"
    );
    assert!(chat.posts("thook4", Some("k1"), "backup done").ends_with("curl< + 2"));
    assert_eq!(chat.posts("thook4", Some("k1"), "backup done"), "curl< + 2", "a key says it once");
    assert!(chat.posts("thook4", Some("k1"), "another text").starts_with("curl< - conflict: "));
    // The author is an account like any other.
    chat.does("ann", "/redact ops 1");
    chat.does("ann", "/mute ops backup for=1h");
    assert!(chat.refused("thook4").starts_with("muted: "));
    chat.wait(Duration::from_hours(1));
    assert!(chat.posts("thook4", None, "again").ends_with("+ 3"));
}

#[test]
fn an_address_that_was_revoked_is_like_one_that_never_was() {
    let mut chat = chat();
    let first = chat.hook("ann", "/hook new ops ci");
    let unknown = chat.refused("tnonsense");
    assert!(unknown.starts_with("bad-credentials: "), "{unknown}");
    assert_eq!(chat.refusal("ann", "/hook new ops ci"), Some(Code::NameTaken));
    chat.does("ann", "/hook revoke ops CI");
    assert_eq!(chat.refused(&first), unknown);
    assert_eq!(chat.refusal("ann", "/hook revoke ops ci"), Some(Code::BadArgument));
    // The label is the hook's own: another address brings it back.
    let second = chat.hook("ann", "/hook new ops ci");
    assert_ne!(first, second);
    assert_eq!(chat.refused(&first), unknown);
    assert!(chat.posts(&second, None, "green").ends_with("+ 1"));
    chat.does("ann", "/rename ops operations");
    assert!(chat.posts(&second, None, "green again").ends_with("+ 2"));
    let room = chat.hub.state.find_room(&RoomName::parse("operations").unwrap());
    let audited = chat.model.audited(room);
    assert_eq!(audited, ["ann rename - operations", "ann hook ci new", "ann hook ci revoke", "ann hook ci new"]);
    chat.does("ann", "/close operations");
    assert_eq!(chat.refused(&second), unknown);
}

#[test]
fn a_hook_that_was_removed_comes_back_with_another_address_unless_it_is_banned() {
    let mut chat = chat();
    let first = chat.hook("ann", "/hook new ops ci");
    chat.does("ann", "/kick ops ci");
    assert!(chat.refused(&first).starts_with("not-a-member: "));
    chat.does("ann", "/hook revoke ops ci");
    let second = chat.hook("ann", "/hook new ops ci");
    assert!(chat.posts(&second, None, "hello").ends_with("+ 1"));
    chat.does("ann", "/ban ops ci");
    assert!(chat.refused(&second).starts_with("banned: "));
    chat.does("ann", "/hook revoke ops ci");
    assert_eq!(chat.refusal("ann", "/hook new ops ci"), Some(Code::Banned));
    chat.does("ann", "/unban ops ci");
    let third = chat.hook("ann", "/hook new ops ci");
    assert!(chat.posts(&third, None, "hello").ends_with("+ 2"));
    // A ban that has ended by itself is forgotten when it comes in, as anybody's.
    chat.does("ann", "/ban ops ci for=1h");
    chat.does("ann", "/hook revoke ops ci");
    chat.wait(Duration::from_hours(1));
    let fourth = chat.hook("ann", "/hook new ops ci");
    assert!(chat.posts(&fourth, None, "hello").ends_with("+ 3"));
    let ops = chat.hub.state.find_room(&RoomName::parse("ops").unwrap()).unwrap();
    let label = UserName::parse("ci").unwrap();
    let ci = chat.hub.state.find_account(&label).unwrap();
    assert!(!chat.hub.state.room(ops).unwrap().sanctions(SanctionKind::Ban).contains_key(&ci));
}

#[test]
fn moderators_make_list_and_revoke_them() {
    let mut chat = chat();
    chat.console("console");
    for line in ["/hook new ops ci", "/hook list ops", "/hook revoke ops ci"] {
        assert_eq!(chat.refusal("bob", line), Some(Code::NotAllowed), "{line}");
    }
    chat.does("ann", "/role ops bob moderator");
    chat.hook("bob", "/hook new ops Zebra");
    chat.hook("console", "/hook new ops ci");
    chat.does("ann", "/hook revoke ops ci");
    let start = chat.log.len();
    chat.does("bob", "/hook list ops");
    let rows: Vec<&str> = chat.log[start..].lines().skip(1).collect();
    let stamp = |row: &str| row.split(' ').filter(|word| !word.ends_with('Z')).collect::<Vec<_>>().join(" ");
    let rows: Vec<String> = rows.into_iter().map(stamp).collect();
    assert_eq!(rows, ["bob< | ci server off", "bob< | Zebra bob on", "bob< + 2 hooks"]);
}

/// Only who may see its room hears of which one it is.
#[test]
fn what_shows_people_says_which_are_hooks() {
    let mut chat = Chat::of(&["ann", "bob", "eve"]);
    chat.administrator("root");
    chat.does("ann", "/create ops");
    chat.does("bob", "/join ops");
    chat.does("ann", "/private ops on");
    chat.hook("ann", "/hook new ops ci");
    for (who, line, row) in [
        ("bob", "/profile ci", "bob< | hook ops ann"),
        ("eve", "/profile ci", "eve< | hook -"),
        ("bob", "/who ops", "bob< | ci away hook"),
    ] {
        let start = chat.log.len();
        chat.does(who, line);
        assert!(chat.log[start..].lines().any(|shown| shown == row), "{row} in {}", &chat.log[start..]);
    }
    let start = chat.log.len();
    chat.does("root", "/accounts");
    assert!(chat.log[start..].contains("| ci hook away "), "{}", &chat.log[start..]);
}

#[test]
fn a_label_is_a_new_name_and_stays_one() {
    let mut chat = chat();
    for (label, code) in [("bob", Code::NameTaken), ("server", Code::BadName), ("a b", Code::BadArgument)] {
        assert_eq!(chat.refusal("ann", &format!("/hook new ops {label}")), Some(code), "{label}");
    }
    chat.does("ann", "/create other");
    chat.hook("ann", "/hook new ops ci");
    assert_eq!(chat.refusal("ann", "/hook new other ci"), Some(Code::NameTaken));
    assert_eq!(chat.refusal("ann", "/hook revoke other ci"), Some(Code::BadArgument));
    chat.connect("eve");
    assert_eq!(chat.refusal("eve", "/register ci password1"), Some(Code::NameTaken));
    for n in 1..HOOKS_MAX {
        chat.hook("ann", &format!("/hook new ops ci{n}"));
    }
    chat.does("ann", "/hook revoke ops ci");
    assert_eq!(chat.refusal("ann", "/hook new ops more"), Some(Code::Limit));
    chat.hook("ann", "/hook new ops ci");
    // A room keeps its name while there are hooks that were made for it.
    chat.hook("ann", "/hook new other ci0");
    chat.does("ann", "/close other");
    assert_eq!(chat.refusal("ann", "/create other"), Some(Code::NameTaken));
}

#[test]
fn a_hook_neither_reads_nor_logs_in() {
    let mut chat = chat();
    chat.administrator("root");
    chat.hook("ann", "/hook new ops ci");
    chat.does("ann", "/create den");
    for (who, line) in [
        ("bob", "/msg ci hello"),
        ("bob", "/reply @ci 1 hello"),
        ("bob", "/post @ci k hello"),
        ("bob", "/update @ci k hello"),
        ("ann", "/invite den ci"),
        ("ann", "/role ops ci moderator"),
        ("ann", "/role ops ci owner"),
        ("root", "/disable ci"),
        ("root", "/enable ci"),
        ("root", "/grant ci admin"),
        ("root", "/resetpw ci"),
        ("curl", "/login ci password1"),
        ("curl", "/recover ci CODE password1"),
    ] {
        assert_eq!(chat.refusal(who, line), Some(Code::NotAllowed), "{line}");
    }
    assert!(
        chat.log
            .trim_end()
            .ends_with("ci is a hook: a program posts as it. It reads nothing, and nobody can log in as it.")
    );
    chat.does("bob", "/ignore ci");
    chat.does("ann", "/role ops ci");
}

/// Whoever owned the room alone leaves the server.
#[test]
fn a_hook_inherits_no_room() {
    let mut chat = Chat::of(&["ann", "bob", "cid"]);
    chat.administrator("root");
    chat.does("ann", "/create ops");
    chat.hook("ann", "/hook new ops aa");
    chat.does("bob", "/create den");
    chat.hook("bob", "/hook new den bb");
    chat.does("cid", "/join den");
    for name in ["ann", "bob"] {
        chat.type_line(name, "/unregister");
        chat.type_line(name, super::chat::PASSWORD);
    }
    chat.connect("curl");
    assert!(chat.log.contains("bob made cid an owner"), "{}", chat.log);
    assert!(!chat.log.contains("made aa an owner"), "{}", chat.log);
}

#[test]
fn posts_have_a_pace_that_new_hooks_have_as_well() {
    let rate = |burst| Some(Rate { per_second: 0.1, burst });
    let pace = PaceLimits { hook: rate(8), new_account: Some(Duration::from_hours(1)), ..PaceLimits::default() };
    let mut chat = Chat::with(HubSettings { pace, ..settings() });
    chat.console("console");
    chat.connect("curl");
    let (one, other) = (chat.hook("console", "/hook new lobby one"), chat.hook("console", "/hook new lobby other"));
    for n in 1..=8 {
        assert_eq!(chat.posts(&one, None, "alarm"), format!("curl< + {n}"));
    }
    assert_eq!(
        chat.refused(&one),
        "slow-down: you have posted many messages in a short time. Try again in 10 seconds."
    );
    assert_eq!(chat.posts(&other, None, "alarm"), "curl< + 9");
    chat.wait(Duration::from_secs(10));
    assert_eq!(chat.posts(&one, None, "alarm"), "curl< + 10");
}
