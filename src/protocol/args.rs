//! A command's arguments: words, options and trailing text, taken from the left and read into
//! values. Must not know which verbs there are.

use super::code::{Code, Refusal};
use crate::protocol::names::{MessageId, NameError, RoomName, Target, Text, UserName};
use crate::protocol::reaction::{REACTION_MAX, ReactionWord};
use crate::protocol::roles::Role;
use crate::protocol::secrets::Secret;
use crate::protocol::time_bound::{TimeBound, TimeBounds};
use std::time::Duration;

/// Longest label of a command or a device token, in bytes.
pub const LABEL_MAX: usize = 32;
/// Longest `/post` key, in bytes.
pub const KEY_MAX: usize = 64;
/// Longest REASON, of whatever it is, in bytes.
pub const REASON_MAX: usize = 400;
/// Longest text of `/away`, in bytes: a row of `/who` must hold it.
pub const AWAY_MAX: usize = 200;
/// Longest text of a profile, in bytes.
pub const PROFILE_MAX: usize = 400;
/// Rows of an answer unless `limit=` says otherwise.
pub const LIMIT_DEFAULT: u32 = 50;
/// The most rows that one answer can be asked for.
pub const LIMIT_MAX: u32 = 1000;
/// The most unread lines that `/set replay` shows at once.
pub const REPLAY_MAX: u32 = 1000;
/// The shortest time for which a room keeps what is said there.
const RETAIN_MIN: Duration = Duration::from_hours(1);
/// Longest note on an invitation code, in bytes.
pub const NOTE_MAX: usize = 100;
/// The longest that an invitation can be valid.
pub const INVITE_FOR_MAX: Duration = Duration::from_hours(8760);
/// The most people that one invitation can let in.
pub const INVITE_USES_MAX: u32 = 1000;

/// An option of a connection and its new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Ids, times and labels before lines.
    Tags(bool),
    /// Whether the connection's own lines are sent back as others see them.
    Echo(bool),
    /// Whether people going online and offline are reported.
    Presence(bool),
    /// Unread lines shown at login and `/join`; 0 is off.
    Replay(u32),
    /// The number of the dictionary for deflate frames; `None` is off.
    Deflate(Option<u32>),
}

/// The arguments of one line, taken from the left.
pub(super) struct Args<'a> {
    rest: &'a str,
    keys: &'static [&'static str],
    options: Vec<(&'static str, &'a str)>,
    repeated: Option<&'static str>,
}

impl<'a> Args<'a> {
    pub(super) fn new(rest: &'a str, keys: &'static [&'static str]) -> Self {
        Self { rest, keys, options: Vec::new(), repeated: None }
    }

    /// Takes options as long as the next word is one of the verb's own keys.
    fn take_options(&mut self) {
        while let Some((word, rest)) = next_word(self.rest) {
            if !self.take_option(word) {
                return;
            }
            self.rest = rest;
        }
    }

    /// Takes this word, if it is an option.
    fn take_option(&mut self, word: &'a str) -> bool {
        let Some((key, value)) = word.split_once('=') else { return false };
        let Some(&key) = self.keys.iter().find(|&&known| known == key) else { return false };
        if self.options.iter().any(|&(known, _)| known == key) {
            self.repeated = Some(key);
        }
        self.options.push((key, value));
        true
    }

    /// The next word that is no option, if there is one.
    pub(super) fn optional_word(&mut self) -> Option<&'a str> {
        self.take_options();
        let (word, rest) = next_word(self.rest)?;
        self.rest = rest;
        Some(word)
    }

    /// Whether this word comes next. Any other word is refused.
    pub(super) fn keyword(&mut self, keyword: &str) -> Result<bool, Refusal> {
        match self.optional_word() {
            None => Ok(false),
            Some(word) if word == keyword => Ok(true),
            Some(other) => Err(unexpected(other)),
        }
    }

