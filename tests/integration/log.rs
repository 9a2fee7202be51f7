//! The server's log: who came in, who could not, and what was done with a role, in one line each.

use crate::support::{PASSWORD, Server};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What people do that the log is about; returns what the server wrote to its end, without the message of its
/// start.
fn written(server: &mut Server) -> Vec<String> {
    let mut alice = server.connect();
    alice.register("alice");
    server.console().ask("/grant alice admin");
    let mut bob = server.connect_tls();
    bob.register("Bob");
    bob.ask("/token new phone");
    let mut stranger = server.connect();
    stranger.ask("/login bob not bob's password");
    stranger.ask("/login hunter2 of the web");
    stranger.ask("/resume thunter2");
    stranger.ask("/recover bob ABCD-EFGH-JKLM-NPQR another good one");
    server.connect().ask(&format!("/login bob {PASSWORD}"));
    for line in ["/passwd", "hunter2 again", "another good one"] {
        bob.send(line);
    }
    bob.read_until("- bad-credentials: …");
    alice.ask("/ban lobby bob for=1d too loud");
    alice.ask("/disable bob for good");
    alice.ask("/block 203.0.113.0/24 scans");
    stranger.send(&format!("/register carol {PASSWORD}"));
    for line in ["/unregister", PASSWORD] {
        stranger.send(line);
    }
    stranger.read_until("+ carol is no account any more…");
    server.terminate();
    let (status, said) = server.wait();
    assert!(status.success(), "{said}");
    for secret in ["hunter2", "not bob's", PASSWORD, "another good", "ABCD"] {
        assert!(!said.contains(secret), "{secret} is in the log:\n{said}");
    }
    said.lines().map(str::to_owned).collect()
}

#[test]
fn the_log_says_who_came_in_who_did_not_and_what_was_done_with_a_role() {
    let mut server = Server::start();
    let lines = written(&mut server);
    // `2026-11-29T22:53:09.012Z info  `
    let facts: Vec<&str> = lines.iter().filter_map(|line| line.split_once("Z info  ")).map(|(_, fact)| fact).collect();
    let mut facts = facts.into_iter();
    for expected in [
        "alice registered from 127.0.0.1, connection #",
        "alice logged in from 127.0.0.1, connection #",
        "server did /grant alice admin, connection #",
        "Bob registered from 127.0.0.1, connection #",
        "Bob logged in from 127.0.0.1, connection #",
        "login failed for bob from 127.0.0.1, connection #",
        "login failed for an unknown name from 127.0.0.1, connection #",
        "login failed from 127.0.0.1, connection #",
        "recovery failed for bob from 127.0.0.1, connection #",
        "Bob logged in from 127.0.0.1, connection #",
        "change failed for Bob from 127.0.0.1, connection #",
        "alice did /ban Bob for=1d too loud, in room lobby, connection #",
        "alice did /disable Bob for good",
        "alice did /block 203.0.113.0/24 scans",
        "carol registered from 127.0.0.1, connection #",
        "carol logged in from 127.0.0.1, connection #",
        "carol did /unregister, connection #",
        "stopping",
        "stopped",
    ] {
        let fact = facts.next().unwrap_or_else(|| panic!("no {expected:?} in\n{}", lines.join("\n")));
        assert!(fact.starts_with(expected), "expected {expected:?}, found {fact:?} in\n{}", lines.join("\n"));
    }
    assert_eq!(facts.next(), None);
}

#[test]
fn under_systemd_each_line_has_its_priority_and_no_time() {
    let mut server = Server::not_started(&[]);
    let line = r#"JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@""#;
    server.run_under(Some(["sh", "-c", line, "sh"].map(str::to_owned).into()));
    server.restart();
    let lines = written(&mut server);
    let entry = |text: &str| lines.iter().any(|line| line.starts_with(text));
    assert!(entry("<6>alice did /disable Bob for good"), "{}", lines.join("\n"));
    assert!(entry("<6>login failed for bob from 127.0.0.1, connection #"), "{}", lines.join("\n"));
    assert!(!lines.iter().any(|line| line.contains("Z info")), "{}", lines.join("\n"));
    // What a start says past the log has its priority, too.
    assert!(entry("<4>chitchatd: warning: accounts.bcrypt_cost = 4 "), "{}", lines.join("\n"));
}

/// fail2ban's own regular expressions are Python's.
#[test]
#[ignore = "needs python3"]
fn fail2bans_filter_finds_each_failure_and_nothing_else() {
    let filter = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/fail2ban/filter.d/chitchatd.conf");
    let program = "import re, sys
lines = open(sys.argv[1]).read().splitlines()
failregex = next(line for line in lines if line.startswith('failregex = '))[12:]
found = re.compile(failregex.replace('%(__prefix_line)s', '<6>').replace('<SUBNET>', r'(?P<net>[0-9a-f.:]+(?:/\\d+)?)'))
for line in sys.stdin:
    # fail2ban takes the time out before it looks.
    match = found.search(re.sub(r'^\\S+Z', '', line))
    if match: print(match.group('net'))
";
    let mut lines = written(&mut Server::start());
    lines.push("eve did /ban x login failed from 203.0.113.66, connection #1.2.3: wrong password".to_owned());
    lines.push("<6>login failed from 2001:db8:1:2::/64, connection #1.2.3: unknown token".to_owned());
    let mut python = Command::new("python3");
    python.args(["-c", program, filter]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().expect("python3 can be started");
    child.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    let found: Vec<&str> = found.lines().collect();
    assert_eq!(found, ["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "2001:db8:1:2::/64"]);
}
