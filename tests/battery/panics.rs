//! Panics: one in a connection's turn, a read or a password check costs one connection or one command; one in
//! the dispatcher ends the process, and everything that was acknowledged is on disk.

use crate::support::{Client, Server};
use std::collections::BTreeMap;

/// A server that panics when it comes to this point for the given time. Its one worker serves everybody.
fn panicking(at: &str) -> Server {
    let mut server = Server::not_started(&["workers=1"]);
    server.set_variable("CHITCHAT_PANIC_AT", at);
    server.restart();
    server
}

/// Posts until the server is gone; returns the ids that were acknowledged, with the texts.
fn post(client: &mut Client, from: usize) -> BTreeMap<u64, String> {
    let mut acknowledged = BTreeMap::new();
    for n in from..from + 1000 {
        let text = format!("text {n}");
        client.send_anyway(format!("/post lobby key{n} {text}\n").as_bytes());
        loop {
            let Some(line) = client.line_or_end() else { return acknowledged };
            if let Some(id) = line.strip_prefix("+ ") {
                acknowledged.insert(id.split(' ').next().unwrap().parse().unwrap(), text);
                break;
            }
        }
    }
    panic!("the server never panicked")
}

/// What a room has, by id.
fn history(client: &mut Client) -> BTreeMap<u64, String> {
    let rows = client.ask("/history lobby after=0 limit=1000");
    let messages = rows.iter().filter_map(|row| {
        let (id, rest) = row.strip_prefix("| lobby ")?.split_once(' ')?;
        Some((id.parse().ok()?, rest.split_once(": ")?.1.to_owned()))
    });
    messages.collect()
}

#[test]
fn a_panic_in_a_connections_turn_costs_that_connection_alone() {
    let mut server = panicking("line-cut:40");
    let mut bystander = server.connect_tls();
    bystander.register("bystander");
    let mut victim = server.connect();
    victim.register("victim");
    let said = post(&mut victim, 0);
    assert!(said.len() > 20, "{said:?}");
    // The same worker serves the others, and the victim when it comes back.
    assert!(bystander.ask("/ping").last().unwrap().contains("pong"));
    assert_eq!(history(&mut bystander), said);
    let mut again = server.connect();
    again.send("/login victim correct horse battery");
    again.read_until("+ welcome victim…");
    assert!(again.ask("/whoami").last().unwrap().starts_with("+ victim"));
    server.terminate();
    let (ended, log) = server.wait_after_panic();
    assert!(ended.success(), "{log}");
    assert_eq!(log.matches("panicked at").count(), 1, "{log}");
    assert!(log.contains("made a handler panic and was dropped"), "{log}");
}

#[test]
fn a_panic_in_a_read_refuses_that_read_alone() {
    let mut server = panicking("read-job:6");
    let mut bystander = server.connect();
    bystander.register("bystander");
    let mut victim = server.connect();
    victim.register("victim");
    let answers: Vec<String> = (0..10).map(|_| victim.ask("/history lobby").pop().unwrap()).collect();
    let refused = answers.iter().filter(|answer| answer.starts_with("- internal: ")).count();
    assert_eq!((refused, answers[9].starts_with("+ ")), (1, true), "{answers:?}");
    assert!(bystander.ask("/history lobby").pop().unwrap().starts_with("+ "));
    server.terminate();
    let (ended, log) = server.wait_after_panic();
    assert!(ended.success() && log.contains("a read panicked; it was refused"), "{log}");
}

#[test]
fn a_panic_in_a_password_check_refuses_that_login_alone() {
    let mut server = panicking("auth-job:3");
    for name in ["bystander", "victim"] {
        server.connect().register(name);
    }
    let mut victim = server.connect();
    victim.send("/login victim correct horse battery");
    victim.expect("- internal: …");
    victim.send("/login victim correct horse battery");
    victim.read_until("+ welcome victim…");
    server.terminate();
    let (ended, log) = server.wait_after_panic();
    assert!(ended.success() && log.contains("checking a password panicked"), "{log}");
}

#[test]
fn a_panic_in_the_dispatcher_ends_the_process_and_loses_nothing_acknowledged() {
    for at in ["before-insert:30", "after-insert:30", "before-commit:30", "after-commit:30"] {
        let mut server = panicking(at);
        let mut writer = server.connect();
        writer.register("writer");
        let said = post(&mut writer, 0);
        assert!(said.len() > 15, "{at}: {said:?}");
        let (ended, log) = server.wait_after_panic();
        assert!(!ended.success() && log.contains("panicked"), "{at}: {log}");
        server.clear_variable("CHITCHAT_PANIC_AT");
        server.restart();
        let mut reader = server.connect();
        reader.send("/login writer correct horse battery");
        reader.read_until("+ welcome writer…");
        let kept = history(&mut reader);
        assert!(said.iter().all(|(id, text)| kept.get(id) == Some(text)), "{at}: said {said:?}, kept {kept:?}");
        assert!(kept.len() <= said.len() + 1, "{at}: {} kept, {} acknowledged", kept.len(), said.len());
        // It goes on where it was.
        let next = reader.ask("/post lobby after text").pop().unwrap();
        assert_eq!(next.split(' ').nth(1).unwrap().parse::<u64>().unwrap(), kept.keys().max().unwrap() + 1);
    }
}
