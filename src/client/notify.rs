//! Tells somebody of what was said to them while they look elsewhere.
//!
//! Owns the rule when that is, and how it is told: the bell and the escape sequences become part of the
//! text for the terminal, a command is run by [`command`]. At most one in [`EVERY`], so that what was
//! missed over a dropped connection, which comes in a heap, is told once. Runs on the network thread.

use super::attention::Attention;
use super::item::{EventKind, Item, ShownEvent, ShownMessage};
use super::screen::clean;
use super::screen::layout::cut;
use super::settings::{Notify, NotifyFor, Settings};
use crate::protocol::names::Target;
use command::CommandRunner;
use std::time::{Duration, Instant};

mod command;

/// At most one notification in this time.
const EVERY: Duration = Duration::from_secs(5);
/// How much of a message is told, in columns.
const TEXT_MAX: usize = 200;

/// Tells what concerns this account.
#[derive(Debug)]
pub(super) struct Notifier {
    way: Way,
    what: NotifyFor,
    attention: Attention,
    last: Option<Instant>,
    /// What was not told, since something had just been.
    untold: u32,
}

/// How it is told.
#[derive(Debug)]
enum Way {
    Not,
    Bell,
    Osc9(Multiplexer),
    Osc777(Multiplexer),
    Command(CommandRunner),
}

/// Whether a terminal multiplexer is between us and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Multiplexer {
    None,
    /// It keeps sequences that it does not know, unless they are wrapped and `allow-passthrough` is on.
    Tmux,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Notification {
    from: String,
    room: Option<String>,
    text: String,
}

impl Multiplexer {
    /// Which one it is. From another machine over ssh only `TERM` tells.
    #[must_use]
    pub(super) fn find(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_tmux = variable("TMUX").is_some_and(|value| !value.is_empty())
            || variable("TERM").is_some_and(|term| term.starts_with("tmux"));
        if is_tmux { Self::Tmux } else { Self::None }
    }

    fn wrap(self, sequence: &str) -> String {
        match self {
            Self::None => sequence.to_owned(),
            Self::Tmux => format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")),
        }
    }
}

impl Notifier {
    #[must_use]
    pub(super) fn new(settings: &Settings, multiplexer: Multiplexer, attention: Attention) -> Self {
        let way = match &settings.notify {
            Notify::Off => Way::Not,
            Notify::Bell => Way::Bell,
            Notify::Osc9 => Way::Osc9(multiplexer),
            Notify::Osc777 => Way::Osc777(multiplexer),
            Notify::Command(line) => Way::Command(CommandRunner::new(line.clone())),
        };
        Self { way, what: settings.notify_for, attention, last: None, untold: 0 }
    }

    /// Tells of an item if it is worth it, and returns what the terminal is to be sent for that.
    #[must_use]
    pub(super) fn notice(&mut self, item: &Item, now: Instant) -> String {
        let Some(notification) = self.of_interest(item) else { return String::new() };
        if self.attention.is_here(now) {
            self.untold = 0;
            return String::new();
        }
        if self.last.is_some_and(|last| now < last + EVERY) {
            self.untold = self.untold.saturating_add(1);
            return String::new();
        }
        self.last = Some(now);
        let untold = std::mem::take(&mut self.untold);
        match &mut self.way {
            Way::Not => String::new(),
            Way::Bell => "\x07".to_owned(),
            Way::Osc9(multiplexer) => multiplexer.wrap(&notification.osc9(untold)),
            Way::Osc777(multiplexer) => multiplexer.wrap(&notification.osc777(untold)),
            Way::Command(runner) => {
                runner.run(&notification, untold);
                String::new()
            }
        }
    }

    /// What the user must be told of how it goes, once.
    pub(super) fn failure(&mut self) -> Option<String> {
        match &mut self.way {
            Way::Command(runner) => runner.failure(),
            _ => None,
        }
    }

    fn of_interest(&self, item: &Item) -> Option<Notification> {
        match item {
            Item::Message(message) if !message.own => {
                let interests = match self.what {
                    NotifyFor::Direct => message.to.is_some(),
                    NotifyFor::Mentions => message.to.is_some() || message.mentions_me,
                    NotifyFor::All => true,
                };
                interests.then(|| Notification::of_message(message))
            }
            Item::Event(event) if self.what != NotifyFor::Direct => Notification::of_event(event),
            _ => None,
        }
    }
}

impl Notification {
    fn of_message(message: &ShownMessage) -> Self {
        Self::new(&message.author, Some(&message.target), &message.text)
    }

    /// Of an edit that mentions this account.
    fn of_event(event: &ShownEvent) -> Option<Self> {
        match (&event.kind, &event.who) {
            (EventKind::Change(change), Some(who)) if change.mentions_me && !event.own => {
                Some(Self::new(who, event.target.as_ref(), &change.text))
            }
            _ => None,
        }
    }

    fn new(from: &str, target: Option<&Target>, text: &str) -> Self {
        let room = target.and_then(|target| match target {
            Target::Room(room) => Some(room.to_string()),
            Target::Direct(_) => None,
        });
        Self { from: clean(from).into_owned(), room, text: cut(&clean(text), TEXT_MAX) }
    }

    /// It begins with an `@`, so that no program takes it for an option, nor a terminal for a parameter.
    fn title(&self) -> String {
        match &self.room {
            Some(room) => format!("@{} in #{room}", self.from),
            None => format!("@{}", self.from),
        }
    }

    fn text(&self, untold: u32) -> String {
        if untold == 0 { self.text.clone() } else { format!("{} (and {untold} more before)", self.text) }
    }

    fn osc9(&self, untold: u32) -> String {
        format!("\x1b]9;{}: {}\x07", self.title(), self.text(untold))
    }

    fn osc777(&self, untold: u32) -> String {
        // The semicolon parts title and text.
        format!("\x1b]777;notify;{};{}\x07", self.title().replace(';', ","), self.text(untold))
    }
}

#[cfg(test)]
mod tests;
