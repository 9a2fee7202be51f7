//! What a client sends: the one table of verbs. The parser, `/help`, the client's completion and
//! the table in `docs/PROTOCOL.md` all come from [`TABLE`].
//!
//! `args` reads the arguments. Parsing has two steps, because the refusal of an unknown verb comes
//! before that of the login state, which comes before that of the arguments: [`parse_line`] finds
//! the verb, [`Verb::parse`] reads the arguments. Must not know sessions, rooms or sockets.

use super::code::{Code, Refusal};

mod admin;
mod hints;
mod hook;
mod parsed;
mod personal;
mod room;
mod table;
mod verb;

pub use admin::{AdminCommand, InviteTerms};
pub use hints::{other_word, unknown};
pub use hook::HookCommand;
pub use parsed::{Command, HistoryPart, NamePage, Search};
pub use personal::{PersonalCommand, SessionsToEnd};
pub use room::{AfterRoom, RoomWord, is_mistyped};
pub use table::TABLE;
pub use verb::{Verb, Who, find};

pub use super::args::{
    AWAY_MAX, INVITE_FOR_MAX, INVITE_USES_MAX, KEY_MAX, LABEL_MAX, LIMIT_DEFAULT, LIMIT_MAX, NOTE_MAX, PROFILE_MAX,
    REASON_MAX, REPLAY_MAX, Setting, is_label,
};

/// Longest client line once logged in, in bytes before its end. A terminal silently cuts what is
/// typed at 4095, so a line that was cut there is refused rather than said.
pub const LINE_MAX: usize = 4000;
/// Longest client line before login.
pub const LINE_MAX_NEW: usize = 512;

/// What a line is, before its arguments are read.
#[derive(Debug)]
pub enum Input<'a> {
    /// An empty line, or one with only spaces and TABs. It is ignored.
    Nothing,
    /// Said in the current room; `//x` has become `/x`.
    Text(&'a str),
    /// A command. An unknown verb, or a line that does not fit the grammar, is a refusal.
    Command {
        /// The label, if it is well formed.
        label: Option<&'a str>,
        /// The verb, or why there is none.
        verb: Result<&'static Verb, Refusal>,
        /// The rest of the line after the verb, starting with the space.
        rest: &'a str,
    },
}

/// Reads a line up to its verb.
#[must_use]
pub fn parse_line(line: &str) -> Input<'_> {
    let Some(after_slash) = line.strip_prefix('/') else {
        if line.bytes().all(|b| b == b' ' || b == b'\t') {
            return Input::Nothing;
        }
        return Input::Text(line);
    };
    if after_slash.starts_with('/') {
        return Input::Text(after_slash);
    }
    let malformed = || Refusal::new(Code::UnknownVerb, "a command is /verb or /@label verb. /help lists them.");
    let (label, after_label) = match after_slash.strip_prefix('@') {
        None => (None, after_slash),
        Some(rest) => {
            let (label, after) = rest.split_once(' ').unwrap_or((rest, ""));
            if !is_label(label) {
                return Input::Command { label: None, verb: Err(malformed()), rest: "" };
            }
            (Some(label), after)
        }
    };
    let end = after_label.find(' ').unwrap_or(after_label.len());
    let (word, rest) = after_label.split_at(end);
    if word.is_empty() || !word.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Input::Command { label, verb: Err(malformed()), rest };
    }
    Input::Command { label, verb: find(word).ok_or_else(|| unknown(word)), rest }
}

/// The label that a line began with, if it began with a well-formed `/@LABEL `. It works on bytes,
/// since a line that is not UTF-8, or too long, is refused with its label too.
#[must_use]
pub fn label_of(line: &[u8]) -> Option<&str> {
    let rest = line.strip_prefix(b"/@")?;
    let end = rest.iter().take(LABEL_MAX + 1).position(|&b| b == b' ')?;
    let label = std::str::from_utf8(&rest[..end]).ok()?;
    is_label(label).then_some(label)
}

#[cfg(test)]
mod tests;
