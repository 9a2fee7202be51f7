//! The watchdog: sees whether the dispatcher still turns, and tells the service manager as long as it does.
//!
//! A thread that hangs can't say so; whoever hears nothing any more ends the process and starts another. So this
//! thread asks the dispatcher, in the queue that everything goes through, and pings when it was answered. It has no
//! deadline of its own. It must not know who is told. The thread `watchdog` runs it, if anybody wants to be told.

use crate::protocol::names::ConnId;
use crate::server::traffic::{Maintenance, Request, TurnQueue};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use std::time::Duration;

/// How often the dispatcher is asked within the time in which an answer must come. A turn may take three quarters of
/// that time and no ping is late: an answer is noticed one question's time after it came, at most.
const ASKED_WITHIN: u32 = 4;

/// Runs until the other end of `stop` is gone.
pub(super) fn run(within: Duration, dispatcher: &TurnQueue<Request>, stop: &Receiver<()>, ping: impl Fn()) {
    // One slot: there is never more than one question.
    let (turned, turns) = bounded(1);
    let ask = || {
        let question = Maintenance { alive: Some(turned.clone()), ..Maintenance::default() };
        dispatcher.send(Request::maintenance(ConnId::new(0, 0), question));
    };
    let every = within / ASKED_WITHIN;
    let mut unanswered = Duration::ZERO;
    ask();
    while stop.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
        if turns.try_recv().is_ok() {
            unanswered = Duration::ZERO;
            ping();
            ask();
        } else {
            unanswered += every;
            log::warn!("the dispatcher has not ended a turn for {unanswered:?}; a disk that does not answer?");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::traffic::RequestKind;

    /// Answers what waits, as the dispatcher does at the end of a turn; returns how many questions there were.
    fn turn(queue: &TurnQueue<Request>) -> usize {
        let mut requests = Vec::new();
        queue.wait(&mut requests).unwrap();
        queue.end_turn(None, false);
        for request in &requests {
            let RequestKind::Maintenance(maintenance) = &request.kind else { panic!("{request:?}") };
            maintenance.alive.as_ref().expect("a question").send(()).unwrap();
        }
        requests.len()
    }

    #[test]
    fn it_pings_once_for_each_turn_and_not_without_one() {
        let queue = TurnQueue::default();
        let (pings, pinged) = crossbeam_channel::unbounded();
        let (stop, stops) = bounded(0);
        let asked = queue.clone();
        let watching = std::thread::spawn(move || {
            run(Duration::from_millis(40), &asked, &stops, || pings.send(()).unwrap());
        });
        for _ in 0..3 {
            assert_eq!(turn(&queue), 1);
            pinged.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        // It has asked again, and nobody answers: many times the interval passes.
        assert_eq!(pinged.recv_timeout(Duration::from_millis(200)), Err(RecvTimeoutError::Timeout));
        assert_eq!(turn(&queue), 1);
        pinged.recv_timeout(Duration::from_secs(10)).unwrap();
        drop(stop);
        watching.join().unwrap();
    }
}
