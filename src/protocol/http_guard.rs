//! Tells an HTTP request from a chat client's first line.
//!
//! A web page can make its visitor's browser post to any address, this machine's own included, and
//! everything behind the request line (headers, then a body of the page's choosing) would be read
//! as lines of chat. So the first line of each connection is checked before any of it is acted
//! on. Owns the few bytes of state that this needs across reads; must not know sockets, logins or
//! what is answered. Runs on the worker that owns the connection.
//!
//! It works on bytes and not on lines, since a request line may be longer than any line that the
//! framer accepts, and need not be text.

/// Methods that are refused as soon as they are followed by a path, whatever else the line holds.
/// `PRI` begins the preface of HTTP/2. Other methods are recognised by the version after the path.
const METHODS: [&[u8]; 10] =
    [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT", b"PRI"];

/// The longest of [`METHODS`] in bytes.
const METHOD_MAX: usize = 7;

/// What comes before a version's first digit; the blank may also be a tab.
const VERSION: &[u8] = b" HTTP/";

/// Checks what one peer sends until its first line has passed. Takes ten bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpGuard {
    state: GuardState,
}

#[derive(Debug, Clone, Copy, Default)]
enum GuardState {
    /// Before the first byte of the first line that is not empty.
    #[default]
    Blank,
    /// In its first word, of which up to one byte more than [`METHOD_MAX`] are kept.
    Word([u8; METHOD_MAX + 1], u8),
    /// After one of [`METHODS`].
    Target,
    /// Further on; what arrived ends in this many bytes of [`VERSION`].
    Rest(u8),
    /// The first line was not a request.
    Passed,
}

impl HttpGuard {
    /// Checks the next bytes; true if they make the first line an HTTP request.
    pub fn is_request(&mut self, input: &[u8]) -> bool {
        for &byte in input {
            match self.step(byte) {
                Some(GuardState::Passed) => {
                    self.state = GuardState::Passed;
                    return false;
                }
                Some(next) => self.state = next,
                None => return true,
            }
        }
        false
    }

    /// The state after one more byte; `None` if this is HTTP.
    fn step(&self, byte: u8) -> Option<GuardState> {
        let is_gap = matches!(byte, b' ' | b'\t');
        match self.state {
            GuardState::Passed => Some(GuardState::Passed),
            // Empty lines, and a byte order mark. HTTP servers skip the former, so this does too.
            GuardState::Blank if is_gap || matches!(byte, b'\r' | b'\n' | 0 | 0xef | 0xbb | 0xbf) => {
                Some(GuardState::Blank)
            }
            _ if byte == b'\n' => Some(GuardState::Passed),
            GuardState::Blank => Some(GuardState::Word([byte, 0, 0, 0, 0, 0, 0, 0], 1)),
            GuardState::Word(word, len) if is_gap => {
                let is_method = METHODS.contains(&&word[..usize::from(len)]);
                Some(if is_method { GuardState::Target } else { GuardState::Rest(1) })
            }
            GuardState::Word(mut word, len) => {
                let at = usize::from(len).min(METHOD_MAX);
                word[at] = byte;
                Some(GuardState::Word(word, at as u8 + 1))
            }
            GuardState::Target if is_gap => Some(GuardState::Target),
            GuardState::Target if matches!(byte, b'/' | b'*') => None,
            GuardState::Target => Some(GuardState::Rest(0)),
            GuardState::Rest(_) if is_gap => Some(GuardState::Rest(1)),
            GuardState::Rest(matched) => match VERSION.get(usize::from(matched)) {
                Some(&expected) if byte == expected => Some(GuardState::Rest(matched + 1)),
                None if byte.is_ascii_digit() => None,
                _ => Some(GuardState::Rest(0)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_request(bytes: &[u8]) -> bool {
        HttpGuard::default().is_request(bytes)
    }

    #[test]
    fn requests_are_recognised() {
        for request in [
            "GET / HTTP/1.1\r\n",
            "POST /register HTTP/1.1\r\n",
            "OPTIONS * HTTP/1.0\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "GET /",
            "POST  /any\u{0}thing",
            "CONNECT chat.example.org:2428 HTTP/1.1\r\n",
            "GET http://localhost:2427/ HTTP/1.1\r\n",
            "PROPFIND /calendars HTTP/1.1\r\n",
            "post / HTTP/1.1\r\n",
            "anything at all HTTP/1.1 and more\r\n",
            "\r\n\r\n \tGET / HTTP/1.1\r\n",
            "\u{feff}GET / HTTP/1.1\r\n",
            "\0\0FOO /\tHTTP/3",
        ] {
            assert!(is_request(request.as_bytes()), "{request:?}");
        }
        assert!(is_request(b"P\xffST /\xc3 HTTP/1.1"), "not UTF-8");
    }

    #[test]
    fn a_request_line_may_have_any_length() {
        for len in [500, 512, 513, 4000, 4001, 100_000] {
            let target = "x".repeat(len);
            assert!(is_request(format!("POST /{target}").as_bytes()));
            assert!(is_request(format!("BREW /{target} HTTP/1.1\r\n/register mallory\n").as_bytes()), "{len}");
            assert!(is_request(format!("{target} / HTTP/1.1\r\n").as_bytes()), "{len}");
        }
    }

    #[test]
    fn lines_of_chat_pass() {
        for line in [
            "/login alice\n",
            "/register alice HTTP\n",
            "GET me in, please\n",
            "PUTTY / is what I use\n",
            "what is HTTP/?\n",
            "seeHTTP/1.1\n",
            "GET\n/\n",
            "hello\n",
            "say hello2all\n",
            "see what HTTP/is\n",
            "\n\n/ping\n",
            "",
        ] {
            assert!(!is_request(line.as_bytes()), "{line:?}");
        }
    }

    #[test]
    fn only_the_first_line_is_checked() {
        assert!(!is_request(b"/login alice\nGET / HTTP/1.1\r\n"));
        let mut guard = HttpGuard::default();
        assert!(!guard.is_request(b"/login alice\n"));
        assert!(!guard.is_request(b"GET / HTTP/1.1\r\n"));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_result(
            bytes in "(\r\n)?(GET|POST|PRI|FOO|/ping)? ?(/|\\*|x{0,20})?( HTTP/)?[0-9 \n]{0,3}", piece in 1usize..5,
        ) {
            let mut guard = HttpGuard::default();
            let pieces = bytes.as_bytes().chunks(piece).any(|piece| guard.is_request(piece));
            prop_assert_eq!(pieces, is_request(bytes.as_bytes()));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            is_request(&bytes);
        }
    }
}
