//! One connection: its socket, TLS and session, and the parts that own its input ([`Input`]), its
//! output ([`Output`]) and its stage and timers ([`Life`]).
//!
//! A worker owns it outright; no lock is ever taken for one. The parts keep their fields private.
//! What concerns several of them is here: `receive` handles input and `gate` says when it waits, `send` writes output, `refuse`
//! turns away peers at the wrong port, `web` speaks with browsers, `hook` takes what is posted, `forwarded` knows whose requests a proxy passes on, and `ending` ends a connection; this file begins one.

mod ending;
mod forwarded;
mod gate;
mod hook;
mod input;
mod life;
mod output;
mod proxied;
mod receive;
mod refuse;
mod send;
mod turn;
mod web;

pub(super) use life::Stage;
pub(super) use turn::{Buffers, Turn};

use self::forwarded::Way;
use self::input::Input;
use self::life::{Life, Timer};
use self::output::{Output, Unanswered};
use self::web::{Requests, Speech};
use super::tls::Tls;
use super::{ANSWER, HANDSHAKE, HINT, LOGIN, PROXY_HEADER, SILENCE};
use crate::protocol::ALPN_HTTP;
use crate::protocol::code::Code;
use crate::protocol::names::{AccountId, AddressGroup, ConnId, ConversationId};
use crate::protocol::network::Network;
use crate::server::flood::Rate;
use crate::server::session::{Options, Session};
use crate::server::traffic::{Accepted, Admission, ListenerKind, Request, RequestKind, Socket, Tap, UnheardBy};
use std::sync::Arc;
use std::time::Instant;

enum Transport {
    /// A proxy's, before it has said whose it is; and what of that has arrived.
    Proxied(Vec<u8>),
    /// The TLS port before its first byte.
    Silent,
    Plain,
    Tls(Box<Tls>),
}

impl Transport {
    /// That of a peer who has sent nothing yet.
    fn of(listener: ListenerKind) -> Self {
        if listener == ListenerKind::Tls { Self::Silent } else { Self::Plain }
    }

    fn tls(&mut self) -> Option<&mut Tls> {
        match self {
            Transport::Tls(tls) => Some(tls),
            Transport::Proxied(_) | Transport::Silent | Transport::Plain => None,
        }
    }
}

pub(super) struct Connection {
    id: ConnId,
    socket: Socket,
    transport: Transport,
    speech: Speech,
    listener: ListenerKind,
    way: Way,
    from: AddressGroup,
    /// Given back when the connection is dropped.
    permit: Box<dyn Admission>,
    session: Session,
    input: Input,
    output: Output,
    life: Life,
    account: Option<AccountId>,
    rooms: Vec<ConversationId>,
    /// Its proxy has said whose it is, and somebody has to make room for it.
    needs_room: bool,
    /// The dispatcher may know of it, and must be told when it is gone.
    needs_detach: bool,
    /// The lines that are being delivered right now are given to it one by one.
    is_apart: bool,
}

impl Connection {
    pub(super) fn new(id: ConnId, accepted: Accepted, turn: &mut Turn<'_>) -> Self {
        let Accepted { socket, kind, from, proxied, permit, crowded: _ } = accepted;
        let mut life = Life::new();
        if kind != ListenerKind::Console {
            life.set(Timer::Login, turn.now + LOGIN);
        }
        let way = match (proxied, kind) {
            (false, _) => Way::Direct,
            (true, ListenerKind::Web) => Way::Shared,
            (true, _) => Way::Proxied,
        };
        let is_held_back = kind != ListenerKind::Console && way != Way::Shared;
        let flood = turn.live.limits.flood.filter(|_| is_held_back);
        let mut connection = Self {
            id,
            socket,
            transport: if proxied { Transport::Proxied(Vec::new()) } else { Transport::of(kind) },
            speech: if kind == ListenerKind::Web { Speech::Http(Requests::default()) } else { Speech::Lines },
            listener: kind,
            way,
            from,
            permit,
            session: Session::new(from),
            input: Input::new(flood, turn.now),
            output: Output::new(),
            life,
            account: None,
            rooms: Vec::new(),
            needs_room: false,
            needs_detach: false,
            is_apart: false,
        };
        if way == Way::Proxied {
            connection.life.set(Timer::Silence, turn.now + PROXY_HEADER);
        } else if !proxied {
            connection.begin(turn);
        }
        connection
    }

