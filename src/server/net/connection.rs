//! One connection: its socket, TLS, framer, session, and what it waits for. A worker owns it
//! outright; no lock is ever taken for it.

use super::outbox::{BufferPool, Flushed, Out, Outbox, shut_down};
use super::tls::Tls;
use super::{CLOSING, HANDSHAKE, HINT, LINGER, LOGIN, SILENCE, Shared};
use crate::protocol::code::Code;
use crate::protocol::deflate::{Packer, Unpacker};
use crate::protocol::frame::Framer;
use crate::protocol::http_guard::HttpGuard;
use crate::protocol::line::{Final, Rows};
use crate::protocol::names::{AccountId, AddressGroup, ConnId, ConversationId};
use crate::protocol::telnet::Telnet;
use crate::server::config::TLS_PORT;
use crate::server::flood::Bucket;
use crate::server::session::{Options, Session};
use crate::server::traffic::{Accepted, ListenerKind, Request, RequestKind, Socket};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::time::Instant;

/// What a worker lends to its connections for one turn of its loop.
pub(super) struct Turn<'a> {
    pub(super) now: Instant,
    /// Numbers the turns of the worker's loop.
    pub(super) number: u64,
    pub(super) shared: &'a Shared,
    pub(super) scratch: &'a mut Scratch,
    /// What goes to the dispatcher at the end of the turn.
    pub(super) requests: &'a mut Vec<Request>,
    /// No more lines are cut: the server is stopping.
    pub(super) stopping: bool,
    /// Set by a connection that could not cut lines because too much is under way.
    pub(super) starved: bool,
}

/// Buffers that belong to the worker, so that an idle connection needs none.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) read: Vec<u8>,
    pub(super) plain: Vec<u8>,
    pub(super) filtered: Vec<u8>,
    pub(super) record: Vec<u8>,
    pub(super) line: Vec<u8>,
    pub(super) pool: BufferPool,
    pub(super) packer: Packer,
    pub(super) unpacker: Unpacker,
}

pub(super) enum Transport {
    /// The TLS port before its first byte.
    Silent,
    Plain,
    Tls(Box<Tls>),
}

impl Transport {
    pub(super) fn tls(&mut self) -> Option<&mut Tls> {
        match self {
            Transport::Tls(tls) => Some(tls),
            Transport::Silent | Transport::Plain => None,
        }
    }
}

/// A line that is not answered yet, or an answer that must wait for its turn.
pub(super) enum Pending {
    /// The dispatcher, a reader or `auth` has it.
    Waiting(Unanswered),
    /// It is answered as soon as those before it are.
    Ready(Unanswered, Ready),
}

/// What is remembered of a command until its answer.
pub(super) struct Unanswered {
    pub(super) label: Option<Box<str>>,
    /// The answer shows a secret, which never goes into a frame.
    pub(super) secret: bool,
}

pub(super) enum Ready {
    Answer(Rows, Final),
    Prompt(String),
    Set(crate::protocol::command::Setting),
}

/// How far a connection is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    /// It sends no more (`/quit`, end of input); what it sent is being answered.
    Finishing,
    /// Nothing more is queued; what is left is being sent.
    Closing,
    /// All is sent; what the peer still sends is thrown away.
    Lingering,
    /// To be dropped.
    Gone,
}

#[derive(Debug)]
pub(super) enum Timer {
    Silence,
    Handshake,
    Hint,
    Login,
    /// The flood tap opens again.
    Tap,
    Close,
}

