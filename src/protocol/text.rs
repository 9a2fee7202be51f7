//! The texts that people send: what a line may hold, and what is worth being shown.
//!
//! Nothing here changes a text: it is taken as it is or refused. Runs of spaces are taken, although
//! enough of them seem to begin a new line on a narrow terminal: they are code and tables as well, and
//! only the client knows where its lines wrap. Knows nothing of names, sessions or the wire.

use unicode_normalization::char::is_combining_mark;

/// The most combining marks that one character may have: that of Unicode's stream-safe text format
/// (UAX #15), far more than any script has.
pub const MARKS_MAX: u32 = 30;

/// Why a text was refused. The peer's fault; on the wire it is `bad-text`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A character that fails [`is_text`], or tag characters that are no flag.
    #[error("control characters, text-direction overrides and hidden tags can't be sent")]
    Character,
    /// More combining marks on a character than [`MARKS_MAX`].
    #[error("a character can have at most {MARKS_MAX} marks on it")]
    Marks,
    /// There is nothing to see in it.
    #[error("there is nothing to see in that text")]
    Blank,
}

/// Whether a character may be in a line: no C0 control but TAB, no DEL, no C1 control
/// (U+0080–U+009F), no line or paragraph separator, no bidirectional override or isolate, none of the
/// deprecated format characters (U+206A–U+206F), and nothing that Unicode says is no character.
#[must_use]
pub fn is_text(c: char) -> bool {
    !matches!(c,
        '\0'..='\u{8}' | '\u{a}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{fdd0}'..='\u{fdef}')
        && u32::from(c) & 0xfffe != 0xfffe
}

/// The text, with a `?` in the place of each character that may not be in a line.
#[must_use]
pub fn to_text(text: &str) -> String {
    text.chars().map(|c| if is_text(c) { c } else { '?' }).collect()
}

/// Checks a whole line or text; cheap for ASCII, which most lines are.
///
/// # Errors
/// [`TextError::Character`] or [`TextError::Marks`].
pub fn check_text(text: &str) -> Result<(), TextError> {
    // A fold without an early exit, so that the compiler can vectorise it.
    let plain = text.bytes().fold(true, |plain, b| plain & ((b' '..0x7f).contains(&b) || b == b'\t'));
    if plain { Ok(()) } else { check_characters(text) }
}

fn check_characters(text: &str) -> Result<(), TextError> {
    let (mut marks, mut flag) = (0, Flag::None);
    for c in text.chars() {
        if !is_text(c) {
            return Err(TextError::Character);
        }
        flag = flag.next(c).ok_or(TextError::Character)?;
        if is_mark(c) {
            marks += 1;
            if marks > MARKS_MAX {
                return Err(TextError::Marks);
            }
        } else if c.is_whitespace() || !is_invisible(c) {
            // What has no width does not part one pile of marks from the next.
            marks = 0;
        }
    }
    if flag.is_whole() { Ok(()) } else { Err(TextError::Character) }
}

/// How far a flag made of tag characters has come. Those of England, Scotland and the like are a black
/// flag, up to six letters and digits as tags, and the tag that ends it; everywhere else tags only hide
/// a text in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flag {
    None,
    /// The black flag.
    Black,
    /// So many tags.
    Tags(u8),
}

impl Flag {
    /// The most letters and digits: those of a country and of a part of it.
    const TAGS_MAX: u8 = 6;

    /// With one more character; `None` if it can't come next.
    fn next(self, c: char) -> Option<Self> {
        match (self, c) {
            (Self::Black, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}') => Some(Self::Tags(1)),
            (Self::Tags(tags), '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}') => {
                (tags < Self::TAGS_MAX).then_some(Self::Tags(tags + 1))
            }
            (Self::Tags(_), '\u{e007f}') => Some(Self::None),
            (Self::Tags(_), _) | (_, '\u{e0000}'..='\u{e007f}') => None,
            (_, '\u{1f3f4}') => Some(Self::Black),
            _ => Some(Self::None),
        }
    }

    /// Whether a text may end here.
    fn is_whole(self) -> bool {
        !matches!(self, Self::Tags(_))
    }
}

/// Whether it is put on the character before it.
fn is_mark(c: char) -> bool {
    match c {
        // Where there are none, which is where most letters are: Latin, Greek and Cyrillic, those of
        // China, Japan and Korea.
        ..='\u{2ff}' | '\u{370}'..='\u{482}' | '\u{3100}'..='\u{a66e}' | '\u{ac00}'..='\u{d7ff}' => false,
        c => is_combining_mark(c),
    }
}

/// Whether a character shows nothing of its own: spaces of all kinds, and what Unicode says is ignored
/// where it can't be shown.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether there is something to see in a text.
pub(super) fn is_visible(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_graphic() || !is_invisible(c))
}

/// What somebody says: one line of text with nothing in it that could forge a server's line or
/// reach into a terminal, and with something to see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text(Box<str>);

impl Text {
    /// Takes a text; `None` if there is nothing but spaces and TABs in it.
    ///
    /// # Errors
    /// [`TextError`] if it may not be sent.
    pub fn parse(text: &str) -> Result<Option<Self>, TextError> {
        check_text(text)?;
        if text.bytes().all(|b| b == b' ' || b == b'\t') {
            return Ok(None);
        }
        if is_visible(text) { Ok(Some(Self(text.into()))) } else { Err(TextError::Blank) }
    }

