//! What lines look like.
//!
//! Owns colours, and how a text is cleaned before it reaches a terminal; colour alone never says
//! anything. At a terminal [`timeline`] puts lines together and [`layout`] wraps them; without one
//! they have the form of the [`mod@wire`]. Pure: knows no terminal, and runs on whichever thread shows.

use super::args::Colors;
use crate::protocol::names::{Target, UserName, is_text};
use std::borrow::Cow;

pub(super) mod layout;
pub(super) mod timeline;
mod wire;

pub(super) use self::wire::wire;

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Colour,
    Plain,
}

/// Where the output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputKind {
    /// To a terminal.
    Terminal,
    /// To a pipe or a file.
    Pipe,
}

/// How a part of a line is set off from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// What somebody said.
    Plain,
    /// What people need not read: times, headings, who joined.
    Faint,
    /// What was refused.
    Bad,
    /// The name of an account, in this colour.
    Name(u8),
    /// The name of this account.
    Own,
    /// What mentions this account.
    Loud,
}

/// Those of the 256 colours that can be told apart and are readable on black and on white: a test has figures.
const NAME_COLOURS: [u8; 12] = [28, 29, 31, 62, 64, 66, 97, 99, 130, 132, 133, 161];
const GREY: u8 = 243;
const RED: u8 = 196;

impl Paint {
    /// Decides by `--color` first, then by `NO_COLOR` and `TERM`.
    #[must_use]
    pub(super) fn choose(asked: Colors, output: OutputKind, variable: impl Fn(&str) -> Option<String>) -> Self {
        let wanted = match asked {
            Colors::Always => true,
            Colors::Never => false,
            Colors::Auto => {
                let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
                let dumb = variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
                output == OutputKind::Terminal && !no_color && !dumb
            }
        };
        if wanted { Self::Colour } else { Self::Plain }
    }

    fn put(self, out: &mut String, text: &str, look: Look) {
        let code = match look {
            _ if self == Self::Plain => None,
            Look::Plain => None,
            Look::Faint => Some(format!("38;5;{GREY}")),
            Look::Bad => Some(format!("38;5;{RED}")),
            Look::Name(colour) => Some(format!("38;5;{colour}")),
            Look::Own => Some("1".to_owned()),
            Look::Loud => Some("1;7".to_owned()),
        };
        match code {
            Some(code) => out.push_str(&format!("\x1b[{code}m{text}\x1b[0m")),
            None => out.push_str(text),
        }
    }
}

impl Look {
    /// That of somebody's name.
    #[must_use]
    pub(super) fn of_name(name: &str) -> Self {
        let folded = UserName::parse(name).map_or_else(|_| name.to_lowercase(), |name| name.case_folded().into_owned());
        // FNV-1a, so that a name has the same colour on every machine and in every version.
        let hash =
            folded.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Self::Name(NAME_COLOURS[hash as usize % NAME_COLOURS.len()])
    }
}

/// A text without the characters that control a terminal, whatever the server let through.
#[must_use]
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if is_text(c) { c } else { '\u{fffd}' }).collect())
}

/// As [`clean`], for a text of several lines.
#[must_use]
pub fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// A conversation in a heading.
fn headed(target: &Target) -> String {
    match target {
        Target::Room(room) => format!("#{room}"),
        Target::Direct(_) => target.to_string(),
    }
}

fn new_lines(count: u64) -> String {
    if count == 1 { "1 new line".to_owned() } else { format!("{count} new lines") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_always_has_the_same_colour() {
        assert_eq!(Look::of_name("Alice"), Look::of_name("alice"));
        assert_ne!(Look::of_name("alice"), Look::of_name("bob"));
    }

    /// The contrast of one of the 256 colours to black and to white, as the WCAG defines it.
    fn contrasts(colour: u8) -> [f64; 2] {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let cube = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
        let rgb = match colour.checked_sub(232) {
            Some(grey) => [8 + 10 * grey; 3],
            None => [(colour - 16) / 36, (colour - 16) / 6 % 6, (colour - 16) % 6].map(cube),
        };
        let [red, green, blue] = rgb.map(linear);
        let luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        [(luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05)]
    }

    #[test]
    fn colours_are_readable_on_black_and_on_white() {
        for colour in NAME_COLOURS.into_iter().chain([GREY, RED]) {
            assert!(contrasts(colour).iter().all(|&contrast| contrast >= 3.9), "{colour}: {:?}", contrasts(colour));
        }
        assert!(contrasts(172)[1] < 3.0, "orange on white");
    }

    #[test]
    fn colours_are_for_terminals_that_support_them() {
        use OutputKind::{Pipe, Terminal};
        let choose = |asked, terminal, set: Option<(&str, &str)>| {
            Paint::choose(asked, terminal, |name| {
                let (key, value) = set.unwrap_or(("TERM", "xterm"));
                if key == name { Some(value.to_owned()) } else { (name == "TERM").then(|| "xterm".to_owned()) }
            })
        };
        assert_eq!(choose(Colors::Auto, Terminal, None), Paint::Colour);
        assert_eq!(choose(Colors::Auto, Pipe, None), Paint::Plain);
        assert_eq!(choose(Colors::Auto, Terminal, Some(("NO_COLOR", "1"))), Paint::Plain);
        assert_eq!(choose(Colors::Auto, Terminal, Some(("NO_COLOR", ""))), Paint::Colour);
        assert_eq!(choose(Colors::Auto, Terminal, Some(("TERM", "dumb"))), Paint::Plain);
        assert_eq!(choose(Colors::Always, Pipe, Some(("NO_COLOR", "1"))), Paint::Colour);
        assert_eq!(choose(Colors::Never, Terminal, None), Paint::Plain);
    }
}
