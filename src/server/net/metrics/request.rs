//! What somebody asks of the metrics, and what those get who ask for something else. Knows no socket.

use crate::server::web::body::Length;
use crate::server::web::http::{self, Method, Read};
use crate::server::web::response::{Response, Status};
use crate::server::web::sentence;
use std::net::IpAddr;

pub(crate) use crate::server::web::http::HEAD_MAX;

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

/// Reads what has arrived; `name` is the server's. What comes after the head is left alone.
#[must_use]
pub(crate) fn read(bytes: &[u8], name: &str) -> Request {
    let head = match http::read(bytes) {
        Read::Unfinished => return Request::Unfinished,
        Read::Refused(status) => return Request::Other(status),
        Read::Head(head, _) if head.body != Length::None => return Request::Other(Status::TooLarge),
        Read::Head(head, _) => head,
    };
    if head.host.is_some_and(|host| !is_ours(&host, name)) {
        return Request::Other(Status::Misdirected);
    }
    match (head.path == PATH, head.method) {
        (true, Method::Get) => Request::Metrics,
        (true, _) => Request::Other(Status::NotAllowed),
        (false, _) => Request::Other(Status::NotFound),
    }
}

/// What a person is told who looks.
#[must_use]
pub(crate) fn failure(status: Status) -> Response {
    let text = match status {
        Status::NotFound => "There is only /metrics here.",
        Status::NotAllowed => "The metrics can only be read, with GET.",
        Status::Misdirected => {
            "The host in the URL must be an address, localhost, or the name in the server's settings."
        }
        Status::Unavailable => "The server does not answer. Its log may say why.",
        other => sentence(other),
    };
    let response = Response::sentence(status, text);
    if status == Status::NotAllowed { response.with("Allow", "GET") } else { response }
}

/// Whether a host, perhaps with a port, is named as nobody else can name theirs. Of any other name a stranger may say
/// that it is this machine (DNS rebinding), and read the metrics with the browser of whoever works here.
fn is_ours(host: &str, name: &str) -> bool {
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
            ("POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", Status::NotAllowed),
            ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", Status::NotFound),
            ("GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n", Status::NotFound),
            ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n", Status::TooLarge),
            ("GET /metrics\r\n\r\n", Status::BadRequest),
            ("GET /metrics HTTP/2.0\r\n\r\n", Status::OtherVersion),
            ("GET  /metrics HTTP/1.1\r\n\r\n", Status::BadRequest),
            ("/login bob\n\n", Status::BadRequest),
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
        for ours in ["host:chat.example.org:1", "HOST: \tChat.Example.org ", "Host: localhost\r\nHosts: evil.example"] {
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
        assert_eq!(said("Host: localhost\r\nHost: evil.example"), Request::Other(Status::BadRequest));
        assert_eq!(read(b"GET /metrics HTTP/1.1\r\nHost: \xff\r\n\r\n"), Request::Other(Status::BadRequest));
        // Nobody's browser leaves it out.
        assert_eq!(said("X: y"), Request::Other(Status::BadRequest));
        assert_eq!(read(b"GET /metrics HTTP/1.0\r\nX: y\r\n\r\n"), Request::Metrics);
    }

    #[test]
    fn a_head_is_read_when_it_is_complete_and_given_up_when_it_is_too_long() {
        let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for end in 0..request.len() {
            assert_eq!(read(&request[..end]), Request::Unfinished, "{end}");
        }
        let endless = [b"GET /metrics HTTP/1.1\r\nX: ".as_slice(), &b"y".repeat(2 * HEAD_MAX)].concat();
        assert_eq!(read(&endless[..HEAD_MAX - 1]), Request::Unfinished);
        assert_eq!(read(&endless[..HEAD_MAX]), Request::Other(Status::HeadTooLarge));
        assert_eq!(read(&endless), Request::Other(Status::HeadTooLarge));
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
