//! The chat without a terminal: lines from standard input, lines to standard output.
//!
//! Owns both streams. A command is answered before the next line is taken, since the server may
//! ask something, and then the next line is the answer; texts are sent on without waiting. At the
//! end of input all is answered first. Runs on the main thread; the link prints.

use super::door::DoorError;
use super::link::{Ending, Handle, Order, Report, When};
use super::outbox::RequestId;
use super::printer::Screen;
use super::screen::{Item, Style, render};
use super::session::Settled;
use crate::protocol::command::{Input, parse_line};
use crate::protocol::secrets::Secret;
use jiff::Timestamp;
use std::io::{self, BufRead, Write as _};

/// Lines given at once that are not answered yet; beyond, reading waits.
const AHEAD_MAX: usize = 256;

/// Standard output.
#[derive(Debug)]
pub struct Output {
    /// How lines look.
    pub style: Style,
}

impl Screen for Output {
    fn show(&mut self, item: &Item) {
        let mut line = render(item, &self.style, Timestamp::now());
        line.push('\n');
        let mut out = io::stdout().lock();
        match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
            // As in `chitchat … | head -1`: who reads has seen enough, and that is no failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
            Err(error) => log::error!("can't write to standard output: {error}"),
            Ok(()) => {}
        }
    }
}

/// How it went.
#[derive(Debug)]
pub enum Outcome {
    /// Every line was done.
    Done,
    /// A line was refused, or the connection dropped before its answer.
    Failed,
    /// The link ended by itself.
    Lost(DoorError),
}

struct Script<'a> {
    link: &'a Handle,
    open: usize,
    failed: bool,
    ended: Option<Ending>,
}

/// Gives all lines of the input to the link, and leaves when they are answered.
///
/// # Errors
/// If the input can't be read.
pub fn run(link: &Handle, input: impl BufRead) -> io::Result<Outcome> {
    let mut script = Script { link, open: 0, failed: false, ended: None };
    let mut lines = input.lines();
    let mut count = 0;
    while script.ended.is_none()
        && let Some(line) = lines.next()
    {
        let line = line?;
        count += 1;
        let id = RequestId(count);
        let waits = matches!(parse_line(&line), Input::Command { .. });
        script.open += 1;
        link.order(Order::Line(id, line));
        let ahead = if waits { 0 } else { AHEAD_MAX };
        while script.ended.is_none() && script.open > ahead {
            if let Some(Report::Ask(..)) = script.next() {
                // An input that has ended cancels.
                let answer = lines.next().transpose()?.unwrap_or_default();
                link.order(Order::Answer(Secret::new(&answer)));
            }
        }
    }
    link.order(Order::Leave(When::Settled));
    while script.ended.is_none() {
        if let Some(Report::Ask(..)) = script.next() {
            link.order(Order::Answer(Secret::new("")));
        }
    }
    Ok(match script.ended {
        Some(Ending::Lost(error)) => Outcome::Lost(error),
        _ if script.failed => Outcome::Failed,
        _ => Outcome::Done,
    })
}

impl Script<'_> {
    fn next(&mut self) -> Option<Report> {
        let Ok(report) = self.link.reports.recv() else {
            self.ended = Some(Ending::Left);
            return None;
        };
        match report {
            Report::Settled(_, how) => {
                self.open = self.open.saturating_sub(1);
                self.failed |= how != Settled::Done;
                None
            }
            Report::Ended(ending) => {
                self.ended = Some(ending);
                None
            }
            Report::Room(_) => None,
            report @ Report::Ask(..) => Some(report),
        }
    }
}
