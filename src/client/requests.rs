//! Requests to the server that are not answered yet.
//!
//! Owns the labels, the order of sending, and what happens to requests when the connection drops:
//! messages are sent again under their keys, so that they are said once; commands are not, and the
//! user is told. Pure; runs on the network thread.
//!
//! A command may make the server ask for a password, and then the next line is the answer,
//! whatever it is. So nothing is sent after a command until it is answered.

use super::catch_up::Part;
use crate::protocol::names::{RoomName, Target, UserName};
use std::collections::VecDeque;

/// Requests in flight; more wait here, since the server would only slow them down.
const WINDOW: usize = 32;

/// Changes that were missed that are shown of each conversation.
const CHANGES_MAX: usize = 100;

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
    /// Return to the room that was current before the connection dropped, or a move was refused.
    Return(RoomName),
    /// Go to another of the user's rooms: a key was pressed.
    Switch(RoomName),
    /// Go to the direct conversation with somebody, because of this line or a key.
    Visit { id: Option<RequestId>, name: UserName },
    /// List the conversations again, for the counts.
    Recount,
    /// List the changes of a conversation after this one.
    Changes(Target, u64),
    /// Answer, to show that the connection is not dead.
    Probe,
    /// Set an option again, with this command, as the user did before the connection dropped.
    Restore(String),
}

impl Request {
    fn command(&self) -> String {
        match self {
            Self::Post { target, key, text, .. } => format!("post {target} {key} {text}"),
            Self::Command { command, .. } => command.clone(),
            Self::Ignored => "ignored".to_owned(),
            Self::List | Self::Recount => "conversations".to_owned(),
            Self::Fetch(target, Part::After(id)) => {
                format!("history {target} after={id} limit={}", super::catch_up::PAGE)
            }
            Self::Fetch(target, Part::Latest) => format!("history {target} limit={}", super::catch_up::UNREAD_SHOWN),
            Self::Mark(target, id) => format!("read {target} {id}"),
            Self::NewToken(label) => format!("token new {label} here"),
            Self::Return(room) | Self::Switch(room) => format!("switch {room}"),
            // Refused if there is no such account.
            Self::Visit { name, .. } => format!("history @{name} limit=1"),
            Self::Changes(target, after) => format!("changes {target} after={after} limit={CHANGES_MAX}"),
            Self::Probe => "ping".to_owned(),
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
        !self.any(|request| {
            matches!(
                request,
                Request::Post { .. } | Request::Command { .. } | Request::Visit { .. } | Request::NewToken(_)
            )
        })
    }

    /// Whether there is a request like this that is not answered.
    #[must_use]
    pub(super) fn any(&self, is: impl Fn(&Request) -> bool) -> bool {
        self.waiting.iter().any(&is) || self.in_flight.iter().any(|(_, request)| is(request))
    }

    /// The connection was lost. What the user said, and where they go, waits to be sent again, in order. Returns the
    /// requests that are forgotten: commands, whose outcome is unknown, and the client's own.
    pub(super) fn dropped(&mut self) -> Vec<Request> {
        let mut forgotten = Vec::new();
        let mut again = VecDeque::new();
        for (_, request) in self.in_flight.drain(..) {
            match request {
                Request::Post { .. } | Request::Visit { .. } => again.push_back(request),
                _ => forgotten.push(request),
            }
        }
        for request in self.waiting.drain(..) {
            match request {
                Request::Post { .. } | Request::Visit { .. } | Request::Command { .. } => again.push_back(request),
                _ => forgotten.push(request),
            }
        }
        self.waiting = again;
        forgotten
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
        assert_eq!(requests.dropped(), [typed(3, "who")]);
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
