//! TLS by hand: records, hellos, and what a server answers to them.

use crate::support::{DEADLINE, Server};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const DATA: u8 = 23;

/// What a server said about a hello.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A fatal alert, by its number.
    Alert(u8),
    /// It goes on with the handshake.
    Handshake,
    /// Nothing; it closed.
    Nothing,
}

pub(super) fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3, length[0], length[1]], payload].concat()
}

/// A message in records of one byte each.
pub(super) fn crumbs(kind: u8, message: &[u8]) -> Vec<u8> {
    message.iter().flat_map(|byte| record(kind, &[*byte])).collect()
}

/// A hello as old and weak as one likes.
pub(super) fn hello(version: u16, suites: &[u16], compressions: &[u8], extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let number = |n: usize| u16::try_from(n).unwrap().to_be_bytes();
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(number(suites.len() * 2));
    suites.iter().for_each(|suite| body.extend(suite.to_be_bytes()));
    body.push(u8::try_from(compressions.len()).unwrap());
    body.extend(compressions);
    let all: Vec<u8> = extensions
        .iter()
        .flat_map(|(kind, data)| [&kind.to_be_bytes()[..], &number(data.len()), data].concat())
        .collect();
    body.extend(number(all.len()));
    body.extend(all);
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1, length[1], length[2], length[3]], &body[..]].concat()
}

pub(super) fn connect(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(server.tls()).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.set_write_timeout(Some(DEADLINE)).unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

/// Sends bytes to a server that may close before it has read them all; returns everything that it sends until it
/// closes, which it must.
pub(super) fn exchange(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut socket = connect(server);
    let _ = socket.write_all(bytes);
    read_to_end(&mut socket)
}

/// Everything until the server closes, perhaps with a reset.
pub(super) fn read_to_end(socket: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return answer,
            Ok(taken) => answer.extend(&buffer[..taken]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return answer,
            Err(error) => panic!("the server does not close: {error}"),
        }
    }
}

/// What the first record of an answer is.
pub(super) fn answer(bytes: &[u8]) -> Answer {
    match bytes {
        [] => Answer::Nothing,
        [ALERT, _, _, 0, 2, 2, number, ..] => Answer::Alert(*number),
        [HANDSHAKE, ..] => Answer::Handshake,
        other => panic!("neither an alert nor a handshake: {:?}", &other[..other.len().min(16)]),
    }
}
