//! The rows of an answer, kept until its end, so that it is shown as a whole.

/// What the rows of one piece of an answer may cost, in bytes; a longer answer is shown in pieces. Servers stop
/// at 128 KiB unless their operator allows more.
const ROWS_MAX: usize = 512 << 10;
/// What a row costs besides its text.
const ROW_COST: usize = 48;

#[derive(Debug, Default)]
pub(super) struct AnswerRows {
    rows: Vec<String>,
    cost: usize,
}

impl AnswerRows {
    /// Adds a row, and says whether it is time to show them.
    pub(super) fn push(&mut self, row: &str) -> bool {
        self.rows.push(row.to_owned());
        self.cost += row.len() + ROW_COST;
        self.cost >= ROWS_MAX
    }

    #[must_use]
    pub(super) fn rows(&self) -> &[String] {
        &self.rows
    }

    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes the rows out.
    #[must_use]
    pub(super) fn take(&mut self) -> Vec<String> {
        self.cost = 0;
        std::mem::take(&mut self.rows)
    }
}
