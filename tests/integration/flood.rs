//! Accounts that flood: their lines wait, and what reaches many rooms or people is refused for a while;
//! nobody else notices.

use crate::support::{Client, Server};
use std::time::{Duration, Instant};

fn registered(server: &Server, name: &str) -> Client {
    let mut client = server.connect();
    client.register(name);
    client
}

/// Sends lines until one is refused, which must be with `slow-down`. Says how many were done.
#[track_caller]
fn flood(client: &mut Client, lines: impl Iterator<Item = String>) -> usize {
    for (done, line) in lines.enumerate() {
        let last = client.ask(&line).pop().expect("a final line");
        if !last.starts_with("+ ") {
            let retry = last.strip_prefix("@retry=").and_then(|rest| rest.split_once(" - slow-down: you have "));
            let seconds = retry.and_then(|(seconds, _)| seconds.parse::<u32>().ok());
            assert!(seconds.is_some_and(|seconds| seconds > 0), "{done} were done, then: {last}");
            return done;
        }
    }
    panic!("all of it was done");
}

#[test]
fn with_the_settings_as_shipped_a_new_account_floods_nobody() {
    let server = Server::start();
    let _people: Vec<Client> = (0..20).map(|n| registered(&server, &format!("p{n}"))).collect();
    let mut bob = registered(&server, "bob");
    for n in 0..8 {
        // More than one new account may make at once.
        let name = if n < 4 { "bob" } else { "p0" };
        let mut owner = server.connect();
        owner.send(&format!("/login {name} correct horse battery"));
        owner.read_until("+ welcome …");
        owner.ask(&format!("/create open{n}"));
    }
    let mut eve = registered(&server, "eve");
    eve.ask("/set tags on");
    let mine = |n: u32| format!("/create mine{n}");
    assert_eq!(flood(&mut eve, (0..9).map(mine)), 5);
    assert_eq!(flood(&mut eve, (0..12).map(|n| format!("/msg p{n} only today, p{n}"))), 10);
    assert_eq!(flood(&mut eve, (0..20).map(|n| format!("/invite mine0 p{n}"))), 15);
    for n in 0..8 {
        eve.ask(&format!("/join open{n}"));
    }
    assert_eq!(flood(&mut eve, (0..8).map(|n| format!("/say open{n} only today"))), 6);
    let turns = |n: u32| format!("/{} open0", if n.is_multiple_of(2) { "leave" } else { "join" });
    assert!(flood(&mut eve, (0..40).map(turns)) > 5);
    // What she could not do, others can, and leaving is never refused.
    assert!(eve.ask("/leave open1").pop().is_some_and(|last| last.starts_with("+ ")));
    for line in ["/msg eve please stop", "/say open0 only today", "/invite open0 p11", "/leave lobby"] {
        assert!(bob.ask(line).pop().is_some_and(|last| last.starts_with("+ ")), "{line}");
    }
}

#[test]
fn an_account_has_one_burst_on_however_many_connections() {
    let server = Server::with(&["limits.account_flood=100/s burst 20", "limits.new_account=off", "workers=2"]);
    let mut bob = registered(&server, "bob");
    registered(&server, "eve").send("/quit");
    let began = Instant::now();
    let mut connections: Vec<Client> = (0..16)
        .map(|_| {
            let mut connection = server.connect();
            connection.send("/login eve correct horse battery");
            connection.read_until("+ welcome eve…");
            connection
        })
        .collect();
    for connection in &mut connections {
        connection.send_bytes(&b"/ping\n".repeat(25));
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let asked = Instant::now();
        bob.ask("/ping");
        slowest = slowest.max(asked.elapsed());
    }
    for connection in &mut connections {
        let (mut pongs, mut told) = (0, 0);
        while pongs < 25 {
            let line = connection.next_line().expect("nothing is lost");
            let slow = "* slow-down: you are sending more than 100 lines a second over all your connections. ";
            pongs += usize::from(line == "+ pong");
            told += usize::from(line.starts_with(slow));
        }
        assert!(told <= 1, "it was told {told} times");
    }
    // 416 lines, of which 20 are free, and each connection may begin one before another one pays.
    assert!(began.elapsed() > Duration::from_millis(3500), "{:?}", began.elapsed());
    assert!(slowest < Duration::from_secs(1), "bob waited for {slowest:?}");
}
