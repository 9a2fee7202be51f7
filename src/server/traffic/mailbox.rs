//! The workers' mailboxes.

use crate::server::faults::{self, Fault};
use parking_lot::Mutex;
use std::sync::Arc;

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
    wake: Box<dyn Wake>,
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

impl<T> Mailbox<T> {
    /// A mailbox whose owner is woken by `wake`.
    #[must_use]
    pub(crate) fn new(wake: Box<dyn Wake>) -> Self {
        let state = Mutex::new(Queue { items: Vec::new(), asleep: false });
        Self { inner: Arc::new(Inner { state, wake }) }
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
        if wake && !faults::is_planted(Fault::WakeUpLost) {
            self.inner.wake.wake();
        }
    }

    /// Takes everything, behind what `into` holds already.
    pub(crate) fn take(&self, into: &mut Vec<T>) {
        let mut state = self.inner.state.lock();
        state.asleep = false;
        if into.is_empty() {
            std::mem::swap(&mut state.items, into);
        } else {
            into.append(&mut state.items);
        }
    }

    /// Announces that the owner is about to sleep; false if there is something to take, so that it
    /// must not. The owner calls [`Mailbox::take`] when it is awake again.
    #[must_use]
    pub(crate) fn may_sleep(&self) -> bool {
        let mut state = self.inner.state.lock();
        state.asleep = state.items.is_empty();
        state.asleep
    }
}

#[cfg(feature = "faults")]
impl<T> Mailbox<T> {
    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.inner.state.lock().items.is_empty()
    }
}

/// What tests need, whose threads do not sleep in a poll.
#[cfg(test)]
mod for_tests {
    use super::super::{Request, Submit};
    use super::{Mailbox, Wake};
    use std::time::{Duration, Instant};

    struct Nobody;

    impl Wake for Nobody {
        fn wake(&self) {}
    }

    impl<T> Default for Mailbox<T> {
        fn default() -> Self {
            Self::new(Box::new(Nobody))
        }
    }

    impl<T> Mailbox<T> {
        /// Waits until something arrives or `until` has come, then takes everything.
        pub(crate) fn wait(&self, until: Instant, into: &mut Vec<T>) {
            self.take(into);
            while into.is_empty() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(1));
                self.take(into);
            }
        }
    }

    /// The dispatcher of a worker under test: whoever reads the mailbox.
    impl Submit for Mailbox<Request> {
        fn submit(&self, requests: &mut Vec<Request>) -> bool {
            self.send_all(requests);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    #[test]
    fn a_mailbox_hands_over_everything_in_order() {
        let mailbox = Mailbox::default();
        let sender = mailbox.clone();
        let thread = std::thread::spawn(move || {
            for n in 0..1000 {
                sender.send_all(&mut vec![n, n]);
            }
        });
        let (mut got, mut batch) = (Vec::new(), Vec::new());
        while got.len() < 2000 {
            mailbox.wait(Instant::now() + Duration::from_secs(10), &mut batch);
            assert!(!batch.is_empty(), "nothing came for ten seconds");
            got.append(&mut batch);
        }
        thread.join().unwrap();
        assert!(got.is_sorted());
    }

    #[test]
    fn only_a_sleeper_is_woken_and_only_once() {
        struct Count(Arc<AtomicUsize>);
        impl Wake for Count {
            fn wake(&self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let woken = Arc::new(AtomicUsize::new(0));
        let mailbox = Mailbox::new(Box::new(Count(Arc::clone(&woken))));
        mailbox.send(1);
        assert!(!mailbox.may_sleep());
        assert_eq!(woken.load(Ordering::Relaxed), 0);
        let mut batch = Vec::new();
        mailbox.take(&mut batch);
        assert!(mailbox.may_sleep());
        mailbox.send(2);
        mailbox.send(3);
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        // What was taken before stays in front.
        mailbox.take(&mut batch);
        assert_eq!(batch, [1, 2, 3]);
    }
}
