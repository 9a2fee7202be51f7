//! The chat at a terminal: the main thread's loop.
//!
//! Owns the prompt, the server's questions, and the warning before leaving with lines that were
//! not sent. Other threads print what the server sends. This thread waits for a command's answer
//! only so that it appears below the command, and no longer than `ANSWER_SHOWN`, unless the server
//! asks something.

use super::interpret::is_quit;
use super::line_editor::{Entered, LineEditor};
use super::network::{Ending, NetworkHandle, Report, UserAction, When};
use super::place::Place;
use super::screen::clean;
use super::unanswered::Unanswered;
use super::{ClientError, say};
use crate::protocol::command::{Input as Parsed, parse_line};
use crate::protocol::secrets::Secret;
use std::time::{Duration, Instant};

/// How long to wait for a command's answer before the next prompt.
const ANSWER_SHOWN: Duration = Duration::from_secs(3);
/// How long to wait for answers before leaving. While connected it takes far less.
const LEAVE_WAIT: Duration = Duration::from_secs(1);
/// Characters of a server's question that are shown.
const QUESTION_MAX: usize = 60;
/// The most lines entered together that are sent without asking; more are a paste.
const PASTED_UNASKED: usize = 1;

struct TerminalChat<'a> {
    network: &'a NetworkHandle,
    /// The server, which is named before its questions.
    host: &'a str,
    editor: &'a mut LineEditor,
    prompt: Prompt,
    place: Place,
    /// Whether the user was told where that is.
    placed: bool,
    unanswered: Unanswered,
    leave: Leave,
    ended: Option<Ending>,
}

/// How the user knows the current room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prompt {
    /// It is in the prompt.
    Shown,
    /// There is no prompt, since lines may be printed after it at any time; changes are announced.
    Told,
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
pub(super) fn run(
    network: &NetworkHandle,
    editor: &mut LineEditor,
    prompt: Prompt,
    host: &str,
) -> Result<(), ClientError> {
    let (unanswered, leave) = (Unanswered::default(), Leave::Warns);
    let mut chat = TerminalChat {
        network,
        host,
        editor,
        prompt,
        place: Place::default(),
        placed: false,
        unanswered,
        leave,
        ended: None,
    };
    // The current room is known when the conversations are listed. The first prompt waits for it.
    chat.wait(Instant::now() + ANSWER_SHOWN, |report| matches!(report, Report::Place));
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
        let prompt = match (self.prompt, &self.place.current) {
            (Prompt::Told, _) => String::new(),
            (Prompt::Shown, Some(current)) => format!("[{current}] "),
            (Prompt::Shown, None) => "(no room) ".to_owned(),
        };
        let entered = self.editor.read(&prompt);
        while let Ok(report) = self.network.reports.try_recv() {
            self.take(report);
        }
        match entered {
            Ok(Entered::Lines(lines)) => {
                if lines.len() <= PASTED_UNASKED || self.confirm(lines.len()) {
                    lines.into_iter().for_each(|line| self.send(line));
                }
            }
            Ok(Entered::Cleared) => say("(Ctrl-D or /quit leaves)"),
            Ok(Entered::End) => self.leave(),
            Err(error) => {
                log::error!("the terminal failed: {error}");
                self.leave();
            }
        }
    }

    fn send(&mut self, line: String) {
        if self.ended.is_some() {
            return;
        }
        if is_quit(&line) {
            return self.leave();
        }
        self.leave = Leave::Warns;
        let id = self.unanswered.add(&line);
        let waits = matches!(parse_line(&line), Parsed::Command { .. });
        self.network.send(UserAction::Line(id, line));
        if waits {
            self.wait(Instant::now() + ANSWER_SHOWN, |report| matches!(report, Report::Settled(of, _) if *of == id));
        }
    }

    fn confirm(&mut self, lines: usize) -> bool {
        let answer = self.editor.ask(&format!("Send these {lines} lines? [y/N] "));
        matches!(answer.as_deref(), Some("y" | "Y" | "yes"))
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
            return say(&format!("({lines} not been sent. Press Ctrl-D again to leave without sending {them}.)"));
        }
        self.network.send(UserAction::Leave(When::Now));
        self.wait(Instant::now() + ANSWER_SHOWN, |_| false);
        self.ended.get_or_insert(Ending::Left);
    }

    /// Takes reports until one is `done`, the thread has ended, or the deadline.
    fn wait(&mut self, until: Instant, done: impl Fn(&Report) -> bool) {
        let mut until = until;
        while self.ended.is_none() {
            let Ok(report) = self.network.reports.recv_deadline(until) else { return };
            let found = done(&report);
            if matches!(report, Report::Ask(..)) {
                // The server may have to check a password before it answers.
                until = Instant::now() + super::authenticate::ANSWER_TIMEOUT;
            }
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
                if self.prompt == Prompt::Told && (!self.placed || place.current != self.place.current) {
                    match &place.current {
                        Some(current) => say(&format!("(you're in {current})")),
                        None => say("(you're not in a room)"),
                    }
                }
                (self.place, self.placed) = (place, true);
            }
            Report::Settled(id, _) => self.unanswered.settled(id),
            Report::Ask(question, text) => {
                let answer = match rpassword::prompt_password(asked(self.host, &text)) {
                    Ok(typed) => Secret::new(&zeroize::Zeroizing::new(typed)),
                    // An empty answer cancels.
                    Err(_) => Secret::new(""),
                };
                self.network.send(UserAction::Answer(question, answer));
            }
            Report::Ended(ending) => self.ended = Some(ending),
        }
    }
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
    fn a_question_says_who_asks_whatever_it_says() {
        assert_eq!(asked("example.org", "password:"), "example.org asks: password: ");
        let forged = format!("ok{}\u{2003}\u{1b}[2J[sudo] password for root:", " ".repeat(69));
        assert_eq!(asked("example.org", &forged), "example.org asks: ok ");
        assert_eq!(asked("h", "a \u{1b}[2J\r\u{202e}b"), "h asks: a \u{fffd}[2J \u{fffd}b ");
        assert!(asked("example.org", &"x".repeat(8000)).len() < 80);
    }
}
