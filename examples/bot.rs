//! A bot: it says `pong` whenever somebody in its room says `ping`.
//!
//! Give it its own account, log in to that once, and create a token: `/token new bot`.
//! The server prints its fingerprint when it starts. Then:
//!
//! ```text
//! CHITCHAT_TOKEN=t… cargo run --example bot -- chat.example.org SHA256:… lobby
//! ```

use chitchat::client::bot::Bot;
use chitchat::protocol::line::{Body, Line};
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
    bot.ask(&format!("/join {room}"))?;
    loop {
        let received = bot.next_line()?;
        // A line that this version does not know is ignored: that is how the protocol grows.
        let Ok(line) = Line::parse(&received) else { continue };
        if let (Body::RoomMessage { room, author, text: "ping", .. }, Some(id)) = (line.body, line.tags.id) {
            // A key is posted once, ever: however often the bot is restarted, no ping is answered twice.
            bot.send(&format!("/post {room} pong-{id} pong, {author}"))?;
        }
    }
}
