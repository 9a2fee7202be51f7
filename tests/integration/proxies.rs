//! Proxies in front of the server: what they say of whom they pass on is believed from them alone, and counts for
//! limits, blocks and the log. The settings of haproxy, nginx and Tor are those of docs/OPERATING.md.

use crate::support::client::{socket_from, tls_for};
use crate::support::program::Program;
use crate::support::{Client, DEADLINE, Server};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The proxy's address.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// After this time without a byte haproxy ends a connection, unless it is told otherwise.
const HAPROXY_TIMEOUT: Duration = Duration::from_secs(2);

fn server(more: &[&str]) -> Server {
    Server::with(&[&["proxies=127.0.0.2"], more].concat())
}

/// A header of version 1 for a client of that address.
fn text(source: &str) -> Vec<u8> {
    format!("PROXY TCP4 {source} 192.0.2.99 40000 443\r\n").into_bytes()
}

/// A header of version 2.
fn binary(command: u8, source: Ipv4Addr) -> Vec<u8> {
    let addresses = [source.octets().as_slice(), &[192, 0, 2, 99, 0x9c, 0x40, 1, 0xbb]].concat();
    [b"\r\n\r\n\0\r\nQUIT\n", [command, 0x11, 0, 12].as_slice(), &addresses].concat()
}

/// A connection that the proxy passes on, before the greeting.
fn through(server: &Server, header: &[u8]) -> Client {
    let mut client = Client::plain_from(PROXY, server.plain());
    client.send_bytes(header);
    client
}

#[test]
fn the_address_in_the_header_is_the_one_that_counts() {
    let mut server = server(&["limits.per_address=2"]);
    let mut alice = through(&server, &text("192.0.2.7"));
    alice.expect("* ChitChat …");
    alice.register("alice");
    server.wait_for_log("alice logged in from 192.0.2.7, connection");
    // The header and the first bytes of TLS come as they come.
    let mut socket = socket_from(PROXY, server.tls()).unwrap();
    socket.write_all(&binary(0x21, Ipv4Addr::new(192, 0, 2, 7))).unwrap();
    let mut bob = Client::tls_over(socket, "localhost", &[]);
    bob.expect("* ChitChat …");
    bob.register("bob");
    server.wait_for_log("bob logged in from 192.0.2.7, connection");
    let mut third = through(&server, &text("192.0.2.7"));
    third.expect("* busy: there are too many connections from your address…");
    third.expect_end();
    // The proxy itself may pass on as many as come.
    let _others: Vec<Client> = (10..20)
        .map(|host| {
            let mut other = through(&server, &text(&format!("192.0.2.{host}")));
            other.expect("* ChitChat …");
            other
        })
        .collect();
    server.console().ask("/block 198.51.100.0/24");
    let mut blocked = Client::plain_from(PROXY, server.plain());
    blocked.send_bytes(b"PROXY TCP6 ::ffff:198.51.100.1 ::1 1 2\r\n");
    blocked.expect("* blocked: …");
    blocked.expect_end();
    // Somebody who is connected goes when the address is blocked.
    server.console().ask("/block 192.0.2.7");
    alice.read_until("* blocked: …");
    bob.read_until("* blocked: …");
}

#[test]
fn from_elsewhere_a_header_is_a_line_like_any_other() {
    let mut server = server(&[]);
    let mut eve = Client::plain(server.plain());
    eve.expect("* ChitChat …");
    eve.send_bytes(&text("192.0.2.7"));
    eve.expect("- not-logged-in: …");
    eve.register("eve");
    server.wait_for_log("eve logged in from 127.0.0.1, connection");
    let mut over_tls = Client::plain(server.tls());
    over_tls.send_bytes(&text("192.0.2.7"));
    over_tls.expect("* this port speaks TLS…");
}

#[test]
fn a_header_that_is_not_believed_is_logged_with_the_cure_and_not_for_each_connection() {
    for header in [text("192.0.2.7"), binary(0x21, Ipv4Addr::new(192, 0, 2, 7)), b"PROXY UNKNOWN\r\n".to_vec()] {
        let mut server = Server::start();
        for address in [server.plain(), server.tls()] {
            for _ in 0..3 {
                let mut sent = Client::plain_from(PROXY, address);
                sent.send_bytes(&header);
                // Somebody has looked at it.
                sent.expect(if address == server.plain() { "* ChitChat …" } else { "* this port speaks TLS…" });
                if address == server.plain() {
                    // A header of version 2 does not end a line.
                    sent.send_bytes(b"\n/ping\n");
                    sent.read_until("+ pong");
                }
            }
        }
        server.terminate();
        let said = server.wait().1;
        let lines: Vec<&str> = said.lines().filter(|line| line.contains("PROXY header")).collect();
        assert_eq!(lines.len(), 1, "{said}");
        let cure = "from 127.0.0.2 begins with a PROXY header, which is not believed. If that is your proxy, name it in the settings (proxies = \"127.0.0.2\") and restart chitchatd";
        assert!(lines[0].contains(cure), "{said}");
    }
}

