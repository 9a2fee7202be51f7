//! What passes between the main thread and the network thread, and the main thread's side of it.

use crate::client::connector::ConnectorError;
use crate::client::place::{PlaceBoard, Switch};
use crate::client::poller::WakeHandle;
use crate::client::questions::QuestionId;
use crate::client::requests::RequestId;
use crate::client::session::Settled;
use crate::protocol::secrets::Secret;
use crossbeam_channel::{Receiver, Sender};
use std::io;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long saying goodbye may take.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);

/// What the main thread wants.
#[derive(Debug)]
pub(in crate::client) enum UserAction {
    /// The user entered a line.
    Line(RequestId, String),
    /// The user answers this question of the server; an empty answer cancels.
    Answer(QuestionId, Secret),
    /// The user pressed a key that goes to another conversation.
    Switch(Switch),
    /// Leave.
    Leave(When),
}

/// When to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum When {
    /// Now.
    Now,
    /// When all lines are answered, and everything that was missed is shown.
    Settled,
}

/// What the main thread needs to know.
#[derive(Debug)]
pub(in crate::client) enum Report {
    /// The server asks this in response to a line. The next line is the answer.
    Ask(QuestionId, String),
    /// A line has been answered, or never will be.
    Settled(RequestId, Settled),
    /// There is a new [`NetworkHandle::place`]. There is at most one of these that was not taken.
    Place,
    /// The thread ends.
    Ended(Ending),
}

/// How it ended.
#[derive(Debug)]
pub(in crate::client) enum Ending {
    /// The user left.
    Left,
    /// It can't reconnect.
    Lost(ConnectorError),
    /// The screen can't show anything more.
    Unseen(io::Error),
}

/// The main thread's side: actions go in, reports come out.
#[derive(Debug)]
pub(in crate::client) struct NetworkHandle {
    pub(super) actions: Sender<UserAction>,
    pub(super) wake_handle: WakeHandle,
    /// What the thread reports.
    pub reports: Receiver<Report>,
    /// Where the user is, and where there is news.
    pub place: PlaceBoard,
    pub(super) thread: JoinHandle<()>,
}

impl NetworkHandle {
    /// Sends an action. A thread that has ended ignores it; it has reported why it ended.
    pub(in crate::client) fn send(&self, action: UserAction) {
        if self.actions.send(action).is_ok() {
            self.wake_handle.wake();
        }
    }

    /// Waits until the thread has ended, but no longer than a goodbye takes: it may be in a host
    /// name lookup, which can't be interrupted, and the process is about to end anyway.
    pub(in crate::client) fn join(self) {
        let until = Instant::now() + GOODBYE + Duration::from_secs(1);
        while let Ok(report) = self.reports.recv_deadline(until) {
            if matches!(report, Report::Ended(_)) {
                break;
            }
        }
        if self.thread.is_finished() && self.thread.join().is_err() {
            log::error!("the network thread panicked");
        }
    }
}
