//! What else the keys may be for: to answer whether a paste is sent, to search, to answer a question unseen.

use super::keys::Key;
use super::{Entered, LineEditor, Mode};
use crate::protocol::names::is_text;
use std::io;
use zeroize::Zeroizing;

impl LineEditor {
    /// Asks whether to send these lines, or types what is only one.
    pub(super) fn offer(&mut self, text: String) {
        let text = typable(&text);
        if text.contains('\n') {
            self.mode = Mode::Pasted(text);
        } else {
            self.buffer.set(text);
        }
    }

    pub(super) fn pasted(&mut self, key: Key) -> io::Result<Option<Entered>> {
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

    pub(super) fn searching(&mut self, key: Key) -> io::Result<Option<Entered>> {
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
}

/// One key of an answer that is not shown. The answer, once it is whole. rpassword could not read it here: it keeps
/// the thread until then, and lines that arrive would wait. Where none arrive, [`super::hidden`] has it read.
pub(super) fn hidden(answer: &mut Zeroizing<String>, key: Key) -> Option<Zeroizing<String>> {
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
pub(super) fn typable(text: &str) -> String {
    text.trim_matches('\n').chars().filter(|&c| c == '\n' || is_text(c)).collect()
}

pub(super) fn paste_question(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    format!("Send these {lines} lines? y sends them, n does not, e edits them: ")
}

#[cfg(test)]
mod tests {
    use super::*;

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
