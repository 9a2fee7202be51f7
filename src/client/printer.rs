//! Prints lines above the one being typed, so that neither garbles the other.
//!
//! Owns the queue between the network thread and the terminal, and the thread `printer` that
//! empties it. rustyline's printer blocks while Ctrl-R or a completion list is open, for as long as
//! the user likes. The queue holds `QUEUE_MAX` bytes; beyond that, lines are counted instead of
//! kept. So the network thread never waits for the terminal.
//!
//! While no line is being typed, rustyline prints at once, although earlier lines may still wait
//! inside it. The [`Gate`] keeps the order: lines pass only while one is being typed.

use super::display::Display;
use super::inbox::LINE_COST;
use super::item::Item;
use parking_lot::{Condvar, Mutex};
use rustyline::ExternalPrinter;
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// What lines that wait for the terminal may cost, in bytes.
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
}

#[derive(Debug, Default)]
struct PrintQueue {
    lines: VecDeque<String>,
    bytes: usize,
    skipped: u64,
    gate: Passage,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Passage {
    #[default]
    Closed,
    Open,
    /// The editor has ended: the rest is written out, and the thread ends.
    Ending,
}

#[derive(Debug, Default)]
struct PrinterShared {
    queue: Mutex<PrintQueue>,
    changed: Condvar,
}

/// Lets lines pass while one is being typed.
#[derive(Debug, Clone)]
pub(super) struct Gate(Arc<PrinterShared>);

impl Gate {
    /// A line is being typed, and others may be printed above it.
    pub(super) fn open(&self) {
        self.turn(Passage::Open);
    }

    /// No line is being typed.
    pub(super) fn close(&self) {
        self.turn(Passage::Closed);
    }

    fn turn(&self, to: Passage) {
        let mut queue = self.0.queue.lock();
        if queue.gate != to && queue.gate != Passage::Ending {
            queue.gate = to;
            self.0.changed.notify_one();
        }
    }
}

/// The network thread's end of the queue.
#[derive(Debug)]
pub(super) struct TerminalScreen {
    shared: Arc<PrinterShared>,
    display: Display,
}

impl TerminalScreen {
    // Never blocks; the printer's thread does that.
    fn push(&self, text: Option<String>) {
        let Some(text) = text else { return };
        let mut queue = self.shared.queue.lock();
        if queue.skipped > 0 || queue.bytes + text.len() + LINE_COST > QUEUE_MAX {
            queue.skipped += 1;
        } else {
            queue.bytes += text.len() + LINE_COST;
            queue.lines.push_back(text);
        }
        self.shared.changed.notify_one();
    }
}

impl Screen for TerminalScreen {
    fn show(&mut self, item: &Item) -> io::Result<()> {
        let text = self.display.show(item);
        self.push(text);
        Ok(())
    }

    fn next_tick(&self) -> Option<Instant> {
        self.display.next_tick()
    }

    fn tick(&mut self) -> io::Result<()> {
        let text = self.display.tick();
        self.push(text);
        Ok(())
    }
}

/// A terminal on which nothing can be printed above the line being typed: lines are written as they come.
#[derive(Debug)]
pub(super) struct DumbScreen {
    /// How they look.
    pub display: Display,
}

impl Screen for DumbScreen {
    fn show(&mut self, item: &Item) -> io::Result<()> {
        self.display.show(item).map_or(Ok(()), |text| write_out(&text))
    }

    fn next_tick(&self) -> Option<Instant> {
        self.display.next_tick()
    }

    fn tick(&mut self) -> io::Result<()> {
        self.display.tick().map_or(Ok(()), |text| write_out(&text))
    }
}

/// The printing thread.
#[derive(Debug)]
pub(super) struct Printer {
    shared: Arc<PrinterShared>,
    thread: JoinHandle<()>,
}

impl Printer {
    /// Starts the thread `printer`.
    ///
    /// # Errors
    /// If the thread can't be started.
    pub(super) fn start<P: ExternalPrinter + Send + 'static>(terminal: P) -> io::Result<Self> {
        let shared = Arc::new(PrinterShared::default());
        let queue = Arc::clone(&shared);
        let thread = thread::Builder::new().name("printer".to_owned()).spawn(move || run(&queue, terminal))?;
        Ok(Self { shared, thread })
    }

