//! The mailboxes of the ring.

use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::Instant;

/// Wakes a thread that sleeps elsewhere than in its mailbox, as a worker does in its poll.
pub(crate) trait Wake: Send + Sync {
    /// Makes the wait return. Called only while the owner sleeps, at most once for each sleep.
    fn wake(&self);
}

/// A mailbox: a sender that also wakes. A locked `Vec` that the owner swaps out whole, and a flag
/// that says whether it sleeps, so that an awake owner costs no system call. A channel in its place
/// cost 12 to 14 µs more a hop where lines come alone. Unbounded: what is under way is bounded by the
/// [`Budget`](super::Budget) and by each connection's unanswered lines, so a send never blocks and no
/// cycle of the ring can deadlock.
pub(crate) struct Mailbox<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    state: Mutex<Queue<T>>,
    arrived: Condvar,
    wake: Option<Box<dyn Wake>>,
}

struct Queue<T> {
    items: Vec<T>,
    asleep: bool,
}

impl<T> std::fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mailbox")
    }
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self::with(None)
    }
}

impl<T> Mailbox<T> {
    /// A mailbox whose owner sleeps in [`Mailbox::wait`].
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    /// A mailbox whose owner sleeps elsewhere and is woken by `wake`.
    #[must_use]
    pub(crate) fn waking(wake: Box<dyn Wake>) -> Self {
        Self::with(Some(wake))
    }

    fn with(wake: Option<Box<dyn Wake>>) -> Self {
        let state = Mutex::new(Queue { items: Vec::new(), asleep: false });
        Self { inner: Arc::new(Inner { state, arrived: Condvar::new(), wake }) }
    }

    /// Sends one item.
    pub(crate) fn send(&self, item: T) {
        self.put(|items| items.push(item));
    }

    /// Sends a whole batch under one lock, and leaves it empty with its capacity.
    pub(crate) fn send_all(&self, batch: &mut Vec<T>) {
        if !batch.is_empty() {
            self.put(|items| {
                if items.is_empty() {
                    std::mem::swap(items, batch);
                } else {
                    items.append(batch);
                }
            });
        }
    }

    fn put(&self, put: impl FnOnce(&mut Vec<T>)) {
        let mut state = self.inner.state.lock();
        put(&mut state.items);
        let wake = std::mem::take(&mut state.asleep);
        drop(state);
        if wake {
            match &self.inner.wake {
                Some(wake) => wake.wake(),
                None => {
                    self.inner.arrived.notify_one();
                }
            }
        }
    }

    /// Takes everything into `into`, which must be empty.
    pub(crate) fn take(&self, into: &mut Vec<T>) {
        debug_assert!(into.is_empty());
        let mut state = self.inner.state.lock();
        state.asleep = false;
        std::mem::swap(&mut state.items, into);
    }

    /// Announces that the owner is about to sleep; false if there is something to take, so that it
    /// must not. The owner calls [`Mailbox::take`] when it is awake again.
    #[must_use]
    pub(crate) fn may_sleep(&self) -> bool {
        let mut state = self.inner.state.lock();
        state.asleep = state.items.is_empty();
        state.asleep
    }

    /// Sleeps until something arrives or `until` has come, then takes everything.
    pub(crate) fn wait(&self, until: Option<Instant>, into: &mut Vec<T>) {
        debug_assert!(into.is_empty());
        let mut state = self.inner.state.lock();
        while state.items.is_empty() {
            state.asleep = true;
            match until {
                None => self.inner.arrived.wait(&mut state),
                Some(until) => {
                    if self.inner.arrived.wait_until(&mut state, until).timed_out() {
                        break;
                    }
                }
            }
        }
        state.asleep = false;
        std::mem::swap(&mut state.items, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_mailbox_wakes_a_sleeper_and_hands_over_everything() {
        let mailbox = Mailbox::new();
        let sender = mailbox.clone();
        let thread = std::thread::spawn(move || {
            for n in 0..1000 {
                sender.send_all(&mut vec![n, n]);
            }
        });
        let (mut got, mut batch) = (Vec::new(), Vec::new());
        while got.len() < 2000 {
            mailbox.wait(Some(Instant::now() + Duration::from_secs(10)), &mut batch);
            assert!(!batch.is_empty(), "nothing came for ten seconds");
            got.append(&mut batch);
        }
        thread.join().unwrap();
        assert!(got.is_sorted());
    }

    #[test]
    fn a_mailbox_that_is_not_empty_keeps_its_owner_awake() {
        let mailbox = Mailbox::new();
        assert!(mailbox.may_sleep());
        mailbox.send(1);
        assert!(!mailbox.may_sleep());
        let mut batch = Vec::new();
        mailbox.take(&mut batch);
        assert_eq!(batch, [1]);
        assert!(mailbox.may_sleep());
    }
}
