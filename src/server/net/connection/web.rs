//! A browser's connection: requests are answered, and one that opens a WebSocket makes the connection one of the chat
//! like any other, whose lines come and go in frames.

use super::hook::Post;
use super::input::Gate;
use super::life::Stage;
use super::{Connection, Transport, Turn};
use crate::protocol::code::Code;
use crate::server::net::outbox::Flushed;
use crate::server::web::body::Length;
use crate::server::web::http::{self, Method, Read};
use crate::server::web::response::Response;
use crate::server::web::websocket::{self, Decoder, Event};
use crate::server::web::{self, Answer, Site};

/// What is spoken on a connection.
pub(super) enum Speech {
    /// Lines.
    Lines,
    /// HTTP.
    Http(Requests),
    /// Lines in WebSocket frames. `None` while what has arrived is taken apart.
    WebSocket(Option<Box<Frames>>),
}

/// The requests that a browser sends.
#[derive(Default)]
pub(super) struct Requests {
    /// What has arrived and is not taken yet.
    pub(super) waiting: Vec<u8>,
    /// The post to a hook that comes before that.
    pub(super) post: Option<Post>,
}

/// The frames that a browser sends.
pub(super) struct Frames {
    decoder: Decoder,
    /// The message so far ends in the middle of a line.
    in_line: bool,
}

impl Speech {
    /// How much has arrived of requests that are not taken, in bytes.
    pub(super) fn waiting(&self) -> usize {
        match self {
            Self::Http(requests) => requests.waiting.len(),
            Self::Lines | Self::WebSocket(_) => 0,
        }
    }

    /// Whether a post is being decided.
    pub(super) fn awaits_answer(&self) -> bool {
        matches!(self, Self::Http(Requests { post: Some(Post::Asked { .. }), .. }))
    }
}

impl Connection {
    pub(super) fn receive_requests(&mut self, bytes: &[u8], turn: &mut Turn<'_>) {
        if let Speech::Http(requests) = &mut self.speech {
            requests.waiting.extend_from_slice(bytes);
            self.take_requests(turn);
        }
    }

    /// Answers the requests that have arrived, one after the other, while the gate is open.
    pub(super) fn take_requests(&mut self, turn: &mut Turn<'_>) {
        let site = self.site(turn);
        loop {
            let gate = self.find_gate(turn);
            self.input.set_gate(gate);
            let Speech::Http(Requests { waiting, post }) = &mut self.speech else { return };
            if gate != Gate::Open {
                return;
            }
            if post.is_some() {
                if self.take_body(turn) {
                    continue;
                }
                break;
            }
            let (head, length) = match http::read(waiting) {
                Read::Unfinished => break,
                Read::Head(head, length) => (head, length),
                Read::Refused(status) => {
                    let response = web::refusal(status, web::sentence(status), site);
                    return self.conclude(&response, Method::Get, false, turn);
                }
            };
            waiting.drain(..length);
            if waiting.is_empty() {
                *waiting = Vec::new();
            }
            self.input.pay_line(length, turn.now);
            let (answer, from) = self.answer(&head, site, turn);
            match answer {
                Answer::Respond(response) => {
                    let keep_alive = head.keep_alive && head.body == Length::None;
                    self.conclude(&response, head.method, keep_alive, turn);
                }
                Answer::Hook(token) => self.take_post(token, from, *head, turn),
                Answer::Upgrade(response) => {
                    self.respond(&response, head.method, true, turn);
                    return self.become_websocket(turn);
                }
            }
        }
        if self.input.has_ended() {
            self.finish(turn);
        }
    }

    /// Answers a request, which is the last one unless others may follow it.
    pub(super) fn conclude(&mut self, response: &Response, to: Method, keep_alive: bool, turn: &mut Turn<'_>) {
        self.respond(response, to, keep_alive, turn);
        if !keep_alive {
            self.close(turn);
        }
    }

    fn respond(&mut self, response: &Response, to: Method, keep_alive: bool, turn: &mut Turn<'_>) {
        let mut bytes = std::mem::take(&mut turn.buffers.line);
        bytes.clear();
        response.encode(to == Method::Head, keep_alive, jiff::Timestamp::now(), &mut bytes);
        self.push(&bytes, turn);
        turn.buffers.line = bytes;
    }

    /// What the TLS port tells a browser that does not speak TLS.
    pub(super) fn redirect(&mut self, response: &Response, turn: &mut Turn<'_>) {
        self.transport = Transport::Plain;
        self.conclude(response, Method::Get, false, turn);
    }

    /// What a line would say to a peer that reads lines.
    pub(super) fn refuse_request(&mut self, code: Option<Code>, text: &str, turn: &mut Turn<'_>) {
        // Its requests wait.
        if code != Some(Code::SlowDown) {
            self.respond(&web::turned_away(code, text), Method::Get, false, turn);
        }
    }

    pub(super) fn site(&mut self, turn: &Turn<'_>) -> Site {
        match self.transport.tls() {
            Some(_) => Site::Tls { vouched_for: turn.live.vouched_for },
            None => Site::Plain,
        }
    }

    fn become_websocket(&mut self, turn: &mut Turn<'_>) {
        match self.flush_once(turn) {
            Ok(Flushed::All) => {}
            // It asks for more than it reads: nothing is to be mixed up with that.
            Ok(Flushed::Blocked) => return self.life.end(),
            Err(error) => return self.failed(&error),
        }
        let frames = Box::new(Frames { decoder: Decoder::new(), in_line: false });
        let before = std::mem::replace(&mut self.speech, Speech::WebSocket(Some(frames)));
        self.session.refuse_deflate();
        self.output.speak_websocket();
        self.greet(turn);
        if let Speech::Http(mut requests) = before {
            self.receive_frames(&mut requests.waiting, turn);
        }
    }

    pub(super) fn receive_frames(&mut self, mut bytes: &mut [u8], turn: &mut Turn<'_>) {
        let Speech::WebSocket(frames) = &mut self.speech else { return };
        let Some(mut frames) = frames.take() else { return };
        let mut closed = false;
        while self.stage() == Stage::Open {
            match frames.decoder.next(&mut bytes) {
                Ok(None) => break,
                Ok(Some(Event::Text(text))) => {
                    frames.in_line = !text.ends_with(b"\n");
                    self.cut(text, turn);
                }
                Ok(Some(Event::MessageEnd)) => {
                    if std::mem::take(&mut frames.in_line) {
                        self.cut(b"\n", turn);
                    }
                }
                Ok(Some(Event::Ping(payload))) => {
                    self.input.pay_line(payload.len(), turn.now);
                    let mut pong = Vec::new();
                    websocket::pong(&payload, &mut pong);
                    self.output.append_raw(&pong, &mut turn.buffers.pool);
                }
                Ok(Some(Event::Close)) => {
                    closed = true;
                    break;
                }
                Err(code) => {
                    log::debug!(
                        "connection {} from {}: its WebSocket frames are not valid: {code:?}",
                        self.id,
                        self.from
                    );
                    self.output.close_with(code);
                    self.close(turn);
                }
            }
        }
        if let Speech::WebSocket(place) = &mut self.speech {
            *place = Some(frames);
        }
        if closed && self.stage() == Stage::Open {
            // Nothing comes after it, whatever the socket says.
            self.input.set_ended();
            self.cut(&[], turn);
        }
    }
}
