//! A service manager's part, as systemd plays it: a socket that a server tells how it is, and sockets that it listens
//! on and passes.

use super::{DEADLINE, Server};
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
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

/// Sockets that are passed to each start of a server; held by the test as long as this is.
#[allow(dead_code, reason = "the crash battery has no use for it")]
pub(crate) struct Passed(Vec<OwnedFd>);

#[allow(dead_code, reason = "the crash battery has no use for it")]
impl Passed {
    /// From its next start on, the server is passed these, by name.
    pub(crate) fn to(server: &mut Server, sockets: &[(&str, &dyn AsFd)]) -> Self {
        let names: Vec<&str> = sockets.iter().map(|(name, _)| *name).collect();
        let mut held = Vec::new();
        let mut script = String::new();
        for ((_, socket), number) in sockets.iter().zip(3..) {
            // A number that is nobody else's below, and that the shell inherits.
            let copy = fcntl_dupfd_cloexec(socket, 64).expect("a descriptor is free");
            fcntl_setfd(&copy, FdFlags::empty()).expect("the descriptor is ours");
            script.push_str(&format!("exec {number}<&{0} {0}<&-; ", copy.as_raw_fd()));
            held.push(copy);
        }
        let names = names.join(":");
        script.push_str(&format!("LISTEN_PID=$$ LISTEN_FDS={} LISTEN_FDNAMES={names} exec \"$@\"", sockets.len()));
        server.run_under(Some(["bash", "-c", &script, "bash"].map(str::to_owned).into()));
        Self(held)
    }
}
