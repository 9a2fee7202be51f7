//! A worker and its mailbox: it sleeps elsewhere (in its poll), and is woken.

use crate::mailbox::{Mailbox, Wake};
use loom::sync::Notify;
use loom::thread;
use std::sync::Arc;

/// What the worker's poll is to it: a wake that comes before the sleep ends that sleep at once.
struct Poll(Arc<Notify>);

impl Wake for Poll {
    fn wake(&self) {
        self.0.notify();
    }
}

/// Forgets what it is there for.
struct Forgetful;

impl Wake for Forgetful {
    fn wake(&self) {}
}

/// Takes until this many have come, as `Worker::run` does. Loom finds a sleep that nobody ends.
fn own(mailbox: &Mailbox<(u32, u32)>, poll: &Notify, count: usize) -> Vec<(u32, u32)> {
    let mut inbox = Vec::new();
    while inbox.len() < count {
        if mailbox.may_sleep() {
            poll.wait();
        }
        mailbox.take(&mut inbox);
    }
    inbox
}

fn in_order(inbox: &[(u32, u32)]) {
    for sender in 0..2 {
        assert!(inbox.iter().filter(|(by, _)| *by == sender).map(|(_, n)| *n).is_sorted());
    }
}

/// One sends two items one by one, the other a batch of two.
pub(crate) fn two_senders() {
    let poll = Arc::new(Notify::new());
    let mailbox = Mailbox::new(Box::new(Poll(Arc::clone(&poll))));
    let (one, other) = (mailbox.clone(), mailbox.clone());
    let singly = thread::spawn(move || {
        one.send((0, 0));
        one.send((0, 1));
    });
    let batched = thread::spawn(move || {
        let mut batch = vec![(1, 0), (1, 1)];
        other.send_all(&mut batch);
        assert!(batch.is_empty());
    });
    in_order(&own(&mailbox, &poll, 4));
    singly.join().expect("it does not panic");
    batched.join().expect("it does not panic");
}

pub(crate) fn a_forgotten_wake() {
    let poll = Arc::new(Notify::new());
    let mailbox = Mailbox::new(Box::new(Forgetful));
    let sender = mailbox.clone();
    let sends = thread::spawn(move || sender.send((0, 0)));
    in_order(&own(&mailbox, &poll, 1));
    sends.join().expect("it does not panic");
}

/// An owner that looks whether something is there, and then sleeps without having announced it.
pub(crate) fn a_blind_sleep() {
    let poll = Arc::new(Notify::new());
    let mailbox: Mailbox<(u32, u32)> = Mailbox::new(Box::new(Poll(Arc::clone(&poll))));
    let sender = mailbox.clone();
    let sends = thread::spawn(move || sender.send((0, 0)));
    let mut inbox = Vec::new();
    mailbox.take(&mut inbox);
    if inbox.is_empty() {
        poll.wait();
        mailbox.take(&mut inbox);
    }
    assert_eq!(inbox.len(), 1);
    sends.join().expect("it does not panic");
}
