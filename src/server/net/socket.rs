//! What a connection does with its socket. TCP and Unix sockets differ here and nowhere else.
//!
//! All sockets are non-blocking. No TLS, no buffers; runs on the worker that owns the connection.

use crate::server::traffic::Socket;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};

impl Socket {
    /// Reads once: `None` if there is nothing for now, 0 at the end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        unless_blocked(|| match self {
            Socket::Tcp(stream) => stream.read(into),
            Socket::Unix(stream) => stream.read(into),
            #[cfg(feature = "faults")]
            Socket::Simulated(pipe) => pipe.read(into),
        })
    }

    /// Writes once: `None` if the socket takes nothing for now.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let written = unless_blocked(|| match self {
            Socket::Tcp(stream) => stream.write(bytes),
            Socket::Unix(stream) => stream.write(bytes),
            #[cfg(feature = "faults")]
            Socket::Simulated(pipe) => pipe.write(bytes),
        })?;
        if written == Some(0) { Err(ErrorKind::WriteZero.into()) } else { Ok(written) }
    }

    /// Tells the peer that nothing more follows. It does not matter if the peer is already gone.
    pub(super) fn shut_down_write(&self) {
        let shut = match self {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
            #[cfg(feature = "faults")]
            Socket::Simulated(pipe) => {
                pipe.shut_down_write();
                Ok(())
            }
        };
        if let Err(error) = shut {
            log::trace!("shutting down a socket: {error}");
        }
    }

    /// The port that the peer connected to, if there are ports.
    pub(super) fn local_port(&self) -> Option<u16> {
        match self {
            Socket::Tcp(stream) => stream.local_addr().map(|address| address.port()).ok(),
            Socket::Unix(_) => None,
            #[cfg(feature = "faults")]
            Socket::Simulated(_) => None,
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Socket::Tcp(stream) => stream.as_raw_fd(),
            Socket::Unix(stream) => stream.as_raw_fd(),
            // Nobody polls it.
            #[cfg(feature = "faults")]
            Socket::Simulated(_) => -1,
        }
    }
}

fn unless_blocked(mut act: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match act() {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
