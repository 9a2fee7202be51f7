//! The word of a reaction.

use super::text::is_visible;
use std::fmt;

/// Longest word of a reaction, in bytes: room for an emoji made of many.
pub const REACTION_MAX: usize = 32;

/// A word that people say about a message, such as an emoji: without spaces and TABs, so that a list
/// of `COUNT WORD` can be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReactionWord(Box<str>);

impl ReactionWord {
    /// Takes a word of a line that was checked; `None` if it is no single word, is too long, or shows
    /// nothing.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let single = !word.is_empty() && !word.contains([' ', '\t']);
        (single && word.len() <= REACTION_MAX && is_visible(word)).then(|| Self(word.into()))
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReactionWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reaction_is_one_short_word() {
        for good in ["+1", "👍", ":)", "👨‍👩‍👧‍👦", &"x".repeat(REACTION_MAX)] {
            assert_eq!(ReactionWord::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "a b", "a\tb", "\u{200d}", &"x".repeat(REACTION_MAX + 1)] {
            assert_eq!(ReactionWord::parse(bad), None, "{bad:?}");
        }
    }
}
