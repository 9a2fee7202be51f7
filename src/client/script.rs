//! The chat without a terminal: lines from standard input, lines to standard output.
//!
//! Owns both streams. After a command, the next line is read only when the command is answered,
//! since the server may ask something and then the next line is the answer; messages are sent
//! without waiting. At the end of input, everything is answered before the client leaves.
//!
//! Runs on the main thread; the network thread prints. The thread `stdin` reads, so that the end
//! of the connection is noticed while the input is silent. Nothing can interrupt such a read, so
//! that thread is not joined.

use super::ClientError;
use super::interpret::is_quit;
use super::item::Item;
use super::network::{Ending, NetworkHandle, Report, UserAction, When};
use super::printer::Screen;
use super::screen::{Paint, wire};
use super::session::Settled;
use super::unanswered::Unanswered;
use crate::protocol::command::{Input, parse_line};
use crate::protocol::secrets::Secret;
use crossbeam_channel::{Receiver, select};
use std::io::{self, Write as _};
use std::thread;

/// Unanswered messages at which reading pauses.
const AHEAD_MAX: usize = 256;

/// Standard output.
#[derive(Debug)]
pub(super) struct ScriptOutput {
    /// Whether names have colours all the same.
    pub paint: Paint,
}

impl Screen for ScriptOutput {
    // A slow reader slows the network thread down, as it should in a pipe.
    fn show(&mut self, item: &Item) -> io::Result<()> {
        let mut line = wire(item, self.paint);
        line.push('\n');
        let mut out = io::stdout().lock();
        out.write_all(line.as_bytes()).and_then(|()| out.flush())
    }
}

struct Script<'a> {
    network: &'a NetworkHandle,
    /// Lines of standard input.
    input: Receiver<io::Result<String>>,
    unanswered: Unanswered,
    failed: bool,
    ended: Option<Ending>,
}

/// Sends all lines of standard input, and leaves when they are answered.
///
/// # Errors
/// [`ClientError::Refused`] if a line was refused, [`ClientError::Lost`] or
/// [`ClientError::Unseen`] if the network thread ended early, and [`ClientError::Io`] if the input
/// can't be read.
pub(super) fn run(network: &NetworkHandle) -> Result<(), ClientError> {
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
        // As in `chitchat … | head -1`: the reader has seen enough, which is not a failure.
        Some(Ending::Unseen(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Some(Ending::Unseen(error)) => Err(ClientError::Unseen(error)),
        _ if script.failed => Err(ClientError::Refused),
        _ => Ok(()),
    }
}

impl Script<'_> {
    /// The next line of input; `None` at its end, or when the network thread has ended.
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
            Report::Ask(question, _) => {
                // At the end of input an empty answer cancels.
                let answer = self.next_line()?.unwrap_or_default();
                self.network.send(UserAction::Answer(question, Secret::new(&answer)));
            }
            Report::Ended(ending) => self.ended = Some(ending),
            Report::Place => {}
        }
        Ok(())
    }
}
