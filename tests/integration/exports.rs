//! Exports as an operator makes them, beside a running server: of a room, of two people, of one person.

use crate::backup::{chitchatd, done, fails, text};
use crate::support::{Client, Server};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// Alice and Bob, who have said and done one of each.
fn two_people() -> (Server, Client, Client) {
    let server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    let mut bob = server.connect();
    bob.register("Bob");
    bob.ask("/set presence off");
    for line in [
        "/create ops private",
        "/invite ops bob",
        "/topic ops the \"pumps\"",
        "/token new laptop",
        "/profile text I run the pumps",
    ] {
        assert!(alice.ask(line).last().unwrap().starts_with('+'), "{line}");
    }
    bob.ask("/join ops");
    alice.ask("/say ops hello @bob and @room");
    bob.ask("/reply ops 1 hello \\ you");
    bob.ask("/act ops waves");
    alice.ask("/say ops a slip");
    alice.ask("/edit ops 4 mended");
    alice.ask("/say ops a secret");
    alice.ask("/redact ops 5 too much");
    alice.ask("/react ops 2 +1");
    bob.ask("/react ops 2 +1");
    alice.ask("/pin ops 1");
    bob.ask("/ignore alice");
    bob.ask("/msg alice psst");
    alice.ask("/say lobby elsewhere");
    (server, alice, bob)
}

