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

    /// How much waits.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.inner.state.lock().items.len()
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

    /// Ends the turn in failure, for who has it: the owner's wait returns, and nobody has a turn again.
    pub(crate) fn fail(&self) {
        let mut state = self.inner.state.lock();
        debug_assert!(state.turn.is_taken(), "a turn that nobody has can't fail");
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

// With its path, since the interleavings include this file from elsewhere.
#[cfg(test)]
#[path = "turn_queue/tests.rs"]
mod tests;
