//! The library's `Bot`, the programs in `examples/` that use it, and the bots of the pages, against the real server.

use crate::page::{fenced, text_of};
use crate::support::{DEADLINE, Relay, Script, Server};
use chitchat::client::bot::{Bot, BotError, Event, Message, Start};
use chitchat::protocol::secrets::Secret;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

#[path = "../../examples/bot.rs"]
#[expect(dead_code, reason = "only the example's own process starts at its main")]
mod bot;
#[path = "../../examples/post.rs"]
#[expect(dead_code, reason = "only the example's own process starts at its main")]
mod post;

/// alice comes back after a restart.
const RETURNS: &str = "alice connects
    alice > /login alice correct horse battery
    alice <~ + welcome…
    alice > /switch ops
    alice <~ + ops…";

/// Creates a room for alice and an account for bot. Returns its device token, with which a bot starts.
fn prepare(script: &mut Script<'_>) -> Secret {
    script.play("alice is in\nbot is in\nbot > /token new test\nbot < + {token} is shown only this once…\nbot drops");
    script.play("alice > /join ops\nalice < + ops…");
    Secret::new(script.word("token"))
}

fn connect(server: &Server, token: &Secret) -> Bot {
    connect_at(server.tls(), &server.fingerprint(), token)
}

fn connect_at(address: SocketAddr, fingerprint: &str, token: &Secret) -> Bot {
    let address = address.to_string();
    Bot::connect(&address.parse().unwrap(), Some(fingerprint.parse().unwrap()), token).unwrap()
}

#[test]
fn the_example_bot_answers_each_ping_once_over_restarts_of_both() {
    let mut server = Server::start();
    let mut script = Script::new(&server);
    let token = prepare(&mut script);
    let relay = Relay::to(server.tls());
    let (address, fingerprint) = (relay.address.to_string(), server.fingerprint());
    script.play("alice > ping");
    let start = |token: Secret| {
        let (address, fingerprint) = (address.clone(), fingerprint.clone());
        thread::spawn(move || bot::run(&address, &fingerprint, "ops", &token).map_err(|error| error.to_string()))
    };
    let bot = start(token.clone());
    // What was said before the bot joined is not for it.
    script.play("alice <~ [ops] * bot joined\nalice > ping\nalice <~ [ops] bot: pong, alice");
    drop(script);
    server.kill();
    server.restart();
    relay.point_at(server.tls());
    let mut script = Script::new(&server);
    script.play(RETURNS);
    script.play("alice > ping\nalice <~ [ops] bot: pong, alice");
    // A second run of the bot begins where the first has read to.
    let second = start(token);
    script.play("alice > ping\nalice <~ [ops] bot: pong, alice\nalice > /search pong in=ops");
    script.play("alice <~ + 3 messages");
    assert!(!bot.is_finished() && !second.is_finished());
}

#[test]
fn the_example_post_posts_once_under_its_key() {
    let server = Server::start();
    let mut script = Script::new(&server);
    let token = prepare(&mut script);
    let address = server.tls().to_string();
    let post = |text| post::run(&address, &server.fingerprint(), &token, &["ops", "backup-1", text]);
    let id = post("the backup is done").unwrap();
    assert_eq!(post("the backup is done").unwrap(), id);
    assert!(post("another text").unwrap_err().to_string().ends_with("(conflict)"));
    script.play("alice <~ [ops] bot: the backup is done\nalice hears nothing");
}

#[test]
fn a_bot_is_told_what_it_follows_and_keeps_what_came_before_an_answer() {
    let server = Server::start();
    let mut script = Script::new(&server);
    let token = prepare(&mut script);
    let mut bot = connect(&server, &token);
    assert_eq!(bot.name().to_string(), "bot");
    bot.follow("ops", Start::Now).unwrap();
    script.play(
        "alice <~ [ops] * bot joined\nalice > /say lobby zero\nalice < + …\nalice > one\nalice > /ping\nalice < + …",
    );
    let answer = bot.ask("/history ops").unwrap();
    assert!(answer.rows.iter().any(|row| row.ends_with(" alice: one")), "{answer:?}");
    let id = message(&mut bot, "one").id;
    assert!(bot.ask("/join no such").unwrap_err().to_string().contains("bad-argument"));
    assert_eq!(bot.say("ops", "two").unwrap(), id + 1);
    script.play("alice <~ [ops] bot: two\nalice > three");
    // Its own are not told.
    message(&mut bot, "three");
    bot.quit().unwrap();
}

/// The next message, which must be this.
fn message(bot: &mut Bot, text: &str) -> Message {
    loop {
        if let Event::Message(message) = bot.next_event_within(DEADLINE).unwrap().expect("a message") {
            assert_eq!(message.text, text);
            return message;
        }
    }
}

