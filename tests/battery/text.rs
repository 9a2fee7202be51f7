//! The texts that are said: whoever knows the author and the number knows the text, so that a message
//! can be checked byte by byte even if nobody was told of it.

use crate::random::Random;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// What becomes of a message after it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Stays,
    /// Its author edits it.
    Edited,
    /// Its author removes it.
    Removed,
}

impl Fate {
    const ALL: [(&'static str, Self); 3] =
        [("stays", Self::Stays), ("edited", Self::Edited), ("removed", Self::Removed)];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, fate)| *fate == self).map_or("", |(word, _)| word)
    }
}

/// Which text it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub author: String,
    /// Counts up with each message of the author.
    pub serial: u64,
    pub fate: Fate,
    /// Counts the edits.
    pub version: u32,
}

impl Text {
    pub(crate) fn new(author: &str, serial: u64, fate: Fate) -> Self {
        Self { author: author.to_owned(), serial, fate, version: 0 }
    }

    /// The next edit.
    pub(crate) fn edited(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// A word that no other text has.
    pub(crate) fn token(&self) -> String {
        format!("token{:016x}", self.hash(1))
    }

    /// The whole text: mostly short, one in ten up to 3 KB long.
    pub(crate) fn full(&self) -> String {
        let Self { author, serial, fate, version } = self;
        let mut random = Random::new(self.hash(0));
        let words = if random.chance(90) { random.below(12) } else { random.below(350) };
        let mut text = format!("{author} {serial} {} {version} {}", fate.word(), self.token());
        for _ in 0..words {
            text.push(' ');
            text.push_str(random.one::<&str>(&[
                "not",
                "a",
                "word",
                "may",
                "be",
                "lost",
                "☕",
                "Übung",
                "in  two",
                "日本語",
            ]));
        }
        text
    }

    /// Which text this is; `None` if it is none of ours, or not exactly it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (author, serial, fate, version) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let fate = Fate::ALL.iter().find(|(word, _)| *word == fate)?.1;
        let parsed =
            Self { author: author.to_owned(), serial: serial.parse().ok()?, fate, version: version.parse().ok()? };
        (parsed.full() == text).then_some(parsed)
    }

    fn hash(&self, purpose: u8) -> u64 {
        let mut hasher = DefaultHasher::new();
        (purpose, &self.author, self.serial, self.version).hash(&mut hasher);
        hasher.finish()
    }
}
