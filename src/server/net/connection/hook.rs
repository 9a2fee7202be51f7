//! A post to a hook: its body arrives, what it says goes to the dispatcher as a request, and the answer goes back as JSON.
//! Until then nothing else of the connection is taken.

use super::web::{Requests, Speech};
use super::{Connection, Turn};
use crate::protocol::line::Final;
use crate::protocol::names::AddressGroup;
use crate::protocol::secrets::Digest;
use crate::server::traffic::{RequestKind, Share};
use crate::server::web::body::Arriving;
use crate::server::web::hook::{self, Said, Unsaid};
use crate::server::web::http::{Content, Head, Method};
use crate::server::web::response::{Response, Status};
use crate::server::web::{refusal, safe, sentence};

/// What tells a sender that its body may come.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A post that is not answered.
pub(super) enum Post {
    /// Its body arrives.
    Arrives(Box<Arrival>),
    /// It is being decided.
    Asked {
        keep_alive: bool,
        /// Its text was cut.
        cut: bool,
    },
}

/// A post whose body arrives.
pub(super) struct Arrival {
    token: Digest,
    /// Whose it is.
    from: AddressGroup,
    content: Box<Content>,
    body: Arriving,
    keep_alive: bool,
    /// Its part of what all bodies may hold.
    _share: Share,
}

impl Connection {
    /// Takes the head of a post.
    pub(super) fn take_post(&mut self, token: Digest, from: AddressGroup, head: Head, turn: &mut Turn<'_>) {
        let bodies = &turn.shared.bodies;
        if !bodies.has_room() {
            return self.answer_post(hook::busy(), false, turn);
        }
        bodies.hold(head.body.most());
        let share = bodies.share(head.body.most());
        let (body, keep_alive, content) = (Arriving::new(head.body), head.keep_alive, head.content.unwrap_or_default());
        let Speech::Http(Requests { waiting, post }) = &mut self.speech else { return };
        let is_awaited = content.awaits_continue && waiting.is_empty() && !body.is_whole();
        *post = Some(Post::Arrives(Box::new(Arrival { token, from, content, body, keep_alive, _share: share })));
        if is_awaited {
            self.push(CONTINUE, turn);
        }
    }

    /// Takes what has arrived of a post's body. False if more has to arrive first.
    pub(super) fn take_body(&mut self, turn: &mut Turn<'_>) -> bool {
        let Speech::Http(Requests { waiting, post }) = &mut self.speech else { return false };
        let Some(Post::Arrives(arrival)) = post else { return false };
        match arrival.body.take(waiting) {
            Ok(taken) => drop(waiting.drain(..taken)),
            Err(status) => {
                *post = None;
                let response = match status {
                    Status::TooLarge => Unsaid::TooLarge.response(),
                    _ => refusal(status, sentence(status), self.site(turn)),
                };
                self.answer_post(response, false, turn);
                return true;
            }
        }
        if !arrival.body.is_whole() {
            return false;
        }
        if waiting.is_empty() {
            *waiting = Vec::new();
        }
        let (token, from, keep_alive) = (arrival.token, arrival.from, arrival.keep_alive);
        match hook::read(&arrival.content, arrival.body.bytes()) {
            Ok(Said { text, key, cut }) => {
                *post = Some(Post::Asked { keep_alive, cut });
                let bytes = text.as_str().len();
                self.request_and_wait(None, RequestKind::Hook { token, key, text, from }, bytes, turn);
            }
            Err(unsaid) => {
                *post = None;
                self.answer_post(unsaid.response(), keep_alive, turn);
            }
        }
        true
    }

    /// It is decided.
    pub(super) fn post_decided(&mut self, answer: &Final, turn: &mut Turn<'_>) {
        let Speech::Http(Requests { post, .. }) = &mut self.speech else { return };
        if let Some(Post::Asked { keep_alive, cut }) = post.take() {
            self.answer_post(hook::response(answer, cut), keep_alive, turn);
        }
    }

    fn answer_post(&mut self, response: Response, keep_alive: bool, turn: &mut Turn<'_>) {
        let response = safe(response, self.site(turn));
        self.conclude(&response, Method::Post, keep_alive, turn);
    }
}
