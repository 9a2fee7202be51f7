//! Whose turn it is: the dispatcher's own thread's, or a worker's.

use super::*;

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

fn stopped(worker: u8) -> Request {
    Request::stopped(ConnId::new(worker, 0))
}

#[test]
fn it_ends_when_every_worker_has_stopped_and_returns_the_store() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    let queue = TurnQueue::default();
    for request in [stopped(0), say(ALICE, "last words"), stopped(1)] {
        queue.send(request);
    }
    let store = SharedDispatcher::new(queue, turns.dispatcher).run().unwrap();
    assert_eq!(store.load().unwrap().conversations[0].last.value(), 1);
    store.close().unwrap();
    let mut seen = Vec::new();
    turns.workers[1].take(&mut seen);
    let said = "said by 1 answered \"+ 1\": [lobby] alice: last words";
    assert!(shown(seen).iter().any(|delivery| delivery == said));
}

#[test]
fn a_worker_runs_a_free_turn_itself_and_the_dispatchers_thread_notices_the_end() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    let shared = Arc::new(SharedDispatcher::new(TurnQueue::default(), turns.dispatcher));
    let mut requests = vec![say(ALICE, "one")];
    assert!(shared.submit(&mut requests));
    let mut seen = Vec::new();
    turns.workers[1].take(&mut seen);
    assert!(requests.is_empty());
    assert_eq!(shown(seen), ["said by 1 answered \"+ 1\": [lobby] alice: one"]);
    let thread = {
        let shared = Arc::clone(&shared);
        std::thread::spawn(move || shared.run().map(|store| store.load().unwrap().conversations[0].last.value()))
    };
    // Its own thread may have a turn at any time; who runs one makes no difference.
    let mut last = vec![say(ALICE, "two"), stopped(0), stopped(1)];
    let _ = shared.submit(&mut last);
    assert_eq!(thread.join().unwrap().unwrap(), 2);
}

#[test]
fn after_a_crowded_turn_that_syncs_the_next_one_is_the_dispatchers_own() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    let queue = TurnQueue::default();
    let shared = SharedDispatcher::new(queue.clone(), turns.dispatcher);
    assert!(shared.submit(&mut (0..CROWDED).map(|_| say(ALICE, "one of many")).collect()));
    assert!(!shared.submit(&mut vec![say(ALICE, "the next")]));
    let mut waiting = Vec::new();
    queue.wait(&mut waiting).unwrap();
    assert_eq!(waiting.len(), 1);
}

#[test]
fn a_fault_in_a_workers_hands_ends_the_dispatcher_and_nothing_is_sent() {
    let mut turns = Turns::new();
    turns.alice_and_bob();
    turns.dispatcher.transaction.failed = Some(CommitError::Ambiguous(rusqlite::Error::InvalidQuery.into()));
    let shared = SharedDispatcher::new(TurnQueue::default(), turns.dispatcher);
    assert!(shared.submit(&mut vec![say(ALICE, "lost")]));
    assert!(turns.workers.iter().all(|worker| {
        let mut seen = Vec::new();
        worker.take(&mut seen);
        seen.is_empty()
    }));
    // Nobody runs a turn any more.
    assert!(!shared.submit(&mut vec![say(ALICE, "too late")]));
    assert!(matches!(shared.run(), Err(DispatcherFault::Ambiguous(_))));
}

#[test]
fn what_is_due_at_the_start_needs_no_request() {
    let turns = Turns::new();
    assert!(turns.dispatcher.due().is_some());
    let queue = TurnQueue::default();
    let _shared = SharedDispatcher::new(queue.clone(), turns.dispatcher);
    let (gives, got) = bounded(1);
    std::thread::spawn(move || {
        let mut waiting = Vec::new();
        let _ = gives.send(queue.wait(&mut waiting).map(|()| waiting.len()));
    });
    assert_eq!(got.recv_timeout(PATIENCE), Ok(Ok(0)));
}

#[test]
fn nothing_is_lost_of_what_comes_while_lines_are_gathered() {
    const LINES: usize = 40 * CROWDED;
    let mut turns = Turns::new();
    turns.alice_and_bob();
    let queue = TurnQueue::default();
    let shared = Arc::new(SharedDispatcher::new(queue.clone(), turns.dispatcher));
    // The first turn is crowded, so the next ones are gathered.
    (0..CROWDED).for_each(|_| queue.send(say(ALICE, "one of many")));
    let (gives, got) = bounded(1);
    std::thread::spawn(move || {
        let _ = gives.send(shared.run().map(|store| store.load().unwrap().conversations[0].last.value()));
    });
    for line in CROWDED..LINES {
        queue.send(say(ALICE, "one of many"));
        // Slower than one turn, so that some come during the wait for more.
        if line % CROWDED == 0 {
            std::thread::yield_now();
        }
    }
    [0, 1].into_iter().for_each(|worker| queue.send(stopped(worker)));
    assert_eq!(got.recv_timeout(PATIENCE).unwrap().unwrap(), LINES as u64);
}