#[test]
fn a_proxy_that_says_nothing_of_whom_it_passes_on_is_its_own_client() {
    let mut server = server(&["limits.per_address=1"]);
    let mut checks = through(&server, &binary(0x20, Ipv4Addr::new(192, 0, 2, 7)));
    checks.expect("* ChitChat …");
    checks.register("checks");
    server.wait_for_log("checks logged in from 127.0.0.2, connection");
    let mut unknown = through(&server, b"PROXY UNKNOWN\r\n");
    unknown.expect("* busy: …");
}

#[test]
fn half_a_header_and_none_end_that_connection_alone() {
    let mut server = server(&[]);
    let mut alice = through(&server, &text("192.0.2.7"));
    alice.expect("* ChitChat …");
    alice.register("alice");
    let began = Instant::now();
    let (mut half, mut silent) = (through(&server, b"PROXY TCP4 192.0.2.8"), Client::plain_from(PROXY, server.tls()));
    for bytes in [b"/help\r\n".as_slice(), b"\x16\x03\x01\x02\x00\x01", &[0; 100]] {
        let mut wrong = through(&server, bytes);
        wrong.expect("* connections from your address are a proxy's and begin with a PROXY header…");
        wrong.expect_end();
    }
    server.wait_for_log("from 127.0.0.2 has no PROXY header, though the settings name that address in proxies");
    // One that goes away at once says nothing.
    through(&server, b"PROXY").end_input();
    alice.ask("/say lobby still here");
    for late in [&mut half, &mut silent] {
        late.expect("* connections from your address are a proxy's and begin with a PROXY header…");
        late.expect_end();
    }
    assert!((Duration::from_secs(4)..DEADLINE).contains(&began.elapsed()), "{:?}", began.elapsed());
    alice.ask("/say lobby still here");
    // A header of 64 KiB is not waited for.
    let mut long = through(&server, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff");
    long.expect("* connections from your address …");
    server.terminate();
    let said = server.wait().1;
    // Not once for each: who reaches that address could fill the log.
    assert_eq!(said.matches("has no PROXY header").count(), 1, "{said}");
}

#[test]
fn whoever_is_refused_behind_a_proxy_costs_nobody_their_place() {
    let server = server(&["limits.connections=60", "limits.per_address=10"]);
    server.console().ask("/block 198.51.100.1");
    let mut guests = [through(&server, &text("192.0.2.7")), through(&server, &text("192.0.2.8")), server.connect()];
    guests[..2].iter_mut().for_each(|guest| drop(guest.expect("* ChitChat …")));
    let refused = [text("198.51.100.1"), text("192.0.2.9"), b"/help\r\n".to_vec(), b"PROXY ".to_vec()];
    for header in &refused {
        // Nobody closes them from this side.
        let _flood: Vec<Client> = (0..150)
            .map(|_| {
                let mut refused = Client::plain_from(PROXY, server.plain());
                refused.send_anyway(header);
                refused
            })
            .collect();
        let mut late = through(&server, &text("192.0.2.10"));
        late.expect("* ChitChat …");
        for guest in guests.iter_mut().chain([&mut late]) {
            guest.send("/ping");
            guest.read_until("+ pong");
        }
    }
}

/// A block of docs/OPERATING.md, which begins with this line.
pub(super) fn documented(first: &str) -> String {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/OPERATING.md")).unwrap();
    let mut blocks = page.split("```\n").skip(1).step_by(2);
    blocks.find(|block| block.starts_with(first)).unwrap_or_else(|| panic!("no block begins with {first}")).to_owned()
}

/// An address of this machine that nobody listens on, for a program that can't say which it was given.
pub(super) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits until somebody listens there.
pub(super) fn wait_for(address: SocketAddr, program: &Program) {
    let deadline = Instant::now() + DEADLINE;
    while TcpStream::connect(address).is_err() {
        let seen = String::from_utf8_lossy(program.seen()).into_owned();
        assert!(Instant::now() < deadline, "nobody listens on {address}: {seen}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A server, a proxy that was given documented settings with other ports, and where that one listens.
struct Shared {
    server: Server,
    front: SocketAddr,
    web: TcpListener,
    _proxy: Program,
    _files: TempDir,
}

impl Shared {
    /// `settings` makes its settings of the documented ones.
    fn new(block: &str, start: impl FnOnce(&Path, &str) -> Program) -> Self {
        let (server, web, front, files) =
            (server(&[]), TcpListener::bind("127.0.0.1:0").unwrap(), free(), tempfile::tempdir().unwrap());
        let settings = documented(block)
            .replace("bind :::443 v4v6", &format!("bind {front}"))
            .replace("listen [::]:443 ipv6only=off", &format!("listen {front}"))
            .replace("127.0.0.1:2428", &server.tls().to_string())
            .replace("127.0.0.1:8443", &web.local_addr().unwrap().to_string());
        let proxy = start(files.path(), &settings);
        wait_for(front, &proxy);
        Self { server, front, web, _proxy: proxy, _files: files }
    }

    /// Whoever offers our protocol or wants our name comes to the server under an address of their own, and others come
    /// to the web server.
    fn is_shared(&mut self) {
        let from = Ipv4Addr::new(127, 0, 7, 7);
        let connect = |name, protocols| Client::tls_over(socket_from(from, self.front).unwrap(), name, protocols);
        let mut alice = connect("localhost", &["chitchat/1"]);
        alice.expect("* ChitChat …");
        alice.register("alice");
        self.server.wait_for_log("alice logged in from 127.0.7.7, connection");
        let mut bob = connect("chat.example.org", &[]);
        bob.expect("* ChitChat …");
        bob.register("bob");
        // Quiet people stay, though haproxy's usual timeouts are shorter here.
        std::thread::sleep(HAPROXY_TIMEOUT + Duration::from_secs(1));
        bob.ask("/say lobby still here");
        alice.read_until("[lobby] bob: still here");
        for protocols in [&["h2", "http/1.1"][..], &[]] {
            let (mut hello, mut browser) = (Vec::new(), socket_from(from, self.front).unwrap());
            tls_for("www.example.org", protocols).write_tls(&mut hello).unwrap();
            browser.write_all(&hello).unwrap();
            let first = loop {
                let (mut taken, _) = self.web.accept().unwrap();
                taken.set_read_timeout(Some(DEADLINE)).unwrap();
                let mut first = [0; 3];
                // Of whoever only tried whether the proxy is there, nothing comes.
                if taken.read_exact(&mut first).is_ok() {
                    break first;
                }
            };
            // TLS, or, from nginx, the header before it.
            assert!(first[0] == 0x16 || &first == b"PRO", "{first:?}");
        }
    }
}

#[test]
#[ignore = "needs haproxy"]
fn haproxy_shares_port_443_as_documented() {
    let start = |files: &Path, settings: &str| {
        let file = files.join("haproxy.cfg");
        let idle = HAPROXY_TIMEOUT.as_secs();
        // As Debian's package has it, but for the time and what lies elsewhere.
        let usual = format!(
            "global\n    log stderr local0\ndefaults\n    log global\n    mode http\n    option httplog\n    option dontlognull\n    timeout connect 5s\n    timeout client {idle}s\n    timeout server {idle}s\n"
        );
        fs::write(&file, usual + settings).unwrap();
        let file = file.to_str().unwrap();
        let said = Program::start("haproxy", &["-c", "-f", file]).read_to_end();
        assert_eq!(said.trim(), "Configuration file is valid");
        Program::start("haproxy", &["-db", "-f", file])
    };
    Shared::new("# /etc/haproxy/haproxy.cfg\n", start).is_shared();
}

#[test]
#[ignore = "needs nginx with its stream module"]
fn nginx_shares_port_443_as_documented() {
    let start = |files: &Path, settings: &str| {
        let file = files.join("nginx.conf");
        let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
        let pid = files.join("pid");
        // One process, so that none is left when it is killed.
        let usual = format!(
            "load_module {module};\ndaemon off;\nmaster_process off;\nerror_log stderr;\npid {};\nevents {{}}\n",
            pid.display()
        );
        fs::write(&file, format!("{usual}{settings}")).unwrap();
        Program::start("nginx", &["-p", files.to_str().unwrap(), "-c", file.to_str().unwrap()])
    };
    Shared::new("# /etc/nginx/nginx.conf", start).is_shared();
}

/// Its network can't be reached from a test.
#[test]
#[ignore = "needs tor"]
fn tor_takes_the_documented_lines() {
    let files = tempfile::tempdir().unwrap();
    let torrc = files.path().join("torrc");
    let lines = documented("# /etc/tor/torrc\n").replace("/var/lib/tor", files.path().to_str().unwrap());
    fs::write(&torrc, format!("{lines}DataDirectory {}/tor\n", files.path().display())).unwrap();
    let mut tor = Program::start("tor", &["--verify-config", "-f", torrc.to_str().unwrap()]);
    let said = tor.read_to_end();
    assert!(said.contains("Configuration was valid"), "{said}");
    let broken = lines.replace("HiddenServicePort 2428", "HiddenServicePort chat");
    fs::write(&torrc, broken).unwrap();
    let said = Program::start("tor", &["--verify-config", "-f", torrc.to_str().unwrap()]).read_to_end();
    assert!(said.contains("Failed to parse"), "{said}");
}
