//! The library's `Bot`, and the programs in `examples/` that use it, against the real server.

use crate::support::{Script, Server};
use chitchat::client::bot::{Bot, BotError};
use chitchat::protocol::secrets::Secret;
use std::thread;

#[path = "../../examples/bot.rs"]
#[expect(dead_code, reason = "only the example's own process starts at its main")]
mod bot;
#[path = "../../examples/post.rs"]
#[expect(dead_code, reason = "only the example's own process starts at its main")]
mod post;

/// Creates a room for alice and an account for bot. Returns its device token, with which a bot starts.
fn prepare(script: &mut Script<'_>) -> Secret {
    script.play("alice is in\nbot is in\nbot > /token new test\nbot < + {token} is shown only this once…\nbot drops");
    script.play("alice > /join ops\nalice < + ops…");
    Secret::new(script.word("token"))
}

fn connect(server: &Server, token: &Secret) -> Bot {
    let (address, fingerprint) = (server.tls().to_string(), server.fingerprint());
    Bot::connect(&address.parse().unwrap(), Some(fingerprint.parse().unwrap()), token).unwrap()
}

#[test]
fn the_example_bot_answers_each_ping() {
    let server = Server::start();
    let mut script = Script::new(&server);
    let token = prepare(&mut script);
    let (address, fingerprint) = (server.tls().to_string(), server.fingerprint());
    let bot = thread::spawn(move || bot::run(&address, &fingerprint, "ops", &token).map_err(|error| error.to_string()));
    script.play("alice <~ [ops] * bot joined\nalice > ping\nalice < [ops] bot: pong, alice");
    script.play("alice > ping\nalice < [ops] bot: pong, alice");
    drop(script);
    drop(server);
    assert!(bot.join().unwrap().is_err(), "a bot ends when its server does");
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
fn a_bot_gets_its_answers_and_keeps_what_came_before_them() {
    let server = Server::start();
    let mut script = Script::new(&server);
    let token = prepare(&mut script);
    let mut bot = connect(&server, &token);
    assert_eq!(bot.name().to_string(), "bot");
    bot.ask("/join ops").unwrap();
    script.play("alice <~ [ops] * bot joined\nalice > one\nalice > /ping\nalice < + …");
    let answer = bot.ask("/history ops").unwrap();
    assert!(answer.rows.iter().any(|row| row.ends_with(" alice: one")), "{answer:?}");
    let mut received = bot.next_line().unwrap();
    while !received.ends_with("[ops] alice: one") {
        received = bot.next_line().unwrap();
    }
    assert!(matches!(bot.ask("/join no such"), Err(BotError::Refused { .. })));
    bot.send("/say ops two").unwrap();
    script.play("alice < [ops] bot: two");
    bot.quit().unwrap();
}

#[test]
fn a_bot_sends_no_second_line_and_asks_no_question() {
    let server = Server::start();
    let mut script = Script::new(&server);
    let token = prepare(&mut script);
    let mut bot = connect(&server, &token);
    for command in ["", "hello", "//hello", "/say ops a\n/quit", "/say ops a\r", "/@label say ops a"] {
        assert!(matches!(bot.send(command), Err(BotError::NotACommand)), "{command:?}");
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
