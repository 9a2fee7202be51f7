//! Two nodes with real stores: what one has recorded, the other applies in the same order, in
//! transactions of its own. Both must come to the same outcomes, the same state and the same
//! database; then one that follows the log can take over.

use super::*;
use crate::protocol::command::{AdminCommand, HookCommand, Input, parse_line};
use crate::protocol::names::{ConversationId, MessageId};
use crate::protocol::secrets::Digest;
use crate::server::core::State;
use crate::server::hub::Applied;
use crate::server::store::{Indexer, Reader};
use crate::server::traffic::{ConversationRef, KNOWN_MAX, Read, Snapshot, TimeRange};
use proptest::prelude::*;

const CONSOLE: u64 = 4;

/// The code of every `/resetpw`.
const RECOVERY: &str = "recovery";

/// No line: what a conversation, by its number, drops by itself up to some id, if it can.
const DROP: &str = "drop ";

/// What anybody may say.
const LINES: &[&str] = &[
    "hello",
    "/join lobby",
    "/join ops",
    "/join den",
    "/create den private",
    "/invite den bob",
    "/invite den carol",
    "/leave ops",
    "/leave den",
    "/topic ops what we run",
    "/role ops bob moderator",
    "/kick ops bob rude",
    "/ban ops carol for=1h spam",
    "/ban lobby bob",
    "/unban lobby bob",
    "/mute lobby alice for=1s",
    "/unmute lobby alice",
    "/slow ops 1s",
    "/slow lobby off",
    "/private ops on",
    "/retain ops 1h",
    "/retain lobby 2d",
    "drop 1 1",
    "drop 2 1",
    "/unregister",
    "/unregister all",
    "drop 1 2",
    "drop 3 1",
    "/rename ops dev",
    "/rename dev ops",
    "/say dev where am I",
    "/close den",
    "/role ops bob owner",
    "/role ops alice member",
    "/role lobby carol owner",
    "/topic ops -",
    "/say ops up again",
    "/say den psst",
    "/msg alice hi",
    "/msg bob hi",
    "ask @bob or @carol",
    "/say ops @room, listen",
    "/edit lobby 1 not @bob",
    "/edit ops 1 @alice and @room",
    "/post lobby one red",
    "/post lobby one blue",
    "/post ops one red",
    "/post ops two red",
    "/post @alice one red",
    "/post @bob one red",
    "/me waves",
    "/act @bob waves",
    "/reply lobby 1 indeed",
    "/reply lobby 3 indeed",
    "/reply @bob 1 indeed",
    "/edit lobby 1 better",
    "/update lobby one green",
    "/update @bob one green",
    "/edit lobby 2 better",
    "/edit @bob 1 better",
    "/redact lobby 1 off topic",
    "/react lobby 1 +1",
    "/react lobby 1 :)",
    "/react lobby 2 +1",
    "/react @bob 1 +1",
    "/pin ops 1",
    "/unpin ops 1",
    "/pin @bob 1",
    "/unpin @bob 1",
    "/redact lobby 2",
    "/redact ops 1",
    "/redact @bob 1",
    "/read lobby 2",
    "/read ops 1",
    "/read @bob 1",
    "/passwd",
    "/token new phone",
    "/token revoke phone",
    "/invitecode uses=2 note=for a friend",
    "/invitecode note=for a friend",
    "/invites revoke 1",
    "/invites revoke 2",
    "/disable bob too loud",
    "/enable bob",
    "/resetpw carol",
    "/recover carol",
    "/grant bob admin",
    "/grant bob none",
    "/away at lunch",
    "/ignore bob",
    "/ignore alice",
    "/unignore bob",
    "/unignore alice",
    "/away",
    "/profile text I run the backups",
    "/profile text -",
    "/announce back at noon",
    "/block 203.0.113.0/24 for=1h scans",
    "/block 203.0.113.0/24",
    "/block 2001:db8::1 for=1s",
    "/unblock 203.0.113.0/24",
];

