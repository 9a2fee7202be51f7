//! Lines as a terminal has room for them: how wide characters are, and where lines wrap.
//!
//! The terminal would wrap in the middle of a word, and begin the rest in its first column, where
//! lines begin: a text could then be written to look like somebody else's line. So what is wrapped
//! here is indented, below the text if there is room. Text copied from there has line ends that the
//! message did not have; an address (`https://…`) has none, it is left to the terminal if it is
//! longer than a line.
//!
//! Pure; knows no terminal. Lines here have no control characters but the colours.

use super::{Look, Paint, clean};
use std::borrow::Cow;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr as _};

/// A narrower terminal is left to wrap by itself. From here on a third of it is more than the time takes.
const WIDTH_MIN: usize = 30;
/// How far wrapped lines are indented at least, where a line begins with a text.
const INDENT_MIN: usize = 4;
/// TABs go to the next multiple of this, counted from the text's beginning.
const TAB: usize = 8;
/// Begins a part of a line whose direction is nobody else's: U+2068, FIRST STRONG ISOLATE.
const ISOLATE: char = '\u{2068}';
/// Ends it: U+2069, POP DIRECTIONAL ISOLATE.
const ISOLATE_END: char = '\u{2069}';

/// A line that is being put together.
#[derive(Debug, Clone, Default)]
pub(in crate::client) struct StyledLine {
    text: String,
    /// Which looks its parts have, each up to an end in `text`.
    looks: Vec<(usize, Look)>,
    /// The column in which the text of a message begins.
    text_at: Option<usize>,
}

impl StyledLine {
    /// Appends a part, which must be clean.
    pub(in crate::client) fn put(&mut self, look: Look, part: &str) -> &mut Self {
        self.text.push_str(part);
        match self.looks.last_mut() {
            Some((end, last)) if *last == look => *end = self.text.len(),
            _ => self.looks.push((self.text.len(), look)),
        }
        self
    }

    /// Appends what a line is about, below whose beginning the rest of it is indented. It must be clean.
    pub(in crate::client) fn put_text(&mut self, look: Look, text: &str) -> &mut Self {
        self.text_at = Some(width(&self.text));
        if !text.contains('\t') {
            return self.put(look, text);
        }
        let mut column = 0;
        for (position, part) in text.split('\t').enumerate() {
            if position > 0 {
                let blanks = TAB - column % TAB;
                self.put(look, &" ".repeat(blanks));
                column += blanks;
            }
            self.put(look, part);
            column += width(part);
        }
        self
    }

    /// The rows of a terminal of `columns`, without their line ends; one row if that is not known.
    #[must_use]
    pub(in crate::client) fn rows(&self, columns: Option<usize>, paint: Paint) -> Vec<String> {
        let wraps = columns.filter(|&columns| columns >= WIDTH_MIN && width(&self.text) > columns);
        let Some(columns) = wraps else { return vec![self.painted(0..self.text.len(), 0, paint)] };
        let indent = self.text_at.unwrap_or(0).clamp(INDENT_MIN, columns / 3);
        let mut rows = Vec::new();
        for (position, row) in wrapped(&self.text, columns, indent).into_iter().enumerate() {
            rows.push(self.painted(row, if position == 0 { 0 } else { indent }, paint));
        }
        rows
    }

    fn painted(&self, part: Range<usize>, indent: usize, paint: Paint) -> String {
        let mut out = " ".repeat(indent);
        // A terminal lays out each row by itself, so an isolated part that is wrapped is isolated in each of them.
        if ends_isolated(&self.text[..part.start]) {
            out.push(ISOLATE);
        }
        let mut start = 0;
        for &(end, look) in &self.looks {
            let (from, to) = (start.max(part.start), end.min(part.end));
            if from < to {
                paint.put(&mut out, &self.text[from..to], look);
            }
            start = end;
        }
        if ends_isolated(&self.text[..part.end]) {
            out.push(ISOLATE_END);
        }
        out
    }
}

/// How many columns a text takes. Terminals don't agree about emoji that are put together from
/// several; this is the most that one of them takes.
#[must_use]
pub(in crate::client) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(grapheme_width).sum() }
}

fn grapheme_width(grapheme: &str) -> usize {
    let apart = grapheme.chars().filter_map(UnicodeWidthChar::width).sum();
    grapheme.width().max(apart)
}

/// The text, or its beginning with `…` if it takes more than `columns`.
#[must_use]
pub(in crate::client) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut taken = 0;
    let fits = text.grapheme_indices(true).take_while(|(_, grapheme)| {
        taken += grapheme_width(grapheme);
        taken < columns
    });
    let end = fits.last().map_or(0, |(start, grapheme)| start + grapheme.len());
    format!("{}…", text[..end].trim_end())
}

/// A text in parts of at most so many columns, but for what can't be parted.
#[must_use]
pub(in crate::client) fn parted(text: &str, columns: usize) -> Vec<&str> {
    wrapped(text, columns, 0).into_iter().map(|part| &text[part]).collect()
}

