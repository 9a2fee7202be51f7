//! A client that is only a socket: bytes out, lines in, everything recorded for the report.

use super::pattern::{self, Words};
use super::{DEADLINE, PASSWORD, any_certificate};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One connection.
pub(crate) struct Client {
    stream: Stream,
    pending: Vec<u8>,
    transcript: String,
    /// Words that patterns remembered.
    pub words: Words,
}

/// What waiting for a line has come to.
#[derive(Debug)]
pub(crate) enum Waited {
    Line(String),
    /// The server has ended the connection, perhaps in the middle of a line.
    End,
    /// The deadline has passed.
    Nothing,
}

enum Stream {
    Plain(TcpStream),
    Console(UnixStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Client {
    /// Connects without TLS; nothing is read yet.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self::new(Stream::Plain(socket(address)))
    }

    /// Connects without TLS from one of this machine's own addresses, such as 127.0.7.7.
    pub(crate) fn plain_from(source: Ipv4Addr, address: SocketAddr) -> Self {
        Self::new(Stream::Plain(socket_from(source, address).expect("the server takes connections")))
    }

    /// The same with a server that may be gone.
    #[allow(dead_code, reason = "the crash battery uses it")]
    pub(crate) fn try_plain(address: SocketAddr) -> Option<Self> {
        Some(Self::new(Stream::Plain(try_socket(address).ok()?)))
    }

    /// Connects to the console's socket.
    pub(crate) fn console(socket: &Path) -> Self {
        let socket = UnixStream::connect(socket).expect("the console takes connections");
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.set_write_timeout(Some(DEADLINE)).unwrap();
        Self::new(Stream::Console(socket))
    }

    /// Connects with TLS 1.3 or 1.2, as the server chooses; any certificate is accepted.
    pub(crate) fn tls(address: SocketAddr) -> Self {
        let tls = ClientConnection::new(
            Arc::new(any_certificate::in_versions(rustls::DEFAULT_VERSIONS)),
            ServerName::IpAddress(address.ip().into()),
        )
        .unwrap();
        Self::new(Stream::Tls(Box::new(StreamOwned::new(tls, socket(address)))))
    }

    /// The same over a connection that is there, for a host of that name, offering these protocols. The handshake comes
    /// with the first line.
    #[allow(dead_code, reason = "the crash battery has no use for it")]
    pub(crate) fn tls_over(socket: TcpStream, name: &str, protocols: &[&str]) -> Self {
        Self::new(Stream::Tls(Box::new(StreamOwned::new(tls_for(name, protocols), socket))))
    }

    /// The same, offering these protocols; the handshake is over.
    ///
    /// # Errors
    /// What is wrong with the handshake.
    #[allow(dead_code, reason = "the crash battery has no use for it")]
    pub(crate) fn offering(address: SocketAddr, protocols: &[&str]) -> io::Result<Self> {
        let (mut tls, mut socket) = (tls_for(&address.ip().to_string(), protocols), socket(address));
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        Ok(Self::new(Stream::Tls(Box::new(StreamOwned::new(tls, socket)))))
    }

    /// The fingerprint of the certificate that the server has shown.
    #[allow(dead_code, reason = "the crash battery has no use for it")]
    pub(crate) fn fingerprint(&self) -> String {
        let Stream::Tls(tls) = &self.stream else { panic!("only TLS has certificates") };
        let chain = tls.conn.peer_certificates().expect("the handshake is over");
        format!("SHA256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(&chain[0])))
    }

    fn new(stream: Stream) -> Self {
        Self { stream, pending: Vec::new(), transcript: String::new(), words: Words::new() }
    }

    /// Sends a line.
    #[track_caller]
    pub(crate) fn send(&mut self, line: &str) {
        let line = pattern::fill(line, &self.words);
        self.send_bytes(format!("{line}\n").as_bytes());
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.note('>', bytes);
        self.send_quietly(bytes);
    }

    /// Sends bytes as they are, and records nothing of them.
    #[track_caller]
    pub(crate) fn send_quietly(&mut self, bytes: &[u8]) {
        let sent = match &mut self.stream {
            Stream::Plain(socket) => socket.write_all(bytes),
            Stream::Console(socket) => socket.write_all(bytes),
            Stream::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        };
        if let Err(error) = sent {
            self.fail(&format!("sending failed: {error}"));
        }
    }

    /// Sends bytes to a server that may close before it has read them all.
    pub(crate) fn send_anyway(&mut self, bytes: &[u8]) {
        let _ = match &mut self.stream {
            Stream::Plain(socket) => socket.write_all(bytes),
            Stream::Console(socket) => socket.write_all(bytes),
            Stream::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        };
    }

    /// The next line, without its LF; `None` at the end of what the server sends.
    #[track_caller]
    pub(crate) fn next_line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.pending.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                self.note('<', &line[..end]);
                return match String::from_utf8(line) {
                    Ok(line) if !line.contains('\r') => Some(line[..end].to_owned()),
                    _ => self.fail("the server sent a line that is not UTF-8, or a CR"),
                };
            }
            match self.read_some() {
                Ok(0) if self.pending.is_empty() => return None,
                Ok(0) => self.fail("the server ended in the middle of a line"),
                Ok(_) => {}
                Err(error) => self.fail(&format!("waited for a line: {error}")),
            }
        }
    }

    /// Records bytes for the report; of long lines only the beginning.
    fn note(&mut self, way: char, bytes: &[u8]) {
        let shown = match std::str::from_utf8(bytes) {
            Ok(text) => text.chars().take(200).collect::<String>().escape_debug().to_string(),
            Err(_) => bytes[..bytes.len().min(200)].escape_ascii().to_string(),
        };
        let more = if bytes.len() > 200 { format!("… ({} bytes)", bytes.len()) } else { String::new() };
        // Writing to a String can't fail.
        let _ = writeln!(self.transcript, "{way} {shown}{more}");
    }

    /// The next line from a server that may be killed at any moment: `None` at any end, even in
    /// the middle of a line.
    pub(crate) fn line_or_end(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.pending.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Some(String::from_utf8(line[..end].to_vec()).expect("the server sends UTF-8"));
            }
            match self.read_some() {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => self.fail(&format!("waited for a line or the end: {error}")),
            }
        }
    }

    /// The next line of a plain connection, if there is one before the deadline. Nothing is recorded.
    pub(crate) fn line_before(&mut self, deadline: Instant) -> Waited {
        loop {
            if let Some(end) = self.pending.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Waited::Line(String::from_utf8(line[..end].to_vec()).expect("the server sends UTF-8"));
            }
            // A timeout of 0 would mean none.
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            if let Stream::Plain(socket) = &self.stream {
                socket.set_read_timeout(Some(left)).expect("a timeout can be set");
            }
            match self.read_some() {
                Ok(0) => return Waited::End,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return Waited::Nothing;
                }
                Err(error) => self.fail(&format!("waited for a line: {error}")),
            }
        }
    }

    /// Waits for so long from now on, where the answer is known to take its time.
    pub(crate) fn wait_at_most(&mut self, patience: Duration) {
        if let Stream::Plain(socket) = &self.stream {
            socket.set_read_timeout(Some(patience)).expect("a timeout can be set");
        }
    }

    /// Makes the system buffer little for the connection while nobody reads.
    pub(crate) fn read_slowly(&mut self) {
        let socket = match &self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(tls) => &tls.sock,
            Stream::Console(_) => return,
        };
        socket2::SockRef::from(socket).set_recv_buffer_size(16 * 1024).unwrap();
    }

    /// The next `count` bytes, whatever they are.
    #[track_caller]
    pub(crate) fn next_bytes(&mut self, count: usize) -> Vec<u8> {
        self.fill(count);
        let bytes: Vec<u8> = self.pending.drain(..count).collect();
        self.note('<', &bytes);
        bytes
    }

    /// Reads until there are this many bytes.
    #[track_caller]
    fn fill(&mut self, count: usize) {
        while self.pending.len() < count {
            match self.read_some() {
                Ok(0) => self.fail(&format!("waited for {count} bytes: the server ended")),
                Ok(_) => {}
                Err(error) => self.fail(&format!("waited for {count} bytes: {error}")),
            }
        }
    }

    /// The next bytes up to and including this one.
    #[track_caller]
    pub(crate) fn next_bytes_until(&mut self, last: u8) -> Vec<u8> {
        loop {
            if let Some(end) = self.pending.iter().position(|&byte| byte == last) {
                return self.next_bytes(end + 1);
            }
            self.fill(self.pending.len() + 1);
        }
    }

    /// Whether it speaks TLS.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    fn read_some(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 16 * 1024];
        let read = match &mut self.stream {
            Stream::Plain(socket) => socket.read(&mut bytes),
            Stream::Console(socket) => socket.read(&mut bytes),
            Stream::Tls(tls) => tls.read(&mut bytes),
        };
        let count = match read {
            // A server that closes while bytes of ours are on their way resets the connection.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
            other => other?,
        };
        self.pending.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    /// The next line must fit the pattern. Events are skipped unless one is expected, since the server
    /// announces people's comings and goings when it suits it.
    #[track_caller]
    pub(crate) fn expect(&mut self, pattern: &str) -> String {
        let expected = pattern::fill(pattern, &self.words);
        loop {
            match self.next_line() {
                Some(line) if pattern::fits(&expected, &line, &mut self.words) => return line,
                Some(line) if is_event(&line) => {}
                Some(line) => self.fail(&format!("expected: {expected}\n     got: {line}")),
                None => self.fail(&format!("expected: {expected}\n     got: the end")),
            }
        }
    }

    /// Reads until a line fits; returns the lines up to and including it.
    #[track_caller]
    pub(crate) fn read_until(&mut self, pattern: &str) -> Vec<String> {
        let expected = pattern::fill(pattern, &self.words);
        let mut lines = Vec::new();
        loop {
            let Some(line) = self.next_line() else { self.fail(&format!("waited for {expected}, got the end")) };
            let found = pattern::fits(&expected, &line, &mut self.words);
            lines.push(line);
            if found {
                return lines;
            }
        }
    }

    /// Sends a command and returns its rows and its final line, skipping live lines.
    #[track_caller]
    pub(crate) fn ask(&mut self, command: &str) -> Vec<String> {
        self.send(command);
        let mut lines = Vec::new();
        loop {
            let Some(line) = self.next_line() else { self.fail(&format!("{command} was not answered")) };
            let body = untagged(&line);
            if body.starts_with("| ") {
                lines.push(line);
            } else if body.starts_with("+ ") || body.starts_with("- ") {
                lines.push(line);
                return lines;
            }
        }
    }

    /// Like [`Client::ask`], for rows whose order is not specified: they are sorted.
    #[track_caller]
    pub(crate) fn ask_sorted(&mut self, command: &str) -> Vec<String> {
        let mut lines = self.ask(command);
        let rows = lines.len() - 1;
        lines[..rows].sort_unstable();
        lines
    }

    /// The server must end the connection with no further line.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        loop {
            match self.next_line() {
                None => return,
                Some(line) if is_event(&line) => {}
                Some(line) => self.fail(&format!("expected the end, got: {line}")),
            }
        }
    }

    /// All remaining lines.
    #[track_caller]
    pub(crate) fn read_to_end(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next_line()).collect()
    }

    /// Nothing must have arrived: the next line is the answer to a command sent now, which passes
    /// through the same dispatcher as anything else that might have arrived.
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) {
        self.send("/whoami");
        let line = loop {
            match self.next_line() {
                Some(line) if is_event(&line) => {}
                Some(line) => break line,
                None => self.fail("expected nothing, got the end"),
            }
        };
        let body = untagged(&line);
        if !body.starts_with("+ ") && !body.starts_with("- not-logged-in: ") {
            self.fail(&format!("expected nothing, got: {line}"));
        }
    }

    /// Registers an account and reads its welcome.
    #[track_caller]
    pub(crate) fn register(&mut self, name: &str) {
        self.send(&format!("/register {name} {PASSWORD}"));
        self.expect(&format!("+ welcome {name}…"));
    }

    /// Ends the sending side; answers can still be read.
    pub(crate) fn end_input(&mut self) {
        match &mut self.stream {
            Stream::Plain(socket) => socket.shutdown(Shutdown::Write).unwrap(),
            Stream::Console(socket) => socket.shutdown(Shutdown::Write).unwrap(),
            Stream::Tls(tls) => {
                tls.conn.send_close_notify();
                tls.flush().unwrap();
            }
        }
    }

    #[track_caller]
    fn fail(&self, why: &str) -> ! {
        let rest = String::from_utf8_lossy(&self.pending[..self.pending.len().min(1000)]);
        let skipped = self.transcript.len().saturating_sub(20_000);
        let shown = &self.transcript[self.transcript.ceil_char_boundary(skipped)..];
        panic!("{why}\nwhat went over the wire:\n{shown}(not yet read: {rest:?})")
    }
}

