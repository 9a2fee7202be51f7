//! The words of a line, as the operations write them: one space between two.

/// The words of a line, one after another.
#[derive(Debug, Clone)]
pub(super) struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self(line)
    }

    pub(super) fn next(&mut self) -> &'a str {
        let (word, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest;
        word
    }

    pub(super) fn number(&mut self) -> usize {
        self.next().parse().expect("the operations have numbers there")
    }

    pub(super) fn rest(&mut self) -> &'a str {
        std::mem::take(&mut self.0)
    }

    /// The value of an option, if the next word is it.
    pub(super) fn option(&mut self, key: &str) -> Option<&'a str> {
        let value = self.0.split(' ').next()?.strip_prefix(key)?.strip_prefix('=')?;
        self.next();
        Some(value)
    }
}

/// A duration on the wire, in milliseconds.
pub(super) fn duration(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 24 * 3600,
    };
    number.parse::<u64>().expect("the operations have durations there") * seconds * 1000
}
