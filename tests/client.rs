//! The real `chitchat` without a terminal, against a scripted server on loopback.
//!
//! Each test is a transcript: what the server expects and says on each connection, what the client
//! reads from standard input, what it prints, and how it ends. Nothing waits longer than
//! [`DEADLINE`].

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData as _};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long any one step may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A certificate and its key.
struct Identity {
    config: Arc<ServerConfig>,
    fingerprint: String,
    key: KeyPair,
}

fn identity_from(cert: &rcgen::Certificate, key: KeyPair) -> Identity {
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

fn self_signed() -> Identity {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    identity_from(&cert, key)
}

/// One connection, seen from the server.
struct Peer(BufReader<StreamOwned<ServerConnection, TcpStream>>);

impl Peer {
    fn send(&mut self, lines: &[&str]) {
        for line in lines {
            self.0.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        self.0.get_mut().flush().unwrap();
    }

    fn read(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Takes a line, checks all of it but its label, and gives the label.
    fn expect(&mut self, wanted: &str) -> String {
        let line = self.read();
        let (label, command) = line.strip_prefix("/@").and_then(|rest| rest.split_once(' ')).unwrap_or(("", &line));
        assert_eq!(command, wanted, "in {line:?}");
        label.to_owned()
    }

    /// Takes `post ROOM KEY TEXT` and gives its label and key.
    fn expect_post(&mut self, room: &str, text: &str) -> (String, String) {
        let line = self.read();
        let mut words = line.splitn(5, ' ');
        let label = words.next().and_then(|word| word.strip_prefix("/@")).unwrap().to_owned();
        assert_eq!((words.next(), words.next()), (Some("post"), Some(room)), "in {line:?}");
        let key = words.next().unwrap().to_owned();
        assert_eq!(words.next(), Some(text));
        (label, key)
    }

    /// Greeting, tags, the login by the kept token, deflate refused, one conversation.
    fn log_in(&mut self, conversations: &[&str]) {
        self.greet();
        let label = self.expect("resume ttoken");
        self.send(&[&format!("@re={label} + welcome alice - you are in lobby.")]);
        let label = self.expect("set deflate 1");
        self.send(&[&format!("@re={label} - bad-argument: no deflate here.")]);
        self.list(conversations);
    }

    fn greet(&mut self) {
        self.send(&["* ChitChat at test. New here? /register NAME"]);
        let label = self.expect("set tags on");
        self.send(&[&format!("@re={label} + tags on epoch=e1 protocol=1")]);
    }

    fn list(&mut self, conversations: &[&str]) {
        let label = self.expect("conversations");
        for row in conversations {
            self.send(&[&format!("@re={label} | {row}")]);
        }
        self.send(&[&format!("@re={label} + {} conversations", conversations.len())]);
    }

    fn goodbye(mut self) {
        assert_eq!(self.read(), "/quit");
        self.send(&["+ goodbye"]);
        self.0.get_mut().conn.send_close_notify();
        self.0.get_mut().flush().unwrap();
    }

    /// Waits for the client to close.
    fn end(mut self) {
        let mut rest = Vec::new();
        // A client that refuses the certificate ends with an alert, which is an error here.
        let _ = self.0.read_to_end(&mut rest);
    }
}

type Act = Box<dyn FnOnce(Peer) + Send>;

/// A server that plays one act for each connection, in order.
struct Server {
    address: SocketAddr,
    thread: JoinHandle<()>,
}

impl Server {
    fn start(identity: &Identity, acts: Vec<Act>) -> Self {
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

    fn finish(self) {
        let until = Instant::now() + DEADLINE;
        while !self.thread.is_finished() {
            assert!(Instant::now() < until, "the server still waits for the client");
            thread::yield_now();
        }
        self.thread.join().expect("the server saw what it did not expect");
    }
}

/// The client's home: its state directory.
struct Home(tempfile::TempDir);

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("chitchat").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path("")).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn keep_token(&self, server: SocketAddr) {
        self.write("tokens", &format!("{server} alice ttoken\n"));
    }

    fn command(&self, server: SocketAddr, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chitchat"));
        command.arg(server.to_string()).args(args).env("XDG_STATE_HOME", self.0.path()).env_remove("RUST_LOG");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, server: SocketAddr, args: &[&str], input: &str) -> Ended {
        finish(self.command(server, args).spawn().unwrap(), input)
    }
}

/// Gives the input and waits for the end, or kills what does not end.
fn finish(mut child: Child, input: &str) -> Ended {
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let reader = |mut from: Box<dyn std::io::Read + Send>| {
        thread::spawn(move || {
            let mut text = String::new();
            from.read_to_string(&mut text).map(|_| text)
        })
    };
    let out = reader(Box::new(child.stdout.take().unwrap()));
    let err = reader(Box::new(child.stderr.take().unwrap()));
    let until = Instant::now() + DEADLINE;
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    Ended { code, out: out.join().unwrap().unwrap(), err: err.join().unwrap().unwrap() }
}

#[test]
fn a_script_says_lines_and_reads_answers() {
    let (identity, home) = (self_signed(), Home::new());
    let server = Server::start(
        &identity,
        vec![Box::new(|mut peer| {
            peer.log_in(&["lobby 5 3 2"]);
            let (label, _) = peer.expect_post("lobby", "hello all");
            peer.send(&[&format!("@re={label} + 6"), "@id=7;at=1795338600000 [lobby] bob: hello \u{1b}[2Jalice"]);
            let label = peer.expect("who lobby");
            peer.send(&[&format!("@re={label} | alice here"), &format!("@re={label} + 1 members")]);
            let (label, _) = peer.expect_post("@bob", "lunch?");
            peer.send(&[&format!("@re={label} + 1")]);
            peer.goodbye();
        })],
    );
    home.keep_token(server.address);
    let input = "hello all\n/who lobby\n/msg bob lunch?\n";
    let ended = home.run(server.address, &["--fingerprint", &identity.fingerprint], input);
    server.finish();
    assert_eq!(ended.out, "[lobby] bob: hello \u{fffd}[2Jalice\n| alice here\n+ 1 members\n");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let known = fs::read_to_string(home.path("known_hosts")).unwrap();
    let pin: String =
        Sha256::digest(identity.key.subject_public_key_info()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(known.ends_with(&format!(" sha256:{pin}\n")), "{known}");
}

#[test]
fn after_a_drop_nothing_is_lost_and_nothing_is_doubled() {
    let (identity, home) = (self_signed(), Home::new());
    let (report, key) = std::sync::mpsc::channel();
    let server = Server::start(
        &identity,
        vec![
            Box::new(move |mut peer| {
                peer.log_in(&["lobby 5 5 0"]);
                peer.send(&["@id=6;at=1 [lobby] bob: six"]);
                let (_, key) = peer.expect_post("lobby", "said once");
                // Said as 7, and the connection drops before the answer.
                report.send(key).unwrap();
            }),
            Box::new(move |mut peer| {
                peer.greet();
                let label = peer.expect("resume ttoken");
                peer.send(&[&format!("@re={label} + welcome alice"), "@id=10;at=1 [lobby] bob: ten"]);
                let label = peer.expect("set deflate 1");
                peer.send(&[&format!("@re={label} - bad-argument: no.")]);
                let (label, again) = peer.expect_post("lobby", "said once");
                assert_eq!(again, key.recv().unwrap());
                peer.send(&[&format!("@re={label} + 7")]);
                peer.list(&["lobby 10 5 0"]);
                let label = peer.expect("history lobby after=6 limit=1000");
                for row in ["7 2026-11-22T09:10:00.000Z alice: said once", "8 2026-11-22T09:10:00.000Z bob: eight"] {
                    peer.send(&[&format!("@re={label} | lobby {row}")]);
                }
                peer.send(&[&format!("@re={label} + 2 messages, more"), "@id=11;at=1 [lobby] bob: eleven"]);
                let label = peer.expect("history lobby after=8 limit=1000");
                for row in ["9 2026-11-22T09:10:00.000Z bob: nine", "10 2026-11-22T09:10:00.000Z bob: ten"] {
                    peer.send(&[&format!("@re={label} | lobby {row}")]);
                }
                peer.send(&[&format!("@re={label} + 2 messages")]);
                peer.goodbye();
            }),
        ],
    );
    home.keep_token(server.address);
    let ended = home.run(server.address, &["--fingerprint", &identity.fingerprint], "said once\n");
    server.finish();
    let said: Vec<&str> = ended.out.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(said, ["six", "eight", "nine", "ten", "eleven"].map(|text| format!("[lobby] bob: {text}")));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn deflate_frames_are_read() {
    let (identity, home) = (self_signed(), Home::new());
    let server = Server::start(
        &identity,
        vec![Box::new(|mut peer| {
            peer.greet();
            let label = peer.expect("resume ttoken");
            peer.send(&[&format!("@re={label} + welcome alice")]);
            let label = peer.expect("set deflate 1");
            let lines: String = (1..=50).map(|id| format!("@id={id};at=1 [lobby] bob: line number {id}\n")).collect();
            let frame = chitchat::protocol::deflate::Packer::new().pack(lines.as_bytes()).unwrap();
            // In the same bytes as the answer that allows it.
            let both = [format!("@re={label} + deflate 1\n").as_bytes(), &frame].concat();
            peer.0.get_mut().write_all(&both).unwrap();
            peer.0.get_mut().flush().unwrap();
            peer.list(&["lobby 0 0 0"]);
            peer.goodbye();
        })],
    );
    home.keep_token(server.address);
    let ended = home.run(server.address, &["--fingerprint", &identity.fingerprint], "");
    server.finish();
    let wanted: String = (1..=50).map(|id| format!("[lobby] bob: line number {id}\n")).collect();
    assert_eq!((ended.code, ended.out), (Some(0), wanted));
}

#[test]
fn questions_are_answered_from_the_input() {
    let (identity, home) = (self_signed(), Home::new());
    let server = Server::start(
        &identity,
        vec![Box::new(|mut peer| {
            peer.log_in(&["lobby 0 0 0"]);
            let label = peer.expect("passwd");
            peer.send(&[&format!("@re={label} ? old password")]);
            assert_eq!(peer.read(), "/old one");
            peer.send(&[&format!("@re={label} ? new password")]);
            assert_eq!(peer.read(), "new one");
            peer.send(&[&format!("@re={label} + your password is changed")]);
            let line = peer.read();
            let (label, rest) = line.strip_prefix("/@").unwrap().split_once(" token new chitchat-").unwrap();
            assert!(rest.len() >= 8, "{line}");
            peer.send(&[&format!("@re={label} + tnewtoken")]);
            peer.goodbye();
        })],
    );
    home.keep_token(server.address);
    let ended = home.run(server.address, &["--fingerprint", &identity.fingerprint], "/passwd\n/old one\nnew one\n");
    server.finish();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "+ your password is changed\n"));
    assert_eq!(fs::read_to_string(home.path("tokens")).unwrap().trim_end().rsplit(' ').next(), Some("tnewtoken"));
}

#[test]
fn a_refused_line_is_told_and_is_a_failure() {
    let (identity, home) = (self_signed(), Home::new());
    let server = Server::start(
        &identity,
        vec![Box::new(|mut peer| {
            peer.log_in(&["lobby 0 0 0"]);
            let (label, _) = peer.expect_post("lobby", "hello");
            peer.send(&[&format!("@re={label} - muted: you are muted in lobby.")]);
            peer.goodbye();
        })],
    );
    home.keep_token(server.address);
    let ended = home.run(server.address, &["--fingerprint", &identity.fingerprint], "hello\n");
    server.finish();
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), "- muted: you are muted in lobby.\n"));
}

