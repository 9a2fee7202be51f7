//! One connection to a server: the socket, the TLS on it and the lines that came.
//!
//! Owns the bytes of both directions until they are lines or are sent. Must not know what a line
//! means. Belongs to one thread at a time: the main thread's while logging in for the first time,
//! then the network thread's. It blocks in one place, [`Connection::wait`], which a [`WakeHandle`] ends early.
//!
//! Nothing here is unbounded: reading stops at `UNREAD_MAX` bytes that the program has not taken,
//! and what the server does not take of ours ends the connection at `UNSENT_MAX`.

use super::args::{Address, Transport};
use super::inbox::{Inbox, InboxError};
use super::trust::{Trust, TrustError, TrustOutcome};
use crate::protocol::ALPN;
use mio::event::Events;
use mio::unix::SourceFd;
use mio::{Interest, Poll, Token, Waker};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one address of the server may take to answer.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the TLS handshake may take.
pub const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that is silent so long is asked whether it lives, and so often.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
/// A peer that acknowledges nothing for so long is dead.
#[cfg(target_os = "linux")]
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(60);
/// Bytes that wait for the program before the socket is not read any more; above any frame.
const UNREAD_MAX: usize = 256 * 1024;
/// Bytes that wait for the server before the connection is given up.
const UNSENT_MAX: usize = 1 << 20;
/// Bytes read at once.
const READ_SIZE: usize = 16 * 1024;

const SOCKET: Token = Token(0);
const WOKEN: Token = Token(1);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name has no address.
    #[error("{0} has no address: {1}")]
    NoAddress(String, io::Error),
    /// None of its addresses answered.
    #[error("can't reach {0}: {1}")]
    Unreachable(SocketAddr, io::Error),
    /// Plain text would leave this machine.
    #[error("plain text is for this machine only, and {0} is another. Leave --plain away.")]
    PlainBeyondLoopback(SocketAddr),
    /// TLS has no way to check such a name.
    #[error("{0} is no name that a certificate can hold")]
    BadName(String),
    /// The server is not trusted.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// The handshake failed.
    #[error("TLS failed: {0}")]
    Tls(rustls::Error),
    /// What answered speaks no TLS.
    #[error("what answers at {0} does not speak TLS. Is it the right port?")]
    NoTls(Address),
    /// The connection ended or stood still before it was usable.
    #[error(transparent)]
    Lost(#[from] ConnectionError),
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The server closed it.
    #[error("the server closed the connection")]
    Closed,
    /// The network failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// TLS failed on the way.
    #[error("TLS failed: {0}")]
    Tls(#[from] rustls::Error),
    /// The server sent what is no line.
    #[error(transparent)]
    BadLine(#[from] InboxError),
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    Silent,
    /// The server takes nothing any more.
    #[error("the server reads nothing any more")]
    Stuck,
    /// The server sent too much that was not asked for.
    #[error("the server sends without end")]
    Flood,
}

/// What a thread blocks on: a connection's socket, and wake-ups from other threads.
#[derive(Debug)]
pub struct Poller {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
}

/// Ends a [`Connection::wait`] or a [`Poller::sleep`] from another thread.
#[derive(Debug, Clone)]
pub struct WakeHandle(Arc<Waker>);

impl WakeHandle {
    /// Wakes the thread. If that fails the thread is past waiting anyway.
    pub fn wake(&self) {
        if let Err(error) = self.0.wake() {
            log::warn!("can't wake the network thread: {error}");
        }
    }
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitOutcome {
    /// There are lines.
    Lines,
    /// Another thread woke this one.
    Woken,
    /// The time is over.
    TimedOut,
}

impl Poller {
    /// A poller for one thread.
    ///
    /// # Errors
    /// If the system gives no file descriptors for it.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WOKEN)?);
        Ok(Self { poll, events: Events::with_capacity(8), waker })
    }

    /// What other threads wake it with.
    #[must_use]
    pub fn wake_handle(&self) -> WakeHandle {
        WakeHandle(Arc::clone(&self.waker))
    }

    /// Sleeps without a connection.
    ///
    /// # Errors
    /// What the system says.
    pub fn sleep(&mut self, until: Instant) -> io::Result<WaitOutcome> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(WaitOutcome::TimedOut);
            }
            let ready = self.poll(left)?;
            if ready.woken {
                return Ok(WaitOutcome::Woken);
            }
        }
    }

    fn poll(&mut self, timeout: Duration) -> io::Result<Ready> {
        let mut ready = Ready::default();
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(ready),
            other => other?,
        }
        for event in &self.events {
            if event.token() == WOKEN {
                ready.woken = true;
            } else {
                ready.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
                ready.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
            }
        }
        Ok(ready)
    }
}

