//! The metrics over HTTP, for a Prometheus on this machine: `GET /metrics`, one request a connection.
//!
//! Knows no figure: the page is another's. The thread `metrics` runs it, and serves a few connections at once, each
//! for a few seconds at most. When another one comes, the oldest gives way, so that silent ones keep nobody out. What
//! anybody does here costs the chat a turn of the dispatcher now and then, and nothing else.
//!
//! By hand, since no library that is synchronous bounds how long a request may take and how many there are at once:
//! tiny_http would be three more crates, a thread for each connection, and no deadline.

pub(crate) mod request;

use self::request::{HEAD_MAX, Request};
use super::listener::StopHandle;
use super::listening::ListenError;
use crate::server::clock;
use crate::server::web::response::{Body, Response, Status};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connections at once.
const PEERS_MAX: usize = 8;
/// How long a connection may take, from its first moment to its last.
const PEER_DEADLINE: Duration = Duration::from_secs(5);
/// For so long one page is good for everyone: asking for it more often costs no one but who asks.
const FRESH: Duration = Duration::from_millis(200);
/// Bytes that are discarded after the answer, so that closing with unread ones does not reset the connection.
const DISCARDED_MAX: usize = 64 * 1024;
/// How long accepting pauses when it fails.
const PAUSE: Duration = Duration::from_millis(100);

const WAKER: Token = Token(usize::MAX);
/// The first number of a connection; the listeners have those below.
const FIRST_PEER: usize = 1024;

/// Writes the page; `None` if the server does not answer.
pub(crate) type Page = Box<dyn FnMut() -> Option<String> + Send>;

pub(crate) struct MetricsServer {
    poll: Poll,
    listeners: Vec<TcpListener>,
    stop: Arc<StopHandle>,
    page: Page,
    /// The server's, by which it may be asked.
    name: String,
    /// The last page, and when it was written.
    last: Option<(Instant, Option<String>)>,
    /// The oldest first.
    peers: Vec<Peer>,
    next: usize,
    /// Accepting failed, and there will be no event for those who wait.
    accept_again: bool,
}

/// A connection.
struct Peer {
    token: Token,
    stream: TcpStream,
    until: Instant,
    stage: Stage,
}

enum Stage {
    /// What has arrived of the request.
    Reading(Vec<u8>),
    /// The answer, and how much of it is sent.
    Writing(Vec<u8>, usize),
    /// All is sent. So much was discarded since.
    Lingering(usize),
}

/// Whether a connection goes on.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Waits,
    Ended,
}

impl MetricsServer {
    /// Prepares to serve the page at these addresses, to whoever asks for an address or the server's name.
    ///
    /// # Errors
    /// [`ListenError::Poll`] if the system can't set up polling.
    pub(crate) fn new(listeners: Vec<TcpListener>, name: String, page: Page) -> Result<Self, ListenError> {
        Self::prepare(listeners, name, page).map_err(ListenError::Poll)
    }

    fn prepare(listeners: Vec<TcpListener>, name: String, page: Page) -> io::Result<Self> {
        let poll = Poll::new()?;
        for (index, listener) in listeners.iter().enumerate() {
            poll.registry().register(&mut SourceFd(&listener.as_raw_fd()), Token(index), Interest::READABLE)?;
        }
        let stop = Arc::new(StopHandle::new(Waker::new(poll.registry(), WAKER)?));
        Ok(Self {
            poll,
            listeners,
            stop,
            page,
            name,
            last: None,
            peers: Vec::new(),
            next: FIRST_PEER,
            accept_again: false,
        })
    }