#[test]
fn over_a_crash_a_bot_misses_nothing_and_is_told_nothing_twice() {
    let mut server = Server::start();
    let mut script = Script::new(&server);
    let token = prepare(&mut script);
    let relay = Relay::to(server.tls());
    let mut bot = connect_at(relay.address, &server.fingerprint(), &token);
    bot.follow("ops", Start::Now).unwrap();
    script.play("alice <~ [ops] * bot joined\nalice > one\nalice > two\nalice > /edit ops 1 One\nalice < + change=1");
    message(&mut bot, "one");
    drop(script);
    server.kill();
    server.restart();
    relay.point_at(server.tls());
    let mut script = Script::new(&server);
    script.play(RETURNS);
    script.play(
        "alice > three\nalice > /edit ops 2 Two\nalice <~ + change=2\nalice > four\nalice > /ping\nalice <~ + pong",
    );
    let mut told = Vec::new();
    while told.len() < 5 {
        match bot.next_event_within(DEADLINE).unwrap().expect("the rest") {
            Event::Message(message) => told.push(message.text),
            Event::Change(change) => told.push(format!("{} {} {}", change.what, change.id, change.text)),
            Event::Reconnected { same_history } => assert!(same_history),
            _ => {}
        }
    }
    told.sort();
    // A text that is fetched is what the message says by then.
    let two = told.iter().position(|text| text.eq_ignore_ascii_case("two"));
    told.remove(two.expect("the second message"));
    assert_eq!(told, ["edit 1 One", "edit 2 Two", "four", "three"]);
}

#[test]
fn a_bot_sends_no_second_line_and_asks_no_question() {
    let server = Server::start();
    let mut script = Script::new(&server);
    let token = prepare(&mut script);
    let mut bot = connect(&server, &token);
    for command in ["", "hello", "//hello", "/say ops a\n/quit", "/say ops a\r", "/@label say ops a"] {
        assert!(matches!(bot.ask(command), Err(BotError::NotACommand)), "{command:?}");
    }
    for (key, text) in [("k", "a\n/quit"), ("two words", "a"), ("", "a")] {
        assert!(matches!(bot.post("ops", key, text), Err(BotError::NotOneLine)), "{key:?} {text:?}");
    }
    assert!(matches!(bot.ask("/passwd"), Err(BotError::Prompted)));
    bot.ask("/whoami").unwrap();
    script.play("alice hears nothing");
}

#[test]
fn a_bot_refuses_another_servers_certificate() {
    let server = Server::start();
    let token = prepare(&mut Script::new(&server));
    let other = format!("SHA256:{}", "0".repeat(64));
    let address = server.tls().to_string().parse().unwrap();
    let refused = Bot::connect(&address, Some(other.parse().unwrap()), &token);
    assert!(matches!(refused, Err(BotError::Connect(_))));
    let unvouched = Bot::connect(&address, None, &token);
    assert!(matches!(unvouched, Err(BotError::Connect(_))));
}

/// A program of a page, ended with the test.
struct Python {
    child: Child,
    _file: tempfile::NamedTempFile,
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a program of a page as the bot of the room ops, with this environment.
fn start_python(program: &str, arguments: &[String], environment: &[(&str, &str)]) -> Python {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all(program.as_bytes()).unwrap();
    let mut command = Command::new("python3");
    command.arg(file.path()).args(arguments).envs(environment.iter().copied()).stdin(Stdio::null());
    Python { child: command.spawn().expect("python3 can be started"), _file: file }
}

/// A bot that is started by this, stopped, and over a crash of the server, answers each ping once.
fn misses_nothing(start: impl Fn(&Relay, &str, &str) -> Python) {
    let mut server = Server::start();
    let relay = Relay::to(server.tls());
    let fingerprint = server.fingerprint();
    let mut script = Script::new(&server);
    script.play("alice is in\nbot is in\nbot > /token new test\nbot < + {token} is shown only this once…");
    script.play("alice > /join ops\nalice < + ops…\nbot > /join ops\nbot < + ops…\nbot drops");
    let token = script.word("token").to_owned();
    script.play("alice > ping\nalice > pong");
    let bot = start(&relay, &fingerprint, &token);
    script.play("alice <~ [ops] bot: pong, alice\nalice > ping\nalice <~ [ops] bot: pong, alice");
    drop(script);
    server.kill();
    server.restart();
    relay.point_at(server.tls());
    let mut script = Script::new(&server);
    script.play(RETURNS).play("alice > ping\nalice <~ [ops] bot: pong, alice");
    drop(bot);
    script.play("alice > ping\nalice > /say ops still there?\nalice <~ + …");
    let _bot = start(&relay, &fingerprint, &token);
    script.play("alice <~ [ops] bot: pong, alice\nalice > ping\nalice <~ [ops] bot: pong, alice");
    script.play("alice > /search pong from=bot\nalice <~ + 5 messages");
}

#[test]
#[ignore = "needs python3"]
fn the_complete_bot_in_the_page_misses_nothing() {
    let page = text_of("docs/PROTOCOL.md");
    misses_nothing(|relay, fingerprint, token| {
        let address = [relay.address.ip().to_string(), relay.address.port().to_string()];
        let arguments = [&address[..], &[fingerprint.to_owned(), "#Ops".to_owned()]].concat();
        start_python(fenced(&page, "python complete-bot"), &arguments, &[("CHITCHAT_TOKEN", token)])
    });
}

#[test]
#[ignore = "needs python3"]
fn the_bot_on_a_pipe_misses_nothing() {
    let page = text_of("docs/SCRIPTS.md");
    let programs = Path::new(env!("CARGO_BIN_EXE_chitchat")).parent().unwrap().to_owned();
    let search = std::env::join_paths([programs, "/usr/bin".into(), "/bin".into()]).unwrap();
    let search = search.into_string().unwrap();
    misses_nothing(|relay, fingerprint, token| {
        let server = relay.address.to_string();
        let environment = [
            ("PATH", search.as_str()),
            ("CHITCHAT_SERVER", &server),
            ("CHITCHAT_FINGERPRINT", fingerprint),
            ("CHITCHAT_TOKEN", token),
        ];
        start_python(fenced(&page, "python pipe-bot"), &["ops".to_owned()], &environment)
    });
}
