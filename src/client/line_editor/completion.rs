//! What Tab makes of the word before the cursor.
//!
//! Pure. Verbs and what may follow them come from the protocol's table; names from what was seen.

use super::view::width_of;
use crate::client::answers::{OWN_VERBS, help_words};
use crate::client::known_names::KnownNames;
use crate::protocol::command::{TABLE, Verb};

/// What a word may become.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Completion {
    /// Where the word begins.
    pub start: usize,
    /// The words, each with what follows it.
    pub words: Vec<String>,
}

impl Completion {
    /// What all the words begin with.
    pub(super) fn common(&self) -> &str {
        let Some(first) = self.words.first() else { return "" };
        let mut length = first.len();
        for word in &self.words {
            let same = first.char_indices().zip(word.chars()).take_while(|((_, a), b)| same_letter(*a, *b));
            length = length.min(same.last().map_or(0, |((at, a), _)| at + a.len_utf8()));
        }
        &first[..length]
    }
}

fn same_letter(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

/// Completes the word at the end of `before`, which is the line before the cursor.
pub(super) fn complete(before: &str, names: &KnownNames) -> Completion {
    let start = before.rfind(' ').map_or(0, |space| space + 1);
    let word = &before[start..];
    let first = before[..start].trim().is_empty();
    let words = if let (true, Some(verb)) = (first, word.strip_prefix('/')) {
        verbs(verb)
    } else if let Some(name) = word.strip_prefix('@') {
        names.people(name).into_iter().map(|name| format!("@{name} ")).collect()
    } else if let Some(room) = word.strip_prefix('#') {
        names.rooms(room).into_iter().map(|room| format!("#{room} ")).collect()
    } else if let Some(verb) = verb_of(before) {
        arguments(verb, before, word, names)
    } else if word.is_empty() {
        Vec::new()
    } else {
        // At the start of a message a name addresses somebody.
        let end = if first { ", " } else { " " };
        names.people(word).into_iter().map(|name| format!("{name}{end}")).collect()
    };
    Completion { start, words }
}

fn verbs(start: &str) -> Vec<String> {
    let start = start.to_lowercase();
    let servers = TABLE.iter().map(|verb| (verb.name, verb.usage));
    let known = servers.chain(OWN_VERBS.iter().map(|own| (own.name, own.usage)));
    let known = known.filter(|(name, _)| name.starts_with(&start));
    known.map(|(name, usage)| format!("/{name}{}", if usage.is_empty() { "" } else { " " })).collect()
}

/// The verb of a line that is a command, if it is known.
fn verb_of(before: &str) -> Option<&'static Verb> {
    let name = before.trim_start().strip_prefix('/')?.split(' ').next()?;
    TABLE.iter().find(|verb| verb.name.eq_ignore_ascii_case(name))
}

fn arguments(verb: &Verb, before: &str, word: &str, names: &KnownNames) -> Vec<String> {
    let lower = word.to_lowercase();
    if let Some((option, value)) = word.split_once('=') {
        let values = match option {
            "from" => names.people(value),
            "in" => names.rooms(value),
            "after" if verb.usage.contains("after=NAME") && verb.name != "rooms" => names.people(value),
            _ => Vec::new(),
        };
        return values.into_iter().map(|value| format!("{option}={value} ")).collect();
    }
    let mut found: Vec<String> = Vec::new();
    let takes = |what: &str| verb.usage.contains(what);
    let takes_text = takes("TEXT") || takes("WORDS");
    // In a text, an empty word may become anything.
    if !word.is_empty() || !takes_text {
        if takes("ROOM") || takes("TARGET") {
            found.extend(names.rooms(word).into_iter().map(|room| format!("{room} ")));
        }
        if takes_text || takes("NAME") {
            found.extend(names.people(word).into_iter().map(|name| format!("{name} ")));
        }
    }
    if !word.is_empty() || found.is_empty() {
        let keywords = keywords(verb).into_iter().filter(|keyword| keyword.starts_with(&lower));
        found.extend(keywords.map(|keyword| format!("{keyword} ")));
    }
    let used = |option: &str| before.contains(&format!(" {option}="));
    let options = verb.options.iter().filter(|option| option.starts_with(&lower) && !used(option));
    found.extend(options.map(|option| format!("{option}=")));
    found
}