    /// The text, verbatim.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_good(text: &str) -> bool {
        Text::parse(text).unwrap().is_some()
    }

    #[test]
    fn what_could_control_a_terminal_or_hide_is_refused() {
        let bad = ["\u{1b}[0m", "\u{7f}", "\u{85}", "\u{2028}", "\u{202e}", "\u{2066}", "\u{206a}", "\u{206f}"];
        let no_characters = ["\u{fdd0}", "\u{fdef}", "\u{fffe}", "\u{ffff}", "\u{1ffff}", "\u{10fffe}"];
        for bad in bad.into_iter().chain(no_characters).chain(["a\rb"]) {
            assert_eq!(Text::parse(&format!("a{bad}")), Err(TextError::Character), "{bad:?}");
            assert_eq!(Text::parse(&format!("{bad}\tb")), Err(TextError::Character), "{bad:?} before a TAB");
        }
        assert_eq!(Text::parse(" \t "), Ok(None));
        assert_eq!(Text::parse("a\tb").unwrap().unwrap().as_str(), "a\tb");
        assert!(is_good("日本 ☃ é\u{300} \u{fffd} 👨‍👩‍👧‍👦 ✌🏽 ❤\u{fe0f} 1\u{fe0f}\u{20e3}"));
        assert!(is_good("سلام \u{200f}دنیا می\u{200c}خواهم"));
    }

    #[test]
    fn a_text_shows_something() {
        for blank in
            ["\u{200b}", "\u{200d} \u{feff}", "\u{a0}\u{3000}", "\u{2800}", "\u{3164}\u{115f}", "\u{ad}\u{fe0f}"]
        {
            assert_eq!(Text::parse(blank), Err(TextError::Blank), "{blank:?}");
        }
        assert!(is_good("\u{200b}."));
        assert!(is_good("\u{301}"), "an accent alone is shown");
    }

    #[test]
    fn tags_are_for_flags() {
        let tags = |name: &str| name.chars().filter_map(|c| char::from_u32(0xe0000 + u32::from(c))).collect::<String>();
        let flag = |name: &str| format!("\u{1f3f4}{}\u{e007f}", tags(name));
        for good in ["gbeng", "gbsct", "usca", "us1234"] {
            assert!(is_good(&format!("{} and on", flag(good))), "{good}");
        }
        assert!(is_good("\u{1f3f4} \u{1f3f4}\u{200d}\u{2620}\u{fe0f}"), "a black flag and a pirate's");
        for bad in ["", "hi there", "GBENG", "toolong"] {
            assert_eq!(check_text(&flag(bad)), Err(TextError::Character), "{bad}");
        }
        for bad in [tags("hi"), format!("a{}", tags("b\u{7f}")), format!("\u{1f3f4}{}", tags("gb")), "\u{e0001}".into()]
        {
            assert_eq!(check_text(&bad), Err(TextError::Character), "{bad:?}");
        }
    }

    #[test]
    fn marks_do_not_pile_up() {
        let most = "\u{301}".repeat(MARKS_MAX as usize);
        assert!(is_good(&format!("a{most}b{most} {most}")));
        for between in ["", "\u{200d}", "\u{34f}", "\u{feff}"] {
            assert_eq!(check_text(&format!("a{most}{between}\u{301}")), Err(TextError::Marks), "{between:?}");
        }
        assert!(is_good("བསྒྲུབས་ ᠮᠣᠩᠭᠣᠯ สวัสดี நிரல் ཧཱུྃ ק֑ו֪ל"), "scripts with many marks");
    }

    #[test]
    fn every_mark_is_known() {
        for c in '\0'..=char::MAX {
            assert_eq!(is_mark(c), is_combining_mark(c), "{c:?}");
        }
    }

    /// As [`check_text`] says it, with nothing done for speed.
    fn check_slowly(text: &str) -> Result<(), TextError> {
        if !text.chars().all(is_text) {
            return Err(TextError::Character);
        }
        let shown: Vec<char> =
            text.chars().filter(|&c| c.is_whitespace() || !is_invisible(c) || is_combining_mark(c)).collect();
        let piles = shown.split(|&c| !is_combining_mark(c));
        let highest = piles.map(<[char]>::len).max().unwrap_or(0);
        if highest > MARKS_MAX as usize { Err(TextError::Marks) } else { Ok(()) }
    }

    proptest! {
        #[test]
        fn the_fast_check_agrees_with_the_slow_one(text in any::<String>()) {
            prop_assume!(!text.chars().any(|c| ('\u{e0000}'..='\u{e007f}').contains(&c)));
            prop_assert_eq!(check_text(&text), check_slowly(&text));
        }

        /// Most texts are ASCII, and take a path of their own.
        #[test]
        fn so_it_does_for_ascii(text in "[ab~ \t\r\u{0}\u{1b}\u{1f}\u{7f}]{0,8}") {
            prop_assert_eq!(check_text(&text), check_slowly(&text));
        }

        #[test]
        fn piles_of_marks_are_found(text in "[a \u{200d}\u{300}\u{301}\u{20dd}\u{1ab0}]{0,120}") {
            prop_assert_eq!(check_text(&text), check_slowly(&text));
        }

        /// What is taken is taken as it is, and has no tags but those of flags.
        #[test]
        fn a_text_is_taken_as_it_is_or_refused(text in "[ab\u{1f3f4}\u{e0061}\u{e0062}\u{e007f}\u{200b}]{0,12}") {
            if let Ok(Some(taken)) = Text::parse(&text) {
                prop_assert_eq!(taken.as_str(), &text);
                let mut rest = text.as_str();
                while let Some((_, tags)) = rest.split_once('\u{1f3f4}') {
                    rest = tags.trim_start_matches(['\u{e0061}', '\u{e0062}']);
                    let whole = rest.len() == tags.len() || rest.starts_with('\u{e007f}');
                    prop_assert!(whole, "{text:?}");
                }
            }
        }
    }
}
