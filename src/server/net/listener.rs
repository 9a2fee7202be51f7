//! The `accept` thread: accepts connections, takes a permit for each, and hands them to the workers
//! in turn.
//!
//! An error of `accept` never ends it. When no descriptors are left, it closes one that it keeps in
//! reserve, accepts a connection, tells it why, closes it, and waits a moment.

use super::permit::{ConnectionLimits, FULL, NoPermit, Permit, Permits};
use super::seldom::Seldom;
use super::{BLOCKED, Proxies, passed};
use crate::protocol::code::Code;
use crate::protocol::names::AddressGroup;
use crate::server::clock;
use crate::server::traffic::{Accepted, Blocklist, Delivery, ListenerKind, Mailbox, Socket, Tally};
use crate::server::web;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use socket2::{Domain, Protocol, SockAddr, Type};
use std::fs::{File, Permissions};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Connections that may wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 1024;
/// What the kernel may hold for one connection that does not read, in bytes (Linux doubles it). The
/// rest waits in the outbox, where it is counted.
const SEND_BUFFER: usize = 64 * 1024;
/// A peer that has been silent for this long is probed.
const KEEPALIVE_AFTER: Duration = Duration::from_mins(1);
/// How often it is probed from then on.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
/// Unanswered probes after which it is considered dead.
const KEEPALIVE_PROBES: u32 = 4;
/// Bytes that stay unacknowledged for this long end the connection.
const USER_TIMEOUT: Duration = Duration::from_mins(1);
/// How long accepting pauses when there are no descriptors left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);
/// How long accepting pauses while the workers end connections to make room, and how often in a row.
const CROWD_WAIT: Duration = Duration::from_millis(2);
const CROWD_WAITS: u32 = 100;
/// Connections accepted from one listener before the others get their turn.
const ACCEPTS_MAX: usize = 256;
const WAKER: Token = Token(usize::MAX);

/// Why the server can't listen; for the operator to fix.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program is using the address.
    #[error("{address} is in use by another program; stop that one, or set another address ({setting})")]
    InUse {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        setting: &'static str,
    },
    /// Ports below 1024 need a privilege, or this machine does not have the address.
    #[error("can't listen on {address}: {source}; set another address ({setting})")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        setting: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The service manager passed something else.
    #[error(
        "systemd passed the socket {name:?}, and it can't be used: {source}. In its .socket unit, give ListenStream= a port, and leave Accept= out"
    )]
    Passed {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// Nothing says what is spoken there.
    #[error(
        "systemd passed a socket for {address}, named {name:?}, and nothing says whether to speak TLS there. In its .socket unit, set FileDescriptorName=tls, or FileDescriptorName=plain for unencrypted connections, or FileDescriptorName=web for those of a reverse proxy"
    )]
    PassedFor {
        /// The address.
        address: SocketAddr,
        /// Its name.
        name: String,
    },
    /// The admin socket can't be created.
    #[error("can't create the admin socket {path}: {source}")]
    Console {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The system can't set up polling.
    #[error("can't set up polling: {0}")]
    Poll(io::Error),
}

/// A listening socket.
#[derive(Debug)]
pub(crate) struct ListeningSocket {
    listener: Listening,
    kind: ListenerKind,
}

#[derive(Debug)]
enum Listening {
    Tcp(TcpListener),
    /// One that somebody else has made, and holds as well.
    Passed(TcpListener),
    Unix(UnixListener),
}

impl ListeningSocket {
    /// One that listens already, and does not block.
    #[must_use]
    pub(super) fn passed(listener: TcpListener, kind: ListenerKind) -> Self {
        Self { listener: Listening::Passed(listener), kind }
    }

    /// The actual address: port 0 becomes a number.
    #[must_use]
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match &self.listener {
            Listening::Tcp(listener) | Listening::Passed(listener) => listener.local_addr().ok(),
            Listening::Unix(_) => None,
        }
    }

    #[must_use]
    pub(crate) fn kind(&self) -> ListenerKind {
        self.kind
    }

    fn raw_fd(&self) -> RawFd {
        match &self.listener {
            Listening::Tcp(listener) | Listening::Passed(listener) => listener.as_raw_fd(),
            Listening::Unix(listener) => listener.as_raw_fd(),
        }
    }
}

/// Listens on an address. Accepted connections inherit the options that are set here.
///
/// # Errors
/// See [`ListenError`].
pub(crate) fn bind_tcp(address: SocketAddr, kind: ListenerKind) -> Result<ListeningSocket, ListenError> {
    Ok(ListeningSocket { listener: Listening::Tcp(listen(address, kind.as_str())?), kind })
}

