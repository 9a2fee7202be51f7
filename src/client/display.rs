//! What is written to a terminal for an item: its lines, as wide as the terminal is now.
//!
//! Owns the timeline and the notifications. Knows how wide the terminal is, and writes nothing. Runs on the
//! network thread.

use super::item::Item;
use super::notify::Notifier;
use super::screen::Paint;
use super::screen::layout::Draft;
use super::screen::timeline::{Now, Timeline};
use rustix::termios::tcgetwinsize;
use std::io;
use std::time::Instant;

/// A person's view of the chat.
#[derive(Debug)]
pub(super) struct Display {
    timeline: Timeline,
    notifier: Notifier,
    paint: Paint,
    wrap: Wrap,
}

/// Whether lines are wrapped here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    /// At the width that the terminal has when they are shown.
    Here,
    /// Not at all. With `TERM=dumb` it may be an editor's window, which wraps by itself.
    Elsewhere,
}

impl Display {
    #[must_use]
    pub(super) fn new(timeline: Timeline, notifier: Notifier, paint: Paint, wrap: Wrap) -> Self {
        Self { timeline, notifier, paint, wrap }
    }

    /// The text for an item, each of its lines with its end; none if there is nothing to write for it now.
    #[must_use]
    pub(super) fn show(&mut self, item: &Item) -> Option<String> {
        let now = Now::read();
        let notification = self.notifier.notice(item, now.steady);
        let mut drafts = Vec::new();
        if let Some(failure) = self.notifier.failure() {
            drafts.extend(self.timeline.show(&Item::Local(failure), now, None));
        }
        drafts.extend(self.timeline.show(item, now, self.columns()));
        self.text(&drafts).map(|text| notification + &text)
    }

    /// When to call [`Display::tick`].
    #[must_use]
    pub(super) fn next_tick(&self) -> Option<Instant> {
        self.timeline.next_tick()
    }

    /// The text of what was held back until now.
    #[must_use]
    pub(super) fn tick(&mut self) -> Option<String> {
        let drafts = self.timeline.tick(Now::read());
        self.text(&drafts)
    }

    fn columns(&self) -> Option<usize> {
        if self.wrap == Wrap::Here { columns() } else { None }
    }

    fn text(&self, drafts: &[Draft]) -> Option<String> {
        if drafts.is_empty() {
            return None;
        }
        let columns = self.columns();
        let rows = drafts.iter().flat_map(|draft| draft.rows(columns, self.paint));
        Some(rows.fold(String::new(), |text, row| text + &row + "\n"))
    }
}

/// How wide the terminal is at this moment, if it says so.
fn columns() -> Option<usize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
}
