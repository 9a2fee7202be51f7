//! Patterns for one line: `…` stands for any text, `{name}` for a word that is remembered.
//!
//! A `{name}` that is already known must be the same word again, and is replaced by it in what is sent.

use std::collections::BTreeMap;

/// The words remembered so far.
pub(crate) type Words = BTreeMap<String, String>;

/// Whether a line fits the pattern; remembers words only if it does.
pub(crate) fn fits(pattern: &str, line: &str, words: &mut Words) -> bool {
    let mut tried = words.clone();
    let found = run(pattern, line, &mut tried);
    if found {
        *words = tried;
    }
    found
}

/// Replaces each `{name}` with the word that was remembered.
pub(crate) fn fill(text: &str, words: &Words) -> String {
    words.iter().fold(text.to_owned(), |text, (name, word)| text.replace(&format!("{{{name}}}"), word))
}

fn run(pattern: &str, line: &str, words: &mut Words) -> bool {
    if let Some(rest) = pattern.strip_prefix('…') {
        let mut ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
        return ends.any(|at| {
            let mut tried = words.clone();
            let found = run(rest, &line[at..], &mut tried);
            if found {
                *words = tried;
            }
            found
        });
    }
    if let Some((name, rest)) = pattern.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        if let Some(word) = words.get(name).cloned() {
            return line.strip_prefix(word.as_str()).is_some_and(|line| run(rest, line, words));
        }
        // A word ends where a number, a name or a token does.
        let word_ends = |c: char| c.is_whitespace() || ";,)]".contains(c);
        let end = line.find(word_ends).unwrap_or(line.len());
        words.insert(name.to_owned(), line[..end].to_owned());
        return end > 0 && run(rest, &line[end..], words);
    }
    let (literal, rest) = pattern.split_at(pattern.find(['…', '{']).unwrap_or(pattern.len()));
    match literal {
        "" => pattern.is_empty() && line.is_empty(),
        literal => line.strip_prefix(literal).is_some_and(|line| run(rest, line, words)),
    }
}