#[test]
fn an_unknown_server_is_not_trusted_without_anyone_to_ask() {
    let (identity, home) = (self_signed(), Home::new());
    let server = Server::start(&identity, vec![Box::new(Peer::end)]);
    home.keep_token(server.address);
    let ended = home.run(server.address, &[], "secret\n");
    server.finish();
    assert_eq!(ended.code, Some(5), "{}", ended.err);
    assert!(ended.err.contains(&identity.fingerprint) && ended.err.contains("--fingerprint"), "{}", ended.err);
    assert!(!home.path("known_hosts").exists());
}

#[test]
fn a_changed_key_is_refused_with_file_and_line() {
    let (identity, home) = (self_signed(), Home::new());
    let server = Server::start(&identity, vec![Box::new(Peer::end)]);
    home.keep_token(server.address);
    home.write("known_hosts", &format!("# known\n{} sha256:{}\n", server.address, "00".repeat(32)));
    let ended = home.run(server.address, &[], "secret\n");
    server.finish();
    assert_eq!(ended.code, Some(5), "{}", ended.err);
    let place = format!("line 2 of {}", home.path("known_hosts").display());
    assert!(ended.err.contains("key has changed") && ended.err.contains(&place), "{}", ended.err);
}

#[test]
fn a_server_that_an_authority_vouched_for_may_not_become_its_own() {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let (vouched, home) = (identity_from(&cert, key), Home::new());
    home.write("authority.pem", &authority.pem());

    let act: Act = Box::new(|mut peer| {
        peer.log_in(&["lobby 0 0 0"]);
        peer.goodbye();
    });
    let server = Server::start(&vouched, vec![act]);
    let address = server.address;
    home.keep_token(address);
    let mut command = home.command(address, &[]);
    let child = command.env("SSL_CERT_FILE", home.path("authority.pem")).env_remove("SSL_CERT_DIR").spawn().unwrap();
    let ended = finish(child, "");
    server.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(fs::read_to_string(home.path("known_hosts")).unwrap(), format!("{address} ca\n"));

    // The same server, seen by a machine that does not know the authority.
    let server = Server::start(&vouched, vec![Box::new(Peer::end)]);
    home.keep_token(server.address);
    home.write("known_hosts", &format!("{} ca\n", server.address));
    let ended = home.run(server.address, &[], "");
    server.finish();
    assert_eq!(ended.code, Some(5), "{}", ended.err);
    assert!(ended.err.contains("vouched for this server before"), "{}", ended.err);
}

