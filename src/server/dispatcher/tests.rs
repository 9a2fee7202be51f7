//! The dispatcher with a real store, turn by turn.

mod full_disk;
mod passwords;
mod replay;
mod shared;

use super::*;
use crate::protocol::command::{AdminCommand, Command, HistoryPart, PersonalCommand};
use crate::protocol::line::Final;
use crate::protocol::names::{AccountId, AddressGroup, RoomName, Target, Text, UserName};
use crate::protocol::secrets::Secret;
use crate::protocol::time_bound::TimeBounds;
use crate::server::store;
use crate::server::traffic::{
    Answer, AuthJob, AuthOutcome, AuthWork, HubSettings, KeepLimits, Limits, Lines, PaceLimits, PasswordQueue,
    Registration, RoomMessage, Submit as _, TurnQueue, Viewer, password_queue,
};
use crossbeam_channel::{Receiver, bounded, unbounded};

/// A dispatcher with two workers, whose threads the test plays.
struct Turns {
    dispatcher: Dispatcher,
    workers: Vec<Mailbox<Delivery>>,
    read_jobs: Receiver<ReadJob>,
    auth_jobs: PasswordQueue,
    nudges: Receiver<()>,
    reloads: Receiver<ReloadJob>,
    figures: Receiver<FiguresJob>,
    dir: tempfile::TempDir,
}

const ALICE: u64 = 1;
const BOB: u64 = 2;
const CAROL: u64 = 3;

/// The last bit of a connection's number picks its worker.
fn conn(serial: u64) -> ConnId {
    ConnId::new((serial % 2) as u8, serial)
}

fn request(serial: u64, kind: RequestKind) -> Request {
    Request { conn: conn(serial), viewer: Viewer::Program, kind, bytes: 0 }
}

fn run(serial: u64, command: Command) -> Request {
    request(serial, RequestKind::Command(command))
}

fn say(serial: u64, text: &str) -> Request {
    let (target, text) = (Target::Room(RoomName::lobby()), Text::parse(text).unwrap().unwrap());
    run(serial, Command::Say { target, key: None, text })
}

fn join(serial: u64, room: &str) -> Request {
    run(serial, Command::Join(RoomName::parse(room).unwrap()))
}

const ADDRESS: AddressGroup = AddressGroup::V4([192, 0, 2, 1]);

fn register(serial: u64, name: &str) -> Request {
    let (name, password) = (UserName::parse(name).unwrap(), Secret::new("password1"));
    request(serial, RequestKind::Register { name, invite: None, password, from: ADDRESS })
}

fn login(serial: u64, name: &str) -> Request {
    let (name, password) = (UserName::parse(name).unwrap(), Secret::new("password1"));
    request(serial, RequestKind::Login { name, password, from: ADDRESS })
}

fn settings(dir: &tempfile::TempDir) -> store::StoreSettings {
    store::StoreSettings {
        data: dir.path().to_owned(),
        sync: store::Sync::Full,
        keep: true,
        upgrade_copy: store::UpgradeCopy::Keep,
    }
}