    /// It is known whose it is.
    fn begin(&mut self, turn: &mut Turn<'_>) {
        match self.listener {
            ListenerKind::Tls => self.life.set(Timer::Silence, turn.now + SILENCE),
            ListenerKind::Plain => self.greet(turn),
            // It asks for something first.
            ListenerKind::Web => {}
            ListenerKind::Console => {
                self.greet(turn);
                self.request_and_wait(None, RequestKind::Console, 0, turn);
            }
        }
    }

    fn greet(&mut self, turn: &mut Turn<'_>) {
        let name = &turn.shared.name;
        let text = if self.listener == ListenerKind::Console {
            format!("ChitChat at {name}: the administrator's console. You are server. Lost? /help")
        } else {
            format!("ChitChat at {name}. New here? /register NAME   Been here? /login NAME   Lost? /help")
        };
        self.notice(None, &text, turn);
    }

    // What the worker asks.

    pub(super) fn id(&self) -> ConnId {
        self.id
    }

    /// Whether it is that of everyone in this network; what a proxy shares among many is nobody's.
    pub(super) fn is_from(&self, network: Network) -> bool {
        self.way != Way::Shared && network.contains(self.from)
    }

    /// Whether a proxy has not said yet whose it is.
    pub(super) fn awaits_header(&self) -> bool {
        matches!(self.transport, Transport::Proxied(_))
    }

    /// How many connections on which nobody is logged in its address has.
    pub(super) fn guests_beside(&self) -> u32 {
        self.permit.guests_beside()
    }

    pub(super) fn stage(&self) -> Stage {
        self.life.stage()
    }

    /// Whether it is still served, rather than only closed.
    pub(super) fn is_live(&self) -> bool {
        self.life.is_live()
    }

    /// Whether its TLS handshake has not ended, or not begun.
    pub(super) fn is_in_handshake(&self) -> bool {
        match &self.transport {
            Transport::Proxied(_) => self.listener == ListenerKind::Tls,
            Transport::Silent => true,
            Transport::Tls(tls) => !tls.is_ready(),
            Transport::Plain => false,
        }
    }

    /// When the connection next wants a turn.
    pub(super) fn due(&self) -> Option<Instant> {
        self.life.due()
    }

    /// Whether a turn could do something for it.
    pub(super) fn has_work(&self) -> bool {
        self.input.has_work() || self.speech.waiting() > 0
    }

    /// The system says that its socket has something to read, or the end of input.
    pub(super) fn set_readable(&mut self, read_closed: bool) {
        self.input.set_readable(read_closed);
    }

    /// What it leaves unread, in bytes.
    pub(super) fn unread(&self) -> usize {
        self.output.unread()
    }

    /// How many bytes of memory that takes.
    pub(super) fn held(&self) -> usize {
        self.output.held()
    }

    pub(super) fn needs_flush(&self) -> bool {
        self.output.needs_flush()
    }

    pub(super) fn set_needs_flush(&mut self) {
        self.output.set_needs_flush(true);
    }

    /// The options as they apply to the next line out.
    pub(super) fn options(&self) -> Options {
        self.output.options()
    }

    pub(super) fn account(&self) -> Option<AccountId> {
        self.account
    }

    pub(super) fn is_in(&self, room: ConversationId) -> bool {
        self.rooms.contains(&room)
    }

    /// Whether a person looks at it whose account is one of these.
    pub(super) fn is_person_of(&self, accounts: &UnheardBy) -> bool {
        let Some(accounts) = accounts else { return false };
        !self.options().tags && self.account.is_some_and(|account| accounts.binary_search(&account).is_ok())
    }

    pub(super) fn enter(&mut self, room: ConversationId) {
        self.rooms.push(room);
    }

    pub(super) fn leave(&mut self, room: ConversationId) {
        self.rooms.retain(|&other| other != room);
    }

    pub(super) fn is_apart(&self) -> bool {
        self.is_apart
    }

    /// Returns whether it already was.
    pub(super) fn set_apart(&mut self, is_apart: bool) -> bool {
        std::mem::replace(&mut self.is_apart, is_apart)
    }

    /// Whether somebody has to make room for it now; true only once.
    pub(super) fn take_needs_room(&mut self) -> bool {
        std::mem::take(&mut self.needs_room)
    }

    /// Whether the dispatcher has to be told that it is gone; true only once.
    pub(super) fn take_needs_detach(&mut self) -> bool {
        std::mem::take(&mut self.needs_detach)
    }

    /// Whose it was and which rooms it received; from here on it belongs to nobody.
    pub(super) fn take_subscriptions(&mut self) -> Option<(AccountId, Vec<ConversationId>)> {
        Some((self.account.take()?, std::mem::take(&mut self.rooms)))
    }

