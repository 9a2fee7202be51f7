//! The text of a settings file, for errors: where in it something is, and what was probably meant.
//!
//! Both programs' settings stand on it. Knows no setting and opens no file.

use crate::protocol::names::to_text;

/// How alike two names are that one may have been typed for.
const NEAR: f64 = 0.65;
/// The most characters of a file that an error quotes.
const SHOWN_MAX: usize = 60;

/// The text without the byte order mark with which some editors begin a file, and which TOML does not know.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Line and column of a byte, both counted from 1, the column in characters.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// A text for an error: its first line, cut after some characters, clean.
pub(crate) fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut out = to_text(&line.chars().take(SHOWN_MAX).collect::<String>());
    if line.chars().nth(SHOWN_MAX).is_some() || text.lines().nth(1).is_some() {
        out.push('…');
    }
    out
}

/// What is wrong with a text that is not TOML.
pub(crate) fn syntax(error: &toml::de::Error) -> String {
    // For the mistake that is made most, the parser's own message goes on to what it looked for.
    let message = error.message();
    let begins_like_a_value =
        ["nan", "inf", "true", "false"].iter().any(|word| message.ends_with(&format!("`{word}`")));
    let unquoted = begins_like_a_value || message.starts_with("string values must be quoted");
    shown(if unquoted { "a string needs quotes, such as \"off\"" } else { message })
}

/// The key that was probably meant, if one is near; `typed` is one name of a dotted key.
pub(crate) fn nearest(typed: &str, known: impl IntoIterator<Item = String>) -> Option<String> {
    // The group may be missing or wrong, so only the last name is compared.
    let likeness =
        |known: &str| strsim::normalized_damerau_levenshtein(typed, known.rsplit('.').next().unwrap_or_default());
    let nearest = known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&nearest) >= NEAR).then_some(nearest)
}

/// The keys of an example file, dotted: `#key = …` is a setting, `[group]` its group.
pub(crate) fn example_keys(example: &str) -> Vec<String> {
    let mut group = String::new();
    let mut keys = Vec::new();
    for line in example.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            group = format!("{name}.");
        } else if let Some((key, _)) = line.strip_prefix('#').and_then(|line| line.split_once(" = "))
            && !key.contains(' ')
        {
            keys.push(format!("{group}{key}"));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_is_one_short_line() {
        assert_eq!(shown("a\u{1b}[0m\nb"), "a?[0m…");
        assert_eq!(shown(&"x".repeat(61)).chars().count(), 61);
        assert_eq!(shown(&"x".repeat(60)), "x".repeat(60));
    }
}
