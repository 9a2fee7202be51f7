//! Tables: columns below one another, no lines between them, so that they can be read aloud.
//!
//! Knows nothing of what stands in them.

use crate::client::screen::Look;
use crate::client::screen::layout::{StyledLine, parted, width};

/// Blanks between two columns.
const GAP: usize = 2;
/// A text that would have fewer columns than this stands below its row.
const TEXT_MIN: usize = 20;
/// How far what goes on below a row is indented.
const BELOW: usize = 4;
/// A narrower terminal is left to wrap by itself.
const WIDTH_MIN: usize = 30;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// What stands above it.
    pub head: &'static str,
    pub kind: Kind,
}

/// How a column is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Always there.
    Word,
    /// Always there, its end below the others' ends.
    Number,
    /// Left out of a table that would be too wide; those with the highest number first.
    Droppable(u8),
    /// The last column: it takes the width that is left, and is wrapped.
    Text,
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Row {
    /// A cell for each column; an empty one is shown as `-` if there is something behind it.
    Cells(Vec<String>),
    /// A line that is shown as it is.
    AsIs(String),
}

/// A column that is shown.
#[derive(Clone, Copy)]
struct Shown<'a> {
    /// Its place in the rows.
    at: usize,
    column: &'a Column,
    width: usize,
}

/// Lays out a table for a terminal of `columns`; without, it is as wide as it is. Columns in which nothing
/// stands are not shown, nor heads if all are empty; a line says which columns have no room.
#[must_use]
pub(super) fn table(columns: &[Column], rows: &[Row], terminal: Option<usize>) -> Vec<StyledLine> {
    let terminal = terminal.filter(|&terminal| terminal >= WIDTH_MIN).unwrap_or(usize::MAX);
    let (shown, left_out) = fitting(columns, rows, terminal);
    let text = shown.last().filter(|last| last.column.kind == Kind::Text).copied();
    let fixed = &shown[..shown.len() - usize::from(text.is_some())];
    let used = fixed.iter().map(|shown| shown.width + GAP).sum::<usize>();
    // Beside its row if there is room, else below it.
    let beside = text.is_some_and(|text| used + text.width.min(TEXT_MIN) <= terminal);
    let layout = Layout { fixed, used, beside, terminal };
    let mut lines = Vec::new();
    let is_headed = shown.iter().any(|shown| !shown.column.head.is_empty());
    if is_headed && rows.iter().any(|row| matches!(row, Row::Cells(_))) {
        let head = |shown: &Shown<'_>| shown.column.head.to_owned();
        lines.extend(layout.lines(Look::Faint, &head, text.filter(|_| beside).map_or("", |text| text.column.head)));
    }
    for row in rows {
        match row {
            Row::AsIs(text) => lines.push(plain(Look::Plain, text)),
            Row::Cells(cells) => {
                let cell = |shown: &Shown<'_>| cells.get(shown.at).map_or("", String::as_str);
                let text = text.as_ref().map_or("", cell);
                let last = fixed.iter().rposition(|shown| !cell(shown).is_empty());
                let show = |shown: &Shown<'_>| {
                    let is_before = !text.is_empty() || last.is_some_and(|last| shown.at < fixed[last].at);
                    if cell(shown).is_empty() && is_before { "-".to_owned() } else { cell(shown).to_owned() }
                };
                lines.extend(layout.lines(Look::Plain, &show, text));
            }
        }
    }
    if !left_out.is_empty() {
        lines.push(plain(Look::Faint, &format!("(too narrow to show: {})", left_out.join(", "))));
    }
    lines
}

/// The columns for which there is room, and the heads of those for which there is none.
fn fitting<'a>(columns: &'a [Column], rows: &[Row], terminal: usize) -> (Vec<Shown<'a>>, Vec<&'static str>) {
    let widest = |at: usize| {
        let cells = rows.iter().filter_map(|row| match row {
            Row::Cells(cells) => cells.get(at),
            Row::AsIs(_) => None,
        });
        cells.map(|cell| width(cell)).max().unwrap_or(0)
    };
    let mut shown: Vec<Shown<'_>> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| Shown { at, column, width: widest(at) })
        .filter(|shown| shown.width > 0)
        .map(|shown| Shown { width: shown.width.max(width(shown.column.head)), ..shown })
        .collect();
    let mut left_out = Vec::new();
    let needs = |shown: &[Shown<'_>]| -> usize {
        let columns = shown.iter().map(|shown| match shown.column.kind {
            Kind::Text => shown.width.min(TEXT_MIN),
            Kind::Word | Kind::Number | Kind::Droppable(_) => shown.width,
        });
        columns.sum::<usize>() + GAP * shown.len().saturating_sub(1)
    };
    while needs(&shown) > terminal {
        let ranks = shown.iter().enumerate().filter_map(|(at, shown)| match shown.column.kind {
            Kind::Droppable(rank) => Some((rank, at)),
            Kind::Word | Kind::Number | Kind::Text => None,
        });
        let Some((_, at)) = ranks.max() else { break };
        left_out.push((at, shown.remove(at).column.head));
    }
    left_out.reverse();
    (shown, left_out.into_iter().map(|(_, head)| head).collect())
}

