//! The figures of one run: a table for people, or one line of JSON.

use std::fmt::Write as _;

/// Figures in the order in which they were found.
#[derive(Debug, Default)]
pub struct Report(Vec<(&'static str, Figure)>);

#[derive(Debug)]
enum Figure {
    Text(String),
    Number(f64),
}

impl Report {
    /// Adds a word.
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.0.push((name, Figure::Text(value.to_owned())));
    }

    /// Adds a number; its unit is part of the name.
    pub fn number(&mut self, name: &'static str, value: f64) {
        self.0.push((name, Figure::Number(value)));
    }

    /// A line for each figure.
    pub fn table(&self) -> String {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut out = String::new();
        for (name, figure) in &self.0 {
            let value = match figure {
                Figure::Text(text) => text.clone(),
                Figure::Number(number) => rounded(*number),
            };
            // Writing to a String can't fail.
            let _ = writeln!(out, "{name:width$}  {value}");
        }
        out
    }

    /// One JSON object, without a line's end.
    pub fn json(&self) -> String {
        let mut out = String::from("{");
        for (index, (name, figure)) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            let _ = write!(out, "\"{name}\":");
            match figure {
                Figure::Text(text) => quote(text, &mut out),
                // JSON knows no infinity and no NaN.
                Figure::Number(number) if number.is_finite() => out.push_str(&rounded(*number)),
                Figure::Number(_) => out.push_str("null"),
            }
        }
        out.push('}');
        out
    }
}

/// Enough digits to compare, no more than were measured.
fn rounded(number: f64) -> String {
    match number.abs() {
        n if n >= 100.0 || n == 0.0 => format!("{number:.0}"),
        n if n >= 10.0 => format!("{number:.1}"),
        n if n >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped() {
        let mut report = Report::default();
        report.text("a", "x\"\\\n\u{e9}");
        report.number("b", 0.125);
        report.number("c", f64::NAN);
        report.number("d", 1234.5);
        assert_eq!(report.json(), "{\"a\":\"x\\\"\\\\\\u000a\u{e9}\",\"b\":0.1250,\"c\":null,\"d\":1234}");
        assert!(report.table().contains("b  0.1250\n"));
    }
}
