//! The chat without a terminal: lines from standard input, lines to standard output.
//!
//! Owns both streams. A command is answered before the next line is taken, since the server may
//! ask something, and then the next line is the answer; texts are sent on without waiting. At the
//! end of input all is answered first. Runs on the main thread; the network thread prints. A thread of its
//! own, `stdin`, reads, so that a silent input does not hide that the network thread has ended; nothing can
//! end such a read, so that thread is not joined.

use super::ClientError;
use super::interpret::is_quit;
use super::network::{Ending, NetworkHandle, Report, UserAction, When};
use super::printer::Screen;
use super::screen::{Item, Style, render};
use super::session::Settled;
use super::unanswered::Unanswered;
use crate::protocol::command::{Input, parse_line};
use crate::protocol::secrets::Secret;
use crossbeam_channel::{Receiver, select};
use jiff::Timestamp;
use std::io::{self, Write as _};
use std::thread;

/// Lines given at once that are not answered yet; beyond, reading waits.
const AHEAD_MAX: usize = 256;

/// Standard output.
#[derive(Debug)]
pub struct Output {
    /// How lines look.
    pub style: Style,
}

impl Screen for Output {
    // A reader that stops reading stops the network thread, as it should be in a pipe.
    fn show(&mut self, item: &Item) -> io::Result<()> {
        let mut line = render(item, &self.style, Timestamp::now());
        line.push('\n');
        let mut out = io::stdout().lock();
        out.write_all(line.as_bytes()).and_then(|()| out.flush())
    }
}

struct Script<'a> {
    network: &'a NetworkHandle,
    /// What is left of standard input.
    input: Receiver<io::Result<String>>,
    unanswered: Unanswered,
    failed: bool,
    ended: Option<Ending>,
}

/// Gives all lines of standard input to the network thread, and leaves when they are answered.
///
/// # Errors
/// [`ClientError::Refused`] if a line was, [`ClientError::Lost`] and [`ClientError::Unseen`] if
/// the network thread ended early, [`ClientError::Io`] if the input can't be read.
pub fn run(network: &NetworkHandle) -> Result<(), ClientError> {
    let (sender, input) = crossbeam_channel::bounded(1);
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        for line in io::stdin().lines() {
            if sender.send(line).is_err() {
                return;
            }
        }
    })?;
    let mut script = Script { network, input, unanswered: Unanswered::default(), failed: false, ended: None };
    while let Some(line) = script.next_line()? {
        if is_quit(&line) {
            break;
        }
        let waits = matches!(parse_line(&line), Input::Command { .. });
        let id = script.unanswered.add(&line);
        network.send(UserAction::Line(id, line));
        let ahead = if waits { 0 } else { AHEAD_MAX };
        while script.ended.is_none() && script.unanswered.len() > ahead {
            if let Ok(report) = network.reports.recv() {
                script.take(report)?;
            }
        }
    }
    network.send(UserAction::Leave(When::Settled));
    while script.ended.is_none() {
        match network.reports.recv() {
            Ok(report) => script.take(report)?,
            Err(_) => break,
        }
    }
    match script.ended {
        Some(Ending::Lost(error)) => Err(ClientError::Lost { error, unsent: script.unanswered.into_lines() }),
        // As in `chitchat … | head -1`: who reads has seen enough, and that is no failure.
        Some(Ending::Unseen(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Some(Ending::Unseen(error)) => Err(ClientError::Unseen(error)),
        _ if script.failed => Err(ClientError::Refused),
        _ => Ok(()),
    }
}

impl Script<'_> {
    /// The next line of the input; `None` at its end, or when the network thread has ended.
    fn next_line(&mut self) -> io::Result<Option<String>> {
        while self.ended.is_none() {
            select! {
                recv(self.input) -> line => return line.ok().transpose(),
                recv(self.network.reports) -> report => match report {
                    Ok(report) => self.take(report)?,
                    Err(_) => self.ended = Some(Ending::Left),
                },
            }
        }
        Ok(None)
    }

    fn take(&mut self, report: Report) -> io::Result<()> {
        match report {
            Report::Settled(id, how) => {
                self.unanswered.settled(id);
                self.failed |= how != Settled::Done;
            }
            Report::Ask(..) => {
                // An input that has ended cancels.
                let answer = self.next_line()?.unwrap_or_default();
                self.network.send(UserAction::Answer(Secret::new(&answer)));
            }
            Report::Ended(ending) => self.ended = Some(ending),
            Report::Room(_) => {}
        }
        Ok(())
    }
}
