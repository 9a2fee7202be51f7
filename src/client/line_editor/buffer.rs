//! The text that is being typed, its cursor, and what edits do to both.
//!
//! Pure. The cursor stands between two grapheme clusters, which are what people take for one character.

use unicode_segmentation::UnicodeSegmentation as _;

/// States that an undo can go back to.
const UNDO_MAX: usize = 100;

/// A text and a cursor in it.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    text: String,
    /// In bytes.
    cursor: usize,
    /// Earlier texts and cursors.
    undo: Vec<(String, usize)>,
    /// What was cut last.
    cut: String,
    last: LastEdit,
}

/// What the last edit was: some go on with it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum LastEdit {
    /// Characters were typed; more of them are undone together.
    Typed,
    /// A text was cut; what is cut next goes with it.
    Cut,
    #[default]
    Other,
}

/// From the cursor to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    Left,
    Right,
    /// The beginning of a word of letters and digits.
    WordLeft,
    /// The end of one.
    WordRight,
    /// The beginning of a word between blanks.
    BlankLeft,
    Start,
    End,
}

impl Buffer {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(super) fn before_cursor(&self) -> &str {
        &self.text[..self.cursor]
    }

    pub(super) fn after_cursor(&self) -> &str {
        &self.text[self.cursor..]
    }

    /// Another text in the place of all of it, with the cursor at its end.
    pub(super) fn set(&mut self, text: String) {
        self.remember(LastEdit::Other);
        self.cursor = text.len();
        self.text = text;
    }

    /// Takes the text out, and forgets what could be undone.
    pub(super) fn take(&mut self) -> String {
        self.undo.clear();
        self.cursor = 0;
        self.last = LastEdit::Other;
        std::mem::take(&mut self.text)
    }

    /// Types a character.
    pub(super) fn type_char(&mut self, c: char) {
        if self.last != LastEdit::Typed {
            self.remember(LastEdit::Typed);
        }
        self.put(c.encode_utf8(&mut [0; 4]));
    }

    /// Inserts a text.
    pub(super) fn insert(&mut self, text: &str) {
        self.remember(LastEdit::Other);
        self.put(text);
    }

