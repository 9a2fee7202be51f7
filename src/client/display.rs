//! What is written to a terminal for an item: its lines, as wide as the terminal is now.
//!
//! Owns the timeline and the notifications. Knows how wide the terminal is, and writes nothing. Runs on the
//! network thread.

use super::item::Item;
use super::notify::Notifier;
use super::screen::Paint;
use super::screen::layout::{StyledLine, sentences};
use super::screen::timeline::{Now, Timeline};
use rustix::termios::tcgetwinsize;
use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

/// A person's view of the chat.
#[derive(Debug)]
pub(super) struct Display {
    timeline: Timeline,
    notifier: Notifier,
    paint: Paint,
    /// How wide the terminal is at this moment, if it says so.
    columns: fn() -> Option<usize>,
}

impl Display {
    /// A view of a terminal that is as wide as `columns` says, which is asked for each item.
    #[must_use]
    pub(super) fn new(timeline: Timeline, notifier: Notifier, paint: Paint, columns: fn() -> Option<usize>) -> Self {
        Self { timeline, notifier, paint, columns }
    }

    /// The text for an item, each of its lines with its end; none if there is nothing to write for it now.
    #[must_use]
    pub(super) fn show(&mut self, item: &Item) -> Option<String> {
        let now = Now::read();
        let notification = self.notifier.notice(item, now.steady);
        let mut lines = Vec::new();
        if let Some(failure) = self.notifier.failure() {
            lines.extend(self.timeline.show(&Item::Local(failure), now, None));
        }
        lines.extend(self.timeline.show(item, now, (self.columns)()));
        self.text(&lines).map(|text| notification + &text)
    }

    /// When to call [`Display::tick`].
    #[must_use]
    pub(super) fn next_tick(&self) -> Option<Instant> {
        self.timeline.next_tick()
    }

    /// The text of what was held back until now.
    #[must_use]
    pub(super) fn tick(&mut self) -> Option<String> {
        let lines = self.timeline.tick(Now::read());
        self.text(&lines)
    }

    fn text(&self, lines: &[StyledLine]) -> Option<String> {
        if lines.is_empty() {
            return None;
        }
        let columns = (self.columns)();
        let rows = lines.iter().flat_map(|line| line.rows(columns, self.paint));
        Some(rows.fold(String::new(), |text, row| text + &row + "\n"))
    }
}

/// The width of standard output.
#[must_use]
pub(super) fn terminal_columns() -> Option<usize> {
    columns_of(io::stdout())
}

/// Sentences as wide as the terminal on this stream, if it is one: standard error, for example.
#[must_use]
pub(super) fn sentences_for(stream: impl AsFd, text: &str) -> String {
    sentences(text, columns_of(stream))
}

fn columns_of(stream: impl AsFd) -> Option<usize> {
    let size = tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
}
