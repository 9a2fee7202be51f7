//! A service manager's part, as systemd plays it: a socket that a server tells how it is.

use super::{DEADLINE, Server};
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) struct ServiceManager {
    socket: UnixDatagram,
    place: TempDir,
}

impl ServiceManager {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().expect("a temporary directory can be made");
        let socket = UnixDatagram::bind(place.path().join("notify")).expect("a socket can be made there");
        Self { socket, place }
    }

    /// From its next start on, the server tells this one; within this time it must say again that it is alive.
    pub(crate) fn manage(&self, server: &mut Server, watchdog: Option<Duration>) {
        server.set_variable("NOTIFY_SOCKET", self.place.path().join("notify").display());
        if let Some(within) = watchdog {
            server.set_variable("WATCHDOG_USEC", within.as_micros());
        }
    }

    /// What it is told next, line by line; `None` if that is nothing within this time.
    pub(crate) fn told_within(&self, time: Duration) -> Option<Vec<String>> {
        self.socket.set_read_timeout(Some(time)).unwrap();
        let mut datagram = [0; 4096];
        match self.socket.recv(&mut datagram) {
            Ok(length) => {
                let text = std::str::from_utf8(&datagram[..length]).expect("it is UTF-8");
                Some(text.lines().map(str::to_owned).collect())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("the socket can't be read: {error}"),
        }
    }

    /// What it is told next.
    #[track_caller]
    pub(crate) fn told(&self) -> Vec<String> {
        self.told_within(DEADLINE).expect("the server tells something")
    }
}