struct Layout<'a> {
    /// The columns but for a text.
    fixed: &'a [Shown<'a>],
    /// Their width, with the blanks behind each.
    used: usize,
    /// Whether a text stands beside its row.
    beside: bool,
    terminal: usize,
}

impl Layout<'_> {
    fn lines(&self, look: Look, cell: &dyn Fn(&Shown<'_>) -> String, text: &str) -> Vec<StyledLine> {
        let mut line = String::new();
        for shown in self.fixed {
            let cell = cell(shown);
            let blanks = " ".repeat(shown.width.saturating_sub(width(&cell)));
            let gap = " ".repeat(GAP);
            line.push_str(&match shown.column.kind {
                Kind::Number => format!("{blanks}{cell}{gap}"),
                Kind::Word | Kind::Droppable(_) | Kind::Text => format!("{cell}{blanks}{gap}"),
            });
        }
        if text.is_empty() {
            return vec![plain(look, line.trim_end())];
        }
        let indent = if self.beside { self.used } else { BELOW };
        let mut lines = Vec::new();
        if !self.beside {
            lines.push(plain(look, line.trim_end()));
            line = " ".repeat(BELOW);
        }
        for part in parted(text, self.terminal.saturating_sub(indent)) {
            lines.push(plain(look, &format!("{line}{part}")));
            line = " ".repeat(indent);
        }
        lines
    }
}

fn plain(look: Look, text: &str) -> StyledLine {
    let mut line = StyledLine::default();
    line.put(look, text);
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::screen::Paint;

    const COLUMNS: &[Column] = &[
        Column { head: "room", kind: Kind::Word },
        Column { head: "members", kind: Kind::Number },
        Column { head: "since", kind: Kind::Droppable(1) },
        Column { head: "by", kind: Kind::Droppable(2) },
        Column { head: "topic", kind: Kind::Text },
    ];

    fn rows(rows: &[&[&str]]) -> Vec<Row> {
        rows.iter().map(|row| Row::Cells(row.iter().map(|&cell| cell.to_owned()).collect())).collect()
    }

    fn shown(rows: &[Row], terminal: usize) -> String {
        let lines = table(COLUMNS, rows, Some(terminal));
        let lines = lines.iter().flat_map(|line| line.rows(Some(terminal), Paint::Plain));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn columns_stand_below_one_another() {
        let rows = rows(&[&["lobby", "12", "", "", "the house rules"], &["ops", "2", "", "", ""]]);
        assert_eq!(shown(&rows, 80), "room   members  topic\nlobby       12  the house rules\nops          2");
    }

    #[test]
    fn columns_without_heads_have_no_line_for_them() {
        let columns = &[Column { head: "", kind: Kind::Word }, Column { head: "", kind: Kind::Text }];
        let lines = table(columns, &rows(&[&["a", "the first of all the letters"]]), Some(30));
        let lines: Vec<String> = lines.iter().flat_map(|line| line.rows(Some(30), Paint::Plain)).collect();
        assert_eq!(lines, ["a  the first of all the", "   letters"]);
    }

    #[test]
    fn an_empty_cell_before_others_is_a_dash() {
        let text = shown(&rows(&[&["a", "1", "", "bob", ""], &["b", "2", "yesterday", "", ""]]), 80);
        assert_eq!(text, "room  members  since      by\na           1  -          bob\nb           2  yesterday");
    }

    #[test]
    fn wide_and_combining_characters_keep_the_columns() {
        let text = shown(&rows(&[&["会議", "1", "", "", "x"], &["e\u{301}t", "2", "", "", "x"]]), 80);
        assert_eq!(text, "room  members  topic\n会議        1  x\ne\u{301}t          2  x");
    }

    #[test]
    fn a_narrow_table_leaves_out_what_matters_least_and_wraps_the_text() {
        let rows = rows(&[&["lobby", "12", "yesterday", "carol", "what we agreed on is the topic here"]]);
        let narrow = "(too narrow to show: since, by)";
        let beside = "room   members  topic\nlobby       12  what we agreed on is the\n                topic here";
        assert_eq!(shown(&rows, 44), format!("{beside}\n{narrow}"));
        let below = "room   members\nlobby       12\n    what we agreed on is the\n    topic here";
        assert_eq!(shown(&rows, 31), format!("{below}\n{narrow}"));
    }

    #[test]
    fn a_row_that_is_not_understood_stays_where_it_is() {
        let mut all = rows(&[&["lobby", "12", "", "", ""]]);
        all.push(Row::AsIs("something newer".to_owned()));
        assert_eq!(shown(&all, 80), "room   members\nlobby       12\nsomething newer");
        assert_eq!(shown(&all[1..], 80), "something newer");
        assert_eq!(shown(&[], 80), "");
    }
}
