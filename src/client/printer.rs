//! Prints lines above the one being typed, so that neither garbles the other.
//!
//! Owns the queue between the network thread and the terminal, and the thread `printer` that
//! empties it. rustyline's printer blocks while Ctrl-R or a completion list is open, for as long as
//! the user likes. The queue holds `QUEUE_MAX` bytes; beyond that, lines are counted instead of
//! kept. So the network thread never waits for the terminal.
//!
//! While no line is being typed, rustyline prints at once, although earlier lines may still wait
//! inside it. The [`Gate`] keeps the order: lines pass only while one is being typed.

use super::inbox::LINE_COST;
use super::item::Item;
use super::screen::{Style, render};
use jiff::Timestamp;
use parking_lot::{Condvar, Mutex};
use rustyline::ExternalPrinter;
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// What lines that wait for the terminal may cost, in bytes.
const QUEUE_MAX: usize = 4 << 20;

/// Where the network thread shows things.
pub(super) trait Screen: Send {
    /// Shows an item.
    ///
    /// # Errors
    /// The system's, if nothing more can be shown.
    fn show(&mut self, item: &Item) -> io::Result<()>;
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
    style: Style,
}

impl Screen for TerminalScreen {
    // Never blocks; the printer's thread does that.
    fn show(&mut self, item: &Item) -> io::Result<()> {
        let line = render(item, &self.style, Timestamp::now());
        let mut queue = self.shared.queue.lock();
        if queue.skipped > 0 || queue.bytes + line.len() + LINE_COST > QUEUE_MAX {
            queue.skipped += 1;
        } else {
            queue.bytes += line.len() + LINE_COST;
            queue.lines.push_back(line);
        }
        self.shared.changed.notify_one();
        Ok(())
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
    pub(super) fn screen(&self, style: Style) -> TerminalScreen {
        TerminalScreen { shared: Arc::clone(&self.shared), style }
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
        let Some(line) = queue.pop() else { return };
        drop(queue);
        if ending || terminal.print(line.clone()).is_err() {
            write_out(&line);
        }
    }
}

impl PrintQueue {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.skipped == 0
    }

    fn pop(&mut self) -> Option<String> {
        if let Some(mut line) = self.lines.pop_front() {
            self.bytes -= line.len() + LINE_COST;
            line.push('\n');
            return Some(line);
        }
        let skipped = std::mem::take(&mut self.skipped);
        match skipped {
            0 => None,
            1 => Some("(1 line was skipped here; /history shows it)\n".to_owned()),
            _ => Some(format!("({skipped} lines were skipped here; /history shows them)\n")),
        }
    }
}

/// Writes a line without the editor. If the terminal is gone, there is nobody to tell.
fn write_out(line: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
        log::debug!("can't write to the terminal: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::screen::Paint;
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::time::Duration;

    struct Fake(Sender<String>);

    impl ExternalPrinter for Fake {
        fn print(&mut self, line: String) -> rustyline::Result<()> {
            self.0.send(line).map_err(|_| rustyline::error::ReadlineError::Eof)
        }
    }

    fn next(printed: &Receiver<String>) -> String {
        printed.recv_timeout(Duration::from_secs(10)).unwrap()
    }

    #[test]
    fn lines_pass_in_order_while_the_gate_is_open() {
        let (sender, printed) = mpsc::channel();
        let printer = Printer::start(Fake(sender)).unwrap();
        let mut screen = printer.screen(Style { paint: Paint::Plain, clock: None });
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
        let mut screen = printer.screen(Style { paint: Paint::Plain, clock: None });
        let long = "x".repeat(QUEUE_MAX / 2 - 2 * LINE_COST);
        for text in [&long, &long, "short"] {
            screen.show(&Item::Local(text.to_owned())).unwrap();
        }
        screen.show(&Item::Local("x".repeat(100))).unwrap();
        printer.gate().open();
        assert_eq!((next(&printed).len(), next(&printed).len()), (long.len() + 3, long.len() + 3));
        assert_eq!(next(&printed), "(short)\n");
        let told = next(&printed);
        assert!(told.contains("skipped here"), "{told}");
        printer.finish();
    }
}