    fn put(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    /// Puts a text in the place of what stands between `start` and the cursor.
    pub(super) fn replace_from(&mut self, start: usize, text: &str) {
        self.remember(LastEdit::Other);
        self.text.replace_range(start..self.cursor, text);
        self.cursor = start + text.len();
    }

    pub(super) fn go(&mut self, to: To) {
        self.cursor = self.place(to);
        self.last = LastEdit::Other;
    }

    /// Deletes from the cursor to there.
    pub(super) fn delete(&mut self, to: To) {
        let there = self.place(to);
        if there != self.cursor {
            self.remember(LastEdit::Other);
            self.remove(there);
        }
    }

    /// As `delete`, but it can be pasted.
    pub(super) fn cut(&mut self, to: To) {
        let there = self.place(to);
        if there == self.cursor {
            return;
        }
        let goes_on = self.last == LastEdit::Cut;
        self.remember(LastEdit::Cut);
        let backwards = there < self.cursor;
        let cut = self.remove(there);
        self.cut = match (goes_on, backwards) {
            (false, _) => cut,
            (true, true) => cut + &self.cut,
            (true, false) => std::mem::take(&mut self.cut) + &cut,
        };
    }

    /// Inserts what was cut last.
    pub(super) fn paste(&mut self) {
        let cut = self.cut.clone();
        self.insert(&cut);
    }

    /// Exchanges the characters around the cursor; at the end, the last two.
    pub(super) fn transpose(&mut self) {
        if self.cursor == self.text.len() {
            self.go(To::Left);
        }
        let (left, right) = (self.place(To::Left), self.place(To::Right));
        if left < self.cursor {
            self.remember(LastEdit::Other);
            let exchanged = format!("{}{}", &self.text[self.cursor..right], &self.text[left..self.cursor]);
            self.text.replace_range(left..right, &exchanged);
        }
        self.cursor = right;
    }

    pub(super) fn undo(&mut self) {
        if let Some((text, cursor)) = self.undo.pop() {
            (self.text, self.cursor) = (text, cursor);
        }
        self.last = LastEdit::Other;
    }

    fn remember(&mut self, edit: LastEdit) {
        if self.undo.len() == UNDO_MAX {
            self.undo.remove(0);
        }
        self.undo.push((self.text.clone(), self.cursor));
        self.last = edit;
    }

    fn remove(&mut self, there: usize) -> String {
        let (from, until) = (self.cursor.min(there), self.cursor.max(there));
        self.cursor = from;
        self.text.drain(from..until).collect()
    }

    fn place(&self, to: To) -> usize {
        let (before, after) = (self.before_cursor(), self.after_cursor());
        // Of a text, what is left without the characters at its end.
        let without = |text: &str, these: fn(char) -> bool| text.trim_end_matches(these).len();
        match to {
            To::Start => 0,
            To::End => self.text.len(),
            To::Left => before.grapheme_indices(true).next_back().map_or(0, |(at, _)| at),
            To::Right => self.cursor + after.graphemes(true).next().map_or(0, str::len),
            To::WordLeft => {
                let end = without(before, |c| !c.is_alphanumeric());
                without(&before[..end], char::is_alphanumeric)
            }
            To::BlankLeft => {
                let end = without(before, char::is_whitespace);
                without(&before[..end], |c| !c.is_whitespace())
            }
            To::WordRight => {
                let word = after.trim_start_matches(|c: char| !c.is_alphanumeric());
                self.text.len() - word.trim_start_matches(char::is_alphanumeric).len()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Buffer {
        let mut buffer = Buffer::default();
        text.chars().for_each(|c| buffer.type_char(c));
        buffer
    }

    #[test]
    fn the_cursor_goes_by_what_people_take_for_a_character() {
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        let mut buffer = typed(&format!("e\u{301}{family}"));
        buffer.go(To::Left);
        assert_eq!(buffer.before_cursor(), "e\u{301}");
        buffer.go(To::Left);
        assert_eq!(buffer.before_cursor(), "");
        buffer.go(To::End);
        buffer.delete(To::Left);
        assert_eq!(buffer.text(), "e\u{301}");
        buffer.delete(To::Left);
        assert_eq!(buffer.text(), "");
    }

    #[test]
    fn words_are_cut_and_pasted() {
        let mut buffer = typed("see http://a.example/b, bob");
        buffer.cut(To::WordLeft);
        buffer.cut(To::BlankLeft);
        assert_eq!(buffer.text(), "see ");
        buffer.go(To::Start);
        buffer.paste();
        assert_eq!(buffer.text(), "http://a.example/b, bobsee ");
        buffer.go(To::Start);
        buffer.go(To::WordRight);
        assert_eq!(buffer.before_cursor(), "http");
        buffer.cut(To::End);
        buffer.cut(To::Start);
        buffer.paste();
        assert_eq!(buffer.text(), "http://a.example/b, bobsee ");
    }

    #[test]
    fn what_was_typed_in_one_go_is_undone_in_one_go() {
        let mut buffer = typed("hello");
        buffer.cut(To::WordLeft);
        buffer.insert("a paste");
        buffer.undo();
        assert_eq!(buffer.text(), "");
        buffer.undo();
        assert_eq!((buffer.text(), buffer.cursor()), ("hello", 5));
        buffer.undo();
        buffer.undo();
        assert_eq!(buffer.text(), "");
    }

    #[test]
    fn neighbours_are_exchanged() {
        let mut buffer = typed("teh");
        buffer.transpose();
        assert_eq!(buffer.text(), "the");
        let mut alone = typed("x");
        alone.transpose();
        assert_eq!(alone.text(), "x");
    }
}
