//! A server's questions: the answer is a secret, and reaches the server as an answer or not at all.

use super::home::Home;
use super::hostile::{pour, refuse_login};
use super::scripted::{Act, Server, self_signed};
use std::io::{BufRead as _, BufReader, Write as _};

/// Runs a client whose input comes step by step: a command that makes the server ask something, and then, when
/// a notice that says `now` is shown, a secret.
fn answers_late(acts: Vec<Act>) -> (Vec<String>, Option<i32>) {
    let (identity, home) = (self_signed(), Home::new());
    let server = Server::start(&identity, acts);
    home.save_login(server.address);
    let mut child = home.command(server.address, &["--fingerprint", &identity.fingerprint]).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"/passwd\n").unwrap();
    let mut shown = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if line == "* now" {
            input.write_all(b"my secret\n").unwrap();
        } else if line.contains("was not sent") {
            // Nothing else is to come.
            shown.push(line);
            break;
        }
        shown.push(line);
    }
    drop(input);
    let code = child.wait().unwrap().code();
    server.finish();
    (shown, code)
}

#[test]
fn an_answer_whose_command_was_refused_is_not_said_in_a_room() {
    let act: Act = Box::new(|mut peer| {
        peer.log_in(&["lobby 0 0 0"]);
        let label = peer.expect("passwd");
        peer.send(&[&format!("@re={label} ? old password"), &format!("@re={label} - busy: not now."), "* now"]);
        // Not the secret.
        peer.goodbye();
    });
    let (shown, _) = answers_late(vec![act]);
    assert!(shown.last().is_some_and(|line| line.contains("was not sent")), "{shown:?}");
}

#[test]
fn an_answer_is_not_said_in_a_room_after_a_reconnection() {
    let ask: Act = Box::new(|mut peer| {
        peer.log_in(&["lobby 0 0 0"]);
        let label = peer.expect("passwd");
        peer.send(&[&format!("@re={label} ? old password")]);
        // And the connection drops.
    });
    let again: Act = Box::new(|mut peer| {
        peer.log_in(&["lobby 0 0 0"]);
        peer.send(&["* now"]);
        peer.goodbye();
    });
    let (shown, _) = answers_late(vec![ask, again]);
    assert!(shown.last().is_some_and(|line| line.contains("was not sent")), "{shown:?}");
}

#[test]
fn a_server_that_asks_without_end_is_left() {
    let act: Act = Box::new(|mut peer| {
        peer.log_in(&["lobby 0 0 0"]);
        let label = peer.expect("passwd");
        pour(&mut peer, 64 << 20, |_| format!("@re={label} ? [sudo] password for root:\n"));
    });
    let ended = Home::new().meets(&self_signed(), vec![act, Box::new(refuse_login)], "/passwd\n");
    assert_eq!(ended.code, Some(4), "{}", ended.err);
    assert!(ended.out.contains("too much without answering"), "{}", ended.out);
}
