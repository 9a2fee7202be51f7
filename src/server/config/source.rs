//! Where settings come from: the text of a file, `--set KEY=VALUE`, and dedicated flags.
//!
//! Each is checked on its own, so that an error can say where the fault is, and then merged over the
//! earlier ones. Knows no single setting, except which of them are paths.

use super::settings::{PATHS, Settings};
use super::{Config, ConfigError, Origin};
use crate::protocol::names::to_text;
use crate::settings_text::{self, position, shown};
use std::collections::BTreeMap;
use std::path::Path;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

/// Everything that was given. Later values win.
#[derive(Debug, Default)]
pub(super) struct Source {
    table: Table,
    /// Who gave each key, dotted.
    origins: BTreeMap<String, Origin>,
}

impl Source {
    /// Reads a file's text.
    pub(super) fn of_file(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let text = settings_text::without_mark(text);
        let place = |error: &toml::de::Error| position(text, error.span().map_or(0, |span| span.start));
        let mut table: Table = toml::from_str(text).map_err(|error| {
            let (line, column) = place(&error);
            let message = settings_text::syntax(&error);
            ConfigError::Syntax { place: format!("{}:{line}:{column}", path.display()), message }
        })?;
        // Checked from the text, not from the table: only those errors know lines.
        if let Err(error) = toml::from_str::<Settings>(text) {
            let (line, _) = place(&error);
            let given = text.lines().nth(line - 1).unwrap_or_default();
            return Err(fault(format!("{}:{line}: {}", path.display(), shown(given.trim())), &error));
        }
        for key in PATHS {
            // A relative path starts from the directory of the file.
            if let Some(Value::String(relative)) = table.get_mut(key)
                && relative != "auto"
                && let Some(joined) = path.parent().map(|base| base.join(&*relative)).as_deref().and_then(Path::to_str)
            {
                joined.clone_into(relative);
            }
        }
        let mut origins = BTreeMap::new();
        if let Ok(document) = DeTable::parse(text) {
            locate(document.get_ref(), "", &mut |key, at| {
                let (line, _) = position(text, at);
                origins.insert(key, Origin::File { path: path.to_owned(), line });
            });
        }
        Ok(Self { table, origins })
    }

    /// Adds the `KEY=VALUE` of a `--set`.
    pub(super) fn set(&mut self, given: &str) -> Result<(), ConfigError> {
        let (key, value) = given.split_once('=').ok_or_else(|| ConfigError::NotKeyValue { given: shown(given) })?;
        self.take("--set", given, key.trim(), Value::String(value.to_owned()), Origin::Set)
    }

    /// Adds what was given with a dedicated flag, if anything.
    pub(super) fn flag(&mut self, flag: &'static str, key: &str, texts: &[String]) -> Result<(), ConfigError> {
        let value = match texts {
            [] => return Ok(()),
            [one] => Value::String(one.clone()),
            many => Value::Array(many.iter().cloned().map(Value::String).collect()),
        };
        self.take(flag, &texts.join(", "), key, value, Origin::Flag(flag))
    }

    fn take(&mut self, flag: &str, given: &str, key: &str, value: Value, origin: Origin) -> Result<(), ConfigError> {
        let layer = key.rsplit('.').fold(value, |value, name| Table::from_iter([(name.to_owned(), value)]).into());
        layer.clone().try_into::<Settings>().map_err(|error| fault(format!("{flag} {}", shown(given)), &error))?;
        if let Value::Table(layer) = layer {
            overlay(&mut self.table, layer);
        }
        self.origins.insert(key.to_owned(), origin);
        Ok(())
    }

    /// Who gave each key, dotted. The others are at their defaults.
    pub(super) fn origins(&self) -> BTreeMap<String, Origin> {
        self.origins.clone()
    }

    /// The settings, merged.
    pub(super) fn settings(self) -> Result<Settings, ConfigError> {
        // Each part was valid on its own, so the whole is.
        self.table.try_into().map_err(|error| fault("settings".to_owned(), &error))
    }
}

fn overlay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Tells where each key stands in the text, dotted, by its first byte.
fn locate(table: &DeTable<'_>, group: &str, found: &mut impl FnMut(String, usize)) {
    for (name, value) in table {
        let key = format!("{group}{}", name.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) => locate(inner, &format!("{key}."), found),
            _ => found(key, name.span().start),
        }
    }
}

