//! Says lines ahead of their answers. Those with a key are repeated after a crash; the others may have
//! been said or not.

use super::{Account, Run, number, unexpected};
use crate::text::{Fate, Text};
use crate::told::Said;
use crate::wire::{Line, Link, Step, canonical};
use std::collections::BTreeMap;

/// Lines that a writer sends ahead of their answers.
const WINDOW: usize = 8;

pub(crate) struct Writer {
    pub account: Account,
    /// Whom it writes to directly.
    friend: String,
    serial: u64,
    /// What was sent and not answered, by its number.
    undecided: Sayings,
    pub posted: Vec<Posted>,
}

/// By their numbers, which are their labels.
type Sayings = BTreeMap<u64, Saying>;

/// What was answered under a key.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    /// The whole command.
    pub command: String,
    pub id: u64,
    /// What the stamp showed.
    pub at: u64,
}

/// A line as it is sent, without its label.
#[derive(Debug, Clone)]
struct Saying {
    command: String,
    /// Under a key.
    once: bool,
    said: Said,
}

impl Writer {
    pub(crate) fn new(account: Account, friend: &str) -> Self {
        Self { account, friend: friend.to_owned(), serial: 0, undecided: BTreeMap::new(), posted: Vec::new() }
    }

    /// The next line: to a room or a person, under a key or not.
    fn line(&mut self) -> (u64, Saying) {
        self.serial += 1;
        let (serial, name) = (self.serial, self.account.name.as_str());
        let text = Text::new(name, serial, Fate::Stays).full();
        let direct = format!("@{}", self.friend);
        let target = ["lobby", "lobby", "ops", &direct][serial as usize % 4];
        let once = serial % 3 != 0;
        let command = match (once, target.strip_prefix('@')) {
            (true, _) => format!("post {target} {name}-{serial} {text}"),
            (false, Some(friend)) => format!("msg {friend} {text}"),
            (false, None) => format!("say {target} {text}"),
        };
        let said = Said {
            target: canonical(name, target),
            id: 0,
            author: name.to_owned(),
            text: text.clone(),
            removed: false,
        };
        (serial, Saying { command, once, said })
    }

    /// Talks until the server is gone. What is unanswered is repeated first, in its order.
    ///
    /// # Errors
    /// The promise that it broke.
    pub(crate) fn run(&mut self, run: Run<'_>) -> Result<(), String> {
        let account = self.account.clone();
        run.connected(&account, |link, _| {
            let mut again = std::mem::take(&mut self.undecided);
            again.retain(|_, line| line.once);
            let mut sent = BTreeMap::new();
            let done = self.talk(run, link, &mut again, &mut sent);
            self.undecided = sent;
            self.undecided.append(&mut again);
            done
        })
    }

    fn talk(&mut self, run: Run<'_>, link: &mut Link, again: &mut Sayings, sent: &mut Sayings) -> Step<()> {
        loop {
            while sent.len() < WINDOW && !run.is_paused() {
                let (serial, line) = again.pop_first().unwrap_or_else(|| self.line());
                link.send(&format!("/@{serial} {}\n", line.command));
                sent.insert(serial, line);
            }
            match link.next()? {
                Line::Done(label, text) => {
                    let line = label.parse().ok().and_then(|serial| sent.remove(&serial));
                    let line = line.ok_or_else(|| format!("{} was answered twice: {label}", self.account.name))?;
                    let id = number(&text, "")?;
                    let at = run.notes.said(Said { id, ..line.said });
                    if line.once {
                        self.posted.push(Posted { command: line.command, id, at });
                    }
                }
                line @ Line::Refused(..) => return Err(unexpected(&self.account.name, &line)),
                _ => {}
            }
        }
    }
}
