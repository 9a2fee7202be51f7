//! Every code of the protocol can be reached, and this is how.

use crate::support::{Client, DEADLINE, PASSWORD, Script, Server};
use chitchat::protocol::code::Code;
use std::sync::mpsc;

/// How to get a code.
enum Way {
    /// With this transcript, on a server with these settings.
    Play(&'static [&'static str], &'static str),
    /// With something that a transcript can't express; returns the lines, which must contain the code.
    Run(fn() -> Vec<String>),
    /// Not on purpose; the reason is given beside it.
    No,
}

use Way::{No, Play, Run};

fn way(code: Code) -> Way {
    match code {
        Code::UnknownVerb => Play(&[], "a connects\na > /foo\na < - unknown-verb: …"),
        Code::BadArgument => Play(&[], "a connects\na > /login\na < - bad-argument: …"),
        Code::LineTooLong => Run(|| refused_bytes(&[b'x'; 513])),
        Code::BadUtf8 => Run(|| refused_bytes(b"\xe9")),
        Code::BadText => Run(|| refused_bytes(b"\x1b[2J")),
        Code::BadFrame => {
            Play(&[], "a is in\na > /set deflate 1\na < + deflate 1\na > =1 1 1\na < * bad-frame: …\na is cut off")
        }
        Code::NotLoggedIn => Play(&[], "a connects\na > hello\na < - not-logged-in: …"),
        Code::AlreadyLoggedIn => Play(&[], "a is in\na > /resume t\na < - already-logged-in: …"),
        Code::BadCredentials => Play(&[], "a connects\na > /resume t\na < - bad-credentials: …"),
        Code::Disabled => Run(disabled),
        Code::Cancelled => Play(&[], "a connects\na > /login a\na < ? …\na >\na < - cancelled: …"),
        Code::NameTaken => Play(&[], "a is in\nb connects\nb > /register a correct horse battery\nb < - name-taken: …"),
        Code::BadName => Play(&[], "a is in\na > /join b!d\na < - bad-name: …"),
        Code::WeakPassword => Play(&[], "a connects\na > /register a short\na < - weak-password: …"),
        Code::RegistrationClosed => Play(
            &["registration=closed"],
            "a connects\na > /register a correct horse battery\na < - registration-closed: …",
        ),
        Code::BadInvite => {
            Play(&["registration=invite"], "a connects\na > /register a correct horse battery\na < - bad-invite: …")
        }
        Code::Throttled => Play(
            &["limits.registrations=1/h burst 1"],
            "a is in\nb connects\nb > /register b correct horse battery\nb < - throttled: …",
        ),
        Code::NoSuchRoom => Play(&[], "a is in\na > /switch nowhere\na < - no-such-room: …"),
        Code::NoSuchUser => Play(&[], "a is in\na > /msg nobody hello\na < - no-such-user: …"),
        Code::NoSuchMessage => Play(&[], "a is in\na > /reply lobby 1 yes\na < - no-such-message: …"),
        Code::NoRoom => Play(&[], "a is in\na > /leave lobby\na < + …\na > hello\na < - no-room: …"),
        Code::NotAMember => Play(&[], "a is in\na > /leave lobby\na < + …\na > /who lobby\na < - not-a-member: …"),
        Code::NotAllowed => Play(&[], "a is in\na > /invitecode\na < - not-allowed: …"),
        Code::SlowDown => Run(slow_down),
        Code::Conflict => {
            Play(&[], "a is in\na > /post lobby k one\na < + 1\na > /post lobby k two\na < - conflict: …")
        }
        Code::Limit => Run(too_many_tokens),
        Code::TooSlow => Run(too_slow),
        Code::Busy => Run(too_many_passwords),
        // It needs a disk that can be filled: see `tests/disk.rs`.
        Code::Storage => No,
        Code::ShuttingDown => Run(stopped),
        Code::Read => Play(
            &[],
            "a is in
             b connects
             b > /login a correct horse battery
             b < + welcome a…
             a > /msg a x
             a < + 1
             b < (a > a) x
             a > /read @a 1
             a < + 1
             b < * read: @a 1",
        ),
        Code::Invited => Play(
            &[],
            "a is in\nb is in\na > /create den private\na < + …\na > /invite den b\na < + …\nb < * invited: den by a…",
        ),
        Code::BadSettings => Run(a_mistake_in_the_settings),
        // The answer to a bug in the server.
        Code::Internal => No,
        Code::Banned => Play(
            &[],
            "a is in
             b is in
             a > /create ops
             a <~ + …
             a > /ban ops b
             a < + …
             b > /join ops
             b < - banned: …",
        ),
        Code::Muted => Play(
            &[],
            "a is in
             b is in
             a > /create ops
             a <~ + …
             b > /join ops
             b < + …
             a > /mute ops b
             a <~ + …
             b <~ [ops] * …
             b > hello?
             b < - muted: …",
        ),
        Code::Announcement => {
            Play(&[], "a is in\nroot is the console\nroot > /announce hello\na < * announcement: hello")
        }
        Code::Warning => Run(a_certificate_has_expired),
        Code::Away => Play(&[], SOMEBODY_IS_AWAY),
        // Only addresses of other machines can be blocked.
        Code::Blocked => No,
    }
}

