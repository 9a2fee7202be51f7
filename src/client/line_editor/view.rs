//! How the line being typed is drawn, and erased again.
//!
//! Pure: makes the bytes for the terminal, and remembers which rows they cover. It writes as little as it can,
//! since a screen reader speaks what is written: a character typed at the end is only that character.

use crate::protocol::names::is_text;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthChar as _;

/// The columns of a tab in the line.
const TAB: usize = 4;

/// The size of the terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub columns: usize,
    pub rows: usize,
}

/// What is on the screen.
#[derive(Debug, Default)]
pub(super) struct View {
    drawn: Option<Drawn>,
}

#[derive(Debug, PartialEq, Eq)]
struct Drawn {
    /// The prompt and the line, as they are shown.
    text: String,
    /// How much of it is before the cursor, in bytes.
    cursor: usize,
    size: Size,
}

/// A column and a row, from where the drawing begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    column: usize,
    row: usize,
}

impl View {
    /// The bytes that show this line in the place of what was shown before.
    pub(super) fn draw(&mut self, prompt: &str, before: &str, after: &str, size: Size) -> String {
        let mut text = shown(prompt) + &shown(before);
        let mut cursor = text.len();
        text.push_str(&shown(after));
        (text, cursor) = within(text, cursor, size);
        let new = Drawn { text, cursor, size };
        let out = match &self.drawn {
            Some(old) if *old == new => String::new(),
            // Typed at the end, and nothing wraps.
            Some(old) if old.grows_into(&new) => new.text[old.text.len()..].to_owned(),
            Some(old) if old.text == new.text && old.size == new.size => go(old.place(), new.place()),
            _ => self.erase(size) + &new.bytes(),
        };
        self.drawn = Some(new);
        out
    }

    /// The bytes that erase the line. The cursor is where the line began.
    pub(super) fn erase(&mut self, size: Size) -> String {
        let Some(mut old) = self.drawn.take() else { return String::new() };
        // After a change of its width, the terminal has wrapped the line anew.
        old.size = size;
        go(old.place(), Place { column: 0, row: 0 }) + "\x1b[J"
    }

    /// The bytes that leave the line as it is, and go below it.
    pub(super) fn leave(&mut self) -> String {
        let Some(old) = self.drawn.take() else { return String::new() };
        go(old.place(), end(&old.text, old.size)) + "\n"
    }

    /// Something else has cleared the screen.
    pub(super) fn forget(&mut self) {
        self.drawn = None;
    }
}

impl Drawn {
    fn place(&self) -> Place {
        end(&self.text[..self.cursor], self.size)
    }

    fn bytes(&self) -> String {
        let mut out = self.text.clone();
        let last = end(&self.text, self.size);
        if last.column == 0 && last.row > 0 {
            // A terminal stays in its last column until another character comes.
            out.push('\n');
        }
        out + &go(last, self.place())
    }

    fn grows_into(&self, new: &Self) -> bool {
        let at_end = self.cursor == self.text.len() && new.cursor == new.text.len();
        at_end && self.size == new.size && new.text.starts_with(&self.text) && {
            let (from, to) = (self.place(), new.place());
            from.row == to.row && from.column < to.column
        }
    }
}

/// A text as it is shown in the line: no control characters, and no parts of a character that some terminals join
/// and others don't. Nobody can tell how wide such a sequence is, and the cursor would be in the wrong place.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('⏎'),
            '\t' => out.push_str(&" ".repeat(TAB)),
            // The joiner, the choice between text and emoji, and the tones of skin.
            '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' => {}
            c if is_text(c) => out.push(c),
            _ => out.push('\u{fffd}'),
        }
    }
    out
}

/// The part of a text around the cursor that fits on the screen: a terminal can't go back above its first row.
fn within(text: String, cursor: usize, size: Size) -> (String, usize) {
    // The cursor may need a row of its own below a full one.
    let rows = size.rows.saturating_sub(1).max(1);
    if end(&text, size).row < rows {
        return (text, cursor);
    }
    let columns = rows * size.columns - 2;
    let mut from = cursor;
    let mut taken = 0;
    for (at, cluster) in text[..cursor].grapheme_indices(true).rev() {
        // What is wide may leave a column empty at the end of each row.
        taken += width_of(cluster).max(1);
        if taken > columns * 3 / 4 - rows {
            break;
        }
        from = at;
    }
    let mut until = cursor;
    for (at, cluster) in text[cursor..].grapheme_indices(true) {
        taken += width_of(cluster).max(1);
        if taken + rows > columns {
            break;
        }
        until = cursor + at + cluster.len();
    }
    let begin = if from > 0 { "…" } else { "" };
    let cut = format!("{begin}{}{}", &text[from..until], if until < text.len() { "…" } else { "" });
    (cut, cursor - from + begin.len())
}

