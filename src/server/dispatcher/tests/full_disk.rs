//! Nothing can be stored: what is refused, what goes on, and how that ends.

use super::*;

#[test]
fn a_full_disk_refuses_everyone_in_the_batch_and_the_next_batch_succeeds() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    turns.turn(vec![say(ALICE, "before")]);
    turns.turn(vec![register(CAROL, "carol")]);
    let carol = turns.checked();
    turns.dispatcher.transaction.store.fill_the_disk();
    let long = "x".repeat(3900);
    let mut batch = vec![join(BOB, "nowhere"), carol, run(ALICE, Command::Whoami)];
    batch.extend((0..100).map(|_| say(ALICE, &long)));
    batch.push(run(BOB, Command::Whoami));
    let asked = batch.len();
    // A connection that is gone is noted all the same.
    batch.push(request(BOB, RequestKind::Detach));
    let seen = turns.turn(batch);
    assert_eq!(seen.len(), asked);
    assert!(seen.iter().all(|line| line.ends_with(" - storage:")), "{seen:?}");
    assert!(turns.read_jobs.is_empty());

    turns.dispatcher.transaction.store.make_room();
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
    // What was refused can be done now, under the same ids.
    turns.turn(vec![register(CAROL, "carol")]);
    let carol = turns.checked();
    let seen = turns.turn(vec![carol, join(CAROL, "nowhere"), say(CAROL, "hello")]);
    assert!(seen.contains(&"1: answer 3 + nowhere".to_owned()), "{seen:?}");
    assert!(seen.contains(&"1: said by 3 answered \"+ 3\": [lobby] carol: hello".to_owned()), "{seen:?}");
    let snapshot = turns.dispatcher.transaction.store.load().unwrap();
    assert_eq!(snapshot.accounts.len(), 4);
}

/// What a person is shown is marked as read, which is stored: a full disk must not keep people from reading.
#[test]
fn while_nothing_can_be_stored_people_read_and_their_markers_stay() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    let marker = |turns: &Turns| {
        let members = turns.dispatcher.transaction.store.load().unwrap().members;
        members.iter().map(|member| member.read.value()).max()
    };
    let look = || {
        let (target, limit) = (Some(Target::Room(RoomName::lobby())), 9);
        let part = HistoryPart::Between { before: None, after: None, times: TimeBounds::default() };
        Request { viewer: Viewer::Person { replay: 0 }, ..run(BOB, Command::History { target, part, limit }) }
    };
    turns.turn(vec![say(ALICE, "before")]);
    turns.dispatcher.transaction.store.fill_the_disk();
    let long = "x".repeat(3900);
    turns.turn((0..100).map(|_| say(ALICE, &long)).collect());
    turns.turn(vec![look()]);
    assert_eq!(turns.read_jobs.try_recv().unwrap().conn, conn(BOB));
    assert_eq!(marker(&turns), Some(0));
    turns.dispatcher.transaction.store.make_room();
    turns.turn(vec![say(ALICE, "after")]);
    turns.turn(vec![look()]);
    assert_eq!(turns.read_jobs.try_recv().unwrap().conn, conn(BOB));
    assert_eq!(marker(&turns), Some(2));
}

/// Nobody may say anything for days: whoever watches the server must not be told all that time that it is ill.
#[test]
fn what_could_not_be_stored_is_tried_again_by_itself_and_seldom() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    turns.dispatcher.transaction.store.fill_the_disk();
    let long = "x".repeat(3900);
    turns.turn((0..100).map(|_| say(ALICE, &long)).collect());
    let unsaved = |turns: &mut Turns| {
        turns.turn(vec![request(BOB, RequestKind::Figures(bounded(1).0))]);
        let FiguresJob { hub, .. } = turns.figures.try_recv().unwrap();
        (hub.unsaved, hub.commits.failed)
    };
    assert_eq!(unsaved(&mut turns), (true, 1));
    // Not at once, and not all the time.
    let trial = turns.dispatcher.trial.unwrap();
    let soon = Instant::now() + TRIAL_EVERY;
    assert!(trial + Duration::from_secs(2) > soon && trial <= soon);
    assert!(turns.dispatcher.due().unwrap() <= trial);
    turns.dispatcher.transaction.store.make_room();
    turns.turn(Vec::new());
    assert_eq!(unsaved(&mut turns), (true, 1));
    // In vain: nobody was refused anything, and it is tried again after the same time.
    turns.dispatcher.transaction.store.fill_the_disk();
    turns.dispatcher.trial = Some(Instant::now());
    turns.turn(Vec::new());
    assert_eq!(unsaved(&mut turns), (true, 1));
    assert!(turns.dispatcher.trial.unwrap() >= soon);
    turns.dispatcher.transaction.store.make_room();
    turns.dispatcher.trial = Some(Instant::now());
    turns.turn(Vec::new());
    assert_eq!(unsaved(&mut turns), (false, 1));
    assert_eq!(turns.dispatcher.trial, None);
    // It takes no id.
    let seen = turns.turn(vec![say(BOB, "on")]);
    assert!(seen.contains(&"0: said by 2 answered \"+ 1\": [lobby] bob: on".to_owned()), "{seen:?}");
}

#[test]
fn a_full_disk_is_logged_once_and_then_every_few_seconds() {
    let mut failures = RefusedBatches::default();
    let start = Instant::now();
    let told =
        |failures: &mut RefusedBatches, milliseconds| failures.count(start + Duration::from_millis(milliseconds));
    assert_eq!(told(&mut failures, 0), Some(1));
    for milliseconds in 1..1000 {
        assert_eq!(told(&mut failures, milliseconds), None);
    }
    assert_eq!(told(&mut failures, 5000), Some(1000));
    assert_eq!(told(&mut failures, 5001), None);
    assert_eq!(failures.end(), Some(1002));
    assert_eq!(failures.end(), None);
    // The next outage is not reported sooner: a disk that fills up again and again must not flood
    // the log either.
    assert_eq!(told(&mut failures, 5002), None);
    assert_eq!(told(&mut failures, 10_000), Some(2));
}
