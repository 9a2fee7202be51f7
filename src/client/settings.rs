//! The client's settings: what was typed in `config.toml`, checked into [`Settings`].
//!
//! Owns the keys, their defaults, and the errors that name the file, the line and the key. What a
//! setting does is said by the code that uses it. Runs on the main thread before anything else.
//!
//! A new setting is a field with its default, an arm in `set`, and a paragraph in
//! `settings/example.toml`; a test compares the three.

use super::args::Colors;
use crate::settings_text;
use clap::ValueEnum;
use etcetera::BaseStrategy as _;
use std::path::{Path, PathBuf};
use std::{fs, io};
use toml::de::{DeTable, DeValue};

/// The most people of a room whose joins are shown, as a bound of what may be typed.
const JOINS_MAX: u32 = 1000;
/// The longest time of day, in characters: an error if a form makes a longer one.
const CLOCK_MAX: usize = 20;

/// The settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What becomes of lines in rooms other than the current one.
    pub elsewhere: Elsewhere,
    /// Rooms with up to this many people show joins and leaves.
    pub joins: u32,
    /// How the user is told of something while they look elsewhere.
    pub notify: Notify,
    /// Of what.
    pub notify_for: NotifyFor,
    /// How a time of day is written, for `strftime`; empty if it is not shown.
    pub clock: String,
    /// When to use colours.
    pub color: Colors,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            elsewhere: Elsewhere::Count,
            joins: 20,
            notify: Notify::Bell,
            notify_for: NotifyFor::Mentions,
            clock: "%H:%M".to_owned(),
            color: Colors::Auto,
        }
    }
}

/// What becomes of lines in rooms other than the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Elsewhere {
    /// They are counted, and the prompt shows how many there are.
    Count,
    /// They are shown as they come, with the room's name.
    Show,
}

/// How the user is told of something while they look elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notify {
    /// Not at all.
    Off,
    /// By the terminal's bell.
    Bell,
    /// By the terminal's escape sequence 9.
    Osc9,
    /// By the terminal's escape sequence 777.
    Osc777,
    /// By a command, which the shell runs with `CHITCHAT_TITLE`, `CHITCHAT_TEXT` and more in its environment.
    Command(String),
}

/// Of what the user is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NotifyFor {
    /// Direct messages.
    Direct,
    /// Direct messages, and lines that mention the user.
    Mentions,
    /// Every line of others that is shown.
    All,
}

/// Why the settings can't be used. The user can fix each of these, and each is one line.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file can't be read.
    #[error("can't read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is not TOML.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// There is no such key.
    #[error("{}:{line}: there is no setting {key}. {}", path.display(), hint(.nearest.as_deref()))]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The key that was probably meant.
        nearest: Option<String>,
    },
    /// The value does not fit the key.
    #[error("{}:{line}: {key}: expected {expected}", path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// What would be valid.
        expected: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(key) => format!("Did you mean {key}?"),
        None => "chitchat config prints them all.".to_owned(),
    }
}

/// Why one setting was not taken.
enum Fault {
    Unknown,
    /// What would be valid.
    Expected(String),
}

impl Settings {
    /// The example file: every key, what it does, and its default.
    #[must_use]
    pub fn example() -> &'static str {
        include_str!("settings/example.toml")
    }

    /// The user's file, which need not exist; `None` without a home directory.
    #[must_use]
    pub fn file() -> Option<PathBuf> {
        Some(etcetera::base_strategy::Xdg::new().ok()?.config_dir().join("chitchat").join("config.toml"))
    }

    /// Reads the user's file. Without one, everything is at its default.
    ///
    /// # Errors
    /// Any [`SettingsError`].
    pub fn read() -> Result<Self, SettingsError> {
        let Some(path) = Self::file() else { return Ok(Self::default()) };
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(SettingsError::Unreadable { path, error }),
        }
    }

    /// Reads the text of a file. If there are several faults, one is reported.
    ///
    /// # Errors
    /// Any [`SettingsError`] except `Unreadable`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, SettingsError> {
        let text = settings_text::without_mark(text);
        let table = DeTable::parse(text).map_err(|error| {
            let (line, column) = settings_text::position(text, error.span().map_or(0, |span| span.start));
            SettingsError::Syntax { path: path.to_owned(), line, column, message: settings_text::syntax(&error) }
        })?;
        let mut settings = Self::default();
        for (key, value) in table.get_ref() {
            let (line, _) = settings_text::position(text, key.span().start);
            let name: &str = key.get_ref();
            settings.set(name, value.get_ref()).map_err(|fault| {
                let (path, key) = (path.to_owned(), settings_text::shown(name));
                match fault {
                    Fault::Expected(expected) => SettingsError::BadValue { path, line, key, expected },
                    Fault::Unknown => {
                        let nearest = settings_text::nearest(name, settings_text::example_keys(Self::example()));
                        SettingsError::UnknownKey { path, line, key, nearest }
                    }
                }
            })?;
        }
        Ok(settings)
    }

    fn set(&mut self, key: &str, value: &DeValue<'_>) -> Result<(), Fault> {
        match key {
            "elsewhere" => self.elsewhere = one_of(value)?,
            "joins" => self.joins = number(value, JOINS_MAX)?,
            "notify" => self.notify = notify(value)?,
            "notify_for" => self.notify_for = one_of(value)?,
            "clock" => self.clock = clock(value)?,
            "color" => self.color = one_of(value)?,
            _ => return Err(Fault::Unknown),
        }
        Ok(())
    }
}

