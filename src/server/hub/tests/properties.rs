//! Whatever people do, in whatever order: each request is answered once and in order (`chat` checks
//! that in every turn), connections agree with the stored state, and the stored state is what the
//! `Write`s say.

use super::chat::{Chat, PASSWORD, WORKERS};
use crate::protocol::names::{AccountId, ConversationId};
use crate::server::core::State;
use crate::server::traffic::RequestKind;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Line(usize, String),
    CutOff(usize),
    EndOfInput(usize),
    Wait(u64),
    Passwd(usize),
    /// Lines that the disk refuses, in one turn.
    Refused(Vec<(usize, String)>),
    /// The same, with a password change among the lines.
    RefusedPasswd(usize, Vec<(usize, String)>),
    /// A login.
    RefusedLogin(usize),
}

/// Two connections of each of three people, on two workers.
pub(super) const LABELS: [&str; 6] = ["ann", "ann2", "bob", "bob2", "cyd", "cyd2"];

/// Lines without a room or a name that varies.
const PLAIN: &[&str] = &[
    "hello",
    "/me waves",
    "/who",
    "/rooms",
    "/conversations",
    "/whoami",
    "/sessions",
    "/history",
    "/set tags on",
    "/set tags off",
    "/set echo on",
    "/set replay 0",
    "/set replay 2",
    "/search hello",
    "/quit",
    "/join",
    "/switch $",
    "/token list",
    "/invitecode",
    "/nothing",
    "/leave",
    "/topic",
    "/away",
    "/away lunch",
    "/ignored",
    "/profile",
    "/profile ann",
    "/profile text what I do",
    "/profile text -",
    "/sessions end 1",
    "/sessions end 2",
    "/sessions end others",
    "/topic the rules",
    "/topic x rules",
    "/invite bob",
    "/invitations",
    "/decline x",
    "/decline @ann",
    "hello @bob",
    "/me points at @room",
    "/mentions",
    "/passwd",
    "/unregister",
    "/unregister all",
    PASSWORD,
];

fn line() -> impl Strategy<Value = String> {
    let room = || prop::sample::select(vec!["lobby", "x", "y", "z"]);
    let name = || prop::sample::select(vec!["ann", "bob", "cyd", "dan"]);
    let target = || prop::sample::select(vec!["lobby", "x", "y", "z", "@ann", "@bob", "@cyd", "@dan"]);
    let time = || prop::sample::select(vec!["", "for=3s", "for=1h why not"]);
    let switch = || prop::sample::select(vec!["on", "off", "2s"]);
    let keep = || prop::sample::select(vec!["1h", "2d", "off"]);
    let role = || prop::sample::select(vec!["owner", "moderator", "member", ""]);
    let word = || prop::sample::select(vec!["a", "b"]);
    let plain = prop::sample::select(PLAIN);
    prop_oneof![
        4 => plain.prop_map(|line| (*line).to_owned()),
        4 => room().prop_map(|r| format!("/join {r}")),
        2 => room().prop_map(|r| format!("/leave {r}")),
        2 => room().prop_map(|r| format!("/switch {r}")),
        1 => room().prop_map(|r| format!("/create {r}")),
        2 => room().prop_map(|r| format!("/create {r} private")),
        3 => (room(), name()).prop_map(|(r, n)| format!("/invite {r} {n}")),
        2 => (room(), name(), role()).prop_map(|(r, n, role)| format!("/role {r} {n} {role}")),
        1 => name().prop_map(|n| format!("/ignore {n}")),
        1 => name().prop_map(|n| format!("/unignore {n}")),
        2 => (room(), name()).prop_map(|(r, n)| format!("/kick {r} {n}")),
        2 => (room(), name(), time()).prop_map(|(r, n, t)| format!("/ban {r} {n} {t}")),
        1 => (room(), name()).prop_map(|(r, n)| format!("/unban {r} {n}")),
        2 => (room(), name(), time()).prop_map(|(r, n, t)| format!("/mute {r} {n} {t}")),
        1 => (room(), name()).prop_map(|(r, n)| format!("/unmute {r} {n}")),
        1 => (room(), switch()).prop_map(|(r, s)| format!("/slow {r} {s}")),
        1 => (room(), keep()).prop_map(|(r, k)| format!("/retain {r} {k}")),
        1 => (room(), switch()).prop_map(|(r, s)| format!("/private {r} {s}")),
        1 => (room(), room()).prop_map(|(r, n)| format!("/rename {r} {n}")),
        1 => (room(), word()).prop_map(|(r, n)| format!("/rename {r} {n}")),
        1 => room().prop_map(|r| format!("/close {r}")),
        1 => room().prop_map(|r| format!("/bans {r}")),
        1 => room().prop_map(|r| format!("/audit {r}")),
        1 => room().prop_map(|r| format!("/who {r}")),
        2 => (room(), word()).prop_map(|(r, w)| format!("/topic {r} {w}")),
        1 => room().prop_map(|r| format!("/topic {r} -")),
        4 => target().prop_map(|t| format!("/say {t} hi")),
        3 => (target(), word(), word()).prop_map(|(t, k, w)| format!("/post {t} {k} {w}")),
        1 => target().prop_map(|t| format!("/act {t} waves")),
        2 => (target(), 0..6u8).prop_map(|(t, id)| format!("/reply {t} {id} yes")),
        2 => (target(), name()).prop_map(|(t, n)| format!("/say {t} hi @{n}")),
        1 => (target(), 0..6u8, name()).prop_map(|(t, id, n)| format!("/edit {t} {id} hi @{n}")),
        2 => (target(), word(), word()).prop_map(|(t, k, w)| format!("/update {t} {k} {w}")),
        2 => (target(), 0..6u8, word()).prop_map(|(t, id, w)| format!("/edit {t} {id} {w}")),
        2 => (target(), 0..6u8, word()).prop_map(|(t, id, w)| format!("/redact {t} {id} {w}")),
        2 => (target(), 0..6u8, word()).prop_map(|(t, id, w)| format!("/react {t} {id} {w}")),
        1 => (target(), 0..6u8).prop_map(|(t, id)| format!("/pin {t} {id}")),
        1 => (target(), 0..6u8).prop_map(|(t, id)| format!("/unpin {t} {id}")),
        1 => target().prop_map(|t| format!("/pins {t}")),
        1 => (target(), 0..6u8).prop_map(|(t, id)| format!("/changes {t} after={id} limit=3")),
        2 => (target(), 0..6u8).prop_map(|(t, id)| format!("/read {t} {id}")),
        1 => target().prop_map(|t| format!("/history {t}")),
        1 => (target(), 0..6u8).prop_map(|(t, id)| format!("/history {t} after={id} limit=2")),
        1 => word().prop_map(|w| format!("/token new {w}")),
        1 => word().prop_map(|w| format!("/token revoke {w}")),
    ]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let who = 0..LABELS.len();
    prop_oneof![
        20 => (who.clone(), line()).prop_map(|(who, line)| Step::Line(who, line)),
        1 => who.clone().prop_map(Step::CutOff),
        1 => who.clone().prop_map(Step::EndOfInput),
        1 => (0..7u64).prop_map(Step::Wait),
        1 => Just(Step::Wait(7200)),
        1 => who.clone().prop_map(Step::Passwd),
        2 => prop::collection::vec((who.clone(), line()), 1..5).prop_map(Step::Refused),
        1 => (who.clone(), prop::collection::vec((who.clone(), line()), 0..3))
            .prop_map(|(who, lines)| Step::RefusedPasswd(who, lines)),
        1 => who.prop_map(Step::RefusedLogin),
    ]
}

