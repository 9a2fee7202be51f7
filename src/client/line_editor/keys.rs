//! From the bytes of the terminal to keys.
//!
//! Pure. Knows the sequences of xterm and its relatives, the Linux console and rxvt, and bracketed pastes. Bytes
//! that are no key are skipped.

use std::time::Duration;

/// How long a lone escape may be the beginning of a longer sequence.
pub(super) const ESCAPE_WAIT: Duration = Duration::from_millis(100);

/// The longest escape sequence, in bytes; a longer one is skipped.
const SEQUENCE_MAX: usize = 32;
const PASTE_END: &[u8] = b"\x1b[201~";

/// A key, or a paste.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    /// A letter is in lower case.
    Ctrl(char),
    Alt(char),
    AltBackspace,
    Enter,
    Tab,
    Backspace,
    Delete,
    Escape,
    Up,
    Down,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Paste(String),
    Unknown,
}

/// Takes bytes as they come, and gives keys.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    pasting: bool,
    /// Bytes of a paste in which its end was not found.
    searched: usize,
}

/// What the bytes begin with.
enum Begin {
    /// A key, of that many bytes.
    Key(Key, usize),
    /// The beginning of a paste, of that many bytes.
    Paste(usize),
    /// More bytes are needed.
    Part,
}

impl Decoder {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The lines that wait here whole. Nobody types several within one read.
    pub(super) fn waiting_lines(&self) -> usize {
        if self.pasting { 0 } else { memchr::memchr_iter(b'\r', &self.bytes).count() }
    }

    /// All that waits here, as a paste that was not marked as one.
    pub(super) fn take_as_paste(&mut self) -> String {
        pasted(&std::mem::take(&mut self.bytes))
    }

    /// The next whole line, where the terminal gives no keys but lines.
    pub(super) fn line(&mut self) -> Option<String> {
        let end = memchr::memchr(b'\n', &self.bytes)?;
        let line: Vec<u8> = self.bytes.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Whether what is here may be a lone escape.
    pub(super) fn has_escape(&self) -> bool {
        !self.pasting && self.bytes.first() == Some(&0x1b)
    }

    /// Nothing has followed the escape for `ESCAPE_WAIT`, so it is the key.
    pub(super) fn escape(&mut self) -> Key {
        self.bytes.clear();
        Key::Escape
    }

    /// The next key.
    pub(super) fn next(&mut self) -> Option<Key> {
        if !self.pasting {
            match begin(&self.bytes) {
                Begin::Key(key, length) => {
                    self.bytes.drain(..length);
                    return Some(key);
                }
                Begin::Paste(length) => {
                    self.bytes.drain(..length);
                    self.pasting = true;
                }
                Begin::Part => return None,
            }
        }
        let from = self.searched.saturating_sub(PASTE_END.len());
        let Some(end) = memchr::memmem::find(&self.bytes[from..], PASTE_END).map(|at| from + at) else {
            self.searched = self.bytes.len();
            return None;
        };
        self.searched = 0;
        let text = pasted(&self.bytes[..end]);
        self.bytes.drain(..end + PASTE_END.len());
        self.pasting = false;
        Some(Key::Paste(text))
    }
}

/// A pasted text, with line feeds as its line ends, which terminals turn into carriage returns.
fn pasted(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n")
}

fn begin(bytes: &[u8]) -> Begin {
    let Some(&first) = bytes.first() else { return Begin::Part };
    let key = match first {
        0x1b => return escape_sequence(bytes),
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        0x08 | 0x7f => Key::Backspace,
        // Ctrl-A is 1; above Z come Ctrl-[ \ ] ^ _.
        0..=0x1f => Key::Ctrl(char::from(first + b'@').to_ascii_lowercase()),
        _ => {
            return character(bytes)
                .map_or(Begin::Part, |(c, length)| Begin::Key(c.map_or(Key::Unknown, Key::Char), length));
        }
    };
    Begin::Key(key, 1)
}

/// The character at the beginning, or `None` in its place if it is not valid; nothing at all if it is not whole.
fn character(bytes: &[u8]) -> Option<(Option<char>, usize)> {
    let length = match bytes.first()? {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => 1,
    };
    let c = std::str::from_utf8(bytes.get(..length)?).ok().and_then(|text| text.chars().next());
    Some((c, if c.is_some() { length } else { 1 }))
}

fn escape_sequence(bytes: &[u8]) -> Begin {
    match bytes.get(1) {
        None => Begin::Part,
        Some(b'[') => control_sequence(bytes),
        Some(b'O') => match bytes.get(2) {
            None => Begin::Part,
            Some(&last) => Begin::Key(cursor_key(last, b""), 3),
        },
        Some(0x1b) => Begin::Key(Key::Escape, 1),
        Some(0x08 | 0x7f) => Begin::Key(Key::AltBackspace, 2),
        Some(0..=0x1f) => Begin::Key(Key::Unknown, 2),
        Some(_) => character(&bytes[1..])
            .map_or(Begin::Part, |(c, length)| Begin::Key(c.map_or(Key::Unknown, Key::Alt), length + 1)),
    }
}

/// `ESC [`, parameters, and a letter or `~`.
fn control_sequence(bytes: &[u8]) -> Begin {
    let rest = &bytes[2..];
    // The function keys of the Linux console: `ESC [ [ A`.
    if rest.first() == Some(&b'[') {
        return if rest.len() < 2 { Begin::Part } else { Begin::Key(Key::Unknown, 4) };
    }
    let Some(end) = rest.iter().position(|byte| !matches!(byte, b' '..=b'?')) else {
        return if rest.len() < SEQUENCE_MAX { Begin::Part } else { Begin::Key(Key::Unknown, bytes.len()) };
    };
    let (parameters, last, length) = (&rest[..end], rest[end], end + 3);
    if last != b'~' {
        return Begin::Key(cursor_key(last, parameters), length);
    }
    let key = match parameters {
        b"200" => return Begin::Paste(length),
        b"1" | b"7" => Key::Home,
        b"4" | b"8" => Key::End,
        b"3" => Key::Delete,
        _ => Key::Unknown,
    };
    Begin::Key(key, length)
}

fn cursor_key(last: u8, parameters: &[u8]) -> Key {
    // Alt is 3 and Ctrl 5, as in `ESC [ 1 ; 5 D`; rxvt has a lower-case letter for Ctrl.
    let by_words = matches!(parameters, b"1;3" | b"1;5" | b"3" | b"5");
    match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' if by_words => Key::WordRight,
        b'D' if by_words => Key::WordLeft,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'c' => Key::WordRight,
        b'd' => Key::WordLeft,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'M' => Key::Enter,
        _ => Key::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        std::iter::from_fn(|| decoder.next()).collect()
    }