/// The words of the usage that stand for themselves: those in lower case.
fn keywords(verb: &Verb) -> Vec<&'static str> {
    let words = verb.usage.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '=' | '@')));
    let mut found: Vec<&str> = Vec::new();
    for word in words.filter(|word| *word != "or" && !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase())) {
        if !found.contains(&word) {
            found.push(word);
        }
    }
    if verb.name == "set" {
        found.extend(["tags", "echo", "presence", "replay", "deflate", "on", "off"]);
    }
    if verb.name == "help" {
        found.extend(TABLE.iter().map(|verb| verb.name));
        for word in help_words() {
            if !found.contains(&word) {
                found.push(word);
            }
        }
    }
    found
}

/// Words below one another, in as many columns as fit.
pub(super) fn in_columns(words: &[String], columns: usize) -> String {
    let words: Vec<&str> = words.iter().map(|word| word.trim_end_matches([' ', ','])).collect();
    let wide = words.iter().map(|word| width_of(word)).max().unwrap_or(0) + 2;
    let per_row = (columns / wide).max(1);
    let mut out = String::new();
    for row in words.chunks(per_row) {
        let padded = row.iter().map(|word| format!("{word}{}", " ".repeat(wide - width_of(word))));
        out.push_str(padded.collect::<String>().trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> KnownNames {
        let names = KnownNames::default();
        ["lobby", "ops"].iter().for_each(|room| names.room(room));
        ["Bob", "bonnie", "oscar"].iter().for_each(|name| names.person(name));
        names
    }

    fn found(line: &str) -> (usize, Vec<String>) {
        let found = complete(line, &known());
        (found.start, found.words)
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn words_are_completed_by_their_place() {
        assert_eq!(found("/jo"), (0, words(&["/join "])));
        assert_eq!(found("/whoa"), (0, words(&["/whoami"])));
        assert_eq!(found("/join o"), (6, words(&["ops "])));
        assert_eq!(found("/invite o"), (8, words(&["ops ", "oscar "])));
        assert_eq!(found("/msg @bo"), (5, words(&["@Bob ", "@bonnie "])));
        assert_eq!(found("/say #LO"), (5, words(&["#lobby "])));
        assert_eq!(found("bo"), (0, words(&["Bob, ", "bonnie, "])));
        assert_eq!(found("hi BO"), (3, words(&["Bob ", "bonnie "])));
        assert_eq!(found("hi "), (3, vec![]));
        assert_eq!(found("/switch @bon"), (8, words(&["@bonnie "])));
    }

    #[test]
    fn a_verb_completes_its_options_and_words() {
        assert_eq!(found("/history lobby li").1, words(&["limit="]));
        assert_eq!(found("/search pump f").1, words(&["from="]));
        assert_eq!(found("/search pump from=bo").1, words(&["from=Bob ", "from=bonnie "]));
        assert_eq!(found("/search in=o").1, words(&["in=ops "]));
        assert_eq!(found("/search limit=3 li").1, words(&[]));
        assert_eq!(found("/role ops bob m").1, words(&["moderator ", "member "]));
        assert_eq!(found("/private ops o").1, words(&["ops ", "on ", "off "]));
        assert_eq!(found("/set pre").1, words(&["presence "]));
        assert_eq!(found("/help who").1, words(&["whoami ", "who "]));
        assert_eq!(found("/token ").1, words(&["new ", "here ", "list ", "revoke "]));
    }

    #[test]
    fn what_all_have_in_common_is_typed() {
        let of = |words: &[&str]| {
            Completion { start: 0, words: words.iter().map(|&word| word.to_owned()).collect() }.common().to_owned()
        };
        assert_eq!(of(&["Bob, ", "bonnie, "]), "Bo");
        assert_eq!(of(&["ops "]), "ops ");
        assert_eq!(of(&["ana ", "bob "]), "");
        assert_eq!(of(&[]), "");
    }

    #[test]
    fn completions_are_listed_in_columns() {
        let words: Vec<String> = ["Bob, ", "bonnie, ", "日本 "].iter().map(|&word| word.to_owned()).collect();
        assert_eq!(in_columns(&words, 16), "Bob     bonnie\n日本\n");
        assert_eq!(in_columns(&words, 5), "Bob\nbonnie\n日本\n");
    }
}
