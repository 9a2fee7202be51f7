//! What a browser is answered: which path brings what, who may open a WebSocket, and what is posted to hooks.
//!
//! Owns the paths and the fields that keep a page safe. Knows no socket, clock or account: the head of a request goes
//! in, an [`Answer`] comes out. Runs on the worker that owns the connection.

pub(super) mod body;
pub(super) mod forwarded;
pub(super) mod hook;
pub(super) mod http;
mod page;
pub(super) mod response;
pub(super) mod websocket;

use self::body::{BODY_MAX, Length};
use self::http::{Head, Method, Upgrade};
use self::response::{Body, Response, Status};
use crate::protocol::code::Code;
use crate::protocol::secrets::Digest;

/// The subprotocol of a WebSocket: its messages are the lines of `docs/PROTOCOL.md`.
const SUBPROTOCOL: &str = "chitchat.1";

/// What the pages of this server may do: load and reach what is here, and nothing that others wrote runs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// For how long a browser that was here insists on a certificate of an authority, in seconds: half a year.
const HSTS: &str = "max-age=15768000";

/// What an answer depends on besides the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    /// It came over TLS.
    Tls {
        /// Whether an authority vouches for the certificate.
        vouched_for: bool,
    },
    /// It came without. If that was through a proxy, that one spoke TLS, and speaks for it.
    Plain,
}

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Send this.
    Respond(Response),
    /// Send this, and from then on the connection is a WebSocket.
    Upgrade(Response),
    /// Its body is for the hook with that token: see [`hook::read`].
    Hook(Digest),
}

/// Answers a request. One with a body that is not a hook's is the last of its connection.
#[must_use]
pub(super) fn answer(head: &Head, site: Site) -> Answer {
    let answer = match (head.path.as_str(), head.method) {
        (path, method) if let Some(token) = hook::token(path) => match method {
            Method::Post | Method::Put if head.body.most() <= BODY_MAX => Answer::Hook(token),
            Method::Post | Method::Put => Answer::Respond(hook::Unsaid::TooLarge.response()),
            _ => Answer::Respond(hook::not_posted()),
        },
        _ if head.body != Length::None => {
            Answer::Respond(Response::sentence(Status::TooLarge, sentence(Status::TooLarge)))
        }
        ("/" | "/health" | "/ws", Method::Post | Method::Put | Method::Other) => {
            let response = Response::sentence(Status::NotAllowed, "Only GET and HEAD go here.");
            Answer::Respond(response.with("Allow", "GET, HEAD"))
        }
        ("/ws", _) => websocket(head, site),
        ("/health", _) => Answer::Respond(Response::sentence(Status::Ok, "ok")),
        (_, Method::Get | Method::Head) => Answer::Respond(
            page::file(head).unwrap_or_else(|| Response::sentence(Status::NotFound, "There is nothing here.")),
        ),
        _ => Answer::Respond(Response::sentence(Status::NotFound, "There is nothing here.")),
    };
    match answer {
        Answer::Respond(response) => Answer::Respond(safe(response, site)),
        other => other,
    }
}

/// The answer to a request without TLS on a port that speaks it: where the page is. `None` if it can't be told.
#[must_use]
pub(super) fn redirect(bytes: &[u8]) -> Option<Response> {
    let http::Read::Head(head, _) = http::read(bytes) else { return None };
    let (host, path) = (head.host?, head.path);
    let location = format!("https://{host}{path}");
    let response = Response::sentence(Status::Redirect, format!("This port speaks TLS: {location}"));
    Some(response.with("Location", location).with("Cache-Control", "no-store"))
}

/// The answer to a request that can't be read, or can't be served now. The connection is closed after it.
#[must_use]
pub(super) fn refusal(status: Status, text: &str, site: Site) -> Response {
    safe(Response::sentence(status, text), site)
}

/// The answer to a peer who is turned away or told to go, in place of a line with this code.
#[must_use]
pub(super) fn turned_away(code: Option<Code>, text: &str) -> Response {
    let status = match code {
        Some(Code::NotLoggedIn) => Status::TimedOut,
        Some(Code::Blocked) => Status::Forbidden,
        Some(Code::SlowDown) => Status::TooMany,
        _ => Status::Unavailable,
    };
    refusal(status, text, Site::Plain)
}