pub(super) struct Connection {
    pub(super) id: ConnId,
    pub(super) socket: Socket,
    pub(super) transport: Transport,
    pub(super) listener: ListenerKind,
    pub(super) from: AddressGroup,
    /// Given back when the connection is dropped.
    pub(super) _permit: Box<dyn Send + Sync + Debug>,
    pub(super) framer: Framer,
    pub(super) telnet: Telnet,
    pub(super) http_guard: HttpGuard,
    pub(super) session: Session,
    pub(super) outbox: Outbox,
    /// The options as they stand for the next line out.
    pub(super) shown: Options,
    pub(super) pending: VecDeque<Pending>,
    /// What came live before the login was answered.
    pub(super) held: Option<Vec<u8>>,
    pub(super) account: Option<AccountId>,
    pub(super) rooms: Vec<ConversationId>,
    pub(super) bucket: Option<Bucket>,
    pub(super) timers: Vec<(Instant, Timer)>,
    pub(super) stage: Stage,
    pub(super) readable: bool,
    pub(super) hung_up: bool,
    pub(super) ended: bool,
    /// No line is cut until the answer to the one before it is there.
    pub(super) barrier: bool,
    /// Lines may wait that could not be cut yet. If not, what the framer holds is the beginning of
    /// a line or frame whose rest has to be read, however long it is.
    pub(super) stopped: bool,
    /// What it may still cut in the turn of that number.
    pub(super) share: (u64, usize),
    /// It was stopped by what it leaves unread, and goes on after a flush.
    pub(super) choked: bool,
    pub(super) told_slow: bool,
    pub(super) heard: bool,
    /// The dispatcher may know of it, and has to be told when it is gone.
    pub(super) met: bool,
    /// It is on the worker's list of those to flush.
    pub(super) dirty: bool,
    /// It said some of the lines that are handed out just now.
    pub(super) speaks: bool,
}

impl Connection {
    pub(super) fn new(id: ConnId, accepted: Accepted, turn: &mut Turn<'_>) -> Self {
        let Accepted { socket, kind, from, permit } = accepted;
        let transport = if kind == ListenerKind::Tls { Transport::Silent } else { Transport::Plain };
        let mut timers = Vec::new();
        if kind == ListenerKind::Tls {
            timers.push((turn.now + SILENCE, Timer::Silence));
        }
        if kind != ListenerKind::Console {
            timers.push((turn.now + LOGIN, Timer::Login));
        }
        let bucket = turn.shared.limits.flood.filter(|_| kind != ListenerKind::Console);
        let mut connection = Self {
            id,
            socket,
            transport,
            listener: kind,
            from,
            _permit: permit,
            framer: Framer::new(),
            telnet: Telnet::default(),
            http_guard: HttpGuard::default(),
            session: Session::new(from),
            outbox: Outbox::default(),
            shown: Options::default(),
            pending: VecDeque::new(),
            held: None,
            account: None,
            rooms: Vec::new(),
            bucket: bucket.map(|rate| Bucket::full(rate, turn.now)),
            timers,
            stage: Stage::Open,
            readable: true,
            hung_up: false,
            ended: false,
            barrier: false,
            stopped: false,
            share: (0, 0),
            choked: false,
            told_slow: false,
            heard: false,
            met: false,
            dirty: false,
            speaks: false,
        };
        match kind {
            ListenerKind::Tls => {}
            ListenerKind::Plain => connection.greet(turn),
            ListenerKind::Console => {
                connection.greet(turn);
                connection.request(None, RequestKind::Console, 0, turn);
                connection.barrier = true;
            }
        }
        connection
    }

    pub(super) fn greet(&mut self, turn: &mut Turn<'_>) {
        let name = &turn.shared.name;
        let text = if self.listener == ListenerKind::Console {
            format!("ChitChat at {name}: the administrator's console. You are server. Lost? /help")
        } else {
            format!("ChitChat at {name}. New here? /register NAME   Been here? /login NAME   Lost? /help")
        };
        self.notice(None, &text, turn);
    }

    /// Sends a request to the dispatcher; its answer is the next one that comes. `bytes` is what
    /// it holds of the budget.
    pub(super) fn request(&mut self, label: Option<Box<str>>, kind: RequestKind, bytes: usize, turn: &mut Turn<'_>) {
        let secret = matches!(kind, RequestKind::NewToken { .. } | RequestKind::NewInvite { .. });
        self.pending.push_back(Pending::Waiting(Unanswered { label, secret }));
        self.send(kind, bytes, turn);
    }