/// The same, for what is no connection of the chat.
///
/// # Errors
/// See [`ListenError`].
pub(crate) fn listen(address: SocketAddr, setting: &'static str) -> Result<TcpListener, ListenError> {
    let bind = || -> io::Result<TcpListener> {
        let socket = bound(address)?;
        // Before any connection is accepted, since on Linux it inherits these.
        configure(&socket)?;
        socket.set_nonblocking(true)?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    match bind() {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(ListenError::InUse { address, setting }),
        Err(source) => Err(ListenError::Refused { address, setting, source }),
    }
}

/// Whether this process could listen on an address. Nothing is left of it.
///
/// # Errors
/// The system's.
pub(crate) fn bindable(address: SocketAddr) -> io::Result<()> {
    bound(address).map(drop)
}

fn bound(address: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // IPv4 gets a socket of its own, so that one can fail without the other.
        socket.set_only_v6(true)?;
    }
    socket.bind(&SockAddr::from(address))?;
    Ok(socket)
}

pub(super) fn configure(socket: &socket2::Socket) -> io::Result<()> {
    // Lines are written whole; waiting for more would cost 40 ms.
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}

/// Creates the admin socket, accessible to its owner alone. An existing file of that name was left
/// by an earlier server: the data directory's lock has shown that none is running.
///
/// # Errors
/// See [`ListenError`].
pub(crate) fn bind_console(path: &Path) -> Result<ListeningSocket, ListenError> {
    let bind = || -> io::Result<UnixListener> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // The data directory is closed to others, so nobody can get in between these two steps.
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    match bind() {
        Ok(listener) => Ok(ListeningSocket { listener: Listening::Unix(listener), kind: ListenerKind::Console }),
        Err(source) => Err(ListenError::Console { path: path.to_owned(), source }),
    }
}

#[derive(Debug)]
pub(crate) struct Listener {
    poll: Poll,
    sockets: Vec<ListeningSocket>,
    stop: Arc<StopHandle>,
    permits: Arc<Permits>,
    blocklist: Arc<Blocklist>,
    tally: Arc<Tally>,
    proxies: Arc<Proxies>,
    /// Closed when no other descriptor is left.
    spare: Option<File>,
    /// That there are none.
    out_of_descriptors: Seldom,
}

/// Stops a thread that accepts connections from another one.
#[derive(Debug)]
pub(crate) struct StopHandle {
    stopped: AtomicBool,
    waker: Waker,
}

impl StopHandle {
    pub(super) fn new(waker: Waker) -> Self {
        Self { stopped: AtomicBool::new(false), waker }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// No more connections are accepted from here on.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        if let Err(error) = self.waker.wake() {
            log::error!("can't wake the listener: {error}");
        }
    }
}

impl Listener {
    /// Prepares to accept from these sockets.
    ///
    /// # Errors
    /// [`ListenError::Poll`] if the system can't set up polling.
    pub(crate) fn new(
        sockets: Vec<ListeningSocket>,
        limits: ConnectionLimits,
        blocklist: Arc<Blocklist>,
        tally: Arc<Tally>,
        proxies: Arc<Proxies>,
    ) -> Result<Self, ListenError> {
        let prepare = || -> io::Result<(Poll, Waker)> {
            let poll = Poll::new()?;
            for (index, socket) in sockets.iter().enumerate() {
                poll.registry().register(&mut SourceFd(&socket.raw_fd()), Token(index), Interest::READABLE)?;
            }
            let waker = Waker::new(poll.registry(), WAKER)?;
            Ok((poll, waker))
        };
        let (poll, waker) = prepare().map_err(ListenError::Poll)?;
        let stop = Arc::new(StopHandle::new(waker));
        let permits = Permits::new(limits);
        Ok(Self {
            poll,
            sockets,
            stop,
            permits,
            blocklist,
            tally,
            proxies,
            spare: spare(),
            out_of_descriptors: Seldom::default(),
        })
    }

    /// How many connections there may be, which can be changed.
    #[must_use]
    pub(crate) fn permits(&self) -> Arc<Permits> {
        Arc::clone(&self.permits)
    }

    /// The handle that stops it.
    #[must_use]
    pub(crate) fn stopper(&self) -> Arc<StopHandle> {
        Arc::clone(&self.stop)
    }

