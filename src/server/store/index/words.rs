//! What a word is, for searching: pure. The index is fed with what [`normalise`] makes, and lines
//! that are not indexed yet are matched by the same, so that both find the same.
//!
//! A text becomes tokens of letters and digits alone, separated by single spaces:
//!
//! * case and accents are dropped (`Straße` is `strasse`, `Übung` is `ubung`), and what looks
//!   different for typography alone is one (full-width letters, ligatures);
//! * scripts written without spaces between words (Chinese, Japanese, Thai …), and Korean, whose
//!   particles hang on the word, become one token a character. A word of them is then found as a
//!   phrase: its characters in a row, wherever they stand. The index also has each two of them that
//!   are neighbours as one token, or a word of two common characters would be looked for in each
//!   line that has both;
//! * a word longer than [`TOKEN_MAX`] is cut into several tokens, in the same places each time.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::canonical_combining_class;

/// Longest token in bytes.
const TOKEN_MAX: usize = 64;

/// What must be found, all of it: one phrase of tokens for each word that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server::store) struct Query {
    /// Each padded with a space on both sides.
    phrases: Vec<String>,
}

impl Query {
    /// The words asked for; `None` if there is nothing in them to search for.
    pub(in crate::server::store) fn parse(words: &str) -> Option<Self> {
        let mut phrases = Vec::new();
        for word in words.split_whitespace() {
            let mut phrase = String::new();
            normalise(word, &mut phrase);
            if phrase != " " && !phrases.contains(&phrase) {
                phrases.push(phrase);
            }
        }
        if phrases.is_empty() { None } else { Some(Self { phrases }) }
    }

    /// Whether all of it is in a text that [`normalise`] made.
    pub(in crate::server::store) fn is_in(&self, normalised: &str) -> bool {
        self.phrases.iter().all(|phrase| normalised.contains(phrase.as_str()))
    }

    /// What a line must have of tokens to hold all of it, as [`indexed`] gives them.
    pub(in crate::server::store) fn tokens(&self) -> Vec<String> {
        let mut tokens = Vec::new();
        for phrase in &self.phrases {
            let start = tokens.len();
            indexed(phrase, &mut String::new(), |token| tokens.push(token.to_owned()));
            // Whoever has two characters as neighbours has each of them.
            let pairs: Vec<String> = tokens[start..].iter().filter(|token| is_pair(token)).cloned().collect();
            let mut n = 0;
            tokens.retain(|token| {
                n += 1;
                n <= start || is_pair(token) || !pairs.iter().any(|pair| pair.contains(token.as_str()))
            });
        }
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }

    /// Whether a line may have all the tokens and yet not all of it: a phrase must be in a row.
    pub(in crate::server::store) fn has_phrase(&self) -> bool {
        self.phrases.iter().any(|phrase| phrase.trim().contains(' '))
    }
}

/// Gives the tokens that the index has of a text that [`normalise`] made. `pair` is memory to work
/// in.
pub(in crate::server::store) fn indexed(normalised: &str, pair: &mut String, mut put: impl FnMut(&str)) {
    let mut before = "";
    for token in normalised.split(' ').filter(|token| !token.is_empty()) {
        put(token);
        let alone = if is_alone(token) { token } else { "" };
        if !alone.is_empty() && !before.is_empty() {
            pair.clear();
            pair.push_str(before);
            pair.push_str(alone);
            put(pair);
        }
        before = alone;
    }
}

fn is_alone(token: &str) -> bool {
    !token.as_bytes()[0].is_ascii() && token.chars().next().is_some_and(stands_alone)
}

/// No other token has a second character behind one that stands alone.
fn is_pair(token: &str) -> bool {
    is_alone(token) && token.chars().nth(1).is_some()
}