/// Lines of one turn, by connection.
type Lines = Vec<(u64, &'static str)>;

fn lines() -> impl Strategy<Value = Lines> {
    let line = prop::sample::select(LINES);
    prop::collection::vec((ALICE..=CONSOLE, line), 1..6)
}

/// A line's request. Secrets are numbered by `serial`.
fn ask(conn: u64, line: &str, serial: usize) -> Request {
    let kind = match parse_line(line) {
        Input::Text(text) => RequestKind::SayHere(Text::parse(text).unwrap().unwrap()),
        // Whoever says it: the code is the same each time.
        Input::Command { verb: Ok(verb), .. } if verb.name == "recover" => {
            let (name, code) = (UserName::parse("carol").unwrap(), Digest::of(RECOVERY));
            RequestKind::Recover { name, code, password: Secret::new("password3"), from: ADDRESS }
        }
        Input::Command { verb, rest, .. } => match verb.unwrap().parse(rest).unwrap() {
            Command::Unregister { all } => RequestKind::Unregister { all, password: Secret::new("password1") },
            Command::Passwd => RequestKind::Passwd { old: Secret::new("password1"), new: Secret::new("password2") },
            Command::TokenNew { label, here } => {
                RequestKind::NewToken { label, here, token: Secret::new(&format!("token{serial}")) }
            }
            Command::InviteCode(terms) => RequestKind::NewInvite { terms, code: Secret::new(&format!("code{serial}")) },
            Command::Hook(HookCommand::New { room, label }) => {
                RequestKind::NewHook { room, label, token: Secret::new(&format!("hook{serial}")) }
            }
            Command::Admin(AdminCommand::ResetPassword(name)) => {
                RequestKind::ResetPassword { name, code: Secret::new(RECOVERY) }
            }
            command => RequestKind::Command(command),
        },
        Input::Nothing => panic!("{line:?} is empty"),
    };
    request(conn, kind)
}

impl Turns {
    /// Alice, Bob, Carol and the console. Alice has been at more addresses than are remembered.
    fn crowd() -> Self {
        let mut turns = Self::new();
        turns.alice_and_bob();
        turns.turn(vec![register(CAROL, "carol"), request(CONSOLE, RequestKind::Console)]);
        let carol = turns.checked();
        turns.turn(vec![carol]);
        for device in 0..KNOWN_MAX + 2 {
            let (name, password) = (UserName::parse("alice").unwrap(), Secret::new("password1"));
            let from = AddressGroup::V4([198, 51, 100, device]);
            turns.turn(vec![request(10, RequestKind::Login { name, password, from })]);
            let right = turns.checked();
            turns.turn(vec![right, Request::detach(conn(10))]);
        }
        turns
    }
}

impl Turns {
    fn drop_messages(&mut self, conversation: i64, through: u64) {
        let Dispatcher { hub, transaction, .. } = &mut self.dispatcher;
        hub.drop_messages(ConversationId::new(conversation), MessageId::new(through).unwrap(), transaction);
        transaction.commit().unwrap();
    }
}

/// A second node, to which nobody is connected.
struct Follower {
    settings: store::StoreSettings,
    state: State,
    transaction: Transaction,
    _dir: tempfile::TempDir,
}

impl Follower {
    /// Its database was made at that time.
    fn new(origin: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(&dir);
        let (store, mut snapshot) = Store::open(&settings).unwrap();
        snapshot.accounts[0].at = origin;
        let transaction = Transaction::new(store);
        Self { settings, state: State::new(snapshot), transaction, _dir: dir }
    }

    /// Applies what was recorded, with a commit after every few operations.
    fn follow(&mut self, log: &[Applied], commit_every: usize) {
        for operations in log.chunks(commit_every) {
            for (operation, outcome) in operations {
                assert_eq!(self.state.apply(operation.clone(), &mut self.transaction), *outcome, "{operation:?}");
            }
            self.transaction.commit().unwrap();
        }
    }
}

/// What is a store's own: the name of its history, and when it was created.
fn without_origin(mut snapshot: Snapshot) -> Snapshot {
    snapshot.epoch.clear();
    snapshot.accounts[0].at = 0;
    snapshot
}

/// Every message in a data directory, as `/history` shows it, what `/changes` says, and the audit logs.
fn messages(settings: &store::StoreSettings, snapshot: &Snapshot) -> String {
    Indexer::open(settings, &mut |_, _| {}).unwrap();
    let mut reader = Reader::open(settings).unwrap();
    let mut out = Vec::new();
    for conversation in &snapshot.conversations {
        let id = conversation.id;
        let dropped = snapshot.retentions.iter().find(|one| one.conversation == id);
        let dropped = dropped.map_or(MessageId::ZERO, |one| one.dropped);
        let conversation = ConversationRef { id, target: format!("room{}", id.value()).into(), dropped };
        let changes = Read::Changes { conversation: conversation.clone(), after: 0, last: u64::MAX, limit: 500 };
        let (before, times) = (MessageId::MAX, TimeRange::ALL);
        let history = Read::History { conversation: conversation.clone(), before, after: None, times, limit: 500 };
        for read in [history, changes, Read::Pins(conversation)] {
            let answer = reader.answer(ReadJob { conn: conn(ALICE), answer_bytes: 1 << 20, read });
            answer.rows.encode(None, &mut out);
            answer.last.encode(false, None, &mut out);
        }
    }
    for conversation in &snapshot.conversations {
        let read = Read::Audit { conversation: Some(conversation.id), limit: 500, more: None };
        let answer = reader.answer(ReadJob { conn: conn(ALICE), answer_bytes: 1 << 20, read });
        answer.rows.encode(None, &mut out);
        answer.last.encode(false, None, &mut out);
    }
    String::from_utf8(out).unwrap()
}

fn follows(script: Vec<Lines>, commit_every: usize) -> String {
    let mut turns = Turns::crowd();
    let mut serial = 0;
    for lines in script {
        let mut requests = Vec::new();
        for (conn, line) in lines {
            serial += 1;
            if let Some((conversation, through)) = line.strip_prefix(DROP).and_then(|drop| drop.split_once(' ')) {
                turns.drop_messages(conversation.parse().unwrap(), through.parse().unwrap());
            } else {
                requests.push(ask(conn, line, serial));
            }
        }
        turns.turn(requests);
        while !turns.auth_jobs.is_empty() {
            let checked = turns.checked();
            turns.turn(vec![checked]);
        }
    }
    let (state, log) = turns.dispatcher.hub.recorded();
    let first = turns.dispatcher.transaction.store.load().unwrap();
    let origin = first.accounts[0].at;
    let first = without_origin(first);

    let mut follower = Follower::new(origin);
    follower.follow(log, commit_every);
    assert_eq!(follower.state, *state);
    assert_eq!(without_origin(follower.transaction.store.load().unwrap()), first);
    follower.transaction.store.close().unwrap();
    let (store, mut reopened) = Store::open(&follower.settings).unwrap();
    reopened.accounts[0].at = origin;
    assert_eq!(State::new(reopened.clone()), *state);
    assert_eq!(without_origin(reopened), first);

    let said = messages(&follower.settings, &first);
    assert_eq!(said, messages(&settings(&turns.dir), &first));
    store.close().unwrap();
    said
}

#[test]
fn a_node_that_follows_the_log_gives_every_message_the_same_id() {
    let script = vec![
        vec![
            (ALICE, "hello"),
            (BOB, "/post lobby one red"),
            (BOB, "/post lobby one red"),
            (BOB, "/post lobby one blue"),
        ],
        vec![(ALICE, "/create den private"), (ALICE, "/invite den bob"), (BOB, "/join den"), (CAROL, "/join den")],
        vec![(BOB, "/post lobby one red"), (BOB, "/say den psst"), (CAROL, "/msg alice hi"), (ALICE, "/read lobby 2")],
        vec![(BOB, "/passwd"), (BOB, "/token new phone"), (CONSOLE, "/invitecode uses=2"), (CAROL, "/say lobby hello")],
        vec![(CONSOLE, "/grant alice admin"), (ALICE, "/disable bob too loud"), (CONSOLE, "/resetpw carol")],
        vec![(CAROL, "/recover carol"), (CONSOLE, "/resetpw alice")],
        vec![(CONSOLE, "/hook new lobby ci"), (CONSOLE, "/hook new den cron"), (CONSOLE, "/hook revoke lobby ci")],
        vec![(CONSOLE, "/hook new lobby ci"), (CONSOLE, "/close den")],
    ];
    let said = follows(script, 4);
    assert_eq!(said.matches(" bob: red").count(), 1, "{said}");
    assert!(said.contains("room1 3 "), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_node_that_follows_the_log_has_the_same_state_and_database(
        script in prop::collection::vec(lines(), 1..20),
        commit_every in 1..20usize,
    ) {
        follows(script, commit_every);
    }
}