    /// Accepts until it is stopped, then closes the listening sockets.
    pub(crate) fn run(mut self, workers: &[Mailbox<Delivery>]) {
        let mut events = Events::with_capacity(64);
        // Sockets that may have more; polling is edge-triggered.
        let mut ready = vec![true; self.sockets.len()];
        let mut next = 0;
        loop {
            let timeout = ready.contains(&true).then_some(Duration::ZERO);
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    log::error!("waiting for connections failed: {error}");
                    std::thread::sleep(OUT_OF_DESCRIPTORS);
                }
                _ => {}
            }
            if self.stop.is_stopped() {
                return;
            }
            for event in &events {
                if let Some(ready) = ready.get_mut(event.token().0) {
                    *ready = true;
                }
            }
            for (index, ready) in ready.iter_mut().enumerate() {
                if *ready {
                    *ready = self.accept(index, workers, &mut next);
                }
            }
        }
    }

    /// Accepts from one socket; true if there may be more.
    fn accept(&mut self, index: usize, workers: &[Mailbox<Delivery>], next: &mut usize) -> bool {
        for _ in 0..ACCEPTS_MAX {
            let listening = &self.sockets[index];
            let accepted = match &listening.listener {
                Listening::Tcp(listener) => accept_tcp(listener),
                Listening::Passed(listener) => passed::accept(listener),
                Listening::Unix(listener) => accept_unix(listener),
            };
            match accepted {
                Ok((socket, address)) => {
                    let kind = listening.kind;
                    let from = address.map_or(AddressGroup::Console, AddressGroup::of);
                    // Whose it is the worker learns, which then asks the same.
                    let proxied = address.is_some_and(|address| self.proxies.has(kind, address));
                    if !proxied && self.blocklist.blocks(from, clock::now()) {
                        self.turn_away(socket, kind, Code::Blocked, BLOCKED);
                        continue;
                    }
                    match self.permit((!proxied).then_some(from), kind) {
                        Ok(permit) => {
                            let (crowded, permit) = (permit.is_crowded(), Box::new(permit));
                            let worker = &workers[*next % workers.len()];
                            *next = next.wrapping_add(1);
                            worker.send(Delivery::Accepted(Accepted { socket, kind, from, proxied, permit, crowded }));
                        }
                        Err(why) => self.turn_away(socket, kind, Code::Busy, why.sentence()),
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return false,
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    _ => {
                        self.out_of_descriptors(index, &error);
                        return true;
                    }
                },
            }
        }
        true
    }

    /// Takes a permit. While too many wait for others to make room, so do those who come.
    fn permit(&self, from: Option<AddressGroup>, kind: ListenerKind) -> Result<Permit, NoPermit> {
        for _ in 0..CROWD_WAITS {
            match self.permits.take(from, kind) {
                Err(NoPermit::Crowd) => std::thread::sleep(CROWD_WAIT),
                taken => return taken,
            }
        }
        Err(NoPermit::Crowd)
    }

    fn out_of_descriptors(&mut self, index: usize, error: &io::Error) {
        if self.out_of_descriptors.is_due(clock::now()) {
            log::warn!("can't accept connections: {error}. Those who come are told that the server is full.");
        }
        self.spare = None;
        let turned_away = match &self.sockets[index].listener {
            Listening::Tcp(listener) | Listening::Passed(listener) => accept_tcp(listener).map(|(socket, _)| socket),
            Listening::Unix(listener) => accept_unix(listener).map(|(socket, _)| socket),
        };
        if let Ok(socket) = turned_away {
            self.turn_away(socket, self.sockets[index].kind, Code::Busy, FULL);
        }
        self.spare = spare();
        std::thread::sleep(OUT_OF_DESCRIPTORS);
    }

    /// Says one line and closes. A TLS client can't read it, but its user sees it in `nc` or in
    /// `openssl`'s debug output; a handshake for everyone who is turned away would be a gift to a flood.
    fn turn_away(&self, mut socket: Socket, kind: ListenerKind, code: Code, why: &str) {
        self.tally.count_turned_away(code);
        let mut said = Vec::new();
        match kind {
            ListenerKind::Web => {
                web::turned_away(Some(code), why).encode(false, false, jiff::Timestamp::now(), &mut said);
            }
            ListenerKind::Tls | ListenerKind::Plain | ListenerKind::Console => {
                said.extend_from_slice(format!("* {code}: {why}\n").as_bytes());
            }
        }
        if let Err(error) = socket.write(&said) {
            log::debug!("a peer was turned away and could not be told: {error}");
        }
    }
}

pub(super) fn accept_tcp(listener: &TcpListener) -> io::Result<(Socket, Option<IpAddr>)> {
    let (stream, from) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((Socket::Tcp(stream), Some(from.ip())))
}

fn accept_unix(listener: &UnixListener) -> io::Result<(Socket, Option<IpAddr>)> {
    let (stream, _) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((Socket::Unix(stream), None))
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}
