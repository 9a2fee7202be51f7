//! What in a text mentions somebody: an `@` where a word begins, and a name behind it. Pure.
//!
//! Whether there is such an account, and may read it, is not decided here.

use super::names::is_name_byte;

/// What stands behind each `@` that mentions somebody, in order, as typed: all that a name can be
/// made of, so that `-` and `_` at the end may not be a part of it.
///
/// No `@` counts that follows a letter, a digit, or a character of addresses: `bob@example.org` and
/// `https://example.org/@bob` mention nobody. Nor does one whose name is followed by another `@`.
pub fn mentioned_names(text: &str) -> impl Iterator<Item = &str> {
    memchr::memchr_iter(b'@', text.as_bytes()).filter_map(|at| {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let end = after.bytes().position(|b| !is_name_byte(b)).unwrap_or(after.len());
        let begins = before.chars().next_back().is_none_or(|c| !joins_words(c));
        let ends = !after[end..].starts_with('@');
        (begins && ends && end > 0).then_some(&after[..end])
    })
}

/// Whether an `@` after it is in the middle of something.
fn joins_words(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '@' | '.' | '_' | '-' | '+' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        mentioned_names(text).collect()
    }

    #[test]
    fn a_mention_begins_where_a_word_does_and_ends_with_the_name() {
        for (text, expected) in [
            ("@bob", "bob"),
            ("hello @Bob, how are you", "Bob"),
            ("ask (@bob) or \"@bob\"", "bob bob"),
            ("@bob's turn. Or @carol?", "bob carol"),
            ("@bob.", "bob"),
            ("@bob: yes", "bob"),
            ("@bob,@carol\t@dan", "bob carol dan"),
            ("@bob-the-builder_2 @bob- @bob_", "bob-the-builder_2 bob- bob_"),
            ("→@bob看", "bob"),
        ] {
            assert_eq!(names(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn addresses_and_lone_signs_mention_nobody() {
        for text in [
            "",
            "no sign",
            "@",
            "@ bob",
            "bob@example.org",
            "b.@bob",
            "josé@bob",
            "看@bob",
            "@bob@example.org",
            "@@bob",
            "https://example.org/@bob",
            "@é",
        ] {
            assert_eq!(names(text), [""; 0], "{text}");
        }
    }
}
