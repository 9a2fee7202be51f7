//! A string in double quotes, as JSON and TOML both read it.

use std::fmt::Write as _;

/// The text in quotes.
pub(crate) fn quoted(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn toml_reads_it_back(text in any::<String>()) {
            let table: toml::Table = format!("key = {}", quoted(&text)).parse().unwrap();
            prop_assert_eq!(table["key"].as_str(), Some(&*text));
        }
    }
}
