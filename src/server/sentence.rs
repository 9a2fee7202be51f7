//! A text as a sentence that another one can follow, however whoever wrote it ended it. Pure.

/// The text with a full stop, unless it ends in what ends a sentence.
#[must_use]
pub(crate) fn sentence(text: &str) -> String {
    if text.ends_with(['.', '?']) { text.to_owned() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_one_end() {
        assert_eq!(["a", "a.", "a?", ""].map(sentence), ["a.", "a.", "a?", "."]);
    }
}
