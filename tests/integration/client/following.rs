//! What a person at a terminal is shown, with a real `chitchatd`: where they are, where they are not, and over
//! connections that drop at any point. Needs tmux, like [`super::terminal`].

use super::DEADLINE;
use super::home::Home;
use super::terminal::{Other, RealServer, Tmux, register};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const PASSWORD: &str = "correct horse battery";

/// Starts a server with alice at a terminal, and bob, both in `ops` as well.
fn alice_and_bob(data: &std::path::Path, home: &Home) -> (RealServer, Tmux, Other) {
    let server = RealServer::start(data, "127.0.0.1:0", "127.0.0.1:0");
    let tmux = register(&server, home, "alice");
    tmux.type_line("/create ops");
    tmux.shows("ops created");
    let mut bob = Other::connect(server.plain, "/register bob correct horse battery");
    bob.send("/join ops");
    bob.until("+ ops");
    (server, tmux, bob)
}

fn say(who: &mut Other, to: &str, text: &str) {
    who.send(&format!("/say {to} {text}"));
    who.until("+ ");
}

/// The lines of the screen in which this is said, in order.
fn said(screen: &str, by: &str) -> Vec<String> {
    let by = format!("{by}: ");
    screen.lines().filter_map(|line| line.split_once(&by).map(|(_, text)| text.to_owned())).collect()
}

#[test]
#[ignore = "needs tmux"]
fn elsewhere_lines_are_counted_and_shown_when_one_goes_there() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let (server, tmux, mut bob) = alice_and_bob(data.path(), &home);
    (1..=60).for_each(|n| say(&mut bob, "ops", &format!("ops {n}")));
    say(&mut bob, "ops", "@alice, the pump");
    say(&mut bob, "lobby", "over here");
    tmux.shows("bob: over here");
    tmux.type_line("/msg bob yes?");
    bob.until("(alice > bob) yes?");
    let screen = tmux.shows("yes?");
    assert!(!screen.contains("ops 60"), "{screen}");
    assert_eq!(screen.matches("@alice, the pump").count(), 1, "a mention is shown at once: {screen}");
    tmux.type_line("/switch ops");
    tmux.type_line("I see");
    let screen = tmux.shows("alice: I see");
    bob.until("[ops] alice: I see");
    let (_, ops) = screen.split_once("#ops").unwrap();
    let expected: Vec<String> = (12..=60).map(|n| format!("ops {n}")).chain(["@alice, the pump".to_owned()]).collect();
    assert_eq!(said(ops, "bob"), expected, "{screen}");
    assert!(ops.contains("61 new lines") && ops.contains("/history ops after=0 before=12"), "{screen}");
    tmux.type_line("/switch @bob");
    tmux.shows("── @bob ──");
    tmux.type_line("hello bob");
    bob.until("(alice > bob) hello bob");
    server.stop();
}

#[test]
#[ignore = "needs tmux"]
fn a_killed_server_loses_nothing_of_a_conversation() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let (server, tmux, mut bob) = alice_and_bob(data.path(), &home);
    let (tls, plain) = (server.tls.to_string(), server.plain.to_string());
    say(&mut bob, "lobby", "helo");
    tmux.shows("bob: helo");
    tmux.run(&["send-keys", "-l", "half a li"]);
    server.kill();
    tmux.shows("connection lost");
    tmux.type_line("ne");
    tmux.shows("not connected");
    let server = RealServer::start(data.path(), &tls, &plain);
    let mut bob = Other::connect(server.plain, "/login bob correct horse battery");
    bob.send("/edit lobby 1 hello");
    bob.until("+ change=1");
    (1..=5).for_each(|n| say(&mut bob, "lobby", &format!("line {n}")));
    (1..=3).for_each(|n| say(&mut bob, "ops", &format!("ops {n}")));
    bob.send("/msg alice lunch?");
    bob.until("[lobby] alice: half a line");
    say(&mut bob, "lobby", "the end");
    let screen = tmux.until("all of it", |screen| {
        ["the end", "lunch?", "alice: half a line", "bob edited"].iter().all(|text| screen.contains(text))
    });
    let lines: Vec<_> =
        said(&screen, "bob").into_iter().filter(|text| text.starts_with("line") || *text == "the end").collect();
    assert_eq!(lines, ["line 1", "line 2", "line 3", "line 4", "line 5", "the end"], "{screen}");
    for once in ["lunch?", "alice: half a line", "bob edited"] {
        assert_eq!(screen.matches(once).count(), 1, "{once} in {screen}");
    }
    assert!(!said(&screen, "bob").contains(&"ops 1".to_owned()), "only counted: {screen}");
    server.stop();
}