    #[test]
    fn keys_are_known_by_their_sequences() {
        assert_eq!(keys(b"a\r\x01\x1f"), [Key::Char('a'), Key::Enter, Key::Ctrl('a'), Key::Ctrl('_')]);
        assert_eq!(keys("é日".as_bytes()), [Key::Char('é'), Key::Char('日')]);
        assert_eq!(keys(b"\x1b1\x1ba\x1b\x7f"), [Key::Alt('1'), Key::Alt('a'), Key::AltBackspace]);
        assert_eq!(keys(b"\x1b[A\x1bOB\x1b[1;5D\x1b[3~"), [Key::Up, Key::Down, Key::WordLeft, Key::Delete]);
        assert_eq!(
            keys(b"\x1b[15~\x1b[[Ax\xffy"),
            [Key::Unknown, Key::Unknown, Key::Char('x'), Key::Unknown, Key::Char('y')]
        );
    }

    #[test]
    fn a_paste_is_one_thing_wherever_its_bytes_are_split() {
        let bytes = "a\x1b[200~one\r\n\ttwo é\r\x1b[31mthree\x1b[201~b".as_bytes();
        for split in 0..bytes.len() {
            let mut decoder = Decoder::default();
            let mut found = Vec::new();
            for part in [&bytes[..split], &bytes[split..]] {
                decoder.push(part);
                found.extend(std::iter::from_fn(|| decoder.next()));
            }
            let paste = Key::Paste("one\n\ttwo é\n\x1b[31mthree".to_owned());
            assert_eq!(found, [Key::Char('a'), paste, Key::Char('b')], "split at {split}");
        }
    }

    #[test]
    fn an_escape_waits_for_what_may_follow() {
        let mut decoder = Decoder::default();
        decoder.push(b"\x1b");
        assert_eq!(decoder.next(), None);
        assert!(decoder.has_escape());
        assert_eq!(decoder.escape(), Key::Escape);
        assert_eq!(decoder.next(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            let mut taken = 0;
            while decoder.next().is_some() {
                taken += 1;
            }
            prop_assert!(taken <= bytes.len());
        }
    }
}
