//! Floods of logins and registrations: bcrypt is what they are after.

use super::heavy;
use super::others::{HOME, Noticed, Others};
use super::server::Usage;
use crate::support::client::socket_from;
use crate::support::{Client, PASSWORD, Server};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The settings that are shipped, on a machine with one worker, and so with one thread for passwords.
const SHIPPED: [&str; 5] = [
    "accounts.bcrypt_cost=12",
    "limits.logins=20/m burst 20",
    "limits.registrations=10/h burst 10",
    "limits.per_address=256",
    "workers=1",
];

/// How many addresses attack.
const ADDRESSES: u8 = 200;
/// How long the attack runs before the honest ones are asked.
const ATTACK: Duration = Duration::from_secs(8);

/// Connections that send what they are given as fast as it is answered, each from an address of its own.
struct Flood {
    stop: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Flood {
    /// `line` makes an address's nth line.
    fn start(to: SocketAddr, line: impl Fn(u8, u32) -> String + Clone + Send + 'static) -> Self {
        let (stop, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let flood = |address| {
            let (stop, refused, line) = (Arc::clone(&stop), Arc::clone(&refused), line.clone());
            std::thread::spawn(move || {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    let source = Ipv4Addr::new(127, 1, address, 1);
                    let Ok(mut socket) = socket_from(source, to) else { continue };
                    let _ = socket.set_read_timeout(Some(Duration::from_millis(200)));
                    while !stop.load(Ordering::Relaxed) {
                        number += 1;
                        if socket.write_all(format!("{}\n", line(address, number)).as_bytes()).is_err() {
                            break;
                        }
                        if !await_final_line(&mut socket, &stop) {
                            break;
                        }
                        refused.fetch_add(1, Ordering::Relaxed);
                        // What is refused at once is tried again soon, and not at once: the flood is after the
                        // passwords, and the tests' machine has two cores.
                        std::thread::sleep(Duration::from_millis(100));
                    }
                }
            })
        };
        let threads = (0..ADDRESSES).map(flood).collect();
        Self { stop, refused, threads }
    }

    fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().expect("it only sends and reads"));
        self.refused.load(Ordering::Relaxed)
    }
}

/// False if the connection ended.
fn await_final_line(socket: &mut std::net::TcpStream, stop: &AtomicBool) -> bool {
    let mut bytes = [0; 4096];
    while !stop.load(Ordering::Relaxed) {
        match socket.read(&mut bytes) {
            Ok(0) => return false,
            Ok(read) => {
                let text = String::from_utf8_lossy(&bytes[..read]);
                if text.lines().any(|line| line.starts_with("- ") || line.starts_with("+ ")) {
                    return true;
                }
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return false,
        }
    }
    false
}

/// Within three seconds of the server's time, and those who talk have noticed little.
#[track_caller]
fn an_owner_got_in(noticed: &Noticed) {
    assert!(noticed.logins.count() >= 2, "{noticed}");
    assert!(noticed.login_cpu.longest() < Duration::from_secs(3), "{noticed}");
    assert!(noticed.talk.p99() < Duration::from_secs(1), "{noticed}");
}

#[test]
fn beside_200_attacking_addresses_an_owner_logs_in_within_three_seconds() {
    let _alone = heavy();
    let server = Server::with(&SHIPPED);
    let others = Others::of(&server);
    let to = server.plain();
    let flood = Flood::start(to, |address, number| format!("/login nobody{address}x{number} wrong horse battery"));
    std::thread::sleep(ATTACK);
    let noticed = others.noticed();
    let tried = flood.end();
    assert!(tried > usize::from(ADDRESSES), "it was no flood: {tried} passwords were refused");
    an_owner_got_in(&noticed);
    assert!(noticed.grown < 32 << 20, "{noticed}");
}

#[test]
#[ignore = "takes 10 s"]
fn beside_200_addresses_that_try_an_owners_own_name_the_owner_logs_in_within_three_seconds() {
    let _alone = heavy();
    let server = Server::with(&SHIPPED);
    let others = Others::of(&server);
    let flood = Flood::start(server.plain(), |_, _| "/login cid wrong horse battery".to_owned());
    std::thread::sleep(ATTACK);
    let noticed = others.noticed();
    flood.end();
    an_owner_got_in(&noticed);
}

/// From elsewhere the owner waits, since strangers failed on the account from there too, and gets in.
#[test]
#[ignore = "takes a minute"]
fn from_elsewhere_an_owner_is_delayed_and_never_locked_out() {
    let _alone = heavy();
    let server = Server::with(&SHIPPED);
    let mut owner = Client::plain_from(HOME, server.plain());
    owner.read_until("* …");
    owner.register("cid");
    let flood = Flood::start(server.plain(), |_, _| "/login cid wrong horse battery".to_owned());
    std::thread::sleep(ATTACK);
    let (began, before) = (Instant::now(), Usage::of(server.pid()));
    let mut elsewhere = Client::plain_from(Ipv4Addr::new(127, 8, 8, 8), server.plain());
    elsewhere.wait_at_most(Duration::from_secs(110));
    elsewhere.send(&format!("/login cid {PASSWORD}"));
    elsewhere.read_until("+ welcome cid…");
    // The longest delay is 30 s. Then it comes before strangers who tried more often, and in turn with those who
    // are there for the first time, of which 64 may be before it. On a busy machine that takes longer.
    let cpu = Usage::of(server.pid()).cpu - before.cpu;
    println!("from elsewhere it took {:.1} s, and {cpu:.1} s of CPU", began.elapsed().as_secs_f64());
    assert!(cpu < 50.0, "{cpu} s of CPU");
    flood.end();
}

#[test]
fn a_flood_of_registrations_and_of_guessed_invitations_keeps_no_owner_out() {
    let _alone = heavy();
    let server = Server::with(&SHIPPED);
    let others = Others::of(&server);
    let flood = Flood::start(server.plain(), |address, number| {
        if address % 4 == 0 {
            format!("/register guest{address}x{number} invite=AAAA-AAAA-AAAA-AAAA wrong horse battery")
        } else {
            format!("/register guest{address}x{number} wrong horse battery")
        }
    });
    std::thread::sleep(Duration::from_secs(6));
    let noticed = others.noticed();
    flood.end();
    an_owner_got_in(&noticed);
}
