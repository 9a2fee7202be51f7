//! The line being typed, and the lines that arrive meanwhile above it.
//!
//! Owns the terminal while people chat: keys come in ([`keys`], by way of [`tty`]), they change the line ([`buffer`],
//! [`history`], [`completion`]), and it is drawn ([`view`]). Must not know the network. Runs on the main thread, which
//! waits here for keys and for other threads' wake-ups alike; so what arrives is shown at once, and the prompt can
//! change, whatever is half typed.
//!
//! Our own code, in spite of rustyline and reedline. rustyline fixes the width of the prompt when a line begins, so
//! it can't count what is unread elsewhere; it takes Alt with a digit for itself; it shows nothing while it searches;
//! and what was typed ahead is lost. reedline looks for lines to print ten times a second, draws all anew for each
//! key, asks the terminal where its cursor is, which fails where others write as well, and leaves out Ctrl-Z.

mod buffer;
mod completion;
mod history;
mod keys;
mod outside;
mod tty;
mod view;

use self::buffer::{Buffer, To};
use self::history::History;
use self::keys::{Decoder, ESCAPE_WAIT, Key};
use self::tty::{Kind, Tty, Wait};
pub(super) use self::tty::{Waker, ask_hidden};
use self::view::View;
pub(super) use self::view::width_of;
use super::attention::Attention;
use super::interpret::is_secret;
use super::known_names::KnownNames;
use super::place::Switch;
use super::printer::Printer;
use crate::protocol::names::is_text;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Lines that come in one piece, beyond the one that is entered, from which on they are a paste, also where the
/// terminal does not mark it. Nobody types that many at once.
const PASTE_LINES: usize = 4;
/// How long a paste that is not marked may pause.
const PASTE_PAUSE: Duration = Duration::from_millis(50);
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
            Mode::Pasted(text) => self.view.draw(&paste_question(text), "", "", size),
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

    fn press(&mut self, key: Key) -> io::Result<Option<Entered>> {
        if key == Key::Ctrl('z') {
            let line = self.view.leave();
            self.tty.write(&line)?;
            self.tty.suspend()?;
            self.tty.was_stopped();
            self.tty.enter()?;
            return Ok(None);
        }
        match &mut self.mode {
            Mode::Typing => self.typing(key),
            Mode::Prefix => {
                self.mode = Mode::Typing;
                match key {
                    Key::Ctrl('e') => self.edit_outside()?,
                    Key::Ctrl('u') => self.buffer.undo(),
                    _ => {}
                }
                Ok(None)
            }
            Mode::Searching { .. } => self.searching(key),
            Mode::Pasted(_) => self.pasted(key),
            Mode::Hidden { answer, .. } => {
                let Some(answer) = hidden(answer, key) else { return Ok(None) };
                let line = self.view.leave();
                self.tty.write(&line)?;
                self.mode = Mode::Typing;
                Ok(Some(Entered::Answer(answer)))
            }
        }
    }

    fn typing(&mut self, key: Key) -> io::Result<Option<Entered>> {
        let buffer = &mut self.buffer;
        match key {
            Key::Char(c) if is_text(c) => buffer.type_char(c),
            Key::Enter => return self.enter(),
            Key::Tab => self.complete(),
            Key::Paste(text) => self.paste(&text),
            Key::Ctrl('c') if buffer.text().is_empty() => return Ok(Some(Entered::Cancelled)),
            Key::Ctrl('c') => {
                let text = buffer.take();
                self.keep(&text);
            }
            Key::Ctrl('d') if buffer.text().is_empty() => return Ok(Some(Entered::End)),
            Key::Ctrl('d') | Key::Delete => buffer.delete(To::Right),
            Key::Backspace => buffer.delete(To::Left),
            Key::Left | Key::Ctrl('b') => buffer.go(To::Left),
            Key::Right | Key::Ctrl('f') => buffer.go(To::Right),
            Key::WordLeft | Key::Alt('b') => buffer.go(To::WordLeft),
            Key::WordRight | Key::Alt('f') => buffer.go(To::WordRight),
            Key::Home | Key::Ctrl('a') => buffer.go(To::Start),
            Key::End | Key::Ctrl('e') => buffer.go(To::End),
            Key::Ctrl('k') => buffer.cut(To::End),
            Key::Ctrl('u') => buffer.cut(To::Start),
            Key::Ctrl('w') => buffer.cut(To::BlankLeft),
            Key::AltBackspace => buffer.cut(To::WordLeft),
            Key::Alt('d') => buffer.cut(To::WordRight),
            Key::Ctrl('y') => buffer.paste(),
            Key::Ctrl('t') => buffer.transpose(),
            Key::Ctrl('_') => buffer.undo(),
            Key::Up | Key::Ctrl('p') => self.recall(History::earlier),
            Key::Down | Key::Ctrl('n') => self.recall(History::later),
            Key::Alt('<') => self.recall(History::first),
            Key::Alt('>') => self.recall(History::last),
            Key::Ctrl('r') => {
                let typed = buffer.text().to_owned();
                self.mode = Mode::Searching { part: String::new(), found: None, typed };
            }
            Key::Ctrl('l') => {
                self.view.forget();
                self.tty.write("\x1b[H\x1b[2J")?;
            }
            Key::Ctrl('x') => self.mode = Mode::Prefix,
            Key::Alt('a') => return Ok(Some(Entered::Switch(Switch::News))),
            Key::Alt(digit @ '1'..='9') => {
                return Ok(Some(Entered::Switch(Switch::Nth(digit as usize - '0' as usize))));
            }
            _ => {}
        }
        Ok(None)
    }

    fn enter(&mut self) -> io::Result<Option<Entered>> {
        if self.keys.waiting_lines() >= PASTE_LINES {
            while self.tty.wait(Some(PASTE_PAUSE))? == Wait::Input && self.fill()? {}
            let text = format!("{}\n{}", self.buffer.take(), self.keys.take_as_paste());
            self.offer(text);
            return Ok(None);
        }
        let line = self.buffer.take();
        if line.contains('\n') {
            self.offer(line);
            return Ok(None);
        }
        self.remember(&line);
        let line_end = self.view.leave();
        self.tty.write(&line_end)?;
        Ok(Some(Entered::Line(line)))
    }

    fn paste(&mut self, text: &str) {
        let text = typable(text);
        if text.contains('\n') {
            self.offer(format!("{}{text}{}", self.buffer.before_cursor(), self.buffer.after_cursor()));
        } else {
            self.buffer.insert(&text);
        }
    }

    /// Asks whether to send these lines, or types what is only one.
    fn offer(&mut self, text: String) {
        let text = typable(&text);
        if text.contains('\n') {
            self.mode = Mode::Pasted(text);
        } else {
            self.buffer.set(text);
        }
    }

    fn pasted(&mut self, key: Key) -> io::Result<Option<Entered>> {
        let Mode::Pasted(text) = &self.mode else { return Ok(None) };
        let text = text.clone();
        match key {
            Key::Char('y' | 'Y') => {
                self.mode = Mode::Typing;
                self.buffer.take();
                self.keep(&text);
                let lines = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned);
                return Ok(Some(Entered::Pasted(lines.collect())));
            }
            Key::Char('e' | 'E') => {
                self.mode = Mode::Typing;
                self.buffer.set(text);
                self.edit_outside()?;
            }
            Key::Char('n' | 'N') | Key::Enter | Key::Escape | Key::Ctrl('c' | 'd' | 'g') => {
                self.mode = Mode::Typing;
                self.keep(&text);
                self.say("(not sent; Up brings the lines back)");
            }
            _ => {}
        }
        Ok(None)
    }

    fn searching(&mut self, key: Key) -> io::Result<Option<Entered>> {
        let Mode::Searching { part, found, typed } = &mut self.mode else { return Ok(None) };
        let before = match key {
            Key::Ctrl('r') => *found,
            Key::Char(c) if is_text(c) => {
                part.push(c);
                found.map(|at| at + 1)
            }
            Key::Backspace => {
                part.pop();
                None
            }
            Key::Escape | Key::Ctrl('g' | 'c') => {
                self.buffer.set(std::mem::take(typed));
                self.mode = Mode::Typing;
                return Ok(None);
            }
            key => {
                self.mode = Mode::Typing;
                return self.typing(key);
            }
        };
        if let Some((at, entry)) = self.history.search(part, before).filter(|_| !part.is_empty()) {
            *found = Some(at);
            self.buffer.set(entry.to_owned());
        }
        Ok(None)
    }

    fn recall(&mut self, entry: impl FnOnce(&mut History, &str) -> Option<String>) {
        if let Some(text) = entry(&mut self.history, self.buffer.text()) {
            self.buffer.set(text);
        }
    }

    fn complete(&mut self) {
        let found = completion::complete(self.buffer.before_cursor(), &self.names);
        let common = found.common();
        if common.len() > self.buffer.cursor() - found.start {
            self.buffer.replace_from(found.start, common);
        } else if found.words.len() > 1 {
            self.above.push_str(&in_columns(&found.words, self.columns()));
        }
    }

    fn edit_outside(&mut self) -> io::Result<()> {
        let erased = self.view.erase(self.tty.size());
        self.tty.write(&erased)?;
        self.tty.leave()?;
        let edited = outside::edit(self.buffer.text());
        self.tty.enter()?;
        match edited {
            Ok(text) => {
                self.buffer.set(String::new());
                self.offer(text);
            }
            Err(error) => self.say(&format!("({error})")),
        }
        Ok(())
    }

    /// Adds a line to the history, unless it contains or may contain a secret.
    fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || is_secret(line) {
            self.history.leave();
        } else {
            self.history.add(line);
        }
    }

    /// As `remember`, for what was not sent as a line: it does not go into the file.
    fn keep(&mut self, text: &str) {
        if text.lines().any(is_secret) {
            self.history.leave();
        } else {
            self.history.keep(text);
        }
    }
}

