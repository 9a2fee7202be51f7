//! A bot: it says `pong` whenever somebody in its room says `ping`. It comes back after a lost connection, and however
//! often it is restarted, it misses no ping and answers none twice.
//!
//! Give it its own account, log in to that once, and create a token: `/token new bot`.
//! The server prints its fingerprint when it starts. Then:
//!
//! ```text
//! CHITCHAT_TOKEN=t… cargo run --example bot -- chat.example.org SHA256:… lobby
//! ```

use chitchat::client::bot::{Bot, Event, Start};
use chitchat::protocol::secrets::Secret;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, fingerprint, room] = arguments.as_slice() else {
        return Err("usage: bot SERVER SHA256:… ROOM".into());
    };
    run(server, fingerprint, room, &Secret::new(&std::env::var("CHITCHAT_TOKEN")?))
}

pub(crate) fn run(server: &str, fingerprint: &str, room: &str, token: &Secret) -> Result<(), Box<dyn Error>> {
    let mut bot = Bot::connect(&server.parse()?, Some(fingerprint.parse()?), token)?;
    bot.follow(room, Start::Unread)?;
    loop {
        let Event::Message(said) = bot.next_event()? else { continue };
        if said.text == "ping" {
            // A key is posted once, ever: whatever happens between the two lines, no ping is answered twice.
            bot.post(room, &format!("pong-{}", said.id), &format!("pong, {}", said.author))?;
        }
        bot.mark_read(room, said.id)?;
    }
}
