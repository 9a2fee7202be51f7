//! A browser, as far as it opens WebSockets and sends requests. The WebSocket is tungstenite's.

use super::client::tls_for;
use super::{DEADLINE, PASSWORD, pattern};
use rustls::{ClientConnection, StreamOwned};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, WebSocket};

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// What a browser's connection consists of, over TLS or not.
pub(crate) trait Stream: std::io::Read + std::io::Write + Send {}

impl<T: std::io::Read + std::io::Write + Send> Stream for T {}

/// A connection over TLS that offers what a browser does.
pub(crate) fn browser_tls(address: SocketAddr) -> Tls {
    let socket = TcpStream::connect_timeout(&address, DEADLINE).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.set_write_timeout(Some(DEADLINE)).unwrap();
    socket.set_nodelay(true).unwrap();
    StreamOwned::new(tls_for("localhost", &["h2", "http/1.1"]), socket)
}

/// Sends requests on one connection.
pub(crate) struct Requests(BufReader<Box<dyn Stream>>);

/// What a request was answered with.
#[derive(Debug)]
pub(crate) struct Response {
    pub status: u16,
    /// All of it but the body.
    pub head: String,
    pub body: String,
}

impl Requests {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::over(browser_tls(address))
    }

    /// On a connection that there is.
    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self(BufReader::new(Box::new(stream)))
    }

    pub(crate) fn send(&mut self, request: &str) {
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        self.0.get_mut().flush().unwrap();
    }

    /// The next response; `None` if the connection is closed in its place.
    pub(crate) fn response(&mut self) -> Option<Response> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).unwrap_or(0) == 0 {
                assert_eq!(head, "", "a response is whole");
                return None;
            }
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).unwrap();
        Some(Response { status, head, body: String::from_utf8(body).unwrap() })
    }

    pub(crate) fn stream(&mut self) -> &mut impl std::io::Read {
        &mut self.0
    }

    pub(crate) fn ask(&mut self, request: &str) -> Response {
        self.send(request);
        self.response().expect("the connection stays open")
    }
}

/// A WebSocket on which lines are spoken.
pub(crate) struct Page {
    pub socket: WebSocket<Box<dyn Stream>>,
    lines: std::collections::VecDeque<String>,
}

impl Page {
    /// Opens it as a page of the server does.
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::over(browser_tls(address), &format!("https://{address}"), &[])
    }

    /// Opens it on a connection that there is, as a page of this origin does, with these fields besides.
    pub(crate) fn over(stream: impl Stream + 'static, origin: &str, more: &[(&'static str, &str)]) -> Self {
        let authority = origin.split_once("://").unwrap().1;
        let mut request = format!("ws://{authority}/ws").into_client_request().unwrap();
        let fields = request.headers_mut();
        fields.insert("Origin", origin.parse().unwrap());
        fields.insert("Sec-WebSocket-Protocol", "chitchat.1".parse().unwrap());
        for (name, value) in more {
            fields.insert(*name, value.parse().unwrap());
        }
        let stream: Box<dyn Stream> = Box::new(stream);
        let (socket, response) = tungstenite::client(request, stream).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "chitchat.1");
        Self { socket, lines: std::collections::VecDeque::new() }
    }

    pub(crate) fn send(&mut self, message: &str) {
        self.socket.send(Message::text(message)).unwrap();
    }

    /// The next line; `None` once the connection is closed.
    pub(crate) fn line(&mut self) -> Option<String> {
        let until = Instant::now() + DEADLINE;
        while self.lines.is_empty() {
            assert!(Instant::now() < until, "no line arrives");
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    assert!(text.ends_with('\n'), "a message holds whole lines: {text:?}");
                    self.lines.extend(text.lines().map(str::to_owned));
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => {}
                Ok(other) => panic!("{other:?}"),
                Err(tungstenite::Error::ConnectionClosed) => return None,
                Err(error) => panic!("{error}"),
            }
        }
        self.lines.pop_front()
    }

    /// Reads lines until one matches.
    #[track_caller]
    pub(crate) fn read_until(&mut self, wanted: &str) -> String {
        loop {
            let line = self.line().unwrap_or_else(|| panic!("it is closed before {wanted}"));
            if pattern::fits(wanted, &line, &mut pattern::Words::new()) {
                return line;
            }
        }
    }

    pub(crate) fn register(&mut self, name: &str) {
        self.send(&format!("/register {name} {PASSWORD}"));
        self.read_until("+ welcome …");
    }
}