/// Everything stored can be found: by name, by digest, from either side.
fn check_state(state: &State) {
    for id in (1..state.next_account().value()).map(AccountId::new) {
        let account = state.account(id).unwrap();
        assert_eq!(state.find_account(&account.name), Some(id));
        for token in &account.tokens {
            assert_eq!(state.find_token(&token.digest), Some(id));
        }
    }
    for id in (1..state.next_conversation().value()).map(ConversationId::new) {
        let Some(room) = state.room(id) else { continue };
        assert_eq!(state.find_room(&room.name), Some(id));
        assert_eq!(state.find_former_room(&room.name), None);
        if room.closed {
            assert!(room.members.is_empty() && room.invited.is_empty() && room.bans.is_empty());
        }
        assert!(room.bans.keys().all(|&banned| !room.has_member(banned)));
        for &invited in room.invited.keys() {
            assert!(state.account(invited).unwrap().invitations.contains(&id));
        }
    }
}

/// Checks who receives what against the stored state and who is connected.
fn check_live(chat: &Chat) {
    let state = &chat.hub.state;
    for id in (1..state.next_conversation().value()).map(ConversationId::new) {
        let Some(room) = state.room(id) else { continue };
        let (mut workers, mut here) = (BTreeSet::new(), BTreeSet::new());
        for conn in chat.conns.iter().filter(|conn| !conn.gone) {
            assert_eq!(chat.hub.connections.account(conn.id), conn.account, "{}", conn.label);
            let member = conn.account.is_some_and(|account| room.members.contains_key(&account));
            assert_eq!(conn.receives.contains(&id), member, "{} in {}", conn.label, room.name);
            if member {
                workers.insert(conn.id.worker());
                here.extend(conn.account);
            }
            if chat.hub.connections.current(conn.id) == Some(id) {
                assert!(member, "{} talks in {} and is not in it", conn.label, room.name);
            }
        }
        assert_eq!(chat.hub.connections.workers_of_room(id).collect::<BTreeSet<_>>(), workers);
        assert!(workers.iter().all(|&worker| worker < WORKERS));
        assert_eq!(chat.hub.connections.here(id) as usize, here.len(), "{}", room.name);
        for account in (1..state.next_account().value()).map(AccountId::new) {
            let lists = state.account(account).unwrap().rooms.contains(&id);
            assert_eq!(room.members.contains_key(&account), lists);
        }
    }
}

