//! One logged-in connection: commands with their answers, and the lines that come between.
//!
//! Owns the connection, the labels of commands, and the lines that nobody has read yet. Does not reconnect.

use super::{Answer, BotError};
use crate::client::authenticate::ANSWER_TIMEOUT;
use crate::client::connection::{Connection, ConnectionError};
use crate::client::inbox::LINE_COST;
use crate::client::poller::{Poller, WaitOutcome};
use crate::client::screen::clean;
use crate::protocol::line::{Body, Line};
use std::collections::VecDeque;
use std::time::Instant;

/// What a command's answer and the lines that arrive before its end may cost, in bytes, and what those that were
/// not read yet may. If it is more, the connection is given up; the next one catches up.
const WAITING_MAX: usize = 8 << 20;

pub(super) struct Wire {
    connection: Connection,
    /// Lines that arrived before an answer, and were not read yet.
    waiting: VecDeque<String>,
    waiting_bytes: usize,
    asked: u64,
}

impl Wire {
    /// A connection, with the lines that arrived during the login.
    pub(super) fn new(connection: Connection, waiting: VecDeque<String>) -> Self {
        let waiting_bytes = waiting.iter().map(|line| line.len() + LINE_COST).sum();
        Self { connection, waiting, waiting_bytes, asked: 0 }
    }

    /// Sends a command, given without its slash, and waits for its answer. Lines that arrive meanwhile are kept.
    pub(super) fn ask(&mut self, words: &str, poller: &mut Poller) -> Result<Answer, BotError> {
        self.asked += 1;
        let label = format!("ask{}", self.asked);
        self.connection.send(&format!("/@{label} {words}"));
        let until = Instant::now() + ANSWER_TIMEOUT;
        let (mut rows, mut received) = (Vec::new(), 0);
        loop {
            let text = match self.receive(until, poller)? {
                Received::Line(text) => text,
                Received::Woken => continue,
                Received::Nothing => return Err(ConnectionError::Silent.into()),
            };
            received += text.len() + LINE_COST;
            if received > WAITING_MAX {
                return Err(ConnectionError::Flood.into());
            }
            match Line::parse(&text) {
                Ok(Line { tags, body }) if tags.re == Some(&label) => match body {
                    Body::Row(row) => rows.push(row.to_owned()),
                    Body::Done(text) => return Ok(Answer { text: text.to_owned(), rows }),
                    Body::Refused(code, text) => {
                        // An error may be printed, and the server may be anyone's.
                        let (code, text) = (clean(code).into_owned(), clean(text).into_owned());
                        let renamed = tags.set.map(str::to_owned);
                        return Err(BotError::Refused { code, text, retry: tags.retry, renamed });
                    }
                    Body::Prompt(_) => {
                        // An empty answer cancels.
                        self.connection.send("");
                        return Err(BotError::Prompted);
                    }
                    _ => {}
                },
                _ => self.keep(text)?,
            }
        }
    }

    /// Keeps what arrives until then.
    pub(super) fn rest(&mut self, until: Instant, poller: &mut Poller) -> Result<(), ConnectionError> {
        loop {
            match self.receive(until, poller)? {
                Received::Line(text) => self.keep(text)?,
                Received::Woken => {}
                Received::Nothing => return Ok(()),
            }
        }
    }

    /// The next line that nobody has read; waits for it until the deadline, or until another thread wakes this one.
    pub(super) fn next(&mut self, until: Instant, poller: &mut Poller) -> Result<Option<String>, ConnectionError> {
        if let Some(text) = self.waiting.pop_front() {
            self.waiting_bytes -= text.len() + LINE_COST;
            return Ok(Some(text));
        }
        match self.receive(until, poller)? {
            Received::Line(text) => Ok(Some(text)),
            Received::Woken | Received::Nothing => Ok(None),
        }
    }

    /// Puts a line back, to be read again after what is asked now.
    pub(super) fn put_back(&mut self, text: String) {
        self.waiting_bytes += text.len() + LINE_COST;
        self.waiting.push_front(text);
    }

    /// Closes the connection.
    pub(super) fn close(self) {
        self.connection.close();
    }

    fn keep(&mut self, text: String) -> Result<(), ConnectionError> {
        self.waiting_bytes += text.len() + LINE_COST;
        if self.waiting_bytes > WAITING_MAX {
            return Err(ConnectionError::Flood);
        }
        self.waiting.push_back(text);
        Ok(())
    }

    fn receive(&mut self, until: Instant, poller: &mut Poller) -> Result<Received, ConnectionError> {
        loop {
            if let Some(line) = self.connection.next_line()? {
                return Ok(Received::Line(line));
            }
            match self.connection.wait(poller, until)? {
                WaitOutcome::Lines => {}
                WaitOutcome::Woken => return Ok(Received::Woken),
                WaitOutcome::TimedOut => return Ok(Received::Nothing),
            }
        }
    }
}

enum Received {
    Line(String),
    Woken,
    Nothing,
}
