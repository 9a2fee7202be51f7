//! What is asked of the server and not answered yet.
//!
//! Owns the labels, the order of what is sent, and what becomes of it when the connection drops:
//! texts are repeated under their keys, so that they are said once; typed commands are left
//! undecided and their owner is told. Pure; runs on the network thread.
//!
//! A typed command may make the server ask for a password, and then the next line, whichever it
//! is, is the answer. So nothing is sent behind one until it is answered.

use super::catch_up::Part;
use crate::protocol::names::Target;
use std::collections::VecDeque;

/// Texts under way at once: beyond, they wait here, since the server would only slow them down.
const WINDOW: usize = 32;

/// Names a line that the user gave, from giving it to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub u64);

/// Something to ask of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// Say this once.
    Post {
        /// Whose line it is.
        id: RequestId,
        /// Where.
        target: Target,
        /// Under this key.
        key: String,
        /// What.
        text: String,
    },
    /// A command that the user typed, without its slash and label.
    Command {
        /// Whose line it is.
        id: RequestId,
        /// What was typed.
        command: String,
    },
    /// List the conversations.
    List,
    /// Fetch a part of one.
    Fetch(Target, Part),
    /// Mark one as read up to here.
    Mark(Target, u64),
    /// Get a device token under this label: the former one died with the former password.
    NewToken(String),
    /// Make the room that was current before the connection dropped current again.
    Return(Target),
    /// Give an option the value that the user set before the connection dropped; the command.
    Restore(String),
}

impl Job {
    fn command(&self) -> String {
        match self {
            Self::Post { target, key, text, .. } => format!("post {target} {key} {text}"),
            Self::Command { command, .. } => command.clone(),
            Self::List => "conversations".to_owned(),
            Self::Fetch(target, Part::After(id)) => {
                format!("history {target} after={id} limit={}", super::catch_up::PAGE)
            }
            Self::Fetch(target, Part::Latest) => format!("history {target} limit={}", super::catch_up::UNREAD_SHOWN),
            Self::Mark(target, id) => format!("read {target} {id}"),
            Self::NewToken(label) => format!("token new {label}"),
            Self::Return(target) => format!("switch {target}"),
            Self::Restore(command) => command.clone(),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Job>,
    under_way: VecDeque<(String, Job)>,
    labels: u64,
}

impl Outbox {
    /// Adds a job behind the others.
    pub fn push(&mut self, job: Job) {
        self.waiting.push_back(job);
    }

    /// Adds a job that the client itself needs now: before what waits.
    pub fn push_first(&mut self, job: Job) {
        self.waiting.push_front(job);
    }

    /// The next line to send, if one may be sent now.
    pub fn next_line(&mut self) -> Option<String> {
        let exclusive = self.under_way.iter().any(|(_, job)| matches!(job, Job::Command { .. }));
        if exclusive || self.under_way.len() >= WINDOW {
            return None;
        }
        let job = self.waiting.pop_front()?;
        self.labels += 1;
        let label = format!("c{}", self.labels);
        let line = format!("/@{label} {}", job.command());
        self.under_way.push_back((label, job));
        Some(line)
    }

    /// The job that a label belongs to.
    #[must_use]
    pub fn job(&self, label: &str) -> Option<&Job> {
        self.under_way.iter().find(|(known, _)| known == label).map(|(_, job)| job)
    }

    /// A job got its final line.
    pub fn answered(&mut self, label: &str) -> Option<Job> {
        let at = self.under_way.iter().position(|(known, _)| known == label)?;
        self.under_way.remove(at).map(|(_, job)| job)
    }

    /// Whether the user's own lines are all answered, and what they made necessary.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let users = |job: &Job| matches!(job, Job::Post { .. } | Job::Command { .. } | Job::NewToken(_));
        !self.waiting.iter().any(users) && !self.under_way.iter().any(|(_, job)| users(job))
    }

    /// The connection is gone. Texts wait to be repeated, in their order; what the client asked
    /// for itself is forgotten. Returns the commands that are undecided.
    pub fn dropped(&mut self) -> Vec<(RequestId, String)> {
        let mut undecided = Vec::new();
        let mut again = VecDeque::new();
        for (_, job) in self.under_way.drain(..) {
            match job {
                Job::Post { .. } => again.push_back(job),
                Job::Command { id, command } => undecided.push((id, command)),
                Job::List | Job::Fetch(..) | Job::Mark(..) | Job::NewToken(_) | Job::Return(_) | Job::Restore(_) => {}
            }
        }
        again.extend(self.waiting.drain(..).filter(|job| matches!(job, Job::Post { .. } | Job::Command { .. })));
        self.waiting = again;
        undecided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(n: u64) -> Job {
        let target = Target::parse("lobby").unwrap();
        Job::Post { id: RequestId(n), target, key: format!("k{n}"), text: format!("text {n}") }
    }

    fn typed(n: u64, command: &str) -> Job {
        Job::Command { id: RequestId(n), command: command.to_owned() }
    }

    #[test]
    fn texts_are_repeated_in_order_and_commands_are_not() {
        let mut outbox = Outbox::default();
        [post(1), post(2), typed(3, "who"), post(4)].into_iter().for_each(|job| outbox.push(job));
        assert_eq!(outbox.next_line().as_deref(), Some("/@c1 post lobby k1 text 1"));
        assert_eq!(outbox.next_line().as_deref(), Some("/@c2 post lobby k2 text 2"));
        assert_eq!(outbox.next_line().as_deref(), Some("/@c3 who"));
        assert_eq!(outbox.next_line(), None, "the next line could be taken for a password");
        assert_eq!(outbox.answered("c1"), Some(post(1)));
        assert_eq!(outbox.dropped(), [(RequestId(3), "who".to_owned())]);
        outbox.push_first(Job::List);
        assert_eq!(outbox.next_line().as_deref(), Some("/@c4 conversations"));
        assert_eq!(outbox.next_line().as_deref(), Some("/@c5 post lobby k2 text 2"));
        assert_eq!(outbox.next_line().as_deref(), Some("/@c6 post lobby k4 text 4"));
        assert!(!outbox.is_settled());
        assert_eq!((outbox.answered("c5"), outbox.answered("c6")), (Some(post(2)), Some(post(4))));
        assert!(outbox.is_settled());
    }

    #[test]
    fn the_client_does_not_run_ahead_of_the_server() {
        let mut outbox = Outbox::default();
        (0..100).for_each(|n| outbox.push(post(n)));
        assert_eq!(std::iter::from_fn(|| outbox.next_line()).count(), WINDOW);
        outbox.answered("c1");
        assert!(outbox.next_line().is_some());
    }
}
