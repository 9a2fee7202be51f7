//! What the command line prints as JSON: strings, a code, a refusal.

use crate::protocol::code::Refusal;
use crate::server::quoted::quoted;

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
    quoted(text)
}

/// A JSON list of these.
#[must_use]
pub fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}