    pub(super) fn word(&mut self, what: &str) -> Result<&'a str, Refusal> {
        self.optional_word().ok_or_else(|| bad(format!("{what} is missing.")))
    }

    /// All words to the end of the line, without the options before, between and after them. What
    /// stands in quotes is no option.
    pub(super) fn words_among_options(&mut self) -> Result<Option<Text>, Refusal> {
        let mut words = Vec::new();
        while let Some((mut word, mut rest)) = next_word(self.rest) {
            if let Some(end) = quoted_end(self.rest) {
                (word, rest) = self.rest.split_at(end);
            } else if self.take_option(word) {
                self.rest = rest;
                continue;
            }
            words.push(word.trim_start_matches(' '));
            self.rest = rest;
        }
        if words.is_empty() { Ok(None) } else { said(&words.join(" ")).map(Some) }
    }

    pub(super) fn option(&mut self, key: &str) -> Result<Option<&'a str>, Refusal> {
        self.take_options();
        // Reported once: a caller may put the refusal off.
        if let Some(key) = self.repeated.take() {
            return Err(given_twice(key));
        }
        Ok(self.options.iter().find(|(known, _)| *known == key).map(|&(_, value)| value))
    }

    /// The options `since=` and `until=`.
    pub(super) fn times(&mut self) -> Result<TimeBounds, Refusal> {
        let since = self.option("since")?.map(time).transpose()?;
        let until = self.option("until")?.map(time).transpose()?;
        Ok(TimeBounds { since, until })
    }

    pub(super) fn limit(&mut self) -> Result<u32, Refusal> {
        match self.option("limit")? {
            None => Ok(LIMIT_DEFAULT),
            Some(n) => number(n, "limit", 1, u64::from(LIMIT_MAX)).map(|n| n as u32),
        }
    }

    /// An option whose value is all that follows it on the line.
    pub(super) fn option_to_the_end(&mut self, key: &str) -> Result<Option<Text>, Refusal> {
        let Some(at) = self.rest.find(&format!(" {key}=")) else { return Ok(None) };
        let (before, option) = self.rest.split_at(at);
        self.rest = before;
        said(&option[key.len() + " =".len()..]).map(Some)
    }

    /// The rest of the line after exactly one space, verbatim; `None` if there is nothing.
    pub(super) fn tail(&mut self) -> Option<&'a str> {
        self.take_options();
        let tail = self.rest.strip_prefix(' ').unwrap_or(self.rest);
        self.rest = "";
        (!tail.is_empty()).then_some(tail)
    }

    pub(super) fn secret(&mut self) -> Option<Secret> {
        self.tail().map(Secret::new)
    }

    pub(super) fn text(&mut self) -> Result<Text, Refusal> {
        said(self.tail().unwrap_or(""))
    }

    /// Why something is done: the rest of the line, or nothing.
    pub(super) fn reason(&mut self) -> Result<Option<Text>, Refusal> {
        self.optional_text("A reason", REASON_MAX)
    }

    /// The rest of the line, which has at most so many bytes, or nothing.
    pub(super) fn optional_text(&mut self, what: &str, most: usize) -> Result<Option<Text>, Refusal> {
        let text = self.tail().filter(|tail| !tail.trim_matches([' ', '\t']).is_empty()).map(said).transpose()?;
        text.map(|text| at_most(text, what, most)).transpose()
    }

    /// A word that is `on` or `off`.
    pub(super) fn switch(&mut self, what: &str) -> Result<bool, Refusal> {
        match self.word(what)? {
            "on" => Ok(true),
            "off" => Ok(false),
            other => Err(bad(format!("Expected on or off, not {}.", quoted(other)))),
        }
    }

    pub(super) fn room(&mut self, what: &str) -> Result<RoomName, Refusal> {
        self.word(what).and_then(room_name)
    }

    pub(super) fn existing_room(&mut self, what: &str) -> Result<RoomName, Refusal> {
        self.word(what).and_then(existing_room_name)
    }

    pub(super) fn name(&mut self, what: &str) -> Result<UserName, Refusal> {
        self.word(what).and_then(user_name)
    }

    pub(super) fn target(&mut self, what: &str) -> Result<Target, Refusal> {
        self.word(what).and_then(target_name)
    }

    /// A target that messages can be sent to.
    pub(super) fn message_target(&mut self, what: &str) -> Result<Target, Refusal> {
        let word = self.word(what)?;
        target_name(word)?.check_accepts_messages().map_err(|error| bad_name("spoken to", word, error))
    }

    /// The key of a `/post`.
    pub(super) fn key(&mut self) -> Result<Box<str>, Refusal> {
        let key = self.word("KEY")?;
        if key.len() > KEY_MAX {
            return Err(bad(format!("A key can have at most {KEY_MAX} bytes.")));
        }
        Ok(key.into())
    }

    pub(super) fn label(&mut self) -> Result<String, Refusal> {
        let word = self.word("LABEL")?;
        if is_label(word) {
            return Ok(word.to_owned());
        }
        Err(bad(format!("A label has 1 to {LABEL_MAX} letters, digits, -, _ or dots.")))
    }

    pub(super) fn finish(mut self) -> Result<(), Refusal> {
        self.take_options();
        if let Some(key) = self.repeated {
            return Err(given_twice(key));
        }
        match next_word(self.rest) {
            None => Ok(()),
            Some((word, _)) => Err(unexpected(word)),
        }
    }
}