/// The line without its tags.
pub(crate) fn untagged(line: &str) -> &str {
    if line.starts_with('@') { line.split_once(' ').map_or(line, |(_, body)| body) } else { line }
}

fn is_event(line: &str) -> bool {
    let body = untagged(line);
    body.starts_with('[') && body.split_once("] ").is_some_and(|(_, rest)| rest.starts_with("* "))
}

/// The client's side of TLS with a host of that name, offering these protocols.
pub(crate) fn tls_for(name: &str, protocols: &[&str]) -> ClientConnection {
    let mut config = any_certificate::in_versions(rustls::DEFAULT_VERSIONS);
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    ClientConnection::new(Arc::new(config), ServerName::try_from(name.to_owned()).unwrap()).unwrap()
}

fn socket(address: SocketAddr) -> TcpStream {
    try_socket(address).expect("the server takes connections")
}

fn try_socket(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect_timeout(&address, DEADLINE)?;
    socket.set_read_timeout(Some(DEADLINE))?;
    socket.set_write_timeout(Some(DEADLINE))?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// A connection from one of this machine's own addresses: Linux has all of 127.0.0.0/8.
///
/// # Errors
/// The system's, if the server takes no connection.
pub(crate) fn socket_from(source: Ipv4Addr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    // Without it the port is taken from the few that no other socket has, whatever the other end.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect_timeout(&address.into(), DEADLINE)?;
    socket.set_read_timeout(Some(DEADLINE))?;
    socket.set_write_timeout(Some(DEADLINE))?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}
