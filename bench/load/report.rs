//! The figures of one run: a table for people, or one line of JSON.

use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Figures in the order in which they were found.
#[derive(Debug, Default)]
pub struct Report(Map<String, Value>);

impl Report {
    /// Adds a word.
    pub fn text(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Adds a number; its unit is part of the name. JSON has no infinity and no NaN: they become `null`.
    pub fn number(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), rounded(value));
    }

    /// A line for each figure.
    pub fn table(&self) -> String {
        let width = self.0.keys().map(String::len).max().unwrap_or(0);
        let mut out = String::new();
        for (name, figure) in &self.0 {
            // Writing to a String can't fail.
            let _ = match figure {
                Value::String(text) => writeln!(out, "{name:width$}  {text}"),
                figure => writeln!(out, "{name:width$}  {figure}"),
            };
        }
        out
    }

    /// One JSON object, without a line ending.
    pub fn json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}

/// Enough digits to compare, but no more than were measured.
fn rounded(number: f64) -> Value {
    let factor = match number.abs() {
        n if n >= 100.0 || n == 0.0 => return (number.round() as i64).into(),
        n if n >= 10.0 => 10.0,
        n if n >= 1.0 => 100.0,
        _ => 10_000.0,
    };
    ((number * factor).round() / factor).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_their_order_and_the_digits_that_were_measured() {
        let mut report = Report::default();
        report.text("server", "a \"quoted\" name");
        report.number("p50_ms", 0.123_456);
        report.number("nothing", f64::NAN);
        report.number("deliveries_per_s", 1234.5);
        let json = r#"{"server":"a \"quoted\" name","p50_ms":0.1235,"nothing":null,"deliveries_per_s":1235}"#;
        assert_eq!(report.json(), json);
        assert!(report.table().contains("p50_ms            0.1235\n"), "{}", report.table());
    }
}
