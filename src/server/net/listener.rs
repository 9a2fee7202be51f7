//! The `accept` thread: takes connections in, counts them, and hands each to the next worker.
//!
//! It never ends for an error of `accept`. Out of descriptors it lets go of one that it keeps for
//! that, answers the next connection with a line, closes it, and waits a moment.

use super::permit::{ConnectionLimits, Permits};
use crate::protocol::names::AddressGroup;
use crate::server::traffic::{Accepted, Delivery, ListenerKind, Mailbox, Socket};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use socket2::{Domain, Protocol, SockAddr, Type};
use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Connections that may wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 1024;
/// What the kernel may hold for one connection that does not read, in bytes (Linux doubles it).
/// The rest waits here, where it is counted.
const SEND_BUFFER: usize = 64 * 1024;
/// A peer that has said nothing for so long is probed.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// How often it is probed then.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
/// Probes without an answer until it is taken for dead.
const KEEPALIVE_PROBES: u32 = 4;
/// Sent bytes that nobody acknowledged for so long end the connection.
const USER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long accepting rests when the system has no more descriptors.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);
/// Connections accepted from one listener before the others are looked at.
const ACCEPTS_MAX: usize = 256;
const WAKER: Token = Token(usize::MAX);

/// Why an address could not be listened on. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program has the address.
    #[error("{address} is in use by another program; end that one, or name another address ({setting})")]
    InUse {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        setting: &'static str,
    },
    /// Ports below 1024 need a right, or the address is not this machine's.
    #[error("{address} can't be listened on: {source}; name another address ({setting})")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        setting: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The admin socket could not be made.
    #[error("the admin socket {path} can't be made: {source}")]
    Console {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The readiness wait could not be had.
    #[error("the readiness wait can't be had: {0}")]
    Poll(io::Error),
}

/// A socket that listens.
#[derive(Debug)]
pub struct ListeningSocket {
    listener: Listening,
    kind: ListenerKind,
}

#[derive(Debug)]
enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl ListeningSocket {
    /// The address that it really has: port 0 becomes a number.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.listener {
            Listening::Tcp(listener) => listener.local_addr().ok(),
            Listening::Unix(_) => None,
        }
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> ListenerKind {
        self.kind
    }

    fn raw_fd(&self) -> RawFd {
        match &self.listener {
            Listening::Tcp(listener) => listener.as_raw_fd(),
            Listening::Unix(listener) => listener.as_raw_fd(),
        }
    }
}

/// Listens on an address. What is set here is inherited by the connections that are accepted.
///
/// # Errors
/// See [`ListenError`].
pub fn bind_tcp(address: SocketAddr, kind: ListenerKind) -> Result<ListeningSocket, ListenError> {
    let setting = if kind == ListenerKind::Tls { "tls" } else { "plain" };
    let bind = || -> io::Result<TcpListener> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // IPv4 has a socket of its own, so that one can fail without the other.
            socket.set_only_v6(true)?;
        }
        socket.bind(&SockAddr::from(address))?;
        // Before any connection: whoever is accepted inherits it on Linux.
        configure(&socket)?;
        socket.set_nonblocking(true)?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    match bind() {
        Ok(listener) => Ok(ListeningSocket { listener: Listening::Tcp(listener), kind }),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(ListenError::InUse { address, setting }),
        Err(source) => Err(ListenError::Refused { address, setting, source }),
    }
}

fn configure(socket: &socket2::Socket) -> io::Result<()> {
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

/// Makes the admin socket, readable by its owner alone. A file of that name is an earlier
/// server's: the data directory's lock has shown that none runs.
///
/// # Errors
/// See [`ListenError`].
pub fn bind_console(path: &Path) -> Result<ListeningSocket, ListenError> {
    let bind = || -> io::Result<UnixListener> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // The data directory is closed to others, so nobody comes in between these two.
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

/// See the module.
#[derive(Debug)]
pub struct Listener {
    poll: Poll,
    sockets: Vec<ListeningSocket>,
    stop: Arc<StopHandle>,
    permits: Arc<Permits>,
    /// Let go of where there is no other descriptor left.
    spare: Option<File>,
}

/// Stops the listener from another thread.
#[derive(Debug)]
pub struct StopHandle {
    stopped: AtomicBool,
    waker: Waker,
}

impl StopHandle {
    /// No more connections are taken from here on.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        if let Err(error) = self.waker.wake() {
            log::error!("the listener could not be woken: {error}");
        }
    }
}

