//! What `chitchatd config check` and `config show` print. Pure; the program's main thread prints it.

use crate::server::config::{Setting, Warning};
use crate::server::operator::json::{list, string};
use std::path::Path;

/// Where the comments of [`show`] begin, unless a value is longer.
const COMMENTS: usize = 44;

/// The settings are good, in a sentence.
#[must_use]
pub fn good(file: Option<&Path>) -> String {
    match file {
        Some(file) => format!("{}: the settings are good.\n", file.display()),
        None => "The settings are good; no file was named, see --config.\n".to_owned(),
    }
}

/// The same as JSON, in one line.
#[must_use]
pub fn good_json(file: Option<&Path>, warnings: &[Warning]) -> String {
    let file = file.map_or("null".to_owned(), |file| string(&file.to_string_lossy()));
    let warnings = list(warnings.iter().map(|warning| string(&warning.to_string())));
    format!("{{\"file\":{file},\"good\":true,\"warnings\":{warnings}}}\n")
}

/// Each setting in effect, and where it came from: a settings file with comments.
#[must_use]
pub fn show(settings: &[Setting]) -> String {
    let line = |setting: &Setting| {
        let assignment = format!("{} = {}", setting.key, setting.value);
        format!("{assignment:<COMMENTS$} # {}\n", setting.from())
    };
    settings.iter().map(line).collect()
}

/// The same as JSON, in one line.
#[must_use]
pub fn show_json(settings: &[Setting]) -> String {
    let setting = |setting: &Setting| {
        let (key, from) = (string(setting.key), string(&setting.from()));
        format!("{{\"key\":{key},\"value\":{},\"from\":{from}}}", setting.value)
    };
    list(settings.iter().map(setting)) + "\n"
}
