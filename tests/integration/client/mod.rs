//! The real `chitchat`: without a terminal against a scripted server on loopback, and in a terminal
//! (tmux) against the real one.
//!
//! Each test is a transcript: what the server expects and sends on each connection, what the client
//! reads from standard input, what it prints, and its exit code. Nothing waits longer than
//! [`DEADLINE`].

mod answers;
mod chat;
mod following;
mod home;
mod hostile;
mod picture;
mod questions;
mod remembered;
mod scripted;
mod terminal;
mod timeline;
mod typing;

use home::{Home, finish};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData as _};
use scripted::{Act, Peer, Server, identity_from, self_signed};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// How long any one step may take.
const DEADLINE: Duration = Duration::from_secs(20);

#[test]
fn a_script_says_lines_and_reads_answers() {
    let (identity, home) = (self_signed(), Home::new());
    let input = "hello all\n/who lobby\n/msg bob lunch?\n";
    let ended = home.meets(
        &identity,
        vec![Box::new(|mut peer| {
            peer.log_in(&["lobby 5 3 2"]);
            let (label, _) = peer.expect_post("lobby", "hello all");
            peer.send(&[&format!("@re={label} + 6"), "@id=7;at=1795338600000 [lobby] bob: hello \u{1b}[2Jalice"]);
            let label = peer.expect("who lobby");
            peer.send(&[&format!("@re={label} | alice here"), &format!("@re={label} + 1 member")]);
            let (label, _) = peer.expect_post("@bob", "lunch?");
            peer.send(&[&format!("@re={label} + 1")]);
            peer.goodbye();
        })],
        input,
    );
    assert_eq!(ended.out, "[lobby] bob: hello \u{fffd}[2Jalice\n| alice here\n+ 1 member\n");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let known = fs::read_to_string(home.path("known_hosts")).unwrap();
    let pin: String =
        Sha256::digest(identity.key.subject_public_key_info()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(known.ends_with(&format!(" sha256:{pin}\n")), "{known}");
}

#[test]
fn after_a_drop_nothing_is_lost_or_said_twice() {
    let (identity, home) = (self_signed(), Home::new());
    let (report, key) = std::sync::mpsc::channel();
    let ended = home.meets(
        &identity,
        vec![
            Box::new(move |mut peer| {
                peer.log_in(&["lobby 5 5 0"]);
                peer.send(&["@id=6;at=1 [lobby] bob: six"]);
                let (_, key) = peer.expect_post("lobby", "said once");
                // Stored as 7, but the connection drops before the answer.
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
        "said once\n",
    );
    let said: Vec<&str> = ended.out.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(said, ["six", "eight", "nine", "ten", "eleven"].map(|text| format!("[lobby] bob: {text}")));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn deflate_frames_are_inflated() {
    let (identity, home) = (self_signed(), Home::new());
    let ended = home.meets(
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
        "",
    );
    let wanted: String = (1..=50).map(|id| format!("[lobby] bob: line number {id}\n")).collect();
    assert_eq!((ended.code, ended.out), (Some(0), wanted));
}

#[test]
fn questions_are_answered_from_standard_input() {
    let (identity, home) = (self_signed(), Home::new());
    let ended = home.meets(
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
        "/passwd\n/old one\nnew one\n",
    );
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "+ your password is changed\n"));
    assert_eq!(fs::read_to_string(home.path("tokens")).unwrap().trim_end().rsplit(' ').next(), Some("tnewtoken"));
}

#[test]
fn a_refused_line_is_shown_and_is_a_failure() {
    let (identity, home) = (self_signed(), Home::new());
    let ended = home.meets(
        &identity,
        vec![Box::new(|mut peer| {
            peer.log_in(&["lobby 0 0 0"]);
            let (label, _) = peer.expect_post("lobby", "hello");
            peer.send(&[&format!("@re={label} - muted: you are muted in lobby.")]);
            peer.goodbye();
        })],
        "hello\n",
    );
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), "- muted: you are muted in lobby.\n"));
}

#[test]
fn a_script_that_can_not_reconnect_names_the_lines_that_were_not_sent() {
    let (identity, home) = (self_signed(), Home::new());
    let ended = home.meets(
        &identity,
        vec![
            Box::new(|mut peer| {
                peer.log_in(&["lobby 0 0 0"]);
                // The connection drops before the answer.
                peer.expect_post("lobby", "the backup failed");
            }),
            Box::new(|mut peer| {
                peer.greet();
                let label = peer.expect("resume ttoken");
                peer.send(&[&format!("@re={label} - bad-credentials: that token was revoked.")]);
                peer.end();
            }),
        ],
        "the backup failed\n",
    );
    assert_eq!(ended.code, Some(4), "{}", ended.err);
    assert!(ended.err.contains("not sent: the backup failed\n"), "{}", ended.err);
}

#[test]
fn a_script_that_quits_still_waits_for_its_answers() {
    let (identity, home) = (self_signed(), Home::new());
    let ended = home.meets(
        &identity,
        vec![Box::new(|mut peer| {
            peer.log_in(&["lobby 0 0 0"]);
            let (label, _) = peer.expect_post("lobby", "hello");
            peer.send(&[&format!("@re={label} - no-room: you have left lobby.")]);
            peer.goodbye();
        })],
        "hello\n/quit\nnever read\n",
    );
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), "- no-room: you have left lobby.\n"));
}

