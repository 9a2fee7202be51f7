//! HTTP/1.1 (RFC 9112), as far as a browser and whoever posts to a hook need it: the head of a request is read. Sans-IO:
//! knows no socket and does not decide what is answered.
//!
//! A request is read strictly, since a proxy before the server may read it in another way: what could be understood
//! in two ways is refused, and nothing after it is read.

use super::body::Length;
use super::forwarded::Forwarded;
use super::response::Status;
use data_encoding::BASE64;
use httparse::Status as Progress;
use sha1::{Digest as _, Sha1};

/// The most bytes of a request's head.
pub(crate) const HEAD_MAX: usize = 8 * 1024;
/// The most fields in it. Browsers send about twenty.
const FIELDS_MAX: usize = 64;
/// What a WebSocket's key is hashed with: RFC 6455, section 1.3.
const WEBSOCKET_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What has arrived of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// A part of its head.
    Unfinished,
    /// The head, of so many bytes.
    Head(Box<Head>, usize),
    /// It can't be read, and neither can what follows it.
    Refused(Status),
}

/// The head of a request, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) method: Method,
    /// Without what follows a `?`.
    pub(crate) path: String,
    /// The host that it is for, with its port if it named one. Only HTTP/1.0 may leave it out.
    pub(crate) host: Option<String>,
    /// The page that sent it, if that was one of another kind than the one that is loaded.
    pub(crate) origin: Option<String>,
    /// What it already has: an `ETag`, or several.
    pub(crate) if_none_match: Option<String>,
    /// Whether a body may be compressed.
    pub(crate) takes_gzip: bool,
    /// What proxies say of whose it is.
    pub(crate) forwarded: Forwarded,
    /// Whether it wants the connection to become a WebSocket.
    pub(crate) upgrade: Upgrade,
    /// Whether others may follow it.
    pub(crate) keep_alive: bool,
    /// How long its body is.
    pub(crate) body: Length,
    /// What it says of its body, if its method is one that brings something.
    pub(crate) content: Option<Box<Content>>,
}

/// What a request that brings something says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// The type of its body, with its parameters.
    pub(crate) kind: Option<String>,
    /// The body is compressed, or whatever it is that was done with it.
    pub(crate) is_coded: bool,
    /// What the body is about.
    pub(crate) title: Option<String>,
    /// The `Idempotency-Key`.
    pub(crate) key: Option<String>,
    /// The body comes once it has been told that it may.
    pub(crate) awaits_continue: bool,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    /// As [`Method::Get`], without the body.
    Head,
    Post,
    Put,
    Other,
}

/// What a request says of WebSockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Upgrade {
    /// Nothing.
    No,
    /// It wants one.
    WebSocket {
        /// What `Sec-WebSocket-Accept` answers.
        accept: String,
        /// The subprotocols that it speaks, if it names any.
        protocols: Option<Vec<String>>,
    },
    /// It wants one of another version.
    OtherVersion,
    /// It wants one and has no valid key.
    Malformed,
}

/// Reads the head of a request, if it is complete. Empty lines may come before it.
#[must_use]
pub(crate) fn read(bytes: &[u8]) -> Read {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(&bytes[..bytes.len().min(HEAD_MAX)]) {
        Ok(Progress::Complete(length)) => length,
        Ok(Progress::Partial) if bytes.len() < HEAD_MAX => return Read::Unfinished,
        Ok(Progress::Partial) | Err(httparse::Error::TooManyHeaders) => return Read::Refused(Status::HeadTooLarge),
        Err(httparse::Error::Version) => return Read::Refused(Status::OtherVersion),
        Err(_) => return Read::Refused(Status::BadRequest),
    };
    match head(&request) {
        // Typed by hand, a line may end without a CR. Some programs take such an end for a part of the line, and would
        // find a body where there is none.
        Ok(_) if says_how_long(&request) && has_bare_end(&bytes[..length]) => Read::Refused(Status::BadRequest),
        Ok(head) => Read::Head(Box::new(head), length),
        Err(status) => Read::Refused(status),
    }
}

fn says_how_long(request: &httparse::Request<'_, '_>) -> bool {
    let fields = Fields(request.headers);
    ["content-length", "transfer-encoding"].iter().any(|name| fields.all(name).next().is_some())
}