fn a_mistake_in_the_settings() -> Vec<String> {
    let server = Server::by_file(&[]);
    std::fs::write(server.settings_file(), "workers = 0").unwrap();
    server.console().ask("/reload")
}

fn a_certificate_has_expired() -> Vec<String> {
    let (server, _pair) = crate::certificates::expired();
    server.console().next_line().into_iter().collect()
}

const SOMEBODY_IS_AWAY: &str = "
    a is in
    b is in
    b > /set presence off
    b < + presence off
    a > /away on a train
    a <~ + you are away…
    b > /msg a hi
    b < + 1
    b < * away: a is away: on a train";

#[test]
fn every_code_is_reached() {
    for &code in Code::ALL {
        let (refusal, notice) = (format!("- {code}: "), format!("* {code}: "));
        match way(code) {
            Play(settings, transcript) => {
                assert!(transcript.contains(&refusal) || transcript.contains(&notice), "{code}");
                Script::new(&Server::with(settings)).play(transcript);
            }
            Run(run) => {
                let lines = run();
                let stands = |line: &String| line.starts_with(&refusal) || line.starts_with(&notice);
                let last: Vec<String> =
                    lines.iter().rev().take(5).map(|line| line.chars().take(80).collect()).collect();
                assert!(lines.iter().any(stands), "{code}: {last:?}");
            }
            No => {}
        }
    }
}

fn disabled() -> Vec<String> {
    let server = Server::start();
    let mut client = server.connect();
    client.register("a");
    let mut console = server.console();
    console.ask("/disable a");
    server.connect().ask(&format!("/login a {PASSWORD}"))
}

fn refused_bytes(bytes: &[u8]) -> Vec<String> {
    let server = Server::start();
    let mut client = server.connect();
    client.send_bytes(&[bytes, b"\n"].concat());
    client.read_until("- …")
}

fn slow_down() -> Vec<String> {
    let server = Server::with(&["limits.flood=100/s burst 3"]);
    let mut client = server.connect();
    client.register("a");
    for n in 0..20 {
        client.send(&format!("/ping {n}"));
    }
    let lines = client.read_until("+ 19");
    // Nothing is lost, and the notice is sent once.
    let answers: Vec<&String> = lines.iter().filter(|line| line.starts_with("+ ")).collect();
    assert_eq!(answers, (0..20).map(|n| format!("+ {n}")).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    assert_eq!(lines.iter().filter(|line| line.starts_with("* slow-down: ")).count(), 1, "{lines:?}");
    lines
}

fn too_many_tokens() -> Vec<String> {
    let server = Server::start();
    let mut client = server.connect();
    client.register("a");
    (0..1000)
        .map(|n| client.ask(&format!("/token new t{n}")).remove(0))
        .find(|line| line.starts_with("- "))
        .into_iter()
        .collect()
}

/// Bob stops reading while Alice talks; he is then told why he was disconnected, and Alice notices nothing.
fn too_slow() -> Vec<String> {
    let server = Server::with(&["limits.unread_bytes=16 KiB", "history.keep=off"]);
    let mut bob = server.connect();
    bob.read_slowly();
    bob.register("bob");
    let mut alice = server.connect();
    alice.register("alice");
    let text = "x".repeat(3900);
    for _ in 0..40 {
        alice.send_bytes(format!("/say lobby {text}\n").repeat(100).as_bytes());
        for _ in 0..100 {
            alice.read_until("+ {id}");
            alice.words.clear();
        }
    }
    bob.read_to_end()
}

/// More people than the queue for bcrypt holds try a password at once. Nobody can say whose requests
/// the workers read first, so the first answer is the one that is read.
fn too_many_passwords() -> Vec<String> {
    let server = Server::with(&["accounts.bcrypt_cost=12"]);
    let mut clients: Vec<Client> = (0..240).map(|_| server.connect()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(&format!("/register n{n} {PASSWORD}"));
    }
    let (sender, lines) = mpsc::channel();
    for mut client in clients {
        let sender = sender.clone();
        std::thread::spawn(move || {
            // A client that is not answered before the server ends has been in the queue.
            if let Some(line) = client.next_line() {
                let _ = sender.send(line);
            }
        });
    }
    drop(sender);
    std::iter::from_fn(|| lines.recv_timeout(DEADLINE).ok()).find(|line| line.starts_with("- ")).into_iter().collect()
}

fn stopped() -> Vec<String> {
    let server = Server::start();
    let mut client = server.connect();
    server.terminate();
    client.read_to_end()
}
