//! A server's lines, as the client reads them: a hostile server can't break the reader, and nothing
//! that is shown controls the terminal.
#![no_main]

use chitchat::client::fuzzing;
use chitchat::protocol::line::Line;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(line) = std::str::from_utf8(data) else { return };
    for shown in fuzzing::shown(line) {
        assert!(!shown.contains(|c: char| c.is_control() && c != '\t' && c != '\n'), "{shown:?}");
        // Nothing of the server's turns a line around. The client itself isolates what runs from right to left: each
        // such part ends, and in its own row.
        let mut isolated = false;
        for c in shown.chars() {
            match c {
                '\u{202a}'..='\u{202e}' | '\u{2066}' | '\u{2067}' => panic!("{shown:?}"),
                '\u{2068}' | '\u{2069}' => {
                    assert_eq!(isolated, c == '\u{2069}', "{shown:?}");
                    isolated = !isolated;
                }
                _ => {}
            }
        }
        assert!(!isolated, "{shown:?}");
    }
    let Ok(parsed) = Line::parse(line) else { return };
    // What was understood is said again in the same words.
    let mut encoded = Vec::new();
    parsed.encode(&mut encoded);
    let encoded = String::from_utf8(encoded).unwrap();
    let again = Line::parse(encoded.strip_suffix('\n').unwrap()).unwrap();
    assert_eq!(again, parsed, "{encoded:?}");
});