fn has_bare_end(head: &[u8]) -> bool {
    head.split_inclusive(|&byte| byte == b'\n').any(|line| !line.ends_with(b"\r\n"))
}

fn head(request: &httparse::Request<'_, '_>) -> Result<Head, Status> {
    let fields = Fields(request.headers);
    let is_1_1 = request.version == Some(1);
    let host = match (fields.all("host").count(), is_1_1) {
        (1, _) | (0, false) => fields.one("host")?,
        _ => return Err(Status::BadRequest),
    };
    let target = request.path.unwrap_or_default();
    if !target.starts_with('/') {
        return Err(Status::BadRequest);
    }
    let method = match request.method {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        Some("POST") => Method::Post,
        Some("PUT") => Method::Put,
        _ => Method::Other,
    };
    let brings = matches!(method, Method::Post | Method::Put);
    Ok(Head {
        method,
        path: target.split('?').next().unwrap_or(target).to_owned(),
        host: host.map(str::to_owned),
        origin: fields.one("origin")?.map(str::to_owned),
        if_none_match: fields.one("if-none-match")?.map(str::to_owned),
        takes_gzip: fields.has_word("accept-encoding", "gzip")?,
        forwarded: Forwarded { standard: fields.texts("forwarded"), usual: fields.texts("x-forwarded-for") },
        upgrade: if is_1_1 { upgrade(&fields)? } else { Upgrade::No },
        keep_alive: is_1_1 && !fields.has_word("connection", "close")?,
        body: length(&fields, is_1_1)?,
        content: if brings { Some(Box::new(content(&fields, is_1_1)?)) } else { None },
    })
}

/// How long the body is. Where two fields say so, programs may disagree about which is right.
fn length(fields: &Fields<'_>, is_1_1: bool) -> Result<Length, Status> {
    match (fields.one("transfer-encoding")?, fields.one("content-length")?) {
        (Some(_), Some(_)) => Err(Status::BadRequest),
        (Some(coding), None) if is_1_1 && coding.eq_ignore_ascii_case("chunked") => Ok(Length::Chunked),
        (Some(_), None) => Err(Status::NotImplemented),
        (None, None) => Ok(Length::None),
        (None, Some(length)) if length.is_empty() || length.bytes().any(|b| !b.is_ascii_digit()) => {
            Err(Status::BadRequest)
        }
        (None, Some(length)) => match length.parse() {
            Ok(0) => Ok(Length::None),
            Ok(bytes) => Ok(Length::Bytes(bytes)),
            // More than can be counted.
            Err(_) => Err(Status::TooLarge),
        },
    }
}

fn content(fields: &Fields<'_>, is_1_1: bool) -> Result<Content, Status> {
    let awaits_continue = match fields.one("expect")? {
        Some(expected) if !expected.eq_ignore_ascii_case("100-continue") => return Err(Status::ExpectationFailed),
        // Who speaks HTTP/1.0 is sent nothing before the response.
        expected => expected.is_some() && is_1_1,
    };
    Ok(Content {
        kind: fields.one("content-type")?.map(str::to_owned),
        is_coded: fields.words("content-encoding")?.iter().any(|coding| !coding.eq_ignore_ascii_case("identity")),
        title: fields.one("title")?.map(str::to_owned),
        key: fields.one("idempotency-key")?.map(str::to_owned),
        awaits_continue,
    })
}

fn upgrade(fields: &Fields<'_>) -> Result<Upgrade, Status> {
    if !fields.has_word("connection", "upgrade")? || !fields.has_word("upgrade", "websocket")? {
        return Ok(Upgrade::No);
    }
    if fields.one("sec-websocket-version")? != Some("13") {
        return Ok(Upgrade::OtherVersion);
    }
    let key = fields.one("sec-websocket-key")?.unwrap_or_default();
    if BASE64.decode(key.as_bytes()).is_ok_and(|key| key.len() == 16) {
        let accept = BASE64.encode(&Sha1::new().chain_update(key).chain_update(WEBSOCKET_GUID).finalize());
        let protocols = fields.words("sec-websocket-protocol")?;
        let protocols = (!protocols.is_empty()).then(|| protocols.into_iter().map(str::to_owned).collect());
        Ok(Upgrade::WebSocket { accept, protocols })
    } else {
        Ok(Upgrade::Malformed)
    }
}

