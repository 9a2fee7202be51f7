//! Sockets that the service manager listens on and passes to the server, `sd_listen_fds(3)`: it holds them while the
//! server restarts, and whoever connects meanwhile waits instead of being refused.
//!
//! Owns what is spoken on which of them. The thread that opens the server takes them.

use super::listening::{ListenError, ListeningSocket};
use crate::server::config::Config;
use crate::server::traffic::ListenerKind;
use listenfd::ListenFd;
use socket2::SockRef;
use std::io;
use std::net::{SocketAddr, TcpListener};

/// What the service manager calls a socket whose name nobody chose.
const NAMELESS: &str = "unknown";

/// Sockets that the service manager has passed to this process, if any.
#[derive(Debug, Default)]
pub struct PassedSockets(Vec<Passed>);

#[derive(Debug)]
struct Passed {
    /// Of systemd's `FileDescriptorName=`, or else its unit's.
    name: String,
    listener: TcpListener,
    address: SocketAddr,
}

impl PassedSockets {
    /// Takes those that the environment speaks of, and takes them out of it. To be called once, while the process
    /// has a single thread.
    ///
    /// # Errors
    /// [`ListenError::Passed`] if one of them is no listening TCP socket.
    pub fn of_process() -> Result<Self, ListenError> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut passed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..passed.len() {
            let name = names.next().filter(|name| !name.is_empty()).unwrap_or(NAMELESS).to_owned();
            match take(&mut passed, index) {
                Ok((listener, address)) => sockets.push(Passed { name, listener, address }),
                Err(source) => return Err(ListenError::Passed { name, source }),
            }
        }
        Ok(Self(sockets))
    }

    /// Each with its kind.
    ///
    /// # Errors
    /// [`ListenError::PassedFor`] if nothing says what is spoken on one.
    pub(in crate::server) fn listening(self, config: &Config) -> Result<Vec<ListeningSocket>, ListenError> {
        let listening = |Passed { name, listener, address }| match kind(&name, address, config) {
            Some(kind) => Ok(ListeningSocket::passed(listener, kind)),
            None => Err(ListenError::PassedFor { address, name }),
        };
        self.0.into_iter().map(listening).collect()
    }
}

fn take(passed: &mut ListenFd, index: usize) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = passed.take_tcp_listener(index)?.ok_or(io::ErrorKind::NotFound)?;
    if !SockRef::from(&listener).is_listener()? {
        return Err(io::Error::other("it does not listen"));
    }
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Its name says it, or else its port, if that is one of `tls`, of `plain` or of `web`. Nothing else does: text is sent
/// in the clear only where somebody wanted that.
fn kind(name: &str, address: SocketAddr, config: &Config) -> Option<ListenerKind> {
    let kinds =
        [(ListenerKind::Tls, &config.tls), (ListenerKind::Plain, &config.plain), (ListenerKind::Web, &config.web)];
    if let Some((kind, _)) = kinds.into_iter().find(|(kind, _)| kind.as_str() == name) {
        return Some(kind);
    }
    let is_in = |addresses: &[SocketAddr]| addresses.iter().any(|other| other.port() == address.port());
    let mut of_port = kinds.into_iter().filter(|(_, addresses)| is_in(addresses));
    match (of_port.next(), of_port.next()) {
        (Some((kind, _)), None) => Some(kind),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::{Environment, Flags};

    #[test]
    fn the_name_decides_and_then_the_port() {
        let flags = Flags { data: Some("/data".into()), ..Flags::default() };
        let settings = ["tls=[::]:2428", "plain=127.0.0.1:2427", "web=[::1]:2480"].map(str::to_owned);
        let config = Config::build(None, &settings, &flags, &Environment::of_process()).unwrap();
        for (name, address, expected) in [
            ("tls", "[::]:9", Some(ListenerKind::Tls)),
            ("tls", "127.0.0.1:2427", Some(ListenerKind::Tls)),
            ("plain", "[::]:2428", Some(ListenerKind::Plain)),
            ("web", "[::]:2428", Some(ListenerKind::Web)),
            ("web.socket", "127.0.0.1:2480", Some(ListenerKind::Web)),
            ("chitchatd.socket", "0.0.0.0:2428", Some(ListenerKind::Tls)),
            (NAMELESS, "[::1]:2427", Some(ListenerKind::Plain)),
            ("chitchatd.socket", "[::]:9", None),
        ] {
            assert_eq!(kind(name, address.parse().unwrap(), &config), expected, "{name} {address}");
        }
        // One port for both, at two addresses.
        let settings = ["tls=[::]:2428", "plain=127.0.0.1:2428"].map(str::to_owned);
        let config = Config::build(None, &settings, &flags, &Environment::of_process()).unwrap();
        assert_eq!(kind(NAMELESS, "[::]:2428".parse().unwrap(), &config), None);
    }
}
