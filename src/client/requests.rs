//! Requests to the server that are not answered yet.
//!
//! Owns the labels, the order of sending, and what happens to requests when the connection drops:
//! messages are sent again under their keys, so that they are said once; commands are not, and the
//! user is told. Pure; runs on the network thread.
//!
//! A command may make the server ask for a password, and then the next line is the answer,
//! whatever it is. So nothing is sent after a command until it is answered.

use super::catch_up::Part;
use crate::protocol::names::{RoomName, Target};
use std::collections::VecDeque;

/// Requests in flight; more wait here, since the server would only slow them down.
const WINDOW: usize = 32;

/// Identifies one of the user's lines until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RequestId(pub u64);

/// Something to ask of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// Say this, once.
    Post {
        id: RequestId,
        target: Target,
        /// The key under which it is said only once.
        key: String,
        text: String,
    },
    /// One of the user's commands.
    Command {
        id: RequestId,
        /// What was typed, without slash and label.
        command: String,
    },
    /// List whom the account ignores.
    Ignored,
    /// List the conversations.
    List,
    /// Fetch a part of one.
    Fetch(Target, Part),
    /// Mark one as read up to here.
    Mark(Target, u64),
    /// Create a device token with this label: a new password revoked the old one.
    NewToken(String),
    /// Return to the room that was current before the connection dropped.
    Return(Target),
    /// Go to another of the user's rooms: a key was pressed.
    Switch(RoomName),
    /// Set an option again, with this command, as the user did before the connection dropped.
    Restore(String),
}

impl Request {
    fn command(&self) -> String {
        match self {
            Self::Post { target, key, text, .. } => format!("post {target} {key} {text}"),
            Self::Command { command, .. } => command.clone(),
            Self::Ignored => "ignored".to_owned(),
            Self::List => "conversations".to_owned(),
            Self::Fetch(target, Part::After(id)) => {
                format!("history {target} after={id} limit={}", super::catch_up::PAGE)
            }
            Self::Fetch(target, Part::Latest) => format!("history {target} limit={}", super::catch_up::UNREAD_SHOWN),
            Self::Mark(target, id) => format!("read {target} {id}"),
            Self::NewToken(label) => format!("token new {label} here"),
            Self::Return(target) => format!("switch {target}"),
            Self::Switch(room) => format!("switch {room}"),
            Self::Restore(command) => command.clone(),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct RequestQueue {
    waiting: VecDeque<Request>,
    in_flight: VecDeque<(String, Request)>,
    labels: u64,
    /// Final lines of requests, ever.
    answers: u64,
}

impl RequestQueue {
    /// Adds a request behind the others.
    pub(super) fn push(&mut self, request: Request) {
        self.waiting.push_back(request);
    }

    /// Adds a request that the client itself needs now, before those that wait.
    pub(super) fn push_first(&mut self, request: Request) {
        self.waiting.push_front(request);
    }

    /// The next line to send, if one may be sent now.
    pub(super) fn next_line(&mut self) -> Option<String> {
        let exclusive = self.in_flight.iter().any(|(_, request)| matches!(request, Request::Command { .. }));
        if exclusive || self.in_flight.len() >= WINDOW {
            return None;
        }
        let request = self.waiting.pop_front()?;
        self.labels += 1;
        let label = format!("c{}", self.labels);
        let line = format!("/@{label} {}", request.command());
        self.in_flight.push_back((label, request));
        Some(line)
    }

    /// The request that a label belongs to.
    #[must_use]
    pub(super) fn request(&self, label: &str) -> Option<&Request> {
        self.in_flight.iter().find(|(known, _)| known == label).map(|(_, request)| request)
    }

    /// Takes out a request that got its final line.
    pub(super) fn answered(&mut self, label: &str) -> Option<Request> {
        let at = self.in_flight.iter().position(|(known, _)| known == label)?;
        self.answers += 1;
        self.in_flight.remove(at).map(|(_, request)| request)
    }

    /// How many requests have been answered, ever, if any waits for its answer.
    #[must_use]
    pub(super) fn waiting_since_answer(&self) -> Option<u64> {
        (!self.in_flight.is_empty()).then_some(self.answers)
    }

    /// Whether read markers still wait to be moved.
    #[must_use]
    pub(super) fn is_marking(&self) -> bool {
        self.waiting.iter().any(|request| matches!(request, Request::Mark(..)))
    }

    /// Whether the user's lines, and what they caused, are all answered.
    #[must_use]
    pub(super) fn is_settled(&self) -> bool {
        let users = |request: &Request| {
            matches!(request, Request::Post { .. } | Request::Command { .. } | Request::NewToken(_))
        };
        !self.waiting.iter().any(users) && !self.in_flight.iter().any(|(_, request)| users(request))
    }

    /// The connection was lost. Messages wait to be sent again, in order; the client's own requests
    /// are forgotten. Returns the commands whose outcome is unknown.
    pub(super) fn dropped(&mut self) -> Vec<(RequestId, String)> {
        let mut unknown = Vec::new();
        let mut again = VecDeque::new();
        for (_, request) in self.in_flight.drain(..) {
            match request {
                Request::Post { .. } => again.push_back(request),
                Request::Command { id, command } => unknown.push((id, command)),
                Request::Ignored
                | Request::List
                | Request::Fetch(..)
                | Request::Mark(..)
                | Request::NewToken(_)
                | Request::Return(_)
                | Request::Switch(_)
                | Request::Restore(_) => {}
            }
        }
        again.extend(
            self.waiting.drain(..).filter(|request| matches!(request, Request::Post { .. } | Request::Command { .. })),
        );
        self.waiting = again;
        unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(n: u64) -> Request {
        let target = Target::parse("lobby").unwrap();
        Request::Post { id: RequestId(n), target, key: format!("k{n}"), text: format!("text {n}") }
    }

    fn typed(n: u64, command: &str) -> Request {
        Request::Command { id: RequestId(n), command: command.to_owned() }
    }

    #[test]
    fn messages_are_sent_again_in_order_and_commands_are_not() {
        let mut requests = RequestQueue::default();
        [post(1), post(2), typed(3, "who"), post(4)].into_iter().for_each(|request| requests.push(request));
        assert_eq!(requests.next_line().as_deref(), Some("/@c1 post lobby k1 text 1"));
        assert_eq!(requests.next_line().as_deref(), Some("/@c2 post lobby k2 text 2"));
        assert_eq!(requests.next_line().as_deref(), Some("/@c3 who"));
        assert_eq!(requests.next_line(), None, "the next line could be taken for a password");
        assert_eq!(requests.answered("c1"), Some(post(1)));
        assert_eq!(requests.dropped(), [(RequestId(3), "who".to_owned())]);
        requests.push_first(Request::List);
        assert_eq!(requests.next_line().as_deref(), Some("/@c4 conversations"));
        assert_eq!(requests.next_line().as_deref(), Some("/@c5 post lobby k2 text 2"));
        assert_eq!(requests.next_line().as_deref(), Some("/@c6 post lobby k4 text 4"));
        assert!(!requests.is_settled());
        assert_eq!((requests.answered("c5"), requests.answered("c6")), (Some(post(2)), Some(post(4))));
        assert!(requests.is_settled());
    }

    #[test]
    fn requests_in_flight_are_bounded() {
        let mut requests = RequestQueue::default();
        (0..100).for_each(|n| requests.push(post(n)));
        assert_eq!(std::iter::from_fn(|| requests.next_line()).count(), WINDOW);
        requests.answered("c1");
        assert!(requests.next_line().is_some());
    }
}