impl Turns {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, world) = Store::open(&settings(&dir)).unwrap();
        let settings = hub_settings(Registration::Open);
        let workers = vec![Mailbox::default(), Mailbox::default()];
        let ((readers, read_jobs), (index, nudges)) = (unbounded(), bounded(1));
        let (auth, auth_jobs) = password_queue(1);
        let (checkpoint, (reload, reloads), (figures, figures_jobs)) = (bounded(1).0, unbounded(), unbounded());
        let channels = Channels { workers: workers.clone(), readers, auth, index, checkpoint, reload, figures };
        let dispatcher = Dispatcher::new(Hub::new(settings, world), store, channels, Budget::new(usize::MAX));
        Self { dispatcher, workers, read_jobs, auth_jobs, nudges, reloads, figures: figures_jobs, dir }
    }

    /// Plays `auth`, which finds every password right.
    fn checked(&self) -> Request {
        let AuthJob { conn, viewer, work, .. } = self.auth_jobs.try_take().unwrap();
        let outcome = match work {
            AuthWork::Verify { account: Some((account, generation)), from, .. } => {
                AuthOutcome::Right { account, generation, from }
            }
            AuthWork::Hash { name, invite, from, .. } => {
                AuthOutcome::Hashed { name, invite, hash: "hash".into(), from }
            }
            AuthWork::Recover { name, code, from, .. } => {
                AuthOutcome::Recovered { name, code, hash: "hash".into(), from }
            }
            AuthWork::Unregister { account, generation, all, .. } => {
                AuthOutcome::Unregister { account, generation, all }
            }
            AuthWork::Change { account, generation, .. } => {
                AuthOutcome::Changed { account, generation, hash: "new hash".into() }
            }
            work @ AuthWork::Verify { .. } => panic!("{work:?}"),
        };
        Request { conn, viewer, kind: RequestKind::AuthDone(outcome), bytes: 0 }
    }

    /// Two people with one connection each; returns what the last turn handed out.
    fn alice_and_bob(&mut self) -> Vec<String> {
        self.turn(vec![register(ALICE, "alice")]);
        let alice = self.checked();
        self.turn(vec![alice, register(BOB, "bob")]);
        let bob = self.checked();
        self.turn(vec![bob])
    }

    /// Sleeps until the hub has something to do; at once if it has nothing.
    fn wait_until_due(&self) {
        while let Some(due) = self.dispatcher.hub.due().filter(|&due| due > Instant::now()) {
            std::thread::sleep(due - Instant::now());
        }
    }

    /// Runs one turn; returns what it hands out, worker by worker.
    fn turn(&mut self, requests: Vec<Request>) -> Vec<String> {
        self.dispatcher.turn(requests.into_iter()).unwrap();
        let mut seen = Vec::new();
        for (index, worker) in self.workers.iter().enumerate() {
            let mut batch = Vec::new();
            worker.take(&mut batch);
            seen.extend(shown(batch).into_iter().map(|delivery| format!("{index}: {delivery}")));
        }
        seen
    }
}

fn shown(batch: Vec<Delivery>) -> Vec<String> {
    let mut lines = Arc::<Lines>::default();
    let mut seen = Vec::new();
    for delivery in batch {
        let of = |line| String::from_utf8_lossy(lines.line(line, false)).trim_end().to_owned();
        seen.push(match delivery {
            Delivery::Lines(of_these) => {
                lines = of_these;
                continue;
            }
            Delivery::Answer(Answer { conn, last, .. }) => format!("answer {} {}", conn.serial(), last_line(&last)),
            Delivery::RoomMessage(RoomMessage { from, ack, line, .. }) => {
                let answer = ack.answer().map(|last| last_line(&last)).unwrap_or_default();
                format!("said by {} answered {answer:?}: {}", from.serial(), of(line))
            }
            Delivery::Event { line, .. } | Delivery::Notice { line, .. } => of(line),
            Delivery::Attached { conn, account, .. } => {
                // In the order in which they registered.
                let name = if account == AccountId::new(2) { "alice" } else { "bob" };
                format!("attached {} {name}", conn.serial())
            }
            other => format!("{other:?}"),
        });
    }
    seen
}

fn last_line(last: &Final) -> String {
    let mut out = Vec::new();
    last.encode(false, None, &mut out);
    let line = String::from_utf8(out).unwrap();
    // The first words tell them apart.
    line.split([' ', '\n']).take(2).collect::<Vec<&str>>().join(" ").trim_end().to_owned()
}

#[test]
fn messages_are_stored_before_they_are_handed_out() {
    let mut turns = Turns::new();
    let seen = turns.alice_and_bob();
    assert!(seen.contains(&"0: attached 2 bob".to_owned()), "{seen:?}");
    assert!(seen.contains(&"0: answer 2 + welcome".to_owned()), "{seen:?}");
    assert!(turns.nudges.is_empty());
    let seen = turns.turn(vec![say(ALICE, "one"), say(BOB, "two")]);
    assert_eq!(
        seen,
        [
            "0: said by 1 answered \"\": [lobby] alice: one",
            "0: said by 2 answered \"+ 2\": [lobby] bob: two",
            "1: said by 1 answered \"+ 1\": [lobby] alice: one",
            "1: said by 2 answered \"\": [lobby] bob: two",
        ]
    );
    turns.nudges.try_recv().unwrap();
    let part = HistoryPart::Between { before: None, after: None, times: TimeBounds::default() };
    let history = Command::History { target: None, part, limit: 50 };
    assert!(turns.turn(vec![run(ALICE, history)]).is_empty());
    assert_eq!(turns.read_jobs.try_recv().unwrap().conn, conn(ALICE));
}

