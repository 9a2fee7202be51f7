//! The dispatcher's queue: its owner, and workers that take a free turn themselves.

use crate::turn_queue::TurnQueue;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use std::sync::Arc;

/// Ends the owner's loop.
const STOP: usize = usize::MAX;

/// What the turns work on: nobody else may be at it.
#[derive(Default)]
struct Work {
    at_it: AtomicBool,
    done: AtomicUsize,
}

impl Work {
    /// Works on a batch; returns whether that was the last.
    fn on(&self, batch: &mut Vec<usize>) -> bool {
        assert!(!self.at_it.swap(true, Ordering::SeqCst), "two turns overlap");
        let stop = batch.contains(&STOP);
        self.done.fetch_add(batch.drain(..).filter(|&item| item != STOP).count(), Ordering::SeqCst);
        self.at_it.store(false, Ordering::SeqCst);
        stop
    }
}

/// The dispatcher's thread, which also takes what is sent while it works. After each of its turns the next one is its own, as in a crowd, if it says so.
fn own(queue: &TurnQueue<usize>, work: &Work, owners: bool) {
    let mut batch = Vec::new();
    loop {
        queue.wait(&mut batch).expect("no turn failed");
        let mut stop = work.on(&mut batch);
        queue.take(&mut batch);
        stop |= work.on(&mut batch);
        queue.end_turn(None, owners);
        if stop {
            return;
        }
    }
}

/// A worker that has something for the dispatcher.
fn submit(queue: &TurnQueue<usize>, work: &Work, item: usize, owners: bool) {
    let mut batch = vec![item];
    if queue.send_or_take_turn(&mut batch) {
        work.on(&mut batch);
        queue.end_turn(None, owners);
    } else {
        assert!(batch.is_empty());
    }
}

/// Two workers send, one of which leaves the next turn to the owner; the stop comes last.
pub(crate) fn owner_and_two_workers() {
    let (queue, work) = (TurnQueue::default(), Arc::new(Work::default()));
    let owner = thread::spawn({
        let (queue, work) = (queue.clone(), Arc::clone(&work));
        move || own(&queue, &work, true)
    });
    let other = thread::spawn({
        let (queue, work) = (queue.clone(), Arc::clone(&work));
        move || submit(&queue, &work, 1, false)
    });
    submit(&queue, &work, 2, true);
    other.join().expect("it does not panic");
    queue.send(STOP);
    owner.join().expect("it does not panic");
    assert_eq!(work.done.load(Ordering::SeqCst), 2);
}

/// What bcrypt's thread sends while a worker has the turn is the owner's to do.
pub(crate) fn sent_during_a_turn() {
    let (queue, work) = (TurnQueue::default(), Arc::new(Work::default()));
    let owner = thread::spawn({
        let (queue, work) = (queue.clone(), Arc::clone(&work));
        move || own(&queue, &work, false)
    });
    let auth = thread::spawn({
        let queue = queue.clone();
        move || queue.send(1)
    });
    submit(&queue, &work, 2, false);
    auth.join().expect("it does not panic");
    queue.send(STOP);
    owner.join().expect("it does not panic");
    assert_eq!(work.done.load(Ordering::SeqCst), 2);
}

/// A turn that fails ends the owner's wait, and nobody gets another one.
pub(crate) fn a_failed_turn() {
    let queue: TurnQueue<usize> = TurnQueue::default();
    let owner = thread::spawn({
        let queue = queue.clone();
        move || {
            while queue.wait(&mut Vec::new()).is_ok() {
                queue.end_turn(None, false);
            }
        }
    });
    let mut batch = vec![1];
    // The owner has nothing to do, so the turn is free.
    assert!(queue.send_or_take_turn(&mut batch));
    queue.fail();
    assert!(!queue.send_or_take_turn(&mut batch));
    owner.join().expect("it does not panic");
}

/// A worker that keeps its turn: the owner sleeps for ever.
pub(crate) fn a_turn_never_ended() {
    let (queue, work) = (TurnQueue::default(), Arc::new(Work::default()));
    let owner = thread::spawn({
        let (queue, work) = (queue.clone(), Arc::clone(&work));
        move || own(&queue, &work, false)
    });
    let mut batch = vec![1];
    if queue.send_or_take_turn(&mut batch) {
        work.on(&mut batch);
    }
    queue.send(STOP);
    owner.join().expect("it does not panic");
}

/// A worker that works although the turn is another's.
pub(crate) fn a_stolen_turn() {
    let (queue, work) = (TurnQueue::default(), Arc::new(Work::default()));
    let other = thread::spawn({
        let (queue, work) = (queue.clone(), Arc::clone(&work));
        move || submit(&queue, &work, 1, false)
    });
    let mut batch = vec![2];
    let _ = queue.send_or_take_turn(&mut batch);
    work.on(&mut vec![2]);
    other.join().expect("it does not panic");
}
