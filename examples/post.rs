//! Posts one message and leaves: from a build, a timer, a backup script.
//!
//! ```text
//! CHITCHAT_TOKEN=t… cargo run --example post -- chat.example.org SHA256:… ops backup-2026-11-22 "the backup is done"
//! ```
//!
//! The key (`backup-2026-11-22`) makes it safe to run again after a failure: a message is posted
//! only once under its key, and the second time the answer is just the first one's ID.

#![allow(clippy::print_stdout, reason = "a program prints its result")]

use chitchat::client::bot::Bot;
use chitchat::protocol::secrets::Secret;
use std::error::Error;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, fingerprint, room, key, text] = arguments.as_slice() else {
        return Err("usage: post SERVER SHA256:… ROOM KEY TEXT".into());
    };
    let id = run(server, fingerprint, &Secret::new(&std::env::var("CHITCHAT_TOKEN")?), &[room, key, text])?;
    println!("message {id}");
    Ok(())
}

pub(crate) fn run(server: &str, fingerprint: &str, token: &Secret, words: &[&str; 3]) -> Result<u64, Box<dyn Error>> {
    // A restart of the server takes a moment, and whoever started this may not try again.
    let mut bot = Bot::connect_within(&server.parse()?, Some(fingerprint.parse()?), token, PATIENCE)?;
    let [room, key, text] = words;
    let id = bot.post(room, key, text)?;
    bot.quit()?;
    Ok(id)
}