fn hub_settings(registration: Registration) -> HubSettings {
    HubSettings {
        registration,
        logins: None,
        registrations: None,
        account_flood: None,
        pace: PaceLimits::default(),
        rooms_made: None,
        members_invite: Some(2),
        keep: KeepLimits::default(),
        edit_for: Some(std::time::Duration::from_hours(24)),
        answer_bytes: 1 << 20,
        workers: 2,
    }
}

#[test]
fn new_settings_take_effect_even_if_the_batch_beside_them_is_refused() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    turns.dispatcher.transaction.store.fill_the_disk();
    let long = "x".repeat(3900);
    let mut batch: Vec<Request> = (0..100).map(|_| say(ALICE, &long)).collect();
    let limits = Limits { flood: None, unread_bytes: 1 << 20, unread_total: 1 << 20, unanswered: 7 };
    let answer = (Rows::default(), Final::Done("1 setting changed.".to_owned()));
    let settings = Some(HubSettings { answer_bytes: 7, ..hub_settings(Registration::Closed) });
    let maintenance = Maintenance { settings, limits: Some(limits), answer: Some(answer), ..Maintenance::default() };
    batch.push(request(BOB, RequestKind::Maintenance(Box::new(maintenance))));
    let seen = turns.turn(batch);
    assert_eq!(seen.len(), 100 + 3);
    // Each worker has the limits, and whoever asked is told.
    for told in ["0: Limits(", "1: Limits(", "0: answer 2 + 1"] {
        assert_eq!(seen.iter().filter(|line| line.starts_with(told)).count(), 1, "{told} in {seen:?}");
    }
    turns.dispatcher.transaction.store.make_room();
    assert_eq!(turns.turn(vec![register(CAROL, "carol")]), ["1: answer 3 - registration-closed:"]);
    assert_eq!(turns.dispatcher.hub.answer_bytes(), 7);
    // What is asked after it in the same turn is decided by it.
    let maintenance = Maintenance { settings: Some(hub_settings(Registration::Open)), ..Maintenance::default() };
    let batch = vec![request(BOB, RequestKind::Maintenance(Box::new(maintenance))), register(CAROL, "carol")];
    assert_eq!(turns.turn(batch), Vec::<String>::new());
}

#[test]
fn the_figures_say_what_commits_took_and_whether_any_fails() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    turns.turn(vec![request(CAROL, RequestKind::Console)]);
    let figures = |turns: &mut Turns| {
        assert_eq!(turns.turn(vec![run(CAROL, Command::Admin(AdminCommand::Stats))]), Vec::<String>::new());
        let FiguresJob { to: Asker::Connection(to), hub, used } = turns.figures.try_recv().unwrap() else { panic!() };
        assert_eq!(to, conn(CAROL));
        assert!(used.is_some_and(|used| used > 1 << 10));
        hub
    };
    let before = figures(&mut turns);
    assert_eq!((before.accounts, before.here, before.connections, before.unsaved), (2, 2, 3, false));
    turns.turn(vec![say(ALICE, "one"), say(BOB, "two")]);
    // What only reads is no commit.
    let after = figures(&mut turns);
    assert_eq!(after.commits.times.count(), before.commits.times.count() + 1);
    assert!(after.commits.p99.is_some_and(|p99| !p99.is_zero()));
    turns.dispatcher.transaction.store.fill_the_disk();
    let long = "x".repeat(3900);
    turns.turn((0..100).map(|_| say(ALICE, &long)).collect());
    let failing = figures(&mut turns);
    assert_eq!((failing.unsaved, failing.commits.failed), (true, 1));
    assert_eq!(failing.commits.times.count(), after.commits.times.count());
    // The metrics are no part of a batch, and not lost with it.
    let mut batch: Vec<Request> = (0..100).map(|_| say(ALICE, &long)).collect();
    batch.push(request(BOB, RequestKind::Figures(bounded(1).0)));
    assert_eq!(turns.turn(batch).len(), 100);
    let FiguresJob { to: Asker::Metrics(_), hub, .. } = turns.figures.try_recv().unwrap() else { panic!() };
    assert_eq!((hub.unsaved, hub.commits.failed), (true, 2));
    turns.dispatcher.transaction.store.make_room();
    turns.turn(vec![say(ALICE, "three")]);
    let saved = figures(&mut turns);
    assert!(!saved.unsaved);
    assert_eq!(saved.commits.batches.sum() - after.commits.batches.sum(), 1);
}

