//! The line being typed, and the lines that arrive meanwhile above it.
//!
//! Owns the terminal while people chat: keys come in ([`tty`], [`keys`]), do something ([`press`], [`asking`]) to the
//! line ([`buffer`], [`history`], [`completion`], [`outside`]), and it is drawn ([`view`]). Must not know the network.
//! Runs on the main thread, which waits here for keys and for other threads' wake-ups alike; so what arrives is shown
//! at once, and the prompt can change, whatever is half typed.
//!
//! Our own code, in spite of rustyline and reedline: what follows was read in the sources of 19.0.0 and 0.52.1.
//!
//! rustyline measures the prompt when a line begins (`State::new`) and again only when the terminal's width changes
//! (`State::next_cmd`), so it can't count what is unread elsewhere. `InputState::emacs` takes Alt with a digit as a
//! count, before it looks for a binding. While it searches (`reverse_incremental_search`) or lists (`complete_line`)
//! it prints nothing, and whoever prints waits: `ExternalPrinter` passes on one text at a time.
//!
//! reedline is not woken by a line to print or by a new prompt: it looks for them ten times a second
//! (`Reedline::read_line_helper`, `DEFAULT_POLL_INTERVAL`). For each key that does something it erases prompt and line
//! and writes both again (`Painter::repaint_buffer`), which a screen reader speaks. To print above the line it counts
//! the line's rows in bytes, and the left prompt not at all, and afterwards asks the terminal where the cursor is
//! (`Painter::print_external_message`), for whose answer crossterm waits up to two seconds (`read_position_raw`).

mod asking;
mod buffer;
mod completion;
mod hidden;
mod history;
mod keys;
mod outside;
mod press;
mod tty;
mod view;

use self::buffer::Buffer;
pub(super) use self::hidden::ask_hidden;
use self::history::History;
use self::keys::{Decoder, ESCAPE_WAIT};
pub(super) use self::tty::Waker;
use self::tty::{Kind, Tty, Wait};
use self::view::View;
pub(super) use self::view::width_of;
use super::attention::Attention;
use super::known_names::KnownNames;
use super::place::Switch;
use super::printer::Printer;
use std::io;
use std::path::PathBuf;
use std::time::Instant;
use zeroize::Zeroizing;

/// Bytes that are read at once.
const READ: usize = 4096;

/// What the user did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// A line.
    Line(String),
    /// Several lines that were pasted, and are to be sent.
    Pasted(Vec<String>),
    /// An answer to [`LineEditor::ask`]; an empty one cancels.
    Answer(Zeroizing<String>),
    /// A key that goes to another conversation.
    Switch(Switch),
    /// Ctrl-C, and there was nothing to clear.
    Cancelled,
    /// Ctrl-D.
    End,
    /// The terminal is gone, or the process was asked to end.
    Gone,
    /// Nothing: another thread woke this one.
    Woken,
}

/// What the keys are for.
#[derive(Debug)]
enum Mode {
    Typing,
    /// Ctrl-X came, and what it does depends on the next key.
    Prefix,
    Searching {
        part: String,
        /// The number of the entry that is shown.
        found: Option<usize>,
        /// The line as it was before.
        typed: String,
    },
    /// Whether to send these lines?
    Pasted(String),
    Hidden {
        question: String,
        answer: Zeroizing<String>,
    },
}

pub(super) struct LineEditor {
    tty: Tty,
    printer: Printer,
    keys: Decoder,
    attention: Attention,
    buffer: Buffer,
    history: History,
    names: KnownNames,
    view: View,
    mode: Mode,
    prompt: String,
    /// What is to be printed above the line.
    above: String,
}

impl LineEditor {
    /// An editor on the terminal, with the history of earlier runs.
    ///
    /// # Errors
    /// The system's, if the terminal can't be used.
    pub(super) fn new(history: PathBuf, names: KnownNames) -> io::Result<Self> {
        let tty = Tty::open()?;
        Ok(Self {
            printer: Printer::new(tty.waker()),
            tty,
            keys: Decoder::default(),
            attention: Attention::new(Instant::now()),
            buffer: Buffer::default(),
            history: History::open(history),
            names,
            view: View::default(),
            mode: Mode::Typing,
            prompt: String::new(),
            above: String::new(),
        })
    }

    /// What others print, and what wakes this thread.
    pub(super) fn printer(&self) -> Printer {
        self.printer.clone()
    }

    /// Whether somebody is typing.
    pub(super) fn attention(&self) -> Attention {
        self.attention.clone()
    }

