//! The head of an HTTP request, as far as it is read: the method, the path and the host. Knows no socket.

use std::net::IpAddr;

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
    /// A name that may be anybody's.
    Misdirected,
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
            Self::Misdirected => "421 Misdirected Request",
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
            Self::Misdirected => {
                "The host in the URL must be an address, localhost, or the name in the server's settings."
            }
            Self::TooLong => "That request is too long.",
            Self::Unavailable => "The server does not answer. Its log may say why.",
        }
    }
}

/// Reads what has arrived; `name` is the server's. What comes after the head is left alone.
#[must_use]
pub(crate) fn read(bytes: &[u8], name: &str) -> Request {
    let head = &bytes[..bytes.len().min(HEAD_MAX)];
    let Some((line, fields)) = lines(head) else {
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
    if !fields.iter().filter_map(|field| host(field)).all(|host| is_ours(host, name)) {
        return Request::Other(Status::Misdirected);
    }
    let path = target.split(|&b| b == b'?').next().unwrap_or(target);
    match (path == PATH.as_bytes(), method) {
        (true, b"GET") => Request::Metrics,
        (true, _) => Request::Other(Status::NotAllowed),
        (false, _) => Request::Other(Status::NotFound),
    }
}

/// The first line of a head that is complete, and those behind it, without their ends.
fn lines(head: &[u8]) -> Option<(&[u8], Vec<&[u8]>)> {
    let mut lines = head.split_inclusive(|&b| b == b'\n').map(|line| (line, line.trim_ascii_end()));
    let (_, first) = lines.next()?;
    let mut fields = Vec::new();
    for (line, text) in lines {
        // An empty line ends it, even where a line should end in CR LF and does not.
        if text.is_empty() {
            return line.ends_with(b"\n").then_some((first, fields));
        }
        fields.push(text);
    }
    None
}

/// What a field says of the host, if it is the one that does.
fn host(field: &[u8]) -> Option<&[u8]> {
    let (key, value) = field.split_at_checked("host:".len())?;
    key.eq_ignore_ascii_case(b"host:").then(|| value.trim_ascii())
}

/// Whether a host, perhaps with a port, is named as nobody else can name theirs. Of any other name a stranger may say
/// that it is this machine (DNS rebinding), and read the metrics with the browser of whoever works here.
fn is_ours(host: &[u8], name: &str) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    let host = host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(host, _)| host);
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    address.parse::<IpAddr>().is_ok() || ["localhost", name].iter().any(|ours| host.eq_ignore_ascii_case(ours))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Request {
        super::read(bytes, "chat.example.org")
    }

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

    /// A page whose name a stranger has pointed at this machine is another origin, and stays one.
    #[test]
    fn only_what_is_surely_this_server_is_a_host() {
        let said = |field: &str| read(format!("GET /metrics HTTP/1.1\r\n{field}\r\nAccept: */*\r\n\r\n").as_bytes());
        for ours in ["127.0.0.1:9428", "127.0.0.1", "[::1]:9428", "[::1]", "192.0.2.7", "localhost:9428", "LocalHost"] {
            assert_eq!(said(&format!("Host: {ours}")), Request::Metrics, "{ours}");
        }
        for ours in ["host:chat.example.org:1", "HOST: \tChat.Example.org ", "Hosts: evil.example"] {
            assert_eq!(said(ours), Request::Metrics, "{ours}");
        }
        for other in [
            "evil.example",
            "evil.example:9428",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            ":9428",
            "[localhost]",
            "\u{e4}",
        ] {
            assert_eq!(said(&format!("Host: {other}")), Request::Other(Status::Misdirected), "{other}");
        }
        assert_eq!(said("Host: localhost\r\nHost: evil.example"), Request::Other(Status::Misdirected));
        assert_eq!(read(b"GET /metrics HTTP/1.1\r\nHost: \xff\r\n\r\n"), Request::Other(Status::Misdirected));
        // Nobody's browser leaves it out.
        assert_eq!(said("X: y"), Request::Metrics);
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