#[test]
fn who_reloads_is_in_the_audit_log_and_waits_for_the_answer() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    turns.turn(vec![request(CAROL, RequestKind::Console)]);
    let reload = |serial| run(serial, Command::Admin(AdminCommand::Reload));
    assert_eq!(turns.turn(vec![reload(ALICE), reload(CAROL)]), ["1: answer 1 - not-allowed:"]);
    assert_eq!(turns.reloads.try_iter().collect::<Vec<_>>(), [ReloadJob::Asked(conn(CAROL))]);
}

/// Better to say nothing than to say it in the wrong room.
#[test]
fn whoever_is_refused_a_room_has_none_even_behind_what_could_not_be_stored() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    turns.dispatcher.transaction.store.fill_the_disk();
    let long = "x".repeat(3900);
    let mut batch: Vec<Request> = (0..100).map(|_| say(ALICE, &long)).collect();
    batch.push(join(BOB, "nowhere"));
    turns.turn(batch);
    turns.dispatcher.transaction.store.make_room();
    let here = RequestKind::SayHere(Text::parse("for nowhere alone").unwrap().unwrap());
    assert_eq!(turns.turn(vec![request(BOB, here)]), ["0: answer 2 - no-room:"]);
}

#[test]
fn the_time_of_messages_never_goes_back_nor_stands_still() {
    let (mut dispatcher, start) = (Turns::new().dispatcher, Instant::now());
    let (hour, day, first) = (3_600_000, 86_400_000, 1_700_000_000_000);
    let mut at = |hours: u32, unix_ms| dispatcher.now(start + Duration::from_hours(hours.into()), unix_ms).wall;
    assert_eq!(at(0, first), first);
    // Set back by a day: it counts on by itself.
    assert_eq!(at(1, first + hour - day), first + hour);
    assert_eq!(at(2, first + 2 * hour - day), first + 2 * hour);
    // Set forward by a day, which is followed, and back again, which is not.
    assert_eq!(at(3, first + 3 * hour + day), first + 3 * hour + day);
    assert_eq!(at(4, first + 4 * hour), first + 3 * hour + day);
    assert_eq!(at(28, first + 28 * hour), first + 28 * hour);
}

#[test]
fn an_arrival_is_announced_even_if_the_batch_in_between_is_refused() {
    let mut turns = Turns::new();
    turns.turn(vec![register(ALICE, "alice")]);
    let alice = turns.checked();
    turns.turn(vec![alice]);
    // However long a password takes: once alice's arrival was told, what is due next is bob's.
    turns.wait_until_due();
    turns.turn(vec![register(BOB, "bob")]);
    let bob = turns.checked();
    turns.turn(vec![bob]);
    turns.dispatcher.transaction.store.fill_the_disk();
    turns.wait_until_due();
    let long = "x".repeat(3900);
    let seen = turns.turn((0..100).map(|_| say(ALICE, &long)).collect());
    let refused = seen.iter().filter(|line| line.ends_with(" - storage:")).count();
    assert_eq!(refused, 100);
    assert!(seen.contains(&"1: [lobby] * bob is here".to_owned()), "{seen:?}");
}