    /// Whether the cursor can be moved. Where it can't, there is no prompt: lines may be printed after it at any time.
    pub(super) fn has_prompt(&self) -> bool {
        self.tty.kind() == Kind::Full
    }

    /// The columns of the terminal.
    pub(super) fn columns(&self) -> usize {
        self.tty.size().columns
    }

    /// What stands before the line from now on.
    pub(super) fn set_prompt(&mut self, prompt: String) {
        self.prompt = prompt;
    }

    /// Prints one of the client's own lines.
    pub(super) fn say(&mut self, text: &str) {
        self.above.push_str(text);
        self.above.push('\n');
    }

    /// Asks a question whose answer is not shown. [`Entered::Answer`] brings it.
    pub(super) fn ask(&mut self, question: String) {
        self.mode = Mode::Hidden { question, answer: Zeroizing::new(String::new()) };
    }

    /// Waits for the user to do something, or for another thread.
    ///
    /// # Errors
    /// The system's, if the terminal fails.
    pub(super) fn next(&mut self) -> io::Result<Entered> {
        loop {
            self.show()?;
            if self.tty.is_ending() {
                return Ok(Entered::Gone);
            }
            if self.tty.kind() == Kind::Dumb {
                if let Some(entered) = self.dumb()? {
                    return Ok(entered);
                }
                continue;
            }
            let key = self.keys.next();
            if let Some(key) = key {
                if let Some(entered) = self.press(key)? {
                    // As it looks then, also if nothing is read for a while.
                    self.show()?;
                    return Ok(entered);
                }
                continue;
            }
            let timeout = self.keys.has_escape().then_some(ESCAPE_WAIT);
            match self.tty.wait(timeout)? {
                Wait::Woken => {
                    if self.tty.was_stopped() {
                        self.tty.enter()?;
                        self.view.forget();
                    }
                    return Ok(Entered::Woken);
                }
                Wait::Input if !self.fill()? => return Ok(Entered::Gone),
                Wait::Input => {}
                Wait::TimedOut => {
                    let key = self.keys.escape();
                    self.press(key)?;
                }
            }
        }
    }

    /// Prints what is left, and gives the terminal back. A half-typed line stays where it is.
    ///
    /// # Errors
    /// The system's, if the terminal fails.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.show()?;
        let end = if self.buffer.text().is_empty() { self.view.erase(self.tty.size()) } else { self.view.leave() };
        self.tty.write(&end)
        // Dropping the terminal puts its mode back.
    }

    /// Prints what arrived, and draws the line if it has changed.
    fn show(&mut self) -> io::Result<()> {
        let mut lines = std::mem::take(&mut self.above);
        lines.push_str(&self.printer.take());
        if self.tty.kind() == Kind::Dumb {
            return self.tty.write(&lines);
        }
        let size = self.tty.size();
        let mut out = if lines.is_empty() { String::new() } else { self.view.erase(size) };
        out.push_str(&lines);
        let buffer = &self.buffer;
        out.push_str(&match &self.mode {
            Mode::Typing | Mode::Prefix => {
                self.view.draw(&self.prompt, buffer.before_cursor(), buffer.after_cursor(), size)
            }
            Mode::Searching { part, .. } => self.view.draw(&format!("(search) {part}: "), buffer.text(), "", size),
            Mode::Pasted(text) => self.view.draw(&asking::paste_question(text), "", "", size),
            Mode::Hidden { question, .. } => self.view.draw(question, "", "", size),
        });
        self.tty.write(&out)
    }

    /// Reads what was typed. Whether there is more to come.
    fn fill(&mut self) -> io::Result<bool> {
        let mut bytes = Zeroizing::new([0; READ]);
        let read = self.tty.read(&mut *bytes)?;
        self.keys.push(read);
        self.attention.key(Instant::now());
        Ok(!read.is_empty())
    }

    /// A terminal that can't move its cursor gives whole lines.
    fn dumb(&mut self) -> io::Result<Option<Entered>> {
        if let Mode::Hidden { question, .. } = std::mem::replace(&mut self.mode, Mode::Typing) {
            let answer = ask_hidden(&question).unwrap_or_default().unwrap_or_default();
            return Ok(Some(Entered::Answer(answer)));
        }
        if let Some(line) = self.keys.line() {
            self.remember(&line);
            return Ok(Some(Entered::Line(line)));
        }
        match self.tty.wait(None)? {
            Wait::Woken => Ok(Some(Entered::Woken)),
            Wait::Input if !self.fill()? => Ok(Some(Entered::End)),
            _ => Ok(None),
        }
    }
}