/// Sentences for a person, beside the lines of the chat: clean, and wrapped between words if it is known how wide the
/// terminal is. A line that begins with a blank is something to compare or copy, and is left as it is.
#[must_use]
pub(in crate::client) fn sentences(text: &str, columns: Option<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    for (position, line) in text.split('\n').enumerate() {
        if position > 0 {
            out.push('\n');
        }
        let line = clean(line);
        match columns.filter(|&columns| columns >= WIDTH_MIN && width(&line) > columns && !line.starts_with(' ')) {
            // A question ends with a blank, behind which the answer is typed.
            Some(columns) => {
                out.push_str(&parted(line.trim_end(), columns).join("\n"));
                out.push_str(&line[line.trim_end().len()..]);
            }
            None => out.push_str(&line),
        }
    }
    out
}

/// A piece of a line that is not parted.
struct Word {
    part: Range<usize>,
    width: usize,
    /// The width of the blanks before it.
    blanks: usize,
}

/// Where the rows of a text begin and end. Blanks between two rows belong to neither.
fn wrapped(text: &str, columns: usize, indent: usize) -> Vec<Range<usize>> {
    let mut rows: Vec<Range<usize>> = Vec::new();
    let (mut row, mut column) = (0..0, 0);
    let mut next_row = |row: &mut Range<usize>, column: &mut usize, start: usize| {
        rows.push(row.clone());
        (*row, *column) = (start..start, indent);
    };
    for word in words(text) {
        // The blanks that a line begins with are its own.
        let is_first = row.end == 0;
        if column + word.blanks + word.width <= columns {
            column += word.blanks + word.width;
            row.end = word.part.end;
            continue;
        }
        let piece = &text[word.part.clone()];
        let fits_alone = indent + word.width <= columns;
        if !is_first && (fits_alone || is_address(piece) || column + word.blanks >= columns) {
            next_row(&mut row, &mut column, word.part.start);
        } else {
            column += word.blanks;
        }
        if fits_alone || is_address(piece) {
            column += word.width;
            row.end = word.part.end;
            continue;
        }
        for (offset, grapheme) in piece.grapheme_indices(true) {
            let (start, width) = (word.part.start + offset, grapheme_width(grapheme));
            if column + width > columns {
                next_row(&mut row, &mut column, start);
            }
            column += width;
            row.end = start + grapheme.len();
        }
    }
    rows.push(row);
    rows
}

/// Cuts a text where it may be wrapped: at blanks, and beside the wide characters of scripts that are
/// written without them.
fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let (mut blanks, mut before) = (0, "");
    let mut word: Option<Word> = None;
    for (start, grapheme) in text.grapheme_indices(true) {
        let width = grapheme_width(grapheme);
        if grapheme.chars().all(char::is_whitespace) {
            words.extend(word.take());
            blanks += width;
        } else {
            if may_part(before, grapheme) {
                words.extend(word.take());
            }
            let blanks = std::mem::take(&mut blanks);
            let word = word.get_or_insert(Word { part: start..start, width: 0, blanks });
            word.part.end = start + grapheme.len();
            word.width += width;
        }
        before = grapheme;
    }
    words.extend(word);
    words
}

/// Whether a line may end between two characters that have no blank between them.
fn may_part(before: &str, after: &str) -> bool {
    let first = |grapheme: &str| grapheme.chars().next().unwrap_or(' ');
    let is_wide = |grapheme: &str| grapheme_width(grapheme) >= 2 && !matches!(first(grapheme), '가'..='힣');
    (is_wide(before) || is_wide(after)) && !opens(first(before)) && !closes(first(after))
}

fn opens(c: char) -> bool {
    matches!(c, '(' | '[' | '{' | '"' | '\'' | '“' | '‘' | '（' | '「' | '『' | '【' | '《' | '〈' | '〔' | '［' | '｛')
}

fn closes(c: char) -> bool {
    c.is_ascii_punctuation() && !matches!(c, '(' | '[' | '{')
        || matches!(
            c,
            '”' | '’'
                | '…'
                | '、'
                | '。'
                | '，'
                | '．'
                | '：'
                | '；'
                | '！'
                | '？'
                | '）'
                | '」'
                | '』'
                | '】'
                | '》'
                | '〉'
                | '〕'
                | '］'
                | '｝'
                | '・'
                | 'ー'
                | '々'
                | 'っ'
                | 'ッ'
        )
}

/// Whether terminals make a link of it, if it is whole. Only of visible characters, so that its second row, which
/// the terminal begins in the first column, can't look like a line of somebody's.
fn is_address(word: &str) -> bool {
    word.contains("://") && word.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A text that is quoted within a line.
#[must_use]
pub(in crate::client) fn quoted(text: &str) -> String {
    // So that only the real end of the quotation looks like one.
    format!("\"{}\"", isolated(&text.replace('"', "'")))
}

/// A part of a line behind which others follow. A right-to-left one is isolated, so that the others keep
/// their order on terminals that reorder; elsewhere the isolates, which nobody may send, stay out of what
/// people copy.
#[must_use]
pub(in crate::client) fn isolated(part: &str) -> Cow<'_, str> {
    if part.chars().any(is_right_to_left) {
        Cow::Owned(format!("{ISOLATE}{part}{ISOLATE_END}"))
    } else {
        Cow::Borrowed(part)
    }
}

/// Whether a part that is isolated begins in a text and does not end in it. They are never nested.
fn ends_isolated(text: &str) -> bool {
    text.rfind([ISOLATE, ISOLATE_END]).is_some_and(|at| text[at..].starts_with(ISOLATE))
}

/// The blocks of Unicode whose characters run from right to left, and the mark that says so.
fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{200f}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests;
