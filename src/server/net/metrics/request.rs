//! The head of an HTTP request, as far as it is read: the method and the path. Knows no socket.

/// The most bytes of a head. A scraper's has a few hundred.
pub(crate) const HEAD_MAX: usize = 4 * 1024;

/// Where the metrics are.
const PATH: &str = "/metrics";

/// What has arrived of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// A part of its head.
    Unfinished,
    /// It asks for the metrics.
    Metrics,
    /// Anything else, and what it is answered with.
    Other(Status),
}

/// The status of an answer without metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    NotARequest,
    NotFound,
    NotAllowed,
    TooLong,
    /// The server itself does not answer in time.
    Unavailable,
}

impl Status {
    /// The code, and the reason that goes with it.
    #[must_use]
    pub(crate) fn line(self) -> &'static str {
        match self {
            Self::NotARequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::NotAllowed => "405 Method Not Allowed",
            Self::TooLong => "431 Request Header Fields Too Large",
            Self::Unavailable => "503 Service Unavailable",
        }
    }

    /// What a person is told who looks.
    #[must_use]
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::NotARequest => "That is not an HTTP request.",
            Self::NotFound => "There is only /metrics here.",
            Self::NotAllowed => "The metrics can only be read, with GET.",
            Self::TooLong => "That request is too long.",
            Self::Unavailable => "The server does not answer. Its log may say why.",
        }
    }
}

/// Reads what has arrived. What comes after the head is left alone.
#[must_use]
pub(crate) fn read(bytes: &[u8]) -> Request {
    let head = &bytes[..bytes.len().min(HEAD_MAX)];
    let Some(line) = first_line(head) else {
        return if head.len() < HEAD_MAX { Request::Unfinished } else { Request::Other(Status::TooLong) };
    };
    let mut words = line.split(|&b| b == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Request::Other(Status::NotARequest);
    };
    if !version.starts_with(b"HTTP/1.") || method.is_empty() {
        return Request::Other(Status::NotARequest);
    }
    let path = target.split(|&b| b == b'?').next().unwrap_or(target);
    match (path == PATH.as_bytes(), method) {
        (true, b"GET") => Request::Metrics,
        (true, _) => Request::Other(Status::NotAllowed),
        (false, _) => Request::Other(Status::NotFound),
    }
}

/// The first line of a head that is complete, without its end.
fn first_line(head: &[u8]) -> Option<&[u8]> {
    let mut lines = head.split_inclusive(|&b| b == b'\n').map(|line| (line, line.trim_ascii_end()));
    let (_, first) = lines.next()?;
    // An empty line ends it, even where a line should end in CR LF and does not.
    lines.any(|(line, text)| line.ends_with(b"\n") && text.is_empty()).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_scraper_gets_the_metrics_and_others_a_reason() {
        let scrape = b"GET /metrics HTTP/1.1\r\nHost: localhost:9428\r\nAccept: text/plain;version=0.0.4\r\n\r\n";
        assert_eq!(read(scrape), Request::Metrics);
        assert_eq!(read(b"GET /metrics?x=1 HTTP/1.0\n\n"), Request::Metrics);
        for (request, status) in [
            ("POST /metrics HTTP/1.1\r\n\r\n", Status::NotAllowed),
            ("GET / HTTP/1.1\r\n\r\n", Status::NotFound),
            ("GET /metrics/ HTTP/1.1\r\n\r\n", Status::NotFound),
            ("GET /metrics\r\n\r\n", Status::NotARequest),
            ("GET /metrics HTTP/2\r\n\r\n", Status::NotARequest),
            ("GET  /metrics HTTP/1.1\r\n\r\n", Status::NotARequest),
            ("/login bob\n\n", Status::NotARequest),
            ("\n\n", Status::NotARequest),
        ] {
            assert_eq!(read(request.as_bytes()), Request::Other(status), "{request:?}");
        }
    }

    #[test]
    fn a_head_is_read_when_it_is_complete_and_given_up_when_it_is_too_long() {
        let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for end in 0..request.len() {
            assert_eq!(read(&request[..end]), Request::Unfinished, "{end}");
        }
        let endless = [b"GET /metrics HTTP/1.1\r\n".as_slice(), &b"X: y\r\n".repeat(HEAD_MAX)].concat();
        assert_eq!(read(&endless[..HEAD_MAX - 1]), Request::Unfinished);
        assert_eq!(read(&endless[..HEAD_MAX]), Request::Other(Status::TooLong));
        assert_eq!(read(&endless), Request::Other(Status::TooLong));
    }

    proptest! {
        #[test]
        fn more_bytes_never_change_what_was_read(bytes in prop::collection::vec(prop::sample::select(b"GET /metricsHTP1.\r\n?\xff".to_vec()), 0..200), end in 0usize..200) {
            let part = &bytes[..end.min(bytes.len())];
            let read_before = read(part);
            prop_assert!(read_before == Request::Unfinished || read(&bytes) == read_before);
        }
    }
}
