//! What the command line prints as JSON: strings, a code, a refusal.

use crate::protocol::code::Refusal;
use std::fmt::Write as _;

/// A code and what is said about it as JSON, in one line.
#[must_use]
pub fn code(code: &str, about: &str) -> String {
    format!("{{\"code\":{},\"about\":{}}}\n", string(code), string(about))
}

/// A refusal as JSON, in one line.
#[must_use]
pub fn refusal(refusal: &Refusal) -> String {
    format!("{{\"refused\":{},\"text\":{}}}\n", string(refusal.code.as_str()), string(&refusal.text))
}

/// A JSON string.
#[must_use]
pub fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // Writing to a String can't fail.
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}
