//! What a word is, for searching. Pure. The index holds what [`normalise`] returns, and messages that
//! are not indexed yet are matched in the same form, so that both find the same.
//!
//! A text becomes tokens of letters, digits or one symbol, separated by single spaces:
//!
//! * case and accents are dropped (`Straße` is `strasse`, `Übung` is `ubung`), and characters that
//!   differ only in typography are the same (full-width letters, ligatures);
//! * in scripts written without spaces between words (Chinese, Japanese, Thai …), and in Korean, whose
//!   particles attach to the word, each character is a token. A word of them is then found as a phrase:
//!   its characters in a row, wherever they are;
//! * so is each emoji, arrow or other pictograph. Skin tones are dropped, as accents are. A flag or a
//!   family, which is made of several, is a phrase;
//! * a word longer than [`TOKEN_MAX`] is cut into several tokens, in the same places each time.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::canonical_combining_class;

/// Longest token in bytes.
const TOKEN_MAX: usize = 64;

/// What a message must contain: one phrase of tokens for each word that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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

    /// Whether every message contains it.
    pub(in crate::server::store) fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }

    /// Whether all phrases are in a text that [`normalise`] returned.
    pub(in crate::server::store) fn is_in(&self, normalised: &str) -> bool {
        self.phrases.iter().all(|phrase| normalised.contains(phrase.as_str()))
    }

    /// The phrases, with single spaces between the tokens of one.
    pub(super) fn phrases(&self) -> impl Iterator<Item = &str> {
        self.phrases.iter().map(|phrase| phrase.trim())
    }
}

/// Replaces `out` with the text's tokens, with one space before and after each, or with a single
/// space if there are none.
pub(in crate::server::store) fn normalise(text: &str, out: &mut String) {
    out.clear();
    if text.is_ascii() {
        return normalise_ascii(text.as_bytes(), out);
    }
    let mut tokens = Tokens { out, open: 0 };
    // Recomposed once the marks are gone, or a Korean syllable would be three tokens.
    for c in text.nfkd().filter(|&c| !is_accent(c) && !is_skin_tone(c)).nfc() {
        // By way of upper case, so that ß becomes ss and the Greek final sigma a sigma.
        for c in c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase) {
            tokens.put(c);
        }
    }
    tokens.close();
    if tokens.out.is_empty() {
        out.push(' ');
    }
}

/// What each byte becomes: itself in lower case, or the space between two tokens.
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

/// The same for ASCII, ten times as fast. Most texts are ASCII.
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
        // A second space in a row is overwritten.
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
    /// Bytes of the unfinished token.
    open: usize,
}

impl Tokens<'_> {
    fn put(&mut self, c: char) {
        let symbol = is_symbol(c);
        if !symbol && !c.is_alphanumeric() {
            self.close();
            return;
        }
        let alone = symbol || is_own_token(c);
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

/// Marks over, under or inside a letter. Those without a combining class are vowels in their own
/// right (Thai, Devanagari …) and stay; so do the voicing marks that turn か into が.
fn is_accent(c: char) -> bool {
    canonical_combining_class(c) != 0 && !matches!(c, '\u{3099}' | '\u{309a}')
}

/// The modifiers that tint the emoji before them.
fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

/// Emoji, arrows and other pictographs: whole blocks, so that those that Unicode adds to them are
/// found as well.
fn is_symbol(c: char) -> bool {
    matches!(c,
        '\u{2190}'..='\u{21ff}' | '\u{2900}'..='\u{297f}' // arrows
        | '\u{2300}'..='\u{23ff}' // technical, among them clocks and keys
        | '\u{25a0}'..='\u{27bf}' // shapes, weather, games, dingbats
        | '\u{2b00}'..='\u{2bff}' // more arrows and stars
        | '\u{1f000}'..='\u{1faff}') // emoji, and the letters that flags are made of
}

/// Whether a letter is a token of its own.
fn is_own_token(c: char) -> bool {
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
            ("…?! -- €", ""),
            ("ok👍🏽, 👍❤️!", "ok 👍 👍 ❤"),
            ("🇩🇪 a→b", "🇩 🇪 a → b"),
        ] {
            assert_eq!(tokens(text), wanted, "{text}");
        }
    }

    #[test]
    fn all_words_must_match_and_a_word_of_many_tokens_is_a_phrase() {
        assert!(finds("deploy DONE", "done: the deploy"));
        assert!(!finds("deploy done", "the deploy"));
        assert!(!finds("ploy", "the deploy"));
        assert!(finds("本語", "日本語"));
        assert!(!finds("日語", "日本語"));
        assert!(finds("don't", "we don't"));
        assert!(!finds("don't", "t don"));
        assert!(finds("สวัสดี", "บอกว่าสวัสดีครับ"));
        assert!(finds("👍🏿", "nice 👍"));
        assert!(finds("👩‍🚀", "one👩🏽‍🚀up"));
        assert!(!finds("🇩🇪", "🇪🇩"));
        assert_eq!(Query::parse("-- ?!"), None);
    }

    #[test]
    fn a_long_word_is_found_whole() {
        let long = "x".repeat(1000);
        assert!(tokens(&long).split(' ').all(|token| token.len() <= TOKEN_MAX));
        assert!(finds(&long, &format!("see {long}!")));
        assert!(!finds(&long, &"x".repeat(900)));
    }

    #[test]
    fn normalising_a_character_is_idempotent() {
        // Beyond these planes only tags and private use are assigned.
        for c in '\0'..='\u{3ffff}' {
            let once = tokens(&c.to_string());
            assert_eq!(tokens(&once), once, "{:x}", u32::from(c));
            assert!(once.chars().all(|c| c.is_alphanumeric() || is_symbol(c) || c == ' '), "{:x}", u32::from(c));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_found_by_its_own_words(text in any::<String>()) {
            if Query::parse(&text).is_some() {
                prop_assert!(finds(&text, &text));
            }
        }

        #[test]
        fn the_ascii_path_agrees_with_the_general_one(text in prop_oneof!["[ -~]{0,80}", "[a-z]{60,70}[ -~]{0,3}[a-z]{60,70}"]) {
            // The euro sign is not a word, and sends the text down the slow path.
            prop_assert_eq!(tokens(&text), tokens(&format!("{text} €")));
        }
    }
}