/// The columns of a text on one row.
pub(in crate::client) fn width_of(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Where the cursor is after a text that begins in the first column.
fn end(text: &str, size: Size) -> Place {
    let mut place = Place { column: 0, row: 0 };
    for cluster in text.graphemes(true) {
        let width = width_of(cluster);
        // A wide character is not split.
        if place.column + width > size.columns {
            place = Place { column: 0, row: place.row + 1 };
        }
        place.column += width;
    }
    if place.column >= size.columns {
        place = Place { column: 0, row: place.row + 1 };
    }
    place
}

fn go(from: Place, to: Place) -> String {
    let rows = match (from.row, to.row) {
        (from, to) if from > to => format!("\x1b[{}A", from - to),
        (from, to) if from < to => format!("\x1b[{}B", to - from),
        _ => String::new(),
    };
    let column = match to.column {
        column if column == from.column => String::new(),
        0 => "\r".to_owned(),
        column => format!("\r\x1b[{column}C"),
    };
    rows + &column
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { columns: 10, rows: 4 };

    #[test]
    fn a_character_at_the_end_is_all_that_is_written() {
        let mut view = View::default();
        assert_eq!(view.draw("> ", "", "", SIZE), "> ");
        assert_eq!(view.draw("> ", "h", "", SIZE), "h");
        assert_eq!(view.draw("> ", "h日", "", SIZE), "日");
        assert_eq!(view.draw("> ", "h日", "", SIZE), "");
        assert_eq!(view.draw("> ", "h", "日", SIZE), "\r\x1b[3C");
    }

    #[test]
    fn a_full_row_takes_the_cursor_to_the_next() {
        let mut view = View::default();
        assert_eq!(view.draw("> ", "12345678", "", SIZE), "> 12345678\n");
        assert_eq!(view.draw("> ", "123456789", "", SIZE), "9");
        assert_eq!(view.erase(SIZE), "\x1b[1A\r\x1b[J");
        // A wide character does not fit in the last column.
        assert_eq!(view.draw("> ", "1234567日", "", SIZE), "> 1234567日");
        assert_eq!(view.erase(SIZE), "\x1b[1A\r\x1b[J");
    }

    #[test]
    fn the_rows_are_counted_anew_when_the_width_changes() {
        let mut view = View::default();
        view.draw("> ", "12345678901234", "", Size { columns: 40, rows: 4 });
        assert_eq!(view.erase(SIZE), "\x1b[1A\r\x1b[J");
    }

    #[test]
    fn what_terminals_measure_differently_is_not_shown() {
        assert_eq!(shown("\u{1f469}\u{1f3fd}\u{200d}\u{1f680}❤\u{fe0f}"), "\u{1f469}\u{1f680}❤");
        assert_eq!(shown("a\tb\nc\u{1b}[2J\u{202e}"), "a    b⏎c\u{fffd}[2J\u{fffd}");
        assert_eq!(shown("e\u{301} שלום"), "e\u{301} שלום");
    }

    #[test]
    fn of_a_line_higher_than_the_screen_the_part_around_the_cursor_is_shown() {
        let line = "x".repeat(500);
        for at in [0, 17, 250, 499, 500] {
            let (text, cursor) = within(line.clone(), at, SIZE);
            assert!(end(&text, SIZE).row < SIZE.rows, "{at}: {text}");
            assert!(text.is_char_boundary(cursor) && cursor <= text.len());
        }
        let (text, cursor) = within(line.clone(), 500, SIZE);
        assert!(text.starts_with('…') && cursor == text.len(), "{text}");
        let wide = "日".repeat(500);
        assert!(end(&within(wide, 300, SIZE).0, SIZE).row < SIZE.rows);
    }
}
