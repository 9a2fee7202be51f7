//! The dispatcher with a real store, turn by turn.

use super::*;
use crate::protocol::command::Command;
use crate::protocol::line::Final;
use crate::protocol::names::{AddressGroup, RoomName, Target, Text, UserName};
use crate::server::rooms::{Registration, Settings};
use crate::server::store;
use crate::server::traffic::{Answer, AuthOutcome, Lines, RoomMessage};
use crossbeam_channel::{Receiver, bounded, unbounded};

/// A dispatcher of two workers whose threads are the test.
struct Turns {
    dispatcher: Dispatcher,
    workers: Vec<Mailbox<Delivery>>,
    read_jobs: Receiver<ReadJob>,
    nudges: Receiver<()>,
    _dir: tempfile::TempDir,
}

const ALICE: u64 = 1;
const BOB: u64 = 2;
const CAROL: u64 = 3;

/// A connection's worker is its number's last bit.
fn conn(serial: u64) -> ConnId {
    ConnId::new((serial % 2) as u8, serial)
}

fn request(serial: u64, kind: RequestKind) -> Request {
    Request { conn: conn(serial), replay: None, kind, bytes: 0 }
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

fn register(serial: u64, name: &str) -> Request {
    let (name, from) = (UserName::parse(name).unwrap(), AddressGroup::V4([192, 0, 2, 1]));
    request(serial, RequestKind::AuthDone(AuthOutcome::Hashed { name, invite: None, hash: "hash".into(), from }))
}

impl Turns {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = store::Settings { data: dir.path().to_owned(), sync: store::Sync::Full, keep: true };
        let (store, world) = Store::open(&settings).unwrap();
        let settings = Settings {
            registration: Registration::Open,
            logins: None,
            registrations: None,
            answer_bytes: 1 << 20,
            workers: 2,
        };
        let workers = vec![Mailbox::new(), Mailbox::new()];
        let ((readers, read_jobs), (index, nudges)) = (unbounded(), bounded(1));
        let background = BackgroundWork { index, checkpoint: bounded(1).0 };
        let rooms = Rooms::new(settings, world);
        let dispatcher = Dispatcher::new(
            rooms,
            store,
            Mailbox::new(),
            workers.clone(),
            readers,
            background,
            Budget::new(usize::MAX),
        );
        Self { dispatcher, workers, read_jobs, nudges, _dir: dir }
    }

    /// One turn; what it hands out, worker by worker.
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
            Delivery::Event { line, .. } => of(line),
            Delivery::Attached { conn, name, .. } => format!("attached {} {name}", conn.serial()),
            other => format!("{other:?}"),
        });
    }
    seen
}

fn last_line(last: &Final) -> String {
    let mut out = Vec::new();
    last.encode(false, None, &mut out);
    let line = String::from_utf8(out).unwrap();
    // The first words say which it is.
    line.split([' ', '\n']).take(2).collect::<Vec<&str>>().join(" ").trim_end().to_owned()
}

#[test]
fn what_is_said_is_kept_and_then_handed_out() {
    let mut turns = Turns::new();
    let seen = turns.turn(vec![register(ALICE, "alice"), register(BOB, "bob")]);
    assert!(seen.contains(&"1: attached 1 alice".to_owned()), "{seen:?}");
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
    let history = Command::History { target: None, before: None, after: None, limit: 50 };
    assert!(turns.turn(vec![run(ALICE, history)]).is_empty());
    assert_eq!(turns.read_jobs.try_recv().unwrap().conn, conn(ALICE));
}

#[test]
fn a_full_disk_refuses_everyone_in_the_batch_and_the_next_one_goes_on() {
    let mut turns = Turns::new();
    turns.turn(vec![register(ALICE, "alice"), register(BOB, "bob")]);
    turns.turn(vec![say(ALICE, "before")]);
    turns.dispatcher.store.fill_the_disk();
    let long = "x".repeat(3900);
    let mut batch = vec![join(BOB, "nowhere"), register(CAROL, "carol"), run(ALICE, Command::Whoami)];
    batch.extend((0..100).map(|_| say(ALICE, &long)));
    batch.push(run(BOB, Command::Whoami));
    let asked = batch.len();
    // Who goes away is noted even so.
    batch.push(request(BOB, RequestKind::Detach));
    let seen = turns.turn(batch);
    assert_eq!(seen.len(), asked);
    assert!(seen.iter().all(|line| line.ends_with(" - storage:")), "{seen:?}");
    assert!(turns.read_jobs.is_empty());

    turns.dispatcher.store.make_room();
    let whoami = |serial| run(serial, Command::Whoami);
    let seen = turns.turn(vec![whoami(ALICE), whoami(BOB), whoami(CAROL), say(ALICE, "after")]);
    assert_eq!(
        seen,
        [
            "0: answer 2 - not-logged-in:",
            "1: answer 1 + alice",
            "1: answer 3 - not-logged-in:",
            "1: said by 1 answered \"+ 2\": [lobby] alice: after",
        ]
    );
    // What was refused can be done now, under the same numbers.
    let seen = turns.turn(vec![register(CAROL, "carol"), join(CAROL, "nowhere"), say(CAROL, "hello")]);
    assert!(seen.contains(&"1: answer 3 + nowhere".to_owned()), "{seen:?}");
    assert!(seen.contains(&"1: said by 3 answered \"+ 3\": [lobby] carol: hello".to_owned()), "{seen:?}");
    let kept = turns.dispatcher.store.load().unwrap();
    assert_eq!(kept.accounts.len(), 4);
}

#[test]
fn who_comes_is_told_even_if_the_batch_in_between_is_refused() {
    let mut turns = Turns::new();
    turns.turn(vec![register(ALICE, "alice"), register(BOB, "bob")]);
    turns.dispatcher.store.fill_the_disk();
    let mut nothing = Vec::new();
    while let Some(due) = turns.dispatcher.rooms.due().filter(|&due| due > Instant::now()) {
        turns.dispatcher.requests.wait(Some(due), &mut nothing);
    }
    let long = "x".repeat(3900);
    let seen = turns.turn((0..100).map(|_| say(ALICE, &long)).collect());
    let refused = seen.iter().filter(|line| line.ends_with(" - storage:")).count();
    assert_eq!(refused, 100);
    assert!(seen.contains(&"1: [lobby] * bob is here".to_owned()), "{seen:?}");
}

#[test]
fn it_ends_when_every_worker_has_stopped_and_gives_the_store_back() {
    let mut turns = Turns::new();
    turns.turn(vec![register(ALICE, "alice")]);
    let requests = turns.dispatcher.requests.clone();
    let stopped = |worker| Request { conn: ConnId::new(worker, 0), ..request(0, RequestKind::Stopped) };
    requests.send_all(&mut vec![stopped(0), say(ALICE, "last words"), stopped(1)]);
    let store = turns.dispatcher.run().unwrap();
    assert_eq!(store.load().unwrap().conversations[0].last.value(), 1);
    store.close().unwrap();
    let mut seen = Vec::new();
    turns.workers[1].take(&mut seen);
    let said = "said by 1 answered \"+ 1\": [lobby] alice: last words";
    assert!(shown(seen).iter().any(|delivery| delivery == said));
}