/// What is wrong with a request that can't be read.
#[must_use]
pub(super) fn sentence(status: Status) -> &'static str {
    match status {
        Status::HeadTooLarge => "The head of that request is too long.",
        Status::TooLarge => "Only a hook takes a body: POST /hook/TOKEN.",
        Status::NotImplemented => "Of the transfer codings, only chunked is read here, and only with HTTP/1.1.",
        Status::ExpectationFailed => "Only 100-continue can be expected.",
        Status::OtherVersion => "This server speaks HTTP/1.1.",
        _ => "That is not a valid HTTP request.",
    }
}

fn websocket(head: &Head, site: Site) -> Answer {
    let (accept, protocols) = match &head.upgrade {
        Upgrade::WebSocket { accept, protocols } => (accept, protocols),
        Upgrade::No => {
            let response = Response::sentence(Status::UpgradeRequired, "This is a WebSocket.");
            return Answer::Respond(response.with("Upgrade", "websocket"));
        }
        Upgrade::OtherVersion => {
            let response = Response::sentence(Status::UpgradeRequired, "This server speaks version 13 of WebSocket.");
            return Answer::Respond(response.with("Upgrade", "websocket").with("Sec-WebSocket-Version", "13"));
        }
        Upgrade::Malformed => {
            return Answer::Respond(Response::sentence(Status::BadRequest, "The Sec-WebSocket-Key is not valid."));
        }
    };
    // A browser says which page opens a WebSocket, and lets any page do so.
    let host = head.host.as_deref().unwrap_or_default();
    if head.origin.as_deref().is_some_and(|origin| !is_same(origin, host, site)) {
        let text = "Only a page of this server may open this WebSocket.";
        return Answer::Respond(Response::sentence(Status::Forbidden, text));
    }
    let names_ours = protocols.as_ref().map(|names| names.iter().any(|name| name == SUBPROTOCOL));
    if names_ours == Some(false) {
        let text = format!("This WebSocket speaks {SUBPROTOCOL}.");
        return Answer::Respond(Response::sentence(Status::BadRequest, text));
    }
    let response = Response { status: Status::SwitchingProtocols, fields: Vec::new(), body: Body::None }
        .with("Upgrade", "websocket")
        .with("Connection", "Upgrade")
        .with("Sec-WebSocket-Accept", accept);
    Answer::Upgrade(if names_ours.is_some() { response.with("Sec-WebSocket-Protocol", SUBPROTOCOL) } else { response })
}

/// Whether an origin is the host that the request is for. Both leave out the port if it is the usual one. Over TLS the
/// page came over TLS, too; without it nobody knows which of the two the proxy speaks.
fn is_same(origin: &str, host: &str, site: Site) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    (scheme == "https" || scheme == "http" && site == Site::Plain) && authority.eq_ignore_ascii_case(host)
}

/// Adds the fields that every response has.
#[must_use]
pub(super) fn safe(mut response: Response, site: Site) -> Response {
    if site == (Site::Tls { vouched_for: true }) {
        response = response.with("Strict-Transport-Security", HSTS);
    }
    if !response.fields.iter().any(|(name, _)| *name == "Cache-Control") {
        response = response.with("Cache-Control", "no-store");
    }
    response
        .with("Content-Security-Policy", POLICY)
        .with("X-Content-Type-Options", "nosniff")
        .with("Referrer-Policy", "no-referrer")
        .with("Cross-Origin-Opener-Policy", "same-origin")
}

#[cfg(test)]
mod tests {
    use super::forwarded::Forwarded;
    use super::*;

    const SITE: Site = Site::Tls { vouched_for: false };

    fn get(path: &str) -> Head {
        Head {
            method: Method::Get,
            path: path.to_owned(),
            host: Some("chat.example.org:2428".to_owned()),
            origin: None,
            if_none_match: None,
            takes_gzip: false,
            upgrade: Upgrade::No,
            forwarded: Forwarded::default(),
            keep_alive: true,
            body: Length::None,
            content: None,
        }
    }

