//! What a bot's commands are answered with. Owns what the words of a final line mean. Pure.

use super::BotError;

/// What a command was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The final line, without its `+`.
    pub text: String,
    /// The rows before it, without their `|`.
    pub rows: Vec<String>,
}

impl Answer {
    /// Whether there are more rows.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.text.split(", ").any(|part| part == "more" || part.starts_with("more="))
    }

    /// Where `/search` goes on, for its `more=`.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.text.split(", ").find_map(|part| part.strip_prefix("more="))
    }

    /// The id that a message got.
    pub(super) fn id(&self) -> Result<u64, BotError> {
        let id = self.text.split(' ').next().and_then(|id| id.parse().ok());
        id.ok_or_else(|| BotError::Senseless(self.text.clone()))
    }

    /// What an `/update` did.
    pub(super) fn updated(&self) -> Result<Updated, BotError> {
        match self.text.split(' ').next().and_then(|word| word.strip_prefix("change=")) {
            Some(number) => number.parse().map(Updated::Replaced).map_err(|_| BotError::Senseless(self.text.clone())),
            None => self.id().map(Updated::Said),
        }
    }
}

/// What [`Bot::update`](super::Bot::update) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updated {
    /// Nothing was said under the key before: this is the new message's id.
    Said(u64),
    /// The message was replaced; this is the number of that change in its conversation.
    Replaced(u64),
}