    /// Whether there is any address to serve at.
    #[must_use]
    pub(crate) fn is_wanted(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// The handle that stops it.
    #[must_use]
    pub(crate) fn stopper(&self) -> Arc<StopHandle> {
        Arc::clone(&self.stop)
    }

    /// Serves until it is stopped.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(64);
        loop {
            let now = clock::now();
            let ends = self.peers.iter().map(|peer| peer.until.saturating_duration_since(now));
            // Rounded up: a wait that ends a little early would be followed by one of zero.
            let wait = ends.chain(self.accept_again.then_some(PAUSE)).min().map(|wait| wait + Duration::from_millis(1));
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    log::error!("waiting for those who read the metrics failed: {error}");
                    std::thread::sleep(PAUSE);
                }
                _ => {}
            }
            if self.stop.is_stopped() {
                return;
            }
            if std::mem::take(&mut self.accept_again) {
                (0..self.listeners.len()).for_each(|index| self.accept(index));
            }
            for event in &events {
                match event.token() {
                    WAKER => {}
                    Token(index) if index < FIRST_PEER => self.accept(index),
                    token => self.go_on(token),
                }
            }
            let now = clock::now();
            self.peers.retain(|peer| peer.until > now);
        }
    }

    fn accept(&mut self, index: usize) {
        loop {
            let accepted = self.listeners[index].accept().and_then(|(stream, _)| self.admit(stream));
            match accepted {
                Ok(token) => self.go_on(token),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    _ => {
                        log::debug!("can't accept somebody who reads the metrics: {error}");
                        self.accept_again = true;
                        return;
                    }
                },
            }
        }
    }

    fn admit(&mut self, stream: TcpStream) -> io::Result<Token> {
        if self.peers.len() >= PEERS_MAX {
            self.peers.remove(0);
        }
        stream.set_nonblocking(true)?;
        let token = Token(self.next);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut SourceFd(&stream.as_raw_fd()), token, interest)?;
        self.next = if self.next == WAKER.0 - 1 { FIRST_PEER } else { self.next + 1 };
        let (until, stage) = (clock::now() + PEER_DEADLINE, Stage::Reading(Vec::new()));
        self.peers.push(Peer { token, stream, until, stage });
        Ok(token)
    }

    /// Does for a connection what can be done now.
    fn go_on(&mut self, token: Token) {
        let Some(at) = self.peers.iter().position(|peer| peer.token == token) else { return };
        // While it is served it is not among the others: the page is theirs as well.
        let mut peer = self.peers.remove(at);
        match peer.go_on(|head| self.answer(head)) {
            Ok(Outcome::Waits) => self.peers.insert(at, peer),
            Ok(Outcome::Ended) => {}
            Err(error) => log::debug!("somebody who read the metrics is gone: {error}"),
        }
    }

    /// The answer to what has arrived, if that is all of it.
    fn answer(&mut self, head: &[u8]) -> Option<Vec<u8>> {
        match request::read(head, &self.name) {
            Request::Unfinished => None,
            Request::Metrics => Some(self.metrics()),
            Request::Other(status) => Some(encoded(&request::failure(status))),
        }
    }

    /// The answer with the metrics.
    fn metrics(&mut self) -> Vec<u8> {
        let now = clock::now();
        let is_fresh = self.last.as_ref().is_some_and(|(at, _)| now.saturating_duration_since(*at) < FRESH);
        if !is_fresh {
            let page = (self.page)();
            self.last = Some((clock::now(), page));
        }
        match self.last.as_ref().and_then(|(_, page)| page.as_ref()) {
            Some(page) => {
                let body = Body::Text("text/plain; version=0.0.4; charset=utf-8", page.clone());
                encoded(&Response { status: Status::Ok, fields: Vec::new(), body })
            }
            None => encoded(&request::failure(Status::Unavailable)),
        }
    }
}

impl Peer {
    fn go_on(&mut self, mut answer: impl FnMut(&[u8]) -> Option<Vec<u8>>) -> io::Result<Outcome> {
        let mut chunk = [0; HEAD_MAX];
        loop {
            match &mut self.stage {
                Stage::Reading(head) => match read(&mut self.stream, &mut chunk)? {
                    None => return Ok(Outcome::Waits),
                    Some(0) => return Ok(Outcome::Ended),
                    Some(read) => {
                        head.extend_from_slice(&chunk[..read]);
                        if let Some(answer) = answer(head) {
                            self.stage = Stage::Writing(answer, 0);
                        }
                    }
                },
                Stage::Writing(answer, sent) => match self.stream.write(&answer[*sent..]) {
                    Ok(0) => return Ok(Outcome::Ended),
                    Ok(written) => {
                        *sent += written;
                        if *sent == answer.len() {
                            self.stream.shutdown(Shutdown::Write)?;
                            self.stage = Stage::Lingering(0);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Outcome::Waits),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                },
                Stage::Lingering(discarded) => match read(&mut self.stream, &mut chunk)? {
                    None => return Ok(Outcome::Waits),
                    Some(read) => {
                        *discarded += read;
                        if read == 0 || *discarded > DISCARDED_MAX {
                            return Ok(Outcome::Ended);
                        }
                    }
                },
            }
        }
    }
}

/// Reads once; `None` if there is nothing now, 0 at the end.
fn read(stream: &mut TcpStream, chunk: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match stream.read(chunk) {
            Ok(read) => return Ok(Some(read)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn encoded(response: &Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    response.encode(false, false, jiff::Timestamp::now(), &mut bytes);
    bytes
}

#[cfg(test)]
mod tests;
