//! What the fuzz targets in `fuzz/` reach of the server's inside. Compiled for them alone.

use super::net::metrics::request::{self, HEAD_MAX, Request};
use super::proxy::{self, Parsed};
use super::session::{Session, SessionAction};
use super::store::fuzzing as store;
use super::traffic::RequestKind;
use super::transfer::Parser;
use super::web::body::{Arriving, BODY_MAX, Length};
use super::web::forwarded::Forwarded;
use super::web::hook::{self, Said};
use super::web::http::{self, Content, Read};
use super::web::websocket::{Decoder, Event};
use crate::protocol::command::LINE_MAX;
use crate::protocol::deflate::{PLAIN_MAX, Unpacker};
use crate::protocol::frame::{Cut, Framer, Frames, Rules};
use crate::protocol::names::{AddressGroup, is_text};
use crate::protocol::telnet::Telnet;
use std::net::IpAddr;

/// Takes the first byte as the size of a read, and the rest as what one connection sends; logs in where
/// the line would.
///
/// # Panics
/// If an answer to a prompt would be said in a room, or something is asked that needs a login.
pub fn session(data: &[u8]) {
    let [step, bytes @ ..] = data else { return };
    let mut session = Session::new(AddressGroup::Console);
    let (mut framer, mut telnet, mut unpacker) = (Framer::new(), Telnet::default(), Unpacker::new());
    let mut is_secret = false;
    for read in bytes.chunks(usize::from(*step).max(1)) {
        let (mut plain, mut reply) = (Vec::new(), Vec::new());
        let options = session.options();
        if !options.deflate && (!options.tags || telnet.detected()) {
            telnet.filter(read, &mut plain, &mut reply);
        } else {
            plain.extend_from_slice(read);
        }
        let mut rest = plain.as_slice();
        loop {
            let frames = if session.options().deflate { Frames::FromClient } else { Frames::Off };
            let rules = Rules { line_max: session.line_max(), frames };
            let step = match framer.cut(&mut rest, rules) {
                None => break,
                Some(Cut::Line(line)) => session.line(line),
                Some(Cut::TooLong { head }) => session.too_long(head),
                Some(Cut::Frame(header, packed)) => match unpacker.unpack(header, packed) {
                    Ok(lines) => {
                        framer.unroll(lines);
                        continue;
                    }
                    Err(_) => return,
                },
                Some(Cut::BadFrame(_)) => return,
            };
            let asks = |kind: &RequestKind| match kind {
                RequestKind::SayHere(_) => {
                    assert!(!is_secret, "a password is said in the room");
                    assert!(session.is_logged_in());
                }
                RequestKind::Command(_) | RequestKind::InCurrentRoom { .. } => assert!(session.is_logged_in()),
                _ => {}
            };
            let mut logs_in = false;
            match &step.action {
                SessionAction::Request(kind) => asks(kind),
                SessionAction::RequestAndWait(kind) => {
                    asks(kind);
                    logs_in = matches!(
                        kind,
                        RequestKind::Login { .. } | RequestKind::Register { .. } | RequestKind::Resume { .. }
                    );
                }
                SessionAction::Quit => return,
                _ => {}
            }
            is_secret = session.is_asked();
            if logs_in {
                session.logged_in();
            }
        }
        assert!(framer.buffered() <= PLAIN_MAX.max(session.line_max() + 1));
    }
    let _ = session.ended();
}

/// Reads a proxy's header.
///
/// # Panics
/// If more bytes undo what was decided, or a header is longer than what there is.
pub fn proxy_header(bytes: &[u8]) {
    let whole = proxy::parse(bytes);
    for end in 0..bytes.len().min(200) {
        match proxy::parse(&bytes[..end]) {
            Parsed::Incomplete => {}
            decided => assert_eq!(decided, whole, "after {end} bytes"),
        }
    }
    match whole {
        Parsed::Header { bytes: length, .. } => assert!(length <= bytes.len() && length <= proxy::HEADER_MAX),
        Parsed::Incomplete => assert!(bytes.len() < proxy::HEADER_MAX),
        Parsed::NoHeader => {}
    }
}

/// Takes each line as what a client sends to a proxy in `X-Forwarded-For`, and in `Forwarded`. The proxy adds who the
/// client is.
///
/// # Panics
/// If the request is somebody else's then.
pub fn forwarded(sent: &str) {
    let (client, proxy) = (IpAddr::from([192, 0, 2, 7]), IpAddr::from([127, 0, 0, 1]));
    let lines: Vec<String> = sent.lines().map(str::to_owned).collect();
    let with = |own: &str| lines.iter().cloned().chain([own.to_owned()]).collect::<Vec<String>>();
    let is_the_clients = |fields: Forwarded| assert_eq!(fields.source(|address| address == proxy), Ok(Some(client)));
    is_the_clients(Forwarded { usual: with("192.0.2.7"), ..Forwarded::default() });
    is_the_clients(Forwarded { usual: vec![format!("{sent}, 192.0.2.7, 127.0.0.1:80")], ..Forwarded::default() });
    is_the_clients(Forwarded { standard: with("for=192.0.2.7;proto=https"), ..Forwarded::default() });
    // In one field with what was sent it may not be valid, and likewise the one that the proxy does not write.
    let is_nobody_elses = |fields: Forwarded| {
        let source = fields.source(|address| address == proxy);
        assert!(source.is_err() || source == Ok(Some(client)), "{source:?}");
    };
    is_nobody_elses(Forwarded { standard: vec![format!("{sent}, for=192.0.2.7")], ..Forwarded::default() });
    is_nobody_elses(Forwarded { standard: lines.clone(), usual: vec!["192.0.2.7".to_owned()] });
    is_nobody_elses(Forwarded { standard: vec!["for=192.0.2.7".to_owned()], usual: lines });
}

