//! The user's lines: they wait until it is known where they are to be said, and then become requests, or are
//! refused.

use super::{ConnectionState, Effect, Session, Settled, switching};
use crate::client::interpret::{self, Interpretation};
use crate::client::requests::{Request, RequestId};

/// The user's lines that wait for a connection, or for another conversation; more are refused.
const PENDING_MAX: usize = 1000;

/// Keys for `/post`: random, so that no other run of any client uses the same.
#[derive(Debug)]
pub(super) struct Keys {
    prefix: String,
    count: u64,
}

impl Keys {
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix, count: 0 }
    }

    fn next(&mut self) -> String {
        self.count += 1;
        format!("{}-{}", self.prefix, self.count)
    }
}

impl Session {
    /// The user entered a line.
    pub(in crate::client) fn user_line(&mut self, id: RequestId, line: String) -> Vec<Effect> {
        if self.pending.len() >= PENDING_MAX {
            self.refuse_line(
                id,
                &line,
                "limit",
                "too many lines are waiting for the connection; this one was dropped.",
            );
        } else {
            if self.state == ConnectionState::Down {
                let again = self.shown_again(&line).map(|line| format!(": {line}")).unwrap_or_default();
                self.tell(&format!("not connected: this will be sent when the connection is back{again}"));
            }
            self.pending.push_back((id, line));
            self.take_pending();
        }
        self.take_effects()
    }

    /// Takes up the user's lines, as long as it is known where they are to be said.
    pub(super) fn take_pending(&mut self) {
        while self.state == ConnectionState::Up && !self.requests.any(switching::moves) {
            let Some((id, line)) = self.pending.pop_front() else { return };
            self.take_line(id, &line);
        }
    }

    fn take_line(&mut self, id: RequestId, line: &str) {
        if self.is_person() { self.typed(id, line) } else { self.request(id, line) }
    }

    pub(super) fn request(&mut self, id: RequestId, line: &str) {
        if let Some(name) = switching::to_person(line).filter(|_| self.is_person()) {
            return self.visit(id, name);
        }
        let keys = &mut self.keys;
        let interpretation = interpret::interpret(line, self.current.as_ref(), &self.names, || keys.next());
        match interpretation {
            Interpretation::Nothing => self.settle(id, Settled::Done),
            Interpretation::Refused { code, text } => self.refuse_line(id, line, code, &text),
            Interpretation::Post { target, key, text } => self.requests.push(Request::Post { id, target, key, text }),
            Interpretation::Command(command)
                if self.is_person() && interpret::sets_option(&command) == Some("echo") =>
            {
                self.refuse(id, "not-allowed", "this client manages echo itself.");
            }
            Interpretation::Command(command) => {
                if interpret::lists_conversations(&command) {
                    // What was shown is read, and so not counted.
                    self.mark();
                }
                self.requests.push(Request::Command { id, command });
            }
        }
    }

    /// Refuses a line, which a person is shown again: it is nowhere else any more.
    pub(super) fn refuse_line(&mut self, id: RequestId, line: &str, code: &str, text: &str) {
        if let Some(line) = self.shown_again(line) {
            self.tell(&format!("not sent: {line}"));
        }
        self.refuse(id, code, text);
    }

    /// A line as it may be shown again, to a person: without secrets.
    pub(super) fn shown_again(&self, line: &str) -> Option<String> {
        (self.is_person() && !interpret::is_secret(line)).then(|| line.to_owned())
    }
}
