//! What each key does.
//!
//! The keys are those of readline, and what chat clients have beyond it.

use super::buffer::To;
use super::history::History;
use super::keys::Key;
use super::tty::Wait;
use super::{Entered, LineEditor, Mode, asking, completion, outside};
use crate::client::interpret::is_secret;
use crate::client::place::Switch;
use crate::protocol::command::{Input, parse_line};
use crate::protocol::names::is_text;
use std::io;
use std::time::Duration;

/// Lines that come in one piece, beyond the one that is entered, from which on they are a paste, also where the
/// terminal does not mark it. Nobody types that many at once.
const PASTE_LINES: usize = 4;
/// How long a paste that is not marked may pause.
const PASTE_PAUSE: Duration = Duration::from_millis(50);

impl LineEditor {
    pub(super) fn press(&mut self, key: Key) -> io::Result<Option<Entered>> {
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
                let Some(answer) = asking::hidden(answer, key) else { return Ok(None) };
                let line = self.view.leave();
                self.tty.write(&line)?;
                self.mode = Mode::Typing;
                Ok(Some(Entered::Answer(answer)))
            }
        }
    }

    pub(super) fn typing(&mut self, key: Key) -> io::Result<Option<Entered>> {
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
        let mut out =
            if comes_back(&line) || is_secret(&line) { self.view.erase(self.tty.size()) } else { self.view.leave() };
        if is_secret(&line) {
            let mut words = line.split_whitespace();
            let verb = words.next().unwrap_or_default();
            out.push_str(&format!("{}{verb}{}\n", self.prompt, if words.next().is_some() { " …" } else { "" }));
        }
        self.tty.write(&out)?;
        Ok(Some(Entered::Line(line)))
    }

    fn paste(&mut self, text: &str) {
        let text = asking::typable(text);
        if text.contains('\n') {
            self.offer(format!("{}{text}{}", self.buffer.before_cursor(), self.buffer.after_cursor()));
        } else {
            self.buffer.insert(&text);
        }
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
            self.above.push_str(&completion::in_columns(&found.words, self.columns()));
        }
    }

    pub(super) fn edit_outside(&mut self) -> io::Result<()> {
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
    pub(super) fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || is_secret(line) {
            self.history.leave();
        } else {
            self.history.add(line);
        }
    }

    /// As `remember`, for what was not sent as a line: it does not go into the file.
    pub(super) fn keep(&mut self, text: &str) {
        if text.lines().any(is_secret) {
            self.history.leave();
        } else {
            self.history.keep(text);
        }
    }
}

/// Whether an entered line is shown again, with its time, once the server has it. Until then it is nowhere: what is
/// on the screen was said. Commands stay, above their answers.
fn comes_back(line: &str) -> bool {
    match parse_line(line) {
        Input::Nothing | Input::Text(_) => true,
        Input::Command { verb: Ok(verb), .. } => matches!(verb.name, "say" | "msg" | "post" | "me" | "act" | "reply"),
        Input::Command { .. } => false,
    }
}
