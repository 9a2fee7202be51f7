//! Lines that wait for the terminal.
//!
//! Owns the queue between the network thread and the main thread, which prints them above the line being typed. The
//! main thread may be busy for as long as the user likes, in an editor or suspended. The queue holds `QUEUE_MAX`
//! bytes; beyond that, lines are counted instead of kept. So the network thread never waits for the terminal.

use super::display::Display;
use super::item::Item;
use super::line_editor::Waker;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// What lines that wait for the terminal may hold, in bytes.
const QUEUE_MAX: usize = 4 << 20;

/// Where the network thread shows things.
pub(super) trait Screen: Send {
    /// Shows an item.
    ///
    /// # Errors
    /// The system's, if nothing more can be shown.
    fn show(&mut self, item: &Item) -> io::Result<()>;

    /// When to call [`Screen::tick`], if something is held back.
    fn next_tick(&self) -> Option<Instant> {
        None
    }

    /// Shows what was held back, if its time has come.
    ///
    /// # Errors
    /// As [`Screen::show`].
    fn tick(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// There is a report for the main thread, which may be waiting for keys.
    fn nudge(&self) {}
}

/// The queue. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Printer {
    queue: Arc<Mutex<PrintQueue>>,
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
struct PrintQueue {
    /// Whole lines, with their ends.
    text: String,
    skipped: u64,
}

impl Printer {
    /// A queue that wakes the thread that waits for keys.
    pub(super) fn new(waker: Waker) -> Self {
        Self { queue: Arc::default(), waker: Some(waker) }
    }

    /// The screen for the network thread.
    #[must_use]
    pub(super) fn screen(&self, display: Display) -> TerminalScreen {
        TerminalScreen { printer: self.clone(), display }
    }

    /// The lines that wait, with their ends.
    #[must_use]
    pub(super) fn take(&self) -> String {
        let mut queue = self.queue.lock();
        let text = std::mem::take(&mut queue.text);
        let what = match std::mem::take(&mut queue.skipped) {
            0 => return text,
            1 => "1 line that came meanwhile is not shown".to_owned(),
            skipped => format!("{skipped} lines that came meanwhile are not shown"),
        };
        format!("{text}(the terminal was held for long: {what}. /history shows what was said.)\n")
    }

    fn push(&self, text: Option<String>) {
        let Some(text) = text else { return };
        let mut queue = self.queue.lock();
        if queue.skipped > 0 || queue.text.len() + text.len() > QUEUE_MAX {
            queue.skipped += 1;
        } else {
            queue.text.push_str(&text);
        }
        drop(queue);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake();
        }
    }
}

/// The network thread's end of the queue.
#[derive(Debug)]
pub(super) struct TerminalScreen {
    printer: Printer,
    display: Display,
}

impl Screen for TerminalScreen {
    fn show(&mut self, item: &Item) -> io::Result<()> {
        let text = self.display.show(item);
        self.printer.push(text);
        Ok(())
    }

    fn next_tick(&self) -> Option<Instant> {
        self.display.next_tick()
    }

    fn tick(&mut self) -> io::Result<()> {
        let text = self.display.tick();
        self.printer.push(text);
        Ok(())
    }

    fn nudge(&self) {
        self.printer.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::attention::Attention;
    use crate::client::notify::{Multiplexer, Notifier};
    use crate::client::screen::Paint;
    use crate::client::screen::timeline::Timeline;
    use crate::client::settings::Settings;
    use crate::protocol::names::UserName;
    use jiff::tz::TimeZone;

    fn screen(printer: &Printer) -> TerminalScreen {
        let (me, settings) = (UserName::parse("alice").unwrap(), Settings::default());
        let notifier = Notifier::new(&settings, Multiplexer::None, Attention::new(Instant::now()));
        let timeline = Timeline::new(me, TimeZone::UTC, &settings);
        printer.screen(Display::new(timeline, notifier, Paint::Plain, || None))
    }

    #[test]
    fn lines_are_taken_in_order() {
        let printer = Printer::default();
        let mut screen = screen(&printer);
        screen.show(&Item::Local("one".to_owned())).unwrap();
        screen.show(&Item::Local("two".to_owned())).unwrap();
        assert_eq!(printer.take(), "(one)\n(two)\n");
        assert_eq!(printer.take(), "");
    }

    #[test]
    fn lines_that_do_not_fit_are_counted() {
        let printer = Printer::default();
        let mut screen = screen(&printer);
        let long = "x".repeat(QUEUE_MAX / 2 - 10);
        for text in [&long, &long, "short", &long, "lost"] {
            screen.show(&Item::Local(text.to_owned())).unwrap();
        }
        let taken = printer.take();
        let rest: Vec<&str> = taken.lines().skip(2).collect();
        let told = "(the terminal was held for long: 2 lines that came meanwhile are not shown. \
                    /history shows what was said.)";
        assert_eq!(rest, ["(short)", told]);
        screen.show(&Item::Local("again".to_owned())).unwrap();
        assert_eq!(printer.take(), "(again)\n");
    }
}