/// The words of a command's arguments.
pub(super) fn words(rest: &str) -> impl Iterator<Item = &str> {
    rest.split(' ').filter(|word| !word.is_empty())
}

fn next_word(rest: &str) -> Option<(&str, &str)> {
    let rest = rest.trim_start_matches(' ');
    if rest.is_empty() {
        return None;
    }
    Some(rest.split_at(rest.find(' ').unwrap_or(rest.len())))
}

/// Where the quoted text ends that comes next, if one does: after the word that has its second quote.
fn quoted_end(rest: &str) -> Option<usize> {
    let quoted = rest.trim_start_matches(' ').strip_prefix('"')?;
    let quote = rest.len() - quoted.len() + quoted.find('"')?;
    Some(rest[quote..].find(' ').map_or(rest.len(), |space| quote + space))
}

/// A word that the peer sent, shortened so that it can be quoted back.
pub(super) fn quoted(word: &str) -> String {
    let mut shown: String = word.chars().take(40).collect();
    if shown.len() < word.len() {
        shown.push('…');
    }
    shown
}

pub(super) fn unexpected(word: &str) -> Refusal {
    bad(format!("Unexpected: {}.", quoted(word)))
}

fn given_twice(key: &str) -> Refusal {
    bad(format!("{key}= is given twice."))
}

pub(super) fn bad(text: String) -> Refusal {
    Refusal::new(Code::BadArgument, text)
}

pub(super) fn bad_name(what: &str, typed: &str, error: NameError) -> Refusal {
    Refusal::new(Code::BadName, format!("{} can't be {what}: {error}.", quoted(typed)))
}

pub(super) fn user_name(typed: &str) -> Result<UserName, Refusal> {
    UserName::parse(typed).map_err(|error| bad_name("a name", typed, error))
}

/// A name at `/register`; see [`login_name`].
pub(super) fn new_name(typed: &str) -> Result<UserName, Refusal> {
    UserName::parse_new(typed).map_err(|error| bad_name("a name", typed, error))
}

/// A name at login. It is refused only after the password was given, so the refusal is a value here.
pub(super) fn login_name(typed: &str) -> Result<UserName, Refusal> {
    user_name(typed)
}

pub(super) fn role(typed: &str) -> Result<Role, Refusal> {
    Role::parse(typed).ok_or_else(|| bad(format!("A role is owner, moderator or member, not {}.", quoted(typed))))
}

pub(super) fn room_name(typed: &str) -> Result<RoomName, Refusal> {
    RoomName::parse(typed).map_err(|error| bad_name("a room", typed, error))
}

pub(super) fn existing_room_name(typed: &str) -> Result<RoomName, Refusal> {
    RoomName::parse_existing(typed).map_err(|error| bad_name("a room", typed, error))
}

pub(super) fn target_name(typed: &str) -> Result<Target, Refusal> {
    Target::parse(typed).map_err(|error| bad_name("a room or @NAME", typed, error))
}