/// One key of an answer that is not shown. The answer, once it is whole.
fn hidden(answer: &mut Zeroizing<String>, key: Key) -> Option<Zeroizing<String>> {
    match key {
        Key::Char(c) => answer.push(c),
        Key::Paste(text) => answer.push_str(text.lines().next().unwrap_or_default()),
        Key::Backspace => {
            answer.pop();
        }
        Key::Ctrl('u') => *answer = Zeroizing::new(String::new()),
        Key::Enter => return Some(std::mem::take(answer)),
        Key::Ctrl('c' | 'd' | 'g') | Key::Escape => return Some(Zeroizing::new(String::new())),
        _ => {}
    }
    None
}

/// A text without what can't be typed, and without line ends around it.
fn typable(text: &str) -> String {
    text.trim_matches('\n').chars().filter(|&c| c == '\n' || is_text(c)).collect()
}

fn paste_question(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    format!("Send these {lines} lines? y sends them, n does not, e edits them: ")
}

/// Words below one another, in as many columns as fit.
fn in_columns(words: &[String], columns: usize) -> String {
    let words: Vec<&str> = words.iter().map(|word| word.trim_end_matches([' ', ','])).collect();
    let wide = words.iter().map(|word| width_of(word)).max().unwrap_or(0) + 2;
    let per_row = (columns / wide).max(1);
    let mut out = String::new();
    for row in words.chunks(per_row) {
        let padded = row.iter().map(|word| format!("{word}{}", " ".repeat(wide - width_of(word))));
        out.push_str(padded.collect::<String>().trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_are_listed_in_columns() {
        let words: Vec<String> = ["Bob, ", "bonnie, ", "日本 "].iter().map(|&word| word.to_owned()).collect();
        assert_eq!(in_columns(&words, 16), "Bob     bonnie\n日本\n");
        assert_eq!(in_columns(&words, 5), "Bob\nbonnie\n日本\n");
    }

    #[test]
    fn a_hidden_answer_is_edited_blindly() {
        let mut answer = Zeroizing::new(String::new());
        for key in [Key::Char('x'), Key::Ctrl('u'), Key::Char('a'), Key::Char('b'), Key::Backspace, Key::Up] {
            assert_eq!(hidden(&mut answer, key), None);
        }
        assert_eq!(hidden(&mut answer, Key::Enter).as_deref().map(String::as_str), Some("a"));
        assert_eq!(hidden(&mut answer, Key::Ctrl('c')).as_deref().map(String::as_str), Some(""));
    }

    #[test]
    fn pasted_text_has_nothing_that_can_not_be_typed() {
        assert_eq!(typable("\n\tif x {\u{1b}[2J\n}\n\n"), "\tif x {[2J\n}");
    }
}
