//! One connection to a server: the socket, TLS on it, and lines.
//!
//! Owns the bytes in both directions until they are lines or have been sent. Must not know what a
//! line means. Belongs to the main thread for the first login, then to the network thread. It
//! blocks in one place, [`Connection::wait`], which another thread can end early through the
//! [`Poller`].
//!
//! Everything is bounded: reading pauses at `UNREAD_MAX` bytes that were not read as lines, and
//! `UNSENT_MAX` bytes that the server does not read end the connection.

use super::args::{Address, Transport};
use super::inbox::{Inbox, InboxError};
use super::poller::{Poller, WaitOutcome};
use super::trust::{Trust, TrustError, TrustOutcome};
use crate::protocol::ALPN;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long to try each of the server's addresses.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the TLS handshake may take.
pub(super) const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// TCP keepalive: when it begins on a silent connection, and how often it is repeated.
const KEEPALIVE_AFTER: Duration = Duration::from_mins(1);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
/// A peer that acknowledges nothing for this long is dead.
#[cfg(target_os = "linux")]
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_mins(1);
/// Received bytes at which reading pauses; more than any frame.
const UNREAD_MAX: usize = 256 * 1024;
/// Bytes waiting to be sent at which the connection is given up.
const UNSENT_MAX: usize = 1 << 20;
/// Bytes read at a time.
const READ_SIZE: usize = 16 * 1024;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host has no address.
    #[error("can't find the host {0}: {1}. Is its name spelled right, and is this machine online?")]
    NoAddress(String, io::Error),
    /// None of its addresses answered; this was the last.
    #[error("can't reach {0}: {1}{cure}", cure = cure(.1))]
    Unreachable(SocketAddr, io::Error),
    /// Plain text would leave this machine.
    #[error("plain text is for this machine only, and {0} is another machine. Drop --plain.")]
    PlainBeyondLoopback(SocketAddr),
    /// No certificate can be issued for such a name.
    #[error("{0} is not a valid host name")]
    BadName(String),
    /// The server is not trusted.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// The handshake failed.
    #[error("TLS failed: {0}")]
    Tls(rustls::Error),
    /// The answer was not TLS.
    #[error("the server at {0} does not speak TLS. Is this the right port?")]
    NoTls(Address),
    /// The connection ended, or did nothing for too long, before it was usable.
    #[error(transparent)]
    Lost(#[from] ConnectionError),
}

/// What to look at when a server can't be reached.
fn cure(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ". Is the server running, and is that its port?",
        io::ErrorKind::TimedOut => ". Is that its address, and does a firewall let you through?",
        _ => "",
    }
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
    /// TLS failed.
    #[error("TLS failed: {0}")]
    Tls(#[from] rustls::Error),
    /// The server sent something that is not a line.
    #[error(transparent)]
    BadLine(#[from] InboxError),
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    Silent,
    /// The server does not read what is sent.
    #[error("the server stopped reading")]
    Stuck,
    /// The server keeps sending and doesn't answer.
    #[error("the server sends too much without answering")]
    Flood,
}

pub(super) struct Connection {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    inbox: Inbox,
    unsent: Vec<u8>,
    // mio reports each change once: these stay true until the socket says WouldBlock.
    readable: bool,
    writable: bool,
    ended: bool,
}

impl Connection {
    /// Connects, with a TLS handshake unless it is plain. Blocks up to [`CONNECT_TIMEOUT`] for each
    /// of the server's addresses, plus [`TLS_TIMEOUT`]. The decision is left in `trust`.
    ///
    /// # Errors
    /// [`ConnectError`]; [`ConnectError::Untrusted`] if the server is not trusted.
    pub(super) fn open(server: &Address, trust: &Arc<Trust>, poller: &mut Poller) -> Result<Self, ConnectError> {
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
        poller.watch(&socket).map_err(ConnectionError::Io)?;
        let mut connection =
            Self { socket, tls, inbox: Inbox::new(), unsent: Vec::new(), readable: true, writable: true, ended: false };
        match connection.finish_handshake(poller) {
            Ok(()) => Ok(connection),
            Err(error) => Err(match (trust.outcome(), error) {
                (Some(TrustOutcome::Untrusted(untrusted)), _) => ConnectError::Untrusted(untrusted),
                (_, ConnectionError::Tls(rustls::Error::InvalidMessage(_))) => ConnectError::NoTls(server.clone()),
                (_, ConnectionError::Tls(error)) => ConnectError::Tls(error),
                (_, error) => ConnectError::Lost(error),
            }),
        }
    }

    /// Queues a line, without its line end. [`Connection::wait`] sends it.
    pub(super) fn send(&mut self, line: &str) {
        debug_assert!(!line.contains('\n'));
        self.unsent.extend_from_slice(line.as_bytes());
        self.unsent.push(b'\n');
    }

    /// The next received line, if there is one.
    ///
    /// # Errors
    /// [`ConnectionError::BadLine`] if the server sent something else.
    pub(super) fn next_line(&mut self) -> Result<Option<String>, ConnectionError> {
        Ok(self.inbox.pop()?)
    }

    /// From now on a line that begins with `=` is a deflate frame's header.
    pub(super) fn expect_frames(&mut self) {
        self.inbox.expect_frames();
    }

    /// Sends what is queued, and waits for a line or a wake-up, until the deadline.
    ///
    /// # Errors
    /// [`ConnectionError`] once the connection has ended and all lines before that were read.
    pub(super) fn wait(&mut self, poller: &mut Poller, until: Instant) -> Result<WaitOutcome, ConnectionError> {
        loop {
            let pumped = self.pump();
            if self.inbox.has_line()? {
                // An error is found again once the lines before it are read.
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

    /// Sends TLS's `close_notify`, unless the socket would block, and closes.
    pub(super) fn close(mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        if let Err(error) = self.write() {
            log::debug!("while closing: {error}");
        }
    }

    fn finish_handshake(&mut self, poller: &mut Poller) -> Result<(), ConnectionError> {
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
        // Reading may give TLS something to answer.
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
            // Send the alert, which tells the server why.
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

/// True for "not now", false for "again"; anything else is an error.
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