/// Replaces `out` by the text's tokens, with one space before and behind each; by one space alone
/// if there are none.
pub(in crate::server::store) fn normalise(text: &str, out: &mut String) {
    out.clear();
    if text.is_ascii() {
        return normalise_ascii(text.as_bytes(), out);
    }
    let mut tokens = Tokens { out, open: 0 };
    // Composed again after the marks are gone, or a Korean syllable would be three tokens.
    for c in text.nfkd().filter(|&c| !is_accent(c)).nfc() {
        // Through upper case, so that ß is ss and the Greek final sigma a sigma.
        for c in c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase) {
            tokens.put(c);
        }
    }
    tokens.close();
    if tokens.out.is_empty() {
        out.push(' ');
    }
}

/// What each byte is in a token: in lower case, or the space between two.
const ASCII: [u8; 128] = {
    let mut table = [b' '; 128];
    let mut byte = 0;
    while byte < 128u8 {
        if byte.is_ascii_alphanumeric() {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

/// The same for nearly every text there is, ten times as fast.
fn normalise_ascii(text: &[u8], out: &mut String) {
    let mut bytes = std::mem::take(out).into_bytes();
    bytes.resize(text.len() + text.len() / TOKEN_MAX + 2, b' ');
    let (mut at, mut open) = (1, 0);
    for &byte in text {
        let byte = ASCII[usize::from(byte & 0x7f)];
        if byte == b' ' {
            open = 0;
        } else if open == TOKEN_MAX {
            bytes[at] = b' ';
            (at, open) = (at + 1, 1);
        } else {
            open += 1;
        }
        bytes[at] = byte;
        // A space behind a space is written over.
        at += usize::from(byte != b' ' || bytes[at - 1] != b' ');
    }
    if bytes[at - 1] != b' ' {
        bytes[at] = b' ';
        at += 1;
    }
    bytes.truncate(at);
    // It is ASCII.
    *out = String::from_utf8(bytes).unwrap_or_default();
}

/// Builds the tokens one character at a time.
struct Tokens<'a> {
    out: &'a mut String,
    /// Bytes of the token that is under way.
    open: usize,
}

impl Tokens<'_> {
    fn put(&mut self, c: char) {
        if !c.is_alphanumeric() {
            self.close();
            return;
        }
        let alone = stands_alone(c);
        if alone || self.open + c.len_utf8() > TOKEN_MAX {
            self.close();
        }
        if self.out.is_empty() {
            self.out.push(' ');
        }
        self.out.push(c);
        self.open += c.len_utf8();
        if alone {
            self.close();
        }
    }

    fn close(&mut self) {
        if self.open > 0 {
            self.out.push(' ');
            self.open = 0;
        }
    }
}

/// Marks that are put over, under or into a letter. Those with no combining class are vowels of
/// their own (Thai, Devanagari …) and stay; so do the voicing marks that make か into が.
fn is_accent(c: char) -> bool {
    canonical_combining_class(c) != 0 && !matches!(c, '\u{3099}' | '\u{309a}')
}

/// Whether a character is a token by itself.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' // Thai, Lao
        | '\u{f00}'..='\u{109f}' // Tibetan, Burmese
        | '\u{1100}'..='\u{11ff}' // Korean letters
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{31ff}' // kana, bopomofo
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' // Chinese characters
        | '\u{a000}'..='\u{a4cf}' // Yi
        | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}' // more Burmese
        | '\u{ac00}'..='\u{d7ff}' // Korean syllables
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}') // more Chinese characters
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(text: &str) -> String {
        let mut out = "left over".to_owned();
        normalise(text, &mut out);
        out.trim().to_owned()
    }

    fn finds(words: &str, text: &str) -> bool {
        let mut normalised = String::new();
        normalise(text, &mut normalised);
        Query::parse(words).unwrap().is_in(&normalised)
    }

    #[test]
    fn texts_become_tokens() {
        for (text, wanted) in [
            ("Don't panic: 42!", "don t panic 42"),
            ("Übungs-Straße STRAẞE", "ubungs strasse strasse"),
            ("e\u{301}te\u{301} été", "ete ete"),
            ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
            ("ЁЛКА ёлка", "елка елка"),
            ("ｆｕｌｌ ﬁt", "full fit"),
            ("日本語 and more", "日 本 語 and more"),
            ("がか ガカ", "が か ガ カ"),
            ("학교에서", "학 교 에 서"),
            ("สวัสดี", "ส ว ั ส ด ี"),
            ("İstanbul ISTANBUL", "istanbul istanbul"),
            ("c_12 \"a\" OR NEAR(x)", "c 12 a or near x"),
            ("…?! -- ☃", ""),
        ] {
            assert_eq!(tokens(text), wanted, "{text}");
        }
    }

    #[test]
    fn all_words_must_be_there_and_a_word_of_many_tokens_is_a_phrase() {
        assert!(finds("deploy DONE", "done: the deploy"));
        assert!(!finds("deploy done", "the deploy"));
        assert!(!finds("ploy", "the deploy"));
        assert!(finds("本語", "日本語"));
        assert!(!finds("日語", "日本語"));
        assert!(finds("don't", "we don't"));
        assert!(!finds("don't", "t don"));
        assert!(finds("สวัสดี", "บอกว่าสวัสดีครับ"));
        assert_eq!(Query::parse("-- ?!"), None);
    }

    #[test]
    fn the_index_is_asked_for_tokens_and_for_neighbours() {
        let tokens = |words| Query::parse(words).unwrap().tokens().join("|");
        assert_eq!(tokens("a b-c a"), "a|b|c");
        assert_eq!(tokens("日"), "日");
        assert_eq!(tokens("日本語 日 a本"), "a|日|日本|本|本語");
        assert!(Query::parse("日本").unwrap().has_phrase() && Query::parse("x a-b").unwrap().has_phrase());
        assert!(!Query::parse("a b").unwrap().has_phrase());
        let mut all = Vec::new();
        indexed(" ab 日 本 c ", &mut String::new(), |token| all.push(token.to_owned()));
        assert_eq!(all.join("|"), "ab|日|本|日本|c");
    }

    #[test]
    fn a_long_word_is_found_whole() {
        let long = "x".repeat(1000);
        assert!(tokens(&long).split(' ').all(|token| token.len() <= TOKEN_MAX));
        assert!(finds(&long, &format!("see {long}!")));
        assert!(!finds(&long, &"x".repeat(900)));
    }

    #[test]
    fn every_character_is_normalised_once_and_for_all() {
        // Beyond these planes nothing is assigned but tags and private use.
        for c in '\0'..='\u{3ffff}' {
            let once = tokens(&c.to_string());
            assert_eq!(tokens(&once), once, "{:x}", u32::from(c));
            assert!(once.chars().all(|c| c.is_alphanumeric() || c == ' '), "{:x}", u32::from(c));
        }
    }

    proptest! {
        #[test]
        fn a_text_holds_each_of_its_own_words(text in any::<String>()) {
            if Query::parse(&text).is_some() {
                prop_assert!(finds(&text, &text));
            }
        }

        #[test]
        fn a_text_has_each_token_that_its_own_words_are_asked_by(text in any::<String>()) {
            if let Some(query) = Query::parse(&text) {
                let (mut normalised, mut has) = (String::new(), Vec::new());
                normalise(&text, &mut normalised);
                indexed(&normalised, &mut String::new(), |token| has.push(token.to_owned()));
                prop_assert!(query.tokens().iter().all(|token| has.contains(token)));
            }
        }

        #[test]
        fn the_ascii_path_agrees_with_the_other(text in prop_oneof!["[ -~]{0,80}", "[a-z]{60,70}[ -~]{0,3}[a-z]{60,70}"]) {
            // A snowman is no word, and takes the text by the slow path.
            prop_assert_eq!(tokens(&text), tokens(&format!("{text} ☃")));
        }
    }
}
