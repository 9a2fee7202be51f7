//! `rooms` and `who`: lists on standard output.

use super::output::{Out, json};
use crate::client::ClientError;
use crate::client::args::WhoArgs;
use crate::client::bot::Bot;
use crate::client::screen::clean;
use serde::Serialize;

/// Rows in one answer.
const PAGE: u32 = 1000;

/// A row of `/rooms`: `ROOM MEMBERS -[ TOPIC]`.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Room<'a> {
    room: &'a str,
    members: u64,
    topic: &'a str,
}

impl<'a> Room<'a> {
    fn parse(row: &'a str) -> Option<Self> {
        let (room, rest) = row.split_once(' ')?;
        let (members, rest) = rest.split_once(' ')?;
        let topic = rest.strip_prefix('-')?;
        Some(Self { room, members: members.parse().ok()?, topic: topic.strip_prefix(' ').unwrap_or(topic) })
    }
}

/// A row of `/who`: `NAME here`, then words about the member, then ` - ` and why they are away.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Member<'a> {
    name: &'a str,
    here: bool,
    role: &'a str,
    muted: bool,
    away: &'a str,
}

impl<'a> Member<'a> {
    fn parse(row: &'a str) -> Option<Self> {
        let (row, away) = row.split_once(" - ").unwrap_or((row, ""));
        let mut words = row.split(' ');
        let (name, here) = (words.next()?, words.next()? == "here");
        let rest: Vec<&str> = words.collect();
        let role = ["owner", "moderator"].into_iter().find(|role| rest.contains(role)).unwrap_or("member");
        Some(Self { name, here, role, muted: rest.contains(&"muted"), away })
    }
}

/// Prints the rooms that one can see: name, members, topic.
pub(super) fn rooms(mut bot: Bot, as_json: bool) -> Result<(), ClientError> {
    let mut out = Out::new();
    for row in all(&mut bot, "/rooms")? {
        let Some(room) = Room::parse(&row) else { continue };
        let line = if as_json { json(&room) } else { format!("{}\t{}\t{}", room.room, room.members, room.topic) };
        out.line(&clean_fields(&line))?;
    }
    out.flush()
}

/// Prints the members of a room: name, here or away, role, muted or not, why they are away.
pub(super) fn who(mut bot: Bot, args: &WhoArgs) -> Result<(), ClientError> {
    let mut out = Out::new();
    for row in all(&mut bot, &format!("/who {}", args.room))? {
        let Some(member) = Member::parse(&row) else { continue };
        let Member { name, here, role, muted, away } = &member;
        let here = if *here { "here" } else { "away" };
        let muted = if *muted { "muted" } else { "-" };
        let line = if args.json { json(&member) } else { format!("{name}\t{here}\t{role}\t{muted}\t{away}") };
        out.line(&clean_fields(&line))?;
    }
    out.flush()
}

/// All rows of a list that is paged by name.
fn all(bot: &mut Bot, command: &str) -> Result<Vec<String>, ClientError> {
    let mut rows: Vec<String> = Vec::new();
    loop {
        let after = rows.last().and_then(|row| row.split(' ').next()).map(|name| format!(" after={name}"));
        let answer = bot.ask_again(&format!("{command}{} limit={PAGE}", after.unwrap_or_default()))?;
        let (more, before) = (answer.has_more(), rows.len());
        rows.extend(answer.rows);
        if !more || rows.len() == before {
            return Ok(rows);
        }
    }
}

/// What no good server sends is replaced; the TABs between fields stay.
fn clean_fields(line: &str) -> String {
    clean(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_the_page_says() {
        assert_eq!(
            Room::parse("ops 2 - the big pumps"),
            Some(Room { room: "ops", members: 2, topic: "the big pumps" })
        );
        assert_eq!(Room::parse("lobby 12 -"), Some(Room { room: "lobby", members: 12, topic: "" }));
        let alice = Member { name: "alice", here: true, role: "owner", muted: true, away: "on a - train" };
        assert_eq!(Member::parse("alice here owner muted - on a - train"), Some(alice));
        let bob = Member { name: "bob", here: false, role: "member", muted: false, away: "" };
        assert_eq!(Member::parse("bob away"), Some(bob));
    }
}
