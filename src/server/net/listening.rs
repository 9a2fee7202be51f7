//! Sockets that listen: how each is made and what its connections inherit, the admin socket's file, and how one
//! connection is accepted. Who may come in is for `listener` to say. Runs on the thread that opens the server, and
//! accepts on that of the listener.

use crate::server::traffic::{ListenerKind, Socket};
use socket2::{Domain, Protocol, SockAddr, SockRef, Type};
use std::fs::Permissions;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
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

    /// Accepts a connection, with the address that it comes from.
    ///
    /// # Errors
    /// The system's; `WouldBlock` if nobody waits.
    pub(super) fn accept(&self) -> io::Result<(Socket, Option<IpAddr>)> {
        match &self.listener {
            Listening::Tcp(listener) => accept_tcp(listener),
            Listening::Passed(listener) => accept_passed(listener),
            Listening::Unix(listener) => accept_unix(listener),
        }
    }

    /// For polling.
    pub(super) fn raw_fd(&self) -> RawFd {
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

fn accept_tcp(listener: &TcpListener) -> io::Result<(Socket, Option<IpAddr>)> {
    let (stream, from) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((Socket::Tcp(stream), Some(from.ip())))
}

fn accept_unix(listener: &UnixListener) -> io::Result<(Socket, Option<IpAddr>)> {
    let (stream, _) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((Socket::Unix(stream), None))
}

/// Accepts a connection. The socket's options are whoever made it's, and connections that waited have inherited them.
fn accept_passed(listener: &TcpListener) -> io::Result<(Socket, Option<IpAddr>)> {
    let (socket, from) = accept_tcp(listener)?;
    if let Socket::Tcp(stream) = &socket
        && let Err(error) = configure(&SockRef::from(stream))
    {
        log::debug!("the options of a connection can't be set: {error}");
    }
    Ok((socket, from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_waited_has_our_options() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, from) = accept_passed(&listener).unwrap();
        let Socket::Tcp(stream) = &socket else { panic!("{socket:?}") };
        let options = SockRef::from(stream);
        assert!(
            options.keepalive().unwrap()
                && options.tcp_nodelay().unwrap()
                && from.is_some_and(|from| from.is_loopback())
        );
    }
}
