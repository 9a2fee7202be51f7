//! Every verb in every state, with arguments that fit and with some that don't: each is answered once, with a code
//! of the page's.

use crate::support::client::untagged;
use crate::support::{Client, PASSWORD, Server};
use chitchat::protocol::code::Code;
use chitchat::protocol::command::{TABLE, Verb, Who};

/// What follows the verb.
const ARGUMENTS: [&str; 16] = [
    "",
    " ",
    " bob",
    " lobby",
    " ops",
    " nowhere",
    " @bob",
    " lobby bob",
    " lobby 1 hello",
    " @bob 1 hello",
    " lobby on",
    " list",
    " 99999999999999999999 for=7d limit=1",
    " limit=0 after=1 after=2",
    " a b c d e f g h i j",
    " = =x x= \"",
];

/// Sends a verb and answers what it asks. Returns its final line, without tags; `None` if the connection ended.
fn result(client: &mut Client, line: &str) -> Option<String> {
    client.send(&format!("/@x {}", &line[1..]));
    loop {
        let line = client.next_line()?;
        let body = untagged(&line).to_owned();
        let ours = line.starts_with("@re=x ") || line.contains(";re=x") || line.starts_with("@re=x;");
        if !ours {
            continue;
        }
        if body.starts_with("? ") {
            // Nothing is changed then.
            client.send("");
        } else if body.starts_with("+ ") || body.starts_with("- ") {
            return Some(body);
        }
    }
}

/// Each verb with each of the arguments. `enter` makes a connection in that state.
fn try_all(state: &str, enter: impl Fn() -> Client, check: impl Fn(&Verb, &str, &str)) {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let mut client = enter();
    let mut tried = 0;
    for verb in TABLE {
        for arguments in ARGUMENTS {
            let line = format!("/{}{arguments}", verb.name);
            let last = result(&mut client, &line);
            tried += 1;
            let Some(last) = last else { panic!("{state}: {line} was not answered") };
            let code = last.strip_prefix("- ").map(|refused| refused.split(':').next().unwrap_or_default());
            if let Some(code) = code {
                assert!(codes.contains(&code), "{state}: {line}: {last}");
                // `/help` says it of what it is asked about.
                let expected = verb.name == "help" && code == "unknown-verb";
                assert!(
                    expected || !["internal", "unknown-verb", "storage"].contains(&code),
                    "{state}: {line}: {last}"
                );
            }
            check(verb, &line, &last);
            if last.starts_with("+ welcome") {
                client = enter();
            }
            if verb.name == "quit" && code.is_none() {
                client.expect_end();
                client = enter();
            }
            // Nothing else was answered.
            client.send("/@y ping y");
            let next = client.read_until("@re=y + y").into_iter().find(|line| line.starts_with("@re=x"));
            assert_eq!(next, None, "{state}: {line} was answered twice");
        }
    }
    println!("{state}: {tried} lines");
}

fn tagged(mut client: Client) -> Client {
    client.ask("/set tags on");
    client
}

fn login(server: &Server, name: &str) -> Client {
    let mut client = server.connect();
    client.send(&format!("/login {name} {PASSWORD}"));
    client.read_until(&format!("+ welcome {name}…"));
    tagged(client)
}

/// A server with alice, bob, and a room `ops` of bob's.
fn world() -> Server {
    let settings = [
        "limits.new_rooms=off",
        "limits.joins=off",
        "limits.first_messages=off",
        "limits.invitations=off",
        "limits.repeats=off",
        "accounts.members_invite=2",
    ];
    let server = Server::with(&settings);
    let (mut alice, mut bob) = (server.connect(), server.connect());
    alice.register("alice");
    bob.register("bob");
    bob.ask("/create ops");
    server
}

fn ended_well(mut server: Server) {
    server.terminate();
    // It says whether a thread panicked.
    assert!(server.wait().0.success());
}

#[test]
fn before_the_login_only_what_is_for_then_works() {
    let server = world();
    try_all(
        "before the login",
        || tagged(server.connect()),
        |verb, line, last| {
            if !matches!(verb.who, Who::All | Who::New) {
                assert!(last.starts_with("- not-logged-in: "), "{line}: {last}");
            }
        },
    );
    ended_well(server);
}

#[test]
fn while_a_password_is_asked_for_every_verb_is_one() {
    let server = world();
    let mut client = tagged(server.connect());
    for verb in TABLE {
        client.send("/@p login alice");
        client.read_until("@re=p ? …");
        client.send(&format!("/@x {} lobby hello", verb.name));
        client.read_until("@re=p - bad-credentials: …");
    }
    ended_well(server);
}

#[test]
fn every_verb_is_answered_once_when_logged_in() {
    let server = world();
    try_all(
        "logged in",
        || login(&server, "alice"),
        |verb, line, last| {
            if verb.who == Who::New {
                assert!(
                    last.starts_with("- already-logged-in: ") || last.starts_with("- cancelled: "),
                    "{line}: {last}"
                );
            }
            if verb.who == Who::Admin {
                assert!(!last.starts_with("+ "), "{line}: {last}");
            }
        },
    );
    ended_well(server);
}

#[test]
fn every_verb_is_answered_once_by_someone_in_no_room() {
    let server = world();
    let enter = || {
        let mut client = login(&server, "alice");
        client.ask("/leave lobby");
        client.ask("/leave ops");
        client
    };
    try_all("in no room", enter, |_, _, _| {});
    ended_well(server);
}

#[test]
fn every_verb_is_answered_once_by_someone_who_is_muted_and_banned() {
    let server = world();
    let mut console = server.console();
    console.ask("/mute lobby alice for=1h");
    console.ask("/ban ops alice for=1h");
    try_all(
        "muted and banned",
        || login(&server, "alice"),
        |verb, line, last| {
            // In no state does she talk in the lobby or come into the other room.
            if ["say", "post", "act", "reply", "update"].contains(&verb.name) && line.contains(" lobby") {
                assert!(!last.starts_with("+ "), "{line}: {last}");
            }
            if verb.name == "join" && line.ends_with(" ops") {
                assert!(last.starts_with("- banned: "), "{line}: {last}");
            }
        },
    );
    ended_well(server);
}

#[test]
fn every_verb_is_answered_once_by_an_administrator_and_the_console() {
    let server = world();
    let mut console = server.console();
    console.ask("/grant alice admin");
    try_all("an administrator", || login(&server, "alice"), |_, _, _| {});
    try_all("the console", || tagged(server.console()), |_, _, _| {});
    ended_well(server);
}

/// The server stops in the middle: what was accepted is answered, the rest is not, and everybody is told.
#[test]
fn while_the_server_stops_every_verb_is_answered_or_not_begun() {
    let mut server = world();
    let mut clients: Vec<Client> =
        vec![login(&server, "alice"), tagged(server.connect()), login(&server, "bob"), tagged(server.console())];
    for client in &mut clients {
        for verb in TABLE.iter().filter(|verb| verb.name != "quit") {
            client.send_anyway(format!("/@x {} lobby hello\n\n", verb.name).as_bytes());
        }
    }
    server.terminate();
    for mut client in clients {
        let lines = client.read_to_end();
        let last = lines.last().map(|line| untagged(line).to_owned()).unwrap_or_default();
        let told = ["* shutting-down: ", "* not-logged-in: "].iter().any(|why| last.starts_with(why));
        assert!(told, "it ended with {last:?}");
    }
    assert!(server.wait().0.success());
}
