//! The queue into the bcrypt pool: in order of standing, not of arrival.
//!
//! A check takes a core for a quarter of a second, so whoever sends the most passwords would have the
//! pool for themselves. Here those who have an account's address, or who tried the least, come first, and
//! when the queue is full the last of them gives way. The dispatcher fills it, the pool's threads empty it.

use super::AuthJob;
use crate::protocol::names::{AccountId, AddressGroup, ConnId};
use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How soon a check has its turn, and whose share of the queue it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The lower, the sooner. Each check of the same applicant that waits already adds 1.
    pub rank: u32,
    pub of: Applicant,
}

/// Whose checks wait one behind another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Applicant {
    /// An account, at an address from which it has been used before.
    Account(AccountId),
    /// Whoever is at an address.
    Address(AddressGroup),
}

/// The pool's end of the queue; each of its threads has one.
#[derive(Debug, Clone)]
pub(crate) struct PasswordQueue(Arc<Shared>);

/// The dispatcher's end; when it is dropped, the pool's threads end, and what waits is forgotten.
#[derive(Debug)]
pub(crate) struct PasswordQueueSender(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By rank, and then by arrival.
    jobs: BTreeMap<(u32, u64), AuthJob>,
    /// How many of them each applicant has.
    counts: FxHashMap<Applicant, u32>,
    arrivals: u64,
    closed: bool,
}

/// Creates a queue in which at most `most` checks wait.
pub(crate) fn password_queue(most: usize) -> (PasswordQueueSender, PasswordQueue) {
    let shared = Arc::new(Shared { most, waiting: Mutex::default(), wake: Condvar::new() });
    (PasswordQueueSender(Arc::clone(&shared)), PasswordQueue(shared))
}

impl PasswordQueueSender {
    /// Adds a check. If too many wait, the one with the lowest standing is returned, which may be this one:
    /// it has to be refused.
    pub(crate) fn send(&self, job: AuthJob) -> Option<AuthJob> {
        let mut waiting = self.0.waiting.lock();
        waiting.add(job);
        let displaced = if waiting.jobs.len() > self.0.most { waiting.take_last() } else { None };
        drop(waiting);
        self.0.wake.notify_one();
        displaced
    }

    /// Drops the check of a connection that is gone.
    pub(crate) fn forget(&self, conn: ConnId) {
        self.0.waiting.lock().forget(conn);
    }
}

impl Drop for PasswordQueueSender {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        waiting.closed = true;
        waiting.jobs.clear();
        self.0.wake.notify_all();
    }
}

impl PasswordQueue {
    /// Waits for the next check; `None` when the dispatcher has ended.
    pub(crate) fn take(&self) -> Option<AuthJob> {
        let mut waiting = self.0.waiting.lock();
        loop {
            if let Some(job) = waiting.take_first() {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            self.0.wake.wait(&mut waiting);
        }
    }

    /// How many checks wait.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.0.waiting.lock().jobs.len()
    }

    /// The next check, if one waits.
    #[cfg(any(test, feature = "faults"))]
    pub(crate) fn try_take(&self) -> Option<AuthJob> {
        self.0.waiting.lock().take_first()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Waiting {
    fn add(&mut self, job: AuthJob) {
        let Standing { rank, of } = job.standing;
        let count = self.counts.entry(of).or_insert(0);
        let rank = rank.saturating_add(*count);
        *count += 1;
        self.arrivals += 1;
        self.jobs.insert((rank, self.arrivals), job);
    }

    fn take_first(&mut self) -> Option<AuthJob> {
        let (_, job) = self.jobs.pop_first()?;
        self.discount(job.standing.of);
        Some(job)
    }

    fn take_last(&mut self) -> Option<AuthJob> {
        let (_, job) = self.jobs.pop_last()?;
        self.discount(job.standing.of);
        Some(job)
    }

    fn forget(&mut self, conn: ConnId) {
        let Some(key) = self.jobs.iter().find(|(_, job)| job.conn == conn).map(|(&key, _)| key) else { return };
        if let Some(job) = self.jobs.remove(&key) {
            self.discount(job.standing.of);
        }
    }

    fn discount(&mut self, of: Applicant) {
        if let Some(count) = self.counts.get_mut(&of) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::names::UserName;
    use crate::protocol::secrets::Secret;
    use crate::server::traffic::{AuthWork, Viewer};

    fn job(conn: u64, rank: u32, of: Applicant) -> AuthJob {
        let work = AuthWork::Verify {
            account: None,
            name: UserName::parse("bob").unwrap(),
            hash: None,
            password: Secret::new("correct horse"),
            from: AddressGroup::Console,
        };
        AuthJob { conn: ConnId::new(0, conn), viewer: Viewer::Program, standing: Standing { rank, of }, work }
    }

    fn address(last: u8) -> Applicant {
        Applicant::Address(AddressGroup::V4([192, 0, 2, last]))
    }

    fn serials(queue: &PasswordQueue) -> Vec<u64> {
        std::iter::from_fn(|| queue.try_take()).map(|job| job.conn.serial()).collect()
    }

    #[test]
    fn the_highest_standing_comes_first_and_each_address_has_its_turn() {
        let (sender, queue) = password_queue(16);
        for conn in 1..=3 {
            assert!(sender.send(job(conn, 1, address(1))).is_none());
        }
        for conn in 4..=5 {
            assert!(sender.send(job(conn, 1, address(2))).is_none());
        }
        assert!(sender.send(job(6, 0, Applicant::Account(AccountId::new(7)))).is_none());
        assert_eq!(serials(&queue), [6, 1, 4, 2, 5, 3]);
        // Nothing of an applicant waits any more.
        sender.send(job(7, 1, address(1)));
        sender.send(job(8, 1, address(3)));
        assert_eq!(serials(&queue), [7, 8]);
    }

    #[test]
    fn in_a_full_queue_the_lowest_standing_gives_way() {
        let (sender, queue) = password_queue(2);
        sender.send(job(1, 5, address(1)));
        sender.send(job(2, 3, address(2)));
        let displaced = |job| sender.send(job).map(|job| job.conn.serial());
        assert_eq!(displaced(job(3, 1, address(3))), Some(1));
        assert_eq!(displaced(job(4, 3, address(4))), Some(4), "of equals the last to come gives way");
        assert_eq!(serials(&queue), [3, 2]);
    }

    #[test]
    fn a_connection_that_is_gone_leaves_the_queue_and_gives_back_its_share() {
        let (sender, queue) = password_queue(4);
        sender.send(job(1, 1, address(1)));
        sender.send(job(2, 1, address(1)));
        sender.forget(ConnId::new(0, 1));
        sender.forget(ConnId::new(0, 9));
        sender.send(job(3, 2, address(2)));
        sender.send(job(4, 1, address(1)));
        assert_eq!(serials(&queue), [2, 3, 4]);
    }

    #[test]
    fn the_pool_ends_with_the_dispatcher() {
        let (sender, queue) = password_queue(4);
        sender.send(job(1, 1, address(1)));
        assert!(queue.take().is_some());
        let waiting = std::thread::spawn(move || queue.take().is_none());
        drop(sender);
        assert!(waiting.join().unwrap());
    }
}
