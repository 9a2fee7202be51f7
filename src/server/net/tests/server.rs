//! The worker's surroundings: its clients are socket pairs, its dispatcher is the test.

use super::super::{Limits, Live, Worker, WorkerContext, unread_of};
use crate::protocol::line::{Body, Final, Line, Rows, Tags};
use crate::protocol::names::{AccountId, AddressGroup, ConnId, ConversationId};
use crate::server::flood::Rate;
use crate::server::traffic::{
    Accepted, Ack, Answer, Budget, Delivery, Lines, ListenerKind, Mailbox, Request, RequestKind, RoomMessage, Socket,
    Tap,
};
use crate::server::web::body::BODIES_MAX;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The deadline of every wait.
const DEADLINE: Duration = Duration::from_secs(10);

pub(super) const ALICE: AccountId = AccountId::new(2);
pub(super) const LOBBY: ConversationId = ConversationId::new(1);

pub(super) fn limits() -> Limits {
    Limits { flood: None, unread_bytes: 1 << 20, unread_total: 1 << 24, unanswered: 64 }
}

/// One worker, and the other ends of everything that it talks to.
pub(super) struct Server {
    pub(super) worker: Mailbox<Delivery>,
    requests: Mailbox<Request>,
    received: VecDeque<Request>,
    pub(super) budget: Arc<Budget>,
    pub(super) bodies: Arc<Budget>,
    /// Alice's, if there is a limit to her lines.
    pub(super) tap: Option<Arc<Tap>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let identity =
            crate::server::certificate::Identity::load_or_create(dir.path(), "localhost", jiff::Timestamp::now())
                .unwrap();
        let live = Live { limits, tls: identity.server_config().unwrap(), vouched_for: false };
        let (worker, mailbox) = Worker::new(0, live).unwrap();
        let (requests, budget) = (Mailbox::default(), Budget::new(1 << 20));
        let bodies = Budget::new(BODIES_MAX);
        let shared = WorkerContext {
            blocklist: Arc::default(),
            tally: Arc::default(),
            name: "localhost".to_owned(),
            epoch: "E".to_owned(),
            budget: Arc::clone(&budget),
            bodies: Arc::clone(&bodies),
            dispatcher: Arc::new(requests.clone()),
            unread: unread_of(1),
            proxy_log: crate::server::net::ProxyLog::default(),
            proxies: Arc::default(),
            requests: parking_lot::Mutex::default(),
        };
        let run = move || worker.run(&shared).unwrap();
        let thread = std::thread::Builder::new().name("work-0".to_owned()).spawn(run).unwrap();
        Self { worker: mailbox, requests, received: VecDeque::new(), budget, bodies, tap: None, thread: Some(thread) }
    }

    /// A client that has read its greeting.
    pub(super) fn client(&self) -> Client {
        let mut client = self.connect(ListenerKind::Plain);
        assert!(client.line().starts_with("* ChitChat at localhost."));
        client
    }

    pub(super) fn connect(&self, kind: ListenerKind) -> Client {
        self.accept(kind, false, false)
    }

    /// One that comes when the server is full, itself or through a proxy.
    pub(super) fn crowd(&self, proxied: bool) -> Client {
        self.accept(ListenerKind::Plain, proxied, true)
    }

    fn accept(&self, kind: ListenerKind, proxied: bool, crowded: bool) -> Client {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let from = AddressGroup::V4([192, 0, 2, 1]);
        let permit = Box::new(());
        self.worker.send(Delivery::Accepted(Accepted {
            socket: Socket::Unix(theirs),
            kind,
            from,
            proxied,
            permit,
            crowded,
        }));
        ours.set_read_timeout(Some(DEADLINE)).unwrap();
        ours.set_write_timeout(Some(DEADLINE)).unwrap();
        Client(BufReader::new(ours))
    }

    /// A client that is logged in, and its connection.
    pub(super) fn member(&mut self) -> (Client, ConnId) {
        let mut client = self.client();
        client.send("/resume token\n");
        let conn = self.asked("Resume");
        self.log_in(conn);
        assert_eq!(client.line(), "+ welcome alice");
        (client, conn)
    }

    /// Welcomes a connection as Alice, who is in the lobby.
    pub(super) fn log_in(&self, conn: ConnId) {
        self.attach(conn);
        self.answer(conn, "welcome alice");
    }

    pub(super) fn attach(&self, conn: ConnId) {
        let (rooms, tap) = (vec![LOBBY], self.tap.clone());
        self.worker.send(Delivery::Attached { conn, account: ALICE, rooms, tap });
    }

    pub(super) fn answer(&self, conn: ConnId, text: &str) {
        let last = Final::Done(text.to_owned());
        self.worker.send(Delivery::Answer(Answer { conn, rows: Rows::default(), last }));
    }

    /// Delivers a line of somebody in the lobby.
    pub(super) fn say(&self, author: &str, id: u64, text: &str, from: ConnId, ack: Ack) {
        let mut lines = Lines::default();
        let body = Body::RoomMessage { room: "lobby", author, mark: None, text };
        let line = lines.push(&Line { tags: Tags { id: Some(id), ..Tags::default() }, body });
        let said = Delivery::RoomMessage(RoomMessage { room: LOBBY, from, ack, unheard_by: None, line });
        self.worker.send_all(&mut vec![Delivery::Lines(Arc::new(lines)), said]);
    }

    /// The next request to the dispatcher.
    pub(super) fn next(&mut self) -> Request {
        let end = Instant::now() + DEADLINE;
        while self.received.is_empty() {
            assert!(Instant::now() < end, "nothing was asked in time");
            let mut batch = Vec::new();
            self.requests.wait(end, &mut batch);
            self.received.extend(batch);
        }
        self.received.pop_front().unwrap()
    }

    /// Asserts what the next request is; returns its connection.
    #[track_caller]
    pub(super) fn asked(&mut self, what: &str) -> ConnId {
        let request = self.next();
        let shown = format!("{:?}", request.kind);
        assert!(shown.starts_with(what), "expected {what}, got {shown}");
        request.conn
    }

    /// Asserts that nothing else was asked: the next request is another connection's, sent after
    /// everything before.
    #[track_caller]
    pub(super) fn asked_nothing(&mut self) {
        let mut other = self.client();
        other.send("/resume other\n");
        let conn = self.asked("Resume");
        self.answer(conn, "whatever");
        other.line();
        drop(other);
        assert_eq!(self.asked("Detach"), conn);
    }

    /// Stops it as the real server does.
    pub(super) fn stop(&mut self) {
        self.worker.send(Delivery::Stop);
        while !matches!(self.next().kind, RequestKind::Stopped) {}
        self.worker.send(Delivery::Bye);
    }

    pub(super) fn join(mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

/// The other end of a connection. Anything that does not arrive within the deadline fails the test.
pub(super) struct Client(BufReader<UnixStream>);

impl Client {
    pub(super) fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes());
    }

    pub(super) fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// Nothing more is sent.
    pub(super) fn end(&mut self) {
        self.0.get_mut().shutdown(Shutdown::Write).unwrap();
    }

    #[track_caller]
    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line in time");
        assert!(line.ends_with('\n'), "the end instead of a line: {line:?}");
        line.pop();
        line
    }

    /// Bytes that have arrived, at least one.
    pub(super) fn some(&mut self) -> Vec<u8> {
        let received = self.0.fill_buf().expect("bytes in time").to_vec();
        assert!(!received.is_empty(), "the end instead of bytes");
        self.0.consume(received.len());
        received
    }

    /// What has arrived, at most this many bytes of it.
    pub(super) fn at_most(&mut self, most: usize) -> Vec<u8> {
        let received = self.0.fill_buf().expect("bytes in time");
        let taken = received[..received.len().min(most)].to_vec();
        self.0.consume(taken.len());
        taken
    }

    /// Sends as much of that as fits until the server reads on.
    pub(super) fn send_what_fits(&mut self, bytes: &[u8]) -> usize {
        let socket = self.0.get_mut();
        socket.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let sent = bytes.chunks(1024).take_while(|part| socket.write_all(part).is_ok()).count() * 1024;
        socket.set_write_timeout(Some(DEADLINE)).unwrap();
        sent
    }

    /// What is left until the server closes.
    pub(super) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).expect("the end in time");
        rest
    }

    /// A round trip: all that was sent before has been read by the worker.
    pub(super) fn ping(&mut self) {
        self.send("/ping\n");
        while self.line() != "+ pong" {}
    }
}

pub(super) fn rate(per_second: f64, burst: u32) -> Option<Rate> {
    Some(Rate { per_second, burst })
}