    fn status(head: &Head) -> Status {
        match answer(head, SITE) {
            Answer::Respond(response) | Answer::Upgrade(response) => response.status,
            Answer::Hook(_) => panic!("{head:?} is a hook's"),
        }
    }

    #[test]
    fn each_path_has_its_answer() {
        for (path, expected) in [
            ("/", Status::Ok),
            ("/health", Status::Ok),
            ("/ws", Status::UpgradeRequired),
            ("/ws/", Status::NotFound),
            ("/../etc/passwd", Status::NotFound),
        ] {
            assert_eq!(status(&get(path)), expected, "{path}");
        }
        assert_eq!(status(&Head { method: Method::Other, ..get("/") }), Status::NotAllowed);
    }

    #[test]
    fn only_hooks_take_a_body() {
        let post = |path: &str, body: Length| Head { method: Method::Post, body, ..get(path) };
        for path in ["/hook/t0", "/hooks/t0"] {
            for body in [Length::None, Length::Bytes(BODY_MAX), Length::Chunked] {
                let put = Head { method: Method::Put, ..post(path, body) };
                for head in [post(path, body), put] {
                    assert_eq!(answer(&head, SITE), Answer::Hook(Digest::of("t0")), "{head:?}");
                }
            }
            assert_eq!(status(&post(path, Length::Bytes(BODY_MAX + 1))), Status::TooLarge);
            for method in [Method::Get, Method::Head, Method::Other] {
                assert_eq!(status(&Head { method, ..get(path) }), Status::NotAllowed);
            }
        }
        for path in ["/", "/health", "/ws", "/nowhere", "/hook"] {
            assert_eq!(status(&post(path, Length::Bytes(1))), Status::TooLarge, "{path}");
            assert_eq!(status(&Head { body: Length::Chunked, ..get(path) }), Status::TooLarge, "{path}");
        }
        assert_eq!(status(&post("/", Length::None)), Status::NotAllowed);
        assert_eq!(status(&post("/nowhere", Length::None)), Status::NotFound);
    }

    #[test]
    fn only_the_servers_own_pages_open_a_websocket() {
        let accept = Upgrade::WebSocket { accept: "x".to_owned(), protocols: Some(vec![SUBPROTOCOL.to_owned()]) };
        let from =
            |origin: Option<&str>| Head { origin: origin.map(str::to_owned), upgrade: accept.clone(), ..get("/ws") };
        for origin in [None, Some("https://chat.example.org:2428"), Some("https://CHAT.example.org:2428")] {
            assert_eq!(status(&from(origin)), Status::SwitchingProtocols, "{origin:?}");
        }
        for origin in [
            "null",
            "http://chat.example.org:2428",
            "https://evil.example",
            "https://chat.example.org",
            "https://chat.example.org:2428.evil",
            "",
        ] {
            assert_eq!(status(&from(Some(origin))), Status::Forbidden, "{origin}");
        }
        // Behind a proxy it may be either.
        for (origin, opens) in [
            ("http://chat.example.org:2428", true),
            ("https://chat.example.org:2428", true),
            ("ftp://chat.example.org:2428", false),
            ("http://evil.example", false),
            ("null", false),
        ] {
            let answer = answer(&from(Some(origin)), Site::Plain);
            assert_eq!(matches!(answer, Answer::Upgrade(_)), opens, "{origin}");
        }
        let other = Upgrade::WebSocket { accept: "x".to_owned(), protocols: Some(vec!["mqtt".to_owned()]) };
        assert_eq!(status(&Head { upgrade: other, ..get("/ws") }), Status::BadRequest);
    }

    #[test]
    fn every_response_keeps_the_page_safe() {
        for path in ["/", "/nowhere", "/ws"] {
            let Answer::Respond(response) = answer(&get(path), Site::Tls { vouched_for: true }) else { panic!() };
            let names: Vec<&str> = response.fields.iter().map(|(name, _)| *name).collect();
            for name in ["Strict-Transport-Security", "Content-Security-Policy", "X-Content-Type-Options"] {
                assert!(names.contains(&name), "{path} {name}");
            }
        }
    }
}
