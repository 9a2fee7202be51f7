//! A server that plays a script over TLS on loopback.

use super::DEADLINE;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sha2::{Digest as _, Sha256};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// A certificate and its key.
pub(super) struct Identity {
    config: Arc<ServerConfig>,
    /// The fingerprint, as the server prints it.
    pub fingerprint: String,
    /// Its key.
    pub key: KeyPair,
}

pub(super) fn identity_from(cert: &rcgen::Certificate, key: KeyPair) -> Identity {
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], der)
        .unwrap();
    let digits: String = Sha256::digest(cert.der()).iter().map(|byte| format!("{byte:02x}")).collect();
    Identity { config: Arc::new(config), fingerprint: format!("SHA256:{digits}"), key }
}

pub(super) fn self_signed() -> Identity {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    identity_from(&cert, key)
}

/// One connection, seen from the server.
pub(super) struct Peer(pub BufReader<StreamOwned<ServerConnection, TcpStream>>);

impl Peer {
    pub(super) fn send(&mut self, lines: &[&str]) {
        for line in lines {
            self.0.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        self.0.get_mut().flush().unwrap();
    }

    pub(super) fn read(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Reads a line, checks everything but its label, and returns the label.
    pub(super) fn expect(&mut self, expected: &str) -> String {
        let line = self.read();
        let (label, command) = line.strip_prefix("/@").and_then(|rest| rest.split_once(' ')).unwrap_or(("", &line));
        assert_eq!(command, expected, "in {line:?}");
        label.to_owned()
    }

    /// Reads `post ROOM KEY TEXT` and returns its label and key.
    pub(super) fn expect_post(&mut self, room: &str, text: &str) -> (String, String) {
        let line = self.read();
        let mut words = line.splitn(5, ' ');
        let label = words.next().and_then(|word| word.strip_prefix("/@")).unwrap().to_owned();
        assert_eq!((words.next(), words.next()), (Some("post"), Some(room)), "in {line:?}");
        let key = words.next().unwrap().to_owned();
        assert_eq!(words.next(), Some(text));
        (label, key)
    }

    /// Greeting, tags, the login with the saved token, deflate refused, the conversations.
    pub(super) fn log_in(&mut self, conversations: &[&str]) {
        self.greet();
        let label = self.expect("resume ttoken");
        self.send(&[&format!("@re={label} + welcome alice - you are in lobby.")]);
        let label = self.expect("set deflate 1");
        self.send(&[&format!("@re={label} - bad-argument: no deflate here.")]);
        self.list(conversations);
    }

    /// What a bot asks for once it is logged in.
    pub(super) fn echo(&mut self) {
        let label = self.expect("set echo on");
        self.send(&[&format!("@re={label} + echo on")]);
    }

    pub(super) fn greet(&mut self) {
        self.send(&["* ChitChat at test. New here? /register NAME"]);
        let label = self.expect("set tags on");
        self.send(&[&format!("@re={label} + tags on epoch=e1 protocol=1")]);
    }

    /// The conversations; before that what a client at a terminal asks for.
    pub(super) fn list(&mut self, conversations: &[&str]) {
        let label = loop {
            let line = self.read();
            let (label, command) = line.strip_prefix("/@").and_then(|rest| rest.split_once(' ')).unwrap();
            match command {
                "set echo on" => self.send(&[&format!("@re={label} + echo on")]),
                "switch lobby" => self.send(&[&format!("@re={label} + lobby - 2 members, 2 here. Type to talk.")]),
                _ => {
                    assert_eq!(command, "ignored");
                    break label.to_owned();
                }
            }
        };
        self.send(&[&format!("@re={label} + 0 accounts")]);
        let label = self.expect("conversations");
        for row in conversations {
            self.send(&[&format!("@re={label} | {row}")]);
        }
        self.send(&[&format!("@re={label} + {} conversations", conversations.len())]);
    }

    pub(super) fn goodbye(mut self) {
        assert_eq!(self.read(), "/quit");
        self.send(&["+ goodbye"]);
        self.0.get_mut().conn.send_close_notify();
        self.0.get_mut().flush().unwrap();
    }

    /// Waits for the client to close.
    pub(super) fn end(mut self) {
        let mut rest = Vec::new();
        // A client that refuses the certificate ends with an alert, which is an error here.
        let _ = self.0.read_to_end(&mut rest);
    }
}

pub(super) type Act = Box<dyn FnOnce(Peer) + Send>;

/// A server that plays one act for each connection, in order.
pub(super) struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    thread: JoinHandle<()>,
}

impl Server {
    pub(super) fn start(identity: &Identity, acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let config = Arc::clone(&identity.config);
        let thread = thread::spawn(move || {
            for act in acts {
                let (socket, _) = listener.accept().unwrap();
                socket.set_read_timeout(Some(DEADLINE)).unwrap();
                let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                act(Peer(BufReader::new(StreamOwned::new(tls, socket))));
            }
        });
        Self { address, thread }
    }

    pub(super) fn finish(self) {
        let until = Instant::now() + DEADLINE;
        while !self.thread.is_finished() {
            assert!(Instant::now() < until, "the server is still waiting for the client");
            thread::yield_now();
        }
        self.thread.join().expect("the client sent something unexpected");
    }
}