/// Turns serde's error into one for the operator.
fn fault(place: String, error: &toml::de::Error) -> ConfigError {
    let message = error.message().lines().next().unwrap_or_default();
    match message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected")) {
        Some((key, _)) => ConfigError::UnknownKey { place, key: shown(key), nearest: nearest(key) },
        None => {
            ConfigError::BadValue { place, problem: to_text(&message.replacen("unknown variant", "unknown value", 1)) }
        }
    }
}

/// The key that was probably meant, if one is near; `typed` is one name of a dotted key.
fn nearest(typed: &str) -> Option<String> {
    let mut known = Config::keys();
    let groups: Vec<String> = known.iter().filter_map(|key| Some(key.split_once('.')?.0.to_owned())).collect();
    known.extend(groups);
    settings_text::nearest(typed, known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Source, ConfigError> {
        Source::of_file(Path::new("/etc/chitchat.toml"), text)
    }

    fn fault(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn later_values_win() {
        let mut source = read("\u{feff}workers = 0x1_0\r\n[limits]\nflood = 'off' # x\n").unwrap();
        source.set("limits.unanswered=2").unwrap();
        assert_eq!(source.table["workers"].as_integer(), Some(16));
        source.set("workers = 3").unwrap();
        source.set("workers=4").unwrap();
        let settings = source.settings().unwrap();
        assert_eq!((settings.workers, settings.limits.flood, settings.limits.unanswered), (Some(4), None, Some(2)));
    }

    #[test]
    fn groups_and_settings_are_not_mistaken_for_each_other() {
        assert_eq!(
            fault("[limit]\n"),
            "/etc/chitchat.toml:1: [limit]: there is no setting limit. Did you mean limits?"
        );
        assert_eq!(
            fault("limits = 1"),
            "/etc/chitchat.toml:1: limits = 1: invalid type: integer `1`, expected settings"
        );
        let nested = fault("[limits.flood]\nrate=1");
        assert!(nested.starts_with("/etc/chitchat.toml:1: [limits.flood]: "), "{nested}");
        assert!(read("[limits]\n").is_ok());
        let mut source = Source::default();
        let escape = source.set("registration=\u{1b}[2J").unwrap_err().to_string();
        assert!(escape.starts_with("--set registration=?[2J: unknown value `?[2J`, "), "{escape}");
        let nested = source.set("workers.many=2").unwrap_err().to_string();
        assert!(nested.starts_with("--set workers.many=2: "), "{nested}");
    }

    #[test]
    fn a_relative_path_starts_from_the_directory_of_its_file() {
        let mut source = read("data = 'data'\ncertificate = '/c.pem'\nkey = 'k.pem'").unwrap();
        source.set("key=k.pem").unwrap();
        let settings = source.settings().unwrap();
        assert_eq!(settings.data, Some("/etc/data".into()));
        assert_eq!(settings.certificate, Some("/c.pem".into()));
        assert_eq!(settings.key, Some("k.pem".into()));
    }

    #[test]
    fn a_mistake_in_the_grammar_is_located() {
        let bare = fault("workers = 1\nlimits.flood = off\n");
        assert_eq!(bare, "/etc/chitchat.toml:2:16: a string needs quotes, such as \"off\"");
        let twice = fault("workers = 1\nworkers = 2\n");
        assert!(twice.starts_with("/etc/chitchat.toml:2:1: "), "{twice}");
    }

    #[test]
    fn the_nearest_key_is_found() {
        let nearest = |typed| nearest(typed).unwrap_or_default();
        assert_eq!(nearest("flod"), "limits.flood");
        assert_eq!(nearest("bcrypt_cost"), "accounts.bcrypt_cost");
        assert_eq!(nearest("limit"), "limits");
        assert_eq!(nearest("regsitration"), "registration");
        assert_eq!(nearest("worker"), "workers");
        assert_eq!(nearest("colour"), "");
        assert_eq!(nearest(""), "");
    }

    proptest! {
        #[test]
        fn any_file_is_read_or_refused_in_one_line(text in any::<String>(), key in "[a-z.]{1,9}", value in "\\PC{0,9}") {
            for text in [text, format!("{key} = {value}")] {
                if let Err(error) = read(&text) {
                    prop_assert!(!error.to_string().contains('\n'));
                }
            }
        }
    }
}
