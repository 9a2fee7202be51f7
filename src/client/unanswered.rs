//! The user's lines that are not answered yet.
//!
//! Owns their numbers, and how they are shown if they can't be sent. Pure; runs on the main
//! thread.

use super::interpret::is_secret;
use super::requests::RequestId;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Unanswered {
    lines: BTreeMap<u64, String>,
    count: u64,
}

impl Unanswered {
    /// Numbers a line that is about to be sent.
    pub(super) fn add(&mut self, line: &str) -> RequestId {
        self.count += 1;
        // Only the first word of a line that may contain a secret is shown.
        let shown = if is_secret(line) {
            let verb = line.split_whitespace().next().unwrap_or_default();
            format!("{verb} …")
        } else {
            line.to_owned()
        };
        self.lines.insert(self.count, shown);
        RequestId(self.count)
    }

    /// A line has been answered, or never will be.
    pub(super) fn settled(&mut self, id: RequestId) {
        self.lines.remove(&id.0);
    }

    /// How many lines are not answered.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether all lines are answered.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines, in order.
    #[must_use]
    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unanswered_lines_are_shown_without_secrets() {
        let mut unanswered = Unanswered::default();
        let first = unanswered.add("hello");
        unanswered.add("/login alice correct horse");
        unanswered.add("/who lobby");
        unanswered.settled(first);
        assert_eq!(unanswered.len(), 2);
        assert_eq!(unanswered.into_lines(), ["/login …", "/who lobby"]);
    }
}