    /// The dispatcher has logged it in: it receives its rooms' lines, held back until its welcome.
    pub(super) fn log_in(&mut self, account: AccountId, rooms: Vec<ConversationId>, tap: Option<Arc<Tap>>) {
        self.account = Some(account);
        self.permit.logged_in();
        self.rooms = rooms;
        self.input.draw_from(tap);
        self.session.logged_in();
        self.output.hold_live();
        self.life.cancel(Timer::Login);
    }

    /// From now on its account's lines are drawn from this.
    pub(super) fn draw_from(&mut self, tap: Option<Arc<Tap>>) {
        self.input.draw_from(tap);
    }

    /// From now on it may send lines at this rate.
    pub(super) fn set_flood(&mut self, flood: Option<Rate>, now: Instant) {
        if self.listener != ListenerKind::Console && self.way != Way::Shared {
            self.input.set_flood(flood, now);
        }
    }

    // Requests.

    /// Sends a request to the dispatcher and expects an answer. `bytes` is its share of the budget.
    fn request(&mut self, label: Option<Box<str>>, kind: RequestKind, bytes: usize, turn: &mut Turn<'_>) {
        let secret = matches!(
            kind,
            RequestKind::NewToken { .. }
                | RequestKind::NewInvite { .. }
                | RequestKind::NewHook { .. }
                | RequestKind::ResetPassword { .. }
        );
        self.output.await_answer(Unanswered { label, secret });
        self.send(kind, bytes, turn);
    }

    /// The same, and no line is cut until it is answered.
    fn request_and_wait(&mut self, label: Option<Box<str>>, kind: RequestKind, bytes: usize, turn: &mut Turn<'_>) {
        self.request(label, kind, bytes, turn);
        self.input.set_gate(input::Gate::AwaitingAnswer);
    }

    /// Sends a request that holds this many bytes of the budget.
    fn send(&mut self, kind: RequestKind, bytes: usize, turn: &mut Turn<'_>) {
        self.needs_detach = true;
        if bytes > 0 {
            turn.shared.budget.hold(bytes);
        }
        turn.requests.push(Request { conn: self.id, viewer: self.session.options().viewer(), kind, bytes });
    }

    // Time.

    /// Does what has fallen due.
    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) {
        while let Some(timer) = self.life.take_due(turn.now) {
            match timer {
                Timer::Silence => match self.transport {
                    Transport::Silent => self.refuse_plain_text(turn),
                    Transport::Proxied(_) => self.refuse_without_header(turn),
                    Transport::Plain | Transport::Tls(_) => {}
                },
                Timer::Handshake => {
                    if self.transport.tls().is_some_and(|tls| !tls.is_ready()) {
                        log::debug!("connection {} from {}: no handshake in time", self.id, self.from);
                        self.life.end();
                    }
                }
                Timer::Hint => {
                    if !self.input.has_received() {
                        let text = "nothing has arrived yet. With openssl s_client, add -quiet: without it, lines that begin with Q, R, K or k are lost.";
                        self.notice(None, text, turn);
                    }
                }
                // A post that came in time is answered; its answer is not far.
                Timer::Login if self.speech.awaits_answer() => self.life.set(Timer::Login, turn.now + ANSWER),
                Timer::Login => {
                    if self.account.is_none() {
                        let text = "nobody logged in within two minutes. Come back when you are ready.";
                        self.hang_up(Some(Code::NotLoggedIn), text, turn);
                    }
                }
                // The worker serves the connection after this, which checks the tokens again.
                Timer::Flood => {}
                Timer::Close => self.life.end(),
            }
        }
    }

    // TLS.

    /// The TLS port received its first byte.
    fn start_tls(&mut self, turn: &mut Turn<'_>) {
        self.life.cancel(Timer::Silence);
        self.life.set(Timer::Handshake, turn.now + HANDSHAKE);
        match Tls::new(&turn.live.tls) {
            Ok(tls) => self.transport = Transport::Tls(Box::new(tls)),
            Err(error) => {
                log::error!("can't start TLS: {error}");
                self.life.end();
            }
        }
    }

    fn handshake_done(&mut self, turn: &mut Turn<'_>) {
        self.life.cancel(Timer::Handshake);
        if self.transport.tls().is_some_and(|tls| tls.protocol() == Some(ALPN_HTTP)) {
            self.speech = Speech::Http(Requests::default());
            return;
        }
        self.life.set(Timer::Hint, turn.now + HINT);
        self.greet(turn);
    }
}
