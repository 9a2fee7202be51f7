//! The dispatcher's mailbox, and who may run its next turn.
//!
//! A mailbox with a right attached, the turn: one thread at a time holds it and works on what waits.
//! The queue's own thread, its owner, takes it in [`TurnQueue::wait`]. Whoever sends something while
//! it is free may take it as well ([`TurnQueue::send_or_take_turn`]), and does the work without
//! waking another thread and sleeping until that is done: where lines come one by one, those two
//! switches of threads were half of a line's cost.

use crate::server::clock;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::Instant;

/// A queue whose items one thread at a time works on. Unbounded, as a
/// [`Mailbox`](super::Mailbox) is.
pub(crate) struct TurnQueue<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
}

struct State<T> {
    items: Vec<T>,
    turn: Turn,
    /// When a turn is due although nothing was sent.
    due: Option<Instant>,
    /// The owner sleeps, until the time beside it at the latest.
    asleep: bool,
    until: Option<Instant>,
}

/// Who has the turn, or may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Nobody: it is whoever's comes first.
    Free,
    /// Nobody, and only the owner may take it.
    Owners,
    Taken,
    /// Whoever had it could not end it; there is no further one.
    Failed,
}

impl Turn {
    fn is_taken(self) -> bool {
        matches!(self, Self::Taken | Self::Failed)
    }
}

/// The turn can't be had: whoever had it last failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TurnFailed;

impl<T> State<T> {
    /// If the turn is free and there is something to do, the owner has it, with all that waits.
    fn take_turn(&mut self, into: &mut Vec<T>) -> bool {
        let is_due = || self.due.is_some_and(|due| due <= clock::now());
        if self.turn.is_taken() || (self.items.is_empty() && !is_due()) {
            return false;
        }
        self.turn = Turn::Taken;
        std::mem::swap(&mut self.items, into);
        true
    }

    /// The owner sleeps from here on, and until when: for a turn that somebody has, its end wakes it.
    fn fall_asleep(&mut self) -> Option<Instant> {
        self.asleep = true;
        self.until = self.due.filter(|_| !self.turn.is_taken());
        self.until
    }
}

impl<T> std::fmt::Debug for TurnQueue<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TurnQueue")
    }
}

impl<T> Clone for TurnQueue<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T> Default for TurnQueue<T> {
    fn default() -> Self {
        let state = State { items: Vec::new(), turn: Turn::Free, due: None, asleep: false, until: None };
        Self { inner: Arc::new(Inner { state: Mutex::new(state), wake: Condvar::new() }) }
    }
}

impl<T> TurnQueue<T> {
    /// Sends one item, for whoever has the turn, or for the owner.
    pub(crate) fn send(&self, item: T) {
        let mut state = self.inner.state.lock();
        state.items.push(item);
        self.wake_for_items(&mut state);
    }

    /// Sends a batch. If the turn is free, the caller has it from here on: `batch` is then all that
    /// waits, in the order in which it was sent, and [`TurnQueue::end_turn`] must follow. If not,
    /// `batch` is empty.
    #[must_use]
    pub(crate) fn send_or_take_turn(&self, batch: &mut Vec<T>) -> bool {
        let mut state = self.inner.state.lock();
        if state.turn != Turn::Free {
            state.items.append(batch);
            self.wake_for_items(&mut state);
            return false;
        }
        state.turn = Turn::Taken;
        if !state.items.is_empty() {
            state.items.append(batch);
            std::mem::swap(&mut state.items, batch);
        }
        true
    }

    /// The owner's wait: sleeps until something was sent or a turn is due, and the turn is free. Then
    /// the owner has it, and all that waits is in `into`, which must be empty.
    ///
    /// # Errors
    /// [`TurnFailed`]
    pub(crate) fn wait(&self, into: &mut Vec<T>) -> Result<(), TurnFailed> {
        debug_assert!(into.is_empty());
        let mut state = self.inner.state.lock();
        loop {
            if state.turn == Turn::Failed {
                return Err(TurnFailed);
            }
            if state.take_turn(into) {
                return Ok(());
            }
            match state.fall_asleep() {
                Some(due) => {
                    self.inner.wake.wait_until(&mut state, due);
                }
                None => self.inner.wake.wait(&mut state),
            }
            state.asleep = false;
        }
    }

    /// Takes what was sent during the caller's turn into `into`, which must be empty.
    pub(crate) fn take(&self, into: &mut Vec<T>) {
        debug_assert!(into.is_empty());
        std::mem::swap(&mut self.inner.state.lock().items, into);
    }

    /// Gives the turn back. `due` is when the next one is due even if nothing is sent; with `owners`,
    /// the next one is the owner's, whoever sends. What was sent in the meantime is the owner's, too.
    pub(crate) fn end_turn(&self, due: Option<Instant>, owners: bool) {
        let mut state = self.inner.state.lock();
        (state.turn, state.due) = (if owners { Turn::Owners } else { Turn::Free }, due);
        let earlier = due.is_some_and(|due| state.until.is_none_or(|until| due < until));
        if earlier {
            self.wake(&mut state);
        }
        self.wake_for_items(&mut state);
    }

    /// Ends the turn in failure: the owner's wait returns, and nobody has a turn again.
    pub(crate) fn fail(&self) {
        let mut state = self.inner.state.lock();
        state.turn = Turn::Failed;
        self.wake(&mut state);
    }

    /// Wakes the owner if there is something for it; if somebody has the turn, its end does that.
    fn wake_for_items(&self, state: &mut State<T>) {
        if !state.turn.is_taken() && !state.items.is_empty() {
            self.wake(state);
        }
    }

    fn wake(&self, state: &mut State<T>) {
        if std::mem::take(&mut state.asleep) {
            self.inner.wake.notify_one();
        }
    }
}

/// The owner of a simulation's queue, which has no thread to sleep in.
#[cfg(feature = "faults")]
impl<T> TurnQueue<T> {
    /// As [`TurnQueue::wait`], but for sleeping: false if the owner would sleep now.
    ///
    /// # Errors
    /// [`TurnFailed`]
    pub(crate) fn begin_wait(&self, into: &mut Vec<T>) -> Result<bool, TurnFailed> {
        let mut state = self.inner.state.lock();
        state.asleep = false;
        if state.turn == Turn::Failed {
            return Err(TurnFailed);
        }
        let has_turn = state.take_turn(into);
        if !has_turn {
            state.fall_asleep();
        }
        Ok(has_turn)
    }

    /// Whether the owner has something to do, or does not sleep yet.
    pub(crate) fn is_owner_awake(&self) -> bool {
        let state = self.inner.state.lock();
        !state.asleep || state.until.is_some_and(|until| until <= clock::now())
    }

    /// When the owner wakes by itself, if it sleeps.
    pub(crate) fn owner_wakes(&self) -> Option<Instant> {
        let state = self.inner.state.lock();
        state.until.filter(|_| state.asleep)
    }

    /// Whether something waits that nobody works on.
    pub(crate) fn has_left_over(&self) -> bool {
        let state = self.inner.state.lock();
        !state.items.is_empty() && !state.turn.is_taken()
    }
}

#[cfg(test)]
mod tests {
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
        let turn = |during: Option<i32>, due| {
            wait_until_asleep(&queue);
            let mut batch = Vec::new();
            while !queue.send_or_take_turn(&mut batch) {
                std::thread::yield_now();
            }
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
}
