//! The chat at a terminal: the main thread's loop.
//!
//! Owns the prompt, the server's questions, and the warning before leaving with lines that were not sent. Other
//! threads hand over what the server sends, and the line editor prints it. This thread waits for keys and for them
//! alike; it stops taking keys only after a command that the server may answer with a question, for no longer than
//! `ASKED_WAIT`: what is typed then may be a password.

use super::ClientError;
use super::interpret::is_secret;
use super::line_editor::{Entered, LineEditor};
use super::network::{Ending, NetworkHandle, Report, UserAction, When};
use super::own_verbs::leaves;
use super::place::Place;
use super::prompt::prompt;
use super::questions::QuestionId;
use super::screen::clean;
use super::unanswered::Unanswered;
use crate::protocol::secrets::Secret;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long the first prompt waits for the current conversation.
const PLACE_WAIT: Duration = Duration::from_secs(3);
/// How long to wait for the server's question after a command that has one.
const ASKED_WAIT: Duration = Duration::from_secs(3);
/// How long to wait for answers before leaving. While connected it takes far less.
const LEAVE_WAIT: Duration = Duration::from_secs(1);
/// How long the network thread may take to leave.
const GOODBYE_WAIT: Duration = Duration::from_secs(3);
/// Characters of a server's question that are shown.
const QUESTION_MAX: usize = 60;

struct TerminalChat<'a> {
    network: &'a NetworkHandle,
    /// The server, which is named before its questions.
    host: &'a str,
    editor: &'a mut LineEditor,
    place: Place,
    /// Whether the user was told where that is.
    placed: bool,
    /// Questions of the server that were not answered yet; the first one is shown.
    asked: VecDeque<(QuestionId, String)>,
    unanswered: Unanswered,
    leave: Leave,
    ended: Option<Ending>,
}

/// What happens when the user leaves with lines that were not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// A warning.
    Warns,
    /// The client leaves: the user was warned just before.
    Leaves,
}

/// Reads and sends lines until the user leaves.
///
/// # Errors
/// [`ClientError::Lost`] if the client can't reconnect, [`ClientError::Unseen`] if the terminal
/// can't be used any more.
pub(super) fn run(network: &NetworkHandle, editor: &mut LineEditor, host: &str) -> Result<(), ClientError> {
    let mut chat = TerminalChat {
        network,
        host,
        editor,
        place: Place::default(),
        placed: false,
        asked: VecDeque::new(),
        unanswered: Unanswered::default(),
        leave: Leave::Warns,
        ended: None,
    };
    // The current room is known when the conversations are listed. The first prompt waits for it.
    chat.wait(Instant::now() + PLACE_WAIT, |report| matches!(report, Report::Place));
    while chat.ended.is_none() {
        chat.turn();
    }
    match chat.ended {
        Some(Ending::Lost(error)) => Err(ClientError::Lost { error, unsent: chat.unanswered.into_lines() }),
        Some(Ending::Unseen(error)) => Err(ClientError::Unseen(error)),
        Some(Ending::Left) | None => Ok(()),
    }
}