/// Passes connections on to the server, and cuts each after so many bytes from the server; then no more.
fn cutting_proxy(server: SocketAddr, cuts: Vec<usize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for after in cuts.into_iter().chain(std::iter::repeat(usize::MAX)) {
            let Ok((client, _)) = listener.accept() else { return };
            let server = TcpStream::connect(server).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            let (mut from, mut to) = (server, client);
            let mut left = after;
            let mut bytes = [0; 512];
            while left > 0 {
                let Ok(read @ 1..) = from.read(&mut bytes) else { break };
                let read = read.min(left);
                if to.write_all(&bytes[..read]).is_err() {
                    break;
                }
                left -= read;
            }
            for end in [from, to] {
                // It may be gone already.
                let _ = end.shutdown(Shutdown::Both);
            }
        }
    });
    address
}

#[test]
#[ignore = "needs tmux"]
fn connections_that_are_cut_anywhere_lose_and_repeat_nothing() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let server = RealServer::start(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    // The first connection registers; a login and the list take some 2500 bytes.
    let proxy = cutting_proxy(server.tls, vec![6000, 1900, 4000, 4700]);
    let program = env!("CARGO_BIN_EXE_chitchat");
    let tmux = Tmux::start(&home, &format!("{program} {proxy} --register --fingerprint {}", server.fingerprint));
    for (asked, typed) in [("Choose a name:", "alice"), ("Choose a password", PASSWORD), ("The same again:", PASSWORD)]
    {
        tmux.shows(asked);
        tmux.type_line(typed);
    }
    tmux.until("prompt", |screen| screen.ends_with("\n[lobby]"));
    let mut bob = Other::connect(server.plain, "/register bob correct horse battery");
    let until = Instant::now() + DEADLINE;
    let mut count = 0;
    // Until the last cut is over.
    while tmux.screen().matches("(reconnected)").count() < 3 {
        assert!(Instant::now() < until + DEADLINE, "{}", tmux.screen());
        count += 1;
        say(&mut bob, "lobby", &format!("line {count}"));
        tmux.type_line(&format!("typed {count}"));
        thread::sleep(Duration::from_millis(200));
    }
    say(&mut bob, "lobby", "the end");
    tmux.type_line("my end");
    let screen = tmux.until("the end", |screen| screen.contains("bob: the end") && screen.contains("alice: my end"));
    let expected = |what: &str, end: &str| -> Vec<String> {
        (1..=count).map(|n| format!("{what} {n}")).chain([end.to_owned()]).collect()
    };
    assert_eq!(said(&screen, "bob"), expected("line", "the end"), "{screen}");
    assert_eq!(said(&screen, "alice"), expected("typed", "my end"), "{screen}");
    bob.send("/history lobby limit=1000");
    let mut stored = Vec::new();
    loop {
        let row = bob.until("");
        if row.starts_with("+ ") {
            break;
        }
        let text = row.strip_prefix("| ").and_then(|row| row.split_once(" alice: "));
        stored.extend(text.map(|(_, text)| text.trim_end().to_owned()));
    }
    assert_eq!(stored, expected("typed", "my end"));
    server.stop();
}