/// The fields of a request. Their names ignore case.
struct Fields<'a>(&'a [httparse::Header<'a>]);

impl<'a> Fields<'a> {
    fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// The value of a field that may be there once.
    fn one(&self, name: &str) -> Result<Option<&'a str>, Status> {
        let mut all = self.all(name);
        match (all.next(), all.next()) {
            (Some(value), None) => {
                std::str::from_utf8(value).map(|value| Some(value.trim())).map_err(|_| Status::BadRequest)
            }
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(Status::BadRequest),
        }
    }

    /// Each value of a field. What is no text in one is no valid character either.
    fn texts(&self, name: &str) -> Vec<String> {
        self.all(name).map(|value| String::from_utf8_lossy(value).trim().to_owned()).collect()
    }

    /// The words of a field that is a list, however many times it is there.
    fn words(&self, name: &str) -> Result<Vec<&'a str>, Status> {
        let mut words = Vec::new();
        for value in self.all(name) {
            let value = std::str::from_utf8(value).map_err(|_| Status::BadRequest)?;
            words.extend(value.split(',').map(str::trim).filter(|word| !word.is_empty()));
        }
        Ok(words)
    }

    fn has_word(&self, name: &str, word: &str) -> Result<bool, Status> {
        Ok(self.words(name)?.iter().any(|other| other.eq_ignore_ascii_case(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HELLO: &str = "GET /ws HTTP/1.1\r\nHost: chat.example.org:2428\r\nConnection: keep-alive, Upgrade\r\n\
        Upgrade: WebSocket\r\nOrigin: https://chat.example.org:2428\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat, chitchat.1\r\n\r\n";

    fn refusal(text: &str) -> Option<Status> {
        match read(text.as_bytes()) {
            Read::Refused(status) => Some(status),
            _ => None,
        }
    }

    #[test]
    fn a_head_is_read_when_it_is_complete() {
        let Read::Head(head, length) = read(HELLO.as_bytes()) else { panic!() };
        assert_eq!(
            (head.method, head.path.as_str(), head.host.as_deref()),
            (Method::Get, "/ws", Some("chat.example.org:2428"))
        );
        assert_eq!((head.origin.as_deref(), head.keep_alive), (Some("https://chat.example.org:2428"), true));
        // The key and its answer are those of RFC 6455, section 1.3.
        let (accept, protocols) = ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned(), vec!["chat".into(), "chitchat.1".into()]);
        assert_eq!(head.upgrade, Upgrade::WebSocket { accept, protocols: Some(protocols) });
        assert_eq!(length, HELLO.len());
        assert!((0..length).all(|short| read(&HELLO.as_bytes()[..short]) == Read::Unfinished));
        let Read::Head(head, _) = read(b"\r\nHEAD /a?b=c HTTP/1.0\r\n\r\n") else { panic!() };
        assert_eq!((head.method, head.path.as_str(), head.keep_alive), (Method::Head, "/a", false));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let with = |fields: &str| format!("GET / HTTP/1.1\r\n{fields}\r\n");
        for (fields, status) in [
            ("", Status::BadRequest),
            ("Host: a\r\nHost: b\r\n", Status::BadRequest),
            ("Host: a\r\nContent-Length: 99999999999999999999\r\n", Status::TooLarge),
            ("Host: a\r\nContent-Length: +0\r\n", Status::BadRequest),
            ("Host: a\r\nContent-Length: \r\n", Status::BadRequest),
            ("Host: a\r\nContent-Length: 5, 5\r\n", Status::BadRequest),
            ("Host: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n", Status::BadRequest),
            ("Host: a\r\nTransfer-Encoding: gzip, chunked\r\n", Status::NotImplemented),
            ("Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Status::BadRequest),
            ("Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n", Status::BadRequest),
            ("Host: a\r\nTransfer-Encoding : chunked\r\n", Status::BadRequest),
            ("Host: a\r\n Transfer-Encoding: chunked\r\n", Status::BadRequest),
            ("Host: a\0\r\n", Status::BadRequest),
            ("Host: \u{80}a\r\nOrigin: a\r\nOrigin: b\r\n", Status::BadRequest),
        ] {
            assert_eq!(refusal(&with(fields)), Some(status), "{fields:?}");
        }
        for (line, status) in [
            ("GET / HTTP/2.0", Status::OtherVersion),
            ("GET http://a/ HTTP/1.1", Status::BadRequest),
            ("GET  / HTTP/1.1", Status::BadRequest),
            ("GET /", Status::BadRequest),
            ("/login bob", Status::BadRequest),
            ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked", Status::NotImplemented),
            ("POST / HTTP/1.1\r\nExpect: 200-ok", Status::ExpectationFailed),
        ] {
            assert_eq!(refusal(&format!("{line}\r\nHost: a\r\n\r\n")), Some(status), "{line}");
        }
        // Typed by hand, lines may end without a CR; not where another program could find another end of the request.
        assert_eq!(refusal("GET / HTTP/1.1\nHost: a\n\n"), None);
        for fields in ["X: a\nContent-Length: 5\r\n", "Content-Length: 0\n", "X: a\nTransfer-Encoding: chunked\r\n"] {
            assert_eq!(refusal(&with(&format!("Host: a\r\n{fields}"))), Some(Status::BadRequest), "{fields:?}");
        }
        assert_eq!(refusal(&with(&format!("Host: a\r\nX: {}\r\n", "x".repeat(HEAD_MAX)))), Some(Status::HeadTooLarge));
        assert_eq!(refusal(&with(&format!("Host: a\r\n{}", "X: y\r\n".repeat(64)))), Some(Status::HeadTooLarge));
    }

    #[test]
    fn a_head_says_what_the_request_brings() {
        let said = |line: &str, fields: &str| match read(format!("{line}\r\nHost: a\r\n{fields}\r\n").as_bytes()) {
            Read::Head(head, _) => (head.method, head.body, head.content.map(|content| *content)),
            other => panic!("{other:?}"),
        };
        let fields = "Content-Type: text/plain\r\nTitle: Backup\r\nIdempotency-Key: \"a\"\r\nExpect: 100-Continue\r\n";
        let (method, body, content) = said("POST /hook/x HTTP/1.1", &format!("{fields}Content-Length: 007\r\n"));
        assert_eq!((method, body), (Method::Post, Length::Bytes(7)));
        let expected = Content {
            kind: Some("text/plain".to_owned()),
            is_coded: false,
            title: Some("Backup".to_owned()),
            key: Some("\"a\"".to_owned()),
            awaits_continue: true,
        };
        assert_eq!(content, Some(expected));
        let (method, body, content) =
            said("PUT / HTTP/1.1", "Transfer-Encoding: Chunked\r\nContent-Encoding: gzip\r\n");
        assert_eq!((method, body, content.unwrap().is_coded), (Method::Put, Length::Chunked, true));
        assert_eq!(said("GET / HTTP/1.1", fields).2, None);
        assert!(!said("POST / HTTP/1.0", fields).2.unwrap().awaits_continue);
    }

    #[test]
    fn a_websocket_needs_its_version_and_a_key() {
        let upgrade = |text: &str| match read(text.as_bytes()) {
            Read::Head(head, _) => head.upgrade,
            other => panic!("{other:?}"),
        };
        assert_eq!(upgrade(&HELLO.replace("Version: 13", "Version: 8")), Upgrade::OtherVersion);
        assert_eq!(upgrade(&HELLO.replace("dGhl", "dGh")), Upgrade::Malformed);
        assert_eq!(upgrade(&HELLO.replace("keep-alive, Upgrade", "keep-alive")), Upgrade::No);
        assert_eq!(upgrade(&HELLO.replace("HTTP/1.1", "HTTP/1.0")), Upgrade::No);
        let bare = HELLO.replace("Sec-WebSocket-Protocol: chat, chitchat.1\r\n", "");
        assert!(matches!(upgrade(&bare), Upgrade::WebSocket { protocols: None, .. }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_head_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Read::Head(_, length) = read(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }
    }
}