impl TerminalChat<'_> {
    fn turn(&mut self) {
        self.editor.set_prompt(prompt(&self.place, self.editor.columns()));
        let entered = self.editor.next();
        while let Ok(report) = self.network.reports.try_recv() {
            self.take(report);
        }
        match entered {
            Ok(Entered::Line(line)) => self.send(line),
            Ok(Entered::Pasted(lines)) => lines.into_iter().for_each(|line| self.send(as_text(line))),
            Ok(Entered::Answer(answer)) => self.answer(&answer),
            Ok(Entered::Switch(switch)) => self.network.send(UserAction::Switch(switch)),
            Ok(Entered::Cancelled) => self.editor.say("(Ctrl-D or /quit leaves)"),
            Ok(Entered::End) => self.leave(),
            Ok(Entered::Gone) => self.leave_now(),
            Ok(Entered::Woken) => {}
            Err(error) => {
                log::error!("the terminal failed: {error}");
                self.leave_now();
            }
        }
    }

    fn send(&mut self, line: String) {
        if self.ended.is_some() {
            return;
        }
        if leaves(&line) {
            return self.leave();
        }
        self.leave = Leave::Warns;
        let id = self.unanswered.add(&line);
        let may_be_asked = is_secret(&line);
        self.network.send(UserAction::Line(id, line));
        if may_be_asked {
            let done = |report: &Report| match report {
                Report::Settled(of, _) => *of == id,
                report => matches!(report, Report::Ask(..)),
            };
            self.wait(Instant::now() + ASKED_WAIT, done);
        }
    }

    /// The answer to the question that is shown; an empty one cancels.
    fn answer(&mut self, answer: &str) {
        if let Some((question, _)) = self.asked.pop_front() {
            self.network.send(UserAction::Answer(question, Secret::new(answer)));
            // There may be another question, and what is typed until then belongs to it.
            self.wait(Instant::now() + ASKED_WAIT, |report| matches!(report, Report::Ask(..) | Report::Settled(..)));
        }
        if let Some((_, question)) = self.asked.front() {
            self.editor.ask(question.clone());
        }
    }

    fn leave(&mut self) {
        let until = Instant::now() + LEAVE_WAIT;
        while !self.unanswered.is_empty() && self.ended.is_none() {
            let Ok(report) = self.network.reports.recv_deadline(until) else { break };
            self.take(report);
        }
        if !self.unanswered.is_empty() && self.ended.is_none() && self.leave == Leave::Warns {
            self.leave = Leave::Leaves;
            let (lines, them) = match self.unanswered.len() {
                1 => ("1 line has".to_owned(), "it"),
                more => (format!("{more} lines have"), "them"),
            };
            let warning = format!("({lines} not been sent. Press Ctrl-D again to leave without sending {them}.)");
            return self.editor.say(&warning);
        }
        self.leave_now();
    }

    fn leave_now(&mut self) {
        self.network.send(UserAction::Leave(When::Now));
        self.wait(Instant::now() + GOODBYE_WAIT, |_| false);
        self.ended.get_or_insert(Ending::Left);
    }

    /// Takes reports until one is `done`, the thread has ended, or the deadline.
    fn wait(&mut self, until: Instant, done: impl Fn(&Report) -> bool) {
        while self.ended.is_none() {
            let Ok(report) = self.network.reports.recv_deadline(until) else { return };
            let found = done(&report);
            self.take(report);
            if found {
                return;
            }
        }
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Place => {
                let place = self.network.place.take();
                if !self.editor.has_prompt() && (!self.placed || place.current != self.place.current) {
                    match &place.current {
                        Some(current) => self.editor.say(&format!("(you're in {current})")),
                        None => self.editor.say("(you're not in a room)"),
                    }
                }
                (self.place, self.placed) = (place, true);
            }
            Report::Settled(id, _) => self.unanswered.settled(id),
            Report::Ask(question, text) => {
                let text = asked(self.host, &text);
                if self.asked.is_empty() {
                    self.editor.ask(text.clone());
                }
                self.asked.push_back((question, text));
            }
            Report::Ended(ending) => self.ended = Some(ending),
        }
    }
}

/// A pasted line is a text, also if it looks like a command.
fn as_text(line: String) -> String {
    if line.trim_start().starts_with('/') { format!("/{}", line.trim_start()) } else { line }
}

/// The server's question as it is shown. The server could ask for any password, so it says who is asking; and
/// it is short and has no blanks to push that away, or to begin a line of the terminal with other words.
fn asked(host: &str, question: &str) -> String {
    let question = question.chars().take(QUESTION_MAX).collect::<String>();
    let words: Vec<&str> = question.split_whitespace().collect();
    format!("{host} asks: {} ", clean(&words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_line_runs_no_command() {
        use crate::protocol::command::{Input, parse_line};
        for (line, said) in [("/quit", "/quit"), ("  //x", "//x"), ("a /b", "a /b")] {
            assert!(matches!(parse_line(&as_text(line.to_owned())), Input::Text(text) if text == said), "{line}");
        }
    }

    #[test]
    fn a_question_says_who_asks_whatever_it_says() {
        assert_eq!(asked("example.org", "password:"), "example.org asks: password: ");
        let forged = format!("ok{}\u{2003}\u{1b}[2J[sudo] password for root:", " ".repeat(69));
        assert_eq!(asked("example.org", &forged), "example.org asks: ok ");
        assert_eq!(asked("h", "a \u{1b}[2J\r\u{202e}b"), "h asks: a \u{fffd}[2J \u{fffd}b ");
        assert!(asked("example.org", &"x".repeat(8000)).len() < 80);
    }
}