#[test]
fn the_client_ends_with_its_reader_even_if_its_input_is_open() {
    let (identity, home) = (self_signed(), Home::new());
    let server = Server::start(
        &identity,
        vec![Box::new(|mut peer| {
            peer.log_in(&["lobby 0 0 0"]);
            for id in 1.. {
                let line = format!("@id={id};at=1 [lobby] bob: line {id}\n");
                if peer.0.get_mut().write_all(line.as_bytes()).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(1));
            }
        })],
    );
    home.save_login(server.address);
    let mut child = home.command(server.address, &["--fingerprint", &identity.fingerprint]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "[lobby] bob: line 1\n");
    let until = Instant::now() + DEADLINE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < until, "the client does not end");
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(0));
    server.finish();
}

#[test]
fn a_hostile_refusal_does_not_reach_the_terminal() {
    let hostile = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\rchitchat: enter your root password";
    let (identity, home) = (self_signed(), Home::new());
    let refuse_greeting: Act = Box::new(move |mut peer| {
        peer.send(&[&format!("* busy: {hostile}")]);
        peer.end();
    });
    let refuse_login: Act = Box::new(move |mut peer| {
        peer.greet();
        let label = peer.expect("resume ttoken");
        peer.send(&[&format!("@re={label} - {hostile}: {hostile}")]);
        peer.end();
    });
    let other_protocol: Act = Box::new(move |mut peer| {
        peer.send(&[hostile]);
        peer.end();
    });
    let notice_then_close: Act = Box::new(move |mut peer| {
        peer.greet();
        peer.expect("resume ttoken");
        peer.send(&[&format!("* {hostile}")]);
    });
    for act in [refuse_greeting, refuse_login, other_protocol, notice_then_close] {
        let ended = home.meets(&identity, vec![act], "");
        assert_ne!(ended.code, Some(0));
        let (one_line, rest) = ended.err.split_once('\n').unwrap();
        assert!(!one_line.contains(|c: char| c.is_control() || c == '\u{202e}') && rest.is_empty(), "{:?}", ended.err);
        assert!(one_line.starts_with("chitchat: "), "{one_line}");
    }
}

#[test]
fn an_unknown_server_is_not_trusted_without_a_terminal() {
    let (identity, home) = (self_signed(), Home::new());
    let server = Server::start(&identity, vec![Box::new(Peer::end)]);
    home.save_login(server.address);
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
    home.save_login(server.address);
    home.write("known_hosts", &format!("# known\n{} sha256:{}\n", server.address, "00".repeat(32)));
    let ended = home.run(server.address, &[], "secret\n");
    server.finish();
    assert_eq!(ended.code, Some(5), "{}", ended.err);
    let place = format!("line 2 of {}", home.path("known_hosts").display());
    assert!(ended.err.contains("key has changed") && ended.err.contains(&place), "{}", ended.err);
}

#[test]
fn a_server_that_an_authority_trusted_may_not_become_self_signed() {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let (certified, home) = (identity_from(&cert, key), Home::new());
    home.write("authority.pem", &authority.pem());

    let act: Act = Box::new(|mut peer| {
        peer.log_in(&["lobby 0 0 0"]);
        peer.goodbye();
    });
    let server = Server::start(&certified, vec![act]);
    let address = server.address;
    home.save_login(address);
    let mut command = home.command(address, &[]);
    let child = command.env("SSL_CERT_FILE", home.path("authority.pem")).env_remove("SSL_CERT_DIR").spawn().unwrap();
    let ended = finish(child, "");
    server.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(fs::read_to_string(home.path("known_hosts")).unwrap(), format!("{address} ca\n"));

    // The same server, from a machine that does not know the authority.
    let server = Server::start(&certified, vec![Box::new(Peer::end)]);
    home.save_login(server.address);
    home.write("known_hosts", &format!("{} ca\n", server.address));
    let ended = home.run(server.address, &[], "");
    server.finish();
    assert_eq!(ended.code, Some(5), "{}", ended.err);
    assert!(ended.err.contains("a public authority trusted this server before"), "{}", ended.err);
}

#[test]
fn of_a_revoked_login_only_its_name_is_kept() {
    let (identity, home) = (self_signed(), Home::new());
    let ended = home.meets(
        &identity,
        vec![Box::new(|mut peer| {
            peer.greet();
            let label = peer.expect("resume ttoken");
            peer.send(&[&format!("@re={label} - bad-credentials: name or password is wrong.")]);
            peer.end();
        })],
        "hello\n",
    );
    assert_eq!(ended.code, Some(4), "{}", ended.err);
    assert!(ended.err.contains("in a terminal once"), "{}", ended.err);
    let kept = fs::read_to_string(home.path("tokens")).unwrap();
    assert!(kept.ends_with(" alice -\n") && kept.lines().count() == 1, "{kept}");
}

#[test]
fn a_server_that_does_not_answer_is_unreachable() {
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
fn help_is_not_a_host_and_a_name_is_given_with_name() {
    let program = env!("CARGO_BIN_EXE_chitchat");
    let asked = Command::new(program).arg("help").output().unwrap();
    let shown = String::from_utf8(asked.stdout).unwrap();
    assert!(asked.status.success() && shown.contains("Usage: chitchat") && shown.contains("Exit codes"), "{shown}");
    let refused = Command::new(program).arg("bob@localhost").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("chitchat localhost --name bob"), "{told}");
}

#[test]
fn wrong_usage_exits_with_code_2() {
    let home = Home::new();
    let nowhere = "192.0.2.1:2427".parse().unwrap();
    assert_eq!(home.run(nowhere, &["--nonsense"], "").code, Some(2));
    let ended = home.run(nowhere, &["--plain"], "");
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("this machine only"), "{}", ended.err);
}