/// Takes a text apart into words, as the index does.
///
/// # Panics
/// If a text is not found by its own words, or normalising what is normal changes it.
pub fn words(text: &str) {
    store::words(text);
}

/// Reads a text line by line as the export of a room.
///
/// # Panics
/// If a line is refused without a reason, or a file is whole that has no room.
pub fn import(text: &str) {
    // 2027-01-01T00:00:00Z.
    let mut parser = Parser::new(1_798_761_600_000);
    for (nth, line) in text.lines().enumerate() {
        match parser.line(line) {
            Ok(_) => assert_eq!(parser.is_whole(), nth > 0),
            Err(why) => {
                assert!(!why.is_empty());
                return;
            }
        }
    }
}

/// Takes the bytes as a browser's request.
///
/// # Panics
/// If what was read of it changes when more arrive, or is not known once a head is too long.
pub fn request(data: &[u8]) {
    let mut before = Read::Unfinished;
    // Not after each byte, which would take seconds.
    for end in (0..data.len()).step_by(11).chain([data.len()]) {
        let read = http::read(&data[..end]);
        assert!(before == Read::Unfinished || read == before, "{before:?} became {read:?} with {end} bytes");
        assert!(end < http::HEAD_MAX || read != Read::Unfinished, "{end} bytes are not enough");
        before = read;
    }
}

/// Takes the first line as the type of what is posted to a hook, and the rest as what is posted: as it is, and as the
/// chunks that it comes in.
///
/// # Panics
/// If what arrives depends on the size of the reads, is longer than it may be, or is said in more than one line.
pub fn post(data: &[u8]) {
    let Some(end) = data.iter().position(|&byte| byte == b'\n') else { return };
    let (kind, body) = (String::from_utf8_lossy(&data[..end]).into_owned(), &data[end + 1..]);
    let content = Content { kind: Some(kind), ..Content::default() };
    let says = |body: &[u8]| {
        if let Ok(Said { text, cut, .. }) = hook::read(&content, body) {
            let text = text.as_str();
            assert!(text.len() <= LINE_MAX && text.chars().all(is_text), "{text:?}");
            assert!(!cut || text.ends_with('…'), "{text:?}");
        }
    };
    says(&body[..body.len().min(BODY_MAX)]);
    let arrives = |step: usize| {
        let (mut arriving, mut waiting, mut length) = (Arriving::new(Length::Chunked), Vec::new(), 0);
        for read in body.chunks(step) {
            waiting.extend_from_slice(read);
            match arriving.take(&waiting) {
                Ok(taken) => drop(waiting.drain(..taken)),
                Err(status) => return Err(status),
            }
            length += read.len();
            if arriving.is_whole() {
                return Ok((arriving.bytes().to_vec(), length - waiting.len()));
            }
        }
        Ok((Vec::new(), 0))
    };
    let whole = arrives(body.len().max(1));
    // Not in single bytes, which would take seconds.
    assert_eq!(arrives(7), whole);
    if let Ok((body, _)) = whole {
        assert!(body.len() <= BODY_MAX);
        says(&body);
    }
}

/// Takes the first byte as the size of a read, and the rest as a browser's WebSocket frames.
///
/// # Panics
/// If there is more text than bytes, or it depends on the size of the reads.
pub fn websocket(data: &[u8]) {
    let [step, bytes @ ..] = data else { return };
    let decode = |step: usize| {
        let (mut decoder, mut text, mut messages) = (Decoder::new(), Vec::new(), 0);
        for read in bytes.chunks(step) {
            let mut read = read.to_vec();
            let mut rest = read.as_mut_slice();
            loop {
                match decoder.next(&mut rest) {
                    Ok(Some(Event::Text(part))) => text.extend_from_slice(part),
                    Ok(Some(Event::MessageEnd)) => messages += 1,
                    Ok(Some(Event::Ping(_) | Event::Close)) => {}
                    Ok(None) => break,
                    Err(code) => return (text, messages, Some(code)),
                }
            }
        }
        (text, messages, None)
    };
    let whole = decode(bytes.len().max(1));
    assert!(whole.0.len() <= bytes.len());
    assert_eq!(decode(usize::from(*step).max(1)), whole);
}

/// Takes the bytes as what somebody sends who should ask for the metrics.
///
/// # Panics
/// If what was read of them changes when more arrive, or is not known once a head is too long.
pub fn scrape(data: &[u8]) {
    let mut before = Request::Unfinished;
    for end in 0..=data.len() {
        let read = request::read(&data[..end], "chat.example.org");
        assert!(before == Request::Unfinished || read == before, "{before:?} became {read:?} with {end} bytes");
        assert!(end < HEAD_MAX || read != Request::Unfinished, "{end} bytes are not enough");
        before = read;
    }
}
