use super::*;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

fn soon(milliseconds: u64) -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(milliseconds))
}

#[test]
fn a_sender_takes_a_free_turn_with_all_that_waits() {
    let queue = TurnQueue::default();
    let mut batch = vec![1, 2];
    assert!(queue.send_or_take_turn(&mut batch));
    assert_eq!(batch, [1, 2]);
    // It is taken, so what others send waits for the owner.
    let mut other = vec![3];
    assert!(!queue.send_or_take_turn(&mut other));
    assert!(other.is_empty());
    queue.send(4);
    queue.end_turn(None, false);
    let mut batch = vec![5];
    assert!(queue.send_or_take_turn(&mut batch));
    assert_eq!(batch, [3, 4, 5]);
}

#[test]
fn an_owners_turn_is_nobody_elses() {
    let queue = TurnQueue::default();
    assert!(queue.send_or_take_turn(&mut vec![1]));
    queue.end_turn(None, true);
    assert!(!queue.send_or_take_turn(&mut vec![2]));
    let mut batch = Vec::new();
    queue.wait(&mut batch).unwrap();
    assert_eq!(batch, [2]);
    queue.end_turn(None, false);
    assert!(queue.send_or_take_turn(&mut vec![3]));
}

/// What the owner gets from its wait, which runs on a thread of its own.
fn waits(queue: &TurnQueue<i32>) -> Receiver<Vec<i32>> {
    let (queue, (gives, got)) = (queue.clone(), bounded(1));
    std::thread::spawn(move || {
        let mut batch = Vec::new();
        if queue.wait(&mut batch).is_ok() {
            let _ = gives.send(batch);
        }
    });
    got
}

fn is_asleep(queue: &TurnQueue<i32>) -> bool {
    queue.inner.state.lock().asleep
}

fn wait_until_asleep(queue: &TurnQueue<i32>) {
    let deadline = Instant::now() + PATIENCE;
    while !is_asleep(queue) {
        assert!(Instant::now() < deadline, "the owner does not sleep");
        std::thread::yield_now();
    }
}

#[test]
fn the_owner_sleeps_while_another_has_the_turn() {
    let queue = TurnQueue::default();
    assert!(queue.send_or_take_turn(&mut vec![1]));
    let got = waits(&queue);
    wait_until_asleep(&queue);
    queue.send(2);
    assert!(is_asleep(&queue));
    assert_eq!(got.recv_timeout(Duration::from_millis(50)), Err(RecvTimeoutError::Timeout));
    queue.end_turn(None, false);
    assert!(!is_asleep(&queue));
    assert_eq!(got.recv_timeout(PATIENCE), Ok(vec![2]));
    // What waited before the owner came is no different.
    queue.send(3);
    let got = waits(&queue);
    assert_eq!(got.recv_timeout(Duration::from_millis(50)), Err(RecvTimeoutError::Timeout));
    queue.end_turn(None, false);
    assert_eq!(got.recv_timeout(PATIENCE), Ok(vec![3]));
}

#[test]
fn an_owner_that_sleeps_is_woken_for_what_is_sent() {
    let queue = TurnQueue::default();
    let got = waits(&queue);
    wait_until_asleep(&queue);
    queue.send(1);
    assert_eq!(got.recv_timeout(PATIENCE), Ok(vec![1]));
    // And for a turn that only it may take.
    queue.end_turn(None, true);
    let got = waits(&queue);
    wait_until_asleep(&queue);
    assert!(!queue.send_or_take_turn(&mut vec![2]));
    assert_eq!(got.recv_timeout(PATIENCE), Ok(vec![2]));
}

#[test]
fn the_owner_is_woken_for_what_is_due_and_for_what_was_sent_during_a_turn() {
    let queue = TurnQueue::default();
    let (owner, (gives, got)) = (queue.clone(), bounded(1));
    let thread = std::thread::spawn(move || {
        let mut batch = Vec::new();
        while owner.wait(&mut batch).is_ok() {
            let _ = gives.send(std::mem::take(&mut batch));
            owner.end_turn(None, false);
        }
    });
    let take_turn = || {
        wait_until_asleep(&queue);
        while !queue.send_or_take_turn(&mut Vec::new()) {
            std::thread::yield_now();
        }
    };
    let turn = |during: Option<i32>, due| {
        take_turn();
        during.into_iter().for_each(|item| queue.send(item));
        queue.end_turn(due, false);
    };
    // The owner sleeps without a deadline when this becomes due.
    turn(None, soon(20));
    assert_eq!(got.recv_timeout(PATIENCE), Ok(vec![]));
    turn(Some(7), None);
    assert_eq!(got.recv_timeout(PATIENCE), Ok(vec![7]));
    // And with a later one here.
    turn(None, soon(60_000));
    turn(None, soon(1));
    assert_eq!(got.recv_timeout(PATIENCE), Ok(vec![]));
    // Only who has the turn can fail in it: the owner may not have ended its last one yet.
    take_turn();
    queue.fail();
    thread.join().unwrap();
    assert_eq!(queue.wait(&mut Vec::new()), Err(TurnFailed));
    assert!(!queue.send_or_take_turn(&mut vec![1]));
}

#[test]
fn turns_never_overlap_and_nothing_is_lost_or_reordered() {
    const SENDERS: usize = 3;
    const EACH: usize = 20_000;
    let queue = TurnQueue::default();
    let (at_work, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let work = {
        let (at_work, seen) = (Arc::clone(&at_work), Arc::clone(&seen));
        move |batch: &mut Vec<(usize, usize)>| {
            assert_eq!(at_work.fetch_add(1, Ordering::SeqCst), 0);
            seen.lock().append(batch);
            at_work.fetch_sub(1, Ordering::SeqCst);
        }
    };
    let owner = {
        let (queue, work, seen) = (queue.clone(), work.clone(), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut batch = Vec::new();
            while seen.lock().len() < SENDERS * EACH {
                queue.wait(&mut batch).unwrap();
                work(&mut batch);
                queue.end_turn(soon(10), false);
            }
        })
    };
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (queue, work) = (queue.clone(), work.clone());
            std::thread::spawn(move || {
                for n in 0..EACH {
                    let mut batch = vec![(sender, n)];
                    if queue.send_or_take_turn(&mut batch) {
                        work(&mut batch);
                        // Now and then the next turn is the owner's.
                        queue.end_turn(None, n % 7 == 0);
                    }
                }
            })
        })
        .collect();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    queue.send((SENDERS, 0));
    let deadline = Instant::now() + Duration::from_secs(20);
    while !owner.is_finished() {
        assert!(Instant::now() < deadline, "the owner was not woken");
        std::thread::sleep(Duration::from_millis(1));
    }
    let seen = seen.lock();
    for sender in 0..SENDERS {
        let of_this: Vec<usize> = seen.iter().filter(|(of, _)| *of == sender).map(|(_, n)| *n).collect();
        assert_eq!(of_this.len(), EACH);
        assert!(of_this.is_sorted());
    }
}