#[derive(Default)]
struct Ready {
    readable: bool,
    writable: bool,
    woken: bool,
}

/// A connection; see the module.
pub struct Connection {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    inbox: Inbox,
    unsent: Vec<u8>,
    // mio tells each change once: these stay true until the socket says WouldBlock.
    readable: bool,
    writable: bool,
    ended: bool,
}

impl Connection {
    /// Connects, and for TLS shakes hands; blocks up to [`CONNECT_TIMEOUT`] for each address of
    /// the server and [`TLS_TIMEOUT`]. `trust` keeps what it found out.
    ///
    /// # Errors
    /// [`ConnectError`]; [`ConnectError::Untrusted`] if the server is not trusted.
    pub fn open(server: &Address, trust: &Arc<Trust>, poller: &mut Poller) -> Result<Self, ConnectError> {
        let socket = connect(server)?;
        let tls = match server.transport {
            Transport::Plain => None,
            Transport::Tls => {
                let name = ServerName::try_from(server.host.clone())
                    .map_err(|_| ConnectError::BadName(server.host.clone()))?;
                let mut config = trust.tls_config().map_err(ConnectError::Tls)?;
                config.alpn_protocols = vec![ALPN.to_vec()];
                let mut tls = ClientConnection::new(Arc::new(config), name).map_err(ConnectError::Tls)?;
                tls.set_buffer_limit(Some(UNSENT_MAX));
                Some(Box::new(tls))
            }
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = poller.poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), SOCKET, interest);
        registered.map_err(ConnectionError::Io)?;
        let mut connection =
            Self { socket, tls, inbox: Inbox::new(), unsent: Vec::new(), readable: true, writable: true, ended: false };
        match connection.shake_hands(poller) {
            Ok(()) => Ok(connection),
            Err(error) => Err(match (trust.outcome(), error) {
                (Some(TrustOutcome::Untrusted(untrusted)), _) => ConnectError::Untrusted(untrusted),
                (_, ConnectionError::Tls(rustls::Error::InvalidMessage(_))) => ConnectError::NoTls(server.clone()),
                (_, ConnectionError::Tls(error)) => ConnectError::Tls(error),
                (_, error) => ConnectError::Lost(error),
            }),
        }
    }

    /// Queues a line, which is given without its end. [`Connection::wait`] sends it.
    pub fn send(&mut self, line: &str) {
        debug_assert!(!line.contains('\n'));
        self.unsent.extend_from_slice(line.as_bytes());
        self.unsent.push(b'\n');
    }

    /// The next line that came.
    ///
    /// # Errors
    /// [`ConnectionError::BadLine`] if what came is none.
    pub fn next_line(&mut self) -> Result<Option<String>, ConnectionError> {
        Ok(self.inbox.pop()?)
    }

    /// From here on a line that begins with `=` is a deflate frame's header.
    pub fn expect_frames(&mut self) {
        self.inbox.expect_frames();
    }

    /// Sends what is queued and waits for lines, for a wake-up or for the time.
    ///
    /// # Errors
    /// [`ConnectionError`] once the connection has ended and all lines that came before were taken.
    pub fn wait(&mut self, poller: &mut Poller, until: Instant) -> Result<WaitOutcome, ConnectionError> {
        loop {
            let pumped = self.pump();
            if self.inbox.has_line()? {
                // What came before the end is still read, and the end found again.
                return Ok(WaitOutcome::Lines);
            }
            pumped?;
            if self.ended {
                return Err(ConnectionError::Closed);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(WaitOutcome::TimedOut);
            }
            let ready = poller.poll(left)?;
            self.readable |= ready.readable;
            self.writable |= ready.writable;
            if ready.woken {
                return Ok(WaitOutcome::Woken);
            }
        }
    }

    /// Says goodbye below the lines (`close_notify`), as far as the socket takes it at once.
    pub fn close(mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        if let Err(error) = self.write() {
            log::debug!("while closing: {error}");
        }
    }

    fn shake_hands(&mut self, poller: &mut Poller) -> Result<(), ConnectionError> {
        let until = Instant::now() + TLS_TIMEOUT;
        while self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            self.pump()?;
            if self.ended {
                return Err(ConnectionError::Closed);
            }
            if self.tls.as_ref().is_some_and(|tls| !tls.is_handshaking()) {
                break;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ConnectionError::Silent);
            }
            let ready = poller.poll(left)?;
            self.readable |= ready.readable;
            self.writable |= ready.writable;
        }
        Ok(())
    }

    fn pump(&mut self) -> Result<(), ConnectionError> {
        self.write()?;
        self.read()?;
        // Reading may have made TLS want to answer.
        self.write()
    }

    fn write(&mut self) -> Result<(), ConnectionError> {
        if let Some(tls) = &mut self.tls {
            if !self.unsent.is_empty() {
                let taken = tls.writer().write(&self.unsent)?;
                self.unsent.drain(..taken);
            }
            while self.writable && tls.wants_write() {
                match tls.write_tls(&mut self.socket) {
                    Ok(_) => {}
                    Err(error) => self.writable = !would_block(error)?,
                }
            }
        } else {
            while self.writable && !self.unsent.is_empty() {
                match self.socket.write(&self.unsent) {
                    Ok(taken) => drop(self.unsent.drain(..taken)),
                    Err(error) => self.writable = !would_block(error)?,
                }
            }
        }
        if self.unsent.len() > UNSENT_MAX { Err(ConnectionError::Stuck) } else { Ok(()) }
    }

    fn read(&mut self) -> Result<(), ConnectionError> {
        let mut buffer = [0; READ_SIZE];
        while self.readable && !self.ended && self.inbox.buffered() < UNREAD_MAX {
            let taken = match &mut self.tls {
                None => self.socket.read(&mut buffer),
                Some(tls) => tls.read_tls(&mut self.socket),
            };
            match taken {
                Ok(0) => self.ended = true,
                Ok(taken) if self.tls.is_none() => self.inbox.feed(&buffer[..taken]),
                Ok(_) => self.decrypt(&mut buffer)?,
                Err(error) => self.readable = !would_block(error)?,
            }
        }
        Ok(())
    }

    fn decrypt(&mut self, buffer: &mut [u8]) -> Result<(), ConnectionError> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        if let Err(error) = tls.process_new_packets() {
            // The alert that tells the server why.
            if let Err(error) = tls.write_tls(&mut self.socket) {
                log::debug!("while sending an alert: {error}");
            }
            return Err(error.into());
        }
        loop {
            match tls.reader().read(buffer) {
                // close_notify.
                Ok(0) => {
                    self.ended = true;
                    return Ok(());
                }
                Ok(taken) => self.inbox.feed(&buffer[..taken]),
                Err(error) => return would_block(error).map(drop).map_err(ConnectionError::Io),
            }
        }
    }
}

/// True for "not now", the error itself for all that is final.
fn would_block(error: io::Error) -> io::Result<bool> {
    match error.kind() {
        io::ErrorKind::WouldBlock => Ok(true),
        io::ErrorKind::Interrupted => Ok(false),
        _ => Err(error),
    }
}

fn connect(server: &Address) -> Result<TcpStream, ConnectError> {
    let addresses = (server.host.as_str(), server.port).to_socket_addrs();
    let addresses = addresses.map_err(|error| ConnectError::NoAddress(server.host.clone(), error))?;
    let mut failed = None;
    for address in addresses {
        if server.transport == Transport::Plain && !address.ip().to_canonical().is_loopback() {
            return Err(ConnectError::PlainBeyondLoopback(address));
        }
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).and_then(|socket| prepare(&socket).map(|()| socket))
        {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = Some(ConnectError::Unreachable(address, error)),
        }
    }
    Err(failed
        .unwrap_or_else(|| ConnectError::NoAddress(server.host.clone(), io::Error::from(io::ErrorKind::NotFound))))
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_nonblocking(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    let options = SockRef::from(socket);
    options.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    options.set_tcp_user_timeout(Some(ACKNOWLEDGE_WITHIN))?;
    Ok(())
}