pub(super) fn said(text: &str) -> Result<Text, Refusal> {
    match Text::parse(text) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(bad("TEXT is missing.".to_owned())),
        Err(error) => Err(Refusal::new(Code::BadText, format!("{error}."))),
    }
}

/// Refuses a text that is longer than this, in bytes.
pub(super) fn at_most(text: Text, what: &str, most: usize) -> Result<Text, Refusal> {
    if text.as_str().len() > most {
        return Err(bad(format!("{what} can have at most {most} bytes.")));
    }
    Ok(text)
}

pub(super) fn number(typed: &str, what: &str, least: u64, most: u64) -> Result<u64, Refusal> {
    let digits = !typed.is_empty() && typed.bytes().all(|b| b.is_ascii_digit());
    typed
        .parse::<u64>()
        .ok()
        .filter(|n| digits && (least..=most).contains(n))
        .ok_or_else(|| bad(format!("{what} must be a number from {least} to {most}, not {}.", quoted(typed))))
}

pub(super) fn message_id(typed: &str) -> Result<MessageId, Refusal> {
    let id = number(typed, "an ID", 0, MessageId::MAX.value())?;
    MessageId::new(id).ok_or_else(|| bad("That ID is too large.".to_owned()))
}

pub(super) fn reaction(typed: &str) -> Result<ReactionWord, Refusal> {
    ReactionWord::parse(typed).ok_or_else(|| bad(format!("A reaction is one word of at most {REACTION_MAX} bytes.")))
}

/// A span such as `30s`, `10m`, `24h` or `7d`.
pub(super) fn duration(typed: &str) -> Result<Duration, Refusal> {
    let wrong = || bad(format!("{} is not a duration. Use 30s, 10m, 24h or 7d; at most 365d.", quoted(typed)));
    let unit = match typed.as_bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 3600,
        Some(b'd') => 86_400,
        _ => return Err(wrong()),
    };
    let count = number(&typed[..typed.len() - 1], "a time", 1, 100_000_000).map_err(|_| wrong())?;
    let span = Duration::from_secs(count * unit);
    if span > INVITE_FOR_MAX { Err(wrong()) } else { Ok(span) }
}

/// How long a room keeps what is said there.
pub(super) fn retention(typed: &str) -> Result<Duration, Refusal> {
    let keep = duration(typed)?;
    if keep < RETAIN_MIN { Err(bad("A room keeps what is said for at least 1h.".to_owned())) } else { Ok(keep) }
}

/// A date, a time, or a span that counts back from now.
fn time(typed: &str) -> Result<TimeBound, Refusal> {
    let ago = || duration(typed).map(TimeBound::Ago);
    TimeBound::parse(typed).map_or_else(ago, Ok).map_err(|_| {
        bad(format!("{} is not a time. Use 2026-11-01, 2026-11-01T12:30:00Z, or 7d for 7 days ago.", quoted(typed)))
    })
}

pub(super) fn setting(option: &str, value: &str) -> Result<Setting, Refusal> {
    let switch = || match value {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(bad(format!("{option} must be on or off, not {}.", quoted(other)))),
    };
    match option {
        "tags" => switch().map(Setting::Tags),
        "echo" => switch().map(Setting::Echo),
        "presence" => switch().map(Setting::Presence),
        "replay" if value == "off" => Ok(Setting::Replay(0)),
        "replay" => number(value, "replay", 0, u64::from(REPLAY_MAX)).map(|n| Setting::Replay(n as u32)),
        "deflate" if value == "off" => Ok(Setting::Deflate(None)),
        "deflate" => number(value, "deflate", 1, u64::from(u32::MAX)).map(|n| Setting::Deflate(Some(n as u32))),
        other => Err(bad(format!(
            "There is no option {}. The options are tags, echo, presence, replay and deflate.",
            quoted(other)
        ))),
    }
}

/// Whether a word may be a label: 1 to 32 of letters, digits, `-`, `_` and `.`.
#[must_use]
pub fn is_label(word: &str) -> bool {
    (1..=LABEL_MAX).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests;