    /// The screen for the network thread.
    #[must_use]
    pub(super) fn screen(&self, display: Display) -> TerminalScreen {
        TerminalScreen { shared: Arc::clone(&self.shared), display }
    }

    /// The gate for the line editor.
    #[must_use]
    pub(super) fn gate(&self) -> Gate {
        Gate(Arc::clone(&self.shared))
    }

    /// Writes out what is left and ends the thread. Drop the line editor first: a line that waits
    /// inside it would wait forever.
    pub(super) fn finish(self) {
        self.shared.queue.lock().gate = Passage::Ending;
        self.shared.changed.notify_one();
        if self.thread.join().is_err() {
            log::error!("the printer's thread panicked");
        }
    }
}

fn run<P: ExternalPrinter>(shared: &PrinterShared, mut terminal: P) {
    loop {
        let mut queue = shared.queue.lock();
        while queue.gate == Passage::Closed || (queue.gate == Passage::Open && queue.is_empty()) {
            shared.changed.wait(&mut queue);
        }
        let ending = queue.gate == Passage::Ending;
        let Some(text) = queue.pop() else { return };
        drop(queue);
        if (ending || terminal.print(text.clone()).is_err())
            && let Err(error) = write_out(&text)
        {
            // The terminal is gone: there is nobody to tell.
            log::debug!("can't write to the terminal: {error}");
        }
    }
}

impl PrintQueue {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.skipped == 0
    }

    fn pop(&mut self) -> Option<String> {
        if let Some(text) = self.lines.pop_front() {
            self.bytes -= text.len() + LINE_COST;
            return Some(text);
        }
        let what = match std::mem::take(&mut self.skipped) {
            0 => return None,
            1 => "1 line that came meanwhile is not shown".to_owned(),
            skipped => format!("{skipped} lines that came meanwhile are not shown"),
        };
        Some(format!("(the terminal was held for long: {what}. /history shows what was said.)\n"))
    }
}

/// Writes without the editor.
fn write_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::display::Wrap;
    use crate::client::screen::Paint;
    use crate::client::screen::timeline::Timeline;
    use crate::client::settings::Settings;
    use crate::protocol::names::UserName;
    use jiff::tz::TimeZone;
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::time::Duration;

    struct Fake(Sender<String>);

    impl ExternalPrinter for Fake {
        fn print(&mut self, line: String) -> rustyline::Result<()> {
            self.0.send(line).map_err(|_| rustyline::error::ReadlineError::Eof)
        }
    }

    fn display() -> Display {
        let me = UserName::parse("alice").unwrap();
        Display::new(Timeline::new(me, TimeZone::UTC, &Settings::default()), Paint::Plain, Wrap::Elsewhere)
    }

    fn next(printed: &Receiver<String>) -> String {
        printed.recv_timeout(Duration::from_secs(10)).unwrap()
    }

    #[test]
    fn lines_pass_in_order_while_the_gate_is_open() {
        let (sender, printed) = mpsc::channel();
        let printer = Printer::start(Fake(sender)).unwrap();
        let mut screen = printer.screen(display());
        screen.show(&Item::Local("one".to_owned())).unwrap();
        screen.show(&Item::Local("two".to_owned())).unwrap();
        assert!(printed.try_recv().is_err(), "nothing is typed yet");
        printer.gate().open();
        assert_eq!((next(&printed), next(&printed)), ("(one)\n".to_owned(), "(two)\n".to_owned()));
        printer.gate().close();
        printer.finish();
    }

    #[test]
    fn lines_that_do_not_fit_are_counted() {
        let (sender, printed) = mpsc::channel();
        let printer = Printer::start(Fake(sender)).unwrap();
        let mut screen = printer.screen(display());
        let long = "x".repeat(QUEUE_MAX / 2 - 2 * LINE_COST);
        for text in [&long, &long, "short"] {
            screen.show(&Item::Local(text.to_owned())).unwrap();
        }
        screen.show(&Item::Local("x".repeat(100))).unwrap();
        printer.gate().open();
        assert_eq!((next(&printed).len(), next(&printed).len()), (long.len() + 3, long.len() + 3));
        assert_eq!(next(&printed), "(short)\n");
        let told = next(&printed);
        let sentence = "(the terminal was held for long: 1 line that came meanwhile is not shown. \
                        /history shows what was said.)\n";
        assert_eq!(told, sentence);
        printer.finish();
    }
}
