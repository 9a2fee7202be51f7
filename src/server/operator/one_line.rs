//! A text that others chose, for a terminal: it stays on its line and controls nothing. Pure.

use crate::protocol::names::is_text;
use std::fmt::Write as _;

/// The text with each character escaped that no text of a chat may have: `\n`, `\u{1b}`.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if is_text(c) => line.push(c),
            // Writing to a String can't fail.
            c if c.is_control() => drop(write!(line, "{}", c.escape_default())),
            c => drop(write!(line, "{}", c.escape_unicode())),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_begins_a_line_or_controls_the_terminal() {
        assert_eq!(one_line("d\u{e4}\ta \\ \""), "d\u{e4}\ta \\ \"");
        assert_eq!(one_line("a\nb\r\x1b[2J\u{9b}\u{202e}\u{2028}"), r"a\nb\r\u{1b}[2J\u{9b}\u{202e}\u{2028}");
    }
}
