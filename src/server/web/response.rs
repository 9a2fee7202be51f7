//! Responses of HTTP/1.1 (RFC 9112), as they are written. Sans-IO: knows no socket and no clock, and does not decide what
//! is answered.

use jiff::Timestamp;

/// The status of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    SwitchingProtocols = 101,
    Ok = 200,
    NotModified = 304,
    Redirect = 307,
    BadRequest = 400,
    Forbidden = 403,
    NotFound = 404,
    NotAllowed = 405,
    TimedOut = 408,
    Conflict = 409,
    TooLarge = 413,
    UnsupportedType = 415,
    ExpectationFailed = 417,
    Misdirected = 421,
    UpgradeRequired = 426,
    TooMany = 429,
    HeadTooLarge = 431,
    Internal = 500,
    NotImplemented = 501,
    Unavailable = 503,
    OtherVersion = 505,
}

impl Status {
    fn reason(self) -> &'static str {
        match self {
            Self::SwitchingProtocols => "Switching Protocols",
            Self::Ok => "OK",
            Self::NotModified => "Not Modified",
            Self::Redirect => "Temporary Redirect",
            Self::BadRequest => "Bad Request",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not Found",
            Self::NotAllowed => "Method Not Allowed",
            Self::TimedOut => "Request Timeout",
            Self::Conflict => "Conflict",
            Self::TooLarge => "Content Too Large",
            Self::UnsupportedType => "Unsupported Media Type",
            Self::ExpectationFailed => "Expectation Failed",
            Self::Misdirected => "Misdirected Request",
            Self::UpgradeRequired => "Upgrade Required",
            Self::TooMany => "Too Many Requests",
            Self::HeadTooLarge => "Request Header Fields Too Large",
            Self::Internal => "Internal Server Error",
            Self::NotImplemented => "Not Implemented",
            Self::Unavailable => "Service Unavailable",
            Self::OtherVersion => "HTTP Version Not Supported",
        }
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: Status,
    /// Besides those that every response has.
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

/// What a response brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// Nothing, and no word of how long that is.
    None,
    /// A sentence.
    Sentence(String),
    /// A file of this type.
    File(&'static str, &'static [u8]),
    /// A text of this type that was made for it.
    Text(&'static str, String),
}

impl Response {
    /// A response that says something in a sentence.
    #[must_use]
    pub(crate) fn sentence(status: Status, text: impl Into<String>) -> Self {
        Self { status, fields: Vec::new(), body: Body::Sentence(text.into()) }
    }

    /// The same with one more field.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Appends it to what is sent at this time; `to_head` leaves the body out, as is due to the method HEAD.
    pub(crate) fn encode(&self, to_head: bool, keep_alive: bool, now: Timestamp, out: &mut Vec<u8>) {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status as u16, self.status.reason());
        let mut field = |name: &str, value: &str| text.extend([name, ": ", value, "\r\n"]);
        for (name, value) in &self.fields {
            field(name, value);
        }
        let sentence;
        let body = match &self.body {
            Body::None => &[],
            Body::Sentence(said) => {
                sentence = format!("{said}\n");
                field("Content-Type", "text/plain; charset=utf-8");
                sentence.as_bytes()
            }
            Body::Text(kind, text) => {
                field("Content-Type", kind);
                text.as_bytes()
            }
            Body::File(kind, bytes) => {
                field("Content-Type", kind);
                bytes
            }
        };
        if self.status != Status::SwitchingProtocols {
            field("Date", &now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
            if self.body != Body::None {
                field("Content-Length", &body.len().to_string());
            }
            field("Connection", if keep_alive { "keep-alive" } else { "close" });
        }
        text.push_str("\r\n");
        out.extend_from_slice(text.as_bytes());
        if !to_head {
            out.extend_from_slice(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_says_how_long_it_is() {
        let now = Timestamp::from_second(1_795_338_600).unwrap();
        let mut out = Vec::new();
        Response::sentence(Status::NotFound, "There is nothing here.")
            .with("X-A", "b")
            .encode(false, true, now, &mut out);
        let expected = "HTTP/1.1 404 Not Found\r\nX-A: b\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Date: Sun, 22 Nov 2026 09:10:00 GMT\r\nContent-Length: 23\r\nConnection: keep-alive\r\n\r\nThere is nothing here.\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        Response::sentence(Status::Ok, "Hello.").encode(true, false, now, &mut out);
        let expected = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Date: Sun, 22 Nov 2026 09:10:00 GMT\r\nContent-Length: 7\r\nConnection: close\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
