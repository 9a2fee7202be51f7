//! The chat at a terminal: the main thread's loop of reading lines.
//!
//! Owns the prompt and what is asked in between. What comes from the server is printed by the
//! printer's thread; this thread waits for a command's answer only so that the answer stands below
//! the command, and no longer than `ANSWER_SHOWN`, or until a question is answered.

use super::door::DoorError;
use super::input::{Entered, Input};
use super::link::{Ending, Handle, Order, Report, When};
use super::outbox::RequestId;
use crate::protocol::command::{Input as Parsed, parse_line};
use crate::protocol::names::RoomName;
use crate::protocol::secrets::Secret;
use std::time::{Duration, Instant};

/// How long a command's answer is waited for before the next line may be typed.
const ANSWER_SHOWN: Duration = Duration::from_secs(3);
/// Pasted lines that are sent without asking.
const PASTED_UNASKED: usize = 1;

struct Terminal<'a> {
    link: &'a Handle,
    /// Whose questions are asked.
    host: &'a str,
    input: &'a mut Input,
    room: Option<RoomName>,
    count: u64,
    ended: Option<Ending>,
}

/// Reads and sends lines until the user leaves; `Err` if there is no way back to the server.
///
/// # Errors
/// [`DoorError`] as the link reports it.
pub fn run(link: &Handle, input: &mut Input, host: &str) -> Result<(), DoorError> {
    let mut terminal = Terminal { link, host, input, room: None, count: 0, ended: None };
    // The current room is known once the conversations are listed: the first prompt shows it.
    terminal.wait(Instant::now() + ANSWER_SHOWN, |report| matches!(report, Report::Room(_)));
    while terminal.ended.is_none() {
        terminal.turn();
    }
    match terminal.ended {
        Some(Ending::Lost(error)) => Err(error),
        _ => Ok(()),
    }
}

impl Terminal<'_> {
    fn turn(&mut self) {
        let prompt = match &self.room {
            Some(room) => format!("[{room}] "),
            None => "> ".to_owned(),
        };
        let entered = self.input.read(&prompt);
        while let Ok(report) = self.link.reports.try_recv() {
            self.take(report);
        }
        match entered {
            Ok(Entered::Lines(lines)) => {
                if lines.len() <= PASTED_UNASKED || self.confirm(lines.len()) {
                    lines.into_iter().for_each(|line| self.send(line));
                }
            }
            Ok(Entered::Dropped) => println!("(Ctrl-D or /quit leaves)"),
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
        self.count += 1;
        let id = RequestId(self.count);
        let waits = matches!(parse_line(&line), Parsed::Command { .. });
        self.link.order(Order::Line(id, line));
        if waits {
            self.wait(Instant::now() + ANSWER_SHOWN, |report| matches!(report, Report::Settled(of, _) if *of == id));
        }
    }

    fn confirm(&mut self, lines: usize) -> bool {
        let answer = self.input.ask(&format!("Send these {lines} lines? [y/N] "));
        matches!(answer.as_deref(), Some("y" | "Y" | "yes"))
    }

    fn leave(&mut self) {
        self.link.order(Order::Leave(When::Now));
        self.wait(Instant::now() + ANSWER_SHOWN, |_| false);
        self.ended.get_or_insert(Ending::Left);
    }

    /// Takes reports until the one that is waited for, the end, or the time.
    fn wait(&mut self, until: Instant, done: impl Fn(&Report) -> bool) {
        let mut until = until;
        while self.ended.is_none() {
            let Ok(report) = self.link.reports.recv_deadline(until) else { return };
            let found = done(&report);
            if matches!(report, Report::Ask(..)) {
                // The answer to the answer may take as long as a password check does.
                until = Instant::now() + super::login::ANSWER_TIMEOUT;
            }
            self.take(report);
            if found {
                return;
            }
        }
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Room(room) => self.room = room,
            Report::Settled(..) => {}
            Report::Ask(_, question) => {
                // Marked as the server's: it could ask for the password of something else.
                let question = format!("{} asks: {} ", self.host, super::screen::clean(&question));
                let answer = match rpassword::prompt_password(question) {
                    Ok(typed) => Secret::new(&zeroize::Zeroizing::new(typed)),
                    // An empty answer cancels.
                    Err(_) => Secret::new(""),
                };
                self.link.order(Order::Answer(answer));
            }
            Report::Ended(ending) => self.ended = Some(ending),
        }
    }
}