/// One of the words of an enum.
fn one_of<T: ValueEnum>(value: &DeValue<'_>) -> Result<T, Fault> {
    let word = value.as_str().and_then(|word| T::from_str(word, false).ok());
    word.ok_or_else(|| {
        let names = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        Fault::Expected(alternatives(names.map(|value| format!("\"{}\"", value.get_name()))))
    })
}

/// `a, b or c`.
fn alternatives(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) }
}

fn number(value: &DeValue<'_>, max: u32) -> Result<u32, Fault> {
    let number = value.as_integer().and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok());
    number.filter(|&number| number <= max).ok_or_else(|| Fault::Expected(format!("a whole number from 0 to {max}")))
}

fn notify(value: &DeValue<'_>) -> Result<Notify, Fault> {
    let command = |value: &DeValue<'_>| {
        let table = value.as_table().filter(|table| table.len() == 1)?;
        let (key, command) = table.iter().next()?;
        let command = command.get_ref().as_str().filter(|command| !command.trim().is_empty())?;
        (key.get_ref() == "command").then(|| Notify::Command(command.to_owned()))
    };
    match value.as_str() {
        Some("off") => Ok(Notify::Off),
        Some("bell") => Ok(Notify::Bell),
        Some("osc9") => Ok(Notify::Osc9),
        Some("osc777") => Ok(Notify::Osc777),
        _ => command(value)
            .ok_or_else(|| Fault::Expected(r#""off", "bell", "osc9", "osc777" or { command = "…" }"#.to_owned())),
    }
}

fn clock(value: &DeValue<'_>) -> Result<String, Fault> {
    let noon = jiff::civil::date(2026, 12, 30).at(22, 30, 30, 0).to_zoned(jiff::tz::TimeZone::UTC);
    let is_good = |form: &&str| {
        let shown = noon.ok().and_then(|noon| jiff::fmt::strtime::format(form, &noon).ok());
        shown.is_some_and(|shown| {
            shown.chars().count() <= CLOCK_MAX && crate::protocol::names::check_text(&shown).is_ok()
        })
    };
    value.as_str().filter(|form| form.is_empty() || is_good(form)).map(str::to_owned).ok_or_else(|| {
        Fault::Expected(format!(
            "a time of day of at most {CLOCK_MAX} characters in the letters of strftime, such as \"%H:%M\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        Settings::parse(Path::new("/c/config.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_lists_every_key_with_its_default() {
        assert_eq!(read(Settings::example()), Ok(Settings::default()));
        let taken_out =
            |line: &str| line.starts_with('#') && line.as_bytes().get(1).is_some_and(u8::is_ascii_lowercase);
        let bare: Vec<&str> =
            Settings::example().lines().filter(|line| taken_out(line)).map(|line| &line[1..]).collect();
        assert_eq!(read(&bare.join("\n")), Ok(Settings::default()));
        let keys = settings_text::example_keys(Settings::example());
        assert_eq!(keys, ["elsewhere", "joins", "notify", "notify_for", "clock", "color"]);
        for key in keys {
            assert!(read(&format!("{key} = 1.5")).unwrap_err().contains(": expected "), "{key}");
        }
    }

    #[test]
    fn every_key_is_read() {
        let text = "\u{feff}elsewhere = 'show'\njoins = 0x10\nnotify = { command = 'beep' }\nnotify_for = 'all'\n\
                    clock = '%I:%M %p'\ncolor = 'never'\n";
        let all = Settings {
            elsewhere: Elsewhere::Show,
            joins: 16,
            notify: Notify::Command("beep".to_owned()),
            notify_for: NotifyFor::All,
            clock: "%I:%M %p".to_owned(),
            color: Colors::Never,
        };
        assert_eq!(read(text), Ok(all));
        assert_eq!(read("notify.command = 'beep'").map(|s| s.notify), Ok(Notify::Command("beep".to_owned())));
        assert_eq!(read("clock = ''").map(|s| s.clock), Ok(String::new()));
    }

    #[test]
    fn a_mistake_is_told_with_its_file_line_and_cure() {
        let cases = [
            ("\ncolour = 'auto'", ":2: there is no setting colour. Did you mean color?"),
            ("zzz = 1", ":1: there is no setting zzz. chitchat config prints them all."),
            ("[rooms]\na = 1", ":1: there is no setting rooms. chitchat config prints them all."),
            ("elsewhere = 'off'", r#":1: elsewhere: expected "count" or "show""#),
            ("color = true", r#":1: color: expected "auto", "always" or "never""#),
            ("joins = 1001", ":1: joins: expected a whole number from 0 to 1000"),
            ("joins = -1", ":1: joins: expected a whole number from 0 to 1000"),
            ("notify = 'beep'", r#":1: notify: expected "off", "bell", "osc9", "osc777" or { command = "…" }"#),
            (
                "notify = { command = '' }",
                r#":1: notify: expected "off", "bell", "osc9", "osc777" or { command = "…" }"#,
            ),
            ("\ncolor = never", ":2:9: a string needs quotes, such as \"off\""),
        ];
        for (text, wanted) in cases {
            assert_eq!(read(text), Err(format!("/c/config.toml{wanted}")), "{text}");
        }
        for clock in ["%H:%M%", "%A, %d. %B %Y %H:%M", "%H\\u001b"] {
            assert!(read(&format!("clock = \"{clock}\"")).is_err(), "{clock}");
        }
    }
}