#[test]
fn a_dead_login_is_forgotten_and_named() {
    let (identity, home) = (self_signed(), Home::new());
    let server = Server::start(
        &identity,
        vec![Box::new(|mut peer| {
            peer.greet();
            let label = peer.expect("resume ttoken");
            peer.send(&[&format!("@re={label} - bad-credentials: name or password is wrong.")]);
            peer.end();
        })],
    );
    home.keep_token(server.address);
    let ended = home.run(server.address, &["--fingerprint", &identity.fingerprint], "hello\n");
    server.finish();
    assert_eq!(ended.code, Some(4), "{}", ended.err);
    assert!(ended.err.contains("Run chitchat in a terminal once"), "{}", ended.err);
    assert_eq!(fs::read_to_string(home.path("tokens")).unwrap(), "");
}

#[test]
fn who_is_not_there_is_unreachable() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = home.run(free, &[], "");
    assert_eq!(ended.code, Some(3), "{}", ended.err);

    // Something else answers there.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let ended = home.run(address, &[], "");
    thread.join().unwrap();
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(ended.err.contains("does not speak TLS"), "{}", ended.err);
}

#[test]
fn wrong_usage_is_code_2() {
    let home = Home::new();
    let nowhere = "192.0.2.1:2427".parse().unwrap();
    assert_eq!(home.run(nowhere, &["--nonsense"], "").code, Some(2));
    let ended = home.run(nowhere, &["--plain"], "");
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("this machine only"), "{}", ended.err);
}
