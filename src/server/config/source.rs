//! Where settings come from: the text of a file, `--set KEY=VALUE`, the flags of their own.
//!
//! Owns the reading of TOML and where in a file a key stands. Knows no single setting: it hands
//! on keys and values, each with the place that an error names.

use super::ConfigError;
use super::settings;
use super::value::{Typed, Value};
use std::fmt;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where a setting was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the file, at this line, counted from 1.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// By `--set`.
    Set,
    /// By a flag of its own, such as `--plain`.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Set => f.write_str("--set"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// One setting as it was given.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) origin: Origin,
    /// Dotted, such as `limits.flood`.
    pub(super) key: String,
    pub(super) value: Value,
    /// The value for an error: one line, not long, with nothing in it that reaches into a terminal.
    pub(super) shown: String,
}

impl Entry {
    /// A setting from the command line.
    pub(super) fn typed(origin: Origin, key: &str, typed: Typed) -> Self {
        let shown = match &typed {
            Typed::One(text) => shown(&format!("{text:?}")),
            Typed::Many(texts) => shown(&texts.join(", ")),
            Typed::Nested => String::new(),
        };
        Self { origin, key: key.to_owned(), value: Value { typed, base: None }, shown }
    }

    /// Reads what stands behind `--set`.
    pub(super) fn of_set(given: &str) -> Result<Self, ConfigError> {
        let (key, value) = given.split_once('=').ok_or_else(|| ConfigError::NotKeyValue { given: shown(given) })?;
        Ok(Self::typed(Origin::Set, key.trim(), Typed::One(value.to_owned())))
    }
}

const UNQUOTED: &str = "a text is written in quotes, such as \"off\"";

/// Reads a file's text into its settings, in the order of the lines.
pub(super) fn entries(path: &Path, text: &str) -> Result<Vec<Entry>, ConfigError> {
    // Some editors begin a file with a byte order mark, which is none of TOML's business.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let (line, column) = place(text, at);
        // The reader's own words for the mistake that is made most go on to name what it looked for.
        let unquoted = error.message().starts_with("string values must be quoted");
        let message = if unquoted { UNQUOTED.to_owned() } else { shown(error.message()) };
        ConfigError::Syntax { path: path.to_owned(), line, column, message }
    })?;
    let mut reader = Reader { path, text, entries: Vec::new() };
    reader.table("", document.get_ref())?;
    reader.entries.sort_by_key(|(at, _)| *at);
    Ok(reader.entries.into_iter().map(|(_, entry)| entry).collect())
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    entries: Vec<(usize, Entry)>,
}

impl Reader<'_> {
    fn table(&mut self, group: &str, table: &DeTable<'_>) -> Result<(), ConfigError> {
        for (name, value) in table {
            let key = if group.is_empty() { name.get_ref().to_string() } else { format!("{group}.{}", name.get_ref()) };
            let at = name.span().start;
            match value.get_ref() {
                DeValue::Table(inner) if settings::is_group(&key) => self.table(&key, inner)?,
                DeValue::Table(inner) if !inner.is_empty() && settings::find(&key).is_none() => {
                    self.table(&key, inner)?;
                }
                _ => self.entry(at, key, value),
            }
        }
        Ok(())
    }

    fn entry(&mut self, at: usize, key: String, value: &Spanned<DeValue<'_>>) {
        let origin = Origin::File { path: self.path.to_owned(), line: place(self.text, at).0 };
        let typed = match value.get_ref() {
            DeValue::Array(items) => items
                .iter()
                .map(|item| scalar(item.get_ref()))
                .collect::<Option<_>>()
                .map_or(Typed::Nested, Typed::Many),
            one => scalar(one).map_or(Typed::Nested, Typed::One),
        };
        let value_text = self.text.get(value.span()).unwrap_or_default();
        let base = self.path.parent().map(Path::to_owned);
        self.entries.push((at, Entry { origin, key, value: Value { typed, base }, shown: shown(value_text) }));
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.to_string(),
            // Larger than anything that a setting takes: its own check refuses it.
            Err(_) => number.as_str().to_owned(),
        }),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Datetime(time) => Some(time.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// Line and column of a byte, both counted from 1, the column in characters.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// A text for an error: its first line, cut after 60 characters, controls replaced.
pub(super) fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut out: String =
        line.chars().take(60).map(|c| if crate::protocol::names::is_text(c) { c } else { '?' }).collect();
    if line.chars().nth(60).is_some() || text.lines().nth(1).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<Entry>, ConfigError> {
        entries(Path::new("/etc/chitchat.toml"), text)
    }

    fn transcript(text: &str) -> Vec<String> {
        let entries = read(text).unwrap();
        entries.into_iter().map(|e| format!("{} {} {} {:?}", e.origin, e.key, e.shown, e.value.typed)).collect()
    }

    #[test]
    fn a_file_is_read_in_the_order_of_its_lines() {
        let text = "workers = 0x1_0\n\nplain = ['a',\n 'b']\nlimits.flood = 'x' # y\n[history]\nkeep = true\n";
        assert_eq!(
            transcript(text),
            [
                "/etc/chitchat.toml:1 workers 0x1_0 One(\"16\")",
                "/etc/chitchat.toml:3 plain ['a',… Many([\"a\", \"b\"])",
                "/etc/chitchat.toml:5 limits.flood 'x' One(\"x\")",
                "/etc/chitchat.toml:7 history.keep true One(\"true\")",
            ]
        );
        assert_eq!(transcript("\u{feff}workers = 1\r\nplain = ''\r\n").len(), 2);
    }

    #[test]
    fn tables_that_are_no_group_are_handed_on_to_be_refused() {
        assert_eq!(transcript("[limit]\n"), ["/etc/chitchat.toml:1 limit [limit] Nested"]);
        assert_eq!(transcript("[limit]\nflood='off'"), ["/etc/chitchat.toml:2 limit.flood 'off' One(\"off\")"]);
        assert_eq!(transcript("[limits]\n"), [""; 0]);
        assert_eq!(transcript("[limits.flood]\nrate=1"), ["/etc/chitchat.toml:1 limits.flood [limits.flood] Nested"]);
    }

    #[test]
    fn a_mistake_in_the_grammar_is_placed() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        let bare = message("workers = 1\nlimits.flood = off\n");
        assert_eq!(bare, "/etc/chitchat.toml:2:16: a text is written in quotes, such as \"off\"");
        let twice = message("workers = 1\nworkers = 2\n");
        assert!(twice.starts_with("/etc/chitchat.toml:2:1: ") && !twice.contains('\n'), "{twice}");
    }

    #[test]
    fn what_is_shown_is_one_short_line() {
        assert_eq!(shown("a\u{1b}[0m\nb"), "a?[0m…");
        assert_eq!(shown(&"x".repeat(61)).chars().count(), 61);
        assert_eq!(shown(&"x".repeat(60)), "x".repeat(60));
    }

    proptest! {
        #[test]
        fn any_file_is_read_or_refused_in_one_line(text in any::<String>(), key in "[a-z.]{1,9}", value in "\\PC{0,9}") {
            for text in [text, format!("{key} = {value}")] {
                if let Err(error) = read(&text) {
                    prop_assert!(!error.to_string().contains('\n'));
                }
            }
        }
    }
}