/// What an export has on standard output, but for the times.
fn exported(server: &Server, words: &[&str]) -> String {
    let data = server.data();
    let output = chitchatd(&[&["--data", text(&data), "export"], words].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{words:?}: {said}");
    let out = String::from_utf8(output.stdout).unwrap();
    let is_time = |word: &str| word.trim_end_matches([',', '"', '}']).ends_with('Z') && word.contains('T');
    let lines = out.lines().map(|line| {
        let mut line = line.to_owned();
        while let Some(at) = line.find("20").filter(|&at| line.get(at..at + 24).is_some_and(is_time)) {
            line.replace_range(at..at + 24, "TIME");
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_room_is_exported_for_people_and_for_programs_as_it_is_now() {
    let (server, _alice, _bob) = two_people();
    let room = "\
# exported TIME
# private room ops: the \"pumps\"
# owner alice
# member Bob
1 TIME alice (pinned): hello @bob and @room
2 TIME Bob (re 1 alice, 2 +1): hello \\ you
3 TIME Bob (me): waves
4 TIME alice (edited): mended
5 TIME alice (removed): too much";
    assert_eq!(exported(&server, &["ops"]), room);
    assert_eq!(exported(&server, &["#Ops"]), room);
    let json = r#"{"type":"export","version":1,"of":"room","at":"TIME"}
{"type":"room","name":"ops","private":true,"topic":"the \"pumps\""}
{"type":"member","name":"alice","role":"owner"}
{"type":"member","name":"Bob","role":"member"}
{"type":"message","id":1,"at":"TIME","author":"alice","mentions":["Bob","@room"],"pinned":true,"text":"hello @bob and @room"}
{"type":"message","id":2,"at":"TIME","author":"Bob","re":{"id":1,"author":"alice"},"reactions":[{"word":"+1","by":["alice","Bob"]}],"text":"hello \\ you"}
{"type":"message","id":3,"at":"TIME","author":"Bob","me":true,"text":"waves"}
{"type":"message","id":4,"at":"TIME","author":"alice","edited":true,"text":"mended"}
{"type":"message","id":5,"at":"TIME","author":"alice","removed":true,"text":"too much"}"#;
    assert_eq!(exported(&server, &["ops", "--json"]), json);
    let direct = "{\"type\":\"direct\",\"names\":[\"alice\",\"Bob\"]}";
    let both = exported(&server, &["@bob", "@alice", "--json"]);
    assert_eq!(both.lines().nth(1), Some(direct));
    assert!(both.ends_with(r#""author":"Bob","text":"psst"}"#), "{both}");
}

#[test]
fn an_account_is_exported_with_all_that_it_said_and_without_a_secret() {
    let (mut server, _alice, _bob) = two_people();
    // It does not matter whether the server runs.
    server.kill();
    let alice = exported(&server, &["--account", "Alice", "--json"]);
    for line in [
        r#"{"type":"export","version":1,"of":"account","at":"TIME"}"#,
        r#"{"type":"account","name":"alice","made":"TIME","admin":false,"profile":"I run the pumps"}"#,
        r#"{"type":"device","label":"laptop","made":"TIME"}"#,
        r#"{"type":"address","address":"127.0.0.1"}"#,
        r#"{"type":"membership","room":"ops","role":"owner","read":0}"#,
        r#"{"type":"reaction","in":"ops","id":2,"word":"+1"}"#,
        r#"{"type":"message","in":"ops","id":5,"at":"TIME","author":"alice","removed":true,"text":"too much"}"#,
        r#"{"type":"message","in":"lobby","id":1,"at":"TIME","author":"alice","text":"elsewhere"}"#,
    ] {
        assert!(alice.lines().any(|found| found == line), "{line} is not in\n{alice}");
    }
    for not in ["$2", "digest", "hash", "psst", "waves", "a secret", "a slip"] {
        assert!(!alice.contains(not), "{not} is in\n{alice}");
    }
    let bob = exported(&server, &["--account", "bob"]);
    assert!(bob.contains("# ignores alice since TIME") && bob.contains("\n@alice 1 TIME Bob: psst"), "{bob}");
}

#[test]
fn an_export_is_a_new_file_of_the_operators_own_or_none() {
    let (server, _alice, _bob) = two_people();
    let (data, dir) = (server.data(), tempfile::tempdir().unwrap());
    let file = dir.path().join("ops.jsonl");
    let export = |words: &[&str]| [&["--data", text(&data), "export"], words].concat().join(" ");
    let to_file = export(&["ops", "--json", "-o", text(&file)]);
    let to_file: Vec<&str> = to_file.split(' ').collect();
    assert_eq!(done(&to_file), format!("{}: 5 messages\n", file.display()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fails(&to_file, &[text(&file), "exists"]);
    for (words, expected) in [
        (&["nowhere"][..], "there is no room nowhere in"),
        (&["@alice", "@carol"], "there is no conversation of alice and carol in"),
        (&["--account", "carol"], "there is no account carol in"),
    ] {
        fails(&[&["--data", text(&data), "export"], words].concat(), &[expected]);
    }
    fails(&["--data", text(dir.path()), "export", "ops"], &["there is no", "chitchat.db", "--data"]);
    for words in [&["@alice"][..], &["ops", "@alice"], &[], &["ops", "--account", "alice"], &["a b"]] {
        assert_eq!(chitchatd(&[&["export"], words].concat()).status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn a_room_is_imported_into_a_server_that_is_stopped_and_those_who_were_in_it_read_on() {
    let (mut server, _alice, _bob) = two_people();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ops.jsonl");
    let (data, file) = (server.data(), text(&file).to_owned());
    done(&["--data", text(&data), "export", "ops", "--json", "-o", &file]);
    let import = ["--data", text(&data), "import", &file];
    fails(&import, &["another chitchatd is running"]);
    server.kill();
    fails(&import, &["there is a room ops already", "--as"]);
    // Where no server ever ran, everybody's name would be lost.
    let none = text(dir.path());
    fails(
        &["--data", none, "import", &file],
        &[&format!("no {none}/chitchat.db"), "--data", "let people register first"],
    );
    let output = chitchatd(&[&import[..], &["--as", "pumps"]].concat());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "imported 5 messages into pumps, which has 2 members\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Another server has an account bob and none of alice.
    let mut other = Server::start();
    other.connect().register("bob");
    other.kill();
    let there = other.data();
    let output = chitchatd(&["--data", text(&there), "import", &file]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "imported 5 messages into ops, which has 1 member; 1 name had no account here\n"
    );
    other.restart();
    let mut bob = other.connect();
    bob.send(&format!("/login bob {}", crate::support::PASSWORD));
    bob.read_until("+ welcome bob…");
    assert_eq!(bob.ask("/history ops").len(), 6);
    assert!(bob.ask("/history ops")[1].ends_with(" bob (re 1 alice, 2 +1): hello \\ you"));
    assert_eq!(bob.ask("/search mended").len(), 2);
    assert_eq!(bob.ask("/search secret"), ["+ 0 messages"]);
    let conversations = bob.ask("/conversations");
    assert!(conversations.iter().any(|row| row.starts_with("| ops 5 5 0 0 ")), "{conversations:?}");
    assert_eq!(bob.ask("/changes ops limit=2").last().unwrap(), "+ 2 changes, more");
    assert_eq!(bob.ask("/say ops on we go")[0], "+ 6");
    // Nobody can be the alice of before.
    assert!(
        other.connect().ask(&format!("/register alice {}", crate::support::PASSWORD))[0].starts_with("- name-taken")
    );
}