impl Listener {
    /// Prepares to accept from these.
    ///
    /// # Errors
    /// [`ListenError::Poll`] if the system has no readiness wait for us.
    pub fn new(sockets: Vec<ListeningSocket>, limits: ConnectionLimits) -> Result<Self, ListenError> {
        let prepare = || -> io::Result<(Poll, Waker)> {
            let poll = Poll::new()?;
            for (index, socket) in sockets.iter().enumerate() {
                poll.registry().register(&mut SourceFd(&socket.raw_fd()), Token(index), Interest::READABLE)?;
            }
            let waker = Waker::new(poll.registry(), WAKER)?;
            Ok((poll, waker))
        };
        let (poll, waker) = prepare().map_err(ListenError::Poll)?;
        let stop = Arc::new(StopHandle { stopped: AtomicBool::new(false), waker });
        let permits = Permits::new(limits);
        Ok(Self { poll, sockets, stop, permits, spare: spare() })
    }

    /// What stops it.
    #[must_use]
    pub fn stopper(&self) -> Arc<StopHandle> {
        Arc::clone(&self.stop)
    }

    /// Accepts until it is stopped, then closes the listening sockets.
    pub fn run(mut self, workers: &[Mailbox<Delivery>]) {
        let mut events = Events::with_capacity(64);
        // Sockets that may have more; the wait is edge-triggered.
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
            if self.stop.stopped.load(Ordering::Acquire) {
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
                Listening::Tcp(listener) => listener
                    .accept()
                    .and_then(|(stream, from)| stream.set_nonblocking(true).map(|()| (Socket::Tcp(stream), from.ip())))
                    .map(|(socket, ip)| (socket, AddressGroup::of(ip))),
                Listening::Unix(listener) => listener
                    .accept()
                    .and_then(|(stream, _)| stream.set_nonblocking(true).map(|()| Socket::Unix(stream)))
                    .map(|socket| (socket, AddressGroup::Console)),
            };
            match accepted {
                Ok((socket, from)) => {
                    let kind = listening.kind;
                    match self.permits.take(from) {
                        Ok(permit) => {
                            let permit = Box::new(permit);
                            let worker = &workers[*next % workers.len()];
                            *next = next.wrapping_add(1);
                            worker.send(Delivery::Accepted(Accepted { socket, kind, from, permit }));
                        }
                        Err(why) => turn_away(socket, why),
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

    fn out_of_descriptors(&mut self, index: usize, error: &io::Error) {
        log::warn!("a connection could not be accepted: {error}");
        self.spare = None;
        let turned_away = match &self.sockets[index].listener {
            Listening::Tcp(listener) => listener.accept().map(|(stream, _)| Socket::Tcp(stream)),
            Listening::Unix(listener) => listener.accept().map(|(stream, _)| Socket::Unix(stream)),
        };
        if let Ok(socket) = turned_away {
            turn_away(socket, "this server is full right now. Try again later.");
        }
        self.spare = spare();
        std::thread::sleep(OUT_OF_DESCRIPTORS);
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

/// One line, and closed. A TLS client can't read it, but its user sees it in `openssl`'s debug
/// output or in `nc`; a handshake for everyone who is turned away would be a gift to a flood.
fn turn_away(socket: Socket, why: &str) {
    let line = format!("* busy: {why}\n");
    let told = match socket {
        Socket::Tcp(mut stream) => stream.set_nonblocking(true).and_then(|()| stream.write_all(line.as_bytes())),
        Socket::Unix(mut stream) => stream.set_nonblocking(true).and_then(|()| stream.write_all(line.as_bytes())),
    };
    if let Err(error) = told {
        log::debug!("somebody who was turned away could not be told: {error}");
    }
}