    /// Sends a request that holds so many bytes of the budget.
    pub(super) fn send(&mut self, kind: RequestKind, bytes: usize, turn: &mut Turn<'_>) {
        self.met = true;
        if bytes > 0 {
            turn.shared.budget.hold(bytes);
        }
        turn.requests.push(Request { conn: self.id, viewer: self.session.options().viewer(), kind, bytes });
    }

    /// The dispatcher let it in: it hears its rooms, and what comes is held until its welcome.
    pub(super) fn let_in(&mut self, account: AccountId, rooms: Vec<ConversationId>) {
        self.account = Some(account);
        self.rooms = rooms;
        self.session.logged_in();
        self.held = Some(Vec::new());
        self.timers.retain(|(_, timer)| !matches!(timer, Timer::Login));
        self.timers.shrink_to_fit();
    }

    /// Whether it still hears and asks; if not, it is only being closed.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Finishing)
    }

    /// Whether it wants a turn after a flush: to cut the lines that had to wait for it, or to throw
    /// away what still comes, so that closing does not reset the connection.
    pub(super) fn goes_on(&mut self, shared: &Shared) -> bool {
        match self.stage {
            Stage::Open => !self.is_choked(shared) && std::mem::take(&mut self.choked),
            Stage::Closing | Stage::Lingering => self.readable && !self.ended,
            Stage::Finishing | Stage::Gone => false,
        }
    }

    /// Whether it leaves so much unread that its lines have to wait.
    pub(super) fn is_choked(&self, shared: &Shared) -> bool {
        self.outbox.owed() > shared.limits.unread_bytes / 4
    }

    /// When the connection next wants a turn.
    pub(super) fn due(&self) -> Option<Instant> {
        self.timers.iter().map(|&(at, _)| at).min()
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) {
        while let Some(at) = self.timers.iter().position(|&(at, _)| at <= turn.now) {
            match self.timers.swap_remove(at).1 {
                Timer::Silence => {
                    if matches!(self.transport, Transport::Silent) {
                        self.explain_tls(turn);
                    }
                }
                Timer::Handshake => {
                    if self.transport.tls().is_some_and(|tls| !tls.is_ready()) {
                        log::debug!("connection {} from {}: no handshake in time", self.id, self.from);
                        self.stage = Stage::Gone;
                    }
                }
                Timer::Hint => {
                    if !self.heard {
                        let text = "nothing arrived yet. With openssl s_client, add -quiet: without it, lines that begin with Q, R, K or k are lost.";
                        self.notice(None, text, turn);
                    }
                }
                Timer::Login => {
                    if self.account.is_none() {
                        let text = "no login came in two minutes. Come back when you are ready.";
                        self.hang_up(Some(Code::NotLoggedIn), text, turn);
                    }
                }
                Timer::Tap => {}
                Timer::Close => self.stage = Stage::Gone,
            }
        }
    }

    /// What the TLS port says to somebody who does not speak TLS.
    pub(super) fn explain_tls(&mut self, turn: &mut Turn<'_>) {
        self.transport = Transport::Plain;
        let (name, port) = (&turn.shared.name, self.local_port());
        let client = self.client_command(name);
        let text =
            format!("this port speaks TLS. Connect with: openssl s_client -quiet -connect {name}:{port}, or {client}");
        self.hang_up(None, &text, turn);
    }

    /// What any port says to a browser.
    pub(super) fn explain_http(&mut self, turn: &mut Turn<'_>) {
        let client = self.client_command(&turn.shared.name);
        let text = format!("this is a chat server, not a web server. Connect with: {client}");
        self.hang_up(None, &text, turn);
    }

    /// The command that connects to this port.
    fn client_command(&self, name: &str) -> String {
        match (self.listener, self.local_port()) {
            (ListenerKind::Tls, TLS_PORT) => format!("chitchat {name}"),
            (ListenerKind::Tls, port) => format!("chitchat {name}:{port}"),
            (ListenerKind::Plain | ListenerKind::Console, port) => format!("nc {name} {port}"),
        }
    }

    fn local_port(&self) -> u16 {
        let port = match &self.socket {
            Socket::Tcp(stream) => stream.local_addr().map(|address| address.port()).ok(),
            Socket::Unix(_) => None,
        };
        port.unwrap_or(TLS_PORT)
    }

    /// The TLS port heard its first byte.
    pub(super) fn start_tls(&mut self, turn: &mut Turn<'_>) {
        self.timers.retain(|(_, timer)| !matches!(timer, Timer::Silence));
        self.timers.push((turn.now + HANDSHAKE, Timer::Handshake));
        match Tls::new(&turn.shared.tls) {
            Ok(tls) => self.transport = Transport::Tls(Box::new(tls)),
            Err(error) => {
                log::error!("TLS can't begin: {error}");
                self.stage = Stage::Gone;
            }
        }
    }

    /// The handshake is over.
    pub(super) fn handshaken(&mut self, turn: &mut Turn<'_>) {
        self.timers.retain(|(_, timer)| !matches!(timer, Timer::Handshake));
        self.timers.push((turn.now + HINT, Timer::Hint));
        self.greet(turn);
    }

    /// One last notice, then close.
    pub(super) fn hang_up(&mut self, code: Option<Code>, text: &str, turn: &mut Turn<'_>) {
        self.notice(code, text, turn);
        self.close(turn);
    }

    /// Queues nothing more, sends what is left, then closes. The worker sees that the stage has
    /// changed and takes the connection off its lists.
    pub(super) fn close(&mut self, turn: &mut Turn<'_>) {
        if self.is_live() {
            self.stage = Stage::Closing;
            self.timers.clear();
            self.timers.push((turn.now + CLOSING, Timer::Close));
            self.pending = VecDeque::new();
        }
    }

    /// Sends what waits, as far as the socket takes it.
    pub(super) fn flush(&mut self, turn: &mut Turn<'_>) {
        if self.stage == Stage::Gone {
            return;
        }
        if self.stage == Stage::Finishing && self.pending.is_empty() {
            self.close(turn);
        }
        let flushed = self.flush_once(turn).and_then(|flushed| {
            if flushed != Flushed::All || self.stage != Stage::Closing {
                return Ok(flushed);
            }
            self.stage = Stage::Lingering;
            self.timers.clear();
            self.timers.push((turn.now + LINGER, Timer::Close));
            if let Transport::Tls(tls) = &mut self.transport {
                turn.scratch.record.clear();
                tls.close(&mut turn.scratch.record);
                self.outbox.push_cipher(&turn.scratch.record);
            }
            self.flush_once(turn)
        });
        match flushed {
            Ok(Flushed::Blocked) => {}
            Ok(Flushed::All) if self.stage == Stage::Lingering => {
                shut_down(&self.socket);
                if self.ended {
                    self.stage = Stage::Gone;
                }
            }
            Ok(Flushed::All) => {}
            Err(error) => self.failed(&error),
        }
    }

    pub(super) fn flush_once(&mut self, turn: &mut Turn<'_>) -> io::Result<Flushed> {
        let Scratch { record, pool, .. } = &mut *turn.scratch;
        self.outbox.flush(&mut Out { socket: &mut self.socket, tls: self.transport.tls(), record, pool })
    }

    /// The network took the connection away.
    pub(super) fn failed(&mut self, error: &io::Error) {
        log::debug!("connection {} from {}: {error}", self.id, self.from);
        self.stage = Stage::Gone;
    }

    /// It made a handler panic: it is dropped, and costs nobody else anything.
    pub(super) fn panicked(&mut self) {
        log::error!("connection {} from {} made a handler panic and was dropped", self.id, self.from);
        self.stage = Stage::Gone;
    }

    /// What it leaves unread.
    pub(super) fn owed(&self) -> usize {
        self.outbox.owed() + self.held.as_ref().map_or(0, Vec::len)
    }
}