pub(super) fn play(chat: &mut Chat, step: Step) {
    match step {
        Step::Line(who, line) => {
            let label = LABELS[who];
            let at = chat.at(label);
            let before = (format!("{:?}", chat.hub.state), chat.hub.connections.current(chat.conns[at].id));
            chat.conns[at].refused = false;
            // A line after a prompt is its answer, whatever it looks like.
            let asked = chat.conns[at].session.is_asked();
            let quits = line == "/quit" && !asked;
            chat.type_line(label, &line);
            let at = chat.at(label);
            if chat.conns[at].refused {
                assert_eq!(before.0, format!("{:?}", chat.hub.state), "{line} was refused");
                let moves = !asked && ["/join", "/switch"].iter().any(|verb| line.starts_with(verb));
                let current = if moves { None } else { before.1 };
                assert_eq!(chat.hub.connections.current(chat.conns[at].id), current, "{line} was refused");
            }
            if quits && !chat.conns[at].gone {
                back(chat, label);
            }
        }
        Step::CutOff(who) => back(chat, LABELS[who]),
        Step::EndOfInput(who) => {
            let at = chat.at(LABELS[who]);
            let quit = chat.request(at, RequestKind::Quit { answer: false });
            chat.batch(vec![quit]);
            back(chat, LABELS[who]);
        }
        Step::Wait(seconds) => chat.wait(Duration::from_secs(seconds)),
        Step::Passwd(who) => passwd(chat, LABELS[who], |chat, line| chat.type_line(LABELS[who], line)),
        Step::Refused(lines) => refused(chat, &lines),
        Step::RefusedPasswd(who, mut lines) => passwd(chat, LABELS[who], |chat, line| {
            lines.push((who, line.to_owned()));
            refused(chat, &lines);
        }),
        Step::RefusedLogin(who) => {
            let label = LABELS[who];
            chat.cut_off(label);
            chat.conns.retain(|conn| conn.label != label);
            chat.connect(label);
            let name = label.trim_end_matches('2');
            chat.refused_by_the_disk(&[(label, &format!("/login {name} {PASSWORD}"))]);
            check_live(chat);
            chat.type_line(label, &format!("/login {name} {PASSWORD}"));
        }
    }
    // People whose connection was ended come back; otherwise nobody would be left soon.
    for label in LABELS {
        if chat.conns[chat.at(label)].gone {
            back(chat, label);
        }
    }
}

/// Starts a password change; `last` types the line that completes it.
fn passwd(chat: &mut Chat, label: &str, last: impl FnOnce(&mut Chat, &str)) {
    while chat.conns[chat.at(label)].session.is_asked() {
        chat.type_line(label, "");
    }
    chat.type_line(label, "/passwd");
    chat.type_line(label, PASSWORD);
    last(chat, PASSWORD);
}

/// A turn that the disk refuses changes nothing, except that those who asked for another current
/// room have none now.
fn refused(chat: &mut Chat, lines: &[(usize, String)]) {
    let talks = |chat: &Chat| LABELS.map(|label| chat.hub.connections.current(chat.conns[chat.at(label)].id));
    let mut expected = talks(chat);
    for (who, line) in lines {
        let asked = chat.conns[chat.at(LABELS[*who])].session.is_asked();
        if ["/join", "/switch"].iter().any(|verb| line.starts_with(verb)) && !asked {
            expected[*who] = None;
        }
    }
    let typed: Vec<(&str, &str)> = lines
        .iter()
        // Someone who is asked for a password would answer with the line.
        .filter(|(who, line)| line == PASSWORD || !chat.conns[chat.at(LABELS[*who])].session.is_asked())
        // What asks for a password would take the next line for it.
        .filter(|(_, line)| line != "/passwd" && !line.starts_with("/unregister") && line != "/quit")
        // Someone whose session was ended in that turn asks for nothing after it.
        .filter(|(_, line)| !line.starts_with("/sessions end"))
        .map(|(who, line)| (LABELS[*who], line.as_str()))
        .collect();
    chat.refused_by_the_disk(&typed);
    assert_eq!(talks(chat), expected);
}

/// Drops a connection and lets the same person come back.
fn back(chat: &mut Chat, label: &str) {
    if !chat.conns[chat.at(label)].gone {
        chat.cut_off(label);
    }
    chat.conns.retain(|conn| conn.label != label);
    chat.connect(label);
    chat.type_line(label, &format!("/login {} {PASSWORD}", label.trim_end_matches('2')));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_state_is_what_was_written_and_connections_agree(steps in prop::collection::vec(step(), 1..80)) {
        let mut chat = Chat::of(&["ann", "bob", "cyd"]);
        for label in ["ann2", "bob2", "cyd2"] {
            chat.device(label, label.trim_end_matches('2'));
        }
        for step in steps {
            let shown = format!("{step:?}");
            play(&mut chat, step);
            let stored = State::new(chat.model.snapshot.clone());
            prop_assert_eq!(&chat.hub.state, &stored, "after {}\n{}", shown, chat.log);
            check_state(&stored);
            check_live(&chat);
        }
    }
}
