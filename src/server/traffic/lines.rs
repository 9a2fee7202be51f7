//! The lines of one turn of the dispatcher, on their way to everyone who is shown them.

use super::Share;
use crate::protocol::line::Line;

/// The lines that one turn of the dispatcher shows to many: encoded once, one after another, in one
/// buffer that all workers share, each with its tags, which are sliced off for people. A buffer for
/// each line would be allocated by one thread and freed by another, which costs more than the line.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    share: Share,
}

/// Where a line is in its [`Lines`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineRef {
    start: usize,
    /// Where the line begins for people, without its tags.
    body: usize,
    end: usize,
}

impl Lines {
    /// An empty buffer with room for this many bytes.
    #[must_use]
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), share: Share::default() }
    }

    /// Encodes a line and appends it.
    pub(crate) fn push(&mut self, line: &Line<'_>) -> LineRef {
        let start = self.bytes.len();
        let tags = line.encode(&mut self.bytes);
        LineRef { start, body: start + tags, end: self.bytes.len() }
    }

    /// Ties a share of the budget to these lines: given back when the last worker drops them.
    pub(crate) fn hold(&mut self, share: Share) {
        self.share = share;
    }

    /// Their length together, in bytes.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A line with its LF, as a connection wants it.
    #[must_use]
    pub(crate) fn line(&self, line: LineRef, tagged: bool) -> &[u8] {
        &self.bytes[if tagged { line.start } else { line.body }..line.end]
    }

    /// All lines from `first` to `last`, with their tags and LFs.
    #[must_use]
    pub(crate) fn tagged(&self, first: LineRef, last: LineRef) -> &[u8] {
        &self.bytes[first.start..last.end]
    }
}

impl LineRef {
    /// Whether this line comes directly after that one.
    #[must_use]
    pub(crate) fn follows(self, before: LineRef) -> bool {
        before.end == self.start
    }

    /// The length with tags and LF, in bytes.
    #[must_use]
    pub(crate) fn size(self) -> usize {
        self.end - self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::line::{Body, Tags};
    use crate::server::traffic::Budget;
    use std::sync::Arc;

    #[test]
    fn each_line_is_available_with_and_without_its_tags() {
        let mut lines = Lines::default();
        let said = |id| Line { tags: Tags { id: Some(id), ..Tags::default() }, body: Body::Done("x") };
        let (one, two) = (lines.push(&said(1)), lines.push(&said(22)));
        assert_eq!((lines.line(one, true), lines.line(one, false)), (&b"@id=1 + x\n"[..], &b"+ x\n"[..]));
        assert_eq!((lines.line(two, true), lines.line(two, false)), (&b"@id=22 + x\n"[..], &b"+ x\n"[..]));
        assert!(two.follows(one) && !one.follows(two));
        assert_eq!(lines.tagged(one, two), b"@id=1 + x\n@id=22 + x\n");
    }

    #[test]
    fn the_share_is_given_back_when_the_last_worker_drops_the_lines() {
        let budget = Budget::new(100);
        budget.hold(150);
        let mut lines = Lines::default();
        lines.push(&Line::plain(Body::Done("x")));
        lines.hold(budget.share(150));
        let lines = Arc::new(lines);
        let other = Arc::clone(&lines);
        drop(lines);
        assert!(!budget.has_room());
        drop(other);
        assert_eq!(budget.held(), 0);
    }
}
